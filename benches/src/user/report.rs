//! What the measurement found.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::ladder::{Rung, best};
use crate::{contender::Contender, machine::Facts, report};

/// What a server is called, however queries come.
pub(super) fn name(subject: Contender) -> &'static str {
    match subject {
        Contender::Veer | Contender::VeerUser => "veer",
        Contender::KnotXdp | Contender::KnotUdp => "knot",
        other => other.name(),
    }
}

/// How queries come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    pub(super) const ALL: [Self; 2] = [Self::Udp, Self::Tcp];

    fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// One climb of one server.
#[derive(Clone, Debug)]
pub(super) struct Round {
    subject: Contender,
    transport: Transport,
    peak: Rung,
    rungs: Vec<Rung>,
}

impl Round {
    pub(super) fn new(subject: Contender, transport: Transport, rungs: Vec<Rung>) -> Result<Self> {
        Ok(Self {
            subject,
            transport,
            peak: *best(&rungs).context("a climb without a rung")?,
            rungs,
        })
    }

    /// For a reader.
    pub(super) fn line(&self) -> String {
        let (name, transport) = (name(self.subject), self.transport.name());
        let Rung { answered, .. } = self.peak;
        format!("{name} {transport} peaks at {answered:.0}/s")
    }
}

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    facts: Facts,
    /// What each program said its version is, by name.
    versions: BTreeMap<&'static str, String>,
    /// Seconds of each run.
    seconds: f64,
    rows: Vec<Row>,
    /// veer's peak by Knot's, over UDP.
    veer_over_knot_udp: f64,
    veer_over_nsd_udp: f64,
    veer_over_knot_tcp: f64,
    veer_over_nsd_tcp: f64,
}

/// One server over one transport.
#[derive(Clone, Debug, Serialize)]
struct Row {
    name: &'static str,
    transport: Transport,
    /// Answers per second at its best: the median round's.
    peak_pps: f64,
    /// Processor time for each answer there, its processes' and that of receiving,
    /// nanoseconds.
    cpu_ns_per_query: f64,
    /// Its processes' part of that.
    process_ns_per_query: f64,
    /// The best of each round, in order.
    peaks_pps: Vec<f64>,
    /// The rungs of every round.
    curves: Vec<Vec<Rung>>,
}

impl Report {
    /// Puts the rounds together; there is one at least of each server and transport.
    pub(super) fn new(
        facts: Facts,
        versions: BTreeMap<&'static str, String>,
        seconds: f64,
        rounds: &[Round],
    ) -> Result<Self> {
        let rows = Transport::ALL.into_iter().flat_map(|transport| {
            super::SUBJECTS
                .into_iter()
                .map(move |subject| Row::of(subject, transport, rounds))
        });
        let rows: Vec<Row> = rows.collect::<Result<_>>()?;
        let veer_over = |subject, transport| {
            let peak = |subject: Contender| {
                let is = |row: &&Row| row.name == name(subject) && row.transport == transport;
                rows.iter().find(is).map_or(f64::NAN, |row| row.peak_pps)
            };
            peak(Contender::VeerUser) / peak(subject)
        };
        Ok(Self {
            facts,
            versions,
            seconds,
            veer_over_knot_udp: veer_over(Contender::KnotUdp, Transport::Udp),
            veer_over_nsd_udp: veer_over(Contender::Nsd, Transport::Udp),
            veer_over_knot_tcp: veer_over(Contender::KnotUdp, Transport::Tcp),
            veer_over_nsd_tcp: veer_over(Contender::Nsd, Transport::Tcp),
            rows,
        })
    }

    /// For a reader.
    pub(super) fn print(&self) {
        let cells: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                [
                    format!("{} {}", row.name, row.transport.name()),
                    format!("{:.0}/s", row.peak_pps),
                    format!("{:.0} ns", row.cpu_ns_per_query),
                    format!("{:.0} ns", row.process_ns_per_query),
                ]
            })
            .collect();
        println!();
        report::print_table(["server", "peak", "CPU a query", "in the process"], &cells);
        println!();
        println!(
            "veer's peak by Knot's: {:.2} over UDP, {:.2} over TCP; by NSD's: {:.2}, {:.2}",
            self.veer_over_knot_udp,
            self.veer_over_knot_tcp,
            self.veer_over_nsd_udp,
            self.veer_over_nsd_tcp
        );
    }
}

impl Row {
    fn of(subject: Contender, transport: Transport, rounds: &[Round]) -> Result<Self> {
        let is = |round: &&Round| round.subject == subject && round.transport == transport;
        let own: Vec<&Round> = rounds.iter().filter(is).collect();
        let mut peaks: Vec<Rung> = own.iter().map(|round| round.peak).collect();
        peaks.sort_by(|one, other| one.answered.total_cmp(&other.answered));
        let median = peaks.get(peaks.len().saturating_sub(1) / 2);
        let name = name(subject);
        let peak = median.with_context(|| format!("no round of {name}"))?;
        Ok(Self {
            name,
            transport,
            peak_pps: peak.answered,
            cpu_ns_per_query: peak.cpu_ns(),
            process_ns_per_query: peak.process_ns,
            peaks_pps: own.iter().map(|round| round.peak.answered).collect(),
            curves: own.iter().map(|round| round.rungs.clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rung(answered: f64) -> Rung {
        Rung {
            load: answered,
            offered: Some(answered),
            answered,
            process_ns: answered / 10.0,
            receiving_ns: 100.0,
        }
    }

    #[test]
    fn a_row_is_the_median_of_its_own_rounds() {
        let round = |subject, transport, answered| {
            Round::new(subject, transport, vec![rung(10.0), rung(answered)]).expect("rungs")
        };
        let rounds = [
            round(Contender::VeerUser, Transport::Udp, 300.0),
            round(Contender::KnotUdp, Transport::Udp, 1.0),
            round(Contender::VeerUser, Transport::Tcp, 2.0),
            round(Contender::VeerUser, Transport::Udp, 100.0),
            round(Contender::VeerUser, Transport::Udp, 200.0),
        ];
        let row = Row::of(Contender::VeerUser, Transport::Udp, &rounds).expect("rounds");
        let row = serde_json::to_value(&row).expect("numbers");
        assert_eq!(row["peaks_pps"], json!([300.0, 100.0, 200.0]));
        assert_eq!(row["peak_pps"], json!(200.0));
        assert_eq!(row["cpu_ns_per_query"], json!(120.0));
        assert_eq!(row["process_ns_per_query"], json!(20.0));
        assert_eq!(row["curves"].as_array().map(Vec::len), Some(3));
        Row::of(Contender::Nsd, Transport::Udp, &rounds).expect_err("not measured");
    }
}
