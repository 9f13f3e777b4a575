//! Pools in which not every candidate takes every slot.

use std::collections::BTreeMap;

use dns_common::decision::{SLOTS, SLOTS_PER_WORD, pick};

use super::*;
use crate::{
    agent::report,
    measurement::{director::Decisions, sample::Readings},
    model::{Agent, Level, Smoothing, Steps, Threshold, Token},
};

/// The words of one pool as a reader finds them, and its answers by group and slot.
#[derive(Clone, Debug, PartialEq)]
struct Reader(Decisions);

impl Reader {
    /// Of the first pool.
    fn new(director: &Director) -> Self {
        Self(director.decisions().next().unwrap())
    }

    fn store(&mut self, change: Change) {
        let Decisions {
            eligible,
            rankings,
            shares,
        } = &mut self.0;
        match change {
            Change::Eligible { word, .. } => *eligible = word,
            Change::Ranking { group, word, .. } => rankings[usize::from(group)] = word,
            Change::Shares { index, word, .. } => {
                shares.resize(SLOTS / SLOTS_PER_WORD, 0);
                shares[usize::from(index)] = word;
            }
        }
    }

    /// The candidate that `group` gets in `slot`.
    fn answer(&self, group: usize, slot: usize) -> Option<u8> {
        let Decisions {
            mut eligible,
            ref rankings,
            ref shares,
        } = self.0;
        let ranking = rankings[group];
        if eligible.is_shared() && !ranking.is_undivided() {
            let word = shares[slot / SLOTS_PER_WORD];
            eligible = eligible.taken_by(word.to_le_bytes()[slot % SLOTS_PER_WORD]);
        }
        pick(ranking, eligible, Family::V4)
    }

    /// How many slots of `group` are answered with each of three candidates.
    fn counts(&self, group: usize) -> [usize; 3] {
        let mut counts = [0; 3];
        for slot in 0..SLOTS {
            if let Some(counted) = self.answer(group, slot) {
                counts[usize::from(counted)] += 1;
            }
        }
        counts
    }

    /// Slots of `group` answered otherwise than by `other`.
    fn moved(&self, other: &Self, group: usize) -> usize {
        let slots = 0..SLOTS;
        slots
            .filter(|slot| self.answer(group, *slot) != other.answer(group, *slot))
            .count()
    }

    /// The same after `changes`. Whoever reads between two of the stores gets what was
    /// answered before or is after, but for those who lose their candidate: they get any
    /// that may be used.
    #[track_caller]
    fn after(&self, changes: Vec<Change>, director: &Director) -> Self {
        let mut end = self.clone();
        for change in &changes {
            end.store(*change);
        }
        let mut now = self.clone();
        for change in changes {
            now.store(change);
            for (group, slot) in
                (0..self.0.rankings.len()).flat_map(|g| (0..SLOTS).map(move |s| (g, s)))
            {
                let [was, is, gets] = [self, &end, &now].map(|reader| reader.answer(group, slot));
                let is_lost = was.is_some_and(|was| end.0.eligible.0 >> was & 1 == 0);
                assert!(
                    gets == was || gets == is || is_lost,
                    "{change:?}: {slot} of {group}: {was:?} {gets:?} {is:?}"
                );
            }
        }
        let kept = Self::new(director);
        assert_eq!(end.0.eligible, kept.0.eligible);
        assert_eq!(end.0.rankings, kept.0.rankings);
        if kept.0.eligible.is_shared() {
            assert_eq!(end.0.shares, kept.0.shares);
        }
        kept
    }
}

/// `www` of acme with three servers and this `policy`.
fn plan_of(policy: Policy) -> Plan {
    let servers = [
        ("s1", "192.0.2.1"),
        ("s2", "192.0.2.2"),
        ("s3", "192.0.2.3"),
    ];
    let mut service = service(WWW, "acme", &servers);
    service.pool.policy = policy;
    Plan::new(vec![service], plan().groups)
}

