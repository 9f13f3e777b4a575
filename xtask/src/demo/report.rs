//! What is claimed of a demo, with the figures that show it.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    record::{Record, server_name},
    stage::{DOWN_AFTER, GROUPS, PROBE_INTERVAL_MS, SITES},
};

/// Share of hot queries that the kernel must answer.
const KERNEL_SHARE_MIN: f64 = 0.999;

/// Time for a probe's result to reach the kernel and the next answer to come.
const FAILOVER_SLACK_MS: f64 = 50.0;

/// The figures, as `report.json` has them. Counts are of dnsperf's queries
/// unless they say else.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Share of the answers that the kernel gave, 0 to 1.
    kernel_share: f64,
    /// Queries without an answer.
    lost: u64,
    queries: u64,
    /// Answers other than NOERROR.
    failed: u64,
    /// Mean over all groups while they asked.
    answers_per_second: f64,
    /// Group → server, before anything was done.
    servers_by_group: BTreeMap<&'static str, &'static str>,
    stopped_server: &'static str,
    /// From just before the stop to the last answer with the stopped server.
    failover_ms: f64,
    /// From just before the restart to the first answer with it again.
    comeback_ms: Option<f64>,
    probe_interval_ms: u64,
    down_after: u64,
    queries_during_sigkill: u64,
    lost_during_sigkill: u64,
    queries_during_adoption: u64,
    lost_during_adoption: u64,
    /// From the daemon's start to its first word.
    adoption_ms: Option<f64>,
    /// What the restarted daemon says of its program.
    xdp_state: String,
    /// Queries of the slow resolvers that watch where their group is sent.
    watched_queries: u64,
    watched_lost: u64,
    claims: Vec<Claim>,
}

/// Something that must hold.
#[derive(Debug, Serialize)]
struct Claim {
    what: String,
    seen: String,
    holds: bool,
}

impl Report {
    pub(super) fn new(record: &Record) -> Self {
        let totals = record.runs().map(|run| run.totals);
        let completed = totals.iter().map(|totals| totals.completed).sum();
        let seconds = record.runs().map(|run| run.length.as_secs_f64());
        let watched: u64 = record.seen.iter().map(|seen| seen.asked).sum();
        // The watchers' queries are taken off as if the kernel had answered all.
        let kernel_answered = record.kernel_answered.saturating_sub(watched);
        let groups = GROUPS.iter().zip(record.steady);
        let mut report = Self {
            kernel_share: share(kernel_answered, completed).unwrap_or(0.0).min(1.0),
            lost: totals.iter().map(|totals| totals.lost).sum(),
            queries: totals.iter().map(|totals| totals.sent).sum(),
            failed: totals
                .iter()
                .map(|totals| totals.completed - totals.noerror)
                .sum(),
            answers_per_second: (to_f64(completed) / seconds.iter().sum::<f64>()).round(),
            servers_by_group: groups
                .map(|(group, server)| (group.name, server_name(server)))
                .collect(),
            stopped_server: SITES[record.stopped].name,
            failover_ms: milliseconds(record.failover),
            comeback_ms: record.comeback.map(milliseconds),
            probe_interval_ms: PROBE_INTERVAL_MS,
            down_after: DOWN_AFTER,
            queries_during_sigkill: record.killing.totals.sent,
            lost_during_sigkill: record.killing.totals.lost,
            queries_during_adoption: record.adopting.totals.sent,
            lost_during_adoption: record.adopting.totals.lost,
            adoption_ms: record.adoption.map(milliseconds),
            xdp_state: record.xdp_state.clone(),
            watched_queries: watched,
            watched_lost: record.seen.iter().map(|seen| seen.lost).sum(),
            claims: Vec::new(),
        };
        report.claims = report.check(record);
        report
    }

    fn check(&self, record: &Record) -> Vec<Claim> {
        let claim = |what: String, seen: String, holds: bool| Claim { what, seen, holds };
        let of = |part: u64, all: u64| format!("{part} of {all}");
        let failover_max = to_f64(PROBE_INTERVAL_MS * DOWN_AFTER) + FAILOVER_SLACK_MS;
        let milliseconds =
            |time: Option<f64>| time.map_or("never".to_owned(), |time| format!("{time} ms"));
        let [one, other] = record.steady;
        vec![
            claim(
                format!("the kernel answers {KERNEL_SHARE_MIN} of the queries or more"),
                format!("{:.6}", self.kernel_share),
                self.kernel_share >= KERNEL_SHARE_MIN,
            ),
            claim(
                "no query is lost".to_owned(),
                of(self.lost, self.queries),
                self.queries > 0 && self.lost == 0,
            ),
            claim(
                "no query fails".to_owned(),
                of(self.failed, self.queries),
                self.failed == 0,
            ),
            claim(
                "no query of a watcher is lost".to_owned(),
                of(self.watched_lost, self.watched_queries),
                self.watched_lost == 0,
            ),
            claim(
                "the groups are sent to different servers".to_owned(),
                format!("{:?}", self.servers_by_group),
                one.is_some() && other.is_some() && one != other,
            ),
            claim(
                format!("a stopped server is answered no more after {failover_max} ms"),
                format!("{} ms", self.failover_ms),
                self.failover_ms <= failover_max,
            ),
            claim(
                "it is answered again when it is back".to_owned(),
                milliseconds(self.comeback_ms),
                self.comeback_ms.is_some(),
            ),
            claim(
                "no query is lost when veerd is killed".to_owned(),
                of(self.lost_during_sigkill, self.queries_during_sigkill),
                self.queries_during_sigkill > 0 && self.lost_during_sigkill == 0,
            ),
            claim(
                "another veerd takes over while queries come".to_owned(),
                format!("{}, {}", self.xdp_state, milliseconds(self.adoption_ms)),
                self.xdp_state == "adopted" && self.adoption_ms.is_some(),
            ),
            claim(
                "no query is lost meanwhile".to_owned(),
                of(self.lost_during_adoption, self.queries_during_adoption),
                self.queries_during_adoption > 0 && self.lost_during_adoption == 0,
            ),
        ]
    }

    /// The claims that do not hold, with what was seen instead.
    pub(super) fn broken(&self) -> Vec<String> {
        let broken = self.claims.iter().filter(|claim| !claim.holds);
        broken
            .map(|claim| format!("{} (seen: {})", claim.what, claim.seen))
            .collect()
    }

    /// The report as a file has it.
    pub(super) fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).context("write the report")?;
        Ok(text + "\n")
    }

    /// The report as a person reads it.
    pub(super) fn summary(&self) -> String {
        let mut text = format!(
            "{} queries, {} answers per second\n\n",
            self.queries, self.answers_per_second
        );
        for Claim { what, seen, holds } in &self.claims {
            let mark = if *holds { '✓' } else { '✗' };
            let _ = writeln!(text, "  {mark} {what}: {seen}");
        }
        text
    }
}

/// A part of a whole, 0 to 1; `None` of nothing.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole != 0).then(|| to_f64(part) / to_f64(whole))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no count here comes near the 2^52 up to which it is exact"
)]
fn to_f64(count: u64) -> f64 {
    count as f64
}

/// Milliseconds to the tenth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}

#[cfg(test)]
mod tests;
