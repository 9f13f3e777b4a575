//! The network, and the daemon in it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use domain::base::Rtype;
use xtask::{
    lab::{
        ConfigDir, Daemon, Lab, Namespace,
        dns::Client,
        veth::{self, End},
    },
    root,
};

use super::{
    config::Config,
    origin::Origin,
    zone::{self, Service},
};

/// Where the daemon answers.
pub(crate) const DNS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 53)),
    IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x53)),
];

/// Where the child zone's server answers.
pub(crate) const CHILD_DNS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 54)),
    IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x54)),
];

/// Where origins can be.
const ORIGINS: u8 = 6;

/// Both ends of the veth pair are called this.
pub(crate) const INTERFACE: &str = "eth0";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolver {
    /// Of the group isp-a.
    A = 1,
    /// Of the group isp-b.
    B = 2,
    /// Of no group.
    Other = 3,
}

/// Over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The daemon's address.
    pub(crate) fn dns(self) -> IpAddr {
        DNS[self as usize]
    }
}

impl Resolver {
    /// Its address.
    pub(crate) fn address(self, family: Family) -> IpAddr {
        let number = self as u8;
        match family {
            Family::V4 => Ipv4Addr::new(10, 9, number, 1).into(),
            Family::V6 => Ipv6Addr::new(0xfd09, 0, 0, number.into(), 0, 0, 0, 1).into(),
        }
    }
}

/// Namespaces `clients` and `dns`, joined. Everything of it goes with it.
pub(crate) struct World {
    pub(crate) clients: Namespace,
    pub(crate) dns: Namespace,
    pub(crate) lab: Lab,
}

impl World {
    /// A new one. Sending by XDP to the clients works.
    pub(crate) fn new() -> Self {
        let world = Self::without_receiver();
        let attached = world.lab.attach_pass(&world.clients, INTERFACE);
        attached.expect("the rig's program `pass`, which `cargo xtask build` makes");
        world
    }

    /// As [`World::new`], but what is sent by XDP arrives once the clients have a program of
    /// their own.
    pub(crate) fn without_receiver() -> Self {
        assert!(
            root::is_root(),
            "end-to-end tests need root: run `cargo xtask test`"
        );
        let lab = Lab::new().expect("a lab");
        let clients = lab.namespace("clients").expect("a namespace");
        let dns = lab.namespace("dns").expect("a namespace");
        let end = |namespace| End {
            namespace,
            interface: INTERFACE,
        };
        veth::join(end(&clients), end(&dns)).expect("a veth pair");
        for address in DNS.into_iter().chain(CHILD_DNS) {
            add(&dns, INTERFACE, address);
        }
        for resolver in [Resolver::A, Resolver::B, Resolver::Other] {
            for family in Family::ALL {
                add(&clients, INTERFACE, resolver.address(family));
            }
        }
        for number in 1..=ORIGINS {
            for address in origin(number) {
                add(&dns, "lo", address);
            }
        }
        Self { clients, dns, lab }
    }

    /// A configuration of [`zone`] with `services`, its XDP on the veth pair.
    pub(crate) fn config(&self, name: &str, services: &[Service]) -> Config {
        let config = Config::new(&self.lab, binaries(), name);
        config.settings(&[]);
        config.write("zones.d/example.zone", zone::ZONE);
        config.write("groups.conf", zone::GROUPS);
        config.write("services.d/all.toml", &zone::services(services));
        config
    }

    /// A daemon that answers.
    #[track_caller]
    pub(crate) fn start(&self, config: &Config) -> Daemon {
        self.start_in(&config.dir)
    }

    /// As [`World::start`], for a configuration made otherwise.
    #[track_caller]
    pub(crate) fn start_in(&self, config: &ConfigDir) -> Daemon {
        match Daemon::start(&self.lab, &self.dns, binaries(), config) {
            Ok(daemon) => daemon,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// Runs `veerd`, or what starts it, to its end, which must be an early one;
    /// returns its exit status and what it complained of.
    #[track_caller]
    pub(crate) fn refused(&self, config: &Config, starter: &[&str]) -> (Option<i32>, String) {
        let veerd = env!("CARGO_BIN_EXE_veerd");
        let mut line = starter.iter().copied().chain([veerd]);
        let mut command = self.dns.command(line.next().expect("veerd is there"));
        command.args(line).arg("--config").arg(config.dir.path());
        let mut process = self.lab.spawn(command).expect("it starts");
        let status = process.wait(super::PATIENCE).expect("it ends");
        (status.code(), process.stderr())
    }

    /// The servers `s1`, `s2`, … in both families, all well.
    pub(crate) fn origins(&self, count: u8) -> Vec<Origin> {
        (1..=count)
            .map(|number| Origin::start(self, number))
            .collect()
    }

    /// A resolver that asks the daemon.
    pub(crate) fn client(&self, resolver: Resolver, family: Family) -> Client {
        let source = resolver.address(family);
        let mut client = Client::new(&self.clients, source, SocketAddr::new(family.dns(), 53))
            .expect("a client's socket");
        client.set_timeout(super::PATIENCE / 10);
        client
    }

    /// What `name` has for `resolver` by now; `None` without an answer.
    pub(crate) fn addresses(
        &self,
        resolver: Resolver,
        name: &str,
        rtype: Rtype,
    ) -> Option<Vec<String>> {
        let reply = self.client(resolver, Family::V4).ask(name, rtype).ok()?;
        let mut addresses: Vec<_> = reply
            .addresses()
            .ok()?
            .iter()
            .map(ToString::to_string)
            .collect();
        addresses.sort();
        Some(addresses)
    }

    /// Waits until `resolver` gets exactly `address` for `name`.
    #[track_caller]
    pub(crate) fn moves(&self, resolver: Resolver, name: &str, address: &str) {
        let what = format!("{resolver:?} gets {address} for {name}");
        super::eventually(&what, || {
            (self.addresses(resolver, name, Rtype::A)? == [address]).then_some(())
        });
    }

    /// Whether an XDP program is on the daemon's interface.
    pub(crate) fn has_xdp(&self) -> bool {
        let shown = self.dns.ip(&["link", "show", "dev", INTERFACE]);
        shown.expect("ip runs").contains("xdp")
    }
}

/// The addresses that the origin `number` has.
pub(crate) fn origin(number: u8) -> [IpAddr; 2] {
    [
        Ipv4Addr::new(10, 8, 0, number).into(),
        Ipv6Addr::new(0xfd08, 0, 0, 0, 0, 0, 0, number.into()).into(),
    ]
}

/// Adds an address in the one subnet of its family.
fn add(namespace: &Namespace, interface: &str, address: IpAddr) {
    let prefix = match (interface, address) {
        ("lo", IpAddr::V4(_)) => 32,
        ("lo", IpAddr::V6(_)) => 128,
        (_, IpAddr::V4(_)) => 16,
        (_, IpAddr::V6(_)) => 48,
    };
    namespace
        .add_address(interface, address, prefix)
        .expect("an address");
}

/// Where `veerd` and `veerctl` are.
pub(crate) fn binaries() -> &'static Path {
    let veerd = Path::new(env!("CARGO_BIN_EXE_veerd"));
    veerd.parent().expect("veerd is in a directory")
}
