//! A frame of a query or a reply, as the kernel tells it: perhaps cut off, and of octets
//! that anybody may have sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

// EtherTypes.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100; // IEEE 802.1Q
const SERVICE_VLAN: u16 = 0x88a8; // IEEE 802.1ad

const MAC_ADDRESSES: usize = 12;
const UDP_HEADER: usize = 8;
const IPV6_HEADER: usize = 40;

/// What a UDP datagram is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram<'f> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// What of the payload is there.
    pub(super) payload: &'f [u8],
}

/// The datagram in a frame; `None` where there is none.
pub(super) fn datagram(frame: &[u8]) -> Option<Datagram<'_>> {
    let mut rest = frame.get(MAC_ADDRESSES..)?;
    let packet = loop {
        let (protocol, after) = rest.split_first_chunk()?;
        match u16::from_be_bytes(*protocol) {
            VLAN | SERVICE_VLAN => rest = after.get(2..)?,
            IPV4 | IPV6 => break after,
            _ => return None,
        }
    };
    let (source, destination, udp) = match packet.first()? >> 4 {
        4 => {
            let header = 4 * usize::from(packet.first()? & 0xf);
            let address = |at: usize| {
                let octets = packet.get(at..)?.first_chunk::<4>()?;
                Some(IpAddr::from(Ipv4Addr::from(*octets)))
            };
            (address(12)?, address(16)?, packet.get(header..)?)
        }
        6 => {
            let address = |at: usize| {
                let octets = packet.get(at..)?.first_chunk::<16>()?;
                Some(IpAddr::from(Ipv6Addr::from(*octets)))
            };
            (address(8)?, address(24)?, packet.get(IPV6_HEADER..)?)
        }
        _ => return None,
    };
    let len = u16::from_be_bytes(*udp.get(4..)?.first_chunk()?);
    let payload = udp.get(UDP_HEADER..)?;
    // Behind it a short frame is filled up.
    let len = usize::from(len).checked_sub(UDP_HEADER)?;
    Some(Datagram {
        source,
        destination,
        payload: &payload[..len.min(payload.len())],
    })
}
