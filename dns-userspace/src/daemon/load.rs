//! Everything a configuration directory says, zones included, checked together.

use std::{
    iter, mem,
    net::SocketAddr,
    num::NonZero,
    panic::resume_unwind,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use dns_common::reply::UDP_MAX;

use super::phases::Phases;
use crate::{
    authority::{
        master_file,
        zone::{HandsOver, Zone},
        zones::Zones,
    },
    config::{self, Config, Tunables, diagnostic::Diagnostics, settings::Settings, source::Source},
    measurement::compile::{cname_targets, referral_octets},
    model::{Flattening, HandOver, NameMap, Plan, Service, Way},
};

/// A whole configuration, valid.
#[derive(Debug)]
pub struct Loaded {
    /// Tunables; services and groups are the plan's.
    pub config: Config,
    /// Every zone, with the services in it.
    pub zones: Zones,
    /// The services with their pools numbered.
    pub plan: Plan,
    /// How long that took so far.
    pub phases: Phases,
}

/// Reads the configuration of `source`; every error of every file at once.
pub fn load(source: &Source) -> Result<Loaded, Diagnostics> {
    rest(Tunables::read(source)?)
}

/// Reads the rest of a configuration whose tunables are known.
pub(super) fn rest(tunables: Tunables<'_>) -> Result<Loaded, Diagnostics> {
    let mut phases = Phases::start();
    let source = tunables.source;
    let (mut config, zones) = config::load_with(tunables, |config, found| {
        phases.end("configuration");
        let mut zones = read_zones(source, &config.zone_files, found);
        // A zone that could not be read has been reported; its services cannot
        // be placed, which is no fault of theirs.
        let complete = zones.len() == config.zone_files.len();
        let apexes = zones.iter().map(|zone| zone.apex().clone());
        let numbers = apexes.zip(0..).collect();
        for service in &config.services {
            if let Err(error) = place(service, &mut zones, &numbers, complete) {
                let key = format!("service.{}", service.name.fmt_with_dot());
                found.push(&config.settings.services_directory, 0, key, error);
            }
        }
        let zones = Zones::new(zones).unwrap_or_else(|error| {
            found.push(&config.settings.zones_directory, 0, "", error);
            Zones::default()
        });
        for service in &config.services {
            for over in &service.pool.hand_overs {
                if let Some(error) = leads_back(over, &zones, &config.settings) {
                    let key = format!("service.{}", service.name.fmt_with_dot());
                    found.push(&config.settings.services_directory, 0, key, error);
                }
            }
        }
        zones
    })?;
    phases.end("zones");
    let services = mem::take(&mut config.services);
    let plan = Plan::new(services, mem::take(&mut config.groups));
    phases.end("plan");
    Ok(Loaded {
        config,
        zones,
        plan,
        phases,
    })
}

/// Reads `files` of `source`, as many at a time as there are processors; what is wrong with
/// them goes to `found`.
fn read_zones(source: &Source, files: &[PathBuf], found: &mut Diagnostics) -> Vec<Zone> {
    let next = AtomicUsize::new(0);
    let read = || {
        let files = iter::from_fn(|| files.get(next.fetch_add(1, Relaxed)));
        files
            .map(|file| master_file::parse_of(source, file))
            .collect()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let parsed: Vec<Vec<_>> = thread::scope(|scope| {
        let threads: Vec<_> = (1..threads).map(|_| scope.spawn(read)).collect();
        let others = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        iter::once(read()).chain(others).collect()
    });
    let mut zones = Vec::with_capacity(files.len());
    for zone in parsed.into_iter().flatten() {
        match zone {
            Ok(zone) => zones.push(zone),
            Err(diagnostics) => found.0.extend(diagnostics.0),
        }
    }
    zones
}

/// Puts a service into the zone it belongs to; `numbers` are the zones' places.
fn place(
    service: &Service,
    zones: &mut [Zone],
    numbers: &NameMap<usize>,
    complete: bool,
) -> Result<(), String> {
    let mut suffixes = service.name.iter_suffixes();
    let number = suffixes.find_map(|suffix| numbers.get(suffix.for_slice()));
    let Some(zone) = number.map(|number| &mut zones[*number]) else {
        if !complete {
            return Ok(());
        }
        return Err(format!(
            "{} is in none of our zones; valid: a name in a zone that has a file in \
             zones.directory",
            service.name.fmt_with_dot()
        ));
    };
    hand_over(service, zone)?;
    zone.steer(&service.name, service.shape, service.ttl_s)?;
    cname_targets(service)
        .into_iter()
        .try_for_each(|records| zone.add(records))
}

/// Lets the hand-overs of `service`, if it has any, be made in `zone`.
fn hand_over(service: &Service, zone: &mut Zone) -> Result<(), String> {
    for over in &service.pool.hand_overs {
        if let Way::Ns(servers) = &over.to
            && let octets = referral_octets(service, servers)
            && octets.is_none_or(|octets| octets > UDP_MAX)
        {
            let octets = octets.map_or("too many".to_owned(), |octets| octets.to_string());
            return Err(format!(
                "the referral of the hand-over {} takes {octets} octets; valid: at most {UDP_MAX}, \
                 with fewer name servers or addresses, or shorter names",
                over.name
            ));
        }
    }
    match service.pool.hand_overs.as_slice() {
        [] => Ok(()),
        _ if service.refers() => zone.hand_over(&service.name, HandsOver::WithAllBelow),
        _ if service.hands_over_all() => zone.hand_over(&service.name, HandsOver::Itself),
        // What stands at the name beside addresses stays the zone's.
        _ => Ok(()),
    }
}

/// Why what `over` has resolved here would be asked of ourselves, if it would.
fn leads_back(over: &HandOver, zones: &Zones, settings: &Settings) -> Option<String> {
    let Flattening { name, resolvers } = over.flattening()?;
    let own = zones.find(name).filter(|zone| !zone.delegates(name));
    if let Some(zone) = own {
        return Some(format!(
            "addresses_of of the hand-over {} is {}, in our own zone {}; valid: a name of another \
             DNS",
            over.name,
            name.fmt_with_dot(),
            zone.apex().fmt_with_dot()
        ));
    }
    let is_own = |resolver: &&SocketAddr| {
        settings.addresses.contains(&resolver.ip()) && resolver.port() == settings.port
    };
    let resolver = resolvers.iter().find(is_own)?;
    Some(format!(
        "resolvers of the hand-over {} has {resolver}, where we answer ourselves; valid: resolvers \
         of others",
        over.name
    ))
}

#[cfg(test)]
mod tests;
