//! What would be decided otherwise, were another director's decisions taken.

#![expect(
    clippy::cast_precision_loss,
    reason = "what is counted stays far below 2^52"
)]

mod levels;

use std::collections::{BTreeMap, HashMap, HashSet};

use dns_common::decision::{Eligible, Family, Ranking, SLOTS};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    Director,
    explain::{candidate_name, takers},
    picked::Picked,
    pool::PoolState,
};
use crate::{
    measurement::demand::Demand,
    model::{Groups, NameMap, Pool, Service},
};
pub use levels::LevelChange;

/// What of all decisions changes, and for how much of the demand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Share of the demand that is answered otherwise, percent.
    pub moved_percent: f64,
    /// Services some of whose resolvers are answered otherwise, most demand first.
    pub services: Vec<Moved>,
    /// Names that are steered only afterwards.
    pub added: Vec<String>,
    /// Names that were steered only before; all of their demand moves.
    pub removed: Vec<String>,
    /// Services for which another level is in force, or another is to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<LevelChange>,
}

/// One service whose answers change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// Its name.
    pub service: String,
    /// Whose it is.
    pub customer: String,
    /// Its share of the demand, percent: of the queries counted so far, or else as much as
    /// each other service's.
    pub demand_percent: f64,
    /// What part of that moves, percent: of each group by its demand, of which all its
    /// prefixes have parts alike.
    pub moved_percent: f64,
    /// Prefixes of resolvers some of whom get another answer; those that are in no group
    /// count as one.
    pub prefixes: usize,
    /// From which answer to which, the larger parts first.
    pub moves: Vec<Move>,
}

/// Resolvers that get one answer instead of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The answer before.
    pub from: String,
    /// And then.
    pub to: String,
    /// Part of the service's demand, percent.
    pub percent: f64,
    /// The groups that they are in.
    pub groups: Vec<String>,
}

/// Resolvers in one group before and in one then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Block {
    prefixes: usize,
    /// Part of all demand.
    pub(super) part: f64,
}

/// An answer before and then.
type Change = (String, String);

/// Blocks by their groups' numbers before and then.
pub(super) type Blocks = BTreeMap<(u16, u16), Block>;

impl Director {
    /// What changes where `next` decides in place of this one. `queries` of a service were
    /// counted so far.
    pub fn difference(&self, next: &Self, queries: impl Fn(&Service) -> u64) -> Difference {
        let blocks = blocks(&self.plan.groups, &next.plan.groups, &self.demand);
        let others = next.plan.services.iter();
        let others: NameMap<u16> = others.map(|(it, pool)| (it.name.clone(), *pool)).collect();
        let services = &self.plan.services;
        let counts: Vec<u64> = services.iter().map(|(it, _)| queries(it)).collect();
        let total: u64 = counts.iter().sum();
        let mut difference = Difference::default();
        let mut known: HashMap<(u16, u16), Of> = HashMap::new();
        for ((service, pool), count) in services.iter().zip(counts) {
            let name = service.name.fmt_with_dot().to_string();
            let demand_percent = match total {
                0 => 100.0 / services.len() as f64,
                _ => 100.0 * count as f64 / total as f64,
            };
            let Some(other) = others.get(&service.name) else {
                difference.moved_percent += demand_percent;
                difference.removed.push(name);
                continue;
            };
            let of = known.entry((*pool, *other));
            let of = of.or_insert_with(|| self.moves(*pool, next, *other, &blocks));
            if of.moves.is_empty() {
                continue;
            }
            let moved_percent: f64 = of.moves.iter().map(|it| it.percent).sum();
            difference.moved_percent += demand_percent * moved_percent / 100.0;
            difference.services.push(Moved {
                service: name,
                customer: service.customer.clone(),
                demand_percent,
                moved_percent,
                prefixes: of.prefixes,
                moves: of.moves.clone(),
            });
        }
        let moved = |it: &Moved| it.demand_percent * it.moved_percent;
        let services = &mut difference.services;
        services.sort_by(|one, other| moved(other).total_cmp(&moved(one)));
        let before: HashSet<_> = self.plan.services.iter().map(|(it, _)| &it.name).collect();
        let added = next.plan.services.iter().map(|(service, _)| service);
        let added = added.filter(|service| !before.contains(&service.name));
        difference.added = added.map(|it| it.name.fmt_with_dot().to_string()).collect();
        difference.levels = self.level_changes(next);
        difference
    }

    /// What changes for services of the pool `number` that are of the pool `other` of
    /// `next` then.
    fn moves(&self, number: u16, next: &Self, other: u16, blocks: &Blocks) -> Of {
        let before = Side::new(self, number);
        let then = Side::new(next, other);
        let mut parts: BTreeMap<Change, (f64, Vec<String>)> = BTreeMap::new();
        let mut prefixes = 0;
        // Most groups have one of few rankings.
        let mut known: HashMap<(Ranking, Ranking), Vec<(Change, usize)>> = HashMap::new();
        for ((group, group_then), block) in blocks {
            let rankings = (
                before.state.ranking(*group),
                then.state.ranking(*group_then),
            );
            let changes = known
                .entry(rankings)
                .or_insert_with(|| changes(&before, rankings.0, &then, rankings.1));
            if !changes.is_empty() {
                prefixes += block.prefixes;
            }
            for (change, slots) in changes {
                let (part, groups) = parts.entry(change.clone()).or_default();
                *part += 100.0 * block.part * *slots as f64 / SLOTS as f64;
                groups.push(self.plan.groups.names[usize::from(*group)].clone());
            }
        }
        let moves = parts
            .into_iter()
            .map(|((from, to), (percent, groups))| Move {
                from,
                to,
                percent,
                groups,
            });
        let mut moves: Vec<_> = moves.collect();
        moves.sort_by(|one, other| other.percent.total_cmp(&one.percent));
        Of { prefixes, moves }
    }
}

