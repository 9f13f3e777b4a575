use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW_MS: u64 = 1_767_225_600_000;

const FRESH: Freshness = Freshness {
    age_max: Duration::from_secs(10),
    ahead_max: Duration::from_secs(2),
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(NOW_MS)
}

fn read(document: &Value) -> Result<Report, Refusal> {
    parse(document.to_string().as_bytes(), now(), FRESH)
}

/// A report of now with `figures`.
fn with(kind: &str, figures: &Value) -> Value {
    json!({"version": 1, "kind": kind, "at": NOW_MS, "figures": figures, "problems": []})
}

#[track_caller]
fn assert_refused(document: &Value, reason: &str) {
    let refusal = read(document).expect_err("it is refused").to_string();
    assert!(refusal.contains(reason), "{refusal}");
}

#[test]
fn a_report_of_a_server_is_read() {
    let figures = json!({"cpu_share": 0.25, "requests_per_s": 12, "error_share": null});
    let report = read(&with("server", &figures)).unwrap();
    assert_eq!(report.kind, Kind::Server);
    assert_eq!(report.at_unix_ms, NOW_MS);
    let expected = Figures {
        cpu_share: Some(0.25),
        requests_per_s: Some(12.0),
        ..Figures::default()
    };
    assert_eq!(report.figures, expected);
}

#[test]
fn an_aggregate_is_read_and_may_be_larger_than_a_server() {
    let figures = json!({"traffic_load": 0.8, "available_bits_per_s": 2e14});
    let report = read(&with("aggregate", &figures)).unwrap();
    assert_eq!(report.kind, Kind::Aggregate);
    assert_eq!(report.figures.traffic_load(), Some(0.8));
    let figures = &with("server", &figures);
    assert_refused(figures, "available_bits_per_s = 200000000000000 is out of");
}

#[test]
fn detail_of_a_foreign_cdns_servers_is_refused() {
    for servers in [json!([{"name": "edge1"}]), json!([]), json!({"n": 2})] {
        let mut document = with("aggregate", &json!({}));
        document["servers"] = servers;
        let refused = read(&document);
        assert_eq!(refused, Err(Refusal::ServersInAggregate), "{document}");
        document["kind"] = json!("server");
        assert_eq!(read(&document), Err(Refusal::ServersInServer), "{document}");
    }
    let mut document = with("aggregate", &json!({}));
    document["nodes"] = json!([{"name": "edge1"}]);
    assert_refused(&document, "unknown field `nodes`");
    let document = with("aggregate", &json!({"cpu_share_of_edge1": 0.5}));
    assert_refused(&document, "unknown field `cpu_share_of_edge1`");
}

#[test]
fn absurd_figures_are_refused() {
    for (figures, reason) in [
        (
            json!({"cpu_share": 1.01}),
            "cpu_share = 1.01 is out of range; valid: 0 to 1",
        ),
        (json!({"memory_share": -0.1}), "memory_share = -0.1 is out"),
        (json!({"error_share": 2}), "error_share = 2 is out"),
        (
            json!({"requests_per_s": 1.1e12}),
            "requests_per_s = 1100000000000 is",
        ),
        (json!({"bytes_per_s": -1}), "bytes_per_s = -1 is out"),
        (
            json!({"capacity_requests_per_s": 0}),
            "capacity_requests_per_s = 0 is",
        ),
        (json!({"traffic_load": 1001}), "traffic_load = 1001 is out"),
        (json!({"cpu_share": "0.5"}), "invalid type: string"),
        (json!({"cpu_share": [0.5]}), "invalid type: sequence"),
    ] {
        assert_refused(&with("server", &figures), reason);
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for number in ["NaN", "Infinity", "-Infinity", "1e999", "0x10", "1_000"] {
        let text = format!(
            r#"{{"version": 1, "kind": "server", "at": {NOW_MS}, "figures": {{"cpu_share": {number}}}}}"#
        );
        let refused = parse(text.as_bytes(), now(), FRESH);
        assert!(matches!(refused, Err(Refusal::Shape(_))), "{refused:?}");
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let figures = Figures {
            connections: Some(value),
            ..Figures::default()
        };
        assert!(figures.check(Kind::Server).is_err(), "{value}");
    }
}

#[test]
fn old_reports_and_those_of_the_future_are_refused() {
    let mut document = with("server", &json!({}));
    for (at, fits) in [
        (NOW_MS - 10_000, true),
        (NOW_MS - 10_001, false),
        (NOW_MS + 2_000, true),
        (NOW_MS + 2_001, false),
        (0, false),
        (u64::MAX, false),
    ] {
        document["at"] = json!(at);
        let read = read(&document);
        assert_eq!(read.is_ok(), fits, "{at}: {read:?}");
    }
    document["at"] = json!(NOW_MS - 60_000);
    assert_refused(&document, "from 60s ago; valid: up to 10s");
    document["at"] = json!(NOW_MS + 60_000);
    assert_refused(&document, "from 60s in the future");
    document["at"] = json!(-1);
    assert_refused(&document, "invalid value: integer `-1`");
}

#[test]
fn another_version_is_refused_whatever_else_it_has() {
    let document = json!({"version": 2, "weather": "fine"});
    assert_eq!(read(&document), Err(Refusal::Version(2)));
    assert_refused(&json!({"weather": "fine"}), "missing field `version`");
}

#[test]
fn what_is_no_document_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{}{}",
        "\u{0}",
        "<html>",
        "{\"version\": 1}",
    ] {
        let refused = parse(text.as_bytes(), now(), FRESH);
        assert!(
            matches!(refused, Err(Refusal::Shape(_))),
            "{text}: {refused:?}"
        );
    }
    let twice = r#"{"version": 1, "version": 1}"#;
    assert!(parse(twice.as_bytes(), now(), FRESH).is_err());
    let deep = format!(r#"{{"version": 1, "servers": {}"#, "[".repeat(10_000));
    assert!(parse(deep.as_bytes(), now(), FRESH).is_err());
    let long = vec![b' '; OCTETS_MAX + 1];
    let refused = parse(&long, now(), FRESH);
    assert_eq!(
        refused,
        Err(Refusal::TooLong {
            octets: OCTETS_MAX + 1
        })
    );
}