fn weighted(weights: [u32; 3]) -> Plan {
    plan_of(Policy::Weighted {
        weights: weights.into(),
        is_sticky: true,
    })
}

/// The first two servers while they connect in less than 100 ms, else the third; a
/// quarter of resolvers each 10 s.
fn threshold() -> Plan {
    plan_of(Policy::Threshold(Threshold {
        metric: Metric::ConnectTime,
        level: Level::Set(Quantity(100_000)),
        return_band: Quantity(0),
        hold: Duration::ZERO,
        steps: Steps {
            percent: 25,
            every: Duration::from_secs(10),
        },
        origins: vec![0, 1],
        over: vec![2],
    }))
}

#[test]
fn a_death_moves_the_slots_of_the_dead_and_a_return_moves_them_back() {
    let mut rig = Rig::new(weighted([2, 1, 1]));
    let alive = Reader::new(&rig.director);
    assert_eq!(alive.counts(0), [512, 256, 256]);
    let changes = rig.see("192.0.2.2", fail());
    assert!(
        matches!(changes[0], Change::Eligible { .. }),
        "first of all: {changes:?}"
    );
    let without = alive.after(changes, &rig.director);
    assert_eq!(without.counts(0), [683, 0, 341]);
    assert_eq!(alive.moved(&without, 0), 256);
    assert_eq!(rig.see("192.0.2.2", fail()), []);
    let changes = rig.see("192.0.2.2", pass(10));
    assert_eq!(without.after(changes, &rig.director), alive);
}

#[test]
fn whoever_has_no_weight_is_used_where_nobody_else_can_be() {
    let mut rig = Rig::new(weighted([0, 3, 0]));
    let all = Reader::new(&rig.director);
    assert_eq!(all.counts(0), [0, 1024, 0]);
    let changes = rig.see("192.0.2.2", fail());
    let left = all.after(changes, &rig.director);
    assert_eq!(left.counts(0), [1024, 0, 0]);
    assert!(!left.0.eligible.is_shared());
    let changes = rig.see("192.0.2.1", fail());
    let left = left.after(changes, &rig.director);
    assert_eq!(left.counts(0), [0, 0, 1024]);
    let changes = rig.see("192.0.2.2", pass(10));
    assert_eq!(left.after(changes, &rig.director).counts(0), [0, 1024, 0]);
}

#[test]
fn a_pinned_group_is_not_divided_and_all_others_are() {
    let mut rig = Rig::new(weighted([2, 1, 1]));
    let divided = Reader::new(&rig.director);
    let changes = rig.pin(WWW, "g1", "s3");
    assert_eq!(changes.len(), 1);
    let pinned = divided.after(changes, &rig.director);
    assert_eq!(pinned.counts(1), [0, 0, 1024]);
    assert_eq!(pinned.counts(0), [512, 256, 256]);
    assert_eq!(rig.why(WWW, 1)[0], "A: chosen: this group is pinned to it");
    let changes = rig.see("192.0.2.3", fail());
    let left = pinned.after(changes, &rig.director);
    assert_eq!(left.counts(1), [1024, 0, 0]);
    assert_eq!(left.counts(2), [683, 341, 0]);
}

#[test]
fn a_drain_moves_slots_also_while_frozen_and_health_then_none() {
    let mut rig = Rig::new(weighted([2, 1, 1]));
    let divided = Reader::new(&rig.director);
    rig.freeze(None);
    assert_eq!(rig.see("192.0.2.2", fail()), []);
    let changes = rig.state("s1", None, Drain);
    let drained = divided.after(changes, &rig.director);
    assert_eq!(drained.counts(0), [0, 512, 512]);
    let overrides = rig.director.overrides().clone();
    rig.replan(weighted([2, 1, 1]), overrides);
    assert_eq!(Reader::new(&rig.director), drained);
    let changes = rig.state("s1", None, Auto);
    assert_eq!(drained.after(changes, &rig.director), divided);
    let changes = rig.thaw();
    assert_eq!(
        divided.after(changes, &rig.director).counts(0),
        [683, 0, 341]
    );
}

