//! What the probes came to.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::{machine::Facts, report};

/// Probes that were seen.
pub(super) struct Seen {
    interval: Duration,
    /// By target, when its first probe began.
    first: Vec<Option<Instant>>,
    /// Of each probe after the first of its target: when it was due, from the start, and how
    /// late it began, seconds.
    late: Vec<(f64, f64)>,
    failed: u64,
}

impl Seen {
    pub(super) fn new(targets: usize, interval: Duration) -> Self {
        Self {
            interval,
            first: vec![None; targets],
            late: Vec::new(),
            failed: 0,
        }
    }

    /// One probe of `target`, which `began` then, or failed.
    pub(super) fn add(&mut self, target: usize, began: Option<Instant>, start: Instant) {
        let Some(began) = began else {
            self.failed += 1;
            return;
        };
        let Some(first) = self.first[target] else {
            self.first[target] = Some(began);
            return;
        };
        let interval = self.interval.as_secs_f64();
        let since = began.saturating_duration_since(first).as_secs_f64();
        // Which one it is, however late.
        let due = (since / interval).round() * interval;
        let due_at = (first - start).as_secs_f64() + due;
        self.late.push((due_at, since - due));
    }
}

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    facts: Facts,
    targets: u32,
    seconds: f64,
    /// Probes that passed a second.
    probes_per_s: f64,
    failed: u64,
    /// Probes that were due and did not end.
    missing: u64,
    /// From when a probe was due until it began, milliseconds, without sign.
    late_p50_ms: f64,
    late_p99_ms: f64,
    late_max_ms: f64,
    /// What the mean lateness grew by from the first quarter of the time to the last.
    drift_ms: f64,
    /// Share of its core that all of it took, 0 to 1.
    busy: f64,
    /// Processor time of a probe, what follows from it included, microseconds.
    cpu_us: f64,
}

impl Report {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of probes stay far below 2^52"
    )]
    pub(super) fn new(
        facts: Facts,
        targets: u32,
        time: Duration,
        seen: &Seen,
        cpu: Duration,
    ) -> Self {
        let seconds = time.as_secs_f64();
        let passed = seen.first.iter().flatten().count() + seen.late.len();
        // What is due in the last second may still be under way.
        let due = u64::from(targets) * time.as_secs().saturating_sub(1);
        let mut late: Vec<f64> = seen.late.iter().map(|(_, late)| late.abs()).collect();
        late.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (late.len() * percent).div_ceil(100).max(1) - 1;
            late.get(rank).copied().unwrap_or(f64::NAN) * 1e3
        };
        let mean_between = |from: f64, to: f64| {
            let in_it = seen.late.iter().filter(|(due, _)| (from..to).contains(due));
            let (count, sum) = in_it.fold((0.0, 0.0), |(count, sum), (_, late)| {
                (count + 1.0, sum + late)
            });
            sum / count * 1e3
        };
        let quarter = seconds / 4.0;
        let drift_ms = mean_between(seconds - quarter, seconds) - mean_between(0.0, quarter + 1.0);
        Self {
            facts,
            targets,
            seconds,
            probes_per_s: passed as f64 / seconds,
            failed: seen.failed,
            missing: due.saturating_sub(passed as u64 + seen.failed),
            late_p50_ms: at(50),
            late_p99_ms: at(99),
            late_max_ms: at(100),
            drift_ms,
            busy: cpu.as_secs_f64() / seconds,
            cpu_us: cpu.as_secs_f64() * 1e6 / passed as f64,
        }
    }

    /// For a reader.
    pub(super) fn print(&self) {
        let row = |what: &str, figure: String| [what.to_owned(), figure];
        let ms = |figure: f64| format!("{figure:.2} ms");
        let rows = [
            row("targets, each once a second", self.targets.to_string()),
            row("probes a second", format!("{:.0}", self.probes_per_s)),
            row("failed", self.failed.to_string()),
            row("missing", self.missing.to_string()),
            row("begun late, p50", ms(self.late_p50_ms)),
            row("p99", ms(self.late_p99_ms)),
            row("longest", ms(self.late_max_ms)),
            row("drift, last quarter against first", ms(self.drift_ms)),
            row("core busy", format!("{:.0} %", 100.0 * self.busy)),
            row(
                "processor time of a probe",
                format!("{:.1} µs", self.cpu_us),
            ),
        ];
        report::print_table(["", "figure"], &rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probes of two targets a second for 40 s, each as late as `late` says of its second.
    fn seen(late: impl Fn(u32) -> f64) -> Seen {
        let start = Instant::now();
        let mut seen = Seen::new(2, Duration::from_secs(1));
        for second in 0..40 {
            for target in 0..2_u32 {
                let at = f64::from(second) + 0.5 * f64::from(target) + late(second);
                seen.add(
                    target as usize,
                    Some(start + Duration::from_secs_f64(at)),
                    start,
                );
            }
        }
        seen
    }

    fn drift(late: impl Fn(u32) -> f64) -> f64 {
        let facts = Facts::collect().expect("a machine");
        let time = Duration::from_secs(40);
        Report::new(facts, 2, time, &seen(late), time / 2).drift_ms
    }

    #[test]
    fn drift_is_what_lateness_grows_by() {
        assert!(drift(|_| 0.0).abs() < 1e-3);
        // Late by 1 ms more each second, from second 0: the middles lie some 29 s apart.
        let grows = drift(|second| f64::from(second) * 1e-3);
        assert!((25.0..32.0).contains(&grows), "{grows}");
        // Late now and then is no drift.
        assert!(drift(|second| if second % 2 == 0 { 0.0 } else { 0.02 }).abs() < 2.0);
    }

    #[test]
    fn what_failed_or_did_not_come_is_counted() {
        let start = Instant::now();
        let mut seen = Seen::new(1, Duration::from_secs(1));
        for second in [0, 1, 3, 4, 5, 6, 7, 8, 9] {
            seen.add(0, Some(start + Duration::from_secs(second)), start);
        }
        seen.add(0, None, start);
        let facts = Facts::collect().expect("a machine");
        let report = Report::new(facts, 2, Duration::from_secs(10), &seen, Duration::ZERO);
        assert_eq!((report.failed, report.missing), (1, 8));
    }
}
