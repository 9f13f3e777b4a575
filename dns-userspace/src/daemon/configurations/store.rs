//! Configurations on disk: a record of each, and the content of their files, once however
//! many have it.
//!
//! ```text
//! generations/NUMBER.json      a record, by its first generation
//! generations/files/SHA256     a file's content
//! ```

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind::NotFound},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use nix::unistd::syncfs;
use thiserror::Error;

use super::{
    super::kept::replace,
    Before,
    record::{KeptFile, Record, sha256},
};
use crate::{
    config::source::Files,
    control::{
        generations::{Damaged, Generations, Made},
        status::Inventory,
    },
};

const DIRECTORY: &str = "generations";
const CONTENTS: &str = "files";
const EXTENSION: &str = "json";

/// Services can have passwords in them.
const OWNER_ONLY: u32 = 0o700;

/// Why a configuration cannot be gone back to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Gone {
    /// No such configuration is kept.
    #[error("generation {generation} is not kept; valid: {valid}")]
    Unknown {
        /// What was asked for.
        generation: u64,
        /// What is kept.
        valid: String,
    },
    /// It is not whole; one line for each finding.
    #[error("{}", .0.join("\n"))]
    Damaged(Vec<String>),
}

/// Where configurations are kept.
#[derive(Clone, Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// Of the configuration.
    dir: PathBuf,
    /// The record of the configuration in use, if it is kept.
    current: Option<Record>,
}

/// All records, and what stands in the place of those that cannot be read.
type Records = (Vec<Record>, Vec<Damaged>);

impl Store {
    /// Under `state`, of the configuration in `dir`.
    pub(super) fn new(state: &Path, dir: &Path) -> Self {
        Self {
            directory: state.join(DIRECTORY),
            dir: dir.to_owned(),
            current: None,
        }
    }

    /// Takes the last configuration of the daemon before for the one in use; what is
    /// known of that daemon.
    pub(super) fn recall(&mut self) -> Result<Before, String> {
        let (mut records, damaged) = self.records()?;
        let known = records.iter().map(|record| record.through);
        let broken = damaged.iter().map(|it| it.generation);
        let (known, broken) = (known.max(), broken.max());
        if broken < known {
            self.current = records.pop();
        }
        Ok(Before {
            generation: known.max(broken).unwrap_or(0),
            reverted_to: self.current.as_ref().and_then(Record::reverted_to),
        })
    }

    /// Keeps a configuration that came into use, and drops the oldest where there are
    /// more than `max`; its files that are too large.
    pub(super) fn keep(
        &mut self,
        made: Made,
        inventory: Inventory,
        files: &Files,
        max: usize,
    ) -> Result<Vec<PathBuf>, String> {
        let before = self.current.take();
        if max == 0 {
            self.drop_oldest(0)?;
            return Ok(Vec::new());
        }
        let mut record = Record::new(&self.dir, made, inventory, files);
        // Where nothing changed, this mends what was damaged.
        self.write_contents(&record, files)?;
        if let Some(mut before) = before.filter(|before| before.sha256 == record.sha256) {
            before.made_again(made);
            record = before;
        }
        self.write(&record)?;
        let too_large = record.files.iter().filter(|file| !file.is_kept);
        let too_large = too_large.map(|file| self.dir.join(&file.path)).collect();
        self.current = Some(record);
        self.drop_oldest(max)?;
        Ok(too_large)
    }

    /// Another generation was made of the configuration in use.
    pub(super) fn made_again(&mut self, made: Made) -> Result<(), String> {
        let Some(mut record) = self.current.take() else {
            return Ok(());
        };
        record.made_again(made);
        self.write(&record)?;
        self.current = Some(record);
        Ok(())
    }

    /// The configuration that `generation` was made of: the first generation of it, and
    /// the content of its files.
    pub(super) fn open(&self, generation: u64) -> Result<(u64, Files), Gone> {
        let damaged = |fault| Gone::Damaged(vec![fault]);
        let (records, broken) = self.records().map_err(damaged)?;
        let Some(record) = records.iter().find(|record| record.is_of(generation)) else {
            if let Some(broken) = broken.iter().find(|it| it.generation == generation) {
                return Err(damaged(broken.fault.clone()));
            }
            let valid = kept(&records);
            return Err(Gone::Unknown { generation, valid });
        };
        let mut faults = Vec::new();
        let mut files = Files::new();
        for file in &record.files {
            match self.content(file) {
                Ok(octets) => {
                    files.insert(self.dir.join(&file.path), octets.into());
                }
                Err(fault) => faults.push(format!(
                    "{} of generation {generation}: {fault}",
                    file.path.display()
                )),
            }
        }
        if !faults.is_empty() {
            faults.push(format!("valid: {}", kept(&records)));
            return Err(Gone::Damaged(faults));
        }
        Ok((record.made.generation, files))
    }