#[test]
fn a_reload_with_other_weights_moves_only_what_it_must() {
    let mut rig = Rig::new(weighted([2, 1, 1]));
    rig.see("192.0.2.2", fail());
    let before = Reader::new(&rig.director);
    assert_eq!(before.counts(0), [683, 0, 341]);
    rig.replan(weighted([2, 1, 2]), Overrides::default());
    let after = Reader::new(&rig.director);
    assert_eq!(after.counts(0), [512, 0, 512]);
    assert_eq!(after.moved(&before, 0), 171);
    // Without a memory more of them would.
    rig.replan(plan(), Overrides::default());
    rig.replan(weighted([2, 1, 2]), Overrides::default());
    rig.see("192.0.2.2", fail());
    assert_eq!(Reader::new(&rig.director).counts(0), [512, 0, 512]);
}

#[test]
fn explain_says_whose_the_slot_is() {
    let rig = Rig::new(weighted([2, 1, 1]));
    let reader = Reader::new(&rig.director);
    let slots = 0..SLOTS;
    let slot = slots
        .into_iter()
        .find(|slot| reader.answer(0, *slot) == Some(1))
        .unwrap();
    let explained = rig.director.explain(0, 0, slot as u32, rig.now).unwrap();
    assert_eq!(explained.policy, "by weight, s1 × 2, s2 × 1, s3 × 1");
    assert_eq!(explained.slot, Some(slot as u32));
    assert_eq!(explained.a, Outcome::Server("s2".to_owned()));
    let candidates = explained.candidates.iter();
    let told: Vec<_> = candidates
        .map(|of| (of.share_percent.unwrap(), of.why.as_str()))
        .collect();
    let chosen = format!("A: chosen: the first that takes slot {slot}, the resolver's");
    let other = "A: usable, but the resolver's slot is s2's";
    assert_eq!(told, [(50.0, other), (25.0, &chosen), (25.0, other)]);
    let states = rig.director.states(rig.now);
    let shares = states.shares[0].candidates.iter();
    assert_eq!(
        shares.map(|share| share.slots).collect::<Vec<_>>(),
        [512, 256, 256]
    );
}

impl Rig {
    /// A sample of the first server, so many seconds later: slow or not.
    fn is_slow_after(&mut self, seconds: u64, is_slow: bool) -> Vec<Change> {
        self.now += Duration::from_secs(seconds);
        // Far enough beyond the level to be there at once, smoothed as it is.
        self.see("192.0.2.1", pass(if is_slow { 100_000 } else { 1 }))
    }
}

#[test]
fn sides_change_by_steps_and_readers_see_no_other_order() {
    let mut rig = Rig::new(threshold());
    let home = Reader::new(&rig.director);
    let mut now = home.clone();
    assert!(!now.0.eligible.is_shared());
    for (seconds, expected) in [(0, 768), (5, 768), (5, 512), (10, 256), (10, 0), (10, 0)] {
        let changes = rig.is_slow_after(seconds, true);
        now = now.after(changes, &rig.director);
        assert_eq!(now.counts(0), [expected, 1024 - expected, 0]);
    }
    assert_eq!(rig.director.decisions().next().unwrap().shares, [0; 0]);
    // Where it is slow no more is known once it was down.
    rig.see("192.0.2.1", fail());
    for expected in [256, 512, 768, 1024, 1024] {
        now = Reader::new(&rig.director);
        let changes = rig.is_slow_after(10, false);
        now = now.after(changes, &rig.director);
        assert_eq!(now.counts(0), [expected, 1024 - expected, 0]);
    }
    assert_eq!(now, home);
}

