//! Authoritative servers that are compared: each [configured](config) at its best for one
//! core, [started](server) there in turn, and what it [takes](usage).

mod config;
mod receiving;
mod server;
mod usage;

use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::{Serialize, Serializer};
use xtask::{cargo, lab::ConfigDir, setup::Tool};

pub(crate) use self::{receiving::Receiving, server::Server, usage::Memory};
use crate::{rig::Rig, zone::Zone};

/// A server and the way it receives queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// veer's XDP program.
    Veer,
    /// veer's userspace plane alone.
    VeerUser,
    /// Knot DNS by `AF_XDP`.
    KnotXdp,
    /// Knot DNS on a UDP socket.
    KnotUdp,
    /// NSD.
    Nsd,
    /// gdnsd.
    Gdnsd,
    /// `PowerDNS`'s authoritative server with its packet cache.
    Pdns,
    /// BIND.
    Bind,
}

impl Serialize for Contender {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Contender {
    /// In the order they are measured and reported where none is named.
    pub(crate) const ALL: [Self; 7] = [
        Self::Veer,
        Self::KnotXdp,
        Self::KnotUdp,
        Self::Nsd,
        Self::Gdnsd,
        Self::Pdns,
        Self::Bind,
    ];

    /// Its name in reports and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Veer => "veer",
            Self::VeerUser => "veer-user",
            Self::KnotXdp => "knot-xdp",
            Self::KnotUdp => "knot-udp",
            Self::Nsd => "nsd",
            Self::Gdnsd => "gdnsd",
            Self::Pdns => "pdns",
            Self::Bind => "bind",
        }
    }

    /// Whether it receives queries in XDP, before the network stack.
    pub(crate) fn is_xdp(self) -> bool {
        matches!(self, Self::Veer | Self::KnotXdp)
    }

    fn program(self) -> Result<Command> {
        Ok(match self {
            Self::Veer | Self::VeerUser => Command::new(cargo::target_dir()?.join("release/veerd")),
            Self::KnotXdp | Self::KnotUdp => Tool::Knotd.command(),
            Self::Nsd => Tool::Nsd.command(),
            Self::Gdnsd => Tool::Gdnsd.command(),
            Self::Pdns => Tool::PdnsServer.command(),
            Self::Bind => Tool::Named.command(),
        })
    }

    /// What the program says its version is.
    pub(crate) fn version(self) -> Result<String> {
        let (argument, mark) = match self {
            Self::Veer | Self::VeerUser => ("--version", "veerd"),
            Self::KnotXdp | Self::KnotUdp => ("--version", "knotd"),
            Self::Nsd => ("-v", "NSD version"),
            // Said above its usage, since there is no such option.
            Self::Gdnsd => ("-h", "gdnsd version"),
            Self::Pdns => ("--version", "PowerDNS Authoritative Server"),
            Self::Bind => ("-v", "BIND"),
        };
        version(self.program()?, argument, mark)
    }

    /// Starts it on the server's side of `rig`; returns when it answers for `zone`.
    pub(crate) fn start(self, rig: &Rig, zone: &Zone) -> Result<Server> {
        let directory = ConfigDir::new(rig.lab(), self.name())?;
        let mut command = self.program()?;
        command.args(config::write(self, &directory, rig, zone)?);
        Server::start(self, &command, rig, zone)
    }
}

/// What `command` says with `argument`, from `mark` to the end of the line.
pub(crate) fn version(mut command: Command, argument: &str, mark: &str) -> Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.arg(argument).output();
    let output = output.with_context(|| format!("run {program}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said
        .lines()
        .find_map(|line| line.find(mark).map(|at| &line[at..]));
    let line = line.with_context(|| format!("{program} {argument} says no \"{mark}\": {said}"))?;
    Ok(line.trim().to_owned())
}
