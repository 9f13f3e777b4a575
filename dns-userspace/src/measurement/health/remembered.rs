//! What is known of a target, in words that outlive the daemon.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Health, Metric, Series, State};
use crate::model::Smoothing;

/// What was known of one target when it was written down; ages are from then back,
/// milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// What was believed.
    pub state: State,
    /// How long it had been.
    pub since_ms: u64,
    /// How long ago the last conclusive sample was.
    pub sample_ms: u64,
    /// What was measured, smoothed, and how long ago it was last.
    pub readings: Vec<(Metric, f64, u64)>,
}

impl Health {
    /// What is known at `now`; `None` as long as nothing is.
    pub fn remember(&self, now: Instant) -> Option<Remembered> {
        let age = |at: Instant| now.saturating_duration_since(at).as_millis() as u64;
        let (since, sample) = (self.since?, self.last_sample?);
        let readings = self.readings();
        let readings = readings.map(|(metric, series)| (metric, series.value(), age(series.at())));
        Some(Remembered {
            state: self.state,
            since_ms: age(since),
            sample_ms: age(sample),
            readings: readings.collect(),
        })
    }

    /// What was `remembered`, `ago` before `now`. A streak begins anew, and so does a window:
    /// with the value that it had.
    pub fn recall(
        remembered: &Remembered,
        smoothing: Smoothing,
        ago: Duration,
        now: Instant,
    ) -> Self {
        // A clock that cannot go back so far makes it younger, not unknown.
        let at = |age: u64| {
            let age = ago.saturating_add(Duration::from_millis(age));
            now.checked_sub(age).unwrap_or(now)
        };
        let readings = remembered.readings.iter();
        let readings = readings.map(|(metric, value, age)| {
            let series = Series::new(*value, at(*age), smoothing);
            (*metric, series)
        });
        Self {
            state: remembered.state,
            since: Some(at(remembered.since_ms)),
            last_sample: Some(at(remembered.sample_ms)),
            readings: readings.collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        measurement::{
            health::Reading,
            sample::{Readings, Reason, Sample, Vantage, Verdict},
            schedule::TargetId,
        },
        model::{Probe, ProbeKind},
    };

    fn sample(at: Instant, verdict: Verdict) -> Sample {
        Sample {
            target: TargetId(0),
            at,
            taken_from: Vantage::Host,
            verdict,
        }
    }

    #[test]
    fn what_is_recalled_is_as_old_as_it_is_and_goes_on_like_any_other() {
        let probe = Probe {
            down_after: 2,
            ..Probe::new(ProbeKind::Tcp { port: 80 })
        };
        let fail = || Verdict::Fail {
            reason: Reason::Refused,
        };
        let begin = Instant::now();
        let second = |number: u64| begin + Duration::from_secs(number);
        let mut health = Health::default();
        assert_eq!(health.remember(begin), None);
        let readings = Readings::of(Metric::ConnectTime, 20.0);
        health.observe(&sample(begin, Verdict::Pass { readings }), &probe);
        health.settle(&probe, false, begin);

        let remembered = health.remember(second(5)).expect("it is up");
        let text = serde_json::to_string(&remembered).expect("JSON");
        let remembered = serde_json::from_str(&text).expect("what was written");
        let ago = Duration::from_secs(10);
        let mut health = Health::recall(&remembered, probe.smoothing, ago, second(100));
        assert_eq!(health.state(), State::Up);
        assert_eq!(health.last_sample(), Some(second(85)));
        assert_eq!(health.since(), Some(second(85)));
        let reading = |stale_after| {
            let stale_after = Duration::from_secs(stale_after);
            health.reading(Metric::ConnectTime, stale_after, second(100))
        };
        assert_eq!(reading(15), Reading::Fresh(20.0));
        assert_eq!(reading(14), Reading::Stale(20.0));

        health.observe(&sample(second(101), fail()), &probe);
        assert_eq!(health.settle(&probe, false, second(101)), None);
        health.observe(&sample(second(102), fail()), &probe);
        assert!(health.settle(&probe, false, second(102)).is_some());
        assert_eq!(health.state(), State::Down);
    }

    #[test]
    fn it_is_never_from_before_the_clock_began() {
        let remembered = Remembered {
            state: State::Down,
            since_ms: u64::MAX,
            sample_ms: 0,
            readings: Vec::new(),
        };
        let now = Instant::now();
        let health = Health::recall(&remembered, Smoothing::default(), Duration::MAX, now);
        assert_eq!((health.state(), health.since()), (State::Down, Some(now)));
    }
}
