//! Smooth: several values of one metric of one target become one.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::model::Smoothing;

/// The most values that a window holds; the oldest go first.
pub const WINDOW_MAX: usize = 1024;

/// The values of one metric so far.
#[derive(Clone, Debug)]
pub struct Series {
    value: f64,
    at: Instant,
    /// Those in the window, where one is asked for.
    window: VecDeque<(Instant, f64)>,
}

impl Series {
    /// One that begins with `value`.
    pub fn new(value: f64, at: Instant, smoothing: Smoothing) -> Self {
        let mut series = Self {
            value,
            at,
            window: VecDeque::new(),
        };
        if let Smoothing::Percentile { .. } = smoothing {
            series.window.push_back((at, value));
        }
        series
    }

    /// Takes in one value more, seen at `at`.
    pub fn add(&mut self, value: f64, at: Instant, smoothing: Smoothing) {
        self.at = at;
        self.value = match smoothing {
            Smoothing::Mean { weight_permille } => {
                let weight = f64::from(weight_permille) / 1e3;
                self.value + weight * (value - self.value)
            }
            Smoothing::Percentile { percent, window } => {
                let is_old = |taken: Instant| at.duration_since(taken) > window;
                while let Some((taken, _)) = self.window.front()
                    && (is_old(*taken) || self.window.len() >= WINDOW_MAX)
                {
                    self.window.pop_front();
                }
                self.window.push_back((at, value));
                percentile(&self.window, percent)
            }
        };
    }

    /// What they are taken for together.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// When the last was seen.
    pub fn at(&self) -> Instant {
        self.at
    }
}

/// The value that `percent` of them do not exceed (the nearest rank), of 1 or more.
fn percentile(window: &VecDeque<(Instant, f64)>, percent: u32) -> f64 {
    let mut values: Vec<f64> = window.iter().map(|(_, value)| *value).collect();
    let rank = (values.len() * percent as usize).div_ceil(100).max(1) - 1;
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn values(smoothing: Smoothing, every: Duration, values: &[f64]) -> Vec<f64> {
        let start = Instant::now();
        let mut series = Series::new(values[0], start, smoothing);
        let mut smoothed = vec![series.value()];
        for (number, value) in (1..).zip(&values[1..]) {
            series.add(*value, start + every * number, smoothing);
            smoothed.push(series.value());
        }
        smoothed
    }

    #[test]
    fn a_mean_moves_by_its_weight() {
        let mean = Smoothing::Mean {
            weight_permille: 250,
        };
        let smoothed = values(mean, Duration::from_secs(1), &[80.0, 160.0, 100.0]);
        assert_eq!(smoothed, [80.0, 100.0, 100.0]);
        let last = Smoothing::Mean {
            weight_permille: 1000,
        };
        assert_eq!(values(last, Duration::ZERO, &[1.0, 9.0]), [1.0, 9.0]);
    }

    #[test]
    fn a_percentile_is_of_its_window_alone() {
        let of = |percent| Smoothing::Percentile {
            percent,
            window: Duration::from_secs(2),
        };
        let every = Duration::from_secs(1);
        let seen = [50.0, 10.0, 20.0, 30.0, 5.0];
        assert_eq!(
            values(of(100), every, &seen),
            [50.0, 50.0, 50.0, 30.0, 30.0]
        );
        assert_eq!(values(of(0), every, &seen), [50.0, 10.0, 10.0, 10.0, 5.0]);
        assert_eq!(values(of(50), every, &seen), [50.0, 10.0, 20.0, 20.0, 20.0]);
    }

    #[test]
    fn a_window_holds_no_more_than_so_many() {
        let smoothing = Smoothing::Percentile {
            percent: 100,
            window: Duration::from_hours(1),
        };
        let mut seen = vec![9.0];
        seen.extend(std::iter::repeat_n(1.0, WINDOW_MAX));
        let smoothed = values(smoothing, Duration::from_millis(1), &seen);
        assert!((smoothed[WINDOW_MAX - 1] - 9.0).abs() < 1e-9);
        assert!((smoothed[WINDOW_MAX] - 1.0).abs() < 1e-9);
    }
}
