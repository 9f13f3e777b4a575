//! What was measured, kept on disk, so that a host which starts answers before its first
//! probes end.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::Instant,
};
use tracing::{error, info, warn};

use super::kept::replace;
use crate::{
    clock,
    measurement::{director::Director, health::remembered::Remembered, schedule::Target},
    measurement_log::Probed,
};

/// The file in `state.directory`.
const FILE: &str = "measured.json";

/// What these files say; others have another number.
const VERSION: u32 = 1;

/// How often it is written: what a crash loses is measured anew within some intervals of
/// probes.
const WRITE_EVERY: Duration = Duration::from_secs(30);

/// What the file holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Content {
    version: u32,
    at_unix_ms: u64,
    targets: Vec<Entry>,
}

/// One target.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    probed: Probed,
    #[serde(flatten)]
    known: Remembered,
}

/// Who writes it.
pub(super) struct Snapshots {
    path: PathBuf,
    due: Instant,
    writing: Option<JoinHandle<io::Result<()>>>,
    /// It is not said twice.
    has_failed: bool,
}

impl Snapshots {
    /// In `directory`, which need not exist.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
            due: Instant::now() + WRITE_EVERY,
            writing: None,
            has_failed: false,
        }
    }

    /// Has what `director` knows written, if it is time; whatever waits for the disk is
    /// another thread.
    pub(super) async fn tend(&mut self, director: &Director) {
        if self
            .writing
            .as_ref()
            .is_some_and(|task| !task.is_finished())
        {
            return;
        }
        if let Some(task) = self.writing.take()
            && let Ok(result) = task.await
        {
            self.say(result);
        }
        let now = Instant::now();
        if now < self.due {
            return;
        }
        self.due = now + WRITE_EVERY;
        let (path, known) = (self.path.clone(), director.remember(now));
        self.writing = Some(spawn_blocking(move || write(&path, known)));
    }

    /// Writes what `director` knows as the daemon stops.
    pub(super) fn finish(mut self, director: &Director) {
        let result = write(&self.path, director.remember(Instant::now()));
        self.say(result);
    }

    fn say(&mut self, result: io::Result<()>) {
        let failed = result.is_err();
        if let Err(error) = result
            && !self.has_failed
        {
            let path = self.path.display();
            error!(
                "writing {path}: {error}; after a reboot servers are measured before anything is answered"
            );
        }
        self.has_failed = failed;
    }
}

fn write(path: &Path, known: Vec<(Target, Remembered)>) -> io::Result<()> {
    let targets = known.into_iter().map(|(target, known)| Entry {
        probed: Probed::new(target.address, &target.probe),
        known,
    });
    let content = Content {
        version: VERSION,
        at_unix_ms: clock::unix_ms(),
        targets: targets.collect(),
    };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    replace(path, &serde_json::to_vec(&content)?)
}

/// Has `director`, a new one, know what was measured before, as kept in `directory`, unless
/// that is older than `longest`. What cannot be read is measured anew.
pub(super) fn recall(director: &mut Director, directory: &Path, longest: Duration) {
    let path = directory.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            warn!("{}: {error}; servers are measured first", path.display());
            return;
        }
    };
    let (known, age) = match parse(&text, longest, clock::unix_ms()) {
        Ok(parsed) => parsed,
        Err(reason) => {
            info!("{}: {reason}; servers are measured first", path.display());
            return;
        }
    };
    let of = |target: &Target| known.get(&Probed::new(target.address, &target.probe));
    let targets = director.recall(of, age, Instant::now());
    info!(
        targets,
        "taken over what was measured {} s ago",
        age.as_secs()
    );
}

/// What `text` says of targets, and how old that is at `now_unix_ms`; why it is of no use.
fn parse(
    text: &[u8],
    longest: Duration,
    now_unix_ms: u64,
) -> Result<(HashMap<Probed, Remembered>, Duration), String> {
    /// What every version has.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if version != VERSION {
        return Err(format!("it is of version {version}, not {VERSION}"));
    }
    let content: Content = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    // Of a clock that was set back nobody can say how old it is.
    let Some(age) = now_unix_ms.checked_sub(content.at_unix_ms) else {
        return Err("it is of the future".to_owned());
    };
    let age = Duration::from_millis(age);
    if age > longest {
        let (age, longest) = (age.as_secs(), longest.as_secs());
        return Err(format!(
            "it is {age} s old, start.snapshot_max_s is {longest}"
        ));
    }
    let targets = content.targets.into_iter();
    let known = targets.map(|Entry { probed, known }| (probed, known));
    Ok((known.collect(), age))
}

#[cfg(test)]
mod tests;
