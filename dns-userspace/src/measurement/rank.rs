//! Rank: the order of a pool's candidates for one resolver group.
//!
//! Every candidate is ranked, whatever its health: who may be used is
//! [`super::decide`]'s matter, so that a death changes one word and no ranking.

mod threshold;

use std::{cmp::Reverse, collections::BTreeMap};

use dns_common::decision::Ranking;
use tokio::time::Instant;

use super::metric::{Badness, Metric};
use crate::model::{Policy, Quantity};

pub use threshold::{Side, Sides};

/// What candidates are compared by: for each metric that the policy asks for, how bad
/// each candidate is, by number.
pub type Measured = BTreeMap<Metric, Vec<Badness>>;

/// What one ranking leaves for the next.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The ranking that holds now, if there is one.
    pub ranking: Option<Ranking>,
    /// On which side of an agreed level candidates are.
    pub sides: Sides,
    measured: Measured,
    news: Vec<(u8, Metric)>,
}

impl Memory {
    /// What changed the ranking last: the candidate and metric whose value alone did it, or
    /// those that did it together; none where time did.
    pub fn news(&self) -> &[(u8, Metric)] {
        &self.news
    }
}

/// As [`rank`], and has `memory` keep what changed the ranking, if it did change.
pub fn rank_anew(
    policy: &Policy,
    level: Option<Quantity>,
    group: &str,
    candidates: u8,
    measured: Measured,
    memory: &mut Memory,
    now: Instant,
) -> Ranking {
    let was = std::mem::take(&mut memory.measured);
    let before = Memory {
        ranking: memory.ranking,
        sides: memory.sides.clone(),
        ..Memory::default()
    };
    let ranking = rank(policy, level, group, candidates, &measured, memory, now);
    if before.ranking != Some(ranking) {
        let does_it = |measured: &Measured| {
            let mut memory = before.clone();
            rank(policy, level, group, candidates, measured, &mut memory, now) == ranking
        };
        memory.news = if does_it(&was) {
            Vec::new()
        } else {
            let news = differences(&was, &measured);
            let alone = |(candidate, metric): &&(u8, Metric)| {
                let mut with = was.clone();
                let values = with
                    .entry(*metric)
                    .or_insert_with(|| measured[metric].clone());
                let number = usize::from(*candidate);
                values[number] = measured[metric][number];
                does_it(&with)
            };
            let one = news.iter().find(alone).copied();
            one.map_or(news, |one| vec![one])
        };
    }
    memory.measured = measured;
    ranking
}

/// The candidates and metrics that are not in `now` as they are in `before`.
fn differences(before: &Measured, now: &Measured) -> Vec<(u8, Metric)> {
    let each = now.iter().flat_map(|(metric, values)| {
        let known = before.get(metric);
        let numbered = (0..).zip(values);
        numbered.filter_map(move |(number, value)| {
            let was = known.and_then(|known| known.get(usize::from(number)));
            (was != Some(value)).then_some((number, *metric))
        })
    });
    each.collect()
}

