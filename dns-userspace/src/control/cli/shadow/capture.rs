//! Live queries as they come to the other server, where this is its host: seen on their way,
//! which they go on.
//!
//! A packet socket gets those alone that a filter in the kernel lets through. Only what comes
//! in is seen, and nothing that the host asks itself, such as what is asked here.

use std::{
    io::Read as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::atomic::Ordering::Relaxed,
};

use domain::base::{
    Message,
    iana::{Class, Opcode},
    name::ToName as _,
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::feeder::{Passed, Questions};
use crate::shadow::Question;

/// Octets of an IP header without options, by version, and of a UDP one.
const IPV4: usize = 20;
const IPV6: usize = 40;
const UDP: usize = 8;
const UDP_PROTOCOL: u8 = 17;

/// What Ethernet calls them.
const ETHERNET_IPV4: u16 = 0x0800;
const ETHERNET_IPV6: u16 = 0x86dd;

/// The part of an IPv4 header's flags that is the fragment's offset.
const FRAGMENT: u16 = 0x1fff;

/// Octets of a packet that are looked at; queries are far shorter.
const PACKET_MAX: usize = 2048;

/// A socket that sees queries to one server.
#[derive(Debug)]
pub(super) struct Capture {
    socket: Socket,
    server: SocketAddr,
}

impl Capture {
    /// Sees what comes to `server` from now on.
    pub(super) fn of(server: SocketAddr) -> Result<Self, String> {
        let protocol = match server {
            SocketAddr::V4(_) => ETHERNET_IPV4,
            SocketAddr::V6(_) => ETHERNET_IPV6,
        };
        let protocol = Protocol::from(i32::from(protocol.to_be()));
        let opened = || {
            // Packets from their IP header on, whatever link they came by.
            let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol))?;
            socket.attach_filter(&filter(server))?;
            Ok(socket)
        };
        let socket = opened().map_err(|error: std::io::Error| {
            format!("a socket that sees packets: {error}; it takes root, or CAP_NET_RAW")
        })?;
        Ok(Self { socket, server })
    }
}

impl Questions for Capture {
    fn next(&mut self, passed: &Passed) -> Result<Option<Question>, String> {
        let mut packet = [0; PACKET_MAX];
        loop {
            let read = self.socket.read(&mut packet);
            let octets = read.map_err(|error| format!("reading packets: {error}"))?;
            let Some((from, message)) = query(&packet[..octets], self.server) else {
                continue;
            };
            match question(from, message) {
                Some(question) => return Ok(Some(question)),
                None => passed.unreadable.fetch_add(1, Relaxed),
            };
        }
    }

    fn is_live(&self) -> bool {
        true
    }
}

/// Who sent the UDP datagram in `packet` to `server`, and its content; `None` of what is no
/// such datagram, or is of the server's own host.
fn query(packet: &[u8], server: SocketAddr) -> Option<(IpAddr, &[u8])> {
    let (protocol, [source, destination], datagram) = match packet.first()? >> 4 {
        4 => {
            let header = packet.get(..IPV4)?;
            let octets = usize::from(header[0] & 0x0f) * 4;
            let fragment = u16::from_be_bytes([header[6], header[7]]) & FRAGMENT;
            if fragment != 0 {
                return None;
            }
            let address = |at: usize| {
                let octets: [u8; 4] = header[at..at + 4].try_into().ok()?;
                Some(IpAddr::from(Ipv4Addr::from(octets)))
            };
            let end = usize::from(u16::from_be_bytes([header[2], header[3]]));
            let datagram = packet.get(octets.max(IPV4)..end)?;
            (header[9], [address(12)?, address(16)?], datagram)
        }
        6 => {
            let header = packet.get(..IPV6)?;
            let address = |at: usize| {
                let octets: [u8; 16] = header[at..at + 16].try_into().ok()?;
                Some(IpAddr::from(Ipv6Addr::from(octets)))
            };
            let octets = usize::from(u16::from_be_bytes([header[4], header[5]]));
            let datagram = packet.get(IPV6..IPV6 + octets)?;
            (header[6], [address(8)?, address(24)?], datagram)
        }
        _ => return None,
    };
    let (header, message) = datagram.split_at_checked(UDP)?;
    let port = u16::from_be_bytes([header[2], header[3]]);
    let is_meant = protocol == UDP_PROTOCOL && SocketAddr::new(destination, port) == server;
    (is_meant && source != destination).then_some((source, message))
}

/// The question that `message` asks, if it is a query of class IN.
fn question(from: IpAddr, message: &[u8]) -> Option<Question> {
    let message = Message::from_octets(message).ok()?;
    let header = message.header();
    let question = message.sole_question().ok()?;
    let is_query = !header.qr() && header.opcode() == Opcode::QUERY;
    (is_query && question.qclass() == Class::IN).then(|| Question {
        name: question.qname().to_name(),
        rtype: question.qtype(),
        from,
    })
}

