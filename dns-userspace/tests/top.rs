//! `veerctl top`, while queries come.

mod support;

use std::process::Command;

use domain::base::Rtype;
use serde_json::Value;
use support::{
    PATIENCE,
    config::Config,
    eventually,
    world::{Family, Resolver, World},
    zone::{Service, WWW},
};

const SERVICES: &[Service] = &[WWW];

fn config(world: &World, settings: &[&str]) -> Config {
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    config.settings(settings);
    config
}

/// Asks for a steered name, in the kernel, and for one that goes up.
fn ask(world: &World, resolver: Resolver) {
    for name in ["www.example.", "www.example.", "elsewhere.test."] {
        let reply = world.client(resolver, Family::V4).ask(name, Rtype::A);
        reply.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Whether `rows` have one of that `name` whose rate is above 0.
fn has(rows: &Value, name: &str) -> bool {
    let mut rows = rows.as_array().into_iter().flatten();
    rows.any(|row| row["name"] == name && row["per_s"].as_f64() > Some(0.0))
}

#[test]
fn rates_are_by_service_group_resolver_and_outcome() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, &["log.queries_sample = 1"]);
    let _daemon = world.start(&config);
    let mut command = config.control.command();
    command.args(["--json", "top", "--every", "0.5"]);
    let mut process = world.lab.spawn(command).expect("it starts");
    let shown = eventually("rates of all kinds", || {
        ask(&world, Resolver::A);
        let stdout = process.stdout();
        let whole = stdout.rsplit_once('\n')?.0;
        let last = whole.lines().last()?;
        let shown: Value = serde_json::from_str(last).expect("an object a line");
        let is_all = has(&shown["services"], "www.example.")
            && has(&shown["groups"], "isp-a")
            && has(&shown["resolvers"], "10.9.1.1");
        is_all.then_some(shown)
    });
    let text = format!("{shown:#}");
    assert_eq!(shown["groups"].as_array().map(Vec::len), Some(1), "{text}");
    // Three, of two addresses each.
    assert_eq!(shown["servers"].as_array().map(Vec::len), Some(6), "{text}");
    assert_eq!(shown["servers"][0]["state"], "up", "{text}");
    assert_eq!(shown["daemon"]["xdp"], "attached", "{text}");
    assert!(shown["kernel_per_s"].as_f64() > Some(0.0), "{text}");
    assert!(shown["userspace_per_s"].as_f64() > Some(0.0), "{text}");
    let outcomes = shown["outcomes"].as_array().expect("a list");
    for (plane, outcome) in [("kernel", "answered"), ("userspace", "up_unknown_name")] {
        let is_it = |row: &&Value| row["plane"] == plane && row["outcome"] == outcome;
        assert!(outcomes.iter().any(|row| is_it(&row)), "{outcome}: {text}");
    }
    process.signal(libc::SIGTERM).expect("it is there");
    process.wait(PATIENCE).expect("it ends");
}

#[test]
fn it_goes_on_while_the_daemon_is_gone_and_with_the_next_one() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, &["log.queries_sample = 1"]);
    let daemon = world.start(&config);
    let mut command = config.control.command();
    command.args(["top", "--every", "0.2"]);
    let mut process = world.lab.spawn(command).expect("it starts");
    let last = || {
        let stdout = process.stdout();
        let whole = stdout.rsplit_once('\x0c')?.0.to_owned();
        whole.rsplit('\x0c').next().map(str::to_owned)
    };
    eventually("a screen", || last()?.contains("SERVER").then_some(()));
    daemon.sigkill().expect("it is killed");
    eventually("word of it", || {
        last()?.contains("veerd is not running").then_some(())
    });
    let _daemon = world.start(&config);
    let screen = eventually("the other's rates", || {
        ask(&world, Resolver::B);
        let screen = last()?;
        screen.contains("10.9.2.1").then_some(screen)
    });
    assert!(screen.contains("adopted"), "{screen}");
    assert!(!screen.contains('\x1b'), "{screen}");
    process.signal(libc::SIGTERM).expect("it is there");
    process.wait(PATIENCE).expect("it ends");
}

#[test]
fn on_a_terminal_it_has_a_screen_of_its_own_and_gives_the_other_back() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, &[]);
    let _daemon = world.start(&config);
    let veerctl = config.control.command();
    let words = [veerctl.get_program()]
        .into_iter()
        .chain(veerctl.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let mut script = Command::new("script");
    let top = format!("{} top --every 0.1 --count 3", words.join(" "));
    // A terminal of its own, whatever this test has.
    script.args(["--quiet", "--return", "--command", &top, "/dev/null"]);
    script.env("TERM", "xterm").env_remove("NO_COLOR");
    let mut process = world.lab.spawn(script).expect("it starts");
    let status = process.wait(PATIENCE).expect("it ends");
    let stdout = process.stdout();
    assert!(status.success(), "{status}: {stdout}");
    let at = |what: &str| {
        stdout
            .find(what)
            .unwrap_or_else(|| panic!("{what:?}: {stdout:?}"))
    };
    let (enter, leave) = (at("\x1b[?1049h"), at("\x1b[?1049l"));
    let inside = &stdout[enter..leave];
    assert!(inside.contains("\x1b[32mup\x1b[0m"), "{stdout:?}");
    assert!(inside.contains("log.queries_sample is 0"), "{stdout:?}");
    assert!(stdout[leave..].len() < 20, "{stdout:?}");
    assert!(
        stdout.contains("\x1b[?25h"),
        "the cursor is back: {stdout:?}"
    );
}

#[test]
fn without_a_daemon_it_says_so_and_fails() {
    let world = World::new();
    let config = config(&world, &[]);
    let refusal = config.veerctl_fails(&["top"]);
    assert!(refusal.contains("veerd is not running"), "{refusal}");
    let refusal = config.veerctl_fails(&["top", "--every", "0"]);
    assert!(refusal.contains("valid: 0.1 to 3600"), "{refusal}");
}
