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
    measurement::{health::Reading, metric::Metric, schedule::TargetId},
    model::{Pool, Server},
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
    /// A hand-over of this name: the resolver asks another DNS.
    HandOver(String),
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
    /// The server's or the hand-over's name.
    pub server: String,
    /// What hands over, e.g. `CNAME www.example.net.`; `None` for a server.
    pub hand_over: Option<String>,
    /// Whether it may be used for A queries.
    pub eligible_v4: bool,
    /// Whether it may be used for AAAA queries.
    pub eligible_v6: bool,
    /// What was measured of it, the worst of its addresses, in the unit that the name
    /// ends with: what the policy compares, or else how long it takes.
    pub measured: BTreeMap<Metric, f64>,
    /// Its addresses and their health, IPv4 first; of a hand-over those measured
    /// in its stead.
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
            hand_over: configured.hand_over(number).map(ToString::to_string),
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
}

impl View<'_> {
    fn name(&self, candidate: u8) -> &str {
        let mut names = self.pool.candidates();
        names.nth(candidate.into()).unwrap_or_default()
    }

    fn is_eligible(&self, candidate: u8, family: Family) -> bool {
        self.eligible.mask(family) >> candidate & 1 != 0
    }

    /// Whether any candidate has an address of `family`, or any is a hand-over.
    fn has(&self, family: Family) -> bool {
        !self.pool.hand_overs.is_empty() || self.any_server_has(family)
    }

    fn any_server_has(&self, family: Family) -> bool {
        let mut servers = self.pool.servers.iter();
        servers.any(|server| has(server, family))
    }

    fn outcome(&self, family: Family) -> Outcome {
        let picked = pick(self.ranking, self.eligible, family);
        let hands_over = |number: &u8| self.pool.hand_over(*number).is_some();
        match picked {
            Some(number) if hands_over(&number) => Outcome::HandOver(self.name(number).to_owned()),
            _ if !self.any_server_has(family) => Outcome::NoData,
            None => Outcome::Servfail,
            Some(ALL_CANDIDATES) => Outcome::All,
            Some(candidate) => Outcome::Server(self.name(candidate).to_owned()),
        }
    }

    /// Why `candidate`, at `position`, won or lost.
    fn why(&self, candidate: u8, position: u8, down: impl Fn(Family) -> Option<Down>) -> String {
        if self.pool.hand_over(candidate).is_some() {
            return self.why_hand_over(candidate, position, down);
        }
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

    /// Why the hand-over `candidate`, which stands for both families, won or lost.
    fn why_hand_over(
        &self,
        candidate: u8,
        position: u8,
        down: impl Fn(Family) -> Option<Down>,
    ) -> String {
        match down(Family::V4).or_else(|| down(Family::V6)) {
            Some(Down { address, reason }) => {
                format!("{address} is down ({reason}), so nobody is handed over")
            }
            None => self.why_usable(candidate, position, Family::V4),
        }
    }

    fn why_family(
        &self,
        candidate: u8,
        position: u8,
        family: Family,
        down: Option<Down>,
    ) -> String {
        if !has(&self.pool.servers[usize::from(candidate)], family) {
            return "it has no such address".to_owned();
        }
        let outcome = self.outcome(family);
        let wins = outcome == Outcome::Server(self.name(candidate).to_owned());
        if let Some(Down { address, reason }) = down {
            let end = match outcome {
                _ if wins => "but no server is fit and the first is used",
                Outcome::All => "but no server is fit and all are used",
                Outcome::Servfail => "and no server is fit",
                Outcome::Server(_) | Outcome::HandOver(_) | Outcome::NoData => "so another is used",
            };
            return format!("{address} is down ({reason}), {end}");
        }
        self.why_usable(candidate, position, family)
    }

    /// Why `candidate`, of which nothing is down in `family`, won or lost.
    fn why_usable(&self, candidate: u8, position: u8, family: Family) -> String {
        let name = self.name(candidate);
        match self.outcome(family) {
            Outcome::Server(winner) | Outcome::HandOver(winner) if winner == name => match position
            {
                1 => "chosen: first in the ranking".to_owned(),
                _ => format!("chosen: the first usable, at position {position}"),
            },
            Outcome::Server(winner) | Outcome::HandOver(winner)
                if self.is_eligible(candidate, family) =>
            {
                format!("usable, but {winner} stands before it")
            }
            _ => "left out because its other family is down, \
                  and another server is fit in both"
                .to_owned(),
        }
    }
}

fn has(server: &Server, family: Family) -> bool {
    match family {
        Family::V4 => !server.v4.is_empty(),
        Family::V6 => !server.v6.is_empty(),
    }
}
