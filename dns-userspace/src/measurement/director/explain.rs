//! What `explain` shows: why a group of resolvers gets the answer it gets.

mod policy;

use std::{collections::BTreeMap, net::IpAddr};

use dns_common::decision::{ALL_CANDIDATES, Eligible, Family, Ranking, pick};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Director,
    pool::PoolState,
    states::{AddressStatus, SuspicionStatus, address_status, rounded},
};
use crate::{
    measurement::{
        decide::{Fit, Fitness},
        health::Reading,
        metric::Metric,
        schedule::TargetId,
    },
    model::Pool,
};

/// A decision and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The pool's number.
    pub pool: u16,
    /// The group's name.
    pub group: String,
    /// The policy in a few words.
    pub policy: String,
    /// What an A query gets.
    pub a: Outcome,
    /// What an AAAA query gets.
    pub aaaa: Outcome,
    /// Every candidate, first choice first.
    pub candidates: Vec<Candidate>,
    /// Why nothing goes down at present; `None` without suspicion.
    pub suspicion: Option<SuspicionStatus>,
}

/// What a query of one family gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The addresses of this server.
    Server(String),
    /// The addresses of all servers: none is fit.
    All,
    /// SERVFAIL: no server is fit.
    Servfail,
    /// No data: no server has an address of the family.
    NoData,
}

/// One candidate of the pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its place in the group's ranking, from 1.
    pub position: u8,
    /// The server's name.
    pub server: String,
    /// Whether it may be used for A queries.
    pub eligible_v4: bool,
    /// Whether it may be used for AAAA queries.
    pub eligible_v6: bool,
    /// What was measured of it, the worst of its addresses, in the unit that the name
    /// ends with: what the policy compares, or else how long it takes.
    pub measured: BTreeMap<Metric, f64>,
    /// Its addresses and their health, IPv4 first.
    pub addresses: Vec<AddressStatus>,
    /// Why it won or lost, in one sentence for each family of the pool.
    pub why: String,
}

impl Director {
    /// Why resolvers of `group` get what they get from `pool`, seen at `now`;
    /// `None` when there is no such pool or group.
    pub fn explain(&self, pool: u16, group: u16, now: Instant) -> Option<Explanation> {
        let name = self.plan.groups.names.get(usize::from(group))?;
        let state = self.pools.get(usize::from(pool))?;
        let configured = &self.plan.pools[usize::from(pool)];
        let view = View {
            pool: configured,
            eligible: state.eligible(),
            ranking: state.ranking(group),
            fitness: state.fitness(&self.health),
        };
        let measured = |number| -> BTreeMap<Metric, f64> {
            let of = policy::shown(configured).into_iter().filter_map(|metric| {
                let reading = state.reading(configured, number, metric, &self.health, now);
                match reading {
                    Reading::Never => None,
                    Reading::Stale(value) | Reading::Fresh(value) => Some((metric, rounded(value))),
                }
            });
            of.collect()
        };
        let candidate = |(number, position): (u8, u8)| Candidate {
            position,
            server: view.name(number).to_owned(),
            eligible_v4: view.is_eligible(number, Family::V4),
            eligible_v6: view.is_eligible(number, Family::V6),
            measured: measured(number),
            addresses: self.addresses(state, number, now),
            why: {
                let down = |family| self.down_address(state, number, family);
                let why = view.why(number, position, down);
                let standing = policy::standing(configured, state.sides(), number, now);
                [Some(why), standing]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; ")
            },
        };
        Some(Explanation {
            pool,
            group: name.clone(),
            policy: policy::describe(configured),
            a: view.outcome(Family::V4),
            aaaa: view.outcome(Family::V6),
            candidates: view.ranking.iter().zip(1..).map(candidate).collect(),
            suspicion: self.suspicion_status(now),
        })
    }

    /// The addresses of `candidate` and their health.
    fn addresses(&self, state: &PoolState, candidate: u8, now: Instant) -> Vec<AddressStatus> {
        let status = |id: TargetId| {
            let target = self.targets.get(id)?;
            Some(address_status(target, &self.health[id.index()], now))
        };
        let targets = state.targets(candidate).into_iter();
        targets.filter_map(status).collect()
    }

    /// The first address of `candidate` in `family` that is down, and why.
    fn down_address(&self, state: &PoolState, candidate: u8, family: Family) -> Option<Down> {
        let targets = state.required(candidate, family).into_iter();
        let mut down = targets.filter(|id| !self.health[id.index()].state().is_usable());
        let id = down.next()?;
        Some(Down {
            address: self.targets.get(id)?.address,
            reason: self.health[id.index()].last_reason()?.to_string(),
        })
    }
}

/// An address that is down.
struct Down {
    address: IpAddr,
    reason: String,
}

/// What a decision is made from.
struct View<'a> {
    pool: &'a Pool,
    eligible: Eligible,
    ranking: Ranking,
    fitness: Vec<Fitness>,
}

impl View<'_> {
    fn name(&self, candidate: u8) -> &str {
        &self.pool.servers[usize::from(candidate)].name
    }

    fn is_eligible(&self, candidate: u8, family: Family) -> bool {
        self.eligible.mask(family) >> candidate & 1 != 0
    }

    /// Whether any candidate has an address of `family`.
    fn has(&self, family: Family) -> bool {
        let mut fits = self.fitness.iter().map(|fitness| fitness.of(family));
        fits.any(|fit| fit != Fit::Absent)
    }

    fn outcome(&self, family: Family) -> Outcome {
        match pick(self.ranking, self.eligible, family) {
            _ if !self.has(family) => Outcome::NoData,
            None => Outcome::Servfail,
            Some(ALL_CANDIDATES) => Outcome::All,
            Some(candidate) => Outcome::Server(self.name(candidate).to_owned()),
        }
    }

    /// Why `candidate`, at `position`, won or lost.
    fn why(&self, candidate: u8, position: u8, down: impl Fn(Family) -> Option<Down>) -> String {
        let families = [(Family::V4, "A"), (Family::V6, "AAAA")];
        let sentences = families
            .into_iter()
            .filter(|(family, _)| self.has(*family))
            .map(|(family, rtype)| {
                let why = self.why_family(candidate, position, family, down(family));
                format!("{rtype}: {why}")
            });
        sentences.collect::<Vec<_>>().join("; ")
    }

    fn why_family(
        &self,
        candidate: u8,
        position: u8,
        family: Family,
        down: Option<Down>,
    ) -> String {
        let fit = self.fitness[usize::from(candidate)].of(family);
        if fit == Fit::Absent {
            return "it has no such address".to_owned();
        }
        let outcome = self.outcome(family);
        let wins = outcome == Outcome::Server(self.name(candidate).to_owned());
        if let Some(Down { address, reason }) = down {
            let end = match outcome {
                _ if wins => "but no server is fit and the first is used",
                Outcome::All => "but no server is fit and all are used",
                Outcome::Servfail => "and no server is fit",
                Outcome::Server(_) | Outcome::NoData => "so another is used",
            };
            return format!("{address} is down ({reason}), {end}");
        }
        match outcome {
            _ if wins && position == 1 => "chosen: first in the ranking".to_owned(),
            _ if wins => format!("chosen: the first usable, at position {position}"),
            Outcome::Server(winner) if self.is_eligible(candidate, family) => {
                format!("usable, but {winner} stands before it")
            }
            _ => "left out because its other family is down, \
                  and another server is fit in both"
                .to_owned(),
        }
    }
}
