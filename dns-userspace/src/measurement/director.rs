//! Director: keeps what is known of every target, and turns each sample into
//! the words that changed.

mod altered;
pub mod census;
pub mod demand;
pub mod difference;
pub mod explain;
pub mod history;
pub mod level;
pub mod nearest;
mod outlook;
pub mod overriding;
pub mod parts;
mod picked;
mod pool;
mod recall;
pub mod states;
mod stores;
pub mod what_if;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dns_common::decision::{Eligible, Ranking};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    demand::{Counted, Demand},
    health::{Health, State, Transition},
    overrides::{Overrides, Withheld},
    sample::{Sample, Vantage, Verdict},
    schedule::{Target, TargetId, Targets},
    suspicion::{Suspicion, Turn},
    withhold::Changes,
};
use crate::model::{Plan, Probe};
use history::{Cause, History, Touched};
use level::TimeOfDay;
use pool::PoolState;
use stores::Stores;

/// One word that is to be stored anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The candidates of a pool that may be used.
    Eligible {
        /// The pool's number.
        pool: u16,
        /// The whole word.
        word: Eligible,
    },
    /// The order of a pool's candidates for one group.
    Ranking {
        /// The pool's number.
        pool: u16,
        /// The group's number.
        group: u16,
        /// The whole word.
        word: Ranking,
    },
    /// Who takes some slots of a pool.
    Shares {
        /// The pool's number.
        pool: u16,
        /// Which of the pool's words.
        index: u8,
        /// The whole word.
        word: u64,
    },
}

/// The words of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decisions {
    /// Who may be used.
    pub eligible: Eligible,
    /// By group number.
    pub rankings: Vec<Ranking>,
    /// Who takes which slots; empty unless [`Eligible::SHARED`].
    pub shares: Vec<u64>,
}

/// A candidate one of whose addresses a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Use {
    pool: u16,
    candidate: u8,
}

/// How a state follows samples: [`Health::settle`] or [`Health::settle_first`].
type Settle = fn(&mut Health, &Probe, bool, Instant) -> Option<Transition>;

/// The state of one plan: health of its targets, words of its pools.
#[derive(Clone, Debug)]
pub struct Director {
    plan: Arc<Plan>,
    targets: Targets,
    /// By target number.
    health: Vec<Health>,
    /// By target number.
    uses: Vec<Vec<Use>>,
    /// By pool number.
    pools: Vec<PoolState>,
    /// What was counted of groups' answers, and what shares are made of for that.
    counted: Counted,
    demand: Arc<Demand>,
    suspicion: Suspicion,
    overrides: Overrides,
    time_of_day: TimeOfDay,
    /// By target number.
    changes: Vec<Changes>,
    /// What rules hold back from now on.
    withheld: Vec<Withheld>,
    /// By pool number.
    history: Vec<History>,
    touched: Touched,
}

impl Director {
    /// A director of `plan` that knows nothing yet, not even the time of day: everything
    /// counts as up, and no agreed level is in force.
    /// `suspect_percent` (0 to 100, 100 for never) is the share of all targets
    /// that must be exceeded for [`Suspicion`].
    pub fn new(plan: impl Into<Arc<Plan>>, suspect_percent: u8, now: Instant) -> Self {
        let plan = plan.into();
        let targets = Targets::new(&plan);
        let health = vec![Health::default(); targets.len()];
        let changes = vec![Changes::default(); targets.len()];
        let mut uses = vec![Vec::new(); targets.len()];
        let mut pools = Vec::with_capacity(plan.pools.len());
        let counted = Counted::default();
        let demand = Arc::new(Demand::new(&plan.groups, &counted));
        for (number, pool) in plan.pools.iter().enumerate() {
            let state = PoolState::new(pool, &plan.groups, &demand, &targets, &health, now);
            for (candidate, target) in state.members() {
                uses[target.index()].push(Use {
                    pool: number as u16,
                    candidate,
                });
            }
            pools.push(state);
        }
        let reach = |target: &Target| target.probe.interval + target.probe.timeout;
        // What is measured elsewhere says nothing about this host's own network.
        let own = || targets.iter().filter(|target| is_own(target));
        let window = own().map(reach).max().unwrap_or(Duration::ZERO);
        let suspicion = Suspicion::new(own().count(), window, suspect_percent);
        let history = pools.iter().map(History::new).collect();
        Self {
            plan,
            targets,
            health,
            uses,
            history,
            touched: Touched::default(),
            pools,
            counted,
            demand,
            suspicion,
            overrides: Overrides::default(),
            time_of_day: TimeOfDay::default(),
            changes,
            withheld: Vec::new(),
        }
    }

