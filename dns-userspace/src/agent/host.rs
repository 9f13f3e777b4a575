//! What the kernel tells of this host.

use std::fs;

use procfs::{
    Current as _, CurrentSI as _, KernelStats, Meminfo, ProcError, ProcResult,
    net::{self, TcpNetEntry, TcpState},
};

/// Processor time since the host was booted, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cpu {
    /// Of anything but idling; what a hypervisor took is not idle.
    pub(super) busy: u64,
    /// All of it.
    pub(super) total: u64,
}

/// Octets that went through an interface since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// Processor time so far.
pub(super) fn cpu() -> Result<Cpu, String> {
    let stats = KernelStats::current().map_err(said("/proc/stat"))?;
    let time = stats.total;
    let later = [time.iowait, time.irq, time.softirq, time.steal];
    let [iowait, irq, softirq, steal] = later.map(Option::unwrap_or_default);
    let busy = time.user + time.nice + time.system + irq + softirq + steal;
    Ok(Cpu {
        busy,
        total: busy + time.idle + iowait,
    })
}

/// The share of memory that programs cannot have.
pub(super) fn memory_share() -> Result<f64, String> {
    let memory = Meminfo::current().map_err(said("/proc/meminfo"))?;
    let available = memory
        .mem_available
        .ok_or("/proc/meminfo: no MemAvailable")?;
    #[expect(clippy::cast_precision_loss, reason = "it is a share")]
    let share = 1.0 - available as f64 / memory.mem_total as f64;
    Ok(share)
}

/// What went through `interface` so far.
pub(super) fn traffic(interface: &str) -> Result<Traffic, String> {
    let interfaces = net::dev_status().map_err(said("/proc/net/dev"))?;
    let counters = interfaces.get(interface);
    let counters = counters.ok_or_else(|| format!("/proc/net/dev: no interface {interface}"))?;
    Ok(Traffic {
        received: counters.recv_bytes,
        sent: counters.sent_bytes,
    })
}

/// The speed of `interface`'s link, bits a second, where its driver knows it:
/// virtual ones often do not.
pub(super) fn link_bits_per_s(interface: &str) -> Result<f64, String> {
    let path = format!("/sys/class/net/{interface}/speed");
    let unknown = |error: &dyn std::fmt::Display| {
        format!("{path}: {error}; interface.capacity_bits_per_s sets what it carries")
    };
    let text = fs::read_to_string(&path).map_err(|error| unknown(&error))?;
    match text.trim().parse::<u32>() {
        Ok(megabits) if megabits > 0 => Ok(f64::from(megabits) * 1e6),
        _ => Err(unknown(&format_args!(
            "the link's speed is {}",
            text.trim()
        ))),
    }
}

/// The connections to `ports` of this host that are established.
pub(super) fn connections(ports: &[u16]) -> Result<u64, String> {
    let counted = |entries: ProcResult<Vec<TcpNetEntry>>| {
        let open = |entry: &TcpNetEntry| {
            entry.state == TcpState::Established && ports.contains(&entry.local_address.port())
        };
        entries.map(|entries| entries.iter().filter(|entry| open(entry)).count() as u64)
    };
    let v4 = counted(net::tcp()).map_err(said("/proc/net/tcp"))?;
    let v6 = match counted(net::tcp6()) {
        // A kernel without IPv6 has no connections over it.
        Err(ProcError::NotFound(_)) => 0,
        counted => counted.map_err(said("/proc/net/tcp6"))?,
    };
    Ok(v4 + v6)
}

fn said(object: &'static str) -> impl FnOnce(ProcError) -> String {
    move |error| format!("{object}: {error}")
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn processors_and_memory_are_in_use() {
        let (before, after) = (cpu().unwrap(), cpu().unwrap());
        assert!(before.busy > 0 && before.busy < before.total);
        assert!(after.busy >= before.busy);
        let share = memory_share().unwrap();
        assert!(share > 0.0 && share < 1.0, "{share}");
    }

    #[test]
    fn loopback_is_an_interface_without_a_speed() {
        let before = traffic("lo").unwrap();
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .send_to(&[0; 1000], socket.local_addr().unwrap())
            .unwrap();
        let after = traffic("lo").unwrap();
        assert!(after.sent >= before.sent + 1000 && after.received >= before.received + 1000);
        let error = link_bits_per_s("lo").unwrap_err();
        assert!(error.contains("/sys/class/net/lo/speed: "), "{error}");
        let error = traffic("nosuch0").unwrap_err();
        assert_eq!(error, "/proc/net/dev: no interface nosuch0");
    }

    #[test]
    fn established_connections_are_counted_by_local_port() {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let addresses = [&v4, &v6].map(|listener| listener.local_addr().unwrap());
        let ports = addresses.map(|address| address.port());
        assert_eq!(connections(&ports), Ok(0));
        let _one = TcpStream::connect(addresses[0]).unwrap();
        assert_eq!(connections(&ports), Ok(1));
        let _other = TcpStream::connect(addresses[1]).unwrap();
        assert_eq!(connections(&ports), Ok(2));
        assert_eq!(connections(&ports[1..]), Ok(1));
        assert_eq!(connections(&[]), Ok(0));
    }
}
