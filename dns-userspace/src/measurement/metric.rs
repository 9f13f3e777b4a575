//! Metrics: what is measured of a server, in which unit, and which way is bad.
//!
//! Values of one metric are compared by their [`Badness`], which grows as the value
//! gets worse, whatever the metric's sense: levels, tolerances and orders all are
//! about badness.

use std::{cmp::Ordering, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What is measured of a server. Its unit is the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Metric {
    /// From the request to the end of its answer, milliseconds.
    #[serde(rename = "response_time_ms")]
    ResponseTime,
    /// From the first packet to the connection, milliseconds.
    #[serde(rename = "connect_time_ms")]
    ConnectTime,
    /// From an echo request to its reply, milliseconds.
    #[serde(rename = "round_trip_ms")]
    RoundTrip,
    /// Packets lost, percent of those sent.
    #[serde(rename = "loss_percent")]
    Loss,
    /// Bandwidth that is not used, megabits per second.
    #[serde(rename = "bandwidth_mbit_s")]
    Bandwidth,
    /// Requests or bytes per second, percent of the server's capacity: the larger.
    #[serde(rename = "load_percent")]
    Load,
    /// Processor time used, percent of all processors.
    #[serde(rename = "cpu_percent")]
    Cpu,
    /// Memory used, percent.
    #[serde(rename = "memory_percent")]
    Memory,
    /// Open connections.
    #[serde(rename = "connections")]
    Connections,
    /// Days until the certificate ends.
    #[serde(rename = "certificate_days")]
    CertificateDays,
    /// Requests that ended in an error of the server's, percent.
    #[serde(rename = "errors_percent")]
    Errors,
    /// Probes of late that passed, percent.
    #[serde(rename = "availability_percent")]
    Availability,
    /// What sending traffic there costs, in any unit: the server's own setting.
    #[serde(rename = "cost")]
    Cost,
}

/// Which way a metric is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// The higher the worse.
    HighIsBad,
    /// The lower the worse.
    LowIsBad,
}

impl Metric {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 13] = [
        ("response_time_ms", Self::ResponseTime),
        ("connect_time_ms", Self::ConnectTime),
        ("round_trip_ms", Self::RoundTrip),
        ("loss_percent", Self::Loss),
        ("bandwidth_mbit_s", Self::Bandwidth),
        ("load_percent", Self::Load),
        ("cpu_percent", Self::Cpu),
        ("memory_percent", Self::Memory),
        ("connections", Self::Connections),
        ("certificate_days", Self::CertificateDays),
        ("errors_percent", Self::Errors),
        ("availability_percent", Self::Availability),
        ("cost", Self::Cost),
    ];

    /// Those that a probe measures; availability and cost are known without.
    pub const MEASURED: [(&'static str, Self); 11] = {
        let mut measured = [Self::ALL[0]; 11];
        let mut number = 0;
        while number < measured.len() {
            measured[number] = Self::ALL[number];
            number += 1;
        }
        measured
    };

    /// Those that say how long something takes, the one closest to what a client
    /// waits for first.
    pub const TIMES: [Self; 3] = [Self::ResponseTime, Self::ConnectTime, Self::RoundTrip];

    /// Those that grow with what a server is asked for, in percent of what it can do.
    pub const LOADS: [Self; 3] = [Self::Load, Self::Cpu, Self::Memory];

    /// Its name, as configuration and output have it.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// Which way it is bad.
    pub const fn sense(self) -> Sense {
        match self {
            Self::Bandwidth | Self::CertificateDays | Self::Availability => Sense::LowIsBad,
            _ => Sense::HighIsBad,
        }
    }

    /// The unit as people write it; nothing where there is none.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::ResponseTime | Self::ConnectTime | Self::RoundTrip => " ms",
            Self::Loss
            | Self::Load
            | Self::Cpu
            | Self::Memory
            | Self::Errors
            | Self::Availability => " %",
            Self::Bandwidth => " Mbit/s",
            Self::CertificateDays => " days",
            Self::Connections | Self::Cost => "",
        }
    }

    /// `value` with its unit.
    pub fn quantity(self, value: f64) -> String {
        format!("{value}{}", self.unit())
    }

    /// How bad `value` is.
    pub fn badness(self, value: f64) -> Badness {
        Badness(match self.sense() {
            Sense::HighIsBad => value,
            Sense::LowIsBad => -value,
        })
    }
}

/// A duration in milliseconds, to the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// How bad a value is, in the metric's unit: larger is worse.
#[derive(Clone, Copy, Debug)]
pub struct Badness(f64);

impl Badness {
    /// Better than any value.
    pub const BEST: Self = Self(f64::NEG_INFINITY);
    /// Worse than any value.
    pub const WORST: Self = Self(f64::INFINITY);

    /// That of something of which less is better.
    pub const fn of(amount: f64) -> Self {
        Self(amount)
    }

    /// Whether it is that of a value.
    pub fn is_known(self) -> bool {
        self.0.is_finite()
    }

    /// This badness made worse by `amount`, 0 or more, in the metric's unit.
    #[must_use]
    pub fn worse_by(self, amount: f64) -> Self {
        Self(self.0 + amount)
    }

    /// Where it stands between `best`, 0, and `worst`, 1; 0 where these are one.
    pub fn between(self, best: Self, worst: Self) -> f64 {
        let range = worst.0 - best.0;
        if range > 0.0 {
            (self.0 - best.0) / range
        } else {
            0.0
        }
    }
}

impl PartialEq for Badness {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Badness {}

impl PartialOrd for Badness {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Badness {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_ones_that_serde_has() {
        for (name, metric) in Metric::ALL {
            assert_eq!(metric.name(), name);
            let json = serde_json::to_string(&metric).expect("a name");
            assert_eq!(json, format!("{name:?}"));
        }
    }

    #[test]
    fn more_bandwidth_is_better_and_more_time_is_worse() {
        let worse = |metric: Metric, a, b| metric.badness(a) > metric.badness(b);
        assert!(worse(Metric::ResponseTime, 30.0, 20.0));
        assert!(worse(Metric::Bandwidth, 20.0, 30.0));
        assert!(worse(Metric::CertificateDays, 3.0, 30.0));
        assert!(worse(Metric::Availability, 50.0, 99.0));
        assert!(Badness::WORST > Metric::Load.badness(1e300));
        assert!(Badness::BEST < Metric::Bandwidth.badness(1e300));
    }

    #[test]
    fn tolerance_makes_worse_in_either_sense() {
        let level = Metric::Bandwidth.badness(100.0);
        assert!(Metric::Bandwidth.badness(95.0) <= level.worse_by(5.0));
        assert!(Metric::Bandwidth.badness(94.0) > level.worse_by(5.0));
    }

    #[test]
    fn a_place_between_best_and_worst_is_a_share() {
        let [best, middle, worst] = [10.0, 15.0, 30.0].map(|ms| Metric::ConnectTime.badness(ms));
        assert!((middle.between(best, worst) - 0.25).abs() < 1e-9);
        assert!(best.between(best, best).abs() < 1e-9);
    }
}
