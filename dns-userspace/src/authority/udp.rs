//! Serving one UDP socket, a [batch](super::datagrams) at a time.

use std::{io, net::SocketAddr, os::fd::AsFd as _, pin::pin, sync::Arc, time::Duration};

use tokio::{io::Interest, net::UdpSocket, select, sync::Semaphore};
use tracing::{debug, warn};

use super::{
    datagrams::Batch,
    respond::Transport,
    server::{Ending, Handled, Handler, Later},
};

/// The pause after a receive error: none is about a single datagram.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// Queries of one socket that wait at one time; each takes its own octets and a task.
/// More than so many are answered with what there is.
pub(super) const WAITING_MAX: usize = 1024;

/// Answers what comes to `socket` until the end; what comes later stays in it.
pub(super) async fn serve(socket: UdpSocket, handler: Arc<dyn Handler>, mut ending: Ending) {
    let socket = Arc::new(socket);
    let waiting = Waiting {
        socket: Arc::clone(&socket),
        handler: Arc::clone(&handler),
        places: Arc::new(Semaphore::new(WAITING_MAX)),
    };
    let mut batch = Batch::new();
    // Made once: made for each batch it would cost each.
    let mut ends = pin!(ending.begins());
    loop {
        let received = select! {
            biased;
            () = &mut ends => break,
            received = receive(&socket, &mut batch) => received,
        };
        if let Err(error) = received {
            warn!(%error, "receive from a UDP socket");
            tokio::time::sleep(ERROR_PAUSE).await;
            continue;
        }
        let is_full = batch.is_full();
        batch.answer(|query, peer, out| {
            match handler.handle(query, peer.ip(), Transport::Udp, out) {
                Handled::Answered => true,
                Handled::Silent => false,
                Handled::Later(later) => waiting.put(query, peer, later, out),
            }
        });
        send(&socket, &mut batch).await;
        if is_full {
            // Other sockets of the worker have their turn.
            tokio::task::yield_now().await;
        }
    }
    // Those that wait for others' words are answered still.
    let all = WAITING_MAX as u32;
    let _ = waiting.places.acquire_many(all).await;
}

/// Where queries wait whose answer is not known yet.
struct Waiting {
    socket: Arc<UdpSocket>,
    handler: Arc<dyn Handler>,
    places: Arc<Semaphore>,
}

impl Waiting {
    /// Puts aside `query` of `peer`. Where no place is free it is answered into `out`,
    /// which is `true`.
    fn put(&self, query: &[u8], peer: SocketAddr, later: Later, out: &mut Vec<u8>) -> bool {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.handler.finish(query, peer.ip(), Transport::Udp, out);
        };
        let (socket, handler) = (Arc::clone(&self.socket), Arc::clone(&self.handler));
        let query = query.to_vec();
        tokio::spawn(async move {
            later.await;
            let mut reply = Vec::new();
            if handler.finish(&query, peer.ip(), Transport::Udp, &mut reply)
                && let Err(error) = socket.send_to(&reply, peer).await
            {
                debug!(%error, "send to a UDP socket");
            }
            drop(place);
        });
        false
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
