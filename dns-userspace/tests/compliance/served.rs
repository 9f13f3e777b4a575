//! The zone of the cases, served from tables as the daemon serves it.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use arc_swap::ArcSwap;
use dns_common::{
    cookie::Secret,
    host::{ClientSubnet, Constants},
};
use tokio::time::Instant;
use veer::{
    authority::{chaos::Chaos, master_file, respond::Profile, zones::Zones},
    clock::BootClock,
    flattening::Flattened,
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
    },
    model::{Groups, Plan},
    plane::{Live, Plane},
    tables::{Capacity, ResolverFlags, Tables},
};

use crate::cases::world;

/// Where it is served.
pub(crate) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 53));
/// Who asks.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99));

/// Room for it.
pub(crate) const CAPACITY: Capacity = Capacity {
    names: 64,
    groups: 1,
    pools: 1,
    answer_cells: 256,
    chunks: 1,
    services: 1,
    rate_buckets: 1,
};

/// Whatever can be answered is, without limits.
pub(crate) const CONSTANTS: Constants = Constants {
    payload: world::UDP_PAYLOAD as u64,
    client_subnet: ClientSubnet::On as u64,
    cookies: 1,
    nsid: 1,
    ..Constants::OFF
};

/// Publishes the zone in `tables`, which hold [`CAPACITY`]; the userspace plane
/// over them, in process: the one that serves sockets in the daemon.
pub(crate) fn plane(tables: Tables) -> Plane {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("example.zone");
    fs::write(&file, world::zone()).expect("a file");
    let zone = master_file::parse(&file).unwrap_or_else(|found| panic!("{found}"));
    let zones = Zones::new(vec![zone]).expect("one zone");
    let director = Director::new(Plan::new(Vec::new(), Groups::default()), 50, Instant::now());
    let surroundings = Surroundings {
        addresses: &[SERVER],
        port: 53,
        secrets: [Secret(1, 2); 2],
        counters: &[],
    };
    let image = compile(1, &tables, &zones, &director, &surroundings).expect("it fits");
    tables.publish(&image);
    let live = Live {
        generation: tables.generation(1),
        number: 1,
        names: image.names(),
        zones,
        plan: Arc::clone(director.plan()),
        resolver_flags: ResolverFlags::default(),
        flattened: Flattened::default(),
    };
    let profile = Profile {
        nsid: world::NSID.into(),
        chaos: Chaos::new(world::VERSION, world::HOSTNAME),
        ..Profile::default()
    };
    let live = Arc::new(ArcSwap::from_pointee(live));
    Plane::new(
        Arc::new(tables),
        live,
        profile,
        CONSTANTS,
        Arc::new(BootClock),
    )
}
