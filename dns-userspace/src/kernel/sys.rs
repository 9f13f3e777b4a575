//! The two bpf(2) commands that aya keeps to itself.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

const BPF_OBJ_GET: libc::c_long = 7;
const BPF_LINK_DETACH: libc::c_long = 34;

/// `union bpf_attr` as far as these commands read it.
#[repr(C)]
#[derive(Default)]
struct ObjectAttr {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
}

#[repr(C)]
struct LinkDetachAttr {
    link_fd: u32,
}

/// Opens the object pinned at `path`.
pub(super) fn object_get(path: &Path) -> io::Result<OwnedFd> {
    let pathname = CString::new(path.as_os_str().as_bytes())?;
    let attr = ObjectAttr {
        pathname: pathname.as_ptr().addr() as u64,
        ..ObjectAttr::default()
    };
    // SAFETY: `attr` has the layout of the command's part of the union, and its
    // size is given; the path is a C string that outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_OBJ_GET,
            &raw const attr,
            size_of_val(&attr),
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Detaches a link from its hook, whoever else holds it (Linux 5.9).
pub(super) fn link_detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let attr = LinkDetachAttr {
        link_fd: link.as_raw_fd().cast_unsigned(),
    };
    // SAFETY: as above; the command reads one descriptor.
    let failed = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_LINK_DETACH,
            &raw const attr,
            size_of_val(&attr),
        )
    };
    if failed < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
