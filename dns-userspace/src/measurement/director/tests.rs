use std::{collections::BTreeMap, net::IpAddr};

use dns_common::decision::{ALL_CANDIDATES, Family, pick};

use super::{explain::Outcome, *};
use crate::{
    authority::testing::name,
    measurement::{
        metric::Metric,
        sample::{Reason, Vantage},
    },
    model::{
        AllDown, Groups, HandOver, HealthRules, Policy, Pool, Probe, ProbeKind, Quantity, Server,
        Smoothing, Unknown, Way,
    },
};

/// A server with addresses `192.0.2.n` and, if `dual`, `2001:db8::n`.
fn server(n: u8, dual: bool) -> Server {
    Server {
        name: format!("s{n}"),
        v4: vec![[192, 0, 2, n].into()],
        v6: if dual {
            vec![format!("2001:db8::{n}").parse().unwrap()]
        } else {
            vec![]
        },
        cost: Quantity::default(),
    }
}

fn probe(down_after: u32) -> Probe {
    Probe {
        up_after: 1,
        down_after,
        smoothing: Smoothing::Mean {
            weight_permille: 125,
        },
        ..Probe::new(ProbeKind::Tcp { port: 80 })
    }
}

fn pool(servers: Vec<Server>, policy: Policy) -> Pool {
    Pool {
        servers,
        hand_overs: Vec::new(),
        policy,
        probes: vec![probe(2).into()],
        unknown: Unknown::Last,
        answers: 1,
        ttls: Vec::new(),
        all_down: AllDown::All,
        capacity: None,
        health: HealthRules::default(),
    }
}

fn latency() -> Policy {
    Policy::least(Metric::ConnectTime, Quantity(5_000))
}

fn failover(count: u8) -> Policy {
    Policy::Failover {
        order: (0..count).collect(),
        by_group: BTreeMap::from([("g1".to_owned(), (0..count).rev().collect())]),
    }
}

fn plan(pools: Vec<Pool>, groups: usize) -> Plan {
    let mut names = Groups::default().names;
    names.extend((1..groups).map(|n| format!("g{n}")));
    Plan {
        pools,
        services: vec![],
        groups: Groups {
            names,
            ..Groups::default()
        },
    }
}

fn v4(n: u8) -> IpAddr {
    [192, 0, 2, n].into()
}

/// A director and the clock of its samples.
struct Rig {
    director: Director,
    now: Instant,
    /// Time between samples.
    apart: Duration,
}

impl Rig {
    fn new(plan: Plan, suspect_percent: u8) -> Self {
        Self {
            director: Director::new(plan, suspect_percent, Instant::now()),
            now: Instant::now(),
            apart: Duration::from_millis(10),
        }
    }

    /// One in which every target has passed in 10 ms.
    fn passing(plan: Plan, suspect_percent: u8) -> Self {
        let mut rig = Self::new(plan, suspect_percent);
        let targets: Vec<TargetId> = rig.director.targets().iter().map(|t| t.id).collect();
        for target in targets {
            rig.take(target, pass(10));
        }
        rig
    }

    fn sample(&mut self, target: TargetId, verdict: Verdict) -> Sample {
        self.now += self.apart;
        Sample {
            target,
            at: self.now,
            taken_from: self.vantage(target),
            verdict,
        }
    }

    fn vantage(&self, target: TargetId) -> Vantage {
        let target = self.director.targets().get(target);
        target.map_or(Vantage::Host, |target| Vantage::of(&target.probe))
    }

    fn take(&mut self, target: TargetId, verdict: Verdict) -> Vec<Change> {
        let sample = self.sample(target, verdict);
        self.director.observe(&sample)
    }

    fn id(&self, address: IpAddr) -> TargetId {
        let mut known = self.director.targets().iter();
        known.find(|target| target.address == address).unwrap().id
    }

    fn see(&mut self, address: IpAddr, verdict: Verdict) -> Vec<Change> {
        self.take(self.id(address), verdict)
    }

    /// A first round of samples of `192.0.2.n`.
    fn first_round(&mut self, verdicts: &[(u8, Verdict)]) {
        let sample = |(n, verdict): &(u8, Verdict)| self.sample(self.id(v4(*n)), verdict.clone());
        let samples: Vec<Sample> = verdicts.iter().map(sample).collect();
        self.director.observe_first_round(&samples);
    }

