//! What `check` shows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::measurement::director::difference::Difference;

/// A configuration that is valid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The file that was read as if it stood in its place; `None` for the configuration
    /// as it is.
    pub file: Option<PathBuf>,
    /// How much of everything it holds.
    pub holds: Holds,
    /// What it would change; `None` where no daemon runs.
    pub difference: Option<Difference>,
}

/// How much of everything a configuration holds, as far as its files say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Zones served.
    pub zones: usize,
    /// Steered names.
    pub services: usize,
    /// Distinct pools of candidates.
    pub pools: usize,
    /// Resolver groups, the default one included.
    pub groups: usize,
    /// Resolver prefixes.
    pub prefixes: usize,
}
