//! Both planes give the same bytes for the same query, resolver and tables, and
//! TCP the same once more.

mod support;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use domain::base::{Message, Rtype};
use socket2::{Domain, Socket, Type};
use support::{
    config::Config,
    cookies,
    query::{CLIENT_SUBNET, COOKIE, Edns, query},
    world::{Family, Resolver, World},
    zone::{self, Service},
};

/// Every kind of answer with addresses: one record and several, with and without
/// a CNAME.
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

/// Every other kind of answer: other types, what a wildcard covers, referrals,
/// names and types that are not there.
const OTHERS: [(&str, Rtype); 12] = [
    ("static.example.", Rtype::TXT),
    ("static.example.", Rtype::ANY),
    ("example.", Rtype::SOA),
    ("example.", Rtype::NS),
    ("some.name.wild.example.", Rtype::A),
    ("a.wild.example.", Rtype::AAAA),
    ("www.sub.example.", Rtype::AAAA),
    ("ent.example.", Rtype::A),
    ("www.example.", Rtype::TXT),
    ("cdn.example.", Rtype::HTTPS),
    ("no.such.example.", Rtype::A),
    ("below.static.example.", Rtype::MX),
];

/// Records that a reply of 512 octets has no room for. (The whole of them the
/// kernel answers with where a frame can grow so far, which on veth it cannot.)
fn mid() -> String {
    format!("mid TXT {0} {0} {0}\n", "x".repeat(200))
}

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
            let mut add = |name: &str, rtype, (flags, mixed), edns: Option<&Edns>| {
                let id = 0x4000 + queries.len() as u16;
                let name = if mixed { mix(name) } else { name.to_owned() };
                queries.push((resolver, family, query(id, flags, &name, rtype, edns)));
            };
            let writings: Vec<_> = FLAGS.into_iter().zip([false, true, false, true]).collect();
            let addresses = NAMES.map(|name| [(name, Rtype::A), (name, Rtype::AAAA)]);
            for (name, rtype) in addresses.as_flattened().iter().chain(&OTHERS) {
                for writing in &writings {
                    add(name, *rtype, *writing, None);
                }
                for (edns, writing) in edns(resolver, family).iter().zip(writings.iter().cycle()) {
                    add(name, *rtype, *writing, Some(edns));
                }
            }
            for edns in [None, Some(&small())] {
                add("mid.example.", Rtype::TXT, (RD, false), edns);
            }
        }
    }
    queries
}

/// Takes no more than it would without.
fn small() -> Edns {
    Edns {
        payload: 512,
        ..Edns::new()
    }
}

/// What resolvers send, and what they may.
fn edns(resolver: Resolver, family: Family) -> Vec<Edns> {
    let source = resolver.address(family);
    let server = cookies::made(cookies::FIRST, source, 60);
    let cookie = [&cookies::CLIENT[..], &server].concat();
    // Family, length of the source prefix, of the scope, and the prefix.
    let subnets: [&[u8]; 4] = [
        &[0, 1, 24, 0, 10, 9, 2],
        &[0, 1, 32, 0, 10, 9, 1, 77],
        &[0, 2, 56, 0, 0xfd, 0x09, 0, 0, 0, 0, 0],
        &[0, 1, 0, 0],
    ];
    let subnets = subnets.map(|subnet| Edns::new().with(CLIENT_SUBNET, subnet));
    let everything = Edns {
        payload: 4096,
        dnssec_ok: true,
        ..Edns::new()
    };
    let everything = everything
        .with(UNKNOWN, b"whatever")
        .with(COOKIE, &cookie)
        .with(CLIENT_SUBNET, &[0, 2, 64, 0, 0xfd, 0x09, 0, 0, 0, 0, 0, 2]);
    let later = Edns {
        version: 1,
        ..Edns::new().with(COOKIE, &cookie)
    };
    let with_cookie = Edns::new().with(COOKIE, &cookie);
    let mut all = vec![Edns::new(), small(), later, with_cookie, everything];
    all.extend(subnets);
    all
}

/// An option that nobody has defined.
const UNKNOWN: u16 = 100;

/// Every second letter in upper case, as resolvers do that make spoofing harder.
fn mix(name: &str) -> String {
    let mixed = name.chars().enumerate().map(|(at, letter)| {
        if at % 2 == 0 {
            letter.to_ascii_uppercase()
        } else {
            letter
        }
    });
    mixed.collect()
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
        .chunk_by(|one, other| (one.0, one.1) == (other.0, other.1))
        .flat_map(|queries| {
            let (resolver, family, _) = queries[0];
            let client = world.client(resolver, family);
            let ask = move |(.., query): &Query| client.exchange(query).expect("a reply");
            queries.iter().map(ask)
        })
        .collect();
    let (after, count) = (counts(), queries.len() as u64);
    assert_eq!(
        (after.0 - before.0, after.1 - before.1),
        if in_kernel { (count, 0) } else { (0, count) },
        "answered in the kernel, and in userspace: {:#}",
        config.veerctl(&["stats"])
    );
    replies
}

