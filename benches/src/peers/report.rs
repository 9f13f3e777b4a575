//! What was found of each server, and what it says about veer.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{climb::Curve, dnsperf, search::Step};
use crate::{
    contender::{Contender, Memory, Receiving},
    curve::{Axis, Curve as Picture, Series},
    machine::Facts,
    report,
};

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) facts: Facts,
    /// What each load generator said its version is, by name.
    pub(super) generators: BTreeMap<&'static str, String>,
    /// Seconds of each run at one rate.
    pub(super) seconds: f64,
    #[serde(flatten)]
    ratios: Ratios,
    rows: Vec<Row>,
}

/// One server's results. Rates are per second, in the mean of a run.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) name: Contender,
    pub(super) version: String,
    /// Answers at the peak.
    pub(super) peak_pps: f64,
    /// Queries sent there.
    pub(super) peak_offer: f64,
    /// Whether the generator could send no more, so that the server may do better.
    pub(super) peak_limited: bool,
    /// Answers when the most was sent.
    pub(super) highest_offer_pps: f64,
    /// Queries sent there.
    pub(super) highest_offer: f64,
    /// kxdpgun's highest rate with 99.9 % answered.
    pub(super) kxdpgun_pps: f64,
    /// Whether kxdpgun's limit came before the server's.
    pub(super) kxdpgun_limited: bool,
    pub(super) latency: Latency,
    /// Processor time on the server's side for each answer at half of the peak,
    /// nanoseconds: all of it.
    pub(super) cpu_ns_per_query: f64,
    /// The part of it that the server's own processes take.
    pub(super) cpu_ns_processes: f64,
    /// Memory after the load.
    pub(super) memory_mib: f64,
    /// What it is made of.
    pub(super) memory: Memory,
    pub(super) dnsperf: dnsperf::Found,
    /// Answered against offered.
    pub(super) curve: Curve,
    /// Every rate that kxdpgun tried.
    pub(super) kxdpgun: Vec<Step>,
}

/// From a query's making to its answer's arrival, at half of the server's own peak.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    /// Queries sent per second.
    pub(super) at: f64,
    /// Answers by queries: where it is far below 1 something else had the core, and
    /// latency and processor time are too high.
    pub(super) answered_share: f64,
    /// The way in which so many were answered.
    pub(super) receiving: Receiving,
    /// Within which half of the answers came, microseconds.
    pub(super) p50_us: f64,
    /// The same for 99 % of them.
    pub(super) p99_us: f64,
    /// The same for 99.9 % of them.
    pub(super) p999_us: f64,
}

/// veer beside its peers; `None` where one of both was not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Ratios {
    /// veer's peak by the highest peak of those that answer over UDP sockets.
    veer_over_best_udp: Option<f64>,
    /// veer's peak by that of Knot's XDP.
    veer_over_knot_xdp: Option<f64>,
    /// veer's processor time for an answer by the least of those over UDP sockets.
    cpu_share_of_best_udp: Option<f64>,
    /// veer's p99 by the shortest of all peers, each at half of its own peak.
    p99_share_of_best_peer: Option<f64>,
}

impl Ratios {
    fn of(rows: &[Row]) -> Self {
        let least = |of: &dyn Fn(&Row) -> Option<f64>| rows.iter().filter_map(of).reduce(f64::min);
        let most = |of: &dyn Fn(&Row) -> Option<f64>| rows.iter().filter_map(of).reduce(f64::max);
        let Some(veer) = rows.iter().find(|row| row.name == Contender::Veer) else {
            return Self::default();
        };
        let udp = |row: &Row, value| (!row.name.is_xdp()).then_some(value);
        Self {
            veer_over_best_udp: most(&|row| udp(row, row.peak_pps)).map(|pps| veer.peak_pps / pps),
            veer_over_knot_xdp: most(&|row| {
                (row.name == Contender::KnotXdp).then_some(row.peak_pps)
            })
            .map(|pps| veer.peak_pps / pps),
            cpu_share_of_best_udp: least(&|row| udp(row, row.cpu_ns_per_query))
                .map(|ns| veer.cpu_ns_per_query / ns),
            p99_share_of_best_peer: least(&|row| {
                (row.name != Contender::Veer).then_some(row.latency.p99_us)
            })
            .map(|us| veer.latency.p99_us / us),
        }
    }

    /// For a reader.
    fn lines(&self) -> String {
        let said = [
            ("veer's peak by the best over UDP", self.veer_over_best_udp),
            ("veer's peak by Knot's XDP", self.veer_over_knot_xdp),
            (
                "veer's CPU per answer by the least over UDP",
                self.cpu_share_of_best_udp,
            ),
            (
                "veer's p99 by the shortest of its peers",
                self.p99_share_of_best_peer,
            ),
        ];
        let said = said.into_iter();
        said.filter_map(|(what, ratio)| Some(format!("{what}: {:.3}\n", ratio?)))
            .collect()
    }
}

