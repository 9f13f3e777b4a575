//! Configuration sources: tunables, services, groups and zones, read together
//! and reported together.
//!
//! ```text
//! veer.d/*.conf, veer.conf → Values → Settings
//! groups.conf, groups.d/*.toml → Groups
//! services.d/*.toml        → Vec<Service>
//! zones.d/*.zone           → zone files, which the authority parses
//! cookie.secret_file       → Secrets
//! ```
//!
//! `veerd agent` has one file of its own, `agent.toml`.

pub mod agent;
pub mod diagnostic;
pub mod kind;
pub mod secrets;
pub mod settings;
pub mod source;
mod token_file;
pub mod tunables;
pub mod values;

mod address;
mod constants;
mod files;
mod groups;
mod rates;
mod section;
mod services;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use self::{
    diagnostic::Diagnostics, files::Missing, secrets::Secrets, services::Context,
    settings::Settings, source::Source, values::Values,
};
use crate::model::{Groups, Service};

/// Everything a configuration directory says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tunables as `veerctl` lists, reads and sets them.
    pub values: Values,
    /// The tunables as the program reads them.
    pub settings: Settings,
    /// The steered names, in file order.
    pub services: Vec<Service>,
    /// The resolver groups.
    pub groups: Groups,
    /// The master files, by name.
    pub zone_files: Vec<PathBuf>,
    /// The secrets of server cookies, where a file has them.
    pub secrets: Option<Secrets>,
}

/// The tunables of a configuration directory, the rest of which is not read yet.
#[derive(Clone, Debug)]
pub struct Tunables<'s> {
    /// Where the rest is to be read.
    pub source: &'s Source,
    values: Values,
    /// As the program reads them.
    pub settings: Settings,
    found: Diagnostics,
}

impl<'s> Tunables<'s> {
    /// Reads them. Fails where the directory of `source` is none; what is wrong with a tunable
    /// is reported with the rest.
    pub fn read(source: &'s Source) -> Result<Self, Diagnostics> {
        let mut found = Diagnostics::default();
        let dir = source.dir();
        if !dir.is_dir() {
            let message = "no such directory; valid: a directory with veer.conf, veer.d/*.conf, \
                           services.d/*.toml, zones.d/*.zone, groups.conf and groups.d/*.toml";
            found.push(dir, 0, "", message);
            return Err(found);
        }
        let values = Values::read(source, &mut found);
        let settings = Settings::new(&values);
        Ok(Self {
            source,
            values,
            settings,
            found,
        })
    }

    /// Whether nothing is wrong with them.
    pub fn are_valid(&self) -> bool {
        self.found.0.is_empty()
    }
}

/// Reads the configuration in `dir` (`/etc/veer` on a host).
///
/// Fails with everything that is wrong in any of its files. A source that is
/// missing is empty, unless its place was set: then it must exist.
pub fn load(dir: &Path) -> Result<Config, Diagnostics> {
    load_with(Tunables::read(&Source::on_disk(dir))?, |_, _| ()).map(|(config, ())| config)
}

/// As [`load`] from the source of `tunables`, and reads more with `more`, whose
/// findings are reported together with the rest. The configuration it is given may
/// be incomplete where something was found already.
pub fn load_with<T>(
    tunables: Tunables<'_>,
    more: impl FnOnce(&Config, &mut Diagnostics) -> T,
) -> Result<(Config, T), Diagnostics> {
    let Tunables {
        source,
        values,
        settings,
        mut found,
    } = tunables;
    let missing = |key| Missing::of(values.place(key), key);

    let groups = groups::read(source, &settings, missing, &mut found);
    let service_files = source.list(
        &settings.services_directory,
        "toml",
        &missing("services.directory"),
        &mut found,
    );
    let context = Context {
        groups: &groups,
        dir: source.dir(),
    };
    let services = services::read(source, &service_files, &context, &mut found);
    let zone_files = source.list(
        &settings.zones_directory,
        "zone",
        &missing("zones.directory"),
        &mut found,
    );
    let secrets = settings.cookie_secret_file.as_deref();
    let secrets =
        secrets.and_then(|file| secrets::read(file, &missing(secrets::FILE_KEY), &mut found));
    check_pools(&settings, &services, &mut found);
    rates::check(&settings, &services, &mut found);
    let config = Config {
        values,
        settings,
        services,
        groups,
        zone_files,
        secrets,
    };
    let more = more(&config, &mut found);
    found.into_result((config, more))
}

/// Refuses services with more distinct pools than the tables can number.
fn check_pools(settings: &Settings, services: &[Service], found: &mut Diagnostics) {
    let limit = settings.tables.pools;
    if services.len() <= limit as usize {
        return;
    }
    let pools: HashSet<_> = services.iter().map(|service| &service.pool).collect();
    let pools = pools.len();
    if pools > limit as usize {
        let message = format!(
            "the services need {pools} pools (servers, policy and probe together), but \
             tables.pools is {limit}; valid: at most {limit}, or raise tables.pools"
        );
        found.push(&settings.services_directory, 0, "service", message);
    }
}

#[cfg(test)]
mod tests;
