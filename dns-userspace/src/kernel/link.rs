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
    xdp::{XdpError, XdpLink},
};

use super::{KernelError, bpffs, pins, sys};

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
        /// Generic mode rather than native.
        generic: bool,
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

/// A link pinned below the pin path.
pub(super) struct Pinned {
    link: OwnedFd,
    pin: PathBuf,
    /// Generic mode rather than native.
    generic: bool,
    /// Index of the interface it holds; `None` when it holds none any more.
    interface: Option<u32>,
}

/// What the names of pinned links start with, by mode: the kernel does not tell
/// a link's mode.
const PREFIXES: [(&str, bool); 2] = [("link-native-", false), ("link-generic-", true)];

/// Where the link to the interface `index` is pinned.
fn pin_of(pin_path: &Path, generic: bool, index: u32) -> PathBuf {
    let (prefix, _) = PREFIXES[usize::from(generic)];
    pin_path.join(format!("{prefix}{index}"))
}

/// Puts `program` onto `interface`, adopting the link pinned below `pin_path`
/// if it is to that interface and in that mode. Links that were left for it are the
/// caller's to release, so that they go on answering should this one be refused.
pub(super) fn attach(
    program: &mut Xdp,
    interface: &str,
    generic: bool,
    pin_path: &Path,
) -> Result<(Attachment, Vec<Pinned>), KernelError> {
    let index = interface_index(interface)?;
    let mut old = pinned(pin_path)?;
    let fits = |link: &Pinned| link.interface == Some(index) && link.generic == generic;
    if let Some(position) = old.iter().position(fits) {
        adopt(program, &old.swap_remove(position).pin)?;
        let attachment = Attachment::Adopted {
            interface: interface.to_owned(),
            generic,
        };
        return Ok((attachment, old));
    }
    let (elsewhere, in_the_way): (Vec<_>, Vec<_>) = old
        .into_iter()
        .partition(|link| link.interface.is_some_and(|held| held != index));
    // An update cannot change a link's mode, and the kernel allows no native
    // program beside a generic one: this interface is without one for a moment.
    release(&in_the_way)?;
    let link = new_link(program, interface, index, generic)?;
    let pin = pin_of(pin_path, generic, index);
    // Closed and not pinned, the link detaches.
    link.pin(&pin)
        .map_err(|error| io::Error::other(error.to_string()))
        .map_err(KernelError::call("pinning the link to", pin.display()))?;
    let attachment = Attachment::New {
        interface: interface.to_owned(),
        generic,
    };
    Ok((attachment, elsewhere))
}

fn new_link(
    program: &mut Xdp,
    interface: &str,
    index: u32,
    generic: bool,
) -> Result<FdLink, KernelError> {
    let mode = if generic {
        XdpMode::Skb
    } else {
        XdpMode::Driver
    };
    let link = program
        .attach_to_if_index(index, mode)
        .and_then(|id| program.take_link(id))
        .map_err(|error| attach_error(&error, interface, generic))?;
    // Without XDP links aya attaches by netlink, which can be neither pinned nor
    // updated; dropping the link on the way out detaches again.
    FdLink::try_from(link).map_err(|_| KernelError::NoLink(interface.to_owned()))
}

/// Why the program attached through `pin_path` answers no more, if so: others
/// can take it off, and interfaces go.
pub fn lost(pin_path: &Path) -> Option<String> {
    match pinned(pin_path) {
        Err(error) => Some(error.to_string()),
        Ok(links) if links.iter().any(|link| link.interface.is_some()) => None,
        Ok(links) if links.is_empty() => Some("its pin was removed by someone else".to_owned()),
        Ok(_) => Some("its interface is gone, or someone else took it off".to_owned()),
    }
}

/// Takes the program below `pin_path` off its interface and removes the pins;
/// works without the daemon and against its will.
pub fn detach(pin_path: &Path) -> Result<Detached, KernelError> {
    // Elsewhere the directories below are not ours to remove.
    if pin_path.exists() && !bpffs::is_bpffs(pin_path) {
        return Err(KernelError::NotBpffs(pin_path.to_owned()));
    }
    let links = pinned(pin_path)?;
    release(&links)?;
    let found = if links.is_empty() {
        Detached::Nothing
    } else {
        Detached::Done
    };
    for directory in pins::directories(pin_path) {
        bpffs::remove(&directory)?;
    }
    match fs::remove_dir(pin_path) {
        // Others may keep pins in the same directory, or have made it for us.
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::DirectoryNotEmpty
                    | io::ErrorKind::ResourceBusy
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
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

/// Detaches links and removes their pins.
pub(super) fn release(links: &[Pinned]) -> Result<(), KernelError> {
    for Pinned { link, pin, .. } in links {
        match sys::link_detach(link.as_fd()) {
            // The interface is gone, and the program with it.
            Err(error) if !matches!(error.raw_os_error(), Some(libc::ENOLINK | libc::EINVAL)) => {
                return Err(KernelError::call("detaching the link at", pin.display())(
                    error,
                ));
            }
            _ => {}
        }
        bpffs::unlink(pin)?;
    }
    Ok(())
}

/// The links below `pin_path`: one, unless a daemon was killed as it changed
/// from one to another.
fn pinned(pin_path: &Path) -> Result<Vec<Pinned>, KernelError> {
    let entries = match fs::read_dir(pin_path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(KernelError::call("readdir", pin_path.display())(error)),
    };
    let mut links = Vec::new();
    for entry in entries {
        let entry = entry.map_err(KernelError::call("readdir", pin_path.display()))?;
        let name = entry.file_name();
        let mode = |(prefix, generic)| name.to_str()?.starts_with(prefix).then_some(generic);
        let Some(generic) = PREFIXES.into_iter().find_map(mode) else {
            continue;
        };
        let pin = entry.path();
        let link = match sys::object_get(&pin) {
            Ok(link) => link,
            // Someone has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(KernelError::call("opening the link at", pin.display())(
                    error,
                ));
            }
        };
        links.push(Pinned {
            interface: interface_of(&link)?,
            link,
            pin,
            generic,
        });
    }
    Ok(links)
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

fn attach_error(error: &ProgramError, interface: &str, generic: bool) -> KernelError {
    let code = match error {
        ProgramError::SyscallError(call) => call.io_error.raw_os_error(),
        // The second way aya tries when a link was refused with EINVAL.
        ProgramError::XdpError(XdpError::NetlinkError(error)) => error.raw_os_error(),
        _ => None,
    };
    match code {
        Some(libc::EBUSY | libc::EEXIST) => KernelError::Occupied(interface.to_owned()),
        Some(code @ (libc::EPERM | libc::EACCES)) => {
            KernelError::Privilege(io::Error::from_raw_os_error(code))
        }
        _ => KernelError::Unsupported {
            interface: interface.to_owned(),
            mode: if generic { "generic" } else { "native" },
            error: describe(error),
        },
    }
}

fn describe(error: &ProgramError) -> String {
    match error {
        ProgramError::SyscallError(call) => format!("{}: {}", call.call, call.io_error),
        other => other.to_string(),
    }
}
