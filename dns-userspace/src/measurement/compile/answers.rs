//! From what the authority says to answers in the tables.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use dns_common::{
    ask::{HEADER, TYPE_AND_CLASS},
    decision::ALL_CANDIDATES,
    host::Class,
    name::NAME_MAX,
    reply::UDP_MAX,
    tables::{AnswerHead, AnswerKind, By},
};
use domain::{
    base::{Record, Rtype, Ttl, iana::Rcode, name::NameBuilder},
    rdata::ZoneRecordData,
};

use super::service::{Candidate, Chosen};
use crate::{
    authority::{
        Steered, Steering, StoredRecord,
        encode::encode_sections,
        lookup::{Response, Start, lookup},
        zone::Zone,
        zones::Zones,
    },
    model::{Name, Service},
    tables::{Answer, ImageBuilder, Slot, TypeData},
};

/// Who asks does not matter: what depends on it is asked of a [`Steering`].
const ANYONE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Octets of a reply that additional records may fill: everyone takes as many,
/// with an OPT record and a cookie after them.
const WITH_ADDITIONAL_MAX: usize = UDP_MAX - 11 - 28;

/// The first of the types for private use (RFC 6895 section 3.1).
const PRIVATE: u16 = 65280;

/// What is found for one type at a name.
#[derive(Clone)]
pub(super) struct Asked {
    /// The answers; of type 0.
    pub(super) data: TypeData,
    /// Those of longer TTLs, where somebody chooses among them.
    pub(super) longer: Vec<Vec<Slot>>,
    /// The targets of CNAMEs on the way.
    pub(super) targets: Vec<Name>,
}

impl Asked {
    /// The answers of all TTLs beside each other, so many `places` from one to the next.
    pub(super) fn beside(self, places: u32) -> TypeData {
        let mut data = self.data;
        for (level, answers) in (1..).zip(self.longer) {
            data.answers.resize(level * places as usize, Slot::Absent);
            data.answers.extend(answers);
        }
        data
    }
}

/// What holds of all zones together.
pub(super) struct Facts<'z> {
    pub(super) zones: &'z Zones,
    /// A type that no record has.
    pub(super) unlisted: Rtype,
    /// An octet of which no label is made in our zones, so that names with such
    /// labels do not exist; `None` where there is none left.
    filler: Option<u8>,
}

impl<'z> Facts<'z> {
    pub(super) fn new(zones: &'z Zones) -> Self {
        let types: HashSet<Rtype> = zones.iter().flat_map(Zone::all_types).collect();
        let mut private = (PRIVATE..u16::MAX).map(Rtype::from_int);
        let unlisted = private.find(|rtype| !types.contains(rtype));
        let mut used = [false; 256];
        // Every label is some name's first, but for those of names above apexes.
        let first = zones.names().map(Name::first);
        let above = zones.iter().flat_map(|zone| zone.apex().iter());
        for label in first.chain(above) {
            if let [octet, rest @ ..] = label.as_slice()
                && rest.iter().all(|other| other == octet)
            {
                used[usize::from(octet.to_ascii_lowercase())] = true;
                used[usize::from(octet.to_ascii_uppercase())] = true;
            }
        }
        let filler = (0..=u8::MAX).find(|octet| !used[usize::from(*octet)]);
        Self {
            zones,
            // Zones that use all of them are answered for one of them wrongly.
            unlisted: unlisted.unwrap_or(Rtype::from_int(u16::MAX)),
            filler,
        }
    }
}

/// A name, and where questions for it start, whatever type but DS they are for.
#[derive(Clone, Copy)]
pub(super) struct At<'n, 'z> {
    pub(super) name: &'n Name,
    pub(super) start: Start<'z>,
}

impl<'z> At<'_, 'z> {
    /// What is said here to the question for `rtype`.
    fn lookup(self, zones: &'z Zones, rtype: Rtype, steering: &impl Steering) -> Response<'z> {
        if rtype == Rtype::DS {
            return lookup(zones, self.name, rtype, ANYONE, steering);
        }
        self.start.lookup(zones, self.name, rtype, ANYONE, steering)
    }
}

/// Which answers are kept, and those that many names share.
pub(super) struct Answers<'w, 'z, 't> {
    facts: &'w Facts<'z>,
    image: &'w Mutex<ImageBuilder<'t>>,
    /// Cells of negative answers by zone and RCODE, of referrals by cut: of either
    /// the address of the first record, which the zones keep.
    shared: HashMap<(usize, Shared), Option<u32>, foldhash::fast::RandomState>,
}

/// What is said of every name below another one alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shared {
    Negative(Rcode),
    Referral,
}

