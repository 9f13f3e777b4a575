use std::time::Duration;

use super::{
    super::testing::{
        HOLD, METRICS, Rig, SERVERS, at_50, drains, failover, failover_but_for_g1, passing, says,
    },
    *,
};
use crate::{
    measurement::overrides::{Scope, What, testing},
    model::{Criterion, HealthRules, Policy, Quantity, Steps, Threshold},
};

fn server(name: &str) -> Outcome {
    Outcome::Server(name.to_owned())
}

/// Who won before and who does now, for whom, and why.
type Told = (Option<Outcome>, Outcome, Vec<String>, bool, String);

fn told(rig: &mut Rig) -> Vec<Told> {
    let decided = rig.director.take_decided().into_iter();
    let told = decided.flat_map(|decided| {
        let cause = decided.cause.to_string();
        let moves = decided.moves.into_iter();
        moves.map(move |one| {
            let from = one.from.map(|from| from.a);
            (from, one.to.a, one.groups, one.others, cause.clone())
        })
    });
    told.collect()
}

/// What `explain` says that the decision of `group` comes from.
fn cause(rig: &Rig, group: u16) -> Option<String> {
    let explained = rig.director.explain(0, group, 0, rig.now).unwrap();
    explained.last_change.map(|last| last.cause.to_string())
}

fn moved(from: &str, to: &str, cause: &str) -> Vec<Told> {
    vec![(
        Some(server(from)),
        server(to),
        vec![],
        true,
        cause.to_owned(),
    )]
}

#[test]
fn a_death_is_told_with_address_and_reason() {
    let mut rig = passing(failover(), 100);
    rig.director.take_decided();
    assert_eq!(cause(&rig, 0), None);
    rig.fail(0);
    rig.fail(0);
    assert_eq!(told(&mut rig), []);
    rig.fail(0);
    let why = "s1 is down (192.0.2.1: connection refused)";
    assert_eq!(told(&mut rig), moved("s1", "s2", why));
    assert_eq!(cause(&rig, 0).as_deref(), Some(why));
    // Of no account for who wins.
    for _ in 0..3 {
        rig.fail(3);
    }
    assert_eq!(told(&mut rig), []);
    assert_eq!(cause(&rig, 0).as_deref(), Some(why));
    rig.pass(0);
    assert_eq!(told(&mut rig), moved("s2", "s1", "s1 is up (192.0.2.1)"));
}

#[test]
fn values_are_told_that_were_others_before() {
    let by = Criterion {
        metric: METRICS[0],
        tolerance: Quantity(5_000),
    };
    let mut rig = passing(Policy::Criteria(vec![by]), 100);
    for (number, value) in [20.0, 30.0, 40.0, 50.0].into_iter().enumerate() {
        rig.measure(number as u8, 0, value);
    }
    rig.director.take_decided();
    rig.measure(1, 0, 12.25);
    let why = "response_time_ms of s2 is 12.25";
    assert_eq!(told(&mut rig), moved("s1", "s2", why));
    // s2 is too old by then, and the sample is of another.
    rig.now += Duration::from_secs(3601);
    rig.measure(2, 0, 42.0);
    let found = told(&mut rig);
    assert_eq!(
        (&found[0].0, &found[0].1),
        (&Some(server("s2")), &server("s3"))
    );
    assert!(
        found[0].4.contains("response_time_ms of s2 is unknown"),
        "{found:?}"
    );
}

#[test]
fn the_end_of_a_hold_is_told_as_time() {
    let mut rig = passing(Policy::Threshold(at_50()), 100);
    rig.measure(0, 0, 60.0);
    rig.measure(0, 0, 40.0);
    rig.director.take_decided();
    rig.now += HOLD;
    rig.measure(0, 0, 40.0);
    assert_eq!(told(&mut rig), moved("s2", "s1", "a hold is over"));
}

#[test]
fn an_override_and_its_end_are_told() {
    let mut rig = passing(failover(), 100);
    rig.director.take_decided();
    rig.say(vec![drains(0)]);
    let why = "override: drain s1 of all services";
    assert_eq!(told(&mut rig), moved("s1", "s2", why));
    rig.say(vec![]);
    let why = "override ended: drain s1 of all services";
    assert_eq!(told(&mut rig), moved("s2", "s1", why));
}

#[test]
fn the_end_of_a_suspicion_is_told() {
    let mut rig = passing(failover(), 10);
    rig.director.take_decided();
    for _ in 0..3 {
        (0..SERVERS).for_each(|server| rig.fail(server));
    }
    assert_eq!(told(&mut rig), []);
    rig.director.set_suspect_percent(100, rig.now);
    let told = told(&mut rig);
    assert_eq!(told[0].1, Outcome::All);
    assert_eq!(told[0].4, "this host is no longer suspected");
}

#[test]
fn groups_that_go_their_own_way_have_causes_of_their_own() {
    let mut rig = passing(failover_but_for_g1(), 100);
    rig.director.begin_history(None, &Cause::Start, rig.now);
    for _ in 0..3 {
        rig.fail(0);
    }
    let decided = rig.director.take_decided();
    assert_eq!(decided[0].except, ["g1"]);
    assert_eq!(decided[0].services, ["www.example."]);
    assert_eq!(cause(&rig, 1).as_deref(), Some("veerd began"));
    for _ in 0..3 {
        rig.fail(3);
    }
    let why = "s4 is down (192.0.2.4: connection refused)".to_owned();
    let alone = vec!["g1".to_owned()];
    let expected = (Some(server("s4")), server("s3"), alone.clone(), false, why);
    assert_eq!(told(&mut rig), [expected]);
    // A pin is about one group, and so is its end.
    let pin = What::Pin {
        service: testing::name("www.example."),
        group: "g1".to_owned(),
        server: "s2".to_owned(),
    };
    rig.say(vec![says(pin), says(What::Freeze { scope: Scope::All })]);
    let found = told(&mut rig);
    assert_eq!((&found[0].1, &found[0].2), (&server("s2"), &alone));
    rig.say(vec![]);
    assert_eq!(told(&mut rig)[0].1, server("s3"));
}

