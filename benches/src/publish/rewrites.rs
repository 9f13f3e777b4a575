//! Decisions rewritten per second, and what deciding them costs.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use core_affinity::CoreId;
use serde::Serialize;
use veer::{
    measurement::{
        director::{Change, Director},
        metric::Metric,
        sample::{Reason, Sample, Vantage, Verdict},
        schedule::TargetId,
    },
    model::{Plan, Policy, Quantity},
    tables::Capacity,
};

use super::{
    prober::took,
    world::{self, World, Writer, service},
};
use crate::load::ratio_of;

/// Candidates of each pool.
const CANDIDATES: u8 = 8;
/// No probe is made.
const INTERVAL: Duration = Duration::from_secs(1);
/// Changes of one kind that are timed.
const DECISIONS: u32 = 2_000;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Rewrites {
    /// Rankings stored per second, from the director's words to the tables, all on one core.
    pub(super) per_s: f64,
    /// How many were stored.
    stores: u64,
    /// How long that took, seconds.
    seconds: f64,
    /// What a sample costs that changes a pool's ranking, nanoseconds for each group's word.
    pub(super) rank_ns_per_word: f64,
    /// What a sample costs that changes a pool's ranking, nanoseconds.
    pub(super) rank_ns: f64,
    /// What a sample costs that changes who is eligible, nanoseconds.
    pub(super) decide_ns: f64,
    /// What a sample costs that changes nothing, nanoseconds.
    pub(super) observe_ns: f64,
}

/// Re-stores the words of `pools` × `groups` for about `time`.
pub(super) fn measure(pools: u16, groups: u16, time: Duration) -> Result<Rewrites> {
    let World { mut writer, .. } = World::new(capacity(pools, groups), plan(pools, groups)?)?;
    writer.publish(&world::zones_of(writer.director.plan())?)?;
    // In a thread of its own, since only that is to keep to one core.
    let (stores, spent) = thread::scope(|scope| {
        let storing = scope.spawn(|| restore(&writer, time));
        let stored = storing.join();
        stored.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    })?;
    let costs = Costs::of(&mut writer.director)?;
    let seconds = spent.as_secs_f64();
    Ok(Rewrites {
        per_s: ratio_of(stores) / seconds,
        stores,
        seconds,
        rank_ns_per_word: costs.rank / f64::from(groups),
        rank_ns: costs.rank,
        decide_ns: costs.decide,
        observe_ns: costs.observe,
    })
}

fn capacity(pools: u16, groups: u16) -> Capacity {
    let pools = u32::from(pools);
    Capacity {
        names: pools + 16,
        groups: u32::from(groups).next_power_of_two(),
        pools,
        answer_cells: 128 * pools + 64,
        chunks: 1,
        services: pools,
        rate_buckets: 1,
    }
}

fn plan(pools: u16, groups: u16) -> Result<Plan> {
    let policy = Policy::least(Metric::ConnectTime, Quantity(1_000));
    let services = (0..pools).map(|number| service(number, CANDIDATES, policy.clone(), INTERVAL));
    let services = services.collect::<Result<_>>()?;
    Ok(Plan::new(services, world::groups(groups)))
}

/// Has every word stored anew again and again, from one core.
fn restore(writer: &Writer, time: Duration) -> Result<(u64, Duration)> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let last = cores.last().copied().unwrap_or(CoreId { id: 0 });
    if !core_affinity::set_for_current(last) {
        bail!("cannot run on CPU {}", last.id);
    }
    let before = writer.tables.stores();
    let begin = Instant::now();
    while begin.elapsed() < time {
        let changes: Vec<Change> = writer.director.words().collect();
        writer.publisher.words(&changes, None);
    }
    Ok((writer.tables.stores() - before, begin.elapsed()))
}

/// What samples cost by what they change, nanoseconds.
struct Costs {
    rank: f64,
    decide: f64,
    observe: f64,
}

impl Costs {
    fn of(director: &mut Director) -> Result<Self> {
        let groups = director.plan().groups.names.len();
        let slow = Duration::from_secs(100);
        // The first candidate begins behind all others of its pool.
        for target in 0..u32::from(CANDIDATES) {
            let latency = if target == 0 {
                slow
            } else {
                Duration::from_secs(1)
            };
            director.observe(&sample(target, took(latency)));
        }
        let quick = || took(Duration::ZERO);
        let fail = || Verdict::Fail {
            reason: Reason::Refused,
        };
        // From death to return a latency starts afresh: a pass after it is quick, and a
        // slow one behind that is by a part of its own.
        let steps = [
            (fail(), 1),
            // The return itself, and the lead with it.
            (quick(), 1 + groups),
            (quick(), 0),
            (took(slow), groups),
        ];
        let mut times = [Duration::ZERO; 4];
        for _ in 0..DECISIONS {
            for ((verdict, expected), time) in steps.iter().zip(&mut times) {
                let sample = sample(0, verdict.clone());
                let begin = Instant::now();
                let changes = director.observe(&sample);
                *time += begin.elapsed();
                if changes.len() != *expected {
                    let changed = changes.len();
                    bail!("{verdict:?} changed {changed} words, not {expected}");
                }
            }
        }
        let [decide, _, observe, rank] =
            times.map(|time| time.as_secs_f64() * 1e9 / f64::from(DECISIONS));
        Ok(Self {
            rank,
            decide,
            observe,
        })
    }
}

fn sample(target: u32, verdict: Verdict) -> Sample {
    Sample {
        target: TargetId(target),
        at: tokio::time::Instant::now(),
        taken_from: Vantage::Host,
        verdict,
    }
}
