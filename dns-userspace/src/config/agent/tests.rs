use std::{fs, os::unix::fs::PermissionsExt as _};

use rcgen::generate_simple_self_signed;
use tempfile::TempDir;

use super::*;
use crate::agent::{
    prometheus::Selector,
    settings::{Prometheus, Url},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The least that there must be.
const LEAST: &str = "listen = [\"127.0.0.1:9853\"]\ntoken_file = \"token\"\n";

/// A directory with a token, a certificate and its key, and the agent's file.
fn directory(text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("agent.toml", text);
    write("token", &format!("# for veerd\n{TOKEN}\n"));
    let shown = generate_simple_self_signed(["agent.example".to_owned()]).unwrap();
    write("agent.pem", &shown.cert.pem());
    write("agent.key", &shown.signing_key.serialize_pem());
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(dir.path().join("token"), mode).unwrap();
    dir
}

fn load(text: &str) -> Result<Settings, Vec<String>> {
    load_in(&directory(text))
}

/// The settings, or the findings without the directory's name.
fn load_in(dir: &TempDir) -> Result<Settings, Vec<String>> {
    let prefix = format!("{}/", dir.path().display());
    read(&dir.path().join("agent.toml")).map_err(|found| {
        let found = found.0.iter();
        found
            .map(|finding| finding.to_string().replace(&prefix, ""))
            .collect()
    })
}

/// What is wrong with the least and `more`.
fn findings(more: &str) -> Vec<String> {
    load(&format!("{LEAST}{more}")).expect_err("something is wrong")
}

#[track_caller]
fn assert_finding(more: &str, expected: &str) {
    let found = findings(more);
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "{found:#?}"
    );
}

#[test]
fn the_least_there_must_be() {
    let settings = load(LEAST).unwrap();
    assert_eq!(settings.listen, ["127.0.0.1:9853".parse().unwrap()]);
    assert!(settings.tokens.admit(format!("Bearer {TOKEN}").as_bytes()));
    assert_eq!(settings.interval, Duration::from_secs(1));
    assert!(settings.allow.is_empty() && settings.tls.is_none());
    assert!(settings.interface.is_none() && settings.connection_ports.is_empty());
    assert!(settings.stub_status.is_none() && settings.prometheus.is_none());
    assert_eq!(settings.capacity_requests_per_s, None);
}