#[test]
fn a_death_waits_for_no_step() {
    let mut rig = Rig::new(threshold());
    let home = Reader::new(&rig.director);
    let changes = rig.is_slow_after(0, true);
    let first = home.after(changes, &rig.director);
    let changes = rig.see("192.0.2.2", fail());
    assert_eq!(changes.len(), 1, "a death is one store");
    let dead = first.after(changes, &rig.director);
    assert_eq!(dead.counts(0), [768, 0, 256]);
    let changes = rig.see("192.0.2.3", fail());
    let last = dead.after(changes, &rig.director);
    assert_eq!(last.counts(0), [1024, 0, 0], "nobody else is left");
}

#[test]
fn a_step_is_not_made_while_frozen_and_the_next_after_a_reload_goes_on() {
    let mut rig = Rig::new(threshold());
    rig.is_slow_after(0, true);
    rig.freeze(None);
    assert_eq!(rig.is_slow_after(60, true), []);
    rig.replan(threshold(), rig.director.overrides().clone());
    assert_eq!(Reader::new(&rig.director).counts(0), [768, 256, 0]);
    rig.thaw();
    assert_eq!(Reader::new(&rig.director).counts(0), [512, 512, 0]);
    rig.replan(threshold(), Overrides::default());
    assert_eq!(Reader::new(&rig.director).counts(0), [512, 512, 0]);
    let whys = rig.director.explain(0, 0, 0, rig.now).unwrap().candidates;
    let why = &whys[0].why;
    assert!(why.contains("50 % of resolvers are left so far"), "{why}");
}

/// `plan` with this slow start.
fn slow_start(plan: Plan, seconds: u64) -> Plan {
    let services = plan.services.into_iter().map(|(mut service, _)| {
        service.pool.health.slow_start = Duration::from_secs(seconds);
        service
    });
    Plan::new(services.collect(), plan.groups)
}

impl Rig {
    /// Three servers' slots after each of these times, of which the first passes then.
    fn slots_after(&mut self, seconds: &[u64]) -> Vec<[usize; 3]> {
        let mut now = Reader::new(&self.director);
        let after = seconds.iter().map(|seconds| {
            self.now += Duration::from_secs(*seconds);
            let changes = self.see("192.0.2.1", pass(10));
            now = now.after(changes, &self.director);
            now.counts(0)
        });
        after.collect()
    }
}

#[test]
fn whoever_returns_takes_its_slots_little_by_little() {
    let order = Policy::Failover {
        order: vec![0, 1, 2],
        by_group: BTreeMap::new(),
    };
    let mut rig = Rig::new(slow_start(plan_of(order), 64));
    let before = Reader::new(&rig.director);
    assert!(!before.0.eligible.is_shared());
    rig.see("192.0.2.1", fail());
    assert_eq!(
        rig.slots_after(&[5, 16, 16, 0]),
        [[32, 992, 0], [288, 736, 0], [544, 480, 0], [544, 480, 0]]
    );
    let explained = rig.director.explain(0, 0, 0, rig.now).unwrap();
    let why = &explained.candidates[0].why;
    assert!(
        why.ends_with("back, and takes 53 % of its resolvers so far"),
        "{why}"
    );
    // A reload goes on with it, and a freeze holds it.
    let overrides = rig.director.overrides().clone();
    let plan = Plan::clone(rig.director.plan());
    rig.replan(plan, overrides);
    assert_eq!(rig.slots_after(&[0]), [[544, 480, 0]]);
    rig.freeze(None);
    assert_eq!(rig.slots_after(&[16]), [[544, 480, 0]]);
    rig.thaw();
    assert_eq!(rig.slots_after(&[0, 20]), [[800, 224, 0], [1024, 0, 0]]);
    assert_eq!(Reader::new(&rig.director), before);
}

