//! The highest rate of answers, whatever is lost beside them.

use anyhow::Result;
use dns_ebpf::load::Kind;
use serde::Serialize;

use crate::load::{self, ENOUGH_TO_CLIMB, Step, ratio_of};

/// Where the ladder starts, queries per second.
const START_RATE: f64 = 200_000.0;

/// From one step of the ladder to the next.
const STEP: f64 = 1.25;

/// A step that answers less than this times the best before it is no rise.
const RISE: f64 = 1.02;

/// Steps in a row without a rise that end the climb.
const FLAT_STEPS: usize = 2;

/// How often a rate is tried that brings no rise or is not sent: something else
/// may have run on a core for a moment.
const TRIES: usize = 3;

/// What was reached at one rate, all per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Reached {
    /// Queries asked of the generator.
    pub(crate) offered: f64,
    /// Queries sent.
    pub(crate) sent: f64,
    /// Replies.
    pub(crate) answered: f64,
}

/// Where the climb ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Peak {
    /// Replies per second at the best step.
    pub(crate) answered: f64,
    /// Whether the generator's limit came before a step without a rise.
    pub(crate) generator_limited: bool,
    /// Every step, from the lowest.
    pub(crate) steps: Vec<Reached>,
}

impl Reached {
    pub(crate) fn of(step: &Step) -> Self {
        let replies = step.replies.all(Kind::Hot) + step.replies.all(Kind::Flood);
        Self {
            offered: step.offered,
            sent: step.sent.rate(),
            answered: ratio_of(replies) / step.sent.seconds,
        }
    }

    /// Whether the generator had more to give.
    fn was_sent(&self) -> bool {
        load::was_sent(self.offered, self.sent, ENOUGH_TO_CLIMB)
    }

    /// For a reader.
    pub(crate) fn line(&self) -> String {
        let Self {
            offered,
            sent,
            answered,
        } = self;
        format!("{offered:>9.0}/s offered, {sent:>9.0}/s sent, {answered:>9.0}/s answered")
    }
}

/// Climbs until the answers rise no more. `measure` runs one rate, given in
/// queries per second.
pub(crate) fn climb(mut measure: impl FnMut(f64) -> Result<Reached>) -> Result<Peak> {
    let mut steps: Vec<Reached> = Vec::new();
    let mut answered = 0.0_f64;
    let mut flat = 0;
    let mut rate = START_RATE;
    let generator_limited = loop {
        let (step, was_sent) = best_of_tries(rate, RISE * answered, &mut measure)?;
        steps.push(step);
        flat = if step.answered < RISE * answered {
            flat + 1
        } else {
            0
        };
        answered = answered.max(step.answered);
        if flat == FLAT_STEPS {
            break false;
        }
        if !was_sent {
            break true;
        }
        rate *= STEP;
    };
    Ok(Peak {
        answered,
        generator_limited,
        steps,
    })
}

/// The try of `rate` with the most answers, and whether the generator sent it in
/// any; no more tries than it takes to reach `wanted` answers per second.
fn best_of_tries(
    rate: f64,
    wanted: f64,
    measure: &mut impl FnMut(f64) -> Result<Reached>,
) -> Result<(Reached, bool)> {
    let mut best = measure(rate)?;
    let mut was_sent = best.was_sent();
    for _ in 1..TRIES {
        if best.answered >= wanted && was_sent {
            break;
        }
        let step = measure(rate)?;
        was_sent |= step.was_sent();
        if step.answered > best.answered {
            best = step;
        }
    }
    Ok((best, was_sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers up to `edge` per second and a generator that sends
    /// up to `limit`, both steady.
    fn world(edge: f64, limit: f64) -> impl FnMut(f64) -> Result<Reached> {
        move |offered| {
            let sent = offered.min(limit);
            Ok(Reached {
                offered,
                sent,
                answered: sent.min(edge),
            })
        }
    }

    #[test]
    fn it_ends_where_answers_rise_no_more() {
        let peak = climb(world(700_000.0, 1e9)).expect("it is measured");
        assert!((peak.answered - 700_000.0).abs() < 1.0, "{peak:?}");
        assert!(!peak.generator_limited);
        let last = peak.steps.last().expect("there are steps").offered;
        assert!((700_000.0..2.0 * 700_000.0).contains(&last), "{last}");
    }

    #[test]
    fn the_generators_limit_is_told_from_the_servers() {
        let peak = climb(world(1e9, 700_000.0)).expect("it is measured");
        assert!((peak.answered - 700_000.0).abs() < 1.0, "{peak:?}");
        assert!(peak.generator_limited);
    }

    #[test]
    fn one_bad_try_does_not_end_it() {
        let mut world = world(700_000.0, 1e9);
        let mut number = 0;
        let peak = climb(|rate| {
            number += 1;
            let Reached {
                offered,
                sent,
                answered,
            } = world(rate)?;
            // Something else takes the server's core, then the generator's.
            let disturbed = number % 5 == 2;
            Ok(Reached {
                offered,
                sent: if number % 5 == 4 { 0.5 * sent } else { sent },
                answered: if disturbed { 0.5 * answered } else { answered },
            })
        });
        let peak = peak.expect("it is measured");
        assert!((peak.answered - 700_000.0).abs() < 1.0, "{peak:?}");
        assert!(!peak.generator_limited);
    }

    #[test]
    fn a_server_that_collapses_keeps_its_peak() {
        let peak = climb(|offered| {
            Ok(Reached {
                offered,
                sent: offered,
                answered: if offered < 450_000.0 { offered } else { 1e4 },
            })
        });
        let peak = peak.expect("it is measured");
        assert!((peak.answered - 390_625.0).abs() < 1.0, "{peak:?}");
    }
}
