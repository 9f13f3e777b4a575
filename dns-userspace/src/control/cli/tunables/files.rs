//! Reading what `-p` and `--system` set.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::config::{
    diagnostic::Diagnostics,
    source::Source,
    values::{self, LAST_FILE, lines::Lines},
};

/// Which files.
pub(super) enum Wanted {
    /// All of the configuration.
    System,
    /// These, which may be globs, or `-`; the last of the configuration where there are none.
    Named(Vec<String>),
}

impl Wanted {
    pub(super) fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    /// The files.
    pub(super) files: Vec<PathBuf>,
    pub(super) lines: Lines,
    /// What is wrong, to be told. As with sysctl(8), a line that is none is no failure.
    pub(super) faults: Vec<String>,
    /// Whether a file could not be read.
    pub(super) is_incomplete: bool,
}

/// Reads the files that are `wanted`, in the configuration of `dir` where they are of it.
pub(super) fn read(dir: &Path, wanted: &Wanted) -> Read {
    let mut read = Read::default();
    match wanted {
        Wanted::System => read.list(dir),
        Wanted::Named(files) if files.is_empty() => read.files.push(dir.join(LAST_FILE)),
        Wanted::Named(files) => read.files = files.iter().flat_map(|it| meant(it)).collect(),
    }
    for file in read.files.clone() {
        match text(&file) {
            Ok(text) => {
                let Read { lines, faults, .. } = &mut read;
                let file_shown = file.display();
                lines.add(&file, &text, |number, _| {
                    faults.push(format!(
                        "{file_shown}({number}): invalid syntax, continuing...; valid: key = value"
                    ));
                });
            }
            Err(error) => read.cannot_open(&file, &error),
        }
    }
    read
}

impl Read {
    /// The files of the configuration of `dir` that are there.
    fn list(&mut self, dir: &Path) {
        let source = Source::on_disk(dir);
        let mut found = Diagnostics::default();
        self.files = values::files(&source, &mut found);
        self.files
            .retain(|file| !file.ends_with(LAST_FILE) || file.exists());
        if !dir.is_dir() {
            self.cannot_open(dir, &io::ErrorKind::NotFound.into());
        }
        self.is_incomplete |= !found.0.is_empty();
        self.faults.extend(found.0.iter().map(ToString::to_string));
    }

    fn cannot_open(&mut self, path: &Path, error: &io::Error) {
        self.faults
            .push(format!("cannot open \"{}\": {error}", path.display()));
        self.is_incomplete = true;
    }
}

/// The files that `named` means as a glob, sorted; itself where it means none.
fn meant(named: &str) -> Vec<PathBuf> {
    let files = glob::glob(named).into_iter().flatten().flatten();
    let files: Vec<_> = files.collect();
    if files.is_empty() {
        return vec![named.into()];
    }
    files
}

fn text(file: &Path) -> io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file)
}
