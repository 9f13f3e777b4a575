//! Whole generations, built and made current while the kernel answers.
//!
//! The same load is offered twice, without and with generations that follow each other
//! as fast as they are made. In every one each name has another address than in the one
//! before. What counts as lost is what the server's side took from the link and did not
//! answer: the link itself loses frames in bursts, at any rate.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aya::programs::Xdp;
use core_affinity::CoreId;
use dns_common::outcome::Outcome;
use dns_ebpf::load::{Fate, Kind, TEMPLATES_MAX};
use serde::Serialize;
use veer::{kernel::Kernel, model::Plan, tables::Capacity};
use xtask::lab::veth;

use super::{
    ask::Query,
    names::Names,
    world::{World, Writer, resolver},
};
use crate::{
    load::{Edns, Load, Mix, Questions, Step, ratio_of},
    rig::{Rig, SERVER_CPU},
    zone::ORIGIN,
};

/// From one checked answer to the next.
const CHECK_EVERY: Duration = Duration::from_micros(200);

/// How many names there are, and what is offered for how long.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Size {
    pub(super) names: u32,
    /// Queries per second.
    pub(super) rate: u32,
    /// Seconds of load, each time.
    pub(super) seconds: u32,
}

/// What was measured; times are medians over the flips.
#[derive(Debug, Serialize)]
pub(super) struct Flip {
    #[serde(flatten)]
    pub(super) size: Size,
    /// Generations that became current under load.
    pub(super) flips: usize,
    /// Reading the zones of both editions from their files, before the load, milliseconds.
    pub(super) read_ms: f64,
    /// Compiling the generation's image, milliseconds.
    pub(super) build_ms: f64,
    /// From handing the image to the publisher until it was current, milliseconds:
    /// waiting until nobody reads the half that it takes, writing it, one store.
    pub(super) write_ms: f64,
    /// Longest time between the last old answer that was seen of a flip and the first new
    /// one, milliseconds; answers are looked at every 0.2 ms at best.
    pub(super) switch_ms: f64,
    /// Frames that the server's side took from the link while generations followed.
    pub(super) received: u64,
    /// Those of them that got no answer.
    pub(super) unanswered: u64,
    /// The same without flips.
    pub(super) unanswered_without: u64,
    /// Answers that are wrong: not an answer, or not the address of a generation that was
    /// current while it was asked for.
    pub(super) wrong: u64,
    /// Answers whose address was looked at.
    pub(super) checked: u64,
    /// Every flip.
    generations: Vec<Generation>,
    /// The load without flips, and with them.
    pub(super) loads: [Traffic; 2],
}

/// One flip: the number that became current, and milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Generation {
    number: u64,
    build_ms: f64,
    write_ms: f64,
}

/// What came of the load once.
#[derive(Debug, Serialize)]
pub(super) struct Traffic {
    pub(super) step: Step,
    /// Frames that the server's side took from the link, by its counter or the program's.
    pub(super) received: u64,
    /// Queries the program answered, those of the check left out.
    pub(super) answered: u64,
    pub(super) unanswered: u64,
    /// Answers that arrived by queries sent, what the link lost included.
    pub(super) answered_share: f64,
    wrong: u64,
    checked: u64,
    switch_ms: f64,
}

