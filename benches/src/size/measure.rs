//! One configuration, loaded by a daemon.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use aya::util::nr_cpus;
use domain::base::Rtype;
use serde::Serialize;
use veer::{config, tables::Objects};
use xtask::{
    cargo,
    lab::{
        ConfigDir, Daemon, Lab, Namespace,
        dns::Client,
        veth::{self, End},
    },
};

use super::{
    memory,
    scale::{self, Axis, Scale},
};

/// How long a load may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often is looked whether it is done, and how much it takes.
const POLL: Duration = Duration::from_millis(10);

const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 53, 0, 2);
const INTERFACE: &str = "eth0";
/// Where the servers of services are.
const SERVERS: [&str; 2] = ["2001:db8:1::/48", "2001:db8:2::/48"];

/// What one load took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) axis: Axis,
    #[serde(flatten)]
    pub(crate) scale: Scale,
    /// Octets in the files read.
    pub(crate) config_octets: u64,
    /// From the daemon's start until it was ready, seconds.
    pub(crate) load_s: f64,
    /// Its steps, each with milliseconds.
    pub(crate) phases: Vec<(String, u64)>,
    /// What the tables take by [`veer::tables::Capacity::octets`].
    pub(crate) tables_stated: u64,
    /// What the daemon takes besides, by [`veer::tables::Objects::octets`].
    pub(crate) daemon_stated: u64,
    /// What each table takes by the kernel's count, octets.
    pub(crate) tables: BTreeMap<String, u64>,
    /// The most that the daemon had of its own while loading, octets.
    pub(crate) daemon_peak: u64,
    /// What it has afterwards.
    pub(crate) daemon_after: u64,
}

impl Row {
    /// Octets it was to take.
    pub(crate) fn stated(&self) -> u64 {
        self.tables_stated + self.daemon_stated
    }

    /// Octets of all tables, as measured.
    pub(crate) fn tables_measured(&self) -> u64 {
        self.tables.values().sum()
    }

    /// Octets it took: tables, and the daemon at its peak.
    pub(crate) fn measured(&self) -> u64 {
        self.tables_measured() + self.daemon_peak
    }
}

/// Two namespaces, in one of which daemons are started.
#[derive(Debug)]
pub(crate) struct Host {
    lab: Lab,
    clients: Namespace,
    server: Namespace,
    loads: usize,
}

impl Host {
    pub(crate) fn new() -> Result<Self> {
        let lab = Lab::new()?;
        let clients = lab.namespace("clients")?;
        let server = lab.namespace("host")?;
        let end = |namespace| End {
            namespace,
            interface: INTERFACE,
        };
        veth::join(end(&clients), end(&server))?;
        for (namespace, address) in [(&clients, RESOLVER), (&server, SERVER)] {
            namespace.add_address(INTERFACE, IpAddr::V4(address), 24)?;
        }
        lab.attach_pass(&clients, INTERFACE)?;
        for servers in SERVERS {
            // Nobody listens there, which is known at once.
            server.ip(&["-6", "route", "add", "local", servers, "dev", "lo"])?;
        }
        Ok(Self {
            lab,
            clients,
            server,
            loads: 0,
        })
    }

