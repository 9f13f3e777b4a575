//! What if: what would be decided if something else were measured. Nothing changes by it.

use std::collections::{BTreeMap, BTreeSet};

use dns_common::decision::Family;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Director,
    altered::Altered,
    explain::Outcome,
    history::{Move, NAMES_MAX, Outcomes},
    picked::Picked,
    pool::PoolState,
    states::rounded,
};
use crate::{
    measurement::metric::Metric,
    model::{Name, Pool, Service},
};

/// What is supposed, all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// Servers and hand-overs that are up, or down, at all of their addresses.
    pub states: Vec<StateIs>,
    /// Values that are measured, the worst of their addresses.
    pub values: Vec<ValueIs>,
}

/// A candidate that is up, or down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateIs {
    /// Its name.
    pub server: String,
    /// What it is.
    pub state: UpOrDown,
}

/// What a candidate may be supposed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpOrDown {
    /// Every probe passes.
    Up,
    /// None does.
    Down,
}

/// A value of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueIs {
    /// The candidate's name.
    pub server: String,
    /// What is measured.
    pub metric: Metric,
    /// In the metric's unit.
    pub value: f64,
}

/// What a service's resolvers get, and would get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Supposed {
    /// The service's name.
    pub service: String,
    /// Whether it is frozen, so that no measurement changes anything.
    pub is_frozen: bool,
    /// For each group; those that get the same and would get the same are together.
    pub moves: Vec<Part>,
    /// Groups that are not named.
    pub more_groups: usize,
}

/// What some groups get, and would get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Which, and what.
    #[serde(flatten)]
    pub one: Move,
    /// Their part of the demand, percent; `None` for one resolver.
    pub demand_percent: Option<f64>,
}

