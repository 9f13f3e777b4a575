//! Our server as it is found from the root, and the recursors' side of the wire.

use std::{cell::Cell, fs, net::IpAddr, os::unix::fs::PermissionsExt as _, path::PathBuf};

use xtask::lab::{ConfigDir, Daemon};

use crate::{
    cdn,
    knot::Knot,
    root::Root,
    support::{
        config::Config,
        lines,
        origin::Origin,
        world::{CHILD_DNS, World},
        zone,
    },
    tap::{Sent, Tap},
};

/// Owner of a record set of more than the 1232 octets that everybody takes over UDP.
pub(crate) const BIG: &str = "big.example.";

/// The root, our server of `example.`, another of ours for the zone below it,
/// and a tap where recursors are.
pub(crate) struct Scene {
    pub(crate) config: Config,
    pub(crate) root: Root,
    tap: Tap,
    recursors: Cell<u32>,
    _daemons: [Daemon; 2],
    _cdn: Option<Knot>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) world: World,
}

impl Scene {
    /// All of it answers.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let world = World::new();
        let config = world.config("veer", &[zone::WWW, zone::CDN]);
        let big = lines(big(), |record| record + "\n");
        config.write("zones.d/example.zone", &(zone::ZONE.to_owned() + &big));
        Self::of(world, config, None)
    }

    /// All of it answers, with services that may hand over to a CDN of others.
    #[track_caller]
    pub(crate) fn handing_over() -> Self {
        let world = World::new();
        let config = world.config("veer", &[]);
        let (program, time) = (config.path("time.sh"), config.path("time"));
        // Of nobody but the origin.
        let script = format!("#!/bin/sh\n[ $VEER_ADDRESS = 10.8.0.1 ] && exec cat {time}\n");
        config.write("time.sh", &script);
        let runs = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, runs).expect("a script that can be run");
        config.write("services.d/all.toml", &cdn::services(&program));
        let cdn = cdn::start(&world);
        set_time(&config, "50");
        Self::of(world, config, Some(cdn))
    }

    #[track_caller]
    fn of(world: World, config: Config, cdn: Option<Knot>) -> Self {
        let root = Root::start(&world);
        let origins = world.origins(3);
        let daemons = [world.start(&config), world.start_in(&child(&world))];
        let mut scene = Self {
            config,
            root,
            tap: Tap::new(&world.clients).expect("a packet socket"),
            recursors: Cell::default(),
            _daemons: daemons,
            _cdn: cdn,
            origins,
            world,
        };
        scene.root.wait(&scene.world);
        scene.wire();
        scene
    }

    /// A new directory for a recursor's files.
    pub(crate) fn directory(&self) -> PathBuf {
        let number = self.recursors.replace(self.recursors.get() + 1);
        let directory = self.world.lab.dir().join(format!("recursor-{number}"));
        fs::create_dir(&directory).expect("a directory");
        directory
    }

    /// Queries that our server has counted, in both planes.
    #[track_caller]
    pub(crate) fn counted(&self) -> u64 {
        let stats = self.config.stats();
        stats.answered() + stats.userspace()
    }

    /// Those of them that the kernel has answered.
    #[track_caller]
    pub(crate) fn in_kernel(&self) -> u64 {
        self.config.stats().answered()
    }

    /// What went to and from servers since the last call.
    #[track_caller]
    pub(crate) fn wire(&mut self) -> Vec<Sent> {
        self.tap.take()
    }
}

/// Makes `ms` the response time that is measured of the origin that may hand over.
pub(crate) fn set_time(config: &Config, ms: &str) {
    let new = config.path("time.new");
    fs::write(&new, format!("{ms}\n")).expect("a value");
    fs::rename(&new, config.path("time")).expect("a value");
}

/// What [`BIG`] has.
pub(crate) fn big() -> Vec<String> {
    let filler = "x".repeat(150);
    let records = (10..20).map(|number| format!("{BIG} TXT \"{number}{filler}\""));
    records.collect()
}

/// The server of the delegated zone.
fn child(world: &World) -> ConfigDir {
    let config = ConfigDir::new(&world.lab, "child").expect("a configuration");
    let [v4, v6] = CHILD_DNS;
    let settings = format!("server.addresses = {v4} {v6}\n");
    for (file, text) in [
        ("veer.conf", settings.as_str()),
        ("zones.d/sub.example.zone", zone::CHILD),
    ] {
        config.write(file, text).expect("a file");
    }
    config
}

/// What of `wire` was asked at `servers`.
pub(crate) fn queries(wire: &[Sent], servers: [IpAddr; 2]) -> Vec<&Sent> {
    let to = |sent: &&Sent| servers.contains(&sent.destination.ip());
    wire.iter().filter(to).collect()
}
