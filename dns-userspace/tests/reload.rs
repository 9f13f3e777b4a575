//! A configuration changes while queries are answered.

mod support;

use std::{
    thread,
    time::{Duration, Instant},
};

use domain::base::Rtype;
use support::{
    eventually, lines,
    load::Load,
    number,
    tools::{Asker, Transport},
    world::{Family, Resolver, World},
    zone::{self, Service},
};

const NEW: Service = Service {
    name: "fresh.example.",
    ..zone::WWW
};

/// A zone that was not there before.
const NEW_ZONE: &str = "\
$TTL 60
@    SOA ns hostmaster 1 3600 900 604800 60
@    NS  ns
ns   A   10.9.0.53
www  A   192.0.2.77
";

#[test]
fn what_is_added_under_load_is_live_and_nothing_is_lost() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.exempt_all();
    let mut daemon = world.start(&config);
    let load = Load::start(&world);
    let between = (Resolver::Other.address(Family::V4), Family::V4.dns());
    let ask = |name| Asker::Kdig.ask(&world.clients, between, Transport::Udp, name, "A");
    assert_eq!(ask("fresh.example.").rcode, "NXDOMAIN");
    assert_eq!(ask("www.example.net.").rcode, "REFUSED");

    let services = zone::services(&[zone::WWW, zone::CDN, NEW]);
    config.write("services.d/all.toml", &services);
    let reloaded = config.veerctl(&["reload"]);
    assert_eq!(number(&reloaded, "services"), 3, "{reloaded:#}");
    assert_eq!(ask("fresh.example.").answer, ["fresh.example. A 10.8.0.1"]);
    load.goes_on();

    config.write("zones.d/example.net.zone", NEW_ZONE);
    config.veerctl(&["reload"]);
    assert_eq!(
        ask("www.example.net.").answer,
        ["www.example.net. A 192.0.2.77"]
    );
    assert_eq!(ask("no.example.net.").rcode, "NXDOMAIN");
    load.goes_on();

    // Who was in no group is in one that has an order of its own.
    config.write(
        "groups.conf",
        &(zone::GROUPS.to_owned() + "10.9.3.0/24 isp-c\nfd09:0:0:3::/64 isp-c\n"),
    );
    let policy = "kind = \"failover\"\ngroups = { isp-b = [\"s2\"], isp-c = [\"s3\"] }";
    let services = [zone::WWW, zone::CDN, NEW].map(|service| Service { policy, ..service });
    config.write("services.d/all.toml", &zone::services(&services));
    config.veerctl(&["reload"]);
    assert_eq!(ask("fresh.example.").answer, ["fresh.example. A 10.8.0.3"]);
    load.goes_on();

    // By signal too; and what is removed is gone.
    config.remove("zones.d/example.net.zone");
    let before = number(&config.veerctl(&["status"]), "generation");
    daemon.reload().expect("it takes a signal");
    eventually("the zone is gone", || {
        (ask("www.example.net.").rcode == "REFUSED").then_some(())
    });
    assert_eq!(
        number(&config.veerctl(&["status"]), "generation"),
        before + 1
    );
    for _ in 0..5 {
        config.veerctl(&["reload"]);
    }
    load.goes_on();
    let cold = config.stats().userspace();
    load.goes_on();
    load.stop();
    assert_eq!(
        config.stats().userspace(),
        cold,
        "hot queries reached a socket"
    );
}

#[test]
fn no_death_waits_for_a_reload() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW]);
    config.settings(&["health.suspect_percent = 100", "tables.names = 100000"]);
    // Enough of them that a quarter of a reload takes longer than a death.
    let names = lines(0..80_000, |number| format!("n{number} A 192.0.2.1\n"));
    config.write("zones.d/example.net.zone", &(NEW_ZONE.to_owned() + &names));
    let _daemon = world.start(&config);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    let mut takes = Duration::ZERO;
    // While it is read, and while it is built.
    for (part, next) in [(0, "10.8.0.2"), (3, "10.8.0.3")] {
        let begun = Instant::now();
        thread::scope(|scope| {
            let reload = scope.spawn(|| {
                config.veerctl(&["reload"]);
                begun.elapsed()
            });
            thread::sleep(takes * part / 5);
            origins.remove(0).stop();
            let dead = Instant::now();
            world.moves(Resolver::A, "www.example.", next);
            let moved = dead.elapsed();
            takes = reload.join().expect("it is reloaded");
            assert!(moved < takes / 4, "{moved:?}, a reload takes {takes:?}");
        });
        // The new generation knows it too.
        let addresses = world.addresses(Resolver::A, "www.example.", Rtype::A);
        assert_eq!(addresses.as_deref(), Some([next.to_owned()].as_slice()));
    }
}

