use std::time::Duration;

use crate::{
    config::tests::{SERVICE, assert_finding, load_files},
    measurement::metric::Metric,
    model::{
        AllDown, Policy, PoolProbe, Probe, ProbeKind, Quantity, Server, Service, Shape, Tls,
        Unknown,
    },
};

/// Every key there is for an http probe and a failover policy.
pub(in crate::config) const FULL: &str = r#"[[service]]
name = "www.example.com."
customer = "acme"
ttl_s = 30
shape = "direct"
all_down = "first"
[service.policy]
kind = "failover"
order = ["s3", "s1"]
[service.policy.groups]
isp-b = ["s1"]
[service.probe]
kind = "http"
port = 8080
host = "origin.example.com"
path = "/healthz?x=1"
status = [200, 204]
body = "ok"
interval_ms = 1000
timeout_ms = 250
up_after = 4
down_after = 5
[[service.server]]
name = "s1"
addresses = ["192.0.2.1", "2001:db8::1"]
[[service.server]]
name = "s2"
addresses = ["192.0.2.2"]
[[service.server]]
name = "s3"
addresses = ["192.0.2.3"]
"#;

const GROUPS: (&str, &str) = ("groups.conf", "198.51.100.0/24 isp-b\n");

fn load_one(text: &str) -> Service {
    let config = load_files(&[GROUPS, ("services.d/acme.toml", text)]);
    let mut services = config.unwrap_or_else(|found| panic!("{found:#?}")).services;
    assert_eq!(services.len(), 1);
    services.remove(0)
}

fn server(name: &str, v4: &str, v6: Option<&str>) -> Server {
    Server {
        name: name.to_owned(),
        v4: vec![v4.parse().unwrap()],
        v6: v6.iter().map(|text| text.parse().unwrap()).collect(),
        cost: Quantity::default(),
    }
}

#[test]
fn every_key_is_read() {
    let service = load_one(FULL);
    assert_eq!(service.name.fmt_with_dot().to_string(), "www.example.com.");
    assert_eq!(service.customer, "acme");
    assert_eq!(service.ttl_s, 30);
    assert_eq!(service.shape, Shape::Direct);
    let pool = service.pool;
    assert_eq!(pool.all_down, AllDown::First);
    assert_eq!(
        pool.servers,
        [
            server("s1", "192.0.2.1", Some("2001:db8::1")),
            server("s2", "192.0.2.2", None),
            server("s3", "192.0.2.3", None),
        ]
    );
    // What an order leaves out follows: s2 in the service's, s3 and s2 in the group's.
    let Policy::Failover { order, by_group } = pool.policy else {
        panic!("{:?}", pool.policy)
    };
    assert_eq!(order, [2, 0, 1]);
    assert_eq!(
        by_group.into_iter().collect::<Vec<_>>(),
        [("isp-b".to_owned(), vec![0, 2, 1])]
    );
    let kind = ProbeKind::Http {
        port: 8080,
        tls: None,
        host: "origin.example.com".to_owned(),
        path: "/healthz?x=1".to_owned(),
        status: vec![200, 204],
        body: Some("ok".to_owned()),
    };
    let probe = Probe {
        timeout: Duration::from_millis(250),
        up_after: 4,
        down_after: 5,
        ..Probe::new(kind)
    };
    assert_eq!(pool.probes, [PoolProbe::from(probe)]);
}

