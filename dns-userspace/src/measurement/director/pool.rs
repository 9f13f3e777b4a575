//! One pool's candidates, as targets, and its words.

mod share;
mod soonest;

use std::{collections::BTreeMap, mem, sync::Arc};

use dns_common::decision::{CANDIDATES_MAX, Eligible, Family, Ranking};
use tokio::time::Instant;

use super::{
    altered::Altered,
    outlook::{Outlook, outlooks},
};
use crate::{
    measurement::{
        decide::{Fit, Fitness, eligible},
        demand::Demand,
        health::{Health, Reading},
        metric::{Badness, Metric},
        overrides::Said,
        rank::{Measured, Memory, Sides, rank_anew},
        schedule::{TargetId, Targets, probed},
        share::{ALL, Balance, Fill, Key, Part, Returns, Shares, Takes},
        ttl::{TtlLevel, level_places},
    },
    model::{DEFAULT_GROUP, Groups, Policy, Pool, PoolProbe, Probe, Quantity, Unknown},
};

/// The targets that are one candidate's addresses.
#[derive(Clone, Debug)]
struct Member {
    has_v4: bool,
    has_v6: bool,
    /// By number of the pool's probe, IPv4 addresses first.
    by_probe: Vec<Probed>,
}

/// The targets by which one probe measures a candidate.
#[derive(Clone, Debug)]
struct Probed {
    is_required: bool,
    /// Those of IPv4 addresses, or the one in place of all.
    v4: Vec<TargetId>,
    v6: Vec<TargetId>,
}

impl Member {
    /// Candidate `number` of `pool`.
    fn new(pool: &Pool, number: u8, targets: &Targets) -> Self {
        let by_probe = pool.probes.iter().map(|of| {
            let probe = Arc::new(of.probe.clone());
            let instead = of.instead.get(&number);
            let ids = |is_v4: bool| {
                let addresses = probed(pool, number, instead);
                let addresses =
                    addresses.filter(move |ip| instead.is_some() || ip.is_ipv4() == is_v4);
                let ids = addresses.filter_map(|address| targets.id(address, &probe));
                ids.collect::<Vec<_>>()
            };
            Probed {
                is_required: of.is_required,
                v4: ids(true),
                v6: ids(false),
            }
        });
        let server = pool.servers.get(usize::from(number));
        Self {
            has_v4: server.is_some_and(|server| !server.v4.is_empty()),
            has_v6: server.is_some_and(|server| !server.v6.is_empty()),
            by_probe: by_probe.collect(),
        }
    }

    fn has(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.has_v4,
            Family::V6 => self.has_v6,
        }
    }

    /// Those that one family is measured by; with `required` alone, that it has to pass.
    fn family(&self, family: Family, required: bool) -> impl Iterator<Item = TargetId> {
        let counted = self.by_probe.iter();
        let counted = counted.filter(move |probed| probed.is_required || !required);
        counted.flat_map(move |probed| match family {
            Family::V4 => probed.v4.iter().copied(),
            Family::V6 => probed.v6.iter().copied(),
        })
    }

    /// All of its targets, each once, IPv4 first.
    fn targets(&self) -> Vec<TargetId> {
        let families = [Family::V4, Family::V6].into_iter();
        let mut targets = Vec::new();
        for id in families.flat_map(|family| self.family(family, false)) {
            if !targets.contains(&id) {
                targets.push(id);
            }
        }
        targets
    }
}

/// The words of one pool.
#[derive(Clone, Debug)]
pub(super) struct PoolState {
    members: Vec<Member>,
    said: Said,
    /// By candidate number: as measured, or as it was when the pool was frozen.
    fitness: Vec<Fitness>,
    eligible: Eligible,
    /// By candidate number.
    keys: Vec<Key>,
    /// Parts that follow loads.
    balance: Balance,
    returns: Returns,
    /// How many of its slots each candidate takes so far, of [`ALL`].
    parts: [u16; CANDIDATES_MAX],
    takes: Takes,
    /// What follows from them.
    shares: Shares,
    /// What is known of the demand, where candidates are filled.
    fill: Option<Fill>,
    /// By ranking, how much of the demand is of groups with it; nothing unless it counts.
    ranked: Vec<Part>,
    /// Which part of the demand each group is.
    demand: Arc<Demand>,
    /// The order for every group without one of its own.
    common: Ranking,
    /// Configured orders of single groups, by group number.
    own: BTreeMap<u16, Ranking>,
    ttl: TtlLevel,
    /// Places in the tables from the answers of one TTL to those of the next.
    level_places: u32,
    /// Number of the version of an agreed level that is in force.
    in_force: Option<u32>,
    /// What the common order follows from, besides measurements.
    memory: Memory,
    /// Groups with measurements of their own.
    outlooks: Vec<Outlook>,
    /// What is taken for measured without being so; nothing but in a trial.
    altered: Altered,
}

