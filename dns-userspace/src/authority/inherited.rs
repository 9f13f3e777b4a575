//! Sockets that a server before this one left open: what came to them meanwhile waits in
//! them.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream},
    os::fd::OwnedFd,
};

use socket2::{Protocol, Socket, Type};
use tracing::debug;

/// Sockets as they were given back, told apart by what they are.
#[derive(Debug, Default)]
pub struct Inherited {
    bound: Vec<Bound>,
    connections: Vec<TcpStream>,
}

/// A socket that queries come to.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) address: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) socket: Socket,
}

/// What a descriptor may be.
enum Kind {
    Bound(SocketAddr, Protocol),
    Connection,
}

impl Inherited {
    /// Of all that is in `descriptors`; what is no socket of a server is closed.
    pub fn new(descriptors: impl IntoIterator<Item = OwnedFd>) -> Self {
        let mut inherited = Self::default();
        for socket in descriptors.into_iter().map(Socket::from) {
            match kind(&socket) {
                Ok(Some(Kind::Bound(address, protocol))) => inherited.bound.push(Bound {
                    address,
                    protocol,
                    socket,
                }),
                Ok(Some(Kind::Connection)) => inherited.connections.push(socket.into()),
                Ok(None) => debug!("closed an inherited descriptor of no use"),
                Err(error) => debug!(%error, "closed an inherited descriptor"),
            }
        }
        inherited
    }

    /// One that is bound to `address`.
    pub(super) fn take(&mut self, address: SocketAddr, protocol: Protocol) -> Option<Socket> {
        let is_it = |bound: &Bound| bound.address == address && bound.protocol == protocol;
        let found = self.bound.iter().position(is_it)?;
        Some(self.bound.remove(found).socket)
    }

    /// The others that are bound to `port` at one of `addresses`: as long as they are open
    /// the kernel gives them their part of the queries.
    pub(super) fn take_rest(&mut self, addresses: &[IpAddr], port: u16) -> Vec<Bound> {
        let is_wanted = |bound: &mut Bound| {
            bound.address.port() == port && addresses.contains(&bound.address.ip())
        };
        self.bound.extract_if(.., is_wanted).collect()
    }

    /// Where the others are bound, and what they take.
    pub(super) fn unwanted(&self) -> Vec<(SocketAddr, Protocol)> {
        let unwanted = self.bound.iter();
        unwanted
            .map(|bound| (bound.address, bound.protocol))
            .collect()
    }

    /// TCP connections, at the start of a query each.
    pub(super) fn take_connections(&mut self) -> Vec<TcpStream> {
        std::mem::take(&mut self.connections)
    }
}

/// What `socket` is; `None` for nothing that a server has.
fn kind(socket: &Socket) -> io::Result<Option<Kind>> {
    let Some(address) = socket.local_addr()?.as_socket() else {
        return Ok(None);
    };
    let kind = match socket.r#type()? {
        Type::DGRAM => Kind::Bound(address, Protocol::UDP),
        Type::STREAM if socket.is_listener()? => Kind::Bound(address, Protocol::TCP),
        Type::STREAM => {
            // One that is over already has no peer.
            socket.peer_addr()?;
            Kind::Connection
        }
        _ => return Ok(None),
    };
    // Served as ours are.
    socket.set_nonblocking(true)?;
    Ok(Some(kind))
}
