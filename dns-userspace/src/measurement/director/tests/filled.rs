//! Pools whose candidates are filled.

use dns_common::decision::{SLOTS, SLOTS_PER_WORD};

use super::{
    probes::{id, load, load_pool},
    *,
};
use crate::{
    measurement::{
        demand::{Basis, Counted},
        director::history::Cause,
        overrides::Said,
    },
    model::Capacity,
};

const SETTLE: Duration = Duration::from_secs(100);

/// Three servers that can take as much each, preferred in order, of which the first two
/// have this load and the third none.
fn filled(percent: [f64; 2]) -> Rig {
    let servers = (1..=3).map(|n| server(n, false)).collect();
    let pool = Pool {
        policy: failover(3),
        capacity: Some(Capacity {
            by_candidate: vec![Some(Quantity(1_000_000)); 3],
            fill_percent: 80,
            settle: SETTLE,
        }),
        ..load_pool(servers, false)
    };
    let mut rig = Rig::new(plan(vec![pool], 3), 100);
    for n in 1..=3 {
        rig.see(v4(n), pass(10));
    }
    report(&mut rig, [percent[0], percent[1], 0.0]);
    rig
}

fn report(rig: &mut Rig, percent: [f64; 3]) -> Vec<Change> {
    let reports = (1..=3).zip(percent);
    let changes = reports.map(|(n, percent)| rig.take(id(rig, v4(n), 1), load(percent)));
    changes.collect::<Vec<_>>().concat()
}

/// By slot, what the group number 0 is answered.
fn answers(rig: &Rig) -> Vec<u8> {
    let pool = rig.director.decisions().next().expect("a pool");
    let answer = |slot: usize| {
        let word = pool.shares[slot / SLOTS_PER_WORD];
        let takers = word.to_le_bytes()[slot % SLOTS_PER_WORD];
        let eligible = pool.eligible.taken_by(takers);
        pick(pool.rankings[0], eligible, Family::V4).expect("a candidate")
    };
    assert!(pool.eligible.is_shared());
    (0..SLOTS).map(answer).collect()
}

fn percent_of(rig: &Rig, candidate: u8) -> usize {
    let answers = answers(rig).into_iter();
    100 * answers.filter(|answer| *answer == candidate).count() / SLOTS
}

#[test]
fn whom_the_first_has_no_room_for_gets_the_next() {
    let rig = filled([100.0, 60.0]);
    let explained = rig.director.explain(0, 0, 0, rig.now).expect("explained");
    let demand = explained.demand.expect("known");
    assert!((demand.total - 1600.0).abs() < 1e-6, "{demand:?}");
    assert!(demand.held_ms.is_some_and(|ms| ms > 99e3), "{demand:?}");
    let expected = "failover: the configured order, each to 80 % of its capacity";
    assert_eq!(explained.policy, expected);
    // Two groups of three prefer the first, which has room for 800 of their 1067.
    let percents = [0, 1, 2].map(|candidate| percent_of(&rig, candidate));
    assert_eq!(percents, [75, 25, 0]);
}

#[test]
fn only_what_must_moves_when_somebody_dies_and_nobody_has_to_tell() {
    let mut rig = filled([100.0, 60.0]);
    let before = answers(&rig);
    rig.see(v4(2), fail());
    let changes = rig.see(v4(2), fail());
    let first = changes.first();
    assert!(
        matches!(first, Some(Change::Eligible { .. })),
        "{first:?} first"
    );
    let after = answers(&rig);
    assert!(!after.contains(&1));
    // The level rises for all who are left, so nobody loses what it had.
    for (slot, (before, after)) in before.iter().zip(&after).enumerate() {
        assert!(
            *before == 1 || *before >= *after,
            "{slot}: {before} {after}"
        );
    }
    // What is reported meanwhile is of before.
    assert_eq!(report(&mut rig, [80.0, 0.0, 0.0]), []);
    rig.now += SETTLE;
    assert_ne!(report(&mut rig, [60.0, 0.0, 60.0]), []);
}

