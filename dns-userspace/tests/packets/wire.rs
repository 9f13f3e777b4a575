//! Frames and DNS messages written the plain way, octet by octet: what the
//! program under test is compared with, so nothing here comes from it.

use std::net::IpAddr;

use crate::shared::plain::{self, DNSSEC_OK, Opt};

pub(crate) const A: u16 = 1;
pub(crate) const AAAA: u16 = 28;
pub(crate) const TXT: u16 = 16;
pub(crate) const IN: u16 = 1;

/// The UDP payload size that replies announce unless a test says else.
pub(crate) const PAYLOAD: u16 = 1232;

/// What a reply says after the question, and in the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// The header's third and fourth octets, but for RD.
    pub(crate) flags: [u8; 2],
    pub(crate) counts: [u16; 3],
    pub(crate) records: Vec<u8>,
}

impl Body {
    /// The answer section of an authoritative answer.
    pub(crate) fn positive(count: u16, records: Vec<u8>) -> Self {
        Self {
            flags: [0x84, 0],
            counts: [count, 0, 0],
            records,
        }
    }

    /// No records at all.
    pub(crate) fn empty(flags: [u8; 2]) -> Self {
        Self {
            flags,
            counts: [0; 3],
            records: Vec::new(),
        }
    }

    /// The same without its records, and with TC (RFC 2181 section 9).
    pub(crate) fn truncated(&self) -> Self {
        Self::empty([self.flags[0] | 0x02, self.flags[1]])
    }
}

/// One address record set, or one behind a CNAME.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The name that the question's name is an alias of, if it is one.
    pub(crate) alias: Option<Vec<u8>>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) ttl: u32,
}

impl Answer {
    /// Its records as they follow a question, and how many they are
    /// (RFC 1035 section 4.1.3).
    pub(crate) fn records(&self) -> (Vec<u8>, u16) {
        const QUESTION_NAME: [u8; 2] = [0xc0, 12];
        const CNAME: u16 = 5;
        let mut octets = Vec::new();
        let mut count = 0;
        let mut push = |owner: &[u8], rtype: u16, data: &[u8]| {
            octets.extend(owner);
            octets.extend(rtype.to_be_bytes());
            octets.extend(IN.to_be_bytes());
            octets.extend(self.ttl.to_be_bytes());
            octets.extend((data.len() as u16).to_be_bytes());
            octets.extend(data);
            count += 1;
        };
        if let Some(alias) = &self.alias {
            push(&QUESTION_NAME, CNAME, alias);
        }
        let owner = self.alias.as_deref().unwrap_or(&QUESTION_NAME);
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => push(owner, A, &address.octets()),
                IpAddr::V6(address) => push(owner, AAAA, &address.octets()),
            }
        }
        (octets, count)
    }

    /// The reply with it.
    pub(crate) fn body(&self) -> Body {
        let (records, count) = self.records();
        Body::positive(count, records)
    }
}

/// A DNS query with one question (RFC 1035 section 4.1).
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) id: u16,
    pub(crate) recursion_desired: bool,
    /// In wire form, case as asked.
    pub(crate) name: Vec<u8>,
    pub(crate) rtype: u16,
    pub(crate) opt: Option<Opt>,
}

impl Question {
    pub(crate) fn new(name: &[u8], rtype: u16) -> Self {
        Self {
            id: 0x1234,
            recursion_desired: true,
            name: name.to_vec(),
            rtype,
            opt: None,
        }
    }

    /// The same with an OPT record.
    pub(crate) fn with(self, opt: Opt) -> Self {
        Self {
            opt: Some(opt),
            ..self
        }
    }

    pub(crate) fn query(&self) -> Vec<u8> {
        let mut message = plain::query(&self.name, self.rtype);
        message[..2].copy_from_slice(&self.id.to_be_bytes());
        message[2] = u8::from(self.recursion_desired);
        match &self.opt {
            Some(opt) => plain::with_opt(&message, opt),
            None => message,
        }
    }

    /// The authoritative reply with `answer`.
    pub(crate) fn reply(&self, answer: &Answer) -> Vec<u8> {
        self.reply_of(&answer.body())
    }

    /// The reply with `body`, and an OPT record without options if the query has
    /// one.
    pub(crate) fn reply_of(&self, body: &Body) -> Vec<u8> {
        self.reply_with(body, &self.plain_opt())
    }

    /// The reply with `body`, and `opt` if the query has an OPT record.
    pub(crate) fn reply_with(&self, body: &Body, opt: &Opt) -> Vec<u8> {
        let opt = self.opt.as_ref().map(|_| opt);
        plain::reply(&self.query(), body.flags, body.counts, &body.records, opt)
    }

    /// The OPT record of a reply without options: DO is the query's.
    pub(crate) fn plain_opt(&self) -> Opt {
        let flags = self.opt.as_ref().map_or(0, |opt| opt.flags & DNSSEC_OK);
        Opt {
            payload: PAYLOAD,
            flags,
            ..Opt::default()
        }
    }
}

