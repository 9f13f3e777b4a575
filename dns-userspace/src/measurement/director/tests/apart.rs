//! Groups with measurements of their own.

use super::*;
use crate::{
    measurement::sample::Readings,
    model::{Command, PoolProbe, Steps},
};

/// A probe of `metric` for `groups`, for all where there are none.
fn measures(metric: Metric, groups: &[&str]) -> PoolProbe {
    let command = ProbeKind::Command(Command {
        program: "/bin/true".into(),
        arguments: vec![],
        metric: Some(metric),
    });
    PoolProbe {
        is_required: false,
        ..Probe {
            groups: groups.iter().copied().map(str::to_owned).collect(),
            smoothing: probe(1).smoothing,
            stale_after: Duration::from_mins(1),
            ..Probe::new(command)
        }
        .into()
    }
}

/// Two servers by their loss, which is measured for all, for g1, and for g2 and g3
/// together.
fn loss_pool() -> Pool {
    let servers = vec![server(1, false), server(2, false)];
    let of_groups = [&[][..], &["g1"], &["g2", "g3"]];
    let probes = of_groups.map(|groups| measures(Metric::Loss, groups));
    Pool {
        probes: [vec![probe(2).into()], probes.into()].concat(),
        ..pool(servers, Policy::least(Metric::Loss, Quantity(1_000)))
    }
}

/// Numbers of its probes.
const ALL: usize = 1;
const G1: usize = 2;
const G2_G3: usize = 3;

fn id(rig: &Rig, n: u8, number: usize) -> TargetId {
    let probe = &rig.director.plan().pools[0].probes[number].probe;
    let id = rig.director.targets().id(v4(n), &Arc::new(probe.clone()));
    id.expect("a target")
}

/// A sample of the probe `number` of server `n`.
fn loses(rig: &mut Rig, n: u8, number: usize, percent: f64) -> Vec<Change> {
    let readings = Readings::of(Metric::Loss, percent);
    rig.take(id(rig, n, number), Verdict::Pass { readings })
}

/// One of six groups, the last of which has no measurements.
fn rig() -> Rig {
    let mut rig = Rig::new(plan(vec![loss_pool()], 6), 40);
    for number in [ALL, G1, G2_G3] {
        for n in [1, 2] {
            loses(&mut rig, n, number, 0.0);
        }
    }
    rig
}

fn orders(rig: &Rig) -> Vec<Vec<u8>> {
    let rankings = rig.director.decisions().next().expect("a pool").rankings;
    let orders = rankings.iter().map(|ranking| ranking.iter().collect());
    orders.collect()
}

/// The groups that `changes` send elsewhere.
#[track_caller]
fn moved(changes: &[Change], order: &[u8]) -> Vec<u16> {
    let group = |change: &Change| match change {
        Change::Ranking {
            pool: 0,
            group,
            word,
        } if *word == Ranking::new(order) => *group,
        _ => panic!("{change:?}"),
    };
    changes.iter().map(group).collect()
}

