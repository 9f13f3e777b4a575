//! Replay: recorded measurements through two configurations, and what differs.
//!
//! Both directors see the same samples, in the order and with the times in which they
//! were recorded. Nothing else is asked: no clock, no network, no running daemon.

mod report;
mod side;
mod tally;

use std::{collections::HashSet, time::Duration};

use tokio::time::Instant;

use crate::{
    daemon::load::Loaded,
    measurement::sample::Verdict,
    measurement_log::read::{Measured, Missing, Recording},
    model::Plan,
};
pub use report::{CandidateReplayed, Compared, Fed, Figures, Replayed, ServiceReplayed};
use side::Side;
use tally::Tally;

/// Samples come from many probes at once, so that one may be that much older than the one
/// before. Where it is more, the wall clock was set back.
const DISORDER_MS: u64 = 1000;

/// What a director is made of.
#[derive(Clone, Debug)]
pub struct Configured {
    /// Services, pools and groups.
    pub plan: Plan,
    /// `health.suspect_percent`
    pub suspect_percent: u8,
}

impl From<Loaded> for Configured {
    fn from(loaded: Loaded) -> Self {
        Self {
            plan: loaded.plan,
            suspect_percent: loaded.config.settings.health_suspect_percent,
        }
    }
}

/// Which measurements are replayed, milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// None before.
    pub from_unix_ms: Option<u64>,
    /// None after.
    pub to_unix_ms: Option<u64>,
}

impl Range {
    fn holds(self, at_unix_ms: u64) -> bool {
        self.from_unix_ms.is_none_or(|from| from <= at_unix_ms)
            && self.to_unix_ms.is_none_or(|to| at_unix_ms <= to)
    }
}

/// What `then` would have decided otherwise than `before`, by what `recording` has in
/// `range`. `progress` is told how many octets were read so far.
pub fn replay(
    recording: &Recording,
    before: Configured,
    then: Configured,
    range: Range,
    mut progress: impl FnMut(u64),
) -> Result<Replayed, String> {
    let mut run = Run::new(recording, [before, then], Instant::now());
    let mut recorded: Option<(u64, u64)> = None;
    let missing = recording.each(|measured, octets| {
        progress(octets);
        let at = measured.at_unix_ms;
        let (first, last) = recorded.get_or_insert((at, at));
        (*first, *last) = (at.min(*first), at.max(*last));
        if range.holds(at) {
            run.take(measured);
        }
    })?;
    run.finish(missing, recorded)
}

/// The recorded time as it passes for directors.
#[derive(Debug)]
struct Clock {
    begin: Instant,
    passed: Duration,
    /// The first and the last time that was recorded, milliseconds since 1970.
    unix_ms: Option<(u64, u64)>,
}

impl Clock {
    /// The time of a sample, and the same in milliseconds since 1970. No time passes where
    /// the wall clock was set back.
    fn at(&mut self, unix_ms: u64) -> (Instant, u64) {
        let (first, last) = self.unix_ms.get_or_insert((unix_ms, unix_ms));
        self.passed += Duration::from_millis(unix_ms.saturating_sub(*last));
        if unix_ms > *last || *last - unix_ms > DISORDER_MS {
            *last = unix_ms;
        }
        let passed_ms = self.passed.as_millis() as u64;
        (self.begin + self.passed, first.saturating_add(passed_ms))
    }
}

/// Samples until every target has been measured once.
#[derive(Debug)]
struct FirstRound {
    began: Instant,
    samples: Vec<(usize, Instant, Verdict)>,
}

/// A replay under way.
struct Run {
    sides: [Side; 2],
    tally: Tally,
    clock: Clock,
    /// The longest time for which no target is silent.
    reach: Duration,
    /// `None` once it is over.
    first_round: Option<FirstRound>,
    samples: u64,
}

