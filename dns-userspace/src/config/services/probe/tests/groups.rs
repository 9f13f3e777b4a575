//! Probes of single groups' networks.

use super::*;

const GROUPS: (&str, &str) = ("groups.conf", "192.0.2.0/24 isp-a\n198.51.100.0/24 isp-b\n");

/// The probe that every service has, and `more` from line 10 on.
fn beside(more: &str) -> String {
    with(&format!(
        "[[service.probe]]\nkind = \"icmp\"\nrequired = true\n[[service.probe]]\n{more}"
    ))
}

const ICMP: &str = "kind = \"icmp\"\n";

#[track_caller]
fn refused_beside(more: &str, expected: &str) {
    let expected = format!(
        "{FILE}:{}",
        expected.replace('@', "service.www.example.com..probe.#2")
    );
    assert_finding(&[GROUPS, (FILE, &beside(more))], &expected);
}

#[test]
fn a_probe_may_measure_for_some_groups_what_another_does_for_all() {
    let more = "source = [\"192.0.2.9\"]\ngroups = [\"isp-b\", \"default\"]\n\
                [[service.probe]]\nkind = \"icmp\"\ngroups = [\"isp-a\"]";
    let text = beside(&(ICMP.to_owned() + more));
    let config = load_files(&[GROUPS, (FILE, &text)]);
    let mut services = config.unwrap_or_else(|found| panic!("{found:#?}")).services;
    let probes = services.remove(0).pool.probes;
    let seen = probes
        .iter()
        .map(|of| (of.is_required, of.probe.groups.join(" ")));
    let expected = [(true, ""), (false, "default isp-b"), (false, "isp-a")];
    assert!(seen.eq(expected.map(|(is_required, groups)| (is_required, groups.to_owned()))));
}

#[test]
fn groups_of_a_probe_are_known_and_no_reason_to_take_anybody_out() {
    let icmp = |more: &str| ICMP.to_owned() + more;
    for (more, expected) in [
        (
            icmp("groups = []"),
            "11: @.groups: is empty; valid: an array of different",
        ),
        (
            icmp("groups = \"isp-a\""),
            "11: @.groups: is a string; valid: an array",
        ),
        (
            icmp("groups = [1]"),
            "11: @.groups: is an integer; valid: an array",
        ),
        (
            icmp("groups = [\"isp-c\"]"),
            "11: @.groups: `isp-c` is not a resolver group; nearest: isp-a, isp-b, default; valid: a group in",
        ),
        (
            icmp("groups = [\"isp-a\", \"isp-a\"]"),
            "11: @.groups: `isp-a` is listed twice",
        ),
        (
            icmp("groups = [\"isp-a\"]\nrequired = true"),
            "12: @.required: is true beside `groups`",
        ),
    ] {
        refused_beside(&more, expected);
    }
    let twice = icmp("groups = [\"isp-b\", \"isp-a\"]\n[[service.probe]]\n")
        + &icmp("count = 2\ngroups = [\"isp-a\"]");
    let expected = "12: service.www.example.com..probe.#3: measures round_trip_ms of isp-a, as a";
    let found = load_files(&[GROUPS, (FILE, &beside(&twice))]).expect_err("both measure it");
    assert!(
        found[0].starts_with(&format!("{FILE}:{expected}")),
        "{found:?}"
    );
    assert_eq!(found.len(), 2, "loss too: {found:?}");
}

#[test]
fn what_a_policy_compares_is_measured_for_all() {
    let probes = "[[service.probe]]\nkind = \"tcp\"\nport = 80\n\
                  [[service.probe]]\nkind = \"icmp\"\ngroups = [\"isp-a\"]";
    let policy = "policy = { kind = \"least-load\", metric = \"loss_percent\" }";
    let text = with(probes).replace("policy = { kind = \"failover\" }", policy);
    let expected = format!(
        "{FILE}:5: service.www.example.com..policy.metric: loss_percent is measured by no probe \
         of the service without `groups`; valid: connect_time_ms, "
    );
    assert_finding(&[GROUPS, (FILE, &text)], &expected);
}

#[test]
fn more_probes_than_for_all_may_be_for_groups() {
    let number = |count: usize, groups: &str| {
        let one = format!("[[service.probe]]\nkind = \"tcp\"\nport = 80\n{groups}\n");
        let probe = "[[service.probe]]\nkind = \"icmp\"\n";
        load_files(&[
            GROUPS,
            (FILE, &with(&(probe.to_owned() + &one.repeat(count)))),
        ])
    };
    number(7, "").expect("eight");
    let found = number(8, "").expect_err("nine");
    assert!(
        found[0].contains("has 9 probes without `groups`"),
        "{found:?}"
    );
    // Of one address at once there are limits too.
    let slow = "groups = [\"isp-a\"]\ninterval_ms = 10000";
    number(255, slow).expect("256");
    let found = number(256, slow).expect_err("257");
    assert!(found[0].contains("has 257 probes; valid: "), "{found:?}");
}
