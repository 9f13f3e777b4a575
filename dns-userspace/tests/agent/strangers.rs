//! Those who must not learn anything, and must not be in others' way.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use super::{
    scene::{PROBE, Scene, TOKEN, least, split},
    support::eventually,
};

const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Time a client has.
const CLIENT_LIMIT: Duration = Duration::from_secs(5);

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.start("");
    scene
}

#[test]
fn without_the_token_there_is_no_report_and_it_is_counted() {
    let scene = scene();
    let wrong = TOKEN.replace('0', "1");
    for token in [
        None,
        Some(""),
        Some("x"),
        Some(&wrong[..]),
        Some(&TOKEN[1..]),
    ] {
        let (status, head, body) = scene.get_from(STRANGER, token);
        assert_eq!(status, 401, "{token:?}: {head}");
        assert!(
            head.to_lowercase().contains("\r\nwww-authenticate: bearer"),
            "{head}"
        );
        assert_eq!(body, b"the token is wrong or missing\n");
    }
    let twice = format!(
        "GET /v1/report HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    assert_eq!(split(&scene.exchange(STRANGER, twice.as_bytes())).0, 401);
    assert_eq!(scene.report().refused_requests, Some(6));
    let warned = scene.log().matches("a request with a wrong token").count();
    assert_eq!(warned, 1, "{}", scene.log());
    assert!(!scene.log().contains(&wrong) && !scene.log().contains(TOKEN));
}

#[test]
fn who_guesses_is_not_listened_to_and_others_are() {
    let scene = scene();
    for _ in 0..10 {
        assert_eq!(scene.get_from(STRANGER, Some("guess")).0, 401);
    }
    for token in ["guess", TOKEN] {
        let (status, head, _) = scene.get_from(STRANGER, Some(token));
        assert_eq!(status, 429, "{head}");
        assert!(
            head.to_lowercase().contains("\r\nretry-after: 60"),
            "{head}"
        );
    }
    assert_eq!(scene.report().refused_requests, Some(12));
}

#[test]
fn only_reports_are_to_be_had_and_only_by_get() {
    let scene = scene();
    let ask = |line: &str| {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 0\r\n\r\n"
        );
        split(&scene.exchange(PROBE, request.as_bytes()))
    };
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
        let (status, head, _) = ask(&format!("{method} /v1/report"));
        assert_eq!(status, 405, "{method}");
        assert!(head.to_lowercase().contains("\r\nallow: get"), "{head}");
    }
    for path in [
        "/",
        "/v1",
        "/v1/report/",
        "/v2/report",
        "/v1/../v1/report",
        "//v1/report",
        "*",
    ] {
        assert_eq!(ask(&format!("GET {path}")).0, 404, "{path}");
    }
    assert_eq!(ask("GET /v1/report?x=1").0, 200);
    // What is there is not told without a token either.
    let request = b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(split(&scene.exchange(STRANGER, request)).0, 401);
}

#[test]
fn garbage_and_floods_of_headers_are_refused() {
    let scene = scene();
    let fields = |count: usize| "X: y\r\n".repeat(count);
    let field = |octets: usize| format!("X: {}\r\n", "y".repeat(octets));
    let head = |more: &str| {
        format!("GET /v1/report HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n")
    };
    for (request, expected) in [
        ("\0".repeat(100), 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\r\n\r\n".to_owned(), 400),
        ("GET\r\n\r\n".to_owned(), 400),
        ("GET /v1/report HTTP/9.9\r\n\r\n".to_owned(), 400),
        (head("Content-Length: x\r\n"), 400),
        (head(&fields(100)), 431),
    ] {
        let (status, head, _) = split(&scene.exchange(STRANGER, request.as_bytes()));
        assert_eq!(status, expected, "{request:?}: {head}");
    }
    // Where more has come than is read, the answer may not arrive.
    for request in [
        head(&field(100_000)),
        head(&fields(10_000)),
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let response = scene.exchange(STRANGER, request.as_bytes());
        let refused = response.is_empty() || [414, 431].contains(&split(&response).0);
        let start: String = request.chars().take(60).collect();
        assert!(refused, "{start:?}: {}", String::from_utf8_lossy(&response));
    }
    assert_eq!(
        split(&scene.exchange(PROBE, head(&field(8000)).as_bytes())).0,
        200
    );
    // A second request on a connection is not answered.
    let two = scene.exchange(PROBE, head("").repeat(2).as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&two).matches("HTTP/1.1 ").count(),
        1
    );
    assert!(scene.report().refused_requests.is_some());
}

/// When the agent closes `stream`, at the latest.
fn is_closed_by(stream: &mut TcpStream, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        stream.set_read_timeout(Some(left)).expect("a time");
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn slow_clients_are_left_and_in_nobodys_way() {
    let scene = scene();
    let start = Instant::now();
    // Every one of them sends a little now and then.
    let mut slow: Vec<_> = (0..200)
        .map(|_| scene.connect(STRANGER).expect("it connects"))
        .collect();
    for round in 0..5 {
        for stream in &mut slow {
            let part: &[u8] = if round == 0 {
                b"GET /v1/report HTTP/1.1\r\n"
            } else {
                b"X: y\r\n"
            };
            // Most have been closed, being too many.
            let _ = stream.write_all(part);
        }
        let asked = Instant::now();
        scene.report();
        assert!(asked.elapsed() < CLIENT_LIMIT / 2, "{:?}", asked.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    let deadline = start + 3 * CLIENT_LIMIT;
    for stream in &mut slow {
        assert!(is_closed_by(stream, deadline));
    }
    assert!(start.elapsed() >= CLIENT_LIMIT, "they were left too early");
    // And there is room for that one again.
    eventually("room", || {
        let response = scene.exchange(STRANGER, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (!response.is_empty()).then(|| assert_eq!(split(&response).0, 401))
    });
}

#[test]
fn only_from_where_it_is_allowed_connections_are_taken() {
    let mut scene = Scene::new();
    scene.start_file(&format!("allow = [\"{PROBE}\"]\n{}", least()));
    scene.report();
    let request =
        format!("GET /v1/report HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    assert_eq!(scene.exchange(STRANGER, request.as_bytes()), b"");
    assert_eq!(scene.report().refused_requests, Some(0));
}