    /// Loads a configuration of `scale`.
    pub(crate) fn load(&mut self, axis: Axis, scale: Scale) -> Result<Row> {
        self.loads += 1;
        let name = format!("host-{}", self.loads);
        let config = ConfigDir::new(&self.lab, &name)?;
        config.write(
            "veer.conf",
            &format!(
                "server.addresses = {SERVER}\n\
                 xdp.interface = {INTERFACE}\n\
                 xdp.on_exit = detach\n"
            ),
        )?;
        let written = scale::write(&scale, config.path())?;
        let binaries = cargo::target_dir()?.join("release");
        let start = Instant::now();
        let mut daemon = Daemon::launch(&self.lab, &self.server, &binaries, &config)?;
        let mut daemon_peak = 0;
        let (load, phases) = loop {
            if let Some(phases) = ready(&daemon.log()) {
                break (start.elapsed(), phases);
            }
            if let Some(status) = daemon.process().ended()? {
                bail!("veerd: {status}: {}", daemon.log().trim());
            }
            if start.elapsed() > PATIENCE {
                bail!("not loaded in {PATIENCE:?}: {}", daemon.log().trim());
            }
            daemon_peak = daemon_peak.max(memory::anonymous(daemon.process().pid())?);
            thread::sleep(POLL);
        };
        self.ask(&written.asked)?;
        // All memory that the tables ever take is there when the second generation's is.
        while !daemon.log().contains("room to reload: ") {
            if let Some(status) = daemon.process().ended()? {
                bail!("veerd: {status}: {}", daemon.log().trim());
            }
            let log = daemon.log();
            if log.contains("no room to reload") || start.elapsed() > PATIENCE {
                bail!("no room to reload: {}", log.trim());
            }
            thread::sleep(POLL);
        }
        let pid = daemon.process().pid();
        let daemon_after = memory::anonymous(pid)?;
        let mut tables = memory::maps(&self.lab.pins().join(&name))?;
        tables.insert("TABLES".to_owned(), memory::arena(pid)?);
        let tables_stated = stated(&config)?;
        daemon.sigterm()?;
        // A million names are a hundred megabytes.
        std::fs::remove_dir_all(config.path())
            .with_context(|| format!("remove {}", config.path().display()))?;
        Ok(Row {
            axis,
            scale,
            config_octets: written.octets,
            load_s: load.as_secs_f64(),
            phases,
            tables_stated,
            daemon_stated: objects(&scale).octets(),
            tables,
            daemon_peak: daemon_peak.max(daemon_after),
            daemon_after,
        })
    }

    /// Each of `names` must be answered.
    fn ask(&self, names: &[String]) -> Result<()> {
        let server = SocketAddr::from((SERVER, 53));
        let mut client = Client::new(&self.clients, IpAddr::V4(RESOLVER), server)?;
        for name in names {
            let reply = client.ask(name, Rtype::A);
            let reply = reply.with_context(|| format!("ask for {name}"))?;
            if reply.0.header_counts().ancount() + reply.0.header_counts().nscount() == 0 {
                bail!("{name}: {:?}", reply.0.header());
            }
        }
        Ok(())
    }
}

/// The steps of the load, once the daemon has logged that it is ready.
fn ready(log: &str) -> Option<Vec<(String, u64)>> {
    let (_, steps) = log.split_once("ready: ")?;
    // The line may still be written.
    let (steps, _) = steps.split_once('\n')?;
    let steps = steps.split(", ").map(|step| {
        let (name, ms) = step.strip_suffix(" ms")?.rsplit_once(' ')?;
        Some((name.to_owned(), ms.parse().ok()?))
    });
    steps.collect()
}

/// What the daemon has to know of.
fn objects(scale: &Scale) -> Objects {
    Objects {
        names: scale.names as u64,
        prefixes: scale.prefixes as u64,
        groups: scale.groups as u64,
        services: scale.services as u64,
    }
}

/// What the tables of `config` take, as stated.
fn stated(config: &ConfigDir) -> Result<u64> {
    let mut found = config::diagnostic::Diagnostics::default();
    let source = config::source::Source::on_disk(config.path());
    let values = config::values::Values::read(&source, &mut found);
    found.into_result(()).context("read the tunables")?;
    let settings = config::settings::Settings::new(&values);
    let cpus = nr_cpus().map_err(|(file, error)| anyhow!("read {file}: {error}"))?;
    Ok(settings.tables.octets(cpus))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_from_a_whole_line() {
        assert_eq!(ready("INFO ready"), None);
        assert_eq!(ready("INFO ready: zones 12 ms, first round 3"), None);
        assert_eq!(
            ready("INFO up\nINFO ready: zones 12 ms, first round 3 ms\nmore"),
            Some(vec![
                ("zones".to_owned(), 12),
                ("first round".to_owned(), 3)
            ])
        );
    }
}
