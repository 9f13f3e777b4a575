//! Pools with several probes.

use super::*;
use crate::{
    measurement::sample::Readings,
    model::{Command, Criterion, PoolProbe},
};

/// A required connection and, beside it, a number that counts as `metric`.
fn measured_by(metric: Metric, is_required: bool) -> Vec<PoolProbe> {
    let command = ProbeKind::Command(Command {
        program: "/bin/true".into(),
        arguments: vec![],
        metric: Some(metric),
    });
    let number = PoolProbe {
        is_required,
        ..Probe {
            up_after: 1,
            down_after: 2,
            stale_after: Duration::from_mins(1),
            ..Probe::new(command)
        }
        .into()
    };
    vec![probe(2).into(), number]
}

pub(super) fn load_pool(servers: Vec<Server>, is_required: bool) -> Pool {
    Pool {
        probes: measured_by(Metric::Load, is_required),
        ..pool(servers, Policy::least(Metric::Load, Quantity::default()))
    }
}

pub(super) fn load(percent: f64) -> Verdict {
    Verdict::Pass {
        readings: Readings::of(Metric::Load, percent),
    }
}

/// The target that `address` is for the pool's probe `number`.
pub(super) fn id(rig: &Rig, address: IpAddr, number: usize) -> TargetId {
    let probe = &rig.director.plan().pools[0].probes[number].probe;
    let id = rig.director.targets().id(address, &Arc::new(probe.clone()));
    id.expect("a target")
}

fn order(rig: &Rig) -> Vec<u8> {
    let mut decisions = rig.director.decisions();
    decisions.next().expect("a pool").rankings[0]
        .iter()
        .collect()
}

fn mask(rig: &Rig) -> u8 {
    let mut decisions = rig.director.decisions();
    decisions.next().expect("a pool").eligible.mask(Family::V4)
}

#[test]
fn what_one_probe_measures_orders_and_what_another_says_takes_out() {
    let servers = vec![server(1, false), server(2, false)];
    let mut rig = Rig::new(plan(vec![load_pool(servers, false)], 1), 100);
    let [one, two] = [1, 2].map(|n| id(&rig, v4(n), 1));
    rig.take(one, load(50.0));
    rig.take(two, load(20.0));
    assert_eq!(order(&rig), [1, 0]);
    // What is not required takes nothing down, however often it fails.
    for _ in 0..5 {
        rig.take(two, fail());
    }
    assert_eq!((mask(&rig), order(&rig)), (0b11, vec![1, 0]));
    let alive = id(&rig, v4(2), 0);
    for _ in 0..2 {
        rig.take(alive, fail());
    }
    assert_eq!((mask(&rig), order(&rig)), (0b01, vec![1, 0]));
}

#[test]
fn each_required_probe_can_take_a_server_out() {
    let servers = vec![server(1, false), server(2, false)];
    let mut rig = Rig::new(plan(vec![load_pool(servers, true)], 1), 100);
    for n in [1, 2] {
        for number in [0, 1] {
            rig.take(id(&rig, v4(n), number), load(10.0));
        }
    }
    let target = id(&rig, v4(1), 1);
    rig.take(target, fail());
    assert_eq!(mask(&rig), 0b11);
    rig.take(target, fail());
    assert_eq!(mask(&rig), 0b10);
    rig.take(target, load(10.0));
    assert_eq!(mask(&rig), 0b11);
}

#[test]
fn an_address_in_place_of_its_own_stands_for_both_families() {
    let mut pool = load_pool(vec![server(1, true), server(2, true)], true);
    pool.probes[1].instead.insert(0, [10, 0, 0, 1].into());
    let mut rig = Rig::new(plan(vec![pool], 1), 100);
    // Two connections a server, one load of the first and two of the second.
    assert_eq!(rig.director.targets().len(), 7);
    let target = id(&rig, [10, 0, 0, 1].into(), 1);
    for _ in 0..2 {
        rig.take(target, fail());
    }
    let eligible = rig.director.decisions().next().expect("a pool").eligible;
    assert_eq!(
        (eligible.mask(Family::V4), eligible.mask(Family::V6)),
        (0b10, 0b10)
    );
}

#[test]
fn the_worst_of_a_servers_addresses_counts() {
    let servers = vec![server(1, true), server(2, false)];
    let mut rig = Rig::new(plan(vec![load_pool(servers, false)], 1), 100);
    let v6: IpAddr = "2001:db8::1".parse().expect("an address");
    for (address, percent) in [(v4(1), 10.0), (v6, 60.0), (v4(2), 30.0)] {
        rig.take(id(&rig, address, 1), load(percent));
    }
    assert_eq!(order(&rig), [1, 0]);
}

#[test]
fn what_is_stale_counts_as_the_pool_says() {
    for (unknown, expected) in [
        (Unknown::Last, [0, 1]),
        (Unknown::Closed, [1, 0]),
        (Unknown::Open, [0, 1]),
    ] {
        let mut pool = load_pool(vec![server(1, false), server(2, false)], false);
        pool.unknown = unknown;
        let mut rig = Rig::new(plan(vec![pool], 1), 100);
        rig.take(id(&rig, v4(1), 1), load(20.0));
        rig.now += Duration::from_mins(2);
        rig.take(id(&rig, v4(2), 1), load(30.0));
        assert_eq!(order(&rig), expected, "{unknown:?}");
        // With nothing known of it at all.
        let mut pool = load_pool(vec![server(1, false), server(2, false)], false);
        pool.unknown = unknown;
        let mut rig = Rig::new(plan(vec![pool], 1), 100);
        rig.take(id(&rig, v4(2), 1), load(30.0));
        let expected = if unknown == Unknown::Open {
            [0, 1]
        } else {
            [1, 0]
        };
        assert_eq!(order(&rig), expected, "{unknown:?}");
    }
}

#[test]
fn availability_is_of_the_first_required_probe_and_cost_is_the_servers_own() {
    let mut servers = vec![server(1, false), server(2, false)];
    servers[0].cost = Quantity(2_000);
    servers[1].cost = Quantity(1_000);
    let by = |metric| Criterion {
        metric,
        tolerance: Quantity::default(),
    };
    let criteria = vec![by(Metric::Availability), by(Metric::Cost)];
    let mut pool = load_pool(servers, false);
    pool.policy = Policy::Criteria(criteria);
    let mut rig = Rig::new(plan(vec![pool], 1), 100);
    for n in [1, 2] {
        rig.take(id(&rig, v4(n), 0), pass(10));
    }
    assert_eq!(order(&rig), [1, 0]);
    // A probe that is not required says nothing of it.
    rig.take(id(&rig, v4(2), 1), fail());
    assert_eq!(order(&rig), [1, 0]);
    rig.take(id(&rig, v4(2), 0), fail());
    assert_eq!((mask(&rig), order(&rig)), (0b11, vec![0, 1]));
}
