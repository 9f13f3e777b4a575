//! The query as a frame.

use crate::fixture::{PORT, RESOLVER, SERVICE_ADDRESS};

const SOURCE_PORT: u16 = 40_000;

/// `message` over UDP, IPv4 and Ethernet from the resolver to the service. The
/// checksums are zero: XDP programs do not look at a query's.
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
    frame.extend(SOURCE_PORT.to_be_bytes());
    frame.extend(PORT.to_be_bytes());
    frame.extend(udp_len.to_be_bytes());
    frame.extend(b"\x00\x00");
    frame.extend(message);
    frame
}
