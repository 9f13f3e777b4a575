//! The configuration, the interface and its addresses.

use std::net::IpAddr;

use super::{Finding, quoted, quoted_path};
use crate::doctor::facts::{
    Facts, Named,
    link::Link,
    wanted::{Configuration, Wanted},
};

/// Whether what follows goes by a configuration.
pub(super) fn configuration(wanted: &Wanted) -> Finding {
    const CHECK: &str = "configuration";
    let directory = quoted_path(&wanted.directory);
    match wanted.configuration {
        Configuration::Valid => Finding::ok(CHECK, directory),
        Configuration::Missing => Finding::note(CHECK, format!("none in {directory}"))
            .means("addresses are not known, and of all else the defaults were looked at"),
        Configuration::Faulty(mistakes) => {
            let found = match mistakes {
                1 => "a mistake in its tunables".to_owned(),
                mistakes => format!("{mistakes} mistakes in its tunables"),
            };
            Finding::error(CHECK, found)
                .means("veerd does not start with it; what is wrong and what would be valid:")
                .mend(format!("veerctl --config {directory} check"))
        }
    }
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![interface(&facts.interface)];
    found.extend(addresses(facts));
    found
}

fn interface(named: &Named) -> Finding {
    const CHECK: &str = "interface";
    match named {
        Named::Nobody => Finding::note(CHECK, "none is named")
            .means("what depends on one was not looked at: veerctl doctor IFACE"),
        Named::Unread(error) => Finding::note(CHECK, format!("unknown: {error}")),
        Named::Missing(name, there) => Finding::error(CHECK, format!("there is no {name} here"))
            .means(format!(
                "veerd does not start; there are: {}",
                there.join(", ")
            )),
        Named::Found(interface) => link(&interface.link),
    }
}

fn link(link: &Link) -> Finding {
    const CHECK: &str = "interface";
    let name = &link.name;
    if !link.is_ethernet {
        return Finding::error(CHECK, format!("{name} is no Ethernet interface"))
            .means("veer reads and writes Ethernet frames; name another");
    }
    if !link.is_up {
        return Finding::error(CHECK, format!("{name} is down"))
            .means("no query comes in")
            .mend(format!("ip link set dev {} up", quoted(name)));
    }
    if !link.has_carrier {
        return Finding::warn(CHECK, format!("{name} is up, and nobody at its other end"))
            .means("no query comes in: look at the cable, and at the switch or peer");
    }
    Finding::ok(CHECK, format!("{name} is up"))
}

/// Whether the host has the addresses that `veerd` is to answer at.
fn addresses(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "addresses";
    let wanted = &facts.wanted.addresses;
    if wanted.is_empty() {
        return None;
    }
    let Some(there) = &facts.addresses else {
        return Some(Finding::note(CHECK, "unknown: they cannot be listed"));
    };
    let is_there = |wanted: &IpAddr| there.iter().any(|there| there.address == *wanted);
    let missing: Vec<_> = wanted.iter().filter(|wanted| !is_there(wanted)).collect();
    if missing.is_empty() {
        return Some(Finding::ok(CHECK, joined(wanted.iter(), ", ")));
    }
    let interface = match &facts.interface {
        Named::Found(interface) => interface.link.name.as_str(),
        _ => "lo",
    };
    let adding = missing.iter().map(|address| {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        format!("ip address add {address}/{bits} dev {}", quoted(interface))
    });
    let found = format!("not of this host: {}", joined(missing.iter(), ", "));
    let finding = Finding::error(CHECK, found)
        .means("veerd cannot bind what is in server.addresses, and does not start");
    Some(finding.mend(joined(adding, " && ")))
}

fn joined(items: impl Iterator<Item = impl ToString>, between: &str) -> String {
    let items: Vec<_> = items.map(|item| item.to_string()).collect();
    items.join(between)
}
