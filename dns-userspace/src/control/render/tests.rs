//! Whole outputs, without colours.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    control::{
        explained::{Explained, Origin, Plane, Steering},
        groups::{GroupStatus, Groups},
        overridden::Overridden,
        stats::{
            Delay, KernelStats, LogStats, ProbeStats, PublisherStats, Stats, TcpStats,
            UserspaceStats,
        },
        status::{Detached, Inventory, LastReload, Reloaded, Status, Xdp, XdpState},
    },
    flattening::{FlatteningCounts, Resolved},
    measurement::{
        demand::Basis,
        director::{
            demand::GroupDemand,
            difference::{Difference, LevelChange},
            explain::{Candidate, DemandStatus, Explanation, Outcome, TtlStatus},
            history::{Cause, LastChange, Outcomes},
            level::{Effect, LevelStatus, VersionStatus},
            nearest::{Alteration, Nearest},
            states::{
                AddressStatus, PoolShares, Share, States, SuspicionStatus, TargetStatus, UsedBy,
            },
        },
        health::State,
        metric::Metric,
        overrides::{AdminState, Override, Scope, What},
    },
    model::Party,
    ring_log::Written,
};

use super::{
    Paint, detached, difference, explain, groups, overridden, reloaded, states, stats, status,
};

const PLAIN: Paint = Paint(false);

/// When it is seen, milliseconds since 1970.
const NOW: u64 = 1_700_000_000_000;

/// Fails with both texts as they look.
fn assert_text(text: &str, expected: &str) {
    assert!(text == expected, "got:\n{text}\nexpected:\n{expected}");
}

fn a_status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        pid: 4242,
        uptime_ms: 11_000_000,
        config_dir: "/etc/veer".into(),
        generation: 7,
        reverted_to: None,
        inventory: Inventory {
            zones: 1,
            names: 12,
            services: 4,
            pools: 2,
            groups: 3,
            prefixes: 1,
        },
        addresses: vec![
            "192.0.2.53".parse().unwrap(),
            "2001:db8::53".parse().unwrap(),
        ],
        port: 53,
        workers: 2,
        xdp: Xdp {
            state: XdpState::Adopted,
            interface: Some("eth0".to_owned()),
            mode: Some("native".to_owned()),
            pin_path: "/sys/fs/bpf/veer".into(),
            reason: "an earlier daemon left its link".to_owned(),
        },
        suspicion: None,
        freezes: vec![],
        overrides: 0,
        last_reload: None,
    }
}

#[test]
fn status_of_a_healthy_daemon() {
    let expected = "\
daemon       veerd 0.1.0, process 4242, up 3 h 3 min
config       /etc/veer, generation 7
holds        1 zone, 12 names, 4 services, 2 pools, 3 groups, 1 prefix
answers at   192.0.2.53 2001:db8::53, port 53, 2 workers
kernel       adopted on eth0, mode native
             an earlier daemon left its link
pins         /sys/fs/bpf/veer
suspicion    none
overrides    none
last reload  none since the start
";
    assert_text(&status(&a_status(), NOW, PLAIN), expected);
}

#[test]
fn status_of_a_daemon_in_trouble() {
    let mut troubled = a_status();
    troubled.suspicion = Some("5 of 6 targets fail at once".to_owned());
    troubled.last_reload = Some(LastReload {
        age_ms: 90_000,
        errors: vec!["/etc/veer/veer.conf:3: x: y".to_owned()],
    });
    let text = status(&troubled, NOW, PLAIN);
    let expected = "\
suspicion    5 of 6 targets fail at once
overrides    none
last reload  1 min 30 s ago, refused: 1 error
  /etc/veer/veer.conf:3: x: y
";
    assert!(text.ends_with(expected), "{text}");
    let painted = status(&troubled, NOW, Paint(true));
    assert!(painted.contains("\x1b[33m5 of 6"), "{painted:?}");
    assert!(painted.contains("\x1b[32madopted"), "{painted:?}");
}

fn an_address(address: &str, state: State) -> AddressStatus {
    AddressStatus {
        address: address.parse().unwrap(),
        probe: "tcp port 80".to_owned(),
        groups: vec![],
        state,
        since_ms: Some(61_000.0),
        age_ms: Some(120.0),
        failing: state == State::Down,
        streak: 3,
        measured: BTreeMap::from([(Metric::ConnectTime, 2.104)]),
        last_reason: None,
        local_failures: 0,
        last_local_failure: None,
    }
}

