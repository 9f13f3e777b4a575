use std::time::Duration;

use crate::{
    config::tests::{assert_finding, load_files},
    measurement::metric::Metric,
    model::{Criterion, Level, Party, Policy, Quantity, Steps, Threshold, Version},
};

const FILE: &str = "services.d/acme.toml";

/// A service of three servers, the last of which costs something, with this table
/// `[service.policy]` from line 6 on.
fn with(policy: &str) -> String {
    format!(
        r#"
[[service]]
name = "www.example.com"
customer = "acme"
[service.policy]
{policy}
[[service.probe]]
kind = "tcp"
port = 80
[[service.probe]]
kind = "command"
program = "/bin/true"
metric = "load_percent"
[[service.server]]
name = "s1"
addresses = ["192.0.2.1"]
[[service.server]]
name = "s2"
addresses = ["192.0.2.2"]
[[service.server]]
name = "s3"
addresses = ["192.0.2.3"]
cost = 2.5
"#
    )
}

#[track_caller]
fn read(policy: &str) -> Policy {
    let config = load_files(&[(FILE, &with(policy))]);
    let mut services = config.unwrap_or_else(|found| panic!("{found:#?}")).services;
    let pool = services.remove(0).pool;
    assert_eq!(pool.servers[2].cost, Quantity(2_500));
    pool.policy
}

#[track_caller]
fn refused(policy: &str, expected: &str) {
    let expected = format!(
        "{FILE}:{}",
        expected.replace('@', "service.www.example.com..policy")
    );
    assert_finding(&[(FILE, &with(policy))], &expected);
}

fn by(metric: Metric, tolerance: i64) -> Criterion {
    Criterion {
        metric,
        tolerance: Quantity(tolerance),
    }
}

#[test]
fn one_metric_is_the_one_that_is_measured_or_the_one_named() {
    let latency = read("kind = \"latency\"");
    assert_eq!(latency, Policy::least(Metric::ConnectTime, Quantity(5_000)));
    let load = read("kind = \"least-load\"\ntolerance_percent = 7");
    assert_eq!(load, Policy::least(Metric::Load, Quantity(7_000)));
    let cost = read("kind = \"least-load\"\nmetric = \"cost\"");
    assert_eq!(cost, Policy::least(Metric::Cost, Quantity(5_000)));
}

#[test]
fn criteria_keep_their_order() {
    let policy = read(
        "kind = \"criteria\"\ncriterion = [{ metric = \"load_percent\", tolerance = 2.5 }, \
         { metric = \"availability_percent\" }, { metric = \"cost\", tolerance = 1 }]",
    );
    let criteria = [
        by(Metric::Load, 2_500),
        by(Metric::Availability, 0),
        by(Metric::Cost, 1_000),
    ];
    assert_eq!(policy, Policy::Criteria(criteria.into()));
}

#[test]
fn best_weighs_a_time_and_the_load_alike_unless_told() {
    let best = |weights, tolerance_permille| Policy::Best {
        weights,
        tolerance_permille,
    };
    let even = vec![(Metric::ConnectTime, 1), (Metric::Load, 1)];
    assert_eq!(read("kind = \"best\""), best(even, 50));
    let told =
        read("kind = \"best\"\ntolerance_permille = 0\nweights = { cost = 2, load_percent = 3 }");
    assert_eq!(told, best(vec![(Metric::Cost, 2), (Metric::Load, 3)], 0));
}

