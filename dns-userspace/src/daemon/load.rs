//! Everything a configuration directory says, zones included, checked together.

use super::phases::Phases;
use crate::{
    authority::{master_file, zone::Zone, zones::Zones},
    config::{self, Config, diagnostic::Diagnostics},
    measurement::compile::cname_targets,
    model::{Name, Plan, Service},
};
use std::path::Path;

/// A whole configuration, valid.
#[derive(Debug)]
pub struct Loaded {
    /// Tunables, services and groups.
    pub config: Config,
    /// Every zone, with the services in it.
    pub zones: Zones,
    /// The services with their pools numbered.
    pub plan: Plan,
    /// How long that took so far.
    pub phases: Phases,
}

/// Reads the configuration in `directory`; every error of every file at once.
pub fn load(directory: &Path) -> Result<Loaded, Diagnostics> {
    let mut phases = Phases::start();
    let (config, zones) = config::load_with(directory, |config, found| {
        phases.end("configuration");
        let mut zones = Vec::new();
        for file in &config.zone_files {
            match master_file::parse(file) {
                Ok(zone) => zones.push(zone),
                Err(diagnostics) => found.0.extend(diagnostics.0),
            }
        }
        // A zone that could not be read has been reported; its services cannot
        // be placed, which is no fault of theirs.
        let complete = zones.len() == config.zone_files.len();
        for service in &config.services {
            if let Err(error) = place(service, &mut zones, complete) {
                let key = format!("service.{}", service.name.fmt_with_dot());
                found.push(&config.settings.services_directory, 0, key, error);
            }
        }
        Zones::new(zones).unwrap_or_else(|error| {
            found.push(&config.settings.zones_directory, 0, "", error);
            Zones::default()
        })
    })?;
    phases.end("zones");
    let plan = Plan::new(config.services.clone(), config.groups.clone());
    phases.end("plan");
    Ok(Loaded {
        config,
        zones,
        plan,
        phases,
    })
}

/// Puts a service into the zone it belongs to.
fn place(service: &Service, zones: &mut [Zone], complete: bool) -> Result<(), String> {
    let Some(zone) = zone_of(&service.name, zones) else {
        if !complete {
            return Ok(());
        }
        return Err(format!(
            "{} is in none of our zones; valid: a name in a zone that has a file in \
             zones.directory",
            service.name.fmt_with_dot()
        ));
    };
    zone.steer(&service.name, service.shape, service.ttl_s)?;
    cname_targets(service)
        .into_iter()
        .try_for_each(|records| zone.add(records))
}

fn zone_of<'z>(name: &Name, zones: &'z mut [Zone]) -> Option<&'z mut Zone> {
    zones
        .iter_mut()
        .filter(|zone| name.ends_with(zone.apex()))
        .max_by_key(|zone| zone.apex().len())
}