impl PoolState {
    /// The words of `pool` by `health` so far, at `now`; `targets` must hold its addresses.
    pub(super) fn new(
        pool: &Pool,
        groups: &Groups,
        demand: &Arc<Demand>,
        targets: &Targets,
        health: &[Health],
        now: Instant,
    ) -> Self {
        let numbers = 0..pool.candidates().count() as u8;
        let members = numbers.map(|number| Member::new(pool, number, targets));
        let keys: Vec<_> = pool.candidates().map(Key::new).collect();
        let mut state = Self {
            members: members.collect(),
            said: Said::default(),
            fitness: Vec::new(),
            eligible: Eligible::default(),
            fill: pool.capacity.as_ref().map(|_| Fill::new(&keys)),
            ranked: Vec::new(),
            demand: Arc::clone(demand),
            keys,
            balance: Balance::default(),
            returns: Returns::default(),
            parts: [ALL; CANDIDATES_MAX],
            takes: Takes::default(),
            shares: Shares::default(),
            common: Ranking::EMPTY,
            own: BTreeMap::new(),
            ttl: TtlLevel::default(),
            level_places: level_places(pool),
            in_force: None,
            memory: Memory::default(),
            outlooks: outlooks(pool, groups),
            altered: Altered::default(),
        };
        if let Policy::Failover { by_group, .. } = &pool.policy {
            let numbered = by_group
                .iter()
                .filter_map(|(name, order)| Some((groups.number(name)?, Ranking::new(order))));
            state.own = numbered.collect();
        }
        state.recompute(pool, health, None, now);
        state
    }

    /// Recomputes all words, the order as it follows from what `previous` left.
    pub(super) fn recompute(
        &mut self,
        pool: &Pool,
        health: &[Health],
        previous: Option<&Self>,
        now: Instant,
    ) {
        if !self.said.frozen {
            self.memory = previous.map_or_else(Memory::default, |known| known.memory.clone());
            for outlook in &mut self.outlooks {
                let known = previous.and_then(|known| outlook.known(&known.outlooks));
                outlook.memory = known.map_or_else(Memory::default, |known| known.memory.clone());
            }
        }
        if let Some(known) = previous {
            self.share_as(known);
        }
        self.rank(pool, health, now);
        self.rank_apart(pool, None, health, now);
        self.regroup();
        self.decide(pool, health);
        self.share(pool, health, now);
    }

    /// Recomputes who is eligible.
    pub(super) fn decide(&mut self, pool: &Pool, health: &[Health]) {
        if !self.said.frozen {
            self.fitness = self.measured_fitness(pool, health);
        }
        let min_up_percent = pool.health.min_up_percent;
        self.eligible = eligible(
            &self.fitness(),
            self.said.held,
            min_up_percent,
            pool.all_down,
        )
        .best(pool.answers);
        if let Policy::Weighted {
            is_sticky: false, ..
        } = pool.policy
        {
            self.eligible = self.eligible.random();
        }
    }

    /// Recomputes the order that follows from this host's measurements; whether it
    /// changed, which concerns every group without an order of its own.
    pub(super) fn rank(&mut self, pool: &Pool, health: &[Health], now: Instant) -> bool {
        if self.said.frozen {
            return false;
        }
        let measured = self.measured(pool, None, health, now);
        let (candidates, level) = (self.members.len() as u8, self.level(pool));
        let memory = &mut self.memory;
        let word = rank_anew(
            &pool.policy,
            level,
            DEFAULT_GROUP,
            candidates,
            measured,
            memory,
            now,
        );
        let changed = word != self.common;
        self.common = word;
        if changed {
            self.regroup();
        }
        changed
    }

