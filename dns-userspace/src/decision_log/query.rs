//! Questions to the log, and what it says.

use std::{net::IpAddr, path::Path};

use serde::{Deserialize, Serialize};

pub use super::then::{Change, Missing, Then};
use super::{Entry, What, is_of, then};
use crate::{
    measurement::director::{explain::Outcome, history::Outcomes},
    model::Name,
    ring_log::{Record as _, files},
};
use dns_common::decision::Family;

/// Which changes are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRequest {
    /// Of this service; of all where there is none.
    pub name: Option<String>,
    /// None before, milliseconds since 1970.
    pub since_unix_ms: Option<u64>,
    /// At most so many, the newest.
    pub max: usize,
}

/// Changes, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// What changed: groups that got what they got before are left out.
    pub entries: Vec<Entry>,
    /// Whether there are older ones that were asked for, and are not told.
    pub has_more: bool,
    /// Since when there are any in the log, milliseconds since 1970; `None` where it is
    /// empty.
    pub begins_unix_ms: Option<u64>,
    /// Lines that are no entries.
    pub unreadable: usize,
}

/// What was decided at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplainedAt {
    /// The name asked for, with the dot at its end.
    pub name: String,
    /// The type asked for.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The resolver's address.
    pub from: IpAddr,
    /// The time, milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The resolver's group, by what is configured now.
    pub group: String,
    /// The prefix that puts it there now; `None` for one that no prefix names.
    pub prefix: Option<String>,
    /// The service whose decision it is.
    pub service: String,
    /// What the log says.
    #[serde(flatten)]
    pub then: Then,
}

impl LogRequest {
    /// What the log in `directory` says.
    pub fn answer(&self, directory: &Path) -> Result<Logged, String> {
        let service = self.name.as_deref().map(name).transpose()?;
        let contents = files::read(directory, Entry::KIND)?;
        let mut logged = Logged::default();
        for line in lines(&contents) {
            let Ok(mut entry) = serde_json::from_slice::<Entry>(line) else {
                logged.unreadable += 1;
                continue;
            };
            logged.begins_unix_ms = Some(entry.at_unix_ms);
            let since = self.since_unix_ms.unwrap_or_default();
            if entry.at_unix_ms < since || logged.has_more {
                continue;
            }
            if let What::Decided(decided) = entry.what {
                let is_of = |name: &String| is_of(&decided, name);
                if !service.as_ref().is_none_or(is_of) {
                    continue;
                }
                let decided = decided.without_what_stays();
                if decided.moves.is_empty() && decided.shares.is_empty() {
                    continue;
                }
                entry.what = What::Decided(decided);
            }
            if logged.entries.len() < self.max {
                logged.entries.push(entry);
            } else {
                logged.has_more = true;
            }
        }
        logged.entries.reverse();
        Ok(logged)
    }
}

/// What the log in `directory` says that resolvers of `group` got of `service` at
/// `at_unix_ms`, where they get `now` what is said.
pub fn then(
    directory: &Path,
    (service, group, family): (&str, &str, Family),
    at_unix_ms: u64,
    now: &Outcome,
) -> Result<Then, String> {
    let contents = files::read(directory, Entry::KIND)?;
    let entries = lines(&contents).filter_map(|line| serde_json::from_slice(line).ok());
    Ok(then::then(
        entries,
        (service, group, family),
        at_unix_ms,
        now,
    ))
}

/// Whole lines, the newest first.
fn lines(contents: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    contents.iter().rev().flat_map(|content| {
        // Behind the last end of a line is nothing, or a line that is not whole yet.
        content.rsplit(|octet| *octet == b'\n').skip(1)
    })
}

/// A service's name, as entries have it.
fn name(text: &str) -> Result<String, String> {
    let name = Name::bytes_from_str(text)
        .map_err(|error| format!("`{}` is not a domain name: {error}", text.escape_debug()))?;
    Ok(name.fmt_with_dot().to_string())
}

impl Outcomes {
    /// What a query of `family` gets.
    pub fn of(&self, family: Family) -> &Outcome {
        match family {
            Family::V4 => &self.a,
            Family::V6 => &self.aaaa,
        }
    }
}
