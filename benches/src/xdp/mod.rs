//! `xdp`: time per packet in the responder for queries of every kind, by
//! `BPF_PROG_TEST_RUN`, each beside a program that drops and one that reflects
//! every frame: the same packets, in turns that follow each other.
//!
//! Queries are *hot*, the same one again and again; *random*, for any name and
//! from anywhere; or *cold*, the hot one with empty caches. Tables hold from a
//! thousand names to a million, and from ten thousand resolver prefixes to a
//! million ([`rows::SIZES`]).
//!
//! What is on is a constant of the loaded program, so each [set](constants::Set) of
//! constants is a program of its own, with tables of its own. How large the
//! kernel made it, and how many instructions its verifier followed, is in the report
//! too: what is off is not there.
//!
//! The kernel's clock is read around each single run, so every figure contains
//! what that costs: some tens of nanoseconds, the same for all. `drop` shows
//! them; what counts is the difference, in turns when [the core was not
//! shared](quiet). The reflect does as for IPv4 with any frame: the least that an
//! answer can cost.

mod cache;
mod constants;
mod families;
mod instance;
mod lines;
mod measure;
mod queries;
mod quiet;
mod report;
mod route;
mod rows;
mod timing;
mod world;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use self::{
    cache::Eviction,
    constants::Set,
    instance::Code,
    measure::{Floors, Measured, Prepared},
    quiet::Fastest,
    report::{Report, ReportedProgram, ReportedRow},
    route::Route,
    rows::{Access, FEATURES, Row, SIZES},
    timing::Subject,
    world::{Size, World},
};
use crate::{machine::Facts, programs, report::Output};

// As in <linux/bpf.h>.
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Draw cost against names into FILE
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Runs of each row; one in 200 of them with empty caches
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Only queries of this name, or, where none has it, with it in theirs
    #[arg(long, value_name = "TEXT")]
    family: Option<String>,
    /// Only tables with so many names
    #[arg(long, value_name = "N")]
    names: Option<usize>,
    /// Only tables with so many resolver prefixes
    #[arg(long, value_name = "N")]
    prefixes: Option<usize>,
    /// Only the smallest tables, with which each feature is measured off and on
    #[arg(long)]
    quick: bool,
}

impl Options {
    /// What to measure with `size`.
    fn rows(&self, size: Size) -> Vec<Row> {
        let is_left_out = self.quick && size != FEATURES
            || self.names.is_some_and(|names| names != size.names)
            || self
                .prefixes
                .is_some_and(|prefixes| prefixes != size.prefixes);
        if is_left_out {
            return Vec::new();
        }
        let mut rows = rows::rows(size);
        if let Some(text) = &self.family {
            let families = families::families();
            let exact = families.iter().any(|family| family.name == *text);
            rows.retain(|Row { family, .. }| {
                let name = family.name.as_str();
                name == text || !exact && name.contains(text)
            });
        }
        rows
    }
}

/// Measures every row, prints tables and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let route = Route::new()?;
    let rig = programs::load(&["drop", "reflect"])?;
    let floor = |name, verdict| {
        let program = programs::loaded(&rig, name)?;
        anyhow::Ok(Subject {
            name,
            program,
            verdict,
        })
    };
    let floors = Floors {
        drop: floor("drop", XDP_DROP)?,
        reflect: floor("reflect", XDP_TX)?,
    };
    let mut programs: Vec<(Set, Vec<Code>)> = Vec::new();
    let mut reported: Vec<ReportedRow> = Vec::new();
    let mut fastest = Fastest::new();
    for size in SIZES {
        let rows = options.rows(size);
        if rows.is_empty() {
            continue;
        }
        let runs = options.runs as usize;
        let (codes, measured) = measure(size, rows, &route, floors, runs, &mut fastest)?;
        for (set, code) in codes {
            if programs.iter().all(|(known, _)| *known != set) {
                programs.push((set, code));
            }
        }
        let rows: Vec<ReportedRow> = measured.into_iter().map(ReportedRow::from).collect();
        println!("\n{} names, {} prefixes", size.names, size.prefixes);
        report::print(&rows);
        reported.extend(rows);
    }
    if reported.is_empty() {
        bail!("no row is of the family and the size asked for");
    }
    let programs: Vec<_> = programs.into_iter().map(ReportedProgram::new).collect();
    println!();
    report::print_programs(&programs);
    if let Some(file) = &options.svg {
        report::draw(&reported, file)?;
    }
    let report = Report {
        facts,
        programs,
        rows: reported,
    };
    options.output.write(&report)
}

/// What the kernel made of the programs, and how long they take.
type Results = (Vec<(Set, Vec<Code>)>, Vec<Measured>);

/// Measures `rows` with tables of `size`, on one processor.
fn measure(
    size: Size,
    rows: Vec<Row>,
    route: &Route,
    floors: Floors<'_>,
    runs: usize,
    fastest: &mut Fastest,
) -> Result<Results> {
    let started = Instant::now();
    let progress = |what: &str| {
        let Size { names, prefixes } = size;
        let seconds = started.elapsed().as_secs_f64();
        eprintln!("{names} names, {prefixes} prefixes, {seconds:.1} s: {what}");
    };
    progress("making names and prefixes");
    let world = World::new(size)?;
    let mut instances = measure::load(&world, &rows, progress)?;
    let codes = measure::codes(&instances)?;
    progress(&format!("trying the queries of {} rows", rows.len()));
    let measured = route.run(|| {
        let cpus = core_affinity::get_core_ids().context("processors to run on")?;
        let cpu = cpus.last().context("a processor to run on")?;
        core_affinity::set_for_current(*cpu);
        let is_cold = rows.iter().any(|row| row.access == Access::Cold);
        let eviction = is_cold.then(Eviction::new).transpose()?;
        let rows = rows.into_iter();
        let prepared = rows.map(|row| Prepared::new(row, &world, route, &mut instances));
        let mut prepared = prepared.collect::<Result<Vec<_>>>()?;
        progress("measuring");
        // All in turns, so that whatever else the machine does hits all of them.
        while prepared.iter().any(|row| !row.is_done(runs, *fastest)) {
            for row in &mut prepared {
                if !row.is_done(runs, *fastest) {
                    row.take_turns(&mut instances, floors, eviction.as_ref(), fastest)?;
                }
            }
        }
        progress("done");
        let measured = prepared.into_iter();
        anyhow::Ok(measured.map(|row| row.finish(runs, *fastest)).collect())
    });
    Ok((codes, measured??))
}
