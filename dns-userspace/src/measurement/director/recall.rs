//! What a director knew, for one that has not measured yet.

use std::time::Duration;

use tokio::time::Instant;

use super::{Director, Health};
use crate::measurement::{health::remembered::Remembered, schedule::Target};

impl Director {
    /// What is known at `now` of each target of which anything is.
    pub fn remember(&self, now: Instant) -> Vec<(Target, Remembered)> {
        let targets = self.targets.iter().zip(&self.health);
        let known = targets.filter_map(|(target, health)| {
            let remembered = health.remember(now)?;
            Some((target.clone(), remembered))
        });
        known.collect()
    }

    /// Takes over what `remembered` says of targets, `ago` before `now`; of how many it did.
    /// To be called on a new director before its first sample.
    pub fn recall<'r>(
        &mut self,
        remembered: impl Fn(&Target) -> Option<&'r Remembered>,
        ago: Duration,
        now: Instant,
    ) -> usize {
        let mut count = 0;
        for (target, health) in self.targets.iter().zip(&mut self.health) {
            if let Some(remembered) = remembered(target) {
                *health = Health::recall(remembered, target.probe.smoothing, ago, now);
                count += 1;
            }
        }
        for (pool, state) in self.plan.pools.iter().zip(&mut self.pools) {
            let known = state.clone();
            state.recompute(pool, &self.health, Some(&known), now);
        }
        count
    }
}
