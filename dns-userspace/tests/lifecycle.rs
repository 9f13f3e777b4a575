//! The data plane outlives its daemon: killed, restarted, stopped, detached.

mod support;

use std::{fs, path::PathBuf, thread, time::Instant};

use aya::maps::Array;
use support::{
    config::Config,
    eventually,
    load::{HOT, Load, assert_answers},
    number, text,
    world::{INTERFACE, Resolver, World},
    zone,
};

const SERVICES: &[zone::Service] = &[zone::WWW, zone::CDN];

/// Answers of the service `name` in the kernel.
#[track_caller]
fn of_service(config: &Config, name: &str) -> u64 {
    number(&config.veerctl(&["stats"])["kernel"]["services"], name)
}

#[test]
fn killed_and_adopted_under_load_nothing_is_lost() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    let daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "attached");
    let load = Load::start(&world);
    let before = (
        config.stats().answered(),
        of_service(&config, "www.example."),
    );
    daemon.sigkill().expect("it is killed");
    load.goes_on();

    let daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "adopted");
    load.goes_on();
    let after = (
        config.stats().answered(),
        of_service(&config, "www.example."),
    );
    assert!(
        after.0 > before.0 && after.1 > before.1,
        "counters went back: {before:?}, {after:?}"
    );
    // And once more, through pins that were adopted.
    daemon.sigkill().expect("it is killed");
    load.goes_on();
    let _daemon = world.start(&config);
    load.goes_on();
    let asked = load.stop();

    // Nobody was helped out by a socket, and all of it was counted.
    let stats = config.stats();
    assert_eq!(stats.userspace(), 0, "hot queries reached a socket");
    assert_eq!(
        stats.answered(),
        asked,
        "answered in the kernel, of those asked"
    );
}

#[test]
fn killed_at_any_point_of_its_start_the_next_one_adopts() {
    /// Points of a start at which it is killed.
    const POINTS: u32 = 10;
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    world.start(&config).sigkill().expect("it is killed");
    let load = Load::start(&world);
    let begun = Instant::now();
    let daemon = world.start(&config);
    let start_takes = begun.elapsed();
    let before = config.stats().answered();
    daemon.sigkill().expect("it is killed");
    for point in 1..=POINTS {
        let mut command = world.dns.command(env!("CARGO_BIN_EXE_veerd"));
        command.arg("--config").arg(config.dir.path());
        let mut process = world.lab.spawn(command).expect("it starts");
        // No event tells how far it is, and every point is as good as another.
        thread::sleep(start_takes * point / POINTS);
        process.sigkill().expect("it is killed");
    }
    let daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "adopted");
    load.goes_on();
    load.stop();
    let stats = config.stats();
    assert_eq!(stats.userspace(), 0, "hot queries reached a socket");
    assert!(stats.answered() > before, "counters went back");
    config.veerctl(&["detach"]);
    daemon.sigterm().expect("it stops");
    config.assert_nothing_left();
}

#[test]
fn stopped_with_keep_it_goes_on_answering() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    let daemon = world.start(&config);
    let load = Load::start(&world);
    daemon.sigterm().expect("it stops");
    load.goes_on();
    assert!(world.has_xdp() && config.has_link());
    let error = config.veerctl_fails(&["status"]);
    assert!(error.contains("veerd is not running"), "{error}");
    let _daemon = world.start(&config);
    load.goes_on();
    let asked = load.stop();
    assert_eq!(config.stats().answered(), asked);
}

#[test]
fn stopped_with_detach_nothing_is_left() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.settings(&["xdp.on_exit = detach"]);
    let daemon = world.start(&config);
    assert_answers(&world);
    assert!(world.has_xdp() && config.has_link());
    daemon.sigterm().expect("it stops");
    assert!(!world.has_xdp());
    config.assert_nothing_left();

    // A tunable that applies at once decides for a daemon that runs.
    let daemon = world.start(&config);
    assert_eq!(config.stats().answered(), 0, "counters of nothing");
    config.veerctl(&["-w", "xdp.on_exit=keep"]);
    daemon.sigterm().expect("it stops");
    assert!(world.has_xdp() && config.has_link());
    assert_answers(&world);
}

