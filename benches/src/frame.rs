//! Queries as frames.

use std::net::{SocketAddrV4, SocketAddrV6};

/// Length of an Ethernet header, octets.
pub(crate) const ETHERNET_HEADER: usize = 14;
/// Length of an IPv4 header without options, octets.
pub(crate) const IPV4_HEADER: usize = 20;

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// Two ends of a link: source and destination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<A = SocketAddrV4> {
    pub(crate) macs: [Mac; 2],
    pub(crate) addresses: [A; 2],
}

/// `message` over UDP, IPv4 and Ethernet along `path`, without a UDP checksum.
pub(crate) fn of(path: Path, message: &[u8]) -> Vec<u8> {
    let [source, destination] = path.addresses;
    let udp = datagram([source.port(), destination.port()], message);
    let ip_len = (IPV4_HEADER + udp.len()) as u16;
    let mut frame = ethernet(path.macs, *b"\x08\x00");
    // Version and header length, TOS, length, ID, don't fragment, TTL, UDP, checksum.
    frame.extend(b"\x45\x00");
    frame.extend(ip_len.to_be_bytes());
    frame.extend(b"\x00\x00\x40\x00\x40\x11\x00\x00");
    frame.extend(source.ip().octets());
    frame.extend(destination.ip().octets());
    let checksum = checksum(&frame[ETHERNET_HEADER..]).to_be_bytes();
    frame[ETHERNET_HEADER + 10..ETHERNET_HEADER + 12].copy_from_slice(&checksum);
    frame.extend(udp);
    frame
}

/// `message` over UDP, IPv6 and Ethernet along `path`.
pub(crate) fn of_v6(path: Path<SocketAddrV6>, message: &[u8]) -> Vec<u8> {
    const UDP: u8 = 17;
    const HOP_LIMIT: u8 = 64;
    let [source, destination] = path.addresses;
    let mut udp = datagram([source.port(), destination.port()], message);
    let len = (udp.len() as u16).to_be_bytes();
    let addresses = path.addresses.map(|address| address.ip().octets());
    let pseudo_header = [addresses.as_flattened(), &[0, 0], &len, &[0, 0, 0, UDP]].concat();
    // Never 0, which would be none (RFC 8200 section 8.1).
    let checksum = match checksum(&[&pseudo_header[..], &udp].concat()) {
        0 => 0xffff,
        checksum => checksum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = ethernet(path.macs, *b"\x86\xdd");
    frame.extend(b"\x60\x00\x00\x00");
    frame.extend(len);
    frame.extend([UDP, HOP_LIMIT]);
    frame.extend(addresses.as_flattened());
    frame.extend(udp);
    frame
}

/// The header of a frame between `macs` with a payload of `ethertype`.
fn ethernet(macs: [Mac; 2], ethertype: [u8; 2]) -> Vec<u8> {
    let [source, destination] = macs;
    [&destination[..], &source, &ethertype].concat()
}

/// `message` over UDP between `ports`, without a checksum.
fn datagram(ports: [u16; 2], message: &[u8]) -> Vec<u8> {
    let [source, destination] = ports.map(u16::to_be_bytes);
    let len = ((8 + message.len()) as u16).to_be_bytes();
    [&source[..], &destination, &len, &[0, 0], message].concat()
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
