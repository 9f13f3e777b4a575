//! `size`: what configurations cost that grow along one axis after the other,
//! up to the Internet's size.
//!
//! Each is [written](scale) as files and [loaded](measure) by the real `veerd`,
//! from its start until the kernel answers from it, in a namespace with an
//! interface to attach to. Memory is [what the kernel says](memory).

mod measure;
mod memory;
mod scale;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use self::{
    measure::{Host, Row},
    scale::{Axis, Scale},
};
use crate::{
    curve::{self, Curve, Series},
    load::ratio_of,
    machine::Facts,
    report::{self, Output},
};

/// What to load, and where to write what it took.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Draw memory against the number of objects to FILE
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Load only the whole: 10^6 names and prefixes, 65 000 groups, 10^5 services
    #[arg(long)]
    whole: bool,
    /// Load nothing; write the whole configuration to DIR
    #[arg(long, value_name = "DIR", conflicts_with_all = ["json", "svg", "whole"])]
    write: Option<PathBuf>,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    facts: Facts,
    /// Seconds until the whole was loaded.
    load_s: f64,
    /// Memory the whole was to take, as stated, MiB.
    stated_mib: f64,
    /// Memory it took, MiB.
    measured_mib: f64,
    /// What one more object adds.
    slopes: Vec<Slope>,
    rows: Vec<Row>,
}

/// What one more object along an axis adds, between its two largest loads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Slope {
    axis: Axis,
    /// Octets of tables.
    tables: f64,
    /// Octets of the daemon at its peak.
    daemon_peak: f64,
    /// Octets of the daemon afterwards.
    daemon_after: f64,
    /// Microseconds of the load.
    load_us: f64,
}

/// Loads every configuration, prints what it took and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(directory) = &options.write {
        let written = scale::write(&Scale::WHOLE, directory)?;
        println!("{}: {} MB", directory.display(), written.octets / 1_000_000);
        return Ok(());
    }
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let axes: &[Axis] = if options.whole {
        &[Axis::Whole]
    } else {
        &Axis::ALL
    };
    let mut host = Host::new()?;
    let mut rows = Vec::new();
    for axis in axes {
        for scale in axis.scales() {
            let row = host.load(*axis, scale)?;
            println!("{}", line(&row));
            rows.push(row);
        }
    }
    print_rows(&rows);
    let slopes: Vec<_> = axes.iter().filter_map(|axis| slope(*axis, &rows)).collect();
    print_slopes(&slopes);
    if let Some(file) = &options.svg {
        curve(&rows).write(file)?;
    }
    let whole = &rows[rows.len() - 1];
    let report = Report {
        facts,
        load_s: whole.load_s,
        stated_mib: mib(whole.stated()),
        measured_mib: mib(whole.measured()),
        slopes,
        rows,
    };
    options.output.write(&report)
}

fn mib(octets: u64) -> f64 {
    ratio_of(octets) / f64::from(1 << 20)
}

/// How a load went, for those who watch.
fn line(row: &Row) -> String {
    let steps = row.phases.iter().map(|(name, ms)| format!("{name} {ms}"));
    format!(
        "{} {}: {:.2} s ({} ms)",
        row.axis.word(),
        row.axis.of(&row.scale),
        row.load_s,
        steps.collect::<Vec<_>>().join(", ")
    )
}

fn print_rows(rows: &[Row]) {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let (stated, measured) = (row.stated(), row.measured());
            [
                format!("{} {}", row.axis.word(), row.axis.of(&row.scale)),
                format!("{:.2} s", row.load_s),
                format!("{:.1}", mib(row.tables_measured())),
                format!("{:.1}", mib(row.daemon_peak)),
                format!("{:.1}", mib(stated)),
                format!("{:.1}", mib(measured)),
                format!(
                    "{:+.1} %",
                    100.0 * (ratio_of(measured) / ratio_of(stated) - 1.0)
                ),
            ]
        })
        .collect();
    println!();
    report::print_table(
        [
            "configuration",
            "load",
            "tables MiB",
            "daemon MiB",
            "stated MiB",
            "measured MiB",
            "deviation",
        ],
        &cells,
    );
}

fn print_slopes(slopes: &[Slope]) {
    let cells: Vec<_> = slopes
        .iter()
        .map(|slope| {
            [
                slope.axis.word().to_owned(),
                format!("{:.0}", slope.tables),
                format!("{:.0}", slope.daemon_peak),
                format!("{:.0}", slope.daemon_after),
                format!("{:.2} µs", slope.load_us),
            ]
        })
        .collect();
    println!();
    report::print_table(
        [
            "one more of",
            "octets of tables",
            "of the daemon, loading",
            "afterwards",
            "load",
        ],
        &cells,
    );
}

/// From the two largest loads along `axis`; `None` where there are not two.
fn slope(axis: Axis, rows: &[Row]) -> Option<Slope> {
    let along: Vec<_> = rows.iter().filter(|row| row.axis == axis).collect();
    let [.., smaller, larger] = along.as_slice() else {
        return None;
    };
    let objects = ratio_of((axis.of(&larger.scale) - axis.of(&smaller.scale)) as u64);
    let per_object = |of: fn(&Row) -> u64| (ratio_of(of(larger)) - ratio_of(of(smaller))) / objects;
    Some(Slope {
        axis,
        tables: per_object(Row::tables_measured),
        daemon_peak: per_object(|row| row.daemon_peak),
        daemon_after: per_object(|row| row.daemon_after),
        load_us: 1e6 * (larger.load_s - smaller.load_s) / objects,
    })
}

/// Memory against objects, a line for each axis.
fn curve(rows: &[Row]) -> Curve {
    let series = Axis::ALL.map(|axis| Series {
        name: axis.word().to_owned(),
        points: rows
            .iter()
            .filter(|row| row.axis == axis)
            .map(|row| (ratio_of(axis.of(&row.scale) as u64), mib(row.measured())))
            .collect(),
    });
    Curve {
        title: "Memory of a host, tables and daemon".to_owned(),
        x: curve::Axis {
            label: "objects",
            log: true,
        },
        y: curve::Axis {
            label: "MiB",
            log: true,
        },
        series: series.into(),
    }
}
