//! Datagrams in batches: one system call takes up to [`BATCH`] queries from a
//! socket, one more sends their replies. Room is made once and used again.

use std::{
    io,
    mem::{MaybeUninit, zeroed},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsRawFd as _, BorrowedFd},
    ptr,
};

use super::tcp::QUERY_MAX;

/// Queries of one batch: enough that the calls themselves are next to nothing of
/// each query, and few enough that others on the worker wait less than a millisecond.
pub(super) const BATCH: usize = 64;

/// From one query's room to the next. Two cache lines more than a query, or
/// all would begin in the same set of the cache.
const STRIDE: usize = QUERY_MAX + 128;

/// Octets of a reply that most keep to; a longer one makes its room grow.
const REPLY_ROOM: usize = 1232;

/// An address as the kernel writes it, of either family: `sockaddr_in` has the
/// same port, and its address in place of the flow label.
type Peer = libc::sockaddr_in6;

const NOBODY: Peer = Peer {
    sin6_family: libc::AF_UNSPEC as libc::sa_family_t,
    sin6_port: 0,
    sin6_flowinfo: 0,
    sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
    sin6_scope_id: 0,
};

/// Queries, and the replies to them.
pub(super) struct Batch {
    queries: Box<[u8]>,
    /// Octets of each query.
    lens: [usize; BATCH],
    /// Where each query is from; once answered, where each reply goes.
    peers: [Peer; BATCH],
    received: usize,
    replies: Box<[Vec<u8>]>,
    /// Of the replies, those that have been sent or given up, and all there are.
    sent: usize,
    answered: usize,
}

impl Batch {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self {
            queries: vec![0; BATCH * STRIDE].into(),
            lens: [0; BATCH],
            peers: [NOBODY; BATCH],
            received: 0,
            replies: (0..BATCH).map(|_| Vec::with_capacity(REPLY_ROOM)).collect(),
            sent: 0,
            answered: 0,
        }
    }

    /// Takes the queries that wait at `socket`, a UDP one, in place of those
    /// before; fails with `WouldBlock` where there are none.
    ///
    /// Of a datagram longer than any query the rest is cut off: what is left is
    /// malformed.
    pub(super) fn receive(&mut self, socket: BorrowedFd) -> io::Result<()> {
        (self.received, self.sent, self.answered) = (0, 0, 0);
        let mut parts: [libc::iovec; BATCH] = std::array::from_fn(|index| libc::iovec {
            iov_base: self.queries[index * STRIDE..][..QUERY_MAX]
                .as_mut_ptr()
                .cast(),
            iov_len: QUERY_MAX,
        });
        let mut messages: [libc::mmsghdr; BATCH] = std::array::from_fn(|index| {
            message(&mut self.peers[index], size_of::<Peer>(), &mut parts[index])
        });
        // SAFETY: the descriptor is open. Each of the BATCH messages points to
        // one peer and one part with their lengths, each part to QUERY_MAX
        // octets of its own; all of them are ours and outlive the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        self.received = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (len, message) in self.lens.iter_mut().zip(&messages[..self.received]) {
            *len = message.msg_len as usize;
        }
        Ok(())
    }

    /// Whether no more could be taken at a time: there may be more.
    pub(super) fn is_full(&self) -> bool {
        self.received == BATCH
    }

    /// Answers each query with what `handle` makes of it and where it came from: the
    /// reply in a vector that comes empty, or `false` for none.
    pub(super) fn answer(
        &mut self,
        mut handle: impl FnMut(&[u8], SocketAddr, &mut Vec<u8>) -> bool,
    ) {
        for index in 0..self.received {
            let query = &self.queries[index * STRIDE..][..self.lens[index]];
            let peer = self.peers[index];
            let reply = &mut self.replies[self.answered];
            reply.clear();
            if handle(query, address(&peer), reply) {
                // A place that has been read.
                self.peers[self.answered] = peer;
                self.answered += 1;
            }
        }
        self.received = 0;
    }

    /// Whether replies wait to be sent.
    pub(super) fn has_replies(&self) -> bool {
        self.sent < self.answered
    }

    /// Sends replies from `socket`, the one that the queries came to, as many
    /// as it takes. `WouldBlock` says that it takes none now; with any other
    /// error the next reply is given up.
    pub(super) fn send(&mut self, socket: BorrowedFd) -> io::Result<()> {
        let waiting = self.sent..self.answered;
        let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
        let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
        for (slot, index) in waiting.clone().enumerate() {
            let reply = &mut self.replies[index];
            let part = parts[slot].write(libc::iovec {
                iov_base: reply.as_mut_ptr().cast(),
                iov_len: reply.len(),
            });
            let peer = &mut self.peers[index];
            let peer_len = match libc::c_int::from(peer.sin6_family) {
                libc::AF_INET => size_of::<libc::sockaddr_in>(),
                _ => size_of::<Peer>(),
            };
            messages[slot].write(message(peer, peer_len, part));
        }
        // SAFETY: the descriptor is open. The first messages, as many as replies
        // wait, have been written: each points to one peer and one part with
        // their lengths, each part to a reply; all of them outlive the call.
        let count = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr().cast(),
                waiting.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        if let Ok(count) = usize::try_from(count) {
            self.sent += count;
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::WouldBlock {
            self.sent += 1;
        }
        Err(error)
    }
}

/// The header of one datagram of one part, from or to `peer`.
fn message(peer: &mut Peer, peer_len: usize, part: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: all fields are numbers and pointers that may be null.
    let mut message: libc::mmsghdr = unsafe { zeroed() };
    message.msg_hdr.msg_name = ptr::from_mut(peer).cast();
    message.msg_hdr.msg_namelen = peer_len as libc::socklen_t;
    message.msg_hdr.msg_iov = part;
    message.msg_hdr.msg_iovlen = 1;
    message
}

fn address(peer: &Peer) -> SocketAddr {
    let port = u16::from_be(peer.sin6_port);
    if libc::c_int::from(peer.sin6_family) == libc::AF_INET {
        let address = Ipv4Addr::from(peer.sin6_flowinfo.to_ne_bytes());
        return SocketAddrV4::new(address, port).into();
    }
    let address = Ipv6Addr::from(peer.sin6_addr.s6_addr);
    SocketAddrV6::new(address, port, peer.sin6_flowinfo, peer.sin6_scope_id).into()
}

#[cfg(test)]
mod tests;
