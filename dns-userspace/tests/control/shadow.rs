//! `shadow`, as far as it goes without another server.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixListener,
    process::{Command, Stdio},
    thread,
};

use crate::fake::{Host, Ran};

/// Nobody's (RFC 5737), and none that is asked here.
const UPSTREAM: [&str; 3] = ["shadow", "--upstream", "192.0.2.53"];

#[test]
fn names_in_no_zone_are_left_alone_and_nothing_is_compared() {
    let host = Host::with_daemon(|_| {});
    let questions = host.path("questions");
    fs::write(
        &questions,
        "www.example A\n# nobody\nexample ANY\nexample AXFR\n",
    )
    .unwrap();
    let questions = questions.to_str().unwrap();
    let arguments = [&UPSTREAM[..], &["--questions", questions]].concat();
    let ran = host.veerctl(&arguments);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(ran.err, "veerctl: nothing was compared\n");
    let expected = "\
0 questions compared with 192.0.2.53:53, 0 answered otherwise
1 question for names in no zone of veer's, not asked
2 questions for ANY, transfers and the like, not asked
";
    assert_eq!(ran.out, expected);

    let ran = host.veerctl(&[&arguments[..], &["--zone", "example.org", "--json"]].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    let summary = &json["summary"];
    assert_eq!(
        (&summary["other_zones"], &summary["outside"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn what_is_written_meanwhile_is_asked_until_the_time_is_over() {
    let host = Host::with_daemon(|_| {});
    let mut child = Command::new(env!("CARGO_BIN_EXE_veerctl"))
        .args(["--config", host.dir.path().to_str().unwrap(), "--json"])
        .args(UPSTREAM)
        .args(["--questions", "-", "--for", "6s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It stays open.
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(b"a.example A\nnonsense\nb.example A\n")
        .unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    drop(stdin);
    let said = "veerctl: standard input:2: `nonsense` is no question";
    assert!(ran.code == 2 && ran.err.starts_with(said), "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    let summary = &json["summary"];
    assert_eq!(
        (&summary["outside"], &summary["unreadable"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_connection_that_is_closed_meanwhile_is_made_anew() {
    let host = Host::without_daemon("");
    let questions = host.path("questions");
    fs::write(&questions, "a.example A\nb.example A\n").unwrap();
    let socket = host.path("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let daemon = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            assert!(request.starts_with(r#"{"request":"answer""#), "{request}");
            let line = r#"{"ok":{"reply":[],"is_truncated":false,"zone":null,"steering":null}}"#;
            writeln!(stream, "{line}").unwrap();
        }
    });
    let [socket, questions] = [&socket, &questions].map(|path| path.to_str().unwrap());
    let arguments = ["--json", "--questions", questions, "--socket", socket];
    let ran = host.veerctl(&[&UPSTREAM[..], &arguments].concat());
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    assert_eq!(json["summary"]["outside"], 2, "{ran:?}");
    daemon.join().unwrap();
}

#[test]
fn everything_wrong_with_questions_is_told_before_anybody_is_asked() {
    let host = Host::without_daemon("");
    let questions = host.path("questions");
    fs::write(&questions, "www.example\nexample A\nexample NONSENSE\n").unwrap();
    let questions = questions.to_str().unwrap();
    let ran = host.veerctl(&[&UPSTREAM[..], &["--questions", questions]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    let lines: Vec<_> = ran.err.lines().collect();
    assert!(lines[0].starts_with(&format!("veerctl: {questions}:1: `www.example` is no")));
    assert!(lines[1].starts_with(&format!("veerctl: {questions}:3: `NONSENSE` is not")));
    assert_eq!(lines.len(), 2);

    fs::write(questions, "example A\n").unwrap();
    let ran = host.veerctl(&[&UPSTREAM[..], &["--questions", questions]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(
        ran.err.starts_with("veerctl: veerd is not running"),
        "{}",
        ran.err
    );
    let ran = host.veerctl(&UPSTREAM);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.starts_with("veerctl: veerd is not running"),
        "{}",
        ran.err
    );
    let ran = host.veerctl(&[&UPSTREAM[..], &["--questions", "/no/such/file"]].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.starts_with("veerctl: /no/such/file: "),
        "{}",
        ran.err
    );
}

#[test]
fn what_cannot_be_asked_for_is_told_with_what_can() {
    let host = Host::without_daemon("");
    for (arguments, said) in [
        (&["--upstream", "ns1.example"][..], "valid: an address"),
        (&["--upstream", "192.0.2.53", "--rate", "0"], "1..=1000"),
        (
            &["--upstream", "192.0.2.53", "--ignore", "all"],
            "possible values: no-answer, rcode",
        ),
        (
            &["--upstream", "192.0.2.53", "--zone", "a..b"],
            "valid: a domain name",
        ),
    ] {
        let arguments = [&["shadow", "--questions", "-"], arguments].concat();
        let ran = host.veerctl(&arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}
