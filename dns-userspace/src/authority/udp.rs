//! Serving one UDP socket.

use std::{io, sync::Arc, time::Duration};

use tokio::net::UdpSocket;
use tracing::{debug, warn};

use super::{respond::Transport, server::Handler};

/// Queries answered in a row before other sockets of the worker get their turn.
const BATCH: usize = 64;

/// Octets of the largest datagram.
const DATAGRAM_MAX: usize = 65_535;

/// The pause after a receive error that is not about a single datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Answers what comes to `socket`, for as long as the task lives.
pub(super) async fn serve(socket: UdpSocket, handler: Arc<dyn Handler>) {
    let mut query = vec![0; DATAGRAM_MAX];
    let mut reply = Vec::with_capacity(DATAGRAM_MAX);
    loop {
        if let Err(error) = batch(&socket, &*handler, &mut query, &mut reply).await {
            warn!(%error, "receive from a UDP socket");
            tokio::time::sleep(ERROR_PAUSE).await;
        }
        tokio::task::yield_now().await;
    }
}

/// Waits for queries, then answers those that are there, up to [`BATCH`].
async fn batch(
    socket: &UdpSocket,
    handler: &dyn Handler,
    query: &mut [u8],
    reply: &mut Vec<u8>,
) -> io::Result<()> {
    socket.readable().await?;
    for _ in 0..BATCH {
        let (length, source) = match socket.try_recv_from(query) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        };
        reply.clear();
        if !handler.handle(&query[..length], source.ip(), Transport::Udp, reply) {
            continue;
        }
        let sent = match socket.try_send_to(reply, source) {
            // The send buffer is full; what waits in the receive buffer can wait.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.send_to(reply, source).await
            }
            result => result,
        };
        if let Err(error) = sent {
            debug!(%error, %source, "send to a UDP socket");
        }
    }
    Ok(())
}
