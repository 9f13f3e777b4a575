//! The report: what one server, or a foreign CDN as a whole, says of itself.
//!
//! ```json
//! {"version": 1, "kind": "server", "at": 1767225600000,
//!  "figures": {"cpu_share": 0.31, "requests_per_s": 812.5, "capacity_requests_per_s": 5000.0},
//!  "problems": ["http://127.0.0.1/nginx_status: connect: Connection refused (os error 111)"]}
//! ```
//!
//! `at` is when the figures were read, in milliseconds since 1970. A figure
//! that is not known is left out: 0 is a measurement. A foreign CDN reports
//! with the kind `aggregate`, of all its servers in one; what each of them does
//! is not taken from it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use thiserror::Error;

use super::figures::{Figures, OutOfRange};

/// The only version there is. One with other figures gets another number.
pub const VERSION: u32 = 1;

/// Longest document that is read, octets: room for every figure, and for
/// problems that JSON has to escape.
pub const OCTETS_MAX: usize = 16 * 1024;

/// Most problems in a report.
pub const PROBLEMS_MAX: usize = 16;

/// Longest problem, octets.
pub const PROBLEM_OCTETS_MAX: usize = 400;

/// Longest part of somebody else's words in a refusal, characters.
const QUOTE_MAX: usize = 200;

/// How far the clocks of two hosts may differ: those that keep time differ by far less.
pub const AHEAD_MAX: Duration = Duration::from_secs(5);

/// Whom a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One server: `veerd agent` beside it says so.
    Server,
    /// A foreign CDN, all of it.
    Aggregate,
}

impl Kind {
    /// What a reader calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "a server",
            Self::Aggregate => "an aggregate",
        }
    }
}

/// A report whose figures are possible.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    version: u32,
    /// Whom it is of.
    pub kind: Kind,
    /// When the figures were read, milliseconds since 1970.
    #[serde(rename = "at")]
    pub at_unix_ms: u64,
    /// What was read.
    pub figures: Figures,
    /// Requests that were refused since start, for their token or for what they pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_requests: Option<u64>,
    /// Why figures are missing.
    pub problems: Vec<String>,
}

/// How old a report may be, and how far the clocks of two hosts may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// An older one is refused.
    pub age_max: Duration,
    /// One from further in the future is refused.
    pub ahead_max: Duration,
}

/// Why a report is not taken.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
    /// There is too much of it.
    #[error("{octets} octets are too many for a report; valid: up to {OCTETS_MAX}")]
    TooLong {
        /// Its length.
        octets: usize,
    },
    /// It is not JSON, or JSON of another shape.
    #[error("not a report: {0}")]
    Shape(String),
    /// It is of a version not known here.
    #[error("version {0} is not known; valid: {VERSION}")]
    Version(u64),
    /// A foreign CDN tells of its servers.
    #[error("an aggregate with `servers`: per-server detail is taken from agents only")]
    ServersInAggregate,
    /// It has `servers`, and is of one.
    #[error("`servers` in the report of one server")]
    ServersInServer,
    /// It is of one server, and was pushed.
    #[error("a report of one server; valid: an aggregate, which is all that is pushed")]
    PushedServer,
    /// A figure is absurd.
    #[error("{0}")]
    OutOfRange(#[from] OutOfRange),
    /// It is too old.
    #[error("from {age:?} ago; valid: up to {max:?}")]
    Stale {
        /// How old.
        age: Duration,
        /// How old it may be.
        max: Duration,
    },
    /// Its figures are yet to come.
    #[error("from {ahead:?} in the future; valid: up to {max:?}, for clocks that differ")]
    Future {
        /// How far.
        ahead: Duration,
        /// How far it may be.
        max: Duration,
    },
    /// Its problems are too many, too long or no plain text.
    #[error("problems are not up to {PROBLEMS_MAX} lines of up to {PROBLEM_OCTETS_MAX} octets")]
    Problems,
}

/// What is known of a document before its version.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

