//! A server's death is one store, however many groups there are.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use dns_common::decision::{Eligible, Ranking};
use tokio::time::Instant;
use veer::{
    measurement::{
        director::{Change, Director},
        metric::Metric,
        sample::{Reason, Sample, Vantage, Verdict},
        schedule::TargetId,
    },
    model::{
        AllDown, Groups, HealthRules, Plan, Policy, Pool, Probe, ProbeKind, Quantity, Server,
        Unknown,
    },
    tables::{Addresses, Capacity, ImageBuilder, ResolverFlags, RowData, Slot, Tables},
};

use crate::{
    rig::{Counted, Rig},
    wire::{A, Answer, Datagram, Question, name},
    world::{SECRETS, V4, WWW, slot},
};

const GROUPS: u16 = 4096;
const SERVERS: u8 = 3;
const CAPACITY: Capacity = Capacity {
    names: 16,
    groups: GROUPS as u32,
    pools: 2,
    answer_cells: 64,
    chunks: 1,
    services: 1,
    rate_buckets: 1,
};

/// A resolver in `group`: group n is 10.x.y.0/24, n being x and y.
fn resolver(group: u16) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0007 | u32::from(group) << 8)
}

fn prefixes() -> Vec<(ipnet::IpNet, u16)> {
    let prefix = |group| ipnet::Ipv4Net::new_assert(resolver(group), 24).trunc();
    (0..GROUPS)
        .map(|group| (prefix(group).into(), group))
        .collect()
}

fn address(server: u8) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, server)
}

fn answer(servers: &[u8]) -> Answer {
    Answer {
        alias: None,
        addresses: servers
            .iter()
            .map(|server| address(*server).into())
            .collect(),
        ttl: 30,
    }
}

/// Publishes one service with one pool that says `eligible` and `rankings`.
fn publish(tables: &Tables, eligible: Eligible, rankings: &[Ranking]) {
    let number = tables.generation_number() + 1;
    let mut builder = ImageBuilder::new(tables, number);
    builder.pool(eligible, rankings, &[]);
    let records = |servers: &[u8]| slot(&name(WWW), &answer(servers));
    let v4 = std::array::from_fn(|candidate| match candidate as u8 {
        candidate if candidate < SERVERS => records(&[candidate]),
        8 => records(&[0, 1, 2]),
        _ => Slot::Absent,
    });
    let row = RowData::of(Addresses::steered(
        0,
        0,
        [v4, std::array::from_fn(|_| Slot::Absent)],
    ));
    builder.name(&name(WWW), &row);
    let prepared = tables.prepare_resolvers(&prefixes(), &ResolverFlags::default());
    tables.replace_resolvers(&prepared.expect("/24s need no node"));
    tables.publish(&builder.build(&[V4], 53, SECRETS).expect("it fits"));
}

/// Asserts that every group is answered with the server that `server` says.
fn expect_servers(rig: &mut Rig, server: impl Fn(u16) -> u8) {
    let before = rig.counts();
    for group in 0..GROUPS {
        let way = Datagram::new(IpAddr::V4(resolver(group)), V4);
        let question = Question::new(&name(WWW), A);
        let ran = rig.run(&way.frame(&question.query()));
        let reply = way.back().frame(&question.reply(&answer(&[server(group)])));
        assert_eq!(ran.frame, reply, "group {group}");
    }
    let Counted { outcomes, services } = rig.counted_since(&before);
    let all = u64::from(GROUPS);
    assert_eq!(outcomes, [(dns_common::outcome::Outcome::Answered, all)]);
    assert_eq!(services, [(0, all)]);
}

/// Group n's order begins with server n modulo their number.
fn order(group: u16) -> Vec<u8> {
    (0..SERVERS)
        .map(|place| ((group + u16::from(place)) % u16::from(SERVERS)) as u8)
        .collect()
}

fn first_of(group: u16, alive: impl Fn(u8) -> bool) -> u8 {
    let order = order(group);
    let first = order.iter().find(|server| alive(**server));
    *first.expect("somebody is alive")
}