/// What changes for services of one pool.
struct Of {
    prefixes: usize,
    moves: Vec<Move>,
}

/// Which candidates the two families get.
pub(super) type Picks = [Picked; 2];

/// A pool of one of the directors.
pub(super) struct Side<'d> {
    pub(super) pool: &'d Pool,
    pub(super) state: &'d PoolState,
    eligible: Eligible,
}

impl<'d> Side<'d> {
    pub(super) fn new(director: &'d Director, number: u16) -> Self {
        let state = &director.pools[usize::from(number)];
        Self {
            pool: &director.plan.pools[usize::from(number)],
            state,
            eligible: state.eligible(),
        }
    }

    /// Which candidates a group with `ranking` gets in `slot`.
    pub(super) fn picks(&self, ranking: Ranking, slot: u32) -> Picks {
        let takers = takers(self.state, ranking, slot);
        let eligible = takers.map_or(self.eligible, |takers| self.eligible.taken_by(takers));
        [Family::V4, Family::V6].map(|family| Picked::of(ranking, eligible, family))
    }

    /// What is answered with `picks`, in words that differ where the answers do.
    pub(super) fn answer(&self, [v4, v6]: Picks) -> String {
        if v4 == v6 || v6 == Picked::Nobody {
            return self.named(v4);
        }
        if v4 == Picked::Nobody {
            return self.named(v6);
        }
        format!("{} and {}", self.named(v4), self.named(v6))
    }

    fn named(&self, picked: Picked) -> String {
        match picked {
            Picked::Nobody => "nobody".to_owned(),
            Picked::All => "all servers".to_owned(),
            Picked::One(_) | Picked::Several(_) | Picked::Drawn(_) => {
                let names = picked.candidates().map(|number| self.candidate(number));
                names.collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn candidate(&self, number: u8) -> String {
        let name = candidate_name(self.pool, number);
        match (
            self.pool.hand_over(number),
            self.pool.servers.get(usize::from(number)),
        ) {
            (Some(over), _) => format!("{name} ({over})"),
            (None, Some(server)) => {
                let addresses = server.addresses().map(|address| address.to_string());
                format!("{name} ({})", addresses.collect::<Vec<_>>().join(", "))
            }
            (None, None) => name.to_owned(),
        }
    }

    pub(super) fn is_divided(&self) -> bool {
        self.eligible.is_shared()
    }
}

/// Answers that change between the two, each with the number of slots.
fn changes(
    before: &Side<'_>,
    ranking: Ranking,
    then: &Side<'_>,
    ranking_then: Ranking,
) -> Vec<(Change, usize)> {
    let mut changes: BTreeMap<Change, usize> = BTreeMap::new();
    let mut count = |slot, slots| {
        let (from, to) = (
            before.answer(before.picks(ranking, slot)),
            then.answer(then.picks(ranking_then, slot)),
        );
        if from != to {
            *changes.entry((from, to)).or_default() += slots;
        }
    };
    if before.is_divided() || then.is_divided() {
        (0..SLOTS as u32).for_each(|slot| count(slot, 1));
    } else {
        count(0, SLOTS);
    }
    changes.into_iter().collect()
}

/// Resolvers by the groups that they are in by `before`, whose parts `demand` says, and by
/// `then`.
pub(super) fn blocks(before: &Groups, then: &Groups, demand: &Demand) -> Blocks {
    let by_prefix = |groups: &Groups| groups.prefixes.iter().copied().collect::<HashMap<_, _>>();
    let (old, new) = (by_prefix(before), by_prefix(then));
    let mut all: Vec<IpNet> = old.keys().chain(new.keys()).copied().collect();
    all.sort_unstable();
    all.dedup();
    let mut blocks = Blocks::new();
    let mut add = |groups| blocks.entry(groups).or_default().prefixes += 1;
    // Whoever is in no prefix.
    add((0, 0));
    for prefix in all {
        add((group(&old, prefix), group(&new, prefix)));
    }
    // Groups that are not in use have no part.
    let mut of_group: BTreeMap<u16, usize> = BTreeMap::new();
    for ((group, _), block) in &blocks {
        *of_group.entry(*group).or_default() += block.prefixes;
    }
    let all: f64 = of_group.keys().map(|group| demand.part(*group)).sum();
    for ((group, _), block) in &mut blocks {
        block.part = block.prefixes as f64 / of_group[group] as f64 * demand.part(*group) / all;
    }
    blocks
}

/// The group that `prefix` is in as a whole.
fn group(groups: &HashMap<IpNet, u16>, prefix: IpNet) -> u16 {
    let around = std::iter::successors(Some(prefix), IpNet::supernet);
    let mut known = around.filter_map(|prefix| groups.get(&prefix));
    known.next().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
