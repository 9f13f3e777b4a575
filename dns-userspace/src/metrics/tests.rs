//! The text, held against the rules of `OpenMetrics` 1.0 and of names in Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use dns_common::outcome::Outcome;

use super::*;
use crate::{
    control::{
        health::Subject,
        stats::{KernelStats, LogStats, ProbeStats, PublisherStats, UserspaceStats},
        status::XdpState,
    },
    flattening::FlatteningCounts,
    kernel::Counts,
};

/// With figures that are all different where it matters.
fn scraped() -> Scraped {
    let mut counts = Counts {
        outcomes: [0; Outcome::ALL.len()],
        services: vec![
            ("a.example.".to_owned(), 40),
            (r#"b\"\\.example."#.to_owned(), 2),
            ("c.example.".to_owned(), 3),
            ("d.example.".to_owned(), 5),
        ],
    };
    counts.outcomes[Outcome::Answered as usize] = 50;
    counts.outcomes[Outcome::DropRate as usize] = 7;
    let mut userspace = UserspaceStats {
        udp_queries: 11,
        tcp_queries: 3,
        ..UserspaceStats::default()
    };
    userspace.rcodes.insert("NXDOMAIN".to_owned(), 4);
    let mut delays = Histogram::new_with_max(60_000_000, 3).expect("a histogram");
    for delay in [5, 15, 15, 50_000_000] {
        delays.record(delay).expect("within its range");
    }
    let checks = Subject::ALL.map(|subject| match subject {
        Subject::Probes => subject.check(Err("0 of 6".to_owned())),
        _ => subject.check(Ok("well".to_owned())),
    });
    Scraped {
        stats: Stats::new(
            Some(KernelStats::from(&counts)),
            userspace,
            PublisherStats::default(),
            ProbeStats {
                pass: 1,
                fail: 2,
                local: 3,
            },
            FlatteningCounts::default(),
            LogStats::default(),
        ),
        services: Some(counts.services),
        services_max: 2,
        details: Details::default(),
        delays,
        census: Census {
            up: 4,
            ..Census::default()
        },
        overrides: 1,
        health: checks.to_vec().into(),
        publisher_age_s: 0.5,
        decisions_age_s: 0.25,
        started_unix_s: 1_700_000_000.0,
        last_reload: Some((1_700_000_001.0, false)),
        xdp: Xdp {
            state: XdpState::Attached,
            interface: None,
            mode: None,
            pin_path: "/sys/fs/bpf/veer".into(),
            reason: String::new(),
        },
        inventory: Inventory::default(),
        tables: vec![("names", 3, 1024)],
        tunables: vec![Tunable {
            key: "server.nsid".to_owned(),
            value: r#"a "quoted" \ name"#.to_owned(),
        }],
    }
}

/// The value of the sample that begins so.
#[track_caller]
fn value(text: &str, sample: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("no {sample} in\n{text}"));
    found.parse().expect("a number")
}

#[test]
fn what_is_told_keeps_to_the_rules_of_names() {
    let text = text(scraped());
    let faults = lint(&text);
    assert!(faults.is_empty(), "{}\n{text}", faults.join("\n"));
}

#[test]
fn the_lint_finds_faults() {
    let good = "# HELP veer_a_seconds A.\n# TYPE veer_a_seconds gauge\n# UNIT veer_a_seconds seconds\n\
                veer_a_seconds 1\n# EOF\n";
    assert_eq!(lint(good), Vec::<String>::new());
    for (from, to) in [
        ("# EOF\n", ""),
        ("veer_a_seconds 1", "veer_a_seconds{b=\"c} 1"),
        ("veer_a_seconds 1", "veer_a_seconds{b=\"c\"d\"} 1"),
        ("veer_a_seconds 1", "veer_b 1"),
        ("veer_a_seconds 1", "veer_a_seconds 1\nveer_a_seconds 2"),
        ("gauge", "counter"),
        ("# HELP veer_a_seconds A.\n", ""),
        ("# HELP veer_a_seconds A.", "# HELP veer_a_seconds A"),
        ("veer_a_seconds", "veer_a_ms"),
        ("veer_a_seconds", "a_seconds"),
        (
            "# UNIT veer_a_seconds seconds",
            "# UNIT veer_a_seconds ratios",
        ),
        ("veer_a_seconds", "veer_A_seconds"),
        ("veer_a_seconds 1", "veer_a_seconds x"),
    ] {
        let bad = good.replace(from, to);
        assert!(!lint(&bad).is_empty(), "{from:?} as {to:?}");
    }
}

