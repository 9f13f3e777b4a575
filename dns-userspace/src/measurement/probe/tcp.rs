//! TCP probe: can a connection be opened, and how fast?

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpStream, time::Instant};

use super::{Destination, errors::Failure};
use crate::measurement::{metric::Metric, sample::Readings};

/// The time it takes to connect.
pub(super) async fn probe(destination: Destination) -> Result<Readings, Failure> {
    let start = Instant::now();
    let _closed_at_once = connect(destination).await?;
    Ok(Readings::time(Metric::ConnectTime, start.elapsed()))
}

/// A connection.
///
/// Done by hand because tokio's own connect does not tell whether an error
/// came from the system call or from the network, which decides whose it is.
pub(super) async fn connect(destination: Destination) -> Result<TcpStream, Failure> {
    let address = destination.address;
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))
        .map_err(|error| Failure::of_call("socket", &error))?;
    if let Some(source) = destination.source() {
        socket
            .bind(&source.into())
            .map_err(|error| Failure::of_call("bind", &error))?;
    }
    // The TLS handshake is several small writes; none should wait for an ACK.
    socket
        .set_tcp_nodelay(true)
        .map_err(|error| Failure::of_call("setsockopt TCP_NODELAY", &error))?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            return Err(Failure::of_call("connect", &error));
        }
        Ok(()) | Err(_) => {}
    }
    let stream = TcpStream::from_std(socket.into())
        .map_err(|error| Failure::of_call("epoll_ctl", &error))?;
    // Writable means decided: SO_ERROR tells how.
    stream
        .writable()
        .await
        .map_err(|error| Failure::of_call("epoll_wait", &error))?;
    match stream.take_error() {
        Ok(None) => Ok(stream),
        Ok(Some(error)) => Err(Failure::of_exchange("connect", &error)),
        Err(error) => Err(Failure::of_call("getsockopt SO_ERROR", &error)),
    }
}
