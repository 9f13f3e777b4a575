//! What is said of an order that was followed.

use serde::{Deserialize, Serialize};

use crate::measurement::overrides::Override;

/// An order that was followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overridden {
    /// The override it made, if any.
    pub made: Option<Override>,
    /// Those that ended by it.
    pub ended: Vec<Override>,
    /// How many services it concerns.
    pub services: usize,
    /// The generation of tables that was made to tell apart services that had shared
    /// their decisions; `None` where they stay together.
    pub generation: Option<u64>,
    /// Why a restart would not know of it; `None` where it would.
    pub not_kept: Option<String>,
}
