//! What outlives the daemon beside the tables: a file of overrides.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::{error, info};

use crate::measurement::overrides::{Override, Overrides};

/// The file in `state.directory`.
const FILE: &str = "overrides.json";

/// What the file holds.
#[derive(Deserialize)]
struct Content {
    overrides: Vec<serde_json::Value>,
}

/// As [`Content`], to be written.
#[derive(Serialize)]
struct NewContent<'o> {
    overrides: Vec<&'o Override>,
}

/// Where overrides are kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    directory: PathBuf,
}

impl Kept {
    /// In `directory`, which need not exist; and the overrides that were kept there and
    /// hold at `now_unix_ms`. A file that cannot be read is moved aside, with an error
    /// logged, and what can be read of it holds.
    pub(super) fn open(directory: &Path, now_unix_ms: u64) -> (Self, Overrides) {
        let kept = Self {
            directory: directory.to_owned(),
        };
        let overrides = kept.read(now_unix_ms);
        (kept, overrides)
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn read(&self, now_unix_ms: u64) -> Overrides {
        let path = self.path();
        let (entries, fault) = match fs::read(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let mut overrides = Overrides::new(entries);
        for expired in overrides.expire(now_unix_ms) {
            info!("override ended while no daemon ran: {}", expired.what);
        }
        if let Some(fault) = fault {
            let aside = path.with_extension("json.broken");
            let (path, shown) = (path.display(), aside.display());
            error!("{path}: {fault}; overrides that cannot be read do not hold; it is now {shown}");
            let moved = fs::rename(self.path(), &aside);
            if let Err(error) = moved.and_then(|()| self.write(&overrides)) {
                error!("moving {path} to {shown}: {error}");
            }
        }
        overrides
    }

    /// Keeps `overrides` in the place of those kept before, or fails and leaves those.
    fn write(&self, overrides: &Overrides) -> io::Result<()> {
        let content = NewContent {
            overrides: overrides.iter().collect(),
        };
        fs::create_dir_all(&self.directory)?;
        replace(&self.path(), &serde_json::to_vec_pretty(&content)?)
    }

    /// As [`Self::write`]; what went wrong, with call and object, in one line.
    pub(super) fn keep(&self, overrides: &Overrides) -> Result<(), String> {
        let failed = |error| format!("writing {}: {error}", self.path().display());
        self.write(overrides).map_err(failed)
    }
}

/// Puts `text` and the end of its last line on disk as the content of `path`, or fails and
/// leaves what is there.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_added_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(text)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The new name is not on the disk before its directory is.
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// The overrides in `text`, and what is wrong with the others.
fn parse(text: &[u8]) -> (Vec<Override>, Option<String>) {
    let content: Content = match serde_json::from_slice(text) {
        Ok(content) => content,
        Err(error) => return (Vec::new(), Some(error.to_string())),
    };
    let mut fault = None;
    let entries = content.overrides.into_iter().filter_map(|entry| {
        let entry = serde_json::from_value(entry);
        entry.map_err(|error| fault = Some(error.to_string())).ok()
    });
    let entries = entries.collect();
    (entries, fault)
}

#[cfg(test)]
mod tests;
