//! `xdp`: time per packet in the responder for a hot query, beside programs
//! that drop and that reflect every frame, by `BPF_PROG_TEST_RUN`.
//!
//! The kernel's clock is read around each single run, so every figure contains
//! what that costs: some tens of nanoseconds, the same for all. `drop` shows
//! them; what counts is the difference.

mod timing;

use std::{net::SocketAddrV4, path::PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use veer::kernel::Kernel;

use self::timing::{Subject, Times};
use crate::{
    fixture::{self, PORT, RESOLVER, SERVICE_ADDRESS},
    frame::{self, Path},
    machine::Facts,
    programs, report,
};

// As in `linux/bpf.h`.
const XDP_DROP: u32 = 1;
const XDP_TX: u32 = 3;

/// The query's way.
const PATH: Path = Path {
    macs: [[2, 2, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]],
    addresses: [
        SocketAddrV4::new(RESOLVER, 40_000),
        SocketAddrV4::new(SERVICE_ADDRESS, PORT),
    ],
};

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    /// Write the results to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Runs of each program
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    facts: Facts,
    /// Runs of each program.
    runs: u32,
    rows: Vec<Row>,
}

/// One program's results.
#[derive(Serialize)]
struct Row {
    program: &'static str,
    /// Nanoseconds per packet, the taking of the time included.
    ns: Times,
    /// The mean over that of the program that drops, nanoseconds.
    over_drop_ns: f64,
}

/// Measures the programs, prints the table and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let rig = programs::load(&["drop", "reflect"])?;
    let (mut kernel, tables) = Kernel::load(fixture::CAPACITY)?;
    fixture::publish(&tables)?;
    let subjects = [
        Subject {
            name: "drop",
            program: programs::loaded(&rig, "drop")?,
            verdict: XDP_DROP,
        },
        Subject {
            name: "reflect",
            program: programs::loaded(&rig, "reflect")?,
            verdict: XDP_TX,
        },
        Subject {
            name: "veer",
            program: kernel.program()?,
            verdict: XDP_TX,
        },
    ];
    let frame = frame::of(PATH, &fixture::query());
    let times = timing::take(&subjects, &frame, options.runs as usize)?;

    let floor = times.first().map_or(0.0, |time| time.mean_of_fastest_90);
    let rows: Vec<Row> = subjects
        .iter()
        .zip(times)
        .map(|(subject, ns)| Row {
            program: subject.name,
            ns,
            over_drop_ns: ns.mean_of_fastest_90 - floor,
        })
        .collect();
    print_rows(&rows);
    let report = Report {
        facts,
        runs: options.runs,
        rows,
    };
    match &options.json {
        Some(file) => report::write(file, &report),
        None => Ok(()),
    }
}

fn print_rows(rows: &[Row]) {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let ns = &row.ns;
            [
                row.program.to_owned(),
                format!("{} ns", ns.median),
                format!("{} to {} ns", ns.lower_quartile, ns.upper_quartile),
                format!("{:.1} ns", ns.mean_of_fastest_90),
                format!("{:+.1} ns", row.over_drop_ns),
            ]
        })
        .collect();
    println!();
    report::print_table(
        [
            "program",
            "median",
            "middle half",
            "mean of fastest 90 %",
            "over drop",
        ],
        &cells,
    );
}
