//! What agents and foreign CDNs report.

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::{
    agent::report::Kind,
    model::{Agent, Token},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A report from so many seconds ago, with these figures.
fn report(kind: &str, age_s: u64, more: &str) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let at = now.as_millis() as u64 - 1000 * age_s;
    let body = format!(r#"{{"version": 1, "kind": "{kind}", "at": {at}, {more}}}"#);
    http("200 OK", &body)
}

async fn ask(response: Vec<u8>, kind: Kind) -> (Verdict, String) {
    let server = serve(response, None).await;
    let agent = ProbeKind::Agent(Agent {
        port: server.address.port(),
        tls: None,
        host: "www.example.com".to_owned(),
        path: "/v1/report".to_owned(),
        token: Token(TOKEN.to_owned()),
        kind,
    });
    let verdict = probe(agent).await;
    (verdict, server.request.await.unwrap_or_default())
}

#[tokio::test]
async fn a_report_is_asked_for_with_the_token_and_read_in_the_metrics_units() {
    let figures = r#""figures": {"cpu_share": 0.25, "memory_share": 0.5, "requests_per_s": 300,
        "capacity_requests_per_s": 1000, "connections": 12, "error_share": 0.01,
        "nic_transmit_bits_per_s": 4e8, "capacity_nic_bits_per_s": 1e9}"#;
    let (verdict, request) = ask(report("server", 0, figures), Kind::Server).await;
    let Verdict::Pass { readings } = verdict else {
        panic!("{verdict:?}")
    };
    let mut readings: Vec<_> = readings.iter().collect();
    readings.sort_by_key(|(metric, _)| *metric);
    assert_eq!(
        readings,
        [
            (Metric::Bandwidth, 600.0),
            (Metric::Load, 30.0),
            (Metric::Cpu, 25.0),
            (Metric::Memory, 50.0),
            (Metric::Connections, 12.0),
            (Metric::Errors, 1.0),
        ]
    );
    assert!(
        request.starts_with("GET /v1/report HTTP/1.1\r\n"),
        "{request}"
    );
    let shown = format!("\r\nauthorization: Bearer {TOKEN}\r\n");
    assert!(request.contains(&shown), "{request}");
}

#[tokio::test]
async fn what_a_report_leaves_out_was_not_measured() {
    let figures = r#""figures": {"cpu_share": 0.25}"#;
    let (verdict, _) = ask(report("server", 0, figures), Kind::Server).await;
    let readings = Readings::of(Metric::Cpu, 25.0);
    assert_eq!(verdict, Verdict::Pass { readings });
}

#[tokio::test]
async fn absurd_stale_and_forbidden_reports_are_refused() {
    let cpu = r#""figures": {"cpu_share": 0.25}"#;
    let servers = r#""figures": {"cpu_share": 0.25}, "servers": []"#;
    let negative = r#""figures": {"cpu_share": -1}"#;
    for (response, kind, expected) in [
        (
            report("server", 0, negative),
            Kind::Server,
            "report: cpu_share = -1 is out of range",
        ),
        (report("server", 600, cpu), Kind::Server, "report: from 600"),
        (
            report("aggregate", 0, servers),
            Kind::Aggregate,
            "report: an aggregate with `servers`",
        ),
        (
            report("aggregate", 0, cpu),
            Kind::Server,
            "report: of an aggregate, expected one of a server",
        ),
        (
            report("server", 0, cpu),
            Kind::Aggregate,
            "report: of a server, expected one of an aggregate",
        ),
        (http("200 OK", "{}"), Kind::Server, "report: not a report"),
        (
            http("401 Unauthorized", ""),
            Kind::Server,
            "status 401, expected 200",
        ),
    ] {
        let (verdict, _) = ask(response, kind).await;
        let said = reason(verdict).to_string();
        assert!(said.starts_with(expected), "{said}");
    }
}
