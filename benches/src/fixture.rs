//! Tables as an operator's are, small or large: the zone in
//! `zones/bench.example.zone`, a service in it, and whatever else a benchmark
//! wants in them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
};

use anyhow::{Context as _, Result, anyhow, bail};
use dns_common::{
    cookie::Secret,
    decision::{Eligible, Ranking},
};
use domain::{
    base::{Record, Serial, Ttl, iana::Class},
    rdata::Soa,
};
use ipnet::IpNet;
use tokio::time::Instant;
use veer::{
    authority::{master_file, zone::Zone, zones::Zones},
    clock,
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
    },
    model::{
        AllDown, Groups, HealthRules, Name, Plan, Policy, Pool, Probe, ProbeKind, Quantity, Server,
        Service, Shape, Unknown,
    },
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

/// Buckets of response rates: the default.
pub(crate) const RATE_BUCKETS: u32 = 65_536;

/// The zone, as a file that is named for it.
const ZONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/zones/bench.example.zone");

/// The steered name.
const SERVICE: &str = "www.bench.example.";
const TTL_S: u32 = 20;
const CANDIDATES: u8 = 4;

/// Services take turns at so many pools.
const POOLS_MAX: usize = 100;

/// Nothing is measured here, so nothing is suspect.
const NEVER_SUSPECT: u8 = 100;

/// Prefixes that are always there, in group 1: an IPv4 /24, which one look
/// finds, and an IPv6 /56, to which it takes five more.
const GROUPED: [&str; 2] = ["203.0.113.0/24", "2001:db8:113:5500::/56"];

/// What is in the tables beside the zone.
#[derive(Default)]
pub(crate) struct Bulk {
    /// Zones of steered names and nothing else: each apex, and the names below.
    pub(crate) zones: Vec<(Name, Vec<Name>)>,
    /// Resolver prefixes, each with the number of its group.
    pub(crate) prefixes: Vec<(IpNet, u16)>,
    /// Resolver groups; with fewer than two there are two all the same.
    pub(crate) groups: u32,
}

impl Bulk {
    /// Steered names, the zone's among them.
    fn services(&self) -> u32 {
        let names = self.zones.iter().map(|(_, names)| names.len());
        1 + names.sum::<usize>() as u32
    }

    fn pools(&self) -> u32 {
        self.services().min(POOLS_MAX as u32)
    }

    fn groups(&self) -> u32 {
        self.groups.max(2)
    }

    /// Tables that all of it fits into.
    pub(crate) fn capacity(&self) -> Capacity {
        // With the names between, and with what each zone answers by itself.
        const NAMES_OF_ZONE: u32 = 10;
        const CELLS_OF_ZONE: u32 = 32;
        // One for each length of name, and for each type and candidate in it.
        const CELLS_OF_POOL: u32 = 4096;
        let zones = 1 + self.zones.len() as u32;
        Capacity {
            names: self.services() + NAMES_OF_ZONE * zones + 64,
            groups: self.groups().next_power_of_two(),
            pools: self.pools(),
            answer_cells: CELLS_OF_ZONE * zones + CELLS_OF_POOL * self.pools(),
            // IPv6 prefixes of one network share most of theirs.
            chunks: self.prefixes.len() as u32 / 4 + 64,
            services: self.services(),
            rate_buckets: RATE_BUCKETS,
        }
    }
}

/// All of it, for any tables of its capacity that are empty.
pub(crate) struct Filling {
    capacity: Capacity,
    prefixes: Vec<(IpNet, u16)>,
    flags: ResolverFlags,
    zones: Zones,
    director: Director,
    counters: Vec<String>,
}

