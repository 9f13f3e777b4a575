use crate::config::tests::{assert_finding, load_files};

const FILE: &str = "services.d/acme.toml";

/// A service of three servers with `answers` on line 5, `policy` and `more`.
fn with(answers: &str, policy: &str, more: &str) -> String {
    let server = |number: u8| {
        format!("[[service.server]]\nname = \"s{number}\"\naddresses = [\"192.0.2.{number}\"]\n")
    };
    let servers: String = (1..=3).map(server).collect();
    format!(
        r#"
[[service]]
name = "www.example.com"
customer = "acme"
{answers}
[service.policy]
{policy}
[[service.probe]]
kind = "tcp"
port = 80
[[service.probe]]
kind = "command"
program = "/bin/true"
metric = "load_percent"
{servers}{more}"#
    )
}

const FAILOVER: &str = "kind = \"failover\"";

#[test]
fn as_many_as_there_are_servers_may_be_in_an_answer() {
    for (answers, expected) in [("", 1), ("answers = 1", 1), ("answers = 3", 3)] {
        for policy in [FAILOVER, "kind = \"latency\"", "kind = \"least-load\""] {
            let config = load_files(&[(FILE, &with(answers, policy, ""))]);
            let services = config.unwrap_or_else(|found| panic!("{found:#?}")).services;
            assert_eq!(services[0].pool.answers, expected);
        }
    }
}

#[test]
fn what_leads_to_one_candidate_goes_with_one() {
    let refused = |answers, policy, more, expected: &str| {
        let expected = format!("{FILE}:5: service.www.example.com..answers: {expected}");
        assert_finding(&[(FILE, &with(answers, policy, more))], &expected);
    };
    let two = "answers = 2";
    refused(
        "answers = 0",
        FAILOVER,
        "",
        "0 is out of range; valid: 1 to 8",
    );
    refused(
        "answers = 4",
        FAILOVER,
        "",
        "is 4 of 3 servers; valid: 1 to 3",
    );
    let cname = "answers = 2\nshape = \"cname\"";
    let names = "stands beside shape = \"cname\", whose answers name one server; \
                 valid: 1, or without that";
    refused(cname, FAILOVER, "", names);
    let cdn = "[[service.hand_over]]\nname = \"cdn\"\ncname = \"www.example.net.\"";
    let alone = "stands beside a service with hand-overs, which stand alone; \
                 valid: 1, or without that";
    refused(two, FAILOVER, cdn, alone);
    for (policy, apart) in [
        (
            "kind = \"weighted\"\nweights = { s1 = 1 }",
            "a weighted policy, which gives each resolver one",
        ),
        (
            "kind = \"least-load\"\nstep_percent = 10",
            "a step_percent below 100, which gives each resolver one",
        ),
        (
            "kind = \"threshold\"\nmetric = \"load_percent\"\nlevel = 50\norigins = [\"s1\"]",
            "a threshold policy, whose sides do not mix",
        ),
    ] {
        let expected = format!("stands beside {apart}; valid: 1, or without that");
        refused(two, policy, "", &expected);
    }
}