#[test]
fn one_store_moves_4096_groups_off_a_dead_server() {
    let mut rig = Rig::load(CAPACITY);
    let rankings = (0..GROUPS).map(|group| Ranking::new(&order(group)));
    publish(
        &rig.tables,
        Eligible::new(0b111, 0, false),
        &rankings.collect::<Vec<_>>(),
    );
    expect_servers(&mut rig, |group| first_of(group, |_| true));

    for dead in 0..SERVERS {
        let before = rig.tables.stores();
        let word = Eligible::new(0b111 & !(1 << dead), 0, false);
        rig.tables.store_eligible(1, 0, word.0);
        assert_eq!(rig.tables.stores() - before, 1);
        expect_servers(&mut rig, |group| first_of(group, |server| server != dead));
    }
}

/// The same pool as an operator configures it.
fn plan() -> Plan {
    let mut groups = Groups::default();
    groups
        .names
        .extend((1..GROUPS).map(|group| format!("g{group}")));
    groups.prefixes = prefixes();
    let by_group = groups.names.iter().zip(0..).skip(1);
    let by_group: BTreeMap<_, _> = by_group
        .map(|(name, group)| (name.clone(), order(group)))
        .collect();
    let server = |number| Server {
        name: format!("s{number}"),
        v4: vec![address(number)],
        v6: vec![],
        cost: Quantity::default(),
    };
    let probe = Probe {
        up_after: 1,
        ..Probe::new(ProbeKind::Tcp { port: 80 })
    };
    let pool = Pool {
        servers: (0..SERVERS).map(server).collect(),
        hand_overs: Vec::new(),
        policy: Policy::Failover {
            order: order(0),
            by_group,
        },
        probes: vec![probe.into()],
        unknown: Unknown::Last,
        answers: 1,
        ttls: Vec::new(),
        all_down: AllDown::All,
        capacity: None,
        health: HealthRules::default(),
    };
    Plan {
        pools: vec![pool],
        services: vec![],
        groups,
    }
}

/// What the publisher does with a change.
fn apply(tables: &Tables, change: Change) {
    let number = tables.generation_number();
    match change {
        Change::Eligible { pool, word } => tables.store_eligible(number, pool, word.0),
        Change::Ranking { pool, group, word } => {
            tables.store_ranking(number, pool, group, word.0);
        }
        Change::Shares { pool, index, word } => tables.store_shares(number, pool, index, word),
    }
}

#[test]
fn from_a_failing_probe_to_every_group_is_one_store() {
    let mut director = Director::new(plan(), 100, Instant::now());
    let mut now = Instant::now();
    let mut observe = |director: &mut Director, target: u32, verdict: Verdict| {
        now += Duration::from_millis(10);
        director.observe(&Sample {
            target: TargetId(target),
            at: now,
            taken_from: Vantage::Host,
            verdict,
        })
    };
    let pass = Verdict::timed(Metric::ConnectTime, Duration::from_millis(10));
    let fail = Verdict::Fail {
        reason: Reason::Refused,
    };
    for target in 0..u32::from(SERVERS) {
        observe(&mut director, target, pass.clone());
    }

    let mut rig = Rig::load(CAPACITY);
    let (mut eligible, mut rankings) = (Eligible::default(), Vec::new());
    for word in director.words() {
        match word {
            Change::Eligible { word, .. } => eligible = word,
            Change::Ranking { word, .. } => rankings.push(word),
            Change::Shares { .. } => panic!("{word:?}: nothing is shared"),
        }
    }
    assert_eq!(rankings.len(), usize::from(GROUPS));
    publish(&rig.tables, eligible, &rankings);
    expect_servers(&mut rig, |group| first_of(group, |_| true));

    let mut probes = 0;
    let stores = rig.tables.stores();
    while rig.tables.stores() == stores {
        probes += 1;
        assert!(probes <= 3, "three failures take a server down");
        let changes = observe(&mut director, 0, fail.clone());
        assert!(changes.len() <= 1, "{} changes", changes.len());
        for change in changes {
            apply(&rig.tables, change);
        }
    }
    assert_eq!((probes, rig.tables.stores() - stores), (3, 1));
    expect_servers(&mut rig, |group| first_of(group, |server| server != 0));

    for change in observe(&mut director, 0, pass) {
        apply(&rig.tables, change);
    }
    assert_eq!(rig.tables.stores() - stores, 2);
    expect_servers(&mut rig, |group| first_of(group, |_| true));
}
