//! What the measurement found.

use dns_common::outcome::Action;
use dns_ebpf::load::{Fate, Kind};
use serde::Serialize;

use super::{peak::Peak, run::Run};
use crate::{
    load::{Mix, Runs, ratio_of},
    machine::Facts,
    report,
};

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    facts: Facts,
    #[serde(flatten)]
    options: Runs,
    /// Share of queries for random names, 0 to 1.
    flood_share: f64,
    /// Replies per second at the reflect's best.
    reflect_peak_pps: f64,
    /// Whether the load generator's limit came before the reflect's.
    generator_limited: bool,
    /// Queries per second of the runs.
    offered_pps: f64,
    /// Queries per second that the reflect was sent: the median run, as in all
    /// that follows.
    reflect_sent_pps: f64,
    /// The same for veer.
    veer_sent_pps: f64,
    /// Share of hot queries that the reflect lost, 0 to 1.
    reflect_hot_loss: f64,
    /// Share of hot queries that veer left without their answer.
    veer_hot_loss: f64,
    /// What that is more than the reflect's.
    hot_loss_over_reflect: f64,
    /// Processor time of receiving, the program included, nanoseconds a packet.
    reflect_cpu_ns: f64,
    /// The same with veer, and the network stack for what it passes up.
    veer_cpu_ns: f64,
    /// What became of the flood at veer, in all its runs.
    #[serde(flatten)]
    flood: Flood,
    /// The climb to the reflect's peak.
    peak: Peak,
    reflect_runs: Vec<Run>,
    veer_runs: Vec<Run>,
}

/// Random names, and how veer dealt with them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Flood {
    /// Queries sent.
    #[serde(rename = "flood_sent")]
    sent: u64,
    /// Packets of any kind that veer's program passed up the stack: all its
    /// outcomes that do. Where hot queries are not among them, the flood's.
    #[serde(rename = "flood_passed_up")]
    passed_up: u64,
    /// Packets that veer's program dropped.
    #[serde(rename = "flood_dropped")]
    dropped: u64,
    /// Replies that say NXDOMAIN, from either plane.
    #[serde(rename = "flood_answered")]
    answered: u64,
    /// Replies with TC set.
    #[serde(rename = "flood_truncated")]
    truncated: u64,
    /// Replies that say anything else.
    #[serde(rename = "flood_other")]
    other: u64,
    /// Queries without a reply: dropped, lost in a queue or still in one.
    #[serde(rename = "flood_unanswered")]
    unanswered: u64,
}

impl Flood {
    fn of(runs: &[Run]) -> Self {
        let sum = |count: &dyn Fn(&Run) -> u64| runs.iter().map(count).sum();
        let said = |fate| sum(&|run| run.step.replies.of(Kind::Flood, fate));
        let sent: u64 = sum(&|run| run.step.sent.flood);
        let all: u64 = sum(&|run| run.step.replies.all(Kind::Flood));
        let [answered, truncated] = [Fate::NameError, Fate::Truncated].map(said);
        Self {
            sent,
            passed_up: sum(&|run| run.counted(Action::Up)),
            dropped: sum(&|run| run.counted(Action::Drop)),
            answered,
            truncated,
            other: all - answered - truncated,
            unanswered: sent.saturating_sub(all),
        }
    }
}