#[test]
fn killed_in_the_middle_of_a_reload_nothing_is_lost() {
    /// Points of a reload at which the daemon is killed.
    const POINTS: u32 = 5;
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.exempt_all();
    // Enough of them that writing the tables takes a while.
    let names = lines(0..10_000, |number| format!("n{number} A 192.0.2.1\n"));
    config.write("zones.d/example.net.zone", &(NEW_ZONE.to_owned() + &names));
    let mut daemon = world.start(&config);
    let load = Load::start(&world);
    let begun = Instant::now();
    config.veerctl(&["reload"]);
    let reload_takes = begun.elapsed();
    for point in 1..=POINTS {
        daemon.reload().expect("it takes a signal");
        // No event tells how far it is, and every point is as good as another.
        thread::sleep(reload_takes * point / POINTS);
        daemon.sigkill().expect("it is killed");
        load.goes_on();
        daemon = world.start(&config);
        assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "adopted");
    }
    let asked = load.stop();
    let stats = config.stats();
    assert_eq!((stats.answered(), stats.userspace()), (asked, 0));
}

#[test]
fn what_is_in_error_changes_nothing_and_is_reported() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.exempt_all();
    let daemon = world.start(&config);
    let load = Load::start(&world);
    let before = number(&config.veerctl(&["status"]), "generation");

    config.write("zones.d/example.net.zone", NEW_ZONE);
    let services = [
        zone::WWW,
        zone::CDN,
        Service {
            shape: "round",
            ..NEW
        },
    ];
    config.write("services.d/all.toml", &zone::services(&services));
    config.write("groups.conf", "10.9.1.0/33 isp-a\n");
    let errors = config.veerctl_fails(&["reload"]);
    for place in ["groups.conf:1: 10.9.1.0/33", "services.d/all.toml:"] {
        assert!(errors.contains(&config.path(place)), "{place}: {errors}");
    }
    let status = config.veerctl(&["status"]);
    assert_eq!(number(&status, "generation"), before);
    let last = status["last_reload"]["errors"]
        .as_array()
        .expect("a last reload");
    assert!(!last.is_empty(), "{status:#}");
    assert!(daemon.log().contains("nothing changed"), "{}", daemon.log());
    load.goes_on();
    for (name, rtype) in [("fresh.example.", Rtype::A), ("www.example.net.", Rtype::A)] {
        let addresses = world.addresses(Resolver::A, name, rtype);
        assert_eq!(addresses.as_deref(), Some([].as_slice()), "{name} is there");
    }

    // What does not fit the tables is refused as well.
    config.write("groups.conf", zone::GROUPS);
    let names = lines(0..70_000, |number| format!("n{number} A 192.0.2.1\n"));
    config.write("zones.d/example.net.zone", &(NEW_ZONE.to_owned() + &names));
    config.write(
        "services.d/all.toml",
        &zone::services(&[zone::WWW, zone::CDN]),
    );
    let errors = config.veerctl_fails(&["reload"]);
    assert!(errors.contains("raise tables.names"), "{errors}");
    load.goes_on();

    // Mended, it is taken.
    config.write("zones.d/example.net.zone", NEW_ZONE);
    config.veerctl(&["reload"]);
    let addresses = world.addresses(Resolver::A, "www.example.net.", Rtype::A);
    assert_eq!(
        addresses.as_deref(),
        Some(["192.0.2.77".to_owned()].as_slice())
    );
    load.stop();
}

#[test]
fn what_moves_more_than_may_be_asks_for_force() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.settings(&["load.max_moved_percent = 10"]);
    let _daemon = world.start(&config);
    let asked = || world.addresses(Resolver::B, "www.example.", Rtype::A);
    let before = asked();
    assert_eq!(config.veerctl(&["diff"])["moved_percent"], 0.0);
    config.veerctl(&["reload"]);

    // Groups count alike, and both services do before anybody has asked for one.
    let policy = "kind = \"failover\"\ngroups = { isp-b = [\"s3\"] }";
    let services = [
        Service {
            policy,
            ..zone::WWW
        },
        zone::CDN,
    ];
    // The same before it stands in its place and after.
    config.write("proposed/all.toml", &zone::services(&services));
    let checked = config.veerctl(&["check", &config.path("proposed/all.toml")]);
    assert_eq!(config.veerctl(&["diff"])["moved_percent"], 0.0);
    config.write("services.d/all.toml", &zone::services(&services));
    let difference = config.veerctl(&["diff"]);
    assert_eq!(checked["difference"], difference);
    let moved = difference["moved_percent"].as_f64().expect("a number");
    assert!(moved > 10.0 && moved < 50.0, "{difference:#}");
    let service = &difference["services"][0];
    assert_eq!(service["service"], "www.example.");
    assert_eq!(service["moves"][0]["groups"], serde_json::json!(["isp-b"]));
    let refused = config.veerctl_fails(&["reload"]);
    assert!(
        refused.contains("load.max_moved_percent is 10") && refused.contains("--force"),
        "{refused}"
    );
    assert_eq!(asked(), before);
    config.veerctl(&["reload", "--force"]);
    eventually("the third answers", || (asked() != before).then_some(()));
    assert_eq!(config.veerctl(&["diff"])["moved_percent"], 0.0);
}
