//! The steps both planes share, in userspace over tables in memory.

#[path = "../src/fixture.rs"]
mod fixture;

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use criterion::{Criterion, criterion_group, criterion_main};
use dns_common::{
    ask::{self, Wanted},
    cookie, decide,
    decision::{Eligible, Family, Ranking, pick},
    host::Constants,
    limit, name,
    tables::{Source, Word},
};
use domain::base::{MessageBuilder, Name, Rtype, iana::OptionCode};
use fixture::{Bulk, Filling};
use veer::{clock::BootClock, plane::host::QueryHost, tables::Tables};

/// The query for the A records of the fixture's steered name, as a resolver writes it:
/// ID, RD set, one question, letters in mixed case.
fn query() -> Vec<u8> {
    let mut name = b"\x03www\x05bench\x07example\x00".to_vec();
    name[1].make_ascii_uppercase();
    let header: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    [header, &name, b"\x00\x01\x00\x01"].concat()
}

fn steps(criterion: &mut Criterion) {
    let bulk = Bulk::default();
    let tables = Tables::in_memory(bulk.capacity()).expect("memory");
    let filling = Filling::new(&bulk).expect("the zone fits");
    filling.publish(&tables).expect("the tables are empty");
    let generation = tables.generation(tables.generation_number());
    let source = Source::V4(fixture::RESOLVER.into());
    let query = query();
    let message = query.as_slice();
    let host = QueryHost {
        constants: &Constants::OFF,
        clock: &BootClock,
        tables: &tables,
        limited: &AtomicU64::new(0),
        is_stream: false,
    };
    let ask = ask::ask(message, generation.seed, Wanted::ALL, &host).expect("a plain query");
    let decide = || {
        decide::decide(
            black_box(message),
            &ask,
            source,
            &tables,
            &generation,
            &host,
        )
    };
    let decided = decide().expect("an answer");
    let room = || {
        let mut room = query.clone();
        room.resize(decided.len(), 0);
        room
    };

    criterion.bench_function("ask", |bench| {
        bench.iter(|| ask::ask(black_box(message), generation.seed, Wanted::ALL, &host));
    });
    criterion.bench_function("decide", |bench| bench.iter(decide));
    criterion.bench_function("pick", |bench| {
        let ranking = Ranking::new(&[0, 1, 2, 3]);
        let eligible = Eligible::new(0b1000, 0, true);
        bench.iter(|| pick(black_box(ranking), black_box(eligible), Family::V4));
    });
    criterion.bench_function("reply", |bench| {
        let mut room = room();
        bench.iter(|| decided.write(black_box(room.as_mut_slice()), &tables));
    });
    criterion.bench_function("respond and reply", |bench| {
        let mut room = room();
        bench.iter(|| {
            let message = black_box(message);
            let reply = dns_common::respond(message, source, &tables, &generation, &host).ok()?;
            reply.write(black_box(room.as_mut_slice()), &tables)
        });
    });
}

/// What only some queries take: options, cookies, rates.
fn options(criterion: &mut Criterion) {
    const SEED: u64 = 1;
    const CLIENT: u64 = 0x3a19_c40d_925e_7bf1;
    const NOW_S: u32 = 1_700_000_000;
    let tables = Tables::in_memory(Bulk::default().capacity()).expect("memory");
    let host = QueryHost {
        constants: &Constants::OFF,
        clock: &BootClock,
        tables: &tables,
        limited: &AtomicU64::new(0),
        is_stream: false,
    };
    let [secret, _] = fixture::SECRETS;
    let source = Source::V4(fixture::RESOLVER.into());
    let server = cookie::make(secret, CLIENT, source, NOW_S);
    let server_octets = [server.0.to_le_bytes(), server.1.to_le_bytes()];
    let cookie_octets = [&CLIENT.to_le_bytes()[..], server_octets.as_flattened()].concat();
    // IPv4, 24 bits, no scope, three octets of an address.
    let subnet_octets = [0, 1, 24, 0, 203, 0, 113];

    let queries: [(&str, &[Opt]); 4] = [
        ("ask with EDNS", &[]),
        ("ask with a cookie", &[(OptionCode::COOKIE, &cookie_octets)]),
        (
            "ask with a subnet",
            &[(OptionCode::CLIENT_SUBNET, &subnet_octets)],
        ),
        (
            "ask with both",
            &[
                (OptionCode::COOKIE, &cookie_octets),
                (OptionCode::CLIENT_SUBNET, &subnet_octets),
            ],
        ),
    ];
    for (what, options) in queries {
        let query = query_with(options);
        let message = query.as_slice();
        ask::ask(message, SEED, Wanted::ALL, &host).expect("a query");
        criterion.bench_function(what, |bench| {
            bench.iter(|| ask::ask(black_box(message), SEED, Wanted::ALL, &host));
        });
    }

    let wire: Name<Vec<u8>> = NAME.parse().expect("a name");
    criterion.bench_function("fold and hash a name", |bench| {
        bench.iter(|| name::hash(SEED, name::folded_words(black_box(wire.as_slice()))));
    });
    criterion.bench_function("cookie: make", |bench| {
        bench.iter(|| cookie::make(secret, black_box(CLIENT), source, NOW_S));
    });
    criterion.bench_function("cookie: check", |bench| {
        bench.iter(|| cookie::check(secret, CLIENT, black_box(server), source, NOW_S));
    });
    criterion.bench_function("limit: fits", |bench| {
        const INTERVAL_NS: u64 = 1_000_000;
        let (bucket, now_ns) = (Word::default(), AtomicU64::new(0));
        bench.iter(|| {
            // Twice the rate: every other one fits.
            let now_ns = now_ns.fetch_add(INTERVAL_NS / 2, Relaxed);
            limit::fits(black_box(&bucket), now_ns, INTERVAL_NS)
        });
    });
}

/// The name that queries with options ask for.
const NAME: &str = "wWw.bench.example.";

/// An option's code and octets.
type Opt<'o> = (OptionCode, &'o [u8]);

/// A query with an OPT record that has `options`.
fn query_with(options: &[Opt]) -> Vec<u8> {
    let name: Name<Vec<u8>> = NAME.parse().expect("a name");
    let mut query = MessageBuilder::new_vec().question();
    query.push((name, Rtype::A)).expect("room");
    let mut query = query.additional();
    let opt = query.opt(|opt| {
        opt.set_udp_payload_size(1232);
        opt.set_dnssec_ok(true);
        for (code, octets) in options {
            opt.push_raw_option(*code, octets.len() as u16, |target| {
                target.extend(*octets);
                Ok(())
            })?;
        }
        Ok(())
    });
    opt.expect("room");
    query.finish()
}

criterion_group!(benches, steps, options);
criterion_main!(benches);