#[test]
fn a_threshold_is_held_for_two_ttls_and_hands_over_to_all_others() {
    let threshold =
        read("kind = \"threshold\"\nmetric = \"load_percent\"\nlevel = 80\norigins = [\"s2\"]");
    let expected = Threshold {
        metric: Metric::Load,
        level: Level::Set(Quantity(80_000)),
        return_band: Quantity(0),
        hold: Duration::from_secs(40),
        steps: Steps {
            percent: 25,
            every: Duration::from_secs(20),
        },
        origins: vec![1],
        over: vec![0, 2],
    };
    assert_eq!(threshold, Policy::Threshold(expected.clone()));
    let threshold = read(
        "kind = \"threshold\"\nmetric = \"load_percent\"\nlevel = 80\norigins = [\"s2\"]\n\
         over = [\"s3\"]\nreturn_band = 0.5\nhold_s = 0\nstep_percent = 100\nstep_s = 0",
    );
    let expected = Threshold {
        return_band: Quantity(500),
        hold: Duration::ZERO,
        steps: Steps {
            percent: 100,
            every: Duration::ZERO,
        },
        over: vec![2, 0],
        ..expected
    };
    assert_eq!(threshold, Policy::Threshold(expected));
}

/// A threshold with `level`, from line 9 on.
fn at_level(level: &str) -> String {
    format!("kind = \"threshold\"\nmetric = \"load_percent\"\norigins = [\"s2\"]\n{level}")
}

/// A version of a level, from its line `[[service.policy.level]]` on.
fn version(number: u32, rest: &str) -> String {
    let proposed = "proposed = { by = \"customer\", on = 2026-09-01 }";
    format!(
        "[[service.policy.level]]\nversion = {number}\nvalue = {number}.5\n{proposed}\n{rest}\n"
    )
}

const ACCEPTED: &str = "accepted = { customer = 2026-09-02, provider = 2026-09-03T12:00:00Z }";

#[test]
fn a_level_is_set_or_versions_of_an_agreement() {
    let day = |day: u64| (1_788_220_800 + 86_400 * (day - 1)) * 1000;
    let versions = version(1, &format!("{ACCEPTED}\neffective = 2026-09-04"))
        + &version(3, "effective = 2026-09-05T02:00:00+02:00");
    let Policy::Threshold(read) = read(&at_level(&versions)) else {
        panic!("no threshold");
    };
    let expected = Version {
        number: 1,
        value: Quantity(1500),
        proposed_by: Party::Customer,
        proposed: day(1),
        accepted: [Some(day(2)), Some(day(3) + 43_200_000)],
        effective: day(4),
    };
    let not_accepted = Version {
        number: 3,
        value: Quantity(3500),
        accepted: [None, None],
        effective: day(5),
        ..expected
    };
    assert_eq!(read.level, Level::Agreed(vec![expected, not_accepted]));
}

#[test]
fn agreements_that_cannot_be_are_refused() {
    let effective = "effective = 2026-09-04";
    for (level, expected) in [
        (
            "level = []".to_owned(),
            "9: @.level: is empty; valid: a number in the metric's unit, or",
        ),
        (
            "level = \"low\"".to_owned(),
            "9: @.level: is a string; valid: a number",
        ),
        (
            format!("level = 250\n{}", version(1, effective)),
            "10: not TOML: ",
        ),
        (
            version(0, effective),
            "10: @.level.#1.version: 0 is out of range; valid: 1 to 1000000",
        ),
        (
            version(2, effective) + &version(2, effective),
            "15: @.level.#2.version: 2 does not come after version 2, which stands before it; valid: 3 \
             or more",
        ),
        (
            version(1, ""),
            "9: @.level.#1.effective: is missing; valid: a day or time",
        ),
        (
            version(1, "effective = \"soon\""),
            "13: @.level.#1.effective: is a string; valid: a day, e.g. 2026-10-01",
        ),
        (
            version(1, "effective = 2026-09-04T00:00:00"),
            "13: @.level.#1.effective: 2026-09-04T00:00:00 is no such time; valid: a day, e.g.",
        ),
        (
            version(1, &format!("{ACCEPTED}\neffective = 2026-09-03")),
            "14: @.level.#1.effective: is before it was accepted; valid: the day or time of the last",
        ),
        (
            version(
                1,
                &format!("accepted = {{ provider = 2026-08-31 }}\n{effective}"),
            ),
            "13: @.level.#1.accepted.provider: is before it was proposed; valid: the day or time of",
        ),
        (
            version(
                1,
                &format!("accepted = {{ reseller = 2026-09-02 }}\n{effective}"),
            ),
            "13: @.level.#1.accepted.reseller: unknown key in an acceptance; nearest: customer, provider",
        ),
        (
            version(1, effective).replace("\"customer\"", "\"reseller\""),
            "12: @.level.#1.proposed.by: `reseller` is not a choice; valid: customer, provider",
        ),
        (
            version(1, &format!("{ACCEPTED}\n{effective}")).replace("proposed = {", "# {"),
            "9: @.level.#1.proposed: is missing; valid: { by = ",
        ),
        (
            version(1, &format!("{effective}\nfrom = 2026-09-04")),
            "14: @.level.#1.from: unknown key in a version of a level",
        ),
    ] {
        if expected.contains("not TOML") {
            let found = load_files(&[(FILE, &with(&at_level(&level)))]);
            let found = found.expect_err(expected);
            assert!(
                found.iter().any(|line| line.contains(expected)),
                "{found:#?}"
            );
        } else {
            refused(&at_level(&level), expected);
        }
    }
}

