//! Answered against offered, from a low rate to the generator's highest.

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{
    contender::Receiving,
    load::{self, NEARLY_ALL},
};

/// Where the ladder starts, queries per second.
const START_RATE: f64 = 25_000.0;

/// From one step of the ladder to the next.
const STEP: f64 = 2.0;

/// Where else it is measured, by the rate of what was best before: the peak may lie
/// between two steps.
const BESIDE: [[f64; 2]; 2] = [[0.71, 1.41], [0.84, 1.19]];

/// How often a rate is tried at most. The generator has reached its limit when it has not
/// sent a rate by then.
const TRIES_MAX: usize = 4;

/// A try that answers this share of what it is sent is not bettered by another.
const ENOUGH: f64 = 0.99;

/// What was reached at one rate, all per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Point {
    /// Queries asked of the generator.
    pub(super) asked: f64,
    /// Queries sent.
    pub(super) offered: f64,
    /// Answers.
    pub(super) answered: f64,
    /// The way in which so many were answered.
    pub(super) receiving: Receiving,
}

impl Point {
    /// Whether the generator's limit came before the server's: it could send no more, and
    /// hardly any of it was lost.
    pub(super) fn is_limited(&self) -> bool {
        const FEW_LOST: f64 = 0.9;
        !self.was_sent() && self.answered >= FEW_LOST * self.offered
    }

    /// Whether the generator had more to give.
    fn was_sent(&self) -> bool {
        load::was_sent(self.asked, self.offered, NEARLY_ALL)
    }
}

/// Every rate, from the lowest; at least one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Curve(Vec<Point>);

impl Curve {
    /// What was reached at each rate.
    pub(super) fn points(&self) -> &[Point] {
        &self.0
    }

    /// One of rates offered and answered, as a test has it.
    #[cfg(test)]
    pub(super) fn of(points: &[(f64, f64)]) -> Self {
        let points = points.iter().map(|&(offered, answered)| Point {
            asked: offered,
            offered,
            answered,
            receiving: Receiving::First,
        });
        Self(points.collect())
    }

    /// Where the most was answered.
    pub(super) fn peak(&self) -> Point {
        self.most(|point| point.answered)
    }

    /// Where the most was sent.
    pub(super) fn highest(&self) -> Point {
        self.most(|point| point.offered)
    }

    fn most(&self, of: impl Fn(&Point) -> f64) -> Point {
        let mut most = self.0[0];
        for point in &self.0 {
            if of(point) > of(&most) {
                most = *point;
            }
        }
        most
    }
}

/// Climbs to the generator's limit. `measure` runs one rate, given in queries per
/// second, in one way.
pub(super) fn climb(mut measure: impl FnMut(f64, Receiving) -> Result<Point>) -> Result<Curve> {
    let mut points = Vec::new();
    let mut rate = START_RATE;
    loop {
        let point = best_of_tries(rate, &mut measure)?;
        points.push(point);
        if !point.was_sent() {
            break;
        }
        rate *= STEP;
    }
    let mut curve = Curve(points);
    for shares in BESIDE {
        let peak = curve.peak();
        for share in shares.map(|share| share * peak.asked) {
            if peak.was_sent() {
                curve.0.push(best_of_tries(share, &mut measure)?);
            }
        }
    }
    let points = &mut curve.0;
    points.sort_by(|one, other| one.offered.total_cmp(&other.offered));
    Ok(curve)
}

