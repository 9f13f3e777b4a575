//! Health: what is believed of one target, from its samples so far.

pub mod remembered;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    metric::Metric,
    sample::{Readings, Reason, Sample, Verdict},
    smooth::Series,
};
use crate::model::{Probe, Smoothing};

/// What is believed of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing conclusive was seen yet; it counts as up.
    #[default]
    Unknown,
    /// It works.
    Up,
    /// It does not.
    Down,
}

impl State {
    /// Whether the target may be used.
    pub const fn is_usable(self) -> bool {
        !matches!(self, Self::Down)
    }
}

/// Consecutive samples that agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streak {
    /// How many, 1 or more.
    pub length: u32,
    /// When the first of them was taken.
    pub since: Instant,
    /// Why the last of them failed; `None` in a streak of passes.
    pub failing: Option<Reason>,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// It was never measured.
    Never,
    /// It is too old.
    Stale(f64),
    /// It is this.
    Fresh(f64),
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
}

/// What is known about one target.
#[derive(Clone, Debug, Default)]
pub struct Health {
    state: State,
    since: Option<Instant>,
    streak: Option<Streak>,
    readings: Vec<(Metric, Series)>,
    last_sample: Option<Instant>,
    last_reason: Option<Reason>,
    local_failures: u64,
    last_local_failure: Option<String>,
}

impl Health {
    /// Counts `sample` of `probe`, without any change of state yet: whether the state
    /// follows may depend on other targets (see [`super::suspicion`]).
    pub fn observe(&mut self, sample: &Sample, probe: &Probe) {
        let availability = |percent| Readings::of(Metric::Availability, percent);
        match &sample.verdict {
            Verdict::Pass { readings } => {
                self.extend_streak(None, sample.at);
                // What was measured before it went down says little about it now.
                if self.state == State::Down && self.streak_length() == 1 {
                    self.readings
                        .retain(|(metric, _)| *metric == Metric::Availability);
                }
                self.take_in(readings, sample.at, probe.smoothing);
                self.take_in(&availability(100.0), sample.at, Smoothing::default());
            }
            Verdict::Fail { reason } => {
                self.extend_streak(Some(reason.clone()), sample.at);
                self.last_reason = Some(reason.clone());
                self.take_in(&availability(0.0), sample.at, Smoothing::default());
            }
            Verdict::Local { error } => {
                self.local_failures += 1;
                self.last_local_failure = Some(error.clone());
                return;
            }
        }
        self.last_sample = Some(sample.at);
    }

    /// Adds `readings` to those so far.
    fn take_in(&mut self, readings: &Readings, at: Instant, smoothing: Smoothing) {
        for (metric, value) in readings.iter() {
            let known = self.readings.iter_mut().find(|(known, _)| *known == metric);
            match known {
                Some((_, series)) => series.add(value, at, smoothing),
                None => self
                    .readings
                    .push((metric, Series::new(value, at, smoothing))),
            }
        }
    }

    /// Makes the streak one longer, or begins another.
    fn extend_streak(&mut self, failing: Option<Reason>, at: Instant) {
        self.streak = Some(match self.streak.take() {
            Some(streak) if streak.failing.is_some() == failing.is_some() => Streak {
                length: streak.length.saturating_add(1),
                since: streak.since,
                failing,
            },
            _ => Streak {
                length: 1,
                since: at,
                failing,
            },
        });
    }

    /// Length of the running streak, 0 before the first conclusive sample.
    fn streak_length(&self) -> u32 {
        self.streak.as_ref().map_or(0, |streak| streak.length)
    }

    /// Lets the state follow the running streak, at `now`: it takes
    /// `probe.up_after` passes or `probe.down_after` failures in a row. An unknown
    /// state counts as up: one pass confirms it, and it takes as many failures to
    /// go down. With `hold` nothing goes down.
    pub fn settle(&mut self, probe: &Probe, hold: bool, now: Instant) -> Option<Transition> {
        let needed = match self.state {
            _ if self.is_failing() => probe.down_after,
            State::Unknown => 1,
            State::Up | State::Down => probe.up_after,
        };
        self.follow(needed, hold, now)
    }

    /// Like [`Self::settle`], but an unknown state follows one sample in both
    /// directions: for a first round, of which all samples are known together.
    pub fn settle_first(&mut self, probe: &Probe, hold: bool, now: Instant) -> Option<Transition> {
        match self.state {
            State::Unknown => self.follow(1, hold, now),
            State::Up | State::Down => self.settle(probe, hold, now),
        }
    }

