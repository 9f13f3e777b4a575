//! A resolver's side of DNS: a question from one source address, and its answer.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use domain::{
    base::{Message, MessageBuilder, Name, Rtype},
    rdata::{A, Aaaa},
};

use super::Namespace;

/// How long an answer may take unless [`Client::set_timeout`] says else.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Largest response taken, octets.
const RESPONSE_OCTETS: usize = 4096;

/// A resolver: one UDP socket, one question at a time.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    timeout: Duration,
    next_id: u16,
}

impl Client {
    /// Asks `server` from `source`, an address of the namespace.
    pub fn new(namespace: &Namespace, source: IpAddr, server: SocketAddr) -> Result<Self> {
        let connected = || {
            let socket = UdpSocket::bind((source, 0))?;
            socket.connect(server)?;
            Ok::<_, io::Error>(socket)
        };
        let socket = namespace
            .run(connected)?
            .with_context(|| format!("ask {server} from {source}"))?;
        Ok(Self {
            socket,
            timeout: TIMEOUT,
            next_id: 1,
        })
    }

    /// How long an answer may take; above 0.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Asks for the records of `rtype` at `name`, class IN, RD clear, no EDNS.
    pub fn ask(&mut self, name: &str, rtype: Rtype) -> io::Result<Reply> {
        let name: Name<Vec<u8>> = name.parse().map_err(io::Error::other)?;
        let mut query = MessageBuilder::new_vec().question();
        query.header_mut().set_id(self.next_id);
        query.push((name, rtype)).map_err(io::Error::other)?;
        self.next_id = self.next_id.wrapping_add(1);
        let octets = self.exchange(&query.finish())?;
        let message = Message::from_octets(octets).map_err(io::Error::other)?;
        Ok(Reply(message))
    }

    /// Sends `query` and returns the first message back that has its ID (the
    /// first two octets); fails with [`io::ErrorKind::TimedOut`] if none comes.
    pub fn exchange(&self, query: &[u8]) -> io::Result<Vec<u8>> {
        self.socket.send(query)?;
        let deadline = Instant::now() + self.timeout;
        let mut response = [0; RESPONSE_OCTETS];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv(&mut response) {
                Ok(length) if response[..length].get(..2) == query.get(..2) => {
                    return Ok(response[..length].to_vec());
                }
                // Late for an earlier question, which nobody waits for any more.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Reply(pub Message<Vec<u8>>);

impl Reply {
    /// The addresses in its answer section, in order; fails if it is malformed.
    pub fn addresses(&self) -> Result<Vec<IpAddr>> {
        let mut addresses = Vec::new();
        for record in self.0.answer()? {
            let record = record?;
            if let Some(record) = record.to_record::<A>()? {
                addresses.push(record.data().addr().into());
            } else if let Some(record) = record.to_record::<Aaaa>()? {
                addresses.push(record.data().addr().into());
            }
        }
        Ok(addresses)
    }
}