/// What lets UDP datagrams to `server` through, but for later fragments: a program of classic
/// BPF, which begins at the IP header.
fn filter(server: SocketAddr) -> Vec<SockFilter> {
    let load = libc::BPF_LD | libc::BPF_ABS;
    let is = |value| (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value);
    let mut steps = Vec::new();
    let port = u32::from(server.port());
    match server.ip() {
        IpAddr::V4(address) => {
            steps.push((load | libc::BPF_B, 9));
            steps.push(is(UDP_PROTOCOL.into()));
            steps.push((load | libc::BPF_W, 16));
            steps.push(is(address.to_bits()));
            steps.push((load | libc::BPF_H, 6));
            steps.push((libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, FRAGMENT.into()));
            steps.push(is(0));
            // The length of the header, then what is behind it.
            steps.push((libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0));
            steps.push((libc::BPF_LD | libc::BPF_IND | libc::BPF_H, 2));
            steps.push(is(port));
        }
        IpAddr::V6(address) => {
            steps.push((load | libc::BPF_B, 6));
            steps.push(is(UDP_PROTOCOL.into()));
            for (at, word) in (24..).step_by(4).zip(address.octets().chunks(4)) {
                let word = word
                    .iter()
                    .fold(0, |word, octet| word << 8 | u32::from(*octet));
                steps.push((load | libc::BPF_W, at));
                steps.push(is(word));
            }
            steps.push((load | libc::BPF_H, IPV6 as u32 + 2));
            steps.push(is(port));
        }
    }
    steps.push((libc::BPF_RET | libc::BPF_K, PACKET_MAX as u32));
    steps.push((libc::BPF_RET | libc::BPF_K, 0));
    let last = steps.len() - 1;
    let programmed = steps.into_iter().enumerate().map(|(at, (code, value))| {
        // Whatever is not as it has to be ends at the last step, which lets nothing through.
        let is_jump = code & 0x07 == libc::BPF_JMP;
        let otherwise = if is_jump { last - at - 1 } else { 0 };
        SockFilter::new(code as u16, 0, otherwise as u8, value)
    });
    programmed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: [&str; 2] = ["192.0.2.53:53", "[2001:db8::53]:53"];

    /// A packet from a resolver, whose message is `message`.
    fn packet(server: SocketAddr, message: &[u8]) -> Vec<u8> {
        let octets = (UDP + message.len()) as u16;
        let mut packet = match server.ip() {
            IpAddr::V4(address) => {
                let mut header = vec![0x45; IPV4];
                header[2..4].copy_from_slice(&(IPV4 as u16 + octets).to_be_bytes());
                header[6..8].copy_from_slice(&[0x40, 0]);
                header[9] = UDP_PROTOCOL;
                header[12..16].copy_from_slice(&[192, 0, 2, 7]);
                header[16..].copy_from_slice(&address.octets());
                header
            }
            IpAddr::V6(address) => {
                let mut header = vec![0x60; IPV6];
                header[4..6].copy_from_slice(&octets.to_be_bytes());
                header[6] = UDP_PROTOCOL;
                header[24..].copy_from_slice(&address.octets());
                header
            }
        };
        let port = server.port().to_be_bytes();
        packet.extend([0xd4, 0x31, port[0], port[1], 0, 0, 0, 0]);
        packet.extend(message);
        packet
    }

    #[test]
    fn a_query_is_one_to_the_server_from_elsewhere() {
        for server in SERVERS {
            let server: SocketAddr = server.parse().unwrap();
            let whole = packet(server, b"message");
            let (from, message) = query(&whole, server).expect("it is one");
            assert_eq!((from == server.ip(), message), (false, &b"message"[..]));
            // Frames are padded.
            let padded = [&whole[..], &[0; 9]].concat();
            assert_eq!(query(&padded, server).map(|(_, it)| it.len()), Some(7));
            for cut in 0..whole.len() {
                assert_eq!(query(&whole[..cut], server), None, "{cut}");
            }
            let other = SocketAddr::new(server.ip(), 5353);
            assert_eq!(query(&whole, other), None);
            let other: SocketAddr = "192.0.2.54:53".parse().unwrap();
            assert_eq!(query(&whole, other), None);
            let mut own = whole.clone();
            let (source, end) = if server.is_ipv4() { (12, 16) } else { (8, 24) };
            own.copy_within(end..2 * end - source, source);
            assert_eq!(query(&own, server), None);
        }
        let server = SERVERS[0].parse().unwrap();
        let mut fragment = packet(server, b"message");
        fragment[7] = 1;
        assert_eq!(query(&fragment, server), None);
    }

    #[test]
    fn a_question_is_a_querys_of_class_in() {
        let from = IpAddr::from([192, 0, 2, 7]);
        let asked = Question::of("www.example.", "AAAA", from).unwrap();
        let message = asked.query(true);
        assert_eq!(question(from, &message), Some(asked));
        let changed = |at: usize, octet: u8| {
            let mut message = message.clone();
            message[at] = octet;
            question(from, &message)
        };
        // A response, an update, no question, another class.
        for (at, octet) in [(2, 0x80), (2, 0x28), (5, 0), (12 + 13 + 3, 3)] {
            assert_eq!(changed(at, octet), None, "{at}");
        }
    }

    #[test]
    fn every_condition_of_the_filter_ends_where_nothing_passes() {
        for (server, steps) in SERVERS.into_iter().zip([12, 14]) {
            assert_eq!(filter(server.parse().unwrap()).len(), steps);
        }
    }
}
