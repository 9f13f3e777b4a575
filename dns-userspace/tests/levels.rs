//! Agreed levels: of one measurement each customer gets what was agreed on with it, from the
//! time on that was agreed on.

mod support;

use std::time::{Duration, SystemTime};

use domain::base::Rtype;
use serde_json::Value;
use support::{
    config::Config,
    eventually, lines, text,
    world::{Resolver, World},
};
use xtask::lab::http::Response;

/// What the one origin takes to answer: more than [`LOW`], less than [`HIGH`].
const DELAY: Duration = Duration::from_millis(200);
const LOW: u32 = 50;
const HIGH: u32 = 5000;

/// Where clients are sent to while the origin is better than the level, and where else.
const ORIGIN: &str = "10.8.0.1";
const OVER: &str = "10.8.0.2";

const BOTH: &str = "{ customer = 2026-01-02, provider = 2026-01-03 }";
const PROVIDER: &str = "{ provider = 2026-01-03 }";

/// A time, as files have it.
fn time_of(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// A version of a level.
fn version(number: u8, value: u32, accepted: &str, effective: &str) -> String {
    format!(
        "[[service.policy.level]]\nversion = {number}\nvalue = {value}\n\
         proposed = {{ by = \"provider\", on = 2026-01-01 }}\naccepted = {accepted}\n\
         effective = {effective}\n"
    )
}

/// `www.<customer>.example.`, whose origin and its measurement all customers have in common.
fn service(customer: &str, level: &str) -> String {
    let probe = "kind = \"http\"\nport = 80\nhost = \"origin.example\"\ninterval_ms = 1000\ntimeout_ms = 900\n\
                 weight_permille = 1000\nup_after = 1\ndown_after = 5";
    let servers = lines([(1, ORIGIN), (2, OVER)], |(number, address)| {
        format!("[[service.server]]\nname = \"s{number}\"\naddresses = [\"{address}\"]\n")
    });
    format!(
        "[[service]]\nname = \"www.{customer}.example.\"\ncustomer = \"{customer}\"\nttl_s = 1\n\
         [service.policy]\nkind = \"threshold\"\nmetric = \"response_time_ms\"\nhold_s = 0\n\
         step_percent = 100\norigins = [\"s1\"]\n{level}\n[service.probe]\n{probe}\n{servers}"
    )
}

fn write(config: &Config, services: &[(&str, String)]) {
    let all = lines(services, |(customer, level)| service(customer, level));
    config.write("services.d/all.toml", &all);
}

/// What the customer's service has for resolvers.
#[track_caller]
fn gets(world: &World, customer: &str) -> String {
    let name = format!("www.{customer}.example.");
    let found = world.addresses(Resolver::A, &name, Rtype::A);
    found.expect("an answer").join(" ")
}

#[track_caller]
fn explained(config: &Config, customer: &str) -> Value {
    let name = format!("www.{customer}.example.");
    let explained = config.veerctl(&["explain", &name, "--from", "10.9.1.1"]);
    explained["origin"]["explanation"].clone()
}

#[test]
fn h4_each_customer_has_the_level_that_it_and_the_provider_agreed_on() {
    let world = World::new();
    let origins = world.origins(2);
    origins[0].respond(&Response {
        delay: DELAY,
        ..Response::ok("late")
    });
    let config = world.config("veer", &[]);
    let past = "2026-02-01";
    let high = version(1, HIGH, BOTH, past);
    let services = [
        ("acme", version(1, LOW, BOTH, past)),
        ("globex", high.clone()),
        ("initech", high.clone() + &version(2, LOW, PROVIDER, past)),
        ("hooli", version(1, LOW, PROVIDER, past)),
        ("umbrella", high.clone()),
    ];
    write(&config, &services);
    let daemon = world.start(&config);

    // One measurement, and what each gets by its own level.
    let states = config.veerctl(&["states"]);
    let targets = states["targets"].as_array().expect("targets");
    assert_eq!(targets.len(), 2, "{states:#}");
    let now = services
        .each_ref()
        .map(|(customer, _)| gets(&world, customer));
    assert_eq!(now, [OVER, ORIGIN, ORIGIN, ORIGIN, ORIGIN]);
    let level = explained(&config, "acme")["level"].clone();
    assert_eq!(level["versions"][0]["effect"], "in_force", "{level:#}");
    assert_eq!(level["versions"][0]["value"], f64::from(LOW), "{level:#}");
    let level = explained(&config, "initech")["level"].clone();
    assert_eq!(level["versions"][0]["effect"], "in_force", "{level:#}");
    let effect = &level["versions"][1]["effect"];
    assert_eq!(effect["not_accepted"][0], "customer", "{level:#}");
    let policy = explained(&config, "hooli")["policy"].clone();
    let policy = policy.as_str().expect("a policy");
    assert!(policy.contains("while no level of"), "{policy}");
    let warned = "www.hooli.example. of customer hooli: no level is in force";
    assert!(daemon.log().contains(warned), "{}", daemon.log());

    // What is agreed on for later waits for its time, and needs no reload then.
    let effective = SystemTime::now() + Duration::from_secs(6);
    let later = version(2, LOW, BOTH, &time_of(effective));
    let mut services = services;
    services[4].1 = high + &later;
    write(&config, &services);
    let difference = config.veerctl(&["diff"]);
    let change = &difference["levels"][0];
    assert_eq!(text(change, "to"), "5000 ms (version 1)", "{difference:#}");
    let next = text(change, "next");
    assert!(next.starts_with("version 2, 50 ms"), "{difference:#}");
    config.veerctl(&["reload"]);
    let generation = config.veerctl(&["status"])["generation"].clone();
    assert_eq!(gets(&world, "umbrella"), ORIGIN);
    assert!(SystemTime::now() < effective, "too late to see anything");
    world.moves(Resolver::A, "www.umbrella.example.", OVER);
    let late = SystemTime::now().duration_since(effective);
    assert!(late.is_ok(), "before its time");
    assert_eq!(config.veerctl(&["status"])["generation"], generation);
    let now = services
        .each_ref()
        .map(|(customer, _)| gets(&world, customer));
    assert_eq!(now, [OVER, ORIGIN, ORIGIN, ORIGIN, OVER]);
    let explained = explained(&config, "umbrella");
    let cause = &explained["last_change"]["cause"];
    assert_eq!(text(cause, "kind"), "level", "{explained:#}");
    assert_eq!(cause["version"], 2, "{explained:#}");
    assert_eq!(cause["customers"][0], "umbrella", "{explained:#}");
    eventually("the level is in the decision log", || {
        let log = config.veerctl(&["log", "www.umbrella.example.", "--max", "1"]);
        let newest = &log["entries"][0]["decided"];
        (newest["cause"]["kind"] == "level").then_some(())
    });
    let name = "www.umbrella.example.";
    for (at, expected) in [
        (effective - Duration::from_millis(100), "s1"),
        (SystemTime::now(), "s2"),
    ] {
        let asked = ["explain", name, "--from", "10.9.1.1", "--at"];
        let then = config.veerctl(&[&asked[..], &[time_of(at).as_str()]].concat());
        assert_eq!(text(&then, "decision/server"), expected, "{then:#}");
    }
}
