//! `peers`: the highest rate that each server answers with at most one query
//! in a thousand lost, all its work on one core.
//!
//! One veth pair, one [zone](crate::zone), the same names; the [rig](crate::rig) gives the server's
//! side one core, kernel and process alike, and the load generator ([`kxdpgun`])
//! another. Each [`contender`] is started in turn, and [`search`] climbs to
//! its edge and to the generator's limit.

mod contender;
mod kxdpgun;
mod search;

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use xtask::setup::Tool;

use self::{
    contender::Contender,
    kxdpgun::Generator,
    search::{Found, Step},
};
use crate::{machine::Facts, report, rig::Rig, zone::Zone};

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    /// Write the results to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Time for each try of a rate
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    facts: Facts,
    /// What each program said its version is, by name.
    versions: BTreeMap<&'static str, String>,
    /// Seconds of each try.
    seconds: u32,
    rows: Vec<Row>,
    /// The last row's highest rate by the first row's.
    ratio: f64,
}

/// One server's results.
#[derive(Serialize)]
struct Row {
    server: &'static str,
    plane: &'static str,
    #[serde(flatten)]
    found: Found,
}

/// Measures every contender, prints the table and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let mut versions = BTreeMap::from([("kxdpgun", contender::version(Tool::Kxdpgun.command())?)]);
    let rig = Rig::new()?;
    let zone = Zone::write(rig.lab())?;
    let generator = Generator::new(rig.lab(), zone.names(), options.seconds)?;
    let mut rows = Vec::new();
    for contender in Contender::ALL {
        versions.insert(contender.server(), contender.version()?);
        rows.push(measure(contender, &rig, &zone, &generator)?);
    }

    let ratios = ratios(&rows);
    print_rows(&rows, &ratios);
    let report = Report {
        facts,
        versions,
        seconds: options.seconds,
        ratio: ratios.last().copied().unwrap_or(0.0),
        rows,
    };
    match &options.json {
        Some(file) => report::write(file, &report),
        None => Ok(()),
    }
}

fn measure(contender: Contender, rig: &Rig, zone: &Zone, generator: &Generator) -> Result<Row> {
    let (server, plane) = (contender.server(), contender.plane());
    let running = contender.start(rig, zone)?;
    let found = search::search(|rate| {
        let step = generator.run(rig, rate)?;
        println!("{server} {plane}: {}", line(&step));
        Ok(step)
    })?;
    running.stop()?;
    Ok(Row {
        server,
        plane,
        found,
    })
}

fn line(step: &Step) -> String {
    let Step {
        offered,
        sent,
        received,
        share,
    } = step;
    format!(
        "{offered:>9.0}/s offered, {sent:>9.0}/s sent, {received:>9.0}/s answered, {:>6.2} %",
        100.0 * share
    )
}

/// Each row's highest rate by the first row's; 0 where that has none.
fn ratios(rows: &[Row]) -> Vec<f64> {
    let first = rows.first().map_or(0.0, |row| row.found.max_rate_999);
    rows.iter()
        .map(|row| {
            if first > 0.0 {
                row.found.max_rate_999 / first
            } else {
                0.0
            }
        })
        .collect()
}

fn print_rows(rows: &[Row], ratios: &[f64]) {
    let cells: Vec<_> = rows
        .iter()
        .zip(ratios)
        .map(|(row, ratio)| {
            let found = &row.found;
            let limited = if found.generator_limited { "≥ " } else { "" };
            [
                format!("{} {}", row.server, row.plane),
                format!("{limited}{:.0}/s", found.max_rate_999),
                format!("{:.0}/s", found.peak_answered),
                format!("{limited}{ratio:.2}"),
            ]
        })
        .collect();
    println!();
    report::print_table(
        [
            "server",
            "highest rate ≥ 99.9 %",
            "answered at most load",
            "ratio",
        ],
        &cells,
    );
}
