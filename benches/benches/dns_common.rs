//! The steps both planes share, in userspace over tables in memory.

#[path = "../src/fixture.rs"]
mod fixture;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dns_common::{
    ask, decide,
    decision::{Eligible, Family, Ranking, pick},
    reply,
    tables::Source,
};
use veer::tables::Tables;

fn steps(criterion: &mut Criterion) {
    let tables = Tables::in_memory(fixture::CAPACITY).expect("memory");
    fixture::publish(&tables).expect("one name fits");
    let generation = tables.generation(tables.generation_number());
    let source = Source::V4(fixture::RESOLVER.into());
    let query = fixture::query();
    let message = query.as_slice();
    let ask = ask::ask(message, generation.seed).expect("a plain query");
    let chosen = decide::decide(message, &ask, source, &tables, &generation).expect("an answer");

    criterion.bench_function("ask", |bench| {
        bench.iter(|| ask::ask(black_box(message), generation.seed));
    });
    criterion.bench_function("decide", |bench| {
        bench.iter(|| decide::decide(black_box(message), &ask, source, &tables, &generation));
    });
    criterion.bench_function("pick", |bench| {
        let ranking = Ranking::new(&[0, 1, 2, 3]);
        let eligible = Eligible::new(0b1000, 0, true);
        bench.iter(|| pick(black_box(ranking), black_box(eligible), Family::V4));
    });
    criterion.bench_function("reply", |bench| {
        let mut room = query.clone();
        room.resize(reply::len(&ask, &chosen.head), 0);
        bench.iter(|| reply::write(black_box(room.as_mut_slice()), &ask, &chosen, &tables));
    });
    criterion.bench_function("respond and reply", |bench| {
        let mut room = query.clone();
        room.resize(reply::len(&ask, &chosen.head), 0);
        bench.iter(|| {
            let (ask, chosen) =
                dns_common::respond(black_box(message), source, &tables, &generation).ok()?;
            reply::write(black_box(room.as_mut_slice()), &ask, &chosen, &tables)
        });
    });
}

criterion_group!(benches, steps);
criterion_main!(benches);
