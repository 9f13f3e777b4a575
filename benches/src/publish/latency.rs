//! From a probe's sample to the kernel's answer.
//!
//! Samples go the daemon's way: the schedule's tasks and the loop share one thread; the
//! loop asks the director, and has the publisher store what changes. Another
//! core runs the XDP program all the time, on queries whose answers the flips change.
//! So a delay ends when a whole run of the program, begun after the store, has ended.

use std::{
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aya::programs::Xdp;
use core_affinity::CoreId;
use serde::Serialize;
use tokio::{runtime, sync::mpsc};
use veer::{
    measurement::{
        director::Director,
        metric::Metric,
        publish::Publisher,
        sample::{Sample, Vantage},
        schedule::Schedule,
    },
    model::{Plan, Policy, Quantity},
    tables::Capacity,
};

use super::{
    ask::{Query, Reply},
    prober::{Flipper, Kind, Rigged},
    world::{self, World, Writer, candidate_address, resolver, service, service_name},
};
use crate::{
    delays::{Delays, Summary},
    load::ratio_of,
    rig::CLIENT_CPU,
};

/// The pools that flip come first: by death and return, then by latency.
const KINDS: [Kind; 2] = [Kind::Eligible, Kind::Ranking];
/// Candidates of each of them: one that flips and its rival.
const FLIPPING: u8 = 2;
/// Candidates of every other pool.
const CANDIDATES: u8 = 8;
/// From flip to flip of one target.
const FLIP_EVERY: Duration = Duration::from_millis(5);
/// Samples per second of the rivals, whose probes have the same interval.
const RIVALS_RATE: u32 = 400;
/// The lowest rate of samples beside the flips.
pub(super) const SAMPLES_MIN: i64 = RIVALS_RATE as i64 + 1;
/// Samples that may wait for the loop, as in the daemon.
const SAMPLES_WAITING: usize = 4096;
/// The difference in latency that does not matter.
const TOLERANCE: Quantity = Quantity(2_000);
/// A flip that has not shown by then is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much to measure, and among how much else.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Size {
    pub(super) pools: u16,
    pub(super) groups: u16,
    /// Flips, of both kinds together.
    pub(super) flips: u64,
    /// Samples per second beside them.
    pub(super) samples_per_s: u32,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    /// 99 % of the flips of each kind were visible within so long, microseconds.
    pub(super) p99_us: f64,
    pub(super) kinds: Vec<KindLatency>,
    /// All samples, those that flip included, per second.
    samples_per_s: f64,
    /// Decision words stored per second meanwhile.
    stores_per_s: f64,
    /// Time from one answer of the program to the next, as it was asked; every delay
    /// is too long by up to two of them, nanoseconds.
    ask_ns: f64,
}

/// The delays of one kind of flip.
#[derive(Debug, Serialize)]
pub(super) struct KindLatency {
    pub(super) kind: Kind,
    #[serde(flatten)]
    pub(super) delays: Summary,
}

/// One flipping pool, as it is watched.
struct Watched<'f> {
    flipper: &'f Flipper,
    query: Query,
    /// The answers after even and odd numbers of flips.
    answers: [Ipv4Addr; 2],
    delays: Delays,
}

/// What the watching core saw.
struct Seen {
    delays: Vec<(Kind, Delays)>,
    asked: u64,
    time: Duration,
}

pub(super) fn measure(size: Size) -> Result<Latency> {
    let World {
        mut kernel,
        mut writer,
    } = World::new(capacity(size), plan(size)?)?;
    let flippers: Arc<[Flipper]> = (0..)
        .zip(KINDS)
        .map(|(number, kind)| {
            let address = candidate_address(number, 0);
            let mut targets = writer.director.targets().iter();
            let target = targets.find(|target| target.address == address);
            Ok(Flipper::new(target.context("it is probed")?.id, kind))
        })
        .collect::<Result<_>>()?;
    let steady = u32::from(FLIPPING) * KINDS.len() as u32;
    let prober = Arc::new(Rigged::new(Arc::clone(&flippers), steady));
    observe_first(&mut writer.director, &prober);
    writer.publish(&world::zones_of(writer.director.plan())?)?;

    let watched = (0..).zip(flippers.iter()).map(|(pool, flipper)| {
        Ok(Watched {
            flipper,
            // Of the last group, whose word is the last to be stored.
            query: Query::new(&service_name(pool), resolver(size.groups - 1))?,
            answers: [0, 1].map(|candidate| candidate_address(pool, candidate)),
            delays: Delays::default(),
        })
    });
    let watched = watched.collect::<Result<Vec<_>>>()?;
    let flips_each = size.flips.div_ceil(KINDS.len() as u64);

    let Writer {
        tables,
        publisher,
        director,
        ..
    } = &mut writer;
    let program: &Xdp = kernel.program()?;
    let stores = tables.stores();
    let done = AtomicBool::new(false);
    let (seen, samples) = thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let seen = watch(program, watched, flips_each);
            done.store(true, Relaxed);
            seen
        });
        let samples = direct(director, publisher, &prober, &done);
        let seen = watching.join();
        let seen = seen.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        Ok::<_, anyhow::Error>((seen?, samples?))
    })?;
    let seconds = seen.time.as_secs_f64();
    let kinds = seen.delays.into_iter().map(|(kind, delays)| {
        let delays = delays.summary().context("there were flips")?;
        Ok(KindLatency { kind, delays })
    });
    let kinds = kinds.collect::<Result<Vec<_>>>()?;
    Ok(Latency {
        p99_us: kinds
            .iter()
            .map(|kind| kind.delays.p99_us)
            .fold(0.0, f64::max),
        kinds,
        samples_per_s: ratio_of(samples) / seconds,
        stores_per_s: ratio_of(tables.stores() - stores) / seconds,
        ask_ns: seconds * 1e9 / ratio_of(seen.asked.max(1)),
    })
}

