use std::{fmt, time::Duration};

use dns_common::decision::{Eligible, Family, pick};
use proptest::prelude::*;

use super::*;
use crate::{measurement::share::Shares, model::Quantity};

const SETTLE: Duration = Duration::from_secs(100);

/// What a slot may be too much, of all the demand.
const GRAIN: f64 = SLOT + 1e-6;

/// Candidates, and what really is asked for.
#[derive(Clone)]
struct World {
    capacity: Capacity,
    /// In percent of all capacity.
    demand_percent: f64,
    parts: Vec<Part>,
    /// How many slots each takes at most.
    most: [u16; CANDIDATES_MAX],
    fill: Fill,
    now: Instant,
}

fn keys(count: usize) -> Vec<Key> {
    (1..=count)
        .map(|number| Key::new(&format!("s{number}")))
        .collect()
}

fn part(order: &[u8], demand: f64) -> Part {
    let ranking = Ranking::new(order);
    Part { ranking, demand }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("World");
        shown.field("by_candidate", &self.capacity.by_candidate);
        shown.field("demand_percent", &self.demand_percent);
        shown.field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl World {
    fn new(capacities: &[i64], demand_percent: f64, parts: Vec<Part>) -> Self {
        let limit = |thousands: &i64| (*thousands > 0).then_some(Quantity(thousands * 1000));
        Self {
            capacity: Capacity {
                by_candidate: capacities.iter().map(limit).collect(),
                fill_percent: 80,
                settle: SETTLE,
            },
            demand_percent,
            parts,
            most: [ALL; _],
            fill: Fill::new(&keys(capacities.len())),
            now: Instant::now(),
        }
    }

    fn limit(&self, candidate: usize) -> f64 {
        self.capacity.by_candidate[candidate].map_or(f64::INFINITY, Quantity::value)
    }

    fn demand(&self) -> f64 {
        let limits = self.capacity.by_candidate.iter().flatten();
        self.demand_percent / 1e2 * limits.map(|limit| limit.value()).sum::<f64>()
    }

    fn place(&mut self, usable: u8, told: &[Option<f64>]) -> Takes {
        let input = Input {
            capacity: &self.capacity,
            usable,
            most: self.most,
            parts: &self.parts,
            told,
            now: self.now,
        };
        self.fill.place(&input)
    }

    /// Takes in what all tell of the true demand, shared out by `usable`, and then what is
    /// so by what is taken then.
    fn settle(&mut self, usable: u8) -> Takes {
        let told = self.told(usable);
        self.now += SETTLE;
        self.place(usable, &told)
    }

    /// What comes to each candidate, told by those with a capacity.
    fn told(&self, usable: u8) -> Vec<Option<f64>> {
        let asked = self.asked(usable).into_iter();
        let limits = &self.capacity.by_candidate;
        asked
            .zip(limits)
            .map(|(asked, limit)| limit.map(|_| asked))
            .collect()
    }

    /// Whether it is known what is asked for: not where all goes to who tells nothing.
    fn is_known(&self) -> bool {
        let known = self.fill.demand().map_or(0.0, |(total, _)| total);
        (known / self.demand() - 1.0).abs() < DEMAND_BAND + 1e-6
    }

    /// What comes to each candidate as the kernel picks them.
    fn asked(&self, usable: u8) -> Vec<f64> {
        let candidates = self.capacity.by_candidate.len();
        let shares = Shares::new(&self.fill.takes(), &keys(candidates), &Shares::default());
        let eligible = Eligible::new(usable, usable, false);
        let mut asked = vec![0.0; candidates];
        for part in &self.parts {
            for slot in 0..SLOTS {
                let among = if part.ranking.is_undivided() {
                    eligible
                } else {
                    eligible.taken_by(shares.takers(slot))
                };
                let picked = pick(part.ranking, among, Family::V4).expect("one may be used");
                asked[usize::from(picked)] += part.demand * self.demand() * SLOT;
            }
        }
        asked
    }

    /// The load of each that may be used, of its capacity.
    fn loads(&self, usable: u8) -> Vec<f64> {
        let asked = self.asked(usable).into_iter().enumerate();
        let usable = asked.filter(|(candidate, _)| usable >> candidate & 1 != 0);
        usable
            .map(|(candidate, asked)| asked / self.limit(candidate))
            .collect()
    }
}

/// Two to eight candidates with capacities, or some without, orders of one to four parts of
/// the groups, and who may be used.
fn worlds() -> impl Strategy<Value = (World, u8)> {
    (2..=8_usize).prop_flat_map(|count| {
        let order = Just((0..count as u8).collect::<Vec<_>>()).prop_shuffle();
        let parts = prop::collection::vec((order, 1..10_u32), 1..=4);
        let capacities = prop::collection::vec(20..200_i64, count);
        let usable = 1..=u8::MAX >> (8 - count);
        let unlimited = prop::option::weighted(0.2, 1..count);
        (capacities, 10.0..130.0, parts, usable, unlimited).prop_map(
            |(mut capacities, demand_percent, parts, usable, unlimited)| {
                if let Some(unlimited) = unlimited {
                    capacities[unlimited] = 0;
                }
                let total: u32 = parts.iter().map(|(_, demand)| demand).sum();
                let parts = parts.iter();
                let parts =
                    parts.map(|(order, demand)| part(order, f64::from(*demand) / f64::from(total)));
                (
                    World::new(&capacities, demand_percent, parts.collect()),
                    usable,
                )
            },
        )
    })
}

proptest! {
    #[test]
    fn nobody_is_filled_beyond_the_level((mut world, usable) in worlds()) {
        world.settle(usable);
        world.settle(usable);
        prop_assume!(world.is_known());
        let together: f64 = (0..world.capacity.by_candidate.len())
            .filter(|candidate| usable >> candidate & 1 != 0)
            .map(|candidate| world.limit(candidate))
            .sum();
        let needed = world.demand() / together;
        let level = world.fill.placement.level;
        prop_assert!(level <= (needed * SLACK).max(0.8) + 1e-9, "{level} of {needed}");
        for load in world.loads(usable) {
            prop_assert!(load <= level + 1e-6, "{load} is over {level}");
        }
        // What was planned is what the kernel does.
        let planned = world.fill.placement.taken.into_iter();
        for (planned, asked) in planned.zip(world.asked(usable)) {
            prop_assert!((planned - asked / world.demand()).abs() < 1e-6);
        }
    }

    #[test]
    fn who_has_room_refuses_nobody((mut world, usable) in worlds()) {
        world.settle(usable);
        world.settle(usable);
        prop_assume!(world.is_known());
        let asked = world.asked(usable);
        for candidate in (0..asked.len()).filter(|candidate| usable >> candidate & 1 != 0) {
            if let Some((level, _)) = world.fill.full(candidate as u8) {
                let room = level * world.limit(candidate) - asked[candidate];
                prop_assert!(room <= world.demand() * GRAIN, "{candidate} has room for {room}");
            }
        }
    }

    #[test]
    fn a_little_more_demand_moves_little((mut world, usable) in worlds()) {
        world.settle(usable);
        world.settle(usable);
        let before = world.clone();
        world.demand_percent *= 1.02;
        world.settle(usable);
        let moved = moved(&before, &world, usable);
        // What one refuses may push others on at each that is full.
        prop_assert!(moved < 8.0 * (0.02 + GRAIN), "{moved}");
        prop_assert_eq!(world.settle(usable), world.fill.takes());
    }

    #[test]
    fn the_same_comes_of_the_same((world, usable) in worlds()) {
        let run = || {
            let mut world = world.clone();
            (0..3).map(|_| world.settle(usable)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_death_is_answered_before_anybody_tells((mut world, _) in worlds(), dead: usize) {
        let count = world.capacity.by_candidate.len();
        let all = u8::MAX >> (8 - count);
        world.settle(all);
        world.settle(all);
        prop_assume!(world.is_known());
        let usable = all & !(1 << (dead % count));
        let nothing = vec![None; count];
        world.place(usable, &nothing);
        let level = world.fill.placement.level;
        for load in world.loads(usable) {
            prop_assert!(load <= level + 1e-6, "{load} is over {level}");
        }
    }
}

/// Part of the demand that goes elsewhere than before.
fn moved(before: &World, now: &World, usable: u8) -> f64 {
    let count = before.capacity.by_candidate.len();
    let shares = [before, now]
        .map(|world| Shares::new(&world.fill.takes(), &keys(count), &Shares::default()));
    let eligible = Eligible::new(usable, usable, false);
    let mut moved = 0.0;
    for part in &now.parts {
        for slot in 0..SLOTS {
            let picked = shares.each_ref().map(|shares| {
                pick(
                    part.ranking,
                    eligible.taken_by(shares.takers(slot)),
                    Family::V4,
                )
            });
            if picked[0] != picked[1] {
                moved += part.demand * SLOT;
            }
        }
    }
    moved
}

/// Three that all prefer in order.
fn three(demand_percent: f64) -> World {
    World::new(&[50, 50, 50], demand_percent, vec![part(&[0, 1, 2], 1.0)])
}

#[test]
fn what_the_first_has_no_room_for_goes_to_the_next() {
    let mut world = three(60.0);
    assert_eq!(world.place(0b111, &[None; 3]), Takes::All);
    let takes = world.settle(0b111);
    let loads = world.loads(0b111);
    let expected = [0.8, 0.8, 0.2];
    let near = |(load, expected): (&f64, &f64)| (load - expected).abs() < 0.01;
    assert!(loads.iter().zip(&expected).all(near), "{loads:?}");
    assert!(matches!(takes, Takes::Admitted(_)), "{takes:?}");
    assert_eq!(world.fill.full(2), None);
    world.demand_percent = 20.0;
    // It falls a fifth at a time.
    let takes: Vec<_> = (0..10).map(|_| world.settle(0b111)).collect();
    assert_ne!(takes[0], Takes::All);
    assert_eq!(takes[9], Takes::All);
}

#[test]
fn reports_of_different_ages_change_nothing_until_they_are_of_one_state() {
    let mut world = three(60.0);
    world.settle(0b111);
    let placed = world.fill.takes();
    let demand = world.fill.demand().map(|(total, _)| total);
    // The second tells of what came to it, the first still of what it had before.
    world.now += SETTLE / 2;
    let told = [90_000.0, 40_000.0, 10_000.0].map(Some);
    assert_eq!(world.place(0b111, &told), placed);
    assert_eq!(world.fill.demand().map(|(total, _)| total), demand);
    world.settle(0b111);
    assert_eq!(world.fill.demand(), demand.map(|total| (total, None)));
}

#[test]
fn who_tells_of_no_load_gets_a_quarter_too_much_at_most() {
    let mut world = three(80.0);
    world.settle(0b111);
    world.settle(0b111);
    for _ in 0..100 {
        let mut told = world.told(0b111);
        told[0] = Some(0.0);
        world.now += SETTLE;
        world.place(0b111, &told);
        let loads = world.loads(0b111);
        assert!(loads[0] <= 0.8 * 1.02 / 0.8, "{loads:?}");
    }
}

#[test]
fn who_tells_of_any_load_drives_nobody_away_but_its_own() {
    let mut world = three(60.0);
    world.settle(0b111);
    world.settle(0b111);
    for _ in 0..100 {
        let mut told = world.told(0b111);
        told[0] = Some(1e9);
        world.now += SETTLE;
        world.place(0b111, &told);
    }
    let loads = world.loads(0b111);
    // Half of what it could take: its slots count for twice what others do.
    assert!(loads[0] > 0.35 && loads[1] <= 0.82, "{loads:?}");
}

#[test]
fn what_slots_really_bring_is_learnt() {
    // Those who prefer the first ask for more than their number says.
    let truth = vec![part(&[0, 1, 2], 0.6), part(&[2, 1, 0], 0.4)];
    let mut world = World::new(&[50, 50, 50], 70.0, truth.clone());
    let thought = vec![part(&[0, 1, 2], 0.5), part(&[2, 1, 0], 0.5)];
    for _ in 0..20 {
        world.parts.clone_from(&truth);
        let told = world.told(0b111);
        world.now += SETTLE;
        world.parts.clone_from(&thought);
        world.place(0b111, &told);
    }
    world.parts = truth;
    let loads = world.loads(0b111);
    assert!(loads.iter().all(|load| *load < 0.83), "{loads:?}");
}

#[test]
fn a_group_that_is_pinned_is_not_moved_and_others_make_room() {
    let mut pinned = part(&[0, 1, 2], 0.5);
    pinned.ranking = pinned.ranking.undivided();
    let parts = vec![pinned, part(&[0, 1, 2], 0.5)];
    let mut world = World::new(&[50, 50, 50], 60.0, parts);
    world.settle(0b111);
    world.settle(0b111);
    let loads = world.loads(0b111);
    assert!((loads[0] - 0.9).abs() < 0.01, "{loads:?}");
    assert!((loads[1] - 0.8).abs() < 0.01, "{loads:?}");
}

#[test]
fn where_demand_moves_on_and_on_the_mean_of_what_is_told_counts() {
    let mut world = three(60.0);
    // Nothing was asked for when it began.
    world.place(0b111, &[Some(0.0); 3]);
    let orders = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];
    for step in 0..60 {
        // Others come first every tenth of what it takes to settle, and reports are as old.
        let told = world.told(0b111);
        world.parts = vec![part(&orders[step % 3], 1.0)];
        world.now += SETTLE / 10;
        world.place(0b111, &told);
    }
    let (total, held_until) = world.fill.demand().expect("known");
    assert!((total / world.demand() - 1.0).abs() < 0.1, "{total}");
    assert!(held_until.is_some());
    let loads = world.loads(0b111);
    assert!(loads.iter().all(|load| *load < 0.85), "{loads:?}");
}

#[test]
fn who_came_back_and_takes_little_so_far_is_not_full_and_others_fill_up() {
    let mut world = three(60.0);
    world.settle(0b111);
    world.most[1] = 100;
    let told = world.told(0b111);
    world.place(0b111, &told);
    let loads = world.loads(0b111);
    assert!(loads[1] < 0.18 && loads[0] > 0.79, "{loads:?}");
    assert!((loads.iter().sum::<f64>() - 1.8).abs() < 1e-6, "{loads:?}");
    assert_eq!(world.fill.full(1), None);
    world.most = [0; _];
    world.place(0b001, &told);
    assert!((world.loads(0b001)[0] - 1.8).abs() < 1e-6);
}
