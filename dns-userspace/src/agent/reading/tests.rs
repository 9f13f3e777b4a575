use super::*;
use crate::agent::token::Tokens;

fn settings() -> Settings {
    Settings {
        listen: Vec::new(),
        allow: Vec::new(),
        aggregate: None,
        tokens: Tokens::new(Vec::new()),
        tls: None,
        interval: Duration::from_secs(1),
        capacity_requests_per_s: Some(1000.0),
        capacity_bytes_per_s: Some(1e6),
        interface: None,
        connection_ports: Vec::new(),
        stub_status: None,
        prometheus: None,
    }
}

fn url() -> Url {
    Url {
        authority: "127.0.0.1".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 80,
        path: "/figures".to_owned(),
    }
}

fn selectors(texts: &[&str]) -> Vec<Selector> {
    let selectors = texts.iter().map(|text| Selector::parse(text).unwrap());
    selectors.collect()
}

/// A reading of nothing.
fn nothing() -> Reading {
    Reading {
        at: SystemTime::now(),
        busy: None,
        ticks: None,
        received: None,
        sent: None,
        requests: None,
        errors: None,
        bytes: None,
        memory_share: None,
        nic_bits_per_s: None,
        connections: None,
        problems: Vec::new(),
    }
}

/// A counter `ms` milliseconds after `start`.
#[expect(clippy::unnecessary_wraps, reason = "readings have it so")]
fn count(start: Instant, ms: u64, value: f64) -> Option<Count> {
    let read = start + Duration::from_millis(ms);
    Some(Count { value, read })
}

