//! Capacities, and how far they are filled.

use dns_common::decision::SLOTS;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::measurement::{director::states::rounded, metric::milliseconds, share::Fill};

/// What is asked for of all candidates together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemandStatus {
    /// In the unit of capacities.
    pub total: f64,
    /// For how long it counts as that, whatever is reported, milliseconds: until all
    /// reports are of after the last movement. `None` where it follows them.
    pub held_ms: Option<f64>,
}

/// What `fill` knows of it at `now`.
pub(super) fn demand(fill: &Fill, now: Instant) -> Option<DemandStatus> {
    let (total, held_until) = fill.demand()?;
    let held = held_until.map(|until| until.saturating_duration_since(now));
    Some(DemandStatus {
        total: rounded(total),
        held_ms: held.filter(|held| !held.is_zero()).map(milliseconds),
    })
}

/// How far `candidate` is filled, if it takes less than all.
pub(super) fn full(fill: &Fill, candidate: u8) -> Option<String> {
    let (level, slots) = fill.full(candidate)?;
    let percent = rounded(level * 1e2);
    Some(format!(
        "full: {percent:.1} % of its capacity; takes {slots} of {SLOTS} slots"
    ))
}
