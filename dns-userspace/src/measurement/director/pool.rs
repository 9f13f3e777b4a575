//! One pool's candidates, as targets, and its words.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use dns_common::decision::{Eligible, Family, Ranking};

use crate::{
    measurement::{
        decide::{Fit, Fitness, eligible},
        health::Health,
        rank::rank,
        schedule::{TargetId, Targets},
    },
    model::{DEFAULT_GROUP, Groups, Policy, Pool},
};

/// The targets that are one candidate's addresses.
#[derive(Clone, Debug)]
struct Member {
    v4: Vec<TargetId>,
    v6: Vec<TargetId>,
}

impl Member {
    /// Those of one family.
    fn family(&self, family: Family) -> &[TargetId] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// Both families' targets.
    fn targets(&self) -> impl Iterator<Item = TargetId> {
        self.v4.iter().chain(&self.v6).copied()
    }
}

/// The words of one pool.
#[derive(Clone, Debug)]
pub(super) struct PoolState {
    members: Vec<Member>,
    eligible: Eligible,
    /// The order for every group without one of its own.
    common: Ranking,
    /// Configured orders of single groups, by group number.
    own: BTreeMap<u16, Ranking>,
}

impl PoolState {
    /// The words of `pool` by `health` so far; `targets` must hold its addresses.
    pub(super) fn new(pool: &Pool, groups: &Groups, targets: &Targets, health: &[Health]) -> Self {
        let probe = Arc::new(pool.probe.clone());
        let id = |address: IpAddr| targets.id(address, &probe);
        let member = |server: &crate::model::Server| Member {
            v4: server.v4.iter().filter_map(|ip| id((*ip).into())).collect(),
            v6: server.v6.iter().filter_map(|ip| id((*ip).into())).collect(),
        };
        let mut state = Self {
            members: pool.servers.iter().map(member).collect(),
            eligible: Eligible::default(),
            common: Ranking::EMPTY,
            own: BTreeMap::new(),
        };
        if let Policy::Failover { by_group, .. } = &pool.policy {
            let numbered = by_group.keys().filter_map(|name| {
                let order = rank(&pool.policy, name, &[], None);
                Some((groups.number(name)?, order))
            });
            state.own = numbered.collect();
        }
        state.recompute(pool, health, None);
        state
    }

    /// Recomputes both words, the order as it follows from `previous`.
    pub(super) fn recompute(&mut self, pool: &Pool, health: &[Health], previous: Option<Ranking>) {
        self.eligible = eligible(&self.fitness(health), pool.all_down);
        self.common = match &pool.policy {
            Policy::Failover { order, .. } => Ranking::new(order),
            // By measurement, every group is ranked alike.
            policy @ Policy::Latency { .. } => {
                rank(policy, DEFAULT_GROUP, &self.latencies(health), previous)
            }
        };
    }

    /// Recomputes who is eligible; the word if it changed.
    pub(super) fn decide(&mut self, pool: &Pool, health: &[Health]) -> Option<Eligible> {
        let word = eligible(&self.fitness(health), pool.all_down);
        let changed = word != self.eligible;
        self.eligible = word;
        changed.then_some(word)
    }

    /// Recomputes the order that follows from measurements; the word, which
    /// every group has, if it changed.
    pub(super) fn rank(&mut self, pool: &Pool, health: &[Health]) -> Option<Ranking> {
        let Policy::Latency { .. } = &pool.policy else {
            return None;
        };
        let latencies = self.latencies(health);
        let word = rank(&pool.policy, DEFAULT_GROUP, &latencies, Some(self.common));
        let changed = word != self.common;
        self.common = word;
        changed.then_some(word)
    }

    /// Every candidate number with a target of it.
    pub(super) fn members(&self) -> impl Iterator<Item = (u8, TargetId)> {
        let members = self.members.iter().zip(0_u8..);
        members.flat_map(|(member, number)| member.targets().map(move |id| (number, id)))
    }

    /// What is known of each candidate's families.
    pub(super) fn fitness(&self, health: &[Health]) -> Vec<Fitness> {
        let fit = |targets: &[TargetId]| {
            if targets.is_empty() {
                Fit::Absent
            } else if targets
                .iter()
                .all(|id| health[id.index()].state().is_usable())
            {
                Fit::Yes
            } else {
                Fit::No
            }
        };
        let fitness = self.members.iter().map(|member| Fitness {
            v4: fit(&member.v4),
            v6: fit(&member.v6),
        });
        fitness.collect()
    }

    /// Each candidate's latency: that of its slowest address, as a client may
    /// get any; dead ones keep their last, so that a death ranks nothing anew.
    pub(super) fn latencies(&self, health: &[Health]) -> Vec<Option<Duration>> {
        let slowest = |member: &Member| {
            let latencies = member.targets().map(|id| health[id.index()].latency());
            latencies.flatten().max()
        };
        self.members.iter().map(slowest).collect()
    }

    /// The targets of `candidate` in `family`.
    pub(super) fn targets(&self, candidate: u8, family: Family) -> &[TargetId] {
        self.members[usize::from(candidate)].family(family)
    }

    /// Who may be used.
    pub(super) fn eligible(&self) -> Eligible {
        self.eligible
    }

    /// The order for `group`.
    pub(super) fn ranking(&self, group: u16) -> Ranking {
        self.own.get(&group).copied().unwrap_or(self.common)
    }

    /// The order for groups without one of their own.
    pub(super) fn common_ranking(&self) -> Ranking {
        self.common
    }
}
