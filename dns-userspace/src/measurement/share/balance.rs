//! Parts that follow loads, slowly enough to stay where they belong.

use dns_common::decision::CANDIDATES_MAX;
use tokio::time::Instant;

use super::{ALL, Pace, quotas, slots};
use crate::{measurement::metric::Badness, model::Steps};

/// How much of a difference one step takes away, if loads follow slots. A load is known
/// several steps after slots have moved: resolvers' caches and reports are late. With a
/// half, and three steps of that, loads swing for ever.
const GAIN: f64 = 0.2;

/// The parts of candidates, as they follow from what was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// By candidate number, [`ALL`] together; empty before the first.
    quotas: Vec<u16>,
    pace: Pace,
}

impl Balance {
    /// Takes the parts of those that are not `usable` (bit n for candidate n, one of them
    /// at least is), of so many `candidates`, for the others, by their own parts. At first
    /// all have the same.
    pub fn settle(&mut self, candidates: usize, usable: u8) {
        let is_usable = |number: usize| usable >> number & 1 != 0;
        self.quotas.resize(candidates, 0);
        let parts = self.quotas.iter().enumerate();
        let parts = parts.map(|(number, quota)| if is_usable(number) { *quota } else { 0 });
        let parts: Vec<u64> = parts.map(u64::from).collect();
        let total: u64 = parts.iter().sum();
        if total == u64::from(ALL) {
            return;
        }
        self.quotas = if total > 0 {
            quotas(&parts)
        } else {
            let all_alike = (0..candidates).map(|number| u64::from(is_usable(number)));
            quotas(&all_alike.collect::<Vec<_>>())
        };
    }

    /// Makes one of `steps` at `now`, from the most to the least loaded of those that are
    /// `usable`, by their `loads`, where these are further apart than `tolerance`.
    pub fn step(
        &mut self,
        usable: u8,
        loads: &[Badness],
        tolerance: f64,
        steps: Steps,
        now: Instant,
    ) {
        debug_assert!(loads.len() <= CANDIDATES_MAX);
        let usable = (0..loads.len()).filter(|number| usable >> number & 1 != 0);
        let givers = usable.clone().filter(|number| self.quotas[*number] > 0);
        // The first of equals takes, the last gives.
        let most = givers.max_by_key(|number| loads[*number]);
        let least = usable.min_by_key(|number| loads[*number]);
        let (Some(most), Some(least)) = (most, least) else {
            return;
        };
        let (high, low) = (loads[most], loads[least]);
        if high <= low.worse_by(tolerance) || !self.pace.steps(steps, now) {
            return;
        }
        let held = self.quotas[most];
        // Half of what is between them makes them alike. What is not known counts in full.
        let low = low.between(Badness::of(0.0), high).max(0.0);
        let part = GAIN / 2.0 * (1.0 - low);
        #[expect(clippy::cast_sign_loss, reason = "both are 0 or more")]
        let wanted = (f64::from(held) * part).ceil() as u16;
        let moved = wanted.min(slots(steps)).min(held);
        self.quotas[most] -= moved;
        self.quotas[least] += moved;
    }

    /// By candidate number.
    pub fn quotas(&self) -> &[u16] {
        &self.quotas
    }
}

#[cfg(test)]
mod tests;
