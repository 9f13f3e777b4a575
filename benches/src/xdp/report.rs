//! Results as a table, a report and curves.

use std::path::Path;

use anyhow::Result;
use dns_common::host::Constants;
use serde::Serialize;

use super::{
    constants::{ReportedConstants, Set},
    instance::Code,
    lines::Lines,
    measure::Measured,
    rows::{Access, HEADLINE},
    timing::Times,
};
use crate::{
    curve::{Axis, Curve, Series},
    machine::Facts,
    report,
};

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) facts: Facts,
    /// The responder's programs.
    pub(super) programs: Vec<ReportedProgram>,
    pub(super) rows: Vec<ReportedRow>,
}

/// The responder as one set of constants makes it.
#[derive(Serialize)]
pub(super) struct ReportedProgram {
    /// What is on.
    pub(super) on: &'static str,
    #[serde(with = "ReportedConstants")]
    pub(super) constants: Constants,
    pub(super) code: Vec<Code>,
}

impl ReportedProgram {
    pub(super) fn new((set, code): (Set, Vec<Code>)) -> Self {
        Self {
            on: set.name(),
            constants: set.constants(),
            code,
        }
    }
}

/// One row's results. Times are nanoseconds per packet, what taking the time
/// costs included.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReportedRow {
    /// The kind of query.
    family: String,
    /// What is on in the program.
    on: &'static str,
    /// Names in the tables.
    names: usize,
    /// Resolver prefixes in the tables.
    prefixes: usize,
    access: Access,
    /// The means of the fastest 90 %: of the responder, and of the floors on the
    /// same packets.
    ns: f64,
    reflect_ns: f64,
    drop_ns: f64,
    over_reflect_ns: f64,
    /// What becomes of the query.
    outcome: &'static str,
    /// Octets of the frame that comes in, and of what it becomes.
    frame_octets: [u32; 2],
    /// Runs of each program that count.
    runs: usize,
    /// Turns in which the core was shared, which do not.
    turns_set_aside: usize,
    #[serde(flatten)]
    lines: Option<Lines>,
    responder: Times,
    reflect: Times,
    drop: Times,
}

impl From<Measured> for ReportedRow {
    fn from(measured: Measured) -> Self {
        let Measured {
            responder,
            reflect,
            drop,
            ..
        } = measured;
        Self {
            family: measured.row.family.name,
            on: measured.row.set.name(),
            names: measured.size.names,
            prefixes: measured.size.prefixes,
            access: measured.row.access,
            ns: responder.mean_of_fastest_90,
            reflect_ns: reflect.mean_of_fastest_90,
            drop_ns: drop.mean_of_fastest_90,
            over_reflect_ns: responder.mean_of_fastest_90 - reflect.mean_of_fastest_90,
            outcome: measured.row.outcome.name(),
            frame_octets: measured.frame_octets,
            runs: measured.runs,
            turns_set_aside: measured.set_aside,
            lines: measured.lines,
            responder,
            reflect,
            drop,
        }
    }
}

/// Prints the rows of one size.
pub(super) fn print(rows: &[ReportedRow]) {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            let [before, after] = row.frame_octets;
            let Times {
                lower_quartile,
                upper_quartile,
                ..
            } = row.responder;
            let lines = row.lines.as_ref();
            [
                row.family.clone(),
                row.on.to_owned(),
                row.access.name().to_owned(),
                format!("{before} to {after}"),
                format!("{:.1}", row.drop_ns),
                format!("{:.1}", row.reflect_ns),
                format!("{:.1}", row.ns),
                format!("{lower_quartile} to {upper_quartile}"),
                format!("{:+.1}", row.over_reflect_ns),
                lines.map_or_else(String::new, |lines| format!("{:.1}", lines.lines)),
            ]
        })
        .collect();
    report::print_table(
        [
            "query",
            "on",
            "access",
            "frame, octets",
            "drop, ns",
            "reflect, ns",
            "veer, ns",
            "quartiles",
            "over reflect",
            "lines",
        ],
        &cells,
    );
    let set_aside: usize = rows.iter().map(|row| row.turns_set_aside).sum();
    if set_aside > 0 {
        println!("{set_aside} turns in which the core was shared are not in it");
    }
}

/// Prints what the kernel made of `programs`.
pub(super) fn print_programs(programs: &[ReportedProgram]) {
    let cells: Vec<_> = programs
        .iter()
        .flat_map(|program| program.code.iter().map(|code| (program.on, code)))
        .map(|(on, code)| {
            let verified = code.verified;
            [
                on.to_owned(),
                code.name.to_owned(),
                verified.map_or_else(|| "unknown".to_owned(), |count| count.to_string()),
                code.instructions.to_string(),
                code.jited_octets.to_string(),
            ]
        })
        .collect();
    report::print_table(
        [
            "on",
            "program",
            "verifier's instructions",
            "instructions",
            "octets",
        ],
        &cells,
    );
}

/// Draws what each family costs more than the reflect by names in the tables,
/// with the defaults.
pub(super) fn draw(rows: &[ReportedRow], file: &Path) -> Result<()> {
    let mut series: Vec<Series> = Vec::new();
    let is_drawn = |row: &&ReportedRow| {
        row.on == Set::Defaults.name()
            && row.prefixes == HEADLINE.prefixes
            && row.access != Access::Cold
    };
    for row in rows.iter().filter(is_drawn) {
        let name = format!("{}, {}", row.family, row.access.name());
        #[expect(clippy::cast_precision_loss, reason = "there are few names")]
        let point = (row.names as f64, row.over_reflect_ns);
        match series.iter_mut().find(|series| series.name == name) {
            Some(series) => series.points.push(point),
            None => series.push(Series {
                name,
                points: vec![point],
            }),
        }
    }
    // What was measured at one size is no curve.
    series.retain(|series| series.points.len() > 1);
    let curve = Curve {
        title: format!("Over a bare reflect, {} prefixes", HEADLINE.prefixes),
        x: Axis {
            label: "names",
            log: true,
        },
        y: Axis {
            label: "ns per packet",
            log: true,
        },
        series,
    };
    curve.write(file)
}
