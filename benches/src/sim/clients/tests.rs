use std::path::Path;

use dns_common::decision::{Eligible, SHARE_WORDS, SLOTS_PER_WORD};
use tokio::time::Instant;

use super::*;
use crate::sim::scenario::{self, Loaded};

const MASK: u8 = 0b111;

/// Sixty-four groups and a thousand resolvers of one region, all sent to candidate 0.
fn clients() -> (Scenario, Plan, Clients) {
    let dir = Path::new(crate::sim::SCENARIOS).join("site-death");
    let Loaded { scenario, plan, .. } = scenario::load(&dir, 1000).expect("a scenario");
    let director = Director::new(plan, 100, Instant::now());
    let clients = Clients::new(&scenario, &director).expect("clients");
    let plan = Plan::clone(director.plan());
    (scenario, plan, clients)
}

/// Shares of which the first so many slots are taken by 1, all others by 0 alone.
fn shares(first: usize) -> Vec<Change> {
    let takers = |slot| if slot < first { 0b010 } else { 0b001 };
    let word = |index: usize| {
        let slots = index * SLOTS_PER_WORD..(index + 1) * SLOTS_PER_WORD;
        slots.rev().fold(0, |word, slot| word << 8 | takers(slot))
    };
    let words = (0..SHARE_WORDS).map(|index| Change::Shares {
        pool: 0,
        index: index as u8,
        word: word(index),
    });
    words.chain([eligible(true)]).collect()
}

fn eligible(shared: bool) -> Change {
    let bit = if shared { Eligible::SHARED } else { 0 };
    let word = Eligible(Eligible::new(MASK, MASK, false).0 | bit);
    Change::Eligible { pool: 0, word }
}

/// What goes to each of the three in the second after `now`, of all.
fn at(clients: &mut Clients, scenario: &Scenario, now: f64) -> [f64; 3] {
    let asked = clients.second(scenario, now);
    let mut sums = [0.0; 3];
    for asked in &asked {
        for (sum, requests) in sums.iter_mut().zip(asked.by_candidate(3)) {
            *sum += requests / scenario.demand.requests_per_s;
        }
    }
    sums
}

#[test]
fn slots_go_where_shares_send_them_as_caches_run_out() {
    let (scenario, plan, mut clients) = clients();
    let moved = clients.store(&plan, &shares(256), 1.0).expect("stored");
    // A quarter of all groups' slots.
    assert!((moved[&0] - clients.groups() as f64 / 4.0).abs() < 1e-9);
    assert_eq!(clients.classes.len(), 2);
    let first = at(&mut clients, &scenario, 1.0);
    assert!(first[0] > 0.9 && first[1] > 0.0, "{first:?}");
    let after: Vec<_> = (2..1000)
        .map(|second| at(&mut clients, &scenario, f64::from(second)))
        .collect();
    let last = after[after.len() - 1];
    let expected = [0.75, 0.25, 0.0];
    assert!(
        (0..3).all(|site| (last[site] - expected[site]).abs() < 1e-3),
        "{last:?}"
    );
    assert!(
        after
            .iter()
            .all(|at| (at.iter().sum::<f64>() - 1.0).abs() < 1e-9)
    );
}

#[test]
fn without_shares_again_the_ranking_alone_counts() {
    let (_, plan, mut clients) = clients();
    let store = |clients: &mut Clients, changes: &[Change], now| {
        let moved = clients.store(&plan, changes, now).expect("stored");
        moved.values().sum::<f64>() / clients.groups() as f64
    };
    assert!((store(&mut clients, &shares(256), 1.0) - 0.25).abs() < 1e-9);
    // Nobody may be used who takes the first slots: as if all took them.
    let word = Eligible(Eligible::new(0b101, 0b101, false).0 | Eligible::SHARED);
    let death = [Change::Eligible { pool: 0, word }];
    assert!((store(&mut clients, &death, 2.0) - 0.25).abs() < 1e-9);
    assert!((store(&mut clients, &[eligible(true)], 3.0) - 0.25).abs() < 1e-9);
    assert!((store(&mut clients, &[eligible(false)], 4.0) - 0.25).abs() < 1e-9);
    assert!(store(&mut clients, &[eligible(true), eligible(false)], 5.0).abs() < 1e-9);
}

#[test]
fn flips_are_those_of_a_slot_however_classes_are_split_and_joined() {
    let (scenario, plan, mut clients) = clients();
    // No habit keeps an answer for longer than 300 s.
    let mut most = 0;
    for step in 1..100_u16 {
        let now = f64::from(step) * 301.0;
        let first = if step % 2 == 0 {
            0
        } else {
            8 * usize::from(step)
        };
        clients.store(&plan, &shares(first), now).expect("stored");
        most = most.max(clients.classes.len());
    }
    assert_eq!(most, 2);
    let flips: Vec<usize> = clients.flips().map(|of| of[0].len()).collect();
    assert_eq!(flips.len(), SLOTS);
    assert_eq!((flips[0], flips[1023]), (99, 0));
    // The fiftieth of odd steps, 99, is the only one to reach so far.
    assert_eq!((flips[8 * 99 - 1], flips[8 * 98]), (1, 1));
    let sum: f64 = at(&mut clients, &scenario, 1e6).iter().sum();
    assert!((sum - 1.0).abs() < 1e-9);
}

#[test]
fn what_moves_faster_than_caches_forget_is_followed_apart_until_they_have() {
    let (_, plan, mut clients) = clients();
    for step in 1..=100_u16 {
        clients
            .store(&plan, &shares(step.into()), f64::from(step))
            .expect("stored");
    }
    // Each slot's caches know a time of their own; all others are one.
    assert_eq!(clients.classes.len(), 101);
    clients.store(&plan, &shares(0), 501.0).expect("stored");
    assert_eq!(clients.classes.len(), 2);
}