#[test]
fn what_is_so_for_one_group_moves_that_one_alone() {
    let mut rig = rig();
    let changes = loses(&mut rig, 1, G1, 40.0);
    assert_eq!(moved(&changes, &[1, 0]), [1]);
    let changes = loses(&mut rig, 1, G2_G3, 40.0);
    assert_eq!(moved(&changes, &[1, 0]), [2, 3]);
    // And what is so for all is nothing to those who know better.
    let changes = loses(&mut rig, 2, ALL, 40.0);
    assert_eq!(changes, []);
    let changes = loses(&mut rig, 1, ALL, 80.0);
    assert_eq!(moved(&changes, &[1, 0]), [0, 4, 5]);
    // Back again, one without the other.
    let changes = loses(&mut rig, 2, G1, 80.0);
    assert_eq!(moved(&changes, &[0, 1]), [1]);
    let changes = loses(&mut rig, 2, ALL, 100.0);
    assert_eq!(moved(&changes, &[0, 1]), [0, 4, 5]);
    let [one, two] = [vec![0, 1], vec![1, 0]];
    let expected = [&one, &one, &two, &two, &one, &one];
    assert_eq!(orders(&rig).iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_group_that_knows_nothing_of_its_own_any_more_goes_by_what_is_so_for_all() {
    let mut rig = rig();
    loses(&mut rig, 1, G1, 40.0);
    rig.now += Duration::from_mins(2);
    // Of one server its own is known again: the other counts as it was.
    assert_eq!(loses(&mut rig, 2, G1, 0.0), []);
    assert_eq!(orders(&rig)[1], [1, 0]);
    rig.now += Duration::from_mins(2);
    let changes = loses(&mut rig, 1, ALL, 0.0);
    assert_eq!(changes, []);
    // Within the tolerance it keeps what it has.
    assert_eq!(orders(&rig)[1], [1, 0]);
    let changes = loses(&mut rig, 2, ALL, 40.0);
    let groups = moved(&changes, &[0, 1]);
    assert_eq!(groups, [1], "the others have been there all the time");
}

#[test]
fn what_a_group_does_not_know_counts_as_the_pool_says() {
    for (unknown, expected) in [
        (Unknown::Last, [0, 1]),
        (Unknown::Closed, [1, 0]),
        (Unknown::Open, [0, 1]),
    ] {
        let pool = Pool {
            unknown,
            ..loss_pool()
        };
        let mut rig = Rig::new(plan(vec![pool], 2), 50);
        // All others see the first one at its best.
        loses(&mut rig, 1, ALL, 0.0);
        loses(&mut rig, 2, ALL, 90.0);
        loses(&mut rig, 1, G1, 10.0);
        loses(&mut rig, 2, G1, 20.0);
        rig.now += Duration::from_mins(2);
        loses(&mut rig, 1, ALL, 0.0);
        loses(&mut rig, 2, ALL, 90.0);
        loses(&mut rig, 2, G1, 20.0);
        assert_eq!(orders(&rig), [vec![0, 1], expected.to_vec()], "{unknown:?}");
    }
}

#[test]
fn whoever_is_down_from_one_network_is_out_for_nobody_and_no_reason_to_suspect_this_host() {
    let mut rig = rig();
    for number in [G1, G2_G3] {
        for n in [1, 2] {
            for _ in 0..5 {
                assert_eq!(rig.take(id(&rig, n, number), fail()), []);
            }
        }
    }
    let states = rig.director.states(rig.now);
    assert_eq!(states.suspicion, None);
    let down = states
        .targets
        .iter()
        .filter(|of| of.address.state == State::Down);
    let groups: Vec<_> = down.map(|of| of.address.groups.join(" ")).collect();
    assert_eq!(groups, ["g1", "g1", "g2 g3", "g2 g3"]);
}

#[test]
fn what_is_well_from_other_networks_does_not_hide_that_this_host_is_cut_off() {
    let mut rig = rig();
    for (n, number) in [(1, 0), (1, ALL), (2, ALL)] {
        rig.take(id(&rig, n, number), fail());
    }
    let suspicion = rig
        .director
        .states(rig.now)
        .suspicion
        .expect("three of four");
    assert!(
        suspicion.reason.starts_with("3 of 4 targets"),
        "{suspicion:?}"
    );
}

#[test]
fn what_groups_have_of_their_own_adds_up_to_their_words() {
    let mut rig = rig();
    let mut rankings = BTreeMap::new();
    let mut apply = |change: Change| match change {
        Change::Ranking { group, word, .. } => drop(rankings.insert(group, word)),
        Change::Eligible { .. } | Change::Shares { .. } => {}
    };
    rig.director.words().for_each(&mut apply);
    let mut changed = 0;
    for step in 0..2_000_u64 {
        let scramble = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let (n, number) = ((scramble % 2) as u8 + 1, (scramble / 2 % 3) as usize + 1);
        if scramble % 101 == 0 {
            rig.now += Duration::from_mins(2);
        }
        let percent = f64::from((scramble / 6 % 100) as u8);
        let changes = loses(&mut rig, n, number, percent);
        let mut words: Vec<_> = changes.iter().map(|change| format!("{change:?}")).collect();
        words.dedup();
        assert_eq!(words.len(), changes.len());
        changed += changes.len();
        changes.into_iter().for_each(&mut apply);
    }
    assert!(changed > 100, "{changed}");
    for change in rig.director.words() {
        if let Change::Ranking { group, word, .. } = change {
            assert_eq!(rankings[&group], word, "{group}");
        }
    }
}

#[test]
fn a_reload_keeps_what_a_group_has_whatever_its_number_is_then() {
    let mut rig = rig();
    loses(&mut rig, 1, G1, 40.0);
    for _ in 0..50 {
        loses(&mut rig, 1, G1, 0.5);
    }
    // Nothing but what was before keeps the second server first.
    assert_eq!(orders(&rig)[1], [1, 0]);
    let mut other = plan(vec![loss_pool()], 6);
    other.groups.names.swap(1, 5);
    let mut next = Director::new(other, 50, Instant::now());
    next.carry_over(&rig.director, rig.now);
    rig.director = next;
    let [one, two] = [vec![0, 1], vec![1, 0]];
    let expected = [&one, &one, &one, &one, &one, &two];
    assert_eq!(orders(&rig).iter().collect::<Vec<_>>(), expected);
}

#[test]
fn explain_shows_a_group_what_is_measured_for_it() {
    let mut rig = rig();
    for _ in 0..120 {
        loses(&mut rig, 1, G1, 40.0);
        loses(&mut rig, 1, ALL, 5.0);
    }
    let losses = |group| {
        let explained = rig.director.explain(0, group, 0, rig.now).expect("a pool");
        let losses = explained
            .candidates
            .iter()
            .map(|candidate| candidate.measured[&Metric::Loss]);
        let addresses = explained.candidates[0].addresses.len();
        (explained.own, losses.collect::<Vec<_>>(), addresses)
    };
    let own = BTreeSet::from([Metric::Loss]);
    assert_eq!(losses(1), (own, vec![0.0, 40.0], 3));
    assert_eq!(losses(5), (BTreeSet::new(), vec![0.0, 5.0], 2));
}

#[test]
fn each_group_has_its_own_side_of_a_level() {
    let threshold = crate::model::Threshold {
        metric: Metric::Loss,
        level: crate::model::Level::Set(Quantity(5_000)),
        return_band: Quantity::default(),
        hold: Duration::from_secs(40),
        steps: Steps {
            percent: 25,
            every: Duration::from_secs(20),
        },
        origins: vec![0],
        over: vec![1],
    };
    let pool = Pool {
        policy: Policy::Threshold(threshold),
        ..loss_pool()
    };
    let mut rig = Rig::new(plan(vec![pool], 3), 50);
    for number in [ALL, G1] {
        loses(&mut rig, 1, number, 0.0);
    }
    rig.now += Duration::from_secs(41);
    // Its own way at once, whatever shares say of the others.
    let changes = loses(&mut rig, 1, G1, 80.0);
    let word = Ranking::new(&[1, 0]).undivided();
    let ranking = Change::Ranking {
        pool: 0,
        group: 1,
        word,
    };
    assert_eq!(changes, [ranking]);
    let why = |rig: &Rig, group| {
        let explained = rig.director.explain(0, group, 0, rig.now).expect("a pool");
        let mut origins = explained.candidates.into_iter();
        let origin = origins.find(|candidate| candidate.server == "s1");
        origin.expect("s1").why
    };
    assert!(why(&rig, 1).contains("at the level or worse for 0.0 s"));
    assert!(why(&rig, 2).contains("better than the level for"));
    // The others by steps, which say nothing of it.
    let changes = loses(&mut rig, 1, ALL, 80.0);
    assert!(!changes.contains(&ranking), "{changes:?}");
    let decisions = rig.director.decisions().next().expect("a pool");
    assert!(decisions.eligible.is_shared());
    assert_eq!(decisions.rankings[1], word);
    assert_eq!(decisions.rankings[0], Ranking::new(&[0, 1]));
}
