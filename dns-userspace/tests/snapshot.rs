//! A start that goes by what was measured before.

mod support;

use std::{fs, time::Duration};

use domain::base::Rtype;
use support::{
    config::Config,
    number,
    world::{Resolver, World},
};
use xtask::lab::{Daemon, http::Response};

const WWW: &str = "www.example.";

/// `s1` while it can be used, else `s2`; no probe of a start ends by its timeout in a test.
const SERVICES: &str = "[[service]]\nname = \"www.example.\"\ncustomer = \"acme\"\nttl_s = 1\n\
     [service.policy]\nkind = \"failover\"\n\
     [service.probe]\nkind = \"http\"\ninterval_ms = 60000\ntimeout_ms = 50000\n\
     [[service.server]]\nname = \"s1\"\naddresses = [\"10.8.0.1\"]\n\
     [[service.server]]\nname = \"s2\"\naddresses = [\"10.8.0.2\"]\n";

/// What is answered, and how many probes have ended.
fn answered(world: &World, config: &Config) -> (String, u64) {
    let stats = config.veerctl(&["stats"]);
    let ended = number(&stats, "probes/pass") + number(&stats, "probes/fail");
    (first_answer(world), ended)
}

fn first_answer(world: &World) -> String {
    let addresses = world.addresses(Resolver::A, WWW, Rtype::A);
    addresses.expect("an answer").join(" ")
}

/// As after a reboot: nothing of it is left in the kernel.
fn stop(config: &Config, daemon: Daemon) {
    config.veerctl(&["detach"]);
    daemon.sigterm().expect("it stops");
}

#[test]
fn a_start_answers_as_was_measured_before_its_first_probe_ends() {
    let world = World::new();
    let mut origins = world.origins(2);
    let config = world.config("veer", &[]);
    config.settings(&["health.first_round_ms = 1000"]);
    config.write("services.d/all.toml", SERVICES);
    origins.remove(0).stop();
    let daemon = world.start(&config);
    // The first round found `s1` refuse.
    assert_eq!(first_answer(&world), "10.8.0.2");
    stop(&config, daemon);

    // From now on nobody refuses, and nobody answers.
    let origins = world.origins(1).into_iter().chain(origins);
    let origins: Vec<_> = origins.collect();
    for origin in &origins {
        origin.respond(&Response {
            delay: Duration::from_mins(10),
            ..Response::ok("late")
        });
    }
    let daemon = world.start(&config);
    let log = daemon.log();
    assert!(log.contains("taken over what was measured"), "{log}");
    assert!(!log.contains("not every server was measured"), "{log}");
    assert_eq!(answered(&world, &config), ("10.8.0.2".to_owned(), 0));
    let explained = config.veerctl(&["explain", WWW, "--from", "10.9.1.1"]);
    assert!(explained.to_string().contains("\"down\""), "{explained:#}");
    stop(&config, daemon);

    // It was kept again. What is torn is said, and measured anew: unknown, so up.
    let measured = config.path("state/measured.json");
    let text = fs::read_to_string(&measured).expect("it is kept");
    fs::write(&measured, &text[..text.len() / 2]).expect("it is torn");
    let daemon = world.start(&config);
    let log = daemon.log();
    assert!(log.contains("measured.json: EOF"), "{log}");
    assert_eq!(answered(&world, &config), ("10.8.0.1".to_owned(), 0));
    stop(&config, daemon);

    fs::write(&measured, &text).expect("it is whole again");
    config.settings(&["start.from_snapshot = off"]);
    let daemon = world.start(&config);
    assert_eq!(answered(&world, &config), ("10.8.0.1".to_owned(), 0));
    stop(&config, daemon);
}