#[test]
fn what_is_left_out_has_its_default() {
    let service = load_one(&SERVICE.replace(r#""tcp", port = 80"#, r#""https""#));
    assert_eq!(service.name.fmt_with_dot().to_string(), "www.example.com.");
    assert_eq!(service.ttl_s, 20);
    assert_eq!(service.shape, Shape::Direct);
    assert_eq!(service.pool.all_down, AllDown::All);
    let policy = Policy::least(Metric::ResponseTime, Quantity(5_000));
    assert_eq!(service.pool.policy, policy);
    assert_eq!(service.pool.unknown, Unknown::Last);
    let kind = ProbeKind::Http {
        port: 443,
        tls: Some(Tls {
            verify: true,
            ca_file: None,
        }),
        host: "www.example.com".to_owned(),
        path: "/".to_owned(),
        status: vec![200],
        body: None,
    };
    assert_eq!(service.pool.probes, [PoolProbe::from(Probe::new(kind))]);
    let failover = load_one(&SERVICE.replace("latency", "failover"))
        .pool
        .policy;
    let Policy::Failover { order, by_group } = failover else {
        panic!("{failover:?}")
    };
    assert_eq!((order, by_group.len()), (vec![0], 0));
}

#[test]
fn a_group_may_be_the_default_group() {
    let service = load_one(&FULL.replace("isp-b", "default"));
    let Policy::Failover { by_group, .. } = service.pool.policy else {
        panic!("{:?}", service.pool.policy)
    };
    assert!(by_group.contains_key("default"));
}

#[test]
fn a_ca_file_starts_at_the_configuration_directory() {
    let text = SERVICE.replace(
        r#""tcp", port = 80"#,
        r#""https", verify = false, ca_file = "roots.pem""#,
    );
    let config = load_files(&[("roots.pem", ""), ("services.d/acme.toml", &text)]).unwrap();
    let ProbeKind::Http { tls: Some(tls), .. } = &config.services[0].pool.probes[0].probe.kind
    else {
        panic!("{config:?}")
    };
    assert!(!tls.verify);
    assert_eq!(tls.ca_file, Some(config.values.dir().join("roots.pem")));
    assert_finding(
        &[("services.d/acme.toml", &text)],
        "services.d/acme.toml:6: service.www.example.com..probe.ca_file: roots.pem cannot be read: No such file",
    );
}

/// Each mistake: what in [`FULL`] becomes what, and the finding.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "name = \"www.example.com.\"\n",
        "\n",
        "1: service.#1.name: is missing; valid: a domain name",
    ),
    (
        "\"www.example.com.\"",
        "7",
        "2: service.#1.name: is an integer; valid: a domain name",
    ),
    (
        "\"www.example.com.\"",
        "\"a..b\"",
        "2: service.#1.name: `a..b` is not a domain name",
    ),
    (
        "\"www.example.com.\"",
        "\".\"",
        "2: service.#1.name: is the root; valid: ",
    ),
    (
        "\"www.example.com.\"",
        "\"*.example.com\"",
        "2: service.#1.name: `*.example.com` has a wildcard; valid: ",
    ),
    (
        "customer = \"acme\"\n",
        "\n",
        "1: service.www.example.com..customer: is missing; valid: a name",
    ),
    (
        "\"acme\"",
        "\" \"",
        "3: service.www.example.com..customer: ` ` is not a customer's name; valid: ",
    ),
    (
        "ttl_s = 30",
        "ttl_s = 86401",
        "4: service.www.example.com..ttl_s: 86401 is out of range; valid: 0 to 86400",
    ),
    (
        "ttl_s = 30",
        "ttl_s = -1",
        "4: service.www.example.com..ttl_s: -1 is out of range; valid: 0 to 86400",
    ),
    (
        "ttl_s = 30",
        "ttl_s = 0x1ffffffffffffffff",
        "4: service.www.example.com..ttl_s: 0x1ffffffffffffffff is out of range",
    ),
    (
        "ttl_s = 30",
        "ttl_s = \"30\"",
        "4: service.www.example.com..ttl_s: is a string; valid: 0 to 86400",
    ),
    (
        "ttl_s = 30",
        "ttl = 30",
        "4: service.www.example.com..ttl: unknown key in a service; nearest: ttl_s, ",
    ),
    (
        "\"direct\"",
        "\"alias\"",
        "5: service.www.example.com..shape: `alias` is not a choice; valid: direct, cname",
    ),
    (
        "\"first\"",
        "true",
        "6: service.www.example.com..all_down: is a boolean; valid: all, first, servfail",
    ),
    (
        "\"failover\"",
        "\"random\"",
        "8: service.www.example.com..policy.kind: `random` is not a choice; valid: failover, weighted, latency",
    ),
    (
        "kind = \"failover\"\n",
        "\n",
        "7: service.www.example.com..policy.kind: is missing; valid: failover, weighted, latency",
    ),
    (
        "kind = \"failover\"",
        "kind = \"failover\"\ntolerance_ms = 1",
        "9: service.www.example.com..policy.tolerance_ms: unknown key in a failover policy; ",
    ),
    (
        "[\"s3\", \"s1\"]",
        "[\"s3\", \"s4\"]",
        "9: service.www.example.com..policy.order: `s4` is not a candidate of this service; valid: an array of different candidates out of s1, s2, s3",
    ),
    (
        "[\"s3\", \"s1\"]",
        "[\n\"s3\",\n\"s3\"]",
        "11: service.www.example.com..policy.order: `s3` is listed twice",
    ),
    (
        "[\"s3\", \"s1\"]",
        "[]",
        "9: service.www.example.com..policy.order: is empty; valid: ",
    ),
    (
        "[\"s3\", \"s1\"]",
        "\"s3\"",
        "9: service.www.example.com..policy.order: is a string; valid: an array",
    ),
    (
        "[\"s3\", \"s1\"]",
        "[1]",
        "9: service.www.example.com..policy.order: is an integer; valid: an array",
    ),
    (
        "isp-b = ",
        "isp-x = ",
        "11: service.www.example.com..policy.groups.isp-x: is not a resolver group; nearest: isp-b, default; valid: ",
    ),
    (
        "[\"s1\"]",
        "[\"s9\"]",
        "11: service.www.example.com..policy.groups.isp-b: `s9` is not a candidate",
    ),
    (
        "\"http\"",
        "\"ping\"",
        "13: service.www.example.com..probe.kind: `ping` is not a choice; valid: tcp, http, https, icmp, dns, ftp, agent, command",
    ),
    (
        "port = 8080",
        "port = 0",
        "14: service.www.example.com..probe.port: 0 is out of range; valid: 1 to 65535",
    ),
    (
        "port = 8080",
        "port = 65536",
        "14: service.www.example.com..probe.port: 65536 is out of range; valid: 1 to 65535",
    ),
    (
        "\"origin.example.com\"",
        "\"a b\"",
        "15: service.www.example.com..probe.host: `a b` is not a host; valid: ",
    ),
    (
        "\"origin.example.com\"",
        "\"a:80\"",
        "15: service.www.example.com..probe.host: `a:80` is not a host; valid: ",
    ),
    (
        "\"/healthz?x=1\"",
        "\"healthz\"",
        "16: service.www.example.com..probe.path: `healthz` is not a path; valid: ",
    ),
    (
        "\"/healthz?x=1\"",
        "\"/a b\"",
        "16: service.www.example.com..probe.path: `/a b` is not a path; valid: ",
    ),
    (
        "\"/healthz?x=1\"",
        "\"/a#b\"",
        "16: service.www.example.com..probe.path: `/a#b` is not a path; valid: ",
    ),
    (
        "\"/healthz?x=1\"",
        "\"\"",
        "16: service.www.example.com..probe.path: `` is not a path; valid: ",
    ),
    (
        "[200, 204]",
        "[]",
        "17: service.www.example.com..probe.status: is empty; valid: ",
    ),
    (
        "[200, 204]",
        "[200, 100]",
        "17: service.www.example.com..probe.status: 100 is out of range; valid: 200 to 599",
    ),
    (
        "[200, 204]",
        "200",
        "17: service.www.example.com..probe.status: is an integer; valid: an array",
    ),
    (
        "body = \"ok\"",
        "body = \"\"",
        "18: service.www.example.com..probe.body: is empty; valid: ",
    ),
    (
        "interval_ms = 1000",
        "interval_ms = 9",
        "19: service.www.example.com..probe.interval_ms: 9 is out of range; valid: 10 to 3600000",
    ),
    (
        "interval_ms = 1000",
        "interval_ms = 3600001",
        "19: service.www.example.com..probe.interval_ms: 3600001 is out of range",
    ),
    (
        "timeout_ms = 250",
        "timeout_ms = 1000",
        "20: service.www.example.com..probe.timeout_ms: 1000 is not below interval_ms (1000); valid: 1 to 999",
    ),
    (
        "timeout_ms = 250",
        "timeout_ms = 0",
        "20: service.www.example.com..probe.timeout_ms: 0 is out of range; valid: 1 to ",
    ),
    (
        "interval_ms = 1000\ntimeout_ms = 250",
        "interval_ms = 200\n",
        "19: service.www.example.com..probe.timeout_ms: 300, the default, is not below interval_ms (200); valid: 1 to 199",
    ),
    (
        "up_after = 4",
        "up_after = 0",
        "21: service.www.example.com..probe.up_after: 0 is out of range; valid: 1 to 100",
    ),
    (
        "down_after = 5",
        "down_after = 101",
        "22: service.www.example.com..probe.down_after: 101 is out of range; valid: 1 to 100",
    ),
    (
        "down_after = 5",
        "verify = true",
        "22: service.www.example.com..probe.verify: unknown key in an http probe; nearest: ",
    ),
    (
        "name = \"s2\"",
        "name = \"S1\"",
        "27: service.www.example.com..server.S1.name: is the name of the candidate on line 24 already",
    ),
    (
        "name = \"s2\"",
        "name = \"-s2\"",
        "27: service.www.example.com..server.#2.name: `-s2` is not a candidate's name; valid: a DNS label",
    ),
    (
        "name = \"s2\"",
        "name = \"s.2\"",
        "27: service.www.example.com..server.#2.name: `s.2` is not a candidate's name; valid: a DNS label",
    ),
    (
        "name = \"s2\"",
        "# none",
        "26: service.www.example.com..server.#2.name: is missing; valid: a DNS label",
    ),
    (
        "[\"192.0.2.2\"]",
        "[]",
        "28: service.www.example.com..server.s2.addresses: is empty; valid: ",
    ),
    (
        "addresses = [\"192.0.2.2\"]",
        "",
        "26: service.www.example.com..server.s2.addresses: is missing; valid: ",
    ),
    (
        "\"192.0.2.2\"",
        "\"192.0.2.256\"",
        "28: service.www.example.com..server.s2.addresses: `192.0.2.256` is not an IP address; valid: ",
    ),
    (
        "\"192.0.2.2\"",
        "\"0.0.0.0\"",
        "28: service.www.example.com..server.s2.addresses: `0.0.0.0` is the unspecified address",
    ),
    (
        "\"192.0.2.2\"",
        "\"ff02::1\"",
        "28: service.www.example.com..server.s2.addresses: `ff02::1` is a multicast address",
    ),
    (
        "\"192.0.2.2\"",
        "\"192.0.2.1\"",
        "28: service.www.example.com..server.s2.addresses: 192.0.2.1 is in this service on line 25 already",
    ),
    (
        "\"192.0.2.2\"",
        "2",
        "28: service.www.example.com..server.s2.addresses: is an integer; valid: a unicast",
    ),
    (
        "\"192.0.2.2\"",
        "'2001:db8::a', '2001:db8::b', '2001:db8::c', '2001:db8::d', '2001:db8::e', '2001:db8::f', '2001:db8::10', '2001:db8::11', '2001:db8::12'",
        "28: service.www.example.com..server.s2.addresses: has 9 IPv6 addresses; valid: at most 8",
    ),
    (
        "[\"192.0.2.2\"]",
        "[\"192.0.2.2\"]\nweight = 1",
        "29: service.www.example.com..server.s2.weight: unknown key in a server; nearest: ",
    ),
    (
        "[[service]]\n",
        "title = 1\n[[service]]\n",
        "1: title: unknown key in a file of services; nearest: service; valid: service",
    ),
    ("customer = \"acme\"", "customer = ", "3: not TOML: "),
    (
        "customer = \"acme\"",
        "name = \"again.example.com\"",
        "3: not TOML: duplicate key",
    ),
];