#[test]
fn a_history_goes_on_where_another_ended() {
    let mut rig = passing(failover(), 100);
    let begun = rig.director.begin_history(None, &Cause::Start, rig.now);
    assert_eq!(begun[0].moves[0].from, None);
    assert_eq!(begun[0].moves[0].to.a, server("s1"));
    assert_eq!(cause(&rig, 0).as_deref(), Some("veerd began"));
    for _ in 0..3 {
        rig.fail(0);
    }
    rig.director.take_decided();
    let why = cause(&rig, 0);
    // The same configuration again changes nothing, and nothing is forgotten.
    let mut next = rig.clone();
    next.director = Director::new(rig.director.plan().clone(), 100, rig.now);
    next.director.carry_over(&rig.director, rig.now);
    let previous = Some(&rig.director);
    let begun = next
        .director
        .begin_history(previous, &Cause::Configuration, rig.now);
    assert_eq!(begun[0].moves[0].from.as_ref(), Some(&begun[0].moves[0].to));
    assert_eq!(cause(&next, 0), why);
    // Another order does.
    let mut plan = (**rig.director.plan()).clone();
    plan.services[0].0.pool.servers.rotate_left(2);
    plan.pools[0].servers.rotate_left(2);
    next.director = Director::new(plan, 100, rig.now);
    next.director.carry_over(&rig.director, rig.now);
    let begun = next
        .director
        .begin_history(previous, &Cause::Configuration, rig.now);
    let from = begun[0].moves[0].from.as_ref().map(|from| &from.a);
    assert_eq!(from, Some(&server("s2")));
    assert_eq!(begun[0].moves[0].to.a, server("s3"));
    let why = "the configuration was read anew";
    assert_eq!(cause(&next, 0).as_deref(), Some(why));
}

#[test]
fn decided_survives_json() {
    let mut rig = passing(failover(), 100);
    let begun = rig.director.begin_history(None, &Cause::Start, rig.now);
    let json = serde_json::to_string(&begun).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Decided>>(&json).unwrap(), begun);
}

#[test]
fn a_divided_pool_is_told_by_shares_whenever_they_change() {
    let weights = vec![1; usize::from(SERVERS)];
    let mut rig = passing(
        Policy::Weighted {
            weights,
            is_sticky: true,
        },
        100,
    );
    let told = |decided: Vec<Decided>| {
        let told = decided.into_iter().map(|decided| {
            assert_eq!(decided.moves, []);
            let shares = decided.shares.iter();
            let of: Vec<f64> = shares.map(|share| share.percent).collect();
            (decided.cause.to_string(), of)
        });
        told.collect::<Vec<_>>()
    };
    let begun = rig.director.begin_history(None, &Cause::Start, rig.now);
    let part = 100.0 / f64::from(SERVERS);
    let [(_, begun)] = &told(begun)[..] else {
        panic!("not one pool")
    };
    assert!(begun.iter().all(|of| (of - part).abs() < 0.2), "{begun:?}");
    rig.pass(0);
    assert_eq!(told(rig.director.take_decided()), []);
    for _ in 0..3 {
        rig.fail(0);
    }
    let died = told(rig.director.take_decided());
    let [(cause, died)] = &died[..] else {
        panic!("{died:?}")
    };
    assert_eq!(cause, "s1 is down (192.0.2.1: connection refused)");
    assert!(died[0] == 0.0 && died[1] > part + 1.0, "{died:?}");
}

#[test]
fn a_step_of_resolvers_comes_from_the_value_that_they_follow() {
    let steps = Steps {
        percent: 25,
        every: Duration::from_secs(20),
    };
    let threshold = Threshold { steps, ..at_50() };
    let mut rig = passing(Policy::Threshold(threshold), 100);
    rig.measure(0, 0, 40.0);
    rig.director.take_decided();
    rig.now += HOLD;
    rig.measure(0, 0, 60.0);
    let decided = rig.director.take_decided();
    assert_eq!(decided.len(), 1);
    assert!(!decided[0].shares.is_empty());
    let why = "response_time_ms of s1 is 60";
    assert_eq!(decided[0].cause.to_string(), why);
    assert_eq!(cause(&rig, 0).as_deref(), Some(why));
    // Whoever's sample the next one is made with.
    rig.now += Duration::from_secs(20);
    rig.measure(1, 0, 10.0);
    assert_eq!(rig.director.take_decided()[0].cause.to_string(), why);
}

#[test]
fn a_slow_start_is_told_as_such_and_not_as_a_state() {
    let health = HealthRules {
        slow_start: Duration::from_secs(64),
        ..HealthRules::default()
    };
    let mut rig = Rig::with(failover(), health, 100);
    (0..SERVERS).for_each(|server| rig.pass(server));
    (0..3).for_each(|_| rig.fail(0));
    rig.pass(0);
    let back = rig.director.take_decided();
    assert_eq!(back[0].cause.to_string(), "s1 is up (192.0.2.1)");
    assert!(!back[0].shares.is_empty());
    rig.now += Duration::from_secs(2);
    rig.pass(1);
    let more = rig.director.take_decided();
    assert_eq!(more[0].cause, Cause::SlowStart);
}
