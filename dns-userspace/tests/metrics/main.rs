//! What monitoring sees of a daemon in a namespace: `/metrics`, with a real Prometheus too,
//! `/healthz` and `veerctl health`. Needs root.

#[path = "../support/mod.rs"]
mod support;

mod announce;
mod health;
mod http;
mod prometheus;

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use domain::base::Rtype;
use http::{LISTEN, METRICS, Scrape};
use serde_json::Value;
use support::{
    config::Config,
    eventually, number,
    world::{Family, Resolver, World},
    zone,
};

pub(crate) const SERVICES: &[zone::Service] = &[zone::WWW, zone::CDN];

/// A daemon's configuration that serves metrics.
pub(crate) fn config(world: &World) -> Config {
    let config = world.config("veer", SERVICES);
    config.settings(&[LISTEN]);
    config
}

#[test]
fn counts_are_those_of_veerctl_stats() {
    const HOT: u64 = 7;
    const UP: u64 = 3;
    let world = World::new();
    let _origins = world.origins(3);
    let config = config(&world);
    let _daemon = world.start(&config);
    let mut client = world.client(Resolver::A, Family::V4);
    for _ in 0..HOT {
        client.ask("www.example.", Rtype::A).expect("an answer");
    }
    client.ask("cdn.example.", Rtype::AAAA).expect("an answer");
    let mut v6 = world.client(Resolver::B, Family::V6);
    for _ in 0..UP {
        v6.ask("www.example.org.", Rtype::MX).expect("a refusal");
    }
    // A start that takes long has measured before.
    eventually("all targets are measured of late", || {
        let states = config.veerctl(&["states"]);
        let mut ages = states["targets"].as_array()?.iter().map(|of| &of["age_ms"]);
        let is_fresh = |age: &Value| age.as_f64().is_some_and(|age| age < 1000.0);
        ages.all(is_fresh).then_some(())
    });
    let before = config.veerctl(&["stats"]);
    let scrape = Scrape::of(&world);
    let stats = config.veerctl(&["stats"]);

    for (sample, path) in [
        (
            r#"veer_packets_total{plane="kernel",action="answered",outcome="answered"}"#,
            "kernel/outcomes/answered",
        ),
        (
            r#"veer_packets_total{plane="userspace",action="passed_up",outcome="up_unknown_name"}"#,
            "userspace/outcomes/up_unknown_name",
        ),
        (
            r#"veer_service_answers_total{service="www.example."}"#,
            "kernel/services/www.example.",
        ),
        (
            r#"veer_userspace_queries_total{transport="udp"}"#,
            "userspace/udp_queries",
        ),
        (
            r#"veer_userspace_queries_total{transport="tcp"}"#,
            "userspace/tcp_queries",
        ),
        (
            r#"veer_userspace_authority_responses_total{rcode="REFUSED"}"#,
            "userspace/rcodes/REFUSED",
        ),
        ("veer_generation", "publisher/generation"),
        ("veer_decision_flips_total", "publisher/stores"),
    ] {
        assert_eq!(scrape.number(sample), number(&stats, path), "{sample}");
    }
    assert_eq!(number(&stats, "kernel/services/www.example."), HOT);
    // The checks of health asked in between, and nobody else: the program once, and userspace
    // at each address.
    let rise = |path| number(&stats, path) - number(&before, path);
    assert_eq!(rise("kernel/outcomes/answered"), 1);
    assert_eq!(rise("userspace/udp_queries"), 2);
    let asked = |family: &str, rtype: &str| {
        let labels = format!(r#"{{family="{family}",type="{rtype}"}}"#);
        scrape.number(&format!("veer_userspace_questions_total{labels}"))
    };
    assert_eq!(asked("ipv6", "MX"), UP);
    assert_eq!((asked("ipv4", "MX"), asked("ipv4", "A")), (0, 0));
    assert_eq!((asked("ipv4", "SOA"), asked("ipv6", "SOA")), (1, 1));
    assert!(scrape.number("veer_userspace_handling_seconds_count") >= 1);
    for result in ["pass", "fail", "local"] {
        let sample = scrape.number(&format!(r#"veer_probes_total{{result="{result}"}}"#));
        assert!(sample <= number(&stats, &format!("probes/{result}")));
    }
    assert_eq!(scrape.number("veer_healthy"), 1);
    let entries = scrape.number(r#"veer_table_entries{table="pools"}"#);
    assert_eq!(entries, number(&config.veerctl(&["status"]), "pools"));
    for table in ["names", "answer_cells", "groups", "services"] {
        let used = scrape.number(&format!(r#"veer_table_entries{{table="{table}"}}"#));
        let room = scrape.number(&format!(
            r#"veer_table_capacity_entries{{table="{table}"}}"#
        ));
        assert!(0 < used && used < room, "{table}: {used} of {room}");
    }
    let tunable = r#"veer_config_info{key="metrics.listen",value="127.0.0.1:9153"} 1"#;
    assert!(scrape.0.contains(tunable), "{}", scrape.0);
}

#[test]
fn services_beyond_the_bound_share_a_label() {
    let world = World::new();
    let config = world.config("veer", SERVICES);
    config.settings(&[LISTEN, "metrics.services_max = 1"]);
    let _daemon = world.start(&config);
    let mut client = world.client(Resolver::A, Family::V4);
    for name in ["www.example.", "cdn.example.", "cdn.example."] {
        client.ask(name, Rtype::A).expect("an answer");
    }
    let services = || {
        let text = Scrape::of(&world).0;
        let lines = text.lines();
        let lines = lines.filter_map(|line| line.strip_prefix("veer_service_answers_total"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        services(),
        [r#"{service="www.example."} 1"#, r#"{service="other"} 2"#]
    );
    config.veerctl(&["-w", "metrics.services_max=2"]);
    assert_eq!(
        services(),
        [
            r#"{service="www.example."} 1"#,
            r#"{service="cdn.example."} 2"#
        ]
    );
}

#[test]
fn nobody_listens_unless_told_to() {
    let world = World::new();
    let config = world.config("veer", SERVICES);
    let _daemon = world.start(&config);
    let connected = world.dns.run(|| TcpStream::connect(METRICS));
    let refused = connected.expect("setns").expect_err("nobody is there");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let elsewhere = world.config("elsewhere", SERVICES);
    let port = "server.port = 5353";
    elsewhere.settings(&[port, "metrics.listen = 192.0.2.1:9153"]);
    let (status, complaint) = world.refused(&elsewhere, &[]);
    assert_eq!(status, Some(1), "{complaint}");
    assert!(
        complaint.contains("metrics.listen: 192.0.2.1:9153: "),
        "{complaint}"
    );
}

#[test]
fn slow_clients_stall_nobody_and_are_cut() {
    const CLIENTS: usize = 16;
    let world = World::new();
    let mut origins = world.origins(3);
    let config = config(&world);
    let _daemon = world.start(&config);
    let connect = || {
        let connected = world.dns.run(|| TcpStream::connect(METRICS));
        let stream = connected.expect("setns").expect("it listens");
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).expect("a timeout");
        stream
    };
    let mut slow: Vec<_> = (0..CLIENTS).map(|_| connect()).collect();
    for stream in &mut slow {
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\n")
            .expect("room");
    }
    // One more is closed at once, and decisions go on.
    let end = connect().read(&mut [0; 64]);
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    origins.remove(0).stop();
    world.moves(Resolver::A, "www.example.", "10.8.0.2");
    eventually("it is healthy", || config.control.ask(&["health"]).ok());
    for mut stream in slow {
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert!(!said.starts_with(b"HTTP/1.1 200"), "of half a request");
    }
    eventually("there is room again", || {
        let (status, ..) = http::get(&world, METRICS, "/metrics", "*/*").ok()?;
        (status == 200).then_some(())
    });
}
