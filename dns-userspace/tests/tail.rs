//! Queries told one by one, by both planes, to whoever watches.

mod support;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use domain::base::Rtype;
use support::{
    PATIENCE,
    config::Config,
    eventually,
    tools::{Asker, Transport},
    world::{Family, Resolver, World},
    zone::{CDN, Service, WWW},
};
use veer::{
    control::{
        client::{Client, Tail},
        explained::Plane,
    },
    queries::{Query, TailRequest, Told},
};

const SERVICES: &[Service] = &[WWW, CDN];

/// A configuration that tells one in `one_in` queries.
fn config(world: &World, one_in: u32) -> Config {
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    config.settings(&[&format!("log.queries_sample = {one_in}")]);
    config
}

fn socket(world: &World) -> PathBuf {
    world.lab.dir().join("veer.sock")
}

/// What `request` asks for, from now on.
fn watch(world: &World, request: TailRequest) -> Tail {
    let client = Client::connect(&socket(world), PATIENCE).expect("the daemon is there");
    let tail = client
        .tail(request)
        .unwrap_or_else(|error| panic!("{error}"));
    set_patience(&tail, PATIENCE);
    tail
}

/// How long the next query may be in coming.
fn set_patience(tail: &Tail, patience: Duration) {
    let stream = tail.stream().expect("its socket");
    stream.set_read_timeout(Some(patience)).expect("a timeout");
}

#[track_caller]
fn next(tail: &mut Tail) -> Query {
    match tail.wait().unwrap_or_else(|error| panic!("{error}")) {
        Told::Query(query) => *query,
        Told::Lost(count) => panic!("{count} lost"),
    }
}

fn ask(world: &World, (resolver, family): (Resolver, Family), name: &str, rtype: Rtype) {
    let reply = world.client(resolver, family).ask(name, rtype);
    reply.unwrap_or_else(|error| panic!("{name} {rtype}: {error}"));
}

/// Plane, outcome and RCODE; the answer; service and group.
type Fate<'f> = ([&'f str; 3], &'f [&'f str], Option<(&'f str, &'f str)>);

fn fate(query: &Query) -> ([String; 3], Vec<&str>, Option<(&str, &str)>) {
    let plane = match query.plane {
        Plane::Kernel => "kernel",
        Plane::Userspace => "userspace",
    };
    let rcode = query.rcode.clone().unwrap_or_default();
    (
        [plane.to_owned(), query.outcome.clone(), rcode],
        query.answer.iter().map(String::as_str).collect(),
        query.service.as_deref().zip(query.group.as_deref()),
    )
}

#[test]
fn every_query_is_told_once_by_the_plane_that_it_ended_in() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, 1);
    let _daemon = world.start(&config);
    let mut tail = watch(&world, TailRequest::default());
    assert_eq!(tail.one_in(), 1);

    let www = "www.example.";
    let questions: &[((Resolver, Family), &str, Rtype, Fate)] = &[
        (
            (Resolver::A, Family::V4),
            "WWW.example.",
            Rtype::A,
            (
                ["kernel", "answered", "NOERROR"],
                &["A 10.8.0.1"],
                Some((www, "isp-a")),
            ),
        ),
        (
            (Resolver::B, Family::V6),
            www,
            Rtype::AAAA,
            (
                ["kernel", "answered", "NOERROR"],
                &["AAAA fd08::2"],
                Some((www, "isp-b")),
            ),
        ),
        (
            (Resolver::Other, Family::V4),
            "cdn.example.",
            Rtype::A,
            (
                ["kernel", "answered", "NOERROR"],
                &["CNAME s1.cdn.example.", "A 10.8.0.1"],
                Some(("cdn.example.", "default")),
            ),
        ),
        (
            (Resolver::A, Family::V6),
            "static.example.",
            Rtype::A,
            (["kernel", "answered", "NOERROR"], &["A 192.0.2.11"], None),
        ),
        (
            (Resolver::A, Family::V4),
            "no.such.example.",
            Rtype::A,
            (["kernel", "answered_negative", "NXDOMAIN"], &[], None),
        ),
        (
            (Resolver::B, Family::V4),
            "elsewhere.test.",
            Rtype::A,
            (["userspace", "up_unknown_name", "REFUSED"], &[], None),
        ),
    ];
    for ((resolver, family), name, rtype, expected) in questions {
        ask(&world, (*resolver, *family), name, *rtype);
        let query = next(&mut tail);
        let (head, answer, decided) = expected;
        let told = fate(&query);
        assert_eq!(told.0, *head, "{query:?}");
        assert_eq!((&told.1[..], told.2), (*answer, *decided), "{query:?}");
        assert_eq!(
            (query.name.as_str(), query.rtype),
            (*name, rtype.to_string())
        );
        assert_eq!(query.resolver, resolver.address(*family));
    }
    let way = (Resolver::A.address(Family::V4), Family::V4.dns());
    Asker::DigPlain.ask(&world.clients, way, Transport::Tcp, www, "A");
    let query = next(&mut tail);
    assert_eq!(query.transport, veer::queries::Transport::Tcp);
    assert_eq!(fate(&query).0, ["userspace", "answered", "NOERROR"]);
    // Nothing was told twice.
    ask(
        &world,
        (Resolver::A, Family::V4),
        "multi.example.",
        Rtype::A,
    );
    assert_eq!(next(&mut tail).name, "multi.example.");
}

