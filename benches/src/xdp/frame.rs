//! The query as a frame.

use crate::fixture::{PORT, RESOLVER, SERVICE_ADDRESS};

const SOURCE_PORT: u16 = 40_000;
const ETHERNET_HEADER: usize = 14;

/// `message` over UDP, IPv4 and Ethernet from the resolver to the service, without
/// a UDP checksum.
pub(crate) fn of(message: &[u8]) -> Vec<u8> {
    let udp_len = (8 + message.len()) as u16;
    let ip_len = 20 + udp_len;
    let mut frame = Vec::new();
    frame.extend(b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00");
    // Version and header length, TOS, length, ID, don't fragment, TTL, UDP, checksum.
    frame.extend(b"\x45\x00");
    frame.extend(ip_len.to_be_bytes());
    frame.extend(b"\x00\x00\x40\x00\x40\x11\x00\x00");
    frame.extend(RESOLVER.octets());
    frame.extend(SERVICE_ADDRESS.octets());
    let checksum = checksum(&frame[ETHERNET_HEADER..]).to_be_bytes();
    frame[ETHERNET_HEADER + 10..ETHERNET_HEADER + 12].copy_from_slice(&checksum);
    frame.extend(SOURCE_PORT.to_be_bytes());
    frame.extend(PORT.to_be_bytes());
    frame.extend(udp_len.to_be_bytes());
    frame.extend(b"\x00\x00");
    frame.extend(message);
    frame
}

/// The checksum (RFC 1071) of a header of whole pairs of octets.
fn checksum(header: &[u8]) -> u16 {
    let pairs = header.chunks_exact(2);
    let sum: u32 = pairs
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum + (sum >> 16)) as u16)
}
