//! One zone in memory: its names, what stands at each, and where a name leads.

mod hand_over;

use std::collections::HashSet;

use domain::{
    base::{Rtype, Ttl, name::ToName},
    rdata::{ZoneRecordData, svcb::value::AllValues},
};

use super::StoredRecord;
use crate::model::{Name, NameMap, Shape};
pub use hand_over::HandsOver;

/// A name of any length borrowed from a longer one.
pub(super) type Suffix = domain::base::Name<[u8]>;

/// A zone: one SOA at the apex, and every name at or below it.
#[derive(Clone, Debug)]
pub struct Zone {
    apex: Name,
    /// Every name that exists, empty non-terminals included (RFC 8020): a
    /// name's ancestors up to the apex are always here too.
    nodes: NameMap<Node>,
    /// The SOA as negative answers carry it.
    negative_soa: StoredRecord,
    /// Names that HTTPS or SVCB records of others give addresses of.
    hinted_targets: HashSet<Name>,
    /// Whether there is a DNAME anywhere.
    has_dname: bool,
}

/// What stands at one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// The service's shape where the addresses are answered by decision.
    pub(super) steered: Option<Shape>,
    /// Whether a decision may hand it over to another DNS, whatever type is asked.
    hands_over: HandsOver,
    /// One entry a type, each with at least one record, in file order.
    pub(super) rrsets: Vec<Vec<StoredRecord>>,
}

impl Node {
    /// The records of one type; empty where there are none.
    pub(super) fn rrset(&self, rtype: Rtype) -> &[StoredRecord] {
        let found = self.rrsets.iter().find(|rrset| rrset[0].rtype() == rtype);
        found.map_or(&[], Vec::as_slice)
    }

    /// The HTTPS or SVCB records of one type, where any has address hints.
    pub(super) fn hinted(&self, rtype: Rtype) -> &[StoredRecord] {
        let rrset = self.rrset(rtype);
        if rrset.iter().any(has_address_hints) {
            rrset
        } else {
            &[]
        }
    }

    fn has(&self, rtype: Rtype) -> bool {
        !self.rrset(rtype).is_empty()
    }
}

