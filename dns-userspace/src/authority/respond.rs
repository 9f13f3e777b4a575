//! From a query's bytes to a reply's bytes, without I/O.

use std::net::IpAddr;

use bytes::Bytes;
use dns_common::ask::Cookie;
use domain::base::{
    Question, Rtype,
    iana::{Class, Opcode, OptRcode},
};

use super::{
    Steering,
    chaos::Chaos,
    edns::{self, Edns, Keepalive, OwnOpt},
    encode::Frame,
    lookup::{Response, lookup},
    query::{self, HEADER_LEN, Malformed, Query},
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
    Tcp {
        /// How long it may be idle from now on, in units of 100 ms; 0 asks the
        /// client to close it (RFC 7828 section 3.3.2).
        timeout: u16,
    },
}

/// What a server says of itself, and the sizes it keeps to.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The UDP payload size we announce and never exceed, octets, 512 to 65 535.
    pub udp_payload: u16,
    /// The identity that NSID asks for (RFC 5001), at most [`NSID_MAX`] octets;
    /// empty is not told.
    pub nsid: Bytes,
    /// What is told in class CHAOS.
    pub chaos: Chaos,
}

/// Octets of the longest NSID: beside it even the longest question fits
/// [`UDP_PAYLOAD_MIN`].
pub const NSID_MAX: usize = 128;

impl Default for Profile {
    /// 1232 octets: fits an IPv6 packet of the smallest MTU, unfragmented.
    /// Nothing else is told.
    fn default() -> Self {
        Self {
            udp_payload: 1232,
            nsid: Bytes::new(),
            chaos: Chaos::default(),
        }
    }
}

impl Profile {
    /// Our OPT record for a requester that says `edns`. Options of versions we
    /// don't speak are not answered.
    fn opt(
        &self,
        edns: Edns,
        transport: Transport,
        requester: &(impl Steering + ?Sized),
    ) -> OwnOpt<'_> {
        let known = edns.version == edns::VERSION;
        let honoured = edns.subnet.filter(|_| known && requester.honours_subnet());
        OwnOpt {
            udp_payload: self.udp_payload,
            dnssec_ok: edns.dnssec_ok,
            nsid: (known && edns.nsid && !self.nsid.is_empty()).then_some(&self.nsid),
            keepalive: match transport {
                Transport::Tcp { timeout } if known && edns.keepalive == Keepalive::Asked => {
                    Some(timeout)
                }
                Transport::Tcp { .. } | Transport::Udp => None,
            },
            cookie: edns.cookie.filter(|_| known).and_then(|asked| {
                let server = requester.server_cookie(asked)?;
                Some(Cookie { server, ..asked })
            }),
            // Nothing but decisions depends on who asks.
            subnet: honoured.map(|subnet| (subnet, 0)),
        }
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
    profile: &Profile,
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
    let read = Query::parse(query, steering.wanted());
    let edns = match &read {
        Ok(query) => query.edns,
        Err(malformed) => malformed.edns,
    };
    let mut frame = Frame {
        header,
        limit: reply_limit(transport, edns, profile.udp_payload),
        opt: edns.map(|edns| profile.opt(edns, transport, steering)),
    };
    // What stands in messages of other opcodes is not for us to say: no question.
    if header.opcode() != Opcode::QUERY {
        return error(&frame, None, OptRcode::NOTIMP, out);
    }
    let parsed = match &read {
        Ok(parsed) => parsed,
        // A cookie may be asked for by itself (RFC 7873 section 5.4).
        Err(Malformed {
            question: None,
            edns: Some(edns),
            ..
        }) if edns.cookie.is_some() && query::asks_nothing(query) => {
            return error(&frame, None, OptRcode::NOERROR, out);
        }
        Err(malformed) => {
            let question = malformed.question.as_ref();
            let question = question.map(|q| Question::new(q.qname(), q.qtype(), q.qclass()));
            return error(&frame, question, OptRcode::FORMERR, out);
        }
    };
    if let Some(rcode) = refusal(parsed, transport) {
        return error(&frame, Some(parsed.question()), rcode, out);
    }
    let subnet = frame.opt.and_then(|opt| opt.subnet);
    if let Some((subnet, _)) = subnet {
        steering.asks_for(subnet.source_len);
    }
    let subnet = subnet.filter(|(subnet, _)| subnet.source_len != 0);
    let asker = subnet.map_or(source, |(subnet, _)| subnet.address().into());
    let response = match parsed.class {
        Class::IN => lookup(zones, &parsed.name, parsed.rtype, asker, steering),
        Class::CH => profile.chaos.answer(&parsed.name, parsed.rtype),
        _ => Response::refused(),
    };
    if let (Some(opt), Some(_), true) = (&mut frame.opt, subnet, response.by_decision()) {
        opt.subnet = opt
            .subnet
            .map(|(subnet, _)| (subnet, steering.scope(asker)));
    }
    frame.reply(parsed, &response, out);
    Outcome::Answered(OptRcode::from_rcode(response.rcode))
}

/// Writes an error.
fn error(
    frame: &Frame<'_>,
    question: Option<Question<&Name>>,
    rcode: OptRcode,
    out: &mut Vec<u8>,
) -> Outcome {
    frame.error(question, rcode, out);
    Outcome::Answered(rcode)
}

/// The error for a query that no lookup can answer.
fn refusal(query: &Query, transport: Transport) -> Option<OptRcode> {
    if let Some(edns) = &query.edns {
        if edns.version != edns::VERSION {
            return Some(OptRcode::BADVERS);
        }
        // Over UDP the option is ignored (RFC 7828 section 3.3.1).
        if transport != Transport::Udp && edns.keepalive == Keepalive::Malformed {
            return Some(OptRcode::FORMERR);
        }
    }
    let transfer = matches!(query.rtype, Rtype::AXFR | Rtype::IXFR);
    transfer.then_some(OptRcode::REFUSED)
}

/// Octets the reply may have (RFC 6891 section 6.2.5).
fn reply_limit(transport: Transport, edns: Option<Edns>, udp_payload: u16) -> usize {
    let octets = match (transport, edns) {
        (Transport::Tcp { .. }, _) => u16::MAX,
        (Transport::Udp, None) => UDP_PAYLOAD_MIN,
        (Transport::Udp, Some(edns)) => edns.udp_payload.min(udp_payload).max(UDP_PAYLOAD_MIN),
    };
    usize::from(octets)
}

#[cfg(test)]
mod tests;