    fn state(&self, address: IpAddr) -> State {
        let states = self.director.states(self.now).targets;
        let found = states.iter().find(|t| t.address.address == address);
        found.unwrap().address.state
    }
}

fn pass(ms: u64) -> Verdict {
    Verdict::timed(Metric::ConnectTime, Duration::from_millis(ms))
}

fn fail() -> Verdict {
    let reason = Reason::Refused;
    Verdict::Fail { reason }
}

#[test]
fn a_death_in_a_pool_with_4096_groups_is_one_change() {
    for policy in [latency(), failover(3)] {
        let servers = (1..=3).map(|n| server(n, false)).collect();
        let mut rig = Rig::passing(plan(vec![pool(servers, policy)], 4096), 50);
        assert_eq!(rig.see(v4(1), fail()), []);
        let word = Eligible::new(0b110, 0, false);
        assert_eq!(rig.see(v4(1), fail()), [Change::Eligible { pool: 0, word }]);
        assert_eq!(rig.see(v4(1), fail()), []);
        let word = Eligible::new(0b111, 0, false);
        assert_eq!(
            rig.see(v4(1), pass(10)),
            [Change::Eligible { pool: 0, word }]
        );
    }
}

#[test]
fn a_shared_server_moves_every_pool_that_uses_it_and_no_other() {
    let pools = vec![
        pool(vec![server(1, false), server(2, false)], latency()),
        pool(vec![server(3, false), server(2, false)], failover(2)),
        pool(vec![server(3, false), server(4, false)], latency()),
    ];
    let mut rig = Rig::passing(plan(pools, 2), 100);
    rig.see(v4(2), fail());
    let word = Eligible::new(0b01, 0, false);
    assert_eq!(
        rig.see(v4(2), fail()),
        [
            Change::Eligible { pool: 0, word },
            Change::Eligible { pool: 1, word }
        ]
    );
}

#[test]
fn a_new_order_changes_every_group_and_the_same_order_none() {
    let servers = vec![server(1, false), server(2, false)];
    let mut rig = Rig::passing(plan(vec![pool(servers, latency())], 3), 50);
    assert_eq!(rig.see(v4(1), pass(11)), []);
    let changes = rig.see(v4(1), pass(100));
    let word = Ranking::new(&[1, 0]);
    let expected: Vec<Change> = (0..3)
        .map(|group| Change::Ranking {
            pool: 0,
            group,
            word,
        })
        .collect();
    assert_eq!(changes, expected);
    assert_eq!(rig.see(v4(1), pass(100)), []);
}

#[test]
fn a_candidate_is_ranked_by_its_slowest_address_dead_or_alive() {
    let servers = vec![server(1, true), server(2, false)];
    let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), 100);
    rig.see(v4(2), pass(20));
    rig.see(v4(1), pass(10));
    let word = Ranking::new(&[1, 0]);
    let reordered = Change::Ranking {
        pool: 0,
        group: 0,
        word,
    };
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(rig.see(v6, pass(90)), [reordered]);
    assert_eq!(rig.see(v6, fail()), []);
    // Server 1 alone has IPv6, so nobody is whole and its IPv4 stays.
    let word = Eligible::new(0b11, 0, true);
    assert_eq!(rig.see(v6, fail()), [Change::Eligible { pool: 0, word }]);
    assert!(rig.director.words().any(|change| change == reordered));
}

#[test]
fn words_are_what_all_changes_add_up_to() {
    let pools = vec![
        pool(vec![server(1, true), server(2, true)], latency()),
        pool(vec![server(1, true), server(3, false)], failover(2)),
    ];
    let mut rig = Rig::new(plan(pools, 3), 100);
    let mut eligible = BTreeMap::new();
    let mut rankings = BTreeMap::new();
    let mut apply = |change: Change| match change {
        Change::Eligible { pool, word } => drop(eligible.insert(pool, word.0)),
        Change::Ranking { pool, group, word } => drop(rankings.insert((pool, group), word.0)),
        Change::Shares { .. } => panic!("{change:?}: nothing is shared"),
    };
    rig.director.words().for_each(&mut apply);
    // A fixed scramble of passes and failures of all targets.
    for step in 0..400_u64 {
        let scramble = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let target = TargetId((scramble % 5) as u32);
        let failing = scramble / 5 % 3 == 0;
        let verdict = if failing { fail() } else { pass(scramble % 97) };
        rig.take(target, verdict).into_iter().for_each(&mut apply);
    }
    for change in rig.director.words() {
        match change {
            Change::Eligible { pool, word } => assert_eq!(eligible[&pool], word.0),
            Change::Ranking { pool, group, word } => {
                assert_eq!(rankings[&(pool, group)], word.0);
            }
            Change::Shares { .. } => panic!("{change:?}: nothing is shared"),
        }
    }
    let own = Change::Ranking {
        pool: 1,
        group: 1,
        word: Ranking::new(&[1, 0]),
    };
    assert!(rig.director.words().any(|change| change == own));
}

