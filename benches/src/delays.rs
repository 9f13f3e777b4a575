//! Delays: how they are summed up, and all of them as a histogram.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// Delays of one kind of change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delays(Vec<Duration>);

/// What they come to, microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// How many there are.
    pub(crate) count: usize,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p99_9_us: f64,
    pub(crate) max_us: f64,
    /// Whole microseconds, rounded down, and how many delays have as many.
    pub(crate) histogram_us: BTreeMap<u128, usize>,
}

impl Delays {
    pub(crate) fn push(&mut self, delay: Duration) {
        self.0.push(delay);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// `None` without any.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        // The smallest that so many of a thousand do not exceed.
        let at = |thousandths: usize| sorted[(sorted.len() * thousandths).div_ceil(1000) - 1];
        let mut histogram_us = BTreeMap::new();
        for delay in &sorted {
            *histogram_us.entry(delay.as_micros()).or_default() += 1;
        }
        Some(Summary {
            count: sorted.len(),
            p50_us: microseconds(at(500)),
            p99_us: microseconds(at(990)),
            p99_9_us: microseconds(at(999)),
            max_us: microseconds(max),
            histogram_us,
        })
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_delays_that_so_many_do_not_exceed() {
        let mut delays = Delays::default();
        assert_eq!(delays.summary(), None);
        for us in (1..=1000).rev() {
            delays.push(Duration::from_micros(us));
        }
        let summary = delays.summary().expect("there are delays");
        assert_eq!(summary.count, 1000);
        let near = |figure: f64, expected: f64| (figure - expected).abs() < 1e-6;
        assert!(near(summary.p50_us, 500.0), "{}", summary.p50_us);
        assert!(near(summary.p99_us, 990.0), "{}", summary.p99_us);
        assert!(near(summary.p99_9_us, 999.0), "{}", summary.p99_9_us);
        assert!(near(summary.max_us, 1000.0), "{}", summary.max_us);
        assert_eq!(summary.histogram_us.len(), 1000);
    }

    #[test]
    fn one_delay_is_every_percentile() {
        let mut delays = Delays::default();
        delays.push(Duration::from_nanos(7_900));
        let summary = delays.summary().expect("there is one");
        assert!((summary.p50_us - summary.max_us).abs() < 1e-9);
        assert_eq!(summary.histogram_us, BTreeMap::from([(7, 1)]));
    }
}
