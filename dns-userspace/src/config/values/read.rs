//! Reading the values of all tunables from files, as `sysctl --system` does.

use std::path::{Path, PathBuf};

use super::{
    DROP_INS, Entry, Error, LAST_FILE, Values, check,
    lines::{Assignment, Lines},
};
use crate::config::{diagnostic::Diagnostics, files::Missing, source::Source, tunables::TUNABLES};

/// The files of tunables in the directory of `source`, in the order in which they are
/// read; the last need not be there.
pub fn files(source: &Source, found: &mut Diagnostics) -> Vec<PathBuf> {
    let dir = source.dir();
    let mut files = source.list(&dir.join(DROP_INS), "conf", &Missing::Empty, found);
    files.push(dir.join(LAST_FILE));
    files
}

impl Values {
    /// Reads `veer.d/*.conf` by name, then `veer.conf`, of `source`; of several
    /// assignments to a key the last wins. What is wrong goes to `found`.
    pub fn read(source: &Source, found: &mut Diagnostics) -> Self {
        let mut values = Self::defaults(source.dir());
        let mut lines = Lines::default();
        for file in files(source, found) {
            if let Some(text) = source.text(&file, &Missing::Empty, found) {
                add(&mut lines, &file, &text, found);
            }
        }
        values.take(lines, found);
        values.check_required(found);
        values
    }

    /// Applies the assignments in `text`, the contents of `file`.
    #[cfg(test)]
    pub(super) fn read_text(&mut self, file: &Path, text: &str, found: &mut Diagnostics) {
        let mut lines = Lines::default();
        add(&mut lines, file, text, found);
        self.take(lines, found);
    }

    /// Applies what `lines` say.
    fn take(&mut self, lines: Lines, found: &mut Diagnostics) {
        self.repeated = lines.repeated().clone();
        for assignment in lines.into_assignments() {
            let Assignment {
                place,
                key,
                value: text,
                ignore_failure,
            } = assignment;
            match check(&key, &text) {
                Ok((tunable, value)) => {
                    let place = Some(place);
                    self.entries.insert(tunable.key, Entry { value, place });
                }
                Err(_) if ignore_failure => {}
                Err(fault) => {
                    let (key, message) = fault.into_parts(&text);
                    found.push(place.file, place.line, key, message);
                }
            }
        }
    }

    /// Reports required tunables that no file sets.
    fn check_required(&self, found: &mut Diagnostics) {
        for tunable in TUNABLES {
            let reported = found.0.iter().any(|finding| finding.key == tunable.key);
            if !self.entries.contains_key(tunable.key) && !reported {
                let message = format!("is not set; valid: {}", tunable.kind.valid());
                found.push(self.dir.join(LAST_FILE), 0, tunable.key, message);
            }
        }
    }
}

fn add(lines: &mut Lines, file: &Path, text: &str, found: &mut Diagnostics) {
    lines.add(file, text, |line, fault| found.push(file, line, "", fault));
}

impl Error {
    /// Key and message of a failed assignment of `value`, for a diagnostic.
    fn into_parts(self, value: &str) -> (String, String) {
        match self {
            Self::Unknown { key, nearest } => (key, format!("unknown key; nearest: {nearest}")),
            Self::Invalid { key, mut fault } => {
                if value.contains(" #") || value.contains(" ;") {
                    fault.push_str(" (a comment stands on a line of its own)");
                }
                (key.to_owned(), fault)
            }
            other => (String::new(), other.to_string()),
        }
    }
}