#[test]
fn the_last_of_all_group_numbers_has_its_word() {
    let pools = vec![pool(vec![server(1, false)], latency())];
    let rig = Rig::new(plan(pools, 1 << 16), 100);
    let last = Change::Ranking {
        pool: 0,
        group: u16::MAX,
        word: Ranking::new(&[0]),
    };
    assert_eq!(rig.director.words().last(), Some(last));
}

#[test]
fn everything_counts_as_up_before_the_first_sample() {
    let servers = vec![server(1, true), server(2, false)];
    let rig = Rig::new(plan(vec![pool(servers, latency())], 1), 50);
    let words: Vec<Change> = rig.director.words().collect();
    let eligible = Eligible::new(0b11, 0b01, false);
    assert_eq!(
        words[0],
        Change::Eligible {
            pool: 0,
            word: eligible
        }
    );
    let mut targets = rig.director.targets().iter();
    assert!(targets.all(|target| rig.director.last_sample(target).is_none()));
}

#[test]
fn when_most_fail_at_once_nothing_goes_down_until_few_fail() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::passing(plan(vec![pool(servers, latency())], 2), 50);
    for _ in 0..5 {
        for n in 1..=4 {
            assert_eq!(rig.see(v4(n), fail()), []);
        }
    }
    let suspicion = rig.director.states(rig.now).suspicion.unwrap();
    assert!(suspicion.reason.starts_with("4 of 4 targets"));
    assert_eq!(rig.see(v4(3), pass(10)), []);
    // At two of four it ends. Nobody is down by failures of the time before,
    // but whoever fails once more is.
    assert_eq!(rig.see(v4(4), pass(10)), []);
    assert_eq!(rig.director.states(rig.now).suspicion, None);
    let word = Eligible::new(0b1110, 0, false);
    assert_eq!(rig.see(v4(1), fail()), [Change::Eligible { pool: 0, word }]);
    assert_eq!(rig.see(v4(2), pass(10)), []);
    assert_eq!(rig.state(v4(2)), State::Up);
}

#[test]
fn a_reload_that_ends_a_suspicion_takes_nobody_down_without_a_sample() {
    let servers: Vec<Server> = (1..=4).map(|n| server(n, false)).collect();
    let all = pool(servers.clone(), latency());
    let mut rig = Rig::passing(plan(vec![all], 1), 50);
    for _ in 0..5 {
        for n in 1..=4 {
            rig.see(v4(n), fail());
        }
    }
    // Two failing targets are too few to suspect anything.
    let fewer = pool(servers[..2].to_vec(), latency());
    let mut next = Director::new(plan(vec![fewer], 1), 50, Instant::now());
    next.carry_over(&rig.director, rig.now);
    rig.director = next;
    assert_eq!(rig.director.states(rig.now).suspicion, None);
    assert_eq!([1, 2].map(|n| rig.state(v4(n))), [State::Up; 2]);
    let word = Eligible::new(0b10, 0, false);
    assert_eq!(rig.see(v4(1), fail()), [Change::Eligible { pool: 0, word }]);
}

#[test]
fn what_was_never_measured_counts_as_up_when_it_fails_first() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), 50);
    for _ in 0..3 {
        for n in 1..=4 {
            assert_eq!(rig.see(v4(n), fail()), []);
        }
    }
    assert!(rig.director.states(rig.now).suspicion.is_some());
    assert_eq!([1, 2, 3, 4].map(|n| rig.state(v4(n))), [State::Unknown; 4]);
}

#[test]
fn what_has_been_down_raises_no_suspicion() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), 50);
    rig.first_round(&[(1, fail()), (2, fail()), (3, pass(10)), (4, pass(10))]);
    rig.now += Duration::from_mins(1);
    for n in 1..=3 {
        rig.see(v4(n), fail());
    }
    assert_eq!(rig.director.states(rig.now).suspicion, None);
}

