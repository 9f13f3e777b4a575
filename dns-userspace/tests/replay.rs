//! What a daemon recorded, under another configuration.

mod support;

use std::{fs, ops::Range, thread, time::Duration};

use serde_json::Value;
use support::{
    config::Config,
    number, text,
    world::{Resolver, World},
};
use xtask::lab::http::Response;

const WWW: &str = "www.example.";

/// How long each of two states is measured.
const MEASURED_FOR: Duration = Duration::from_secs(6);

/// `www.example.` whose `s1` is used while it answers within so many milliseconds.
fn service(level: u32) -> String {
    format!(
        "[[service]]\nname = \"{WWW}\"\ncustomer = \"acme\"\nttl_s = 1\n\
         [service.policy]\nkind = \"threshold\"\nmetric = \"response_time_ms\"\nlevel = {level}\n\
         origins = [\"s1\"]\nhold_s = 0\nstep_percent = 100\n\
         [service.probe]\nkind = \"http\"\ninterval_ms = 500\ntimeout_ms = 490\n\
         weight_permille = 1000\n\
         [[service.server]]\nname = \"s1\"\naddresses = [\"10.8.0.1\"]\n\
         [[service.server]]\nname = \"s2\"\naddresses = [\"10.8.0.2\"]\n"
    )
}

fn configured(world: &World, name: &str, level: u32) -> Config {
    let config = world.config(name, &[]);
    config.settings(&["log.measurements_mib = 1"]);
    config.write("services.d/all.toml", &service(level));
    config
}

/// What was recorded of `s1`: when, and how long it took.
fn recorded(config: &Config) -> Vec<(u64, f64)> {
    let log = fs::read_to_string(config.path("state/measurements.jsonl")).expect("a log");
    let lines = log
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).expect("JSON") });
    let mut s1 = None;
    let mut seen = Vec::new();
    for line in lines {
        if text(&line, "target/address") == "10.8.0.1" {
            s1 = line["target"]["number"].as_u64();
        }
        if s1.is_some() && line["pass"][1].as_u64() == s1 {
            let took = line["pass"][2]["response_time_ms"].as_f64();
            seen.push((number(&line, "pass/0"), took.expect("a time")));
        }
    }
    seen
}

#[test]
fn another_level_differs_for_as_long_as_the_value_was_between_both() {
    let world = World::new();
    let origins = world.origins(2);
    let config = configured(&world, "veer", 150);
    let daemon = world.start(&config);
    world.moves(Resolver::A, WWW, "10.8.0.1");
    thread::sleep(MEASURED_FOR);
    origins[0].respond(&Response {
        delay: Duration::from_millis(250),
        ..Response::ok("s1")
    });
    world.moves(Resolver::A, WWW, "10.8.0.2");
    thread::sleep(MEASURED_FOR);
    let stats = config.veerctl(&["stats"]);
    assert_eq!(number(&stats, "measurement_log/lost"), 0, "{stats:#}");
    // It writes what waits.
    daemon.sigterm().expect("it stops");

    let seen = recorded(&config);
    let slow = seen.iter().find(|(_, took)| *took >= 150.0);
    let (slow_at, _) = *slow.expect("a slow one is recorded");
    assert!(seen.iter().any(|(_, took)| *took < 150.0), "{seen:?}");
    // Above all that a probe that passes can take.
    let other = configured(&world, "other", 1000);
    let (log, against) = (config.path("state"), config.path(""));
    let replay = |other: &Config| other.veerctl(&["replay", &log, "--against", &against]);
    let replayed = replay(&other);
    let (from, to) = (
        number(&replayed, "from_unix_ms"),
        number(&replayed, "to_unix_ms"),
    );
    // From the decision log, which knows nothing of replays.
    let elsewhere_ms = at_s2(&config, to);
    let decided = elsewhere_ms[0].start;
    assert!(decided.abs_diff(slow_at) < 500, "{decided} {slow_at}");
    let seconds = |key: &str| replayed[key].as_f64().expect("a time");
    // A daemon that starts measures nothing between its first round and the first probes.
    let counted = Duration::from_millis(to - from).as_secs_f64() - seconds("gaps_s");
    assert!((counted - seconds("counted_s")).abs() < 0.5, "{replayed:#}");
    let expected = elsewhere_ms.iter().map(|away| away.end - away.start).sum();
    let expected = 100.0 * Duration::from_millis(expected).as_secs_f64() / counted;
    let elsewhere = |of: &Value| of["all"]["elsewhere_percent"].as_f64().expect("a share");
    let got = elsewhere(&replayed);
    assert!(
        (got - expected).abs() < 5.0,
        "{got} {expected} {replayed:#}"
    );
    assert!((20.0..80.0).contains(&got), "{replayed:#}");
    let then = &replayed["services"][0]["candidates"][0];
    assert_eq!(
        (text(then, "candidate"), then["then_percent"].as_f64()),
        ("s1", Some(100.0))
    );
    let latency = |side: &str| replayed["all"][side]["latency_ms"].as_f64().expect("known");
    // Of the 250 ms that `s1` waits, less what a busy host made `s2` take.
    let slower = latency("then") - latency("before");
    assert!(slower > 125.0 * got / 100.0, "{replayed:#}");

    // A level that changes nothing.
    let like = configured(&world, "like", 149);
    let replayed = replay(&like);
    assert!(elsewhere(&replayed) <= 0.0, "{replayed:#}");
    assert_eq!(
        replayed["all"]["before"], replayed["all"]["then"],
        "{replayed:#}"
    );
}

/// When the decision log has `s2` in the place of `s1`, until `end`; Unix milliseconds.
fn at_s2(config: &Config, end: u64) -> Vec<Range<u64>> {
    let log = fs::read_to_string(config.path("state/decisions.jsonl")).expect("a log");
    let lines = log
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).expect("JSON") });
    let mut away: Vec<Range<u64>> = Vec::new();
    for line in lines {
        let at = number(&line, "at_unix_ms");
        let server = |side: &str| line["decided"]["moves"][0][side]["a"]["server"].as_str();
        match (server("from"), server("to")) {
            (Some("s1"), Some("s2")) => away.push(at..end),
            (Some("s2"), Some("s1")) => away.last_mut().expect("s2 had taken over").end = at,
            _ => {}
        }
    }
    assert!(!away.is_empty(), "s2 took over: {log}");
    away
}