    /// All of them.
    pub(super) fn list(&self) -> Result<Generations, String> {
        let (records, damaged) = self.records()?;
        let before = [None].into_iter().chain(records.iter().map(Some));
        let generations = records.iter().zip(before);
        Ok(Generations {
            generations: generations
                .map(|(record, before)| record.shown(before))
                .collect(),
            damaged,
        })
    }

    /// A file's content as it was.
    fn content(&self, file: &KeptFile) -> Result<Vec<u8>, String> {
        let path = if file.is_kept {
            self.content_path(file)
        } else {
            self.dir.join(&file.path)
        };
        let shown = path.display();
        let octets = fs::read(&path).map_err(of("reading", &path))?;
        if sha256(&octets) == file.sha256 {
            Ok(octets)
        } else if file.is_kept {
            Err(format!("{shown} is damaged: its SHA-256 is another"))
        } else {
            Err(format!(
                "was too large to be kept, and {shown} is another now"
            ))
        }
    }

    /// Writes what is not there yet: all of it is on disk before any of it has its name.
    fn write_contents(&self, record: &Record, files: &Files) -> Result<(), String> {
        let contents = self.directory.join(CONTENTS);
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(OWNER_ONLY).create(&contents);
        made.map_err(of("making", &contents))?;
        let mut names = BTreeMap::new();
        for (file, octets) in record.files.iter().zip(files.values()) {
            let path = self.content_path(file);
            let is_there = || fs::read(&path).is_ok_and(|there| there == *octets);
            if file.is_kept && !names.contains_key(&path) && !is_there() {
                let new = path.with_extension("new");
                fs::write(&new, octets).map_err(of("writing", &new))?;
                names.insert(path, new);
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let directory = File::open(&contents).map_err(of("opening", &contents))?;
        let synced = syncfs(&directory).map_err(io::Error::from);
        synced.map_err(of("syncing", &contents))?;
        for (path, new) in names {
            fs::rename(&new, path).map_err(of("renaming", &new))?;
        }
        directory.sync_all().map_err(of("syncing", &contents))
    }

    fn write(&self, record: &Record) -> Result<(), String> {
        let path = self.record_path(record.made.generation);
        let written = serde_json::to_vec_pretty(record).map_err(io::Error::from);
        let written = written.and_then(|text| replace(&path, &text));
        written.map_err(of("writing", &path))
    }

    /// Drops all but the last `max` records, and content that none of those has.
    fn drop_oldest(&self, max: usize) -> Result<(), String> {
        let mut numbers = self.numbers()?;
        let superfluous = numbers.len().saturating_sub(max);
        for number in numbers.drain(..superfluous) {
            let path = self.record_path(number);
            fs::remove_file(&path).map_err(of("removing", &path))?;
        }
        let (records, _) = self.records()?;
        let files = records.iter().flat_map(|record| &record.files);
        let wanted: HashSet<PathBuf> = files.map(|file| self.content_path(file)).collect();
        for path in entries(&self.directory.join(CONTENTS))? {
            if !wanted.contains(&path) {
                fs::remove_file(&path).map_err(of("removing", &path))?;
            }
        }
        Ok(())
    }

    fn records(&self) -> Result<Records, String> {
        let (mut records, mut damaged) = (Vec::new(), Vec::new());
        for generation in self.numbers()? {
            let path = self.record_path(generation);
            let text = fs::read(&path).map_err(|error| error.to_string());
            match text.and_then(|text| Record::parse(&text)) {
                Ok(record) => records.push(record),
                Err(fault) => damaged.push(Damaged {
                    generation,
                    fault: format!("{}: {fault}", path.display()),
                }),
            }
        }
        Ok((records, damaged))
    }

    /// The numbers of all records, in order.
    fn numbers(&self) -> Result<Vec<u64>, String> {
        let paths = entries(&self.directory)?;
        let records = paths.iter().filter(|path| {
            let extension = path.extension();
            extension.is_some_and(|extension| extension == EXTENSION)
        });
        let stems = records.filter_map(|path| path.file_stem()?.to_str());
        let mut numbers: Vec<u64> = stems.filter_map(|stem| stem.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn record_path(&self, generation: u64) -> PathBuf {
        self.directory.join(format!("{generation}.{EXTENSION}"))
    }

    fn content_path(&self, file: &KeptFile) -> PathBuf {
        self.directory.join(CONTENTS).join(&file.sha256)
    }
}

/// The paths in a directory; none where there is no such directory.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let read = match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    read.map_err(of("reading", directory))
}

/// Says which call on `path` failed.
fn of(call: &'static str, path: &Path) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{call} {}: {error}", path.display())
}

/// The generations of `records`, as a list to print.
fn kept(records: &[Record]) -> String {
    let ranges = records.iter().map(|record| {
        let (first, last) = (record.made.generation, record.through);
        if first == last {
            first.to_string()
        } else {
            format!("{first} to {last}")
        }
    });
    match ranges.collect::<Vec<_>>() {
        none if none.is_empty() => "none, since none is kept (state.generations_max)".to_owned(),
        some => some.join(", "),
    }
}
