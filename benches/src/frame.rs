//! Queries as frames.

use std::net::SocketAddrV4;

/// Length of an Ethernet header, octets.
pub(crate) const ETHERNET_HEADER: usize = 14;
/// Length of an IPv4 header without options, octets.
pub(crate) const IPV4_HEADER: usize = 20;

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// Two ends of a link: source and destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    pub(crate) macs: [Mac; 2],
    pub(crate) addresses: [SocketAddrV4; 2],
}

/// `message` over UDP, IPv4 and Ethernet along `path`, without a UDP checksum.
pub(crate) fn of(path: Path, message: &[u8]) -> Vec<u8> {
    let [source, destination] = path.addresses;
    let udp_len = (8 + message.len()) as u16;
    let ip_len = IPV4_HEADER as u16 + udp_len;
    let mut frame = Vec::new();
    frame.extend(path.macs[1]);
    frame.extend(path.macs[0]);
    frame.extend(b"\x08\x00");
    // Version and header length, TOS, length, ID, don't fragment, TTL, UDP, checksum.
    frame.extend(b"\x45\x00");
    frame.extend(ip_len.to_be_bytes());
    frame.extend(b"\x00\x00\x40\x00\x40\x11\x00\x00");
    frame.extend(source.ip().octets());
    frame.extend(destination.ip().octets());
    let checksum = checksum(&frame[ETHERNET_HEADER..]).to_be_bytes();
    frame[ETHERNET_HEADER + 10..ETHERNET_HEADER + 12].copy_from_slice(&checksum);
    frame.extend(source.port().to_be_bytes());
    frame.extend(destination.port().to_be_bytes());
    frame.extend(udp_len.to_be_bytes());
    frame.extend(b"\x00\x00");
    frame.extend(message);
    frame
}

/// The checksum (RFC 1071) of `octets`.
pub(crate) fn checksum(octets: &[u8]) -> u16 {
    let pairs = octets.chunks(2);
    let sum: u32 = pairs
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum + (sum >> 16)) as u16)
}
