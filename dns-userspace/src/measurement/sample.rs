//! Sample: what one probe saw, from where and when.

use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::schedule::TargetId;

/// The outcome of one probe of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What was probed.
    pub target: TargetId,
    /// When the probe ended.
    pub at: Instant,
    /// Where the probe was sent from.
    pub taken_from: Vantage,
    /// What it saw.
    pub verdict: Verdict,
}

/// Where a sample was taken; only samples of one vantage point compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vantage {
    /// This host.
    Host,
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The target answered as it should.
    Pass {
        /// How long that took; what is timed is the probe kind's matter.
        latency: Duration,
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
