//! The ring on disk: lines in two files that take turns. When the current one has its
//! half of the room it becomes the previous one, in place of that.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use tracing::warn;

const CURRENT: &str = "decisions.jsonl";
const PREVIOUS: &str = "decisions.old.jsonl";

/// How much is read at a time when looking for the end of a line.
const STEP: u64 = 4096;

/// The writer's side.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    half: u64,
    /// The current file and how long it is; `None` where it is not open.
    current: Option<(File, u64)>,
}

impl Files {
    /// In `directory`, which need not exist, of at most `octets`.
    pub(super) fn new(directory: &Path, octets: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            half: octets / 2,
            current: None,
        }
    }

    /// Appends `line`, or fails, in one line with call and object, and leaves whole lines.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), String> {
        let octets = line.len() as u64;
        if octets > self.half {
            return Err(format!(
                "a decision takes {octets} octets, half of log.decisions_mib is {}",
                self.half
            ));
        }
        let path = self.directory.join(CURRENT);
        self.try_append(line).map_err(|error| {
            // What of the line is written is cut off when it is opened again.
            self.current = None;
            format!("writing {}: {error}", path.display())
        })
    }

    fn try_append(&mut self, line: &[u8]) -> io::Result<()> {
        let (file, length) = match self.current.take() {
            Some(current) => current,
            None => self.open()?,
        };
        let (mut file, length) = if length + line.len() as u64 > self.half {
            file.sync_data()?;
            let path = self.directory.join(CURRENT);
            fs::rename(&path, self.directory.join(PREVIOUS))?;
            self.open()?
        } else {
            (file, length)
        };
        file.write_all(line)?;
        self.current = Some((file, length + line.len() as u64));
        Ok(())
    }

    /// The current file, without a last line that is not whole, and its length.
    fn open(&self) -> io::Result<(File, u64)> {
        fs::create_dir_all(&self.directory)?;
        let path = self.directory.join(CURRENT);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(&path)?;
        let length = file.metadata()?.len();
        let whole = end_of_last_line(&mut file, length)?;
        if whole < length {
            file.set_len(whole)?;
            let torn = length - whole;
            warn!(
                "{}: {torn} octets of a torn decision were cut off",
                path.display()
            );
        }
        // The new name is not on the disk before its directory is.
        File::open(&self.directory)?.sync_all()?;
        Ok((file, whole))
    }

    /// Has the disk have what was written.
    pub(super) fn sync(&self) -> Result<(), String> {
        let Some((file, _)) = &self.current else {
            return Ok(());
        };
        let path = self.directory.join(CURRENT);
        let synced = file.sync_data();
        synced.map_err(|error| format!("syncing {}: {error}", path.display()))
    }
}

/// Where the last line of `file` ends, which is `length` octets long.
fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut octets = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut octets)?;
        if let Some(newline) = octets.iter().rposition(|octet| *octet == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Both files' content, the older first.
pub(super) fn read(directory: &Path) -> Result<[Vec<u8>; 2], String> {
    let open = |name: &str| {
        let path = directory.join(name);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("opening {}: {error}", path.display())),
        }
    };
    let content = |file: Option<File>, name: &str| {
        let mut octets = Vec::new();
        let read = file
            .map(|mut file| file.read_to_end(&mut octets))
            .transpose();
        let path = directory.join(name);
        read.map_err(|error| format!("reading {}: {error}", path.display()))?;
        Ok::<_, String>(octets)
    };
    loop {
        let (current, previous) = (open(CURRENT)?, open(PREVIOUS)?);
        let inode = |file: &Option<File>| Some(file.as_ref()?.metadata().ok()?.ino());
        // They took turns between both calls.
        if current.is_some() && inode(&current) == inode(&previous) {
            continue;
        }
        return Ok([content(previous, PREVIOUS)?, content(current, CURRENT)?]);
    }
}
