//! Climbing until the answers rise no more.

use anyhow::Result;
use serde::Serialize;

use crate::contender::Receiving;

/// Where the ladder starts, queries per second: what any server of the field
/// answers on one core.
const START_RATE: f64 = 50_000.0;

/// From one rung to the next: peaks of servers that differ by as much are told
/// apart.
const STEP: f64 = 1.15;

/// Rungs in a row below the best that end the climb: a server that has too much to
/// receive answers less and less.
const BELOW_BEST: usize = 3;

/// A run that answers this share of what it is sent is not bettered by another.
const ENOUGH: f64 = 0.99;

/// What came of one load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Rung {
    /// Over UDP the rate asked of the generator, queries per second; over TCP the
    /// queries kept open on each connection.
    pub(super) load: f64,
    /// Queries sent per second; over TCP the answers make the rate.
    pub(super) offered: Option<f64>,
    /// Answers per second.
    pub(super) answered: f64,
    /// Processor time of the server's processes for each answer, nanoseconds.
    pub(super) process_ns: f64,
    /// That of receiving, before a socket has it.
    pub(super) receiving_ns: f64,
}

impl Rung {
    /// Whether nothing is gained by another run.
    fn is_enough(&self) -> bool {
        let offered = self.offered.unwrap_or(self.answered);
        self.answered >= ENOUGH * offered
    }

    /// Processor time for each answer, nanoseconds.
    pub(super) fn cpu_ns(&self) -> f64 {
        self.process_ns + self.receiving_ns
    }

    /// Share of the server's core that was busy with answers, about 1 where the
    /// server was at its limit.
    fn busy(&self) -> f64 {
        self.cpu_ns() * self.answered / 1e9
    }

    /// For a reader.
    pub(super) fn line(&self) -> String {
        let load = match self.offered {
            Some(offered) => format!("{offered:>9.0}/s offered"),
            None => format!("{:>9.0} open on each connection", self.load),
        };
        format!(
            "{load}, {:>9.0}/s answered, {:>6.0} ns CPU each, {:>6.0} of them in the process, \
             core {:>3.0} % busy",
            self.answered,
            self.cpu_ns(),
            self.process_ns,
            100.0 * self.busy()
        )
    }
}

/// Every rung, from the lowest. `measure` runs one rate, given in queries per
/// second, in one way; both ways are tried, and the better one counts.
pub(super) fn climb(mut measure: impl FnMut(f64, Receiving) -> Result<Rung>) -> Result<Vec<Rung>> {
    let mut rungs: Vec<Rung> = Vec::new();
    let mut rate = START_RATE;
    let mut below = 0;
    while below < BELOW_BEST {
        let mut rung = measure(rate, Receiving::First)?;
        if !rung.is_enough() {
            let other = measure(rate, Receiving::Shared)?;
            if other.answered > rung.answered {
                rung = other;
            }
        }
        let is_best = best(&rungs).is_none_or(|best| rung.answered > best.answered);
        below = if is_best { 0 } else { below + 1 };
        rungs.push(rung);
        rate *= STEP;
    }
    Ok(rungs)
}

/// The rung with the most answers.
pub(super) fn best(rungs: &[Rung]) -> Option<&Rung> {
    let answered = |rung: &&Rung| rung.answered;
    rungs
        .iter()
        .max_by(|one, other| answered(one).total_cmp(&answered(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers all up to `edge` per second and less and less above.
    fn world(edge: f64) -> impl FnMut(f64, Receiving) -> Result<Rung> {
        move |rate, _| {
            Ok(Rung {
                load: rate,
                offered: Some(rate),
                answered: if rate < edge {
                    rate
                } else {
                    edge * edge / rate
                },
                process_ns: 0.0,
                receiving_ns: 0.0,
            })
        }
    }

    #[test]
    fn the_peak_is_found_to_a_rung() {
        for edge in [51_000.0, 90_000.0, 250_000.0] {
            let rungs = climb(world(edge)).expect("it is measured");
            let peak = best(&rungs).expect("there are rungs").answered;
            assert!((edge / STEP..=edge).contains(&peak), "{edge}: {peak}");
            let last = rungs.last().expect("there are rungs");
            assert!(last.load < edge * STEP.powi(4), "{}", last.load);
        }
    }

    #[test]
    fn a_bad_moment_does_not_end_the_climb() {
        let mut steady = world(90_000.0);
        let mut number = 0;
        let rungs = climb(|rate, receiving| {
            number += 1;
            let disturbed = matches!(number, 2 | 3);
            steady(rate, receiving).map(|rung| Rung {
                answered: if disturbed { 1000.0 } else { rung.answered },
                ..rung
            })
        });
        let peak = best(&rungs.expect("it is measured")).map(|rung| rung.answered);
        assert!(peak.is_some_and(|peak| peak > 80_000.0), "{peak:?}");
    }
}
