//! Census: how the targets stand, counted.

use tokio::time::Instant;

use super::Director;
use crate::measurement::health::State;

/// How many targets stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// They work.
    pub up: usize,
    /// They do not.
    pub down: usize,
    /// Nothing conclusive was seen of them.
    pub unknown: usize,
    /// Of all these, those of which something conclusive was seen no longer ago than their
    /// probe lets a value live.
    pub fresh: usize,
    /// So many failed at once that this host suspects itself.
    pub is_suspected: bool,
}

impl Census {
    /// All targets.
    pub fn all(&self) -> usize {
        self.up + self.down + self.unknown
    }
}

impl Director {
    /// How the targets stand at `now`.
    pub fn census(&self, now: Instant) -> Census {
        let mut census = Census {
            is_suspected: self.suspicion.since().is_some(),
            ..Census::default()
        };
        for (target, health) in self.targets.iter().zip(&self.health) {
            *match health.state() {
                State::Up => &mut census.up,
                State::Down => &mut census.down,
                State::Unknown => &mut census.unknown,
            } += 1;
            let is_fresh = health
                .last_sample()
                .is_some_and(|at| now.saturating_duration_since(at) <= target.probe.stale_after);
            census.fresh += usize::from(is_fresh);
        }
        census
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::measurement::{
        director::testing::{METRICS, SERVERS, failover, passing},
        sample::Verdict,
    };

    #[test]
    fn what_was_not_measured_for_long_is_not_fresh_whatever_its_state() {
        let mut rig = passing(failover(), 100);
        let servers = usize::from(SERVERS);
        let census = rig.director.census(rig.now);
        assert_eq!(census.all(), servers * (1 + METRICS.len()));
        assert_eq!(census.fresh, servers, "{census:?}");
        // A failure is conclusive, one of this host's own is not.
        rig.now += Duration::from_mins(10);
        rig.fail(0);
        let error = "connect: no route".to_owned();
        rig.see(1, 0, Verdict::Local { error });
        let later = rig.director.census(rig.now);
        assert_eq!(later.fresh, 1, "{later:?}");
        assert_eq!(later.all(), census.all());
    }
}
