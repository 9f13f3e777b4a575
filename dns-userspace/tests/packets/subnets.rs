//! Client subnets (RFC 7871), octet by octet.

use std::net::IpAddr;

use dns_common::host::{ClientSubnet, Constants};
use ipnet::IpNet;

use crate::{
    rig::{PLAIN, Rig},
    shared::plain::{Opt, SUBNET, subnet},
    wire::{A, AAAA, Body, Datagram, Question, TXT, name},
    world::{self, DEFAULT_GROUP, GROUPS, TRUSTED, WWW},
    zone::{self, APEX, CUT, HTTPS, WILD},
};

fn published(client_subnet: ClientSubnet) -> Rig {
    let rig = Rig::with(
        world::CAPACITY,
        &Constants {
            client_subnet: client_subnet as u64,
            ..PLAIN
        },
    );
    world::publish(&rig.tables);
    rig
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn max_len(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// `address` with zeros after the first `len` bits.
fn cut(address: IpAddr, len: u8) -> IpAddr {
    let net = IpNet::new(address, len).expect("a length of its family");
    net.network()
}

/// The group of `address`, and the length of the largest block around it that
/// is all in that group.
fn reference(address: IpAddr) -> (u16, u8) {
    let known = || {
        GROUPS.iter().map(|(text, group, _)| {
            let prefix: IpNet = text.parse().expect("a prefix");
            (prefix, *group)
        })
    };
    let group_of = |block: &IpNet| {
        let around = known().filter(|(prefix, _)| prefix.contains(block));
        let longest = around.max_by_key(|(prefix, _)| prefix.prefix_len());
        longest.map_or(0, |(_, group)| group)
    };
    let block = |len| IpNet::new(address, len).expect("a length of its family");
    let group = group_of(&block(max_len(address)));
    let uniform = |len: &u8| {
        let block = block(*len).trunc();
        let mut inside = known().filter(|(prefix, _)| block.contains(prefix));
        group_of(&block) == group && inside.all(|(_, other)| other == group)
    };
    let scope = (0..=max_len(address)).find(uniform);
    (group, scope.expect("an address is in one group"))
}

/// The option's data for the first `len` bits of `address`.
fn option(address: IpAddr, len: u8, scope: u8) -> Vec<u8> {
    let family = if address.is_ipv4() { 1 } else { 2 };
    subnet(family, len, scope, &octets(cut(address, len)))
}

/// A question about [`WWW`] with that option.
fn ask(address: IpAddr, len: u8) -> Question {
    let opt = Opt::default().with(SUBNET, &option(address, len, 0));
    Question::new(&name(WWW), A).with(opt)
}

fn www(group: u16) -> Body {
    let answer = world::site(WWW).answer_for(A, group);
    answer.expect("an answer").body()
}

fn parse(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Addresses in and beside every prefix.
fn clients() -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = world::resolvers().map(|(address, _)| address).collect();
    for (prefix, _, _) in GROUPS {
        let prefix: IpNet = prefix.parse().expect("a prefix");
        all.extend([prefix.network(), prefix.broadcast()]);
    }
    all.extend(
        [
            "9.255.255.255",
            "11.0.0.0",
            "10.1.4.0",
            "0.0.0.0",
            "255.1.2.3",
            "2001:db9::",
            "::",
            "fc00::1",
        ]
        .map(parse),
    );
    all
}

#[test]
fn rfc7871_7_2_1_the_prefix_chooses_and_the_scope_is_its_groups_block() {
    let mut rig = published(ClientSubnet::On);
    let mut scopes = std::collections::BTreeSet::new();
    for resolver in ["198.51.100.9", "2001:db8:6::9"].map(parse) {
        let way = Datagram::new(resolver, world::ours(resolver));
        for client in clients() {
            for len in 1..=max_len(client) {
                let (group, scope) = reference(cut(client, len));
                scopes.insert(scope);
                let question = ask(client, len);
                let opt = Opt::default().with(SUBNET, &option(client, len, scope));
                let reply = way.back().frame(&question.reply_with(&www(group), &opt));
                let what = format!("{client}/{len} from {resolver}");
                rig.expect_reply(&what, &way.frame(&question.query()), &reply, Some(0));
            }
        }
    }
    assert!(scopes.len() > 10, "{scopes:?}");
}

#[test]
fn rfc7871_7_1_2_with_source_0_the_resolver_chooses_for_nobody_else() {
    let mut rig = published(ClientSubnet::On);
    for (resolver, group) in world::resolvers() {
        let way = Datagram::new(resolver, world::ours(resolver));
        for data in [[0, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0]] {
            let opt = Opt::default().with(SUBNET, &data);
            let question = Question::new(&name(WWW), A).with(opt.clone());
            let reply = way.back().frame(&question.reply_with(&www(group), &opt));
            let what = format!("{data:?} from {resolver}");
            rig.expect_reply(&what, &way.frame(&question.query()), &reply, Some(0));
        }
    }
}

#[test]
fn rfc7871_7_2_1_answers_for_everyone_have_scope_0() {
    let mut rig = published(ClientSubnet::On);
    let way = Datagram::new(parse(DEFAULT_GROUP[0]), world::V4);
    let in_zone = |text: &str| name(text);
    let fixed = world::site("static.example.").answer_for(AAAA, 0);
    let below_cut = in_zone("a.sub.example.");
    for (asked, rtype, body) in [
        (in_zone("static.example."), AAAA, fixed.expect("one").body()),
        (
            in_zone("x.example."),
            A,
            zone::nxdomain(&in_zone("x.example."), APEX),
        ),
        (in_zone(APEX), TXT, zone::nodata(&in_zone(APEX), APEX)),
        (in_zone(CUT), A, zone::referral(&in_zone(CUT))),
        (below_cut.clone(), A, zone::referral(&below_cut)),
        (
            in_zone(&format!("x.{WILD}")),
            A,
            zone::wildcard(A).expect("it is there"),
        ),
    ] {
        for len in [1, 24, 32] {
            let data = option(parse("10.1.3.7"), len, 0);
            let opt = Opt::default().with(SUBNET, &data);
            let question = Question::new(&asked, rtype).with(opt.clone());
            let reply = way.back().frame(&question.reply_with(&body, &opt));
            let ran = rig.run(&way.frame(&question.query()));
            assert_eq!(ran.frame, reply, "{asked:?}/{len}");
        }
    }
    // What follows the decision is for the block, whatever its type; that
    // there is no such type is for all.
    let (group, scope) = reference(parse("10.1.3.7"));
    for (rtype, body, scope) in [
        (HTTPS, zone::https(Some(group as u8)), scope),
        (TXT, zone::nodata(&name(WWW), APEX), 0),
    ] {
        let asked = Opt::default().with(SUBNET, &option(parse("10.1.3.7"), 32, 0));
        let opt = Opt::default().with(SUBNET, &option(parse("10.1.3.7"), 32, scope));
        let question = Question::new(&name(WWW), rtype).with(asked);
        let reply = way.back().frame(&question.reply_with(&body, &opt));
        let ran = rig.run(&way.frame(&question.query()));
        assert_eq!(ran.frame, reply, "type {rtype}");
    }
}

#[test]
fn client_subnets_are_left_out_for_whom_they_are_off() {
    let trusted: Vec<IpNet> = TRUSTED.map(|text| text.parse().expect("a prefix")).into();
    for client_subnet in [ClientSubnet::Off, ClientSubnet::Trusted] {
        let mut rig = published(client_subnet);
        let (mut honoured, mut ignored) = (0, 0);
        for (resolver, own_group) in world::resolvers() {
            let way = Datagram::new(resolver, world::ours(resolver));
            let believed = client_subnet == ClientSubnet::Trusted
                && trusted.iter().any(|prefix| prefix.contains(&resolver));
            for client in clients() {
                let len = max_len(client);
                let (group, scope) = reference(client);
                let question = ask(client, len);
                let (group, opt) = if believed {
                    honoured += 1;
                    (
                        group,
                        Opt::default().with(SUBNET, &option(client, len, scope)),
                    )
                } else {
                    ignored += 1;
                    (own_group, Opt::default())
                };
                let reply = way.back().frame(&question.reply_with(&www(group), &opt));
                let what = format!("{client} from {resolver}, {client_subnet:?}");
                rig.expect_reply(&what, &way.frame(&question.query()), &reply, Some(0));
            }
        }
        assert!(ignored > 0);
        assert_eq!(honoured > 0, client_subnet == ClientSubnet::Trusted);
    }
}
