//! What was probed, as another configuration can know it again.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    measurement::director::states::describe,
    model::{Probe, ProbeKind},
};

/// An address and how it was probed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Probed {
    /// The address.
    pub address: IpAddr,
    /// The probe in words, which tell probes apart by all that decides what is measured:
    /// kind, port, path and host, arguments, where from. What passes is not in them.
    pub probe: String,
    /// Time from one probe to the next, milliseconds.
    pub interval_ms: u64,
}

impl Probed {
    /// `address` probed as `probe` says.
    pub fn new(address: IpAddr, probe: &Probe) -> Self {
        Self {
            address,
            probe: words(probe),
            interval_ms: probe.interval.as_millis() as u64,
        }
    }

    /// Whether both measure the same, however often.
    pub fn is_alike(&self, other: &Self) -> bool {
        (self.address, &self.probe) == (other.address, &other.probe)
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.address, self.probe)
    }
}

fn words(probe: &Probe) -> String {
    let mut words = vec![describe(&probe.kind)];
    if let ProbeKind::Command(command) = &probe.kind {
        words.extend(command.arguments.iter().map(|word| format!("{word:?}")));
        words.extend(command.metric.map(|metric| metric.to_string()));
    }
    let v4 = probe.source.v4.map(IpAddr::V4);
    let from = v4.into_iter().chain(probe.source.v6.map(IpAddr::V6));
    words.extend(from.map(|from| format!("from {from}")));
    if !probe.groups.is_empty() {
        words.push(format!("for {}", probe.groups.join(", ")));
    }
    words.join(" ")
}
