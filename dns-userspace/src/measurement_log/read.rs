//! Reading a measurement log: all of its targets first, then sample by sample.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Take},
    path::{Path, PathBuf},
};

use super::{KIND, Line, Probed, VERSION};
use crate::{
    measurement::{
        metric::Metric,
        sample::{Readings, Reason, Verdict},
    },
    ring_log::files,
};

/// What lines of targets begin with.
const TARGET: &[u8] = br#"{"target""#;

/// The longest line there may be, so that a file that is no log fills no memory.
const LINE_MAX: u64 = 1 << 20;

/// The end of the year 9999: nothing is recorded later.
const UNIX_MS_MAX: u64 = 253_402_300_799_999;

/// A log as it was when it was opened.
#[derive(Debug)]
pub struct Recording {
    files: Vec<Part>,
    /// Everything that was probed, by number.
    pub targets: Vec<Probed>,
    numbers: HashMap<Probed, usize>,
}

/// One of its files.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    file: File,
    /// What was in it; more may come.
    octets: u64,
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// When, milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Number of the target, as [`Recording::targets`] has it.
    pub target: usize,
    /// What.
    pub verdict: Verdict,
}

/// What of a log was not to be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Measurements that were never written.
    pub lost: u64,
    /// Lines that are none of such a log, a torn last one aside.
    pub unreadable: u64,
    /// The first of these: file, line and what is wrong.
    pub first_unreadable: Option<String>,
}

impl Recording {
    /// The log in the directory `path`, or the one file of it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let files = if path.is_dir() {
            files::open(path, KIND)?
        } else {
            let file = File::open(path);
            let file = file.map_err(|error| format!("opening {}: {error}", path.display()))?;
            vec![(path.to_owned(), file)]
        };
        if files.is_empty() {
            let tunable = KIND.tunable;
            return Err(format!(
                "{}: there is no {} ({tunable} above 0 makes one); valid: a directory with \
                 {stem}.jsonl, as state.directory is, or such a file",
                path.display(),
                KIND.name,
                stem = KIND.stem,
            ));
        }
        let mut recording = Self {
            files: Vec::new(),
            targets: Vec::new(),
            numbers: HashMap::new(),
        };
        for (path, mut file) in files {
            let reading = |error| format!("reading {}: {error}", path.display());
            let octets = file.seek(SeekFrom::End(0)).map_err(reading)?;
            recording.files.push(Part { path, file, octets });
        }
        for number in 0..recording.files.len() {
            recording.find_targets(number)?;
        }
        Ok(recording)
    }

    fn find_targets(&mut self, number: usize) -> Result<(), String> {
        let mut lines = Lines::new(&self.files[number])?;
        let mut is_first = true;
        while let Some(line) = lines.next_line()? {
            if std::mem::take(&mut is_first) {
                let begun = begins(line);
                begun.map_err(|error| lines.at(&error))?;
            } else if line.starts_with(TARGET)
                && let Ok(Line::Target { probed, .. }) = serde_json::from_slice(line)
                && !self.numbers.contains_key(&probed)
            {
                self.numbers.insert(probed.clone(), self.targets.len());
                self.targets.push(probed);
            }
        }
        Ok(())
    }

    /// How long it is, octets.
    pub fn octets(&self) -> u64 {
        self.files.iter().map(|part| part.octets).sum()
    }

    /// Hands everything measured to `take`, in order, with how many octets were read so
    /// far; what is missing.
    pub fn each(&self, mut take: impl FnMut(Measured, u64)) -> Result<Missing, String> {
        let mut missing = Missing::default();
        let mut before = 0;
        for part in &self.files {
            let mut lines = Lines::new(part)?;
            // By number in the log, until it begins anew.
            let mut named: HashMap<u32, usize> = HashMap::new();
            while let Some(line) = lines.next_line()? {
                match self.measured(line, &mut named) {
                    Ok(Read::Measured(measured)) => take(measured, before + lines.octets),
                    Ok(Read::Lost(lost)) => missing.lost += lost,
                    Ok(Read::Nothing) => {}
                    Err(error) => {
                        missing.unreadable += 1;
                        missing
                            .first_unreadable
                            .get_or_insert_with(|| lines.at(&error));
                    }
                }
            }
            before += part.octets;
        }
        Ok(missing)
    }

    /// What `line` says, where numbers stand for the targets `named`.
    fn measured(&self, line: &[u8], named: &mut HashMap<u32, usize>) -> Result<Read, String> {
        let line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let (at_unix_ms, number, verdict) = match line {
            Line::Begins { version, .. } => {
                is_ours(version)?;
                named.clear();
                return Ok(Read::Nothing);
            }
            Line::Target { number, probed } => {
                if let Some(target) = self.numbers.get(&probed) {
                    // Two that measure the same are one: the last.
                    named.retain(|_, known| known != target);
                    named.insert(number, *target);
                }
                return Ok(Read::Nothing);
            }
            Line::Lost(lost) => return Ok(Read::Lost(lost)),
            Line::Pass(at, number, values) => {
                let values: Vec<(Metric, f64)> = values.into_iter().collect();
                let readings = values
                    .into_iter()
                    .fold(Readings::default(), |all, (metric, value)| {
                        all.with(metric, value)
                    });
                (at, number, Verdict::Pass { readings })
            }
            Line::Fail(at, number, reason) => {
                let reason = Reason::Recorded { said: reason };
                (at, number, Verdict::Fail { reason })
            }
            Line::Local(at, number, error) => (at, number, Verdict::Local { error }),
        };
        if at_unix_ms > UNIX_MS_MAX {
            return Err(format!(
                "{at_unix_ms} is no time; valid: until the year 9999"
            ));
        }
        Ok(named.get(&number).map_or(Read::Nothing, |target| {
            Read::Measured(Measured {
                at_unix_ms,
                target: *target,
                verdict,
            })
        }))
    }
}

