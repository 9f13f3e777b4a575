//! Whether somebody else answers at our port.

use std::net::IpAddr;

use super::Finding;
use crate::doctor::facts::{
    Facts,
    sockets::{Bound, Owner, Transport},
    wanted::Wanted,
};

const UDP: &str = "udp-port";
const TCP: &str = "tcp-port";

/// Whose sockets are our own.
const DAEMON: &str = "veerd";

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let port = facts.wanted.port;
    let transports = [(Transport::Udp, UDP), (Transport::Tcp, TCP)];
    let Some(bound) = &facts.bound else {
        let unknown = |(_, check)| Finding::note(check, "unknown: sockets cannot be listed");
        return transports.into_iter().map(unknown).collect();
    };
    let mut found = Vec::new();
    for (transport, check) in transports {
        let of = bound.iter().filter(|bound| bound.transport == transport);
        let (ours, others): (Vec<&Bound>, Vec<_>) = of.partition(|bound| {
            let owner = bound.owner.as_ref();
            owner.is_some_and(|owner| owner.name == DAEMON)
        });
        let (in_the_way, aside): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|bound| is_in_the_way(bound.address, &facts.wanted));
        // One command mends all that one process has.
        let mut owners: Vec<Option<&Owner>> = Vec::new();
        for bound in &in_the_way {
            if !owners.contains(&bound.owner.as_ref()) {
                owners.push(bound.owner.as_ref());
            }
        }
        for owner in &owners {
            let of = in_the_way.iter().filter(|it| it.owner.as_ref() == *owner);
            found.push(taken(check, *owner, of.copied(), port));
        }
        if owners.is_empty() {
            found.push(Finding::ok(check, free(port, &ours, &aside)));
        }
    }
    found
}

/// Whether a socket at `address` keeps `veerd` from what it is to bind. Without a
/// configuration that is known of those at all addresses.
fn is_in_the_way(address: IpAddr, wanted: &Wanted) -> bool {
    match address {
        address if wanted.addresses.contains(&address) => true,
        IpAddr::V4(address) if address.is_unspecified() => {
            wanted.addresses.is_empty() || wanted.addresses.iter().any(IpAddr::is_ipv4)
        }
        // Unless it says otherwise it takes IPv4 too.
        address => address.is_unspecified(),
    }
}

fn taken<'b>(
    check: &'static str,
    owner: Option<&Owner>,
    bound: impl Iterator<Item = &'b Bound>,
    port: u16,
) -> Finding {
    let mut addresses: Vec<_> = bound.map(|bound| bound.address.to_string()).collect();
    addresses.dedup();
    let at = format!("port {port} at {}", addresses.join(", "));
    let means = "veerd cannot bind it, and does not start";
    let Some(owner) = owner else {
        return Finding::error(check, format!("{at} is taken"))
            .means(format!("{means}; by whom only root is told"));
    };
    let Owner { pid, name, unit } = owner;
    let command = match unit.as_deref() {
        Some("systemd-resolved.service") => {
            const DIRECTORY: &str = "/etc/systemd/resolved.conf.d";
            format!(
                "mkdir -p {DIRECTORY} && printf '[Resolve]\\nDNSStubListener=no\\n' > \
                 {DIRECTORY}/veer.conf && systemctl restart systemd-resolved.service"
            )
        }
        Some(unit) => format!("systemctl disable --now {}", super::quoted(unit)),
        None => format!("kill {pid}"),
    };
    Finding::error(check, format!("{at} is taken by {name} ({pid})"))
        .means(means)
        .mend(command)
}

fn free(port: u16, ours: &[&Bound], aside: &[&Bound]) -> String {
    let mut text = if ours.is_empty() {
        format!("port {port} is free")
    } else {
        format!("port {port} is veerd's")
    };
    if !aside.is_empty() {
        let others = aside.iter().map(|bound| {
            let owner = bound.owner.as_ref();
            let name = owner.map_or("somebody", |owner| owner.name.as_str());
            format!("{name} at {}", bound.address)
        });
        let others: Vec<_> = others.collect();
        text.push_str(", not in the way: ");
        text.push_str(&others.join(", "));
    }
    text
}
