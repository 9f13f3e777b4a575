//! Shadow mode before a real Knot that serves the same zone, but for what is planted there.

mod support;

#[path = "interop/knot.rs"]
#[allow(dead_code, reason = "its files are for other tests")]
mod knot;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::Output,
};

use domain::base::Rtype;
use knot::Knot;
use serde_json::Value;
use support::{
    PATIENCE,
    cases::CASES,
    config::Config,
    eventually, lines,
    world::{Family, Resolver, World},
    zone::{self, CDN, Service, WWW},
};
use xtask::lab::{Namespace, dns::Client};

/// Where the servers answer that veer is to replace.
const FAITHFUL: [IpAddr; 2] = addresses(0x56);
const PLANTED: [IpAddr; 2] = addresses(0x57);

const fn addresses(number: u8) -> [IpAddr; 2] {
    [
        IpAddr::V4(Ipv4Addr::new(10, 9, 0, number)),
        IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, number as u16)),
    ]
}

/// Zone and services, and the daemon's configuration.
fn config(world: &World, services: &[Service]) -> Config {
    let config = world.config("veer", services);
    config.exempt_all();
    config
}

/// A server called `name` that serves `zone` by now.
fn serve(world: &World, name: &str, addresses: [IpAddr; 2], zone: String) -> Knot {
    let mut knot = Knot::start(world, name, addresses, &[("example.", zone)]);
    let source = Resolver::A.address(Family::V4);
    let server = SocketAddr::new(addresses[0], 53);
    let mut client = Client::new(&world.clients, source, server).expect("a client's socket");
    eventually("the other server answers", || {
        let ended = knot.process.ended().expect("it is our child");
        assert!(ended.is_none(), "knotd: {}", knot.process.stderr());
        client.ask("example.", Rtype::SOA).ok()
    });
    knot
}

/// What was found, as objects, and what that comes to.
#[derive(Debug)]
struct Shadowed {
    status: Option<i32>,
    found: Vec<Value>,
    summary: Value,
    stderr: String,
}

impl Shadowed {
    /// Kind, name and type of each, sorted.
    fn differences(&self) -> Vec<String> {
        let text = |of: &Value, key: &str| of[key].as_str().expect("text").to_owned();
        let difference = |of| ["kind", "name", "type"].map(|key| text(of, key)).join(" ");
        let mut differences: Vec<_> = self.found.iter().map(difference).collect();
        differences.sort();
        differences
    }

    #[track_caller]
    fn count(&self, key: &str) -> u64 {
        let count = self.summary[key].as_u64();
        count.unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }
}

/// `veerctl` with `args`, where servers can be reached.
fn run(world: &World, config: &Config, args: &[&str]) -> Output {
    let mut command = world.clients.enter(config.control.command());
    command.args(args).output().expect("veerctl runs")
}

/// `veerctl --json shadow` before the server at `upstream`, with `args`.
fn shadow(world: &World, config: &Config, upstream: [IpAddr; 2], args: &[&str]) -> Shadowed {
    let upstream = upstream[0].to_string();
    let shadow = ["--json", "shadow", "--upstream", &upstream];
    shadowed(run(world, config, &[&shadow[..], args].concat()))
}

fn shadowed(output: Output) -> Shadowed {
    let stdout = String::from_utf8(output.stdout).expect("text");
    let stderr = String::from_utf8(output.stderr).expect("text");
    let objects = stdout.lines().map(serde_json::from_str::<Value>);
    let mut found: Vec<_> = objects.map(|object| object.expect("JSON")).collect();
    let summary = found.pop().map(|mut last| last["summary"].take());
    Shadowed {
        status: output.status.code(),
        found,
        summary: summary.unwrap_or_default(),
        stderr,
    }
}

/// What is in our zone and may be planted otherwise elsewhere.
const OURS: [&str; 3] = [
    "other  A  192.0.2.61\n",
    "gone   A  192.0.2.62\n",
    "older  A  192.0.2.63\n",
];
const PLANTS: [&str; 3] = ["other  A  192.0.2.99\n", "", "older  60 A  192.0.2.63\n"];

/// Everything that a zone can hold, `more`, and more records than fit in a datagram.
fn zone(more: [&str; 3]) -> String {
    let filler = "x".repeat(150);
    let big = lines(10..20, |number| format!("big TXT \"{number}{filler}\"\n"));
    zone::ZONE.to_owned() + &more.concat() + &big
}