fn a_target(address: AddressStatus, server: &str) -> TargetStatus {
    TargetStatus {
        address,
        used_by: vec![UsedBy {
            pool: 0,
            server: server.to_owned(),
            hand_over: None,
            admin: None,
        }],
    }
}

/// Five minutes old, for an hour.
fn a_drain() -> Override {
    Override {
        what: What::State {
            server: "sof1".to_owned(),
            scope: Scope::All,
            addresses: vec!["192.0.2.10".parse().unwrap()],
            state: AdminState::Drain,
        },
        reason: Some("kernel".to_owned()),
        user: "ann".to_owned(),
        since_unix_ms: NOW - 300_000,
        until_unix_ms: Some(NOW + 3_300_000),
    }
}

/// With the time of day set back since, and no end.
fn a_freeze() -> Override {
    Override {
        what: What::Freeze {
            scope: Scope::Customer("acme".to_owned()),
        },
        reason: None,
        user: "uid 1007".to_owned(),
        since_unix_ms: NOW + 1,
        until_unix_ms: None,
    }
}

#[test]
fn an_order_that_was_followed() {
    let done = Overridden {
        made: Some(a_drain()),
        ended: vec![a_freeze()],
        services: 2,
        generation: Some(8),
        not_kept: Some("writing /var/lib/veer/overrides.json: full".to_owned()),
    };
    let expected = "\
drain sof1 of all services: 2 services, for 55 min 0 s
ended: freeze customer acme, by uid 1007 0 ms ago
generation 8 tells apart services that shared their decisions
holds, but a restart of veerd will not know: writing /var/lib/veer/overrides.json: full
";
    assert_text(&overridden(&done, NOW), expected);
    let nothing = Overridden {
        made: None,
        ended: vec![],
        services: 0,
        generation: None,
        not_kept: None,
    };
    assert_text(&overridden(&nothing, NOW), "nothing to end\n");
    let frozen = Overridden {
        made: Some(a_freeze()),
        services: 1,
        ..nothing
    };
    let expected = "freeze customer acme: 1 service, until it is ended\n";
    assert_text(&overridden(&frozen, NOW), expected);
}

#[test]
fn what_operators_said_is_shown_plainly() {
    let mut frozen = a_status();
    frozen.freezes = vec![a_freeze(), a_freeze()];
    frozen.overrides = 3;
    let text = status(&frozen, NOW, PLAIN);
    let expected = "\
suspicion    none
frozen       freeze customer acme, by uid 1007 0 ms ago
             freeze customer acme, by uid 1007 0 ms ago
overrides    3, see veerctl states
last reload  none since the start
";
    assert!(text.ends_with(expected), "{text}");
    let none = States {
        unmeasured: vec![],
        targets: vec![],
        suspicion: None,
        shares: vec![],
        overrides: vec![a_freeze()],
    };
    let expected = "no servers are configured\n\n\
                    override: freeze customer acme, by uid 1007 0 ms ago\n";
    assert_text(&states(&none, NOW, PLAIN), expected);

    let mut explained = steered();
    let Origin::Steered(steering) = &mut explained.origin else {
        panic!("it is steered");
    };
    steering.explanation.freeze = Some(a_freeze());
    steering.explanation.candidates[0].admin = Some(a_drain());
    let text = explain(&explained, NOW, PLAIN);
    let expected = "\
policy    failover: the configured order
override  freeze customer acme, by uid 1007 0 ms ago
override  drain sof1 of all services, by ann 5 min 0 s ago, 55 min 0 s left: kernel
";
    assert!(text.contains(expected), "{text}");
}

fn a_share(server: &str, slots: u16) -> Share {
    Share {
        server: server.to_owned(),
        slots,
        percent: f64::from(slots) / 10.24,
    }
}

