//! A small zone in tables, and the query for its steered name: what a hot
//! query meets.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use dns_common::{cookie::Secret, decision::Eligible};
use veer::{
    authority::{master_file, zones::Zones},
    clock,
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
    },
    model::{AllDown, Groups, Name, Plan, Policy, Pool, Probe, ProbeKind, Server, Service, Shape},
    tables::{Capacity, ResolverFlags, Tables},
};

/// Where the query comes from; its client subnets are trusted.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Where it goes to.
pub(crate) const SERVICE_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 53);
/// Where it goes to over IPv6.
pub(crate) const SERVICE_ADDRESS_V6: Ipv6Addr =
    Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53);
/// The port there.
pub(crate) const PORT: u16 = 53;

/// The secret that makes cookies, and one whose cookies are taken as well.
pub(crate) const SECRETS: [Secret; 2] = [Secret(1, 2), Secret(3, 4)];

/// The zone, as a file that is named for it.
const ZONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/zones/bench.example.zone");

/// The steered name, and in wire form.
const SERVICE: &str = "www.bench.example.";
const NAME: &[u8] = b"\x03www\x05bench\x07example\x00";
const TTL_S: u32 = 20;
const CANDIDATES: u8 = 4;

/// Nothing is measured here, so nothing is suspect.
const NEVER_SUSPECT: u8 = 100;

/// The prefixes of a second group: an IPv4 /24, which one look finds, and an
/// IPv6 /56, to which it takes five more.
const GROUPED: [&str; 2] = ["203.0.113.0/24", "2001:db8:113:5500::/56"];

/// Tables of the default's shape, but small.
pub(crate) const CAPACITY: Capacity = Capacity {
    names: 1024,
    groups: 2,
    pools: 1,
    answer_cells: 1024,
    chunks: 16,
    services: 1,
    rate_buckets: 1024,
};

/// The query for the A records of the steered name, as a resolver writes it:
/// ID, RD set, one question, letters in mixed case.
pub(crate) fn query() -> Vec<u8> {
    let mut name = NAME.to_vec();
    name[1].make_ascii_uppercase();
    let header: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00";
    [header, &name, b"\x00\x01\x00\x01"].concat()
}

/// Fills `tables` of [`CAPACITY`] with the zone and its service: four
/// candidates, of which everybody's first choice is down.
pub(crate) fn publish(tables: &Tables) -> Result<()> {
    let mut zone = master_file::parse(Path::new(ZONE)).map_err(|errors| anyhow!("{errors}"))?;
    let service = service()?;
    let steered = zone.steer(&service.name, service.shape, service.ttl_s);
    steered.map_err(|error| anyhow!("{error}"))?;
    let zones = Zones::new(vec![zone]).map_err(|error| anyhow!("{error}"))?;
    let prefixes = GROUPED.map(|prefix| Ok((prefix.parse().with_context(|| prefix)?, 1)));
    let groups = Groups {
        names: ["default", "grouped"].map(str::to_owned).into(),
        prefixes: prefixes.into_iter().collect::<Result<_>>()?,
    };
    let flags = ResolverFlags {
        trusted: vec![IpAddr::V4(RESOLVER).into()],
        exempt: Vec::new(),
    };
    tables.replace_resolvers(&tables.prepare_resolvers(&groups.prefixes, &flags)?);

    let director = Director::new(Plan::new(vec![service], groups), NEVER_SUSPECT);
    let number = tables.generation_number() + 1;
    let surroundings = Surroundings {
        addresses: &[SERVICE_ADDRESS.into(), SERVICE_ADDRESS_V6.into()],
        port: PORT,
        secrets: SECRETS,
        counters: &[SERVICE.to_owned()],
    };
    let image = compile(number, tables, &zones, &director, &surroundings)?;
    tables.set_clock_offset_ns(clock::offset_ns());
    tables.publish(&image);
    let all_but_first = (1 << CANDIDATES) - 2;
    let eligible = Eligible::new(all_but_first, all_but_first, true);
    tables.store_eligible(number, 0, eligible.0);
    Ok(())
}

/// The service at [`SERVICE`], its candidates with an address of each family.
fn service() -> Result<Service> {
    let Ok(name) = SERVICE.parse::<Name>() else {
        bail!("{SERVICE} is no name");
    };
    let server = |number: u8| Server {
        name: format!("s{number}"),
        v4: vec![Ipv4Addr::new(203, 0, 113, number + 1)],
        v6: vec![Ipv6Addr::new(
            0x2001,
            0xdb8,
            0x113,
            0,
            0,
            0,
            0,
            u16::from(number) + 1,
        )],
    };
    let pool = Pool {
        servers: (0..CANDIDATES).map(server).collect(),
        policy: Policy::Failover {
            order: (0..CANDIDATES).collect(),
            by_group: [("grouped".to_owned(), (0..CANDIDATES).rev().collect())].into(),
        },
        // Nothing is probed.
        probe: Probe {
            kind: ProbeKind::Tcp { port: 80 },
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(500),
            up_after: 1,
            down_after: 1,
        },
        all_down: AllDown::All,
    };
    Ok(Service {
        name,
        customer: "bench".to_owned(),
        ttl_s: TTL_S,
        shape: Shape::Direct,
        pool,
    })
}
