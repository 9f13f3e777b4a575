//! What measurements do to answers: servers that die and come back, all of
//! them dying, and the choice by latency.

mod support;

use std::time::Duration;

use domain::base::{Rtype, iana::Rcode};
use serde_json::Value;
use support::{
    config::Config,
    eventually, lines,
    load::Load,
    number,
    origin::Origin,
    tools::{Asker, Transport},
    world::{Family, Resolver, World},
    zone::{self, Service},
};
use xtask::lab::http::Response;

/// Nothing suspects itself where deaths are on purpose.
const NO_SUSPICION: &str = "health.suspect_percent = 100";

/// A GET ten times a second.
const GET: &str =
    "kind = \"http\"\ninterval_ms = 100\ntimeout_ms = 90\nup_after = 5\ndown_after = 2";

/// `www.example.` with servers of IPv4 alone: one target each.
const WWW_V4: Service = Service {
    servers: zone::SERVERS_V4,
    ..zone::WWW
};

/// What `veerctl states` says of the target `address`.
#[track_caller]
fn target(config: &Config, address: &str) -> Value {
    let states = config.veerctl(&["states"]);
    let targets = states["targets"].as_array().expect("targets");
    let target = targets.iter().find(|target| target["address"] == address);
    target
        .cloned()
        .unwrap_or_else(|| panic!("no {address} in {states:#}"))
}

#[test]
fn a_groups_answer_moves_off_a_server_that_refuses_and_back() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config(
        "veer",
        &[
            Service {
                probe: GET,
                ..WWW_V4
            },
            Service {
                probe: GET,
                servers: zone::SERVERS_V4,
                ..zone::CDN
            },
        ],
    );
    config.settings(&[NO_SUSPICION]);
    let _daemon = world.start(&config);
    let names = ["www.example.", "cdn.example."];
    for name in names {
        world.moves(Resolver::A, name, "10.8.0.1");
        world.moves(Resolver::B, name, "10.8.0.2");
    }

    origins.remove(0).stop();
    for name in names {
        world.moves(Resolver::A, name, "10.8.0.2");
        world.moves(Resolver::B, name, "10.8.0.2");
    }
    assert_eq!(target(&config, "10.8.0.1")["state"], "down");
    origins.remove(0).stop();
    for name in names {
        world.moves(Resolver::A, name, "10.8.0.3");
        world.moves(Resolver::B, name, "10.8.0.3");
    }

    // Back after as many passes as it takes, for the group that prefers it.
    let first = Origin::start(&world, 1);
    for name in names {
        world.moves(Resolver::A, name, "10.8.0.1");
    }
    assert!(first.requests() >= 5, "{} requests", first.requests());
    assert!(number(&target(&config, "10.8.0.1"), "streak") >= 5);
    for name in names {
        world.moves(Resolver::B, name, "10.8.0.1");
    }
    let _second = Origin::start(&world, 2);
    for name in names {
        world.moves(Resolver::B, name, "10.8.0.2");
        world.moves(Resolver::A, name, "10.8.0.1");
    }
}

#[test]
fn a_server_that_answers_wrongly_is_as_good_as_dead() {
    let world = World::new();
    let origins = world.origins(3);
    let service = Service {
        probe: GET,
        ..WWW_V4
    };
    let config = world.config("veer", &[service]);
    let _daemon = world.start(&config);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    origins[0].respond(&Response {
        status: 503,
        ..Response::ok("overloaded")
    });
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    let reason = target(&config, "10.8.0.1")["last_reason"].to_string();
    assert!(reason.contains("503"), "{reason}");
    origins[0].respond(&Response::ok("well again"));
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
}

