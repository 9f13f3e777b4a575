//! An interface with a route and neighbours, for programs that ask the routing
//! tables where a reply goes.
//!
//! A test run says in its context by which interface the frame came. The kernel
//! takes one that has receive queues for XDP, so a program is on it.

use std::{
    ffi::CString,
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use anyhow::{Context as _, Result, anyhow};
use xtask::lab::{
    Lab, Namespace,
    veth::{self, End},
};

use crate::{fixture::RESOLVER, frame::Mac};

/// Where queries come from.
pub(super) const NEIGHBOUR_MAC: Mac = [2, 2, 0, 0, 0, 1];
/// Where they are sent to.
pub(super) const OUR_MAC: Mac = [2, 0, 0, 0, 0, 2];

const INTERFACE: &str = "serve0";
/// Our ends of the subnets that the resolvers are in.
const ADDRESSES: [(IpAddr, u8); 2] = [
    (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254)), 24),
    (
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe)),
        64,
    ),
];
/// A resolver there.
pub(super) const RESOLVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);

/// The network, for as long as this value lives.
pub(super) struct Route {
    namespace: Namespace,
    interface: u32,
    _lab: Lab,
}

impl Route {
    pub(super) fn new() -> Result<Self> {
        let lab = Lab::new()?;
        let (namespace, other) = (lab.namespace("server")?, lab.namespace("client")?);
        let [ours, theirs] = [&namespace, &other].map(|namespace| End {
            namespace,
            interface: INTERFACE,
        });
        veth::join(theirs, ours)?;
        for (address, prefix) in ADDRESSES {
            namespace.add_address(INTERFACE, address, prefix)?;
        }
        let mac = NEIGHBOUR_MAC.map(|octet| format!("{octet:02x}")).join(":");
        for neighbour in [IpAddr::V4(RESOLVER), IpAddr::V6(RESOLVER_V6)] {
            let neighbour = neighbour.to_string();
            let entry = ["neighbour", "add", &neighbour, "lladdr", &mac];
            namespace.ip(&[&entry[..], &["dev", INTERFACE, "nud", "permanent"]].concat())?;
        }
        lab.attach_pass(&namespace, INTERFACE)?;
        let interface = namespace.run(|| {
            // The lookup is for what is forwarded.
            for family in ["ipv4", "ipv6"] {
                let file = format!("/proc/sys/net/{family}/conf/all/forwarding");
                fs::write(&file, "1").with_context(|| format!("write {file}"))?;
            }
            index(INTERFACE)
        })??;
        Ok(Self {
            namespace,
            interface,
            _lab: lab,
        })
    }

    /// Runs `work` in a thread that the interface can be seen from.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        self.namespace.run(work)
    }

    /// The context (`struct xdp_md` of <linux/bpf.h>) of a frame of `len` octets
    /// that came by the interface.
    pub(super) fn context(&self, len: usize) -> Vec<u8> {
        // Data, its end, metadata, interface and queue it came by, interface it
        // leaves by.
        let fields = [0, len as u32, 0, self.interface, 0, 0];
        fields.into_iter().flat_map(u32::to_ne_bytes).collect()
    }
}

fn index(interface: &str) -> Result<u32> {
    let name = CString::new(interface).map_err(|error| anyhow!("{interface}: {error}"))?;
    // SAFETY: the name ends with a zero octet and lives through the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()).with_context(|| format!("index of {interface}")),
        index => Ok(index),
    }
}
