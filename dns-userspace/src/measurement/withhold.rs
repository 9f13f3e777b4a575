//! Withhold: which candidates a pool's own rules hold back after what they did.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    health::{State, Transition},
    overrides::Cause,
};
use crate::model::{FLAP_MAX, Failback, HealthRules};

/// When one target went up and down.
#[derive(Clone, Debug, Default)]
pub struct Changes(VecDeque<Instant>);

impl Changes {
    /// Notes `transition`, made at `now`. That something is known of it at all is no
    /// change.
    pub fn note(&mut self, transition: Transition, now: Instant) {
        if transition.from != State::Unknown {
            self.0.push_back(now);
        }
        if self.0.len() > FLAP_MAX as usize + 1 {
            self.0.pop_front();
        }
    }

    /// How many were made in the `window` before `now`.
    fn within(&self, window: Duration, now: Instant) -> usize {
        let recent = |then: &&Instant| now.duration_since(**then) < window;
        self.0.iter().rev().take_while(recent).count()
    }
}

/// Why `rules` hold back the candidate of a target that made `transition` at `now`,
/// which is the last of `changes`, and for how long; `is_held` is whether they do
/// already for a cause.
///
/// - With manual failback whoever goes down is held back until an operator ends it.
/// - More changes than `flap.max` in the window hold it back, and so does every further
///   one while that lasts: until it was steady for a window.
pub fn withhold(
    rules: &HealthRules,
    transition: Transition,
    changes: &Changes,
    is_held: impl Fn(Cause) -> bool,
    now: Instant,
) -> Vec<(Cause, Option<Duration>)> {
    let mut causes = Vec::new();
    let went_down = (transition.from, transition.to) == (State::Up, State::Down);
    if rules.failback == Failback::Manual && went_down {
        causes.push((Cause::Failed, None));
    }
    if let Some(flap) = rules.flap {
        let too_often = changes.within(flap.window, now) > flap.max as usize;
        if too_often || is_held(Cause::Flaps) {
            causes.push((Cause::Flaps, Some(flap.window)));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flap;

    const DIES: Transition = Transition {
        from: State::Up,
        to: State::Down,
    };
    const RETURNS: Transition = Transition {
        from: State::Down,
        to: State::Up,
    };
    const APPEARS: Transition = Transition {
        from: State::Unknown,
        to: State::Up,
    };

    fn flap(max: u32) -> HealthRules {
        HealthRules {
            flap: Some(Flap {
                max,
                window: Duration::from_secs(10),
            }),
            ..HealthRules::default()
        }
    }

    #[test]
    fn manual_failback_holds_back_who_went_down() {
        let rules = HealthRules {
            failback: Failback::Manual,
            ..HealthRules::default()
        };
        let now = Instant::now();
        let causes = |rules: &HealthRules, transition| {
            withhold(rules, transition, &Changes::default(), |_| false, now)
        };
        assert_eq!(causes(&rules, DIES), [(Cause::Failed, None)]);
        for transition in [RETURNS, APPEARS] {
            assert_eq!(causes(&rules, transition), []);
        }
        // What was down when it was first seen has not gone down.
        let born_dead = Transition {
            from: State::Unknown,
            to: State::Down,
        };
        assert_eq!(causes(&rules, born_dead), []);
        assert_eq!(causes(&HealthRules::default(), DIES), []);
    }

    #[tokio::test(start_paused = true)]
    async fn more_changes_than_allowed_in_a_window_hold_back() {
        let rules = flap(2);
        let mut changes = Changes::default();
        let mut after = async |seconds: u64, transition, is_held: bool| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            let now = Instant::now();
            changes.note(transition, now);
            !withhold(&rules, transition, &changes, |_| is_held, now).is_empty()
        };
        assert!(!after(0, APPEARS, false).await);
        assert!(!after(1, DIES, false).await);
        assert!(!after(1, RETURNS, false).await);
        assert!(after(1, DIES, false).await, "a third one in 10 s");
        assert!(after(9, RETURNS, true).await, "not steady so far");
        assert!(!after(10, DIES, false).await, "the window is over");
    }

    #[test]
    fn as_many_changes_as_may_be_asked_for_are_remembered() {
        let now = Instant::now();
        let mut changes = Changes::default();
        for _ in 0..=FLAP_MAX {
            assert_eq!(
                withhold(&flap(FLAP_MAX), DIES, &changes, |_| false, now),
                []
            );
            changes.note(DIES, now);
        }
        assert_ne!(
            withhold(&flap(FLAP_MAX), DIES, &changes, |_| false, now),
            []
        );
        changes.note(DIES, now);
        assert_eq!(changes.0.len(), FLAP_MAX as usize + 1);
    }
}
