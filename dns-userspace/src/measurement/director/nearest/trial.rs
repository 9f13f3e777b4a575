//! A pool on which inputs are tried out.

use dns_common::decision::{Family, Ranking};
use tokio::time::Instant;

use super::{
    super::{picked::Picked, pool::PoolState},
    Alteration, Altered, Smallest,
};
use crate::{
    measurement::{
        health::{Health, Reading},
        metric::Metric,
        overrides::Said,
    },
    model::Pool,
};

/// One pool, seen by one group in one family.
pub(super) struct Trial<'d> {
    pub(super) pool: &'d Pool,
    /// As it is.
    pub(super) known: &'d PoolState,
    /// As it would be.
    state: PoolState,
    pub(super) health: &'d [Health],
    pub(super) group: u16,
    slot: u32,
    family: Family,
    pub(super) now: Instant,
}

impl<'d> Trial<'d> {
    pub(super) fn new(
        pool: &'d Pool,
        known: &'d PoolState,
        health: &'d [Health],
        (group, slot, family): (u16, u32, Family),
        now: Instant,
    ) -> Self {
        Self {
            pool,
            known,
            state: known.clone(),
            health,
            group,
            slot,
            family,
            now,
        }
    }

    /// The group's order as it is.
    pub(super) fn ranking(&self) -> Ranking {
        self.known.ranking(self.group)
    }

    /// Who wins as it is.
    pub(super) fn picked(&self) -> Picked {
        self.picked_in(self.known)
    }

    fn picked_in(&self, state: &PoolState) -> Picked {
        let ranking = state.ranking(self.group);
        Picked::by(state, ranking, self.slot, self.family)
    }

    /// Each candidate's value of `metric` as the group has it, and whether it is its own.
    pub(super) fn readings(&self, metric: Metric) -> (Vec<Reading>, bool) {
        let outlook = self.known.outlook(self.group);
        self.known
            .readings(self.pool, outlook, metric, self.health, self.now)
    }

    /// Who wins with `altered`, at `now`.
    pub(super) fn try_out(&mut self, altered: Altered, now: Instant) -> Picked {
        let (pool, health) = (self.pool, self.health);
        self.state.try_out(altered, self.known, pool, health, now);
        self.picked_in(&self.state)
    }

    /// What `work` comes to with the level that is in force at the time of day `unix_ms`.
    pub(super) fn with_level<T>(&mut self, unix_ms: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        self.state.agree(self.pool, unix_ms);
        let done = work(self);
        self.state.agree_like(self.known);
        done
    }

    /// Who wins if operators said `said`.
    pub(super) fn picked_if_said(&self, said: Said) -> Picked {
        let mut state = self.known.clone();
        state.say(said, self.pool, self.health, self.now);
        self.picked_in(&state)
    }

    /// Offers `alteration`, which is `altered`, if others win by it.
    pub(super) fn offer(
        &mut self,
        altered: Altered,
        alteration: Alteration,
        size: f64,
        smallest: &mut Smallest,
    ) {
        let picked = self.try_out(altered, self.now);
        if picked != self.picked() {
            smallest.offer(alteration, size, picked);
        }
    }
}
