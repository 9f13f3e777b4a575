//! What is told while demand moves on and on.

use std::time::Duration;

use dns_common::decision::CANDIDATES_MAX;
use tokio::time::Instant;

use super::place::ByCandidate;

/// After so many times what it takes all reports to be of one state, their means count: in
/// that long, what left one candidate was told by it and by the next for about as long.
const PATIENCE: u32 = 2;

/// A time in which reports were of different states.
#[derive(Clone, Debug)]
pub(super) struct Unrest {
    since: Instant,
    /// How often each told something, and the sum of that.
    told: ByCandidate<(u32, f64)>,
}

impl Unrest {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            told: [(0, 0.0); CANDIDATES_MAX],
        }
    }

    /// Takes in what is `told`.
    pub(super) fn add(&mut self, told: &[Option<f64>]) {
        for ((count, sum), told) in self.told.iter_mut().zip(told) {
            if let Some(told) = told {
                *count += 1;
                *sum += told;
            }
        }
    }

    /// By candidate, the mean of what it told, once that counts.
    pub(super) fn means(&self, settle: Duration, now: Instant) -> Option<Vec<Option<f64>>> {
        if now.saturating_duration_since(self.since) < settle * PATIENCE {
            return None;
        }
        let told = self.told.iter();
        let mean = |(count, sum): &(u32, f64)| (*count > 0).then(|| sum / f64::from(*count));
        Some(told.map(mean).collect())
    }
}
