//! Queues of the card: how many, who gets which query, and how long it waits there.

use super::{Finding, quoted};
use crate::doctor::facts::{
    Interface,
    ethtool::{Channels, Coalescing, PORTS, Rings},
};

pub(super) fn judge(interface: &Interface, cpus: u32) -> Vec<Finding> {
    let name = quoted(&interface.link.name);
    let mut found = vec![queues(interface, &name, cpus)];
    if count(interface) > 1 {
        found.push(hashing(interface.hashed, &name));
    }
    found.push(rings(interface.rings, &name));
    found.push(coalescing(interface.coalescing, &name));
    found
}

/// Receive queues in use.
fn count(interface: &Interface) -> u32 {
    let channels = interface.channels;
    channels.map_or(interface.link.receive_queues, |channels| {
        channels.receive + channels.combined
    })
}

fn queues(interface: &Interface, name: &str, cpus: u32) -> Finding {
    const CHECK: &str = "queues";
    let driver = interface.driver.as_deref().unwrap_or_default();
    let queues = count(interface);
    let found = format!("{queues} to receive by, {cpus} CPUs");
    let max = interface.channels.map_or(queues, Channels::max);
    let sets = |queues: u32| {
        let is_combined = interface.channels.is_some_and(|has| has.combined_max > 0);
        let which = if is_combined { "combined" } else { "rx" };
        format!("ethtool -L {name} {which} {queues}")
    };
    // Of these half are for what XDP sends.
    let of_halves = matches!(driver, "ena" | "gve");
    let usable = if of_halves { (max / 2).max(1) } else { max };
    if of_halves && queues > usable && max > 1 {
        return Finding::error(CHECK, format!("{found}, {max} at most"))
            .means("this driver takes a program only with half of its queues in use, or fewer")
            .mend(sets(usable));
    }
    let wanted = usable.min(cpus);
    if driver == "virtio_net" && queues + cpus > max {
        let finding = Finding::note(CHECK, format!("{found}, {max} at most")).means(
            "what XDP sends needs a queue more for each CPU; without, CPUs wait for each other \
             to send, and before Linux 5.13 no program is taken: have the host give it more",
        );
        return if max > cpus {
            finding.mend(sets(max - cpus))
        } else {
            finding
        };
    }
    if queues >= cpus {
        return Finding::ok(CHECK, found);
    }
    let means = format!("the kernel answers on {queues} of {cpus} CPUs at most");
    match (queues, wanted) {
        (1, 2..) => Finding::warn(CHECK, found).means(means).mend(sets(wanted)),
        (_, wanted) if wanted > queues => {
            Finding::note(CHECK, found).means(means).mend(sets(wanted))
        }
        _ => Finding::note(CHECK, found).means(format!("{means}; the interface has no more")),
    }
}

fn hashing(hashed: [Option<u64>; 2], name: &str) -> Finding {
    const CHECK: &str = "udp-hashing";
    let flows = ["udp4", "udp6"].into_iter().zip(hashed);
    let known: Vec<_> = flows
        .filter_map(|(flow, fields)| Some((flow, fields?)))
        .collect();
    if known.is_empty() {
        return Finding::ok(CHECK, "the driver has none to set");
    }
    let without = known.iter().filter(|(_, fields)| fields & PORTS != PORTS);
    let without: Vec<_> = without.map(|(flow, _)| *flow).collect();
    if without.is_empty() {
        return Finding::ok(CHECK, "by addresses and ports");
    }
    let commands = without.iter().map(|flow| {
        // Source and destination address, first and second half of the ports.
        format!("ethtool -N {name} rx-flow-hash {flow} sdfn")
    });
    Finding::warn(CHECK, format!("{} not by ports", without.join(" and ")))
        .means("all queries of a resolver come to one queue, and so to one CPU")
        .mend(commands.collect::<Vec<_>>().join(" && "))
}

fn rings(rings: Option<Rings>, name: &str) -> Finding {
    const CHECK: &str = "rings";
    /// Fewer lose bursts, and more do not stay in the cache.
    const GOOD: std::ops::RangeInclusive<u32> = 256..=1024;
    const BEST: u32 = 512;
    let Some(Rings {
        receive,
        receive_max,
    }) = rings
    else {
        return Finding::ok(CHECK, "the driver has none to set");
    };
    let found = format!("{receive} frames to receive, {receive_max} at most");
    let command = format!("ethtool -G {name} rx {}", BEST.min(receive_max));
    if receive < *GOOD.start() && receive < receive_max {
        return Finding::warn(CHECK, found)
            .means("a burst of queries finds no room, and is lost")
            .mend(command);
    }
    if receive > *GOOD.end() {
        return Finding::note(CHECK, found)
            .means("what waits there does not stay in the cache; 256 to 512 have been faster")
            .mend(command);
    }
    Finding::ok(CHECK, found)
}

fn coalescing(coalescing: Option<Coalescing>, name: &str) -> Finding {
    const CHECK: &str = "coalescing";
    /// Microseconds that are seen in an answer's latency.
    const LONG: u32 = 100;
    let Some(coalescing) = coalescing else {
        return Finding::ok(CHECK, "the driver has none to set");
    };
    let receive = coalescing.receive_us;
    if coalescing.is_adaptive {
        return Finding::ok(CHECK, "adaptive");
    }
    let found = format!("{receive} µs to receive");
    if receive < LONG {
        return Finding::ok(CHECK, found);
    }
    Finding::warn(CHECK, found)
        .means("the card waits so long before it tells of a query, at any load")
        .mend(format!("ethtool -C {name} rx-usecs 20"))
}

impl Channels {
    /// Receive queues there can be.
    fn max(self) -> u32 {
        self.combined_max.max(self.receive_max)
    }
}
