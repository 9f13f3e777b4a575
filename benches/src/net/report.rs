//! What the measurement found.

use serde::Serialize;

use super::{
    run::{Figures, Run},
    turns::Subject,
};
use crate::{
    curve::{Axis, Curve, Series},
    load::Runs,
    machine::Facts,
    report,
};

/// What `--json` writes. All figures are medians of the runs at one rate but
/// for `runs` themselves.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    facts: Facts,
    #[serde(flatten)]
    options: Runs,
    /// Queries that are sent in random order, nearly as many names.
    queries: usize,
    /// Answers per second at veer's best rate.
    veer_pps: f64,
    /// The same of the reflect.
    reflect_pps: f64,
    /// veer's by the reflect's.
    pps_share: f64,
    /// Queries per second at which processor time is compared, half of the
    /// reflect's peak.
    cpu_offered_pps: f64,
    /// Processor time of the server's receiving there, the program included,
    /// nanoseconds an answer.
    veer_cpu_ns: f64,
    /// The same of the reflect.
    reflect_cpu_ns: f64,
    /// veer's by the reflect's.
    cpu_ratio: f64,
    /// Processor time of an answer at the generator's highest offer.
    veer_highest_offer_cpu_ns: f64,
    /// The same of the reflect.
    reflect_highest_offer_cpu_ns: f64,
    /// veer's answers per second at the generator's highest offer, by its peak.
    highest_offer_share: f64,
    /// The same of the reflect.
    reflect_highest_offer_share: f64,
    /// The most that the generator sent, queries per second.
    generator_pps: f64,
    /// The most that a program took which drops everything, queries per second: no
    /// replies take time of the generator's core then.
    dropped_pps: f64,
    /// By rate; the one at which processor time is compared comes last.
    rows: Vec<Run>,
    /// Every run, in the order they were made.
    runs: Vec<Run>,
}

impl Report {
    /// `climb` are the runs at rising rates, `at_cpu_rate` those at the rate at
    /// which processor time is compared. There is one of each program in either.
    pub(super) fn new(
        facts: Facts,
        options: Runs,
        queries: usize,
        dropped_pps: f64,
        climb: Vec<Run>,
        at_cpu_rate: Vec<Run>,
    ) -> Self {
        let [reflect_pps, veer_pps] = Subject::ALL.map(|subject| peak(&climb, subject));
        let [reflect_last, veer_last] = Subject::ALL.map(|subject| last(&climb, subject));
        let [reflect_cpu, veer_cpu] = Subject::ALL.map(|subject| last(&at_cpu_rate, subject));
        let climbed = medians(&climb);
        let sent = climbed.iter().map(|row| row.figures.sent);
        Self {
            facts,
            options,
            queries,
            veer_pps,
            reflect_pps,
            pps_share: veer_pps / reflect_pps,
            cpu_offered_pps: at_cpu_rate.first().map_or(0.0, |run| run.offered),
            veer_cpu_ns: veer_cpu.cpu_ns,
            reflect_cpu_ns: reflect_cpu.cpu_ns,
            cpu_ratio: veer_cpu.cpu_ns / reflect_cpu.cpu_ns,
            veer_highest_offer_cpu_ns: veer_last.cpu_ns,
            reflect_highest_offer_cpu_ns: reflect_last.cpu_ns,
            highest_offer_share: veer_last.answered / veer_pps,
            reflect_highest_offer_share: reflect_last.answered / reflect_pps,
            generator_pps: sent.fold(0.0, f64::max),
            dropped_pps,
            rows: [climbed, medians(&at_cpu_rate)].concat(),
            runs: [climb, at_cpu_rate].concat(),
        }
    }

    /// For a reader.
    pub(super) fn print(&self) {
        let of = |subject| self.rows.iter().filter(move |row| row.subject == subject);
        let pairs = of(Subject::Reflect).zip(of(Subject::Veer));
        let rows: Vec<_> = pairs
            .map(|(reflect, veer)| {
                let offered = reflect.offered;
                let (reflect, veer) = (reflect.figures, veer.figures);
                [
                    format!("{offered:.0}/s"),
                    format!("{:.0}/s", reflect.answered),
                    format!("{:.0}/s", veer.answered),
                    format!("{:.2} %", 100.0 * reflect.loss),
                    format!("{:.2} %", 100.0 * veer.loss),
                    format!("{:.0} ns", reflect.cpu_ns),
                    format!("{:.0} ns", veer.cpu_ns),
                    format!("{:.0} %", 100.0 * reflect.busy),
                    format!("{:.0} %", 100.0 * veer.busy),
                ]
            })
            .collect();
        println!();
        report::print_table(
            [
                "offered",
                "reflect answers",
                "veer answers",
                "reflect loses",
                "veer loses",
                "CPU an answer",
                "veer's",
                "core busy",
                "veer's",
            ],
            &rows,
        );
        println!();
        println!(
            "peak: {:.0}/s, {:.1} % of the reflect's {:.0}/s",
            self.veer_pps,
            100.0 * self.pps_share,
            self.reflect_pps
        );
        println!(
            "at the generator's highest offer, {:.0}/s sent: {:.1} % of that; the reflect {:.1} % of its own",
            self.generator_pps,
            100.0 * self.highest_offer_share,
            100.0 * self.reflect_highest_offer_share
        );
        println!(
            "the generator without replies: {:.0}/s taken by a program that drops them",
            self.dropped_pps
        );
        println!(
            "CPU an answer at {:.0}/s: {:.0} ns, {:.2} times the reflect's {:.0} ns",
            self.cpu_offered_pps, self.veer_cpu_ns, self.cpu_ratio, self.reflect_cpu_ns
        );
    }