#[test]
fn a_first_round_in_which_few_fail_decides_at_once() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), 50);
    rig.first_round(&[(1, fail()), (2, pass(90)), (3, pass(10)), (4, fail())]);
    let states = [1, 2, 3, 4].map(|n| rig.state(v4(n)));
    assert_eq!(states, [State::Down, State::Up, State::Up, State::Down]);
    assert_eq!(rig.director.states(rig.now).suspicion, None);
    let expected = [
        Change::Eligible {
            pool: 0,
            word: Eligible::new(0b0110, 0, false),
        },
        Change::Ranking {
            pool: 0,
            group: 0,
            word: Ranking::new(&[2, 1, 0, 3]),
        },
    ];
    assert!(rig.director.words().eq(expected));
}

#[test]
fn a_first_round_in_which_most_fail_takes_nothing_down() {
    use State::{Down, Unknown, Up};
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), 50);
    // In whatever order they come.
    rig.first_round(&[(1, fail()), (2, fail()), (3, fail()), (4, pass(10))]);
    let states = [1, 2, 3, 4].map(|n| rig.state(v4(n)));
    assert_eq!(states, [Unknown, Unknown, Unknown, Up]);
    let suspicion = rig.director.states(rig.now).suspicion.unwrap();
    assert!(suspicion.reason.starts_with("3 of 4 targets fail together"));
    let all = Eligible::new(0b1111, 0, false);
    let is_all = |change| matches!(change, Change::Eligible { word, .. } if word == all);
    assert!(rig.director.words().any(is_all));
    for _ in 0..5 {
        for n in 1..=3 {
            assert_eq!(rig.see(v4(n), fail()), []);
        }
    }
    // Two failing are too few: it ends, and who fails on goes down.
    rig.see(v4(2), pass(10));
    assert_eq!(rig.director.states(rig.now).suspicion, None);
    let word = Eligible::new(0b1110, 0, false);
    assert_eq!(rig.see(v4(1), fail()), [Change::Eligible { pool: 0, word }]);
    let states = [1, 2, 3, 4].map(|n| rig.state(v4(n)));
    assert_eq!(states, [Down, Up, Unknown, Up]);
}

#[test]
fn a_first_round_longer_than_a_window_is_still_one() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), 50);
    rig.apart = Duration::from_mins(1);
    rig.first_round(&[(1, fail()), (2, fail()), (3, fail()), (4, fail())]);
    assert!(rig.director.states(rig.now).suspicion.is_some());
    assert_eq!([1, 2, 3, 4].map(|n| rig.state(v4(n))), [State::Unknown; 4]);
}

#[test]
fn what_comes_too_late_for_the_first_round_is_suspected_as_well() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), 50);
    rig.first_round(&[]);
    for _ in 0..4 {
        for n in 1..=4 {
            assert_eq!(rig.see(v4(n), fail()), []);
        }
    }
    assert!(rig.director.states(rig.now).suspicion.is_some());
}

#[test]
fn two_targets_or_one_hundred_percent_are_never_suspected_in_a_first_round() {
    for (count, percent) in [(2, 50), (4, 100)] {
        let servers = (1..=count).map(|n| server(n, false)).collect();
        let mut rig = Rig::new(plan(vec![pool(servers, latency())], 1), percent);
        let samples: Vec<(u8, Verdict)> = (1..=count).map(|n| (n, fail())).collect();
        rig.first_round(&samples);
        assert!((1..=count).all(|n| rig.state(v4(n)) == State::Down));
    }
}

#[test]
fn new_targets_of_a_reload_are_judged_among_all() {
    let servers: Vec<Server> = (1..=6).map(|n| server(n, false)).collect();
    let before = pool(servers[..3].to_vec(), latency());
    let mut rig = Rig::passing(plan(vec![before], 1), 50);
    let mut next = Director::new(plan(vec![pool(servers, latency())], 1), 50, Instant::now());
    next.carry_over(&rig.director, rig.now);
    rig.director = next;
    rig.first_round(&[(4, fail()), (5, fail()), (6, fail())]);
    // Three of six are not more than half.
    assert_eq!([4, 5, 6].map(|n| rig.state(v4(n))), [State::Down; 3]);
    assert_eq!([1, 2, 3].map(|n| rig.state(v4(n))), [State::Up; 3]);
}

