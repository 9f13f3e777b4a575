//! Making the sockets that queries come to.

use std::{io, net::SocketAddr, os::fd::AsRawFd as _};

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// A socket that could not be set up, and the call that failed.
#[derive(Debug, Error)]
#[error("{transport} {address}: {call}: {source}")]
pub struct BindError {
    /// `UDP` or `TCP`.
    pub transport: &'static str,
    /// The address and port it was for.
    pub address: SocketAddr,
    /// The call that failed.
    pub call: &'static str,
    /// What it returned.
    pub source: io::Error,
}

/// A bound, non-blocking socket; a TCP one listens.
pub(super) fn bind(address: SocketAddr, protocol: Protocol) -> Result<Socket, BindError> {
    let listens = protocol == Protocol::TCP;
    let (name, kind) = if listens {
        ("TCP", Type::STREAM)
    } else {
        ("UDP", Type::DGRAM)
    };
    let failed = |call| {
        move |source| BindError {
            transport: name,
            address,
            call,
            source,
        }
    };
    if address.ip().is_unspecified() {
        let reason = "valid is an address of this host, not the unspecified one";
        let source = io::Error::new(io::ErrorKind::InvalidInput, reason);
        return Err(failed("bind")(source));
    }
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, kind, Some(protocol)).map_err(failed("socket"))?;
    socket
        .set_nonblocking(true)
        .map_err(failed("set O_NONBLOCK"))?;
    socket
        .set_reuse_port(true)
        .map_err(failed("set SO_REUSEPORT"))?;
    if address.is_ipv6() {
        socket
            .set_only_v6(true)
            .map_err(failed("set IPV6_V6ONLY"))?;
    }
    if listens {
        // A restart binds again while old connections linger.
        socket
            .set_reuse_address(true)
            .map_err(failed("set SO_REUSEADDR"))?;
    } else {
        ignore_path_mtu(&socket, domain).map_err(failed("set IP_MTU_DISCOVER"))?;
        widen(&socket).map_err(failed("set SO_RCVBUF and SO_SNDBUF"))?;
    }
    socket.bind(&address.into()).map_err(failed("bind"))?;
    if listens {
        socket.listen(LISTEN_BACKLOG).map_err(failed("listen"))?;
    }
    Ok(socket)
}

/// Connections the kernel holds until they are accepted.
const LISTEN_BACKLOG: i32 = 1024;

/// Octets of queries that wait at a UDP socket, and of replies that wait for the
/// interface: a burst of a thousand, which a worker answers in some 10 ms.
const UDP_BUFFER: libc::c_int = 1 << 20;

/// Forged "fragmentation needed" messages must not shrink or fragment replies:
/// never learn a path MTU, send with the interface's.
fn ignore_path_mtu(socket: &Socket, domain: Domain) -> io::Result<()> {
    let (level, option) = if domain == Domain::IPV4 {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER)
    };
    // IPV6_PMTUDISC_OMIT has the same value.
    set(socket, level, option, libc::IP_PMTUDISC_OMIT)
}

/// Makes room for bursts; without `CAP_NET_ADMIN` as much as `net.core.rmem_max` and
/// `net.core.wmem_max` let us.
pub(super) fn widen(socket: &Socket) -> io::Result<()> {
    for (forced, asked) in [
        (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF),
        (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF),
    ] {
        set(socket, libc::SOL_SOCKET, forced, UDP_BUFFER)
            .or_else(|_| set(socket, libc::SOL_SOCKET, asked, UDP_BUFFER))?;
    }
    Ok(())
}

/// Sets an option whose value is a number.
fn set(
    socket: &Socket,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the descriptor is open for the call, and the pointer and length
    // are those of `value`, which outlives it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
