//! One server, running.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use domain::base::Rtype;
use xtask::lab::{
    Process,
    dns::{Client, Reply},
};

use super::{
    Contender,
    usage::{self, Memory},
};
use crate::{
    programs::Attached,
    rig::{self, CLIENT_ADDRESS, Rig, SERVER_ADDRESS},
    zone::{self, Zone},
};

/// How long a server may take until it answers, or to end when told to.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take over one answer.
const TIMEOUT: Duration = Duration::from_millis(100);

/// A server that has answered as it should, alone on the server's core.
#[derive(Debug)]
pub(crate) struct Server {
    contender: Contender,
    process: Process,
}

impl Server {
    /// Runs `command`, which is `contender`; returns when it answers for `zone`.
    pub(crate) fn start(
        contender: Contender,
        command: &Command,
        rig: &Rig,
        zone: &Zone,
    ) -> Result<Self> {
        // What XDP sends arrives only where there is a program.
        let _arriving = Attached::new("pass", rig.client())?;
        ensure!(
            ask(rig, zone::PROBE).is_err(),
            "somebody answers before {} is started",
            contender.name()
        );
        let mut server = Self {
            contender,
            process: rig.serve(command)?,
        };
        let deadline = Instant::now() + PATIENCE;
        server.wait_for_answer(rig, zone::PROBE, deadline)?;
        server.wait_for_plane(rig, deadline)?;
        server.check_answers(rig, zone, deadline)?;
        // Knot's worker moves itself to CPU 0, that of the load.
        for pid in usage::processes(server.process.pid())? {
            rig::hold(pid)?;
        }
        Ok(server)
    }

    /// Asks until it answers.
    fn wait_for_answer(&mut self, rig: &Rig, host: &str, deadline: Instant) -> Result<Reply> {
        let name = self.contender.name();
        loop {
            let error = match ask(rig, host) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if let Some(status) = self.process.ended()? {
                bail!("{name}: {status}: {}", self.process.stderr().trim());
            }
            if Instant::now() >= deadline {
                return Err(error).with_context(|| {
                    format!(
                        "{name} does not answer for {host} after {PATIENCE:?}; it said: {}",
                        self.process.stderr().trim()
                    )
                });
            }
            // Refused at once as long as nobody listens.
            thread::sleep(TIMEOUT);
        }
    }

    /// Waits until the answers come from where the report will say: userspace
    /// answers some moments before a program is attached.
    fn wait_for_plane(&self, rig: &Rig, deadline: Instant) -> Result<()> {
        let interface = rig.server().interface;
        let show = || {
            let namespace = rig.server().namespace;
            namespace.ip(&["link", "show", "dev", interface])
        };
        let wanted = self.contender.is_xdp();
        let is_so = |shown: &str| shown.contains("prog/xdp ") == wanted;
        let mut shown = show()?;
        while !is_so(&shown) && Instant::now() < deadline {
            thread::sleep(TIMEOUT);
            shown = show()?;
        }
        if !is_so(&shown) {
            let number = if wanted { "an" } else { "no" };
            bail!(
                "{} ought to answer from {number} XDP program; it said: {}\n{shown}",
                self.contender.name(),
                self.process.stderr().trim()
            );
        }
        Ok(())
    }

    /// Fails unless the addresses are those of the zone, given with authority.
    fn check_answers(&mut self, rig: &Rig, zone: &Zone, deadline: Instant) -> Result<()> {
        let name = self.contender.name();
        for number in [0, zone.names().len() - 1] {
            let host = &zone.names()[number];
            let reply = self.wait_for_answer(rig, host, deadline)?;
            let addresses = reply.addresses()?;
            let expected = IpAddr::V4(zone::address(number));
            ensure!(
                reply.0.header().aa() && addresses == [expected],
                "{name} says that {host} has {addresses:?}, not {expected}: {:?}",
                reply.0.header()
            );
        }
        Ok(())
    }

    /// Who it is.
    pub(crate) fn contender(&self) -> Contender {
        self.contender
    }

    /// Processor time that its processes have taken so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        usage::cpu(self.process.pid())
    }

    /// The memory it holds.
    pub(crate) fn memory(&self) -> Result<Memory> {
        usage::memory(self.process.pid())
    }

    /// Stops it, and leaves the interface to the next one. Fails if it has ended
    /// before: then the measurements are not its own.
    pub(crate) fn stop(mut self) -> Result<()> {
        let name = self.contender.name();
        if let Some(status) = self.process.ended()? {
            bail!("{name} ended: {status}: {}", self.process.stderr().trim());
        }
        self.process.signal(libc::SIGTERM)?;
        self.process.wait(PATIENCE).map(drop)
    }
}

fn ask(rig: &Rig, name: &str) -> io::Result<Reply> {
    let server = SocketAddr::from((SERVER_ADDRESS, 53));
    let namespace = rig.client().namespace;
    let client = Client::new(namespace, IpAddr::V4(CLIENT_ADDRESS), server);
    let mut client = client.map_err(io::Error::other)?;
    client.set_timeout(TIMEOUT);
    client.ask(name, Rtype::A)
}