impl<'w, 'z, 't> Answers<'w, 'z, 't> {
    pub(super) fn new(facts: &'w Facts<'z>, image: &'w Mutex<ImageBuilder<'t>>) -> Self {
        Self {
            facts,
            image,
            shared: HashMap::default(),
        }
    }

    /// The image under construction.
    pub(super) fn image(&self) -> MutexGuard<'w, ImageBuilder<'t>> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer `at` a name that is neither steered nor a wildcard.
    pub(super) fn plain(&mut self, at: At<'_, 'z>, rtype: Rtype) -> Asked {
        let response = at.lookup(self.facts.zones, rtype, &Nobody);
        let slot = if response.steered {
            Slot::Absent
        } else {
            self.slot(at.name, rtype, &response)
        };
        single(slot, &response)
    }

    /// The answer `at` a wildcard, and at the names it covers: as it is for
    /// one of them, if it is the same for all.
    pub(super) fn wildcard(&mut self, at: At<'_, 'z>, rtype: Rtype) -> Asked {
        let (zones, name) = (self.facts.zones, at.name);
        let response = at.lookup(zones, rtype, &Nobody);
        let slot = self.slot(name, rtype, &response);
        let targets = targets(&response);
        // Where a chain ends that comes back depends on where it started.
        let followed = !matches!(rtype, Rtype::CNAME | Rtype::ANY);
        let circle = followed
            && targets.iter().any(|target| {
                let zone = zones.find(target);
                zone.and_then(|zone| zone.wildcard_over(target)) == Some(name)
            });
        let slot = match slot {
            _ if response.steered || circle => Slot::Absent,
            Slot::Own(_) => {
                let said = said(name, &response);
                let answer = self.moving(&parent(name), name.len(), |sample| {
                    let response = lookup(zones, sample, rtype, ANYONE, &Nobody);
                    let same = self::said(sample, &response) == said;
                    let answer = encode(sample, rtype, &response, NAME_MAX);
                    answer.filter(|_| same)
                });
                answer.map_or(Slot::Absent, Slot::Own)
            }
            slot => slot,
        };
        Asked {
            data: data(By::Nobody, vec![slot]),
            longer: Vec::new(),
            targets,
        }
    }

    /// The steered name that the one `at` is an alias of, if any.
    pub(super) fn leads_to(&self, at: At<'_, 'z>) -> Option<Name> {
        let witness = Witness::default();
        at.lookup(self.facts.zones, Rtype::A, &witness);
        witness.0.into_inner()
    }

    /// The answers `at` the steered name of `service` or an alias of it, of each TTL.
    pub(super) fn steered(&mut self, at: At<'_, 'z>, service: &Service, rtype: Rtype) -> Asked {
        let mut asked = self.steered_once(at, service, rtype);
        if asked.data.by != By::Nobody {
            let longer = service.pool.ttls.iter().skip(1).map(|ttl_s| {
                let service = Service {
                    ttl_s: *ttl_s,
                    ..service.clone()
                };
                self.steered_once(at, &service, rtype).data.answers
            });
            asked.longer = longer.collect();
        }
        asked
    }

    fn steered_once(&mut self, at: At<'_, 'z>, service: &Service, rtype: Rtype) -> Asked {
        let zones = self.facts.zones;
        let mut targets = Vec::new();
        let mut chosen = |answers: &mut Self, chosen| {
            let candidate = Candidate::new(zones, service, chosen)?;
            let response = at.lookup(zones, rtype, &candidate);
            targets.extend(self::targets(&response));
            let by = candidate.by();
            if candidate.is_lost() {
                return Some((by, Slot::Absent));
            }
            Some((by, answers.slot(at.name, rtype, &response)))
        };
        let all = chosen(self, Chosen::All);
        let (mut by, mut all) = all.unwrap_or((By::Nobody, Slot::Absent));
        // It shows the addresses, and only rows have those of several.
        if rtype == Rtype::ANY && by != By::Nobody && service.pool.answers > 1 {
            (by, all) = (By::Nobody, Slot::Absent);
        }
        let mut slots = Vec::new();
        if by != By::Nobody {
            slots.extend((0..ALL_CANDIDATES).map(|number| {
                let slot = chosen(self, Chosen::One(number)).map(|(_, slot)| slot);
                slot.unwrap_or(Slot::Absent)
            }));
        }
        slots.push(all);
        let is_address = matches!(rtype, Rtype::A | Rtype::AAAA);
        if by != By::Nobody && is_address && service.pool.answers > 1 {
            let sets = 0..1_u32 << service.pool.servers.len();
            slots.extend(sets.map(|mask| {
                let several = Chosen::Several(mask as u8);
                let of_several = 2..=u32::from(service.pool.answers);
                let slot = of_several.contains(&mask.count_ones()).then(|| {
                    let (_, slot) = chosen(self, several)?;
                    Some(slot)
                });
                slot.flatten().unwrap_or(Slot::Absent)
            }));
        }
        Asked {
            data: data(by, slots),
            longer: Vec::new(),
            targets,
        }
    }

