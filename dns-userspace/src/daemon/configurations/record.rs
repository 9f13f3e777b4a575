//! What is written down of a configuration beside the content of its files.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use ring::digest;
use serde::{Deserialize, Serialize};

use crate::{
    config::source::Files,
    control::{
        generations::{By, FilesDiffer, Generation, Made},
        status::Inventory,
    },
};

/// Larger files are not copied: master files and groups are text that people or their
/// tools write, and all generations together are to stay small beside the tables.
pub(super) const FILE_OCTETS_MAX: usize = 64 << 20;

/// Generations after the first that are remembered one by one.
const LATER_MAX: usize = 32;

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) made: Made,
    pub(super) through: u64,
    pub(super) later: Vec<Made>,
    pub(super) inventory: Inventory,
    pub(super) files: Vec<KeptFile>,
    /// Of what `files` says: that it is as it was written, and equal for equal
    /// configurations.
    pub(super) sha256: String,
}

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptFile {
    /// Relative to the configuration directory if it is in there.
    pub(super) path: PathBuf,
    pub(super) octets: u64,
    pub(super) sha256: String,
    /// Its content was copied.
    pub(super) is_kept: bool,
}

/// The SHA-256 of `octets`, hexadecimal.
pub(super) fn sha256(octets: &[u8]) -> String {
    let mut text = String::new();
    for octet in digest::digest(&digest::SHA256, octets).as_ref() {
        let _ = write!(text, "{octet:02x}");
    }
    text
}

impl Record {
    /// Of the configuration in `dir` of which `files` are all that was read.
    pub(super) fn new(dir: &Path, made: Made, inventory: Inventory, files: &Files) -> Self {
        let files = files.iter().map(|(path, octets)| KeptFile {
            path: path.strip_prefix(dir).unwrap_or(path).to_owned(),
            octets: octets.len() as u64,
            sha256: sha256(octets),
            is_kept: octets.len() <= FILE_OCTETS_MAX,
        });
        let files: Vec<_> = files.collect();
        Self {
            made,
            through: made.generation,
            later: Vec::new(),
            inventory,
            sha256: digest_of(&files),
            files,
        }
    }

    /// The record in `text`, and what is wrong with it if it is none.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if digest_of(&record.files) != record.sha256 {
            return Err("its list of files is not what was written".to_owned());
        }
        Ok(record)
    }

    /// Another generation was made of it.
    pub(super) fn made_again(&mut self, made: Made) {
        self.through = made.generation;
        self.later.push(made);
        if self.later.len() > LATER_MAX {
            // Of the last that is none depends what is in use.
            let is_override = |made: &Made| made.by == By::Override;
            let oldest = self.later.iter().position(is_override).unwrap_or(0);
            self.later.remove(oldest);
        }
    }

    /// The generation that it was gone back to from another one, if it was when it was
    /// taken last.
    pub(super) fn reverted_to(&self) -> Option<u64> {
        let all = [self.made];
        let mut all = all.iter().chain(&self.later).rev();
        let last = all.find(|made| made.by != By::Override)?;
        last.by.reverted_to()
    }

    /// Whether `generation` was made of it.
    pub(super) fn is_of(&self, generation: u64) -> bool {
        (self.made.generation..=self.through).contains(&generation)
    }

    /// As it is shown, beside the one `before`.
    pub(super) fn shown(&self, before: Option<&Self>) -> Generation {
        let not_kept = self.files.iter().filter(|file| !file.is_kept);
        Generation {
            made: self.made,
            through: self.through,
            later: self.later.clone(),
            inventory: self.inventory,
            files: self.files.len(),
            octets: self.files.iter().map(|file| file.octets).sum(),
            not_kept: not_kept.map(|file| file.path.clone()).collect(),
            differs: before.map(|before| before.differs(self)),
        }
    }

    /// What differs in the `later` one.
    fn differs(&self, later: &Self) -> FilesDiffer {
        let mut before: BTreeMap<&Path, &str> = self.contents().collect();
        let mut differ = FilesDiffer::default();
        for (path, content) in later.contents() {
            match before.remove(path) {
                None => differ.added.push(path.to_owned()),
                Some(was) if was != content => differ.changed.push(path.to_owned()),
                Some(_) => {}
            }
        }
        differ.removed = before.into_keys().map(Path::to_owned).collect();
        differ
    }

    fn contents(&self) -> impl Iterator<Item = (&Path, &str)> {
        let files = self.files.iter();
        files.map(|file| (file.path.as_path(), file.sha256.as_str()))
    }
}

fn digest_of(files: &[KeptFile]) -> String {
    let mut text = Vec::new();
    for file in files {
        text.extend_from_slice(file.path.as_os_str().as_encoded_bytes());
        // Neither can be in a path.
        text.push(0);
        text.extend_from_slice(file.sha256.as_bytes());
        text.extend_from_slice(if file.is_kept { b"\0k\0" } else { b"\0-\0" });
    }
    sha256(&text)
}