#[test]
fn steps_are_a_part_of_resolvers_and_a_time() {
    let threshold = |rest: &str| {
        format!(
            "kind = \"threshold\"\nmetric = \"load_percent\"\nlevel = 80\norigins = [\"s2\"]\n{rest}"
        )
    };
    for (rest, expected) in [
        (
            "step_percent = 0",
            "10: @.step_percent: 0 is out of range; valid: 1 to 100",
        ),
        (
            "step_percent = 101",
            "10: @.step_percent: 101 is out of range; valid: 1 to 100",
        ),
        (
            "step_percent = 2.5",
            "10: @.step_percent: is a float; valid: 1 to 100",
        ),
        (
            "step_s = -1",
            "10: @.step_s: -1 is out of range; valid: 0 to 86400",
        ),
    ] {
        refused(&threshold(rest), expected);
    }
    let balance = |rest: &str| format!("kind = \"least-load\"\nstep_percent = 10\n{rest}");
    assert_eq!(
        read(&balance("tolerance_percent = 7\nstep_s = 1")),
        Policy::Balance {
            metric: Metric::Load,
            tolerance: Quantity(7_000),
            steps: Steps {
                percent: 10,
                every: Duration::from_secs(1),
            },
        }
    );
    refused(
        &balance("metric = \"cost\""),
        "5: @.step_percent: divides resolvers by a load, which cost is not; valid: metric = \
         load_percent, cpu_percent, memory_percent, or 100",
    );
    refused(
        "kind = \"failover\"\nstep_percent = 10",
        "7: @.step_percent: unknown key in a failover policy",
    );
}

#[test]
fn what_nobody_measures_is_no_metric() {
    const MEASURED: &str = "connect_time_ms, load_percent, availability_percent, cost";
    refused(
        "kind = \"latency\"\nmetric = \"round_trip_ms\"",
        &format!(
            "7: @.metric: round_trip_ms is measured by no probe of the service; valid: {MEASURED}"
        ),
    );
    refused(
        "kind = \"criteria\"\ncriterion = [{ metric = \"cpu_percent\" }]",
        "7: @.criterion.#1.metric: cpu_percent is measured by no probe",
    );
    refused(
        "kind = \"best\"\nweights = { memory_percent = 1, cost = 1 }",
        &format!("7: @.weights.memory_percent: is not measured; valid: {MEASURED}"),
    );
    refused(
        "kind = \"threshold\"\nmetric = \"bandwidth_mbit_s\"\nlevel = 1\norigins = [\"s1\"]",
        "7: @.metric: bandwidth_mbit_s is measured by no probe",
    );
    let without = with("kind = \"least-load\"").replace("metric = \"load_percent\"\n", "");
    assert_finding(
        &[(FILE, &without)],
        &format!(
            "{FILE}:5: service.www.example.com..policy.metric: is missing, and no probe of the \
             service measures what it would be; valid: connect_time_ms, availability_percent, cost"
        ),
    );
}