    /// Keeps what `previous` knew: the demand, the health of every target that is in both
    /// plans, the order of every pool that is, what a frozen one decided, a running
    /// suspicion, and the time of day; the overrides are to follow. To be called on a new director
    /// before its first sample.
    pub fn carry_over(&mut self, previous: &Self, now: Instant) {
        for target in self.targets.iter() {
            if let Some(known) = previous.targets.id(target.address, &target.probe) {
                self.health[target.id.index()] = previous.health[known.index()].clone();
                self.changes[target.id.index()] = previous.changes[known.index()].clone();
            }
        }
        let number = |id| {
            let target = previous.targets.get(id)?;
            self.targets.id(target.address, &target.probe)
        };
        let turn = self.suspicion.carry_over(&previous.suspicion, number, now);
        self.log_turn(turn);
        self.keep_time_of_day(previous);
        self.carry_demand_over(previous);
        let pools = previous.pools_of_services();
        let services = self.plan.service_of_each_pool();
        let states = self.plan.pools.iter().zip(&mut self.pools);
        for ((pool, state), service) in states.zip(services) {
            let before = service.and_then(|service| pools.get(&service.name));
            let before = before.map(|before| usize::from(*before));
            let mut known = previous.plan.pools.iter();
            let known = known.position(|known| known == pool).or_else(|| {
                // Or a version without effect would end a hold.
                before.filter(|before| previous.plan.pools[*before].is_but_for_level(pool))
            });
            let known = known.map(|known| &previous.pools[known]);
            state.recompute(pool, &self.health, known, now);
            if let (None, Some(before)) = (known, before) {
                state.share_after(&previous.pools[before]);
            }
        }
        self.keep_frozen(previous, now);
    }

    /// Takes in a first round: one sample of each target measured before anything
    /// is decided, none for those that did not answer in time. Taken as a whole,
    /// it sets the state of targets so far unknown at once, unless so many failed
    /// that suspicion rises or goes on: then those that failed stay unknown, which
    /// counts as up, until they pass, or fail on after suspicion has ended. The
    /// decisions are to be read from [`Self::decisions`] afterwards.
    ///
    /// Without this, a restart while this host's network is broken would replace
    /// the last good decisions by all servers down.
    pub fn observe_first_round(&mut self, samples: &[Sample]) {
        let Some(end) = samples.iter().map(|sample| sample.at).max() else {
            return;
        };
        let was_suspected = self.suspicion.since().is_some();
        for sample in samples {
            // All at one time: however long the round took, it is one.
            self.take_in(sample, end);
        }
        self.log_turn(match (was_suspected, self.suspicion.since().is_some()) {
            (false, true) => Some(Turn::Rises),
            (true, false) => Some(Turn::Ends),
            _ => None,
        });
        for sample in samples {
            self.settle(sample.target, Health::settle_first, end);
        }
        for (pool, state) in self.plan.pools.iter().zip(&mut self.pools) {
            let known = state.clone();
            state.recompute(pool, &self.health, Some(&known), end);
        }
    }