impl Filling {
    /// The zone and `bulk`, for tables of [`Bulk::capacity`].
    pub(crate) fn new(bulk: &Bulk) -> Result<Self> {
        let mut prefixes = bulk.prefixes.clone();
        for prefix in GROUPED {
            prefixes.push((prefix.parse().with_context(|| prefix)?, 1));
        }
        let flags = ResolverFlags {
            trusted: vec![IpAddr::V4(RESOLVER).into()],
            exempt: Vec::new(),
        };

        let mut zone = master_file::parse(Path::new(ZONE)).map_err(|errors| anyhow!("{errors}"))?;
        let Ok(name) = SERVICE.parse::<Name>() else {
            bail!("{SERVICE} is no name");
        };
        steer(&mut zone, &name)?;
        let (mut zones, mut names) = (vec![zone], vec![name]);
        for (apex, steered) in &bulk.zones {
            let mut zone = empty_zone(apex);
            for name in steered {
                steer(&mut zone, name)?;
            }
            zones.push(zone);
            names.extend(steered.iter().cloned());
        }
        let zones = Zones::new(zones).map_err(|error| anyhow!("{error}"))?;
        let counters = names.iter().map(|name| name.fmt_with_dot().to_string());
        let counters: Vec<_> = counters.collect();
        let pools = bulk.pools() as usize;
        let services = names.into_iter().enumerate();
        let services = services.map(|(number, name)| service(name, number % pools));
        let groups = Groups {
            names: (0..bulk.groups())
                .map(|group| format!("g{group}"))
                .collect(),
            ..Groups::default()
        };
        let director = Director::new(
            Plan::new(services.collect(), groups),
            NEVER_SUSPECT,
            Instant::now(),
        );
        Ok(Self {
            capacity: bulk.capacity(),
            prefixes,
            flags,
            zones,
            director,
            counters,
        })
    }

    /// Fills `tables`: the first candidate is down everywhere, and the order of
    /// the others differs from group to group.
    pub(crate) fn publish(&self, tables: &Tables) -> Result<()> {
        if *tables.capacity() != self.capacity || tables.generation_number() != 0 {
            bail!("these tables are of another size, or not empty");
        }
        tables.replace_resolvers(&tables.prepare_resolvers(&self.prefixes, &self.flags)?);
        tables.set_clock_offset_ns(clock::offset_ns());
        let surroundings = Surroundings {
            addresses: &[SERVICE_ADDRESS.into(), SERVICE_ADDRESS_V6.into()],
            port: PORT,
            secrets: SECRETS,
            counters: &self.counters,
        };
        let number = 1;
        let image = compile(number, tables, &self.zones, &self.director, &surroundings)?;
        tables.publish(&image);
        let all_but_first = (1 << CANDIDATES) - 2;
        let eligible = Eligible::new(all_but_first, all_but_first, true);
        let rankings: [_; CANDIDATES as usize] = std::array::from_fn(|first| {
            let order = (0..CANDIDATES).map(|place| (place + first as u8) % CANDIDATES);
            Ranking::new(&order.collect::<Vec<_>>())
        });
        for pool in 0..self.capacity.pools as u16 {
            tables.store_eligible(number, pool, eligible.0);
            for group in 0..self.director.plan().groups.names.len() as u16 {
                let ranking = rankings[usize::from(group) % rankings.len()];
                tables.store_ranking(number, pool, group, ranking.0);
            }
        }
        Ok(())
    }
}

fn steer(zone: &mut Zone, name: &Name) -> Result<()> {
    let steered = zone.steer(name, Shape::Direct, TTL_S);
    steered.map_err(|error| anyhow!("{error}"))
}

/// A zone with its SOA alone.
fn empty_zone(apex: &Name) -> Zone {
    const SERIAL: Serial = Serial(1);
    let ttl = Ttl::from_secs(3600);
    let soa = Soa::new(apex.clone(), apex.clone(), SERIAL, ttl, ttl, ttl, ttl);
    Zone::new(Record::new(apex.clone(), Class::IN, ttl, soa.into()))
}

/// The service at `name`, the candidates of its pool with an address of each family.
fn service(name: Name, pool: usize) -> Service {
    let server = |number: u8| {
        let (high, low) = ((pool >> 8) as u8, pool as u8);
        let (pool, host) = (pool as u16, u16::from(number) + 1);
        Server {
            name: format!("s{number}"),
            v4: vec![Ipv4Addr::new(10, high, low, number + 1)],
            v6: vec![Ipv6Addr::new(0x2001, 0xdb8, 0x113, pool, 0, 0, 0, host)],
            cost: Quantity::default(),
        }
    };
    let pool = Pool {
        servers: (0..CANDIDATES).map(server).collect(),
        hand_overs: Vec::new(),
        policy: Policy::Failover {
            order: (0..CANDIDATES).collect(),
            by_group: [].into(),
        },
        // Nothing is probed.
        probes: vec![Probe::new(ProbeKind::Tcp { port: 80 }).into()],
        unknown: Unknown::Last,
        answers: 1,
        ttls: Vec::new(),
        all_down: AllDown::All,
        capacity: None,
        health: HealthRules::default(),
    };
    Service {
        name,
        customer: "bench".to_owned(),
        ttl_s: TTL_S,
        shape: Shape::Direct,
        pool,
    }
}