#[test]
fn policies_that_decide_nothing_are_refused() {
    for (policy, expected) in [
        (
            "kind = \"fastest\"",
            "6: @.kind: `fastest` is not a choice; valid: failover, weighted, latency, least-load, best, \
             criteria, threshold",
        ),
        (
            "kind = \"criteria\"\ncriterion = []",
            "7: @.criterion: has 0 of them; valid: 1 to 13",
        ),
        (
            "kind = \"criteria\"\ncriterion = [{ metric = \"cost\" }, { metric = \"cost\" }]",
            "7: @.criterion.#2.metric: cost is in a criterion before",
        ),
        (
            "kind = \"criteria\"\ncriterion = [{ metric = \"cost\", tolerance = -1 }]",
            "7: @.criterion.#1.tolerance: is out of range; valid: a number from 0",
        ),
        (
            "kind = \"best\"\nweights = {}",
            "7: @.weights: is empty; valid: a table of metrics with weights from 1 to 1000",
        ),
        (
            "kind = \"best\"\nweights = { cost = 0 }",
            "7: @.weights.cost: 0 is out of range; valid: 1 to 1000",
        ),
        (
            "kind = \"threshold\"\nmetric = \"cost\"\nlevel = 1\norigins = [\"s1\", \"s2\", \"s3\"]",
            "5: @.over: would be nobody, since all candidates are among `origins`",
        ),
        (
            "kind = \"threshold\"\nmetric = \"cost\"\nlevel = 1\norigins = [\"s1\"]\nover = [\"s1\"]",
            "10: @.over: s1 is among `origins` too; valid: others",
        ),
        (
            "kind = \"threshold\"\nmetric = \"cost\"\norigins = [\"s1\"]",
            "5: @.level: is missing; valid: a number in the metric's unit, or [[service.policy.level]] tables",
        ),
    ] {
        refused(policy, expected);
    }
}

#[test]
fn weights_are_of_candidates_and_0_for_those_that_are_not_named() {
    let weighted = |weights: [u32; 3]| Policy::Weighted {
        weights: weights.into(),
        is_sticky: true,
    };
    let policy = read("kind = \"weighted\"\nweights = { S2 = 3, s1 = 1 }");
    assert_eq!(policy, weighted([1, 3, 0]));
    assert_eq!(
        read("kind = \"weighted\"\n[service.policy.weights]\ns3 = 1000\ns1 = 0"),
        weighted([0, 0, 1000])
    );
}

#[test]
fn weights_that_divide_nothing_are_refused() {
    let weighted = |rest: &str| format!("kind = \"weighted\"\n{rest}");
    refused(
        &weighted(""),
        "5: @.weights: is missing; valid: a table of candidates out of s1, s2, s3",
    );
    refused(
        &weighted("weights = 3"),
        "7: @.weights: is an integer; valid: a table",
    );
    refused(
        &weighted("weights = {}"),
        "7: @.weights: are all 0; valid: a table",
    );
    refused(
        &weighted("weights = { s1 = 0, s2 = 0 }"),
        "7: @.weights: are all 0; valid: a table",
    );
    refused(
        &weighted("weights = { s1 = 1001 }"),
        "7: @.weights.s1: 1001 is out of range; valid: 0 to 1000",
    );
    refused(
        &weighted("weights = { s1 = 1.5 }"),
        "7: @.weights.s1: is a float; valid: 0 to 1000",
    );
    refused(
        &weighted("weights = { s1 = 1, s22 = 2 }"),
        "7: @.weights.s22: is not a candidate of this service; nearest: s2",
    );
    refused(
        &weighted("weights = { s1 = 1, S1 = 2 }"),
        "7: @.weights.s1: is there in another case too",
    );
    refused(
        &weighted("order = [\"s1\"]\nweights = { s1 = 1 }"),
        "7: @.order: unknown key in a weighted policy",
    );
}
