//! What operators say goes before what is measured: in the kernel, and over restarts.

mod support;

use std::{fs, thread, time::Duration};

use domain::base::Rtype;
use support::{
    config::Config,
    eventually,
    load::Load,
    number,
    origin::Origin,
    text,
    world::{Resolver, World},
    zone,
};

const SERVICES: &[zone::Service] = &[zone::WWW, zone::CDN];

const WWW: &str = "www.example.";
const CDN: &str = "cdn.example.";
const SERVERS: [&str; 3] = ["10.8.0.1", "10.8.0.2", "10.8.0.3"];

/// Fails unless `resolver` gets the server of that number for `name`, now.
#[track_caller]
fn gets(world: &World, resolver: Resolver, name: &str, server: usize) {
    let found = world
        .addresses(resolver, name, Rtype::A)
        .expect("an answer");
    assert_eq!(found, [SERVERS[server - 1]], "{resolver:?} {name}");
}

/// Waits until `resolver` gets the server of that number for `name`.
#[track_caller]
fn moves(world: &World, resolver: Resolver, name: &str, server: usize) {
    world.moves(resolver, name, SERVERS[server - 1]);
}

/// How many overrides hold.
#[track_caller]
fn overrides(config: &Config) -> u64 {
    number(&config.veerctl(&["status"]), "overrides")
}

#[test]
fn a_drain_moves_the_kernel_survives_restarts_and_ends_by_itself() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    let daemon = world.start(&config);
    gets(&world, Resolver::A, WWW, 1);
    let stores = config.stats().stores();
    let made = config.veerctl(&["state", "s1", "drain", "--reason", "kernel"]);
    assert_eq!(made["generation"], serde_json::Value::Null, "{made:#}");
    assert_eq!(made["not_kept"], serde_json::Value::Null, "{made:#}");
    moves(&world, Resolver::A, WWW, 2);
    let answered = config.stats().answered();
    gets(&world, Resolver::A, CDN, 2);
    let stats = config.stats();
    assert_eq!((stats.answered(), stats.userspace()), (answered + 1, 0));
    assert_eq!(stats.stores(), stores + 1, "one word for the pool of both");
    let log = daemon.log();
    assert!(log.contains("drain s1 of all services"), "{log}");

    // A reload, a crash and a stop change nothing of it.
    config.veerctl(&["reload"]);
    gets(&world, Resolver::A, WWW, 2);
    daemon.sigkill().expect("it is killed");
    let daemon = world.start(&config);
    gets(&world, Resolver::A, WWW, 2);
    let states = config.veerctl(&["states"]);
    assert_eq!(text(&states, "overrides/0/reason"), "kernel", "{states:#}");
    daemon.sigterm().expect("it stops");
    let daemon = world.start(&config);
    gets(&world, Resolver::A, WWW, 2);

    config.veerctl(&["state", "s1", "drain", "--for", "2s"]);
    assert_eq!(overrides(&config), 1);
    gets(&world, Resolver::A, WWW, 2);
    moves(&world, Resolver::A, WWW, 1);
    assert_eq!(overrides(&config), 0);
    let log = daemon.log();
    assert!(log.contains("its time is over: drain s1"), "{log}");

    // One that ends while no daemon runs has ended for the next.
    config.veerctl(&["state", "s1", "down", "--for", "1s"]);
    daemon.sigkill().expect("it is killed");
    thread::sleep(Duration::from_secs(1));
    let _daemon = world.start(&config);
    gets(&world, Resolver::A, WWW, 1);
}

#[test]
fn one_service_of_a_pool_is_told_apart_without_a_query_lost() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    let daemon = world.start(&config);
    assert_eq!(number(&config.veerctl(&["status"]), "pools"), 1);
    let load = Load::start(&world);
    // What resolvers of isp-a get anyway: the load knows no other answer.
    let pinned = config.veerctl(&["pin", CDN, "isp-a", "s1"]);
    assert_eq!(number(&pinned, "services"), 1);
    let status = config.veerctl(&["status"]);
    assert_eq!(number(&status, "pools"), 2);
    assert_eq!(number(&pinned, "generation"), number(&status, "generation"));
    load.goes_on();
    load.stop();

    config.veerctl(&["pin", CDN, "isp-a", "s3", "--reason", "a trial"]);
    moves(&world, Resolver::A, CDN, 3);
    gets(&world, Resolver::A, WWW, 1);
    gets(&world, Resolver::B, CDN, 2);
    config.veerctl(&["state", "s3", "down", "--service", CDN]);
    moves(&world, Resolver::A, CDN, 1);
    config.veerctl(&["state", "s3", "auto", "--service", CDN]);
    moves(&world, Resolver::A, CDN, 3);
    daemon.sigterm().expect("it stops");
    let _daemon = world.start(&config);
    gets(&world, Resolver::A, CDN, 3);
    gets(&world, Resolver::A, WWW, 1);
    let explained = config.veerctl(&["explain", CDN, "--from", "10.9.1.1"]);
    let reason = text(&explained, "origin/explanation/pin/reason");
    assert_eq!(reason, "a trial", "{explained:#}");
    config.veerctl(&["unpin", CDN, "isp-a"]);
    moves(&world, Resolver::A, CDN, 1);
    // Nothing keeps them apart any more, and the next generation does not.
    config.veerctl(&["reload"]);
    assert_eq!(number(&config.veerctl(&["status"]), "pools"), 1);
}

