//! What another DNS is asked, and what of its reply is believed: nothing but the chain
//! that was asked for.

use std::{fmt, net::IpAddr};

use bytes::Bytes;
use domain::{
    base::{
        Message, MessageBuilder, Record, Rtype,
        iana::{Class, Opcode, OptRcode, OptionCode},
        name::FlattenInto as _,
        opt::UnknownOptData,
        wire::ParseError,
    },
    rdata::ZoneRecordData,
};
use ipnet::IpNet;

use super::subnet;
use crate::{
    authority::{StoredRecord, lookup::CHAIN_MAX},
    model::Name,
};

/// Octets of the longest datagram taken: fits an IPv6 packet of the smallest MTU.
pub(super) const PAYLOAD: usize = 1232;

/// How long it is believed that there is nothing where nobody says how long: the least
/// that a failure is remembered (RFC 9520 section 3.2), some times over.
const NOTHING_S: u32 = 5;

/// The longest that an answer is kept, as that of a service's TTL.
const TTL_MAX_S: u32 = 86_400;

/// The longest that it is believed that there is nothing (RFC 2308 section 5).
const NOTHING_MAX_S: u32 = 10_800;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) name: Name,
    /// A or AAAA.
    pub(super) rtype: Rtype,
    /// What is told of the client.
    pub(super) network: Option<IpNet>,
}

/// What another DNS said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) what: What,
    /// How long it holds, seconds.
    pub(super) ttl_s: u32,
    /// For how many bits of the network that it was told.
    pub(super) scope: u8,
}

/// What stands at the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Addresses, 1 or more.
    Addresses(Vec<IpAddr>),
    /// None of the family.
    NoData,
    /// There is no such name.
    NoName,
}

/// Why a reply is not one to go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no reply to this query: whoever was asked may still send one.
    Foreign(&'static str),
    /// It is cut off: all of it is to be had over TCP.
    Truncated,
    /// Whoever was asked does not know.
    Useless(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(reason) => write!(f, "refused: {reason}"),
            Self::Truncated => f.write_str("cut off"),
            Self::Useless(reason) => f.write_str(reason),
        }
    }
}

impl Question {
    /// The query with this ID.
    pub(super) fn query(&self, id: u16) -> Vec<u8> {
        const FITS: &str = "a question and an option fit in a message";
        let mut message = MessageBuilder::new_vec();
        message.header_mut().set_id(id);
        message.header_mut().set_rd(true);
        let mut message = message.question();
        message.push((&self.name, self.rtype)).expect(FITS);
        let mut message = message.additional();
        let option = subnet::option(self.network);
        let pushed = message.opt(|opt| {
            opt.set_udp_payload_size(PAYLOAD as u16);
            opt.push_raw_option(OptionCode::CLIENT_SUBNET, option.len() as u16, |target| {
                use domain::dep::octseq::OctetsBuilder as _;
                target.append_slice(&option)
            })
        });
        pushed.expect(FITS);
        message.finish()
    }

    /// What `reply`, as it came, says to the query with this ID.
    pub(super) fn read(&self, id: u16, reply: &[u8]) -> Result<Told, Fault> {
        const MALFORMED: Fault = Fault::Foreign("malformed");
        let reply = Message::from_octets(Bytes::copy_from_slice(reply)).map_err(|_| MALFORMED)?;
        let header = reply.header();
        if header.id() != id {
            return Err(Fault::Foreign("another ID"));
        }
        if !header.qr() || header.opcode() != Opcode::QUERY {
            return Err(Fault::Foreign("no reply"));
        }
        let question = reply.sole_question().map_err(|_| MALFORMED)?;
        let is_ours = *question.qname() == self.name
            && (question.qtype(), question.qclass()) == (self.rtype, Class::IN);
        if !is_ours {
            return Err(Fault::Foreign("another question"));
        }
        if header.tc() {
            return Err(Fault::Truncated);
        }
        let scope = self.scope(&reply)?;
        let sections = sections(&reply).map_err(|_| MALFORMED)?;
        match reply.opt_rcode() {
            OptRcode::NOERROR => self.follow(&sections, scope),
            OptRcode::NXDOMAIN => Ok(Told {
                what: What::NoName,
                ttl_s: sections.nothing_s(),
                scope,
            }),
            other => Err(Fault::Useless(format!("answered {other}"))),
        }
    }

