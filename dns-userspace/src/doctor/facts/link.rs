//! Interfaces and addresses, as rtnetlink(7) and the kernel's `netdev` family tell them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::netlink::{Ask, Netlink, attribute, attributes, text, u16_at, u32_at, u64_at, written};

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;

// Attributes of a link (if_link.h).
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_XDP: u16 = 43;
const IFLA_INFO_KIND: u16 = 1;

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// What made it, e.g. `vlan`; empty for hardware.
    pub(crate) kind: String,
    /// Whether its frames are Ethernet's.
    pub(crate) is_ethernet: bool,
    /// Whether an operator took it up.
    pub(crate) is_up: bool,
    /// Whether somebody is at the other end.
    pub(crate) has_carrier: bool,
    pub(crate) mtu: u32,
    /// The interface that it is on top of, or the other end, if that is in this namespace.
    pub(crate) other: Option<u32>,
    /// Queues that it was made with.
    pub(crate) receive_queues: u32,
    /// The programs on its XDP hook.
    pub(crate) programs: Vec<(Mode, u32)>,
}

/// How a program is on a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Native,
    Generic,
    /// In the card itself.
    Offloaded,
}

/// An address of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) address: IpAddr,
    /// Index of its interface.
    pub(crate) index: u32,
}

/// Every interface of this namespace.
pub(crate) fn links() -> io::Result<Vec<Link>> {
    // struct ifinfomsg, of any interface.
    let answers = Netlink::open(libc::NETLINK_ROUTE)?.ask(RTM_GETLINK, Ask::All, &[0; 16])?;
    Ok(answers.iter().filter_map(|answer| link(answer)).collect())
}

/// Every address of this namespace.
pub(crate) fn addresses() -> io::Result<Vec<Address>> {
    // struct ifaddrmsg, of any interface and family.
    let answers = Netlink::open(libc::NETLINK_ROUTE)?.ask(RTM_GETADDR, Ask::All, &[0; 8])?;
    Ok(answers
        .iter()
        .filter_map(|answer| address(answer))
        .collect())
}

/// What XDP the driver of the interface has, as bits of `enum netdev_xdp_act`; fails before
/// Linux 6.3.
pub(crate) fn xdp_features(index: u32) -> io::Result<u64> {
    const CTRL: u16 = 16;
    const CTRL_CMD_GETFAMILY: u8 = 3;
    const CTRL_ATTR_FAMILY_ID: u16 = 1;
    const CTRL_ATTR_FAMILY_NAME: u16 = 2;
    const NETDEV_CMD_DEV_GET: u8 = 1;
    const NETDEV_A_DEV_IFINDEX: u16 = 1;
    const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
    /// Octets of `struct genlmsghdr`.
    const HEADER: usize = 4;

    let netlink = Netlink::open(libc::NETLINK_GENERIC)?;
    let ask = |kind, command, attribute: Vec<u8>| -> io::Result<Vec<u8>> {
        let payload = [vec![command, 1, 0, 0], attribute].concat();
        let answers = netlink.ask(kind, Ask::One, &payload)?;
        Ok(answers.into_iter().next().unwrap_or_default())
    };
    let missing = || io::Error::from(io::ErrorKind::InvalidData);
    let name = written(CTRL_ATTR_FAMILY_NAME, b"netdev\0");
    let family = ask(CTRL, CTRL_CMD_GETFAMILY, name)?;
    let family = family.get(HEADER..).unwrap_or_default();
    let family = attribute(family, CTRL_ATTR_FAMILY_ID).and_then(|id| u16_at(id, 0));
    let index = written(NETDEV_A_DEV_IFINDEX, &index.to_ne_bytes());
    let device = ask(family.ok_or_else(missing)?, NETDEV_CMD_DEV_GET, index)?;
    let device = device.get(HEADER..).unwrap_or_default();
    let features = attribute(device, NETDEV_A_DEV_XDP_FEATURES);
    features
        .and_then(|bits| u64_at(bits, 0))
        .ok_or_else(missing)
}

