//! Sockets for the next daemon, which the service manager keeps meanwhile (`FDSTORE=1` of
//! `sd_notify(3)`, `sd_listen_fds(3)`): what comes while there is no daemon waits in them.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use sd_notify::{NotifyState, listen_fds_with_names, notify, notify_with_fds};
use socket2::Protocol;
use tracing::warn;

use crate::authority::{
    inherited::Inherited,
    server::{Made, Server},
};

/// What open connections are kept as. They are of use once.
const CONNECTION: &str = "connection";

/// Descriptors in one message: the kernel takes up to 253 (`SCM_MAX_FD`).
const AT_ONCE: usize = 200;

/// A socket stays kept whatever happens to it: an error that somebody sent a datagram of
/// ours back with is none of the socket's.
const NOT_POLLED: NotifyState<'_> = NotifyState::Custom("FDPOLL=0");

/// What the daemon before left; nothing when asked again.
pub(super) fn inherited() -> Inherited {
    static IS_TAKEN: AtomicBool = AtomicBool::new(false);
    if IS_TAKEN.swap(true, Relaxed) {
        return Inherited::default();
    }
    let given = match listen_fds_with_names() {
        Ok(given) => given,
        Err(error) => {
            warn!("what the service manager gives is not understood: {error}");
            return Inherited::default();
        }
    };
    // SAFETY: the service manager opened these descriptors for this process before it
    // began, nothing else here knows of them, and they are taken once.
    let given = given.map(|(fd, _)| unsafe { OwnedFd::from_raw_fd(fd) });
    let inherited = Inherited::new(given);
    // Kept for longer, they would be open when their peers have long been told otherwise.
    said(notify(&forgotten(CONNECTION)));
    inherited
}

/// Has the sockets of `server` kept, and those no more that it does not want.
pub(super) fn keep(server: &mut Server) {
    for (address, protocol) in server.unwanted() {
        said(notify(&forgotten(&name(*address, *protocol))));
    }
    for Made {
        address,
        protocol,
        descriptor,
    } in server.take_made()
    {
        said(kept(&name(address, protocol), &[descriptor.as_fd()]));
    }
}

/// Has `connections` kept, for the next daemon to go on with.
pub(super) fn keep_connections(connections: &[TcpStream]) {
    for some in connections.chunks(AT_ONCE) {
        let some: Vec<_> = some.iter().map(TcpStream::as_fd).collect();
        said(kept(CONNECTION, &some));
    }
}

fn kept(name: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let state = [NotifyState::FdStore, NotifyState::FdName(name), NOT_POLLED];
    notify_with_fds(&state, descriptors)
}

fn forgotten(name: &str) -> [NotifyState<'_>; 2] {
    [NotifyState::FdStoreRemove, NotifyState::FdName(name)]
}

/// What a socket is kept as; names may have no colon.
fn name(address: SocketAddr, protocol: Protocol) -> String {
    let protocol = if protocol == Protocol::UDP {
        "udp"
    } else {
        "tcp"
    };
    format!("{protocol}-{}-{}", address.ip(), address.port()).replace(':', "_")
}

/// Warns where the service manager could not be told.
fn said(result: io::Result<()>) {
    if let Err(error) = result {
        warn!("the service manager does not keep sockets for a restart: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_sockets_apart_without_a_colon() {
        let names = [
            ("192.0.2.1:53", Protocol::UDP, "udp-192.0.2.1-53"),
            ("192.0.2.1:53", Protocol::TCP, "tcp-192.0.2.1-53"),
            ("[2001:db8::1]:5353", Protocol::UDP, "udp-2001_db8__1-5353"),
        ];
        for (address, protocol, expected) in names {
            let address = address.parse().expect("an address");
            assert_eq!(name(address, protocol), expected);
        }
    }
}
