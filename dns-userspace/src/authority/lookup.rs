//! From a question to the records of its answer: RFC 1034 section 4.3.2 as
//! refined for wildcards (RFC 4592), DNAME (RFC 6672), negative answers
//! (RFC 2308, 8020) and ANY (RFC 8482), with steered names asked of [`Steering`].

mod hand_over;

use std::{borrow::Cow, net::IpAddr, ops::ControlFlow, slice};

use bytes::{BufMut, BytesMut};
use domain::{
    base::{
        Record, Rtype,
        iana::{Class, Rcode},
    },
    rdata::{Cname, ZoneRecordData},
};

use super::{
    Steered, Steering, StoredRecord,
    zone::{Below, Node, Place, Zone},
    zones::Zones,
};
use crate::model::{Name, Shape};

/// How many CNAMEs and DNAMEs one answer follows; what is found by then is the answer.
pub const CHAIN_MAX: usize = 16;

/// What is known about a question.
#[derive(Clone, Debug)]
pub struct Response<'z> {
    /// NOERROR, NXDOMAIN, YXDOMAIN, SERVFAIL or REFUSED.
    pub rcode: Rcode,
    /// The AA flag.
    pub authoritative: bool,
    /// The answer section, in order.
    pub answer: Vec<Records<'z>>,
    /// The authority section: SOA of a negative answer or NS of a referral.
    pub authority: Vec<Records<'z>>,
    /// Addresses without which the referral does not work (RFC 9471 section 2.1).
    pub glue: Vec<Records<'z>>,
    /// Addresses that save the resolver a question.
    pub additional: Vec<Records<'z>>,
    /// A decision is part of the answer.
    pub steered: bool,
    /// A wildcard is part of the answer.
    pub wildcard: bool,
}

impl Response<'_> {
    /// Whether another requester might get another answer.
    pub fn by_decision(&self) -> bool {
        self.steered && !self.answer.is_empty()
    }
}

/// Records that stand together in a section, 1 or more.
#[derive(Clone, Debug, PartialEq)]
pub struct Records<'z> {
    /// The owner in place of the records' own, where a wildcard gave them.
    pub owner: Option<Name>,
    /// The records, in order.
    pub records: Cow<'z, [StoredRecord]>,
}

impl<'z> Records<'z> {
    fn stored(records: &'z [StoredRecord]) -> Self {
        Self {
            owner: None,
            records: Cow::Borrowed(records),
        }
    }

    fn made(records: Vec<StoredRecord>) -> Self {
        Self {
            owner: None,
            records: Cow::Owned(records),
        }
    }
}

impl Response<'_> {
    /// No records.
    pub(super) fn empty(rcode: Rcode, authoritative: bool) -> Self {
        Self {
            rcode,
            authoritative,
            answer: Vec::new(),
            authority: Vec::new(),
            glue: Vec::new(),
            additional: Vec::new(),
            steered: false,
            wildcard: false,
        }
    }

    /// The question is not for us.
    pub(super) fn refused() -> Self {
        Self::empty(Rcode::REFUSED, false)
    }
}

/// Answers the question for `qname` and `qtype` (class IN, no zone transfer)
/// that `source` asks.
pub fn lookup<'z>(
    zones: &'z Zones,
    qname: &Name,
    qtype: Rtype,
    source: IpAddr,
    steering: &(impl Steering + ?Sized),
) -> Response<'z> {
    match Start::new(zones, qname, qtype) {
        Some(start) => start.lookup(zones, qname, qtype, source, steering),
        None => Response::refused(),
    }
}

/// Where the question for a name starts: the same for all types but DS.
#[derive(Clone, Copy, Debug)]
pub struct Start<'z> {
    zone: &'z Zone,
    place: Place<'z>,
}

impl<'z> Start<'z> {
    /// Where that for `qname` and `qtype` does; `None` outside our zones.
    pub fn new(zones: &'z Zones, qname: &Name, qtype: Rtype) -> Option<Self> {
        let zone = zones.authority_for(qname, qtype)?;
        let place = zone.place(qname, qtype);
        Some(Self { zone, place })
    }

    /// Where that for `qname`, which is in `zone` and in none below, does for all
    /// types but DS.
    pub fn within(zone: &'z Zone, qname: &Name) -> Self {
        let place = zone.place(qname, Rtype::A);
        Self { zone, place }
    }

