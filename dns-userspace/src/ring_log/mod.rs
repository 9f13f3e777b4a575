//! A log in a ring on disk that outlives the daemon: a thread of its own writes it, and
//! nothing waits for the disk.

pub mod files;

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

use files::Files;

/// Batches that may wait for the disk; more are lost, as nothing else may wait for it.
const BATCHES_WAITING: usize = 1024;

/// How often the disk is made to have what was written.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What one log is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What it is called, e.g. `decision log`.
    pub name: &'static str,
    /// What one entry is, e.g. `decision`.
    pub entry: &'static str,
    /// What its files' names begin with.
    pub stem: &'static str,
    /// The tunable that says how much room it has.
    pub tunable: &'static str,
    /// Whether the disk is made to have what was written; else a crash of the host may
    /// lose what the kernel has not written yet.
    pub is_synced: bool,
    /// Whether nobody but its owner may read it.
    pub is_private: bool,
}

/// What is written at one time: it is in the log as a whole, or not at all.
pub trait Record: Send + Sized + 'static {
    /// The log.
    const KIND: Kind;

    /// What lines that a file has already say of later ones.
    type Said: Default + Send;

    /// How many entries it is.
    fn count(&self) -> u64;

    /// Its lines in a file that has `said` so much, after so many entries `lost`.
    fn lines(&self, lost: u64, said: &mut Self::Said) -> serde_json::Result<Vec<u8>>;
}

/// Adds `line` to `lines`, as JSON.
pub fn push_line(lines: &mut Vec<u8>, line: &impl Serialize) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *lines, line)?;
    lines.push(b'\n');
    Ok(())
}

/// What came of writing since the daemon's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Entries written.
    pub written: u64,
    /// Entries lost: the disk was full, not to be written, or too slow.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct Counters {
    written: AtomicU64,
    lost: AtomicU64,
}

/// A log of `R`. Dropping it writes what waits.
#[derive(Debug)]
pub struct RingLog<R: Record> {
    directory: PathBuf,
    /// `None` once it is being dropped.
    sender: Option<Sender<Vec<R>>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl<R: Record> RingLog<R> {
    /// Goes on with the log in `directory`, which need not exist, in at most `octets`.
    pub fn open(directory: &Path, octets: u64) -> io::Result<Self> {
        let (sender, batches) = bounded(BATCHES_WAITING);
        let counters = Arc::new(Counters::default());
        let writer = Writer::<R> {
            files: Files::new(directory, octets, R::KIND),
            said: R::Said::default(),
            counters: Arc::clone(&counters),
            lost_told: 0,
            is_failing: false,
        };
        let thread = thread::Builder::new()
            .name(R::KIND.name.replace(' ', "-"))
            .spawn(move || writer.run(&batches))?;
        Ok(Self {
            directory: directory.to_owned(),
            sender: Some(sender),
            thread: Some(thread),
            counters,
        })
    }

    /// Has `batch` written; never waits.
    pub fn note(&self, batch: Vec<R>) {
        let count: u64 = batch.iter().map(R::count).sum();
        let Some(sender) = self.sender.as_ref().filter(|_| count > 0) else {
            return;
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

impl<R: Record> Drop for RingLog<R> {
    fn drop(&mut self) {
        self.sender = None;
        if self.thread.take().is_some_and(|it| it.join().is_err()) {
            error!("the {}'s thread panicked", R::KIND.name);
        }
    }
}

/// The thread's side.
struct Writer<R: Record> {
    files: Files,
    /// By the file that is written.
    said: R::Said,
    counters: Arc<Counters>,
    /// Of those lost, how many the log tells.
    lost_told: u64,
    is_failing: bool,
}

impl<R: Record> Writer<R> {
    fn run(mut self, batches: &Receiver<Vec<R>>) {
        // `None` where the disk has everything.
        let mut sync_at: Option<Instant> = None;
        loop {
            let received = match sync_at {
                None => batches.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => batches.recv_deadline(at),
            };
            match received {
                Ok(batch) => {
                    for record in &batch {
                        self.write(record);
                    }
                    if R::KIND.is_synced {
                        sync_at.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
                    }
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

    fn write(&mut self, record: &R) {
        let lost = self.counters.lost.load(Relaxed) - self.lost_told;
        let result = self.append(record, lost);
        let counter = if result.is_ok() {
            self.lost_told += lost;
            &self.counters.written
        } else {
            // What was said may have been cut off.
            self.said = R::Said::default();
            &self.counters.lost
        };
        counter.fetch_add(record.count(), Relaxed);
        self.tell(result);
    }

    fn append(&mut self, record: &R, lost: u64) -> Result<(), String> {
        let encode = |said: &mut R::Said| {
            let lines = record.lines(lost, said);
            lines.map_err(|error| format!("encoding a {}: {error}", R::KIND.entry))
        };
        let mut lines = encode(&mut self.said)?;
        if self.files.turns_for(lines.len()) {
            self.said = R::Said::default();
            lines = encode(&mut self.said)?;
        }
        self.files.append(&lines)
    }

    fn sync(&mut self) {
        if let Err(error) = self.files.sync() {
            let Kind { entry, .. } = R::KIND;
            warn!("{error}; a crash of this host may lose {entry}s of the log");
        }
    }

    /// Logs where writing begins to fail, and where it ends.
    fn tell(&mut self, result: Result<(), String>) {
        let Kind { name, entry, .. } = R::KIND;
        match result {
            Err(error) if !self.is_failing => {
                error!(
                    "{error}; {entry}s go on, and are missing in the {name} until it works again"
                );
                self.is_failing = true;
            }
            Ok(()) if self.is_failing => {
                info!("the {name} is written again");
                self.is_failing = false;
            }
            _ => {}
        }
    }
}
