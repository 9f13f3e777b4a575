use super::*;
use crate::config::tests::{assert_finding, load_files};

const FILE: &str = "services.d/acme.toml";

/// A service with these lines for its two servers and its hand-over, the table
/// `[service.policy]` on line 6, and `more`.
fn with(capacities: [&str; 3], policy: &str, more: &str) -> String {
    let [first, second, cdn] = capacities;
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
weight_permille = 500
[[service.server]]
name = "s1"
addresses = ["192.0.2.1"]
{first}
[[service.server]]
name = "s2"
addresses = ["192.0.2.2"]
{second}
[[service.hand_over]]
name = "cdn"
cname = "www.example.net."
{cdn}
{more}
"#
    )
}

const LATENCY: &str = "kind = \"latency\"";
const SOME: [&str; 3] = ["capacity = 150000", "capacity = 2.5", ""];

#[track_caller]
fn read_capacity(text: &str) -> Option<Capacity> {
    let config = load_files(&[(FILE, text)]);
    let mut services = config.unwrap_or_else(|found| panic!("{found:#?}")).services;
    services.remove(0).pool.capacity
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let expected = expected.replace('@', "service.www.example.com.");
    assert_finding(&[(FILE, text)], &format!("{FILE}:{expected}"));
}

#[test]
fn capacities_are_of_candidates_by_number_and_settle_once_all_is_told_anew() {
    let by_candidate = vec![Some(Quantity(150_000_000)), Some(Quantity(2500)), None];
    let mut expected = Capacity {
        by_candidate,
        fill_percent: 80,
        // Two TTLs of 20 s, reports of 120 s, and six values of half a second's weight.
        settle: Duration::from_secs(40 + 120 + 6),
    };
    let read = read_capacity(&with(SOME, LATENCY, ""));
    assert_eq!(read, Some(expected.clone()));
    expected.by_candidate[2] = Some(Quantity(7000));
    expected.fill_percent = 100;
    expected.settle = Duration::from_secs(40 + 6);
    let rules = "[service.capacity]\nfill_percent = 100\nreport_age_s = 0";
    let all = [SOME[0], SOME[1], "capacity = 7"];
    assert_eq!(read_capacity(&with(all, LATENCY, rules)), Some(expected));
    assert_eq!(read_capacity(&with(["", "", ""], LATENCY, "")), None);
}

#[test]
fn a_percentile_is_remembered_for_its_window() {
    let smoothing = "smoothing = \"percentile\"\nwindow_ms = 30000";
    let text = with(SOME, LATENCY, "").replace("weight_permille = 500", smoothing);
    let settle = read_capacity(&text).map(|capacity| capacity.settle);
    assert_eq!(settle, Some(Duration::from_secs(40 + 120 + 30)));
}

#[test]
fn a_capacity_that_says_nothing_is_refused() {
    let rules = "[service.capacity]\nfill_percent = 90";
    for (capacities, policy, more, expected) in [
        (
            ["capacity = 0", "", ""],
            LATENCY,
            "",
            "18: @.server.s1.capacity: is 0; valid: a number above 0, in one unit for all",
        ),
        (
            ["capacity = 5", "", ""],
            LATENCY,
            "",
            "18: @.server.s1.capacity: stands beside servers without one, s2; valid: one \
             for each server, or none",
        ),
        (
            ["", "", "capacity = 5"],
            LATENCY,
            "",
            "26: @.hand_over.cdn.capacity: stands beside servers without one, s1, s2; valid",
        ),
        (
            ["", "", ""],
            LATENCY,
            rules,
            "27: @.capacity: says nothing without `capacity` of the servers",
        ),
        (
            SOME,
            LATENCY,
            "[service.capacity]\nfill_percent = 0",
            "28: @.capacity.fill_percent: 0 is out of range; valid: 1 to 100",
        ),
        (
            SOME,
            LATENCY,
            "[service.capacity]\nreport_age_s = 3601",
            "28: @.capacity.report_age_s: 3601 is out of range; valid: 0 to 3600",
        ),
        (
            SOME,
            LATENCY,
            "[service.capacity]\nfill = 80",
            "28: @.capacity.fill: unknown key in a [service.capacity] table; nearest: fill_percent",
        ),
        (
            SOME,
            "kind = \"least-load\"",
            "",
            "18: @.server.s1.capacity: stands beside a policy that compares load_percent; valid: \
             failover, latency",
        ),
        (
            SOME,
            "kind = \"threshold\"\nmetric = \"connect_time_ms\"\nlevel = 9\norigins = [\"s1\"]",
            "",
            "21: @.server.s1.capacity: stands beside a policy that moves resolvers by a level",
        ),
    ] {
        refused(&with(capacities, policy, more), expected);
    }
    let unmeasured = with(SOME, LATENCY, "").replace("load_percent", "cpu_percent");
    refused(
        &unmeasured,
        "18: @.server.s1.capacity: is known, but no probe measures load_percent; valid: one of \
         the kind agent",
    );
}