    /// Enters the state the running streak speaks for if it is `needed` long.
    fn follow(&mut self, needed: u32, hold: bool, now: Instant) -> Option<Transition> {
        let from = self.state;
        let to = if self.is_failing() {
            State::Down
        } else {
            State::Up
        };
        let held = hold && to == State::Down;
        // Without a sample the streak is 0 and nothing is long enough.
        if from == to || held || self.streak_length() < needed {
            return None;
        }
        self.state = to;
        self.since = Some(now);
        Some(Transition { from, to })
    }

    /// Whether the last conclusive sample failed.
    pub fn is_failing(&self) -> bool {
        let streak = self.streak.as_ref();
        streak.is_some_and(|streak| streak.failing.is_some())
    }

    /// What is believed.
    pub fn state(&self) -> State {
        self.state
    }

    /// When the state was entered; `None` while it is unknown.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// The running streak; `None` before the first conclusive sample.
    pub fn streak(&self) -> Option<&Streak> {
        self.streak.as_ref()
    }

    /// What was measured of `metric`, seen at `now`, where a value is good for
    /// `stale_after`. Failures leave everything but availability as it was.
    pub fn reading(&self, metric: Metric, stale_after: Duration, now: Instant) -> Reading {
        let known = self.readings.iter().find(|(known, _)| *known == metric);
        match known {
            None => Reading::Never,
            Some((_, series)) if now.saturating_duration_since(series.at()) > stale_after => {
                Reading::Stale(series.value())
            }
            Some((_, series)) => Reading::Fresh(series.value()),
        }
    }

    /// Everything measured, in the order it was first.
    pub fn readings(&self) -> impl Iterator<Item = (Metric, &Series)> {
        self.readings
            .iter()
            .map(|(metric, series)| (*metric, series))
    }

    /// When the last conclusive sample was taken.
    pub fn last_sample(&self) -> Option<Instant> {
        self.last_sample
    }

    /// Why it last failed, however long ago.
    pub fn last_reason(&self) -> Option<&Reason> {
        self.last_reason.as_ref()
    }

    /// How many probes failed for reasons of this host's own.
    pub fn local_failures(&self) -> u64 {
        self.local_failures
    }

    /// The last failure of this host's own.
    pub fn last_local_failure(&self) -> Option<&str> {
        self.last_local_failure.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        measurement::{sample::Vantage, schedule::TargetId},
        model::ProbeKind,
    };

    fn probe(up_after: u32, down_after: u32) -> Probe {
        Probe {
            up_after,
            down_after,
            ..Probe::new(ProbeKind::Tcp { port: 80 })
        }
    }

    fn sample(verdict: Verdict) -> Sample {
        Sample {
            target: TargetId(0),
            at: Instant::now(),
            taken_from: Vantage::Host,
            verdict,
        }
    }

    fn pass(ms: u64) -> Sample {
        sample(Verdict::timed(
            Metric::ConnectTime,
            Duration::from_millis(ms),
        ))
    }

    fn fail() -> Sample {
        let reason = Reason::Refused;
        sample(Verdict::Fail { reason })
    }

    fn local() -> Sample {
        let error = "socket: Too many open files".to_owned();
        sample(Verdict::Local { error })
    }

    fn connect_time(health: &Health) -> Option<f64> {
        match health.reading(Metric::ConnectTime, Duration::MAX, Instant::now()) {
            Reading::Fresh(value) => Some(value),
            Reading::Stale(_) | Reading::Never => None,
        }
    }

    /// The states after each of `samples`.
    fn states(probe: &Probe, samples: &[Sample]) -> Vec<State> {
        let mut health = Health::default();
        let after = |sample| {
            health.observe(sample, probe);
            health.settle(probe, false, sample.at);
            health.state()
        };
        samples.iter().map(after).collect()
    }

    #[test]
    fn in_a_first_round_one_conclusive_sample_sets_the_state() {
        let probe = probe(3, 3);
        let after = |samples: &[Sample], hold| {
            let mut health = Health::default();
            for sample in samples {
                health.observe(sample, &probe);
                health.settle_first(&probe, hold, sample.at);
            }
            health.state()
        };
        assert_eq!(after(&[pass(1)], false), State::Up);
        assert_eq!(after(&[fail()], false), State::Down);
        assert_eq!(after(&[local()], false), State::Unknown);
        assert_eq!(after(&[fail()], true), State::Unknown);
        assert_eq!(after(&[pass(1)], true), State::Up);
        // What is known needs as many as ever.
        assert_eq!(after(&[pass(1), fail()], false), State::Up);
    }