/// Reads `struct ifinfomsg` and its attributes.
fn link(message: &[u8]) -> Option<Link> {
    const HEADER: usize = 16;
    let number = |octets: &[u8]| u32_at(octets, 0);
    let flags = u32_at(message, 8)?.cast_signed();
    let rest = message.get(HEADER..)?;
    let is_elsewhere = attribute(rest, IFLA_LINK_NETNSID).is_some();
    let kind = attribute(rest, IFLA_LINKINFO).and_then(|info| attribute(info, IFLA_INFO_KIND));
    Some(Link {
        index: u32_at(message, 4)?,
        name: text(attribute(rest, IFLA_IFNAME)?),
        kind: kind.map(text).unwrap_or_default(),
        is_ethernet: u16_at(message, 2)? == libc::ARPHRD_ETHER,
        is_up: flags & libc::IFF_UP != 0,
        has_carrier: flags & libc::IFF_LOWER_UP != 0,
        mtu: attribute(rest, IFLA_MTU).and_then(number)?,
        other: attribute(rest, IFLA_LINK)
            .and_then(number)
            .filter(|_| !is_elsewhere),
        receive_queues: attribute(rest, IFLA_NUM_RX_QUEUES)
            .and_then(number)
            .unwrap_or(1),
        programs: attribute(rest, IFLA_XDP).map(programs).unwrap_or_default(),
    })
}

fn programs(nested: &[u8]) -> Vec<(Mode, u32)> {
    const IFLA_XDP_DRV_PROG_ID: u16 = 5;
    const IFLA_XDP_SKB_PROG_ID: u16 = 6;
    const IFLA_XDP_HW_PROG_ID: u16 = 7;
    let programs = attributes(nested).filter_map(|(kind, value)| {
        let mode = match kind {
            IFLA_XDP_DRV_PROG_ID => Mode::Native,
            IFLA_XDP_SKB_PROG_ID => Mode::Generic,
            IFLA_XDP_HW_PROG_ID => Mode::Offloaded,
            _ => return None,
        };
        Some((mode, u32_at(value, 0)?))
    });
    programs.collect()
}

/// Reads `struct ifaddrmsg` and its attributes.
fn address(message: &[u8]) -> Option<Address> {
    const HEADER: usize = 8;
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    let rest = message.get(HEADER..)?;
    // Of a point-to-point link the first is the other end's.
    let octets = attribute(rest, IFA_LOCAL).or_else(|| attribute(rest, IFA_ADDRESS))?;
    let address = match octets.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into(),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into(),
        _ => return None,
    };
    let index = u32_at(message, 4)?;
    Some(Address { address, index })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_there() {
        let links = links().expect("netlink works");
        let lo = links.iter().find(|link| link.name == "lo");
        let lo = lo.expect("every namespace has it");
        assert_eq!((lo.index, lo.is_ethernet), (1, false));
        assert!(lo.mtu >= 1280, "{lo:?}");
    }

    #[test]
    fn a_link_with_a_program_and_its_peer_elsewhere() {
        let mut message = vec![0; 16];
        message[2..4].copy_from_slice(&libc::ARPHRD_ETHER.to_ne_bytes());
        message[4..8].copy_from_slice(&7u32.to_ne_bytes());
        message[8..12].copy_from_slice(&libc::IFF_UP.to_ne_bytes());
        message.extend(written(IFLA_IFNAME, b"eth0\0"));
        message.extend(written(IFLA_MTU, &1500u32.to_ne_bytes()));
        message.extend(written(IFLA_LINK, &2u32.to_ne_bytes()));
        message.extend(written(IFLA_LINKINFO, &written(IFLA_INFO_KIND, b"veth\0")));
        message.extend(written(IFLA_XDP, &written(6, &42u32.to_ne_bytes())));
        let found = link(&message).expect("sound");
        let expected = Link {
            index: 7,
            name: "eth0".to_owned(),
            kind: "veth".to_owned(),
            is_ethernet: true,
            is_up: true,
            has_carrier: false,
            mtu: 1500,
            other: Some(2),
            receive_queues: 1,
            programs: vec![(Mode::Generic, 42)],
        };
        assert_eq!(found, expected);
        message.extend(written(IFLA_LINK_NETNSID, &0u32.to_ne_bytes()));
        assert_eq!(link(&message).expect("sound").other, None);
    }
}