#[test]
fn states_of_servers_in_every_state() {
    let mut unknown = an_address("192.0.2.12", State::Unknown);
    unknown.since_ms = None;
    unknown.age_ms = None;
    unknown.measured.clear();
    unknown.local_failures = 2;
    unknown.last_local_failure = Some("socket: out of descriptors".to_owned());
    let mut down = an_address("2001:db8::11", State::Down);
    down.last_reason = Some("refused".to_owned());
    let mut wavering = an_address("192.0.2.13", State::Up);
    wavering.failing = true;
    wavering.streak = 1;
    wavering.last_reason = Some("timed out".to_owned());
    let mut recovering = an_address("192.0.2.14", State::Down);
    recovering.failing = false;
    let mut drained = a_target(an_address("192.0.2.10", State::Up), "sof1");
    drained.used_by[0].admin = Some(AdminState::Drain);
    let shown = states(
        &States {
            targets: vec![
                drained,
                a_target(down, "sof2"),
                a_target(unknown, "fra1"),
                a_target(wavering, "fra2"),
                a_target(recovering, "fra3"),
            ],
            unmeasured: vec![UsedBy {
                pool: 1,
                server: "wide".to_owned(),
                admin: None,
                hand_over: Some("NS ns1.cdn.example.net.".to_owned()),
            }],
            suspicion: Some(SuspicionStatus {
                since_ms: 2000.0,
                reason: "4 of 6 targets fail".to_owned(),
            }),
            shares: vec![PoolShares {
                pool: 1,
                candidates: vec![a_share("sof1", 768), a_share("sof2", 256)],
            }],
            overrides: vec![a_drain()],
        },
        NOW,
        PLAIN,
    );
    let expected = "\
STATE        SINCE  ADDRESS       PROBE        MEASURED    SEEN  USED BY              REMARK
up       1 min 1 s  192.0.2.10    tcp port 80  2.10 ms   120 ms  pool 0 sof1 (drain)
down     1 min 1 s  2001:db8::11  tcp port 80  2.10 ms   120 ms  pool 0 sof2          refused
unknown          -  192.0.2.12    tcp port 80  -              -  pool 0 fra1          not probed 2 times, last: socket: out of descriptors
up       1 min 1 s  192.0.2.13    tcp port 80  2.10 ms   120 ms  pool 0 fra2          failures 1 in a row: timed out
down     1 min 1 s  192.0.2.14    tcp port 80  2.10 ms   120 ms  pool 0 fra3          passes 3 in a row

not measured, counts as fit: pool 1 wide (NS ns1.cdn.example.net.)

pool 1 is divided: sof1 75.0 %, sof2 25.0 %

suspicion: 4 of 6 targets fail, for 2.0 s

override: drain sof1 of all services, by ann 5 min 0 s ago, 55 min 0 s left: kernel
";
    assert_text(&shown, expected);
}

#[test]
fn groups_are_shown_by_their_demand() {
    let of = |group: &str, prefixes, percent, basis| GroupStatus {
        group: group.to_owned(),
        prefixes,
        demand: GroupDemand { percent, basis },
    };
    let mut all = Groups {
        counted_one_in: 64,
        queries_per_s: Some(812.34),
        groups: vec![
            of("default", 0, 1.0, Basis::Counted),
            of("isp-a", 12, 75.25, Basis::Configured),
            of("isp-b", 3, 23.75, Basis::Counted),
        ],
    };
    let expected = "\
GROUP    PREFIXES  DEMAND %  FROM
isp-a          12      75.2  configured
isp-b           3      23.8  counted
default         0       1.0  counted
812.3 queries of steered names a second of late
";
    assert_text(&groups(&all, PLAIN), expected);
    (all.counted_one_in, all.groups) = (0, Vec::new());
    let shown = groups(&all, PLAIN);
    let last = "answers are not counted by group: count.group_sample is 0\n";
    assert!(shown.ends_with(last), "{shown}");
}

