//! Real clients get right answers, over both families and both transports, to
//! everything a zone can hold.

mod support;

use support::{
    cases::{CASES, Case, OUTSIDE},
    tools::{Asker, Reply, Transport},
    world::{Family, World},
    zone,
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

/// Asks every question of `cases`; checks every reply.
#[track_caller]
fn ask_all(world: &World, asker: Asker, family: Family, transport: Transport, cases: &[&Case]) {
    for case in cases {
        let (name, rtype) = (case.name, case.rtype);
        let between = (case.resolver.address(family), family.dns());
        let reply = asker.ask(&world.clients, between, transport, name, rtype);
        let what = format!("{asker:?} {family:?} {transport:?} {name} {rtype}");
        assert_authoritative(case, &reply, &what);
    }
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
            .partition(|case| case.hot && transport == Transport::Udp);
        for (cases, in_kernel) in [(hot, true), (cold, false)] {
            let before = config.stats();
            ask_all(&world, asker, family, transport, &cases);
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
fn every_answer_is_the_same_without_the_kernel() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.settings(&["xdp.mode = off"]);
    let _daemon = world.start(&config);
    let cases: Vec<_> = CASES.iter().chain([&OUTSIDE]).collect();
    for family in Family::ALL {
        ask_all(&world, Asker::Kdig, family, Transport::Udp, &cases);
    }
    assert!(!config.stats().has_kernel() && !world.has_xdp());
}
