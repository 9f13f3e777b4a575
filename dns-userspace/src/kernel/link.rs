//! The link that holds the program on its interface.
//!
//! The link is pinned, so it outlives the daemon; the program behind it is
//! replaced by link update, never by detaching and attaching again.

use std::{
    ffi::CString,
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use aya::programs::{
    ProgramError, Xdp, XdpMode,
    links::{FdLink, PinnedLink},
    xdp::XdpLink,
};

use super::{KernelError, bpffs, sys};

/// How the program got onto the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// By a new link.
    New {
        /// The interface.
        interface: String,
        /// Generic mode rather than native.
        generic: bool,
    },
    /// In place of the program an earlier daemon left there.
    Adopted {
        /// The interface.
        interface: String,
    },
}

/// What [`detach`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detached {
    /// The program was attached and is no more.
    Done,
    /// Nothing was attached through this pin path.
    Nothing,
}

fn pin_of(pin_path: &Path) -> PathBuf {
    pin_path.join("link")
}

/// Puts `program` onto `interface`, adopting the link pinned below `pin_path`.
pub(super) fn attach(
    program: &mut Xdp,
    interface: &str,
    generic: bool,
    pin_path: &Path,
) -> Result<Attachment, KernelError> {
    let index = interface_index(interface)?;
    let pin = pin_of(pin_path);
    if let Some(link) = pinned(&pin)? {
        if interface_of(&link)? == Some(index) {
            adopt(program, &pin)?;
            return Ok(Attachment::Adopted {
                interface: interface.to_owned(),
            });
        }
        // It holds another interface, or one that is gone.
        release(&link, &pin)?;
    }
    let mode = if generic {
        XdpMode::Skb
    } else {
        XdpMode::Driver
    };
    let id = program
        .attach_to_if_index(index, mode)
        .map_err(|error| attach_error(error, interface, generic))?;
    let link = program
        .take_link(id)
        .map_err(|error| attach_error(error, interface, generic))?;
    // Without XDP links aya attaches by netlink, which can be neither pinned nor
    // updated; dropping the link on the way out detaches again.
    let link = FdLink::try_from(link).map_err(|_| KernelError::NoLink(interface.to_owned()))?;
    link.pin(&pin)
        .map_err(|error| io::Error::other(error.to_string()))
        .map_err(KernelError::call("pinning the link to", pin.display()))?;
    Ok(Attachment::New {
        interface: interface.to_owned(),
        generic,
    })
}

/// Takes the program below `pin_path` off its interface and removes the pins;
/// works without the daemon and against its will.
pub fn detach(pin_path: &Path) -> Result<Detached, KernelError> {
    // Elsewhere the directories below are not ours to remove.
    if pin_path.exists() && !bpffs::is_bpffs(pin_path) {
        return Err(KernelError::NotBpffs(pin_path.to_owned()));
    }
    let pin = pin_of(pin_path);
    let found = match pinned(&pin)? {
        Some(link) => {
            release(&link, &pin)?;
            Detached::Done
        }
        None => Detached::Nothing,
    };
    for entry in fs::read_dir(pin_path).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            bpffs::remove(&entry.path())?;
        }
    }
    match fs::remove_dir(pin_path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(KernelError::call("rmdir", pin_path.display())(error))
        }
        _ => Ok(found),
    }
}

fn adopt(program: &mut Xdp, pin: &Path) -> Result<(), KernelError> {
    let failed = |error: String| {
        KernelError::call("adopting the link at", pin.display())(io::Error::other(error))
    };
    let link = PinnedLink::from_pin(pin).map_err(|error| failed(error.to_string()))?;
    let link = XdpLink::try_from(FdLink::from(link)).map_err(|error| failed(error.to_string()))?;
    let id = program
        .attach_to_link(link)
        .map_err(|error| failed(describe(&error)))?;
    // The pin holds the link; this handle may go.
    drop(program.take_link(id));
    Ok(())
}

fn release(link: &OwnedFd, pin: &Path) -> Result<(), KernelError> {
    match sys::link_detach(link.as_fd()) {
        // The interface is gone, and the program with it.
        Err(error) if !matches!(error.raw_os_error(), Some(libc::ENOLINK | libc::EINVAL)) => {
            return Err(KernelError::call("detaching the link at", pin.display())(
                error,
            ));
        }
        _ => {}
    }
    fs::remove_file(pin).map_err(KernelError::call("unlink", pin.display()))
}

fn pinned(pin: &Path) -> Result<Option<OwnedFd>, KernelError> {
    match sys::object_get(pin) {
        Ok(link) => Ok(Some(link)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(KernelError::call("opening the link at", pin.display())(
            error,
        )),
    }
}

/// The interface a link is attached to; `None` when it is none any more, or the
/// pin is no XDP link.
fn interface_of(link: &OwnedFd) -> Result<Option<u32>, KernelError> {
    let path = format!("/proc/self/fdinfo/{}", link.as_raw_fd());
    let text = fs::read_to_string(&path).map_err(KernelError::call("reading", &path))?;
    let index = text
        .lines()
        .find_map(|line| line.strip_prefix("ifindex:"))
        .and_then(|index| index.trim().parse().ok());
    Ok(index.filter(|index| *index != 0))
}

fn interface_index(interface: &str) -> Result<u32, KernelError> {
    let none = || KernelError::NoInterface(interface.to_owned());
    let name = CString::new(interface).map_err(|_| none())?;
    // SAFETY: the argument is a C string.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(none()),
        index => Ok(index),
    }
}

fn attach_error(error: ProgramError, interface: &str, generic: bool) -> KernelError {
    let interface = interface.to_owned();
    let ProgramError::SyscallError(call) = error else {
        return KernelError::call("attaching to", interface)(io::Error::other(describe(&error)));
    };
    match call.io_error.raw_os_error() {
        Some(libc::EBUSY | libc::EEXIST) => KernelError::Occupied(interface),
        Some(libc::EPERM | libc::EACCES) => KernelError::Privilege(call.io_error),
        _ => KernelError::Unsupported {
            interface,
            mode: if generic { "generic" } else { "native" },
            error: call.io_error,
        },
    }
}

fn describe(error: &ProgramError) -> String {
    match error {
        ProgramError::SyscallError(call) => format!("{}: {}", call.call, call.io_error),
        other => other.to_string(),
    }
}
