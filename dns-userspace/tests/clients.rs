//! Real clients and a real recursor get right answers, over both families and
//! both transports, to everything a zone can hold.

mod support;

use support::{
    tools::{Asker, Reply, Transport, Unbound},
    world::{Family, Resolver, World},
    zone,
};
use xtask::lab::ConfigDir;

/// A question, what our server says to it, and what a recursor makes of that.
struct Case {
    resolver: Resolver,
    name: &'static str,
    rtype: &'static str,
    /// Answered in the kernel when it comes over UDP without EDNS.
    hot: bool,
    rcode: &'static str,
    aa: bool,
    answer: &'static [&'static str],
    /// How the records of the authority section start.
    authority: &'static [&'static str],
    additional: &'static [&'static str],
    /// What the recursor answers with; `None` where it is the same.
    resolved: Option<&'static [&'static str]>,
}

const SOA: &[&str] = &["example. SOA "];

/// What most cases are: static, cold, with an authoritative answer.
const CASE: Case = Case {
    resolver: Resolver::A,
    name: "",
    rtype: "A",
    hot: false,
    rcode: "NOERROR",
    aa: true,
    answer: &[],
    authority: &[],
    additional: &[],
    resolved: None,
};

const CASES: &[Case] = &[
    // Steered, for each group.
    Case {
        name: "www.example.",
        hot: true,
        answer: &["www.example. A 10.8.0.1"],
        ..CASE
    },
    Case {
        name: "www.example.",
        rtype: "AAAA",
        hot: true,
        answer: &["www.example. AAAA fd08::1"],
        ..CASE
    },
    Case {
        resolver: Resolver::B,
        name: "www.example.",
        hot: true,
        answer: &["www.example. A 10.8.0.2"],
        ..CASE
    },
    Case {
        resolver: Resolver::B,
        name: "www.example.",
        rtype: "AAAA",
        hot: true,
        answer: &["www.example. AAAA fd08::2"],
        ..CASE
    },
    Case {
        resolver: Resolver::Other,
        name: "cdn.example.",
        hot: true,
        answer: &[
            "cdn.example. CNAME s1.cdn.example.",
            "s1.cdn.example. A 10.8.0.1",
        ],
        ..CASE
    },
    Case {
        resolver: Resolver::B,
        name: "cdn.example.",
        rtype: "AAAA",
        hot: true,
        answer: &[
            "cdn.example. CNAME s2.cdn.example.",
            "s2.cdn.example. AAAA fd08::2",
        ],
        ..CASE
    },
    Case {
        name: "s3.cdn.example.",
        hot: true,
        answer: &["s3.cdn.example. A 10.8.0.3"],
        ..CASE
    },
    // What is at a CNAME for one type is so for every type (RFC 1034 section 3.6.2).
    Case {
        name: "cdn.example.",
        rtype: "TXT",
        answer: &["cdn.example. CNAME s1.cdn.example."],
        authority: SOA,
        ..CASE
    },
    Case {
        name: "www.example.",
        rtype: "TXT",
        authority: SOA,
        ..CASE
    },
    // Static records.
    Case {
        name: "static.example.",
        hot: true,
        answer: &["static.example. A 192.0.2.11"],
        ..CASE
    },
    Case {
        name: "static.example.",
        rtype: "AAAA",
        hot: true,
        answer: &["static.example. AAAA 2001:db8::11"],
        ..CASE
    },
    Case {
        name: "static.example.",
        rtype: "TXT",
        answer: &["static.example. TXT \"as it is\""],
        ..CASE
    },
    Case {
        name: "multi.example.",
        hot: true,
        answer: &[
            "multi.example. A 192.0.2.21",
            "multi.example. A 192.0.2.22",
            "multi.example. A 192.0.2.23",
        ],
        ..CASE
    },
    Case {
        name: "example.",
        rtype: "SOA",
        answer: &["example. SOA ns1.example. hostmaster.example. 1 3600 900 604800 60"],
        ..CASE
    },
    Case {
        name: "example.",
        rtype: "NS",
        answer: &["example. NS ns1.example."],
        additional: &["ns1.example. A 10.9.0.53", "ns1.example. AAAA fd09::53"],
        ..CASE
    },
    // Aliases.
    Case {
        name: "alias.example.",
        hot: true,
        answer: &[
            "alias.example. CNAME static.example.",
            "static.example. A 192.0.2.11",
        ],
        ..CASE
    },
    Case {
        name: "alias.example.",
        rtype: "CNAME",
        answer: &["alias.example. CNAME static.example."],
        ..CASE
    },
    Case {
        name: "far.example.",
        rtype: "TXT",
        answer: &[
            "alias.example. CNAME static.example.",
            "far.example. CNAME alias.example.",
            "static.example. TXT \"as it is\"",
        ],
        ..CASE
    },
    // RFC 6672.
    Case {
        name: "x.old.example.",
        answer: &[
            "old.example. DNAME new.example.",
            "x.new.example. A 192.0.2.33",
            "x.old.example. CNAME x.new.example.",
        ],
        ..CASE
    },
    // RFC 4592.
    Case {
        name: "some.name.wild.example.",
        answer: &["some.name.wild.example. A 192.0.2.31"],
        ..CASE
    },
    Case {
        name: "a.wild.example.",
        rtype: "TXT",
        answer: &["a.wild.example. TXT \"any\""],
        ..CASE
    },
    Case {
        name: "a.wild.example.",
        rtype: "AAAA",
        authority: SOA,
        ..CASE
    },
    // Absence (RFC 2308), an empty non-terminal's too (RFC 8020).
    Case {
        name: "ent.example.",
        authority: SOA,
        ..CASE
    },
    Case {
        name: "leaf.ent.example.",
        hot: true,
        answer: &["leaf.ent.example. A 192.0.2.32"],
        ..CASE
    },
    Case {
        name: "leaf.ent.example.",
        rtype: "AAAA",
        authority: SOA,
        ..CASE
    },
    Case {
        name: "no.such.example.",
        rcode: "NXDOMAIN",
        authority: SOA,
        ..CASE
    },
    Case {
        name: "below.static.example.",
        rcode: "NXDOMAIN",
        authority: SOA,
        ..CASE
    },
    // Referrals, which a recursor follows to the child's own server.
    Case {
        name: "www.sub.example.",
        aa: false,
        authority: &["sub.example. NS ns.sub.example."],
        additional: &[
            "ns.sub.example. A 10.9.0.54",
            "ns.sub.example. AAAA fd09::54",
        ],
        resolved: Some(&["www.sub.example. A 192.0.2.41"]),
        ..CASE
    },
    Case {
        name: "www.sub.example.",
        rtype: "AAAA",
        aa: false,
        authority: &["sub.example. NS ns.sub.example."],
        additional: &[
            "ns.sub.example. A 10.9.0.54",
            "ns.sub.example. AAAA fd09::54",
        ],
        resolved: Some(&["www.sub.example. AAAA 2001:db8::41"]),
        ..CASE
    },
];

