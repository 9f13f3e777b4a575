//! Values as they were measured, unsmoothed, so that both configurations are held against
//! the same.

use tokio::time::Instant;

use crate::measurement::{
    director::Director, metric::Metric, sample::Readings, schedule::TargetId,
};

use super::WEIGHTED;

/// A value, and until when it is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    metric: Metric,
    pub(super) value: f64,
    pub(super) until: Instant,
}

/// The last values of every target of one configuration.
#[derive(Debug)]
pub(super) struct Values(Vec<Vec<Known>>);

impl Values {
    pub(super) fn new(director: &Director) -> Self {
        Self(vec![Vec::new(); director.targets().len()])
    }

    /// `readings` of `target`, which are good `until` then.
    pub(super) fn note(&mut self, target: TargetId, readings: &Readings, until: Instant) {
        let known = &mut self.0[target.index()];
        for (metric, value) in readings.iter() {
            known.retain(|known| known.metric != metric);
            known.push(Known {
                metric,
                value,
                until,
            });
        }
    }

    /// The worst of what is known of these targets at `now`, as a client may get any.
    pub(super) fn worst(&self, of: &[(TargetId, Metric)], now: Instant) -> Option<Known> {
        let known = of.iter().filter_map(|(target, metric)| {
            let mut known = self.0[target.index()].iter();
            known.find(|known| known.metric == *metric && known.until > now)
        });
        known.copied().max_by(|one, other| {
            let badness = |known: &Known| known.metric.badness(known.value);
            badness(one).cmp(&badness(other))
        })
    }
}

/// By what latency and load of a pool's candidates are known.
#[derive(Debug)]
pub(super) struct Measures(Vec<[Vec<(TargetId, Metric)>; WEIGHTED]>);

impl Measures {
    pub(super) fn new(director: &Director, pool: u16, latency: Option<Metric>) -> Self {
        let candidates = director.plan().pools[usize::from(pool)].candidates();
        let of = (0..).zip(candidates).map(|(number, _)| {
            [latency, Some(Metric::Load)].map(|metric| {
                let targets = metric.and_then(|metric| {
                    let targets = director.measured_of(pool, number, metric)?;
                    let targets = targets.into_iter().map(|target| (target, metric));
                    Some(targets.collect())
                });
                targets.unwrap_or_default()
            })
        });
        Self(of.collect())
    }

    /// By what the first, latency, or the second, load, of `candidate` is known.
    pub(super) fn of(&self, candidate: usize, kind: usize) -> &[(TargetId, Metric)] {
        self.0.get(candidate).map_or(&[], |of| &of[kind])
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = TargetId> {
        let all = self.0.iter().flatten().flatten();
        all.map(|(target, _)| *target)
    }
}

/// The metric that pools of both configurations measure how long something takes by: of
/// those the one closest to what a client waits for.
pub(super) fn common_latency(pools: [(&Director, u16); 2]) -> Option<Metric> {
    let has = |metric| {
        let mut pools = pools.iter();
        pools.all(|(director, pool)| director.measured_of(*pool, 0, metric).is_some())
    };
    Metric::TIMES.into_iter().find(|metric| has(*metric))
}
