//! What the card or the kernel does to frames before the program sees them, and what it asks.

use std::net::IpAddr;

use super::{Finding, quoted};
use crate::{
    config::tunables::{XdpMode, XdpReply},
    doctor::facts::{Interface, wanted::Wanted},
};

pub(super) fn judge(interface: &Interface, wanted: &Wanted) -> Vec<Finding> {
    let mut found = vec![merging(interface, wanted.mode), tags(interface)];
    if wanted.reply == XdpReply::Fib {
        found.push(forwarding(interface, &wanted.addresses));
    }
    found
}

/// Frames made of several, which no program gets.
fn merging(interface: &Interface, mode: XdpMode) -> Finding {
    const CHECK: &str = "receive-offloads";
    /// The kernel's names, and those of ethtool(8).
    const MERGING: [(&str, &str); 2] = [("rx-lro", "lro"), ("rx-gro-hw", "rx-gro-hw")];
    let on = MERGING
        .iter()
        .filter(|(name, _)| interface.features.get(*name) == Some(&true));
    let on: Vec<_> = on.map(|(_, name)| *name).collect();
    if on.is_empty() {
        return Finding::ok(CHECK, "the card merges no frames");
    }
    let found = format!("on: {}", on.join(", "));
    let name = quoted(&interface.link.name);
    let off: Vec<_> = on.iter().map(|offload| format!("{offload} off")).collect();
    let command = format!("ethtool -K {name} {}", off.join(" "));
    let means = "the card makes one frame of several, and drivers take no program then";
    match mode {
        XdpMode::Native => Finding::error(CHECK, found).means(means).mend(command),
        _ => Finding::note(CHECK, found).means(means).mend(command),
    }
}

/// Tags that the card takes off, for the kernel to put aside.
fn tags(interface: &Interface) -> Finding {
    const CHECK: &str = "vlan-stripping";
    let is_on = |feature: &str| interface.features.get(feature) == Some(&true);
    if !is_on("rx-vlan-hw-parse") {
        return Finding::ok(CHECK, "off");
    }
    let command = format!("ethtool -K {} rxvlan off", quoted(&interface.link.name));
    if interface.vlans.is_empty() {
        return Finding::note(CHECK, "on")
            .means("were queries to come in VLANs, the program would not see it")
            .mend(command);
    }
    Finding::warn(CHECK, format!("on, with {}", interface.vlans.join(", ")))
        .means(
            "the program does not see the tags of queries, so answers leave without, and are lost",
        )
        .mend(command)
}

/// Without it the kernel's routing tables refuse to tell.
fn forwarding(interface: &Interface, addresses: &[IpAddr]) -> Finding {
    const CHECK: &str = "forwarding";
    let families = [("ipv4", true), ("ipv6", false)];
    let off = families
        .into_iter()
        .zip(interface.forwarding)
        .filter(|((_, is_v4), forwards)| {
            let is_wanted = addresses.iter().any(|address| address.is_ipv4() == *is_v4);
            is_wanted && *forwards == Some(false)
        });
    let off: Vec<_> = off.map(|((family, _), _)| family).collect();
    if off.is_empty() {
        return Finding::ok(CHECK, "on, for xdp.reply = fib");
    }
    // With slashes dots are the name's own.
    let keys = off
        .iter()
        .map(|family| format!("net/{family}/conf/{}/forwarding=1", interface.link.name));
    let keys: Vec<_> = keys.map(|key| quoted(&key)).collect();
    Finding::error(CHECK, format!("off for {}", off.join(" and ")))
        .means("with xdp.reply = fib routing tables tell nothing then, and all queries go up")
        .mend(format!("sysctl -w {}", keys.join(" ")))
}
