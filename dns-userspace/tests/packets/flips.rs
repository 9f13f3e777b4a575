//! A reply is made from one ranking and one answer, whatever is written meanwhile.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use dns_common::decision::{Eligible, Ranking};
use veer::tables::{
    Addresses, Capacity, ImageBuilder, RowData, Slot, Tables, wait_for_kernel_readers,
};

use crate::{
    rig::{Rig, run},
    wire::{A, Answer, Datagram, Question, name},
    world::{SECRETS, V4, WWW, slot},
};

const CAPACITY: Capacity = Capacity {
    names: 64,
    groups: 4,
    pools: 2,
    answer_cells: 512,
    chunks: 4,
    services: 2,
    rate_buckets: 1,
};
const CANDIDATES: u8 = 8;
/// How many generations differ from each other before they repeat.
const CONTENTS: u64 = 16;
const LASTING: Duration = Duration::from_secs(3);

/// An answer of several cells, every record of which says whose it is.
fn answer(generation: u64, candidate: u8) -> Answer {
    let content = (generation % CONTENTS) as u8;
    let count = 5 + content % 7;
    Answer {
        alias: None,
        addresses: (0..count)
            .map(|number| IpAddr::from([10 + content, candidate, content, number]))
            .collect(),
        ttl: u32::from(content) << 8 | u32::from(candidate),
    }
}

/// A generation whose names, and with them every cell's place, differ from the
/// ones before.
fn publish(tables: &Tables, number: u64) {
    let mut builder = ImageBuilder::new(tables, number);
    // The pool's number differs from generation to generation too.
    let pool = (number / 2 % 2) as u16;
    for _ in 0..2 {
        let ranking = Ranking::new(&[0, 1, 2, 3, 4, 5, 6, 7]);
        builder.pool(Eligible::new(0xff, 0xff, false), &[ranking; 4], &[]);
    }
    for other in 0..number % 5 {
        let name = name(&format!("other{other}.example."));
        let answers = [slot(&name, &answer(number, 0xee)), Slot::Absent];
        builder.name(&name, &RowData::of(Addresses::Static(answers)));
    }
    let records = |candidate: usize| slot(&name(WWW), &answer(number, candidate as u8));
    let data = RowData::of(Addresses::steered(
        (number % 2) as u32,
        pool,
        [
            std::array::from_fn(records),
            std::array::from_fn(|_| Slot::Absent),
        ],
    ));
    builder.name(&name(WWW), &data);
    tables.publish(&builder.build(&[V4], 53, SECRETS).expect("it fits"));
}

/// Rewrites rankings and eligibility all the time, and every so often the whole
/// generation; how many generations that were.
fn rewrite(tables: &Tables, stop: &AtomicBool, current: &AtomicU64) -> u64 {
    let mut number = 1;
    let mut random = 1_u64;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..2000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let turn = (random >> 40) as u8 % CANDIDATES;
            let order: Vec<u8> = (0..CANDIDATES).map(|n| (n + turn) % CANDIDATES).collect();
            for pool in 0..2 {
                for group in 0..4 {
                    tables.store_ranking(number, pool, group, Ranking::new(&order).0);
                }
                let mask = (random >> 48) as u8 | 1 << turn;
                tables.store_eligible(number, pool, Eligible::new(mask, 0, true).0);
            }
        }
        number += 1;
        // Nobody may read the generation before the current one any more.
        wait_for_kernel_readers().expect("membarrier");
        current.store(number, Ordering::SeqCst);
        publish(tables, number);
    }
    number
}

#[test]
fn a_reply_is_never_a_mix() {
    let mut rig = Rig::load(CAPACITY);
    publish(&rig.tables, 1);
    let way = Datagram::new("10.1.3.7".parse().expect("an address"), V4);
    let question = Question::new(&name(WWW), A);
    let query = way.frame(&question.query());
    let allowed: BTreeSet<(u64, Vec<u8>)> = (0..CONTENTS)
        .flat_map(|content| (0..CANDIDATES).map(move |candidate| (content, candidate)))
        .map(|(content, candidate)| {
            let reply = question.reply(&answer(content, candidate));
            (content, way.back().frame(&reply))
        })
        .collect();

    let Rig { kernel, tables } = &mut rig;
    let stop = AtomicBool::new(false);
    let newest = AtomicU64::new(1);
    let (mut runs, mut seen) = (0_u64, BTreeSet::new());
    let generations = thread::scope(|scope| {
        let writer = scope.spawn(|| rewrite(tables, &stop, &newest));
        let end = Instant::now() + LASTING;
        while Instant::now() < end {
            let oldest = newest.load(Ordering::SeqCst).saturating_sub(1);
            let ran = run(kernel, &query);
            let youngest = newest.load(Ordering::SeqCst);
            let contents = (oldest..=youngest).map(|number| number % CONTENTS);
            let mut candidates = contents.map(|content| (content, ran.frame.clone()));
            let found = candidates.find(|candidate| allowed.contains(candidate));
            if found.is_none() {
                stop.store(true, Ordering::Relaxed);
            }
            let found =
                found.unwrap_or_else(|| panic!("generations {oldest} to {youngest}: {ran:?}"));
            seen.insert(found);
            runs += 1;
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("the writer ends")
    });
    // The test is worth its name only if much was rewritten and much seen.
    assert!(generations > 10, "{generations} generations");
    assert!(runs > 1000, "{runs} runs");
    assert!(seen.len() > 20, "{} answers seen", seen.len());
}
