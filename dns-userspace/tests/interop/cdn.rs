//! A CDN of others: its DNS, which knows nothing of us but the names it serves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{knot::Knot, support::world::World};

/// Where its DNS answers.
pub(crate) const CDN: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 56)),
    IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x56)),
];

/// Where its DNS sends clients.
pub(crate) const CACHE: &str = "10.8.0.3";

/// Names of services of `example.` that hand over to it: by CNAME, by NS, and by
/// CNAME from an agreed level of its origin's response time on.
pub(crate) const BY_CNAME: &str = "over.example.";
pub(crate) const BY_NS: &str = "ref.example.";
pub(crate) const BY_LEVEL: &str = "level.example.";
/// That level, milliseconds.
pub(crate) const LEVEL: u32 = 100;

/// Starts its DNS: for the target of the CNAME, and for the name that is referred.
pub(crate) fn start(world: &World) -> Knot {
    let [v4, v6] = CDN;
    let zone = |rest: &str| {
        format!(
            "@ 60 SOA ns hostmaster 1 1800 900 604800 1\n@ 60 NS ns\nns 60 A {v4}\nns 60 AAAA {v6}\n\
             {rest} 1 A {CACHE}\n"
        )
    };
    let aliases = zone("over.example.cdn") + &format!("level.example.cdn 1 A {CACHE}\n");
    let zones = [("test.", aliases), (BY_NS, zone("@"))];
    Knot::start(world, "cdn", CDN, &zones)
}

/// The services: `s1` is the origin, and the CDN has a cache at the addresses of
/// `s2` that is measured; `program` says the origin's response time.
pub(crate) fn services(program: &str) -> String {
    let [v4, v6] = CDN;
    let service = |name: &str, policy: &str, probe: &str, how: &str| {
        format!(
            "[[service]]
name = \"{name}\"
customer = \"acme\"
ttl_s = 1
[service.policy]
{policy}
[[service.probe]]
kind = \"tcp\"
port = 80
interval_ms = 200
timeout_ms = 150
up_after = 2
down_after = 2
{probe}
[[service.server]]
name = \"s1\"
addresses = [\"10.8.0.1\"]
[[service.hand_over]]
name = \"cdn\"
probe_addresses = [\"10.8.0.2\"]
{how}
"
        )
    };
    let failover = "kind = \"failover\"";
    let ns = format!("ns = [{{ name = \"ns.{BY_NS}\", addresses = [\"{v4}\", \"{v6}\"] }}]");
    let level = format!(
        "kind = \"threshold\"\nmetric = \"response_time_ms\"\nlevel = {LEVEL}\nhold_s = 0\n\
         step_percent = 100\norigins = [\"s1\"]"
    );
    let time = format!(
        "[[service.probe]]\nkind = \"command\"\nprogram = \"{program}\"\n\
         metric = \"response_time_ms\"\nrequired = false\nweight_permille = 1000\n\
         interval_ms = 100\ntimeout_ms = 90"
    );
    let cname = |name: &str| format!("cname = \"{name}cdn.test.\"");
    [
        service(BY_CNAME, failover, "", &cname(BY_CNAME)),
        service(BY_NS, failover, "", &ns),
        service(BY_LEVEL, &level, &time, &cname(BY_LEVEL)),
    ]
    .concat()
}