pub(super) fn measure(size: Size) -> Result<Flip> {
    let rig = Rig::new()?;
    let World { mut kernel, writer } = World::new(capacity(size.names), Plan::default())?;
    let names = Names::new(rig.lab().dir(), size.names)?;
    generation(&writer, &names)?;
    let _link = veth::attach(kernel.program()?, rig.server())?;
    let hot = hot_names(&names);
    let questions = Questions {
        hot: &hot,
        flood_zone: ORIGIN,
        edns: Edns::Off,
    };
    let mut load = Load::new(&rig, questions)?;
    let (without, _) = offer(&mut load, &mut kernel, &writer, &names, size, false)?;
    let (with, generations) = offer(&mut load, &mut kernel, &writer, &names, size, true)?;
    if generations.is_empty() {
        let Size { names, seconds, .. } = size;
        bail!("no generation of {names} names was made within {seconds} s; raise --flip-seconds");
    }
    let median = |of: fn(&Generation) -> f64| {
        let mut times: Vec<f64> = generations.iter().map(of).collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    Ok(Flip {
        size,
        flips: generations.len(),
        read_ms: milliseconds(names.read),
        build_ms: median(|one| one.build_ms),
        write_ms: median(|one| one.write_ms),
        switch_ms: with.switch_ms,
        received: with.received,
        unanswered: with.unanswered,
        unanswered_without: without.unanswered,
        wrong: without.wrong + with.wrong,
        checked: without.checked + with.checked,
        generations,
        loads: [without, with],
    })
}

fn capacity(names: u32) -> Capacity {
    Capacity {
        // And those between and above them.
        names: names + names / 4 + 64,
        groups: 1,
        pools: 1,
        // The records of each, the absence of others, and what zones have.
        answer_cells: 6 * names + 1024,
        chunks: 1,
        services: 1,
        rate_buckets: 1,
    }
}

/// As many names as can be asked for, from all over the table.
fn hot_names(names: &Names) -> Vec<String> {
    let hosts = names.hosts();
    let every = hosts.len().div_ceil(TEMPLATES_MAX as usize - 1);
    let hot = hosts.iter().step_by(every);
    hot.map(|host| host.name.clone()).collect()
}

/// Offers the load once, with generations following each other meanwhile if `flipping`.
fn offer(
    load: &mut Load,
    kernel: &mut Kernel,
    writer: &Writer,
    names: &Names,
    size: Size,
    flipping: bool,
) -> Result<(Traffic, Vec<Generation>)> {
    let before = kernel.counts()?.outcomes;
    let mix = Mix {
        rate: f64::from(size.rate),
        flood_share: 0.0,
    };
    let program: &Xdp = kernel.program()?;
    let done = AtomicBool::new(false);
    let (step, generations, checks) = thread::scope(|scope| {
        let flips = scope.spawn(|| {
            let all = if flipping {
                flip(writer, names, &done)
            } else {
                Ok(Vec::new())
            };
            all.context("publishing a generation")
        });
        let checks = scope.spawn(|| check(program, writer, names, &done));
        let step = load.run(mix, Duration::from_secs(size.seconds.into()));
        done.store(true, Relaxed);
        let flips = flips.join();
        let checks = checks.join();
        let flips = flips.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        let checks = checks.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        Ok::<_, anyhow::Error>((step?, flips?, checks?))
    })?;
    let after = kernel.counts()?.outcomes;
    let all = |outcomes: &[u64]| outcomes.iter().sum::<u64>();
    let answered_at = Outcome::Answered as usize;
    let answered = after[answered_at] - before[answered_at] - checks.asked;
    // On a busy machine frames may still come when the link's counter has been read.
    let seen = all(&after) - all(&before) - checks.asked;
    let received = step.received.max(seen);
    let good = step.replies.of(Kind::Hot, Fate::Answer);
    let traffic = Traffic {
        step,
        answered,
        received,
        unanswered: received - answered,
        answered_share: ratio_of(good) / ratio_of(step.sent.hot),
        wrong: step.replies.all(Kind::Hot) - good + checks.wrong,
        checked: checks.asked,
        switch_ms: milliseconds(checks.longest_switch),
    };
    Ok((traffic, generations))
}

/// Has generations follow each other until the load is `done`.
fn flip(writer: &Writer, names: &Names, done: &AtomicBool) -> Result<Vec<Generation>> {
    keep_to_server()?;
    let mut all = Vec::new();
    while !done.load(Relaxed) {
        let one = generation(writer, names)?;
        // What became current after the load says nothing.
        if !done.load(Relaxed) {
            all.push(one);
        }
    }
    Ok(all)
}

/// The next generation, from its zones to its being current.
fn generation(writer: &Writer, names: &Names) -> Result<Generation> {
    let number = writer.tables.generation_number() + 1;
    let published = writer.publish(names.zones(number))?;
    Ok(Generation {
        number,
        build_ms: milliseconds(published.build),
        write_ms: milliseconds(published.write),
    })
}

/// What looking at answers showed.
#[derive(Clone, Copy, Debug, Default)]
struct Checks {
    asked: u64,
    wrong: u64,
    longest_switch: Duration,
}

/// Asks `program` for names from all over the table until the load is `done`: the address
/// must be that of a generation that was current meanwhile.
fn check(program: &Xdp, writer: &Writer, names: &Names, done: &AtomicBool) -> Result<Checks> {
    /// Prime to any number of names: a step that comes by all of them.
    const STEP: usize = 1_000_003;
    keep_to_server()?;
    let mut checks = Checks::default();
    let hosts = names.hosts();
    let mut number = 0;
    // When the last answer was asked for, and the generation it was of.
    let mut last: Option<(Instant, u64)> = None;
    while !done.load(Relaxed) {
        let host = &hosts[number];
        let query = Query::new(&host.name, resolver(0))?;
        let begin = Instant::now();
        let before = writer.tables.generation_number();
        let answer = query.ask(program)?;
        let after = writer.tables.generation_number();
        checks.asked += 1;
        let mut current = before..=after;
        let of = current.find(|generation| host.address(*generation) == answer);
        checks.wrong += u64::from(of.is_none());
        if let (Some((begin, old)), Some(new)) = (last, of)
            && new != old
        {
            let between = begin.elapsed();
            checks.longest_switch = checks.longest_switch.max(between);
        }
        last = of.map(|generation| (begin, generation)).or(last);
        number = (number + STEP) % hosts.len();
        thread::sleep(CHECK_EVERY);
    }
    Ok(checks)
}

/// Leaves the other core to the load.
fn keep_to_server() -> Result<()> {
    if !core_affinity::set_for_current(CoreId { id: SERVER_CPU }) {
        bail!("cannot run on CPU {SERVER_CPU}");
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