#[test]
fn detached_by_hand_userspace_answers_until_the_next_start() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    let daemon = world.start(&config);
    assert_answers(&world);
    let answered = config.stats().answered();
    assert_eq!(answered, HOT.len() as u64);

    let detached = config.veerctl(&["detach"]);
    assert_eq!(detached["was_attached"], true, "{detached:#}");
    assert_eq!(
        text(&detached, "pin_path"),
        config.pins().display().to_string()
    );
    assert!(!world.has_xdp() && !config.pins().exists());
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "detached");
    assert_answers(&world);
    assert_eq!(config.stats().answered(), answered);
    assert_eq!(config.stats().userspace(), HOT.len() as u64);
    assert_eq!(config.veerctl(&["detach"])["was_attached"], false);
    config.veerctl(&["reload"]);
    let log = daemon.log();
    assert!(!log.contains("ERROR"), "{log}");
    daemon.sigterm().expect("it stops");
    config.assert_nothing_left();

    // Without a daemon: what a killed one left.
    world.start(&config).sigkill().expect("it is killed");
    assert!(world.has_xdp() && config.has_link());
    assert_eq!(config.veerctl(&["detach"])["was_attached"], true);
    assert!(!world.has_xdp() && !config.pins().exists());
    assert_eq!(config.veerctl(&["detach"])["was_attached"], false);

    let _daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "attached");
    assert_answers(&world);
    assert_eq!(config.stats().userspace(), 0);
}

#[test]
fn several_who_detach_at_once_all_have_it_detached() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    for _ in 0..5 {
        world.start(&config).sigkill().expect("it is killed");
        assert!(world.has_xdp() && config.has_link());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| config.veerctl(&["detach"]));
            }
        });
        assert!(!world.has_xdp() && !config.pins().exists());
    }
}

#[test]
fn an_adopted_interface_can_change() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    world.start(&config).sigkill().expect("it is killed");
    let peer = ["type", "veth", "peer", "name", "spare1"];
    let mut add = vec!["link", "add", "spare0"];
    add.extend(peer);
    world.dns.ip(&add).expect("a veth pair");
    config.settings(&["xdp.interface = spare0"]);
    let _daemon = world.start(&config);
    assert!(!world.has_xdp(), "the old interface still has the program");
    let spare = shown(&world, "spare0");
    assert!(spare.contains("xdp"), "{spare}");
    assert_answers(&world);
    assert_eq!(config.stats().userspace(), HOT.len() as u64);
}

/// What `ip` has to say of an interface.
fn shown(world: &World, interface: &str) -> String {
    let shown = world.dns.ip(&["link", "show", "dev", interface]);
    shown.expect("ip runs")
}

/// Sets an interface on which another's program is.
fn want_one_that_refuses(world: &World, config: &Config) {
    let add = ["link", "add", "spare0", "type", "veth", "peer", "spare1"];
    world.dns.ip(&add).expect("a veth pair");
    let attached = world.lab.attach_pass(&world.dns, "spare0");
    attached.expect("pass is attached");
    config.settings(&["xdp.interface = spare0"]);
}

#[test]
fn an_interface_that_refuses_leaves_the_old_one_alone() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    world.start(&config).sigkill().expect("it is killed");
    let load = Load::start(&world);
    want_one_that_refuses(&world, &config);
    let (status, errors) = world.refused(&config, &[]);
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains("another XDP program"), "{errors}");
    load.goes_on();
    assert!(world.has_xdp() && config.has_link());

    // And back where it was, it is adopted with its counters.
    config.settings(&[]);
    let _daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "adopted");
    let asked = load.stop();
    assert_eq!(config.stats().answered(), asked);
}

#[test]
fn where_only_userspace_answers_no_older_program_does() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    let bridge = ["link", "add", "bridge0", "type", "bridge"];
    world.dns.ip(&bridge).expect("a bridge");
    // Off, without an interface, and with one that has no native XDP.
    for setting in [
        "xdp.mode = off",
        "xdp.interface =",
        "xdp.interface = bridge0",
    ] {
        config.settings(&[]);
        world.start(&config).sigkill().expect("it is killed");
        assert!(world.has_xdp(), "{setting}");
        config.settings(&[setting]);
        let daemon = world.start(&config);
        assert!(!world.has_xdp() && !config.pins().exists(), "{setting}");
        let log = daemon.log();
        assert!(log.contains("taken off its interface"), "{log}");
        assert_answers(&world);
        assert_eq!(config.stats().userspace(), HOT.len() as u64, "{setting}");
        daemon.sigterm().expect("it stops");
        config.assert_nothing_left();
    }
}