#[test]
fn without_suspicion_all_may_go_down() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut rig = Rig::passing(plan(vec![pool(servers, latency())], 1), 50);
    for _ in 0..2 {
        for n in 1..=4 {
            rig.see(v4(n), fail());
        }
    }
    let changes = rig.director.set_suspect_percent(100, rig.now);
    let word = Eligible::new(0, 0, true);
    assert_eq!(changes, [Change::Eligible { pool: 0, word }]);
    let picked = pick(Ranking::new(&[0, 1, 2, 3]), word, Family::V4);
    assert_eq!(picked, Some(ALL_CANDIDATES));
}

#[test]
fn with_down_after_1_the_first_to_fail_are_down_before_it_is_known() {
    let servers = (1..=4).map(|n| server(n, false)).collect();
    let mut pool = pool(servers, latency());
    pool.probes = vec![probe(1).into()];
    let mut rig = Rig::passing(plan(vec![pool], 1), 50);
    for n in 1..=4 {
        rig.see(v4(n), fail());
    }
    let states = [1, 2, 3, 4].map(|n| rig.state(v4(n)));
    assert_eq!(states, [State::Down, State::Down, State::Up, State::Up]);
}

#[test]
fn a_reload_keeps_the_health_of_targets_that_stay() {
    let before = pool(vec![server(1, false), server(2, false)], latency());
    let mut rig = Rig::passing(plan(vec![before.clone()], 2), 50);
    rig.see(v4(1), fail());
    rig.see(v4(1), fail());
    rig.see(v4(2), pass(50));

    let more = pool(vec![server(3, false), server(1, false)], latency());
    let mut next = Director::new(plan(vec![more, before], 2), 50, Instant::now());
    next.carry_over(&rig.director, rig.now);
    let unknown = |target: &&Target| rig.director.last_sample(target).is_none();
    let new = next.targets().iter().filter(unknown);
    assert_eq!(new.map(|t| t.address).collect::<Vec<_>>(), [v4(3)]);
    let words: Vec<Change> = next.words().collect();
    let masks: Vec<Eligible> = words
        .iter()
        .filter_map(|change| match change {
            Change::Eligible { word, .. } => Some(*word),
            Change::Ranking { .. } | Change::Shares { .. } => None,
        })
        .collect();
    assert_eq!(
        masks,
        [Eligible::new(0b01, 0, false), Eligible::new(0b10, 0, false)]
    );
    // Pool 0 has its measured server first, though it is second by number.
    assert!(words.contains(&Change::Ranking {
        pool: 0,
        group: 1,
        word: Ranking::new(&[1, 0])
    }));
}

#[test]
fn what_is_seen_while_a_reload_is_built_counts_in_the_next_one() {
    let before = pool(vec![server(1, false), server(2, false)], latency());
    let mut rig = Rig::passing(plan(vec![before], 1), 100);
    let after = pool(vec![server(3, false), server(2, false)], latency());
    let mut next = Director::new(plan(vec![after], 1), 100, Instant::now());
    next.carry_over(&rig.director, rig.now);
    let changes = [1, 2, 1, 2].map(|n| {
        let sample = rig.sample(rig.id(v4(n)), fail());
        next.observe_of(&rig.director, &sample)
    });
    // Server 1 has the number of server 3, which is none of its business.
    let word = Eligible::new(0b01, 0, false);
    let [.., last] = &changes;
    assert_eq!(*last, [Change::Eligible { pool: 0, word }]);
    assert!(changes[..3].iter().all(Vec::is_empty), "{changes:?}");
}

#[test]
fn a_reload_keeps_a_running_suspicion_and_an_order_within_tolerance() {
    let servers: Vec<Server> = (1..=3).map(|n| server(n, false)).collect();
    let kept = pool(servers, latency());
    let mut rig = Rig::passing(plan(vec![kept.clone()], 1), 50);
    // Server 1 becomes worse by less than the tolerance: the order stays.
    rig.see(v4(1), pass(30));
    for n in 1..=3 {
        rig.see(v4(n), fail());
    }
    let mut next = Director::new(plan(vec![kept], 1), 50, Instant::now());
    next.carry_over(&rig.director, rig.now);
    assert!(next.states(rig.now).suspicion.is_some());
    assert!(next.words().eq(rig.director.words()));
}

