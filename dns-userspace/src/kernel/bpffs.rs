//! The BPF file system that pins live on.

use std::{
    ffi::CString,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::KernelError;

/// Where every distribution mounts it.
pub const STANDARD: &str = "/sys/fs/bpf";

/// Makes the directory `pin_path` on a BPF file system, mounting the standard
/// one if it is missing. A daemon that may not look at that one finds its own directory of
/// it mounted there.
pub(super) fn prepare(pin_path: &Path) -> Result<(), KernelError> {
    if !would_hold(pin_path) {
        if !pin_path.starts_with(STANDARD) || is_bpffs(Path::new(STANDARD)) {
            return Err(KernelError::NotBpffs(pin_path.to_owned()));
        }
        mount(Path::new(STANDARD))?;
    }
    fs::create_dir_all(pin_path).map_err(KernelError::call("mkdir", pin_path.display()))
}

/// Takes the directory `pin_path` away again, unless something is pinned there.
pub(super) fn abandon(pin_path: &Path) {
    // One that is not empty refuses, as it should.
    let _ = fs::remove_dir(pin_path);
}

/// Removes a directory of pins, if it is there.
pub(super) fn remove(directory: &Path) -> Result<(), KernelError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(KernelError::call("readdir", directory.display())(error)),
    };
    let pins: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    for pin in pins {
        unlink(&pin)?;
    }
    gone(fs::remove_dir(directory)).map_err(KernelError::call("rmdir", directory.display()))
}

/// Removes a pin.
pub(super) fn unlink(pin: &Path) -> Result<(), KernelError> {
    gone(fs::remove_file(pin)).map_err(KernelError::call("unlink", pin.display()))
}

/// What is not there any more has been removed: several may detach at once, as a slow daemon
/// and an operator who does not wait for it.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Whether `pin_path` is on a BPF file system, or would be if it were made.
pub(super) fn would_hold(pin_path: &Path) -> bool {
    let existing = pin_path.ancestors().find(|path| path.exists());
    existing.is_some_and(is_bpffs)
}

/// Whether `path` is on a BPF file system.
pub(super) fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|status| status.filesystem_type() == BPF_FS_MAGIC)
}

fn mount(directory: &Path) -> Result<(), KernelError> {
    let target = CString::new(directory.as_os_str().as_bytes()).expect("a constant path");
    // SAFETY: all strings are C strings; no data is passed.
    let failed = unsafe {
        libc::mount(
            c"bpf".as_ptr(),
            target.as_ptr(),
            c"bpf".as_ptr(),
            0,
            std::ptr::null(),
        )
    };
    if failed == 0 {
        return Ok(());
    }
    Err(KernelError::call("mounting bpffs at", directory.display())(
        io::Error::last_os_error(),
    ))
}
