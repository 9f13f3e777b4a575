//! Where the files of a configuration are read: on disk, or as they were once read.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;

use super::{
    diagnostic::Diagnostics,
    files::{self, Missing},
};

/// The content of files by their paths.
pub type Files = BTreeMap<PathBuf, Bytes>;

/// Reads the files of one configuration, and remembers what it read.
#[derive(Debug)]
pub struct Source {
    dir: PathBuf,
    /// In the place of what is on disk.
    kept: Option<Files>,
    /// In the place of one file, or beside all.
    proposed: Option<(PathBuf, Bytes)>,
    read: Mutex<Files>,
}

impl Source {
    /// The configuration that is in `dir` now.
    pub fn on_disk(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            kept: None,
            proposed: None,
            read: Mutex::default(),
        }
    }

    /// The same as if `content` stood at `path`.
    #[must_use]
    pub fn with(self, path: PathBuf, content: impl Into<Bytes>) -> Self {
        Self {
            proposed: Some((path, content.into())),
            ..self
        }
    }

    /// The configuration that was in `dir` when `files` were all that was read of it.
    pub fn kept(dir: &Path, files: Files) -> Self {
        Self {
            kept: Some(files),
            ..Self::on_disk(dir)
        }
    }

    /// The configuration directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All that was read.
    pub fn into_read(self) -> Files {
        let read = self.read.into_inner();
        read.unwrap_or_else(PoisonError::into_inner)
    }

    /// The content of `path`.
    pub fn octets(&self, path: &Path) -> io::Result<Bytes> {
        let octets = match (&self.proposed, &self.kept) {
            (Some((proposed, octets)), _) if proposed == path => octets.clone(),
            (_, None) => fs::read(path)?.into(),
            (_, Some(files)) => files.get(path).cloned().ok_or(io::ErrorKind::NotFound)?,
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(path.to_owned(), octets.clone());
        Ok(octets)
    }

    /// A path that two names of one file have in common.
    pub fn identity(&self, path: &Path) -> io::Result<PathBuf> {
        match (&self.proposed, &self.kept) {
            (Some((proposed, _)), _) if proposed == path => Ok(path.to_owned()),
            (_, None) => fs::canonicalize(path),
            (_, Some(_)) => Ok(path.to_owned()),
        }
    }

    /// As [`files::text`].
    pub(super) fn text(
        &self,
        path: &Path,
        missing: &Missing,
        found: &mut Diagnostics,
    ) -> Option<String> {
        let octets = self.octets(path).map(Vec::from);
        files::decoded(path, octets, missing, found)
    }

    /// The files in `dir` named `*.<extension>`, by name; hidden ones, which editors
    /// leave beside the file they edit, are not meant.
    pub(super) fn list(
        &self,
        dir: &Path,
        extension: &str,
        missing: &Missing,
        found: &mut Diagnostics,
    ) -> Vec<PathBuf> {
        let mut paths = match &self.kept {
            None => files::entries(dir, missing, found),
            Some(files) => {
                let paths = files.keys().filter(|path| path.parent() == Some(dir));
                paths.cloned().collect()
            }
        };
        if let Some((proposed, _)) = &self.proposed
            && proposed.parent() == Some(dir)
            && !paths.contains(proposed)
        {
            paths.push(proposed.clone());
        }
        paths.retain(|path| {
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            !hidden && path.extension().is_some_and(|found| found == extension)
        });
        paths.sort();
        paths
    }
}