impl Report {
    /// Puts the rows together.
    pub(super) fn new(
        facts: Facts,
        generators: BTreeMap<&'static str, String>,
        seconds: f64,
        rows: Vec<Row>,
    ) -> Self {
        Self {
            facts,
            generators,
            seconds,
            ratios: Ratios::of(&rows),
            rows,
        }
    }

    /// Prints the table.
    pub(super) fn print(&self) {
        let cells = self.rows.iter().map(|row| {
            let at_least = |limited, pps| {
                let sign = if limited { "≥ " } else { "" };
                format!("{sign}{pps:.0}/s")
            };
            let Latency {
                p50_us,
                p99_us,
                p999_us,
                ..
            } = row.latency;
            [
                row.name.name().to_owned(),
                at_least(row.peak_limited, row.peak_pps),
                format!("{:.0}/s", row.highest_offer_pps),
                at_least(row.kxdpgun_limited, row.kxdpgun_pps),
                format!("{p50_us:.0}"),
                format!("{p99_us:.0}"),
                format!("{p999_us:.0}"),
                format!("{:.0}", row.cpu_ns_per_query),
                format!("{:.0}", row.memory_mib),
            ]
        });
        println!();
        report::print_table(
            [
                "server",
                "peak",
                "at highest offer",
                "kxdpgun ≥ 99.9 %",
                "p50 µs",
                "p99 µs",
                "p99.9 µs",
                "CPU ns",
                "MiB",
            ],
            &cells.collect::<Vec<_>>(),
        );
        println!("\n{}", self.ratios.lines().trim_end());
    }

    /// Answers per second against queries offered.
    pub(super) fn picture(&self) -> Picture {
        let axis = |label| Axis { label, log: true };
        let series = self.rows.iter().map(|row| {
            let points = row.curve.points().iter();
            Series {
                name: row.name.name().to_owned(),
                points: points
                    // On a logarithmic axis nothing has no place.
                    .filter(|point| point.answered > 0.0)
                    .map(|point| (point.offered, point.answered))
                    .collect(),
            }
        });
        Picture {
            title: "one core: veer beside other authoritative servers".to_owned(),
            x: axis("queries offered per second"),
            y: axis("answers per second"),
            series: series.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a server each: its peak, its processor time and its p99.
    fn rows(figures: &[(Contender, f64, f64, f64)]) -> Vec<Row> {
        let row = |&(name, peak_pps, cpu_ns_per_query, p99_us)| Row {
            name,
            version: String::new(),
            peak_pps,
            peak_offer: peak_pps,
            peak_limited: false,
            highest_offer_pps: 0.0,
            highest_offer: 2e6,
            kxdpgun_pps: 0.0,
            kxdpgun_limited: false,
            latency: Latency {
                at: peak_pps / 2.0,
                answered_share: 1.0,
                receiving: Receiving::First,
                p50_us: 1.0,
                p99_us,
                p999_us: 2.0 * p99_us,
            },
            cpu_ns_per_query,
            cpu_ns_processes: 0.0,
            memory_mib: 0.0,
            memory: Memory::default(),
            dnsperf: dnsperf::Found::default(),
            curve: Curve::of(&[(1e4, 1e4), (2e6, 0.0)]),
            kxdpgun: Vec::new(),
        };
        figures.iter().map(row).collect()
    }

    #[test]
    fn veer_is_compared_with_the_best_of_each_kind() {
        let ratios = Ratios::of(&rows(&[
            (Contender::Veer, 2e6, 200.0, 30.0),
            (Contender::KnotXdp, 4e5, 1000.0, 60.0),
            (Contender::KnotUdp, 1e5, 8000.0, 300.0),
            (Contender::Gdnsd, 125_000.0, 9000.0, 240.0),
        ]));
        let expected = Ratios {
            veer_over_best_udp: Some(16.0),
            veer_over_knot_xdp: Some(5.0),
            cpu_share_of_best_udp: Some(0.025),
            p99_share_of_best_peer: Some(0.5),
        };
        assert_eq!(ratios, expected);
        assert_eq!(ratios.lines().lines().count(), 4);
    }

    #[test]
    fn without_one_of_both_there_is_no_ratio() {
        let peers = [(Contender::KnotXdp, 4e5, 1000.0, 60.0)];
        assert_eq!(Ratios::of(&rows(&peers)), Ratios::default());
        let veer = (Contender::Veer, 2e6, 200.0, 30.0);
        let ratios = Ratios::of(&rows(&[veer, peers[0]]));
        assert_eq!(ratios.veer_over_best_udp, None);
        assert_eq!(ratios.veer_over_knot_xdp, Some(5.0));
        assert_eq!(ratios.cpu_share_of_best_udp, None);
    }

    #[test]
    fn a_step_without_answers_is_not_drawn() {
        let facts = Facts::collect().expect("this machine has some");
        let rows = rows(&[(Contender::Nsd, 1e5, 1.0, 1.0)]);
        let report = Report::new(facts, BTreeMap::new(), 1.0, rows);
        let picture = report.picture();
        assert_eq!(picture.series[0].name, "nsd");
        assert_eq!(picture.series[0].points, [(1e4, 1e4)]);
    }
}
