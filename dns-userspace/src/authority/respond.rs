//! From a query's bytes to a reply's bytes, without I/O.

use std::net::IpAddr;

use domain::base::{
    Rtype,
    iana::{Class, Opcode, OptRcode},
};

use super::{
    Steering,
    edns::{self, Edns},
    encode::Frame,
    lookup::lookup,
    query::{self, HEADER_LEN, Query},
    zones::Zones,
};
use crate::model::Name;

/// What every requester without EDNS takes over UDP, octets (RFC 1035 section 2.3.4).
pub const UDP_PAYLOAD_MIN: u16 = 512;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// On a stream.
    Tcp,
}

/// The sizes a reply keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The UDP payload size we announce and never exceed, octets, 512 to 65 535.
    pub udp_payload: u16,
}

impl Default for Limits {
    /// 1232 octets: fits an IPv6 packet of the smallest MTU, unfragmented.
    fn default() -> Self {
        Self { udp_payload: 1232 }
    }
}

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The reply stands in `out`.
    Answered(OptRcode),
    /// Nothing is to be sent; `out` is empty.
    Silent(Silence),
}

/// Why nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Shorter than a header.
    Runt,
    /// A response: answering it could go on for ever.
    Response,
}

/// Answers `query` from `source` into `out`, whose content is replaced.
pub fn respond(
    query: &[u8],
    source: IpAddr,
    transport: Transport,
    zones: &Zones,
    steering: &(impl Steering + ?Sized),
    limits: Limits,
    out: &mut Vec<u8>,
) -> Outcome {
    out.clear();
    if query.len() < HEADER_LEN {
        return Outcome::Silent(Silence::Runt);
    }
    let header = query::header(query);
    if header.qr() {
        return Outcome::Silent(Silence::Response);
    }
    let mut frame = Frame {
        header,
        limit: reply_limit(transport, None, limits),
        edns: None,
    };
    if header.opcode() != Opcode::QUERY {
        frame.error::<Name>(None, OptRcode::NOTIMP, out);
        return Outcome::Answered(OptRcode::NOTIMP);
    }
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(malformed) => {
            frame.error(malformed.question, OptRcode::FORMERR, out);
            return Outcome::Answered(OptRcode::FORMERR);
        }
    };
    frame.limit = reply_limit(transport, query.edns, limits);
    frame.edns = query.edns.map(|edns| (edns, limits.udp_payload));
    if let Some(rcode) = refusal(&query) {
        frame.error(Some(query.question()), rcode, out);
        return Outcome::Answered(rcode);
    }
    let response = lookup(zones, &query.name, query.rtype, source, steering);
    frame.reply(&query, &response, out);
    Outcome::Answered(OptRcode::from_rcode(response.rcode))
}

/// The error for a question that no lookup can answer.
fn refusal(query: &Query) -> Option<OptRcode> {
    if query.edns.is_some_and(|edns| edns.version != edns::VERSION) {
        return Some(OptRcode::BADVERS);
    }
    let transfer = matches!(query.rtype, Rtype::AXFR | Rtype::IXFR);
    (query.class != Class::IN || transfer).then_some(OptRcode::REFUSED)
}

/// Octets the reply may have (RFC 6891 section 6.2.5).
fn reply_limit(transport: Transport, edns: Option<Edns>, limits: Limits) -> usize {
    let octets = match (transport, edns) {
        (Transport::Tcp, _) => u16::MAX,
        (Transport::Udp, None) => UDP_PAYLOAD_MIN,
        (Transport::Udp, Some(edns)) => edns
            .udp_payload
            .min(limits.udp_payload)
            .max(UDP_PAYLOAD_MIN),
    };
    usize::from(octets)
}

#[cfg(test)]
mod tests;
