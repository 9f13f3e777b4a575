//! Tally: who had which part of the demand, for how long, and what was measured of them
//! meanwhile.

mod figures;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dns_common::decision::CANDIDATES_MAX;
use tokio::time::Instant;

use super::{report::Replayed, side::Side};
use crate::{
    measurement::{
        director::parts::{Divided, Overlap},
        metric::Metric,
        sample::Verdict,
    },
    model::NameMap,
};
use values::{Measures, Values};

/// What is weighted beside the time.
pub(super) const WEIGHTED: usize = 2;

/// A mean under way.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        self.sum += value * weight;
        self.weight += weight;
    }

    fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.weight += other.weight;
    }

    fn value(self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// What one candidate had: seconds × demand, and what was measured of it in them.
#[derive(Clone, Copy, Debug, Default)]
struct Had {
    time: f64,
    /// Latency, load.
    measured: [Mean; WEIGHTED],
}

/// Services that are of one pool before and of one then.
#[derive(Debug)]
struct Pair {
    /// The pools' numbers, before and then.
    pools: [u16; 2],
    /// What latency is.
    latency: Option<Metric>,
    measures: [Measures; 2],
    divided: Divided,
    /// Until when it was counted.
    until: Instant,
    /// Seconds × demand that is elsewhere.
    moved: f64,
    /// By side and candidate.
    had: [[Had; CANDIDATES_MAX]; 2],
}

impl Pair {
    /// Counts until `now`, as it was so far.
    fn pass(&mut self, values: &[Values; 2], now: Instant) {
        let time = now.saturating_duration_since(self.until).as_secs_f64();
        self.moved += self.divided.moved * time;
        let parts = [self.divided.before, self.divided.then];
        for (side, parts) in parts.iter().enumerate() {
            for (candidate, part) in parts.iter().enumerate().filter(|(_, part)| **part > 0.0) {
                let had = &mut self.had[side][candidate];
                had.time += part * time;
                for (kind, mean) in had.measured.iter_mut().enumerate() {
                    let targets = self.measures[side].of(candidate, kind);
                    if let Some(known) = values[side].worst(targets, self.until) {
                        let until = known.until.min(now);
                        let time = until.saturating_duration_since(self.until);
                        mean.add(known.value, part * time.as_secs_f64());
                    }
                }
            }
        }
        self.until = now;
    }
}

/// Everything as it comes in.
pub(super) struct Tally {
    overlap: Overlap,
    pairs: Vec<Pair>,
    /// By side and pool, the pairs that it is in.
    by_pool: [Vec<Vec<usize>>; 2],
    /// By side and target, the pairs that its values count in.
    by_target: [Vec<Vec<usize>>; 2],
    values: [Values; 2],
    /// By service of the configuration before, its pair; those in both.
    services: Vec<(usize, usize)>,
    /// For longer nothing is silent but in a gap.
    gap: Duration,
    /// Until when it was counted.
    until: Instant,
    counted: Duration,
    gaps: u64,
    in_gaps: Duration,
}

impl Tally {
    pub(super) fn new(sides: &[Side; 2], gap: Duration, begin: Instant) -> Self {
        let [before, then] = sides;
        let plans = [before.director.plan(), then.director.plan()];
        let others = plans[1].services.iter();
        let others: NameMap<u16> = others.map(|(it, pool)| (it.name.clone(), *pool)).collect();
        let mut pairs = Vec::new();
        let mut known: BTreeMap<[u16; 2], usize> = BTreeMap::new();
        let mut services = Vec::new();
        for (number, (service, pool)) in plans[0].services.iter().enumerate() {
            let Some(other) = others.get(&service.name) else {
                continue;
            };
            let pools = [*pool, *other];
            let pair = *known.entry(pools).or_insert_with(|| {
                pairs.push(Pair::new(sides, pools, begin));
                pairs.len() - 1
            });
            services.push((number, pair));
        }
        let by_pool = [0, 1].map(|side| {
            let mut of = vec![Vec::new(); plans[side].pools.len()];
            for (number, pair) in pairs.iter().enumerate() {
                of[usize::from(pair.pools[side])].push(number);
            }
            of
        });
        let by_target = [0, 1].map(|side| {
            let mut of = vec![Vec::new(); sides[side].director.targets().len()];
            for (number, pair) in pairs.iter().enumerate() {
                let targets: BTreeSet<_> = pair.measures[side].targets().collect();
                for target in targets {
                    of[target.index()].push(number);
                }
            }
            of
        });
        let values = [0, 1].map(|side| Values::new(&sides[side].director));
        Self {
            overlap: Overlap::new(&before.director, &then.director),
            pairs,
            by_pool,
            by_target,
            values,
            services,
            gap,
            until: begin,
            counted: Duration::ZERO,
            gaps: 0,
            in_gaps: Duration::ZERO,
        }
    }

    /// Begins to count, at `now`.
    pub(super) fn begin(&mut self, sides: &[Side; 2], now: Instant) {
        self.until = now;
        for pair in &mut self.pairs {
            pair.until = now;
            pair.divide(sides, &self.overlap);
        }
    }

    /// Counts until `now`, or leaves that time out where nothing was measured in it.
    pub(super) fn pass(&mut self, now: Instant) {
        let time = now.saturating_duration_since(self.until);
        if time > self.gap {
            let until = self.until;
            self.end(until);
            for pair in &mut self.pairs {
                pair.until = now;
            }
            self.gaps += 1;
            self.in_gaps += time;
        } else {
            self.counted += time;
        }
        self.until = now;
    }

    /// What was measured of `recorded` is known from `now` on.
    pub(super) fn note_values(
        &mut self,
        sides: &[Side; 2],
        recorded: usize,
        verdict: &Verdict,
        now: Instant,
    ) {
        let Verdict::Pass { readings } = verdict else {
            return;
        };
        for (side, fed) in sides.iter().enumerate() {
            for id in fed.fed(recorded) {
                for pair in &self.by_target[side][id.index()] {
                    self.pairs[*pair].pass(&self.values, now);
                }
                if let Some(target) = fed.target(*id) {
                    self.values[side].note(*id, readings, now + target.probe.stale_after);
                }
            }
        }
    }

    /// The words of these pools of one side are others from `now` on.
    pub(super) fn note_changes(
        &mut self,
        sides: &[Side; 2],
        side: usize,
        pools: &BTreeSet<u16>,
        now: Instant,
    ) {
        for pool in pools {
            for pair in &self.by_pool[side][usize::from(*pool)] {
                let pair = &mut self.pairs[*pair];
                pair.pass(&self.values, now);
                pair.divide(sides, &self.overlap);
            }
        }
    }

    /// Counts everything until `now`.
    pub(super) fn end(&mut self, now: Instant) {
        for pair in &mut self.pairs {
            pair.pass(&self.values, now);
        }
    }

    /// How much time counts.
    pub(super) fn counted(&self) -> Duration {
        self.counted
    }

    /// What it comes to.
    pub(super) fn report(&self, sides: &[Side; 2]) -> Replayed {
        figures::report(self, sides)
    }
}

impl Pair {
    fn new(sides: &[Side; 2], pools: [u16; 2], begin: Instant) -> Self {
        let directors = [0, 1].map(|side: usize| (&sides[side].director, pools[side]));
        let latency = values::common_latency(directors);
        Self {
            pools,
            latency,
            measures: directors.map(|(director, pool)| Measures::new(director, pool, latency)),
            divided: Divided::default(),
            until: begin,
            moved: 0.0,
            had: [[Had::default(); CANDIDATES_MAX]; 2],
        }
    }

    fn divide(&mut self, [before, then]: &[Side; 2], overlap: &Overlap) {
        let [pool, other] = self.pools;
        self.divided = before
            .director
            .divided(pool, &then.director, other, overlap);
    }
}