/// What surrounds a DNS message on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) source_mac: [u8; 6],
    pub(crate) destination_mac: [u8; 6],
    /// VLAN tags, outermost first: `EtherType` and tag control information.
    pub(crate) tags: Vec<(u16, u16)>,
    pub(crate) source: (IpAddr, u16),
    pub(crate) destination: (IpAddr, u16),
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// IPv4 TOS or IPv6 traffic class; not zero in what clients send.
    pub(crate) tos: u8,
    /// IPv4 identification, or IPv6 flow label.
    pub(crate) identification: u16,
    /// IPv4 flags and fragment offset.
    pub(crate) fragment: u16,
    pub(crate) with_checksum: bool,
}

impl Datagram {
    /// A query's way from `source` to port 53 of `destination`.
    pub(crate) fn new(source: IpAddr, destination: IpAddr) -> Self {
        Self {
            source_mac: [2, 0, 0, 0, 0, 0xc1],
            destination_mac: [2, 0, 0, 0, 0, 0x5e],
            tags: Vec::new(),
            source: (source, 54321),
            destination: (destination, 53),
            ttl: 57,
            tos: 0x08,
            identification: 0x3412,
            fragment: 0,
            with_checksum: true,
        }
    }

    /// The way back, as the responder promises to write it: TTL 64, and
    /// everything it has no use for zero; don't-fragment set.
    pub(crate) fn back(&self) -> Self {
        Self {
            source_mac: self.destination_mac,
            destination_mac: self.source_mac,
            tags: self.tags.clone(),
            source: self.destination,
            destination: self.source,
            ttl: 64,
            tos: 0,
            identification: 0,
            fragment: 0x4000,
            with_checksum: true,
        }
    }

    /// The whole frame around `payload`.
    pub(crate) fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let ethertype: u16 = match self.source.0 {
            IpAddr::V4(_) => 0x0800,
            IpAddr::V6(_) => 0x86dd,
        };
        let mut frame = [self.destination_mac, self.source_mac].concat();
        for (tag, control) in &self.tags {
            frame.extend(tag.to_be_bytes());
            frame.extend(control.to_be_bytes());
        }
        frame.extend(ethertype.to_be_bytes());
        frame.extend(self.packet(payload));
        frame
    }

    /// Length of what [`Self::frame`] puts before the IP header.
    pub(crate) fn network(&self) -> usize {
        14 + 4 * self.tags.len()
    }

    /// Length of what [`Self::frame`] puts before the UDP header.
    pub(crate) fn transport(&self) -> usize {
        self.network()
            + match self.source.0 {
                IpAddr::V4(_) => 20,
                IpAddr::V6(_) => 40,
            }
    }

    fn packet(&self, payload: &[u8]) -> Vec<u8> {
        const UDP: u8 = 17;
        let length = (8 + payload.len()) as u16;
        let mut udp = Vec::new();
        for number in [self.source.1, self.destination.1, length, 0] {
            udp.extend(number.to_be_bytes());
        }
        udp.extend(payload);

        let addresses = [octets(self.source.0), octets(self.destination.0)].concat();
        let mut pseudo_header = addresses.clone();
        pseudo_header.extend(u32::from(length).to_be_bytes());
        pseudo_header.extend([0, 0, 0, UDP]);
        if self.with_checksum {
            let checksum = match checksum(&[pseudo_header, udp.clone()].concat()) {
                0 => 0xffff, // RFC 768
                checksum => checksum,
            };
            udp[6..8].copy_from_slice(&checksum.to_be_bytes());
        }

        let mut packet = Vec::new();
        if self.source.0.is_ipv4() {
            packet.extend([0x45, self.tos]);
            packet.extend((20 + length).to_be_bytes());
            packet.extend(self.identification.to_be_bytes());
            packet.extend(self.fragment.to_be_bytes());
            packet.extend([self.ttl, UDP, 0, 0]);
            packet.extend(addresses);
            let checksum = checksum(&packet);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        } else {
            packet.extend([0x60 | self.tos >> 4, self.tos << 4]);
            packet.extend(self.identification.to_be_bytes());
            packet.extend(length.to_be_bytes());
            packet.extend([UDP, self.ttl]);
            packet.extend(addresses);
        }
        packet.extend(udp);
        packet
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The Internet checksum (RFC 1071 section 1).
pub(crate) fn checksum(octets: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// A name in wire form from dotted text without escapes, `.` being the root.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let mut name = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        name.push(label.len() as u8);
        name.extend(label.bytes());
    }
    name.push(0);
    name
}

/// `name` with the case of every other letter changed (0x20 queries).
pub(crate) fn mixed_case(name: &[u8]) -> Vec<u8> {
    let turn = |(at, octet): (usize, &u8)| match at % 2 {
        0 => octet.to_ascii_uppercase(),
        _ => octet.to_ascii_lowercase(),
    };
    name.iter().enumerate().map(turn).collect()
}
