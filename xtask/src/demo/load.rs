//! dnsperf from every group at once, and what it says.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail};

use super::stage::{DNS, GROUPS, QUERIES, Stage};
use crate::{
    lab::{Process, dnsperf::Totals},
    setup::Tool,
};

/// Queries that each group has under way: together well under the 256 frames
/// that a veth's ring holds.
const OUTSTANDING: u32 = 40;

/// Time between two counts of answers, seconds.
const COUNT_EVERY: &str = "0.25";

/// How long dnsperf waits for an answer, and may take to end after its time.
const ANSWER: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);

/// One dnsperf for each group.
pub(super) struct Load {
    runs: Vec<Process>,
    length: Duration,
}

/// A count of answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// When, seconds of the Unix epoch.
    pub(super) at: f64,
    /// Answers per second since the count before.
    pub(super) per_second: f64,
}

impl Load {
    /// Starts asking, for `length`.
    pub(super) fn start(stage: &Stage, length: Duration) -> Result<Self> {
        let queries = stage.lab().dir().join("queries");
        fs::write(&queries, QUERIES).with_context(|| format!("write {}", queries.display()))?;
        let run = |source: String| {
            let mut dnsperf = stage.clients().enter(Tool::Dnsperf.command());
            dnsperf.args(["-s", &DNS.ip().to_string(), "-p", &DNS.port().to_string()]);
            dnsperf.args(["-a", &source, "-q", &OUTSTANDING.to_string()]);
            dnsperf.args(["-t", &ANSWER.as_secs().to_string(), "-S", COUNT_EVERY]);
            dnsperf.args(["-l", &length.as_secs_f64().to_string(), "-d"]);
            dnsperf.arg(&queries);
            stage.lab().spawn(dnsperf)
        };
        let runs = GROUPS.iter().map(|group| run(group.source.to_string()));
        Ok(Self {
            runs: runs.collect::<Result<_>>()?,
            length,
        })
    }

    /// How long it goes on.
    pub(super) fn length(&self) -> Duration {
        self.length
    }

    /// Whether every dnsperf has ended.
    pub(super) fn is_over(&mut self) -> Result<bool> {
        for run in &mut self.runs {
            if run.ended()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The counts so far, for each group.
    pub(super) fn rates(&self) -> Vec<Vec<Rate>> {
        let rates = |run: &Process| run.stdout().lines().filter_map(rate).collect();
        self.runs.iter().map(rates).collect()
    }

    /// Waits for the end; returns what became of all groups' queries.
    pub(super) fn finish(mut self) -> Result<Totals> {
        let mut all = Totals::default();
        for (run, group) in self.runs.iter_mut().zip(&GROUPS) {
            let status = run.wait(self.length + PATIENCE)?;
            if !status.success() {
                bail!(
                    "dnsperf of {}: {status}: {}",
                    group.name,
                    run.stderr().trim()
                );
            }
            let output = run.stdout();
            let totals = Totals::read(&output)
                .with_context(|| format!("dnsperf of {} ends with:\n{output}", group.name))?;
            all.add(totals);
        }
        Ok(all)
    }
}

/// Reads `1795215948.490724: 61234.500000`.
fn rate(line: &str) -> Option<Rate> {
    let (at, per_second) = line.split_once(": ")?;
    Some(Rate {
        at: at.parse().ok()?,
        per_second: per_second.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
[Status] Sending queries (to 10.53.0.1:53)
1795215948.490724: 61234.500000
[Timeout] Query timed out: msg id 0
";

    #[test]
    fn only_counts_are_rates() {
        let rates: Vec<Rate> = OUTPUT.lines().filter_map(rate).collect();
        let expected = Rate {
            at: 1_795_215_948.490_724,
            per_second: 61_234.5,
        };
        assert_eq!(rates, [expected]);
    }
}
