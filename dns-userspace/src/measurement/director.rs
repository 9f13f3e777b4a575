//! Director: keeps what is known of every target, and turns each sample into
//! the words that changed.

pub mod explain;
mod pool;
pub mod states;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dns_common::decision::{Eligible, Ranking};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    health::{Health, State, Transition},
    sample::{Sample, Verdict},
    schedule::{Target, TargetId, Targets},
    suspicion::{Suspicion, Turn},
};
use crate::model::Plan;
use pool::PoolState;

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
}

/// A candidate one of whose addresses a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Use {
    pool: u16,
    candidate: u8,
}

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
    suspicion: Suspicion,
}

impl Director {
    /// A director of `plan` that knows nothing yet: everything counts as up.
    /// `suspect_percent` (0 to 100, 100 for never) is the share of all targets
    /// that must be exceeded for [`Suspicion`].
    pub fn new(plan: impl Into<Arc<Plan>>, suspect_percent: u8) -> Self {
        let plan = plan.into();
        let targets = Targets::new(&plan);
        let health = vec![Health::default(); targets.len()];
        let mut uses = vec![Vec::new(); targets.len()];
        let mut pools = Vec::with_capacity(plan.pools.len());
        for (number, pool) in plan.pools.iter().enumerate() {
            let state = PoolState::new(pool, &plan.groups, &targets, &health);
            for (candidate, target) in state.members() {
                uses[target.index()].push(Use {
                    pool: number as u16,
                    candidate,
                });
            }
            pools.push(state);
        }
        let reach = |target: &Target| target.probe.interval + target.probe.timeout;
        let window = targets.iter().map(reach).max().unwrap_or(Duration::ZERO);
        let suspicion = Suspicion::new(targets.len(), window, suspect_percent);
        Self {
            plan,
            targets,
            health,
            uses,
            pools,
            suspicion,
        }
    }

    /// Keeps what `previous` knew: the health of every target that is in both
    /// plans, the order of every pool that is, and a running suspicion. To be
    /// called on a new director before its first sample.
    pub fn carry_over(&mut self, previous: &Self, now: Instant) {
        for target in self.targets.iter() {
            if let Some(known) = previous.targets.id(target.address, &target.probe) {
                self.health[target.id.index()] = previous.health[known.index()].clone();
            }
        }
        let number = |id| {
            let target = previous.targets.get(id)?;
            self.targets.id(target.address, &target.probe)
        };
        let turn = self.suspicion.carry_over(&previous.suspicion, number, now);
        self.log_turn(turn);
        for (pool, state) in self.plan.pools.iter().zip(&mut self.pools) {
            let known = previous.plan.pools.iter().position(|known| known == pool);
            let ranking = known.map(|known| previous.pools[known].common_ranking());
            state.recompute(pool, &self.health, ranking);
        }
    }

    /// Takes in one sample, and returns the words it changes, eligible words
    /// first. A target's death changes one word for each pool that uses it,
    /// however many groups there are.
    ///
    /// Samples must come from a schedule of [`Self::targets`]; one with a number
    /// beyond them changes nothing.
    pub fn observe(&mut self, sample: &Sample) -> Vec<Change> {
        let id = sample.target;
        let Some(health) = self.health.get_mut(id.index()) else {
            return Vec::new();
        };
        let was_passing = health.state() == State::Up && !health.is_failing();
        if let Verdict::Local { error } = &sample.verdict
            && health.last_local_failure() != Some(error)
        {
            let address = self.targets.get(id).map(|target| target.address);
            warn!(?address, %error, "could not probe");
        }
        health.observe(sample);
        let (passed, failed) = match &sample.verdict {
            Verdict::Pass { .. } => (true, false),
            Verdict::Fail { .. } => (false, true),
            Verdict::Local { .. } => return Vec::new(),
        };
        // Before the state follows: what fails now may be this host's own fault.
        let turn = self.suspicion.observe(id, failed, was_passing, sample.at);
        self.log_turn(turn);
        // Its end takes nobody else down: with the fault gone, the next sample of
        // each says more than the failures of the time before.
        let pools = self.settle(id, sample.at);
        let mut changes = self.decide(pools);
        if passed {
            self.rank(id, &mut changes);
        }
        changes
    }

