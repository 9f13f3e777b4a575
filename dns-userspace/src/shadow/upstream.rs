//! Asking the other server: over UDP, and over TCP what does not fit.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use domain::base::{Message, iana::Rcode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout, timeout_at},
};

use super::{Reply, Side};

/// How long it has for its reply over UDP.
const UDP_PATIENCE: Duration = Duration::from_secs(1);

/// The same over TCP, connecting included.
const TCP_PATIENCE: Duration = Duration::from_secs(2);

/// How often it is asked: a datagram may be lost.
const TRIES: u64 = 2;

/// The longest that a message can be, octets.
const MESSAGE_MAX: usize = 65_535;

/// What came back.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The other server's side.
    pub side: Side,
    /// How often it gave no reply over UDP.
    pub unanswered: u64,
}

/// Asks `upstream`, which takes some seconds at most; the ID of `query` is replaced.
pub async fn ask(upstream: SocketAddr, mut query: Vec<u8>) -> Asked {
    // Unlike any number that is guessed from outside.
    let id = RandomState::new().build_hasher().finish() as u16;
    if let Some(head) = query.first_chunk_mut() {
        *head = id.to_be_bytes();
    }
    let mut unanswered = 0;
    let reply = loop {
        match over_udp(upstream, &query).await {
            Ok(reply) => break Ok(reply),
            Err(error) => {
                unanswered += 1;
                if unanswered == TRIES {
                    break Err(format!("{error}, asked {TRIES} times"));
                }
            }
        }
    };
    let is_truncated = reply.as_ref().is_ok_and(|reply| is_cut_off(reply));
    let reply = if is_truncated {
        let asked = timeout(TCP_PATIENCE, over_tcp(upstream, &query)).await;
        let asked = asked.unwrap_or_else(|_| Err(nothing_within(TCP_PATIENCE)));
        asked.map_err(|error| format!("cut off, and over TCP: {error}"))
    } else {
        reply
    };
    Asked {
        side: Side {
            reply: reply.and_then(|reply| Reply::read(&reply)),
            is_truncated,
        },
        unanswered,
    }
}

/// The first that is a reply to `query` of what comes from there alone.
async fn over_udp(upstream: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr = match upstream {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // The system picks a port at random.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(upstream).await?;
    socket.send(query).await?;
    let deadline = Instant::now() + UDP_PATIENCE;
    let mut octets = vec![0; MESSAGE_MAX];
    loop {
        let received = timeout_at(deadline, socket.recv(&mut octets)).await;
        let received = received.map_err(|_| nothing_within(UDP_PATIENCE))??;
        if is_reply(&octets[..received], query) {
            octets.truncate(received);
            return Ok(octets);
        }
    }
}

async fn over_tcp(upstream: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(upstream).await?;
    let length = (query.len() as u16).to_be_bytes();
    stream.write_all(&[&length[..], query].concat()).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    if is_reply(&reply, query) {
        return Ok(reply);
    }
    Err(io::Error::other("a reply to another question"))
}

fn nothing_within(patience: Duration) -> io::Error {
    io::Error::other(format!("no reply in {patience:?}"))
}

/// Whether `octets` reply to `query`; an error may leave its question out.
fn is_reply(octets: &[u8], query: &[u8]) -> bool {
    let (Ok(reply), Ok(query)) = (Message::from_octets(octets), Message::from_octets(query)) else {
        return false;
    };
    let is_bare_error = || {
        let header = reply.header();
        header.qr()
            && header.id() == query.header().id()
            && header.rcode() != Rcode::NOERROR
            && reply.header_counts().qdcount() == 0
    };
    reply.is_answer(&query) || is_bare_error()
}

fn is_cut_off(reply: &[u8]) -> bool {
    Message::from_octets(reply).is_ok_and(|reply| reply.header().tc())
}

#[cfg(test)]
mod tests;