#[test]
fn a_sample_of_a_target_beyond_the_plan_changes_nothing() {
    let mut rig = Rig::new(plan(vec![pool(vec![server(1, false)], latency())], 1), 50);
    assert_eq!(rig.take(TargetId(7), fail()), []);
}

#[test]
fn a_local_failure_is_shown_and_changes_nothing() {
    let mut rig = Rig::passing(plan(vec![pool(vec![server(1, false)], latency())], 1), 50);
    for _ in 0..9 {
        let error = "socket: Too many open files (os error 24)".to_owned();
        assert_eq!(rig.see(v4(1), Verdict::Local { error }), []);
    }
    let status = &rig.director.states(rig.now).targets[0];
    assert_eq!(status.address.state, State::Up);
    assert_eq!(status.address.local_failures, 9);
}

#[test]
fn explain_says_who_won_and_why_the_others_did_not() {
    let servers = vec![server(1, true), server(2, true), server(3, false)];
    let mut pool = pool(servers, failover(3));
    pool.probes = vec![probe(1).into()];
    let mut rig = Rig::passing(plan(vec![pool], 2), 100);
    rig.see("2001:db8::1".parse().unwrap(), fail());

    let explained = rig.director.explain(0, 0, 0, rig.now).unwrap();
    assert_eq!(explained.group, "default");
    assert_eq!(explained.a, Outcome::Server("s2".to_owned()));
    assert_eq!(explained.aaaa, Outcome::Server("s2".to_owned()));
    let why: Vec<&str> = explained
        .candidates
        .iter()
        .map(|c| c.why.as_str())
        .collect();
    assert_eq!(
        why,
        [
            "A: left out because its other family is down, and another server is fit in both; \
             AAAA: 2001:db8::1 is down (connection refused), so another is used",
            "A: chosen: the first usable, at position 2; \
             AAAA: chosen: the first usable, at position 2",
            "A: usable, but s2 stands before it; AAAA: it has no such address; \
             s2 comes before it in the configured order",
        ]
    );
    let own_order = rig.director.explain(0, 1, 0, rig.now).unwrap();
    assert_eq!(own_order.a, Outcome::Server("s3".to_owned()));
    assert_eq!(own_order.aaaa, Outcome::Server("s2".to_owned()));
    assert_eq!(own_order.candidates[0].position, 1);

    assert_eq!(rig.director.explain(1, 0, 0, rig.now), None);
    assert_eq!(rig.director.explain(0, 2, 0, rig.now), None);
}

/// `s1`, and two hand-overs: one measured at `192.0.2.8` and `2001:db8::8`, one not.
fn pool_that_hands_over() -> Pool {
    let over = |label: &str, probe_addresses| HandOver {
        name: label.to_owned(),
        to: Way::Cname(name(&format!("{label}.example.net."))),
        probe_addresses,
        cost: Quantity::default(),
    };
    let mut pool = pool(vec![server(1, false)], failover(3));
    pool.hand_overs = vec![
        over("fast", vec![v4(8), "2001:db8::8".parse().unwrap()]),
        over("wide", vec![]),
    ];
    pool.probes[0].probe.down_after = 1;
    pool
}

#[test]
fn a_hand_over_is_fit_for_both_families_or_none() {
    let mut rig = Rig::passing(plan(vec![pool_that_hands_over()], 1), 100);
    let words = |rig: &Rig| rig.director.decisions().next().unwrap().eligible;
    // The server's other family goes with the one it has.
    assert_eq!(words(&rig), Eligible::new(0b111, 0b111, false));
    rig.see("2001:db8::8".parse().unwrap(), fail());
    assert_eq!(words(&rig), Eligible::new(0b101, 0b101, false));
    rig.see(v4(1), fail());
    assert_eq!(words(&rig), Eligible::new(0b100, 0b100, false));
    rig.see("2001:db8::8".parse().unwrap(), pass(10));
    assert_eq!(words(&rig), Eligible::new(0b110, 0b110, false));
}

#[test]
fn nobody_is_handed_over_to_a_sick_cdn_even_where_nobody_is_fit() {
    let servers = 0b01;
    for (all_down, word) in [
        (AllDown::All, Eligible::new(0, 0, true)),
        (AllDown::First, Eligible::new(servers, servers, false)),
        (AllDown::Servfail, Eligible::new(0, 0, false)),
    ] {
        let mut pool = pool_that_hands_over();
        pool.hand_overs.truncate(1);
        pool.policy = failover(2);
        pool.all_down = all_down;
        let mut rig = Rig::passing(plan(vec![pool], 1), 100);
        rig.see(v4(8), fail());
        rig.see(v4(1), fail());
        assert_eq!(rig.director.decisions().next().unwrap().eligible, word);
    }
}