/// Where a name leads within its zone (RFC 1034 section 4.3.2, step 3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'z> {
    /// The name exists.
    Exact {
        /// The name as the zone writes it.
        owner: &'z Name,
        /// What stands there.
        node: &'z Node,
    },
    /// A wildcard covers the name (RFC 4592 section 3.3.1).
    Wildcard {
        /// The wildcard as the zone writes it.
        owner: &'z Name,
        /// What stands there.
        node: &'z Node,
    },
    /// The name is at or below a zone cut: its NS records.
    Cut(&'z [StoredRecord]),
    /// The name is below a DNAME.
    Dname(&'z StoredRecord),
    /// The name does not exist; a decision may hand it over with this steered
    /// name above it.
    BelowSteered(&'z Name),
    /// The name does not exist.
    Missing,
}

impl<'z> Place<'z> {
    /// The types of what is found there, in file order.
    pub(super) fn types(self) -> impl Iterator<Item = Rtype> + use<'z> {
        let rrsets = match self {
            Place::Exact { node, .. } | Place::Wildcard { node, .. } => node.rrsets.as_slice(),
            _ => &[],
        };
        rrsets.iter().map(|rrset| rrset[0].rtype())
    }
}

/// Where names lead that do not exist and whose closest encloser is given
/// (RFC 4592 section 3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Below<'z> {
    /// Nowhere: they do not exist.
    Missing,
    /// To this wildcard.
    Wildcard(&'z Name),
    /// To the zone delegated at this cut.
    Cut(&'z Name),
    /// To a DNAME.
    Dname,
    /// Where a decision says.
    Steered,
}

impl Zone {
    /// The zone that `soa` (a record of type SOA) starts, with nothing else in it.
    pub fn new(soa: StoredRecord) -> Self {
        let mut negative_soa = soa.clone();
        if let ZoneRecordData::Soa(data) = soa.data() {
            // RFC 2308 section 3.
            negative_soa.set_ttl(soa.ttl().min(data.minimum()));
        }
        let apex = soa.owner().clone();
        let node = Node {
            rrsets: vec![vec![soa]],
            ..Node::default()
        };
        Self {
            nodes: NameMap::from_iter([(apex.clone(), node)]),
            apex,
            negative_soa,
            hinted_targets: HashSet::new(),
            has_dname: false,
        }
    }

    /// The zone's name.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The SOA as negative answers carry it: its TTL is the lowest of its own,
    /// its MINIMUM field and every steered TTL of the zone, so that a steered
    /// name's absence is never believed longer than its answer.
    pub fn negative_soa(&self) -> &StoredRecord {
        &self.negative_soa
    }

    /// Every name that exists, in no order: empty non-terminals, wildcards,
    /// zone cuts and what is below them included.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.nodes.keys()
    }

    /// Whether `name` exists.
    pub fn has(&self, name: &Name) -> bool {
        self.nodes.contains_key(name)
    }

    /// The type of every record set there is, in no order.
    pub fn all_types(&self) -> impl Iterator<Item = Rtype> {
        let rrsets = self.nodes.values().flat_map(|node| &node.rrsets);
        rrsets.map(|rrset| rrset[0].rtype())
    }

    /// Adds one record as a master file would. Differing TTLs within a
    /// record set become the lowest (RFC 2181 section 5.2), an exact duplicate is
    /// one record (section 5).
    ///
    /// The error says which rule `record` breaks.
    pub fn insert(&mut self, record: StoredRecord) -> Result<(), String> {
        let (owner, rtype) = (record.owner().clone(), record.rtype());
        self.require_inside(&owner)?;
        if rtype == Rtype::SOA && owner != self.apex {
            return Err(format!(
                "an SOA belongs at the apex {} only",
                self.apex.fmt_with_dot()
            ));
        }
        if is_wildcard(&owner) && matches!(rtype, Rtype::NS | Rtype::DNAME) {
            return Err(format!(
                "{rtype} at a wildcard has no defined meaning (RFC 4592 section 4); name each owner"
            ));
        }
        if let Some(above) = self.dname_above(&owner) {
            return Err(format!(
                "nothing may stand below the DNAME at {} (RFC 6672 section 2.4)",
                above.fmt_with_dot()
            ));
        }
        if let Some(node) = self.nodes.get(&owner) {
            fits_beside(node, rtype)?;
            let rrset = node.rrset(rtype);
            if !rrset.is_empty() && matches!(rtype, Rtype::SOA | Rtype::CNAME | Rtype::DNAME) {
                return Err(format!("a name has one {rtype} at most; this is a second"));
            }
        }
        if has_address_hints(&record)
            && let Some((_, target)) = service_binding(&record)
            && *target != owner
        {
            self.hinted_targets.insert(target.clone());
        }
        self.has_dname |= rtype == Rtype::DNAME;
        let rrsets = &mut self.node(&owner).rrsets;
        let Some(rrset) = rrsets.iter_mut().find(|rrset| rrset[0].rtype() == rtype) else {
            rrsets.push(vec![record]);
            return Ok(());
        };
        let ttl = record.ttl().min(rrset[0].ttl());
        // Records compare without their TTL.
        if !rrset.contains(&record) {
            rrset.push(record);
        }
        for record in rrset {
            record.set_ttl(ttl);
        }
        Ok(())
    }

    /// Adds a record set that configuration, not the file, puts in the zone:
    /// `records` share one owner and type. Unlike [`Zone::insert`] it never
    /// adds to data the file has, nor where a query would not find it.
    pub fn add(&mut self, records: Vec<StoredRecord>) -> Result<(), String> {
        let Some(first) = records.first() else {
            return Ok(());
        };
        let (owner, rtype) = (first.owner().clone(), first.rtype());
        self.require_reachable(&owner)?;
        if self
            .nodes
            .get(&owner)
            .is_some_and(|node| node.has(rtype) || node.has(Rtype::CNAME))
        {
            return Err(format!(
                "{} already has its own {rtype} or CNAME records in the zone file; remove them",
                owner.fmt_with_dot()
            ));
        }
        records
            .into_iter()
            .try_for_each(|record| self.insert(record))
    }

    /// Marks `name` as steered: its A and AAAA are answered by decision, and
    /// with [`Shape::Cname`] every other type by the decision's CNAME. It
    /// exists from now on even if the file does not list it. Negative answers
    /// of the zone live no longer than `ttl_s` seconds, the service's TTL.
    ///
    /// The error says why this name cannot be steered.
    pub fn steer(&mut self, name: &Name, shape: Shape, ttl_s: u32) -> Result<(), String> {
        let shown = name.fmt_with_dot();
        self.require_reachable(name)?;
        if is_wildcard(name) {
            return Err(format!("{shown} is a wildcard; steer the names themselves"));
        }
        if let Some(node) = self.nodes.get(name) {
            if node.steered.is_some() {
                return Err(format!("{shown} is steered by another service already"));
            }
            for rtype in node.rrsets.iter().map(|rrset| rrset[0].rtype()) {
                let addresses = matches!(rtype, Rtype::A | Rtype::AAAA | Rtype::CNAME);
                if addresses || shape == Shape::Cname {
                    return Err(format!(
                        "{shown} has its own {rtype} records in the zone file; remove them{}",
                        if addresses {
                            ""
                        } else {
                            " or give the service the shape \"direct\" (a CNAME stands alone)"
                        }
                    ));
                }
            }
            let mut hinted = node
                .rrsets
                .iter()
                .flatten()
                .filter(|r| has_address_hints(r));
            if hinted.any(|record| !is_for_its_owner(record)) {
                return Err(format!(
                    "{shown} has address hints in an HTTPS or SVCB record that is an alias or has \
                     another target; leave ipv4hint and ipv6hint out"
                ));
            }
        }
        if self.hinted_targets.contains(name) {
            return Err(format!(
                "{shown} is the target of an HTTPS or SVCB record with address hints, which would \
                 bypass the decision; leave ipv4hint and ipv6hint out"
            ));
        }
        self.node(name).steered = Some(shape);
        let ttl = self.negative_soa.ttl().min(Ttl::from_secs(ttl_s));
        self.negative_soa.set_ttl(ttl);
        Ok(())
    }

    /// The records of one type at exactly `name`, glue included; empty where
    /// there are none.
    pub(super) fn rrset(&self, name: &Suffix, rtype: Rtype) -> &[StoredRecord] {
        self.nodes.get(name).map_or(&[], |node| node.rrset(rtype))
    }

    /// Where `name`, at or below the apex, leads. A question for DS at a cut is
    /// the parent's (RFC 4035 section 3.1.4.1), so there the cut is no barrier.
    pub(super) fn place(&self, name: &Name, rtype: Rtype) -> Place<'_> {
        self.walk(name, Some(rtype))
    }

    /// Where names lead that are below `name` and below no other name that
    /// exists.
    pub fn below(&self, name: &Name) -> Below<'_> {
        below(self.walk(name, None))
    }

    /// As [`Zone::below`], for a name whose `place` is known, whatever type but DS
    /// it was asked for.
    pub(super) fn below_place<'z>(&'z self, name: &Name, place: Place<'z>) -> Below<'z> {
        match place {
            // No cut is here, nor anything above that hides it.
            Place::Exact { owner, node } => match node.rrset(Rtype::DNAME) {
                [dname, ..] => below(Place::Dname(dname)),
                [] => below(self.below_encloser(owner, node)),
            },
            _ => self.below(name),
        }
    }

    /// The wildcard that covers `name`, if one does.
    pub fn wildcard_over(&self, name: &Name) -> Option<&Name> {
        match self.place(name, Rtype::A) {
            Place::Wildcard { owner, .. } => Some(owner),
            _ => None,
        }
    }

    /// Whether `name` is at or below a cut, and so another server's.
    pub fn delegates(&self, name: &Name) -> bool {
        matches!(self.place(name, Rtype::A), Place::Cut(_))
    }

    /// Whether `name` is a wildcard that covers names.
    pub fn is_covering(&self, name: &Name) -> bool {
        let encloser = is_wildcard(name).then(|| name.parent()).flatten();
        encloser.is_some_and(|encloser| self.below(&encloser) == Below::Wildcard(name))
    }

    /// The types of what a question for `name` finds there, in file order; none
    /// where a cut or a DNAME hides it.
    pub fn types(&self, name: &Name) -> impl Iterator<Item = Rtype> {
        self.place(name, Rtype::DS).types()
    }

    /// The HTTPS or SVCB records at the steered `name` whose address hints are
    /// the decision's; empty where none are.
    pub fn hinted(&self, name: &Name, rtype: Rtype) -> &[StoredRecord] {
        self.nodes.get(name).map_or(&[], |node| node.hinted(rtype))
    }

    /// Where `name` leads when it is asked for a type, or else where names below
    /// it do.
    fn walk(&self, name: &Name, asked: Option<Rtype>) -> Place<'_> {
        let mut closest = None;
        let mut barrier = None;
        for suffix in name.iter_suffixes() {
            let at_name = asked.is_some() && suffix.len() == name.len();
            let at_apex = suffix.len() == self.apex.len();
            if let Some((owner, node)) = self.nodes.get_key_value(suffix.for_slice()) {
                let cut = node.rrset(Rtype::NS);
                // The barrier nearest the apex hides those below it.
                let ours = at_apex || (at_name && asked == Some(Rtype::DS));
                if !ours && !cut.is_empty() {
                    barrier = Some(Place::Cut(cut));
                } else if let ([dname, ..], false) = (node.rrset(Rtype::DNAME), at_name) {
                    barrier = Some(Place::Dname(dname));
                }
                closest = closest.or(Some((owner, node, at_name)));
            }
            if at_apex {
                break;
            }
        }
        match (barrier, closest) {
            (Some(barrier), _) => barrier,
            (None, Some((owner, node, true))) => Place::Exact { owner, node },
            (None, Some((encloser, node, false))) => self.below_encloser(encloser, node),
            (None, None) => Place::Missing,
        }
    }

    /// Where names lead whose closest encloser is `encloser`, at `node`, with no cut
    /// or DNAME above them.
    fn below_encloser<'z>(&'z self, encloser: &'z Name, node: &Node) -> Place<'z> {
        if node.hands_over == HandsOver::WithAllBelow {
            return Place::BelowSteered(encloser);
        }
        let wildcard = self.wildcard(encloser);
        wildcard.map_or(Place::Missing, |(owner, node)| Place::Wildcard {
            owner,
            node,
        })
    }

    /// The wildcard directly below `encloser` (RFC 4592 section 3.3.1).
    fn wildcard(&self, encloser: &Name) -> Option<(&Name, &Node)> {
        let mut wire = Vec::with_capacity(encloser.len() + 2);
        wire.extend_from_slice(b"\x01*");
        wire.extend_from_slice(encloser.as_slice());
        // Too long a name does not exist either.
        self.nodes.get_key_value(Suffix::from_slice(&wire).ok()?)
    }

    fn require_inside(&self, name: &Name) -> Result<(), String> {
        if name.ends_with(&self.apex) {
            return Ok(());
        }
        Err(format!(
            "{} is outside the zone {}",
            name.fmt_with_dot(),
            self.apex.fmt_with_dot()
        ))
    }

    /// `name` is inside the zone, and neither a cut nor a DNAME hides it.
    fn require_reachable(&self, name: &Name) -> Result<(), String> {
        self.require_inside(name)?;
        let shown = name.fmt_with_dot();
        match self.place(name, Rtype::A) {
            Place::Cut(cut) => Err(format!(
                "{shown} is at or below the zone cut {}: it belongs to the zone delegated there",
                cut[0].owner().fmt_with_dot()
            )),
            Place::Dname(dname) => Err(format!(
                "{shown} is below the DNAME at {}",
                dname.owner().fmt_with_dot()
            )),
            Place::BelowSteered(owner) => Err(format!(
                "{shown} is below {}, which a service hands over by ns with all below it",
                owner.fmt_with_dot()
            )),
            Place::Exact { .. } | Place::Wildcard { .. } | Place::Missing => Ok(()),
        }
    }

    /// The nearest ancestor of `name` within the zone that has a DNAME.
    fn dname_above(&self, name: &Name) -> Option<&Name> {
        if !self.has_dname {
            return None;
        }
        name.iter_suffixes()
            .skip(1)
            .take_while(|suffix| suffix.len() >= self.apex.len())
            .filter_map(|suffix| self.nodes.get_key_value(suffix.for_slice()))
            .find(|(_, node)| node.has(Rtype::DNAME))
            .map(|(owner, _)| owner)
    }

    /// The node at `name`, made with its ancestors where it does not exist.
    fn node(&mut self, name: &Name) -> &mut Node {
        for suffix in name.iter_suffixes().skip(1) {
            let outside = suffix.len() < self.apex.len();
            if outside || self.nodes.contains_key(suffix.for_slice()) {
                break;
            }
            self.nodes.insert(suffix.to_bytes(), Node::default());
        }
        self.nodes.entry(name.clone()).or_default()
    }
}

