use std::sync::Arc;

use super::*;
use crate::{
    measurement::{
        director::{
            Change, Director,
            testing::{HOLD, Rig, at_50, failover, passing, says},
        },
        overrides::{Scope, What},
        ttl::level_places,
    },
    model::{HealthRules, Plan, Threshold},
};

const SECOND: Duration = Duration::from_secs(1);

fn until(rig: &Rig) -> Option<Duration> {
    let (state, pool) = (&rig.director.pools[0], &rig.director.plan.pools[0]);
    state.until_change(pool, &rig.director.health, rig.now)
}

/// The same with TTLs of 1, 2 and 4 seconds, of which nothing is known yet.
fn with_ttls(mut rig: Rig) -> Rig {
    let mut plan = (**rig.director.plan()).clone();
    let (service, _) = &mut plan.services[0];
    service.pool.ttls = vec![1, 2, 4];
    let plan = Plan::new(vec![service.clone()], plan.groups);
    rig.director = Director::new(Arc::new(plan), 100, rig.now);
    rig
}

fn freeze() -> Vec<crate::measurement::overrides::Override> {
    vec![says(What::Freeze { scope: Scope::All })]
}

#[test]
fn who_is_up_can_go_down_after_the_failures_that_are_missing() {
    let mut rig = passing(failover(), 100);
    assert_eq!(until(&rig), Some(3 * SECOND));
    rig.fail(1);
    assert_eq!(until(&rig), Some(2 * SECOND));
    rig.fail(1);
    assert_eq!(until(&rig), Some(SECOND));
    rig.pass(1);
    assert_eq!(until(&rig), Some(3 * SECOND));
}

#[test]
fn who_is_down_can_come_back_by_itself_after_the_passes_that_are_missing() {
    let down = |failback| {
        let rules = HealthRules {
            failback,
            ..HealthRules::default()
        };
        let mut rig = Rig::with(failover(), rules, 100);
        (0..3).for_each(|_| rig.fail(1));
        let at_first = until(&rig);
        rig.pass(1);
        (at_first, until(&rig))
    };
    // One pass brings it back.
    let others = Some(3 * SECOND);
    assert_eq!(down(Failback::Auto), (Some(SECOND), others));
    assert_eq!(down(Failback::Manual), (others, others));
}

#[test]
fn what_is_frozen_stays() {
    let mut rig = passing(failover(), 100);
    rig.say(freeze());
    assert_eq!(until(&rig), None);
}

#[test]
fn what_is_compared_can_change_with_a_sample_but_no_side_within_its_hold() {
    let tolerance = crate::model::Quantity(0);
    let metric = at_50().metric;
    let rig = passing(Policy::least(metric, tolerance), 100);
    assert_eq!(until(&rig), Some(SECOND));

    let threshold = Threshold {
        hold: HOLD,
        ..at_50()
    };
    let mut rig = passing(Policy::Threshold(threshold), 100);
    assert_eq!(until(&rig), Some(SECOND), "nothing is known yet");
    rig.measure(0, 0, 20.0);
    let state = &rig.director.pools[0];
    let pool = &rig.director.plan.pools[0];
    assert_eq!(state.until_moved(pool, rig.now), Some(HOLD));
    assert_eq!(
        state.until_moved(pool, rig.now + HOLD / 4),
        Some(HOLD * 3 / 4)
    );
    assert_eq!(state.until_moved(pool, rig.now + 2 * HOLD), Some(SECOND));
    assert_eq!(until(&rig), Some(3 * SECOND), "health goes before");
}

#[test]
fn the_word_says_which_answers_have_the_ttl_that_is_over_by_then() {
    let mut rig = with_ttls(Rig::new(failover(), 100));
    let places = level_places(&rig.director.plan.pools[0]);
    let before = |rig: &Rig| rig.director.pools[0].eligible().answers_before();
    let pass = |rig: &mut Rig| {
        rig.now += SECOND;
        rig.pass(0);
    };
    // Three seconds until a failure: 2 s, but not 4.
    for expected in [0, 0, places, places, places, places, places] {
        pass(&mut rig);
        assert_eq!(before(&rig), expected);
    }
    assert_eq!(
        rig.director.pools[0].ttl_s(&rig.director.plan.pools[0]),
        Some(2)
    );
    rig.fail(0);
    assert_eq!(before(&rig), places);
    rig.fail(0);
    assert_eq!(before(&rig), 0);
    // A frozen one is as it is for as long as it is frozen.
    rig.say(freeze());
    for _ in 0..9 {
        pass(&mut rig);
    }
    assert_eq!(before(&rig), 2 * places);
}

#[test]
fn a_ttl_changes_one_word_and_no_decision() {
    let mut rig = with_ttls(Rig::new(failover(), 100));
    rig.pass(0);
    rig.now += 2 * SECOND;
    let target = rig.director.targets().iter().next().unwrap().id;
    rig.director.take_decided();
    let sample = crate::measurement::sample::Sample {
        target,
        at: rig.now,
        taken_from: crate::measurement::sample::Vantage::Host,
        verdict: crate::measurement::sample::Verdict::Pass {
            readings: crate::measurement::sample::Readings::default(),
        },
    };
    let changes = rig.director.observe(&sample);
    let [Change::Eligible { pool: 0, word }] = changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(word, rig.director.pools[0].eligible());
    assert_ne!(word.answers_before(), 0);
    assert_eq!(rig.director.take_decided(), []);
}