fn steered() -> Explained {
    let candidate = |position, server: &str, state, why: &str| Candidate {
        position,
        server: server.to_owned(),
        hand_over: None,
        share_percent: None,
        eligible_v4: state == State::Up,
        eligible_v6: false,
        measured: BTreeMap::from([(Metric::ConnectTime, 2.1)]),
        addresses: vec![an_address("192.0.2.10", state)],
        admin: None,
        why: why.to_owned(),
    };
    Explained {
        name: "www.example.com.".to_owned(),
        rtype: "A".to_owned(),
        from: "198.51.100.7".parse().unwrap(),
        group: "sofia".to_owned(),
        prefix: Some("198.51.100.0/24".to_owned()),
        demand: GroupDemand {
            percent: 12.34,
            basis: Basis::Counted,
        },
        origin: Origin::Steered(Box::new(Steering {
            service: "www.example.com.".to_owned(),
            customer: "acme".to_owned(),
            pool: 0,
            decision: Outcome::Server("fra1".to_owned()),
            explanation: Explanation {
                pool: 0,
                group: "sofia".to_owned(),
                slot: None,
                demand: None,
                policy: "failover: the configured order".to_owned(),
                level: None,
                ttl: None,
                own: BTreeSet::new(),
                a: Outcome::Server("fra1".to_owned()),
                aaaa: Outcome::NoData,
                candidates: vec![
                    candidate(1, "sof1", State::Down, "A: it is down, so another is used"),
                    candidate(2, "fra1", State::Up, "A: chosen"),
                ],
                last_change: Some(LastChange {
                    ago_ms: 61_000.0,
                    cause: Cause::State {
                        server: "sof1".to_owned(),
                        address: "192.0.2.10".parse().unwrap(),
                        to: State::Down,
                        reason: Some("connection refused".to_owned()),
                    },
                    from: Some(Outcomes {
                        a: Outcome::Server("sof1".to_owned()),
                        aaaa: Outcome::NoData,
                    }),
                }),
                suspicion: None,
                pin: None,
                freeze: None,
            },
            nearest: Some(Nearest {
                alteration: Alteration::State {
                    server: "sof1".to_owned(),
                    to: State::Up,
                },
                size: 1.0,
                then: Outcome::Server("sof1".to_owned()),
            }),
            resolved: Vec::new(),
        })),
        plane: Plane::Kernel,
        rcode: "NOERROR".to_owned(),
        answer: vec!["www.example.com. 30 IN A 192.0.2.20".to_owned()],
    }
}

#[test]
fn explain_tells_what_another_dns_said_last() {
    let mut explained = steered();
    let Origin::Steered(steering) = &mut explained.origin else {
        panic!("it is steered");
    };
    let said = |addresses: &[&str], left_ms: Option<i64>, error: Option<&str>| Resolved {
        candidate: "cdn".to_owned(),
        network: left_ms.map(|_| "198.51.100.0/24".to_owned()),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        left_ms,
        error: error.map(str::to_owned),
        error_ago_ms: error.map(|_| 2000),
    };
    steering.resolved = vec![
        said(&["192.0.2.1", "192.0.2.2"], Some(12_000), None),
        said(&["192.0.2.1"], Some(-3000), Some("no\u{1b} reply")),
        said(&[], Some(500), None),
        said(&[], None, Some("no reply")),
    ];
    let text = explain(&explained, NOW, PLAIN);
    let lines = "\
resolved  cdn: 192.0.2.1, 192.0.2.2 for 198.51.100.0/24, for another 12.0 s
resolved  cdn: 192.0.2.1 for 198.51.100.0/24, ran out 3.0 s ago; not resolved 2.0 s ago: no\u{fffd} reply
resolved  cdn: no address for 198.51.100.0/24, for another 500 ms
resolved  cdn: nothing for no network; not resolved 2.0 s ago: no reply
";
    assert!(text.contains(lines), "{text}");
}

#[test]
fn explain_tells_who_takes_how_much() {
    let mut explained = steered();
    let Origin::Steered(steering) = &mut explained.origin else {
        panic!("it is steered");
    };
    steering.explanation.slot = Some(17);
    for (candidate, percent) in steering.explanation.candidates.iter_mut().zip([0.0, 100.0]) {
        candidate.share_percent = Some(percent);
    }
    let text = explain(&explained, NOW, PLAIN);
    let expected = "\
policy   failover: the configured order
slot     17 of 1024

#  SERVER  STATE  MEASURED    SHARE  USABLE FOR  WHY
1  sof1    down   2.10 ms     0.0 %  nothing     A: it is down, so another is used
2  fra1    up     2.10 ms   100.0 %  A           A: chosen
";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn explain_tells_the_story_of_a_steered_name() {
    let expected = "\
www.example.com. A from 198.51.100.7

group    sofia, by prefix 198.51.100.0/24; 12.3 % of the demand (counted)
service  www.example.com. of customer acme
pool     0
policy   failover: the configured order

#  SERVER  STATE  MEASURED  USABLE FOR  WHY
1  sof1    down   2.10 ms   nothing     A: it is down, so another is used
2  fra1    up     2.10 ms   A           A: chosen

decision  fra1
answer    NOERROR, made in the kernel
  www.example.com. 30 IN A 192.0.2.20

last change     1 min 1 s ago, from sof1: sof1 is down (192.0.2.10: connection refused)
nearest change  sof1 goes up; then sof1
";
    assert_text(&explain(&steered(), NOW, PLAIN), expected);
}

