//! The load generator, Knot DNS's `kxdpgun`: one run at one rate.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use xtask::{lab::Lab, setup::Tool};

use super::search::Step;
use crate::rig::{CLIENT_ADDRESS, CLIENT_CPU, Rig, SERVER_ADDRESS};

/// Queries put into the ring at a time. A large batch is a burst, which
/// overflows the ring of a veth at any rate; single ones cost the rate.
const BATCH: u32 = 4;

/// How long a run may take over its time, for its start and its last answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it says while the kernel has not yet let go of the last run's socket.
const BUSY: &str = "requested resource is busy";

/// How long to wait for that.
const PAUSE: Duration = Duration::from_millis(50);

/// Sends the same queries at any rate.
#[derive(Debug)]
pub(crate) struct Generator {
    queries: PathBuf,
    seconds: u32,
}

impl Generator {
    /// One that asks for the A records of `names` in turn, `seconds` in each run.
    pub(crate) fn new(lab: &Lab, names: &[String], seconds: u32) -> Result<Self> {
        let queries = lab.dir().join("queries");
        let lines = names.join(" A\n") + " A\n";
        fs::write(&queries, lines).with_context(|| format!("write {}", queries.display()))?;
        Ok(Self { queries, seconds })
    }

    /// The file of its queries, one line each.
    pub(super) fn queries(&self) -> &Path {
        &self.queries
    }

    /// Asks the server at `qps` queries per second. Fails if any answer is not
    /// NOERROR.
    pub(crate) fn run(&self, rig: &Rig, qps: f64) -> Result<Step> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = self.run_once(rig, qps)?;
        while said.contains(BUSY) && Instant::now() < deadline {
            thread::sleep(PAUSE);
            said = self.run_once(rig, qps)?;
        }
        let counts = Counts::parse(&said).with_context(|| format!("kxdpgun said: {said}"))?;
        if counts.noerror != counts.received {
            bail!("not all answers are NOERROR; kxdpgun said: {said}");
        }
        Ok(Step {
            offered: qps,
            sent: counts.sent_qps,
            received: counts.received_qps,
            share: f64::from(counts.received) / f64::from(counts.sent.max(1)),
        })
    }

    /// What it said, its errors too: those of its threads leave its status a success.
    fn run_once(&self, rig: &Rig, qps: f64) -> Result<String> {
        let [seconds, batch] = [self.seconds, BATCH].map(|number| number.to_string());
        let rate = format!("{qps:.0}");
        let source = format!("{CLIENT_ADDRESS}/32");
        let affinity = format!("{CLIENT_CPU}s1");
        let mut command = rig.client().namespace.enter(Tool::Kxdpgun.command());
        command
            .args(["--duration", &seconds, "--qps", &rate, "--batch", &batch])
            .args(["--interface", rig.client().interface, "--local", &source])
            .args(["--affinity", &affinity, "--infile"])
            .arg(&self.queries)
            .arg(SERVER_ADDRESS.to_string());
        let mut process = rig.lab().spawn(command)?;
        let limit = Duration::from_secs(u64::from(self.seconds)) + PATIENCE;
        let status = process.wait(limit)?;
        let said = process.stdout() + &process.stderr();
        if !status.success() {
            bail!("kxdpgun: {status}: {}", said.trim());
        }
        Ok(said)
    }
}

/// What kxdpgun prints at its end.
#[derive(Debug, PartialEq)]
struct Counts {
    sent: u32,
    sent_qps: f64,
    received: u32,
    received_qps: f64,
    noerror: u32,
}

impl Counts {
    fn parse(said: &str) -> Result<Self> {
        let (sent, sent_qps) = total(said, "total queries:")?;
        let (received, received_qps) = total(said, "total replies:")?;
        // Without any, there is no such line.
        let noerror = after(said, "responded NOERROR:").unwrap_or("0").trim();
        Ok(Self {
            sent,
            sent_qps,
            received,
            received_qps,
            noerror: noerror.parse().context("responded NOERROR")?,
        })
    }
}

/// The number after `label`, and the rate in parentheses behind it.
fn total(said: &str, label: &str) -> Result<(u32, f64)> {
    let numbers = || {
        let (count, rest) = after(said, label)?.trim().split_once(" (")?;
        let (rate, _) = rest.split_once(" pps)")?;
        Some((count.parse().ok()?, rate.parse().ok()?))
    };
    numbers().with_context(|| format!("no line \"{label} NUMBER (NUMBER pps)\""))
}

fn after<'s>(said: &'s str, label: &str) -> Option<&'s str> {
    said.lines().find_map(|line| line.strip_prefix(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "using interface eth0, XDP threads 1, UDP, native mode
thread#00: sent 40004, received 40001
total queries:     40004 (20002 pps)
total replies:     40001 (20000 pps) (99%)
average DNS reply size: 48 B
average Ethernet reply rate: 14548640 bps (14.55 Mbps)
responded NOERROR:   40001
duration: 2 s
";

    #[test]
    fn what_it_says_at_its_end_is_read() {
        let expected = Counts {
            sent: 40_004,
            sent_qps: 20_002.0,
            received: 40_001,
            received_qps: 20_000.0,
            noerror: 40_001,
        };
        assert_eq!(Counts::parse(SAID).expect("it is well formed"), expected);
    }

    #[test]
    fn other_answers_are_told_from_none() {
        let refused = SAID.replace("NOERROR", "REFUSED");
        assert_eq!(Counts::parse(&refused).expect("well formed").noerror, 0);
        let error = Counts::parse("total queries: many").expect_err("not a number");
        assert!(format!("{error:#}").contains("total queries:"));
    }
}