/// A file of questions for each name of our zone that no service decides on; its path, and how
/// many.
fn questions(config: &Config) -> (String, u64) {
    let is_static = |name: &str| !["www.example.", "cdn.example."].contains(&name);
    let cases = CASES.iter().filter(|case| is_static(case.name));
    let mut asked: Vec<_> = cases
        .map(|case| {
            let from = case.resolver.address(Family::V4);
            format!("{} {} {from}\n", case.name, case.rtype)
        })
        .collect();
    asked.extend(["other", "gone", "older"].map(|name| format!("{name}.Example A\n")));
    asked.push("big.example TXT\n".to_owned());
    let path = config.path("questions");
    fs::write(&path, asked.concat()).expect("a file");
    (path, asked.len() as u64)
}

#[test]
fn three_planted_differences_are_found_and_nothing_else() {
    let world = World::new();
    let config = config(&world, &[]);
    config.write("zones.d/example.zone", &zone(OURS));
    let _daemon = world.start(&config);
    let _servers = [
        serve(&world, "faithful", FAITHFUL, zone(OURS)),
        serve(&world, "planted", PLANTED, zone(PLANTS)),
    ];
    let (questions, asked) = questions(&config);
    let args = ["--questions", &questions, "--rate", "1000"];

    let same = shadow(&world, &config, FAITHFUL, &args);
    assert_eq!(same.differences(), [""; 0], "{same:#?}");
    assert_eq!(
        (same.status, same.count("compared")),
        (Some(0), asked),
        "{same:#?}"
    );

    // A recursor's letters, and its network.
    let args = [&args[..], &["--ecs"]].concat();
    let planted = shadow(&world, &config, PLANTED, &args);
    let expected = [
        "data other.Example. A",
        "rcode gone.Example. A",
        "ttl older.Example. A",
    ];
    assert_eq!(planted.differences(), expected, "{planted:#?}");
    assert_eq!(
        (planted.status, planted.count("compared")),
        (Some(1), asked),
        "{planted:#?}"
    );
    assert_eq!(planted.count("differing"), 3, "{planted:#?}");

    // For people, and without what they know already.
    let upstream = PLANTED[0].to_string();
    let args = ["shadow", "--upstream", &upstream, "--questions", &questions];
    let args = [&args[..], &["--ignore", "ttl", "--ignore", "rcode"]].concat();
    let output = run(&world, &config, &args);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    let expected = "\
ZONE      KIND  QUESTIONS  SEEN  THE FIRST
example.  data          1     1  other.Example. A for 127.0.0.1

data: other.Example. A for 127.0.0.1
  veer      other.Example. A 192.0.2.61
  upstream  other.Example. A 192.0.2.99
";
    let (_, table) = text.split_once("\n\n").expect("a table");
    assert_eq!(table, expected);
    let args = [&args[..], &["--ignore", "data"]].concat();
    assert_eq!(run(&world, &config, &args).status.code(), Some(0));
}

#[test]
fn where_a_decision_sends_clients_is_held_against_what_it_chooses_among() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, &[WWW, CDN]);
    let _daemon = world.start(&config);
    let more = "www 300 A 10.8.0.1\nwww 300 AAAA fd08::1\ncdn 300 A 192.0.2.77\n";
    let _server = serve(&world, "other", PLANTED, zone::ZONE.to_owned() + more);
    let questions = config.path("questions");
    let resolver = Resolver::B.address(Family::V4);
    let text = format!(
        "www.example A {resolver}\nwww.example AAAA {resolver}\ncdn.example A\n\
         cdn.example TXT\ns1.cdn.example A\nstatic.example A\n"
    );
    fs::write(&questions, text).expect("a file");
    let args = ["--questions", &questions];
    let found = shadow(&world, &config, PLANTED, &args);
    let expected = [
        "elsewhere cdn.example. A",
        "steered cdn.example. TXT",
        "steered s1.cdn.example. A",
        "steered www.example. A",
        "steered www.example. AAAA",
    ];
    assert_eq!(found.differences(), expected, "{found:#?}");
    assert_eq!(
        (found.status, found.count("differing")),
        (Some(1), 1),
        "{found:#?}"
    );
    // As its group gets it.
    let www = found
        .found
        .iter()
        .find(|of| of["name"] == "www.example." && of["type"] == "A");
    let www = www.expect("it is found");
    assert_eq!(
        www["veer"], "www.example. A 10.8.0.2 (TTL 20)",
        "{found:#?}"
    );
    assert_eq!(
        www["upstream"], "www.example. A 10.8.0.1 (TTL 300)",
        "{found:#?}"
    );
    let args = [&args[..], &["--ignore", "elsewhere"]].concat();
    assert_eq!(shadow(&world, &config, PLANTED, &args).status, Some(0));
}

