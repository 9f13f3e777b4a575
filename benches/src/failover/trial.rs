//! The stage, and one server's death on it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use domain::base::Rtype;
use serde::Serialize;
use serde_json::Value;
use xtask::{
    cargo,
    lab::{ConfigDir, Daemon, HttpServer, dns::Client, http::Response},
};

use crate::{
    load::ratio_of,
    random::Random,
    rig::{CLIENT_ADDRESS, Rig, SERVER_ADDRESS},
};

/// The steered name.
const NAME: &str = "www.failover.example.";

/// Where the two servers are.
const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 53, 1, 1), Ipv4Addr::new(10, 53, 1, 2)];

pub(super) const INTERVAL: Duration = Duration::from_millis(200);
pub(super) const TIMEOUT: Duration = Duration::from_millis(100);
pub(super) const DOWN_AFTER: u32 = 2;

/// How long a silent server says nothing: longer than a trial.
const SILENCE: Duration = Duration::from_secs(5);

/// How long an answer may take to change.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failing {
    /// It refuses connections.
    Refuses,
    /// It accepts them and says nothing.
    IsSilent,
}

impl Failing {
    pub(super) const ALL: [Self; 2] = [Self::Refuses, Self::IsSilent];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Refuses => "refuses",
            Self::IsSilent => "is silent",
        }
    }

    /// The longest that its probes can take to say so.
    pub(super) fn bound(self) -> Duration {
        let refused = INTERVAL * DOWN_AFTER;
        match self {
            Self::Refuses => refused,
            Self::IsSilent => refused + TIMEOUT,
        }
    }
}

/// A daemon, its servers, and a resolver.
pub(super) struct Stage {
    // In this order it ends.
    daemon: Daemon,
    first: Option<HttpServer>,
    _second: HttpServer,
    client: Client,
    answered: u64,
    unanswered: u64,
    rig: Rig,
}

/// What the daemon and the resolver say of all trials.
#[derive(Debug, Serialize)]
pub(super) struct Ended {
    /// Share of answers that the kernel gave, 0 to 1.
    pub(super) kernel_share: f64,
    /// Questions that nobody answered within a second.
    pub(super) unanswered: u64,
    /// From the end of a probe until what it changed was in the tables, as `veerctl stats`
    /// has it.
    pub(super) publish_delay: Value,
}

impl Stage {
    pub(super) fn set() -> Result<Self> {
        let rig = Rig::new()?;
        let (client, server) = (rig.client(), rig.server());
        // Without a program there, what XDP sends does not arrive at once.
        rig.lab().attach_pass(client.namespace, client.interface)?;
        for address in SERVERS {
            server.namespace.add_address("lo", address.into(), 32)?;
        }
        let start = |address| start(&rig, address);
        let (first, second) = (start(SERVERS[0])?, start(SERVERS[1])?);
        let config = ConfigDir::new(rig.lab(), "failover")?;
        configure(&config, server.interface)?;
        let binaries: PathBuf = cargo::target_dir()?.join("release");
        let daemon = Daemon::start(rig.lab(), server.namespace, &binaries, &config)?;
        let to = SocketAddr::from((SERVER_ADDRESS, 53));
        let client = Client::new(client.namespace, CLIENT_ADDRESS.into(), to)?;
        Ok(Self {
            daemon,
            first: Some(first),
            _second: second,
            client,
            answered: 0,
            unanswered: 0,
            rig,
        })
    }

    /// Lets the first server die, and come back; how long it was still named.
    pub(super) fn trial(&mut self, failing: Failing, random: &mut Random) -> Result<Duration> {
        self.wait_for(SERVERS[0])?;
        let phase = INTERVAL * random.below(1000) as u32 / 1000;
        thread::sleep(phase);
        let first = self.first.take().context("the first server")?;
        let failed = Instant::now();
        match failing {
            Failing::Refuses => first.stop()?,
            Failing::IsSilent => {
                first.respond(Response {
                    delay: SILENCE,
                    ..Response::ok("late")
                });
                self.first = Some(first);
            }
        }
        let last_wrong = self.wait_for(SERVERS[1])?;
        match &self.first {
            Some(first) => first.respond(Response::ok("ok")),
            None => self.first = Some(start(&self.rig, SERVERS[0])?),
        }
        Ok(last_wrong.map_or(Duration::ZERO, |asked| asked - failed))
    }

    /// Asks until `address` is the answer; when a question was asked last that got
    /// another.
    fn wait_for(&mut self, address: Ipv4Addr) -> Result<Option<Instant>> {
        let deadline = Instant::now() + PATIENCE;
        let mut last_other = None;
        loop {
            let asked = Instant::now();
            if asked > deadline {
                bail!("{NAME} does not become {address} within {PATIENCE:?}");
            }
            match self.client.ask(NAME, Rtype::A) {
                Ok(reply) => {
                    self.answered += 1;
                    if reply.addresses()? == [IpAddr::V4(address)] {
                        return Ok(last_other);
                    }
                    last_other = Some(asked);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => self.unanswered += 1,
                Err(error) => return Err(error).context("ask the kernel"),
            }
        }
    }

    /// Ends the daemon.
    pub(super) fn end(self) -> Result<Ended> {
        let stats = self.daemon.veerctl(&["stats"])?;
        let answered = stats["kernel"]["answered"].as_u64();
        let answered = answered.with_context(|| format!("veerctl stats: {stats}"))?;
        let delay = stats["publisher"]["delay"].clone();
        self.daemon.sigterm()?;
        Ok(Ended {
            kernel_share: ratio_of(answered) / ratio_of(self.answered),
            unanswered: self.unanswered,
            publish_delay: delay,
        })
    }
}

fn start(rig: &Rig, address: Ipv4Addr) -> Result<HttpServer> {
    let address = SocketAddr::from((address, 80));
    HttpServer::start(rig.server().namespace, address, Response::ok("ok"))
}

fn configure(config: &ConfigDir, interface: &str) -> Result<()> {
    config.write(
        "veer.conf",
        &format!(
            "server.addresses = {SERVER_ADDRESS}\nxdp.interface = {interface}\n\
             xdp.on_exit = detach\nrrl.exempt = {CLIENT_ADDRESS}/32\n"
        ),
    )?;
    let origin = "failover.example.";
    config.write(
        "zones.d/failover.example.zone",
        &format!(
            "{origin} 60 IN SOA ns1.{origin} hostmaster.{origin} 1 3600 600 86400 60\n\
             {origin} 60 IN NS ns1.{origin}\nns1.{origin} 60 IN A {SERVER_ADDRESS}\n"
        ),
    )?;
    let [first, second] = SERVERS;
    config.write(
        "services.d/failover.toml",
        &format!(
            "[[service]]\nname = \"{NAME}\"\ncustomer = \"bench\"\nttl_s = 1\n\
             policy = {{ kind = \"failover\" }}\n\
             [service.probe]\nkind = \"http\"\ninterval_ms = {}\ntimeout_ms = {}\n\
             up_after = 1\ndown_after = {DOWN_AFTER}\n\
             [[service.server]]\nname = \"first\"\naddresses = [\"{first}\"]\n\
             [[service.server]]\nname = \"second\"\naddresses = [\"{second}\"]\n",
            INTERVAL.as_millis(),
            TIMEOUT.as_millis(),
        ),
    )
}