impl Report {
    /// Puts the runs together; there is at least one of each.
    pub(super) fn new(
        facts: Facts,
        options: Runs,
        peak: Peak,
        mix: Mix,
        reflect_runs: Vec<Run>,
        veer_runs: Vec<Run>,
    ) -> Self {
        let [reflect_hot_loss, veer_hot_loss] =
            [&reflect_runs, &veer_runs].map(|runs| median(runs, |run| run.hot_loss));
        let [reflect_sent_pps, veer_sent_pps] =
            [&reflect_runs, &veer_runs].map(|runs| median(runs, |run| run.step.sent.rate()));
        let [reflect_cpu_ns, veer_cpu_ns] =
            [&reflect_runs, &veer_runs].map(|runs| median(runs, |run| run.step.cpu_ns));
        Self {
            facts,
            options,
            flood_share: mix.flood_share,
            reflect_peak_pps: peak.answered,
            generator_limited: peak.generator_limited,
            offered_pps: mix.rate,
            reflect_sent_pps,
            veer_sent_pps,
            reflect_hot_loss,
            veer_hot_loss,
            hot_loss_over_reflect: veer_hot_loss - reflect_hot_loss,
            reflect_cpu_ns,
            veer_cpu_ns,
            flood: Flood::of(&veer_runs),
            peak,
            reflect_runs,
            veer_runs,
        }
    }

    /// For a reader.
    pub(super) fn print(&self) {
        let limited = if self.generator_limited { "≥ " } else { "" };
        println!();
        println!(
            "the reflect's peak: {limited}{:.0}/s; offered: {:.0}/s, {:.0} % of it flood",
            self.reflect_peak_pps,
            self.offered_pps,
            100.0 * self.flood_share
        );
        println!();
        let row = |program: &str, sent: f64, loss: f64, cpu_ns: f64| {
            [
                program.to_owned(),
                format!("{sent:.0}/s"),
                format!("{:.2} %", 100.0 * loss),
                format!("{cpu_ns:.0} ns"),
            ]
        };
        report::print_table(
            ["program", "sent", "hot queries lost", "CPU a packet"],
            &[
                row(
                    "reflect",
                    self.reflect_sent_pps,
                    self.reflect_hot_loss,
                    self.reflect_cpu_ns,
                ),
                row(
                    "veer",
                    self.veer_sent_pps,
                    self.veer_hot_loss,
                    self.veer_cpu_ns,
                ),
            ],
        );
        println!();
        let flood = &self.flood;
        let row = |fate: &str, count: u64| {
            let share = ratio_of(count) / ratio_of(flood.sent.max(1));
            [
                fate.to_owned(),
                count.to_string(),
                format!("{:.2} %", 100.0 * share),
            ]
        };
        report::print_table(
            ["flood at veer", "packets", "of those sent"],
            &[
                row("sent", flood.sent),
                row("passed up, with hot ones", flood.passed_up),
                row("dropped", flood.dropped),
                row("answered NXDOMAIN", flood.answered),
                row("answered TC", flood.truncated),
                row("answered else", flood.other),
                row("not answered", flood.unanswered),
            ],
        );
    }
}

fn median(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    report::median(runs.iter().map(figure))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::load::{Replies, Sent, Step};

    /// One of the runs that a median is taken of.
    fn run(sent: u64, answered: u64, up: u64) -> Run {
        let step = Step {
            offered: 1000.0,
            sent: Sent {
                hot: sent,
                flood: sent,
                seconds: 1.0,
            },
            received: 2 * sent,
            replies: Replies::default(),
            cpu_ns: 500.0,
        };
        let outcomes = [
            ("answered", answered),
            ("drop_broken", 2),
            ("up_no_room", 1),
            ("up_unknown_name", up),
        ];
        let outcomes = outcomes.map(|(name, count)| (name.to_owned(), count));
        Run::new(step, answered, outcomes.into())
    }

    #[test]
    fn losses_are_medians_and_the_floods_fates_are_sums() {
        let runs = [run(100, 90, 40), run(100, 99, 50), run(100, 98, 60)];
        let loss = median(&runs, |run| run.hot_loss);
        assert!((loss - 0.02).abs() < 1e-9, "{loss}");
        let flood = serde_json::to_value(Flood::of(&runs)).expect("numbers");
        let expected = json!({
            "flood_sent": 300,
            "flood_passed_up": 153,
            "flood_dropped": 6,
            "flood_answered": 0,
            "flood_truncated": 0,
            "flood_other": 0,
            "flood_unanswered": 300,
        });
        assert_eq!(flood, expected);
    }
}
