//! The demand of groups, among what is decided by.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Change, Director, history::Cause, states::rounded, stores::Stores};
use crate::measurement::demand::{Basis, Counted, Demand};

/// Which part of the demand is a group's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupDemand {
    /// Its part, percent.
    pub percent: f64,
    /// Where that is from.
    pub basis: Basis,
}

impl Director {
    /// Takes in what was `counted` of groups' answers, and returns the words that changes
    /// at `now`: none as long as the demand is near to what it was ([`Demand::is_near`]).
    /// What is frozen goes on with the demand that it was frozen with.
    pub fn set_demand(&mut self, counted: Counted, now: Instant) -> Vec<Change> {
        let demand = Demand::new(&self.plan.groups, &counted);
        self.counted = counted;
        if self.demand.is_near(&demand) {
            return Vec::new();
        }
        self.demand = Arc::new(demand);
        let mut stores = Stores::default();
        let pools = self.plan.pools.iter().zip(&mut self.pools);
        for (number, (pool, state)) in (0..=u16::MAX).zip(pools) {
            if state.said().frozen {
                continue;
            }
            let eligible = state.eligible();
            state.weigh(&self.demand);
            if let Some(shares) = state.share(pool, &self.health, now) {
                stores.shares(number, &shares, state);
            }
            stores.eligible(number, eligible, state.eligible());
        }
        let changes = stores.in_order();
        self.touch(&changes, &Cause::Demand, now);
        changes
    }

    /// Goes on with the demand that `previous` knew, where groups are the same, else with
    /// what it had counted.
    pub(super) fn carry_demand_over(&mut self, previous: &Self) {
        let (groups, before) = (&self.plan.groups, &previous.plan.groups);
        self.counted = previous.counted.clone();
        if (&groups.names, &groups.demand) == (&before.names, &before.demand) {
            self.demand = Arc::clone(&previous.demand);
        } else {
            self.demand = Arc::new(Demand::new(groups, &self.counted));
        }
        for state in &mut self.pools {
            state.weigh(&self.demand);
        }
    }

    /// The part of the demand that `group` counts for in decisions.
    pub fn demand_of(&self, group: u16) -> GroupDemand {
        GroupDemand {
            percent: rounded(100.0 * self.demand.part(group)),
            basis: self.demand.basis(group),
        }
    }
}
