//! Health turns bad with each fault that is planted, and good again without it.

use std::{fs, process::Output};

use serde_json::Value;

use crate::{
    SERVICES, config,
    http::{METRICS, get},
    support::{
        config::Config,
        eventually, text,
        world::{DNS, INTERFACE, World, origin},
    },
};

/// Exit status and reply of `veerctl health --json`.
#[track_caller]
fn health(config: &Config) -> (Option<i32>, Value) {
    let mut command = config.control.command();
    let output = command.args(["health", "--json"]).output();
    let Output { status, stdout, .. } = output.expect("veerctl runs");
    let reply = serde_json::from_slice(&stdout).unwrap_or(Value::Null);
    (status.code(), reply)
}

/// The names of the checks that failed.
fn failed(health: &Value) -> Vec<&str> {
    let checks = health["checks"].as_array().into_iter().flatten();
    let failed = checks.filter(|check| check["passed"] == false);
    failed.map(|check| text(check, "check")).collect()
}

/// What was found of `check`.
fn reason(health: &Value, check: &str) -> String {
    let mut checks = health["checks"].as_array().into_iter().flatten();
    let found = checks.find(|of| of["check"] == check);
    text(found.unwrap_or(&Value::Null), "reason").to_owned()
}

/// Waits until just `checks` fail, by `veerctl health` and `/healthz`.
#[track_caller]
fn fails(world: &World, config: &Config, checks: &[&str]) -> Value {
    let (code, status) = match checks {
        [] => (0, 200),
        _ => (1, 503),
    };
    let found = eventually(&format!("{checks:?} fail"), || {
        let (found, reply) = health(config);
        (found == Some(code) && failed(&reply) == checks).then_some(reply)
    });
    let (found_status, _, body) = get(world, METRICS, "/healthz", "*/*").expect("a response");
    assert_eq!(found_status, status, "{body}");
    let mut lines = body.lines();
    let word = if checks.is_empty() {
        "healthy"
    } else {
        "unhealthy"
    };
    assert_eq!(lines.next(), Some(word));
    for check in checks {
        let line = format!("{check}: ");
        assert!(
            lines.next().is_some_and(|it| it.starts_with(&line)),
            "{body}"
        );
    }
    found
}

#[test]
fn a_program_taken_off_is_not_healthy() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world);
    let daemon = world.start(&config);
    let well = fails(&world, &config, &[]);
    assert_eq!(reason(&well, "kernel"), "example. SOA is right");
    assert_eq!(
        reason(&well, "userspace"),
        "example. SOA is right at 2 addresses"
    );
    assert_eq!(
        reason(&well, "probes"),
        "6 of 6 targets were measured of late"
    );

    config.veerctl(&["detach"]);
    let ill = fails(&world, &config, &["kernel"]);
    assert_eq!(
        reason(&ill, "kernel"),
        "no program answers: taken off on request"
    );
    let (_, head, body) = get(&world, METRICS, "/healthz", "application/json").expect("a response");
    assert!(head.contains("content-type: application/json"), "{head}");
    let json: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(failed(&json), ["kernel"]);
    daemon.sigterm().expect("it stops");

    let daemon = world.start(&config);
    fails(&world, &config, &[]);
    // The daemon is not asked.
    for entry in fs::read_dir(config.pins()).expect("pins").flatten() {
        if entry.file_name().to_string_lossy().starts_with("link-") {
            fs::remove_file(entry.path()).expect("a pin");
        }
    }
    fails(&world, &config, &["kernel"]);
    daemon.sigterm().expect("it stops");

    // Over IPv6, where no route leads to who asks, and where nobody wants a program.
    for (settings, kernel) in [
        ("server.addresses = fd09::53", "example. SOA is right"),
        (
            "xdp.reply = fib",
            "example. SOA goes up: with xdp.reply = fib there is no route to who asks",
        ),
        ("xdp.mode = off", "not wanted: xdp.mode is off"),
    ] {
        config.settings(&[crate::http::LISTEN, settings]);
        let daemon = world.start(&config);
        let well = fails(&world, &config, &[]);
        assert_eq!(reason(&well, "kernel"), kernel);
        daemon.sigterm().expect("it stops");
    }
}

#[test]
fn stale_probes_and_lost_addresses_are_not_healthy() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world);
    let mut daemon = world.start(&config);
    fails(&world, &config, &[]);

    // Without a route this host cannot probe, and learns nothing of its targets.
    let all = || (1..=3).flat_map(origin);
    for address in all() {
        let address = address.to_string();
        world
            .dns
            .ip(&["address", "del", &address, "dev", "lo"])
            .expect("it is there");
    }
    let ill = fails(&world, &config, &["probes"]);
    let found = reason(&ill, "probes");
    assert!(
        found.starts_with("0 of 6") || found.starts_with("1 of 6") || found.starts_with("2 of 6"),
        "{found}"
    );
    config.veerctl(&["-w", "health.fresh_percent=0"]);
    fails(&world, &config, &[]);
    config.veerctl(&["-w", "health.fresh_percent=100"]);
    fails(&world, &config, &["probes"]);
    for address in all() {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        world
            .dns
            .add_address("lo", address, bits)
            .expect("an address");
    }
    fails(&world, &config, &[]);

    let [v4, _] = DNS;
    world
        .dns
        .ip(&["address", "del", &format!("{v4}/16"), "dev", INTERFACE])
        .expect("it is there");
    fails(&world, &config, &["userspace"]);
    world
        .dns
        .add_address(INTERFACE, v4, 16)
        .expect("an address");
    fails(&world, &config, &[]);

    // One that does not move cannot be reached.
    daemon.process().signal(libc::SIGSTOP).expect("a signal");
    assert_eq!(health(&config), (Some(2), Value::Null));
    daemon.process().signal(libc::SIGCONT).expect("a signal");
    fails(&world, &config, &[]);
    daemon.sigkill().expect("it is killed");
    assert_eq!(health(&config), (Some(2), Value::Null));
}

#[test]
fn without_a_zone_there_is_nothing_to_announce() {
    let world = World::new();
    let config = world.config("veer", &SERVICES[..0]);
    config.settings(&[crate::http::LISTEN]);
    config.remove("zones.d/example.zone");
    let _daemon = world.start(&config);
    fails(&world, &config, &["userspace", "kernel"]);
    for (path, status) in [("/", 404), ("/metrics/", 404), ("/healthz?x", 503)] {
        let (found, ..) = get(&world, METRICS, path, "*/*").expect("a response");
        assert_eq!(found, status, "{path}");
    }
}
