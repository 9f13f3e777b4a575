//! Both planes give the same bytes for the same query, resolver and tables.

mod support;

use domain::base::{MessageBuilder, Name, Rtype};
use support::{
    config::Config,
    world::{Family, Resolver, World},
    zone::{self, Service},
};

/// Every kind of hot answer: one record and several, with and without a CNAME.
const NAMES: [&str; 8] = [
    "www.example.",
    "cdn.example.",
    "s2.cdn.example.",
    "many.example.",
    "static.example.",
    "multi.example.",
    "alias.example.",
    "ns1.example.",
];

/// Several addresses for each server.
const MANY: Service = Service {
    name: "many.example.",
    servers: &[
        &["10.8.0.1", "10.8.0.2", "10.8.0.3", "fd08::1", "fd08::2"],
        &["10.8.0.4", "fd08::4"],
    ],
    ..zone::WWW
};

/// The second octet pair of a header: flags that a client may set, bit by bit
/// (RFC 1035 section 4.1.1, RFC 4035 section 3).
const FLAGS: [u16; 4] = [0, RD, RD | AD, RD | CD];
const RD: u16 = 1 << 8;
const AD: u16 = 1 << 5;
const CD: u16 = 1 << 4;

/// A query and who sends it over what.
type Query = (Resolver, Family, Vec<u8>);

/// Every combination, each with an ID of its own.
fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for resolver in [Resolver::A, Resolver::B, Resolver::Other] {
        for family in Family::ALL {
            for name in NAMES {
                for rtype in [Rtype::A, Rtype::AAAA] {
                    for (flags, mixed) in FLAGS.into_iter().zip([false, true, false, true]) {
                        let id = 0x4000 + queries.len() as u16;
                        queries.push((resolver, family, query(id, flags, name, rtype, mixed)));
                    }
                }
            }
        }
    }
    queries
}

/// A query without EDNS; with every second letter of the name in upper case
/// where it is `mixed`, as resolvers do that make spoofing harder.
fn query(id: u16, flags: u16, name: &str, rtype: Rtype, mixed: bool) -> Vec<u8> {
    let name: String = name
        .chars()
        .enumerate()
        .map(|(at, letter)| {
            if mixed && at % 2 == 0 {
                letter.to_ascii_uppercase()
            } else {
                letter
            }
        })
        .collect();
    let name: Name<Vec<u8>> = name.parse().expect("a name");
    let mut message = MessageBuilder::new_vec().question();
    message.header_mut().set_id(id);
    message.push((name, rtype)).expect("room");
    let mut octets = message.finish();
    octets[2..4].copy_from_slice(&flags.to_be_bytes());
    octets
}

/// The replies to `queries`, which are all answered on one plane.
#[track_caller]
fn replies(world: &World, config: &Config, queries: &[Query], in_kernel: bool) -> Vec<Vec<u8>> {
    let counts = || {
        let stats = config.stats();
        let kernel = if stats.has_kernel() {
            stats.answered()
        } else {
            0
        };
        (kernel, stats.userspace())
    };
    let before = counts();
    let replies = queries
        .iter()
        .map(|(resolver, family, query)| {
            let client = world.client(*resolver, *family);
            client.exchange(query).expect("a reply")
        })
        .collect();
    let (after, count) = (counts(), queries.len() as u64);
    assert_eq!(
        (after.0 - before.0, after.1 - before.1),
        if in_kernel { (count, 0) } else { (0, count) },
        "answered in the kernel, and in userspace"
    );
    replies
}

#[track_caller]
fn assert_equal(queries: &[Query], one: &[Vec<u8>], other: &[Vec<u8>]) {
    for (((resolver, family, query), one), other) in queries.iter().zip(one).zip(other) {
        assert_eq!(
            one, other,
            "{resolver:?} {family:?}, to the query {query:02x?}"
        );
    }
}

/// With some of the origins stopped, the answers differ too.
#[test]
fn hot_answers_are_the_same_bytes_from_the_kernel_and_from_userspace() {
    let world = World::new();
    let mut origins = world.origins(4);
    let config = world.config("veer", &[zone::WWW, zone::CDN, MANY]);
    config.settings(&["health.suspect_percent = 100"]);
    let queries = queries();

    let daemon = world.start(&config);
    let kernel = replies(&world, &config, &queries, true);
    origins.remove(0).stop();
    // Both its addresses are down, in every pool.
    support::eventually("s1 is down", || {
        let states = config.veerctl(&["states"]);
        let targets = states["targets"].as_array()?;
        let down = targets.iter().filter(|target| target["state"] == "down");
        (down.count() == 2).then_some(())
    });
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    let first_dead = replies(&world, &config, &queries, true);
    assert_ne!(kernel, first_dead, "nothing has moved");

    config.veerctl(&["detach"]);
    let userspace = replies(&world, &config, &queries, false);
    assert_equal(&queries, &first_dead, &userspace);
    daemon.sigterm().expect("it stops");

    // Another daemon, that has never seen the kernel, and all servers well.
    let _first = support::origin::Origin::start(&world, 1);
    config.settings(&["xdp.mode = off"]);
    let _daemon = world.start(&config);
    let userspace = replies(&world, &config, &queries, false);
    assert_equal(&queries, &kernel, &userspace);
}