/// The ranking of all of so many `candidates` by `policy` for the group called `group`,
/// at `now`. `level` is that of the policy which is in force, if there is one.
///
/// - Failover: the group's own order, else the common one.
/// - Weighted: by weight, then as configured. Balance: as configured.
/// - Criteria, best: see [`Policy`]. For each position in turn, the candidate that
///   `memory` has first among those left keeps it, unless another is better by more than
///   the tolerance. So no position changes hands within the tolerance, and the same
///   measurements and memory always give the same order. Without a previous ranking,
///   configured order decides between equals only.
/// - Threshold: origins better than the level, or not left by all resolvers yet; those to
///   hand over to; the other origins.
pub fn rank(
    policy: &Policy,
    level: Option<Quantity>,
    group: &str,
    candidates: u8,
    measured: &Measured,
    memory: &mut Memory,
    now: Instant,
) -> Ranking {
    let ranking = match policy {
        Policy::Failover { order, by_group } => Ranking::new(by_group.get(group).unwrap_or(order)),
        Policy::Weighted { weights, .. } => {
            let mut order: Vec<u8> = (0..).take(weights.len()).collect();
            order.sort_by_key(|candidate| Reverse(weights[usize::from(*candidate)]));
            Ranking::new(&order)
        }
        Policy::Balance { .. } => Ranking::new(&(0..candidates).collect::<Vec<_>>()),
        Policy::Criteria(criteria) => {
            let tolerances = criteria.iter().map(|by| by.tolerance.value());
            let tolerances: Vec<f64> = tolerances.collect();
            let bad =
                |number: usize, candidate| badness(measured, criteria[number].metric, candidate);
            in_turn(&tolerances, candidates, bad, memory.ranking)
        }
        Policy::Best {
            weights,
            tolerance_permille,
        } => {
            let sums = weighted_sums(weights, candidates, measured);
            let tolerance = f64::from(*tolerance_permille) / 1e3;
            let bad = |_, candidate: u8| Badness::of(sums[usize::from(candidate)]);
            in_turn(&[tolerance], candidates, bad, memory.ranking)
        }
        Policy::Threshold(threshold) => {
            let bad = |candidate| badness(measured, threshold.metric, candidate);
            let order = memory.sides.order(threshold, level, bad, now);
            Ranking::new(&order)
        }
    };
    memory.ranking = Some(ranking);
    ranking
}

/// How bad `candidate` is; what was not asked for is unknown.
fn badness(measured: &Measured, metric: Metric, candidate: u8) -> Badness {
    let of = measured.get(&metric);
    let known = of.and_then(|values| values.get(usize::from(candidate)));
    known.copied().unwrap_or(Badness::WORST)
}

/// The order by so many criteria as there are `tolerances`; `badness` is that of a
/// candidate by the number of one.
fn in_turn(
    tolerances: &[f64],
    candidates: u8,
    badness: impl Fn(usize, u8) -> Badness,
    previous: Option<Ranking>,
) -> Ranking {
    let mut left: Vec<u8> = match previous {
        Some(previous) => previous.iter().collect(),
        None => (0..candidates).collect(),
    };
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let mut close: Vec<u8> = left.clone();
        for (number, tolerance) in tolerances.iter().enumerate() {
            let best = close.iter().map(|candidate| badness(number, *candidate));
            let limit = best.min().map(|best| best.worse_by(*tolerance));
            close.retain(|candidate| Some(badness(number, *candidate)) <= limit);
        }
        let winner = if previous.is_some() && close.contains(&left[0]) {
            left[0]
        } else {
            let all = |candidate: &u8| -> Vec<Badness> {
                let each = 0..tolerances.len();
                each.map(|number| badness(number, *candidate)).collect()
            };
            // The first of equals.
            let least = close.iter().copied().min_by_key(all);
            least.unwrap_or(left[0])
        };
        left.retain(|candidate| *candidate != winner);
        order.push(winner);
    }
    Ranking::new(&order)
}

/// For each candidate the weighted sum of its places between best and worst, 0 to 1; who
/// is not measured stands a whole sum behind all that are.
fn weighted_sums(weights: &[(Metric, u32)], candidates: u8, measured: &Measured) -> Vec<f64> {
    let total: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let place = |metric: Metric, candidate: u8| {
        let of = (0..candidates).map(|candidate| badness(measured, metric, candidate));
        let known = of.filter(|badness| badness.is_known());
        let (best, worst) = known.fold((Badness::WORST, Badness::BEST), |(best, worst), one| {
            (best.min(one), worst.max(one))
        });
        match badness(measured, metric, candidate) {
            known if known.is_known() => known.between(best, worst),
            unknown if unknown == Badness::BEST => 0.0,
            _ => total + 1.0,
        }
    };
    let sum = |candidate| {
        let each = weights.iter();
        each.map(|(metric, weight)| f64::from(*weight) * place(*metric, candidate))
            .sum::<f64>()
            / total
    };
    (0..candidates).map(sum).collect()
}

#[cfg(test)]
mod tests;