#[test]
fn explain_says_who_agreed_on_which_level_and_what_is_to_come() {
    let version = |version, effect| VersionStatus {
        version,
        value: 200.0 - 10.0 * f64::from(version),
        proposed_by: Party::Provider,
        proposed_unix_ms: 1000,
        customer_accepted_unix_ms: Some(2000),
        provider_accepted_unix_ms: Some(3000),
        effective_unix_ms: 86_400_000 * u64::from(version),
        effect,
    };
    let shown = |versions| {
        let mut explained = steered();
        let Origin::Steered(steering) = &mut explained.origin else {
            panic!("{explained:?}")
        };
        steering.explanation.level = Some(LevelStatus {
            metric: Metric::ResponseTime,
            versions,
        });
        explain(&explained, NOW, PLAIN)
    };
    let text = shown(vec![
        version(1, Effect::InForce),
        version(2, Effect::ToCome),
        version(3, Effect::NotAccepted(vec![Party::Customer])),
    ]);
    let expected = "
policy          failover: the configured order
level           190 ms, version 1, in force since 1970-01-02T00:00:00Z: proposed by the provider at \
                    1970-01-01T00:00:01Z, accepted by the customer at 1970-01-01T00:00:02Z and the \
                    provider at 1970-01-01T00:00:03Z
next level      version 2, 180 ms, comes into force at 1970-01-03T00:00:00Z
without effect  version 3, 170 ms, is not accepted by the customer
";
    assert!(text.contains(expected), "{text}");
    let text = shown(vec![version(1, Effect::ToCome)]);
    assert!(text.contains("level       none is in force\n"), "{text}");
}

#[test]
fn explain_says_how_long_answers_may_be_kept_and_why() {
    let shown = |until_change_ms| {
        let mut explained = steered();
        let Origin::Steered(steering) = &mut explained.origin else {
            panic!("{explained:?}")
        };
        steering.explanation.ttl = Some(TtlStatus {
            ttl_s: 120,
            until_change_ms,
        });
        explain(&explained, NOW, PLAIN)
    };
    let text = shown(Some(150_000.0));
    let expected = "\nTTL      120 s: no change within 2 min 30 s\n";
    assert!(text.contains(expected), "{text}");
    let text = shown(None);
    let expected = "\nTTL      120 s: nothing known changes the answer\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_difference_says_whose_levels_are_others() {
    let levels = vec![LevelChange {
        service: "www.example.".to_owned(),
        customer: "acme".to_owned(),
        from: None,
        to: "250 ms".to_owned(),
        next: Some("version 3, 200 ms, comes into force at 1970-01-02T00:00:00Z".to_owned()),
    }];
    let of = Difference {
        levels,
        ..Difference::default()
    };
    let expected = "\
0.0 % of the demand would be answered otherwise
level of www.example. of customer acme: nothing → 250 ms; version 3, 200 ms, comes into force at \
                    1970-01-02T00:00:00Z
";
    assert_text(&difference(&of, PLAIN), expected);
}

#[test]
fn what_is_measured_for_single_groups_is_said_to_be_so() {
    let mut explained = steered();
    let Origin::Steered(steering) = &mut explained.origin else {
        panic!("{explained:?}")
    };
    steering.explanation.own = BTreeSet::from([Metric::Loss, Metric::RoundTrip]);
    let text = explain(&explained, NOW, PLAIN);
    let expected = "measured  round_trip_ms, loss_percent for sofia alone\n";
    assert!(text.contains(expected), "{text}");

    let address = AddressStatus {
        groups: vec!["isp-a".to_owned(), "isp-b".to_owned()],
        ..an_address("192.0.2.10", State::Up)
    };
    let of_groups = States {
        shares: Vec::new(),
        targets: vec![a_target(address, "sof1")],
        unmeasured: vec![],
        suspicion: None,
        overrides: vec![],
    };
    let text = states(&of_groups, NOW, PLAIN);
    assert!(text.contains(" tcp port 80 for isp-a, isp-b "), "{text}");
}

