//! On which side of an agreed level a candidate is.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::{
    measurement::{
        metric::Badness,
        share::{ALL, Admission},
    },
    model::{Quantity, Threshold},
};

/// Where each origin stands, by candidate number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sides(BTreeMap<u8, Standing>);

/// Where an origin stands, and how far resolvers have followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its side.
    pub side: Side,
    /// When it came there.
    pub since: Instant,
    admission: Admission,
}

impl Standing {
    /// How many slots it takes.
    pub const fn admitted(&self) -> u16 {
        self.admission.admitted()
    }
}

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
    /// says, at `now`. Origins that resolvers have not left altogether come first.
    ///
    /// An origin at the `level` is too bad; without one in force none is. One that was
    /// comes back when it is better than the level by more than the return band, or by
    /// anything where that is 0. None changes its side within the hold; what is not known
    /// yet holds none.
    pub fn order(
        &mut self,
        threshold: &Threshold,
        level: Option<Quantity>,
        badness: impl Fn(u8) -> Badness,
        now: Instant,
    ) -> Vec<u8> {
        let mut is_used = |origin: &u8| {
            let badness = badness(*origin);
            let known = self.0.get_mut(origin);
            let side = side(threshold, level, known.as_deref(), badness);
            let Some(standing) = known else {
                if badness.is_known() {
                    let admission = Admission::settled(side == Side::Better);
                    let since = now;
                    let standing = Standing {
                        side,
                        since,
                        admission,
                    };
                    self.0.insert(*origin, standing);
                }
                return side == Side::Better;
            };
            let lasted = now.saturating_duration_since(standing.since);
            if standing.side != side && lasted >= threshold.hold {
                standing.side = side;
                standing.since = now;
            }
            let is_better = standing.side == Side::Better;
            let (steps, hold) = (threshold.steps, threshold.hold);
            standing.admission.step(is_better, steps, hold, now);
            standing.admitted() > 0
        };
        let (used, left): (Vec<u8>, Vec<u8>) = threshold.origins.iter().partition(|it| is_used(it));
        [used, threshold.over.clone(), left].concat()
    }

    /// Where `origin` stands; `None` before its first side.
    pub fn of(&self, origin: u8) -> Option<&Standing> {
        self.0.get(&origin)
    }

    /// How many slots `candidate` takes: all, if it is no origin.
    pub fn admitted(&self, candidate: u8) -> u16 {
        self.of(candidate).map_or(ALL, Standing::admitted)
    }
}

/// The side that speaks for an origin with this `badness`, which is where `known` says.
fn side(
    threshold: &Threshold,
    level: Option<Quantity>,
    known: Option<&Standing>,
    badness: Badness,
) -> Side {
    let Some(level) = level else {
        return Side::Better;
    };
    let level = threshold.metric.badness(level.value());
    let was_worse = known.is_some_and(|known| known.side == Side::AtOrWorse);
    let is_better = if was_worse {
        badness.worse_by(threshold.return_band.value()) < level
    } else {
        badness < level
    };
    if is_better {
        Side::Better
    } else {
        Side::AtOrWorse
    }
}
