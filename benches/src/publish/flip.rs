//! Whole generations, built and made current while the kernel answers.
//!
//! The same load is offered twice, without and with generations that follow each other
//! as fast as they are made, on the core that answers. In every one each name has another
//! address than in the one before. What counts as lost is what the server's side took
//! from the link and did not answer: the link itself loses frames in bursts, at any rate.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use aya::programs::Xdp;
use dns_common::outcome::{Action, Outcome};
use dns_ebpf::load::{Fate, Kind, TEMPLATES_MAX};
use serde::Serialize;
use veer::{kernel::Kernel, model::Plan, tables::Capacity};
use xtask::lab::veth;

use super::{
    check,
    names::Names,
    world::{World, Writer},
};
use crate::{
    load::{Edns, Load, Mix, Questions, Step, ratio_of},
    report::median,
    rig::{Rig, keep_to_server},
    zone::ORIGIN,
};

/// Generations before the load.
const IDLE_BUILDS: usize = 5;
/// Those of them in which a half of the tables is written for the first time.
const FIRST_BUILDS: usize = 2;

/// How long the server's receiving waits for more queries. Woken for every single one it
/// would take most of the core, and a generation get what is left.
const MODERATION: Duration = Duration::from_micros(100);

/// How many names there are, and what is offered for how long.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Size {
    pub(super) names: u32,
    /// Queries per second.
    pub(super) rate: u32,
    /// Seconds of load, each time.
    pub(super) seconds: u32,
}

/// What was measured; times are medians.
#[derive(Debug, Serialize)]
pub(super) struct Flip {
    #[serde(flatten)]
    pub(super) size: Size,
    /// Generations that became current under load.
    pub(super) flips: usize,
    /// Queries that the server's side took from the link while generations followed, and
    /// did not answer.
    pub(super) lost: u64,
    /// The same without flips.
    pub(super) lost_without: u64,
    /// Answers that are wrong, with and without flips: not an answer, or not the address
    /// of a generation that was current while it was asked for.
    pub(super) wrong: u64,
    /// Answers whose address was looked at.
    pub(super) checked: u64,
    /// Reading the zones of all editions from their files, before the load, seconds.
    pub(super) read_s: f64,
    /// Building a generation in the tables before the load, on all processors, seconds.
    pub(super) build_idle_s: f64,
    /// The same under load, on the core that answers.
    pub(super) build_loaded_s: f64,
    /// Waiting until nobody reads the half that the next one is built in, under load,
    /// milliseconds.
    pub(super) wait_ms: f64,
    /// From handing the image, which stands in the tables already, to the publisher until
    /// it was current, under load, milliseconds.
    pub(super) publish_ms: f64,
    /// Longest time between the last old answer that was seen of a flip and the first new
    /// one, milliseconds; answers are looked at every 0.2 ms at best.
    pub(super) switch_ms: f64,
    /// How long the server's receiving waited for more queries, microseconds.
    moderation_us: u128,
    /// Every flip.
    generations: Vec<Generation>,
    /// The load without flips, and with them.
    pub(super) loads: [Traffic; 2],
}

/// One flip: the number that became current, and how long that took.
#[derive(Clone, Copy, Debug, Serialize)]
struct Generation {
    number: u64,
    wait_ms: f64,
    build_s: f64,
    publish_ms: f64,
}

/// What came of the load once.
#[derive(Debug, Serialize)]
pub(super) struct Traffic {
    pub(super) step: Step,
    /// Frames that the server's side took from the link, by its counter or the program's.
    pub(super) received: u64,
    /// Queries the program answered, those of the check left out.
    pub(super) answered: u64,
    /// Queries that it took and did not answer, those of the check among them.
    pub(super) lost: u64,
    /// Answers that arrived by queries sent, what the link lost included.
    pub(super) answered_share: f64,
    wrong: u64,
    checked: u64,
    switch_ms: f64,
}

impl Flip {
    /// An error if anything was lost or wrong.
    pub(super) fn verdict(&self) -> Result<()> {
        let Self {
            flips,
            lost,
            lost_without,
            wrong,
            ..
        } = self;
        if lost + lost_without + wrong > 0 {
            bail!(
                "{flips} flips lost {lost} queries ({lost_without} were lost without any) and \
                 {wrong} answers were wrong"
            );
        }
        Ok(())
    }
}

pub(super) fn measure(size: Size) -> Result<Flip> {
    let rig = Rig::new()?;
    rig.moderate_server(MODERATION)?;
    let World { mut kernel, writer } = World::new(capacity(size.names), Plan::default())?;
    let names = Names::new(rig.lab().dir(), size.names)?;
    let idle = (0..IDLE_BUILDS).map(|_| generation(&writer, &names));
    let idle = idle.collect::<Result<Vec<_>>>()?;
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
    Ok(Flip {
        size,
        flips: generations.len(),
        lost: with.lost,
        lost_without: without.lost,
        wrong: without.wrong + with.wrong,
        checked: without.checked + with.checked,
        read_s: names.read.as_secs_f64(),
        build_idle_s: median(idle[FIRST_BUILDS..].iter().map(|one| one.build_s)),
        build_loaded_s: median(generations.iter().map(|one| one.build_s)),
        wait_ms: median(generations.iter().map(|one| one.wait_ms)),
        publish_ms: median(generations.iter().map(|one| one.publish_ms)),
        switch_ms: with.switch_ms,
        moderation_us: MODERATION.as_micros(),
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
        let checks = scope.spawn(|| check::follow(program, writer, names, &done));
        let step = load.run(mix, Duration::from_secs(size.seconds.into()));
        done.store(true, Relaxed);
        let flips = flips.join();
        let checks = checks.join();
        let flips = flips.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        let checks = checks.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        Ok::<_, anyhow::Error>((step?, flips?, checks?))
    })?;
    let after = kernel.counts()?.outcomes;
    // The check's own queries came by no link.
    let rose = |of: fn(Outcome) -> bool, checks: u64| {
        let outcomes = Outcome::ALL.into_iter().filter(|outcome| of(*outcome));
        let places = outcomes.map(|outcome| outcome as usize);
        places.map(|at| after[at] - before[at]).sum::<u64>() - checks
    };
    let answered = rose(
        |outcome| outcome.action() == Action::Reply,
        checks.replies(),
    );
    // On a busy machine frames may still come when the link's counter has been read.
    let received = step.received.max(rose(|_| true, checks.asked));
    let good = step.replies.of(Kind::Hot, Fate::Answer);
    let traffic = Traffic {
        step,
        answered,
        received,
        lost: received - answered + checks.lost,
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
        wait_ms: milliseconds(published.wait),
        build_s: published.build.as_secs_f64(),
        publish_ms: milliseconds(published.publish),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
