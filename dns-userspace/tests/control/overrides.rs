//! What operators say: over a real socket, by `veerctl`, and by its JSON.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
};

use crate::fake::Host;

#[test]
fn an_order_is_told_for_people_and_for_programs() {
    let host = Host::with_daemon(|_| {});
    for (arguments, human) in [
        (
            &["state", "s1", "drain"][..],
            "drain s1 of all services: 2 services, until it is ended\n",
        ),
        (
            &["state", "s2", "down", "--service", "www.example", "--force"],
            "down s2 of www.example.: 1 service, until it is ended\n\
             generation 9 tells apart services that shared their decisions\n",
        ),
        (&["state", "s1", "auto"], "nothing to end\n"),
        (
            &["freeze", "--customer", "acme"],
            "freeze customer acme: 2 services, until it is ended\n",
        ),
        (&["thaw"], "nothing to end\n"),
        (
            &["pin", "www.example.", "isp-a", "s2"],
            "pin isp-a to s2 of www.example.: 1 service, until it is ended\n\
             generation 9 tells apart services that shared their decisions\n",
        ),
        (&["unpin", "www.example.", "isp-a"], "nothing to end\n"),
    ] {
        let ran = host.veerctl(arguments);
        let ran = (ran.code, ran.out.as_str(), ran.err.as_str());
        assert_eq!(ran, (0, human, ""), "{arguments:?}");
        let ran = host.veerctl(&[arguments, &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!(json.get("services").is_some(), "{json}");
    }
}

#[test]
fn user_reason_and_end_arrive() {
    let host = Host::with_daemon(|_| {});
    let ran = host.veerctl(&[
        "--json",
        "state",
        "s1",
        "drain",
        "--for",
        "1h 30min",
        "--reason",
        "new kernel",
    ]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let made = &json["made"];
    // Whoever runs this, as the kernel says and `id` calls it.
    let id = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let user = String::from_utf8(id.stdout).unwrap();
    assert_eq!(made["user"], user.trim(), "{json}");
    assert_eq!(made["reason"], "new kernel");
    let since = made["since_unix_ms"].as_u64().unwrap();
    assert_eq!(made["until_unix_ms"], since + 5_400_000);
    assert_eq!(made["addresses"], serde_json::json!(["192.0.2.1"]));
}

#[test]
fn an_override_that_is_not_kept_is_said_to_be_so() {
    let fault = "writing /var/lib/veer/overrides.json: no space";
    let host = Host::with_daemon(|fake| fake.not_kept = Some(fault.to_owned()));
    let ran = host.veerctl(&["state", "s1", "drain"]);
    let expected = format!("holds, but a restart of veerd will not know: {fault}\n");
    assert!(ran.code == 0 && ran.out.ends_with(&expected), "{ran:?}");
}

#[test]
fn a_wrong_order_is_one_line_and_exit_status_1() {
    let host = Host::with_daemon(|_| {});
    for (arguments, expected) in [
        (
            &["state", "s3", "down"][..],
            "veerctl: `s3` is not a server of all services; nearest: s1, s2\n",
        ),
        (
            &["state", "s1", "auto", "--for", "1h"],
            "veerctl: a time is for what begins; this ends an override\n",
        ),
        (
            &["state", "s1", "drain", "--for", "0s"],
            "veerctl: an override holds for 1 s to 3650 days, or until it is ended\n",
        ),
        (
            &["freeze", "--customer", "acne"],
            "veerctl: `acne` is not a customer with services; nearest: acme\n",
        ),
        (
            &["pin", "www.example", "isp-b", "s2"],
            "veerctl: `isp-b` is not a resolver group; nearest: isp-a, default\n",
        ),
    ] {
        let ran = host.veerctl(arguments);
        let ran = (ran.code, ran.out.as_str(), ran.err.as_str());
        assert_eq!(ran, (1, "", expected), "{arguments:?}");
    }
}

#[test]
fn wrong_usage_is_exit_status_2() {
    let host = Host::with_daemon(|_| {});
    for arguments in [
        &["state", "s1"][..],
        &["state", "s1", "dwon"],
        &["state", "s1", "down", "--for", "soon"],
        &["pin", "www.example", "isp-a"],
        &["freeze", "acme"],
    ] {
        let ran = host.veerctl(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
    }
}

#[test]
fn an_order_that_makes_no_sense_is_refused_and_the_connection_stays() {
    let host = Host::with_daemon(|_| {});
    let stream = UnixStream::connect(host.socket()).unwrap();
    let ask = |request: &str| {
        (&stream).write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        line
    };
    for request in [
        r#"{"request":"override"}"#,
        r#"{"request":"override","order":"halt"}"#,
        r#"{"request":"override","order":"state","server":"s1","state":"sideways"}"#,
        r#"{"request":"override","order":"freeze","for_ms":-1}"#,
    ] {
        let line = ask(&format!("{request}\n"));
        assert!(
            line.starts_with(r#"{"error":{"refused":["not a request"#),
            "{line}"
        );
    }
    // What may be left out may be left out here too.
    let line = ask("{\"request\":\"override\",\"order\":\"freeze\"}\n");
    assert!(
        line.starts_with(r#"{"ok":{"made":{"kind":"freeze","scope":"all""#),
        "{line}"
    );
}