    /// Answers per second against queries offered.
    pub(super) fn answers(&self) -> Curve {
        let label = "answers per second";
        self.curve(false, Axis { label, log: false }, |figures| {
            figures.answered
        })
    }

    /// Processor time of an answer against queries offered.
    pub(super) fn cpu(&self) -> Curve {
        let label = "processor time of receiving, ns an answer";
        self.curve(true, Axis { label, log: false }, |figures| figures.cpu_ns)
    }

    fn curve(&self, log: bool, y: Axis, figure: impl Fn(&Figures) -> f64) -> Curve {
        let series = |subject: Subject| {
            let rows = self.rows.iter().filter(|row| row.subject == subject);
            let mut points: Vec<_> = rows
                .map(|row| (row.offered, figure(&row.figures)))
                .collect();
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            Series {
                name: subject.name().to_owned(),
                points,
            }
        };
        Curve {
            title: "one core: veer beside a bare reflect".to_owned(),
            x: Axis {
                label: "queries offered per second",
                log,
            },
            y,
            series: Subject::ALL.map(series).into(),
        }
    }
}

/// Answers per second of `subject` at its best rate.
pub(super) fn peak(runs: &[Run], subject: Subject) -> f64 {
    let rows = medians(runs).into_iter();
    let rows = rows.filter(|row| row.subject == subject);
    rows.map(|row| row.figures.answered).fold(0.0, f64::max)
}

/// What `subject` did at the last rate.
fn last(runs: &[Run], subject: Subject) -> Figures {
    let offered = runs.last().map_or(0.0, |run| run.offered);
    median(runs, subject, offered)
}

/// One row for each rate and program, in the order of the rates.
fn medians(runs: &[Run]) -> Vec<Run> {
    let mut offers: Vec<f64> = runs.iter().map(|run| run.offered).collect();
    offers.dedup();
    let rows = offers.into_iter().flat_map(|offered| {
        Subject::ALL.map(|subject| Run {
            subject,
            offered,
            figures: median(runs, subject, offered),
        })
    });
    rows.collect()
}

/// The median of every figure.
fn median(runs: &[Run], subject: Subject, offered: f64) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let runs = runs
            .iter()
            .filter(|run| run.subject == subject && run.offered.total_cmp(&offered).is_eq());
        report::median(runs.map(|run| figure(&run.figures)))
    };
    Figures {
        sent: of(|figures| figures.sent),
        received: of(|figures| figures.received),
        answered: of(|figures| figures.answered),
        loss: of(|figures| figures.loss),
        cpu_ns: of(|figures| figures.cpu_ns),
        busy: of(|figures| figures.busy),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::run::tests::run, *};

    /// Two rates, three runs of each program at either.
    fn climb() -> Vec<Run> {
        let at = |offered, answered: [[f64; 3]; 2]| {
            let subjects = Subject::ALL.into_iter().zip(answered);
            subjects.flat_map(move |(subject, answered)| {
                answered.map(|answered| run(subject, offered, answered, 1e9 / answered))
            })
        };
        let low = at(1000.0, [[990.0, 1000.0, 1.0], [960.0, 950.0, 1000.0]]);
        let high = at(2000.0, [[1500.0, 1600.0, 1700.0], [940.0, 5.0, 912.0]]);
        low.chain(high).collect()
    }

    /// Of the [`climb`], and the runs at the rate for processor time.
    fn report(at_cpu_rate: [Run; 2]) -> Report {
        let options = Runs {
            seconds: 1,
            rounds: 3,
            edns: false,
        };
        let facts = Facts::collect().expect("facts");
        Report::new(facts, options, 7, 3000.0, climb(), at_cpu_rate.into())
    }

    #[test]
    fn figures_are_medians_and_peaks_the_best_of_those() {
        let at_cpu_rate = [
            run(Subject::Reflect, 800.0, 800.0, 200.0),
            run(Subject::Veer, 800.0, 800.0, 300.0),
        ];
        let report = report(at_cpu_rate);
        for (name, found, expected) in [
            ("reflect_pps", report.reflect_pps, 1600.0),
            ("veer_pps", report.veer_pps, 960.0),
            ("pps_share", report.pps_share, 0.6),
            ("cpu_offered_pps", report.cpu_offered_pps, 800.0),
            ("veer_cpu_ns", report.veer_cpu_ns, 300.0),
            ("reflect_cpu_ns", report.reflect_cpu_ns, 200.0),
            ("cpu_ratio", report.cpu_ratio, 1.5),
            ("highest", report.highest_offer_share, 912.0 / 960.0),
            ("reflect's", report.reflect_highest_offer_share, 1.0),
            ("generator_pps", report.generator_pps, 2000.0),
        ] {
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        }
        assert_eq!((report.rows.len(), report.runs.len()), (6, 14));
    }

    #[test]
    fn curves_rise_along_the_offers() {
        let at_cpu_rate = Subject::ALL.map(|subject| run(subject, 1200.0, 1200.0, 100.0));
        let rows = [medians(&climb()), at_cpu_rate.into()].concat();
        let report = report(at_cpu_rate);
        assert_eq!(report.rows, rows);
        let curve = report.answers();
        let [reflect, veer] = [&curve.series[0], &curve.series[1]];
        assert_eq!(reflect.name, "reflect");
        assert_eq!(
            reflect.points,
            [(1000.0, 990.0), (1200.0, 1200.0), (2000.0, 1600.0)]
        );
        assert_eq!(
            veer.points,
            [(1000.0, 960.0), (1200.0, 1200.0), (2000.0, 912.0)]
        );
    }
}
