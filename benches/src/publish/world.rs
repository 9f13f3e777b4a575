//! What the bench works on: a program in the kernel with its tables, their
//! publisher, and the director of some pools and groups.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use arc_swap::ArcSwap;
use dns_common::host::Constants;
use domain::{
    base::{Record, Serial, Ttl, iana::Class},
    rdata::{Soa, ZoneRecordData},
};
use ipnet::Ipv4Net;
use veer::{
    authority::{zone::Zone, zones::Zones},
    flattening::Flattened,
    kernel::Kernel,
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
        publish::Publisher,
    },
    model::{
        AllDown, Groups, HealthRules, Name, Plan, Policy, Pool, Probe, ProbeKind, Quantity, Server,
        Service, Shape, Unknown,
    },
    plane::Live,
    tables::{Capacity, ResolverFlags, Tables},
};

use crate::{
    fixture::{PORT, SECRETS},
    rig::SERVER_ADDRESS,
    zone::ORIGIN,
};

/// Nothing here is this host's own fault.
const NEVER_SUSPECT: u8 = 100;

/// Seconds a resolver may keep a steered answer.
const TTL_S: u32 = 20;

/// The program, and what it answers from.
pub(super) struct World {
    pub(super) kernel: Kernel,
    pub(super) writer: Writer,
}

/// The tables, who writes them, and who decides what.
pub(super) struct Writer {
    pub(super) tables: Arc<Tables>,
    pub(super) publisher: Publisher,
    pub(super) director: Director,
    counters: Vec<String>,
}

/// How long the parts of publishing a generation took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    /// Waiting until nobody reads where it is built.
    pub(super) wait: Duration,
    /// Building its image in the tables.
    pub(super) build: Duration,
    /// From handing that to the publisher until it was current.
    pub(super) publish: Duration,
}

impl World {
    /// Empty tables of `capacity` in the kernel, their publisher, and a director of
    /// `plan` that knows nothing yet.
    pub(super) fn new(capacity: Capacity, plan: Plan) -> Result<Self> {
        let (kernel, tables) = Kernel::load(capacity, &Constants::OFF)?;
        let tables = Arc::new(tables);
        let names = plan.services.iter().map(|(service, _)| &service.name);
        let counters = names.map(|name| name.fmt_with_dot().to_string()).collect();
        let director = Director::new(plan, NEVER_SUSPECT, Instant::now().into());
        let nothing = Live {
            generation: tables.generation(0),
            number: 0,
            names: 0,
            zones: Zones::default(),
            plan: Arc::clone(director.plan()),
            resolver_flags: ResolverFlags::default(),
            flattened: Flattened::default(),
        };
        let live = Arc::new(ArcSwap::from_pointee(nothing));
        let publisher = Publisher::start(Arc::clone(&tables), live, None, true);
        let writer = Writer {
            tables,
            publisher: publisher.context("start the publisher")?,
            director,
            counters,
        };
        Ok(Self { kernel, writer })
    }
}

impl Writer {
    /// Publishes the next generation as the daemon does: `zones`, and what has been
    /// decided so far. Nothing is left for userspace, which does not answer here.
    pub(super) fn publish(&self, zones: &Zones) -> Result<Published> {
        let surroundings = Surroundings {
            addresses: &[IpAddr::V4(SERVER_ADDRESS)],
            port: PORT,
            secrets: SECRETS,
            counters: &self.counters,
        };
        let asked = Instant::now();
        let number = self.publisher.next()?;
        let wait = asked.elapsed();
        let room = self.tables.reserve(number);
        room.with_context(|| format!("room for generation {number}"))?;
        let begin = Instant::now();
        let image = compile(number, &self.tables, zones, &self.director, &surroundings)?;
        let built = Instant::now();
        let live = Live {
            generation: *image.generation(),
            number,
            names: image.names(),
            zones: Zones::default(),
            plan: Arc::clone(self.director.plan()),
            resolver_flags: ResolverFlags::default(),
            flattened: Flattened::default(),
        };
        self.publisher.generation(image, None, Arc::new(live))?;
        Ok(Published {
            wait,
            build: built - begin,
            publish: built.elapsed(),
        })
    }
}

/// A zone with nothing but the services of `plan`.
pub(super) fn zones_of(plan: &Plan) -> Result<Zones> {
    let name = |name: &str| name.parse::<Name>().with_context(|| name.to_owned());
    let ttl = Ttl::from_secs(TTL_S);
    let soa = Soa::new(
        name(&format!("ns1.{ORIGIN}"))?,
        name(&format!("hostmaster.{ORIGIN}"))?,
        Serial(1),
        ttl,
        ttl,
        ttl,
        ttl,
    );
    let soa = Record::new(name(ORIGIN)?, Class::IN, ttl, ZoneRecordData::Soa(soa));
    let mut zone = Zone::new(soa);
    for (service, _) in &plan.services {
        zone.steer(&service.name, service.shape, service.ttl_s)
            .map_err(|error| anyhow!("{error}"))?;
    }
    Zones::new(vec![zone]).map_err(|error| anyhow!("{error}"))
}

/// `count` groups of one IPv4 /24 each, which [`resolver`] is in.
pub(super) fn groups(count: u16) -> Groups {
    let mut groups = Groups::default();
    for number in 1..count {
        groups.names.push(format!("g{number}"));
        let prefix = Ipv4Net::new_assert(resolver(number), 24).trunc();
        groups.prefixes.push((prefix.into(), number));
    }
    groups
}

/// A resolver of group `number`.
pub(super) fn resolver(number: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(100 << 24 | u32::from(number) << 8 | 1)
}

/// What is asked of pool `number`.
pub(super) fn service_name(number: u16) -> String {
    format!("pool-{number}.{ORIGIN}")
}

/// The address of a candidate of pool `number`.
pub(super) fn candidate_address(number: u16, candidate: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(198 << 24 | u32::from(number) << 8 | u32::from(candidate))
}

/// A service with pool `number`, of `candidates` with one address each, every one of
/// which is probed once per `interval` and believed at once.
pub(super) fn service(
    number: u16,
    candidates: u8,
    policy: Policy,
    interval: Duration,
) -> Result<Service> {
    let probe = Probe {
        interval,
        // No probe takes so long.
        timeout: Duration::from_mins(1),
        up_after: 1,
        down_after: 1,
        ..Probe::new(ProbeKind::Tcp { port: 80 })
    };
    let name: Name = service_name(number).parse().context("a service's name")?;
    let server = |candidate: u8| Server {
        name: format!("s{candidate}"),
        v4: vec![candidate_address(number, candidate)],
        v6: Vec::new(),
        cost: Quantity::default(),
    };
    Ok(Service {
        name,
        customer: "bench".to_owned(),
        ttl_s: TTL_S,
        shape: Shape::Direct,
        pool: Pool {
            servers: (0..candidates).map(server).collect(),
            hand_overs: Vec::new(),
            policy,
            probes: vec![probe.into()],
            unknown: Unknown::Last,
            answers: 1,
            ttls: Vec::new(),
            all_down: AllDown::All,
            capacity: None,
            health: HealthRules::default(),
        },
    })
}
