//! One configuration: its director, and which recorded samples it takes.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::{Configured, report::Fed};
use crate::{
    measurement::{
        director::{Change, Director, history::Cause},
        sample::{Sample, Vantage, Verdict},
        schedule::{Target, TargetId},
    },
    measurement_log::Probed,
};

/// Targets without samples that are named; the others are counted.
const NAMED: usize = 10;

/// A configuration under way.
pub(super) struct Side {
    pub(super) director: Director,
    /// By the number of a recorded target, those that take its samples.
    feeds: Vec<Vec<TargetId>>,
    /// By target, what it takes.
    fed_by: Vec<Option<usize>>,
    /// Fed targets that nothing was measured of so far.
    unseen: BTreeSet<usize>,
    /// By pool, how often what it answers has changed.
    flips: Vec<u64>,
    /// Pools by the first service that they name.
    pools: HashMap<String, u16>,
}

impl Side {
    /// One that knows nothing yet, where all that was probed is `recorded`.
    pub(super) fn new(configured: Configured, recorded: &[Probed], begin: Instant) -> Self {
        let Configured {
            plan,
            suspect_percent,
        } = configured;
        let director = Director::new(plan, suspect_percent, begin);
        let mut feeds = vec![Vec::new(); recorded.len()];
        let fed_by = director.targets().iter().map(|target| {
            let number = matching(&Probed::new(target.address, &target.probe), recorded)?;
            feeds[number].push(target.id);
            Some(number)
        });
        let fed_by: Vec<_> = fed_by.collect();
        let services = director.plan().service_of_each_pool();
        let pools = (0..).zip(services).filter_map(|(pool, service)| {
            let name = service?.name.fmt_with_dot().to_string();
            Some((name, pool))
        });
        Self {
            pools: pools.collect(),
            flips: vec![0; director.plan().pools.len()],
            unseen: fed_by.iter().flatten().copied().collect(),
            director,
            feeds,
            fed_by,
        }
    }

    /// The longest that a target which samples are recorded of is silent.
    pub(super) fn reach(&self) -> Option<Duration> {
        let targets = self.director.targets().iter().zip(&self.fed_by);
        let fed = targets.filter(|(_, by)| by.is_some());
        fed.map(|(target, _)| target.probe.interval + target.probe.timeout)
            .max()
    }

    pub(super) fn is_fed_by(&self, recorded: usize) -> bool {
        !self.feeds[recorded].is_empty()
    }

    /// The targets that take samples of `recorded`.
    pub(super) fn fed(&self, recorded: usize) -> &[TargetId] {
        &self.feeds[recorded]
    }

    pub(super) fn target(&self, id: TargetId) -> Option<&Target> {
        self.director.targets().get(id)
    }

    /// Whether with a sample of `recorded` all have been measured once.
    pub(super) fn has_all(&mut self, recorded: usize) -> bool {
        self.unseen.remove(&recorded);
        self.unseen.is_empty()
    }

    /// How often what `pool` answers has changed.
    pub(super) fn flips(&self, pool: u16) -> u64 {
        self.flips[usize::from(pool)]
    }

    /// Which targets it has, and which nothing was recorded of.
    pub(super) fn told(&self) -> Fed {
        let targets = self.director.targets().iter();
        let without = targets
            .zip(&self.fed_by)
            .filter(|(_, by)| by.is_none())
            .map(|(target, _)| Probed::new(target.address, &target.probe).to_string());
        let without: Vec<String> = without.collect();
        Fed {
            targets: self.fed_by.len(),
            without_samples: without.len(),
            named: without.into_iter().take(NAMED).collect(),
        }
    }

    pub(super) fn observe_first_round(
        &mut self,
        recorded: &[(usize, Instant, Verdict)],
        now: Instant,
        unix_ms: u64,
    ) {
        self.director.set_time_of_day(unix_ms, now);
        let mut known = BTreeSet::new();
        let first = recorded.iter().filter(|(number, ..)| known.insert(*number));
        let samples: Vec<Sample> = first
            .flat_map(|(number, at, verdict)| self.samples(*number, *at, verdict))
            .collect();
        self.director.observe_first_round(&samples);
        self.director.begin_history(None, &Cause::Start, now);
    }

    /// Takes in what was measured of `recorded` at `at`, which is `unix_ms`; the pools whose
    /// words that changes.
    pub(super) fn observe(
        &mut self,
        recorded: usize,
        at: Instant,
        unix_ms: u64,
        verdict: &Verdict,
    ) -> BTreeSet<u16> {
        let mut changes = self.director.set_time_of_day(unix_ms, at);
        if self.director.overrides().has_expired(unix_ms) {
            let mut overrides = self.director.overrides().clone();
            overrides.expire(unix_ms);
            changes.extend(self.director.override_with(overrides, at));
        }
        for sample in self.samples(recorded, at, verdict) {
            changes.extend(self.director.observe(&sample));
            changes.extend(self.withhold(at, unix_ms));
        }
        if !changes.is_empty() {
            for decided in self.director.take_decided() {
                let first = decided.services.first();
                if let Some(pool) = first.and_then(|name| self.pools.get(name)) {
                    self.flips[usize::from(*pool)] += 1;
                }
            }
        }
        changes.into_iter().map(pool).collect()
    }

    /// Holds back what the services' own rules hold back.
    fn withhold(&mut self, at: Instant, unix_ms: u64) -> Vec<Change> {
        let withheld = self.director.take_withheld();
        if withheld.is_empty() {
            return Vec::new();
        }
        let mut overrides = self.director.overrides().clone();
        for withheld in withheld {
            overrides.withhold(withheld, unix_ms);
        }
        self.director.override_with(overrides, at)
    }

    fn samples(&self, recorded: usize, at: Instant, verdict: &Verdict) -> Vec<Sample> {
        let targets = self.feeds[recorded]
            .iter()
            .filter_map(|id| self.target(*id));
        let samples = targets.map(|target| Sample {
            target: target.id,
            at,
            taken_from: Vantage::of(&target.probe),
            verdict: verdict.clone(),
        });
        samples.collect()
    }
}

fn pool(change: Change) -> u16 {
    match change {
        Change::Eligible { pool, .. }
        | Change::Ranking { pool, .. }
        | Change::Shares { pool, .. } => pool,
    }
}

/// The number of the one of `recorded` whose samples a target is to take: the same address
/// probed alike, as often if there is one.
pub(super) fn matching(target: &Probed, recorded: &[Probed]) -> Option<usize> {
    let alike = recorded.iter().position(|known| known.is_alike(target));
    let same = recorded.iter().position(|known| known == target);
    same.or(alike)
}