#[test]
fn each_mistake_is_named_with_its_line() {
    for (what, with, expected) in MISTAKES {
        assert!(FULL.contains(what), "{what}");
        let text = FULL.replacen(what, with, 1);
        let expected = format!("services.d/acme.toml:{expected}");
        assert_finding(&[GROUPS, ("services.d/acme.toml", &text)], &expected);
    }
}

#[test]
fn a_service_has_one_to_eight_servers() {
    let without = SERVICE.split("[[service.server]]").next().unwrap();
    assert_finding(
        &[("services.d/acme.toml", without)],
        "services.d/acme.toml:2: service.www.example.com..server: is missing; valid: 1 to 8 [[service.server]] tables",
    );
    let with = |count: usize| {
        let servers = (1..=count).map(|number| {
            format!("[[service.server]]\nname = 's{number}'\naddresses = ['192.0.2.{number}']\n")
        });
        without.to_owned() + &servers.collect::<String>()
    };
    assert_eq!(load_one(&with(8)).pool.servers.len(), 8);
    assert_finding(
        &[("services.d/acme.toml", &with(9))],
        "services.d/acme.toml:7: service.www.example.com..server: has 9 servers; valid: 1 to 8",
    );
}

#[test]
fn a_name_is_steered_once_over_all_files() {
    let second = format!(
        "# second\n{}",
        SERVICE.replace("www.example", "WWW.Example")
    );
    let found = load_files(&[
        ("services.d/a.toml", SERVICE),
        ("services.d/b.toml", &second),
    ]);
    let found = found.unwrap_err();
    assert_eq!(found.len(), 1);
    let (key, message) = found[0].split_once(": WWW").unwrap();
    assert_eq!(key, "services.d/b.toml:4: service.WWW.Example.com..name");
    assert_eq!(
        message,
        ".Example.com. is steered already, by services.d/a.toml:3; valid: a name of its own"
    );
}

