//! What `explain` shows: why a group of resolvers gets the answer it gets.

mod filled;
mod policy;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use dns_common::decision::{Eligible, Family, Ranking};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use filled::DemandStatus;

use super::{
    Director,
    history::LastChange,
    level::LevelStatus,
    picked::{Picked, is_divided},
    pool::PoolState,
    states::{AddressStatus, SuspicionStatus, address_status, rounded},
};
use crate::{
    measurement::{
        decide::{Fit, Fitness, configured, is_enough, usable},
        health::Reading,
        metric::{Metric, milliseconds},
        overrides::{Override, Said},
        schedule::TargetId,
    },
    model::{Pool, Server},
};

/// A decision and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The pool's number.
    pub pool: u16,
    /// The group's name.
    pub group: String,
    /// The resolver's part of the hash space, which not every candidate takes; `None`
    /// where all take all.
    pub slot: Option<u32>,
    /// The policy in a few words.
    pub policy: String,
    /// The level that customer and provider agree on; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LevelStatus>,
    /// How long answers may be kept, where that follows how soon they can change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<TtlStatus>,
    /// What was measured for the group itself rather than for all.
    pub own: BTreeSet<Metric>,
    /// What is asked for, where candidates are filled and it is known.
    pub demand: Option<DemandStatus>,
    /// What an A query gets.
    pub a: Outcome,
    /// What an AAAA query gets.
    pub aaaa: Outcome,
    /// Every candidate, first choice first.
    pub candidates: Vec<Candidate>,
    /// The change that this comes from; `None` where nothing has changed since the first
    /// decision, and where slots of the hash space are taken by some candidates only.
    pub last_change: Option<LastChange>,
    /// Why nothing goes down at present; `None` without suspicion.
    pub suspicion: Option<SuspicionStatus>,
    /// Who pinned the group to its first candidate; `None` where nobody did.
    pub pin: Option<Override>,
    /// Who froze the decision; `None` where nobody did.
    pub freeze: Option<Override>,
}

impl Explanation {
    /// What a query of `family` gets.
    pub fn outcome(&self, family: Family) -> &Outcome {
        match family {
            Family::V4 => &self.a,
            Family::V6 => &self.aaaa,
        }
    }
}

/// What a query of one family gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The addresses of this server.
    Server(String),
    /// The addresses of these servers, the best.
    Servers(Vec<String>),
    /// One of these, drawn by weight for each query.
    Drawn(Vec<String>),
    /// A hand-over of this name: the resolver asks another DNS.
    HandOver(String),
    /// The addresses of all servers: none is fit.
    All,
    /// SERVFAIL: no server is fit.
    Servfail,
    /// No data: no server has an address of the family.
    NoData,
}

impl Outcome {
    /// What a query of `family` gets from `pool`, where `picked` is chosen.
    pub(super) fn of(pool: &Pool, picked: Picked, family: Family) -> Self {
        let name = |number: u8| candidate_name(pool, number).to_owned();
        match picked {
            Picked::One(number) if pool.hand_over(number).is_some() => Self::HandOver(name(number)),
            _ if !any_server_has(pool, family) => Self::NoData,
            Picked::Nobody => Self::Servfail,
            Picked::All => Self::All,
            Picked::One(number) => Self::Server(name(number)),
            Picked::Several(_) => Self::Servers(picked.candidates().map(name).collect()),
            Picked::Drawn(_) => Self::Drawn(picked.candidates().map(name).collect()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server(name) | Self::HandOver(name) => name,
            Self::Servers(names) => return f.write_str(&names.join(", ")),
            Self::Drawn(names) => {
                return write!(f, "one of {}, drawn for each query", names.join(", "));
            }
            Self::All => "all servers: none is fit",
            Self::Servfail => "none: no server is fit",
            Self::NoData => "none: no server has such an address",
        })
    }
}

/// How long answers may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TtlStatus {
    /// Their TTL, seconds.
    pub ttl_s: u32,
    /// How long they stay as they are at least, milliseconds; `None` where nothing known
    /// changes them.
    pub until_change_ms: Option<f64>,
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
    /// How much of the hash space it takes, percent; `None` where all take all.
    pub share_percent: Option<f64>,
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
    /// What an operator says of it; `None` where it is used as measured.
    pub admin: Option<Override>,
    /// Why it won or lost, in one sentence for each family of the pool.
    pub why: String,
}