fn capacity(size: Size) -> Capacity {
    let pools = u32::from(size.pools);
    Capacity {
        names: pools + 16,
        groups: u32::from(size.groups).next_power_of_two(),
        pools,
        // For each family each candidate's answer and all candidates', and the zone's own.
        answer_cells: 128 * pools + 64,
        chunks: 1,
        services: pools,
        rate_buckets: 1,
    }
}

/// The flipping pools, and others ranked by latencies that go up and down.
fn plan(size: Size) -> Result<Plan> {
    let flipping = KINDS.len() as u16;
    let targets = u32::from(size.pools - flipping) * u32::from(CANDIDATES);
    let interval =
        Duration::from_secs(1) * targets / size.samples_per_s.saturating_sub(RIVALS_RATE).max(1);
    let latency = Policy::least(Metric::ConnectTime, TOLERANCE);
    let services = (0..size.pools).map(|number| match KINDS.get(usize::from(number)) {
        Some(Kind::Eligible) => {
            let in_order = Policy::Failover {
                order: (0..FLIPPING).collect(),
                by_group: [].into(),
            };
            service(number, FLIPPING, in_order, FLIP_EVERY)
        }
        Some(Kind::Ranking) => service(number, FLIPPING, latency.clone(), FLIP_EVERY),
        None => service(number, CANDIDATES, latency.clone(), interval),
    });
    let services = services.collect::<Result<_>>()?;
    Ok(Plan::new(services, world::groups(size.groups)))
}

/// One sample of each target before anything is decided, as at the daemon's start.
fn observe_first(director: &mut Director, prober: &Rigged) {
    let at = tokio::time::Instant::now();
    let samples = director.targets().iter().map(|target| Sample {
        target: target.id,
        at,
        taken_from: Vantage::Host,
        verdict: prober.first(target),
    });
    let samples: Vec<_> = samples.collect();
    director.observe_first_round(&samples);
}

/// What the daemon does with samples, until it is `done`; how many there were.
fn direct(
    director: &mut Director,
    publisher: &Publisher,
    prober: &Arc<Rigged>,
    done: &AtomicBool,
) -> Result<u64> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start the runtime")?.block_on(async {
        let (sender, mut samples) = mpsc::channel(SAMPLES_WAITING);
        let targets: Vec<_> = director.targets().iter().cloned().collect();
        let targets = targets.into_iter().map(|target| (target, None));
        let _schedule = Schedule::start(targets, prober, &sender);
        let mut count = 0;
        while !done.load(Relaxed) {
            let sample = samples.recv().await.context("the schedule has ended")?;
            let changes = director.observe(&sample);
            if !changes.is_empty() {
                publisher.words(&changes, None);
            }
            count += 1;
        }
        Ok(count)
    })
}

/// Has the calling thread, which is the clock, come before other processes.
fn come_first() -> Result<()> {
    const CALLING_THREAD: libc::id_t = 0;
    const FIRST: libc::c_int = -20;
    // SAFETY: takes numbers and touches no memory.
    let failed = unsafe { libc::setpriority(libc::PRIO_PROCESS, CALLING_THREAD, FIRST) };
    if failed != 0 {
        return Err(io::Error::last_os_error()).context("setpriority of the watching thread");
    }
    Ok(())
}

/// Asks `program` again and again, until each of `watched` has shown `flips`.
fn watch(program: &Xdp, mut watched: Vec<Watched>, flips: u64) -> Result<Seen> {
    if !core_affinity::set_for_current(CoreId { id: CLIENT_CPU }) {
        bail!("cannot run on CPU {CLIENT_CPU}");
    }
    come_first()?;
    let begin = Instant::now();
    let mut shown = begin;
    let mut asked = 0;
    while watched
        .iter()
        .any(|one| (one.delays.count() as u64) < flips)
    {
        for one in &mut watched {
            let answer = match one.query.ask(program)? {
                Reply::Address(answer) => answer,
                seen => bail!("the program's answer is no address: {seen:?}"),
            };
            asked += 1;
            let flips = one.delays.count();
            if answer == one.answers[(flips + 1) & 1] {
                one.delays.push(one.flipper.show());
                shown = Instant::now();
            } else if answer != one.answers[flips & 1] {
                bail!("after {flips} flips the answer is {answer}, which is neither candidate");
            }
        }
        if shown.elapsed() > PATIENCE {
            let made: Vec<_> = watched.iter().map(|one| one.flipper.made()).collect();
            let seen: Vec<_> = watched.iter().map(|one| one.delays.count()).collect();
            bail!("nothing has shown for {PATIENCE:?}: {made:?} flips were made, {seen:?} seen");
        }
    }
    let delays = watched
        .into_iter()
        .map(|one| (one.flipper.kind(), one.delays));
    Ok(Seen {
        delays: delays.collect(),
        asked,
        time: begin.elapsed(),
    })
}
