//! Suspicion: when most targets fail at once, the fault is more likely this
//! host's own (its uplink, its firewall) than theirs, and no target goes down.
//!
//! Suspicion begins when, within one window (the longest probe interval plus its
//! timeout: every target has had a probe by then), too many of the targets that
//! counted as up began to fail and fail still. It is about exactly those, and
//! about any that join them while it lasts; it ends when they are no longer too
//! many. Targets that had been failing for longer play no part: a site that is
//! dead for days neither brings suspicion on nor keeps it up. After its end a
//! target goes down with its next failing sample, not by those of the time before.
//!
//! What was never measured counts as up, so a start while this host's network is
//! broken takes nothing down either. The price: a start forgets for how long
//! targets had been failing. Where too many of them are dead indeed, all of them
//! count as up until enough pass, or the percentage is set to 100.
//!
//! Too many is more than the configured percentage of all targets, and three or
//! more. One dead server fails with its IPv4 and its IPv6 address, so two
//! failures can be a single death even where they are most of all targets;
//! with fewer than three targets there is no telling, and no suspicion.
//!
//! A limit: suspicion is known when the failure has reached enough targets, not
//! before. With `down_after = 1` the first ones to fail are down by then; they
//! stay down until they pass again. The same happens to targets with
//! `down_after` intervals shorter than the interval of most others.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::schedule::TargetId;

/// The fewest failing targets that can't be one server.
const TARGETS_MIN: usize = 3;

/// Whether this host suspects itself.
#[derive(Clone, Debug)]
pub struct Suspicion {
    /// How many targets there are.
    targets: usize,
    window: Duration,
    percent: u8,
    /// Targets that passed, then began to fail, and fail still, with the time
    /// they began. Before suspicion, those that began more than a window ago
    /// are left out when the others are counted.
    failing: BTreeMap<TargetId, Instant>,
    since: Option<Instant>,
}

/// Suspicion rising or ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// From now on nothing goes down.
    Rises,
    /// From now on what fails once more, after long enough, goes down again.
    Ends,
}

impl Suspicion {
    /// No suspicion, over `targets` targets, rising when more than `percent` of
    /// them (0 to 100, 100 for never) begin to fail within `window`.
    pub fn new(targets: usize, window: Duration, percent: u8) -> Self {
        Self {
            targets,
            window,
            percent,
            failing: BTreeMap::new(),
            since: None,
        }
    }

    /// Takes in one conclusive sample of `target`: whether it `failed`, and
    /// whether the target `was_passing` before. To be called before the state of
    /// the target follows from that sample.
    pub fn observe(
        &mut self,
        target: TargetId,
        failed: bool,
        was_passing: bool,
        now: Instant,
    ) -> Option<Turn> {
        let changed = if failed {
            was_passing && self.failing.insert(target, now).is_none()
        } else {
            self.failing.remove(&target).is_some()
        };
        if changed { self.judge(now) } else { None }
    }

    /// Sets the percentage that must be exceeded.
    pub fn set_percent(&mut self, percent: u8, now: Instant) -> Option<Turn> {
        self.percent = percent;
        self.judge(now)
    }

    /// Takes over what `previous` held, `number` saying which target is which
    /// now (`None` for one that is gone).
    pub fn carry_over(
        &mut self,
        previous: &Self,
        number: impl Fn(TargetId) -> Option<TargetId>,
        now: Instant,
    ) -> Option<Turn> {
        let kept = previous.failing.iter();
        self.failing = kept
            .filter_map(|(target, began)| Some((number(*target)?, *began)))
            .collect();
        self.since = previous.since;
        self.judge(now)
    }

    /// Begins or ends suspicion by what fails at `now`.
    fn judge(&mut self, now: Instant) -> Option<Turn> {
        if self.since.is_none() && self.too_many() {
            let window = self.window;
            self.failing
                .retain(|_, began| now.duration_since(*began) <= window);
        }
        match (self.since, self.too_many()) {
            (None, true) => {
                self.since = Some(now);
                Some(Turn::Rises)
            }
            (Some(_), false) => {
                self.since = None;
                Some(Turn::Ends)
            }
            _ => None,
        }
    }

    fn too_many(&self) -> bool {
        let failing = self.failing.len();
        failing >= TARGETS_MIN && failing * 100 > self.targets * usize::from(self.percent)
    }

