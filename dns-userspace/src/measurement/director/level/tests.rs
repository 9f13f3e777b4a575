use std::time::Duration;

use super::*;
use crate::{
    measurement::{
        director::{
            explain::Outcome,
            history::Decided,
            nearest::Alteration,
            testing::{METRICS, Rig, at_50, passing},
        },
        overrides::{Overrides, What},
    },
    model::{Party, Policy, Quantity, Threshold},
};

/// Version `number`, of that value, which both accepted at once.
fn version(number: u32, value: i64, effective: u64) -> Version {
    Version {
        number,
        value: Quantity(1000 * value),
        proposed_by: Party::Customer,
        proposed: 0,
        accepted: [Some(0); 2],
        effective,
    }
}

/// 50 from 1 s on, 20 from 2 s on; and 5, which the customer has not accepted.
fn versions() -> Vec<Version> {
    let not_accepted = Version {
        accepted: [None, Some(0)],
        ..version(3, 5, 0)
    };
    vec![version(1, 50, 1000), version(2, 20, 2000), not_accepted]
}

/// `s1` while it is better than what `versions` say, then `s2`.
fn policy(versions: Vec<Version>, hold: Duration) -> Policy {
    Policy::Threshold(Threshold {
        level: Level::Agreed(versions),
        hold,
        ..at_50()
    })
}

fn rig(hold: Duration) -> Rig {
    passing(policy(versions(), hold), 100)
}

fn goes_to(rig: &Rig, server: &str) {
    assert_eq!(rig.outcome(0), Outcome::Server(server.to_owned()));
}

#[test]
fn a_level_comes_into_force_at_its_time_and_not_before() {
    let mut rig = rig(Duration::ZERO);
    let mut at = |unix_ms| {
        let changes = rig.director.set_time_of_day(unix_ms, rig.now);
        let (state, pool) = (&rig.director.pools[0], &rig.director.plan.pools[0]);
        (state.level(pool).map(Quantity::value), changes.len())
    };
    // One word of each of two groups.
    assert_eq!(at(999), (None, 0));
    assert_eq!(
        at(1000),
        (Some(50.0), 2),
        "worse than any, as it is unknown"
    );
    assert_eq!(at(1001), (Some(50.0), 0));
    rig.measure(0, 0, 30.0);
    goes_to(&rig, "s1");
    let mut at = |unix_ms| rig.director.set_time_of_day(unix_ms, rig.now).len();
    assert_eq!(at(1999), 0);
    assert_eq!(at(2000), 2);
    goes_to(&rig, "s2");
    // Clocks are set.
    let mut at = |unix_ms| rig.director.set_time_of_day(unix_ms, rig.now).len();
    assert_eq!(at(1500), 2);
    goes_to(&rig, "s1");
    assert_eq!(rig.director.set_time_of_day(u64::MAX, rig.now).len(), 2);
    goes_to(&rig, "s2");
}

#[test]
fn the_cause_is_told_with_the_version_and_the_customer() {
    let mut rig = rig(Duration::ZERO);
    rig.measure(0, 0, 30.0);
    rig.director.set_time_of_day(1000, rig.now);
    rig.director.begin_history(None, &Cause::Start, rig.now);
    rig.director.set_time_of_day(2000, rig.now);
    let decided: Vec<Decided> = rig.director.take_decided();
    assert_eq!(decided.len(), 1, "{decided:#?}");
    let cause = decided[0].cause.to_string();
    assert_eq!(cause, "level 2 of customer acme is in force: 20 ms");
    assert_eq!(decided[0].moves[0].to.a, Outcome::Server("s2".to_owned()));
    rig.director.set_time_of_day(0, rig.now);
    let decided = rig.director.take_decided();
    let cause = decided[0].cause.to_string();
    assert_eq!(cause, "no level of customer acme is in force");
}

#[test]
fn a_hold_is_not_cut_short_by_a_level() {
    let mut rig = rig(Duration::from_secs(40));
    rig.director.set_time_of_day(1000, rig.now);
    rig.measure(0, 0, 30.0);
    rig.director.set_time_of_day(2000, rig.now);
    goes_to(&rig, "s1");
    rig.now += Duration::from_secs(40);
    rig.measure(0, 0, 30.0);
    goes_to(&rig, "s2");
}