    /// Takes in one sample, and returns the words it changes, in the order in which they
    /// are to be stored. A target's death changes one word for each pool that uses it,
    /// however many groups there are.
    ///
    /// Samples must come from a schedule of [`Self::targets`]; one with a number
    /// beyond them changes nothing.
    pub fn observe(&mut self, sample: &Sample) -> Vec<Change> {
        let id = sample.target;
        // Before the state follows: what fails now may be this host's own fault.
        let turn = self.take_in(sample, sample.at);
        self.log_turn(turn);
        // Its end takes nobody else down: with the fault gone, the next sample of
        // each says more than the failures of the time before.
        let settles = match sample.verdict {
            Verdict::Pass { .. } | Verdict::Fail { .. } => {
                self.settle(id, Health::settle, sample.at)
            }
            Verdict::Local { .. } => false,
        };
        let mut stores = Stores::default();
        let mut last = None;
        for position in 0..self.uses.get(id.index()).map_or(0, Vec::len) {
            let pool = self.uses[id.index()][position].pool;
            // It stands there for each of its candidates that the target is of.
            if last.replace(pool) != Some(pool) {
                self.follow(pool, Some(id), settles, sample.at, &mut stores);
            }
        }
        let changes = stores.in_order();
        self.touch_by_sample(id, settles, &changes, sample.at);
        changes
    }

    /// As [`Self::observe`], for a sample of a target of `previous`; one that is none of
    /// this director's changes nothing.
    pub fn observe_of(&mut self, previous: &Self, sample: &Sample) -> Vec<Change> {
        let target = previous.targets.get(sample.target);
        let id = target.and_then(|target| self.targets.id(target.address, &target.probe));
        let sample = id.map(|target| Sample {
            target,
            ..sample.clone()
        });
        sample.map_or(Vec::new(), |sample| self.observe(&sample))
    }

    /// Counts one sample, taken for one of `now`, towards its target's health and
    /// towards suspicion; no state follows yet.
    fn take_in(&mut self, sample: &Sample, now: Instant) -> Option<Turn> {
        let id = sample.target;
        let health = self.health.get_mut(id.index())?;
        // The unknown counts as up, so here as well.
        let was_passing = health.state().is_usable() && !health.is_failing();
        if let Verdict::Local { error } = &sample.verdict
            && health.last_local_failure() != Some(error)
            && let Some(Target { address, .. }) = self.targets.get(id)
        {
            warn!(%address, %error, "could not probe");
        }
        let target = self.targets.get(id)?;
        health.observe(sample, &target.probe);
        let failed = match &sample.verdict {
            Verdict::Pass { .. } => false,
            Verdict::Fail { .. } => true,
            Verdict::Local { .. } => return None,
        };
        if !is_own(target) {
            return None;
        }
        self.suspicion.observe(id, failed, was_passing, now)
    }

    /// Sets the share of all targets (0 to 100, 100 for never) that must be
    /// exceeded for suspicion, and returns the words that changes: whoever ends
    /// it so takes the failures for the targets' own, and those go down at once.
    pub fn set_suspect_percent(&mut self, percent: u8, now: Instant) -> Vec<Change> {
        let turn = self.suspicion.set_percent(percent, now);
        self.log_turn(turn);
        match turn {
            Some(Turn::Ends) => {
                let mut stores = Stores::default();
                for pool in self.settle_all(now) {
                    self.follow(pool, None, true, now, &mut stores);
                }
                let changes = stores.in_order();
                self.touch(&changes, &Cause::SuspicionEnds, now);
                changes
            }
            _ => Vec::new(),
        }
    }

    /// Lets the state of one target follow its samples, by the rule `settle`; whether it
    /// changed.
    fn settle(&mut self, id: TargetId, settle: Settle, now: Instant) -> bool {
        let hold = self.suspicion.since().is_some();
        let Some(target) = self.targets.get(id) else {
            return false;
        };
        let health = &mut self.health[id.index()];
        let Some(transition) = settle(health, &target.probe, hold, now) else {
            return false;
        };
        log_transition(target, health, transition);
        self.changes[id.index()].note(transition, now);
        self.withhold(id, transition, now);
        true
    }

    /// Lets the state of every target follow its samples; the pools that concerns.
    fn settle_all(&mut self, now: Instant) -> BTreeSet<u16> {
        let ids = (0..self.targets.len() as u32).map(TargetId);
        let changed: Vec<_> = ids
            .filter(|id| self.settle(*id, Health::settle, now))
            .collect();
        let uses = changed.into_iter().flat_map(|id| &self.uses[id.index()]);
        uses.map(|user| user.pool).collect()
    }

