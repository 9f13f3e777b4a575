//! The measurement log: what every probe saw, in a ring on disk, for
//! [`replay`](crate::replay) under another configuration.

pub mod read;
mod target;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::IpAddr,
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    clock,
    measurement::{
        metric::Metric,
        sample::{Sample, Verdict},
        schedule::Target,
    },
    model::Probe,
    ring_log::{Kind, Record, RingLog, Written, push_line},
};
pub use target::Probed;

/// What these lines are; others have another number.
pub const VERSION: u32 = 1;

/// Samples that are written together. Fewer wait for no longer than the daemon's next
/// second.
const TOGETHER: usize = 256;

/// The log.
pub const KIND: Kind = Kind {
    name: "measurement log",
    entry: "measurement",
    stem: "measurements",
    tunable: "log.measurements_mib",
    is_synced: false,
    // Programs that probe may be given what not everybody is to know.
    is_private: true,
};

/// One line of the log. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first of a file, and of what each daemon adds: targets are numbered anew.
    Begins {
        /// [`VERSION`].
        version: u32,
        /// When.
        at_unix_ms: u64,
    },
    /// From here on this number stands for this target.
    Target {
        /// The number.
        number: u32,
        /// What is probed, and how.
        #[serde(flatten)]
        probed: Probed,
    },
    /// So many before this could not be written.
    Lost(u64),
    /// When, the target, what was measured.
    Pass(u64, u32, BTreeMap<Metric, f64>),
    /// When, the target, why it failed.
    Fail(u64, u32, String),
    /// When, the target, why it could not be probed.
    Local(u64, u32, String),
}

/// What one probe of one target saw.
#[derive(Clone, Debug)]
struct Measured {
    at_unix_ms: u64,
    target: Target,
    verdict: Verdict,
}

/// Samples that are written together.
#[derive(Debug)]
struct Samples(Vec<Measured>);

/// What lines of a file say already.
#[derive(Default)]
struct Said {
    has_begun: bool,
    numbers: HashMap<(IpAddr, Arc<Probe>), u32>,
}

impl Record for Samples {
    const KIND: Kind = KIND;

    type Said = Said;

    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    fn lines(&self, lost: u64, said: &mut Said) -> serde_json::Result<Vec<u8>> {
        let mut lines = Vec::new();
        let Some(first) = self.0.first() else {
            return Ok(lines);
        };
        if !said.has_begun {
            let (version, at_unix_ms) = (VERSION, first.at_unix_ms);
            let begins = Line::Begins {
                version,
                at_unix_ms,
            };
            push_line(&mut lines, &begins)?;
            said.has_begun = true;
        }
        if lost > 0 {
            push_line(&mut lines, &Line::Lost(lost))?;
        }
        for measured in &self.0 {
            let Target { address, probe, .. } = &measured.target;
            let next = said.numbers.len() as u32;
            let known = said.numbers.entry((*address, Arc::clone(probe)));
            let number = *known.or_insert(next);
            if number == next {
                let probed = Probed::new(*address, probe);
                push_line(&mut lines, &Line::Target { number, probed })?;
            }
            let at = measured.at_unix_ms;
            let line = match &measured.verdict {
                Verdict::Pass { readings } => Line::Pass(at, number, readings.iter().collect()),
                Verdict::Fail { reason } => Line::Fail(at, number, reason.to_string()),
                Verdict::Local { error } => Line::Local(at, number, error.clone()),
            };
            push_line(&mut lines, &line)?;
        }
        Ok(lines)
    }
}

/// The log, written by a thread of its own. Dropping it writes what waits.
#[derive(Debug)]
pub struct MeasurementLog {
    /// `None` where nothing is recorded.
    log: Option<RingLog<Samples>>,
    waiting: Vec<Measured>,
}

impl MeasurementLog {
    /// Goes on with the log in `directory`, which need not exist, in at most `octets`;
    /// records nothing where that is 0.
    pub fn open(directory: &Path, octets: u64) -> io::Result<Self> {
        let log = (octets > 0).then(|| RingLog::open(directory, octets));
        Ok(Self {
            log: log.transpose()?,
            waiting: Vec::new(),
        })
    }

    /// Has `sample` of `target` written; never waits.
    pub fn note(&mut self, target: &Target, sample: &Sample) {
        if self.log.is_none() {
            return;
        }
        let ago = Instant::now().saturating_duration_since(sample.at);
        self.waiting.push(Measured {
            at_unix_ms: clock::unix_ms().saturating_sub(ago.as_millis() as u64),
            target: target.clone(),
            verdict: sample.verdict.clone(),
        });
        if self.waiting.len() >= TOGETHER {
            self.flush();
        }
    }

    /// Has all so far written; never waits.
    pub fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        if let Some(log) = self.log.as_ref().filter(|_| !waiting.is_empty()) {
            log.note(vec![Samples(waiting)]);
        }
    }

    /// What came of writing; `None` where nothing is recorded.
    pub fn written(&self) -> Option<Written> {
        self.log.as_ref().map(RingLog::written)
    }
}

impl Drop for MeasurementLog {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests;
