//! How much is asked for, by what candidates tell of what they are asked for.

use dns_common::decision::CANDIDATES_MAX;

use super::{DEMAND_BAND, FACTOR_BAND, FACTOR_STEP_MAX, FALL_MAX, SLOT, place::ByCandidate};
use crate::model::Quantity;

/// What a candidate tells is taken for no less, and for no more, of what it would be by
/// what the others tell. So whoever tells of nothing has a quarter too much at most, and
/// whoever tells of anything at all drives nobody away.
const BELIEVED_LEAST: f64 = 0.8;
const BELIEVED_MOST: f64 = 2.0;

/// Less than so much of the demand, sixteen slots, says little about all of it.
const TELLING: f64 = 16.0 * SLOT;

/// What all candidates are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Demand {
    /// In the unit of capacities.
    pub(super) total: f64,
    /// What a slot of each candidate brings, of what one does on average.
    pub(super) factors: ByCandidate<f64>,
}

impl Demand {
    /// By what is `told` before it is known who took what; who tells nothing counts as
    /// busy for its capacity as the others are. `None` if nobody tells anything.
    pub(super) fn first(told: &[Option<f64>], capacities: &[Option<Quantity>]) -> Option<Self> {
        let known = told.iter().zip(capacities);
        let known = known.filter_map(|(told, capacity)| Some(((*told)?, (*capacity)?.value())));
        let (told, of) = known.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let all: f64 = capacities.iter().flatten().map(|one| one.value()).sum();
        (of > 0.0).then_some(Self {
            total: told * all / of,
            factors: [1.0; CANDIDATES_MAX],
        })
    }

    /// By what is `told` by candidates that have `taken` such parts of it all; whether
    /// that changes it by what is worth a move.
    pub(super) fn learn(
        &mut self,
        told: &[Option<f64>],
        taken: &ByCandidate<f64>,
        capacities: &[Option<Quantity>],
    ) -> bool {
        let Some(usual) = usual(told, taken, capacities) else {
            return false;
        };
        let mut believed = [0.0; CANDIDATES_MAX];
        for (candidate, believed) in believed.iter_mut().enumerate() {
            let expected = taken[candidate] * usual;
            let told = told.get(candidate).copied().flatten().unwrap_or(expected);
            *believed = told.clamp(BELIEVED_LEAST * expected, BELIEVED_MOST * expected);
        }
        let sum: f64 = believed.iter().sum();
        let mut factors = self.factors;
        for (candidate, factor) in factors.iter_mut().enumerate() {
            if taken[candidate] >= TELLING && sum > 0.0 {
                let seen = believed[candidate] / (taken[candidate] * sum);
                *factor += (seen - *factor).clamp(-FACTOR_STEP_MAX, FACTOR_STEP_MAX);
            }
        }
        self.follow(sum, factors)
    }

    /// Follows what was `seen`, as far as it falls little at a time; whether that is worth
    /// a move.
    pub(super) fn follow(&mut self, seen: f64, factors: ByCandidate<f64>) -> bool {
        let total = seen.max(self.total * (1.0 - FALL_MAX));
        let mut both = factors.iter().zip(&self.factors);
        let changes = (total - self.total).abs() > DEMAND_BAND * self.total
            || both.any(|(now, before)| (now - before).abs() > FACTOR_BAND);
        if changes {
            *self = Self { total, factors };
        }
        changes
    }
}

/// What all would ask for if each part of it was what most of the capacity tells of its
/// own.
fn usual(
    told: &[Option<f64>],
    taken: &ByCandidate<f64>,
    capacities: &[Option<Quantity>],
) -> Option<f64> {
    let candidates = told.iter().zip(taken).zip(capacities);
    let telling = candidates.filter_map(|((told, taken), capacity)| {
        let all = (*told)? / *taken;
        (*taken >= TELLING).then_some((all, (*capacity)?.value()))
    });
    let mut telling: Vec<(f64, f64)> = telling.collect();
    telling.sort_by(|a, b| b.0.total_cmp(&a.0));
    let half = telling.iter().map(|(_, capacity)| capacity).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    let median = telling.iter().find(|(_, capacity)| {
        sum += capacity;
        sum >= half
    });
    median.map(|(all, _)| *all)
}