    /// The cell of what names get that are below `name` and do not exist, if it
    /// is the same for all.
    pub(super) fn below(&mut self, name: &Name) -> Option<u32> {
        let child = filled(self.facts.filler?, 1, name)?;
        let response = lookup(self.facts.zones, &child, Rtype::A, ANYONE, &Nobody);
        self.shared(&response)
    }

    /// What `response` to the question for `name` and `rtype` is in the tables.
    fn slot(&mut self, name: &Name, rtype: Rtype, response: &Response<'_>) -> Slot {
        if let Some(cell) = self.shared(response) {
            return Slot::Shared(cell);
        }
        match encode(name, rtype, response, name.len()) {
            // Beside a server's address each answer would take as much as this one.
            Some(answer) if answer.kind.class == Class::Referral => {
                Slot::Shared(self.image().answer(answer))
            }
            Some(answer) => Slot::Own(answer),
            None => Slot::Absent,
        }
    }

    /// The cell of a response that is the same for every name at or below one.
    fn shared(&mut self, response: &Response<'_>) -> Option<u32> {
        let ([], [records]) = (response.answer.as_slice(), response.authority.as_slice()) else {
            return None;
        };
        let what = match class(response) {
            Class::Negative => Shared::Negative(response.rcode),
            Class::Referral => Shared::Referral,
            _ => return None,
        };
        let Cow::Borrowed([first, ..]) = records.records else {
            return None;
        };
        let suffix = first.owner();
        let key = (std::ptr::from_ref(first).addr(), what);
        if let Some(known) = self.shared.get(&key) {
            return *known;
        }
        let answer = self.moving(suffix, suffix.len(), |sample| {
            encode(sample, Rtype::A, response, NAME_MAX)
        });
        let cell = answer.map(|answer| self.image().answer(answer));
        self.shared.insert(key, cell);
        cell
    }

    /// The answer that serves every name at or below `suffix` of `base_len` octets
    /// or more, from what `sample` gives for some of them.
    fn moving(
        &self,
        suffix: &Name,
        base_len: usize,
        sample: impl Fn(&Name) -> Option<Answer>,
    ) -> Option<Answer> {
        let filler = self.facts.filler?;
        // Long enough to carry into the pointers' upper octets.
        let longest = (NAME_MAX - suffix.len()).saturating_sub(1).min(41);
        let sample = |label_len| sample(&filled(filler, label_len, suffix)?);
        let first = sample(1)?;
        let shift = suffix.len() + 2 - base_len;
        if longest < 2 {
            return (shift == 0).then_some(first);
        }
        let moving = pointers(&first.octets, &sample(2)?.octets)?;
        for len in [2, longest] {
            let other = sample(len)?;
            let expected = moved(&first.octets, &moving, len as u16 - 1);
            let same = other.octets == expected
                && other.counts == first.counts
                && other.kind.flags == first.kind.flags;
            if !same {
                return None;
            }
        }
        Some(Answer {
            octets: moved(&first.octets, &moving, 0_u16.wrapping_sub(shift as u16)),
            kind: AnswerKind {
                name_len: base_len as u8,
                ..first.kind
            },
            moving,
            ..first
        })
    }
}

/// Where `longer` has pointers one larger than `shorter`; `None` where they
/// differ in anything else, or in too many of them.
fn pointers(shorter: &[u8], longer: &[u8]) -> Option<Vec<u16>> {
    if shorter.len() != longer.len() {
        return None;
    }
    let pair = |octets: &[u8], at: usize| {
        let pair = octets.get(at..at + 2)?;
        Some(u16::from_be_bytes([pair[0], pair[1]]))
    };
    let is_pointer = |at: usize| {
        let (Some(before), Some(after)) = (pair(shorter, at), pair(longer, at)) else {
            return false;
        };
        before & 0xc000 == 0xc000 && before.checked_add(1) == Some(after)
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < shorter.len() {
        if shorter[at] == longer[at] {
            at += 1;
        } else if at > 0 && shorter[at - 1] == longer[at - 1] && is_pointer(at - 1) {
            found.push(at as u16 - 1);
            at += 1;
        } else if is_pointer(at) {
            found.push(at as u16);
            at += 2;
        } else {
            return None;
        }
    }
    (found.len() <= AnswerHead::MOVING_MAX).then_some(found)
}

/// `octets` with `by` added to the pointers at `places`, wrapping.
fn moved(octets: &[u8], places: &[u16], by: u16) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for place in places {
        let at = usize::from(*place);
        let pointer = u16::from_be_bytes([octets[at], octets[at + 1]]).wrapping_add(by);
        octets[at..at + 2].copy_from_slice(&pointer.to_be_bytes());
    }
    octets
}