#[test]
fn explain_says_how_much_is_asked_for_and_for_how_long_it_counts_as_that() {
    let mut explained = steered();
    let Origin::Steered(steering) = &mut explained.origin else {
        panic!("{explained:?}")
    };
    let demand = |held_ms| DemandStatus {
        total: 1200.5,
        held_ms,
    };
    steering.explanation.demand = Some(demand(Some(63_000.0)));
    let text = explain(&explained, NOW, PLAIN);
    let expected = "demand   1200.5, held for another 1 min 3 s\n";
    assert!(text.contains(expected), "{text}");
    let Origin::Steered(steering) = &mut explained.origin else {
        panic!("{explained:?}")
    };
    steering.explanation.demand = Some(demand(None));
    let text = explain(&explained, NOW, PLAIN);
    assert!(text.contains("demand   1200.5\n"), "{text}");
}

#[test]
fn explain_says_what_hands_over() {
    let mut explained = steered();
    let Origin::Steered(steering) = &mut explained.origin else {
        panic!("{explained:?}")
    };
    steering.decision = Outcome::HandOver("fast".to_owned());
    let candidates = &mut steering.explanation.candidates;
    candidates[1].server = "fast".to_owned();
    candidates[1].hand_over = Some("CNAME www.example.net.".to_owned());
    candidates[1].eligible_v6 = true;
    candidates[1].addresses.clear();
    candidates[1].measured.clear();
    let expected = "\
#  SERVER                         STATE         MEASURED  USABLE FOR  WHY
1  sof1                           down          2.10 ms   nothing     A: it is down, so another is used
2  fast (CNAME www.example.net.)  not measured  -         A, AAAA     A: chosen

decision  fast
";
    let text = explain(&explained, NOW, PLAIN);
    assert!(text.contains(expected), "{text}");
}

#[test]
fn explain_says_when_a_name_is_not_steered() {
    let mut explained = steered();
    explained.prefix = None;
    explained.group = "default".to_owned();
    explained.plane = Plane::Userspace;
    explained.origin = Origin::Static {
        zone: "example.com.".to_owned(),
    };
    let expected = "\
www.example.com. A from 198.51.100.7

group  default: no prefix names this address; 12.3 % of the demand (counted)
name   not steered: as zone example.com. has it

answer  NOERROR, made in userspace
  www.example.com. 30 IN A 192.0.2.20
";
    assert_text(&explain(&explained, NOW, PLAIN), expected);

    explained.origin = Origin::NotOurs;
    explained.rcode = "REFUSED".to_owned();
    explained.answer.clear();
    let text = explain(&explained, NOW, PLAIN);
    let end = "\
name   in none of the zones served here

answer  REFUSED, made in userspace, without records
";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn what_was_explained_survives_the_wire() {
    let explained = steered();
    let line = serde_json::to_string(&explained).unwrap();
    assert_eq!(serde_json::from_str::<Explained>(&line).unwrap(), explained);
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["origin"]["kind"], "steered");
    assert_eq!(json["origin"]["decision"]["server"], "fra1");
    assert_eq!(
        (&json["type"], &json["plane"]),
        (&"A".into(), &"kernel".into())
    );
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "the whole screen, and all that is on it"
)]
fn stats_show_what_happened() {
    let named = |pairs: &[(&str, u64)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(name, number)| ((*name).to_owned(), *number))
            .collect()
    };
    let kernel = KernelStats {
        outcomes: named(&[
            ("answered", 880),
            ("answered_negative", 20),
            ("answered_slip", 0),
            ("up_type", 98),
            ("up_class", 0),
            ("drop_broken", 2),
        ]),
        answered: 900,
        up: 98,
        dropped: 2,
        services: named(&[("www.example.com.", 900)]),
    };
    let userspace = UserspaceStats {
        udp_queries: 90,
        tcp_queries: 10,
        fast_answers: 4,
        outcomes: named(&[
            ("answered", 1),
            ("answered_slip", 3),
            ("answered_error", 0),
            ("drop_rate", 5),
            ("up_class", 88),
        ]),
        rcodes: named(&[("NOERROR", 78), ("NXDOMAIN", 9)]),
        silent: 8,
        authority_slips: 1,
        authority_drops: 2,
        tcp: TcpStats {
            open: 2,
            accepted: 8,
            refused: 3,
            refused_client: 4,
            idle: 5,
        },
    };
    let publisher = PublisherStats {
        generation: 7,
        generations_published: 2,
        stores: 31,
        delay: Some(Delay {
            count: 9,
            p50_us: 41,
            p99_us: 105,
            max_us: 160,
        }),
    };
    let probes = ProbeStats {
        pass: 500,
        fail: 3,
        local: 0,
    };
    let expected = "\
answered in the kernel  90.000 %