/// What is not ours; no recursor would ask us.
const OUTSIDE: Case = Case {
    name: "www.example.org.",
    rcode: "REFUSED",
    aa: false,
    ..CASE
};

/// Fails unless the section has one record that starts as each of `expected`.
#[track_caller]
fn assert_starts(found: &[String], expected: &[&str], what: &str) {
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(record, start)| record.starts_with(start));
    assert!(fits, "{what}: {found:?} instead of {expected:?}");
}

#[track_caller]
fn assert_authoritative(case: &Case, reply: &Reply, what: &str) {
    assert_eq!(reply.rcode, case.rcode, "{what}: {reply:?}");
    assert!(
        reply.has("qr") && !reply.has("tc") && !reply.has("ra"),
        "{what}: {reply:?}"
    );
    assert_eq!(reply.has("aa"), case.aa, "{what}: {reply:?}");
    assert_eq!(reply.answer, case.answer, "{what}");
    assert_starts(&reply.authority, case.authority, what);
    assert_eq!(reply.additional, case.additional, "{what}");
}

/// Every client, over one family and one transport.
#[track_caller]
fn every_client(family: Family, transport: Transport) {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    let _daemon = world.start(&config);
    for asker in Asker::ALL {
        let (hot, cold): (Vec<_>, Vec<_>) = CASES
            .iter()
            .chain([&OUTSIDE])
            .partition(|case| case.hot && asker.is_plain() && transport == Transport::Udp);
        for (cases, in_kernel) in [(hot, true), (cold, false)] {
            let before = config.stats();
            for case in &cases {
                let what = format!(
                    "{asker:?} {family:?} {transport:?} {} {}",
                    case.name, case.rtype
                );
                let between = (case.resolver.address(family), family.dns());
                let reply = asker.ask(&world.clients, between, transport, case.name, case.rtype);
                assert_authoritative(case, &reply, &what);
            }
            let (after, count) = (config.stats(), cases.len() as u64);
            let grown = (
                after.answered() - before.answered(),
                after.userspace() - before.userspace(),
            );
            let expected = if in_kernel { (count, 0) } else { (0, count) };
            assert_eq!(
                grown, expected,
                "{asker:?} {family:?} {transport:?}: answered in the kernel and in userspace"
            );
        }
    }
}

#[test]
fn every_client_over_udp_and_ipv4() {
    every_client(Family::V4, Transport::Udp);
}

#[test]
fn every_client_over_udp_and_ipv6() {
    every_client(Family::V6, Transport::Udp);
}

#[test]
fn every_client_over_tcp_and_ipv4() {
    every_client(Family::V4, Transport::Tcp);
}

#[test]
fn every_client_over_tcp_and_ipv6() {
    every_client(Family::V6, Transport::Tcp);
}

#[test]
fn a_recursor_that_minimises_names_resolves_everything() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    let _daemon = world.start(&config);
    let _child = world.start_in(&child(&world));
    for family in Family::ALL {
        for transport in [Transport::Udp, Transport::Tcp] {
            let unbound = Unbound::start(&world, family, transport);
            let of_its_group = CASES.iter().filter(|case| case.resolver == Resolver::A);
            for case in of_its_group {
                let what = format!("{family:?} {transport:?} {} {}", case.name, case.rtype);
                let reply = unbound.ask(case.name, case.rtype);
                assert_eq!(reply.rcode, case.rcode, "{what}: {reply:?}");
                assert_eq!(reply.answer, case.resolved.unwrap_or(case.answer), "{what}");
            }
        }
    }
}

/// The server of the delegated zone.
fn child(world: &World) -> ConfigDir {
    let config = ConfigDir::new(&world.lab, "child").expect("a configuration");
    let [v4, v6] = support::world::CHILD_DNS;
    for (file, text) in [
        (
            "veer.conf",
            format!("server.addresses = {v4} {v6}\n").as_str(),
        ),
        ("zones.d/sub.example.zone", zone::CHILD),
    ] {
        config.write(file, text).expect("a file");
    }
    config
}
