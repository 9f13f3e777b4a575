//! The demo's network: who is where, and what veerd is told of it.
//!
//! ```text
//! clients ── eth0 ══ eth0 ── dns ── eth1 ══ eth0 ── servers
//! isp-a, isp-b         XDP, veerd                   s1, s2, s3
//! ```

mod config;

use std::{
    env,
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::lab::{
    ConfigDir, Daemon, Lab, Namespace, Process,
    veth::{self, End},
};

/// A group of resolvers, asking from one address of its prefix.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) prefix: &'static str,
    pub(super) source: IpAddr,
}

/// The groups; each prefers another server.
pub(super) const GROUPS: [Group; 2] = [
    Group {
        name: "isp-a",
        prefix: "10.1.0.0/16",
        source: IpAddr::V4(Ipv4Addr::new(10, 1, 0, 2)),
    },
    Group {
        name: "isp-b",
        prefix: "10.2.0.0/16",
        source: IpAddr::V4(Ipv4Addr::new(10, 2, 0, 2)),
    },
];

/// A web server, the same content at each of its addresses.
pub(super) struct Site {
    pub(super) name: &'static str,
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
}

const fn site(name: &'static str, host: u8) -> Site {
    Site {
        name,
        v4: Ipv4Addr::new(192, 0, 2, host),
        v6: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host as u16),
    }
}

/// The servers, in veerd's order.
pub(super) const SITES: [Site; 3] = [site("s1", 11), site("s2", 12), site("s3", 13)];

/// The steered name.
pub(super) const SERVICE: &str = "www.example.com.";

/// Where veerd answers.
pub(super) const DNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 53, 0, 1)), 53);

pub(super) const PROBE_INTERVAL_MS: u64 = 200;
pub(super) const DOWN_AFTER: u64 = 3;

const HTTP: u16 = 80;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// The network, with what runs in it. The fields go in this order.
pub(super) struct Stage {
    servers: [Option<Process>; SITES.len()],
    servers_namespace: Namespace,
    dns: Namespace,
    clients: Namespace,
    config: ConfigDir,
    binaries: PathBuf,
    lab: Lab,
}

impl Stage {
    /// Builds it all and starts the servers; `binaries` has veerd and veerctl.
    pub(super) fn set_up(binaries: &Path) -> Result<Self> {
        let lab = Lab::new()?;
        let [clients, dns, servers_namespace] =
            ["clients", "dns", "servers"].map(|role| lab.namespace(role));
        let (clients, dns, servers_namespace) = (clients?, dns?, servers_namespace?);
        connect_clients(&clients, &dns)?;
        connect_servers(&servers_namespace, &dns)?;
        // What XDP sends back arrives only where a program receives it.
        lab.attach_pass(&clients, "eth0")?;

        let config = ConfigDir::new(&lab, "veerd")?;
        config::write(&config)?;
        let mut stage = Self {
            servers: [const { None }; SITES.len()],
            servers_namespace,
            dns,
            clients,
            config,
            binaries: binaries.to_owned(),
            lab,
        };
        for number in 0..SITES.len() {
            stage.start_server(number)?;
        }
        Ok(stage)
    }

    /// Where the resolvers are.
    pub(super) fn clients(&self) -> &Namespace {
        &self.clients
    }

    /// What holds the files and processes.
    pub(super) fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Starts veerd without waiting.
    pub(super) fn launch_daemon(&self) -> Result<Daemon> {
        Daemon::launch(&self.lab, &self.dns, &self.binaries, &self.config)
    }

    /// Starts veerd and waits until it answers.
    pub(super) fn start_daemon(&self) -> Result<Daemon> {
        Daemon::start(&self.lab, &self.dns, &self.binaries, &self.config)
    }

    /// Starts a server and waits until it listens.
    pub(super) fn start_server(&mut self, number: usize) -> Result<()> {
        let site = &SITES[number];
        let addresses = [IpAddr::V4(site.v4), IpAddr::V6(site.v6)];
        let sockets = addresses.map(|address| SocketAddr::new(address, HTTP));
        let program = env::current_exe().context("find our own program")?;
        let mut command = self.servers_namespace.command(program);
        command.args(["serve", site.name]);
        command.args(sockets.map(|socket| socket.to_string()));
        let mut server = self.lab.spawn(command)?;

        let deadline = Instant::now() + PATIENCE;
        let listens = || {
            sockets
                .iter()
                .all(|socket| TcpStream::connect(socket).is_ok())
        };
        while !self.servers_namespace.run(listens)? {
            if server.ended()?.is_some() || Instant::now() >= deadline {
                bail!("{} does not listen: {}", site.name, server.stderr().trim());
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.servers[number] = Some(server);
        Ok(())
    }

    /// Kills a server: when this returns, connections to it are refused.
    pub(super) fn stop_server(&mut self, number: usize) -> Result<()> {
        match self.servers[number].take() {
            Some(mut server) => server.sigkill(),
            None => Ok(()),
        }
    }

    /// Leaves it all up; returns how a person uses it.
    pub(super) fn keep(self, daemon: Daemon) -> Result<String> {
        let veerctl = format!(
            "{} --config {}",
            self.binaries.join("veerctl").display(),
            self.config.path().display()
        );
        daemon.keep();
        for server in self.servers.into_iter().flatten() {
            server.keep();
        }
        self.lab.keep()?;
        let name = self.clients.name();
        let mut text = String::from("The lab stays up. As root, try:\n");
        for group in &GROUPS {
            let _ = writeln!(
                text,
                "  ip netns exec {name} dig -b {} @{} {SERVICE} A",
                group.source,
                DNS.ip()
            );
        }
        let _ = writeln!(
            text,
            "  {veerctl} states\n  {veerctl} explain {SERVICE} --from {}",
            GROUPS[0].source
        );
        text += "and remove it with:\n  cargo xtask demo --clean";
        Ok(text)
    }
}

fn connect_clients(clients: &Namespace, dns: &Namespace) -> Result<()> {
    veth::join(end(clients, "eth0"), end(dns, "eth0"))?;
    dns.add_address("eth0", DNS.ip(), 32)?;
    for group in &GROUPS {
        clients.add_address("eth0", group.source, 32)?;
        dns.ip(&["route", "add", group.prefix, "dev", "eth0"])?;
    }
    clients.ip(&["route", "add", &DNS.ip().to_string(), "dev", "eth0"])?;
    Ok(())
}

fn connect_servers(servers: &Namespace, dns: &Namespace) -> Result<()> {
    veth::join(end(servers, "eth0"), end(dns, "eth1"))?;
    for site in &SITES {
        servers.add_address("eth0", site.v4.into(), 24)?;
        servers.add_address("eth0", site.v6.into(), 64)?;
    }
    let prober = site("", 1);
    dns.add_address("eth1", prober.v4.into(), 24)?;
    dns.add_address("eth1", prober.v6.into(), 64)
}

fn end<'a>(namespace: &'a Namespace, interface: &'a str) -> End<'a> {
    End {
        namespace,
        interface,
    }
}

/// What dnsperf asks, over and over: steered and static names, both families.
pub(super) const QUERIES: &str = "\
www.example.com A
www.example.com AAAA
static.example.com A
static.example.com AAAA
mail.example.com A
mail.example.com AAAA
example.com A
example.com AAAA
ns1.example.com A
www.example.com A
www.example.com AAAA
";
