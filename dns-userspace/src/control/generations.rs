//! What is known of the configurations that generations of tables were made of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::status::Inventory;

/// The configurations that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// Those that can be gone back to, the oldest first.
    pub generations: Vec<Generation>,
    /// Those whose records cannot be read.
    pub damaged: Vec<Damaged>,
}

/// A configuration, called by the first generation that was made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// That generation.
    #[serde(flatten)]
    pub made: Made,
    /// The last one that was made of it, with no other configuration between.
    pub through: u64,
    /// Those after the first, as many as are remembered.
    pub later: Vec<Made>,
    /// How much of everything it holds.
    #[serde(flatten)]
    pub inventory: Inventory,
    /// Its files.
    pub files: usize,
    /// Their size.
    pub octets: u64,
    /// Files too large to be kept: without them as they were it cannot be gone back to.
    pub not_kept: Vec<PathBuf>,
    /// What differs from the one before; `None` for the oldest.
    pub differs: Option<FilesDiffer>,
}

/// A generation of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its number.
    pub generation: u64,
    /// When it was taken into use, milliseconds since 1970.
    pub unix_ms: u64,
    /// What made it.
    #[serde(flatten)]
    pub by: By,
}

/// What makes a generation of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum By {
    /// A start of the daemon.
    Start,
    /// A reload.
    Reload,
    /// Going back.
    Revert {
        /// To the configuration of this generation.
        to: u64,
    },
    /// An override that tells apart services which had shared their decisions: the
    /// configuration stays.
    Override,
}

impl By {
    /// The generation whose configuration this goes back to.
    pub fn reverted_to(self) -> Option<u64> {
        match self {
            Self::Revert { to } => Some(to),
            Self::Start | Self::Reload | Self::Override => None,
        }
    }
}

/// Files in which two configurations differ, relative to the configuration directory if
/// they are in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesDiffer {
    /// Only in the later one.
    pub added: Vec<PathBuf>,
    /// In both, with other content.
    pub changed: Vec<PathBuf>,
    /// Only in the earlier one.
    pub removed: Vec<PathBuf>,
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damaged {
    /// The generation it is of.
    pub generation: u64,
    /// What is wrong with which file.
    pub fault: String,
}