    /// Since when nothing goes down; `None` without suspicion.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Why nothing goes down, in one line; `None` without suspicion.
    pub fn reason(&self) -> Option<String> {
        self.since.map(|_| {
            format!(
                "{} of {} targets fail together, more than {} %: \
                 this host's own network is suspected and no target goes down",
                self.failing.len(),
                self.targets,
                self.percent,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_millis(1300);

    /// A suspicion over `targets` targets and a clock of milliseconds.
    struct Rig {
        suspicion: Suspicion,
        start: Instant,
    }

    impl Rig {
        fn new(targets: usize, percent: u8) -> Self {
            Self {
                suspicion: Suspicion::new(targets, WINDOW, percent),
                start: Instant::now(),
            }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        fn begins_to_fail(&mut self, target: u32, ms: u64) -> Option<Turn> {
            let now = self.at(ms);
            self.suspicion.observe(TargetId(target), true, true, now)
        }

        fn passes(&mut self, target: u32, ms: u64) -> Option<Turn> {
            let now = self.at(ms);
            self.suspicion.observe(TargetId(target), false, false, now)
        }
    }

    #[test]
    fn it_rises_above_the_percentage_and_ends_at_it() {
        let mut rig = Rig::new(6, 50);
        for target in 0..3 {
            assert_eq!(rig.begins_to_fail(target, 0), None);
        }
        assert_eq!(rig.begins_to_fail(3, 10), Some(Turn::Rises));
        assert_eq!(rig.suspicion.since(), Some(rig.at(10)));
        let reason = rig.suspicion.reason().unwrap();
        assert!(reason.starts_with("4 of 6 targets"), "{reason}");
        assert_eq!(rig.passes(0, 90), Some(Turn::Ends));
        assert_eq!(rig.suspicion.reason(), None);
    }

    #[test]
    fn failures_spread_over_more_than_a_window_raise_none() {
        let mut rig = Rig::new(4, 50);
        assert_eq!(rig.begins_to_fail(0, 0), None);
        assert_eq!(rig.begins_to_fail(1, 1000), None);
        assert_eq!(rig.begins_to_fail(2, 1301), None);
        assert_eq!(rig.begins_to_fail(3, 2300), Some(Turn::Rises));
    }

    #[test]
    fn it_lasts_beyond_the_window_while_they_fail() {
        let mut rig = Rig::new(3, 50);
        for target in 0..3 {
            rig.begins_to_fail(target, 0);
        }
        let now = rig.at(60_000);
        let again = rig.suspicion.observe(TargetId(0), true, false, now);
        assert_eq!((again, rig.suspicion.since()), (None, Some(rig.at(0))));
    }

    #[test]
    fn two_failures_are_never_too_many() {
        let mut rig = Rig::new(2, 0);
        assert_eq!(rig.begins_to_fail(0, 0), None);
        assert_eq!(rig.begins_to_fail(1, 0), None);
    }

    #[test]
    fn targets_that_were_not_passing_do_not_count() {
        let mut rig = Rig::new(4, 50);
        for target in 0..4 {
            let now = rig.at(0);
            let turn = rig.suspicion.observe(TargetId(target), true, false, now);
            assert_eq!(turn, None);
        }
    }

    #[test]
    fn one_hundred_percent_is_never() {
        let mut rig = Rig::new(9, 100);
        for target in 0..9 {
            assert_eq!(rig.begins_to_fail(target, 0), None);
        }
        let now = rig.at(1);
        assert_eq!(rig.suspicion.set_percent(99, now), Some(Turn::Rises));
        assert_eq!(rig.suspicion.set_percent(100, now), Some(Turn::Ends));
    }

    #[test]
    fn it_is_carried_over_to_other_numbers() {
        let mut rig = Rig::new(4, 50);
        for target in 0..4 {
            rig.begins_to_fail(target, 0);
        }
        let now = rig.at(5000);
        let mut later = Suspicion::new(4, WINDOW, 50);
        let turn = later.carry_over(&rig.suspicion, |id| Some(TargetId(3 - id.0)), now);
        assert_eq!((turn, later.since()), (None, rig.suspicion.since()));
        let mut smaller = Suspicion::new(4, WINDOW, 50);
        let kept = |id: TargetId| (id.0 < 2).then_some(id);
        assert_eq!(
            smaller.carry_over(&rig.suspicion, kept, now),
            Some(Turn::Ends)
        );
    }
}