#[test]
fn what_is_frozen_waits_until_it_thaws() {
    let mut rig = rig(Duration::ZERO);
    rig.director.set_time_of_day(1000, rig.now);
    rig.measure(0, 0, 30.0);
    let frozen = Overrides::new(vec![super::super::testing::says(What::Freeze {
        scope: crate::measurement::overrides::Scope::All,
    })]);
    rig.director.override_with(frozen, rig.now);
    assert_eq!(rig.director.set_time_of_day(2000, rig.now), []);
    goes_to(&rig, "s1");
    rig.say(Vec::new());
    goes_to(&rig, "s2");
}

#[test]
fn a_version_without_effect_leaves_what_is_held() {
    let mut rig = rig(Duration::from_secs(40));
    rig.director.set_time_of_day(1000, rig.now);
    rig.measure(0, 0, 30.0);
    rig.now += Duration::from_secs(1);
    rig.measure(0, 0, 60.0);
    goes_to(&rig, "s1");
    let mut plan = (*rig.director.plan).clone();
    let mut more = versions();
    more.push(Version {
        accepted: [Some(0), None],
        ..version(4, 1, 0)
    });
    let (service, _) = &mut plan.services[0];
    service.pool.policy = policy(more, Duration::from_secs(40));
    let services = vec![service.clone()];
    let mut next = Director::new(Plan::new(services, plan.groups), 100, rig.now);
    next.carry_over(&rig.director, rig.now);
    let before = std::mem::replace(&mut rig.director, next);
    // It knows the time of day, and what the one before held.
    let (state, pool) = (&rig.director.pools[0], &rig.director.plan.pools[0]);
    assert_eq!(state.level(pool), Some(Quantity(50_000)));
    assert_ne!(*pool, before.plan.pools[0]);
    goes_to(&rig, "s1");
}

#[test]
fn what_becomes_of_each_version_is_told() {
    let mut all = versions();
    all.push(version(4, 10, 2000));
    all.push(version(6, 8, 4000));
    all.push(version(7, 9, 3000));
    let mut rig = passing(policy(all, Duration::ZERO), 100);
    let mut at = |unix_ms| {
        rig.director.set_time_of_day(unix_ms, rig.now);
        let status = rig.director.levels().next().unwrap().2;
        let effects: Vec<_> = status
            .versions
            .iter()
            .map(|of| of.effect.to_string())
            .collect();
        let next = status.next().map(|of| of.to_come(METRICS[0]));
        let idle: Vec<_> = status.without_effect().map(|of| of.version).collect();
        (effects, next, idle)
    };
    let customer = "not accepted by the customer";
    let (effects, next, idle) = at(0);
    let (four, seven) = ("replaced by version 4", "replaced by version 7");
    assert_eq!(
        effects,
        ["to come", four, customer, "to come", seven, "to come"]
    );
    let one = "version 1, 50 ms, comes into force at 1970-01-01T00:00:01Z";
    assert_eq!(next.as_deref(), Some(one));
    assert_eq!(idle, [2, 3, 6]);
    let (effects, next, idle) = at(2000);
    assert_eq!(
        effects,
        [four, four, customer, "in force", seven, "to come"]
    );
    let last = "version 7, 9 ms, comes into force at 1970-01-01T00:00:03Z";
    assert_eq!(next.as_deref(), Some(last));
    assert_eq!(idle, [6]);
}

#[test]
fn the_next_level_is_a_change_that_is_near_as_it_draws_near() {
    let mut rig = rig(Duration::ZERO);
    rig.director.set_time_of_day(1000, rig.now);
    rig.measure(0, 0, 30.0);
    let mut nearest = |unix_ms| {
        rig.director.set_time_of_day(unix_ms, rig.now);
        let family = dns_common::decision::Family::V4;
        rig.director.nearest(0, (0, 0), family, rig.now).unwrap()
    };
    // 20 against 30: two thirds of the value, half of the time.
    let value = nearest(1001);
    let Alteration::LevelInForce { version: 2, .. } = value.alteration else {
        panic!("{value:?}");
    };
    let found = nearest(1900);
    assert_eq!(
        found.alteration.to_string(),
        "version 2 of the level, 20, comes into force at 1970-01-01T00:00:02Z"
    );
    assert!((found.size - 0.05).abs() < 1e-9, "{found:?}");
    assert_eq!(found.then, Outcome::Server("s2".to_owned()));
}