    /// Recomputes the orders of groups with measurements of their own, or only of those
    /// whose measurement the target `by` is; the groups whose order changed.
    pub(super) fn rank_apart(
        &mut self,
        pool: &Pool,
        by: Option<TargetId>,
        health: &[Health],
        now: Instant,
    ) -> Vec<u16> {
        if self.said.frozen {
            return Vec::new();
        }
        let (candidates, level) = (self.members.len() as u8, self.level(pool));
        let mut outlooks = mem::take(&mut self.outlooks);
        let mut moved = Vec::new();
        for outlook in &mut outlooks {
            if by.is_some_and(|id| !self.measures(outlook, id)) {
                continue;
            }
            let measured = self.measured(pool, Some(outlook), health, now);
            let memory = &mut outlook.memory;
            // Shares are those of the others: these change sides by themselves.
            let at_once = pool.policy.at_once();
            let policy = at_once.as_ref().unwrap_or(&pool.policy);
            let name = &outlook.name;
            let mut word = rank_anew(policy, level, name, candidates, measured, memory, now);
            if at_once.is_some() {
                word = word.undivided();
            }
            if word != outlook.ranking {
                outlook.ranking = word;
                moved.extend(&outlook.groups);
            }
        }
        self.outlooks = outlooks;
        if !moved.is_empty() {
            self.regroup();
        }
        moved
    }

    /// Whether `target` is a measurement of the groups of `outlook`.
    fn measures(&self, outlook: &Outlook, target: TargetId) -> bool {
        let probed = |number: usize| {
            self.members
                .iter()
                .map(move |member| &member.by_probe[number])
        };
        let mut probed = outlook.probes.iter().flat_map(|number| probed(*number));
        probed.any(|probed| probed.v4.contains(&target) || probed.v6.contains(&target))
    }

    /// Has operators say `said`, and recomputes what that changes, at `now`.
    pub(super) fn say(&mut self, said: Said, pool: &Pool, health: &[Health], now: Instant) {
        let thaws = self.said.frozen && !said.frozen;
        self.said = said;
        if thaws {
            self.rank(pool, health, now);
            self.rank_apart(pool, None, health, now);
        }
        self.regroup();
        self.decide(pool, health);
        self.share(pool, health, now);
    }

    /// Goes on from a frozen `previous` state of an equal pool, frozen too, at `now`.
    pub(super) fn stay_frozen(
        &mut self,
        previous: &Self,
        pool: &Pool,
        health: &[Health],
        now: Instant,
    ) {
        self.said.frozen = true;
        self.fitness.clone_from(&previous.fitness);
        self.memory.clone_from(&previous.memory);
        self.common = previous.common;
        for outlook in &mut self.outlooks {
            if let Some(known) = outlook.known(&previous.outlooks) {
                outlook.memory.clone_from(&known.memory);
                outlook.ranking = known.ranking;
            }
        }
        self.share_as(previous);
        self.demand = Arc::clone(&previous.demand);
        self.regroup();
        self.decide(pool, health);
        self.share(pool, health, now);
    }

    /// What operators say.
    pub(super) fn said(&self) -> &Said {
        &self.said
    }

    /// How bad each candidate is by what the policy compares, for the groups of `outlook`
    /// or all others.
    fn measured(
        &self,
        pool: &Pool,
        outlook: Option<&Outlook>,
        health: &[Health],
        now: Instant,
    ) -> Measured {
        let metrics = pool.policy.metrics().into_iter();
        let of = metrics.map(|metric| {
            let (readings, _) = self.readings(pool, outlook, metric, health, now);
            let badness = readings.into_iter().map(|reading| match reading {
                Reading::Fresh(value) => metric.badness(value),
                Reading::Stale(value) if pool.unknown == Unknown::Last => metric.badness(value),
                _ if pool.unknown == Unknown::Open => Badness::BEST,
                _ => Badness::WORST,
            });
            (metric, badness.collect())
        });
        of.collect()
    }

    /// Each candidate's value of `metric` for the groups of `outlook`, or all others, and
    /// whether it is those groups' own.
    ///
    /// Values taken in different places do not compare: a group has its own as long as
    /// one candidate's is known, then also where others' are not; else this host's.
    pub(super) fn readings(
        &self,
        pool: &Pool,
        outlook: Option<&Outlook>,
        metric: Metric,
        health: &[Health],
        now: Instant,
    ) -> (Vec<Reading>, bool) {
        let candidates = 0..self.members.len() as u8;
        if let Some(number) = outlook.and_then(|outlook| outlook.probe_of(pool, metric)) {
            let own = candidates
                .clone()
                .map(|candidate| self.reading_by(pool, number, candidate, metric, health, now));
            let own: Vec<_> = own.collect();
            if own
                .iter()
                .any(|reading| matches!(reading, Reading::Fresh(_)))
            {
                return (self.altered.readings(metric, own), true);
            }
        }
        let common = candidates.map(|number| self.reading(pool, number, metric, health, now));
        (self.altered.readings(metric, common.collect()), false)
    }

