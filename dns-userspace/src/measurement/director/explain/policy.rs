//! Policies in words.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::candidate_name;
use crate::{
    measurement::{
        metric::{Badness, Metric, Sense, milliseconds},
        rank::{Side, Sides},
        share::ALL,
    },
    model::{Criterion, Policy, Pool, Quantity, Threshold},
};

/// What is shown of a pool's candidates.
pub(super) fn shown(pool: &Pool) -> Vec<Metric> {
    let load = pool.capacity.as_ref().map(|_| Metric::Load);
    let compared = pool.policy.metrics();
    if !compared.is_empty() {
        return compared.into_iter().chain(load).collect();
    }
    let gives = |metric: &Metric| {
        let mut probes = pool.probes.iter();
        probes.any(|of| of.probe.metrics().contains(metric))
    };
    let time = Metric::TIMES.into_iter().find(gives);
    time.into_iter().chain(load).collect()
}

/// A policy in a few words, with the `level` in force.
pub(super) fn describe(pool: &Pool, level: Option<Quantity>) -> String {
    let ranked = ranked(pool, level);
    match &pool.capacity {
        Some(capacity) => format!(
            "{ranked}, each to {} % of its capacity",
            capacity.fill_percent
        ),
        None => ranked,
    }
}

/// What candidates are ranked by.
fn ranked(pool: &Pool, level: Option<Quantity>) -> String {
    match &pool.policy {
        Policy::Failover { .. } => "failover: the configured order".to_owned(),
        Policy::Weighted { weights, is_sticky } => {
            let each = pool.candidates().zip(weights);
            let each: Vec<_> = each
                .map(|(name, weight)| format!("{name} × {weight}"))
                .collect();
            let drawn = if *is_sticky { "" } else { " for each query" };
            format!("by weight{drawn}, {}", each.join(", "))
        }
        Policy::Criteria(criteria) => {
            let each = criteria.iter().map(|Criterion { metric, tolerance }| {
                format!("{metric} within {}", tolerance.value())
            });
            let each: Vec<_> = each.collect();
            format!("the best by {}", each.join(", then "))
        }
        Policy::Best { weights, .. } => {
            let each = weights.iter();
            let each: Vec<_> = each
                .map(|(metric, weight)| format!("{metric} × {weight}"))
                .collect();
            format!("the best in all of {}", each.join(", "))
        }
        Policy::Balance {
            metric, tolerance, ..
        } => format!(
            "parts by {metric}, errors and failed probes, alike within {}",
            tolerance.value()
        ),
        Policy::Threshold(threshold) => {
            let name = |number: &u8| pool.candidates().nth((*number).into()).unwrap_or_default();
            let names = |numbers: &[u8]| numbers.iter().map(name).collect::<Vec<_>>().join(", ");
            let (origins, over) = (names(&threshold.origins), names(&threshold.over));
            let metric = threshold.metric;
            match level {
                Some(level) => format!(
                    "{origins} while {metric} is {} {}, else {over}",
                    better(threshold),
                    level.value(),
                ),
                None => format!("{origins} while no level of {metric} is in force, else {over}"),
            }
        }
    }
}

/// Why `loser`, which may be used, stands behind `winner`, by the `level` in force and what
/// is measured of each.
pub(super) fn behind(
    pool: &Pool,
    level: Option<Quantity>,
    (loser, winner): (u8, u8),
    measured: impl Fn(u8) -> BTreeMap<Metric, f64>,
) -> String {
    let name = candidate_name(pool, winner);
    let (own, best) = (measured(loser), measured(winner));
    let shown = |values: &BTreeMap<Metric, f64>, metric: Metric| match values.get(&metric) {
        Some(value) => value.to_string(),
        None => "unknown".to_owned(),
    };
    match &pool.policy {
        Policy::Failover { .. } | Policy::Weighted { .. } => {
            format!("{name} comes before it in the configured order")
        }
        Policy::Balance { metric, .. } => {
            let (own, best) = (shown(&own, *metric), shown(&best, *metric));
            format!("{name} takes the slot; {metric} is {own}, that of {name} {best}")
        }
        Policy::Criteria(criteria) => {
            let is_told_by = |by: &&Criterion| {
                let of = |values: &BTreeMap<Metric, f64>| {
                    let value = values.get(&by.metric);
                    value.map_or(Badness::WORST, |value| by.metric.badness(*value))
                };
                of(&own) > of(&best).worse_by(by.tolerance.value())
            };
            match criteria.iter().find(is_told_by) {
                Some(Criterion { metric, .. }) => format!(
                    "{metric} is {}, that of {name} {}",
                    shown(&own, *metric),
                    shown(&best, *metric)
                ),
                None => format!("not so much better that {name} would lose its place"),
            }
        }
        Policy::Best { weights, .. } => {
            let each = weights.iter().map(|(metric, _)| {
                let (own, best) = (shown(&own, *metric), shown(&best, *metric));
                format!("{metric} {own} against {best}")
            });
            let each: Vec<_> = each.collect();
            format!("{name} is the better one in all: {}", each.join(", "))
        }
        Policy::Threshold(threshold) => {
            if threshold.over.contains(&loser) && threshold.origins.contains(&winner) {
                match level {
                    Some(_) => format!("not needed while {name} is better than the level"),
                    None => "not needed while no level is in force".to_owned(),
                }
            } else if threshold.origins.contains(&loser) && threshold.over.contains(&winner) {
                format!("{name} takes over from it")
            } else {
                format!("{name} comes before it in the configured order")
            }
        }
    }
}

/// On which side of the level `candidate` stands, if it has to be better than one.
pub(super) fn standing(
    pool: &Pool,
    level: Option<Quantity>,
    sides: &Sides,
    candidate: u8,
    now: Instant,
) -> Option<String> {
    let Policy::Threshold(threshold) = &pool.policy else {
        return None;
    };
    let standing = sides.of(candidate)?;
    let lasted = now.saturating_duration_since(standing.since);
    let side = match (standing.side, level) {
        (Side::Better, None) => "used, as no level is in force,",
        (Side::Better, Some(_)) => "better than the level",
        (Side::AtOrWorse, _) => "at the level or worse",
    };
    let held = threshold.hold.saturating_sub(lasted);
    let held = if held.is_zero() {
        String::new()
    } else {
        format!(", held for another {:.1} s", milliseconds(held) / 1e3)
    };
    let percent = f64::from(standing.admitted()) * 1e2 / f64::from(ALL);
    let moving = match (standing.side, standing.admitted()) {
        (_, 0 | ALL) => String::new(),
        (Side::Better, _) => format!(", {percent:.0} % of resolvers are back so far"),
        (Side::AtOrWorse, _) => format!(", {percent:.0} % of resolvers are left so far"),
    };
    Some(format!(
        "{side} for {:.1} s{held}{moving}",
        milliseconds(lasted) / 1e3
    ))
}

/// How far a candidate is back that takes this `part` of its slots so far.
pub(super) fn returning(part: u16) -> String {
    let percent = f64::from(part) * 1e2 / f64::from(ALL);
    format!("back, and takes {percent:.0} % of its resolvers so far")
}

/// Where better values lie.
fn better(threshold: &Threshold) -> &'static str {
    match threshold.metric.sense() {
        Sense::HighIsBad => "below",
        Sense::LowIsBad => "above",
    }
}
