//! The servers that are compared, each started with the same zone.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use domain::base::Rtype;
use xtask::{
    cargo,
    lab::{ConfigDir, Process, dns::Client},
    setup::Tool,
};

use crate::{
    rig::{CLIENT_ADDRESS, Rig, SERVER_ADDRESS},
    zone::{self, Zone},
};

/// How long a server may take until it answers, or to end when told to.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take over one answer.
const TIMEOUT: Duration = Duration::from_millis(100);

/// A server and the way it receives queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Knot DNS with one thread on a UDP socket.
    KnotUdp,
    /// veer's XDP program.
    VeerXdp,
}

impl Contender {
    /// In the order they are measured: the one the ratios refer to first.
    pub(crate) const ALL: [Self; 2] = [Self::KnotUdp, Self::VeerXdp];

    /// The server's name.
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::KnotUdp => "knot",
            Self::VeerXdp => "veer",
        }
    }

    /// How queries reach it.
    pub(crate) fn plane(self) -> &'static str {
        match self {
            Self::KnotUdp => "udp",
            Self::VeerXdp => "xdp",
        }
    }

    fn program(self) -> Result<Command> {
        Ok(match self {
            Self::KnotUdp => Tool::Knotd.command(),
            Self::VeerXdp => Command::new(cargo::target_dir()?.join("release/veerd")),
        })
    }

    /// What the program says its version is.
    pub(crate) fn version(self) -> Result<String> {
        version(self.program()?)
    }

    /// Starts it on the server's side of `rig`; returns when it answers for `zone`.
    pub(crate) fn start(self, rig: &Rig, zone: &Zone) -> Result<Server> {
        let mut command = self.program()?;
        let config = ConfigDir::new(rig.lab(), self.server())?;
        match self {
            Self::KnotUdp => {
                command.arg("--config");
                command.arg(knot_config(config.path(), zone)?);
            }
            Self::VeerXdp => {
                command.arg("--config");
                command.arg(veer_config(&config, rig, zone)?.path());
            }
        }
        let mut server = Server {
            contender: self,
            process: rig.serve(&command)?,
        };
        server.wait_until_it_answers(rig)?;
        Ok(server)
    }
}

/// The first line that `command` prints when asked for its version.
pub(crate) fn version(mut command: Command) -> Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.arg("--version").output();
    let output = output.with_context(|| format!("run {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next();
    Ok(line
        .with_context(|| format!("{program} --version prints nothing"))?
        .to_owned())
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    contender: Contender,
    process: Process,
}

impl Server {
    fn wait_until_it_answers(&mut self, rig: &Rig) -> Result<()> {
        let server = SocketAddr::from((SERVER_ADDRESS, 53));
        let namespace = rig.client().namespace;
        let mut client = Client::new(namespace, IpAddr::V4(CLIENT_ADDRESS), server)?;
        client.set_timeout(TIMEOUT);
        let deadline = Instant::now() + PATIENCE;
        let name = self.contender.server();
        while let Err(error) = client.ask(zone::PROBE, Rtype::A) {
            if let Some(status) = self.process.ended()? {
                bail!("{name}: {status}: {}", self.process.stderr().trim());
            }
            if Instant::now() >= deadline {
                let said = self.process.stderr();
                return Err(error).with_context(|| {
                    format!(
                        "{name} does not answer after {PATIENCE:?}; it said: {}",
                        said.trim()
                    )
                });
            }
            // Refused at once as long as nobody listens.
            thread::sleep(TIMEOUT);
        }
        self.wait_for_plane(rig, deadline)
    }

    /// Waits until the answers come from where the report will say: userspace
    /// answers some moments before a program is attached.
    fn wait_for_plane(&self, rig: &Rig, deadline: Instant) -> Result<()> {
        let interface = rig.server().interface;
        let show = || {
            let namespace = rig.server().namespace;
            namespace.ip(&["link", "show", "dev", interface])
        };
        let wanted = self.contender.plane() == "xdp";
        let is_so = |shown: &str| shown.contains("prog/xdp ") == wanted;
        let mut shown = show()?;
        while !is_so(&shown) && Instant::now() < deadline {
            thread::sleep(TIMEOUT);
            shown = show()?;
        }
        if !is_so(&shown) {
            bail!(
                "{} ought to answer over {}; it said: {}\n{shown}",
                self.contender.server(),
                self.contender.plane(),
                self.process.stderr().trim()
            );
        }
        Ok(())
    }

    /// Stops it, and leaves the interface to the next one.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.process.signal(libc::SIGTERM)?;
        self.process.wait(PATIENCE).map(drop)
    }
}

/// Writes Knot's configuration, as its distribution would have it but for one
/// thread of each kind, into `directory`; returns its file.
fn knot_config(directory: &Path, zone: &Zone) -> Result<std::path::PathBuf> {
    let place = directory.display();
    let text = format!(
        "server:
  rundir: {place}
  listen: {SERVER_ADDRESS}@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: {place}
zone:
  - domain: {}
    file: {}
    zonefile-sync: -1
    journal-content: none
",
        zone::ORIGIN,
        zone.file().display()
    );
    let file = directory.join("knot.conf");
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

/// Completes veer's configuration.
fn veer_config<'c>(config: &'c ConfigDir, rig: &Rig, zone: &Zone) -> Result<&'c ConfigDir> {
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
    Ok(config)
}
