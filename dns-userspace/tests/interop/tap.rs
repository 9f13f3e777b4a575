//! What recursors and servers say to each other, as it is on the wire.

use std::{
    collections::HashMap,
    io::{self, Read as _},
    mem,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use domain::base::Message;
use socket2::{Domain, Protocol, Socket, Type};
use xtask::lab::Namespace;

use crate::support::tools::Transport;

/// DNS.
const PORT: u16 = 53;
/// More than an Ethernet frame of the usual MTU has.
const FRAME_OCTETS: usize = 2048;
const ETHERNET_OCTETS: usize = 14;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const TCP: u8 = 6;
const UDP: u8 = 17;

/// A DNS message to or from a server.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// From here.
    pub(crate) source: SocketAddr,
    /// To here.
    pub(crate) destination: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) message: Message<Vec<u8>>,
}

/// A socket that sees every frame of its namespace.
pub(crate) struct Tap {
    socket: Socket,
    streams: HashMap<(SocketAddr, SocketAddr), Stream>,
    sent: Vec<Sent>,
}

/// One direction of a TCP connection.
#[derive(Default)]
struct Stream {
    /// Sequence number of the octet after the last one taken.
    next: u32,
    /// Octets that are no whole message yet.
    rest: Vec<u8>,
}

/// What a UDP datagram or a TCP segment carries.
struct Payload<'f> {
    source: SocketAddr,
    destination: SocketAddr,
    /// Of a segment: its sequence number, and whether it opens the connection.
    segment: Option<(u32, bool)>,
    octets: &'f [u8],
}

impl Tap {
    pub(crate) fn new(namespace: &Namespace) -> io::Result<Self> {
        let all = i32::from((libc::ETH_P_ALL as u16).to_be());
        let open = || Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(all)));
        let socket = namespace.run(open).map_err(io::Error::other)??;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            streams: HashMap::new(),
            sent: Vec::new(),
        })
    }

    /// What was sent since the last time, in order. Up to some two hundred
    /// frames wait to be taken.
    #[track_caller]
    pub(crate) fn take(&mut self) -> Vec<Sent> {
        let mut frame = [0; FRAME_OCTETS];
        loop {
            match self.socket.read(&mut frame) {
                Ok(length) => self.see(&frame[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return mem::take(&mut self.sent);
                }
                Err(error) => panic!("read frames: {error}"),
            }
        }
    }

    fn see(&mut self, frame: &[u8]) {
        let Some(payload) = payload(frame) else {
            return;
        };
        let (source, destination) = (payload.source, payload.destination);
        // What is said on the loopback interface is between a recursor and its clients.
        let ports = [source.port(), destination.port()];
        if source.ip() == destination.ip() || !ports.contains(&PORT) {
            return;
        }
        let (transport, messages) = match payload.segment {
            None => (Transport::Udp, vec![payload.octets.to_vec()]),
            Some((sequence, opens)) => {
                let stream = self.streams.entry((source, destination)).or_default();
                let messages = stream.see(sequence, opens, payload.octets);
                (Transport::Tcp, messages)
            }
        };
        self.sent.extend(messages.into_iter().map(|octets| Sent {
            source,
            destination,
            transport,
            message: Message::from_octets(octets).expect("a DNS message has a header"),
        }));
    }
}

impl Stream {
    /// The messages that a segment completes (RFC 1035 section 4.2.2).
    fn see(&mut self, sequence: u32, opens: bool, octets: &[u8]) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        if opens {
            self.next = sequence.wrapping_add(1);
            self.rest.clear();
        } else if sequence == self.next {
            self.next = self.next.wrapping_add(octets.len() as u32);
            self.rest.extend(octets);
        }
        while let Some((length, rest)) = self.rest.split_first_chunk() {
            let Some(message) = rest.get(..u16::from_be_bytes(*length).into()) else {
                break;
            };
            messages.push(message.to_vec());
            self.rest.drain(..length.len() + message.len());
        }
        messages
    }
}

/// `None` where it is neither UDP nor TCP. No recursor sends IP options,
/// extension headers or fragments here.
fn payload(frame: &[u8]) -> Option<Payload<'_>> {
    let (ethernet, packet) = frame.split_at_checked(ETHERNET_OCTETS)?;
    let (protocol, source, destination, packet) = match [ethernet[12], ethernet[13]] {
        IPV4 => {
            let header = packet.get(..20)?;
            let address = |octets: &[u8]| {
                let octets: [u8; 4] = octets.try_into().expect("four of them");
                IpAddr::V4(Ipv4Addr::from(octets))
            };
            // Frames may be padded.
            let length = u16::from_be_bytes([header[2], header[3]]);
            let packet = packet.get(20..length.into())?;
            (
                header[9],
                address(&header[12..16]),
                address(&header[16..]),
                packet,
            )
        }
        IPV6 => {
            let header = packet.get(..40)?;
            let address = |octets: &[u8]| {
                let octets: [u8; 16] = octets.try_into().expect("sixteen of them");
                IpAddr::V6(Ipv6Addr::from(octets))
            };
            let length = u16::from_be_bytes([header[4], header[5]]);
            let packet = packet.get(40..)?.get(..length.into())?;
            (
                header[6],
                address(&header[8..24]),
                address(&header[24..]),
                packet,
            )
        }
        _ => return None,
    };
    let ports = packet.get(..4)?;
    let (segment, octets) = match protocol {
        UDP => (None, packet.get(8..)?),
        TCP => {
            let header = packet.get(..20)?;
            let sequence = u32::from_be_bytes(header[4..8].try_into().expect("four of them"));
            let opens = header[13] & 0x02 != 0;
            let words = usize::from(header[12] >> 4);
            (Some((sequence, opens)), packet.get(words * 4..)?)
        }
        _ => return None,
    };
    Some(Payload {
        source: SocketAddr::new(source, u16::from_be_bytes([ports[0], ports[1]])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([ports[2], ports[3]])),
        segment,
        octets,
    })
}
