//! Serving one UDP socket, a [batch](super::datagrams) at a time.

use std::{io, os::fd::AsFd as _, sync::Arc, time::Duration};

use tokio::{io::Interest, net::UdpSocket};
use tracing::{debug, warn};

use super::{datagrams::Batch, respond::Transport, server::Handler};

/// The pause after a receive error: none is about a single datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Answers what comes to `socket`, for as long as the task lives.
pub(super) async fn serve(socket: UdpSocket, handler: Arc<dyn Handler>) {
    let mut batch = Batch::new();
    loop {
        if let Err(error) = receive(&socket, &mut batch).await {
            warn!(%error, "receive from a UDP socket");
            tokio::time::sleep(ERROR_PAUSE).await;
            continue;
        }
        let is_full = batch.is_full();
        batch.answer(|query, source, out| handler.handle(query, source, Transport::Udp, out));
        send(&socket, &mut batch).await;
        if is_full {
            // Other sockets of the worker have their turn.
            tokio::task::yield_now().await;
        }
    }
}

/// Waits for queries and takes those that are there.
async fn receive(socket: &UdpSocket, batch: &mut Batch) -> io::Result<()> {
    let take = || batch.receive(socket.as_fd());
    socket.async_io(Interest::READABLE, take).await?;
    if !batch.is_full() {
        // The call has seen the end of the queue; whatever comes later wakes us.
        // Saying so saves a call that finds nothing.
        let _ = socket.try_io(Interest::READABLE, || {
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
    }
    Ok(())
}

/// Sends the replies. While the send buffer is full they wait for it: what waits
/// in the receive buffer can wait too.
async fn send(socket: &UdpSocket, batch: &mut Batch) {
    while batch.has_replies() {
        let put = || batch.send(socket.as_fd());
        if let Err(error) = socket.async_io(Interest::WRITABLE, put).await {
            debug!(%error, "send to a UDP socket");
        }
    }
}
