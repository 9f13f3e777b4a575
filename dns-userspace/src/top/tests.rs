//! Rates of counts that are given.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use super::*;
use crate::{
    control::{
        explained::Plane,
        stats::{KernelStats, LogStats, ProbeStats, PublisherStats, UserspaceStats},
        status::{Inventory, Xdp, XdpState},
    },
    flattening::FlatteningCounts,
    queries::{Query, Transport},
};

fn counts<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(name, count)| (name.to_owned(), count)).into()
}

fn look(at: Instant, pid: u32, kernel: Option<KernelStats>, userspace: UserspaceStats) -> Look {
    Look {
        at,
        status: Status {
            version: "0.1.0".to_owned(),
            pid,
            uptime_ms: 61_000,
            config_dir: "/etc/veer".into(),
            generation: 3,
            reverted_to: None,
            inventory: Inventory::default(),
            addresses: Vec::new(),
            port: 53,
            workers: 2,
            xdp: Xdp {
                state: XdpState::Attached,
                interface: Some("eth0".to_owned()),
                mode: Some("native".to_owned()),
                pin_path: "/sys/fs/bpf/veer".into(),
                reason: String::new(),
            },
            suspicion: None,
            freezes: Vec::new(),
            overrides: 0,
            last_reload: None,
        },
        stats: Stats::new(
            kernel,
            userspace,
            PublisherStats::default(),
            ProbeStats::default(),
            FlatteningCounts::default(),
            LogStats::default(),
        ),
        states: States {
            targets: Vec::new(),
            unmeasured: Vec::new(),
            suspicion: None,
            shares: Vec::new(),
            overrides: Vec::new(),
        },
    }
}

fn kernel(answered: u64, dropped: u64, www: u64) -> KernelStats {
    KernelStats {
        outcomes: counts([
            ("answered", answered),
            ("drop_rate", dropped),
            ("up_type", 7),
        ]),
        answered,
        up: 7,
        dropped,
        services: counts([("cdn.example.", 5), ("www.example.", www)]),
    }
}

fn userspace(queries: u64) -> UserspaceStats {
    UserspaceStats {
        udp_queries: queries,
        tcp_queries: 1,
        outcomes: counts([("up_type", queries)]),
        ..UserspaceStats::default()
    }
}

fn query(resolver: &str, group: Option<&str>) -> Told {
    Told::Query(Box::new(Query {
        at_unix_ms: 0,
        resolver: resolver.parse::<IpAddr>().expect("an address"),
        transport: Transport::Udp,
        name: "www.example.".to_owned(),
        rtype: "A".to_owned(),
        plane: Plane::Kernel,
        outcome: "answered".to_owned(),
        rcode: None,
        answer: Vec::new(),
        service: None,
        group: group.map(str::to_owned),
    }))
}

fn named(name: &str, per_s: f64) -> Rate {
    Rate {
        name: name.to_owned(),
        per_s,
    }
}