#[test]
fn a_hand_over_is_ranked_by_its_slowest_address_and_last_without_one() {
    let mut pool = pool_that_hands_over();
    pool.policy = latency();
    let mut rig = Rig::passing(plan(vec![pool], 1), 100);
    let order = |rig: &Rig| rig.director.decisions().next().unwrap().rankings[0];
    assert_eq!(order(&rig), Ranking::new(&[0, 1, 2]));
    for _ in 0..50 {
        rig.see(v4(1), pass(50));
    }
    assert_eq!(order(&rig), Ranking::new(&[1, 0, 2]));
    for _ in 0..50 {
        rig.see(v4(8), pass(100));
    }
    assert_eq!(order(&rig), Ranking::new(&[0, 1, 2]));
}

#[test]
fn explain_and_states_tell_hand_overs_from_servers() {
    let mut rig = Rig::passing(plan(vec![pool_that_hands_over()], 2), 100);
    let why = |rig: &Rig, group| -> Vec<String> {
        let explained = rig.director.explain(0, group, 0, rig.now).unwrap();
        let candidates = explained.candidates.into_iter();
        candidates.map(|candidate| candidate.why).collect()
    };
    let explained = rig.director.explain(0, 0, 0, rig.now).unwrap();
    assert_eq!(explained.a, Outcome::Server("s1".to_owned()));
    assert_eq!(explained.aaaa, Outcome::NoData);
    assert_eq!(
        why(&rig, 0),
        [
            "A: chosen: first in the ranking; AAAA: it has no such address",
            "usable, but s1 stands before it; s1 comes before it in the configured order",
            "usable, but s1 stands before it; s1 comes before it in the configured order",
        ]
    );
    let ways: Vec<_> = explained
        .candidates
        .iter()
        .map(|c| c.hand_over.as_deref())
        .collect();
    let fast = Some("CNAME fast.example.net.");
    assert_eq!(ways, [None, fast, Some("CNAME wide.example.net.")]);

    rig.see(v4(1), fail());
    rig.see(v4(8), fail());
    let explained = rig.director.explain(0, 0, 0, rig.now).unwrap();
    for outcome in [explained.a, explained.aaaa] {
        assert_eq!(outcome, Outcome::HandOver("wide".to_owned()));
    }
    assert_eq!(
        why(&rig, 0),
        [
            "A: 192.0.2.1 is down (connection refused), so another is used; \
             AAAA: it has no such address",
            "192.0.2.8 is down (connection refused), so nobody is handed over",
            "chosen: the first usable, at position 3",
        ]
    );
    assert_eq!(why(&rig, 1)[0], "chosen: first in the ranking");

    let states = rig.director.states(rig.now);
    let used_by = |address| {
        let mut targets = states.targets.iter();
        let target = targets.find(|target| target.address.address == address);
        target.unwrap().used_by.clone()
    };
    assert_eq!(used_by(v4(1))[0].hand_over, None);
    assert_eq!(used_by(v4(8))[0].hand_over.as_deref(), fast);
    let unmeasured: Vec<_> = states.unmeasured.iter().map(|user| &user.server).collect();
    assert_eq!(unmeasured, ["wide"]);
}

#[test]
fn snapshots_survive_json() {
    let mut rig = Rig::passing(plan(vec![pool(vec![server(1, true)], latency())], 1), 100);
    rig.see(v4(1), fail());
    let states = rig.director.states(rig.now);
    let json = serde_json::to_string(&states).unwrap();
    assert!(
        json.contains(r#""address":"192.0.2.1","probe":"tcp port 80","groups":[],"state":"up""#)
    );
    assert_eq!(
        serde_json::from_str::<states::States>(&json).unwrap(),
        states
    );
    let explained = rig.director.explain(0, 0, 0, rig.now).unwrap();
    let json = serde_json::to_string(&explained).unwrap();
    assert!(json.contains(r#""a":{"server":"s1"}"#), "{json}");
    assert_eq!(
        serde_json::from_str::<explain::Explanation>(&json).unwrap(),
        explained
    );
}

mod apart;
mod filled;
mod probes;