KERNEL               PACKETS
answered                 900
  answered_negative       20
passed up                 98
  up_type                 98
dropped                    2
  drop_broken              2

SERVICE           ANSWERS
www.example.com.      900

USERSPACE                        MESSAGES
received over UDP                      90
received over TCP                      10
answered from the shared tables         4
  answered_slip                         3
answered NOERROR                       78
answered NXDOMAIN                       9
  truncated, over their rate            1
left without answer                     8
  drop_rate                             5
  authority, over their rate            2

TCP                                 CONNECTIONS
open now                                      2
accepted                                      8
refused, all that may be were open            3
refused, the client had all it may            4
closed, idle for too long                     5

PUBLISHER                          COUNT
generation in use                      7
generations published                  2
words stored                          31
decisions by probes                    9
  p50 / p99 / longest  41 / 105 / 160 µs

PROBES                    COUNT
passed                      500
failed                        3
not done (local failure)      0

DECISION LOG  COUNT
written          12
lost              1

MEASUREMENT LOG  COUNT
written            700
lost                 0

LOG                        COUNT
lost, stderr was too slow      2
";
    let logs = LogStats {
        decision_log: Written {
            written: 12,
            lost: 1,
        },
        measurement_log: Some(Written {
            written: 700,
            lost: 0,
        }),
        log_lines_lost: 2,
    };
    let shown = Stats::new(
        Some(kernel),
        userspace,
        publisher,
        probes,
        FlatteningCounts::default(),
        logs,
    );
    assert_text(&stats(&shown, PLAIN), expected);

    let asked = Stats {
        flattening: FlatteningCounts {
            asked: 12,
            failed: 3,
            refused: 4,
            stale: 500,
        },
        ..shown.clone()
    };
    let block = "\
FLATTENING          COUNT
asked of other DNS     12
  not resolved          3
replies refused         4
stale answers told    500

DECISION LOG  COUNT
";
    let text = stats(&asked, PLAIN);
    assert!(text.contains(block), "{text}");

    let without = Stats {
        kernel: None,
        kernel_share: Some(0.0),
        ..shown
    };
    let text = stats(&without, PLAIN);
    let start = "\
answered in the kernel  0.000 %
kernel counters         none: no program is loaded

USERSPACE ";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn what_was_reverted_is_not_what_the_files_say() {
    let shown = reloaded(&Reloaded {
        generation: 8,
        took_ms: 12.4,
        inventory: Inventory::default(),
        needs_restart: vec![],
        reverted_to: Some(5),
    });
    let files = "the files in the configuration directory are as they were: the next reload or \
                 restart takes them\n";
    assert!(
        shown.starts_with("reverted to generation 5 in 12 ms: generation 8, "),
        "{shown}"
    );
    assert!(shown.ends_with(files), "{shown}");
    let shown = status(
        &Status {
            reverted_to: Some(5),
            ..a_status()
        },
        NOW,
        PLAIN,
    );
    let line = "reverted     to generation 5; a reload or a restart takes the files in /etc/veer\n";
    assert!(shown.contains(line), "{shown}");
}

#[test]
fn reloading_and_detaching_say_what_was_done() {
    let shown = reloaded(&Reloaded {
        generation: 8,
        took_ms: 12.4,
        inventory: Inventory::default(),
        needs_restart: vec!["server.port".to_owned()],
        reverted_to: None,
    });
    let expected = "\
reloaded in 12 ms: generation 8, 0 zones, 0 names, 0 services, 0 pools, 0 groups, 0 prefixes
changed, but read only at a restart: server.port
";
    assert_text(&shown, expected);
    let mut found = Detached {
        was_attached: true,
        pin_path: "/pins".into(),
    };
    assert_text(
        &detached(&found),
        "detached; the pins at /pins are removed\n",
    );
    found.was_attached = false;
    assert_text(&detached(&found), "nothing was attached through /pins\n");
}