/// A document of this version. What else is in it is a mistake, or detail that
/// is not to be had from there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "version")]
    _version: IgnoredAny,
    kind: Kind,
    at: u64,
    figures: Figures,
    servers: Option<IgnoredAny>,
    refused_requests: Option<u64>,
    #[serde(default)]
    problems: Vec<String>,
}

/// Reads the report in `bytes`, which came from the network at the time `now`.
pub fn parse(bytes: &[u8], now: SystemTime, fresh: Freshness) -> Result<Report, Refusal> {
    if bytes.len() > OCTETS_MAX {
        let octets = bytes.len();
        return Err(Refusal::TooLong { octets });
    }
    let Head { version } = serde_json::from_slice(bytes).map_err(|error| shape(&error))?;
    if version != u64::from(VERSION) {
        return Err(Refusal::Version(version));
    }
    let document: Document = serde_json::from_slice(bytes).map_err(|error| shape(&error))?;
    if document.servers.is_some() {
        return Err(match document.kind {
            Kind::Aggregate => Refusal::ServersInAggregate,
            Kind::Server => Refusal::ServersInServer,
        });
    }
    document.figures.check(document.kind)?;
    check_time(document.at, now, fresh)?;
    if document.problems.len() > PROBLEMS_MAX || !document.problems.iter().all(|text| is_line(text))
    {
        return Err(Refusal::Problems);
    }
    Ok(Report {
        version: VERSION,
        kind: document.kind,
        at_unix_ms: document.at,
        figures: document.figures,
        refused_requests: document.refused_requests,
        problems: document.problems,
    })
}

/// As [`parse`], for what a foreign CDN pushes.
pub fn parse_pushed(bytes: &[u8], now: SystemTime, fresh: Freshness) -> Result<Report, Refusal> {
    let report = parse(bytes, now, fresh)?;
    match report.kind {
        Kind::Aggregate => Ok(report),
        Kind::Server => Err(Refusal::PushedServer),
    }
}

impl Report {
    /// What a server says of itself. Figures that are out of range become
    /// problems, and problems are cut to what [`parse`] takes.
    pub fn of_server(at: SystemTime, mut figures: Figures, mut problems: Vec<String>) -> Self {
        while let Err(fault) = figures.check(Kind::Server) {
            figures.forget(fault.figure);
            problems.push(fault.to_string());
        }
        problems.truncate(PROBLEMS_MAX);
        for problem in &mut problems {
            *problem = plain(problem, PROBLEM_OCTETS_MAX);
        }
        Self {
            version: VERSION,
            kind: Kind::Server,
            at_unix_ms: unix_ms(at),
            figures,
            refused_requests: None,
            problems,
        }
    }
}

fn shape(error: &serde_json::Error) -> Refusal {
    Refusal::Shape(plain(&error.to_string(), QUOTE_MAX))
}

/// Printable ASCII of `text`, all else escaped, up to `length` octets.
fn plain(text: &str, length: usize) -> String {
    let escaped = text.chars().flat_map(|symbol| {
        let visible = symbol == ' ' || symbol.is_ascii_graphic();
        let escape = (!visible).then(|| symbol.escape_unicode());
        let itself = visible.then_some(symbol);
        itself.into_iter().chain(escape.into_iter().flatten())
    });
    escaped.take(length).collect()
}

fn is_line(text: &str) -> bool {
    text.len() <= PROBLEM_OCTETS_MAX && !text.chars().any(char::is_control)
}

fn check_time(at_unix_ms: u64, now: SystemTime, fresh: Freshness) -> Result<(), Refusal> {
    let now = unix_ms(now);
    let age = Duration::from_millis(now.saturating_sub(at_unix_ms));
    let ahead = Duration::from_millis(at_unix_ms.saturating_sub(now));
    let Freshness { age_max, ahead_max } = fresh;
    if age > age_max {
        return Err(Refusal::Stale { age, max: age_max });
    }
    if ahead > ahead_max {
        return Err(Refusal::Future {
            ahead,
            max: ahead_max,
        });
    }
    Ok(())
}

/// Milliseconds from 1970 to `time`; 0 before.
fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
