//! Which part of a service's resolvers gets which candidate, by one director and by
//! another beside it.

#![expect(
    clippy::cast_precision_loss,
    reason = "what is counted stays far below 2^52"
)]

use std::collections::{BTreeMap, HashMap};

use dns_common::decision::{CANDIDATES_MAX, Ranking, SLOTS};

use super::{
    Director,
    difference::{Blocks, Picks, Side, blocks},
    picked::Picked,
};
use crate::measurement::{metric::Metric, schedule::TargetId};

/// Parts of the resolvers, 0 to 1, by the number of the candidate that they get. What is
/// left gets nobody.
pub type Parts = [f64; CANDIDATES_MAX];

/// How the resolvers of a service are divided by both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Divided {
    /// The part that gets another answer by the one than by the other.
    pub moved: f64,
    /// By the one.
    pub before: Parts,
    /// By the other.
    pub then: Parts,
}

impl Divided {
    fn add(&mut self, other: &Self, part: f64) {
        self.moved += other.moved * part;
        let parts = self.before.iter_mut().chain(&mut self.then);
        for (sum, of) in parts.zip(other.before.iter().chain(&other.then)) {
            *sum += of * part;
        }
    }
}

/// Resolvers by the groups that both put them in, with the demand of each.
#[derive(Clone, Debug)]
pub struct Overlap(Blocks);

impl Overlap {
    /// Those of `before` and `then`.
    pub fn new(before: &Director, then: &Director) -> Self {
        Self(blocks(
            &before.plan.groups,
            &then.plan.groups,
            &before.demand,
        ))
    }
}

impl Director {
    /// How resolvers of the pool `number` are divided now, and by `then` on its pool `other`.
    pub fn divided(&self, number: u16, then: &Self, other: u16, overlap: &Overlap) -> Divided {
        let (before, then) = (Side::new(self, number), Side::new(then, other));
        let mut all = Divided::default();
        // Most groups have one of few rankings.
        let mut known: HashMap<(Ranking, Ranking), Divided> = HashMap::new();
        for ((group, group_then), block) in &overlap.0 {
            let rankings = (
                before.state.ranking(*group),
                then.state.ranking(*group_then),
            );
            let divided = known
                .entry(rankings)
                .or_insert_with(|| divided(&before, rankings.0, &then, rankings.1));
            all.add(divided, block.part);
        }
        all
    }

    /// The targets by which `metric` of `candidate` in the pool `number` is known to this
    /// host; `None` where it is not measured.
    pub fn measured_of(&self, number: u16, candidate: u8, metric: Metric) -> Option<Vec<TargetId>> {
        let pool = &self.plan.pools[usize::from(number)];
        let state = &self.pools[usize::from(number)];
        let (_, targets) = state.measured_by(pool, None, false, candidate, metric)?;
        Some(targets.collect())
    }
}

/// How those with these rankings are divided.
fn divided(before: &Side<'_>, ranking: Ranking, then: &Side<'_>, ranking_then: Ranking) -> Divided {
    let slots = if before.is_divided() || then.is_divided() {
        SLOTS
    } else {
        1
    };
    let mut counted: BTreeMap<(Picks, Picks), usize> = BTreeMap::new();
    for slot in 0..slots as u32 {
        let picks = (before.picks(ranking, slot), then.picks(ranking_then, slot));
        *counted.entry(picks).or_default() += 1;
    }
    let mut all = Divided::default();
    for ((picks, picks_then), count) in counted {
        let has_moved = before.answer(picks) != then.answer(picks_then);
        let one = Divided {
            moved: f64::from(u8::from(has_moved)),
            before: parts(before, picks),
            then: parts(then, picks_then),
        };
        all.add(&one, count as f64 / slots as f64);
    }
    all
}

/// Whom resolvers with `picks` go to: where families differ half of them each, and to all
/// of several alike.
fn parts(side: &Side<'_>, picks: Picks) -> Parts {
    let mut parts = Parts::default();
    let picked = picks.into_iter().filter(|picked| *picked != Picked::Nobody);
    let picked: Vec<Picked> = picked.collect();
    for one in &picked {
        let candidates: Vec<u8> = match one {
            Picked::All => (0..side.pool.servers.len() as u8).collect(),
            _ => one.candidates().collect(),
        };
        let part = 1.0 / picked.len() as f64 / candidates.len() as f64;
        for number in candidates {
            parts[usize::from(number)] += part;
        }
    }
    parts
}