/// The try of `rate` with the most answers. Each way is tried, unless the first
/// leaves nothing to gain; and more often, while none was sent: something else may have
/// run on the generator's core for a moment.
fn best_of_tries(
    rate: f64,
    measure: &mut impl FnMut(f64, Receiving) -> Result<Point>,
) -> Result<Point> {
    let mut best: Option<Point> = None;
    let tries = Receiving::WAYS.into_iter().cycle().take(TRIES_MAX);
    for (number, receiving) in tries.enumerate() {
        let point = measure(rate, receiving)?;
        // A rate that was not sent says nothing of that rate.
        let rank = |point: &Point| (point.was_sent(), point.answered);
        if best.is_none_or(|best| rank(&point) > rank(&best)) {
            best = Some(point);
        }
        let enough = point.answered >= ENOUGH * point.offered;
        if best.is_some_and(|best| best.was_sent() && (enough || number > 0)) {
            break;
        }
    }
    best.context("a rate is tried in no way")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers up to `edge` per second, and half of that when it is
    /// offered more than twice as much; a generator that sends up to `limit`.
    fn world(edge: f64, limit: f64) -> impl FnMut(f64, Receiving) -> Result<Point> {
        move |asked, receiving| {
            let offered = asked.min(limit);
            let overload = offered > 2.0 * edge;
            Ok(Point {
                asked,
                offered,
                answered: offered.min(if overload { edge / 2.0 } else { edge }),
                receiving,
            })
        }
    }

    #[test]
    fn the_peak_is_told_from_what_is_left_at_the_highest_offer() {
        let curve = climb(world(150_000.0, 2e6)).expect("it is measured");
        assert!((curve.peak().answered - 150_000.0).abs() < 1.0, "{curve:?}");
        let highest = curve.highest();
        assert!((highest.offered - 2e6).abs() < 1.0, "{highest:?}");
        assert!((highest.answered - 75_000.0).abs() < 1.0, "{highest:?}");
    }

    #[test]
    fn a_peak_between_two_steps_is_found_nearly() {
        for edge in [26_000.0, 30_000.0, 99_000.0, 1.3e6] {
            let collapsing = |asked: f64, receiving| {
                let offered = asked.min(2e6);
                let answered = if offered > edge { 1e4 } else { offered };
                Ok(Point {
                    asked,
                    offered,
                    answered,
                    receiving,
                })
            };
            let peak = climb(collapsing).expect("it is measured").peak();
            let share = peak.answered / edge;
            assert!((0.83..=1.0).contains(&share), "{edge}: {share}");
        }
    }

    #[test]
    fn points_go_up() {
        let curve = climb(world(150_000.0, 2e6)).expect("it is measured");
        let points = curve.points();
        assert!(points.is_sorted_by(|one, other| one.offered <= other.offered));
        assert!((points[0].offered - START_RATE).abs() < 1.0);
    }

    #[test]
    fn one_bad_try_is_forgiven() {
        let mut honest = world(150_000.0, 2e6);
        let mut tries = 0;
        let curve = climb(|rate, receiving| {
            tries += 1;
            let point = honest(rate, receiving)?;
            Ok(match tries % 5 {
                1 => Point {
                    answered: point.answered / 2.0,
                    ..point
                },
                3 => Point {
                    offered: point.offered / 2.0,
                    answered: point.answered / 2.0,
                    ..point
                },
                _ => point,
            })
        });
        let curve = curve.expect("it is measured");
        assert!((curve.peak().answered - 150_000.0).abs() < 1.0, "{curve:?}");
        assert!((curve.highest().offered - 2e6).abs() < 1.0, "{curve:?}");
    }

    #[test]
    fn the_better_way_counts() {
        let curve = climb(|asked, receiving| {
            let offered = asked.min(2e6);
            let edge = match receiving {
                Receiving::First => 1e4,
                Receiving::Shared => 1e5,
            };
            // Below its limit it loses some where receiving waits.
            let kept = if receiving == Receiving::First {
                1.0
            } else {
                0.9
            };
            let answered = if offered < 6e4 {
                kept * offered
            } else {
                offered.min(edge)
            };
            Ok(Point {
                asked,
                offered,
                answered,
                receiving,
            })
        });
        let curve = curve.expect("it is measured");
        let (lowest, peak) = (curve.points()[0], curve.peak());
        assert_eq!(lowest.receiving, Receiving::First);
        assert!((lowest.answered - START_RATE).abs() < 1.0, "{lowest:?}");
        assert_eq!(peak.receiving, Receiving::Shared);
        assert!((peak.answered - 1e5).abs() < 1.0, "{peak:?}");
    }
}