/// What is found of live queries of `family` to `server`, by `veerctl shadow` with `args` in
/// this namespace.
#[track_caller]
fn live(
    world: &World,
    config: &Config,
    (namespace, args): (&Namespace, &[&str]),
    (family, server): (Family, IpAddr),
) {
    let mut command = namespace.enter(config.control.command());
    command.args(["--json", "shadow", "--count", "40", "--rate", "1000"]);
    command.args(args);
    let mut process = world.lab.spawn(command).expect("it starts");
    let source = Resolver::B.address(family);
    let client = Client::new(&world.clients, source, SocketAddr::new(server, 53));
    let mut client = client.expect("a client's socket");
    let names = ["static.example.", "other.example.", "elsewhere.test."];
    let mut names = names.into_iter().cycle();
    let status = eventually("so many are compared", || {
        let name = names.next().expect("without end");
        client.ask(name, Rtype::A).expect("an answer");
        process.ended().expect("it is our child")
    });
    let shadowed = shadowed(Output {
        status,
        stdout: process.stdout().into(),
        stderr: process.stderr().into(),
    });
    assert_eq!(
        shadowed.differences(),
        ["data other.example. A"],
        "{shadowed:#?}"
    );
    assert_eq!(
        shadowed.found[0]["from"],
        source.to_string(),
        "{shadowed:#?}"
    );
    assert_eq!(
        (shadowed.status, shadowed.count("compared")),
        (Some(1), 40),
        "{shadowed:#?}"
    );
    assert!(shadowed.count("outside") > 0, "{shadowed:#?}");
}

#[test]
fn live_queries_are_those_that_come_to_the_other_server_or_to_veer() {
    let world = World::new();
    let config = config(&world, &[]);
    config.write("zones.d/example.zone", &zone(OURS));
    config.write("veer.d/told.conf", "log.queries_sample = 1\n");
    let _daemon = world.start(&config);
    let _server = serve(&world, "planted", PLANTED, zone(PLANTS));
    for (family, server) in Family::ALL.into_iter().zip(PLANTED) {
        let upstream = server.to_string();
        let capture = ["--upstream", &upstream, "--capture"];
        live(&world, &config, (&world.dns, &capture), (family, server));
        let tail = &capture[..2];
        live(
            &world,
            &config,
            (&world.clients, tail),
            (family, family.dns()),
        );
    }
    // Without an end of its own, until Ctrl-C.
    let [server, _] = PLANTED;
    let mut command = world.dns.enter(config.control.command());
    let upstream = server.to_string();
    command.args(["--json", "shadow", "--upstream", &upstream, "--capture"]);
    let mut process = world.lab.spawn(command).expect("it starts");
    let source = Resolver::A.address(Family::V4);
    let client = Client::new(&world.clients, source, SocketAddr::new(server, 53));
    let mut client = client.expect("a client's socket");
    eventually("one is told", || {
        client.ask("other.example.", Rtype::A).expect("an answer");
        process.stdout().contains("other.example.").then_some(())
    });
    process.signal(libc::SIGINT).expect("it is there");
    let status = process.wait(PATIENCE).expect("it ends");
    assert_eq!(status.code(), Some(1), "{}", process.stderr());
    assert!(
        process.stdout().contains("\"summary\""),
        "{}",
        process.stdout()
    );
}

#[test]
fn what_is_not_to_be_asked_is_not_and_nobody_there_is_no_comparison() {
    let world = World::new();
    let config = config(&world, &[]);
    let _daemon = world.start(&config);
    let questions = config.path("questions");
    fs::write(
        &questions,
        "static.example A\nelsewhere.test A\nexample SOA\n",
    )
    .expect("a file");
    let args = ["--questions", &questions];
    // Nobody is there.
    let silent = shadow(
        &world,
        &config,
        FAITHFUL,
        &[&args[..], &["--count", "1"]].concat(),
    );
    assert_eq!(silent.status, Some(2), "{silent:#?}");
    assert_eq!(
        silent.differences(),
        ["no-answer static.example. A"],
        "{silent:#?}"
    );
    assert_eq!(
        (silent.count("compared"), silent.count("unanswered")),
        (0, 2),
        "{silent:#?}"
    );
    assert!(
        silent.stderr.contains("nothing was compared"),
        "{silent:#?}"
    );

    let _server = serve(&world, "same", FAITHFUL, zone::ZONE.to_owned());
    let some = shadow(&world, &config, FAITHFUL, &args);
    assert_eq!(
        (some.count("compared"), some.count("outside")),
        (2, 1),
        "{some:#?}"
    );
    // Whoever asks for a zone is told of it though veer has it not.
    let args = [&args[..], &["--zone", "TEST"]].concat();
    let other = shadow(&world, &config, FAITHFUL, &args);
    assert_eq!(
        (other.count("compared"), other.count("other_zones")),
        (1, 2),
        "{other:#?}"
    );
    assert_eq!(other.status, Some(0), "both refuse it: {other:#?}");
}
