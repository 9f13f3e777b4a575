use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::{
    measurement::{
        demand::Counted,
        overrides::testing::{plan, service},
    },
    model::{Plan, Policy},
};

const BOTH: [(&str, &str); 2] = [("s1", "192.0.2.1"), ("s2", "192.0.2.2")];

/// What changes from `before` to `then`, where nothing was measured or counted.
fn difference(before: &Plan, then: &Plan) -> Difference {
    counted(before, then, |_| 0)
}

fn counted(before: &Plan, then: &Plan, queries: impl Fn(&Service) -> u64) -> Difference {
    let director = |plan: &Plan| Director::new(plan.clone(), 100, Instant::now());
    director(before).difference(&director(then), queries)
}

/// Groups `default`, `g1` and `g2` with these prefixes.
fn groups(prefixes: &[(&str, u16)]) -> Groups {
    let prefixes = prefixes.iter();
    let prefixes = prefixes.map(|(prefix, group)| (prefix.parse().unwrap(), *group));
    Groups {
        prefixes: prefixes.collect(),
        ..plan().groups
    }
}

/// The order of a failover service of [`BOTH`], for all but those in `g1`.
fn ordered(common: [u8; 2], of_g1: [u8; 2]) -> Service {
    let mut service = service("www.example.", "acme", &BOTH);
    service.pool.policy = Policy::Failover {
        order: common.into(),
        by_group: BTreeMap::from([("g1".to_owned(), of_g1.into())]),
    };
    service
}

fn is_about(percent: f64, expected: f64) -> bool {
    (percent - expected).abs() < 1e-9
}

#[test]
fn nothing_changes_where_everything_is_as_it_was() {
    assert_eq!(difference(&plan(), &plan()), Difference::default());
}

#[test]
fn groups_have_parts_alike_and_prefixes_of_a_group_too() {
    let known = groups(&[("10.0.0.0/8", 1), ("10.1.0.0/16", 1), ("192.0.2.0/24", 2)]);
    let before = Plan::new(vec![ordered([0, 1], [0, 1])], known.clone());
    // Of g1, then of g1 but for one of its two prefixes.
    let then = Plan::new(vec![ordered([0, 1], [1, 0])], known);
    let moved = difference(&before, &then);
    assert!(is_about(moved.moved_percent, 100.0 / 3.0), "{moved:?}");
    let [service] = &moved.services[..] else {
        panic!("{moved:?}");
    };
    assert_eq!((service.customer.as_str(), service.prefixes), ("acme", 2));
    let [change] = &service.moves[..] else {
        panic!("{moved:?}");
    };
    assert_eq!(
        [&change.from, &change.to],
        ["s1 (192.0.2.1)", "s2 (192.0.2.2)"]
    );
    assert_eq!(change.groups, ["g1"]);

    let regrouped = groups(&[("10.0.0.0/8", 1), ("10.1.0.0/16", 2), ("192.0.2.0/24", 2)]);
    let before = then;
    let then = Plan::new(vec![ordered([0, 1], [1, 0])], regrouped);
    let moved = difference(&before, &then);
    assert!(is_about(moved.moved_percent, 100.0 / 6.0), "{moved:?}");
    assert_eq!(moved.services[0].prefixes, 1);
}

#[test]
fn groups_have_the_parts_that_were_counted() {
    let known = groups(&[("10.0.0.0/8", 1), ("10.1.0.0/16", 1), ("192.0.2.0/24", 2)]);
    let before = Plan::new(vec![ordered([0, 1], [0, 1])], known.clone());
    let then = Plan::new(vec![ordered([0, 1], [1, 0])], known);
    let mut counted = Counted::new(1, &[]);
    counted.add(&[0, 9000, 1000], Duration::from_secs(1));
    let director = |plan: Plan| Director::new(plan, 100, Instant::now());
    let mut running = director(before);
    running.set_demand(counted, Instant::now());
    let moved = running.difference(&director(then), |_| 0);
    let part = running.demand_of(1).percent;
    assert!((89.0..90.0).contains(&part), "{part}");
    assert!((moved.moved_percent - part).abs() < 1e-3, "{moved:?}");
    assert!(
        (moved.services[0].moves[0].percent - part).abs() < 1e-3,
        "{moved:?}"
    );
}

#[test]
fn a_prefix_that_is_new_comes_out_of_the_group_it_was_in() {
    let before = Plan::new(vec![ordered([0, 1], [1, 0])], groups(&[("10.0.0.0/8", 1)]));
    let new = groups(&[("10.0.0.0/8", 1), ("10.1.0.0/16", 2), ("2001:db8::/32", 1)]);
    let then = Plan::new(vec![ordered([0, 1], [1, 0])], new);
    // Half of g1's two prefixes leave s2, half of those that were in no group come to it.
    let moved = difference(&before, &then);
    assert!(is_about(moved.moved_percent, 50.0), "{moved:?}");
    assert_eq!(moved.services[0].moves.len(), 2);
    assert_eq!(moved.services[0].prefixes, 2);
}

#[test]
fn demand_is_what_was_counted() {
    let before = plan();
    let mut then = plan();
    then.services.remove(1);
    let moved = counted(&before, &then, |service| match service.customer.as_str() {
        "acme" => 30,
        _ => 40,
    });
    assert!(is_about(moved.moved_percent, 30.0), "{moved:?}");
    assert_eq!(moved.removed, ["shop.example."]);
    assert!(moved.services.is_empty());
    let back = difference(&then, &before);
    assert_eq!(back.added, ["shop.example."]);
    assert!(is_about(back.moved_percent, 0.0), "{back:?}");
}

#[test]
fn weights_move_slots_and_addresses_are_answers_too() {
    let weighted = |weights: [u32; 2]| {
        let mut service = service("www.example.", "acme", &BOTH);
        service.pool.policy = Policy::Weighted {
            weights: weights.into(),
            is_sticky: true,
        };
        Plan::new(vec![service], plan().groups)
    };
    let moved = difference(&weighted([1, 1]), &weighted([1, 3]));
    assert!(is_about(moved.moved_percent, 25.0), "{moved:?}");
    // Not divided before, nor then.
    let half = difference(&weighted([1, 0]), &weighted([1, 1]));
    assert!(is_about(half.moved_percent, 50.0), "{half:?}");

    let at = |address| {
        Plan::new(
            vec![service("www.example.", "acme", &[("s1", address)])],
            plan().groups,
        )
    };
    let moved = difference(&at("192.0.2.1"), &at("192.0.2.9"));
    assert!(is_about(moved.moved_percent, 100.0), "{moved:?}");
    assert_eq!(moved.services[0].moves[0].to, "s1 (192.0.2.9)");
}