    /// Sets the share of all targets (0 to 100, 100 for never) that must be
    /// exceeded for suspicion, and returns the words that changes: whoever ends
    /// it so takes the failures for the targets' own, and those go down at once.
    pub fn set_suspect_percent(&mut self, percent: u8, now: Instant) -> Vec<Change> {
        let turn = self.suspicion.set_percent(percent, now);
        self.log_turn(turn);
        match turn {
            Some(Turn::Ends) => {
                let pools = self.settle_all(now);
                self.decide(pools)
            }
            _ => Vec::new(),
        }
    }

    /// Lets the state of one target follow its samples; the pools it concerns.
    fn settle(&mut self, id: TargetId, now: Instant) -> BTreeSet<u16> {
        let hold = self.suspicion.since().is_some();
        let Some(target) = self.targets.get(id) else {
            return BTreeSet::new();
        };
        let health = &mut self.health[id.index()];
        let Some(transition) = health.settle(&target.probe, hold, now) else {
            return BTreeSet::new();
        };
        log_transition(target, health, transition);
        self.uses[id.index()].iter().map(|user| user.pool).collect()
    }

    /// Lets the state of every target follow its samples.
    fn settle_all(&mut self, now: Instant) -> BTreeSet<u16> {
        let ids = (0..self.targets.len() as u32).map(TargetId);
        ids.flat_map(|id| self.settle(id, now)).collect()
    }

    /// Recomputes who is eligible in `pools`.
    fn decide(&mut self, pools: BTreeSet<u16>) -> Vec<Change> {
        let changed = pools.into_iter().filter_map(|number| {
            let pool = &self.plan.pools[usize::from(number)];
            let state = &mut self.pools[usize::from(number)];
            let word = state.decide(pool, &self.health)?;
            Some(Change::Eligible { pool: number, word })
        });
        changed.collect()
    }

    /// Recomputes the order of the pools that use the target `id`.
    fn rank(&mut self, id: TargetId, changes: &mut Vec<Change>) {
        let groups = 0..self.plan.groups.names.len() as u32;
        for user in &self.uses[id.index()] {
            let pool = &self.plan.pools[usize::from(user.pool)];
            let state = &mut self.pools[usize::from(user.pool)];
            // All groups of a pool ranked by measurement share one order, so
            // groups cost something only when it changes.
            if let Some(word) = state.rank(pool, &self.health) {
                changes.extend(groups.clone().map(|group| Change::Ranking {
                    pool: user.pool,
                    group: group as u16,
                    word,
                }));
            }
        }
    }

    /// Every current word, as if all had changed: what a new generation of
    /// tables begins with.
    pub fn words(&self) -> impl Iterator<Item = Change> {
        let groups = 0..self.plan.groups.names.len() as u32;
        let pools = self.pools.iter().enumerate();
        pools.flat_map(move |(pool, state)| {
            let pool = pool as u16;
            let rankings = groups.clone().map(move |group| Change::Ranking {
                pool,
                group: group as u16,
                word: state.ranking(group as u16),
            });
            let word = state.eligible();
            std::iter::once(Change::Eligible { pool, word }).chain(rankings)
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

    /// The targets nothing conclusive is known of: after [`Self::new`] all of
    /// them, after [`Self::carry_over`] those that are new.
    pub fn unknown_targets(&self) -> impl Iterator<Item = &Target> {
        let targets = self.targets.iter().zip(&self.health);
        let unknown = targets.filter(|(_, health)| health.state() == State::Unknown);
        unknown.map(|(target, _)| target)
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
mod tests;
