//! How often each address is probed, by all services together.

use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
};

use super::{diagnostic::Diagnostics, settings::Settings};
use crate::{
    measurement::schedule::probed,
    model::{PoolProbe, Probe, ProbeKind, Service},
};

/// Refuses services that together probe an address more often than
/// `probe.address_per_s_max` says.
pub(super) fn check(settings: &Settings, services: &[Service], found: &mut Diagnostics) {
    let limit = settings.probe_address_per_s_max;
    let pools: HashSet<_> = services.iter().map(|service| &service.pool).collect();
    // One probe of an address is sent once, however many pools share it.
    let mut by_address: BTreeMap<IpAddr, HashSet<&Probe>> = BTreeMap::new();
    for pool in pools {
        for PoolProbe { probe, instead, .. } in &pool.probes {
            if let ProbeKind::Command(_) = probe.kind {
                continue;
            }
            for (number, _) in (0_u8..).zip(pool.candidates()) {
                for address in probed(pool, number, instead.get(&number)) {
                    by_address.entry(address).or_default().insert(probe);
                }
            }
        }
    }
    for (address, probes) in by_address {
        let rates = probes
            .iter()
            .map(|probe| 1.0 / probe.interval.as_secs_f64());
        let rate: f64 = rates.sum();
        // A sum of thirds is no whole number.
        if rate > f64::from(limit) + 1e-6 {
            let message = format!(
                "{address} would get {rate:.1} probes a second from {} different probes; valid: \
                 at most {limit}, longer intervals, or a higher probe.address_per_s_max",
                probes.len()
            );
            found.push(&settings.services_directory, 0, "service", message);
        }
    }
}
