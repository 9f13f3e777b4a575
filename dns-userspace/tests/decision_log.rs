//! The decision log: what was decided is told after a crash, with its cause.

mod support;

use std::fs;

use serde_json::Value;
use support::{
    config::Config,
    eventually, number, text,
    world::{Resolver, World},
    zone::{self, Service},
};

const WWW: &str = "www.example.";
const NO_SUSPICION: &str = "health.suspect_percent = 100";

/// `www.example.` with servers of IPv4 alone: one target each.
const WWW_V4: Service = Service {
    servers: zone::SERVERS_V4,
    ..zone::WWW
};

/// The newest entry of the log that says that a server is down.
fn death(config: &Config) -> Option<Value> {
    let log = config.veerctl(&["log", WWW, "--since", "1h"]);
    let entries = log["entries"].as_array()?.iter().rev();
    let mut deaths = entries.filter(|entry| entry["decided"]["cause"]["kind"] == "state");
    deaths.next().cloned()
}

/// What the log says that the resolver A got at `at`, milliseconds since 1970.
#[track_caller]
fn explained(config: &Config, at_unix_ms: u64) -> Value {
    let (seconds, ms) = (at_unix_ms / 1000, at_unix_ms % 1000);
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(seconds, ms as u32 * 1_000_000);
    let time = humantime::format_rfc3339_millis(time).to_string();
    config.veerctl(&["explain", WWW, "--from", "10.9.1.1", "--at", &time])
}

#[test]
fn a_death_is_in_the_log_with_its_cause_and_outlives_the_daemon() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", &[WWW_V4]);
    config.settings(&[NO_SUSPICION]);
    let daemon = world.start(&config);
    world.moves(Resolver::A, WWW, "10.8.0.1");
    origins.remove(0).stop();
    world.moves(Resolver::A, WWW, "10.8.0.2");
    let died = eventually("the death is in the log", || death(&config));
    let cause = &died["decided"]["cause"];
    assert_eq!(text(cause, "server"), "s1", "{died:#}");
    assert!(text(cause, "reason").contains("refused"), "{died:#}");
    let moves = &died["decided"]["moves"];
    assert_eq!(text(moves, "0/from/a/server"), "s1", "{died:#}");
    assert_eq!(text(moves, "0/to/a/server"), "s2", "{died:#}");
    let at = number(&died, "at_unix_ms");
    let stats = config.veerctl(&["stats"]);
    assert!(number(&stats, "decision_log/written") >= 2, "{stats:#}");
    assert_eq!(number(&stats, "decision_log/lost"), 0, "{stats:#}");

    daemon.sigkill().expect("it is killed");
    let daemon = world.start(&config);
    assert_eq!(death(&config).as_ref(), Some(&died));
    let before = explained(&config, at - 1);
    assert_eq!(text(&before, "decision/server"), "s1", "{before:#}");
    assert_eq!(text(&before, "change/cause/kind"), "start", "{before:#}");
    assert_eq!(before["is_configured_anew"], true, "{before:#}");
    for time in [at, at + 1] {
        let after = explained(&config, time);
        assert_eq!(text(&after, "decision/server"), "s2", "{after:#}");
        assert_eq!(number(&after, "change/at_unix_ms"), at, "{after:#}");
        assert_eq!(text(&after, "change/cause/server"), "s1", "{after:#}");
    }
    let older = explained(&config, at - 3_600_000);
    assert_eq!(text(&older, "missing"), "older", "{older:#}");
    assert_eq!(older["decision"], Value::Null, "{older:#}");

    // A reload says all anew, and changes nothing.
    config.veerctl(&["reload"]);
    assert_eq!(death(&config).as_ref(), Some(&died));
    config.veerctl(&["state", "s2", "down"]);
    world.moves(Resolver::A, WWW, "10.8.0.3");
    eventually("the order is in the log", || {
        let log = config.veerctl(&["log", "--max", "1"]);
        let newest = &log["entries"][0]["decided"];
        (newest["cause"]["kind"] == "override").then_some(())
    });
    daemon.sigterm().expect("it stops");
}

#[test]
fn a_log_that_cannot_be_written_changes_nothing_else() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", &[WWW_V4]);
    config.settings(&[NO_SUSPICION]);
    config.write("state", "in the way");
    let daemon = world.start(&config);
    origins.remove(0).stop();
    world.moves(Resolver::A, WWW, "10.8.0.2");
    origins.remove(0).stop();
    world.moves(Resolver::A, WWW, "10.8.0.3");
    eventually("losses are counted", || {
        let stats = config.veerctl(&["stats"]);
        (number(&stats, "decision_log/lost") >= 3).then_some(())
    });
    let log = daemon.log();
    let told = log.matches("missing in the decision log").count();
    assert_eq!(told, 1, "{log}");
    let refused = config.veerctl_fails(&["log"]);
    assert!(refused.contains("decisions.jsonl"), "{refused}");
    fs::remove_file(config.path("state")).expect("it is there");
    config.veerctl(&["reload"]);
    eventually("it is written again", || {
        let log = config.veerctl(&["log"]);
        (log["entries"][0]["lost"].as_u64()? >= 3).then_some(())
    });
}
