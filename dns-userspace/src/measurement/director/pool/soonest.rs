//! How soon a pool's answers can be others.

use std::time::Duration;

use dns_common::decision::Eligible;
use tokio::time::Instant;

use super::PoolState;
use crate::{
    measurement::{health::Health, share::ALL},
    model::{Failback, Policy, Pool, PoolProbe, Probe},
};

impl PoolState {
    /// How long it takes at least until anything that is measured changes an answer, seen at
    /// `now`; `None` where nothing can.
    ///
    /// As gdnsd has it: who is up goes down after as many failures as are missing, who is down
    /// comes back after as many passes. What is compared can change with the next sample, but
    /// sides of a level not before their hold is over.
    pub(in super::super) fn until_change(
        &self,
        pool: &Pool,
        health: &[Health],
        now: Instant,
    ) -> Option<Duration> {
        if self.said.frozen {
            return None;
        }
        let settled = self.until_settled(pool, health);
        let moved = self.until_moved(pool, now);
        settled.into_iter().chain(moved).min()
    }

    /// How long it takes at least until a candidate goes up or down.
    fn until_settled(&self, pool: &Pool, health: &[Health]) -> Option<Duration> {
        let returns_by_itself = pool.health.failback == Failback::Auto;
        let said = self.said.up | self.said.held.out;
        let members = (0..).zip(&self.members);
        let of_members = members.filter(|(number, _): &(u8, _)| said >> number & 1 == 0);
        let each = of_members.flat_map(|(_, member)| {
            let probed = pool.probes.iter().zip(&member.by_probe);
            let required = probed.filter(|(_, probed)| probed.is_required);
            required.flat_map(|(of, probed)| {
                let targets = probed.v4.iter().chain(&probed.v6);
                targets.map(|id| (&of.probe, &health[id.index()]))
            })
        });
        let waits = each.filter_map(|(probe, health)| {
            let is_up = health.state().is_usable();
            (is_up || returns_by_itself).then(|| missing(probe, health, is_up) * probe.interval)
        });
        waits.min()
    }

    /// How long it takes at least until resolvers are sent elsewhere by what is compared.
    fn until_moved(&self, pool: &Pool, now: Instant) -> Option<Duration> {
        let sample = Self::until_sample(pool);
        let is_returning = self.parts[..self.members.len()]
            .iter()
            .any(|part| *part < ALL);
        if is_returning || pool.capacity.is_some() {
            return sample;
        }
        match &pool.policy {
            Policy::Failover { .. } | Policy::Weighted { .. } => None,
            Policy::Criteria(_) | Policy::Best { .. } | Policy::Balance { .. } => sample,
            // These go their own way.
            Policy::Threshold(_) if !self.outlooks.is_empty() => sample,
            Policy::Threshold(threshold) => {
                self.level(pool)?;
                let origins = threshold.origins.iter();
                let waits = origins.map(|origin| match self.memory.sides.of(*origin) {
                    Some(standing) if matches!(standing.admitted(), 0 | ALL) => {
                        let lasted = now.saturating_duration_since(standing.since);
                        threshold.hold.saturating_sub(lasted)
                    }
                    _ => Duration::ZERO,
                });
                waits.min().max(sample)
            }
        }
    }

    /// Time from one sample of what is compared to the next.
    fn until_sample(pool: &Pool) -> Option<Duration> {
        let compared = pool.policy.metrics();
        let measures = |of: &&PoolProbe| {
            let mut metrics = of.probe.metrics().iter();
            of.is_required || metrics.any(|metric| compared.contains(metric))
        };
        let intervals = pool.probes.iter().filter(measures);
        intervals.map(|of| of.probe.interval).min()
    }

    /// Has the TTL follow how soon answers can change, where the pool has several; `words`
    /// is the time until an operator's word or an agreed level changes, if one does.
    pub(in super::super) fn follow_ttl(
        &mut self,
        pool: &Pool,
        health: &[Health],
        words: Option<Duration>,
        now: Instant,
    ) {
        if pool.ttls.is_empty() {
            return;
        }
        let measured = self.until_change(pool, health, now);
        let until = measured.into_iter().chain(words).min();
        self.ttl.follow(&pool.ttls, until, now);
    }

    /// The TTL that answers have, seconds; `None` where the pool has no several.
    pub(in super::super) fn ttl_s(&self, pool: &Pool) -> Option<u32> {
        pool.ttls.get(usize::from(self.ttl.number())).copied()
    }

    /// `word` with the answers of the TTL that they have.
    pub(super) fn with_ttl(&self, word: Eligible) -> Eligible {
        word.behind(u32::from(self.ttl.number()) * self.level_places)
    }
}

/// How many samples in a row are missing until a target is no longer as it is.
fn missing(probe: &Probe, health: &Health, is_up: bool) -> u32 {
    let needed = if is_up {
        probe.down_after
    } else {
        probe.up_after
    };
    let streak = health.streak();
    let streak = streak.filter(|streak| streak.failing.is_some() == is_up);
    let length = streak.map_or(0, |streak| streak.length);
    needed.saturating_sub(length).max(1)
}

#[cfg(test)]
mod tests;
