//! Ethernet/VLAN → IPv4/IPv6 → UDP: is this a query for one of our addresses?

use dns_common::{
    ask::HEADER,
    outcome::{OrStop as _, Outcome, stop},
    reply::is_intact,
    tables::{Generation, Source, Tables as _, address},
};

use crate::{
    count::Tally,
    decide::Maps,
    packet::{Frame, Window, add},
};

/// Length of a UDP header, octets.
pub(crate) const UDP_HEADER: usize = 8;
/// Length of an IPv4 header without options, octets.
pub(crate) const IPV4_HEADER: usize = 20;
/// Length of an IPv6 header, octets.
pub(crate) const IPV6_HEADER: usize = 40;
/// Length of an Ethernet header without tags, octets.
pub(crate) const ETHERNET_HEADER: usize = 14;
/// Bit of a MAC address's first octet: multicast or broadcast (IEEE 802).
const GROUP_ADDRESS: u8 = 1;
const VLAN_TAG: usize = 4;
const VLAN_TAGS_MAX: usize = 2;
/// Offset of the IP header at most.
pub(crate) const NETWORK_MAX: usize = ETHERNET_HEADER + VLAN_TAGS_MAX * VLAN_TAG;
/// Offset of the UDP header at most.
pub(crate) const TRANSPORT_MAX: usize = NETWORK_MAX + IPV6_HEADER;

/// Offset of the DNS message at most, and every bit of it.
pub(crate) const MESSAGE_MAX: usize = (TRANSPORT_MAX + UDP_HEADER).next_power_of_two() - 1;
/// Offset of the DNS message at least.
pub(crate) const MESSAGE_MIN: usize = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER;

// EtherTypes in wire order, as little-endian pairs.
pub(crate) const IPV4: u16 = 0x0008;
const IPV6: u16 = 0xdd86;
const VLAN: u16 = 0x0081; // IEEE 802.1Q
const SERVICE_VLAN: u16 = 0xa888; // IEEE 802.1ad

/// Protocol number of UDP.
pub(crate) const UDP: u8 = 17;
/// Version 4, five words of header: no options.
const IPV4_PLAIN: u8 = 0x45;
/// More-fragments and the offset, in wire order.
const FRAGMENT: u16 = 0xff3f;
/// Hop-by-hop, routing, fragment, ESP, AH, no-next-header, destination options,
/// mobility, HIP, shim6 (IANA protocol numbers of IPv6 extension headers).
const EXTENSIONS: [u8; 10] = [0, 43, 44, 50, 51, 59, 60, 135, 139, 140];

/// A UDP datagram for us.
pub(crate) struct Query {
    /// Offset of the IP header.
    pub(crate) network: usize,
    /// Offset of the UDP header.
    pub(crate) transport: usize,
    /// Length of the DNS message, octets.
    pub(crate) len: usize,
    /// The resolver.
    pub(crate) source: Source,
    /// The address of ours that it asked; see [`address::words`].
    pub(crate) destination: (u64, u64),
}

/// Octets of all headers of a query over IPv4 without tags and options, that of the
/// message included.
const PLAIN: usize = MESSAGE_MIN + HEADER;

/// The headers of a query as most are, all at offsets known ahead.
pub(crate) struct Plain(Window<PLAIN>);

impl Plain {
    /// Those of `frame`; `None` where it is something else.
    #[inline(always)]
    pub(crate) fn of(frame: &Frame) -> Option<Self> {
        let headers = frame.start::<PLAIN>()?;
        let is_plain =
            headers.pair::<12>() == IPV4 && headers.octet::<ETHERNET_HEADER>() == IPV4_PLAIN;
        is_plain.then_some(Self(headers))
    }

    /// NSCOUNT and ARCOUNT of the message, octets as a little-endian half.
    #[inline(always)]
    pub(crate) fn records(&self) -> u32 {
        self.message().half::<8>()
    }

    /// The header of the message.
    #[inline(always)]
    pub(crate) fn message(&self) -> Window<HEADER> {
        self.0.part::<MESSAGE_MIN, HEADER>()
    }