/// The replies to `queries` over TCP.
#[track_caller]
fn replies_over_tcp(world: &World, queries: &[Query]) -> Vec<Vec<u8>> {
    let one_connection = |queries: &[Query]| {
        let (resolver, family, _) = queries[0];
        let mut stream = connect(world, resolver, family);
        let mut replies = Vec::new();
        for (.., query) in queries {
            let length = (query.len() as u16).to_be_bytes();
            stream
                .write_all(&[&length, query.as_slice()].concat())
                .expect("it is sent");
            let mut length = [0; 2];
            stream.read_exact(&mut length).expect("a length");
            let mut reply = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut reply).expect("a reply");
            replies.push(reply);
        }
        replies
    };
    queries
        .chunk_by(|one, other| (one.0, one.1) == (other.0, other.1))
        .flat_map(one_connection)
        .collect()
}

#[track_caller]
fn connect(world: &World, resolver: Resolver, family: Family) -> TcpStream {
    let source = SocketAddr::new(resolver.address(family), 0);
    let server = SocketAddr::new(family.dns(), 53);
    let connected = world.clients.run(|| {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
        socket.bind(&source.into())?;
        socket.connect(&server.into())?;
        Ok::<TcpStream, std::io::Error>(socket.into())
    });
    connected.expect("a namespace").expect("a connection")
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

/// As [`assert_equal`], but what was truncated over UDP is whole.
#[track_caller]
fn assert_equal_or_whole(queries: &[Query], udp: &[Vec<u8>], tcp: &[Vec<u8>]) {
    let is_truncated = |reply: &[u8]| {
        let message = Message::from_slice(reply).expect("a header");
        message.header().tc()
    };
    let (mut whole, mut cut) = ((vec![], vec![], vec![]), 0);
    for ((query, udp), tcp) in queries.iter().zip(udp).zip(tcp) {
        if is_truncated(udp) {
            let is_whole = !is_truncated(tcp) && tcp.len() > udp.len();
            assert!(is_whole, "to the query {query:02x?}: {tcp:02x?}");
            cut += 1;
        } else {
            whole.0.push(query.clone());
            whole.1.push(udp.clone());
            whole.2.push(tcp.clone());
        }
    }
    assert!(cut > 0, "nothing was truncated");
    assert_equal(&whole.0, &whole.1, &whole.2);
}

/// With some of the origins stopped, the answers differ too.
#[test]
fn answers_are_the_same_bytes_from_the_kernel_from_userspace_and_over_tcp() {
    let world = World::new();
    let mut origins = world.origins(4);
    let config = world.config("veer", &[zone::WWW, zone::CDN, MANY]);
    config.write("zones.d/example.zone", &(zone::ZONE.to_owned() + &mid()));
    config.exempt_all();
    cookies::write_secrets(&config, cookies::FIRST, 0o600);
    let settings = ["health.suspect_percent = 100", cookies::SETTING];
    config.settings(&settings);
    let queries = queries();

    let daemon = world.start(&config);
    let kernel = replies(&world, &config, &queries, true);
    origins.remove(0).stop();
    // Both its addresses are down, in every pool.
    wait_until_down(&config, 2);
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    let first_dead = replies(&world, &config, &queries, true);
    assert_ne!(kernel, first_dead, "nothing has moved");
    let stream = replies_over_tcp(&world, &queries);
    assert_equal_or_whole(&queries, &first_dead, &stream);

    config.veerctl(&["detach"]);
    let userspace = replies(&world, &config, &queries, false);
    assert_equal(&queries, &first_dead, &userspace);
    daemon.sigterm().expect("it stops");

    // Another daemon, that has never seen the kernel, and all servers well.
    let _first = support::origin::Origin::start(&world, 1);
    config.settings(&[&settings[..], &["xdp.mode = off"]].concat());
    let _daemon = world.start(&config);
    // It begins with what the one before knew.
    wait_until_down(&config, 0);
    let userspace = replies(&world, &config, &queries, false);
    assert_equal(&queries, &kernel, &userspace);
}

/// Waits until so many targets are down.
fn wait_until_down(config: &Config, count: usize) {
    support::eventually(&format!("{count} targets are down"), || {
        let states = config.veerctl(&["states"]);
        let targets = states["targets"].as_array()?;
        let down = targets.iter().filter(|target| target["state"] == "down");
        (down.count() == count).then_some(())
    });
}
