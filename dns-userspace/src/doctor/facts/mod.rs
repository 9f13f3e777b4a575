//! Gathering: the only part that looks at the host. Nothing here changes it, and what
//! cannot be read is `None`, for the judging to say so.

pub(crate) mod ethtool;
mod file_capabilities;
pub(crate) mod firewall;
pub(crate) mod host;
pub(crate) mod link;
mod netlink;
pub(crate) mod sockets;
pub(crate) mod wanted;

use std::{collections::BTreeMap, path::Path};

use self::{
    ethtool::{Channels, Coalescing, Ethtool, Rings, UDP_V4_FLOW, UDP_V6_FLOW},
    firewall::Listings,
    host::{Host, Privileges, sysctl},
    link::{Address, Link, Mode},
    sockets::Bound,
    wanted::Wanted,
};
use crate::kernel::{self, BPFFS, Held};

/// All that is judged.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) wanted: Wanted,
    pub(crate) host: Host,
    pub(crate) privileges: Privileges,
    pub(crate) interface: Named,
    pub(crate) addresses: Option<Vec<Address>>,
    pub(crate) bound: Option<Vec<Bound>>,
    pub(crate) listings: Listings,
}

/// The interface in question.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    /// Neither the caller nor the configuration names one.
    Nobody,
    /// There is none of this name, but these.
    Missing(String, Vec<String>),
    /// The kernel did not tell, and why.
    Unread(String),
    Found(Box<Interface>),
}

/// What is known of an interface.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interface {
    pub(crate) link: Link,
    pub(crate) driver: Option<String>,
    /// The other end of a veth pair, and its MTU.
    pub(crate) peer: Option<(String, u32)>,
    /// Interfaces that take tagged frames from this one.
    pub(crate) vlans: Vec<String>,
    /// The programs on its hook, and who holds them.
    pub(crate) programs: Vec<(Mode, Held)>,
    /// Bits of `enum netdev_xdp_act`.
    pub(crate) xdp_features: Option<u64>,
    pub(crate) channels: Option<Channels>,
    pub(crate) rings: Option<Rings>,
    pub(crate) coalescing: Option<Coalescing>,
    /// By which fields datagrams over IPv4 and IPv6 are given to queues.
    pub(crate) hashed: [Option<u64>; 2],
    /// What is on, by the kernel's name.
    pub(crate) features: BTreeMap<String, bool>,
    /// Whether routing tables are asked for what comes in by it, over IPv4 and IPv6.
    pub(crate) forwarding: [Option<bool>; 2],
}

impl Facts {
    /// Of this host, `interface`, and the configuration in `directory`.
    pub(crate) fn gather(directory: &Path, interface: Option<&str>) -> Self {
        let wanted = Wanted::read(directory);
        let name = interface.or(wanted.interface.as_deref());
        Self {
            host: Host::look(),
            privileges: Privileges::look(&wanted.pin_path),
            interface: name.map_or(Named::Nobody, |name| named(name, &wanted.pin_path)),
            addresses: link::addresses().ok(),
            bound: sockets::bound(wanted.port).ok(),
            listings: Listings::look(),
            wanted,
        }
    }
}

fn named(name: &str, pin_path: &Path) -> Named {
    let links = match link::links() {
        Ok(links) => links,
        Err(error) => return Named::Unread(error.to_string()),
    };
    let Some(link) = links.iter().find(|link| link.name == name) else {
        let there = links.into_iter().map(|link| link.name);
        return Named::Missing(name.to_owned(), there.collect());
    };
    Named::Found(Box::new(look(link, &links, pin_path)))
}

fn look(link: &Link, links: &[Link], pin_path: &Path) -> Interface {
    let below = [Path::new(BPFFS), pin_path];
    let programs = link.programs.iter();
    let programs = programs.map(|(mode, id)| (*mode, kernel::held(*id, link.index, &below)));
    let peer = links.iter().find(|other| Some(other.index) == link.other);
    let on_top = links.iter().filter(|other| other.other == Some(link.index));
    let vlans = on_top.filter(|other| other.kind == "vlan");
    let forwarding = ["ipv4", "ipv6"]
        .map(|family| sysctl(&format!("net/{family}/conf/{}/forwarding", link.name)));
    let mut interface = Interface {
        link: link.clone(),
        peer: peer
            .filter(|_| link.kind == "veth")
            .map(|peer| (peer.name.clone(), peer.mtu)),
        vlans: vlans.map(|vlan| vlan.name.clone()).collect(),
        programs: programs.collect(),
        xdp_features: link::xdp_features(link.index).ok(),
        forwarding: forwarding.map(|value| value.map(|value| value != 0)),
        ..Interface::default()
    };
    if let Ok(ethtool) = Ethtool::open(&link.name) {
        interface.driver = ethtool.driver().ok();
        interface.channels = ethtool.channels().ok();
        interface.rings = ethtool.rings().ok();
        interface.coalescing = ethtool.coalescing().ok();
        interface.hashed = [UDP_V4_FLOW, UDP_V6_FLOW].map(|flow| ethtool.hashed(flow).ok());
        interface.features = ethtool.features().unwrap_or_default();
    }
    interface
}