    /// The datagram; `Err` says why it is not for the fast path.
    #[inline(always)]
    pub(crate) fn receive(&self, frame: &Frame, generation: &Generation) -> Result<Query, Outcome> {
        const TRANSPORT: usize = ETHERNET_HEADER + IPV4_HEADER;
        let ip = self.0.part::<ETHERNET_HEADER, IPV4_HEADER>();
        let packet = ipv4(ip, ETHERNET_HEADER)?;
        let ethernet = self.0.part::<0, ETHERNET_HEADER>();
        packet.is_ours(ethernet, generation)?;
        let udp = self.0.part::<TRANSPORT, UDP_HEADER>();
        packet.datagram(ethernet, udp, frame, generation)
    }
}

/// Finds the datagram in any `frame`; `Err` says why it is not for the fast path.
#[inline(always)]
pub(crate) fn receive(
    frame: &Frame,
    generation: &Generation,
    tally: &Tally,
) -> Result<Query, Outcome> {
    let ethernet = frame.start::<ETHERNET_HEADER>().or_stop(Outcome::UpNotIp)?;
    let mut protocol = ethernet.pair::<12>();
    let mut network = ETHERNET_HEADER;
    for _ in 0..VLAN_TAGS_MAX {
        if protocol != VLAN && protocol != SERVICE_VLAN {
            break;
        }
        let tag = frame
            .window::<VLAN_TAG>(network)
            .or_stop(Outcome::UpNotIp)?;
        protocol = tag.pair::<2>();
        network += VLAN_TAG;
    }
    // From here on one state for all depths of tags.
    let tags = tally.forget::<{ VLAN_TAGS_MAX * VLAN_TAG }>(network - ETHERNET_HEADER);
    let network = ETHERNET_HEADER + tags;

    let packet = match protocol {
        IPV4 => {
            let ip = frame.window(network).or_stop(Outcome::UpLength)?;
            check_plain(ip)?;
            ipv4(ip, network)?
        }
        IPV6 => ipv6(frame.window(network).or_stop(Outcome::UpLength)?, network)?,
        _ => return stop(Outcome::UpNotIp),
    };
    packet.is_ours(ethernet, generation)?;
    let udp = frame
        .window::<UDP_HEADER>(packet.transport)
        .or_stop(Outcome::UpLength)?;
    packet.datagram(ethernet, udp, frame, generation)
}

/// A source address as it stands in the packet, octets as little-endian words: of
/// IPv4 the second.
#[derive(Clone, Copy)]
struct Sender {
    is_v4: bool,
    first: u64,
    second: u64,
}

impl Sender {
    /// Whether a reply may go to it: not this network, loopback, multicast or
    /// reserved in IPv4 (RFC 6890); not in `::/64` (unspecified, loopback, mapped
    /// IPv4) or multicast in IPv6 (RFC 4291).
    #[inline(always)]
    fn is_unicast(self) -> bool {
        if self.is_v4 {
            !matches!(self.second as u8, 0 | 127 | 224..)
        } else {
            self.first != 0 && self.first as u8 != 0xff
        }
    }

    /// See [`address::words`].
    #[inline(always)]
    fn words(self) -> (u64, u64) {
        if self.is_v4 {
            address::v4_words(self.second as u32)
        } else {
            (self.first, self.second)
        }
    }

    #[inline(always)]
    fn source(self) -> Source {
        if self.is_v4 {
            Source::V4((self.second as u32).swap_bytes())
        } else {
            Source::V6(self.first.swap_bytes(), self.second.swap_bytes())
        }
    }
}

/// What the IP headers say.
struct Packet {
    /// Offset of the IP header.
    network: usize,
    /// Offset of the transport header.
    transport: usize,
    source: Sender,
    /// See [`address::words`].
    destination: (u64, u64),
    /// Length of what follows the IP headers, octets.
    payload: usize,
    /// The header's own checksum, where it has one, is right.
    intact: bool,
}

impl Packet {
    /// Whether it is sent to us, and to us alone.
    #[inline(always)]
    fn is_ours(
        &self,
        ethernet: Window<ETHERNET_HEADER>,
        generation: &Generation,
    ) -> Result<(), Outcome> {
        // A group's MAC address cannot become the source of the reply.
        let to_many = ethernet.octet::<0>() & GROUP_ADDRESS != 0;
        if to_many || !Maps.serves(generation, self.destination) {
            return stop(Outcome::UpOtherAddress);
        }
        Ok(())
    }

