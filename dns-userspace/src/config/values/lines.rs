//! The lines of some files of tunables, read together as sysctl.d(5) says: a glob means
//! every tunable that no other line names.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use glob::{MatchOptions, Pattern};

use super::{
    Place,
    syntax::{self, Line},
};
use crate::config::{diagnostic::Diagnostics, tunables::TUNABLES};

/// What stands for several keys, in part of one.
const GLOB: [char; 3] = ['*', '?', '['];

/// A `key = value` of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Where it stands.
    pub place: Place,
    /// The key, dotted.
    pub key: String,
    /// The value, not checked.
    pub value: String,
    /// Whether a failure to set it is to be ignored.
    pub ignore_failure: bool,
}

/// All that files say.
#[derive(Debug, Default)]
pub struct Lines {
    said: Vec<Assignment>,
    /// What lines name, which globs do not mean then.
    named: HashSet<String>,
    /// Keys that one file sets more than once, where it does so again.
    repeated: Diagnostics,
}

impl Lines {
    /// Adds the `text` of `file`; `is_wrong` gets the numbers of lines that say nothing
    /// valid, and what is wrong with them.
    pub fn add(&mut self, file: &Path, text: &str, mut is_wrong: impl FnMut(usize, String)) {
        let mut set_in: HashMap<String, usize> = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            match syntax::line(line) {
                Ok(None) => {}
                Ok(Some(Line::Excluded(key))) => {
                    self.named.insert(key);
                }
                Ok(Some(Line::Assignment(assignment))) => {
                    let key = assignment.key.clone();
                    if let Some(before) = set_in.insert(key.clone(), number) {
                        let message = format!("is set in line {before} too; this one counts");
                        self.repeated.push(file, number, key.clone(), message);
                    }
                    self.named.insert(key);
                    self.said.push(Assignment {
                        place: Place {
                            file: file.to_owned(),
                            line: number,
                        },
                        key: assignment.key,
                        value: assignment.value.to_owned(),
                        ignore_failure: assignment.ignore_failure,
                    });
                }
                Err(fault) => is_wrong(number, fault),
            }
        }
    }

    /// What is set more than once in one file.
    pub(super) fn repeated(&self) -> &Diagnostics {
        &self.repeated
    }

    /// What is set, in order. A glob that means no tunable at all stays as it is.
    pub fn into_assignments(self) -> Vec<Assignment> {
        let Self { said, named, .. } = self;
        let mut assignments = Vec::new();
        for assignment in said {
            let meant = meant(&assignment.key);
            if meant.is_empty() {
                assignments.push(assignment);
                continue;
            }
            let meant = meant.into_iter().filter(|key| !named.contains(*key));
            assignments.extend(meant.map(|key| Assignment {
                key: key.to_owned(),
                ..assignment.clone()
            }));
        }
        assignments
    }
}

/// The keys that `key` means as a glob, sorted; none where it is no glob. As in paths,
/// `*` stands for what is between two dots.
fn meant(key: &str) -> Vec<&'static str> {
    let path = |key: &str| key.replace('.', "/");
    let Ok(pattern) = Pattern::new(&path(key)) else {
        return Vec::new();
    };
    if !key.contains(GLOB) {
        return Vec::new();
    }
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::new()
    };
    let keys = TUNABLES.iter().map(|tunable| tunable.key);
    let mut meant: Vec<_> = keys
        .filter(|key| pattern.matches_with(&path(key), options))
        .collect();
    meant.sort_unstable();
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `text` sets, as `key=value`.
    fn assigned(text: &str) -> Vec<String> {
        let mut lines = Lines::default();
        lines.add(Path::new("veer.conf"), text, |number, fault| {
            panic!("line {number}: {fault}")
        });
        let assignments = lines.into_assignments();
        let shown = assignments
            .iter()
            .map(|it| format!("{}={}", it.key, it.value));
        shown.collect()
    }

    #[test]
    fn a_glob_means_every_tunable_that_no_other_line_names() {
        let text = "rrl/negative_per_second = 7\nrrl.*_per_second = 9\n-rrl.error_per_second\n\
                    rrl.large_per_second = 8\n";
        assert_eq!(
            assigned(text),
            [
                "rrl.negative_per_second=7",
                "rrl.positive_per_second=9",
                "rrl.referral_per_second=9",
                "rrl.large_per_second=8",
            ]
        );
        assert_eq!(assigned("tcp/idl?_ms = 1"), ["tcp.idle_ms=1"]);
        assert_eq!(assigned("-tcp.[ai]dle_ms = 1"), ["tcp.idle_ms=1"]);
    }

    #[test]
    fn a_glob_stays_between_dots_and_as_it_is_where_it_means_nothing() {
        for key in ["*idle_ms", "tcp*", "no.such.*", "tcp.[idle_ms"] {
            assert_eq!(assigned(&format!("{key} = 1")), [format!("{key}=1")]);
        }
    }

    #[test]
    fn what_one_file_sets_again_is_told_and_what_another_does_is_not() {
        let mut lines = Lines::default();
        let wrong = |number, fault| panic!("line {number}: {fault}");
        let text = "server.port = 1\nserver/port = 2\nlog.* = info\nlog.level = warn\n";
        lines.add(Path::new("a.conf"), text, wrong);
        lines.add(Path::new("b.conf"), "server.port = 3\n", wrong);
        assert_eq!(
            lines.repeated().to_string(),
            "a.conf:2: server.port: is set in line 1 too; this one counts"
        );
        assert_eq!(lines.into_assignments().len(), 8);
    }
}
