//! Schedule: which addresses are probed, and when.

mod target;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use super::{
    probe::Prober,
    sample::{Reason, Sample, Vantage, Verdict},
};

pub use target::{Target, TargetId, Targets, probed};

/// Probes of the first round that are under way at once: far below the usual
/// limit of 1024 descriptors, and no burst that a firewall would take for a scan.
const FIRST_ROUND_CONCURRENCY: usize = 128;

/// Probes each of `targets` once, right away, and hands one sample of each to
/// `take_sample`, as the probes end. Dropping the future ends the probes under way.
///
/// At most 128 probes run at once, so this takes no longer than
/// `targets / 128`, rounded up, times the longest timeout.
pub async fn first_round<P: Prober>(
    targets: impl IntoIterator<Item = Target>,
    prober: Arc<P>,
    mut take_sample: impl FnMut(Sample),
) {
    let mut under_way = JoinSet::new();
    for target in targets {
        if under_way.len() == FIRST_ROUND_CONCURRENCY {
            finished(&mut under_way).await.map(&mut take_sample);
        }
        let prober = Arc::clone(&prober);
        under_way.spawn(async move { take(&target, &*prober).await });
    }
    while let Some(sample) = finished(&mut under_way).await {
        take_sample(sample);
    }
}

/// The next sample to be finished, if any is under way.
async fn finished(under_way: &mut JoinSet<Sample>) -> Option<Sample> {
    let joined = under_way.join_next().await?;
    // Nothing aborts these tasks, so the only way to fail is a prober's panic.
    Some(joined.expect("a prober does not panic"))
}

/// Probing that goes on until this is dropped.
///
/// Target numbers belong to one [`Targets`]: give each schedule a channel of
/// its own, so that no sample of an earlier one is taken for another target's.
#[derive(Debug)]
pub struct Schedule {
    /// One task per target; dropping the set aborts them.
    _tasks: JoinSet<()>,
}

impl Schedule {
    /// Starts probing `targets`, each once per interval of its probe, and sends
    /// every sample to `sender`; ends by itself when its receiver is dropped.
    ///
    /// A target that comes with the time its next probe is due begins then, or
    /// right away if that is past. The others with one interval are spread evenly
    /// over it, the first of them right away. Ticks are at fixed times, so the
    /// spread stays as it began. A target has one probe under way at most. Must
    /// be called within a tokio runtime.
    pub fn start<P: Prober>(
        targets: impl IntoIterator<Item = (Target, Option<Instant>)>,
        prober: &Arc<P>,
        sender: &mpsc::Sender<Sample>,
    ) -> Self {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        let (due, fresh): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|(_, due)| due.is_some());
        let fresh = staggered(fresh.into_iter().map(|(target, _)| target).collect())
            .into_iter()
            .map(|(target, offset)| (target, start + offset));
        let due = due
            .into_iter()
            .filter_map(|(target, due)| Some((target, due?.max(start))));
        for (target, first) in due.chain(fresh) {
            tasks.spawn(run(target, first, Arc::clone(prober), sender.clone()));
        }
        Self { _tasks: tasks }
    }
}

/// Each target with the time to its first probe: the n-th of m targets that
/// share an interval waits n/m of it.
pub fn staggered(targets: Vec<Target>) -> Vec<(Target, Duration)> {
    let mut sharing: HashMap<Duration, u32> = HashMap::new();
    for target in &targets {
        *sharing.entry(target.probe.interval).or_default() += 1;
    }
    let mut placed: HashMap<Duration, u32> = HashMap::new();
    let place = |target: Target| {
        let interval = target.probe.interval;
        let position = placed.entry(interval).or_default();
        let offset = interval.mul_f64(f64::from(*position) / f64::from(sharing[&interval]));
        *position += 1;
        (target, offset)
    };
    targets.into_iter().map(place).collect()
}

/// Probes one target at `first` and then once per interval.
async fn run<P: Prober>(
    target: Target,
    first: Instant,
    prober: Arc<P>,
    sender: mpsc::Sender<Sample>,
) {
    let mut ticks = interval_at(first, target.probe.interval);
    // A tick missed (the receiver was slow, or the host slept) is left out:
    // catching up would probe in bursts, and counting from the late tick would
    // undo the stagger.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let sample = take(&target, &*prober).await;
        if sender.send(sample).await.is_err() {
            return;
        }
    }
}

/// One probe of `target`, ended by the probe's own timeout.
async fn take<P: Prober>(target: &Target, prober: &P) -> Sample {
    let after = target.probe.timeout;
    let verdict = match timeout(after, prober.probe(target)).await {
        Ok(verdict) => verdict,
        Err(_elapsed) => Verdict::Fail {
            reason: Reason::Timeout { after },
        },
    };
    Sample {
        target: target.id,
        at: Instant::now(),
        taken_from: Vantage::of(&target.probe),
        verdict,
    }
}

#[cfg(test)]
mod tests;
