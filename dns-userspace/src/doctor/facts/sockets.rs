//! Who has the port already.

use std::{collections::HashMap, fs, net::IpAddr};

use procfs::{
    ProcResult,
    net::{self, TcpState},
    process::{FDTarget, all_processes},
};

/// Over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// A socket at the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) transport: Transport,
    pub(crate) address: IpAddr,
    /// Whose it is, as far as we may know.
    pub(crate) owner: Option<Owner>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) pid: u32,
    pub(crate) name: String,
    /// The service of systemd that it is of.
    pub(crate) unit: Option<String>,
}

/// The sockets that receive at `port` in this namespace.
pub(crate) fn bound(port: u16) -> ProcResult<Vec<Bound>> {
    let mut found = Vec::new();
    // Without IPv6 there are no files of it.
    let tcp = net::tcp()?
        .into_iter()
        .chain(net::tcp6().unwrap_or_default());
    for entry in tcp.filter(|entry| entry.state == TcpState::Listen) {
        found.push((Transport::Tcp, entry.local_address, entry.inode));
    }
    let udp = net::udp()?
        .into_iter()
        .chain(net::udp6().unwrap_or_default());
    // One that is connected gets what its other end sends, and nothing else.
    for entry in udp.filter(|entry| entry.remote_address.port() == 0) {
        found.push((Transport::Udp, entry.local_address, entry.inode));
    }
    found.retain(|(_, address, _)| address.port() == port);
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let owners = owners();
    let bound = found.into_iter().map(|(transport, address, inode)| Bound {
        transport,
        address: address.ip(),
        owner: owners.get(&inode).cloned(),
    });
    Ok(bound.collect())
}

/// Whose each socket is, by its inode.
fn owners() -> HashMap<u64, Owner> {
    let mut owners = HashMap::new();
    for process in all_processes().into_iter().flatten().flatten() {
        let Ok(descriptors) = process.fd() else {
            continue;
        };
        let owner = || {
            let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", process.pid()));
            Owner {
                pid: process.pid().unsigned_abs(),
                name: process
                    .stat()
                    .map_or_else(|_| String::new(), |stat| stat.comm),
                unit: unit(&cgroups.unwrap_or_default()),
            }
        };
        for descriptor in descriptors.flatten() {
            if let FDTarget::Socket(inode) = descriptor.target {
                owners.entry(inode).or_insert_with(owner);
            }
        }
    }
    owners
}

/// The service of systemd that a process with these `cgroups` is of.
fn unit(cgroups: &str) -> Option<String> {
    let mut paths = cgroups
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2));
    paths.find_map(|path| {
        let last = path.split('/').rfind(|part| part.ends_with(".service"))?;
        // Services of a person's own manager are not for the system's to stop.
        (!path.contains("user.slice")).then(|| last.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::unit;

    #[test]
    fn the_unit_of_a_process() {
        let resolved = "0::/system.slice/systemd-resolved.service\n";
        assert_eq!(unit(resolved).as_deref(), Some("systemd-resolved.service"));
        let old = "12:cpu:/\n1:name=systemd:/system.slice/named.service\n0::/x\n";
        assert_eq!(unit(old).as_deref(), Some("named.service"));
        assert_eq!(unit("0::/user.slice/user@1000.service/a.service\n"), None);
        assert_eq!(unit("0::/init.scope\n"), None);
    }
}