    /// A candidate's value as this host measures it, by the first probe that gives one.
    fn reading(
        &self,
        pool: &Pool,
        candidate: u8,
        metric: Metric,
        health: &[Health],
        now: Instant,
    ) -> Reading {
        if metric == Metric::Cost {
            return Reading::Fresh(pool.cost(candidate).value());
        }
        match Self::measures_here(pool, metric) {
            Some(number) => self.reading_by(pool, number, candidate, metric, health, now),
            None => Reading::Never,
        }
    }

    /// The pool's first probe that gives this host values of `metric`.
    fn measures_here(pool: &Pool, metric: Metric) -> Option<usize> {
        let gives = |of: &PoolProbe| match metric {
            Metric::Availability => of.is_required,
            _ => of.probe.groups.is_empty() && of.probe.metrics().contains(&metric),
        };
        pool.probes.iter().position(gives)
    }

    /// A candidate's value by the pool's probe `number`: the worst of its addresses, as a
    /// client may get any; dead ones keep their last, so that a death ranks nothing anew.
    fn reading_by(
        &self,
        pool: &Pool,
        number: usize,
        candidate: u8,
        metric: Metric,
        health: &[Health],
        now: Instant,
    ) -> Reading {
        let probed = &self.members[usize::from(candidate)].by_probe[number];
        let good_for = pool.probes[number].probe.stale_after;
        let readings = probed.v4.iter().chain(&probed.v6);
        let readings = readings.map(|id| health[id.index()].reading(metric, good_for, now));
        readings
            .max_by_key(|reading| match reading {
                // One of which nothing is known says nothing about the others.
                Reading::Never => (0, Badness::BEST),
                Reading::Stale(value) | Reading::Fresh(value) => (1, metric.badness(*value)),
            })
            .unwrap_or(Reading::Never)
    }

