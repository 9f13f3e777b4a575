//! Serving one TCP listener: any number of queries on a connection, each with
//! two octets of length before it (RFC 7766).

use std::{
    io, mem,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    select,
    time::{Instant, timeout, timeout_at},
};
use tracing::{debug, warn};

use super::{
    connections::{Connections, Permit},
    respond::Transport,
    server::{Ending, Handled, Handler, Later},
};

/// Octets of the longest query taken: room for any question with its options.
pub const QUERY_MAX: usize = 4096;

/// Octets taken from a connection at a time, some hundreds of pipelined queries.
const RECEIVED_ROOM: usize = 16_384;

/// Octets of replies after which they are sent before more are made.
const REPLIES_MAX: usize = 65_536;

/// Octets of a frame's length field.
const LENGTH_LEN: usize = 2;

/// The pause after an accept error that is not about a single connection,
/// such as EMFILE.
const ERROR_PAUSE: Duration = Duration::from_millis(100);

/// What a worker's connections have in common.
pub(super) struct Door {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) connections: Arc<Connections>,
    pub(super) ending: Ending,
}

/// Accepts connections until the end.
pub(super) async fn serve(listener: TcpListener, door: Arc<Door>) {
    let mut ending = door.ending.clone();
    loop {
        let accepted = select! {
            biased;
            () = ending.begins() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => door.open(stream, peer),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                warn!(%error, "accept a TCP connection");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

impl Door {
    /// Serves a connection, if there is a place for it.
    pub(super) fn open(&self, stream: TcpStream, peer: SocketAddr) {
        let permit = match self.connections.admit(peer.ip()) {
            Ok(permit) => permit,
            Err(reason) => {
                debug!(%peer, %reason, "refused a TCP connection");
                return;
            }
        };
        let (handler, mut ending) = (Arc::clone(&self.handler), self.ending.clone());
        tokio::spawn(async move {
            let mut stream = stream;
            let ended = connection(&mut stream, peer.ip(), &*handler, &permit, &mut ending);
            match ended.await {
                Ok(End::Peer) => {}
                Ok(End::Ours) => ending.leave(stream),
                Ok(End::Idle) => {
                    permit.connections().counters().idle.fetch_add(1, Relaxed);
                    debug!(%peer, "closed an idle TCP connection");
                }
                Err(error) => debug!(%error, %peer, "closed a TCP connection"),
            }
        });
    }
}

/// How a connection ended.
enum End {
    /// The peer closed it.
    Peer,
    /// No whole query came, or a reply was not taken, in the time there is.
    Idle,
    /// It has not: it is at the start of a query, and the server ends.
    Ours,
}

/// Answers queries in the order they come until the peer closes, keeps silent
/// for too long, or sends what is not a query; or until there is no query begun and the
/// server ends.
async fn connection(
    stream: &mut TcpStream,
    source: IpAddr,
    handler: &dyn Handler,
    permit: &Permit,
    ending: &mut Ending,
) -> io::Result<End> {
    // Replies are written whole; waiting for more only delays them.
    stream.set_nodelay(true)?;
    let connections = permit.connections();
    let mut frames = Frames {
        handler,
        source,
        connections,
        received: Vec::with_capacity(RECEIVED_ROOM),
        has_waited: false,
        later: None,
        reply: Vec::new(),
        replies: Vec::new(),
    };
    let mut deadline = Instant::now() + connections.idle();
    loop {
        let result = frames.answer();
        let later = frames.later.take();
        if !frames.replies.is_empty() {
            let write = stream.write_all(&frames.replies);
            let Ok(written) = timeout(connections.patience(), write).await else {
                return Ok(End::Idle);
            };
            written?;
            frames.replies.clear();
            deadline = Instant::now() + connections.idle();
            result?;
            if let Some(later) = later {
                later.await;
            }
            continue;
        }
        result?;
        if let Some(later) = later {
            later.await;
            continue;
        }
        let is_between = frames.received.is_empty();
        // A peer that sends octet by octet gets no more time for it.
        let read = timeout_at(deadline, stream.read_buf(&mut frames.received));
        let read = select! {
            biased;
            () = ending.begins(), if is_between => return Ok(End::Ours),
            read = read => read,
        };
        let Ok(read) = read else {
            return Ok(End::Idle);
        };
        if read? == 0 {
            return Ok(End::Peer);
        }
    }
}

/// The octets of one connection.
struct Frames<'h> {
    handler: &'h dyn Handler,
    source: IpAddr,
    connections: &'h Connections,
    /// What came and is not answered yet.
    received: Vec<u8>,
    /// The first query of that has waited, or waits for this; those behind it wait too.
    has_waited: bool,
    later: Option<Later>,
    /// One reply.
    reply: Vec<u8>,
    /// Replies with their length fields, to be sent.
    replies: Vec<u8>,
}

impl Frames<'_> {
    /// Answers the whole queries received, until [`REPLIES_MAX`] octets wait to
    /// be sent. The error says why the connection must end after that.
    fn answer(&mut self) -> io::Result<()> {
        let mut start = 0;
        let mut result = Ok(());
        let transport = Transport::Tcp {
            timeout: self.connections.keepalive(),
        };
        while self.replies.len() < REPLIES_MAX
            && let Some((length, rest)) = self.received[start..].split_first_chunk()
        {
            let length = usize::from(u16::from_be_bytes(*length));
            if length > QUERY_MAX {
                result = Err(invalid("a query longer than any we take"));
                break;
            }
            let Some(query) = rest.get(..length) else {
                break;
            };
            self.reply.clear();
            let reply = &mut self.reply;
            let handled = if mem::take(&mut self.has_waited) {
                let answered = self.handler.finish(query, self.source, transport, reply);
                if answered {
                    Handled::Answered
                } else {
                    Handled::Silent
                }
            } else {
                self.handler.handle(query, self.source, transport, reply)
            };
            let answered = handled.is_answered();
            if let Handled::Later(later) = handled {
                self.has_waited = true;
                self.later = Some(later);
                break;
            }
            start += LENGTH_LEN + length;
            let Some(reply_length) = u16::try_from(self.reply.len()).ok().filter(|_| answered)
            else {
                result = Err(invalid("not a query to answer"));
                break;
            };
            self.replies.extend_from_slice(&reply_length.to_be_bytes());
            self.replies.extend_from_slice(&self.reply);
        }
        self.received.drain(..start);
        result
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