impl Run {
    fn new(recording: &Recording, configured: [Configured; 2], begin: Instant) -> Self {
        let sides = configured.map(|of| Side::new(of, &recording.targets, begin));
        let reach = sides.iter().filter_map(Side::reach).max();
        let reach = reach.unwrap_or_default();
        Self {
            tally: Tally::new(&sides, 2 * reach, begin),
            sides,
            clock: Clock {
                begin,
                passed: Duration::ZERO,
                unix_ms: None,
            },
            reach,
            first_round: Some(FirstRound {
                began: begin,
                samples: Vec::new(),
            }),
            samples: 0,
        }
    }

    fn take(&mut self, measured: Measured) {
        let Measured {
            at_unix_ms,
            target,
            verdict,
        } = measured;
        if self.sides.iter().all(|side| !side.is_fed_by(target)) {
            return;
        }
        self.samples += 1;
        let (at, unix_ms) = self.clock.at(at_unix_ms);
        let Some(round) = &mut self.first_round else {
            self.observe(target, at, unix_ms, &verdict);
            return;
        };
        round.samples.push((target, at, verdict));
        let lasted = at - round.began;
        let mut is_whole = true;
        for side in &mut self.sides {
            is_whole &= side.has_all(target);
        }
        if lasted >= self.reach || is_whole {
            self.end_first_round(at, unix_ms);
        }
    }

    /// Has both decide by the first sample of each target, as a daemon does that starts.
    /// What else was measured until then counts as of `now`.
    fn end_first_round(&mut self, now: Instant, unix_ms: u64) {
        let Some(round) = self.first_round.take() else {
            return;
        };
        for side in &mut self.sides {
            side.observe_first_round(&round.samples, now, unix_ms);
        }
        self.tally.begin(&self.sides, now);
        let mut is_known = HashSet::new();
        for (target, _, verdict) in round.samples {
            if is_known.insert(target) {
                self.tally.note_values(&self.sides, target, &verdict, now);
            } else {
                self.observe(target, now, unix_ms, &verdict);
            }
        }
    }

    fn observe(&mut self, target: usize, at: Instant, unix_ms: u64, verdict: &Verdict) {
        self.tally.pass(at);
        let sides = self.sides.iter_mut();
        let changed: Vec<_> = sides
            .map(|side| side.observe(target, at, unix_ms, verdict))
            .collect();
        self.tally.note_values(&self.sides, target, verdict, at);
        for (number, pools) in changed.into_iter().enumerate() {
            self.tally.note_changes(&self.sides, number, &pools, at);
        }
    }

    /// What came of it; `recorded` is from when to when there is anything.
    fn finish(
        mut self,
        missing: Missing,
        recorded: Option<(u64, u64)>,
    ) -> Result<Replayed, String> {
        let time = |unix_ms: u64| {
            let time = std::time::UNIX_EPOCH + Duration::from_millis(unix_ms);
            humantime::format_rfc3339_millis(time)
        };
        let Some((first, last)) = recorded else {
            let why = missing.first_unreadable.map(|error| format!("; {error}"));
            return Err(format!("no measurements{}", why.unwrap_or_default()));
        };
        let (first, last) = (time(first), time(last));
        let Some((from_unix_ms, to_unix_ms)) = self.clock.unix_ms else {
            return Err(format!(
                "no measurement of this time and of what either configuration probes; \
                 the log is from {first} to {last}"
            ));
        };
        let now = self.clock.begin + self.clock.passed;
        self.end_first_round(now, to_unix_ms);
        self.tally.end(now);
        if self.tally.counted().is_zero() {
            return Err(format!(
                "there are measurements of the first round alone, {} s; the log is from {first} \
                 to {last}; valid: at least one more of a target",
                self.clock.passed.as_secs()
            ));
        }
        let mut replayed = self.tally.report(&self.sides);
        replayed.from_unix_ms = from_unix_ms;
        replayed.to_unix_ms = to_unix_ms;
        replayed.samples = self.samples;
        replayed.lost = missing.lost;
        replayed.unreadable = missing.unreadable;
        replayed.first_unreadable = missing.first_unreadable;
        Ok(replayed)
    }
}

#[cfg(test)]
mod tests;
