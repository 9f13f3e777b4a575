//! Agreed levels: which version is in force at the time of day, and which is next.

mod status;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use tokio::time::Instant;
use tracing::info;

use super::{
    Change, Director,
    history::{Cause, NAMES_MAX},
    stores::Stores,
};
use crate::{
    measurement::metric::Metric,
    model::{Level, Plan, Pool, Version},
};
pub use status::{Effect, LevelStatus, VersionStatus};

/// The time of day, as far as it was said.
#[derive(Clone, Debug, Default)]
pub(super) struct TimeOfDay {
    /// Milliseconds since 1970.
    unix_ms: u64,
    /// Around that, times at which the same versions are in force.
    steady: Range<u64>,
}

impl TimeOfDay {
    fn new(unix_ms: u64, plan: &Plan) -> Self {
        let agreed = plan.pools.iter().filter_map(agreed);
        let times =
            agreed.flat_map(|(_, level)| level.versions().iter().filter_map(Version::since));
        let steady = times.fold(0..u64::MAX, |Range { start, end }, time| {
            if time <= unix_ms {
                start.max(time)..end
            } else {
                start..end.min(time)
            }
        });
        Self { unix_ms, steady }
    }
}

/// The metric and the level of `pool` where customer and provider have to agree on that.
fn agreed(pool: &Pool) -> Option<(Metric, &Level)> {
    let threshold = pool.policy.threshold()?;
    let level = &threshold.level;
    (!level.versions().is_empty()).then_some((threshold.metric, level))
}

impl Director {
    /// Takes in the time of day, milliseconds since 1970, at `now`, and returns the words
    /// that changes: those of pools in which another version of the level is in force. As
    /// often as this is called, and by any clock, what is decided follows from the time it
    /// was called with last.
    pub fn set_time_of_day(&mut self, unix_ms: u64, now: Instant) -> Vec<Change> {
        if self.time_of_day.steady.contains(&unix_ms) {
            self.time_of_day.unix_ms = unix_ms;
            return Vec::new();
        }
        let mut changes = Vec::new();
        // What was in force before is no news.
        let is_told_first = self.time_of_day.steady.is_empty();
        for (number, cause) in self.agree(unix_ms) {
            if !is_told_first {
                info!("{cause}");
            }
            let mut stores = Stores::default();
            self.follow(number, None, false, now, &mut stores);
            let stores = stores.in_order();
            self.touch(&stores, &cause, now);
            changes.extend(stores);
        }
        changes
    }

    /// Keeps the time of day that `previous` knows.
    pub(super) fn keep_time_of_day(&mut self, previous: &Self) {
        self.agree(previous.time_of_day.unix_ms);
    }

    /// Has the versions be in force that are so at `unix_ms`; the pools for which those are
    /// others, and why. None is ranked anew.
    fn agree(&mut self, unix_ms: u64) -> Vec<(u16, Cause)> {
        self.time_of_day = TimeOfDay::new(unix_ms, &self.plan);
        let pools = self.plan.pools.iter().zip(&mut self.pools);
        let changed = (0..=u16::MAX).zip(pools);
        let changed = changed.filter_map(|(number, (pool, state))| {
            state.agree(pool, unix_ms).then_some((number, pool))
        });
        let changed: Vec<(u16, &Pool)> = changed.collect();
        let mut customers: BTreeMap<u16, BTreeSet<&String>> = BTreeMap::new();
        customers.extend(changed.iter().map(|(number, _)| (*number, BTreeSet::new())));
        for (service, number) in &self.plan.services {
            if let Some(of) = customers.get_mut(number) {
                of.insert(&service.customer);
            }
        }
        let causes = changed.into_iter().filter_map(|(number, pool)| {
            let (metric, level) = agreed(pool)?;
            let version = level.in_force(unix_ms);
            let customers = customers.remove(&number)?.into_iter();
            let cause = Cause::Level {
                customers: customers.take(NAMES_MAX).cloned().collect(),
                version: version.map(|version| version.number),
                metric,
                value: version.map(|version| version.value.value()),
            };
            Some((number, cause))
        });
        causes.collect()
    }

    /// Time until an operator's word of the pool `number` ends by itself, or another version of
    /// its level is in force, where the TTL of its answers follows that.
    pub(super) fn until_words(&self, number: u16) -> Option<Duration> {
        let pool = &self.plan.pools[usize::from(number)];
        if pool.ttls.is_empty() {
            return None;
        }
        let unix_ms = self.time_of_day.unix_ms;
        let ends = self.override_ends(number);
        let ends = ends.map(|at| Duration::from_millis(at.saturating_sub(unix_ms)));
        let level = self.next_level(pool).map(|next| next.left);
        ends.into_iter().chain(level).min()
    }

    /// The version of the level of `pool` that is in force next.
    pub(super) fn next_level<'p>(&self, pool: &'p Pool) -> Option<Next<'p>> {
        let (_, level) = agreed(pool)?;
        let unix_ms = self.time_of_day.unix_ms;
        let to_come = level.versions().iter().filter_map(|version| {
            let at_unix_ms = version.since().filter(|since| *since > unix_ms)?;
            let is_then = level.in_force(at_unix_ms) == Some(version);
            let agreed = version.accepted.into_iter().flatten().max();
            let wait = Duration::from_millis(at_unix_ms.saturating_sub(agreed?));
            let left = Duration::from_millis(at_unix_ms - unix_ms);
            is_then.then(|| Next {
                version,
                at_unix_ms,
                left,
                share: if left < wait {
                    left.div_duration_f64(wait)
                } else {
                    1.0
                },
            })
        });
        to_come.min_by_key(|next| next.at_unix_ms)
    }
}

/// The version of an agreed level that is in force next.
pub(super) struct Next<'p> {
    pub(super) version: &'p Version,
    /// When.
    pub(super) at_unix_ms: u64,
    /// In how long, by the time of day that is known.
    pub(super) left: Duration,
    /// How much that is of the time from when it was agreed on until then, 1 at most.
    pub(super) share: f64,
}

#[cfg(test)]
mod tests;