    /// SCOPE PREFIX-LENGTH of the reply; one with another subnet is another's (RFC 7871
    /// section 7.3).
    fn scope(&self, reply: &Message<Bytes>) -> Result<u8, Fault> {
        let Some(opt) = reply.opt() else { return Ok(0) };
        for option in opt.opt().iter::<UnknownOptData<_>>() {
            let option = option.map_err(|_| Fault::Foreign("malformed"))?;
            if option.code() != OptionCode::CLIENT_SUBNET {
                continue;
            }
            let mut said = option.as_slice().to_vec();
            let Some(scope) = said.get_mut(3).map(std::mem::take) else {
                return Err(Fault::Foreign("malformed"));
            };
            if said != subnet::option(self.network) {
                return Err(Fault::Foreign("another subnet"));
            }
            return Ok(match self.network {
                Some(network) => scope.min(network.max_prefix_len()),
                None => 0,
            });
        }
        Ok(0)
    }

    /// Goes from the name along its aliases to addresses.
    fn follow(&self, sections: &Sections, scope: u8) -> Result<Told, Fault> {
        let mut name = &self.name;
        let mut ttl_s = TTL_MAX_S;
        for _ in 0..=CHAIN_MAX {
            let here = || {
                sections
                    .answer
                    .iter()
                    .filter(|record| record.owner() == name)
            };
            let addresses: Vec<_> = here().filter_map(|record| self.address(record)).collect();
            if !addresses.is_empty() {
                let least = addresses.iter().map(|(_, ttl_s)| *ttl_s).min();
                return Ok(Told {
                    what: What::Addresses(addresses.iter().map(|(address, _)| *address).collect()),
                    ttl_s: ttl_s.min(least.unwrap_or(0)),
                    scope,
                });
            }
            let alias = here().find_map(|record| match record.data() {
                ZoneRecordData::Cname(cname) => Some((cname.cname(), record.ttl().as_secs())),
                _ => None,
            });
            let Some((target, alias_ttl_s)) = alias else {
                return sections.end(name == &self.name).map(|nothing_s| Told {
                    what: What::NoData,
                    ttl_s: ttl_s.min(nothing_s),
                    scope,
                });
            };
            ttl_s = ttl_s.min(alias_ttl_s);
            name = target;
        }
        Err(Fault::Useless("aliases without end".to_owned()))
    }

    /// The address that a record of the type asked for has, and how long.
    fn address(&self, record: &StoredRecord) -> Option<(IpAddr, u32)> {
        let address = match record.data() {
            ZoneRecordData::A(a) if self.rtype == Rtype::A => a.addr().into(),
            ZoneRecordData::Aaaa(aaaa) if self.rtype == Rtype::AAAA => aaaa.addr().into(),
            _ => return None,
        };
        Some((address, record.ttl().as_secs()))
    }
}

/// What a reply has of class IN.
struct Sections {
    answer: Vec<StoredRecord>,
    authority: Vec<StoredRecord>,
}

impl Sections {
    /// How long there is nothing, seconds (RFC 2308 section 5).
    fn nothing_s(&self) -> u32 {
        let mut lives = self
            .authority
            .iter()
            .filter_map(|record| match record.data() {
                ZoneRecordData::Soa(soa) => Some(record.ttl().min(soa.minimum()).as_secs()),
                _ => None,
            });
        lives.next().unwrap_or(NOTHING_S).min(NOTHING_MAX_S)
    }

    /// How long there is nothing where the chain ends, if that is what is said;
    /// `is_first` where there is no alias at all.
    fn end(&self, is_first: bool) -> Result<u32, Fault> {
        let has = |rtype| self.authority.iter().any(|record| record.rtype() == rtype);
        match (has(Rtype::SOA), is_first) {
            (true, _) => Ok(self.nothing_s()),
            (false, true) if !has(Rtype::NS) => Ok(self.nothing_s()),
            (false, true) => Err(Fault::Useless("answered with a referral".to_owned())),
            (false, false) => Err(Fault::Useless(
                "did not follow an alias to its end".to_owned(),
            )),
        }
    }
}

fn sections(reply: &Message<Bytes>) -> Result<Sections, ParseError> {
    let (_, answer, authority, additional) = reply.sections()?;
    // None of it is used, but a reply that cannot be read to its end is nobody's.
    additional
        .into_iter()
        .try_for_each(|record| record.map(drop))?;
    let read = |section: domain::base::message::RecordSection<'_, Bytes>| {
        let records = section.limit_to_in::<ZoneRecordData<_, _>>();
        let stored = records.map(|record| {
            let record = record?;
            let (owner, class, ttl) = (record.owner(), record.class(), record.ttl());
            let owner = domain::base::name::ToName::to_name(owner);
            let data = record.data().clone().try_flatten_into();
            let data = data.map_err(|_| ParseError::form_error("a name"))?;
            Ok(Record::new(owner, class, ttl, data))
        });
        stored.collect::<Result<Vec<_>, ParseError>>()
    };
    Ok(Sections {
        answer: read(answer)?,
        authority: read(authority)?,
    })
}

#[cfg(test)]
mod tests;