    /// The probe that gives a candidate's values of `metric` for the groups of `outlook`,
    /// or all others, and its targets; with values of those groups' own where they `are_own`.
    pub(super) fn measured_by<'p>(
        &self,
        pool: &'p Pool,
        outlook: Option<&Outlook>,
        are_own: bool,
        candidate: u8,
        metric: Metric,
    ) -> Option<(&'p Probe, impl Iterator<Item = TargetId>)> {
        let own = outlook.filter(|_| are_own);
        let own = own.and_then(|outlook| outlook.probe_of(pool, metric));
        let number = own.or_else(|| Self::measures_here(pool, metric))?;
        let probed = &self.members[usize::from(candidate)].by_probe[number];
        let targets = probed.v4.iter().chain(&probed.v6).copied();
        Some((&pool.probes[number].probe, targets))
    }

    /// Has `altered` be taken for measured, and recomputes both words as they follow
    /// from `before`, at `now`.
    pub(super) fn try_out(
        &mut self,
        altered: Altered,
        before: &Self,
        pool: &Pool,
        health: &[Health],
        now: Instant,
    ) {
        self.altered = altered;
        self.recompute(pool, health, Some(before), now);
    }

    /// The level that candidates are compared with; `None` where none is in force, and
    /// where the policy has none.
    pub(super) fn level(&self, pool: &Pool) -> Option<Quantity> {
        pool.policy.threshold()?.level.value(self.in_force)
    }

    /// Has the version of the agreed level that is in force at the time of day `unix_ms` be
    /// the one to compare with from the next ranking on; whether it is another.
    pub(super) fn agree(&mut self, pool: &Pool, unix_ms: u64) -> bool {
        let threshold = pool.policy.threshold();
        let version = threshold.and_then(|threshold| threshold.level.in_force(unix_ms));
        let number = version.map(|version| version.number);
        mem::replace(&mut self.in_force, number) != number
    }

    /// Has the version be in force that is so in `other`, another state of the same pool.
    pub(super) fn agree_like(&mut self, other: &Self) {
        self.in_force = other.in_force;
    }

    /// Every candidate number with a target of it.
    pub(super) fn members(&self) -> impl Iterator<Item = (u8, TargetId)> {
        let members = self.members.iter().zip(0_u8..);
        members.flat_map(|(member, number)| {
            let targets = member.targets().into_iter();
            targets.map(move |id| (number, id))
        })
    }

    /// What each candidate's families count as: operators' word goes first.
    pub(super) fn fitness(&self) -> Vec<Fitness> {
        self.fitness_by(&self.said)
    }

    /// As [`Self::fitness`], if operators said `said`.
    pub(super) fn fitness_by(&self, said: &Said) -> Vec<Fitness> {
        let numbered = self.fitness.iter().zip(0..);
        let fitness = numbered.map(|(measured, number): (_, u8)| {
            if said.up >> number & 1 != 0 {
                measured.kept_up()
            } else {
                *measured
            }
        });
        fitness.collect()
    }

    /// What is known of each candidate's families.
    fn measured_fitness(&self, pool: &Pool, health: &[Health]) -> Vec<Fitness> {
        let is_up = |member: &Member, family| {
            let mut targets = member.family(family, true);
            targets.all(|id| self.altered.is_usable(id, health))
        };
        let fit = |member: &Member, family| match member.has(family) {
            false => Fit::Absent,
            true if is_up(member, family) => Fit::Yes,
            true => Fit::No,
        };
        let fitness = |(number, member): (u8, &Member)| {
            if pool.hand_over(number).is_some() {
                let is_fit = is_up(member, Family::V4) && is_up(member, Family::V6);
                return Fitness::of_hand_over(is_fit);
            }
            let fitness = Fitness {
                v4: fit(member, Family::V4),
                v6: fit(member, Family::V6),
            };
            if pool.hand_overs.is_empty() {
                fitness
            } else {
                fitness.beside_hand_overs()
            }
        };
        (0..).zip(&self.members).map(fitness).collect()
    }

    /// The targets that `candidate` has to pass in `family`.
    pub(super) fn required(&self, candidate: u8, family: Family) -> Vec<TargetId> {
        let member = &self.members[usize::from(candidate)];
        member.family(family, true).collect()
    }

    /// The targets that `candidate` has to pass in either family, each once.
    pub(super) fn all_required(&self, candidate: u8) -> Vec<TargetId> {
        let mut targets = self.targets(candidate);
        targets.retain(|target| self.requires(candidate, *target));
        targets
    }

    /// Whether `candidate` has to pass `target`.
    pub(super) fn requires(&self, candidate: u8, target: TargetId) -> bool {
        let mut families = [Family::V4, Family::V6].into_iter();
        families.any(|family| self.required(candidate, family).contains(&target))
    }

    /// All targets of `candidate`, each once, IPv4 first.
    pub(super) fn targets(&self, candidate: u8) -> Vec<TargetId> {
        self.members[usize::from(candidate)].targets()
    }

    /// Where candidates stand of an agreed level, for `group`.
    pub(super) fn sides(&self, group: u16) -> &Sides {
        let own = self.outlook(group).map(|outlook| &outlook.memory);
        &own.unwrap_or(&self.memory).sides
    }

    /// What `group` sees, where it has measurements of its own.
    pub(super) fn outlook(&self, group: u16) -> Option<&Outlook> {
        let mut outlooks = self.outlooks.iter();
        outlooks.find(|outlook| outlook.groups.binary_search(&group).is_ok())
    }

    /// Who may be used, and which TTL answers have.
    pub(super) fn eligible(&self) -> Eligible {
        let word = self.with_ttl(self.eligible);
        if self.shares.is_empty() {
            word
        } else {
            word.shared()
        }
    }

    /// The order for `group`.
    pub(super) fn ranking(&self, group: u16) -> Ranking {
        let own = self.own.get(&group).copied();
        let own = own.or_else(|| Some(self.outlook(group)?.ranking));
        let ranking = own.unwrap_or(self.common);
        match self.said.pins.get(&group) {
            Some(pinned) => with_first(*pinned, ranking).undivided(),
            None => ranking,
        }
    }

    /// Whether all orders are as in `other`, another state of the same pool, but for what
    /// operators say.
    pub(super) fn ranks_like(&self, other: &Self) -> bool {
        let own = |state: &Self| -> Vec<Ranking> {
            let outlooks = state.outlooks.iter();
            outlooks.map(|outlook| outlook.ranking).collect()
        };
        self.common == other.common && own(self) == own(other)
    }

    /// Groups with an order of their own.
    pub(super) fn own_groups(&self) -> impl Iterator<Item = u16> {
        let measured = self.outlooks.iter().flat_map(|outlook| &outlook.groups);
        let own = self.own.keys().chain(self.said.pins.keys());
        own.chain(measured).copied()
    }

    /// The values that were others than before when the order of `group` changed last.
    pub(super) fn news(&self, group: u16) -> &[(u8, Metric)] {
        let own = self.outlook(group).map(|outlook| &outlook.memory);
        own.unwrap_or(&self.memory).news()
    }

    /// The order for groups without one of their own.
    pub(super) fn common_ranking(&self) -> Ranking {
        self.common
    }
}

/// `ranking` with `candidate` before all others.
fn with_first(candidate: u8, ranking: Ranking) -> Ranking {
    let others = ranking.iter().filter(|other| *other != candidate);
    let order: Vec<u8> = std::iter::once(candidate).chain(others).collect();
    Ranking::new(&order)
}