#[test]
fn a_weight_comes_back_little_by_little_too() {
    let mut rig = Rig::new(slow_start(weighted([2, 1, 1]), 32));
    let before = Reader::new(&rig.director);
    rig.see("192.0.2.1", fail());
    let counts = rig.slots_after(&[0, 8, 8, 16]);
    let first: Vec<_> = counts.iter().map(|counts| counts[0]).collect();
    // By weights of 2 × 1/32, 9/32, 17/32 and all, to 1 and 1.
    assert_eq!(first, [31, 225, 355, 512]);
    // Of each step only what had to moved, so a few are not where they were.
    let moved = Reader::new(&rig.director).moved(&before, 0);
    assert!(moved <= 20, "{moved}");
}

/// Three servers whose agents say how loaded they are; a tenth of resolvers each 10 s.
fn balance() -> Plan {
    let plan = plan_of(Policy::Balance {
        metric: Metric::Load,
        tolerance: Quantity(5_000),
        steps: Steps {
            percent: 10,
            every: Duration::from_secs(10),
        },
    });
    let (mut service, _) = plan.services.into_iter().next().unwrap();
    let agent = &mut service.pool.probes[0].probe;
    agent.kind = ProbeKind::Agent(Agent {
        port: 9853,
        tls: None,
        host: "agent".to_owned(),
        path: "/v1/report".to_owned(),
        token: Token(String::new()),
        kind: report::Kind::Server,
    });
    agent.smoothing = Smoothing::Mean {
        weight_permille: 1000,
    };
    Plan::new(vec![service], plan.groups)
}

/// What an agent reports, in percent.
fn report(load: f64, errors: f64) -> Verdict {
    let readings = Readings::of(Metric::Load, load).with(Metric::Errors, errors);
    Verdict::Pass { readings }
}

impl Rig {
    /// How many slots each server has 10 s after these reports.
    fn reports(&mut self, of: [(f64, f64); 3]) -> [usize; 3] {
        self.now += Duration::from_secs(10);
        for (number, (load, errors)) in (1..).zip(of) {
            self.see(&format!("192.0.2.{number}"), report(load, errors));
        }
        Reader::new(&self.director).counts(0)
    }
}

#[test]
fn parts_follow_loads_and_errors_are_load() {
    let mut rig = Rig::new(balance());
    assert_eq!(Reader::new(&rig.director).counts(0), [342, 341, 341]);
    rig.reports([(50.0, 0.0); 3]);
    let even = rig.reports([(50.0, 0.0); 3]);
    // Nothing asked for is answered well, which costs nothing.
    let [erring, ..] = rig.reports([(0.0, 100.0), (50.0, 0.0), (50.0, 0.0)]);
    assert!(erring < even[0], "{erring} after {even:?}");
    let [idle, ..] = rig.reports([(0.0, 0.0), (50.0, 0.0), (50.0, 0.0)]);
    assert!(
        idle > erring && idle <= erring + 103,
        "{idle} after {erring}"
    );
}

#[test]
fn failed_probes_are_load_and_a_death_gives_all_away() {
    let mut rig = Rig::new(balance());
    rig.reports([(50.0, 0.0); 3]);
    let even = rig.reports([(50.0, 0.0); 3]);
    let before = Reader::new(&rig.director);
    let changes = rig.see("192.0.2.1", fail());
    let dead = before.after(changes, &rig.director);
    assert_eq!(dead.counts(0)[0], 0);
    assert_eq!(dead.moved(&before, 0), even[0]);
    // It is back, and was down: that counts for a while, so it gets nothing yet.
    assert_eq!(rig.reports([(45.0, 0.0), (50.0, 0.0), (50.0, 0.0)])[0], 0);
    let back = (0..20).map(|_| rig.reports([(45.0, 0.0), (50.0, 0.0), (50.0, 0.0)])[0]);
    assert!(back.last().unwrap() == 0, "within the tolerance");
    let first = rig.reports([(0.0, 0.0), (50.0, 0.0), (50.0, 0.0)])[0];
    assert!((1..=103).contains(&first), "{first}");
}
