//! Names that a decision may hand over to another DNS.

use std::ops::ControlFlow;

use domain::{
    base::{Rtype, iana::Rcode},
    rdata::ZoneRecordData,
};

use super::{Node, Records, Response, Search, Zone};
use crate::{
    authority::{Referral, Steered, Steering, StoredRecord},
    model::Name,
};

impl Response<'_> {
    /// A delegation that a decision makes.
    pub fn referral(referral: Referral) -> Self {
        let mut response = Self::empty(Rcode::NOERROR, false);
        response.refer(referral);
        response
    }

    /// Makes it one, whatever aliases led there.
    pub(super) fn refer(&mut self, Referral { ns, glue }: Referral) {
        self.authoritative = !self.answer.is_empty();
        self.authority.push(Records::made(ns));
        if !glue.is_empty() {
            self.glue.push(Records::made(glue));
        }
    }
}

impl<'z, S: Steering + ?Sized> Search<'z, '_, S> {
    /// What another type than A and AAAA gets at the steered name `owner`, if the
    /// decision is there for every type; then the name to go on with, if any.
    pub(super) fn handed_over(
        &mut self,
        zone: &'z Zone,
        owner: &Name,
        node: &Node,
    ) -> ControlFlow<Option<Name>> {
        self.response.steered = true;
        match self.steering.steer(owner, Rtype::A, self.source) {
            // It is the parent's (RFC 4035 section 3.1.4.1).
            Steered::Referral(_) if self.qtype == Rtype::DS => self.negative(zone),
            Steered::Referral(referral) => self.response.refer(referral),
            Steered::Records(mut records) if alias(&records).is_some() => {
                records.truncate(1);
                return ControlFlow::Break(self.decided(owner, node, records));
            }
            // A server's: what the zone has is as true as ever.
            _ => return ControlFlow::Continue(()),
        }
        ControlFlow::Break(None)
    }

    /// What is said of a name that does not exist, below the steered name `owner`.
    pub(super) fn below_steered(&mut self, zone: &'z Zone, owner: &Name) {
        self.response.steered = true;
        match self.steering.steer(owner, Rtype::A, self.source) {
            Steered::Referral(referral) => self.response.refer(referral),
            Steered::Records(_) | Steered::NoData => {
                self.response.rcode = Rcode::NXDOMAIN;
                self.negative(zone);
            }
            Steered::Fail => self.fail(),
        }
    }

    /// Answers with `records`, which a decision gave for the steered name `owner` at
    /// `node`; the name to go on with, if any.
    pub(super) fn decided(
        &mut self,
        owner: &Name,
        node: &Node,
        records: Vec<StoredRecord>,
    ) -> Option<Name> {
        // What another DNS says is asked of that one, even if we could tell.
        let goes_on = |target: &&Name| !node.hands_over() || target.ends_with(owner);
        let target = alias(records.last_chunk::<1>()?).filter(goes_on);
        let target = target.cloned().filter(|_| self.follows_aliases());
        self.response.answer.push(Records::made(records));
        target
    }
}

/// The target of the CNAME that `records` start with, if they do.
fn alias(records: &[StoredRecord]) -> Option<&Name> {
    match records.first()?.data() {
        ZoneRecordData::Cname(cname) => Some(cname.cname()),
        _ => None,
    }
}