enum Read {
    Measured(Measured),
    Lost(u64),
    Nothing,
}

/// Fails unless `line` is the first of a log that is known here.
fn begins(line: &[u8]) -> Result<(), String> {
    match serde_json::from_slice(line) {
        Ok(Line::Begins { version, .. }) => is_ours(version),
        _ => Err(format!("this is no {}", KIND.name)),
    }
}

fn is_ours(version: u32) -> Result<(), String> {
    if version == VERSION {
        return Ok(());
    }
    let name = KIND.name;
    Err(format!(
        "a {name} of version {version}; valid: version {VERSION}, which this veerctl knows"
    ))
}

/// The whole lines of a file, one after another.
struct Lines<'r> {
    path: &'r Path,
    reader: BufReader<Take<&'r File>>,
    line: Vec<u8>,
    number: u64,
    octets: u64,
}

impl<'r> Lines<'r> {
    fn new(part: &'r Part) -> Result<Self, String> {
        let (mut file, path) = (&part.file, &part.path);
        let sought = file.seek(SeekFrom::Start(0));
        sought.map_err(|error| format!("reading {}: {error}", path.display()))?;
        Ok(Self {
            path,
            reader: BufReader::with_capacity(1 << 16, file.take(part.octets)),
            line: Vec::new(),
            number: 0,
            octets: 0,
        })
    }

    /// The next one; `None` at the end, or where the last is not whole yet.
    fn next_line(&mut self) -> Result<Option<&[u8]>, String> {
        self.line.clear();
        let mut bounded = (&mut self.reader).take(LINE_MAX);
        let read = bounded.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| format!("reading {}: {error}", self.path.display()))?;
        self.number += 1;
        self.octets += read as u64;
        if read as u64 == LINE_MAX {
            return Err(self.at(&format!("the line is longer than {LINE_MAX} octets")));
        }
        Ok(self.line.strip_suffix(b"\n"))
    }

    /// `error`, with the place of the last line.
    fn at(&self, error: &str) -> String {
        format!("{}:{}: {error}", self.path.display(), self.number)
    }
}
