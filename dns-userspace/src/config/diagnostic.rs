//! What is wrong with a configuration: where, what, and what would be valid.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One finding in a configuration source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file it stands in.
    pub file: PathBuf,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// The key or object, e.g. `service.www.example.com..policy`; may be empty.
    pub key: String,
    /// What is wrong and what would be valid, in one sentence.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line != 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything that is wrong with one load, in file and line order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one finding.
    pub fn push(
        &mut self,
        file: impl Into<PathBuf>,
        line: usize,
        key: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.0.push(Diagnostic {
            file: file.into(),
            line,
            key: key.into(),
            message: message.into(),
        });
    }

    /// Says of `shown` what was found in `read`, which holds the same.
    pub fn renamed(&mut self, read: &Path, shown: &Path) {
        for diagnostic in &mut self.0 {
            if diagnostic.file == read {
                shown.clone_into(&mut diagnostic.file);
            }
        }
    }

    /// `value` when nothing was found, else everything that was.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0
            .sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        Err(self)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.0.iter().enumerate() {
            if number != 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// The up to three of `valid` that are most like `word`, as a list to print.
pub(crate) fn nearest<'v>(word: &str, valid: impl IntoIterator<Item = &'v str>) -> String {
    let mut ranked: Vec<_> = valid
        .into_iter()
        .map(|known| (strsim::osa_distance(word, known), known))
        .collect();
    ranked.sort_unstable();
    let best: Vec<_> = ranked.iter().take(3).map(|(_, known)| *known).collect();
    best.join(", ")
}