    /// As [`Zone::types`] of `qname`, which this is the start for.
    pub fn types(self, qname: &Name) -> impl Iterator<Item = Rtype> + use<'z> {
        // Where the name exists a question for DS finds no other place.
        let place = match self.place {
            Place::Exact { .. } => self.place,
            _ => self.zone.place(qname, Rtype::DS),
        };
        place.types()
    }

    /// As [`Zone::below`] of `qname`, which this is the start for.
    pub fn below(self, qname: &Name) -> Below<'z> {
        self.zone.below_place(qname, self.place)
    }

    /// As [`lookup`] of a question that starts here.
    pub fn lookup(
        self,
        zones: &'z Zones,
        qname: &Name,
        qtype: Rtype,
        source: IpAddr,
        steering: &(impl Steering + ?Sized),
    ) -> Response<'z> {
        let mut search = Search {
            zones,
            qtype,
            source,
            steering,
            response: Response::empty(Rcode::NOERROR, true),
        };
        let mut next = search.step(self, qname);
        let mut visited = Vec::new();
        while let Some(target) = next {
            // Past the limit, in a circle, or in zones of others: the resolver
            // takes it from the last CNAME.
            if visited.len() >= CHAIN_MAX || target == *qname || visited.contains(&target) {
                break;
            }
            let Some(start) = Start::new(zones, &target, qtype) else {
                break;
            };
            next = search.step(start, &target);
            visited.push(target);
        }
        search.response
    }
}

/// One question on its way through the zones.
struct Search<'z, 's, S: ?Sized> {
    zones: &'z Zones,
    qtype: Rtype,
    source: IpAddr,
    steering: &'s S,
    response: Response<'z>,
}

