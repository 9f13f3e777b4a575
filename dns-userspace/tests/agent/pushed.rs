//! A foreign CDN that pushes what it says of itself.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    time::{SystemTime, UNIX_EPOCH},
};

use veer::agent::report::Kind;

use super::scene::{AGENT, Scene, TOKEN, split};

/// What the CDN shows.
const CDN_TOKEN: &str = "fedcba9876543210fedcba9876543210";
/// From where it pushes.
const CDN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

fn scene() -> Scene {
    let mut scene = Scene::new();
    let token = scene.lab.dir().join("cdn.token");
    fs::write(&token, format!("{CDN_TOKEN}\n")).expect("a token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("chmod");
    scene.start_file(&format!(
        "listen = [\"{AGENT}\"]\ntoken_file = \"token\"\n[aggregate]\ntoken_file = \"cdn.token\"\n"
    ));
    scene
}

/// A document that says `more`, of so many seconds ago.
fn document(kind: &str, seconds_ago: u64, more: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
    let at = now.as_millis() as u64 - 1000 * seconds_ago;
    format!("{{\"version\":1,\"kind\":\"{kind}\",\"at\":{at},{more}}}")
}

impl Scene {
    /// Pushes `body` with `token`: status and what is said.
    fn push(&self, token: &str, body: &str) -> (u16, String) {
        let request = format!(
            "PUT /v1/report HTTP/1.1\r\nHost: agent\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (status, _, body) = split(&self.exchange(CDN, request.as_bytes()));
        (status, String::from_utf8(body).expect("text"))
    }
}

#[test]
fn h6_what_a_foreign_cdn_pushes_is_what_is_pulled() {
    let scene = scene();
    let (status, _, body) = scene.get(Some(TOKEN));
    assert_eq!((status, &body[..]), (503, &b"nothing was pushed yet\n"[..]));
    for load in [0.25, 0.75] {
        let report = document(
            "aggregate",
            0,
            &format!("\"figures\":{{\"traffic_load\":{load}}}"),
        );
        assert_eq!(scene.push(CDN_TOKEN, &report), (204, String::new()));
        let pulled = scene.report();
        assert_eq!(pulled.kind, Kind::Aggregate);
        assert_eq!(pulled.figures.traffic_load, Some(load));
        // Nothing of the host that it is pushed to.
        assert_eq!(pulled.figures.memory_share, None);
    }
}

#[test]
fn h6_more_than_aggregates_is_refused_and_counted_and_changes_nothing() {
    let scene = scene();
    let good = document("aggregate", 0, "\"figures\":{\"traffic_load\":0.5}");
    assert_eq!(scene.push(CDN_TOKEN, &good).0, 204);
    let servers = "\"figures\":{},\"servers\":[{\"name\":\"a\",\"traffic_load\":0.1}]";
    let absurd = "\"figures\":{\"traffic_load\":-1}";
    let long = format!("\"figures\":{{}},\"problems\":[\"{}\"]", "x".repeat(20_000));
    let refused = [
        (
            document("aggregate", 0, servers),
            "an aggregate with `servers`",
        ),
        (
            document("server", 0, "\"figures\":{}"),
            "a report of one server; valid: an aggregate",
        ),
        (document("aggregate", 0, absurd), "traffic_load"),
        (document("aggregate", 3600, "\"figures\":{}"), "from 3600"),
        (
            document("aggregate", 0, &long),
            "the report could not be read",
        ),
        ("{".to_owned(), "not a report"),
    ];
    for (document, reason) in &refused {
        let (status, said) = scene.push(CDN_TOKEN, document);
        assert_eq!(status, 422, "{said}");
        assert!(said.starts_with(reason), "{said}");
    }
    // Who may read may not write, and who writes may not read.
    assert_eq!(scene.push(TOKEN, &good).0, 401);
    assert_eq!(scene.get(Some(CDN_TOKEN)).0, 401);
    let report = scene.report();
    assert_eq!(report.figures.traffic_load, Some(0.5));
    assert_eq!(report.refused_requests, Some(refused.len() as u64 + 2));
}
