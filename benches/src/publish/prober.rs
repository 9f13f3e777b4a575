//! A prober whose word on two targets flips with every probe, and goes up and down a
//! little on all others. Nothing is sent.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use veer::measurement::{
    metric::Metric,
    probe::Prober,
    sample::{Reason, Verdict},
    schedule::{Target, TargetId},
};

/// How often it looks whether the flip before was seen.
const UNSEEN_POLL: Duration = Duration::from_millis(1);

/// What a flip changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The target dies and returns: one word of its pool, whatever the groups.
    Eligible,
    /// The target becomes slower and faster than its rivals: a word for each group.
    Ranking,
}

/// Latency of the rivals of a target that flips by [`Kind::Ranking`].
pub(super) const RIVAL: Duration = Duration::from_millis(75);
/// Its own smoothed latency to begin with, which [`SWINGS`] bring back.
const FAST: Duration = Duration::from_millis(70);
/// Its odd and even samples: smoothed by 1/8, 70 ms and 150 ms make 80 ms, and 80 ms
/// and 0 make 70 ms again.
const SWINGS: [Duration; 2] = [Duration::ZERO, Duration::from_millis(150)];

/// One target that flips.
#[derive(Debug)]
pub(super) struct Flipper {
    target: TargetId,
    kind: Kind,
    start: Instant,
    /// Flips handed over.
    made: AtomicU64,
    /// Flips that have shown.
    seen: AtomicU64,
    /// When the last was handed over, nanoseconds after `start`.
    at_ns: AtomicU64,
}

impl Flipper {
    pub(super) fn new(target: TargetId, kind: Kind) -> Self {
        Self {
            target,
            kind,
            start: Instant::now(),
            made: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            at_ns: AtomicU64::new(0),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// What it says after `flips`.
    fn verdict(&self, flips: u64) -> Verdict {
        let odd = flips & 1 != 0;
        match self.kind {
            Kind::Eligible if odd => Verdict::Fail {
                reason: Reason::Refused,
            },
            Kind::Eligible => took(FAST),
            Kind::Ranking => took(SWINGS[usize::from(odd)]),
        }
    }

    /// The next flip, handed over now.
    fn flip(&self) -> Verdict {
        let made = self.made.load(Relaxed) + 1;
        let verdict = self.verdict(made);
        let at_ns = self.start.elapsed().as_nanos() as u64;
        self.at_ns.store(at_ns, Relaxed);
        // Whoever sees the flip made sees when.
        self.made.store(made, Release);
        verdict
    }

    /// Whether the last flip has shown; a next one would hide it.
    fn is_seen(&self) -> bool {
        self.seen.load(Acquire) == self.made.load(Relaxed)
    }

    /// The flips handed over so far.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Acquire)
    }

    /// To be called when the last flip shows; how long ago it was handed over.
    pub(super) fn show(&self) -> Duration {
        let handed_over = Duration::from_nanos(self.at_ns.load(Relaxed));
        let delay = self.start.elapsed().saturating_sub(handed_over);
        self.seen.store(self.made(), Release);
        delay
    }
}

/// The prober.
#[derive(Debug)]
pub(super) struct Rigged {
    flippers: Arc<[Flipper]>,
    /// Targets numbered below this never change.
    steady: u32,
    random: AtomicU64,
}

impl Rigged {
    pub(super) fn new(flippers: Arc<[Flipper]>, steady: u32) -> Self {
        Self {
            flippers,
            steady,
            random: AtomicU64::new(1),
        }
    }

    /// What a target says that nobody has flipped yet.
    pub(super) fn first(&self, target: &Target) -> Verdict {
        match self.flipper(target) {
            Some(_) => took(FAST),
            None => self.background(target),
        }
    }

    fn flipper(&self, target: &Target) -> Option<&Flipper> {
        let mut flippers = self.flippers.iter();
        flippers.find(|flipper| flipper.target == target.id)
    }

    /// A latency that is the target's own, and up to 20 ms more.
    fn background(&self, target: &Target) -> Verdict {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        const MIXER: u64 = 0xbf58_476d_1ce4_e5b9;
        if target.id.0 < self.steady {
            return took(RIVAL);
        }
        // Weyl's sequence, mixed: as random as latencies need to be.
        let random = self.random.fetch_add(STEP, Relaxed).wrapping_mul(MIXER) >> 32;
        let own = 10_000 + u64::from(target.id.0 % 8) * 5_000;
        took(Duration::from_micros(own + random % 20_000))
    }
}

impl Prober for Rigged {
    async fn probe(&self, target: &Target) -> Verdict {
        let Some(flipper) = self.flipper(target) else {
            return self.background(target);
        };
        while !flipper.is_seen() {
            tokio::time::sleep(UNSEEN_POLL).await;
        }
        flipper.flip()
    }
}

/// A connection that took so long.
pub(super) fn took(time: Duration) -> Verdict {
    Verdict::timed(Metric::ConnectTime, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swings_bring_the_smoothed_latency_past_the_rivals_and_back() {
        let mut smoothed = FAST;
        for flips in 1..=1000 {
            let flipper = Flipper::new(TargetId(0), Kind::Ranking);
            let Verdict::Pass { readings } = flipper.verdict(flips) else {
                panic!("it always passes");
            };
            let (_, latency_ms) = readings.iter().next().expect("a time");
            let latency = Duration::from_secs_f64(latency_ms / 1e3);
            // As `Health::observe` smooths it.
            smoothed = (smoothed * 7 + latency) / 8;
            assert_eq!(smoothed > RIVAL, flips & 1 != 0, "{flips}: {smoothed:?}");
            let distance = smoothed.abs_diff(RIVAL);
            assert!(distance > Duration::from_millis(4), "{flips}: {smoothed:?}");
        }
    }

    #[test]
    fn a_flip_waits_until_the_one_before_was_seen() {
        let flipper = Flipper::new(TargetId(0), Kind::Eligible);
        assert!(flipper.is_seen());
        assert!(matches!(flipper.flip(), Verdict::Fail { .. }));
        assert!(!flipper.is_seen());
        flipper.show();
        assert!(flipper.is_seen());
        assert!(matches!(flipper.flip(), Verdict::Pass { .. }));
        assert_eq!(flipper.made(), 2);
    }
}
