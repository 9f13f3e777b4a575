//! Values that would be others: for each candidate, metric and direction the first value
//! by which another wins.

#![expect(
    clippy::cast_precision_loss,
    reason = "thousandths of what is measured stay far below 2^52"
)]

use super::{Alteration, Smallest, Trial, candidate_name, rounded};
use crate::{
    measurement::{
        director::altered::Altered,
        health::{Health, Reading},
        metric::{Metric, Sense, milliseconds},
    },
    model::{Policy, Probe, Quantity, Unknown},
};

/// Values are tried in thousandths of their unit: no more is shown of them.
const PER_UNIT: f64 = 1e3;

/// The first step from a value, and how much further each of the next goes: between two
/// of them, and apart from what they are compared with, no change is looked for.
const FIRST_STEP: f64 = 1e-3;
const GROWTH: f64 = 1.2;

/// What a metric without a bound of its own may come to, times the largest there is.
const HEADROOM: f64 = 100.0;

/// Where values begin and which way they go, in thousandths.
#[derive(Clone, Copy)]
struct Walk {
    /// What is now; where the metric ends if that is unknown.
    from: f64,
    is_known: bool,
    /// 1 or −1.
    step: i64,
    lowest: i64,
    highest: i64,
}

/// Offers the smallest change of each value that is compared, if others win by it.
pub(super) fn try_values(trial: &mut Trial<'_>, smallest: &mut Smallest) {
    if trial.known.said().frozen {
        return;
    }
    for metric in trial.pool.policy.metrics() {
        let (readings, are_own) = trial.readings(metric);
        for number in (0..).take(readings.len()) {
            for walk in walks(trial, number, metric, (&readings, are_own)) {
                let points = walk.points(&compared_with(trial, number, metric, &readings));
                try_walk(trial, number, metric, walk, &points, smallest);
            }
        }
    }
}

/// The ways that a candidate's value can go; none where nothing is measured of it.
fn walks(
    trial: &Trial<'_>,
    number: u8,
    metric: Metric,
    (readings, are_own): (&[Reading], bool),
) -> Vec<Walk> {
    let outlook = trial.known.outlook(trial.group);
    let measured = trial
        .known
        .measured_by(trial.pool, outlook, are_own, number, metric);
    let Some((probe, targets)) = measured else {
        return Vec::new();
    };
    // What fails measures nothing.
    let mut targets = targets.map(|id| &trial.health[id.index()]);
    if metric == Metric::Cost || targets.all(Health::is_failing) {
        return Vec::new();
    }
    let unknown = trial.pool.unknown;
    let value = match readings[usize::from(number)] {
        Reading::Fresh(value) => Some(value * PER_UNIT),
        Reading::Stale(value) if unknown == Unknown::Last => Some(value * PER_UNIT),
        Reading::Stale(_) | Reading::Never => None,
    };
    let (lowest, highest) = bounds(metric, probe, readings);
    let walk = |step: i64| Walk {
        from: value.unwrap_or(if step > 0 { lowest } else { highest } as f64),
        is_known: value.is_some(),
        step,
        lowest,
        highest,
    };
    let to_better = match metric.sense() {
        Sense::HighIsBad => -1,
        Sense::LowIsBad => 1,
    };
    match (value, unknown) {
        (Some(_), _) => vec![walk(1), walk(-1)],
        (None, Unknown::Open) => vec![walk(-to_better)],
        (None, Unknown::Closed | Unknown::Last) => vec![walk(to_better)],
    }
}

/// The least and the most that `probe` can say of `metric`, in thousandths.
fn bounds(metric: Metric, probe: &Probe, readings: &[Reading]) -> (i64, i64) {
    let percent = (0, (100.0 * PER_UNIT) as i64);
    let largest = values(readings).fold(1.0, f64::max);
    match metric {
        // What takes longer fails.
        Metric::ResponseTime | Metric::ConnectTime | Metric::RoundTrip => {
            (1, (milliseconds(probe.timeout) * PER_UNIT) as i64)
        }
        Metric::Loss | Metric::Cpu | Metric::Memory | Metric::Errors | Metric::Availability => {
            percent
        }
        Metric::Load
        | Metric::Bandwidth
        | Metric::Connections
        | Metric::CertificateDays
        | Metric::Cost => (0, percent.1.max((largest * HEADROOM * PER_UNIT) as i64)),
    }
}

fn values(readings: &[Reading]) -> impl Iterator<Item = f64> {
    readings.iter().filter_map(|reading| match reading {
        Reading::Fresh(value) | Reading::Stale(value) => Some(*value),
        Reading::Never => None,
    })
}

