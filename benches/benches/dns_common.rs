//! The steps both planes share, in userspace over tables in memory.

#[path = "../src/fixture.rs"]
mod fixture;

use std::{hint::black_box, sync::atomic::AtomicU64};

use criterion::{Criterion, criterion_group, criterion_main};
use dns_common::{
    ask::{self, Wanted},
    decide,
    decision::{Eligible, Family, Ranking, pick},
    host::Constants,
    tables::Source,
};
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
    let filling = Filling::new(&tables, &bulk).expect("the zone fits");
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
    let ask = ask::ask(message, generation.seed, Wanted::ALL).expect("a plain query");
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
        bench.iter(|| ask::ask(black_box(message), generation.seed, Wanted::ALL));
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

criterion_group!(benches, steps);
criterion_main!(benches);