#[test]
fn a_freeze_holds_decisions_while_health_goes_on() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    let _daemon = world.start(&config);
    config.veerctl(&["freeze", "--customer", "acme", "--reason", "a storm"]);
    origins.remove(0).stop();
    eventually("s1 is seen down", || {
        let states = config.veerctl(&["states"]);
        let targets = states["targets"].as_array()?;
        let down = targets.iter().filter(|target| target["state"] == "down");
        (down.count() == 2).then_some(())
    });
    gets(&world, Resolver::A, WWW, 1);
    let status = config.veerctl(&["status"]);
    assert_eq!(text(&status, "freezes/0/reason"), "a storm", "{status:#}");
    // Through a reload, too.
    config.veerctl(&["reload"]);
    gets(&world, Resolver::A, WWW, 1);
    config.veerctl(&["state", "s2", "down"]);
    config.veerctl(&["state", "s1", "drain"]);
    moves(&world, Resolver::A, WWW, 3);
    config.veerctl(&["thaw"]);
    config.veerctl(&["state", "s1", "auto"]);
    config.veerctl(&["state", "s2", "auto"]);
    moves(&world, Resolver::A, WWW, 2);
}

#[test]
fn the_last_usable_server_goes_by_force_alone() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    let _daemon = world.start(&config);
    config.veerctl(&["state", "s1", "down"]);
    config.veerctl(&["state", "s2", "down"]);
    for state in ["down", "drain"] {
        let refused = config.veerctl_fails(&["state", "s3", state]);
        let expected = "veerctl: www.example. would have no usable server left for A and AAAA, \
                        nor has 1 other service; --force does it all the same";
        assert!(refused.starts_with(expected), "{refused}");
        assert_eq!(refused.lines().count(), 1);
    }
    assert_eq!(overrides(&config), 2);
    moves(&world, Resolver::A, WWW, 3);
    config.veerctl(&["state", "s3", "drain", "--force"]);
    gets(&world, Resolver::A, WWW, 3);
    config.veerctl(&["state", "s3", "down", "--force"]);
    eventually("all_down decides", || {
        (world.addresses(Resolver::A, WWW, Rtype::A)? == SERVERS).then_some(())
    });
}

#[test]
fn a_broken_file_of_overrides_stops_no_start() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    // Nothing else is written there while it is removed.
    config.settings(&["state.generations_max = 0"]);
    config.write("state/overrides.json", "{\"overrides\": [");
    let daemon = world.start(&config);
    gets(&world, Resolver::A, WWW, 1);
    let log = daemon.log();
    assert!(
        log.contains("ERROR") && log.contains("overrides.json.broken"),
        "{log}"
    );
    let aside = fs::read_to_string(config.path("state/overrides.json.broken"));
    assert_eq!(aside.expect("it is kept"), "{\"overrides\": [");
    // Where they cannot be kept, they hold, and that is said.
    fs::remove_dir_all(config.path("state")).expect("it is there");
    config.write("state", "in the way");
    let made = config.veerctl(&["state", "s1", "drain"]);
    assert!(
        text(&made, "not_kept").contains("overrides.json"),
        "{made:#}"
    );
    moves(&world, Resolver::A, WWW, 2);
}

#[test]
fn services_that_cannot_be_told_apart_stay_as_they_are() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.settings(&["tables.pools = 1"]);
    let _daemon = world.start(&config);
    let refused = config.veerctl_fails(&["pin", CDN, "isp-a", "s3"]);
    assert!(refused.contains("tables.pools"), "{refused}");
    assert_eq!(overrides(&config), 0);
    config.veerctl(&["state", "s1", "drain"]);
    moves(&world, Resolver::A, CDN, 2);
}

#[test]
fn with_manual_failback_a_return_waits_for_an_operator() {
    let world = World::new();
    let mut origins = world.origins(3);
    let manual = format!("{}\n[service.health]\nfailback = \"manual\"", zone::PROBE);
    let services = [zone::Service {
        probe: manual.leak(),
        ..zone::WWW
    }];
    let config = world.config("veer", &services);
    let daemon = world.start(&config);
    gets(&world, Resolver::A, WWW, 1);
    origins.remove(0).stop();
    moves(&world, Resolver::A, WWW, 2);
    let _back = Origin::start(&world, 1);
    eventually("s1 is up again", || {
        let states = config.veerctl(&["states"]);
        let targets = states["targets"].as_array()?;
        targets
            .iter()
            .all(|target| target["state"] == "up")
            .then_some(())
    });
    gets(&world, Resolver::A, WWW, 2);
    // It is kept within a second of the death.
    eventually("it is kept", || {
        let kept = fs::read_to_string(config.path("state/overrides.json")).ok()?;
        kept.contains("withheld").then_some(())
    });
    daemon.sigkill().expect("it is killed");
    let _daemon = world.start(&config);
    gets(&world, Resolver::A, WWW, 2);
    config.veerctl(&["state", "s1", "auto"]);
    moves(&world, Resolver::A, WWW, 1);
}