#[test]
fn a_server_that_echoes_no_more_is_down() {
    let world = World::new();
    let service = Service {
        probe: "kind = \"icmp\"\ninterval_ms = 200\ntimeout_ms = 150\nup_after = 1\ndown_after = 2",
        all_down: "servfail",
        ..WWW_V4
    };
    let config = world.config("veer", &[service]);
    config.settings(&[NO_SUSPICION]);
    let _daemon = world.start(&config);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    let measured = target(&config, "10.8.0.1")["measured"].clone();
    assert!(
        measured["round_trip_ms"]
            .as_f64()
            .is_some_and(|ms| ms > 0.0),
        "{measured}"
    );
    assert_eq!(measured["loss_percent"].as_f64(), Some(0.0));
    let echo = |ignored: &str| {
        let set = format!("net.ipv4.icmp_echo_ignore_all={ignored}");
        let status = world
            .dns
            .command("sysctl")
            .args(["-q", "-w", &set])
            .status();
        assert!(status.expect("sysctl runs").success());
    };
    echo("1");
    eventually("no server is up", || {
        (target(&config, "10.8.0.1")["state"] == "down").then_some(())
    });
    let reason = target(&config, "10.8.0.1")["last_reason"].to_string();
    assert!(reason.contains("timeout after 150 ms"), "{reason}");
    echo("0");
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
}

#[test]
fn with_all_servers_down_the_service_says_what_is_answered() {
    let world = World::new();
    let origins = world.origins(3);
    let named = |name, all_down| Service {
        name,
        all_down,
        ..WWW_V4
    };
    let config = world.config(
        "veer",
        &[
            named("all.example.", "all"),
            named("first.example.", "first"),
            named("servfail.example.", "servfail"),
        ],
    );
    config.settings(&[NO_SUSPICION]);
    let _daemon = world.start(&config);
    for name in ["all.example.", "first.example.", "servfail.example."] {
        world.moves(Resolver::B, name, "10.8.0.2");
    }
    origins.into_iter().for_each(Origin::stop);
    eventually("all.example. has every address", || {
        let addresses = world.addresses(Resolver::B, "all.example.", Rtype::A)?;
        (addresses == ["10.8.0.1", "10.8.0.2", "10.8.0.3"]).then_some(())
    });
    // The first of its own order.
    world.moves(Resolver::A, "first.example.", "10.8.0.1");
    world.moves(Resolver::B, "first.example.", "10.8.0.2");
    let mut client = world.client(Resolver::B, Family::V6);
    eventually("servfail.example. fails", || {
        let reply = client.ask("servfail.example.", Rtype::A).ok()?;
        (reply.0.header().rcode() == Rcode::SERVFAIL).then_some(())
    });
    let between = (Resolver::B.address(Family::V4), Family::V4.dns());
    for transport in [Transport::Udp, Transport::Tcp] {
        let ask = |name| Asker::Dig.ask(&world.clients, between, transport, name, "A");
        assert_eq!(ask("servfail.example.").rcode, "SERVFAIL");
        assert_eq!(ask("all.example.").answer.len(), 3);
        assert_eq!(ask("first.example.").answer, ["first.example. A 10.8.0.2"]);
    }

    let _last = Origin::start(&world, 3);
    for name in ["all.example.", "first.example.", "servfail.example."] {
        world.moves(Resolver::B, name, "10.8.0.3");
    }
}

#[test]
fn when_all_targets_die_at_once_nothing_moves_and_states_says_why() {
    let world = World::new();
    let origins = world.origins(3);
    let service = Service {
        probe: "kind = \"tcp\"\nport = 80\ninterval_ms = 500\ntimeout_ms = 300\nup_after = 2\ndown_after = 3",
        ..WWW_V4
    };
    let config = world.config("veer", &[service]);
    let _daemon = world.start(&config);
    let before = config.stats().stores();
    origins.into_iter().for_each(Origin::stop);
    let reason = eventually("suspicion, long after each would be down", || {
        let states = config.veerctl(&["states"]);
        let targets = states["targets"].as_array()?;
        let long_dead = |target: &Value| target["failing"] == true && number(target, "streak") >= 6;
        targets.iter().all(long_dead).then(|| {
            assert!(
                targets.iter().all(|target| target["state"] == "up"),
                "{states:#}"
            );
            states["suspicion"]["reason"].to_string()
        })
    });
    assert!(reason.contains("3 of 3 targets"), "{reason}");
    let shown = config.control.command().arg("states").output();
    let shown = String::from_utf8(shown.expect("veerctl runs").stdout).expect("text");
    assert!(shown.contains("3 of 3 targets"), "{shown}");
    assert_eq!(config.stats().stores(), before, "something moved");
    for (resolver, address) in [(Resolver::A, "10.8.0.1"), (Resolver::B, "10.8.0.2")] {
        let addresses = world.addresses(resolver, "www.example.", Rtype::A);
        assert_eq!(addresses.as_deref(), Some([address.to_owned()].as_slice()));
    }

    // Whoever doubts it turns it off, at once.
    config.veerctl(&["-w", NO_SUSPICION.replace(' ', "").as_str()]);
    eventually("all are down", || {
        let addresses = world.addresses(Resolver::A, "www.example.", Rtype::A)?;
        (addresses.len() == 3).then_some(())
    });
}

