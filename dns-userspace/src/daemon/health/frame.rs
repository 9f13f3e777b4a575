//! A query in a frame as it comes in by an interface, and the reply in one that goes out.

use std::net::IpAddr;

/// Octets of an Ethernet header, and of a UDP one.
const ETHERNET: usize = 14;
const UDP: usize = 8;
/// Octets of an IP header without options, by version.
const IPV4: usize = 20;
const IPV6: usize = 40;

/// The port that it is sent from; a dynamic one (RFC 6335 section 6).
const SOURCE_PORT: u16 = 54_321;
const UDP_PROTOCOL: u8 = 17;
const HOPS: u8 = 64;

/// MAC addresses of nobody, destination first, each locally administered.
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

/// The frame of `message` from `source` to `port` of `destination`, which is of the same
/// family.
pub(super) fn around(message: &[u8], source: IpAddr, destination: IpAddr, port: u16) -> Vec<u8> {
    let octets = (UDP + message.len()) as u16;
    let [length, port, from] = [octets, port, SOURCE_PORT].map(u16::to_be_bytes);
    let mut datagram = [from, port, length, [0; 2]].concat();
    datagram.extend(message);
    let addresses = [octets_of(source), octets_of(destination)].concat();
    let pseudo = [&addresses[..], &[0, UDP_PROTOCOL], &length].concat();
    // Of a sum of nothing that would mean that there is none (RFC 768).
    let checksum = match checksum(&[pseudo, datagram.clone()].concat()) {
        0 => 0xffff,
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&checksum.to_be_bytes());
    let (protocol, header) = match source {
        IpAddr::V4(_) => ([0x08, 0x00], ipv4(octets, &addresses)),
        IpAddr::V6(_) => ([0x86, 0xdd], ipv6(octets, &addresses)),
    };
    [&MACS[..], &protocol, &header, &datagram].concat()
}

/// The message in the `frame` that goes back to `source`, if there is one.
pub(super) fn within(frame: &[u8], source: IpAddr) -> Option<&[u8]> {
    let ip = match source {
        IpAddr::V4(_) => IPV4,
        IpAddr::V6(_) => IPV6,
    };
    frame.get(ETHERNET + ip + UDP..)
}

fn ipv4(payload: u16, addresses: &[u8]) -> Vec<u8> {
    let [high, low] = (IPV4 as u16 + payload).to_be_bytes();
    let mut header = vec![0x45, 0, high, low, 0, 0, 0, 0, HOPS, UDP_PROTOCOL, 0, 0];
    header.extend(addresses);
    let checksum = checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&checksum);
    header
}

fn ipv6(payload: u16, addresses: &[u8]) -> Vec<u8> {
    let [high, low] = payload.to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, high, low, UDP_PROTOCOL, HOPS];
    header.extend(addresses);
    header
}

fn octets_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(octets: &[u8]) -> u16 {
    let pairs = octets.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    let mut sum: u32 = pairs.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_rfc() {
        // RFC 1071 section 3.
        let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&octets), !0xddf2);
        assert_eq!(checksum(&[0xff]), !0xff00);
    }

    #[test]
    fn a_frame_has_the_message_where_it_is_looked_for() {
        for [source, destination] in [
            ["198.18.0.1", "192.0.2.53"],
            ["2001:db8::1", "2001:db8::53"],
        ] {
            let [source, destination] =
                [source, destination].map(|address| address.parse().expect("an address"));
            let frame = around(b"message", source, destination, 53);
            assert_eq!(within(&frame, source), Some(&b"message"[..]));
            if source.is_ipv4() {
                // With its checksum a header sums to nothing.
                assert_eq!(checksum(&frame[ETHERNET..][..IPV4]), 0);
            }
        }
        assert_eq!(within(&[0; 40], IpAddr::from([198, 18, 0, 1])), None);
    }
}
