//! `veerctl`'s commands, with and without a daemon.

use std::{fs, os::unix::net::UnixListener, time::Duration};

use veer::control::health::Subject;

use crate::fake::Host;

#[test]
fn commands_print_for_people_and_for_programs() {
    let host = Host::with_daemon(|_| {});
    for (arguments, human, key) in [
        (&["status"][..], "veerd 0.1.0, process 4242", "pid"),
        (&["states"], "no servers are configured", "targets"),
        (&["stats"], "no query yet", "userspace"),
        (&["health"], "healthy\n", "checks"),
        (&["reload"], "reloaded in 12 ms: generation 8", "generation"),
        (&["generations"], "none is kept", "generations"),
        (
            &["revert", "5", "--force"],
            "reverted to generation 5 in 12 ms: generation 8",
            "reverted_to",
        ),
        (
            &["diff"],
            "12.5 % of the demand would be answered otherwise",
            "services",
        ),
        (&["detach"], "detached; the pins at", "was_attached"),
        (
            &[
                "explain",
                "www.example",
                "--type",
                "aaaa",
                "--from",
                "192.0.2.1",
            ],
            "www.example. AAAA from 192.0.2.1",
            "origin",
        ),
    ] {
        let ran = host.veerctl(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.out.contains(human), "{}", ran.out);
        assert!(!ran.out.contains('\x1b'), "{}", ran.out);

        let ran = host.veerctl(&[&["--json"], arguments].concat());
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!(json.get(key).is_some(), "{json}");
        let after = host.veerctl(&[arguments, &["--json"]].concat());
        assert_eq!(after.out, ran.out);
    }
}

#[test]
fn the_socket_can_be_given() {
    let daemon = Host::with_daemon(|_| {});
    let elsewhere = Host::without_daemon("");
    let socket = daemon.socket();
    let socket = socket.to_str().unwrap();
    let ran = elsewhere.veerctl(&["status", "--socket", socket]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_refused_reload_lists_every_finding() {
    let mistakes = ["/etc/veer/veer.conf:3: a: b", "/etc/veer/groups.conf:9: c"];
    let host = Host::with_daemon(|fake| fake.mistakes = mistakes.map(str::to_owned).into());
    let ran = host.veerctl(&["reload"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let lines: Vec<_> = ran.err.lines().collect();
    assert!(lines[0].starts_with("veerctl: reload refused"));
    assert_eq!(lines[1..], mistakes);
    let ran = host.veerctl(&["revert", "5"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.starts_with("veerctl: revert refused"),
        "{}",
        ran.err
    );
}

#[test]
fn a_generation_is_a_number() {
    let host = Host::without_daemon("");
    for arguments in [
        &["revert"][..],
        &["revert", "last"],
        &["revert", "--", "-1"],
    ] {
        let ran = host.veerctl(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains("<GENERATION>"), "{}", ran.err);
    }
}

#[test]
fn without_a_daemon_commands_fail_with_one_line() {
    let host = Host::without_daemon("");
    for arguments in [
        &["status"][..],
        &["states"],
        &["stats"],
        &["reload"],
        &["explain", "www.example", "--from", "192.0.2.1"],
    ] {
        let ran = host.veerctl(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        let socket = host.socket();
        let expected = format!(
            "veerctl: veerd is not running: nobody answers at {}: No such file",
            socket.display()
        );
        assert!(ran.err.starts_with(&expected), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn a_killed_daemons_socket_counts_as_none() {
    let host = Host::without_daemon("");
    fs::create_dir(host.socket().parent().unwrap()).unwrap();
    drop(UnixListener::bind(host.socket()).unwrap());
    let ran = host.veerctl(&["status"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("Connection refused"), "{}", ran.err);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let host = Host::with_daemon(|_| {});
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_veerctl"))
        .args(["--socket", host.socket().to_str().unwrap(), "-a"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Looking for pins is a bpf(2) call even where there are none, so these need
/// the privilege that a detach needs.
#[test]
fn detach_works_without_a_daemon() {
    let host = Host::without_daemon("");
    let ran = host.veerctl(&["detach"]);
    let pins = host.dir.path().join("no-pins");
    let expected = format!("nothing was attached through {}\n", pins.display());
    assert_eq!((ran.code, ran.out), (0, expected), "{}", ran.err);

    let given = host.veerctl(&["detach", "--json", "--pin-path", "/nonexistent/pins"]);
    let json: serde_json::Value = serde_json::from_str(&given.out).unwrap();
    let expected = serde_json::json!({"was_attached": false, "pin_path": "/nonexistent/pins"});
    assert_eq!((given.code, json), (0, expected), "{}", given.err);
}

#[test]
fn detach_does_not_wait_for_a_daemon_that_hangs() {
    let host = Host::with_daemon(|fake| fake.detach_takes = Duration::from_mins(1));
    let ran = host.veerctl(&["detach"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("nothing was attached"), "{}", ran.out);
    let expected = "does not answer within 500 ms; detaching without it\n";
    assert!(ran.err.ends_with(expected), "{}", ran.err);
}

#[test]
fn detach_leaves_a_daemon_alone_that_runs_another_pin_path() {
    let host = Host::with_daemon(|fake| fake.pin_path = "/nonexistent/theirs".into());
    let other = host.veerctl(&["detach", "--pin-path", "/nonexistent/ours"]);
    assert_eq!(
        other.out,
        "nothing was attached through /nonexistent/ours\n"
    );
    let same = host.veerctl(&["detach", "--pin-path", "/nonexistent/theirs"]);
    assert!(same.out.starts_with("detached;"), "{}", same.out);
}

#[test]
fn detach_removes_nothing_outside_a_bpf_file_system() {
    let host = Host::without_daemon("");
    let kept = host.dir.path().join("precious/papers");
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::write(&kept, "").unwrap();
    let ran = host.veerctl(&["detach", "--pin-path", host.dir.path().to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("is not on a BPF file system"),
        "{}",
        ran.err
    );
    assert!(kept.exists());
}

#[test]
fn health_is_an_exit_status() {
    let ill = Host::with_daemon(|fake| fake.ill = Some(Subject::Probes));
    let ran = ill.veerctl(&["health"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
    let mut lines = ran.out.lines();
    assert_eq!(lines.next(), Some("unhealthy"));
    let first = lines.nth(1).unwrap_or_default();
    assert!(
        first.starts_with("probes") && first.ends_with("0 of 6 targets"),
        "what failed is first: {}",
        ran.out
    );
    let ran = ill.veerctl(&["health", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &json["healthy"]), (1, &false.into()));

    let nobody = Host::without_daemon("");
    let ran = nobody.veerctl(&["health"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.starts_with("veerctl: veerd is not running"),
        "{}",
        ran.err
    );
}