/// The answer as it stands after the question, with such additional records as
/// fit after a question for a name of `room_for` octets; `None` where it is too
/// long, or has no records.
fn encode(name: &Name, rtype: Rtype, response: &Response<'_>, room_for: usize) -> Option<Answer> {
    let all_max = WITH_ADDITIONAL_MAX - (HEADER + room_for + TYPE_AND_CLASS);
    let sections = encode_sections(name, rtype, response, AnswerHead::LEN_MAX, all_max)?;
    if sections.octets.is_empty() {
        return None;
    }
    Some(Answer {
        octets: sections.octets,
        counts: sections.counts,
        kind: AnswerKind {
            flags: Answer::flags(response.authoritative, response.rcode.to_int()),
            name_len: name.len() as u8,
            class: class(response),
        },
        moving: Vec::new(),
    })
}

/// Everything that `response` says, with no owner where that is `name`.
fn said<'r>(name: &Name, response: &'r Response<'_>) -> (Rcode, bool, Vec<Said<'r>>) {
    let sections = [
        &response.answer,
        &response.authority,
        &response.glue,
        &response.additional,
    ];
    let records = sections.into_iter().flatten().flat_map(|group| {
        group.records.iter().map(|record| {
            let owner = group.owner.as_ref().unwrap_or(record.owner());
            (
                Some(owner).filter(|owner| *owner != name),
                record.ttl(),
                record.data(),
            )
        })
    });
    (response.rcode, response.authoritative, records.collect())
}

/// What kind of response it is.
fn class(response: &Response<'_>) -> Class {
    let mut authority = response
        .authority
        .iter()
        .flat_map(|group| group.records.iter());
    match response.rcode {
        Rcode::NOERROR | Rcode::NXDOMAIN => match authority.next().map(Record::rtype) {
            Some(Rtype::SOA) => Class::Negative,
            Some(Rtype::NS) if !response.authoritative => Class::Referral,
            _ => Class::Positive,
        },
        _ => Class::Error,
    }
}

fn single(slot: Slot, response: &Response<'_>) -> Asked {
    Asked {
        data: data(By::Nobody, vec![slot]),
        longer: Vec::new(),
        targets: targets(response),
    }
}

fn data(by: By, answers: Vec<Slot>) -> TypeData {
    TypeData {
        rtype: 0,
        by,
        answers,
    }
}

/// The targets of the CNAMEs in the answer section.
fn targets(response: &Response<'_>) -> Vec<Name> {
    let answer = response
        .answer
        .iter()
        .flat_map(|group| group.records.iter());
    let target = |record: &StoredRecord| match record.data() {
        ZoneRecordData::Cname(cname) => Some(cname.cname().clone()),
        _ => None,
    };
    answer.filter_map(target).collect()
}

/// `name` without its first label.
fn parent(name: &Name) -> Name {
    name.parent().unwrap_or_else(Name::root_bytes)
}

/// A label of `len` octets `filler` (at most 63) before `suffix`; `None` where
/// that is longer than a name can be.
fn filled(filler: u8, len: usize, suffix: &Name) -> Option<Name> {
    let mut builder = NameBuilder::new_bytes();
    builder.append_label(&vec![filler; len]).ok()?;
    builder.append_origin(suffix).ok()
}

/// A record's owner, TTL and data.
type Said<'r> = (Option<&'r Name>, Ttl, &'r ZoneRecordData<Bytes, Name>);

/// Steers nothing: where it is asked, the answer is not kept.
struct Nobody;

impl Steering for Nobody {
    fn steer(&self, _: &Name, _: Rtype, _: IpAddr) -> Steered {
        Steered::Fail
    }
}

/// Steers nothing either, and keeps the name it was asked for.
#[derive(Default)]
struct Witness(RefCell<Option<Name>>);

impl Steering for Witness {
    fn steer(&self, name: &Name, _: Rtype, _: IpAddr) -> Steered {
        self.0.replace(Some(name.clone()));
        Steered::Fail
    }
}
