//! `publish`: how fast what is measured and configured comes to be what the kernel answers.
//!
//! [`latency`]: from a probe's sample to an answer of the XDP program that follows it.
//! [`rewrites`]: decisions stored per second, and what deciding costs.
//! [`flip`]: whole generations of names, built and made current while the kernel answers.

mod ask;
mod check;
mod flip;
mod latency;
mod names;
mod prober;
mod rewrites;
mod world;

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use self::{flip::Flip, latency::Latency, rewrites::Rewrites};
use crate::{
    machine::Facts,
    report::{self, Output},
};

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Pools that are decided for
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(3..=4096))]
    pools: u16,
    /// Resolver groups that they are ranked for
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u16).range(1..=32768))]
    groups: u16,
    /// Decisions that are timed from the sample to the kernel's answer
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..))]
    flips: u64,
    /// Samples per second beside those
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(latency::SAMPLES_MIN..=1_000_000))]
    samples: u32,
    /// Time for storing rankings again and again
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    rewrite_seconds: u32,
    /// Names of each generation
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..=2_000_000))]
    names: u32,
    /// Queries per second while generations follow each other
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1000..))]
    rate: u32,
    /// Time for that, and for the same load without them
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    flip_seconds: u32,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    facts: Facts,
    /// 99 % of changed decisions were visible to the kernel within so long, microseconds.
    p99_us: f64,
    /// Rankings stored per second, on one core.
    rewrites_per_s: f64,
    size: latency::Size,
    latency: Latency,
    rewrites: Rewrites,
    flip: Flip,
}

/// Measures, prints the tables and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let size = latency::Size {
        pools: options.pools,
        groups: options.groups,
        flips: options.flips,
        samples_per_s: options.samples,
    };
    println!("\nfrom sample to answer: {} flips", options.flips);
    let latency = latency::measure(size)?;
    print_latency(&latency);

    let time = Duration::from_secs(options.rewrite_seconds.into());
    let (pools, groups) = (options.pools, options.groups);
    println!("\nrewriting {pools} pools x {groups} groups for {time:?}");
    let rewrites = rewrites::measure(pools, groups, time)?;
    print_rewrites(&rewrites);

    let size_of_flip = flip::Size {
        names: options.names,
        rate: options.rate,
        seconds: options.flip_seconds,
    };
    println!(
        "\ngenerations of {} names, twice {} s of {} queries per second",
        options.names, options.flip_seconds, options.rate
    );
    let flip = flip::measure(size_of_flip)?;
    print_flip(&flip);

    let report = Report {
        facts,
        p99_us: latency.p99_us,
        rewrites_per_s: rewrites.per_s,
        size,
        latency,
        rewrites,
        flip,
    };
    options.output.write(&report)?;
    report.flip.verdict()
}

fn print_latency(latency: &Latency) {
    let rows: Vec<_> = latency
        .kinds
        .iter()
        .map(|one| {
            let what = match one.kind {
                prober::Kind::Eligible => "a server dies or returns",
                prober::Kind::Ranking => "a server overtakes another",
            };
            let us = |figure: f64| format!("{figure:.0} us");
            let delays = &one.delays;
            [
                what.to_owned(),
                delays.count.to_string(),
                us(delays.p50_us),
                us(delays.p99_us),
                us(delays.p99_9_us),
                us(delays.max_us),
            ]
        })
        .collect();
    let heads = [
        "from sample to answer",
        "flips",
        "p50",
        "p99",
        "p99.9",
        "max",
    ];
    report::print_table(heads, &rows);
}

fn print_rewrites(rewrites: &Rewrites) {
    let ns = |figure: f64| format!("{figure:.0} ns");
    let rows = [
        [
            "decisions stored",
            &format!("{:.1} M/s", rewrites.per_s / 1e6),
        ],
        ["a sample that changes nothing", &ns(rewrites.observe_ns)],
        ["one that changes who is eligible", &ns(rewrites.decide_ns)],
        ["one that changes a pool's ranking", &ns(rewrites.rank_ns)],
        [
            "of that, for each group",
            &format!("{:.2} ns", rewrites.rank_ns_per_word),
        ],
    ];
    report::print_table(["on one core", ""], &rows.map(|row| row.map(str::to_owned)));
}

fn print_flip(flip: &Flip) {
    let rows: Vec<_> = ["without flips", "with flips"]
        .into_iter()
        .zip(&flip.loads)
        .map(|(name, load)| {
            let hot = load.step.sent.hot;
            [
                name.to_owned(),
                hot.to_string(),
                load.received.to_string(),
                load.answered.to_string(),
                load.lost.to_string(),
                format!("{:.3} %", 100.0 * load.answered_share),
            ]
        })
        .collect();
    report::print_table(
        [
            "load",
            "sent",
            "received",
            "answered",
            "lost",
            "answered of sent",
        ],
        &rows,
    );
    println!();
    let seconds = |figure: f64| format!("{figure:.2} s");
    let ms = |figure: f64| format!("{figure:.1} ms");
    let rows = [
        ["flips under load", &flip.flips.to_string()],
        ["lost", &flip.lost.to_string()],
        ["wrong", &flip.wrong.to_string()],
        ["answers looked at", &flip.checked.to_string()],
        ["zones of all editions read", &seconds(flip.read_s)],
        ["image built, idle", &seconds(flip.build_idle_s)],
        [
            "image built, on the core that answers",
            &seconds(flip.build_loaded_s),
        ],
        ["waited for readers, under load", &ms(flip.wait_ms)],
        ["made current, under load", &ms(flip.publish_ms)],
        ["old and new answers apart, at most", &ms(flip.switch_ms)],
    ];
    let names = format!("generations of {} names", flip.size.names);
    report::print_table([&names, ""], &rows.map(|row| row.map(str::to_owned)));
}
