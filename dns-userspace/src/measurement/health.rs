//! Health: what is believed of one target, from its samples so far.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::sample::{Reason, Sample, Verdict};
use crate::model::Probe;

/// Weight of a new latency in the smoothed one, as a divisor: 1/8, as TCP
/// smooths round-trip times (RFC 6298 section 2.3).
const SMOOTHING: u32 = 8;

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
    latency: Option<Duration>,
    last_sample: Option<Instant>,
    last_reason: Option<Reason>,
    local_failures: u64,
    last_local_failure: Option<String>,
}

impl Health {
    /// Counts `sample`, without any change of state yet: whether the state
    /// follows may depend on other targets (see [`super::suspicion`]).
    pub fn observe(&mut self, sample: &Sample) {
        match &sample.verdict {
            Verdict::Pass { latency } => {
                self.extend_streak(None, sample.at);
                // What a target took before it went down says little about it now.
                let afresh = self.state == State::Down && self.streak_length() == 1;
                self.latency = Some(match self.latency {
                    Some(smoothed) if !afresh => {
                        (smoothed * (SMOOTHING - 1) + *latency) / SMOOTHING
                    }
                    _ => *latency,
                });
            }
            Verdict::Fail { reason } => {
                self.extend_streak(Some(reason.clone()), sample.at);
                self.last_reason = Some(reason.clone());
            }
            Verdict::Local { error } => {
                self.local_failures += 1;
                self.last_local_failure = Some(error.clone());
                return;
            }
        }
        self.last_sample = Some(sample.at);
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

    /// Smoothed latency of the passes; `None` before the first. Failures leave
    /// it as it was.
    pub fn latency(&self) -> Option<Duration> {
        self.latency
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
            kind: ProbeKind::Tcp { port: 80 },
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(300),
            up_after,
            down_after,
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
        let latency = Duration::from_millis(ms);
        sample(Verdict::Pass { latency })
    }

    fn fail() -> Sample {
        let reason = Reason::Refused;
        sample(Verdict::Fail { reason })
    }

    fn local() -> Sample {
        let error = "socket: Too many open files".to_owned();
        sample(Verdict::Local { error })
    }

    /// The states after each of `samples`.
    fn states(probe: &Probe, samples: &[Sample]) -> Vec<State> {
        let mut health = Health::default();
        let after = |sample| {
            health.observe(sample);
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
                health.observe(sample);
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
            health.observe(&sample);
            health.settle(&probe, false, sample.at).is_some()
        };
        assert!(settles(pass(8)));
        assert!(!settles(fail()));
        assert!(!settles(local()));
        assert_eq!(health.streak().map(|streak| streak.length), Some(1));
        assert_eq!(health.latency(), Some(Duration::from_millis(8)));
        assert_eq!(health.local_failures(), 1);
        assert_eq!(
            health.last_local_failure(),
            Some("socket: Too many open files")
        );
        // The streak goes on over it.
        health.observe(&fail());
        assert!(health.settle(&probe, false, Instant::now()).is_some());
    }

    #[test]
    fn on_hold_nothing_goes_down_but_streaks_count_on() {
        let probe = probe(1, 2);
        let mut health = Health::default();
        let now = Instant::now();
        health.observe(&pass(1));
        health.settle(&probe, true, now);
        assert_eq!(health.state(), State::Up);
        for _ in 0..3 {
            health.observe(&fail());
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
        let probe = probe(1, 1);
        let mut health = Health::default();
        let mut after = |sample: Sample| {
            health.observe(&sample);
            health.settle(&probe, false, sample.at);
            health.latency()
        };
        assert_eq!(after(pass(80)), Some(Duration::from_millis(80)));
        assert_eq!(after(pass(160)), Some(Duration::from_millis(90)));
        assert_eq!(after(fail()), Some(Duration::from_millis(90)));
        assert_eq!(after(pass(10)), Some(Duration::from_millis(10)));
    }
}
