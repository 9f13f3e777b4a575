//! Who is chosen, by what was measured: every metric and every policy, with exact values
//! from a program that the daemon runs.

#[path = "policies/demand.rs"]
mod demand;
#[path = "policies/groups.rs"]
mod groups;
#[path = "policies/several.rs"]
mod several;
mod support;

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use domain::base::Rtype;
use support::{
    blocks::{counts, moves, servers},
    config::Config,
    eventually, lines, text,
    world::{Resolver, World, origin},
};
use xtask::lab::{HttpServer, http::Response};

/// What every probe here says but for what it is.
const TIMES: &str = "interval_ms = 100\ntimeout_ms = 90\nup_after = 1\ndown_after = 3";

/// A daemon's configuration whose servers `s1` to `s3` are alive, and as good as files say.
struct Rig {
    config: Config,
    script: String,
}

impl Rig {
    fn new(world: &World) -> Self {
        let config = world.config("veer", &[]);
        let script = config.path("value.sh");
        let values = config.path("value");
        let text = format!("#!/bin/sh\nread value < {values}-$1-$VEER_ADDRESS && echo $value\n");
        config.write("value.sh", &text);
        let runs = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&script, runs).expect("a script that can be run");
        Self { config, script }
    }

    /// Sets what `metric` is of the server with the address 10.8.0.`number`.
    fn set(&self, metric: &str, number: u8, value: &str) {
        let file = self.config.path(&format!("value-{metric}-10.8.0.{number}"));
        let new = format!("{file}.new");
        fs::write(&new, format!("{value}\n")).expect("a value");
        fs::rename(&new, &file).expect("a value");
    }

    fn set_all(&self, metric: &str, values: [f64; 3]) {
        for (number, value) in (1..).zip(values) {
            self.set(metric, number, &value.to_string());
        }
    }

    /// A required probe that measures nothing.
    fn alive(&self) -> String {
        self.set_all("alive", [1.0; 3]);
        format!(
            "kind = \"command\"\nprogram = \"{}\"\narguments = [\"alive\"]",
            self.script
        )
    }

    /// The probe that reads `metric`, as it is at the moment.
    fn reads(&self, metric: &str) -> String {
        format!(
            "[[service.probe]]\nkind = \"command\"\nprogram = \"{}\"\narguments = [\"{metric}\"]\n\
             metric = \"{metric}\"\nrequired = false\nweight_permille = 1000\n{TIMES}\n",
            self.script
        )
    }

    /// A service with a probe of each of `metrics`.
    fn service(&self, name: &str, policy: &str, metrics: &[&str], more: &str) -> String {
        let probes = lines(metrics, |metric| self.reads(metric));
        let servers = lines(1..=3, |number| {
            format!(
                "[[service.server]]\nname = \"s{number}\"\naddresses = [\"10.8.0.{number}\"]\n\
                 cost = {number}\n"
            )
        });
        format!(
            "[[service]]\nname = \"{name}\"\ncustomer = \"acme\"\nttl_s = 1\n{more}\n\
             [service.policy]\n{policy}\n[[service.probe]]\nkind = \"tcp\"\nport = 80\n{TIMES}\n\
             {probes}{servers}"
        )
    }

    fn write(&self, services: &str) {
        self.config.write("services.d/all.toml", services);
    }

    /// Waits until the daemon knows that `metric` of the server is `value`.
    #[track_caller]
    fn knows(&self, metric: &str, number: u8, value: f64) {
        let address = format!("10.8.0.{number}");
        eventually(&format!("{metric} of {address} is {value}"), || {
            let states = self.config.veerctl(&["states"]);
            let mut targets = states["targets"].as_array()?.iter();
            let is_it = |known: &serde_json::Value| {
                let known = known["measured"][metric].as_f64();
                known.is_some_and(|known| (known - value).abs() < 1e-6)
            };
            targets
                .any(|target| target["address"] == address.as_str() && is_it(target))
                .then_some(())
        });
    }

    /// Why the server stands where it does.
    fn why(&self, name: &str, server: &str) -> String {
        let asked = ["explain", name, "--from", "10.9.1.2"];
        let explained = self.config.veerctl(&asked);
        let candidates = explained["origin"]["explanation"]["candidates"].clone();
        let candidates = candidates.as_array().expect("candidates").iter();
        let mut of_it = candidates.filter(|candidate| candidate["server"] == server);
        let candidate = of_it.next().expect("the server");
        candidate["why"].as_str().expect("a reason").to_owned()
    }
}

