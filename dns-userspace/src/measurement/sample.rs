//! Sample: what one probe saw, from where and when.

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::{
    metric::{Metric, milliseconds},
    schedule::TargetId,
};
use crate::model::Probe;

/// The outcome of one probe of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What was probed.
    pub target: TargetId,
    /// When the probe ended.
    pub at: Instant,
    /// Where it was taken.
    pub taken_from: Vantage,
    /// What it saw.
    pub verdict: Verdict,
}

/// Where a sample was taken; only samples of one vantage point compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vantage {
    /// This host.
    Host,
    /// The networks of the groups that the target's probe names.
    Groups,
}

impl Vantage {
    /// Where `probe` takes its samples.
    pub fn of(probe: &Probe) -> Self {
        if probe.groups.is_empty() {
            Self::Host
        } else {
            Self::Groups
        }
    }
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The target answered as it should.
    Pass {
        /// What was measured meanwhile.
        readings: Readings,
    },
    /// The target did not answer as it should.
    Fail {
        /// Why not.
        reason: Reason,
    },
    /// This host could not probe (no descriptors left, no route, …), so
    /// nothing was learnt about the target.
    Local {
        /// The call and the error.
        error: String,
    },
}

impl Verdict {
    /// A pass, and how long it took.
    pub fn timed(metric: Metric, time: Duration) -> Self {
        Self::Pass {
            readings: Readings::time(metric, time),
        }
    }
}

/// What one probe measured: a value for each metric that it gives.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Readings(Vec<(Metric, f64)>);

impl Readings {
    /// A single value; one that is no number counts as not measured.
    pub fn of(metric: Metric, value: f64) -> Self {
        Self::default().with(metric, value)
    }

    /// A single time.
    pub fn time(metric: Metric, time: Duration) -> Self {
        Self::of(metric, milliseconds(time))
    }

    /// One value more, of a metric that is not among them yet.
    #[must_use]
    pub fn with(mut self, metric: Metric, value: f64) -> Self {
        debug_assert!(self.0.iter().all(|(known, _)| *known != metric));
        if value.is_finite() {
            self.0.push((metric, value));
        }
        self
    }

    /// Every value.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> {
        self.0.iter().copied()
    }
}

/// Why a target failed a probe, worded for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// The probe did not end in its time.
    #[error("timeout after {} ms", .after.as_millis())]
    Timeout {
        /// The probe's timeout.
        after: Duration,
    },
    /// Nobody listens on the port (RST, or ICMP port unreachable).
    #[error("connection refused")]
    Refused,
    /// The network or the peer broke the exchange off.
    #[error("{call}: {error}")]
    Network {
        /// What was being done, e.g. `connect`.
        call: &'static str,
        /// The error, as the system or the HTTP library words it.
        error: String,
    },
    /// The TLS handshake failed, most often for the certificate.
    #[error("TLS: {error}")]
    Tls {
        /// The error, as the TLS library words it.
        error: String,
    },
    /// An HTTP status that does not pass.
    #[error("status {got}, expected {}", either(.expected))]
    Status {
        /// The status received.
        got: u16,
        /// The statuses that pass.
        expected: Vec<u16>,
    },
    /// The body lacks the configured text.
    #[error("body lacks {expected:?} in its first {searched} bytes")]
    Body {
        /// The configured text.
        expected: String,
        /// Bytes of body searched, at most 64 KiB.
        searched: usize,
    },
    /// A DNS response that is none of success.
    #[error("RCODE {got}")]
    Rcode {
        /// The RCODE received.
        got: String,
    },
    /// A DNS answer without the configured record.
    #[error("{rtype} records {}, expected {}", list(.got), .expected.as_deref().unwrap_or("any"))]
    Records {
        /// The type asked for.
        rtype: String,
        /// The data expected, if any in particular.
        expected: Option<String>,
        /// The data received.
        got: Vec<String>,
    },
    /// An FTP reply that refuses.
    #[error("{call}: {code} {said}")]
    Ftp {
        /// What was asked, e.g. `SIZE`.
        call: &'static str,
        /// The reply's code.
        code: u32,
        /// The reply's text.
        said: String,
    },
    /// A report that is not taken.
    #[error("report: {refusal}")]
    Report {
        /// Why not.
        refusal: String,
    },
    /// A command that did not exit with 0.
    #[error("{status}{}", after_colon(.said))]
    Command {
        /// How it ended.
        status: String,
        /// The first line that it wrote to its standard error.
        said: String,
    },
    /// A command that was to print a number.
    #[error("it printed no number: {printed:?}")]
    NoNumber {
        /// The first line that it printed.
        printed: String,
    },
    /// Any of these, as a log has it.
    #[error("{said}")]
    Recorded {
        /// How it was worded.
        said: String,
    },
}

/// `a and b`, or `none`.
fn list(texts: &[String]) -> String {
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(" and ")
}

/// `: text`, or nothing.
fn after_colon(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

/// `200`, or `200 or 204` and so on.
fn either(statuses: &[u16]) -> String {
    let words: Vec<String> = statuses.iter().map(u16::to_string).collect();
    words.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_like_sentences() {
        let timeout = Reason::Timeout {
            after: Duration::from_millis(300),
        };
        assert_eq!(timeout.to_string(), "timeout after 300 ms");
        let status = Reason::Status {
            got: 503,
            expected: vec![200, 204],
        };
        assert_eq!(status.to_string(), "status 503, expected 200 or 204");
        let body = Reason::Body {
            expected: "all \"good\"".to_owned(),
            searched: 9,
        };
        assert_eq!(
            body.to_string(),
            r#"body lacks "all \"good\"" in its first 9 bytes"#
        );
    }
}
