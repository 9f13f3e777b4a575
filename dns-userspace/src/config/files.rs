//! Reading the files of a configuration, with every failure a diagnostic.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{diagnostic::Diagnostics, values::Place};

/// Permissions of anyone but the owner.
const OTHERS: u32 = 0o077;

/// What it means when a source does not exist.
pub(super) enum Missing {
    /// Nothing: the source is empty.
    Empty,
    /// A mistake in the tunable that names the source.
    Mistake {
        /// The tunable.
        key: &'static str,
        /// Where it was set.
        place: Place,
    },
}

impl Missing {
    /// A default place may be missing; one that was set must exist.
    pub(super) fn of(place: Option<&Place>, key: &'static str) -> Self {
        match place {
            None => Self::Empty,
            Some(place) => Self::Mistake {
                key,
                place: place.clone(),
            },
        }
    }

    /// Reports that `path` could not be read.
    fn report(&self, path: &Path, error: &io::Error, valid: &str, found: &mut Diagnostics) {
        match self {
            Self::Empty if error.kind() == io::ErrorKind::NotFound => {}
            Self::Mistake { key, place } if error.kind() == io::ErrorKind::NotFound => {
                let message = format!("{} does not exist; valid: {valid}", path.display());
                found.push(&place.file, place.line, *key, message);
            }
            _ => found.push(path, 0, "", unreadable(error, valid)),
        }
    }
}

/// Says that something could not be read.
pub(super) fn unreadable(error: &io::Error, valid: &str) -> String {
    format!("cannot be read: {error}; valid: {valid}")
}

/// The text of `path`; `None` when it is missing or was reported.
pub(super) fn text(path: &Path, missing: &Missing, found: &mut Diagnostics) -> Option<String> {
    decoded(path, fs::read(path), missing, found)
}

/// As [`text`], of what reading `path` gave.
pub(super) fn decoded(
    path: &Path,
    octets: io::Result<Vec<u8>>,
    missing: &Missing,
    found: &mut Diagnostics,
) -> Option<String> {
    let bytes = match octets {
        Ok(bytes) => bytes,
        Err(error) => {
            missing.report(path, &error, "a readable file", found);
            return None;
        }
    };
    String::from_utf8(bytes)
        .map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            found.push(path, line, "", "is not UTF-8; valid: UTF-8 text");
        })
        .ok()
}

/// Reports that others than its owner may use `path`, which holds secrets.
pub(super) fn check_owner_only(path: &Path, key: &str, found: &mut Diagnostics) {
    let Ok(file) = fs::metadata(path) else {
        return;
    };
    let mode = file.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        let message = format!(
            "others than its owner may use it (mode {mode:04o}); valid: mode 0600, as after \
             `chmod 600 {}`",
            path.display()
        );
        found.push(path, 0, key, message);
    }
}

/// The entries of `dir`, none when it is missing or was reported.
pub(super) fn entries(dir: &Path, missing: &Missing, found: &mut Diagnostics) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
    });
    entries.unwrap_or_else(|error| {
        missing.report(dir, &error, "a readable directory", found);
        Vec::new()
    })
}