impl Director {
    /// Why resolvers of `group` in `slot` of the hash space get what they get from
    /// `pool`, seen at `now`; `None` when there is no such pool or group.
    pub fn explain(&self, pool: u16, group: u16, slot: u32, now: Instant) -> Option<Explanation> {
        let name = self.plan.groups.names.get(usize::from(group))?;
        let state = self.pools.get(usize::from(pool))?;
        let configured = &self.plan.pools[usize::from(pool)];
        let (ranking, eligible) = (state.ranking(group), state.eligible());
        let is_divided = is_divided(state, ranking);
        let level = state.level(configured);
        let takers = takers(state, ranking, slot);
        let picked =
            [Family::V4, Family::V6].map(|family| Picked::by(state, ranking, slot, family));
        let slot = (is_divided && !eligible.is_random()).then_some(slot);
        let view = View {
            pool: configured,
            eligible,
            slot: slot.zip(takers),
            ranking,
            picked,
            fitness: state.fitness(),
            said: state.said(),
            is_pinned: state.said().pins.contains_key(&group),
        };
        let outlook = state.outlook(group);
        let shown = policy::shown(configured).into_iter().map(|metric| {
            let of = state.readings(configured, outlook, metric, &self.health, now);
            (metric, of)
        });
        let shown: Vec<(Metric, (Vec<Reading>, bool))> = shown.collect();
        let measured = |number: u8| -> BTreeMap<Metric, f64> {
            let of = shown.iter().filter_map(|(metric, (readings, _))| {
                match readings[usize::from(number)] {
                    Reading::Never => None,
                    Reading::Stale(value) | Reading::Fresh(value) => {
                        Some((*metric, rounded(value)))
                    }
                }
            });
            of.collect()
        };
        let own = shown.iter().filter(|(_, (_, is_own))| *is_own);
        let own: BTreeSet<Metric> = own.map(|(metric, _)| *metric).collect();
        let (groups, overrides) = (&self.plan.groups, &self.overrides);
        let mut services = self.plan.services.iter();
        // Overrides concern all services of a pool alike.
        let service = services.find(|(_, of)| *of == pool);
        let service = service.map(|(service, _)| service);
        let candidate = |(number, position): (u8, u8)| Candidate {
            position,
            server: view.name(number).to_owned(),
            hand_over: configured.hand_over(number).map(ToString::to_string),
            share_percent: is_divided.then(|| state.shares().percent(number)),
            eligible_v4: view.is_eligible(number, Family::V4),
            eligible_v6: view.is_eligible(number, Family::V6),
            measured: measured(number),
            addresses: self.addresses(state, number, name, now),
            admin: service.and_then(|service| overrides.state_of(service, number).cloned()),
            why: {
                let down = |family| self.down_address(state, number, family);
                let why = view.why(number, position, down);
                let behind = view.behind(number, |winner| {
                    policy::behind(configured, level, (number, winner), measured)
                });
                let sides = state.sides(group);
                let standing = policy::standing(configured, level, sides, number, now);
                let part = slot.and_then(|_| state.part(number));
                let returning = part.map(policy::returning);
                let full = state.fill().and_then(|fill| filled::full(fill, number));
                [Some(why), behind, standing, returning, full]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; ")
            },
        };
        Some(Explanation {
            pool,
            group: name.clone(),
            slot,
            policy: policy::describe(configured, level),
            level: self.level_status(configured),
            ttl: self.ttl_status(pool, now),
            own,
            demand: state.fill().and_then(|fill| filled::demand(fill, now)),
            a: view.outcome(Family::V4),
            aaaa: view.outcome(Family::V6),
            candidates: view.ranking.iter().zip(1..).map(candidate).collect(),
            last_change: self.last_change(pool, group, is_divided, now),
            suspicion: self.suspicion_status(now),
            pin: service.and_then(|service| overrides.pin_of(service, group, groups).cloned()),
            freeze: service.and_then(|service| overrides.freeze_of(service).cloned()),
        })
    }