#[test]
fn veerctl_shows_what_is_asked_for_until_it_has_enough_or_is_interrupted() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, 1);
    let _daemon = world.start(&config);
    let ask_all = || {
        for resolver in [Resolver::A, Resolver::B] {
            for (name, rtype) in [
                ("www.example.", Rtype::A),
                ("www.example.", Rtype::AAAA),
                ("cdn.example.", Rtype::A),
                ("static.example.", Rtype::A),
            ] {
                ask(&world, (resolver, Family::V4), name, rtype);
            }
        }
    };

    let mut command = config.control.command();
    let filter = [
        "--from",
        "10.9.1.0/24",
        "--type",
        "A",
        "--outcome",
        "answered",
    ];
    command.args(["--json", "tail", "www.example", "--plane", "kernel"]);
    command.args(filter).args(["--count", "3"]);
    let mut process = world.lab.spawn(command).expect("it starts");
    let status = eventually("three are told", || {
        ask_all();
        process.ended().expect("it is waited for")
    });
    assert!(status.success(), "{}", process.stderr());
    let stdout = process.stdout();
    let told: Vec<Query> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a query"))
        .collect();
    assert_eq!(told.len(), 3, "{stdout}");
    for query in &told {
        assert_eq!(query.service.as_deref(), Some("www.example."), "{query:?}");
        assert_eq!(query.rtype, "A", "{query:?}");
        assert_eq!(query.resolver, Resolver::A.address(Family::V4), "{query:?}");
    }

    let mut command = config.control.command();
    command.args(["tail", "cdn.example."]);
    let mut process = world.lab.spawn(command).expect("it starts");
    eventually("titles", || {
        process.stdout().contains("ANSWER").then_some(())
    });
    ask_all();
    eventually("two lines", || {
        (process.stdout().lines().count() == 3).then_some(())
    });
    process.signal(libc::SIGINT).expect("it is there");
    let status = process.wait(PATIENCE).expect("it ends");
    assert!(status.success(), "{status}: {}", process.stderr());
    let stdout = process.stdout();
    assert!(!stdout.contains('\x1b'), "{stdout}");
    let line = stdout.lines().nth(1).expect("a query");
    let words: Vec<_> = line.split_whitespace().skip(1).collect();
    let expected = "10.9.1.1 cdn.example. A kernel answered NOERROR isp-a \
                    CNAME s1.cdn.example., A 10.8.0.1";
    assert_eq!(words.join(" "), expected);
    assert_eq!(process.stderr(), "");
}

#[test]
fn one_in_so_many_is_told() {
    const ASKED: usize = 500;
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, 10);
    let _daemon = world.start(&config);
    let mut tail = watch(&world, TailRequest::default());
    assert_eq!(tail.one_in(), 10);
    let mut client = world.client(Resolver::A, Family::V4);
    for _ in 0..ASKED {
        client.ask("www.example.", Rtype::A).expect("an answer");
    }
    // So many at least, and then no more.
    let mut told = 0;
    while told < ASKED / 10 - 5 {
        next(&mut tail);
        told += 1;
    }
    set_patience(&tail, Duration::from_secs(1));
    while tail.wait().is_ok() {
        told += 1;
    }
    assert!(told <= ASKED / 10 + 5, "{told} of {ASKED}");
}

#[test]
fn who_does_not_read_stalls_nobody_and_is_told_how_much_was_lost() {
    const ASKED: u64 = 4000;
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, 1);
    let _daemon = world.start(&config);
    let mut stream = UnixStream::connect(socket(&world)).expect("the daemon is there");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
        .write_all(b"{\"request\":\"tail\"}\n")
        .expect("it is taken");
    let mut slow = BufReader::new(stream);
    let mut line = String::new();
    slow.read_line(&mut line).expect("a line");
    assert_eq!(line, "{\"ok\":{\"one_in\":1}}\n");

    let mut quick = watch(&world, TailRequest::default());
    let mut client = world.client(Resolver::A, Family::V4);
    for _ in 0..ASKED {
        client.ask("cdn.example.", Rtype::A).expect("an answer");
        next(&mut quick);
    }
    assert!(config.stats().answered() >= ASKED);

    let (mut told, mut lost) = (0, 0);
    while told + lost < ASKED {
        line.clear();
        slow.read_line(&mut line).expect("a line");
        match serde_json::from_str(&line).expect("what is told") {
            Told::Query(_) => told += 1,
            Told::Lost(count) => lost += count,
        }
    }
    assert_eq!(told + lost, ASKED);
    assert!(told > 0 && lost > 0, "{told} and {lost}");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world, 0);
    let daemon = world.start(&config);
    let refusal = config.veerctl_fails(&["tail"]);
    assert!(refusal.contains("log.queries_sample is 0"), "{refusal}");
    daemon.sigterm().expect("it stops");

    config.settings(&["log.queries_sample = 1"]);
    let _daemon = world.start(&config);
    let refusal = config.veerctl_fails(&["tail", "static.example.", "--from", "nowhere"]);
    let lines: Vec<_> = refusal.lines().collect();
    let [service, prefix] = lines[..] else {
        panic!("{refusal}");
    };
    assert_eq!(service, "veerctl: `static.example.` is no service's name");
    assert!(
        prefix.starts_with("veerctl: `nowhere` is no prefix; valid: "),
        "{prefix}"
    );
}
