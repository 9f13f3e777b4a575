//! The servers that are compared, each with one worker, answering from sockets.

use std::{
    net::{IpAddr, SocketAddr},
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

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Knot,
    Nsd,
    Veer,
}

impl Subject {
    /// In the order they are measured.
    pub(super) const ALL: [Self; 3] = [Self::Veer, Self::Knot, Self::Nsd];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Knot => "knot",
            Self::Nsd => "nsd",
            Self::Veer => "veer",
        }
    }

    fn program(self) -> Result<Command> {
        Ok(match self {
            Self::Knot => Tool::Knotd.command(),
            Self::Nsd => Tool::Nsd.command(),
            Self::Veer => Command::new(cargo::target_dir()?.join("release/veerd")),
        })
    }

    /// The first line it prints when asked for its version.
    pub(super) fn version(self) -> Result<String> {
        let mut program = self.program()?;
        let flag = match self {
            Self::Nsd => "-v",
            Self::Knot | Self::Veer => "--version",
        };
        let output = program.arg(flag).output();
        let output = output.with_context(|| format!("run {}", self.name()))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let line = said.lines().next();
        Ok(line
            .with_context(|| format!("{} {flag} prints nothing", self.name()))?
            .to_owned())
    }

    /// Writes its configuration; the command that runs it in the foreground.
    fn command(self, config: &ConfigDir, zone: &Zone) -> Result<Command> {
        let mut command = self.program()?;
        let place = config.path();
        match self {
            Self::Knot => {
                config.write("knot.conf", &knot(config, zone))?;
                command.arg("--config").arg(place.join("knot.conf"));
            }
            Self::Nsd => {
                config.write("nsd.conf", &nsd(config, zone))?;
                command.arg("-d").arg("-c").arg(place.join("nsd.conf"));
            }
            Self::Veer => {
                let text = format!("server.addresses = {SERVER_ADDRESS}\nserver.workers = 1\n");
                config.write("veer.conf", &text)?;
                config.write(&format!("zones.d/{}zone", zone::ORIGIN), zone.text())?;
                command.arg("--config").arg(place);
            }
        }
        Ok(command)
    }
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    subject: Subject,
    process: Process,
}

impl Server {
    /// Starts `subject` on the server's side and core of `rig`; returns when it
    /// answers for `zone`.
    pub(super) fn start(subject: Subject, rig: &Rig, zone: &Zone) -> Result<Self> {
        let config = ConfigDir::new(rig.lab(), subject.name())?;
        let command = subject.command(&config, zone)?;
        let mut server = Self {
            subject,
            process: rig.serve(&command)?,
        };
        server.wait_until_it_answers(rig)?;
        Ok(server)
    }

    fn wait_until_it_answers(&mut self, rig: &Rig) -> Result<()> {
        let server = SocketAddr::from((SERVER_ADDRESS, 53));
        let client = IpAddr::V4(CLIENT_ADDRESS);
        let mut client = Client::new(rig.client().namespace, client, server)?;
        client.set_timeout(TIMEOUT);
        let deadline = Instant::now() + PATIENCE;
        let name = self.name();
        while let Err(error) = client.ask(zone::PROBE, Rtype::A) {
            let said = self.process.stderr();
            if let Some(status) = self.process.ended()? {
                bail!("{name}: {status}: {}", said.trim());
            }
            if Instant::now() >= deadline {
                return Err(error).with_context(|| {
                    format!("{name} is silent after {PATIENCE:?}: {}", said.trim())
                });
            }
            // Refused at once as long as nobody listens.
            thread::sleep(TIMEOUT);
        }
        Ok(())
    }

    pub(super) fn name(&self) -> &'static str {
        self.subject.name()
    }

    /// Its process, which may have children.
    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Stops it.
    pub(super) fn stop(mut self) -> Result<()> {
        self.process.signal(libc::SIGTERM)?;
        self.process.wait(PATIENCE).map(drop)
    }
}

/// Knot as its distribution would have it, but for one worker of each kind.
fn knot(config: &ConfigDir, zone: &Zone) -> String {
    let place = config.path().display();
    format!(
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
    )
}

/// One server process, the buffers that its manual has for busy servers, and no
/// rate limit, which would drop a load of one kind of query.
fn nsd(config: &ConfigDir, zone: &Zone) -> String {
    let place = config.path().display();
    format!(
        r#"server:
  ip-address: {SERVER_ADDRESS}
  do-ip6: no
  server-count: 1
  reuseport: no
  receive-buffer-size: 4194304
  send-buffer-size: 4194304
  minimal-responses: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  tcp-count: 1000
  username: ""
  chroot: ""
  database: ""
  pidfile: ""
  zonesdir: "{place}"
  zonelistfile: "{place}/zone.list"
  xfrdfile: "{place}/xfrd.state"
  xfrdir: "{place}"
remote-control:
  control-enable: no
zone:
  name: "{}"
  zonefile: "{}"
"#,
        zone::ORIGIN,
        zone.file().display()
    )
}
