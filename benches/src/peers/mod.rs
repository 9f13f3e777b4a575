//! `peers`: veer beside the distribution's authoritative servers, all their work on
//! one core.
//!
//! One veth pair, one [zone](crate::zone), the same names; the [rig](crate::rig) gives the server's
//! side one core, kernel and process alike, and the load another. Each
//! [contender](crate::contender) is started in turn: [`climb`]
//! takes answered against offered up to what the [load](crate::load) can send; at half of
//! the peak so found [`half`] takes latency and processor time; [`kxdpgun`] and
//! [`dnsperf`] are what operators would measure with.

mod climb;
mod dnsperf;
mod half;
mod kxdpgun;
mod report;
mod search;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Result, bail, ensure};
use clap::Args;
use dns_ebpf::load::{Fate, Kind};
use xtask::setup::Tool;

use self::{
    climb::Point,
    kxdpgun::Generator,
    report::{Report, Row},
};
use crate::{
    contender::{self, Contender, Receiving},
    load::{Edns, Load, Mix, Questions, Step, ratio_of},
    machine::Facts,
    report::Output,
    rig::Rig,
    zone::{self, Zone},
};

/// Where kxdpgun starts, as a share of the peak: its bursts of queries are lost
/// where evenly spaced ones are not.
const KXDPGUN_START_SHARE: f64 = 0.2;

/// Where it starts at most, queries per second: it cannot send as many as the fastest
/// can answer.
const KXDPGUN_START_MAX: f64 = 100_000.0;

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Draw answers per second against queries offered to FILE
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Time for each run at one rate; half of the peak has four times as much
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(100..=60_000))]
    milliseconds: u32,
    /// Time for each run of kxdpgun, and twice that for dnsperf's
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Measure this server, and others named so; unless one is named, all but veer-user
    #[arg(long, value_name = "NAME", value_enum)]
    server: Vec<Contender>,
}

/// Measures every contender, prints the table and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let version = |tool: Tool, argument, mark| contender::version(tool.command(), argument, mark);
    let generators = BTreeMap::from([
        ("kxdpgun", version(Tool::Kxdpgun, "--version", "kxdpgun")?),
        ("dnsperf", version(Tool::Dnsperf, "-h", "Version")?),
    ]);
    let rig = Rig::new()?;
    let zone = Zone::write(rig.lab())?;
    let generator = Generator::new(rig.lab(), zone.names(), options.seconds)?;
    let wanted = match &options.server[..] {
        [] => &Contender::ALL,
        named => named,
    };
    let rows = wanted
        .iter()
        .map(|contender| measure(*contender, &rig, &zone, &generator, options));
    let rows = rows.collect::<Result<_>>()?;

    let report = Report::new(
        facts,
        generators,
        f64::from(options.milliseconds) / 1e3,
        rows,
    );
    report.print();
    if let Some(file) = &options.svg {
        report.picture().write(file)?;
    }
    options.output.write(&report)
}

/// Measures one server, started for it and stopped again.
fn measure(
    contender: Contender,
    rig: &Rig,
    zone: &Zone,
    kxdpgun: &Generator,
    options: &Options,
) -> Result<Row> {
    let name = contender.name();
    let time = Duration::from_millis(options.milliseconds.into());
    let version = contender.version()?;
    println!("\n{name}: {version}");
    let server = contender.start(rig, zone)?;

    let questions = Questions {
        hot: zone.names(),
        flood_zone: zone::ORIGIN,
        edns: Edns::Off,
    };
    let mut load = Load::new(rig, questions)?;
    let curve = climb::climb(|rate, receiving| {
        receiving.set(rig)?;
        let step = run_whole(&mut load, steady(rate), time)?;
        let point = point(&step, receiving)?;
        println!(
            "{name}: {:>9.0}/s offered, {:>9.0}/s answered",
            point.offered, point.answered
        );
        Ok(point)
    })?;
    let (peak, highest) = (curve.peak(), curve.highest());
    let half = half::measure(peak.answered / 2.0, &server, rig, &mut load, 4 * time)?;
    println!("{name}: {}", half.line());
    // Its program gives way to theirs.
    drop(load);

    Receiving::First.set(rig)?;
    let start = KXDPGUN_START_MAX.min(KXDPGUN_START_SHARE * peak.answered);
    let dnsperf = dnsperf::run(rig, kxdpgun.queries(), 2 * options.seconds)?;
    println!("{name}: {}", dnsperf.line());
    let found = search::search(start, |rate, receiving| {
        receiving.set(rig)?;
        let step = kxdpgun.run(rig, rate)?;
        println!("{name}: kxdpgun {}", step.line());
        Ok(step)
    })?;
    let memory = server.memory()?;
    server.stop()?;
    rig.strip()?;
    Ok(Row {
        name: contender,
        version,
        peak_pps: peak.answered,
        peak_offer: peak.offered,
        peak_limited: peak.is_limited(),
        highest_offer_pps: highest.answered,
        highest_offer: highest.offered,
        kxdpgun_pps: found.max_rate_999,
        kxdpgun_limited: found.generator_limited,
        latency: half.latency,
        cpu_ns_per_query: half.cpu_ns,
        cpu_ns_processes: half.cpu_ns_processes,
        memory_mib: memory.all(),
        memory,
        dnsperf,
        curve,
        kxdpgun: found.steps,
    })
}

/// Offers `mix` for `time`. A run that was cut short, because something of higher
/// priority had the load's core, is made again.
fn run_whole(load: &mut Load, mix: Mix, time: Duration) -> Result<Step> {
    const ENOUGH: f64 = 0.8;
    const TRIES: usize = 5;
    for _ in 0..TRIES {
        let step = load.run(mix, time)?;
        if step.sent.seconds >= ENOUGH * time.as_secs_f64() {
            return Ok(step);
        }
    }
    bail!("something else keeps the load's core busy")
}

/// Queries for names that exist, `rate` of them per second.
fn steady(rate: f64) -> Mix {
    Mix {
        rate,
        flood_share: 0.0,
    }
}

/// The answers of a run.
fn answers(step: &Step) -> Result<u64> {
    let answers = step.replies.of(Kind::Hot, Fate::Answer);
    ensure!(
        answers == step.replies.all(Kind::Hot),
        "not all replies are answers: {:?}",
        step.replies
    );
    Ok(answers)
}

fn point(step: &Step, receiving: Receiving) -> Result<Point> {
    Ok(Point {
        asked: step.offered,
        offered: step.sent.rate(),
        answered: ratio_of(answers(step)?) / step.sent.seconds,
        receiving,
    })
}
