//! What the load is offered to: a program that sends every frame back, and
//! veer.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use aya::{Ebpf, programs::links::FdLink};
use serde::Deserialize as _;
use xtask::{
    cargo,
    lab::{ConfigDir, HttpServer, Process, daemon::Control, http::Response, veth},
};

use crate::{
    load::{SOURCES, SOURCES_PREFIX},
    programs,
    rig::{Rig, SERVER_ADDRESS},
    zone::{self, Zone},
};

/// How long the daemon may take until it answers, or to end when told to.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// The rig's program that sends every frame back.
pub(crate) const REFLECT: &str = "reflect";

/// What veer's configuration and its pins are called.
const NAME: &str = "veer";

/// Steered names: a few, as a host has.
const STEERED: usize = 16;

/// Names to ask for: the first `count` of the zone, each followed by a steered one.
pub(crate) fn hot_names(zone: &Zone, count: usize) -> Vec<String> {
    let zone_names = zone.names().iter().take(count);
    let pairs = zone_names.cloned().zip(steered_names().cycle());
    pairs.flat_map(<[String; 2]>::from).collect()
}

fn steered_names() -> impl Iterator<Item = String> + Clone {
    (0..STEERED).map(|number| format!("www-{number}.{}", zone::ORIGIN))
}

/// The rig's `reflect` on the server's end, for as long as this value lives.
pub(crate) struct Reflect {
    _rig: Ebpf,
    _link: FdLink,
}

impl Reflect {
    pub(crate) fn attach(rig: &Rig) -> Result<Self> {
        let mut programs = programs::load(&[REFLECT])?;
        let link = veth::attach(programs::loaded_mut(&mut programs, REFLECT)?, rig.server())?;
        Ok(Self {
            _rig: programs,
            _link: link,
        })
    }
}

/// A `veerd` on the server's end and core, and the origin it probes.
pub(crate) struct Veer {
    process: Process,
    control: Control,
    /// Directory of its pins.
    pins: PathBuf,
    _origin: HttpServer,
}

impl Veer {
    /// Starts it; returns when its program is attached.
    pub(crate) fn start(rig: &Rig, zone: &Zone) -> Result<Self> {
        let address = SocketAddr::from((SERVER_ADDRESS, 80));
        let origin = HttpServer::start(rig.server().namespace, address, Response::ok("ok"))?;
        let binaries: PathBuf = cargo::target_dir()?.join("release");
        let config = ConfigDir::new(rig.lab(), NAME)?;
        configure(&config, rig, zone)?;
        let mut command = Command::new(binaries.join("veerd"));
        command.arg("--config").arg(config.path());
        let mut veer = Self {
            process: rig.serve(&command)?,
            control: Control::new(&binaries, &config),
            pins: rig.lab().pins().join(NAME),
            _origin: origin,
        };
        veer.wait_until_attached()?;
        Ok(veer)
    }

    fn wait_until_attached(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.control.ask(&["status"]);
            if let Ok(status) = &status
                && status["xdp"]["state"] == "attached"
            {
                return Ok(());
            }
            if let Some(status) = self.process.ended()? {
                bail!("veerd: {status}: {}", self.process.stderr().trim());
            }
            if Instant::now() >= deadline {
                let said = self.process.stderr();
                bail!(
                    "veerd's program is not attached after {PATIENCE:?}: {status:?}; it said: {}",
                    said.trim()
                );
            }
            thread::sleep(POLL);
        }
    }

    /// Packets counted in the kernel so far, by the name of their outcome.
    pub(crate) fn outcomes(&self) -> Result<BTreeMap<String, u64>> {
        let stats = self.control.ask(&["stats"])?;
        let outcomes = &stats["kernel"]["outcomes"];
        BTreeMap::deserialize(outcomes).with_context(|| format!("veerctl stats: {stats}"))
    }

    /// Where its program's link is pinned.
    pub(crate) fn link(&self) -> Result<PathBuf> {
        let pins = &self.pins;
        let entries = fs::read_dir(pins).with_context(|| format!("list {}", pins.display()))?;
        let mut paths = entries.flatten().map(|entry| entry.path());
        let link = paths.find(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("link-native-"))
        });
        link.with_context(|| format!("no link is pinned in {}", pins.display()))
    }

    /// Stops it, its program too.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.process.signal(libc::SIGTERM)?;
        self.process.wait(PATIENCE).map(drop)
    }
}

/// Writes the configuration: the zone, the steered names with one server, and
/// two groups of resolvers.
fn configure(config: &ConfigDir, rig: &Rig, zone: &Zone) -> Result<()> {
    let text = format!(
        "server.addresses = {SERVER_ADDRESS}
server.workers = 1
xdp.interface = {}
xdp.on_exit = detach
",
        rig.server().interface
    );
    config.write("veer.conf", &text)?;
    config.write(&format!("zones.d/{}zone", zone::ORIGIN), zone.text())?;
    let half = SOURCES_PREFIX + 1;
    config.write("groups.conf", &format!("{SOURCES}/{half} near\n"))?;
    let mut services = String::new();
    for name in steered_names() {
        write!(
            services,
            r#"[[service]]
name = "{name}"
customer = "bench"
ttl_s = 20
[service.policy]
kind = "failover"
order = ["one"]
[service.probe]
kind = "http"
interval_ms = 1000
timeout_ms = 500
[[service.server]]
name = "one"
addresses = ["{SERVER_ADDRESS}"]
"#
        )
        .context("format a service")?;
    }
    config.write("services.d/bench.toml", &services)
}