impl Director {
    /// What resolvers of the services called `names` would get with `what`, at `now`: those
    /// of all groups, or the `resolver` with this group and slot of the hash space. Else
    /// all that is wrong with the question.
    pub fn what_if(
        &self,
        names: &[String],
        what: &WhatIf,
        resolver: Option<(u16, u32)>,
        now: Instant,
    ) -> Result<Vec<Supposed>, Vec<String>> {
        let mut errors = Vec::new();
        let services = names.iter().filter_map(|name| {
            let found = self.service(name);
            found.map_err(|error| errors.push(error)).ok()
        });
        let services: Vec<(&Service, u16)> = services.collect();
        if what.states.is_empty() && what.values.is_empty() {
            errors.push("nothing is supposed; valid: a server's state, a value".to_owned());
        }
        if errors.is_empty() {
            self.check(&services, what, &mut errors);
        }
        for (service, number) in &services {
            let state = &self.pools[usize::from(*number)];
            let eligible = state.eligible();
            if resolver.is_none() && eligible.is_shared() && !eligible.is_random() {
                let name = service.name.fmt_with_dot();
                errors.push(format!(
                    "{name}: who takes which slots differs by resolver; valid: with an address"
                ));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let supposed = services.into_iter().map(|(service, number)| {
            let pool = &self.plan.pools[usize::from(number)];
            let known = &self.pools[usize::from(number)];
            let mut state = known.clone();
            let altered = Self::altered(pool, known, what);
            state.try_out(altered, known, pool, &self.health, now);
            let (moves, more_groups) = self.before_and_then(pool, known, &state, resolver);
            Supposed {
                service: service.name.fmt_with_dot().to_string(),
                is_frozen: known.said().frozen,
                moves,
                more_groups,
            }
        });
        Ok(supposed.collect())
    }

    fn service(&self, name: &str) -> Result<(&Service, u16), String> {
        let parsed = Name::bytes_from_str(name)
            .map_err(|error| format!("`{name}` is not a domain name: {error}"))?;
        let mut services = self.plan.services.iter();
        let found = services.find(|(service, _)| service.name == parsed);
        let (service, pool) = found.ok_or_else(|| format!("`{name}` is no service's name"))?;
        Ok((service, *pool))
    }

    /// Adds to `errors` what `what` says of nobody in `services`, or what cannot be.
    fn check(&self, services: &[(&Service, u16)], what: &WhatIf, errors: &mut Vec<String>) {
        let pools: BTreeSet<u16> = services.iter().map(|(_, pool)| *pool).collect();
        let of = |server: &str| -> Vec<(&Pool, &PoolState, u8)> {
            let pools = pools.iter().filter_map(|number| {
                let pool = &self.plan.pools[usize::from(*number)];
                let candidate = numbered(pool, server)?;
                Some((pool, &self.pools[usize::from(*number)], candidate))
            });
            pools.collect()
        };
        let states = what.states.iter().map(|is| &is.server);
        let named: BTreeSet<&String> = states
            .chain(what.values.iter().map(|is| &is.server))
            .collect();
        for server in named {
            if of(server).is_empty() {
                let pools = pools
                    .iter()
                    .map(|number| &self.plan.pools[usize::from(*number)]);
                let valid: BTreeSet<&str> = pools.flat_map(Pool::candidates).collect();
                let valid: Vec<&str> = valid.into_iter().collect();
                let valid = valid.join(", ");
                errors.push(format!("`{server}` is no server of these; valid: {valid}"));
            }
        }
        for StateIs { server, .. } in &what.states {
            let mut of = of(server).into_iter().peekable();
            let is_known = of.peek().is_some();
            if is_known && of.all(|(_, state, number)| state.all_required(number).is_empty()) {
                errors.push(format!("{server}: nothing is measured of it, so it is up"));
            }
        }
        for ValueIs {
            server,
            metric,
            value,
        } in &what.values
        {
            let mut compared = BTreeSet::new();
            for (pool, _, _) in of(server) {
                compared.extend(pool.policy.metrics());
            }
            let is_known = !of(server).is_empty();
            if *metric == Metric::Cost {
                errors.push("cost is configured, not measured".to_owned());
            } else if is_known && !compared.contains(metric) {
                let valid: Vec<&str> = compared.into_iter().map(Metric::name).collect();
                let valid = match valid.join(", ") {
                    none if none.is_empty() => "none".to_owned(),
                    some => some,
                };
                errors.push(format!(
                    "{server}.{metric} is compared by no policy here; valid: {valid}"
                ));
            }
            if !value.is_finite() || *value < 0.0 {
                errors.push(format!("{server}.{metric} is {value}; valid: 0 and more"));
            }
        }
    }

    /// `what` as it is measured in `pool`.
    fn altered(pool: &Pool, state: &PoolState, what: &WhatIf) -> Altered {
        let states = what.states.iter();
        let states = states.filter_map(|is| Some((numbered(pool, &is.server)?, is.state)));
        let altered = states.fold(Altered::default(), |altered, (number, is)| {
            altered.with_states(state.all_required(number), is == UpOrDown::Up)
        });
        let values = what.values.iter();
        let values = values.filter_map(|is| Some((numbered(pool, &is.server)?, is)));
        values.fold(altered, |altered, (number, is)| {
            altered.with_value(number, is.metric, is.value)
        })
    }

    /// What groups get `before` and `then`, and how many are not named.
    fn before_and_then(
        &self,
        pool: &Pool,
        before: &PoolState,
        then: &PoolState,
        resolver: Option<(u16, u32)>,
    ) -> (Vec<Part>, usize) {
        let outcomes = |state: &PoolState, group: Option<u16>| {
            let ranking = group.map_or(state.common_ranking(), |group| state.ranking(group));
            // Without a resolver no slot is another's.
            let slot = resolver.map_or(0, |(_, slot)| slot);
            let picked = |family| Picked::by(state, ranking, slot, family);
            let outcome = |family| Outcome::of(pool, picked(family), family);
            Outcomes {
                a: outcome(Family::V4),
                aaaa: outcome(Family::V6),
            }
        };
        let own: BTreeSet<u16> = match resolver {
            Some((group, _)) => BTreeSet::from([group]),
            None => before.own_groups().collect(),
        };
        let common = resolver.is_none().then_some(None);
        let apart: f64 = own.iter().map(|group| self.demand.part(*group)).sum();
        let mut moves: BTreeMap<String, Part> = BTreeMap::new();
        let mut more = 0;
        for (number, group) in common
            .into_iter()
            .chain(own.into_iter().map(Some))
            .enumerate()
        {
            let (from, to) = (outcomes(before, group), outcomes(then, group));
            let alike = moves.entry(format!("{from:?} {to:?}"));
            let Part {
                one,
                demand_percent,
            } = alike.or_insert(Part {
                one: Move {
                    groups: Vec::new(),
                    others: false,
                    from: Some(from),
                    to,
                },
                demand_percent: resolver.is_none().then_some(0.0),
            });
            if let Some(percent) = demand_percent {
                let part = group.map_or(1.0 - apart, |group| self.demand.part(group));
                *percent = rounded(*percent + 100.0 * f64::max(part, 0.0));
            }
            match group {
                None => one.others = true,
                Some(group) if number < NAMES_MAX => {
                    one.groups
                        .push(self.plan.groups.names[usize::from(group)].clone());
                }
                Some(_) => more += 1,
            }
        }
        (moves.into_values().collect(), more)
    }
}

/// The number of the candidate of `pool` that is called `name`.
fn numbered(pool: &Pool, name: &str) -> Option<u8> {
    let mut candidates = (0..).zip(pool.candidates());
    let found = candidates.find(|(_, known)| known.eq_ignore_ascii_case(name));
    found.map(|(number, _)| number)
}

#[cfg(test)]
mod tests;
