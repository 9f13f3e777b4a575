//! What time alone alters: holds that end, and a level that comes into force.

use std::time::Duration;

use super::{
    super::{altered::Altered, level::Next},
    Alteration, Director, Smallest, Trial, candidate_name,
};
use crate::{
    measurement::{health::Reading, metric::milliseconds},
    model::Policy,
};

impl Director {
    /// The next version of an agreed level, from its time on.
    pub(super) fn try_level(&self, trial: &mut Trial<'_>, smallest: &mut Smallest) {
        let Some(Next {
            version,
            at_unix_ms,
            left,
            share,
        }) = self.next_level(trial.pool)
        else {
            return;
        };
        let (measured, then) = (measured_now(trial), trial.now + left);
        let picked = trial.with_level(at_unix_ms, |trial| trial.try_out(measured, then));
        if picked != trial.picked() {
            let alteration = Alteration::LevelInForce {
                version: version.number,
                value: version.value.value(),
                at_unix_ms,
            };
            smallest.offer(alteration, share, picked);
        }
    }
}

/// Holds that end, the next first.
pub(super) fn try_holds(trial: &mut Trial<'_>, smallest: &mut Smallest) {
    let Policy::Threshold(threshold) = &trial.pool.policy else {
        return;
    };
    let left = threshold.origins.iter().filter_map(|origin| {
        let standing = trial.known.sides(trial.group).of(*origin)?;
        let left = threshold.hold.checked_sub(trial.now - standing.since)?;
        // Those that end in one millisecond end together, as it is stated.
        let left = Duration::from_millis(left.as_nanos().div_ceil(1_000_000) as u64);
        (!left.is_zero()).then_some((left, *origin))
    });
    let mut left: Vec<(Duration, u8)> = left.collect();
    left.sort();
    let measured = measured_now(trial);
    for (left, origin) in left {
        let picked = trial.try_out(measured.clone(), trial.now + left);
        if picked != trial.picked() {
            let alteration = Alteration::HoldEnds {
                server: candidate_name(trial.pool, origin).to_owned(),
                in_ms: milliseconds(left),
            };
            let size = left.div_duration_f64(threshold.hold);
            smallest.offer(alteration, size, picked);
        }
    }
}

/// What is known now, to be known later as well.
fn measured_now(trial: &Trial<'_>) -> Altered {
    let mut measured = Altered::default();
    for metric in trial.pool.policy.metrics() {
        for (number, reading) in (0..).zip(trial.readings(metric).0) {
            if let Reading::Fresh(value) = reading {
                measured = measured.with_value(number, metric, value);
            }
        }
    }
    measured
}