fn is_wildcard(name: &Name) -> bool {
    name.first() == b"*"
}

/// Whether a record of `rtype` may stand at `node`.
fn fits_beside(node: &Node, rtype: Rtype) -> Result<(), String> {
    let alone = "a CNAME stands alone at its name (RFC 1034 section 3.6.2)";
    if rtype != Rtype::CNAME && node.has(Rtype::CNAME) {
        return Err(format!("{rtype} beside a CNAME; {alone}"));
    }
    if rtype == Rtype::CNAME
        && let Some(other) = node.rrsets.iter().find(|rrset| rrset[0].rtype() != rtype)
    {
        return Err(format!("CNAME beside {}; {alone}", other[0].rtype()));
    }
    match node.steered {
        Some(Shape::Cname) => Err(format!("{rtype} at a steered name of shape \"cname\"")),
        Some(Shape::Direct) if matches!(rtype, Rtype::A | Rtype::AAAA | Rtype::CNAME) => {
            Err(format!("{rtype} at a steered name"))
        }
        _ => Ok(()),
    }
}

/// Where names below another one lead, from the place of one of them.
fn below(place: Place<'_>) -> Below<'_> {
    match place {
        Place::Exact { .. } | Place::Missing => Below::Missing,
        Place::Wildcard { owner, .. } => Below::Wildcard(owner),
        Place::Cut(cut) => Below::Cut(cut[0].owner()),
        Place::Dname(_) => Below::Dname,
        Place::BelowSteered(_) => Below::Steered,
    }
}

/// Whether the record is an HTTPS or SVCB record that carries addresses.
fn has_address_hints(record: &StoredRecord) -> bool {
    let mut params = match record.data() {
        ZoneRecordData::Https(data) => data.params().iter_all(),
        ZoneRecordData::Svcb(data) => data.params().iter_all(),
        _ => return false,
    };
    params.any(|param| matches!(param, Ok(AllValues::Ipv4Hint(_) | AllValues::Ipv6Hint(_))))
}

/// Priority and target of an HTTPS or SVCB record.
fn service_binding(record: &StoredRecord) -> Option<(u16, &Name)> {
    match record.data() {
        ZoneRecordData::Https(data) => Some((data.priority(), data.target())),
        ZoneRecordData::Svcb(data) => Some((data.priority(), data.target())),
        _ => None,
    }
}

/// Whether the record binds a service to its own owner (RFC 9460 sections 2.4.3
/// and 2.5).
fn is_for_its_owner(record: &StoredRecord) -> bool {
    service_binding(record).is_some_and(|(priority, target)| {
        priority != 0 && (target.is_root() || target == record.owner())
    })
}

#[cfg(test)]
mod tests;