#[test]
fn the_nearest_change_that_explain_states_is_what_it_takes() {
    const METRIC: &str = "response_time_ms";
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    rig.set_all(METRIC, [20.0, 30.0, 90.0]);
    rig.write(&rig.service(
        "www.example.",
        &format!("kind = \"latency\"\nmetric = \"{METRIC}\""),
        &[METRIC],
        "",
    ));
    let _daemon = world.start(&rig.config);
    rig.knows(METRIC, 2, 30.0);
    let asked = ["explain", "www.example.", "--from", "10.9.1.2"];
    let explained = rig.config.veerctl(&asked);
    let nearest = &explained["origin"]["nearest"];
    assert_eq!(text(nearest, "server"), "s2", "{nearest:#}");
    assert_eq!(text(nearest, "then/server"), "s2", "{nearest:#}");
    let to = nearest["to"].as_f64().expect("a value");
    let less = ((to + 0.001) * 1e3).round() / 1e3;
    rig.set(METRIC, 2, &less.to_string());
    rig.knows(METRIC, 2, less);
    let got = world.addresses(Resolver::A, "www.example.", Rtype::A);
    assert_eq!(got.expect("an answer"), ["10.8.0.1"], "{less}");
    rig.set(METRIC, 2, &to.to_string());
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
}

#[test]
fn m9_each_metric_alone_flips_the_choice() {
    const HIGH_IS_BAD: [&str; 9] = [
        "response_time_ms",
        "connect_time_ms",
        "round_trip_ms",
        "loss_percent",
        "load_percent",
        "cpu_percent",
        "memory_percent",
        "connections",
        "errors_percent",
    ];
    const LOW_IS_BAD: [&str; 2] = ["bandwidth_mbit_s", "certificate_days"];
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    let all = HIGH_IS_BAD.into_iter().chain(LOW_IS_BAD);
    let name = |metric: &str| format!("{}.example.", metric.replace('_', "-"));
    for metric in all.clone() {
        rig.set_all(metric, [30.0, 20.0, 40.0]);
    }
    rig.write(&lines(all, |metric| {
        let policy = format!("kind = \"criteria\"\ncriterion = [{{ metric = \"{metric}\" }}]");
        // The connection itself takes no time that counts here.
        let service = rig.service(&name(metric), &policy, &[metric], "");
        service.replace("kind = \"tcp\"\nport = 80", &rig.alive())
    }));
    let _daemon = world.start(&rig.config);
    for metric in HIGH_IS_BAD {
        world.moves(Resolver::A, &name(metric), "10.8.0.2");
    }
    for metric in LOW_IS_BAD {
        world.moves(Resolver::A, &name(metric), "10.8.0.3");
    }
    for metric in HIGH_IS_BAD {
        rig.set(metric, 1, "19.5");
        world.moves(Resolver::A, &name(metric), "10.8.0.1");
    }
    for metric in LOW_IS_BAD {
        rig.set(metric, 1, "40.5");
        world.moves(Resolver::A, &name(metric), "10.8.0.1");
    }
}

/// A service by its response time's, or bandwidth's, level of 100.
fn threshold(metric: &str) -> String {
    format!(
        "kind = \"threshold\"\nmetric = \"{metric}\"\nlevel = 100\nhold_s = 0\n\
         step_percent = 100\norigins = [\"s1\"]"
    )
}

#[test]
fn h1_h3_the_level_is_where_others_take_over_in_either_sense() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    let (slow, narrow) = ("response_time_ms", "bandwidth_mbit_s");
    rig.set_all(slow, [50.0, 500.0, 500.0]);
    rig.set_all(narrow, [200.0, 1.0, 1.0]);
    rig.write(&lines(
        [(slow, "slow"), (narrow, "narrow")],
        |(metric, name)| {
            let name = format!("{name}.example.");
            rig.service(&name, &threshold(metric), &[metric], "")
        },
    ));
    let _daemon = world.start(&rig.config);
    // Below, at and above the level, and back.
    for (metric, name, values) in [
        (slow, "slow.example.", [99.9, 100.0, 100.1, 99.9]),
        (narrow, "narrow.example.", [100.1, 100.0, 99.9, 100.1]),
    ] {
        for (value, address) in values.into_iter().zip([1, 2, 2, 1]) {
            rig.set(metric, 1, &value.to_string());
            rig.knows(metric, 1, value);
            let address = format!("10.8.0.{address}");
            let got = world.addresses(Resolver::A, name, Rtype::A);
            assert_eq!(got, Some(vec![address]), "{metric} {value}");
        }
    }
    let why = rig.why("slow.example.", "s1");
    assert!(why.contains("better than the level for"), "{why}");
}