#[test]
fn a_changed_mode_attaches_anew_and_counts_on() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    world.start(&config).sigkill().expect("it is killed");
    assert_answers(&world);
    let mut answered = HOT.len() as u64;
    for (mode, word) in [("generic", "xdpgeneric"), ("native", "xdp")] {
        for state in ["attached", "adopted"] {
            config.settings(&[&format!("xdp.mode = {mode}")]);
            let daemon = world.start(&config);
            let xdp = config.veerctl(&["status"])["xdp"].clone();
            assert_eq!((text(&xdp, "state"), text(&xdp, "mode")), (state, mode));
            let shown = shown(&world, INTERFACE);
            assert!(shown.split_whitespace().any(|each| each == word), "{shown}");
            assert_eq!(config.stats().answered(), answered, "{mode} {state}");
            assert_answers(&world);
            answered += HOT.len() as u64;
            assert_eq!(config.stats().answered(), answered, "{mode} {state}");
            daemon.sigkill().expect("it is killed");
        }
    }
    config.veerctl(&["detach"]);
    assert!(!world.has_xdp() && !config.pins().exists());
}

/// The directory of the pinned tables, and where they are before they are complete.
fn tables(config: &Config) -> (PathBuf, PathBuf) {
    let tables = table_directories(config).into_iter().next();
    let tables = tables.expect("the tables are pinned");
    let new = PathBuf::from(format!("{}-new", tables.display()));
    (tables, new)
}

fn table_directories(config: &Config) -> Vec<PathBuf> {
    let entries = fs::read_dir(config.pins()).expect("the pins are there");
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.is_dir()).collect()
}

#[test]
fn killed_before_its_tables_are_renamed_its_counts_are_kept() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    world.start(&config).sigkill().expect("it is killed");
    assert_answers(&world);
    let (tables, new) = tables(&config);
    fs::rename(&tables, &new).expect("it is renamed");
    let _daemon = world.start(&config);
    assert_eq!(config.stats().answered(), HOT.len() as u64);
    assert!(tables.exists() && !new.exists());
}

#[test]
fn killed_before_its_tables_are_complete_its_program_goes_on() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    world.start(&config).sigkill().expect("it is killed");
    let (tables, new) = tables(&config);
    fs::rename(&tables, &new).expect("it is renamed");
    fs::remove_file(new.join("SERVICE_NAMES")).expect("the names are pinned");
    let load = Load::start(&world);
    want_one_that_refuses(&world, &config);
    // The second time the tables of none are in the way of those of the next.
    for left in [1, 2] {
        let (status, errors) = world.refused(&config, &[]);
        assert_eq!(status, Some(1), "{errors}");
        assert!(errors.contains("another XDP program"), "{errors}");
        assert_eq!(table_directories(&config).len(), left);
        load.goes_on();
        fs::create_dir(&new).expect("it is free");
    }
    config.settings(&[]);
    let _daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "adopted");
    load.goes_on();
    load.stop();
    assert_eq!(config.stats().userspace(), 0);
    assert!(tables.exists() && table_directories(&config).len() == 1);
}

#[test]
fn whatever_fails_once_it_is_adopted_it_answers() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    world.start(&config).sigkill().expect("it is killed");
    let load = Load::start(&world);
    // What has the size of the counters, but cannot be read as such.
    let services = tables(&config).0.join("SERVICES");
    fs::remove_file(&services).expect("the counters are pinned");
    let other: Array<_, u64> = Array::create(1, 0).expect("a map");
    other.pin(&services).expect("it is pinned");
    for _ in 0..2 {
        let (status, errors) = world.refused(&config, &[]);
        assert_eq!(status, Some(1), "{errors}");
        assert!(errors.contains("opening map SERVICES"), "{errors}");
        load.goes_on();
    }
    fs::remove_file(&services).expect("it is pinned");
    let _daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "adopted");
    load.goes_on();
    load.stop();
    assert_eq!(config.stats().userspace(), 0);
    assert_eq!(table_directories(&config).len(), 1);
}