#[test]
fn a_server_behind_a_cname_stands_at_a_name_of_its_own() {
    let cname = SERVICE.replace("customer", "shape = \"cname\"\ncustomer");
    let other = SERVICE.replace("www.", "s1.www.");
    let files = [
        ("services.d/a.toml", cname.as_str()),
        ("services.d/b.toml", &other),
    ];
    assert_finding(
        &files,
        "services.d/b.toml:3: service.s1.www.example.com..name: s1.www.example.com. is steered already, by services.d/a.toml:9",
    );
    let direct = [("services.d/a.toml", SERVICE), files[1]];
    assert_eq!(load_files(&direct).unwrap().services.len(), 2);
}

#[test]
fn servers_behind_a_cname_have_the_same_families() {
    let mixed = SERVICE
        .replace("customer", "shape = \"cname\"\ncustomer")
        .replace(
            "addresses = [\"192.0.2.1\"",
            "addresses = [\"2001:db8::99\", \"192.0.2.1\"",
        );
    let two =
        format!("{mixed}\n[[service.server]]\nname = \"other\"\naddresses = [\"192.0.2.77\"]\n");
    let line = two.lines().count() - 1;
    assert_finding(
        &[("services.d/acme.toml", &two)],
        &format!(
            "services.d/acme.toml:{line}: service.www.example.com..server.other.addresses: has other address families than s1"
        ),
    );
    load_one(&two.replace("cname", "direct"));
}

