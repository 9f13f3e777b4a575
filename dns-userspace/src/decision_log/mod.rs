//! The decision log: what was decided, when and by which cause, in a ring on disk that
//! outlives the daemon.

mod files;
pub mod query;
mod then;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use crate::{clock, measurement::director::history::Decided};
use files::Files;

/// Batches that may wait for the disk; more are lost, as nothing else may wait for it.
const BATCHES_WAITING: usize = 1024;

/// How often the disk is made to have what was written.
const SYNC_EVERY: Duration = Duration::from_secs(1);

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

/// What came of writing since the daemon's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Decisions written.
    pub written: u64,
    /// Decisions lost: the disk was full, not to be written, or too slow.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Counters {
    written: AtomicU64,
    lost: AtomicU64,
}

/// Decisions made at one time.
struct Batch {
    at_unix_ms: u64,
    decided: Vec<Decided>,
}

/// The log, written by a thread of its own. Dropping it writes what waits.
#[derive(Debug)]
pub struct DecisionLog {
    directory: PathBuf,
    /// `None` once it is being dropped.
    sender: Option<Sender<Batch>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl DecisionLog {
    /// Goes on with the log in `directory`, which need not exist, in at most `octets`.
    pub fn open(directory: &Path, octets: u64) -> io::Result<Self> {
        let (sender, batches) = bounded(BATCHES_WAITING);
        let counters = Arc::new(Counters::default());
        let writer = Writer {
            files: Files::new(directory, octets),
            counters: Arc::clone(&counters),
            lost_told: 0,
            is_failing: false,
        };
        let thread = thread::Builder::new()
            .name("decision-log".to_owned())
            .spawn(move || writer.run(&batches))?;
        Ok(Self {
            directory: directory.to_owned(),
            sender: Some(sender),
            thread: Some(thread),
            counters,
        })
    }

    /// Has `decided` written; never waits.
    pub fn note(&self, decided: Vec<Decided>) {
        let count = decided.len() as u64;
        let Some(sender) = self.sender.as_ref().filter(|_| count > 0) else {
            return;
        };
        let at_unix_ms = clock::unix_ms();
        let batch = Batch {
            at_unix_ms,
            decided,
        };
        if sender.try_send(batch).is_err() {
            self.counters.lost.fetch_add(count, Relaxed);
        }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What came of writing.
    pub fn written(&self) -> Written {
        Written {
            written: self.counters.written.load(Relaxed),
            lost: self.counters.lost.load(Relaxed),
        }
    }
}

impl Drop for DecisionLog {
    fn drop(&mut self) {
        self.sender = None;
        if self.thread.take().is_some_and(|it| it.join().is_err()) {
            error!("the decision log's thread panicked");
        }
    }
}

/// The thread's side.
struct Writer {
    files: Files,
    counters: Arc<Counters>,
    /// Of those lost, how many the log tells.
    lost_told: u64,
    is_failing: bool,
}

impl Writer {
    fn run(mut self, batches: &Receiver<Batch>) {
        // `None` where the disk has everything.
        let mut sync_at: Option<Instant> = None;
        loop {
            let received = match sync_at {
                None => batches.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => batches.recv_deadline(at),
            };
            match received {
                Ok(batch) => {
                    self.write(batch);
                    sync_at.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.sync();
                    sync_at = None;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // Where batches never cease, no deadline is met in waiting.
            if sync_at.is_some_and(|at| at <= Instant::now()) {
                self.sync();
                sync_at = None;
            }
        }
        self.sync();
    }

    fn write(&mut self, batch: Batch) {
        let at_unix_ms = batch.at_unix_ms;
        for decided in batch.decided {
            let lost = self.counters.lost.load(Relaxed) - self.lost_told;
            let mut result = Ok(());
            if lost > 0 {
                let what = What::Lost(lost);
                result = self.append(&Entry { at_unix_ms, what });
                if result.is_ok() {
                    self.lost_told += lost;
                }
            }
            let what = What::Decided(decided);
            let result = result.and_then(|()| self.append(&Entry { at_unix_ms, what }));
            let counter = match result {
                Ok(()) => &self.counters.written,
                Err(_) => &self.counters.lost,
            };
            counter.fetch_add(1, Relaxed);
            self.tell(result);
        }
    }

    fn append(&mut self, entry: &Entry) -> Result<(), String> {
        let line = serde_json::to_vec(entry);
        let mut line = line.map_err(|error| format!("encoding a decision: {error}"))?;
        line.push(b'\n');
        self.files.append(&line)
    }

    fn sync(&mut self) {
        if let Err(error) = self.files.sync() {
            warn!("{error}; a crash of this host may lose decisions of the log");
        }
    }

    /// Logs where writing begins to fail, and where it ends.
    fn tell(&mut self, result: Result<(), String>) {
        match result {
            Err(error) if !self.is_failing => {
                error!(
                    "{error}; decisions go on, and are missing in the decision log until it works again"
                );
                self.is_failing = true;
            }
            Ok(()) if self.is_failing => {
                info!("the decision log is written again");
                self.is_failing = false;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
