//! What the trials came to.

use std::time::Duration;

use serde::Serialize;

use super::trial::{DOWN_AFTER, Ended, Failing, INTERVAL, TIMEOUT};
use crate::{machine::Facts, report, wakes::Late};

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    facts: Facts,
    interval_ms: f64,
    timeout_ms: f64,
    down_after: u32,
    #[serde(flatten)]
    ended: Ended,
    /// Of the machine, meanwhile.
    wakes_late: Option<Late>,
    rows: Vec<Row>,
}

/// One way to fail; times from the failure to the last question that got the failed
/// server, milliseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Row {
    failing: Failing,
    trials: usize,
    /// The longest that probes can take to say so.
    bound_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// What p99 is beyond the bound; less than 0 where it is within.
    p99_over_bound_ms: f64,
    times_ms: Vec<f64>,
}

impl Row {
    /// Of at least one trial.
    pub(super) fn new(failing: Failing, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| ms(times[(times.len() * percent).div_ceil(100) - 1]);
        let bound_ms = ms(failing.bound());
        Self {
            failing,
            trials: times.len(),
            bound_ms,
            p50_ms: at(50),
            p99_ms: at(99),
            max_ms: at(100),
            p99_over_bound_ms: at(99) - bound_ms,
            times_ms: times.iter().copied().map(ms).collect(),
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Report {
    pub(super) fn new(
        facts: Facts,
        rows: Vec<Row>,
        ended: Ended,
        wakes_late: Option<Late>,
    ) -> Self {
        Self {
            facts,
            interval_ms: ms(INTERVAL),
            timeout_ms: ms(TIMEOUT),
            down_after: DOWN_AFTER,
            ended,
            wakes_late,
            rows,
        }
    }

    /// For a reader.
    pub(super) fn print(&self) {
        let rows = self.rows.iter().map(|row| {
            let ms = |figure: f64| format!("{figure:.1} ms");
            [
                format!("the server {}", row.failing.name()),
                row.trials.to_string(),
                ms(row.bound_ms),
                ms(row.p50_ms),
                ms(row.p99_ms),
                ms(row.max_ms),
                ms(row.p99_over_bound_ms),
            ]
        });
        let rows: Vec<_> = rows.collect();
        println!();
        let heads = [
            "",
            "trials",
            "probes' bound",
            "p50",
            "p99",
            "longest",
            "p99 over the bound",
        ];
        report::print_table(heads, &rows);
        println!(
            "\nprobed every {} ms, down after {} failures, silent for {} ms; {:.3} % of answers \
             from the kernel, {} questions unanswered; from a probe's end into the tables: {}",
            self.interval_ms,
            self.down_after,
            self.timeout_ms,
            100.0 * self.ended.kernel_share,
            self.ended.unanswered,
            self.ended.publish_delay,
        );
        if let Some(late) = &self.wakes_late {
            println!(
                "meanwhile the machine woke a thread that only slept so much late: p50 {:.0} µs, \
                 p99 {:.0} µs, longest {:.0} µs",
                late.p50_us, late.p99_us, late.max_us,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_trials_and_the_bound_of_the_way_to_fail() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let row = Row::new(Failing::IsSilent, times);
        let figures = [row.p50_ms, row.p99_ms, row.max_ms, row.bound_ms];
        assert!(
            figures
                .iter()
                .zip([100.0, 198.0, 200.0, 500.0])
                .all(|(a, b)| (a - b).abs() < 1e-6),
            "{figures:?}"
        );
        assert!((row.p99_over_bound_ms + 302.0).abs() < 1e-6);
        assert_eq!(row.trials, 200);
    }
}
