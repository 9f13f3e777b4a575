//! Who takes which slots of one pool.

use std::mem;

use dns_common::decision::Family;
use tokio::time::Instant;

use super::PoolState;
use crate::{
    measurement::{
        health::{Health, Reading},
        metric::{Badness, Metric},
        share::{Shares, Takes, quotas},
    },
    model::{Policy, Pool},
};

impl PoolState {
    /// Recomputes who takes which slots at `now`; who did, if that may have changed.
    pub(in super::super) fn share(
        &mut self,
        pool: &Pool,
        health: &[Health],
        now: Instant,
    ) -> Option<Shares> {
        self.balance(pool, health, now);
        let takes = self.takes(pool);
        if takes == self.takes {
            return None;
        }
        let shares = Shares::new(&takes, &self.keys, &self.shares);
        self.takes = takes;
        Some(mem::replace(&mut self.shares, shares))
    }

    /// Who may be used in a family at least.
    fn usable(&self) -> u8 {
        self.eligible.mask(Family::V4) | self.eligible.mask(Family::V6)
    }

    /// Has parts follow loads, if they are to.
    fn balance(&mut self, pool: &Pool, health: &[Health], now: Instant) {
        let Policy::Balance {
            metric,
            tolerance,
            steps,
        } = pool.policy
        else {
            return;
        };
        let usable = self.usable();
        if usable == 0 {
            return;
        }
        self.balance.settle(self.members.len(), usable);
        if !self.said.frozen {
            let loads = self.loads(pool, metric, health, now);
            self.balance
                .step(usable, &loads, tolerance.value(), steps, now);
        }
    }

    /// The load of each candidate by `metric`. What fails costs no work, so failures count
    /// as load too: requests that ended in an error, and probes that failed.
    fn loads(&self, pool: &Pool, metric: Metric, health: &[Health], now: Instant) -> Vec<Badness> {
        let value = |candidate, metric| match self.reading(pool, candidate, metric, health, now) {
            Reading::Never => None,
            Reading::Stale(value) | Reading::Fresh(value) => Some(value),
        };
        let mut measured = self.measured(pool, None, health, now);
        let loads = measured.remove(&metric).unwrap_or_default();
        let loads = (0..).zip(loads).map(|(candidate, load)| {
            let errors = value(candidate, Metric::Errors).unwrap_or(0.0);
            let passed = value(candidate, Metric::Availability).unwrap_or(100.0);
            load.worse_by(errors + 100.0 - passed)
        });
        loads.collect()
    }

    /// What shares are to be made of.
    fn takes(&self, pool: &Pool) -> Takes {
        let usable = self.usable();
        match &pool.policy {
            // Nothing is divided then: who comes back is to find it as it was.
            _ if usable == 0 => self.takes.clone(),
            Policy::Weighted { weights, .. } => {
                let part = |(number, weight): (u32, &u32)| {
                    let weight = u64::from(*weight);
                    weight * u64::from(usable >> number & 1)
                };
                let parts: Vec<u64> = (0..).zip(weights).map(part).collect();
                if parts.iter().all(|part| *part == 0) {
                    return Takes::All;
                }
                Takes::Divided(quotas(&parts))
            }
            Policy::Failover { .. } | Policy::Criteria(_) | Policy::Best { .. } => Takes::All,
            Policy::Balance { .. } => Takes::Divided(self.balance.quotas().to_vec()),
            Policy::Threshold(_) => self.memory.sides.takes(self.members.len()),
        }
    }

    /// Goes on with the shares of `previous`, the state of an equal pool.
    pub(super) fn share_as(&mut self, previous: &Self) {
        self.balance.clone_from(&previous.balance);
        self.takes.clone_from(&previous.takes);
        self.shares.clone_from(&previous.shares);
    }

    /// Has slots stay, as far as that can be, with whom they are in `previous`, the state
    /// of another pool, which this one comes in place of.
    pub(in super::super) fn share_after(&mut self, previous: &Self) {
        let before = previous.shares.renumbered(&previous.keys, &self.keys);
        self.shares = Shares::new(&self.takes, &self.keys, &before);
    }

    /// Who takes which slots.
    pub(in super::super) fn shares(&self) -> &Shares {
        &self.shares
    }
}