#[test]
fn h1_resolvers_change_sides_by_steps_and_turn_round_where_they_are() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    let metric = "response_time_ms";
    rig.config.exempt_all();
    rig.set_all(metric, [50.0, 500.0, 500.0]);
    let steps = "step_percent = 25\nstep_s = 3";
    let policy = threshold(metric).replace("step_percent = 100", steps);
    rig.write(&rig.service("www.example.", &policy, &[metric], ""));
    let _daemon = world.start(&rig.config);
    let at_home = || counts(&servers(&world, "www.example."))[0];
    let reaches = |count| {
        eventually(&format!("{count} blocks are at home"), || {
            (at_home() == count).then(Instant::now)
        })
    };
    reaches(1024);
    rig.set(metric, 1, "500");
    let first = reaches(768);
    let before = servers(&world, "www.example.");
    let second = reaches(512);
    // A round of queries takes part of a second.
    assert!(
        second - first > Duration::from_secs(2),
        "{:?}",
        second - first
    );
    let now = servers(&world, "www.example.");
    assert_eq!(moves(&before, &now), vec![(1, 2); 256]);
    let why = rig.why("www.example.", "s1");
    assert!(why.contains("50 % of resolvers are left so far"), "{why}");
    rig.set(metric, 1, "50");
    reaches(768);
    assert_eq!(servers(&world, "www.example."), before);
    reaches(1024);
    rig.set(metric, 1, "500");
    reaches(0);
    let states = rig.config.veerctl(&["states"]);
    assert_eq!(
        states["shares"].as_array().map(Vec::len),
        Some(0),
        "nobody moves: {states:#}"
    );
}

#[test]
fn a_threshold_holds_its_side() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    let metric = "response_time_ms";
    rig.set_all(metric, [200.0, 1.0, 1.0]);
    let policy = threshold(metric).replace("hold_s = 0", "hold_s = 60");
    rig.write(&rig.service("www.example.", &policy, &[metric], ""));
    let _daemon = world.start(&rig.config);
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    rig.set(metric, 1, "10");
    rig.knows(metric, 1, 10.0);
    let why = rig.why("www.example.", "s1");
    assert!(why.contains("at the level or worse for"), "{why}");
    assert!(why.contains("held for another"), "{why}");
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
}

#[test]
fn m1_the_least_loaded_mirror_answers() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    rig.set_all("load_percent", [40.0, 60.0, 80.0]);
    let policy = "kind = \"least-load\"\ntolerance_percent = 5";
    rig.write(&rig.service("www.example.", policy, &["load_percent"], ""));
    let _daemon = world.start(&rig.config);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    // Not for so little.
    rig.set("load_percent", 2, "36");
    rig.knows("load_percent", 2, 36.0);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    rig.set("load_percent", 1, "70");
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    rig.set("load_percent", 3, "10");
    world.moves(Resolver::A, "www.example.", "10.8.0.3");
}

#[test]
fn m1_parts_follow_loads_by_steps_to_the_least_in_the_end() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    rig.config.exempt_all();
    rig.set_all("load_percent", [50.0, 50.0, 50.0]);
    let policy = "kind = \"least-load\"\nstep_percent = 50\nstep_s = 0";
    rig.write(&rig.service("www.example.", policy, &["load_percent"], ""));
    let _daemon = world.start(&rig.config);
    let reaches = |what: &str, is: &dyn Fn([usize; 3]) -> bool| {
        eventually(what, || {
            is(counts(&servers(&world, "www.example."))).then_some(())
        });
    };
    reaches("equal parts for equal loads", &|counts| {
        counts.iter().min() > Some(&250)
    });
    rig.set_all("load_percent", [40.0, 60.0, 80.0]);
    reaches("s1 has all", &|counts| counts == [1024, 0, 0]);
    rig.set_all("load_percent", [90.0, 60.0, 30.0]);
    reaches("s1 and s3 have parts", &|counts| {
        counts[0] > 0 && counts[2] > 0
    });
    reaches("s3 has all", &|counts| counts == [0, 0, 1024]);
}

#[test]
fn m2_the_best_cache_is_not_worse_in_latency_and_in_load() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    let metrics = ["round_trip_ms", "load_percent"];
    let [latency, load] = metrics;
    rig.set_all(latency, [10.0, 20.0, 30.0]);
    rig.set_all(load, [20.0, 40.0, 60.0]);
    let policy =
        |weights| format!("kind = \"best\"\ntolerance_permille = 0\nweights = {{ {weights} }}");
    let names = ["even.example.", "quick.example.", "idle.example."];
    let weights = [
        "round_trip_ms = 1, load_percent = 1",
        "round_trip_ms = 9, load_percent = 1",
        "round_trip_ms = 1, load_percent = 9",
    ];
    rig.write(&lines(names.into_iter().zip(weights), |(name, weights)| {
        rig.service(name, &policy(weights), &metrics, "")
    }));
    let _daemon = world.start(&rig.config);
    for name in names {
        world.moves(Resolver::A, name, "10.8.0.1");
    }
    // s3 becomes the better one in both.
    rig.set(latency, 3, "5");
    rig.set(load, 3, "10");
    for name in names {
        world.moves(Resolver::A, name, "10.8.0.3");
    }
    // Now none is: s1 is quick and busy, s3 slow and idle, s2 between.
    rig.set_all(latency, [10.0, 25.0, 50.0]);
    rig.set_all(load, [90.0, 45.0, 10.0]);
    for (name, address) in names.into_iter().zip(["10.8.0.2", "10.8.0.1", "10.8.0.3"]) {
        world.moves(Resolver::A, name, address);
    }
}

