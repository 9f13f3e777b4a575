//! The figures of a report, what of them is possible, and what follows from
//! them.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::report::Kind;

/// Most that one server can do in a second, of anything: a terabyte is ten
/// times what the fastest network cards carry.
const SERVER_MAX: f64 = 1e12;

/// Most that a CDN can do in a second: the largest ones move some 10^14 bits.
const AGGREGATE_MAX: f64 = 1e15;

/// Highest load, as a multiple of capacity: more is a mistaken capacity.
const LOAD_MAX: f64 = 1000.0;

/// Least capacity: a server of fewer requests or octets a second is none.
const CAPACITY_MIN: f64 = 1.0;

/// A figure that cannot be.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{figure} = {value} is out of range; valid: {} to {}", range.start(), range.end())]
pub struct OutOfRange {
    /// The figure's name.
    pub figure: &'static str,
    /// What it was said to be.
    pub value: f64,
    range: RangeInclusive<f64>,
}

/// Defines [`Figures`], and for each figure which of the limits binds it.
macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident: $limit:ident,)*) => {
        /// What is known of a server, or of a CDN.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Figures {
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $name: Option<f64>,
            )*
        }

        impl Figures {
            /// The first figure that is out of its range.
            pub(super) fn check(&self, kind: Kind) -> Result<(), OutOfRange> {
                $(check(stringify!($name), self.$name, Limit::$limit.range(kind))?;)*
                Ok(())
            }

            /// Makes a figure unknown.
            pub(super) fn forget(&mut self, figure: &str) {
                match figure {
                    $(stringify!($name) => self.$name = None,)*
                    _ => {}
                }
            }
        }
    };
}

/// Which range.
enum Limit {
    /// Of a whole.
    Share,
    /// Of a capacity, which can be passed.
    Load,
    /// How many, or how many a second.
    Amount,
    /// How many at most; none is no capacity.
    Capacity,
}

impl Limit {
    fn range(&self, kind: Kind) -> RangeInclusive<f64> {
        let most = match kind {
            Kind::Server => SERVER_MAX,
            Kind::Aggregate => AGGREGATE_MAX,
        };
        match self {
            Self::Share => 0.0..=1.0,
            Self::Load => 0.0..=LOAD_MAX,
            Self::Amount => 0.0..=most,
            Self::Capacity => CAPACITY_MIN..=most,
        }
    }
}

figures! {
    /// Share of processor time that was not idle, over all processors.
    cpu_share: Share,
    /// Share of memory that is not available to programs.
    memory_share: Share,
    /// Requests answered a second.
    requests_per_s: Amount,
    /// Most requests a second that it is meant to answer.
    capacity_requests_per_s: Capacity,
    /// Octets of responses a second.
    bytes_per_s: Amount,
    /// Most octets a second that it is meant to send.
    capacity_bytes_per_s: Capacity,
    /// The larger of requests and octets against their capacities; 1 is full.
    traffic_load: Load,
    /// Share of requests that were answered with an error.
    error_share: Share,
    /// Open connections.
    connections: Amount,
    /// Received by the network interface.
    nic_receive_bits_per_s: Amount,
    /// Sent by the network interface.
    nic_transmit_bits_per_s: Amount,
    /// Most that the network interface carries in either direction.
    capacity_nic_bits_per_s: Capacity,
    /// What the network interface could carry yet, in the busier direction.
    available_bits_per_s: Amount,
}

impl Figures {
    /// The traffic load: the largest that is said or follows from a rate and its
    /// capacity, so that who says 0 and is full counts as full.
    pub fn traffic_load(&self) -> Option<f64> {
        let share = |rate: Option<f64>, capacity: Option<f64>| Some(rate? / capacity?);
        let requests = share(self.requests_per_s, self.capacity_requests_per_s);
        let bytes = share(self.bytes_per_s, self.capacity_bytes_per_s);
        let known = [requests, bytes, self.traffic_load].into_iter().flatten();
        known.reduce(f64::max)
    }

    /// The available bandwidth: the least that is said or follows from what the
    /// interface carries and could.
    pub fn available_bits_per_s(&self) -> Option<f64> {
        let busier = [self.nic_receive_bits_per_s, self.nic_transmit_bits_per_s];
        let busier = busier.into_iter().flatten().reduce(f64::max);
        let free = self.capacity_nic_bits_per_s.zip(busier);
        let free = free.map(|(capacity, busier)| (capacity - busier).max(0.0));
        let known = [free, self.available_bits_per_s].into_iter().flatten();
        known.reduce(f64::min)
    }
}

/// Not a number is in no range.
fn check(
    figure: &'static str,
    value: Option<f64>,
    range: RangeInclusive<f64>,
) -> Result<(), OutOfRange> {
    match value {
        Some(value) if !range.contains(&value) => Err(OutOfRange {
            figure,
            value,
            range,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_load_is_the_largest_that_is_known() {
        let figures = Figures {
            requests_per_s: Some(300.0),
            capacity_requests_per_s: Some(1000.0),
            ..Figures::default()
        };
        assert_eq!(figures.traffic_load(), Some(0.3));
        let bytes_too = Figures {
            bytes_per_s: Some(45e6),
            capacity_bytes_per_s: Some(50e6),
            ..figures.clone()
        };
        assert_eq!(bytes_too.traffic_load(), Some(0.9));
        let said_less = Figures {
            traffic_load: Some(0.0),
            ..bytes_too
        };
        assert_eq!(said_less.traffic_load(), Some(0.9));
        let said_more = Figures {
            traffic_load: Some(1.2),
            ..figures
        };
        assert_eq!(said_more.traffic_load(), Some(1.2));
    }

    #[test]
    fn without_a_capacity_there_is_no_load_and_no_available_bandwidth() {
        let figures = Figures {
            requests_per_s: Some(300.0),
            capacity_bytes_per_s: Some(1000.0),
            nic_transmit_bits_per_s: Some(1.0),
            ..Figures::default()
        };
        assert_eq!(figures.traffic_load(), None);
        assert_eq!(figures.available_bits_per_s(), None);
    }

    #[test]
    fn available_bandwidth_is_that_of_the_busier_direction_and_never_below_nothing() {
        let figures = Figures {
            nic_receive_bits_per_s: Some(100.0),
            nic_transmit_bits_per_s: Some(700.0),
            capacity_nic_bits_per_s: Some(1000.0),
            ..Figures::default()
        };
        assert_eq!(figures.available_bits_per_s(), Some(300.0));
        let over = Figures {
            nic_receive_bits_per_s: Some(1200.0),
            ..figures.clone()
        };
        assert_eq!(over.available_bits_per_s(), Some(0.0));
        let said = Figures {
            available_bits_per_s: Some(50.0),
            ..figures
        };
        assert_eq!(said.available_bits_per_s(), Some(50.0));
    }
}
