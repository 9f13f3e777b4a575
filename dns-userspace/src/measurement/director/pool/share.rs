//! Who takes which slots of one pool.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
};

use dns_common::decision::{Family, Ranking};
use tokio::time::Instant;

use super::PoolState;
use crate::{
    measurement::{
        demand::Demand,
        health::{Health, Reading},
        metric::{Badness, Metric},
        share::{ALL, Fill, Input, Part, Shares, Takes, quotas},
    },
    model::{Capacity, Policy, Pool},
};

impl PoolState {
    /// Recomputes who takes which slots at `now`; who did, if that may have changed.
    pub(in super::super) fn share(
        &mut self,
        pool: &Pool,
        health: &[Health],
        now: Instant,
    ) -> Option<Shares> {
        let usable = self.usable();
        if usable != 0 {
            self.balance(usable, pool, health, now);
            self.slow_start(usable, pool, now);
        }
        let takes = self.takes(usable, pool, health, now);
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
    fn balance(&mut self, usable: u8, pool: &Pool, health: &[Health], now: Instant) {
        let Policy::Balance {
            metric,
            tolerance,
            steps,
        } = pool.policy
        else {
            return;
        };
        self.balance.settle(self.members.len(), usable);
        if !self.said.frozen {
            let loads = self.loads(pool, metric, health, now);
            self.balance
                .step(usable, &loads, tolerance.value(), steps, now);
        }
    }

    /// Has those that came back take more of what is theirs, if the pool's rules say so.
    fn slow_start(&mut self, usable: u8, pool: &Pool, now: Instant) {
        let slow_start = pool.health.slow_start;
        if !slow_start.is_zero() && !self.said.frozen {
            self.returns.note(usable, now);
            self.parts = self.returns.parts(slow_start, now);
        }
    }

    /// The load of each candidate by `metric`. What fails costs no work, so failures count
    /// as load too: requests that ended in an error, and probes that failed.
    fn loads(&self, pool: &Pool, metric: Metric, health: &[Health], now: Instant) -> Vec<Badness> {
        let values = |metric| {
            let (readings, _) = self.readings(pool, None, metric, health, now);
            readings.into_iter().map(|reading| match reading {
                Reading::Never => None,
                Reading::Stale(value) | Reading::Fresh(value) => Some(value),
            })
        };
        let mut measured = self.measured(pool, None, health, now);
        let loads = measured.remove(&metric).unwrap_or_default().into_iter();
        let loads = loads
            .zip(values(Metric::Errors))
            .zip(values(Metric::Availability));
        let loads = loads.map(|((load, errors), passed)| {
            load.worse_by(errors.unwrap_or(0.0) + 100.0 - passed.unwrap_or(100.0))
        });
        loads.collect()
    }

    /// What shares are to be made of, where those of the mask `usable` may be used.
    fn takes(&mut self, usable: u8, pool: &Pool, health: &[Health], now: Instant) -> Takes {
        let candidates = self.members.len();
        match &pool.policy {
            // Nothing is divided then: who comes back is to find it as it was.
            _ if usable == 0 => self.takes.clone(),
            Policy::Weighted { weights, .. } => {
                let part = |(number, weight): (usize, &u32)| {
                    let part = u64::from(*weight) * u64::from(self.parts[number]);
                    part * u64::from(usable >> number & 1)
                };
                let parts: Vec<u64> = weights.iter().enumerate().map(part).collect();
                if parts.iter().all(|part| *part == 0) {
                    return Takes::All;
                }
                Takes::Divided(quotas(&parts))
            }
            // Who comes back begins with nothing anyway.
            Policy::Balance { .. } => Takes::Divided(self.balance.quotas().to_vec()),
            Policy::Threshold(_) => {
                let parts = (0..).zip(&self.parts[..candidates]);
                let admitted = parts.map(|(number, part)| {
                    // Those who have left and those who do not come yet may be the same.
                    self.memory.sides.admitted(number).min(*part)
                });
                Takes::admitted(admitted.collect())
            }
            Policy::Failover { .. } | Policy::Criteria(_) | Policy::Best { .. } => {
                match &pool.capacity {
                    Some(capacity) => self.filled(pool, capacity, usable, health, now),
                    None => Takes::admitted(self.parts[..candidates].to_vec()),
                }
            }
        }
    }

    /// How many of its slots `candidate` takes so far, if it came back and not to all.
    pub(in super::super) fn part(&self, candidate: u8) -> Option<u16> {
        let part = self.parts[usize::from(candidate)];
        (part < ALL).then_some(part)
    }

    /// How many slots each of the `usable` takes as far as it has room.
    fn filled(
        &mut self,
        pool: &Pool,
        capacity: &Capacity,
        usable: u8,
        health: &[Health],
        now: Instant,
    ) -> Takes {
        let told = (0..).zip(&capacity.by_candidate).map(|(number, limit)| {
            let reading = self.reading(pool, number, Metric::Load, health, now);
            match (reading, limit) {
                // What is frozen does not follow what is measured.
                (Reading::Fresh(percent), Some(limit)) if !self.said.frozen => {
                    Some(percent / 1e2 * limit.value())
                }
                _ => None,
            }
        });
        let told: Vec<_> = told.collect();
        let Some(fill) = &mut self.fill else {
            return Takes::All;
        };
        fill.place(&Input {
            capacity,
            usable,
            most: self.parts,
            parts: &self.ranked,
            told: &told,
            now,
        })
    }

    /// Has each group be the part of the demand that `demand` says.
    pub(in super::super) fn weigh(&mut self, demand: &Arc<Demand>) {
        self.demand = Arc::clone(demand);
        self.regroup();
    }

    /// Adds up the demand of groups by the ranking they have, where that matters.
    pub(super) fn regroup(&mut self) {
        if self.fill.is_none() {
            return;
        }
        let mut parts: BTreeMap<u64, f64> = BTreeMap::new();
        let apart: BTreeSet<u16> = self.own_groups().collect();
        let mut others = 1.0;
        for group in apart {
            let part = self.demand.part(group);
            others -= part;
            *parts.entry(self.ranking(group).0).or_default() += part;
        }
        // Sums of parts are not exact.
        *parts.entry(self.common.0).or_default() += f64::max(others, 0.0);
        let parts = parts.into_iter().map(|(ranking, demand)| Part {
            ranking: Ranking(ranking),
            demand,
        });
        self.ranked = parts.collect();
    }

    /// What is known of the demand, where candidates are filled.
    pub(in super::super) fn fill(&self) -> Option<&Fill> {
        self.fill.as_ref()
    }

    /// Goes on with the shares and the TTL of `previous`, the state of an equal pool.
    pub(super) fn share_as(&mut self, previous: &Self) {
        self.ttl = previous.ttl;
        self.balance.clone_from(&previous.balance);
        self.returns.clone_from(&previous.returns);
        self.parts = previous.parts;
        self.takes.clone_from(&previous.takes);
        self.shares.clone_from(&previous.shares);
        self.fill.clone_from(&previous.fill);
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