#[test]
fn l7_swapping_the_criteria_swaps_the_answer() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    rig.set_all("load_percent", [60.0, 20.0, 24.0]);
    let by = |first: &str, second: &str| {
        format!(
            "kind = \"criteria\"\n[[service.policy.criterion]]\nmetric = \"{first}\"\ntolerance = 5\n\
             [[service.policy.criterion]]\nmetric = \"{second}\"\n"
        )
    };
    let write = |first, second| {
        let policy = by(first, second);
        rig.write(&rig.service("www.example.", &policy, &["load_percent"], ""));
    };
    // s2 and s3 are close; s2 costs less.
    write("load_percent", "cost");
    let _daemon = world.start(&rig.config);
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    // Costs are close; s1 costs least, s2 is loaded least.
    write("cost", "load_percent");
    rig.config.veerctl(&["reload"]);
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    rig.set("load_percent", 1, "10");
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    write("availability_percent", "cost");
    rig.set("load_percent", 1, "99");
    rig.config.veerctl(&["reload"]);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
}

#[test]
fn what_is_too_old_counts_as_the_service_says() {
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    rig.set_all("load_percent", [10.0, 20.0, 30.0]);
    let ways = ["last", "closed", "open"];
    rig.write(&lines(ways, |unknown| {
        let more = format!("unknown = \"{unknown}\"");
        let name = format!("{unknown}.example.");
        let policy = "kind = \"least-load\"\ntolerance_percent = 1";
        let service = rig.service(&name, policy, &["load_percent"], &more);
        service.replace(
            "required = false",
            "required = false\nstale_after_ms = 1000",
        )
    }));
    let _daemon = world.start(&rig.config);
    for unknown in ways {
        world.moves(Resolver::A, &format!("{unknown}.example."), "10.8.0.1");
    }
    // s1 and s3 say nothing any more.
    for number in [1, 3] {
        let file = rig
            .config
            .path(&format!("value-load_percent-10.8.0.{number}"));
        fs::remove_file(file).expect("a value");
    }
    world.moves(Resolver::A, "closed.example.", "10.8.0.2");
    world.moves(Resolver::A, "last.example.", "10.8.0.1");
    world.moves(Resolver::A, "open.example.", "10.8.0.1");
    // What is known is worse than what is not, where that counts as better.
    rig.set("load_percent", 1, "15");
    rig.knows("load_percent", 1, 15.0);
    world.moves(Resolver::A, "open.example.", "10.8.0.3");
    world.moves(Resolver::A, "closed.example.", "10.8.0.1");
}

#[test]
fn m1_h6_the_load_that_servers_report_themselves_decides() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let world = World::new();
    let _origins = world.origins(3);
    let rig = Rig::new(&world);
    // As `veerd agent` answers; the tests of that are its own.
    let report = |load: f64| {
        let at = SystemTime::now().duration_since(UNIX_EPOCH);
        let at = at.expect("after 1970").as_millis();
        Response::ok(format!(
            r#"{{"version": 1, "kind": "server", "at": {at}, "figures": {{"traffic_load": {load}}}}}"#
        ))
    };
    let agents: Vec<_> = (1..=3)
        .map(|number| {
            let address = SocketAddr::new(origin(number)[0], 9853);
            HttpServer::start(&world.dns, address, report(0.5)).expect("it listens")
        })
        .collect();
    agents[2].respond(report(0.3));
    rig.config.write("agents.token", &format!("{TOKEN}\n"));
    let token = rig.config.path("agents.token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("a file of its own");
    let service = rig.service("www.example.", "kind = \"least-load\"", &[], "");
    let agent = format!(
        "[[service.probe]]\nkind = \"agent\"\nport = 9853\ntls = false\nrequired = false\n\
         token_file = \"agents.token\"\nweight_permille = 1000\nstale_after_ms = 600000\n{TIMES}\n"
    );
    let at = service.find("[[service.server]]").expect("servers");
    rig.write(&[&service[..at], &agent, &service[at..]].concat());
    let _daemon = world.start(&rig.config);
    world.moves(Resolver::A, "www.example.", "10.8.0.3");
    agents[1].respond(report(0.1));
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    // What cannot be is not believed, however good it sounds.
    agents[0].respond(report(-1.0));
    eventually("the report is refused", || {
        let states = rig.config.veerctl(&["states"]).to_string();
        states
            .contains("traffic_load = -1 is out of range")
            .then_some(())
    });
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
}
