//! On which side of an agreed level a candidate is.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::{measurement::metric::Badness, model::Threshold};

/// The side of each origin, by candidate number, with the time it came there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides(BTreeMap<u8, (Side, Instant)>);

/// Where an origin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Better than the level: it is used.
    Better,
    /// At the level or worse: others are.
    AtOrWorse,
}

impl Sides {
    /// The order of all candidates of `threshold` whose origins are as bad as `badness`
    /// says, at `now`.
    ///
    /// An origin at the level is too bad. One that was comes back when it is better than
    /// the level by more than the return band, or by anything where that is 0. None
    /// changes its side within the hold; what is not known yet holds none.
    pub fn order(
        &mut self,
        threshold: &Threshold,
        badness: impl Fn(u8) -> Badness,
        now: Instant,
    ) -> Vec<u8> {
        let level = threshold.metric.badness(threshold.level.value());
        let band = threshold.return_band.value();
        let mut is_better = |origin: &u8| {
            let was = self.0.get(origin).copied();
            let badness = badness(*origin);
            let is_better = match was {
                Some((Side::AtOrWorse, _)) => badness.worse_by(band) < level,
                Some((Side::Better, _)) | None => badness < level,
            };
            let side = if is_better {
                Side::Better
            } else {
                Side::AtOrWorse
            };
            let holds =
                was.is_some_and(|(_, since)| now.saturating_duration_since(since) < threshold.hold);
            match was {
                Some((known, _)) if known == side || holds => known == Side::Better,
                None if !badness.is_known() => is_better,
                _ => {
                    self.0.insert(*origin, (side, now));
                    is_better
                }
            }
        };
        let (better, worse): (Vec<u8>, Vec<u8>) = threshold
            .origins
            .iter()
            .partition(|origin| is_better(origin));
        [better, threshold.over.clone(), worse].concat()
    }

    /// The side of `origin`, and since when; `None` before its first.
    pub fn of(&self, origin: u8) -> Option<(Side, Instant)> {
        self.0.get(&origin).copied()
    }
}
