//! What two replies to one question differ in.
//!
//! The order of records never counts, nor does the case of names. Nor does what a server
//! adds by habit: name servers beside an answer, addresses for what is in one.

mod answer;

use domain::base::{Rtype, iana::OptRcode};

use super::{
    Kind, Question, Reply, Steering,
    reply::{Key, Section},
    steering::is_address,
};
use crate::authority::StoredRecord;
use answer::{Answer, texts};

/// Longest text of one side, characters.
const TEXT_MAX: usize = 300;

/// What one side said.
#[derive(Clone, Debug)]
pub struct Side {
    /// The whole reply, over TCP where need be; else why there is none.
    pub reply: Result<Reply, String>,
    /// Whether it was cut off over UDP.
    pub is_truncated: bool,
}

/// One thing that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub kind: Kind,
    /// What veer says, as far as it differs.
    pub ours: String,
    /// What the other server says.
    pub theirs: String,
}

/// What `theirs` has otherwise than `ours`, which a decision with such a choice made where
/// there is a `steering`.
pub fn compare(
    question: &Question,
    ours: &Side,
    theirs: &Side,
    steering: Option<&Steering>,
) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    let (our, their) = match (&ours.reply, &theirs.reply) {
        (Ok(our), Ok(their)) => (our, their),
        (our, their) => {
            let said = |reply: &Result<Reply, String>| match reply {
                Ok(reply) => reply.rcode.to_string(),
                Err(reason) => reason.clone(),
            };
            found.add(Kind::NoAnswer, [said(our), said(their)]);
            return found.0;
        }
    };
    found.add_unless_same(
        Kind::Truncated,
        [ours.is_truncated, theirs.is_truncated],
        |cut| if cut { "cut off over UDP" } else { "whole" },
    );
    found.add_unless_same(Kind::Dnssec, [our.is_signed, their.is_signed], |signed| {
        if signed { "signed" } else { "unsigned" }
    });
    if our.rcode != their.rcode {
        let is_made = steering.is_some_and(|steering| steering.is_made);
        let kind = match their.rcode {
            OptRcode::NXDOMAIN if is_made => Kind::Steered,
            _ => Kind::Rcode,
        };
        found.add(kind, [our, their].map(|reply| reply.rcode.to_string()));
        return found.0;
    }
    // Beside an error there is nothing that means anything.
    if matches!(our.rcode, OptRcode::NOERROR | OptRcode::NXDOMAIN) {
        found.compare([our, their], question, steering);
    }
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn add(&mut self, kind: Kind, [ours, theirs]: [String; 2]) {
        let [ours, theirs] = [ours, theirs].map(short);
        self.0.push(Difference { kind, ours, theirs });
    }

    fn add_unless_same(
        &mut self,
        kind: Kind,
        [ours, theirs]: [bool; 2],
        word: fn(bool) -> &'static str,
    ) {
        if ours != theirs {
            self.add(kind, [ours, theirs].map(|it| word(it).to_owned()));
        }
    }

    fn compare(&mut self, replies: [&Reply; 2], question: &Question, steering: Option<&Steering>) {
        let [our, their] = replies.map(|reply| Answer::of(question, reply));
        if let Some(steering) = steering
            && let Some(kind) = steered(steering, question, [&our, &their])
        {
            self.add(kind, [our.text(), their.text()]);
            return;
        }
        self.add_unless_same(Kind::Aa, [our.reply.aa, their.reply.aa], |aa| {
            if aa {
                "authoritative"
            } else {
                "not authoritative"
            }
        });
        if our.chain == their.chain && our.stops() == their.stops() {
            let answers = replies.map(|reply| &reply.answer);
            self.add_sections(Kind::Data, answers);
            if !our.is_positive() && !their.is_positive() {
                self.add_authority(replies);
            }
        } else {
            self.add(Kind::Cname, [our.way(), their.way()]);
            if our.is_positive() && their.is_positive() && !our.ends_as(&their) {
                self.add(Kind::Data, [texts(our.end), texts(their.end)]);
            }
        }
    }

    /// What denies, or refers elsewhere.
    fn add_authority(&mut self, replies: [&Reply; 2]) {
        let denials = replies.map(|reply| {
            let says = |record: &StoredRecord| matches!(record.rtype(), Rtype::SOA | Rtype::NS);
            // Beside the SOA nobody is referred to.
            let is_denial = reply.authority.has(Rtype::SOA);
            let counts = |record: &StoredRecord| {
                says(record) && (record.rtype() == Rtype::SOA || !is_denial)
            };
            reply.authority.only(counts)
        });
        let [ours, theirs] = &denials;
        self.add_sections(Kind::Authority, [ours, theirs]);
        if denials.iter().all(|section| section.has(Rtype::NS)) {
            let glue = replies.map(|reply| {
                let is_glue = |record: &StoredRecord| is_address(record.rtype());
                reply.additional.only(is_glue)
            });
            let [ours, theirs] = &glue;
            self.add_sections(Kind::Additional, [ours, theirs]);
        }
    }

    /// Records that one side has alone, as a difference of this kind, and other TTLs.
    fn add_sections(&mut self, kind: Kind, [ours, theirs]: [&Section; 2]) {
        let (our, their) = (ours.without(theirs), theirs.without(ours));
        if !our.is_empty() || !their.is_empty() {
            let kind = match (&our[..], &their[..]) {
                ([(our, _)], [(their, _)]) if differ_in_serial(our, their) => Kind::Serial,
                _ => kind,
            };
            self.add(kind, [texts(our), texts(their)]);
        }
        if let Some(records) = ours.other_ttl(theirs) {
            let text = |record: &StoredRecord| {
                let (owner, ttl) = (record.owner().fmt_with_dot(), record.ttl().as_secs());
                format!("{owner} {} TTL {ttl}", record.rtype())
            };
            self.add(Kind::Ttl, records.map(text));
        }
    }
}

/// What it is that a decision with such a choice made the first of these answers; `None` where
/// that does not matter to what is asked.
fn steered(steering: &Steering, question: &Question, [our, their]: [&Answer; 2]) -> Option<Kind> {
    if our.is_same(their) {
        return None;
    }
    let end_alike = our.ends_as(their);
    if !is_address(question.rtype) {
        // Aliases are on the way, and what is asked for is not theirs to say.
        return end_alike.then_some(Kind::Steered);
    }
    let could_be = end_alike && their.is_positive() || steering.could_say(question, their.reply);
    Some(if could_be {
        Kind::Steered
    } else {
        Kind::Elsewhere
    })
}

/// Whether both are a zone's SOA, with another serial number.
fn differ_in_serial(ours: &Key, theirs: &Key) -> bool {
    /// Octets of the numbers in a SOA's data, of which the serial is the first (RFC 1035
    /// section 3.3.13).
    const NUMBERS: usize = 20;
    const SERIAL: usize = 4;
    let is_soa = |key: &Key| key.rtype == Rtype::SOA.to_int();
    let but_for_serial = |key: &Key| {
        let serial = key.data.len().checked_sub(NUMBERS)?;
        let (names, numbers) = key.data.split_at(serial);
        Some((names.to_vec(), numbers[SERIAL..].to_vec()))
    };
    is_soa(ours)
        && is_soa(theirs)
        && ours.owner == theirs.owner
        && but_for_serial(ours) == but_for_serial(theirs)
}

/// The text, or as much of it as is shown.
fn short(text: String) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