#[test]
fn a_program_that_others_took_off_is_noticed() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    let add = ["link", "add", "spare0", "type", "veth", "peer", "spare1"];
    world.dns.ip(&add).expect("a veth pair");
    config.settings(&["xdp.interface = spare0"]);
    let daemon = world.start(&config);
    let explain = ["explain", "www.example.", "--from", "10.9.1.1"];
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "attached");
    assert_eq!(config.veerctl(&explain)["plane"], "kernel");
    world
        .dns
        .ip(&["link", "del", "spare0"])
        .expect("it is deleted");
    let xdp = config.veerctl(&["status"])["xdp"].clone();
    assert_eq!(xdp["state"], "detached", "{xdp:#}");
    assert!(
        text(&xdp, "reason").contains("interface is gone"),
        "{xdp:#}"
    );
    assert_eq!(config.veerctl(&explain)["plane"], "userspace");
    daemon.sigkill().expect("it is killed");

    // The pin of what holds no interface is in nobody's way.
    config.settings(&[]);
    let daemon = world.start(&config);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "attached");
    config.veerctl(&["detach"]);
    daemon.sigterm().expect("it stops");
    config.assert_nothing_left();
}

#[test]
fn without_native_xdp_userspace_answers_and_generic_is_for_the_asking() {
    let world = World::new();
    let _origins = world.origins(3);
    // A bridge's driver has no native XDP.
    let ip = |args: &str| {
        let args: Vec<_> = args.split(' ').collect();
        world.dns.ip(&args).expect("ip runs")
    };
    ip("link add bridge0 type bridge");
    ip("link set bridge0 up");
    let addresses: Vec<_> = support::world::DNS
        .into_iter()
        .zip([16, 48])
        .map(|(address, prefix)| (address.to_string(), prefix))
        .collect();
    for (address, prefix) in &addresses {
        ip(&format!("address del {address}/{prefix} dev {INTERFACE}"));
    }
    ip(&format!("address flush dev {INTERFACE}"));
    ip(&format!("link set {INTERFACE} master bridge0"));
    for (address, prefix) in support::world::DNS.into_iter().zip([16, 48]) {
        world
            .dns
            .add_address("bridge0", address, prefix)
            .expect("an address");
    }
    let config = world.config("veer", SERVICES);
    config.settings(&["xdp.interface = bridge0"]);
    let daemon = world.start(&config);
    let xdp = config.veerctl(&["status"])["xdp"].clone();
    assert_eq!(xdp["state"], "unavailable", "{xdp:#}");
    assert!(
        text(&xdp, "reason").contains("bridge0 in native mode"),
        "{xdp:#}"
    );
    let log = daemon.log();
    assert!(log.contains("userspace answers alone"), "{log}");
    assert!(log.contains("xdp.mode = generic"), "{log}");
    eventually("the bridge forwards", || {
        let found = world.addresses(Resolver::A, "www.example.", domain::base::Rtype::A);
        found.map(drop)
    });
    assert_answers(&world);
    assert!(!config.stats().has_kernel());
    daemon.sigterm().expect("it stops");
    config.assert_nothing_left();

    config.settings(&["xdp.interface = bridge0", "xdp.mode = generic"]);
    let daemon = world.start(&config);
    let xdp = config.veerctl(&["status"])["xdp"].clone();
    assert_eq!(
        (text(&xdp, "state"), text(&xdp, "mode")),
        ("attached", "generic")
    );
    assert_answers(&world);
    let stats = config.stats();
    assert_eq!((stats.answered(), stats.userspace()), (HOT.len() as u64, 0));
    assert!(daemon.log().contains("generic XDP"), "{}", daemon.log());
}

#[test]
fn with_xdp_off_userspace_answers_everything_alike() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.settings(&["xdp.mode = off"]);
    let daemon = world.start(&config);
    assert_answers(&world);
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "off");
    let stats = config.stats();
    assert!(!stats.has_kernel() && !world.has_xdp() && !config.pins().exists());
    assert_eq!(stats.userspace(), HOT.len() as u64);
    daemon.sigterm().expect("it stops");
    config.assert_nothing_left();
}