#[test]
fn a_refusal_quotes_little_and_only_plain_text() {
    let mut document = with("server", &json!({}));
    document[format!("\u{1b}[2J\n{}", "é".repeat(1000))] = json!(1);
    let refusal = read(&document).unwrap_err().to_string();
    assert!(refusal.len() < 300, "{refusal}");
    assert!(
        refusal
            .chars()
            .all(|symbol| symbol == ' ' || symbol.is_ascii_graphic())
    );
}

#[test]
fn problems_are_few_short_lines() {
    let mut document = with("server", &json!({}));
    for (problems, fits) in [
        (vec!["x".repeat(PROBLEM_OCTETS_MAX); PROBLEMS_MAX], true),
        (vec!["x".to_owned(); PROBLEMS_MAX + 1], false),
        (vec!["x".repeat(PROBLEM_OCTETS_MAX + 1)], false),
        (vec!["two\nlines".to_owned()], false),
    ] {
        document["problems"] = json!(problems);
        assert_eq!(read(&document).is_ok(), fits, "{problems:?}");
    }
}

#[test]
fn an_agent_says_nothing_that_is_refused() {
    let figures = Figures {
        cpu_share: Some(0.5),
        error_share: Some(3.0),
        capacity_bytes_per_s: Some(f64::NAN),
        ..Figures::default()
    };
    for problem in ["\u{1b}é\n", "\"\\"] {
        let problems = vec![problem.repeat(1000); 100];
        let report = Report::of_server(now(), figures.clone(), problems);
        let octets = serde_json::to_vec(&report).unwrap();
        let read = parse(&octets, now(), FRESH).unwrap();
        assert_eq!(read, report);
        assert_eq!(read.figures.cpu_share, Some(0.5));
        assert_eq!(read.figures.error_share, None);
        assert_eq!(read.figures.capacity_bytes_per_s, None);
    }

    let report = Report::of_server(
        now(),
        Figures {
            error_share: Some(3.0),
            ..Figures::default()
        },
        vec![],
    );
    assert_eq!(
        report.problems,
        ["error_share = 3 is out of range; valid: 0 to 1"]
    );
}

fn any_figures() -> impl Strategy<Value = Figures> {
    let figure = || proptest::option::of(prop_oneof![0.0..=1.0, any::<f64>(), 0.0..1e15]);
    let shares = (figure(), figure(), figure(), figure());
    let rates = (figure(), figure(), figure(), figure(), figure());
    let interface = (figure(), figure(), figure(), figure());
    (shares, rates, interface).prop_map(|(shares, rates, interface)| Figures {
        cpu_share: shares.0,
        memory_share: shares.1,
        error_share: shares.2,
        traffic_load: shares.3,
        requests_per_s: rates.0,
        capacity_requests_per_s: rates.1,
        bytes_per_s: rates.2,
        capacity_bytes_per_s: rates.3,
        connections: rates.4,
        nic_receive_bits_per_s: interface.0,
        nic_transmit_bits_per_s: interface.1,
        capacity_nic_bits_per_s: interface.2,
        available_bits_per_s: interface.3,
    })
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(parse(&octets, now(), FRESH).is_err());
    }

    /// A report with one octet changed is refused, or its figures are possible.
    #[test]
    fn a_damaged_report_is_refused_or_possible(
        figures in any_figures(),
        place in any::<proptest::sample::Index>(),
        octet in any::<u8>(),
    ) {
        let report = Report::of_server(now(), figures, vec!["a problem".to_owned()]);
        let mut octets = serde_json::to_vec(&report).unwrap();
        *place.get_mut(&mut octets) = octet;
        if let Ok(read) = parse(&octets, now(), FRESH) {
            prop_assert_eq!(read.figures.check(read.kind), Ok(()));
        }
    }

    /// Whatever was measured: what is said of it is taken, and follows finitely.
    #[test]
    fn a_report_is_read_as_it_was_written(figures in any_figures(), problems in any::<Vec<String>>()) {
        let report = Report::of_server(now(), figures, problems);
        let octets = serde_json::to_vec(&report).unwrap();
        let read = parse(&octets, now(), FRESH).unwrap();
        prop_assert_eq!(&read.problems, &report.problems);
        let numbers = |report: &Report| match serde_json::to_value(&report.figures) {
            Ok(Value::Object(figures)) => figures,
            other => panic!("{other:?}"),
        };
        let (read_numbers, numbers) = (numbers(&read), numbers(&report));
        prop_assert!(read_numbers.keys().eq(numbers.keys()));
        for (figure, number) in numbers {
            // Reading may round the last bit another way.
            let (is, was) = (read_numbers[&figure].as_f64().unwrap(), number.as_f64().unwrap());
            prop_assert!((is - was).abs() <= was * 1e-15, "{}: {} is not {}", figure, is, was);
        }
        let follows = [read.figures.traffic_load(), read.figures.available_bits_per_s()];
        prop_assert!(follows.into_iter().flatten().all(|value| value.is_finite() && value >= 0.0));
    }
}
