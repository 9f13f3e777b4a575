//! What operators say, among what is decided by.

use std::{collections::BTreeSet, mem};

use dns_common::decision::Family;
use tokio::time::Instant;

use super::{Change, Director, history::Cause, pool::PoolState, stores::Stores};
use crate::{
    measurement::{
        decide::{configured, is_enough, usable},
        health::Transition,
        overrides::{Overrides, Said, What, Withheld},
        schedule::TargetId,
        withhold::withhold,
    },
    model::{NameMap, Plan, Service},
};

/// A service that would be left without a server to use.
#[derive(Clone, Debug, PartialEq)]
pub struct Stranded<'p> {
    /// The service.
    pub service: &'p Service,
    /// The families.
    pub families: Vec<Family>,
}

impl Director {
    /// What operators say.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Has operators say `overrides` from `now` on, which concern all services of a pool alike, and
    /// returns the words that changes. What is frozen by them stays as it is decided
    /// now; what is no longer follows its measurements at once.
    pub fn override_with(&mut self, overrides: Overrides, now: Instant) -> Vec<Change> {
        let plan = &*self.plan;
        let mut stores = Stores::default();
        for (number, service) in (0..=u16::MAX).zip(plan.service_of_each_pool()) {
            let said =
                service.map_or_else(Said::default, |service| overrides.of(service, &plan.groups));
            let state = &mut self.pools[usize::from(number)];
            if said != *state.said() {
                let before = state.clone();
                if !said.frozen {
                    state.weigh(&self.demand);
                }
                state.say(said, &plan.pools[usize::from(number)], &self.health, now);
                differences(number, &before, state, plan, &mut stores);
            }
        }
        let changes = stores.in_order();
        let cause = Cause::of_overrides(&self.overrides, &overrides);
        self.touch(&changes, &cause, now);
        self.overrides = overrides;
        changes
    }

    /// When the first override of the pool `number` ends by itself, milliseconds since 1970.
    pub(super) fn override_ends(&self, number: u16) -> Option<u64> {
        let mut all = self.overrides.iter();
        all.find(|entry| entry.until_unix_ms.is_some())?;
        let mut services = self.plan.services.iter();
        // Overrides concern all services of a pool alike.
        let (service, _) = services.find(|(_, of)| *of == number)?;
        let groups = &self.plan.groups;
        let all = self.overrides.iter();
        let of_it = all.filter(|entry| entry.what.concerns(service, groups));
        of_it.filter_map(|entry| entry.until_unix_ms).min()
    }

    /// What rules hold back since this was last called. It is to be added to the
    /// overrides.
    pub fn take_withheld(&mut self) -> Vec<Withheld> {
        mem::take(&mut self.withheld)
    }

    /// Notes what rules hold back after the target `id` made `transition` at `now`.
    pub(super) fn withhold(&mut self, id: TargetId, transition: Transition, now: Instant) {
        for user in &self.uses[id.index()] {
            let pool = &self.plan.pools[usize::from(user.pool)];
            let state = &self.pools[usize::from(user.pool)];
            if state.said().frozen || !state.requires(user.candidate, id) {
                continue;
            }
            let name = pool.candidates().nth(user.candidate.into());
            let name = name.unwrap_or_default();
            let what = |cause| What::Withheld {
                server: name.to_owned(),
                addresses: pool.addresses(user.candidate).collect(),
                cause,
            };
            let is_held = |cause| self.overrides.have(&what(cause));
            let changes = &self.changes[id.index()];
            let causes = withhold(&pool.health, transition, changes, is_held, now);
            let reason = self.health[id.index()]
                .last_reason()
                .map(ToString::to_string);
            let withheld = causes.into_iter().map(|(cause, time)| Withheld {
                what: what(cause),
                reason: reason.clone(),
                time,
            });
            self.withheld.extend(withheld);
        }
    }

    /// Those of `concerned`, positions of services in the plan, that have usable servers
    /// in a family now, as many as their rules ask for, and would not if operators said
    /// `overrides`. One that is drained does not count.
    pub fn stranded(&self, overrides: &Overrides, concerned: &[usize]) -> Vec<Stranded<'_>> {
        let stranded = concerned.iter().filter_map(|position| {
            let (service, pool) = &self.plan.services[*position];
            let state = &self.pools[usize::from(*pool)];
            let then = overrides.of(service, &self.plan.groups);
            let has = |said: &Said, family| {
                let free = !(said.held.drained | said.held.out);
                let fitness = state.fitness_by(said);
                let usable = usable(&fitness, free, family);
                let configured = configured(&fitness, family);
                is_enough(usable, configured, service.pool.health.min_up_percent)
            };
            let families = [Family::V4, Family::V6].into_iter();
            let families: Vec<Family> = families
                .filter(|family| has(state.said(), *family) && !has(&then, *family))
                .collect();
            (!families.is_empty()).then_some(Stranded { service, families })
        });
        stranded.collect()
    }

    /// `plan` with the pools of services kept apart of which `overrides` say different
    /// things, or which are frozen in decisions that were different in `previous`.
    pub fn kept_apart(plan: Plan, overrides: &Overrides, previous: Option<&Self>) -> Plan {
        if overrides.is_empty() {
            return plan;
        }
        let pools = previous.map_or_else(NameMap::default, Self::pools_of_services);
        plan.kept_apart(|service, groups| {
            let frozen = overrides.freeze_of(service).is_some();
            let pool = frozen.then(|| pools.get(&service.name).copied()).flatten();
            (overrides.numbers_of(service, groups), pool)
        })
    }

    /// Has the pools stay frozen that are so in `previous`.
    pub(super) fn keep_frozen(&mut self, previous: &Self, now: Instant) {
        if !previous.pools.iter().any(|state| state.said().frozen) {
            return;
        }
        let pools = previous.pools_of_services();
        for (number, service) in self.plan.service_of_each_pool().into_iter().enumerate() {
            let known = service.and_then(|service| pools.get(&service.name));
            let Some(known) = known.map(|known| usize::from(*known)) else {
                continue;
            };
            let (pool, state) = (&self.plan.pools[number], &previous.pools[known]);
            if state.said().frozen && previous.plan.pools[known] == *pool {
                self.pools[number].stay_frozen(state, pool, &self.health, now);
            }
        }
    }

    /// The pools' numbers by service name.
    pub(super) fn pools_of_services(&self) -> NameMap<u16> {
        let services = self.plan.services.iter();
        services
            .map(|(service, pool)| (service.name.clone(), *pool))
            .collect()
    }
}

/// Has the words of pool `number` stored that are not as `before`.
fn differences(number: u16, before: &PoolState, now: &PoolState, plan: &Plan, stores: &mut Stores) {
    stores.eligible(number, before.eligible(), now.eligible());
    stores.shares(number, before.shares(), now);
    let groups: BTreeSet<u16> = if before.ranks_like(now) {
        let pins = before.said().pins.keys().chain(now.said().pins.keys());
        pins.copied().collect()
    } else {
        (0..=u16::MAX).take(plan.groups.names.len()).collect()
    };
    for group in groups {
        let word = now.ranking(group);
        if before.ranking(group) != word {
            stores.ranking(number, group, word);
        }
    }
}

#[cfg(test)]
mod tests;
