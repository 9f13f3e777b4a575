//! The values of all tunables: read from files as `sysctl --system` does, then
//! listed, read and set while the daemon runs.

pub mod lines;
mod read;
mod syntax;

pub use read::files;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    diagnostic::{Diagnostics, nearest},
    kind::Value,
    tunables::{self, Applies, TUNABLES, Tunable},
};

/// File, under the configuration directory, that is read last and so wins.
pub(crate) const LAST_FILE: &str = "veer.conf";

/// Directory, under the configuration directory, of files read before it.
pub(crate) const DROP_INS: &str = "veer.d";

/// Where in the files a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
}

/// What of a tunable is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `key = value`, which a file could have.
    Assignment,
    /// The value alone (`veerctl -n`).
    Value,
    /// The key alone (`veerctl -N`).
    Key,
}

/// Why a tunable cannot be read or set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No tunable has that key.
    #[error("{key}: unknown key; nearest: {nearest}")]
    Unknown {
        /// The key as given.
        key: String,
        /// Keys like it.
        nearest: String,
    },
    /// It has no value: it is required and was not set.
    #[error("{key}: not set")]
    Unset {
        /// The key.
        key: &'static str,
    },
    /// The text to set from has no `=`.
    #[error("`{text}`: no `=`; valid: KEY=VALUE")]
    NoAssignment {
        /// The text.
        text: String,
    },
    /// The value has the wrong type or is out of range.
    #[error("{key}: {fault}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong and what is valid.
        fault: String,
    },
    /// The daemon reads it only from its files.
    #[error(
        "{key}: does not change at once; write `{key} = {value}` to {} and {then}",
        file.display()
    )]
    NeedsFile {
        /// The key.
        key: &'static str,
        /// The value it was to have.
        value: Value,
        /// The file to write to.
        file: PathBuf,
        /// What to do then.
        then: &'static str,
    },
}

/// The value of every tunable, and where each was set.
#[derive(Clone, Debug)]
pub struct Values {
    dir: PathBuf,
    entries: BTreeMap<&'static str, Entry>,
    repeated: Diagnostics,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    /// `None` for a default and for what was set at run time.
    place: Option<Place>,
}

impl Values {
    /// Every default, for the configuration directory `dir`.
    pub fn defaults(dir: &Path) -> Self {
        let entries = TUNABLES.iter().filter_map(|tunable| {
            let value = tunable.kind.check(tunable.default?).ok()?;
            Some((tunable.key, Entry { value, place: None }))
        });
        Self {
            dir: dir.to_owned(),
            entries: entries.collect(),
            repeated: Diagnostics::default(),
        }
    }

    /// The configuration directory they were read from.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What files set more than once each: no mistake, as the last counts, but seldom meant.
    pub fn repeated(&self) -> &Diagnostics {
        &self.repeated
    }

    /// The value of the tunable `key`, if it has one.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Where in the files the tunable `key` was set; `None` for a default.
    pub fn place(&self, key: &str) -> Option<&Place> {
        self.entries.get(key)?.place.as_ref()
    }

    /// One line for each tunable that has a value, sorted by key.
    pub fn list(&self, form: Form) -> impl Iterator<Item = String> {
        self.entries
            .iter()
            .map(move |(key, entry)| show(key, &entry.value, form))
    }

    /// The line for one tunable; `key` may have slashes for dots.
    pub fn get(&self, key: &str, form: Form) -> Result<String, Error> {
        let key = find(&syntax::dotted(key))?.key;
        let value = self.value(key).ok_or(Error::Unset { key })?;
        Ok(show(key, value, form))
    }

    /// Sets a tunable of the running daemon from `KEY=VALUE`, and says which.
    ///
    /// One that applies at restart can only be set to what it is already. A
    /// leading `-` is left to the caller, who has the failure to ignore.
    pub fn set(&mut self, assignment: &str) -> Result<&'static Tunable, Error> {
        let (tunable, value) = checked(assignment)?;
        let key = tunable.key;
        if self.value(key) == Some(&value) {
            return Ok(tunable);
        }
        let then = match tunable.applies {
            Applies::AtOnce => {
                self.entries.insert(key, Entry { value, place: None });
                return Ok(tunable);
            }
            Applies::AtReload => "reload",
            Applies::AtRestart => "restart veerd",
        };
        Err(Error::NeedsFile {
            key,
            value,
            file: self.dir.join(LAST_FILE),
            then,
        })
    }

    /// Takes from `read`, read anew, what needs no restart; returns the keys of
    /// what differs and does.
    pub fn reload(&mut self, read: &Self) -> Vec<&'static str> {
        let mut needs_restart = Vec::new();
        for tunable in TUNABLES {
            let key = tunable.key;
            match (tunable.applies, read.entries.get(key)) {
                (Applies::AtOnce | Applies::AtReload, Some(entry)) => {
                    self.entries.insert(key, entry.clone());
                }
                (Applies::AtOnce | Applies::AtReload, None) => {
                    self.entries.remove(key);
                }
                (Applies::AtRestart, _) => {
                    if self.value(key) != read.value(key) {
                        needs_restart.push(key);
                    }
                }
            }
        }
        needs_restart
    }
}

/// The tunable `key`, and the value that `text` says for it.
fn check(key: &str, text: &str) -> Result<(&'static Tunable, Value), Error> {
    let tunable = find(key)?;
    match (tunable.kind.check(text), tunable.unit()) {
        (Ok(value), _) => Ok((tunable, value)),
        (Err(fault), unit) => Err(Error::Invalid {
            key: tunable.key,
            fault: unit.map_or_else(|| fault.clone(), |unit| format!("{fault} {unit}")),
        }),
    }
}

/// The tunable that `KEY=VALUE` names, and the value that it would have.
pub fn checked(assignment: &str) -> Result<(&'static Tunable, Value), Error> {
    let parsed = syntax::assignment(assignment).ok_or_else(|| Error::NoAssignment {
        text: assignment.to_owned(),
    })?;
    check(&parsed.key, parsed.value)
}

/// `key` with dots between its parts, for which slashes may stand.
pub fn dotted(key: &str) -> String {
    syntax::dotted(key)
}

fn find(key: &str) -> Result<&'static Tunable, Error> {
    tunables::find(key).ok_or_else(|| Error::Unknown {
        key: key.to_owned(),
        nearest: nearest(key, TUNABLES.iter().map(|tunable| tunable.key)),
    })
}

fn show(key: &str, value: &Value, form: Form) -> String {
    match form {
        Form::Assignment => format!("{key} = {value}"),
        Form::Value => value.to_string(),
        Form::Key => key.to_owned(),
    }
}

#[cfg(test)]
mod tests;
