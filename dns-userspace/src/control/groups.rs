//! What `groups` shows.

use serde::{Deserialize, Serialize};

use crate::measurement::director::demand::GroupDemand;

/// The resolver groups and what they ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// One in so many answers of steered names is counted for its group; 0 for none.
    pub counted_one_in: u32,
    /// What all groups together asked for of late, as far as it was counted, queries of
    /// steered names a second.
    pub queries_per_s: Option<f64>,
    /// Every group, in the order of its numbers.
    pub groups: Vec<GroupStatus>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Its name.
    pub group: String,
    /// Prefixes that it has.
    pub prefixes: usize,
    /// Which part of the demand it counts for.
    pub demand: GroupDemand,
}
