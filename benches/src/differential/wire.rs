//! Frames read and written the plain way, octet by octet: what the program's
//! own way is compared with, so nothing here comes from it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dns_common::outcome::Outcome;

/// Lengths of headers, octets.
pub(super) const ETHERNET: usize = 14;
pub(super) const IPV4: usize = 20;
pub(super) const IPV6: usize = 40;
pub(super) const UDP_HEADER: usize = 8;
/// Protocol number of UDP.
pub(super) const UDP: u8 = 17;

/// A datagram for us, by offsets into its frame.
#[derive(Debug)]
pub(super) struct Datagram {
    /// Of the IP header.
    pub(super) network: usize,
    /// Of the UDP header.
    pub(super) transport: usize,
    /// Of the first octet behind the message.
    pub(super) end: usize,
    pub(super) source: IpAddr,
}

impl Datagram {
    /// The DNS message in `frame`.
    pub(super) fn message<'f>(&self, frame: &'f [u8]) -> &'f [u8] {
        &frame[self.transport + UDP_HEADER..self.end]
    }
}

fn pair(octets: &[u8], at: usize) -> usize {
    usize::from(octets[at]) << 8 | usize::from(octets[at + 1])
}

/// The datagram in `frame` that is for the server at `ours` and `port`, or why
/// the kernel is to leave the frame alone.
pub(super) fn read(frame: &[u8], ours: &[IpAddr], port: u16) -> Result<Datagram, Outcome> {
    if frame.len() < ETHERNET {
        return Err(Outcome::UpNotIp);
    }
    let mut network = ETHERNET;
    while network < ETHERNET + 8 && [0x8100, 0x88a8].contains(&pair(frame, network - 2)) {
        network += 4;
        if frame.len() < network {
            return Err(Outcome::UpNotIp);
        }
    }
    let ip = &frame[network..];
    let (header, payload, source, destination) = match pair(frame, network - 2) {
        0x0800 => ipv4(ip)?,
        0x86dd => ipv6(ip)?,
        _ => return Err(Outcome::UpNotIp),
    };
    if frame[0] & 1 != 0 || !ours.contains(&destination) {
        return Err(Outcome::UpOtherAddress);
    }
    let transport = network + header;
    let udp = &frame[transport..];
    if udp.len() < UDP_HEADER {
        return Err(Outcome::UpLength);
    }
    if pair(udp, 2) != usize::from(port) {
        return Err(Outcome::UpOtherPort);
    }
    if pair(udp, 4) != payload || payload < UDP_HEADER || udp.len() < payload {
        return Err(Outcome::UpLength);
    }
    let broken = source.is_ipv4() && checksum(&ip[..IPV4]) != 0;
    if broken || source.is_ipv6() && pair(udp, 6) == 0 {
        return Err(Outcome::UpChecksum);
    }
    let nobody = match source {
        IpAddr::V4(source) => matches!(source.octets()[0], 0 | 127 | 224..),
        IpAddr::V6(source) => source.octets()[..8] == [0; 8] || source.is_multicast(),
    };
    if frame[6] & 1 != 0 || pair(udp, 0) == 0 || nobody || ours.contains(&source) {
        return Err(Outcome::UpSource);
    }
    Ok(Datagram {
        network,
        transport,
        end: transport + payload,
        source,
    })
}

type Packet = (usize, usize, IpAddr, IpAddr);

/// Length of the header and of what follows it, source, destination.
fn ipv4(ip: &[u8]) -> Result<Packet, Outcome> {
    if ip.len() < IPV4 {
        return Err(Outcome::UpLength);
    }
    match ip[0] {
        0x45 => {}
        0x46..=0x4f => return Err(Outcome::UpIpv4Options),
        _ => return Err(Outcome::UpLength),
    }
    if pair(ip, 6) & 0x3fff != 0 {
        return Err(Outcome::UpFragment);
    }
    if ip[9] != UDP {
        return Err(Outcome::UpNotUdp);
    }
    let payload = pair(ip, 2).checked_sub(IPV4).ok_or(Outcome::UpLength)?;
    let address = |at: usize| Ipv4Addr::new(ip[at], ip[at + 1], ip[at + 2], ip[at + 3]).into();
    Ok((IPV4, payload, address(12), address(16)))
}

fn ipv6(ip: &[u8]) -> Result<Packet, Outcome> {
    if ip.len() < IPV6 || ip[0] >> 4 != 6 {
        return Err(Outcome::UpLength);
    }
    match ip[6] {
        UDP => {}
        0 | 43 | 44 | 50 | 51 | 59 | 60 | 135 | 139 | 140 => return Err(Outcome::UpIpv6Extension),
        _ => return Err(Outcome::UpNotUdp),
    }
    let address = |at: usize| {
        let octets: [u8; 16] = ip[at..at + 16].try_into().expect("sixteen octets");
        Ipv6Addr::from(octets).into()
    };
    Ok((IPV6, pair(ip, 4), address(8), address(24)))
}

/// The frame that carries `message` back to who sent `query`, which holds
/// `datagram`: what the responder promises to write.
pub(super) fn back(query: &[u8], datagram: &Datagram, message: &[u8]) -> Vec<u8> {
    let len = UDP_HEADER + message.len();
    let (network, transport) = (datagram.network, datagram.transport);
    let addresses = if datagram.source.is_ipv4() {
        &query[network + 12..transport]
    } else {
        &query[network + 8..transport]
    };
    let (source, destination) = addresses.split_at(addresses.len() / 2);
    let mut frame = [&query[6..12], &query[..6], &query[12..network]].concat();
    if source.len() == 4 {
        frame.extend([0x45, 0]);
        frame.extend(((IPV4 + len) as u16).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, UDP, 0, 0]);
        frame.extend([destination, source].concat());
        let sum = checksum(&frame[network..]);
        frame[network + 10..network + 12].copy_from_slice(&sum.to_be_bytes());
    } else {
        frame.extend([0x60, 0, 0, 0]);
        frame.extend((len as u16).to_be_bytes());
        frame.extend([UDP, 64]);
        frame.extend([destination, source].concat());
    }
    frame.extend(&query[transport + 2..transport + 4]);
    frame.extend(&query[transport..transport + 2]);
    frame.extend((len as u16).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(message);
    let sum = udp_checksum(destination, source, &frame[transport..]);
    frame[transport + 6..transport + 8].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// The checksum of a datagram whose own is zero (RFC 768, RFC 8200 section 8.1).
pub(super) fn udp_checksum(source: &[u8], destination: &[u8], udp: &[u8]) -> u16 {
    let pseudo_header = sum(source) + sum(destination) + u64::from(UDP) + udp.len() as u64;
    match fold(pseudo_header + sum(udp)) {
        0 => 0xffff,
        checksum => checksum,
    }
}

/// The Internet checksum (RFC 1071 section 1).
pub(super) fn checksum(octets: &[u8]) -> u16 {
    fold(sum(octets))
}

fn sum(octets: &[u8]) -> u64 {
    let pairs = octets.chunks(2);
    pairs
        .map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low)))
        .sum()
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
