//! The decision log: what was decided, when and by which cause, in a ring on disk that
//! outlives the daemon.

pub mod query;
mod then;

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    clock,
    measurement::director::history::Decided,
    ring_log::{Kind, Record, RingLog, Written, push_line},
};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, milliseconds since 1970.
    pub at_unix_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Decisions of one pool.
    Decided(Decided),
    /// So many before this could not be written.
    Lost(u64),
}

/// Whether `decided` names this service, which is written with a dot at its end.
fn is_of(decided: &Decided, service: &str) -> bool {
    let mut services = decided.services.iter();
    services.any(|name| name.eq_ignore_ascii_case(service))
}

impl Record for Entry {
    const KIND: Kind = Kind {
        name: "decision log",
        entry: "decision",
        stem: "decisions",
        tunable: "log.decisions_mib",
        is_synced: true,
        is_private: false,
    };

    type Said = ();

    fn count(&self) -> u64 {
        1
    }

    fn lines(&self, lost: u64, (): &mut ()) -> serde_json::Result<Vec<u8>> {
        let mut lines = Vec::new();
        if lost > 0 {
            let at_unix_ms = self.at_unix_ms;
            let what = What::Lost(lost);
            push_line(&mut lines, &Self { at_unix_ms, what })?;
        }
        push_line(&mut lines, self)?;
        Ok(lines)
    }
}

/// The log, written by a thread of its own. Dropping it writes what waits.
#[derive(Debug)]
pub struct DecisionLog(RingLog<Entry>);

impl DecisionLog {
    /// Goes on with the log in `directory`, which need not exist, in at most `octets`.
    pub fn open(directory: &Path, octets: u64) -> io::Result<Self> {
        RingLog::open(directory, octets).map(Self)
    }

    /// Has `decided` written; never waits.
    pub fn note(&self, decided: Vec<Decided>) {
        let at_unix_ms = clock::unix_ms();
        let entries = decided.into_iter().map(|decided| Entry {
            at_unix_ms,
            what: What::Decided(decided),
        });
        self.0.note(entries.collect());
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        self.0.directory()
    }

    /// What came of writing.
    pub fn written(&self) -> Written {
        self.0.written()
    }
}

#[cfg(test)]
mod tests;