#[test]
fn rates_are_what_was_counted_between_two_looks() {
    let start = Instant::now();
    let mut top = Top::default();
    let first = look(start, 1, Some(kernel(1000, 10, 400)), userspace(50));
    let shown = top.see(Ok(first), 5, true);
    assert_eq!(shown.queries_per_s(), None);
    assert_eq!(
        (&shown.services[..], &shown.history[..]),
        (&[][..], &[][..])
    );
    assert_eq!(shown.resolvers, None);

    let then = start + Duration::from_secs(2);
    let second = look(then, 1, Some(kernel(1180, 14, 520)), userspace(70));
    let shown = top.see(Ok(second), 6, false);
    assert_eq!(shown.kernel_per_s, Some(90.0));
    assert_eq!(shown.userspace_per_s, Some(10.0));
    assert_eq!(shown.dropped_per_s, Some(2.0));
    assert_eq!(shown.kernel_share, Some(0.9));
    assert_eq!(shown.history, [100.0]);
    // What nothing was added to is not there.
    assert_eq!(shown.services, [named("www.example.", 60.0)]);
    let outcomes = shown.outcomes.iter();
    let outcomes: Vec<_> = outcomes
        .map(|it| (it.plane, it.outcome.as_str(), it.per_s))
        .collect();
    let expected = [
        (Plane::Kernel, "answered", 90.0),
        (Plane::Userspace, "up_type", 10.0),
        (Plane::Kernel, "drop_rate", 2.0),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!((shown.groups, shown.resolvers), (None, None));
}

#[test]
fn another_daemon_counts_anew_and_the_kernel_goes_on() {
    let start = Instant::now();
    let mut top = Top::default();
    let first = look(start, 1, Some(kernel(1000, 0, 0)), userspace(50));
    top.see(Ok(first), 0, false);
    let then = start + Duration::from_secs(1);
    let second = look(then, 2, Some(kernel(1030, 0, 0)), userspace(60));
    let shown = top.see(Ok(second), 0, false);
    assert_eq!(shown.kernel_per_s, Some(30.0));
    assert_eq!(shown.userspace_per_s, Some(61.0));
}

#[test]
fn without_a_program_all_queries_are_userspaces() {
    let start = Instant::now();
    let mut top = Top::default();
    top.see(Ok(look(start, 1, None, userspace(0))), 0, false);
    let then = start + Duration::from_secs(1);
    let shown = top.see(Ok(look(then, 1, None, userspace(5))), 0, false);
    assert_eq!((shown.kernel_per_s, shown.kernel_share), (None, None));
    assert_eq!(shown.queries_per_s(), Some(5.0));
    assert_eq!(shown.history, [5.0]);
}

#[test]
fn after_a_vain_look_there_are_no_rates_until_two_succeed() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let seen = |at, answered| Ok(look(at, 1, Some(kernel(answered, 0, 0)), userspace(0)));
    let mut top = Top::default();
    top.see(seen(at(0), 0), 0, false);
    top.see(seen(at(1), 10), 0, false);
    let shown = top.see(Err("nobody answers".to_owned()), 9, true);
    assert_eq!(shown.lost.as_deref(), Some("nobody answers"));
    assert_eq!((shown.queries_per_s(), shown.daemon), (None, None));
    assert_eq!(shown.history, [10.0]);
    let shown = top.see(seen(at(3), 100), 0, false);
    assert_eq!((shown.queries_per_s(), shown.lost), (None, None));
    let shown = top.see(seen(at(4), 101), 0, false);
    assert_eq!(shown.queries_per_s(), Some(1.0));
}

#[test]
fn what_is_told_stands_for_all_and_what_was_lost_for_more_of_the_same() {
    let start = Instant::now();
    let mut top = Top::default();
    let told = [
        query("192.0.2.1", Some("isp-a")),
        query("192.0.2.2", None),
        query("192.0.2.1", Some("isp-b")),
        query("192.0.2.1", Some("isp-a")),
        Told::Lost(4),
    ];
    top.see(Ok(look(start, 1, None, userspace(0))), 0, true);
    for told in &told {
        top.told(told, 10);
    }
    let then = start + Duration::from_secs(2);
    let shown = top.see(Ok(look(then, 1, None, userspace(80))), 0, true);
    // Each of the four stands for two of eight, one in ten, in two seconds.
    let expected = [named("192.0.2.1", 30.0), named("192.0.2.2", 10.0)];
    assert_eq!(shown.resolvers.expect("sampled"), expected);
    let expected = [named("isp-a", 20.0), named("isp-b", 10.0)];
    assert_eq!(shown.groups.expect("sampled"), expected);
    // None of it counts again.
    let then = start + Duration::from_secs(3);
    let shown = top.see(Ok(look(then, 1, None, userspace(80))), 0, true);
    assert_eq!(shown.resolvers, Some(Vec::new()));
}

#[test]
fn as_many_rates_are_remembered_as_fit_on_a_screen() {
    let start = Instant::now();
    let mut top = Top::default();
    for second in 0..=HISTORY as u64 + 5 {
        let at = start + Duration::from_secs(second);
        let queries = second * (second + 1) / 2;
        top.see(Ok(look(at, 1, None, userspace(queries))), 0, false);
    }
    assert_eq!(top.history.len(), HISTORY);
    // What was seen first is forgotten first.
    assert_eq!(top.history.front().map(|rate| rate.round()), Some(6.0));
}
