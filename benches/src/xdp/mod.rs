//! `xdp`: time per packet in the responder for queries of every kind, each with
//! the features it meets off and on, beside programs that drop and that reflect
//! every frame, by `BPF_PROG_TEST_RUN`.
//!
//! What is on is a constant of the loaded program, so each [set](constants::Set) of
//! constants is a program of its own, with tables of its own. How large the
//! kernel made it is in the report too: what is off is not there.
//!
//! The kernel's clock is read around each single run, so every figure contains
//! what that costs: some tens of nanoseconds, the same for all. `drop` shows
//! them; what counts is the difference.

mod constants;
mod instance;
mod queries;
mod route;
mod rows;
mod timing;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use dns_common::host::Constants;
use serde::Serialize;

use self::{
    constants::ReportedConstants,
    instance::{Instance, Size, subject},
    route::Route,
    timing::{Subject, Times},
};
use crate::{machine::Facts, programs, report};

// As in <linux/bpf.h>.
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    /// Write the results to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Runs of each row
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    facts: Facts,
    /// Runs of each row.
    runs: u32,
    /// The responder's programs.
    programs: Vec<ReportedProgram>,
    rows: Vec<ReportedRow>,
}

/// The responder as one set of constants makes it.
#[derive(Serialize)]
struct ReportedProgram {
    /// What is on.
    on: &'static str,
    #[serde(with = "ReportedConstants")]
    constants: Constants,
    #[serde(flatten)]
    size: Size,
}

/// One row's results.
#[derive(Serialize)]
struct ReportedRow {
    program: &'static str,
    /// What is on in it; `None` for programs that are not the responder.
    on: Option<&'static str>,
    /// What becomes of the query.
    outcome: Option<&'static str>,
    /// Octets of the frame that comes in, and of what it becomes.
    frame_octets: [u32; 2],
    #[serde(flatten)]
    size: Size,
    /// Nanoseconds per packet, the taking of the time included.
    ns: Times,
    /// The mean over that of the program that drops, nanoseconds.
    over_drop_ns: f64,
    /// The mean over that of the program that reflects, nanoseconds.
    over_reflect_ns: f64,
}

/// Measures the programs, prints the table and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let route = Route::new()?;
    let rig = programs::load(&["drop", "reflect"])?;
    let rows = rows::rows()?;
    let mut instances = Instance::load_all()?;
    let octets = instance::rehearse(&mut instances, &rows, &route)?;
    let responders = instance::programs(&mut instances)?;

    let plain = rows.first().context("there are rows")?;
    let mut subjects = Vec::new();
    for (name, verdict) in [("drop", XDP_DROP), ("reflect", XDP_TX)] {
        subjects.push(Subject {
            name,
            program: programs::loaded(&rig, name)?,
            frame: &plain.frame,
            context: route.context(plain.frame.len()),
            verdict,
        });
    }
    for row in &rows {
        let mut responders = responders.iter();
        let responder = responders.find(|(set, _)| *set == row.set);
        let (_, program) = responder.context("every set is loaded")?;
        subjects.push(subject(row, program, &route));
    }
    let times = route.run(|| timing::take(&subjects, options.runs as usize))??;

    let queries = [None, None].into_iter();
    let queries = queries.chain(rows.iter().zip(octets).map(Some));
    let [drop, reflect, ..] = times[..] else {
        bail!("no times of {} subjects", subjects.len());
    };
    let rows = subjects
        .iter()
        .zip(times)
        .zip(queries)
        .map(|((subject, ns), query)| {
            let over = |floor: Times| ns.mean_of_fastest_90 - floor.mean_of_fastest_90;
            let before = subject.frame.len() as u32;
            Ok(ReportedRow {
                program: subject.name,
                on: query.map(|(row, _)| row.set.name()),
                outcome: query.map(|(row, _)| row.outcome.name()),
                frame_octets: [before, query.map_or(before, |(_, after)| after)],
                size: Size::of(subject.program)?,
                ns,
                over_drop_ns: over(drop),
                over_reflect_ns: over(reflect),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    print_rows(&rows);
    let programs = responders.iter().map(|(set, program)| {
        Ok(ReportedProgram {
            on: set.name(),
            constants: set.constants(),
            size: Size::of(program)?,
        })
    });
    let programs = programs.collect::<Result<_>>()?;
    let report = Report {
        facts,
        runs: options.runs,
        programs,
        rows,
    };
    match &options.json {
        Some(file) => report::write(file, &report),
        None => Ok(()),
    }
}

fn print_rows(rows: &[ReportedRow]) {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let [before, after] = row.frame_octets;
            [
                row.program.to_owned(),
                row.on.unwrap_or("").to_owned(),
                format!("{before} to {after}"),
                format!("{:.1} ns", row.ns.mean_of_fastest_90),
                format!("{:+.1} ns", row.over_reflect_ns),
                row.size.instructions.to_string(),
                row.size.jited_octets.to_string(),
            ]
        })
        .collect();
    println!();
    report::print_table(
        [
            "program, or query to veer",
            "on",
            "frame, octets",
            "mean of fastest 90 %",
            "over reflect",
            "instructions",
            "machine code",
        ],
        &cells,
    );
}
