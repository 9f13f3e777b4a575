//! Slots that change hands a few at a time.

use std::time::Duration;

use tokio::time::Instant;

use super::ALL;
use crate::model::Steps;

/// How many slots one of `steps` may move: one at least.
pub fn slots(steps: Steps) -> u16 {
    let percent = steps.percent.min(100) as u16;
    (percent * (ALL / 4)).div_ceil(100 / 4).max(1)
}

/// When the last step was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace(Option<Instant>);

impl Pace {
    /// Whether the last step was made less than `time` before `now`.
    fn is_within(self, time: Duration, now: Instant) -> bool {
        self.0
            .is_some_and(|last| now.saturating_duration_since(last) < time)
    }

    /// Begins one of `steps` at `now` if the last is long enough ago; those that move all
    /// have nothing to wait for.
    pub fn steps(&mut self, steps: Steps, now: Instant) -> bool {
        let is_due = match self.0 {
            Some(last) if steps.percent < 100 => now.saturating_duration_since(last) >= steps.every,
            _ => true,
        };
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

/// How many slots someone takes who is on the way from none to all, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    admitted: u16,
    /// Where the last step went to.
    to_all: bool,
    pace: Pace,
}

impl Admission {
    /// Of someone who takes all, or none.
    pub fn settled(takes_all: bool) -> Self {
        Self {
            admitted: if takes_all { ALL } else { 0 },
            to_all: takes_all,
            pace: Pace::default(),
        }
    }

    /// Makes one of `steps` towards all or none at `now`, if there is one to make: from
    /// where it is, whatever it was on the way to. Those who moved last are the first to
    /// move back, so it does not turn round before they stayed for the `hold`.
    pub fn step(&mut self, takes_all: bool, steps: Steps, hold: Duration, now: Instant) {
        let aim = if takes_all { ALL } else { 0 };
        if takes_all != self.to_all && self.pace.is_within(hold, now) {
            return;
        }
        if self.admitted != aim && self.pace.steps(steps, now) {
            self.to_all = takes_all;
            let step = slots(steps);
            self.admitted = if takes_all {
                self.admitted.saturating_add(step).min(ALL)
            } else {
                self.admitted.saturating_sub(step)
            };
        }
    }

    /// How many slots.
    pub const fn admitted(self) -> u16 {
        self.admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: Steps = Steps {
        percent: 25,
        every: Duration::from_secs(10),
    };
    const HOLD: Duration = Duration::from_secs(15);

    #[test]
    fn a_step_is_that_part_of_all_slots_and_never_nothing() {
        let of = |percent| slots(Steps { percent, ..STEPS });
        assert_eq!([1, 10, 25, 99, 100].map(of), [11, 103, 256, 1014, ALL]);
    }

    #[test]
    fn steps_are_apart_in_time_and_turn_round_where_they_are() {
        let start = Instant::now();
        let mut admission = Admission::settled(true);
        let mut at = |second, takes_all| {
            let now = start + Duration::from_secs(second);
            admission.step(takes_all, STEPS, HOLD, now);
            admission.admitted()
        };
        let leaving = [0, 5, 9, 10, 19, 20].map(|second| at(second, false));
        assert_eq!(leaving, [768, 768, 768, 512, 512, 256]);
        let back = [21, 29, 34, 35, 45, 55, 65].map(|second| at(second, true));
        assert_eq!(back, [256, 256, 256, 512, 768, ALL, ALL]);
        let leaving = [69, 70, 80, 90, 100, 110].map(|second| at(second, false));
        assert_eq!(leaving, [ALL, 768, 512, 256, 0, 0]);
    }

    #[test]
    fn a_step_of_all_settles_it_at_once() {
        let steps = Steps {
            percent: 100,
            ..STEPS
        };
        let now = Instant::now();
        let mut admission = Admission::settled(true);
        admission.step(false, steps, Duration::ZERO, now);
        assert_eq!(admission.admitted(), 0);
        admission.step(true, steps, Duration::ZERO, now);
        assert_eq!(admission.admitted(), ALL);
    }
}