#[test]
fn the_latency_policy_picks_the_faster_server() {
    let world = World::new();
    let origins = world.origins(3);
    let takes = |origin: usize, ms| {
        origins[origin].respond(&Response {
            delay: Duration::from_millis(ms),
            ..Response::ok("in time")
        });
    };
    takes(0, 400);
    takes(1, 0);
    takes(2, 800);
    let service = Service {
        policy: "kind = \"latency\"\ntolerance_ms = 50",
        probe: "kind = \"http\"\ninterval_ms = 1000\ntimeout_ms = 990\nup_after = 2\ndown_after = 3",
        ..WWW_V4
    };
    let config = world.config("veer", &[service]);
    let _daemon = world.start(&config);
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    world.moves(Resolver::Other, "www.example.", "10.8.0.2");
    takes(1, 900);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    let reached = |address| target(&config, address)["measured"]["response_time_ms"].as_f64();
    assert!(reached("10.8.0.1") < reached("10.8.0.2"));
}

#[test]
fn a_death_is_one_store_for_each_pool_whatever_the_groups() {
    let world = World::new();
    let mut origins = world.origins(3);
    let groups = lines(1..=60, |number| {
        format!("10.10.{number}.0/24 isp-{number}\n")
    });
    // Three services, of which the first two share a pool.
    let services = [
        WWW_V4,
        Service {
            name: "also.example.",
            ..WWW_V4
        },
        Service {
            name: "other.example.",
            policy: "kind = \"failover\"\norder = [\"s1\", \"s3\"]",
            ..WWW_V4
        },
    ];
    let config = world.config("veer", &services);
    config.write("groups.conf", &(zone::GROUPS.to_owned() + &groups));
    config.settings(&[NO_SUSPICION]);
    let _daemon = world.start(&config);
    assert_eq!(number(&config.veerctl(&["status"]), "pools"), 2);
    assert_eq!(number(&config.veerctl(&["status"]), "groups"), 63);
    assert_eq!(config.stats().stores(), 0);

    origins.remove(0).stop();
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    world.moves(Resolver::A, "also.example.", "10.8.0.2");
    world.moves(Resolver::A, "other.example.", "10.8.0.3");
    assert_eq!(config.stats().stores(), 2);
}

/// Two servers with two addresses each.
const PAIRS: Service = Service {
    servers: &[&["10.8.0.1", "10.8.0.2"], &["10.8.0.3", "10.8.0.4"]],
    probe: GET,
    ..zone::WWW
};

/// What it answers with: one server or the other.
const EITHER: &[&[&str]] = &[&["10.8.0.1", "10.8.0.2"], &["10.8.0.3", "10.8.0.4"]];

#[test]
fn while_servers_come_and_go_every_query_gets_one_of_them_whole() {
    let world = World::new();
    let mut first = world.origins(4);
    let _second = first.split_off(2);
    let config = world.config("veer", &[PAIRS]);
    config.exempt_all();
    config.settings(&[NO_SUSPICION]);
    let _daemon = world.start(&config);
    let load = Load::of(
        &world,
        &[
            (Resolver::A, "www.example.", Rtype::A, EITHER),
            (Resolver::B, "www.example.", Rtype::A, EITHER),
        ],
    );
    let state = |wanted: &str| {
        eventually("the first server's state", || {
            let targets = ["10.8.0.1", "10.8.0.2"].map(|address| target(&config, address));
            targets
                .iter()
                .all(|target| target["state"] == wanted)
                .then_some(())
        });
    };
    for _ in 0..3 {
        first.drain(..).for_each(Origin::stop);
        state("down");
        load.goes_on();
        first.extend([1, 2].map(|number| Origin::start(&world, number)));
        state("up");
        load.goes_on();
    }
    let asked = load.stop();
    let stats = config.stats();
    assert!(stats.stores() >= 6, "{} stores", stats.stores());
    assert_eq!((stats.answered(), stats.userspace()), (asked, 0));
}