    #[test]
    fn the_unknown_counts_as_up_one_pass_confirms_it_and_few_failures_do_not_refute_it() {
        use State::{Down, Unknown, Up};
        let probe = probe(3, 3);
        assert_eq!(states(&probe, &[pass(1)]), [Up]);
        assert_eq!(
            states(&probe, &[fail(), local(), fail(), fail()]),
            [Unknown, Unknown, Unknown, Down]
        );
        assert_eq!(states(&probe, &[fail(), pass(1)]), [Unknown, Up]);
    }

    #[test]
    fn later_states_need_samples_in_a_row() {
        use State::{Down, Up};
        let samples = [
            pass(1),
            fail(),
            pass(1),
            fail(),
            fail(),
            fail(),
            pass(1),
            fail(),
            pass(1),
            pass(1),
        ];
        assert_eq!(
            states(&probe(2, 3), &samples),
            [Up, Up, Up, Up, Up, Down, Down, Down, Down, Up]
        );
    }

    #[test]
    fn a_local_failure_changes_nothing_and_is_remembered() {
        let probe = probe(1, 2);
        let mut health = Health::default();
        let mut settles = |sample: Sample| {
            health.observe(&sample, &probe);
            health.settle(&probe, false, sample.at).is_some()
        };
        assert!(settles(pass(8)));
        assert!(!settles(fail()));
        assert!(!settles(local()));
        assert_eq!(health.streak().map(|streak| streak.length), Some(1));
        assert_eq!(connect_time(&health), Some(8.0));
        assert_eq!(health.local_failures(), 1);
        assert_eq!(
            health.last_local_failure(),
            Some("socket: Too many open files")
        );
        // The streak goes on over it.
        health.observe(&fail(), &probe);
        assert!(health.settle(&probe, false, Instant::now()).is_some());
    }

    #[test]
    fn on_hold_nothing_goes_down_but_streaks_count_on() {
        let probe = probe(1, 2);
        let mut health = Health::default();
        let now = Instant::now();
        health.observe(&pass(1), &probe);
        health.settle(&probe, true, now);
        assert_eq!(health.state(), State::Up);
        for _ in 0..3 {
            health.observe(&fail(), &probe);
            assert_eq!(health.settle(&probe, true, now), None);
        }
        let transition = Transition {
            from: State::Up,
            to: State::Down,
        };
        assert_eq!(health.settle(&probe, false, now), Some(transition));
    }

    #[test]
    fn latency_is_smoothed_over_passes_and_begins_afresh_after_a_death() {
        let probe = Probe {
            smoothing: Smoothing::Mean {
                weight_permille: 125,
            },
            ..probe(1, 1)
        };
        let mut health = Health::default();
        let mut after = |sample: Sample| {
            health.observe(&sample, &probe);
            health.settle(&probe, false, sample.at);
            connect_time(&health)
        };
        assert_eq!(after(pass(80)), Some(80.0));
        assert_eq!(after(pass(160)), Some(90.0));
        assert_eq!(after(fail()), Some(90.0));
        assert_eq!(after(pass(10)), Some(10.0));
    }

    #[test]
    fn a_value_grows_stale_and_availability_counts_every_conclusive_sample() {
        let probe = probe(1, 3);
        let mut health = Health::default();
        let good_for = Duration::from_secs(3);
        let first = pass(8);
        let read = |health: &Health, metric, after| {
            health.reading(metric, good_for, first.at + Duration::from_secs(after))
        };
        assert_eq!(read(&health, Metric::ConnectTime, 0), Reading::Never);
        health.observe(&first, &probe);
        assert_eq!(read(&health, Metric::ConnectTime, 3), Reading::Fresh(8.0));
        assert_eq!(read(&health, Metric::ConnectTime, 4), Reading::Stale(8.0));
        assert_eq!(
            read(&health, Metric::Availability, 0),
            Reading::Fresh(100.0)
        );
        health.observe(&fail(), &probe);
        health.observe(&local(), &probe);
        assert_eq!(read(&health, Metric::Availability, 0), Reading::Fresh(96.9));
    }
}
