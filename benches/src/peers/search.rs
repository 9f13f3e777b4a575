//! Finds the highest rate that is answered without loss.

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::contender::Receiving;

/// The share of queries that must be answered.
pub(crate) const PASSING_SHARE: f64 = 0.999;

/// From one step of the ladder to the next.
const STEP: f64 = std::f64::consts::SQRT_2;

/// How often the gap between the best pass and the failure above it is halved:
/// what is found is at most 2^(1/8), 9 %, below the edge.
const HALVINGS: usize = 2;

/// The load generator is at its limit when it sends less than this share of
/// what it was asked to.
const GENERATOR_SHARE: f64 = 0.95;

/// What came of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Step {
    /// Queries per second asked of the generator.
    pub(crate) offered: f64,
    /// Queries per second sent.
    pub(crate) sent: f64,
    /// Answers per second received.
    pub(crate) received: f64,
    /// Answers per query, 0 to 1.
    pub(crate) share: f64,
}

impl Step {
    fn passes(&self) -> bool {
        self.share >= PASSING_SHARE
    }

    /// For a reader.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:>9.0}/s offered, {:>9.0}/s sent, {:>9.0}/s answered, {:>6.2} %",
            self.offered,
            self.sent,
            self.received,
            100.0 * self.share
        )
    }

    /// Whether the generator had more to give.
    fn was_sent(&self) -> bool {
        self.sent >= GENERATOR_SHARE * self.offered
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Found {
    /// The highest rate sent with [`PASSING_SHARE`] answered, queries per
    /// second; 0 if even the lowest was not.
    pub(crate) max_rate_999: f64,
    /// Whether the generator's limit came before the server's.
    pub(crate) generator_limited: bool,
    /// Every rate tried, from the lowest.
    pub(crate) steps: Vec<Step>,
}

/// Climbs to the first failure or the generator's limit, then looks closer below the
/// failure. Rates are in queries per second, `start` is the lowest; `measure` runs one
/// rate once, in one way.
pub(crate) fn search(
    start: f64,
    mut measure: impl FnMut(f64, Receiving) -> Result<Step>,
) -> Result<Found> {
    let mut try_rate = |rate| best_of_tries(rate, &mut measure);
    let mut steps = Vec::new();
    let mut rate = start;
    loop {
        let (best, was_sent) = try_rate(rate)?;
        steps.push(best);
        if !was_sent || !best.passes() {
            break;
        }
        rate *= STEP;
    }

    if let [.., passed, failed] = &steps[..]
        && !failed.passes()
    {
        let [mut low, mut high] = [passed.offered, failed.offered];
        for _ in 0..HALVINGS {
            let middle = (low * high).sqrt();
            let (best, _) = try_rate(middle)?;
            steps.push(best);
            if best.passes() {
                low = middle;
            } else {
                high = middle;
            }
        }
    }
    steps.sort_by(|one, other| one.offered.total_cmp(&other.offered));
    Ok(conclude(steps))
}

/// The best try of a rate, and whether the generator sent it in any. It is tried in
/// each way: a queue that overflows once, because something else ran on the core for
/// a moment, is not the rate's fault.
fn best_of_tries(
    rate: f64,
    measure: &mut impl FnMut(f64, Receiving) -> Result<Step>,
) -> Result<(Step, bool)> {
    let mut best: Option<Step> = None;
    let mut was_sent = false;
    for receiving in Receiving::WAYS {
        let step = measure(rate, receiving)?;
        was_sent |= step.was_sent();
        let better = |best: Step| {
            if best.passes() && step.passes() {
                step.sent > best.sent
            } else {
                step.share > best.share
            }
        };
        if best.is_none_or(better) {
            best = Some(step);
        }
        if best.is_some_and(|best| best.passes()) && was_sent {
            break;
        }
    }
    let best = best.context("a rate is tried in no way")?;
    Ok((best, was_sent))
}

/// Reads the result off the steps, which go up.
fn conclude(steps: Vec<Step>) -> Found {
    // A pass above a failure is luck.
    let passed = steps.iter().take_while(|step| step.passes());
    let max_rate_999 = passed.clone().map(|step| step.sent).fold(0.0, f64::max);
    let generator_limited = passed.count() == steps.len();
    Found {
        max_rate_999,
        generator_limited,
        steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: f64 = 50_000.0;

    /// A server that answers up to `server` per second, behind a generator
    /// that sends up to `generator`.
    fn world(server: f64, generator: f64) -> impl FnMut(f64, Receiving) -> Result<Step> {
        move |offered, _| {
            let sent = offered.min(generator);
            let received = sent.min(server);
            Ok(Step {
                offered,
                sent,
                received,
                share: received / sent,
            })
        }
    }

    #[test]
    fn the_edge_is_found_to_a_ninth_part() {
        for server in [50_000.0, 77_777.0, 100_000.0, 399_999.0] {
            let found = search(START, world(server, 1e6)).expect("it is measured");
            let share = found.max_rate_999 / server;
            assert!((0.917..1.002).contains(&share), "{server}: {share}");
            assert!(!found.generator_limited);
            let most = found.steps.last().expect("there are steps").offered;
            assert!(most < 1.5 * server.max(START), "{most}");
        }
    }

    #[test]
    fn a_server_faster_than_the_generator_is_said_to_be() {
        let found = search(START, world(1e9, 700_000.0)).expect("it is measured");
        assert!(found.generator_limited);
        assert!((found.max_rate_999 - 700_000.0).abs() < 1.0);
    }

    #[test]
    fn one_bad_try_is_forgiven() {
        let mut honest = world(100_000.0, 1e6);
        let mut tries = 0;
        let found = search(START, |rate, way| {
            tries += 1;
            let step = honest(rate, way)?;
            Ok(match tries {
                1 => Step { share: 0.9, ..step },
                _ => step,
            })
        });
        assert!(found.expect("it is measured").max_rate_999 > 90_000.0);
    }

    #[test]
    fn a_generator_that_falters_once_is_not_at_its_limit() {
        let mut honest = world(1e9, 700_000.0);
        let mut tries = 0;
        let found = search(START, |rate, way| {
            tries += 1;
            honest(if tries == 2 { rate / 2.0 } else { rate }, way).map(|step| Step {
                offered: rate,
                ..step
            })
        });
        assert!(found.expect("it is measured").max_rate_999 > 699_999.0);
    }

    #[test]
    fn a_pass_above_a_failure_does_not_count() {
        let mut honest = world(1e9, 1e6);
        let found = search(START, |rate, way| {
            let step = honest(rate, way)?;
            let lossy = (90_000.0..110_000.0).contains(&rate);
            let share = if lossy { 0.99 } else { step.share };
            Ok(Step { share, ..step })
        });
        let found = found.expect("it is measured");
        assert!(found.max_rate_999 < 90_000.0, "{found:?}");
        assert!(!found.generator_limited);
    }

    #[test]
    fn a_server_that_loses_always_has_no_rate() {
        let found = search(START, world(10_000.0, 1e6)).expect("it is measured");
        assert!(found.max_rate_999.abs() < 1.0);
    }
}
