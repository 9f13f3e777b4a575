//! The control socket's file: made, guarded against a second daemon, removed.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;
use tokio::net::UnixListener;
use tracing::warn;

/// Who may connect: the owner and the group.
const MODE: u32 = 0o660;

/// Connections the kernel holds until they are accepted: a burst of as many as
/// [`super::CONNECTIONS_MAX`].
const BACKLOG: i32 = 64;

/// Who may where groups say who may do what.
const OPEN_MODE: u32 = 0o666;

/// A control socket that could not be set up.
#[derive(Debug, Error)]
pub enum BindError {
    /// A live daemon has it.
    #[error(
        "control.socket {}: another veerd answers there; stop it, or set another control.socket",
        .0.display()
    )]
    InUse(PathBuf),
    /// Something else stands at the path.
    #[error("control.socket {}: the file there is not a socket; remove it, or set another path", .0.display())]
    NotASocket(PathBuf),
    /// Nobody can be in it.
    #[error(
        "{key}: there is no group {name} here{error}; valid: a group of this host, as after \
         `groupadd --system {name}`, or nothing"
    )]
    NoGroup {
        /// The tunable.
        key: &'static str,
        /// The group.
        name: String,
        /// What the system said, if anything.
        error: String,
    },
    /// A call that failed.
    #[error("control.socket {}: {call}: {error}", path.display())]
    Call {
        /// The call.
        call: &'static str,
        /// The socket's path.
        path: PathBuf,
        /// What it returned.
        error: io::Error,
    },
}

/// The socket's file, which is removed with this.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode: by now the path may be another daemon's.
    identity: (u64, u64),
}

impl SocketFile {
    /// Lets everybody connect.
    pub(super) fn open_to_all(&self) -> Result<(), BindError> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(OPEN_MODE)).map_err(|error| {
            BindError::Call {
                call: "chmod",
                path: self.path.clone(),
                error,
            }
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).ok() != Some(self.identity) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(path = %self.path.display(), %error, "could not remove the control socket");
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Binds `path` and listens.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), BindError> {
    let failed = |call| {
        move |error| BindError::Call {
            call,
            path: path.to_owned(),
            error,
        }
    };
    let address = SockAddr::unix(path).map_err(failed("address"))?;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed("mkdir"))?;
    }
    clear(path, &address)?;

    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed("socket"))?;
    socket
        .set_nonblocking(true)
        .map_err(failed("set O_NONBLOCK"))?;
    socket.bind(&address).map_err(failed("bind"))?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: identity(path).map_err(failed("stat"))?,
    };
    // Nobody can connect before listen(2), so nobody does with another mode.
    fs::set_permissions(path, fs::Permissions::from_mode(MODE)).map_err(failed("chmod"))?;
    socket.listen(BACKLOG).map_err(failed("listen"))?;
    let listener = std::os::unix::net::UnixListener::from(OwnedFd::from(socket));
    let listener = UnixListener::from_std(listener).map_err(failed("register"))?;
    Ok((listener, file))
}

/// How long a daemon may take to let the kernel connect to it.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(100);

/// Removes the socket of a daemon that is gone.
fn clear(path: &Path, address: &SockAddr) -> Result<(), BindError> {
    let failed = |call| {
        move |error| BindError::Call {
            call,
            path: path.to_owned(),
            error,
        }
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("stat")(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed("socket"))?;
    match probe.connect_timeout(address, CONNECT_TIMEOUT) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed("unlink"))
        }
        // A full backlog is somebody's too.
        Ok(()) => Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(BindError::InUse(path.to_owned()))
        }
        Err(error) => Err(failed("connect")(error)),
    }
}
