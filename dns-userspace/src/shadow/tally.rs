//! What was found, each difference of a question once, and what it comes to.

use std::{
    collections::{BTreeMap, HashSet},
    net::{IpAddr, SocketAddr},
};

use domain::base::Rtype;
use serde::Serialize;

use super::{Difference, Kind, Question, upstream::Asked};
use crate::model::Name;

/// Questions and kinds that are told apart; what comes beyond them is counted as seen alone,
/// so that whoever makes names up fills no memory.
const KNOWN_MAX: usize = 100_000;

/// A difference, with the question that it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// In what.
    pub kind: Kind,
    /// The zone of the name.
    pub zone: String,
    /// The name asked for.
    pub name: String,
    /// The type asked for.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The resolver that asked.
    pub from: IpAddr,
    /// What veer says.
    pub veer: String,
    /// What the other server says.
    pub upstream: String,
}

/// One kind of difference in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The zone.
    pub zone: String,
    /// The kind.
    pub kind: Kind,
    /// Names and types with it.
    pub questions: u64,
    /// How often it was seen.
    pub seen: u64,
    /// The first.
    pub first: Found,
}

/// Questions that nobody was asked, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// For names in none of veer's zones.
    pub outside: u64,
    /// For names in another zone than is asked for.
    pub other_zones: u64,
    /// That nobody could compare: for ANY, transfers and other meta types.
    pub meta: u64,
    /// That came faster than the other server may be asked, or were lost before.
    pub skipped: u64,
    /// That cannot be read.
    pub unreadable: u64,
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The other server.
    pub upstream: SocketAddr,
    /// Questions whose replies of both were compared.
    pub compared: u64,
    /// Questions whose replies differ in more than is expected of a decision, those that the
    /// other server gave none to among them.
    pub differing: u64,
    /// Those to which the other server gave no reply.
    pub no_answer: u64,
    /// How often it gave none over UDP, tries that were followed by another included.
    pub unanswered: u64,
    /// Questions that nobody was asked.
    #[serde(flatten)]
    pub left_out: LeftOut,
    /// Each kind in each zone that there is.
    pub differences: Vec<Counted>,
}

impl Summary {
    /// Whether anything differs that should not.
    pub fn differs(&self) -> bool {
        self.differences.iter().any(|of| !of.kind.is_expected())
    }
}

/// What is counted on the way.
#[derive(Debug)]
pub struct Tally {
    ignored: Vec<Kind>,
    known: HashSet<(Name, Rtype, Kind)>,
    counted: BTreeMap<(String, Kind), Counted>,
    compared: u64,
    differing: u64,
    no_answer: u64,
    unanswered: u64,
}

impl Tally {
    /// Of no question yet; differences of kinds that are `ignored` never count.
    pub fn new(ignored: Vec<Kind>) -> Self {
        Self {
            ignored,
            known: HashSet::new(),
            counted: BTreeMap::new(),
            compared: 0,
            differing: 0,
            no_answer: 0,
            unanswered: 0,
        }
    }

    /// Counts what both say to a `question` for a name of `zone`, of which `asked` is what
    /// the other server says; those `differences` that are new.
    pub fn take(
        &mut self,
        question: &Question,
        zone: &Name,
        asked: &Asked,
        mut differences: Vec<Difference>,
    ) -> Vec<Found> {
        self.unanswered += asked.unanswered;
        match asked.side.reply {
            Ok(_) => self.compared += 1,
            Err(_) => self.no_answer += 1,
        }
        differences.retain(|difference| !self.ignored.contains(&difference.kind));
        if differences.iter().any(|found| !found.kind.is_expected()) {
            self.differing += 1;
        }
        let new = differences
            .into_iter()
            .filter_map(|difference| self.count(question, zone, difference));
        new.collect()
    }

    fn count(&mut self, question: &Question, zone: &Name, difference: Difference) -> Option<Found> {
        let kind = difference.kind;
        // A zone has one, whatever is asked.
        let subject = match kind {
            Kind::Serial => (zone.clone(), Rtype::SOA, kind),
            _ => (question.name.clone(), question.rtype, kind),
        };
        let is_new = self.known.len() < KNOWN_MAX && self.known.insert(subject);
        let zone = zone.fmt_with_dot().to_string();
        let found = Found {
            kind,
            zone: zone.clone(),
            name: question.name.fmt_with_dot().to_string(),
            rtype: question.rtype.to_string(),
            from: question.from,
            veer: difference.ours,
            upstream: difference.theirs,
        };
        let counted = self.counted.entry((zone.clone(), kind));
        let counted = counted.or_insert_with(|| Counted {
            zone,
            kind,
            questions: 0,
            seen: 0,
            first: found.clone(),
        });
        counted.seen += 1;
        counted.questions += u64::from(is_new);
        is_new.then_some(found)
    }

    /// How many were compared, and of how many of these the replies differ.
    pub fn so_far(&self) -> (u64, u64) {
        (self.compared, self.differing)
    }

    /// How many got no reply from the other server.
    pub fn no_answer(&self) -> u64 {
        self.no_answer
    }

    /// What it comes to before this server, beside what was `left_out`.
    pub fn summary(self, upstream: SocketAddr, left_out: LeftOut) -> Summary {
        Summary {
            upstream,
            compared: self.compared,
            differing: self.differing,
            no_answer: self.no_answer,
            unanswered: self.unanswered,
            left_out,
            differences: self.counted.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
