//! The driver: whether it runs XDP programs itself, and with which frames.

use super::{Finding, quoted, set};
use crate::{
    config::tunables::XdpMode,
    doctor::facts::{Facts, Interface},
};

/// `NETDEV_XDP_ACT_BASIC`: the verdicts that the program returns.
const BASIC: u64 = 1;

/// Drivers with native XDP in Linux 5.10, for kernels that do not tell.
const NATIVE_IN_5_10: [&str; 20] = [
    "bnxt_en",
    "ena",
    "fsl_dpaa2_eth",
    "hv_netvsc",
    "i40e",
    "ice",
    "igb",
    "ixgbe",
    "ixgbevf",
    "mlx4_en",
    "mlx5_core",
    "mvneta",
    "mvpp2",
    "nfp",
    "qede",
    "sfc",
    "tun",
    "veth",
    "vif",
    "virtio_net",
];

pub(super) fn judge(interface: &Interface, facts: &Facts) -> Vec<Finding> {
    let mut found = vec![driver(interface), native(interface, facts)];
    if facts.wanted.mode == XdpMode::Native {
        found.push(mtu(interface));
    }
    found
}

fn driver(interface: &Interface) -> Finding {
    const CHECK: &str = "driver";
    let Some(driver) = &interface.driver else {
        return Finding::note(CHECK, "unknown: it tells no name");
    };
    let means = match driver.as_str() {
        "ena" => "has been seen to send no more than a million packets a second by native XDP",
        "gve" => "leaves two octets of room before a frame: replies that grow by more go up",
        "ixgbe" | "mlx5_core" => "takes the link down for a moment when a program comes or goes",
        "veth" => "delivers what XDP sends only where the other end has an XDP program, too",
        _ => return Finding::ok(CHECK, driver),
    };
    Finding::note(CHECK, driver).means(means)
}

fn native(interface: &Interface, facts: &Facts) -> Finding {
    const CHECK: &str = "native-xdp";
    let driver = interface.driver.as_deref().unwrap_or_default();
    let wanted = &facts.wanted;
    let is_generic = wanted.mode == XdpMode::Generic;
    match interface.xdp_features {
        Some(features) if features & BASIC != 0 => {}
        None if NATIVE_IN_5_10.contains(&driver) => {}
        None => {
            return Finding::note(CHECK, "unknown").means(
                "this kernel does not tell, and it is no driver known to have it; veerd says at \
                 its start whether it could attach",
            );
        }
        Some(_) if is_generic => return Finding::ok(CHECK, "no, and xdp.mode = generic"),
        Some(_) => {
            return Finding::error(CHECK, "no")
                .means(
                    "userspace answers alone; the kernel's generic way works on any Ethernet \
                     interface, slower (then restart veerd)",
                )
                .mend(set(wanted, "xdp.mode", "generic"));
        }
    }
    let by = match interface.xdp_features {
        Some(_) => "as it tells",
        None => "by its name",
    };
    if is_generic {
        return Finding::note(CHECK, format!("yes, {by}, and xdp.mode = generic"))
            .means("native XDP is faster (then restart veerd)")
            .mend(set(wanted, "xdp.mode", "native"));
    }
    Finding::ok(CHECK, format!("yes, {by}"))
}

/// A program without fragments gets frames that fit a page with all that belongs to them.
fn mtu(interface: &Interface) -> Finding {
    const CHECK: &str = "mtu";
    /// What none of the drivers that are known goes below by much.
    const USUAL: u32 = 3498;
    let limit = match interface.driver.as_deref() {
        Some("veth") => Some(3506),
        Some("virtio_net") => Some(3502),
        Some("ena") => Some(3498),
        _ => None,
    };
    // What a veth receives is what its other end sends.
    let (name, mtu) = match &interface.peer {
        Some((name, mtu)) => (name, *mtu),
        None => (&interface.link.name, interface.link.mtu),
    };
    let found = format!("{name} has {mtu}");
    let command = |limit: u32| format!("ip link set dev {} mtu {limit}", quoted(name));
    match limit {
        Some(limit) if mtu > limit => Finding::error(CHECK, found)
            .means(format!("beyond {limit} the driver takes no program"))
            .mend(command(limit)),
        None if mtu > USUAL => Finding::warn(CHECK, found)
            .means("frames that do not fit a page are too large for most drivers' native XDP")
            .mend(command(USUAL)),
        _ => Finding::ok(CHECK, found),
    }
}
