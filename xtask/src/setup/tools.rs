//! The programs that tests, the demo and benchmarks run, beside our own.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::packages;

/// A program from a Debian package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Namespaces, interfaces and addresses.
    Ip,
    /// Offloads of test interfaces.
    Ethtool,
    /// The kernel's tunables, as an operator sets them.
    Sysctl,
    /// BPF objects as the kernel has them.
    Bpftool,
    /// Rules of a firewall.
    Nft,
    /// Load from many clients, with a check of what comes back.
    Dnsperf,
    /// Load at the highest rates, through XDP.
    Kxdpgun,
    /// Queries with every EDNS option.
    Kdig,
    /// BIND's query tool.
    Dig,
    /// `NLnet` Labs' query tool.
    Drill,
    /// `NLnet` Labs' recursor.
    Unbound,
    /// BIND's server.
    Named,
    /// Knot's recursor.
    Kresd,
    /// Knot's authoritative server: the root of tests, and what benchmarks compare with.
    Knotd,
    /// `NLnet` Labs' authoritative server.
    Nsd,
    /// Brandon Black's authoritative server.
    Gdnsd,
    /// `PowerDNS`'s authoritative server, with the backend that reads master files.
    PdnsServer,
    /// What scrapes metrics, and keeps alert rules.
    Prometheus,
    /// Its tool, which checks those rules.
    Promtool,
    /// Finds the packages of the libraries that programs were linked with.
    Shlibdeps,
    /// Makes the system that packages are installed in.
    Debootstrap,
    /// Boots it.
    Nspawn,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 22] = [
        Self::Ip,
        Self::Ethtool,
        Self::Sysctl,
        Self::Bpftool,
        Self::Nft,
        Self::Dnsperf,
        Self::Kxdpgun,
        Self::Kdig,
        Self::Dig,
        Self::Drill,
        Self::Unbound,
        Self::Named,
        Self::Kresd,
        Self::Knotd,
        Self::Nsd,
        Self::Gdnsd,
        Self::PdnsServer,
        Self::Prometheus,
        Self::Promtool,
        Self::Shlibdeps,
        Self::Debootstrap,
        Self::Nspawn,
    ];

    /// A command that runs the tool, which [`tools`] has seen to.
    pub fn command(self) -> Command {
        let program = self.find();
        Command::new(program.unwrap_or_else(|| self.program().into()))
    }

    fn program(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ethtool => "ethtool",
            Self::Sysctl => "sysctl",
            Self::Bpftool => "bpftool",
            Self::Nft => "nft",
            Self::Dnsperf => "dnsperf",
            Self::Kxdpgun => "kxdpgun",
            Self::Kdig => "kdig",
            Self::Dig => "dig",
            Self::Drill => "drill",
            Self::Unbound => "unbound",
            Self::Named => "named",
            Self::Kresd => "kresd",
            Self::Knotd => "knotd",
            Self::Nsd => "nsd",
            Self::Gdnsd => "gdnsd",
            Self::PdnsServer => "pdns_server",
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
            Self::Shlibdeps => "dpkg-shlibdeps",
            Self::Debootstrap => "debootstrap",
            Self::Nspawn => "systemd-nspawn",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Ip => &["iproute2"],
            Self::Ethtool => &["ethtool"],
            Self::Sysctl => &["procps"],
            Self::Bpftool => &["bpftool"],
            Self::Nft => &["nftables"],
            Self::Dnsperf => &["dnsperf"],
            Self::Kxdpgun | Self::Kdig => &["knot-dnsutils"],
            Self::Dig => &["bind9-dnsutils"],
            Self::Drill => &["ldnsutils"],
            Self::Unbound => &["unbound"],
            Self::Named => &["bind9"],
            Self::Kresd => &["knot-resolver"],
            Self::Knotd => &["knot"],
            Self::Nsd => &["nsd"],
            Self::Gdnsd => &["gdnsd"],
            // The second is but recommended by the first.
            Self::PdnsServer => &["pdns-server", "pdns-backend-bind"],
            Self::Prometheus | Self::Promtool => &["prometheus"],
            Self::Shlibdeps => &["dpkg-dev"],
            Self::Debootstrap => &["debootstrap"],
            Self::Nspawn => &["systemd-container"],
        }
    }

    /// In PATH, or where a user's PATH leaves out what is for root.
    fn find(self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
            .map(|dir| dir.join(self.program()))
            .find(|program| Path::is_file(program))
    }
}

/// Makes sure that each of `wanted` can be run; installs what is missing.
pub fn tools(wanted: &[Tool]) -> Result<()> {
    let missing: Vec<Tool> = wanted
        .iter()
        .copied()
        .filter(|tool| tool.find().is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let programs: Vec<&str> = missing.iter().map(|tool| tool.program()).collect();
    let mut packages: Vec<&str> = missing
        .iter()
        .flat_map(|tool| tool.packages())
        .copied()
        .collect();
    packages.dedup();
    packages::install(&packages, &format!("{} needed", programs.join(", ")))
}
