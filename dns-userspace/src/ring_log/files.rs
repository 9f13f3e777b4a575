//! The ring on disk: lines in two files that take turns. When the current one has its
//! half of the room it becomes the previous one, in place of that.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tracing::warn;

use super::Kind;

/// How much is read at a time when looking for the end of a line.
const STEP: u64 = 4096;

impl Kind {
    /// The file that is written.
    fn current(self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.jsonl", self.stem))
    }

    /// The one before.
    fn previous(self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.old.jsonl", self.stem))
    }
}

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Files {
    kind: Kind,
    directory: PathBuf,
    half: u64,
    /// The current file and how long it is; `None` where it is not open.
    current: Option<(File, u64)>,
}

impl Files {
    /// In `directory`, which need not exist, of at most `octets`.
    pub(crate) fn new(directory: &Path, octets: u64, kind: Kind) -> Self {
        Self {
            kind,
            directory: directory.to_owned(),
            half: octets / 2,
            current: None,
        }
    }

    /// Whether the files take turns before so many octets more are appended.
    pub(crate) fn turns_for(&self, octets: usize) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|(_, length)| length + octets as u64 > self.half)
    }

    /// Appends `lines`, or fails, in one line with call and object, and leaves whole lines.
    pub(crate) fn append(&mut self, lines: &[u8]) -> Result<(), String> {
        let octets = lines.len() as u64;
        if octets > self.half {
            let Kind { entry, tunable, .. } = self.kind;
            return Err(format!(
                "a {entry} takes {octets} octets, half of {tunable} is {}",
                self.half
            ));
        }
        let path = self.kind.current(&self.directory);
        self.try_append(lines).map_err(|error| {
            // What of the line is written is cut off when it is opened again.
            self.current = None;
            format!("writing {}: {error}", path.display())
        })
    }

    fn try_append(&mut self, lines: &[u8]) -> io::Result<()> {
        let (file, length) = match self.current.take() {
            Some(current) => current,
            None => self.open()?,
        };
        let (mut file, length) = if length + lines.len() as u64 > self.half {
            file.sync_data()?;
            let directory = &self.directory;
            fs::rename(self.kind.current(directory), self.kind.previous(directory))?;
            self.open()?
        } else {
            (file, length)
        };
        file.write_all(lines)?;
        self.current = Some((file, length + lines.len() as u64));
        Ok(())
    }

    /// The current file, without a last line that is not whole, and its length.
    fn open(&self) -> io::Result<(File, u64)> {
        fs::create_dir_all(&self.directory)?;
        let path = self.kind.current(&self.directory);
        let mut options = OpenOptions::new();
        if self.kind.is_private {
            options.mode(0o600);
        }
        let mut file = options.read(true).append(true).create(true).open(&path)?;
        let length = file.metadata()?.len();
        let whole = end_of_last_line(&mut file, length)?;
        if whole < length {
            file.set_len(whole)?;
            let torn = length - whole;
            warn!(
                "{}: {torn} octets of a torn {} were cut off",
                path.display(),
                self.kind.entry
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
        let path = self.kind.current(&self.directory);
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

/// Both files as they are now, the older first.
pub fn open(directory: &Path, kind: Kind) -> Result<Vec<(PathBuf, File)>, String> {
    let open = |path: PathBuf| match File::open(&path) {
        Ok(file) => Ok(Some((path, file))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("opening {}: {error}", path.display())),
    };
    loop {
        let current = open(kind.current(directory))?;
        let previous = open(kind.previous(directory))?;
        let inode = |file: &Option<(PathBuf, File)>| {
            let (_, file) = file.as_ref()?;
            Some(file.metadata().ok()?.ino())
        };
        // They took turns between both calls.
        if current.is_some() && inode(&current) == inode(&previous) {
            continue;
        }
        return Ok([previous, current].into_iter().flatten().collect());
    }
}

/// Both files' content, the older first.
pub fn read(directory: &Path, kind: Kind) -> Result<Vec<Vec<u8>>, String> {
    let contents = open(directory, kind)?.into_iter().map(|(path, mut file)| {
        let mut octets = Vec::new();
        let read = file.read_to_end(&mut octets);
        read.map_err(|error| format!("reading {}: {error}", path.display()))?;
        Ok(octets)
    });
    contents.collect()
}