    /// Recomputes the words of the pool `number` at `now`, after a sample of the target `by`
    /// or whatever else concerns all groups; who is eligible only where the state of a
    /// target `settles`.
    fn follow(
        &mut self,
        number: u16,
        by: Option<TargetId>,
        settles: bool,
        now: Instant,
        stores: &mut Stores,
    ) {
        let pool = &self.plan.pools[usize::from(number)];
        let words = self.until_words(number);
        let state = &mut self.pools[usize::from(number)];
        let eligible = state.eligible();
        let is_apart = |id: &TargetId| self.targets.get(*id).is_some_and(|it| !is_own(it));
        let apart = by.filter(is_apart);
        let mut moved = Vec::new();
        // All groups without measurements of their own share one order, so they
        // cost something only when it changes.
        if apart.is_none() && state.rank(pool, &self.health, now) {
            let common = (0..=u16::MAX).take(self.plan.groups.names.len());
            moved.extend(common.filter(|group| state.outlook(*group).is_none()));
        }
        moved.extend(state.rank_apart(pool, apart, &self.health, now));
        for group in moved {
            stores.ranking(number, group, state.ranking(group));
        }
        if settles {
            state.decide(pool, &self.health);
        }
        if let Some(shares) = state.share(pool, &self.health, now) {
            stores.shares(number, &shares, state);
        }
        state.follow_ttl(pool, &self.health, words, now);
        stores.eligible(number, eligible, state.eligible());
    }

    /// The words of every pool, in order: what a new generation of tables begins with.
    pub fn decisions(&self) -> impl Iterator<Item = Decisions> {
        let groups = self.plan.groups.names.len() as u32;
        self.pools.iter().map(move |state| {
            let rankings = (0..groups).map(|group| state.ranking(group as u16));
            Decisions {
                eligible: state.eligible(),
                rankings: rankings.collect(),
                shares: state.shares().words().to_vec(),
            }
        })
    }

    /// Every current word, as if all had changed.
    pub fn words(&self) -> impl Iterator<Item = Change> {
        // The numbers end with the last pool, group and slot that there can be.
        let pools = (0..=u16::MAX).zip(self.decisions());
        pools.flat_map(|(pool, decisions)| {
            let rankings = (0..=u16::MAX).zip(decisions.rankings);
            let rankings = rankings.map(move |(group, word)| Change::Ranking { pool, group, word });
            let shares = (0..=u8::MAX).zip(decisions.shares);
            let shares = shares.map(move |(index, word)| Change::Shares { pool, index, word });
            let word = decisions.eligible;
            let eligible = std::iter::once(Change::Eligible { pool, word });
            eligible.chain(rankings).chain(shares)
        })
    }

    /// The plan it directs.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What is to be probed.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// When the last conclusive sample was taken of what `target`, maybe one of
    /// another director, probes; `None` if there was none.
    pub fn last_sample(&self, target: &Target) -> Option<Instant> {
        let known = self.targets.id(target.address, &target.probe)?;
        self.health[known.index()].last_sample()
    }

    /// Says that suspicion rose or ended.
    fn log_turn(&self, turn: Option<Turn>) {
        match (turn, self.suspicion.reason()) {
            (Some(Turn::Rises), Some(reason)) => warn!("{reason}"),
            (Some(Turn::Ends), _) => info!("this host's own network is no longer suspected"),
            _ => {}
        }
    }
}

/// Whether `target` is measured from this host.
fn is_own(target: &Target) -> bool {
    Vantage::of(&target.probe) == Vantage::Host
}

/// Says that a target went up or down.
fn log_transition(target: &Target, health: &Health, transition: Transition) {
    let address = target.address;
    let probe = states::describe(&target.probe.kind);
    match (transition.to, health.last_reason()) {
        (State::Down, Some(reason)) => warn!(%address, probe, "down: {reason}"),
        (state, _) => info!(%address, probe, "{}", states::word(state)),
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