    /// How long answers of the pool `number` may be kept, if that follows anything.
    fn ttl_status(&self, number: u16, now: Instant) -> Option<TtlStatus> {
        let state = &self.pools[usize::from(number)];
        let pool = &self.plan.pools[usize::from(number)];
        let ttl_s = state.ttl_s(pool)?;
        let measured = state.until_change(pool, &self.health, now);
        let until = measured.into_iter().chain(self.until_words(number)).min();
        Some(TtlStatus {
            ttl_s,
            until_change_ms: until.map(milliseconds),
        })
    }

    /// The addresses of `candidate` and their health, as far as that concerns `group`.
    fn addresses(
        &self,
        state: &PoolState,
        candidate: u8,
        group: &String,
        now: Instant,
    ) -> Vec<AddressStatus> {
        let status = |id: TargetId| {
            let target = self.targets.get(id)?;
            let groups = &target.probe.groups;
            (groups.is_empty() || groups.contains(group)).then_some(())?;
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
    /// The resolver's, and who takes it; `None` where all take all.
    slot: Option<(u32, u8)>,
    ranking: Ranking,
    /// By family.
    picked: [Picked; 2],
    fitness: Vec<Fitness>,
    said: &'a Said,
    is_pinned: bool,
}

impl View<'_> {
    fn name(&self, candidate: u8) -> &str {
        candidate_name(self.pool, candidate)
    }

    fn is_eligible(&self, candidate: u8, family: Family) -> bool {
        self.eligible.mask(family) >> candidate & 1 != 0
    }

    /// Whether any candidate has an address of `family`, or any is a hand-over.
    fn has(&self, family: Family) -> bool {
        !self.pool.hand_overs.is_empty() || any_server_has(self.pool, family)
    }

    /// Whether as many candidates are usable as the pool's rules ask for.
    fn has_enough(&self, family: Family) -> bool {
        let usable = usable(&self.fitness, self.eligible.mask(family), family);
        let configured = configured(&self.fitness, family);
        is_enough(usable, configured, self.pool.health.min_up_percent)
    }

    fn outcome(&self, family: Family) -> Outcome {
        Outcome::of(self.pool, self.picked(family), family)
    }

    fn picked(&self, family: Family) -> Picked {
        self.picked[family as usize]
    }

    /// Who is chosen in `family`; of several the last.
    fn winner(&self, family: Family) -> Option<u8> {
        let chosen = self.picked(family).mask();
        let ranked = self.ranking.iter();
        ranked.filter(|number| chosen >> number & 1 != 0).last()
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
        // A sick one counts as if it were not there.
        let fit = match self.fitness[usize::from(candidate)].v4 {
            Fit::Yes => Fit::Yes,
            Fit::No | Fit::Absent => Fit::No,
        };
        let down = down(Family::V4).or_else(|| down(Family::V6));
        match self.unfit(candidate, fit, down) {
            Some(unfit) if self.is_eligible(candidate, Family::V4) => {
                format!("{unfit}, but no other is fit")
            }
            Some(unfit) => format!("{unfit}, so nobody is handed over"),
            None => self.why_usable(candidate, position, Family::V4),
        }
    }

    /// Whether `candidate` takes the resolver's slot.
    fn takes(&self, candidate: u8) -> bool {
        self.slot
            .is_none_or(|(_, takers)| takers >> candidate & 1 != 0)
    }

    /// Why the winner `candidate`, at `position`, goes before the others.
    fn why_first(&self, candidate: u8, position: u8) -> String {
        match self.slot {
            Some((slot, _)) if self.takes(candidate) => {
                format!("the first that takes slot {slot}, the resolver's")
            }
            Some((slot, _)) => {
                format!("the first usable, as none is that takes slot {slot}, the resolver's")
            }
            None if position != 1 => format!("the first usable, at position {position}"),
            None if self.is_pinned => "this group is pinned to it".to_owned(),
            None => "first in the ranking".to_owned(),
        }
    }

    /// What `says` why `candidate` stands behind the winner of the first family in which
    /// it is usable and loses.
    fn behind(&self, candidate: u8, says: impl Fn(u8) -> String) -> Option<String> {
        let families = [Family::V4, Family::V6].into_iter();
        let mut winners = families.filter_map(|family| {
            let winner = self.winner(family)?;
            let loses = self.picked(family).mask() >> candidate & 1 == 0;
            let is_in = self.is_eligible(candidate, family) && self.takes(candidate);
            (loses && is_in).then_some(winner)
        });
        let winner = winners.next()?;
        Some(
            if self.is_pinned && self.ranking.iter().next() == Some(winner) {
                format!("this group is pinned to {}", self.name(winner))
            } else {
                says(winner)
            },
        )
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
        let fit = self.fitness[usize::from(candidate)].of(family);
        let outcome = self.outcome(family);
        let wins = self.picked(family).mask() >> candidate & 1 != 0;
        if let Some(unfit) = self.unfit(candidate, fit, down) {
            let end = match outcome {
                _ if wins && fit == Fit::Yes => "but no other server is fit",
                _ if wins => "but no server is fit and the first is used",
                Outcome::All => "but no server is fit and all are used",
                Outcome::Servfail => "and no server is fit",
                _ => "so another is used",
            };
            return format!("{unfit}, {end}");
        }
        self.why_usable(candidate, position, family)
    }

    /// What speaks against `candidate` in `family`, of whose addresses one may be `down`.
    fn unfit(&self, candidate: u8, fit: Fit, down: Option<Down>) -> Option<String> {
        let is = |mask: u8| mask >> candidate & 1 != 0;
        match (down, fit) {
            _ if is(self.said.held.out) => Some("taken out by an operator".to_owned()),
            (Some(Down { address, reason }), Fit::No) => {
                Some(format!("{address} is down ({reason})"))
            }
            (None, Fit::No) => Some("it was down when this was frozen".to_owned()),
            _ if is(self.said.withheld) => Some("held back after it went down".to_owned()),
            _ if is(self.said.held.drained) => Some("drained by an operator".to_owned()),
            _ => None,
        }
    }

    /// Why `candidate`, against which nothing speaks in `family`, won or lost.
    fn why_usable(&self, candidate: u8, position: u8, family: Family) -> String {
        let kept_up = if self.said.up >> candidate & 1 != 0 {
            " (kept up by an operator)"
        } else {
            ""
        };
        let picked = self.picked(family);
        let wins = picked.mask() >> candidate & 1 != 0;
        if !self.has_enough(family) {
            let end = match self.outcome(family) {
                _ if wins => "the first is used",
                Outcome::All => "all are used",
                Outcome::Servfail => "none is used",
                _ => "another is used",
            };
            let percent = self.pool.health.min_up_percent;
            return format!("fit, but fewer than {percent} % are usable, so none counts: {end}");
        }
        match (picked, self.winner(family).map(|winner| self.name(winner))) {
            (Picked::Several(mask), _) if wins => {
                format!("chosen: one of the best {}{kept_up}", mask.count_ones())
            }
            (Picked::Drawn(_), _) if wins => format!("drawn by its weight{kept_up}"),
            _ if wins => {
                let why = self.why_first(candidate, position);
                format!("chosen: {why}{kept_up}")
            }
            (Picked::Drawn(_), _) if self.is_eligible(candidate, family) => {
                format!("usable{kept_up}, but its weight gives it no part")
            }
            (_, Some(winner)) if self.is_eligible(candidate, family) && !self.takes(candidate) => {
                format!("usable{kept_up}, but the resolver's slot is {winner}'s")
            }
            (_, Some(winner)) if self.is_eligible(candidate, family) => {
                format!("usable{kept_up}, but {winner} stands before it")
            }
            _ => "left out because its other family is down, \
                  and another server is fit in both"
                .to_owned(),
        }
    }
}

/// Who takes `slot` in the order `ranking` of `state`; `None` where all take all.
pub(super) fn takers(state: &PoolState, ranking: Ranking, slot: u32) -> Option<u8> {
    is_divided(state, ranking).then(|| state.shares().takers(slot as usize))
}

/// What the candidate `number` of `pool` is called.
pub(super) fn candidate_name(pool: &Pool, number: u8) -> &str {
    pool.candidates().nth(number.into()).unwrap_or_default()
}

fn any_server_has(pool: &Pool, family: Family) -> bool {
    pool.servers.iter().any(|server| has(server, family))
}

fn has(server: &Server, family: Family) -> bool {
    match family {
        Family::V4 => !server.v4.is_empty(),
        Family::V6 => !server.v6.is_empty(),
    }
}
