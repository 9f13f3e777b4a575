//! What a service manager does for a daemon's sockets: it keeps those that the daemon tells
//! it to (`sd_notify(3)`), and gives them to the next one (`sd_listen_fds(3)`).

use std::{
    fmt::Write as _,
    fs, io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::{net::UnixDatagram, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::{Context as _, Result};
use sendfd::RecvWithFd as _;

use super::{Lab, Namespace};

/// Descriptors in one message at most (`SCM_MAX_FD`), and octets.
const DESCRIPTORS_MAX: usize = 253;
const OCTETS_MAX: usize = 4096;

/// The first descriptor that a daemon is given.
const FIRST: RawFd = 3;
/// Above those that are given.
const ASIDE: RawFd = 500;

/// One that keeps sockets for as long as it lives.
#[derive(Debug)]
pub struct ServiceManager {
    socket: PathBuf,
    kept: Arc<Mutex<Vec<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    name: String,
    descriptor: OwnedFd,
}

impl ServiceManager {
    /// One in `lab`.
    pub fn start(lab: &Lab) -> Result<Self> {
        let path = lab.dir().join("manager.sock");
        let socket = UnixDatagram::bind(&path);
        let socket = socket.with_context(|| format!("bind {}", path.display()))?;
        let manager = Self {
            socket: path,
            kept: Arc::default(),
        };
        let kept = Arc::clone(&manager.kept);
        thread::spawn(move || {
            // An empty message ends it.
            while let Ok((message, descriptors)) = receive(&socket)
                && !message.is_empty()
            {
                take(&mut lock(&kept), &message, descriptors);
            }
        });
        Ok(manager)
    }

    /// The names of what is kept, in order.
    pub fn kept(&self) -> Vec<String> {
        let mut names: Vec<_> = lock(&self.kept).iter().map(|it| it.name.clone()).collect();
        names.sort();
        names
    }

    /// A command that runs `program` in `namespace`, with what is kept by then.
    pub(super) fn command(&self, namespace: &Namespace, program: &Path) -> Result<Command> {
        let kept = lock(&self.kept);
        let mut names = String::new();
        let mut given = Vec::new();
        for Kept { name, descriptor } in &*kept {
            let separator = if names.is_empty() { "" } else { ":" };
            let _ = write!(names, "{separator}{name}");
            given.push(aside(descriptor).context("fcntl F_DUPFD_CLOEXEC")?);
        }
        // Only the process itself knows its number before it runs the program.
        let mut command = namespace.command("sh");
        command.args(["-c", "LISTEN_PID=$$ exec \"$@\"", "sh"]);
        command.arg(program);
        command.env("NOTIFY_SOCKET", &self.socket);
        if !given.is_empty() {
            command.env("LISTEN_FDS", given.len().to_string());
            command.env("LISTEN_FDNAMES", names);
        }
        // SAFETY: between fork and exec the closure makes system calls, and allocates
        // nothing.
        unsafe { command.pre_exec(move || give(&given)) };
        Ok(command)
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        if let Ok(socket) = UnixDatagram::unbound() {
            // Where the thread has ended already, nobody takes it.
            let _ = socket.send_to(&[], &self.socket);
        }
        let _ = fs::remove_file(&self.socket);
    }
}

fn lock(kept: &Mutex<Vec<Kept>>) -> MutexGuard<'_, Vec<Kept>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn receive(socket: &UnixDatagram) -> io::Result<(String, Vec<OwnedFd>)> {
    let mut message = [0; OCTETS_MAX];
    let mut descriptors = [-1; DESCRIPTORS_MAX];
    let (octets, count) = socket.recv_with_fd(&mut message, &mut descriptors)?;
    let descriptors = descriptors[..count].iter();
    // SAFETY: the message brought them for us alone.
    let descriptors = descriptors.map(|descriptor| unsafe { OwnedFd::from_raw_fd(*descriptor) });
    let text = String::from_utf8_lossy(&message[..octets]).into_owned();
    Ok((text, descriptors.collect()))
}

/// Does what `message` says with the descriptors that came with it.
fn take(kept: &mut Vec<Kept>, message: &str, descriptors: Vec<OwnedFd>) {
    let value = |key: &str| {
        let mut fields = message.lines().filter_map(|line| line.split_once('='));
        fields
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    };
    let name = value("FDNAME").unwrap_or("stored");
    if value("FDSTOREREMOVE").is_some() {
        kept.retain(|it| it.name != name);
    }
    if value("FDSTORE").is_some() {
        kept.extend(descriptors.into_iter().map(|descriptor| Kept {
            name: name.to_owned(),
            descriptor,
        }));
    }
}

/// A copy out of the way of those that are given.
fn aside(descriptor: &OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is open for the call.
    let copy = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, ASIDE) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now, for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Has the process have `given` from [`FIRST`] on, across exec.
fn give(given: &[OwnedFd]) -> io::Result<()> {
    for (number, descriptor) in (FIRST..).zip(given) {
        // SAFETY: both are numbers; what `number` was is not used from here on.
        if unsafe { libc::dup2(descriptor.as_raw_fd(), number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