#[test]
fn rates_are_what_counters_grew_by_in_the_time_between_their_own_readings() {
    let start = Instant::now();
    let before = Reading {
        busy: count(start, 0, 100.0),
        ticks: count(start, 0, 1000.0),
        received: count(start, 0, 0.0),
        sent: count(start, 0, 1e6),
        requests: count(start, 400, 5000.0),
        errors: count(start, 400, 0.0),
        ..nothing()
    };
    let now = Reading {
        busy: count(start, 2000, 150.0),
        ticks: count(start, 2000, 1200.0),
        received: count(start, 2000, 500.0),
        sent: count(start, 2000, 3e6),
        requests: count(start, 1400, 5800.0),
        errors: count(start, 1400, 40.0),
        memory_share: Some(0.75),
        nic_bits_per_s: Some(1e7),
        connections: Some(7.0),
        ..nothing()
    };
    let report = now.report(Some(&before), &settings());
    let expected = Figures {
        cpu_share: Some(0.25),
        memory_share: Some(0.75),
        requests_per_s: Some(800.0),
        capacity_requests_per_s: Some(1000.0),
        bytes_per_s: Some(1e6),
        capacity_bytes_per_s: Some(1e6),
        traffic_load: Some(1.0),
        error_share: Some(0.05),
        connections: Some(7.0),
        nic_receive_bits_per_s: Some(2000.0),
        nic_transmit_bits_per_s: Some(8e6),
        capacity_nic_bits_per_s: Some(1e7),
        available_bits_per_s: Some(2e6),
    };
    assert_eq!(report.figures, expected);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn what_is_not_read_is_left_out_and_never_nothing() {
    let report = nothing().report(Some(&nothing()), &settings());
    let expected = Figures {
        capacity_requests_per_s: Some(1000.0),
        capacity_bytes_per_s: Some(1e6),
        ..Figures::default()
    };
    assert_eq!(report.figures, expected);
}

#[test]
fn there_is_no_rate_without_two_readings_or_of_a_counter_that_went_back() {
    let start = Instant::now();
    let now = Reading {
        requests: count(start, 1000, 10.0),
        ..nothing()
    };
    let first = now.report(None, &settings());
    assert_eq!(first.figures.requests_per_s, None);
    assert_eq!(first.problems, ["requests: was not read the time before"]);
    let before = Reading {
        requests: count(start, 0, 500.0),
        ..nothing()
    };
    let restarted = now.report(Some(&before), &settings());
    assert_eq!(restarted.figures.requests_per_s, None);
    assert_eq!(restarted.problems, ["requests: went back from 500 to 10"]);
}

#[test]
fn of_no_requests_there_is_no_share_of_errors() {
    let start = Instant::now();
    let reading = |ms| Reading {
        requests: count(start, ms, 500.0),
        errors: count(start, ms, 20.0),
        ..nothing()
    };
    let report = reading(1000).report(Some(&reading(0)), &settings());
    assert_eq!(report.figures.requests_per_s, Some(0.0));
    assert_eq!(report.figures.error_share, None);
}

#[test]
fn more_errors_than_requests_are_a_problem_and_no_figure() {
    let start = Instant::now();
    let reading = |ms, requests, errors| Reading {
        requests: count(start, ms, requests),
        errors: count(start, ms, errors),
        ..nothing()
    };
    let report = reading(1000, 10.0, 30.0).report(Some(&reading(0, 0.0, 0.0)), &settings());
    assert_eq!(report.figures.error_share, None);
    assert_eq!(
        report.problems,
        ["error_share = 3 is out of range; valid: 0 to 1"]
    );
}

#[test]
fn octets_of_responses_come_from_their_counter_where_there_is_one() {
    let start = Instant::now();
    let source = Prometheus {
        url: url(),
        requests: Vec::new(),
        errors: Vec::new(),
        bytes: selectors(&["bytes"]),
        connections: Vec::new(),
    };
    let settings = Settings {
        prometheus: Some(source),
        ..settings()
    };
    let reading = |ms, sent, bytes| Reading {
        sent: count(start, ms, sent),
        bytes,
        ..nothing()
    };
    let before = reading(0, 0.0, count(start, 0, 0.0));
    let report = reading(1000, 900.0, count(start, 1000, 100.0)).report(Some(&before), &settings);
    assert_eq!(report.figures.bytes_per_s, Some(100.0));
    // What the interface sent is no stand-in for a counter that fails.
    let report = reading(1000, 900.0, None).report(Some(&before), &settings);
    assert_eq!(report.figures.bytes_per_s, None);
}

#[test]
fn a_stub_status_page_gives_requests_and_connections() {
    let page = "Active connections: 12 \nserver accepts handled requests\n 3 3 42 \n";
    let page = || Some(Ok((page.to_owned(), Instant::now())));
    let mut reading = nothing();
    reading.add_stub_status(Some(&url()), page());
    assert_eq!(reading.requests.map(|count| count.value), Some(42.0));
    assert_eq!(reading.connections, Some(12.0));
    // Those of the configured ports go first.
    let mut reading = Reading {
        connections: Some(5.0),
        ..nothing()
    };
    reading.add_stub_status(Some(&url()), page());
    assert_eq!(reading.connections, Some(5.0));
    assert!(reading.problems.is_empty());

    let mut reading = nothing();
    let other = Ok(("<html>".to_owned(), Instant::now()));
    reading.add_stub_status(Some(&url()), Some(other));
    assert!(reading.requests.is_none() && reading.connections.is_none());
    assert_eq!(
        reading.problems,
        ["http://127.0.0.1/figures: no stub_status page"]
    );
}

#[test]
fn a_prometheus_page_gives_the_sums_of_its_series() {
    let source = Prometheus {
        url: url(),
        requests: selectors(&["requests_total"]),
        errors: selectors(&[r#"requests_total{code="500"}"#]),
        bytes: selectors(&["bytes_total"]),
        connections: selectors(&["active", "idle"]),
    };
    let page = |text: &str| Some(Ok((text.to_owned(), Instant::now())));
    let mut reading = nothing();
    let text = "requests_total{code=\"200\"} 40\nactive 3\nidle 4\n";
    reading.add_prometheus(Some(&source), page(text));
    let value = |count: Option<Count>| count.map(|count| count.value);
    assert_eq!(value(reading.requests), Some(40.0));
    // Nothing has failed yet.
    assert_eq!(value(reading.errors), Some(0.0));
    assert_eq!(value(reading.bytes), None);
    assert_eq!(reading.connections, Some(7.0));
    assert_eq!(
        reading.problems,
        ["http://127.0.0.1/figures: no series bytes_total"]
    );

    let mut reading = nothing();
    reading.add_prometheus(Some(&source), page("bytes_total 1\n"));
    assert_eq!(
        (value(reading.requests), value(reading.errors)),
        (None, None)
    );
    assert_eq!(reading.problems.len(), 3);
}