#[test]
fn a_name_behind_a_cname_fits_255_octets() {
    let label = "a".repeat(63);
    // Length octets and the root included: 3 × 64 + 58 + 1 = 251, and 4 for `all`.
    let fits = format!("{label}.{label}.{label}.{}", "a".repeat(57));
    let long = format!("{label}.{label}.{label}.{}", "a".repeat(58));
    let text = |name: &str| {
        SERVICE
            .replace("www.example.com", name)
            .replace("customer", "shape = \"cname\"\ncustomer")
    };
    load_one(&text(&fits));
    assert_finding(
        &[(
            "services.d/acme.toml",
            &text(&fits).replace("\"s1\"", "\"s123\""),
        )],
        &format!(
            "services.d/acme.toml:9: service.{fits}..server.s123.name: with the service's name after it is longer than 255 octets"
        ),
    );
    assert_finding(
        &[("services.d/acme.toml", &text(&long))],
        &format!(
            "services.d/acme.toml:3: service.{long}..name: with `all.` before it is longer than 255 octets"
        ),
    );
    load_one(&text(&long).replace("cname", "direct"));
}

#[test]
fn a_tcp_probe_needs_a_port_and_nothing_of_http() {
    for (probe, expected) in [
        ("kind = \"tcp\"", "port: is missing; valid: 1 to 65535"),
        (
            "kind = \"tcp\", port = 80, path = \"/\"",
            "path: unknown key in a tcp probe; nearest: port, ",
        ),
    ] {
        let text = SERVICE.replace("kind = \"tcp\", port = 80", probe);
        assert_finding(
            &[("services.d/acme.toml", &text)],
            &format!("services.d/acme.toml:6: service.www.example.com..probe.{expected}"),
        );
    }
}

#[test]
fn a_latency_policy_has_a_tolerance_in_range() {
    let with = |tolerance: u32| {
        SERVICE.replace(
            "\"latency\"",
            &format!("\"latency\", tolerance_ms = {tolerance}"),
        )
    };
    assert_eq!(
        load_one(&with(60_000)).pool.policy,
        Policy::least(Metric::ConnectTime, Quantity(60_000_000))
    );
    assert_finding(
        &[("services.d/acme.toml", &with(60_001))],
        "services.d/acme.toml:5: service.www.example.com..policy.tolerance_ms: 60001 is out of range; valid: 0 to 60000",
    );
}

#[test]
fn a_name_that_is_no_host_needs_a_probe_host() {
    let text = SERVICE
        .replace("www.example.com", "a\\\\032b.example.com")
        .replace("\"tcp\", port = 80", "\"http\"");
    let found = load_files(&[("services.d/acme.toml", &text)]).unwrap_err();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains(".probe.host: is missing, and `a"),
        "{found:?}"
    );
}