#[test]
fn every_key_is_read() {
    let settings = load(
        r#"
listen = ["192.0.2.10:9853", "[2001:db8::10]:9853"]
allow = ["192.0.2.53", "2001:db8::/64"]
token_file = "token"
interval_ms = 2500
[tls]
certificate_file = "agent.pem"
key_file = "agent.key"
[capacity]
requests_per_s = 5000
bytes_per_s = 100_000_000
[interface]
name = "eth0"
capacity_bits_per_s = 1_000_000_000
[stub_status]
url = "http://127.0.0.1/nginx_status"
[prometheus]
url = "http://[::1]:9113/metrics?a=b"
errors = ['r{code="500"}', 'r{code="503"}']
bytes = ["b"]
connections = ["c"]
"#,
    )
    .unwrap();
    assert_eq!(settings.listen[1], "[2001:db8::10]:9853".parse().unwrap());
    let allow = ["192.0.2.53/32", "2001:db8::/64"].map(|text| text.parse().unwrap());
    assert_eq!(settings.allow, allow);
    assert_eq!(settings.interval, Duration::from_millis(2500));
    assert!(settings.tls.is_some());
    assert_eq!(settings.capacity_requests_per_s, Some(5000.0));
    assert_eq!(settings.capacity_bytes_per_s, Some(1e8));
    let interface = settings.interface.unwrap();
    assert_eq!(
        (&*interface.name, interface.capacity_bits_per_s),
        ("eth0", Some(1e9))
    );
    let url = settings.stub_status.unwrap();
    assert_eq!(url.to_string(), "http://127.0.0.1/nginx_status");
    assert_eq!((&*url.host, url.port), ("127.0.0.1", 80));
    let select = |text| Selector::parse(text).unwrap();
    let expected = Prometheus {
        url: Url {
            authority: "[::1]:9113".to_owned(),
            host: "::1".to_owned(),
            port: 9113,
            path: "/metrics?a=b".to_owned(),
        },
        requests: Vec::new(),
        errors: vec![select(r#"r{code="500"}"#), select(r#"r{code="503"}"#)],
        bytes: vec![select("b")],
        connections: vec![select("c")],
    };
    assert_eq!(settings.prometheus, Some(expected));
}

#[test]
fn ports_of_connections_are_read() {
    let settings = load(&format!("{LEAST}[connections]\nports = [80, 443]\n")).unwrap();
    assert_eq!(settings.connection_ports, [80, 443]);
}

#[test]
fn all_that_is_wrong_is_reported_at_once() {
    let text = r#"
listen = ["127.0.0.1", "127.0.0.1:0", 80]
allow = ["192.0.2.1/24"]
token_file = "nosuch"
interval_ms = 10
intervall = 1
[tls]
certificate_file = "agent.key"
[capacity]
requests_per_s = 0
[interface]
name = "../eth0"
[connections]
ports = [0]
[stub_status]
url = "https://127.0.0.1/"
[prometheus]
url = "http://127.0.0.1/"
requests = ["a b"]
connections = []
"#;
    let starts = [
        "agent.toml:2: listen: `127.0.0.1` is no address with a port; valid: an array",
        "agent.toml:2: listen: `127.0.0.1:0` is no address with a port",
        "agent.toml:2: listen: is an integer; valid: an array",
        "agent.toml:3: allow: `192.0.2.1/24` has bits set past its length; 192.0.2.0/24 was",
        "agent.toml:4: token_file: nosuch does not exist; valid: a readable file",
        "agent.toml:5: interval_ms: 10 is out of range; valid: 100 to 60000",
        "agent.toml:6: intervall: unknown key in the agent's file; nearest: interface, interval_ms,",
        "agent.toml:7: tls.key_file: is missing; valid: a readable PEM file",
        "agent.toml:10: capacity.requests_per_s: 0 is out of range; valid: 1 to 1000000000000",
        "agent.toml:12: interface.name: `../eth0` is no name",
        "agent.toml:14: connections.ports: 0 is out of range; valid: 1 to 65535",
        "agent.toml:16: stub_status.url: `https://127.0.0.1/` is no such URL; valid: an http URL",
        "agent.toml:17: prometheus.requests: [stub_status] gives requests too",
        "agent.toml:17: prometheus.connections: [connections] gives them too",
        "agent.toml:19: prometheus.requests: `a b` is no series; valid: an array of series",
        "agent.toml:20: prometheus.connections: holds no series",
    ];
    let found = load(text).expect_err("it is wrong");
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for start in starts {
        let reported = found.iter().any(|line| line.starts_with(start));
        assert!(reported, "{start}: {found:#?}");
    }
}

#[test]
fn what_is_missing_is_said() {
    let found = load("").unwrap_err();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("agent.toml: listen: is missing; valid: an array"),
        "{found:#?}"
    );
    assert!(
        found[1].starts_with("agent.toml: token_file: is missing"),
        "{found:#?}"
    );
    let dir = tempfile::tempdir().unwrap();
    let found = load_in(&dir).unwrap_err();
    assert_eq!(
        found,
        ["agent.toml: no such file; valid: the TOML file of an agent"]
    );
    let found = load("listen = [").unwrap_err();
    assert!(
        found[0].starts_with("agent.toml:1: not TOML: "),
        "{found:#?}"
    );
}

#[test]
fn nobody_to_listen_to_or_to_allow() {
    assert_finding(
        "allow = []\n",
        "agent.toml:3: allow: is empty, and nobody could connect",
    );
    let found = load("listen = []\ntoken_file = \"token\"\n").unwrap_err();
    assert!(
        found[0].starts_with("agent.toml:1: listen: is empty"),
        "{found:#?}"
    );
}

#[test]
fn a_capacity_is_of_something_that_is_measured() {
    assert_finding(
        "[capacity]\nrequests_per_s = 10\n",
        "agent.toml:4: capacity.requests_per_s: nothing measures it; valid: with [stub_status]",
    );
    assert_finding(
        "[capacity]\nbytes_per_s = 10\n[stub_status]\nurl = \"http://a/\"\n",
        "agent.toml:4: capacity.bytes_per_s: nothing measures it; valid: with [interface]",
    );
}

#[test]
fn who_pushes_has_a_token_and_nothing_of_the_host_is_said_beside_it() {
    let settings = load(&format!("{LEAST}[aggregate]\ntoken_file = \"token\"\n")).unwrap();
    let tokens = settings.aggregate.expect("who pushes");
    assert!(tokens.admit(format!("Bearer {TOKEN}").as_bytes()));
    assert_finding(
        "[aggregate]\n",
        "agent.toml:3: aggregate.token_file: is missing",
    );
    let found = findings(
        "interval_ms = 500\n[aggregate]\ntoken_file = \"token\"\n\
         [stub_status]\nurl = \"http://a/\"\n",
    );
    let expected = [
        "agent.toml:3: interval_ms: is of this host",
        "agent.toml:6: stub_status: is of this host",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_page_gives_something_and_errors_are_a_share_of_requests() {
    assert_finding(
        "[prometheus]\nurl = \"http://a/\"\n",
        "agent.toml:3: prometheus: names no series; valid: one or more of requests",
    );
    assert_finding(
        "[prometheus]\nurl = \"http://a/\"\nerrors = [\"e\"]\n",
        "agent.toml:3: prometheus.errors: nothing gives requests",
    );
}

#[test]
fn what_is_no_url() {
    for url in [
        "",
        "/status",
        "127.0.0.1/status",
        "ftp://a/",
        "http://",
        "http:///status",
        "http://a b/",
        "http://u:p@a/",
        "http://a:x/",
        "http://a:99999/",
        "http://a:0/",
        "http://[::1/",
    ] {
        let found = findings(&format!("[stub_status]\nurl = \"{url}\"\n"));
        assert!(
            found.len() == 1 && found[0].contains("is no such URL"),
            "{url}: {found:#?}"
        );
    }
    let settings = load(&format!("{LEAST}[stub_status]\nurl = \"http://a\"\n")).unwrap();
    assert_eq!(settings.stub_status.unwrap().path, "/");
}

#[test]
fn tokens_are_for_their_owner_and_are_told_nobody() {
    let dir = directory(LEAST);
    let file = dir.path().join("token");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let short = "short-secret";
    let other = "X".repeat(40);
    fs::write(&file, format!("{TOKEN}\n{short}\n\n{other}\n{other}\n")).unwrap();
    let found = load_in(&dir).unwrap_err();
    let starts = [
        "token: token_file: others than its owner may use it (mode 0640); valid: mode 0600",
        "token:2: token_file: is no token; valid: a file of one or two lines",
        "token:4: token_file: is a third token",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{found:#?}");
        assert!(!line.contains(short) && !line.contains(&other), "{line}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "# none\n").unwrap();
    let found = load_in(&dir).unwrap_err();
    assert!(
        found.len() == 1 && found[0].starts_with("token: token_file: holds no token"),
        "{found:#?}"
    );
}

#[test]
fn a_certificate_that_cannot_be_used_is_reported() {
    let tls = |certificate: &str, key: &str| {
        format!("[tls]\ncertificate_file = \"{certificate}\"\nkey_file = \"{key}\"\n")
    };
    assert!(load(&format!("{LEAST}{}", tls("agent.pem", "agent.key"))).is_ok());
    assert_finding(
        &tls("agent.key", "agent.key"),
        "agent.toml:3: tls: agent.key: no PEM cert",
    );
    assert_finding(
        &tls("nosuch.pem", "agent.key"),
        "agent.toml:3: tls: nosuch.pem: ",
    );
    assert_finding(
        &tls("agent.pem", "agent.pem"),
        "agent.toml:3: tls: agent.pem: ",
    );
    let dir = directory(&format!("{LEAST}{}", tls("agent.pem", "agent.key")));
    let other = generate_simple_self_signed(["other.example".to_owned()]).unwrap();
    fs::write(
        dir.path().join("agent.key"),
        other.signing_key.serialize_pem(),
    )
    .unwrap();
    let found = load_in(&dir).unwrap_err();
    assert!(
        found[0].starts_with("agent.toml:3: tls: agent.pem and agent.key: "),
        "{found:#?}"
    );
}