#[test]
fn explain_says_who_is_full_and_of_how_much() {
    let rig = filled([100.0, 60.0]);
    let explained = rig.director.explain(0, 0, 0, rig.now).expect("explained");
    let first = &explained.candidates[0];
    let takes = first.share_percent.expect("divided") * 10.24;
    let expected = format!("; full: 80.0 % of its capacity; takes {takes:.0} of 1024 slots");
    assert!(first.why.ends_with(&expected), "{}", first.why);
    assert!((first.measured[&Metric::Load] - 100.0).abs() < 1e-6);
    let last = &explained.candidates[2];
    assert!(!last.why.contains("full"), "{}", last.why);
}

#[test]
fn a_reload_keeps_what_is_known_and_forgets_it_with_the_capacities() {
    let rig = filled([100.0, 60.0]);
    let reloaded = |plan: Plan| {
        let mut director = Director::new(plan, 100, rig.now);
        director.carry_over(&rig.director, rig.now);
        director.decisions().next()
    };
    let plan = Plan::clone(rig.director.plan());
    assert_eq!(reloaded(plan.clone()), rig.director.decisions().next());
    let mut without = plan;
    without.pools[0].capacity = None;
    let pool = reloaded(without).expect("a pool");
    assert!(!pool.eligible.is_shared());
}

/// What was counted of groups in ten seconds.
fn counted(answers: &[u64]) -> Counted {
    let mut counted = Counted::new(1, &[]);
    counted.add(answers, Duration::from_secs(10));
    counted
}

#[test]
fn who_asks_for_more_counts_for_more() {
    // Groups 0 and 2 prefer the first, group 1 the last.
    let mut rig = filled([60.0, 40.0]);
    let slots = |rig: &Rig| {
        let pool = rig.director.decisions().next().expect("a pool");
        pool.eligible.is_shared()
    };
    assert!(!slots(&rig), "two thirds of 1000 have room");
    let before = rig.director.clone();
    // Too little to be sure.
    assert_eq!(rig.director.set_demand(counted(&[1, 0, 0]), rig.now), []);
    let changes = rig.director.set_demand(counted(&[9000, 1000, 0]), rig.now);
    assert!(!changes.is_empty());
    let decided = rig.director.take_decided();
    assert_eq!(decided[0].cause, Cause::Demand);
    // 800 of 900 have room.
    assert_eq!(percent_of(&rig, 0), 89);
    let of_g1 = rig.director.demand_of(1);
    assert_eq!(of_g1.basis, Basis::Counted);
    assert!((of_g1.percent - 10.2).abs() < 0.1, "{of_g1:?}");

    // No more than a tenth of the demand is elsewhere.
    let changes = rig.director.set_demand(counted(&[8200, 1800, 0]), rig.now);
    assert_eq!(changes, []);
    assert_eq!(percent_of(&rig, 0), 89);

    // A reload goes on with it.
    let reloaded = |plan: Plan| {
        let mut director = Director::new(plan, 100, rig.now);
        director.carry_over(&rig.director, rig.now);
        director
    };
    let mut plan = Plan::clone(rig.director.plan());
    let same = reloaded(plan.clone());
    assert!(same.decisions().eq(rig.director.decisions()));
    assert_eq!(same.demand_of(1), of_g1);
    // What is configured counts at once, however little that changes.
    plan.groups.demand = [(1, Quantity(500_000))].into();
    let said = reloaded(plan).demand_of(1);
    assert_eq!(said.basis, Basis::Configured);
    assert!((said.percent - 38.0).abs() < 0.1, "{said:?}");
    assert_eq!(before.demand_of(1).basis, Basis::Even);
}

#[test]
fn what_is_frozen_counts_by_the_demand_it_was_frozen_with() {
    let mut rig = filled([60.0, 40.0]);
    let say = |rig: &mut Rig, frozen| {
        let said = Said {
            frozen,
            ..Said::default()
        };
        let Director {
            plan,
            pools,
            health,
            ..
        } = &mut rig.director;
        pools[0].say(said, &plan.pools[0], health, rig.now);
    };
    say(&mut rig, true);
    let changes = rig.director.set_demand(counted(&[9000, 1000, 0]), rig.now);
    assert_eq!(changes, []);
    say(&mut rig, false);
    let changes = rig.director.set_demand(counted(&[1000, 9000, 0]), rig.now);
    assert!(!changes.is_empty());
}