/// Values around which a change is likely: those of others and agreed levels, with
/// tolerances and without.
fn compared_with(trial: &Trial<'_>, number: u8, metric: Metric, readings: &[Reading]) -> Vec<f64> {
    let others = (0..).zip(readings);
    let others = others.filter(|(other, _)| *other != number);
    let others: Vec<Reading> = others.map(|(_, reading)| *reading).collect();
    let (mut around, apart) = match &trial.pool.policy {
        Policy::Criteria(criteria) => {
            let by = criteria.iter().filter(|by| by.metric == metric);
            (Vec::new(), by.map(|by| by.tolerance.value()).collect())
        }
        Policy::Balance { tolerance, .. } => (Vec::new(), vec![tolerance.value()]),
        Policy::Threshold(of) => {
            let level = trial.known.level(trial.pool);
            let level = level.map(Quantity::value);
            (level.into_iter().collect(), vec![of.return_band.value()])
        }
        Policy::Failover { .. } | Policy::Weighted { .. } | Policy::Best { .. } => {
            (Vec::new(), Vec::new())
        }
    };
    around.extend(values(&others));
    let shifted = around.iter().flat_map(|value| {
        let apart: &Vec<f64> = &apart;
        apart.iter().flat_map(move |by| [value - by, value + by])
    });
    let shifted: Vec<f64> = shifted.collect();
    around.into_iter().chain(shifted).collect()
}

impl Walk {
    /// The first value on the way.
    fn first(&self) -> i64 {
        let from = self.from;
        let at = match (self.is_known, self.step > 0) {
            (true, true) => from.floor() + 1.0,
            (true, false) => from.ceil() - 1.0,
            (false, _) => from,
        };
        at as i64
    }

    /// How large the change to `point` is.
    fn size(&self, point: i64) -> f64 {
        if self.is_known && self.from != 0.0 {
            ((point as f64 - self.from) / self.from).abs()
        } else {
            1.0
        }
    }

    /// What is to be tried, the nearest first: further and further, around what it is
    /// `compared` with, and where the metric ends.
    fn points(&self, compared: &[f64]) -> Vec<i64> {
        let first = self.first();
        let span = self.highest - self.lowest;
        let mut distances = vec![0.0];
        let mut distance = (FIRST_STEP * self.from.abs()).max(1.0);
        while distance < span as f64 {
            distances.push(distance);
            distance *= GROWTH;
        }
        let away = distances.into_iter();
        let away = away.map(|distance| first + self.step * distance as i64);
        let around = compared.iter().flat_map(|value| {
            let at = (value * PER_UNIT).floor() as i64;
            at - 1..=at + 2
        });
        let ends = [self.lowest, self.highest];
        let mut points: Vec<i64> = away.chain(around).chain(ends).collect();
        points.retain(|point| {
            (self.lowest..=self.highest).contains(point) && (point - first) * self.step >= 0
        });
        points.sort_by_key(|point| (point - first) * self.step);
        points.dedup();
        points
    }
}

/// Goes along `points` until another wins, then back to the first value that does it.
fn try_walk(
    trial: &mut Trial<'_>,
    number: u8,
    metric: Metric,
    walk: Walk,
    points: &[i64],
    smallest: &mut Smallest,
) {
    let as_it_is = trial.picked();
    let mut picked_with = |point: i64| {
        let value = point as f64 / PER_UNIT;
        let altered = Altered::default().with_value(number, metric, value);
        trial.try_out(altered, trial.now)
    };
    let mut before = walk.first() - walk.step;
    for point in points {
        if walk.size(before + walk.step) >= smallest.size() {
            return;
        }
        let mut picked = picked_with(*point);
        if picked == as_it_is {
            before = *point;
            continue;
        }
        let mut after = *point;
        while (after - before).abs() > 1 {
            let middle = i64::midpoint(after, before);
            let with = picked_with(middle);
            if with == as_it_is {
                before = middle;
            } else {
                (after, picked) = (middle, with);
            }
        }
        let from = walk.is_known.then_some(walk.from / PER_UNIT);
        let to = after as f64 / PER_UNIT;
        let share = from.filter(|from| *from != 0.0);
        let alteration = Alteration::Value {
            server: candidate_name(trial.pool, number).to_owned(),
            metric,
            from: from.map(rounded),
            to,
            percent: share.map(|from| rounded(100.0 * (to - from) / from)),
        };
        smallest.offer(alteration, walk.size(after), picked);
        return;
    }
}
