//! Who takes which slots of one pool.

use std::mem;

use dns_common::decision::Family;

use super::PoolState;
use crate::{
    measurement::share::{Shares, Takes, quotas},
    model::{Policy, Pool},
};

impl PoolState {
    /// Recomputes who takes which slots; who did, if that may have changed.
    pub(in super::super) fn share(&mut self, pool: &Pool) -> Option<Shares> {
        let takes = self.takes(pool);
        if takes == self.takes {
            return None;
        }
        let shares = Shares::new(&takes, &self.keys, &self.shares);
        self.takes = takes;
        Some(mem::replace(&mut self.shares, shares))
    }

    /// What shares are to be made of.
    fn takes(&self, pool: &Pool) -> Takes {
        let masks = [Family::V4, Family::V6].map(|family| self.eligible.mask(family));
        let usable = masks[0] | masks[1];
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
            Policy::Failover { .. }
            | Policy::Criteria(_)
            | Policy::Best { .. }
            | Policy::Threshold(_) => Takes::All,
        }
    }

    /// Goes on with the shares of `previous`, the state of an equal pool.
    pub(super) fn share_as(&mut self, previous: &Self) {
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
