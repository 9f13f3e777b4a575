//! Asking other DNS: over UDP from a port and with an ID that nobody knows, over TCP what
//! does not fit, one resolver after the other.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout, timeout_at},
};

use super::reply::{Fault, PAYLOAD, Question, Told};

/// How long a resolver has for its reply, so that a query that waits sees a second one
/// asked.
const UDP_PATIENCE: Duration = Duration::from_millis(400);

/// The same over TCP, which takes two round trips more.
const TCP_PATIENCE: Duration = Duration::from_secs(1);

/// How often each resolver is asked: a datagram may be lost.
const ROUNDS: usize = 2;

/// Who is asked for a name.
#[derive(Debug)]
pub(super) struct Resolvers {
    pub(super) addresses: Vec<SocketAddr>,
    /// Whose reply was the last to be of use.
    first: AtomicUsize,
}

impl Resolvers {
    pub(super) fn new(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            first: AtomicUsize::new(0),
        }
    }

    /// Asks one after the other, the last useful one first, until one knows. Datagrams
    /// that are no reply to what was asked count as `refused`.
    ///
    /// The error is that of the last.
    pub(super) async fn ask(
        &self,
        question: &Question,
        refused: &AtomicU64,
    ) -> Result<Told, String> {
        let count = self.addresses.len();
        let first = self.first.load(Relaxed);
        let mut error = "there is no resolver to ask".to_owned();
        for turn in 0..count * ROUNDS {
            let number = (first + turn) % count;
            let address = self.addresses[number];
            match ask(address, question, refused).await {
                Ok(told) => {
                    self.first.store(number, Relaxed);
                    return Ok(told);
                }
                Err(reason) => error = format!("{address}: {reason}"),
            }
        }
        Err(error)
    }
}

/// Asks one resolver.
async fn ask(
    resolver: SocketAddr,
    question: &Question,
    refused: &AtomicU64,
) -> Result<Told, String> {
    // Unlike any number that is guessed from outside.
    let id = RandomState::new().build_hasher().finish() as u16;
    let asked = ask_over_udp(resolver, question, id, refused).await;
    match asked.map_err(|error| error.to_string())? {
        Err(Fault::Truncated) => {}
        told => return told.map_err(|fault| fault.to_string()),
    }
    let asked = timeout(TCP_PATIENCE, ask_over_tcp(resolver, question, id)).await;
    let Ok(asked) = asked else {
        return Err(format!("no reply over TCP in {TCP_PATIENCE:?}"));
    };
    let told = asked.map_err(|error| format!("over TCP: {error}"))?;
    if matches!(told, Err(Fault::Foreign(_))) {
        refused.fetch_add(1, Relaxed);
    }
    told.map_err(|fault| format!("over TCP: {fault}"))
}

/// What a socket that gets datagrams of `resolver` alone was told: the first that is a
/// reply to the question.
async fn ask_over_udp(
    resolver: SocketAddr,
    question: &Question,
    id: u16,
    refused: &AtomicU64,
) -> io::Result<Result<Told, Fault>> {
    let any: IpAddr = match resolver {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // The system picks a port at random.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(resolver).await?;
    socket.send(&question.query(id)).await?;
    let deadline = Instant::now() + UDP_PATIENCE;
    // One octet more, so that it is seen what was longer.
    let mut octets = [0; PAYLOAD + 1];
    let mut last = None;
    loop {
        let Ok(received) = timeout_at(deadline, socket.recv(&mut octets)).await else {
            let refused = last.map(|reason| format!(" but what was refused: {reason}"));
            return Err(io::Error::other(format!(
                "no reply in {UDP_PATIENCE:?}{}",
                refused.unwrap_or_default()
            )));
        };
        let read = match &octets[..received?] {
            long if long.len() > PAYLOAD => Err(Fault::Foreign("longer than was asked for")),
            reply => question.read(id, reply),
        };
        let Err(Fault::Foreign(reason)) = read else {
            return Ok(read);
        };
        refused.fetch_add(1, Relaxed);
        last = Some(reason);
    }
}

async fn ask_over_tcp(
    resolver: SocketAddr,
    question: &Question,
    id: u16,
) -> io::Result<Result<Told, Fault>> {
    let mut stream = TcpStream::connect(resolver).await?;
    let query = question.query(id);
    let length = (query.len() as u16).to_be_bytes();
    stream.write_all(&[&length[..], &query].concat()).await?;
    let mut reply = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut reply).await?;
    Ok(question.read(id, &reply))
}

#[cfg(test)]
mod tests;