#[test]
fn beyond_the_bound_services_are_told_together() {
    let of = |max| {
        text(Scraped {
            services_max: max,
            ..scraped()
        })
    };
    let two = of(2);
    let sample = |name: &str| format!("veer_service_answers_total{{service=\"{name}\"}}");
    let is = |text: &str, name: &str, wanted: f64| {
        let found = value(text, &sample(name));
        assert!((found - wanted).abs() < 0.1, "{name}: {found}");
    };
    is(&two, "a.example.", 40.0);
    is(&two, r#"b\\\"\\\\.example."#, 2.0);
    is(&two, "other", 8.0);
    assert_eq!(two.matches("veer_service_answers_total").count(), 3);
    is(&of(0), "other", 50.0);
    assert!(!of(4).contains("\"other\"} 8"));
    assert_eq!(of(4).matches("veer_service_answers_total").count(), 4);
}

#[test]
fn what_was_counted_is_told() {
    let text = text(scraped());
    for (sample, wanted) in [
        (
            r#"veer_packets_total{plane="kernel",action="answered",outcome="answered"}"#,
            50.0,
        ),
        (
            r#"veer_packets_total{plane="kernel",action="dropped",outcome="drop_rate"}"#,
            7.0,
        ),
        (r#"veer_userspace_queries_total{transport="udp"}"#, 11.0),
        (
            r#"veer_userspace_authority_responses_total{rcode="NXDOMAIN"}"#,
            4.0,
        ),
        (r#"veer_probes_total{result="local"}"#, 3.0),
        (r#"veer_publish_delay_seconds_bucket{le="0.00001"}"#, 1.0),
        (r#"veer_publish_delay_seconds_bucket{le="0.00002"}"#, 3.0),
        (r#"veer_publish_delay_seconds_bucket{le="10.0"}"#, 3.0),
        (r#"veer_publish_delay_seconds_bucket{le="+Inf"}"#, 4.0),
        ("veer_publish_delay_seconds_count", 4.0),
        ("veer_healthy", 0.0),
        (r#"veer_health_check_passed{check="probes"}"#, 0.0),
        (r#"veer_health_check_passed{check="kernel"}"#, 1.0),
        (r#"veer_table_capacity_entries{table="names"}"#, 1024.0),
        ("veer_last_reload_taken", 0.0),
    ] {
        let found = value(&text, sample);
        assert!((found - wanted).abs() < 1e-9, "{sample}: {found}");
    }
    let config = r#"veer_config_info{key="server.nsid",value="a \"quoted\" \\ name"} 1"#;
    assert!(text.contains(config), "{text}");
}

/// A family, as its description has it.
#[derive(Default)]
struct Family {
    kind: String,
    unit: Option<String>,
    has_help: bool,
}

/// Units that names may not have: those of time are seconds, of sizes bytes, of shares ratios.
const NO_UNITS: [&str; 8] = [
    "ms",
    "us",
    "ns",
    "milliseconds",
    "microseconds",
    "percent",
    "kib",
    "mib",
];

/// What is wrong with `text`, a line each.
fn lint(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    let mut samples = BTreeSet::new();
    let mut current = "";
    if !text.ends_with("\n# EOF\n") {
        faults.push("it does not end with # EOF".to_owned());
    }
    for line in text.lines().filter(|line| *line != "# EOF") {
        let mut fault = |what: &str| faults.push(format!("{what}: {line}"));
        if let Some(description) = line.strip_prefix("# ") {
            let mut words = description.splitn(3, ' ');
            let [Some(word), Some(name), Some(rest)] = [(); 3].map(|()| words.next()) else {
                fault("a description is not whole");
                continue;
            };
            if name != current && families.contains_key(name) {
                fault("the family is in two places");
            }
            current = name;
            let family = families.entry(name).or_default();
            match word {
                "HELP" if rest.ends_with('.') => family.has_help = true,
                "HELP" => fault("no sentence"),
                "TYPE" => rest.clone_into(&mut family.kind),
                "UNIT" => family.unit = Some(rest.to_owned()),
                _ => fault("an unknown description"),
            }
            continue;
        }
        let Some((name, labels, value)) = sample(line) else {
            fault("not a sample");
            continue;
        };
        let suffix = name.strip_prefix(current);
        let kind = families.get(current).map_or("", |family| &family.kind);
        let suffixes: &[&str] = match kind {
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_sum", "_count", "_bucket"],
            "gauge" => &[""],
            _ => &[],
        };
        if !suffix.is_some_and(|suffix| suffixes.contains(&suffix)) {
            fault("the sample is none of its family");
        }
        if value.parse::<f64>().is_err() {
            fault("not a number");
        }
        if !samples.insert((name, labels)) {
            fault("the sample is there twice");
        }
    }
    for (name, family) in families {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        let words: Vec<_> = name.split('_').collect();
        let named = name.starts_with("veer_") && name.chars().all(plain);
        let is_a_time = words.last() == Some(&"seconds");
        let has_unit = family.unit.as_deref() == is_a_time.then_some("seconds");
        let has_other = words.iter().any(|word| NO_UNITS.contains(word));
        let ends = ["_total", "_info", "_count", "_sum", "_bucket"];
        let ends_so = ends.iter().any(|end| name.ends_with(end));
        if !named || !has_unit || has_other || ends_so || !family.has_help {
            faults.push(format!(
                "the name, unit or help of {name} ({})",
                family.kind
            ));
        }
    }
    faults
}

/// Name, labels and value of a line.
fn sample(line: &str) -> Option<(&str, &str, &str)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let Some(mut rest) = rest.strip_prefix('{') else {
        return Some((name, "", rest.strip_prefix(' ')?));
    };
    let labels = rest;
    loop {
        let (key, value) = rest.split_once("=\"")?;
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            return None;
        }
        rest = after_quoted(value)?;
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ")?;
    let labels = labels.strip_suffix(rest)?;
    Some((name, labels, value))
}

/// What follows the quote that ends the label's value `text`.
fn after_quoted(text: &str) -> Option<&str> {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some(&text[at + 1..]),
            '\\' => {
                let (_, escaped) = characters.next()?;
                if !matches!(escaped, '\\' | '"' | 'n') {
                    return None;
                }
            }
            _ => {}
        }
    }
    None
}