impl<'z, S: Steering + ?Sized> Search<'z, '_, S> {
    /// Adds what is said about `name` at `start`; the name to go on with, if any.
    fn step(&mut self, start: Start<'z>, name: &Name) -> Option<Name> {
        let zone = start.zone;
        match start.place {
            Place::Exact { owner, node } => match node.steered {
                Some(shape) => self.steered(zone, owner, node, shape),
                None => self.node(zone, node, None),
            },
            Place::Wildcard { node, .. } => {
                self.response.wildcard = true;
                self.node(zone, node, Some(name))
            }
            Place::Dname(dname) => self.dname(name, dname),
            Place::Cut(cut) => {
                self.referral(zone, cut);
                None
            }
            Place::BelowSteered(owner) => {
                self.below_steered(zone, owner);
                None
            }
            Place::Missing => {
                self.response.rcode = Rcode::NXDOMAIN;
                self.negative(zone);
                None
            }
        }
    }

    /// What stands at `node`, under the name `wildcard_for` if it is a wildcard.
    fn node(
        &mut self,
        zone: &'z Zone,
        node: &'z Node,
        wildcard_for: Option<&Name>,
    ) -> Option<Name> {
        // ANY is answered with one RRset (RFC 8482 section 4.1).
        let qtype = match (self.qtype, node.rrsets.first()) {
            (Rtype::ANY, Some(first)) => first[0].rtype(),
            (qtype, _) => qtype,
        };
        let alias = node.rrset(Rtype::CNAME);
        let rrset = if alias.is_empty() {
            node.rrset(qtype)
        } else {
            alias
        };
        if rrset.is_empty() {
            self.negative(zone);
            return None;
        }
        self.response.answer.push(Records {
            owner: wildcard_for.cloned(),
            ..Records::stored(rrset)
        });
        for record in rrset {
            match record.data() {
                ZoneRecordData::Ns(ns) => self.addresses(ns.nsdname()),
                ZoneRecordData::Mx(mx) => self.addresses(mx.exchange()),
                ZoneRecordData::Srv(srv) => self.addresses(srv.target()),
                ZoneRecordData::Cname(cname) if self.follows_aliases() => {
                    return Some(cname.cname().clone());
                }
                _ => {}
            }
        }
        None
    }

    /// What stands at the steered name `owner`.
    fn steered(
        &mut self,
        zone: &'z Zone,
        owner: &Name,
        node: &'z Node,
        shape: Shape,
    ) -> Option<Name> {
        let addresses = matches!(self.qtype, Rtype::A | Rtype::AAAA);
        if node.hands_over()
            && !addresses
            && let ControlFlow::Break(next) = self.handed_over(zone, owner, node)
        {
            return next;
        }
        // ANY is answered with one RRset (RFC 8482 section 4.1).
        let found = match (self.qtype, node.rrsets.first()) {
            (Rtype::ANY, Some(first)) => first[0].rtype(),
            (qtype, _) => qtype,
        };
        if !node.hinted(found).is_empty() {
            self.hinted(zone, owner, found);
            return None;
        }
        let by_decision = match self.qtype {
            Rtype::A | Rtype::AAAA => true,
            Rtype::ANY => node.rrsets.is_empty(),
            _ => shape == Shape::Cname,
        };
        if !by_decision {
            return self.node(zone, node, None);
        }
        self.response.steered = true;
        let (family, other) = match self.qtype {
            Rtype::AAAA => (Rtype::AAAA, Rtype::A),
            _ => (Rtype::A, Rtype::AAAA),
        };
        let mut steered = self.steering.steer(owner, family, self.source);
        let mut whole = addresses;
        // An alias is there for every type: where this family has no answer,
        // the other's shows it.
        if steered == Steered::NoData && (shape == Shape::Cname || !addresses) {
            steered = self.steering.steer(owner, other, self.source);
            whole = false;
        }
        let mut records = match steered {
            Steered::Records(records) => records,
            Steered::Referral(referral) => {
                self.response.refer(referral);
                return None;
            }
            Steered::NoData => Vec::new(),
            Steered::Fail => {
                self.fail();
                return None;
            }
        };
        if self.qtype == Rtype::ANY {
            let first = records.first().map(Record::rtype);
            records.retain(|record| Some(record.rtype()) == first);
        } else if !whole {
            records.retain(|record| record.rtype() == Rtype::CNAME);
        }
        if records.is_empty() {
            self.negative(zone);
            return None;
        }
        self.decided(owner, node, records)
    }

    /// The records of type `rtype` at the steered name `owner`, whose address
    /// hints are the decision's.
    fn hinted(&mut self, zone: &'z Zone, owner: &Name, rtype: Rtype) {
        self.response.steered = true;
        match self.steering.steer(owner, rtype, self.source) {
            Steered::Records(records) => self.response.answer.push(Records::made(records)),
            Steered::Referral(referral) => self.response.refer(referral),
            Steered::NoData => self.negative(zone),
            Steered::Fail => self.fail(),
        }
    }

    /// The DNAME above `name` and the CNAME it makes (RFC 6672 section 3.1).
    fn dname(&mut self, name: &Name, dname: &'z StoredRecord) -> Option<Name> {
        self.response
            .answer
            .push(Records::stored(slice::from_ref(dname)));
        let ZoneRecordData::Dname(data) = dname.data() else {
            return None;
        };
        let Some(target) = substitute(name, dname.owner(), data.dname()) else {
            self.response.rcode = Rcode::YXDOMAIN;
            return None;
        };
        let made = ZoneRecordData::Cname(Cname::new(target.clone()));
        let record = Record::new(name.clone(), Class::IN, dname.ttl(), made);
        self.response.answer.push(Records::made(vec![record]));
        Some(target).filter(|_| self.follows_aliases())
    }

    /// Whether an alias is a step on the way rather than the answer.
    fn follows_aliases(&self) -> bool {
        !matches!(self.qtype, Rtype::CNAME | Rtype::ANY)
    }

    /// The delegation `cut` of `zone`, with what is needed to follow it.
    fn referral(&mut self, zone: &'z Zone, cut: &'z [StoredRecord]) {
        self.response.authoritative = !self.response.answer.is_empty();
        self.response.authority.push(Records::stored(cut));
        for record in cut {
            let ZoneRecordData::Ns(ns) = record.data() else {
                continue;
            };
            let target = ns.nsdname();
            if target.ends_with(record.owner()) {
                for rtype in [Rtype::A, Rtype::AAAA] {
                    let glue = zone.rrset(target.for_slice(), rtype);
                    push_new(&mut self.response.glue, glue);
                }
            } else {
                self.addresses(target);
            }
        }
    }

    /// The addresses at `target`, if it is in our zones (RFC 1034 section 4.3.2,
    /// step 6). A steered name is left to a question of its own.
    fn addresses(&mut self, target: &Name) {
        let Some(zone) = self.zones.find(target) else {
            return;
        };
        for rtype in [Rtype::A, Rtype::AAAA] {
            let rrset = zone.rrset(target.for_slice(), rtype);
            push_new(&mut self.response.additional, rrset);
        }
    }

    fn negative(&mut self, zone: &'z Zone) {
        let soa = slice::from_ref(zone.negative_soa());
        self.response.authority.push(Records::stored(soa));
    }

    fn fail(&mut self) {
        self.response.rcode = Rcode::SERVFAIL;
        self.response.authoritative = false;
        self.response.answer.clear();
        self.response.additional.clear();
    }
}

/// Adds `rrset` unless it is empty or there already.
fn push_new<'z>(section: &mut Vec<Records<'z>>, rrset: &'z [StoredRecord]) {
    let known = section
        .iter()
        .any(|group| std::ptr::eq(&raw const *group.records, rrset));
    if !rrset.is_empty() && !known {
        section.push(Records::stored(rrset));
    }
}

/// `name` with its suffix `owner` replaced by `target`; `None` when that is
/// longer than a name can be (RFC 6672 section 2.2).
fn substitute(name: &Name, owner: &Name, target: &Name) -> Option<Name> {
    let prefix = &name.as_slice()[..name.len() - owner.len()];
    let mut wire = BytesMut::with_capacity(prefix.len() + target.len());
    wire.put_slice(prefix);
    wire.put_slice(target.as_slice());
    Name::from_octets(wire.freeze()).ok()
}

#[cfg(test)]
mod tests;