    /// The datagram in it with the header `udp`.
    #[inline(always)]
    fn datagram(
        &self,
        ethernet: Window<ETHERNET_HEADER>,
        udp: Window<UDP_HEADER>,
        frame: &Frame,
        generation: &Generation,
    ) -> Result<Query, Outcome> {
        if udp.pair::<2>() != generation.port {
            return stop(Outcome::UpOtherPort);
        }
        // The datagram fills the IP payload, which the frame holds whole, and its header,
        // which the frame has. Less than that is more than any frame.
        let len = self.payload.wrapping_sub(UDP_HEADER);
        let rest = frame.len().wrapping_sub(self.transport + UDP_HEADER);
        if usize::from(udp.pair::<4>().swap_bytes()) != self.payload || len > rest {
            return stop(Outcome::UpLength);
        }
        let summed = self.source.is_v4 || udp.pair::<6>() != 0;
        if !self.intact || !summed {
            return stop(Outcome::UpChecksum);
        }
        let from_many = ethernet.octet::<6>() & GROUP_ADDRESS != 0;
        if from_many
            || udp.pair::<0>() == 0
            || !self.source.is_unicast()
            || Maps.serves_seldom(generation, self.source.words())
        {
            return stop(Outcome::UpSource);
        }
        Ok(Query {
            network: self.network,
            transport: self.transport,
            len,
            source: self.source.source(),
            destination: self.destination,
        })
    }
}

/// Whether the IPv4 header is one without options.
#[inline(always)]
fn check_plain(ip: Window<IPV4_HEADER>) -> Result<(), Outcome> {
    match ip.octet::<0>() {
        IPV4_PLAIN => Ok(()),
        options if options & 0xf0 == 0x40 && options & 0xf > 5 => stop(Outcome::UpIpv4Options),
        _ => stop(Outcome::UpLength),
    }
}

/// The IPv4 header, which has no options.
#[inline(always)]
fn ipv4(ip: Window<IPV4_HEADER>, network: usize) -> Result<Packet, Outcome> {
    if ip.pair::<6>() & FRAGMENT != 0 {
        return stop(Outcome::UpFragment);
    }
    if ip.octet::<9>() != UDP {
        return stop(Outcome::UpNotUdp);
    }
    let total = usize::from(ip.pair::<2>().swap_bytes());
    if total < IPV4_HEADER {
        return stop(Outcome::UpLength);
    }
    let sum = [
        ip.half::<0>(),
        ip.half::<4>(),
        ip.half::<8>(),
        ip.half::<12>(),
    ];
    let sum = sum.map(u64::from).iter().sum();
    let sum = add(sum, u64::from(ip.half::<16>()));
    Ok(Packet {
        network,
        transport: network + IPV4_HEADER,
        source: Sender {
            is_v4: true,
            first: 0,
            second: u64::from(ip.half::<12>()),
        },
        destination: address::v4_words(ip.half::<16>()),
        payload: total - IPV4_HEADER,
        intact: is_intact(sum),
    })
}

#[inline(always)]
fn ipv6(ip: Window<IPV6_HEADER>, network: usize) -> Result<Packet, Outcome> {
    if ip.octet::<0>() & 0xf0 != 0x60 {
        return stop(Outcome::UpLength);
    }
    let next = ip.octet::<6>();
    if next != UDP {
        return Err(if EXTENSIONS.contains(&next) {
            Outcome::UpIpv6Extension
        } else {
            Outcome::UpNotUdp
        });
    }
    let destination = (ip.word::<24>(), ip.word::<32>());
    if address::is_v4(destination) {
        return stop(Outcome::UpOtherAddress);
    }
    Ok(Packet {
        network,
        transport: network + IPV6_HEADER,
        source: Sender {
            is_v4: false,
            first: ip.word::<8>(),
            second: ip.word::<16>(),
        },
        destination,
        payload: usize::from(ip.pair::<4>().swap_bytes()),
        intact: true,
    })
}
