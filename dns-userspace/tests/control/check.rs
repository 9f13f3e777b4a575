//! `veerctl check`, with and without a daemon.

use std::fs;

use crate::fake::Host;

const SERVICE: &str = "[[service]]\nname = \"www.example.\"\ncustomer = \"acme\"\n\
                       [service.policy]\nkind = \"failover\"\n\
                       [service.probe]\nkind = \"tcp\"\nport = 80\n\
                       [[service.server]]\nname = \"s1\"\naddresses = [\"192.0.2.1\"]\n";
const ZONE: &str =
    "$ORIGIN example.\n$TTL 60\n@ SOA ns1 admin 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.53\n";

/// Runs `check` with a file of that name, which the configuration does not have.
fn check(host: &Host, name: &str, text: &str, more: &[&str]) -> crate::fake::Ran {
    let directory = host.path("proposed");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join(name);
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    host.veerctl(&[&["check", file], more].concat())
}

#[test]
fn a_file_is_valid_where_it_would_stand() {
    let host = Host::without_daemon("");
    // Its zone is missing, which is no matter of the file's syntax.
    let ran = check(&host, "all.toml", SERVICE, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("veerctl: not valid\n"), "{}", ran.err);
    assert!(
        ran.err.contains("www.example. is in none of our zones"),
        "{}",
        ran.err
    );

    for (name, text) in [
        ("example.zone", ZONE),
        (
            "veer.conf",
            "server.addresses = 192.0.2.53\nedns.payload_bytes = 1400\n",
        ),
        ("90-more.conf", "edns.payload_bytes = 1400\n"),
        ("groups.conf", "192.0.2.0/24 isp-a\n"),
    ] {
        let ran = check(&host, name, text, &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        assert!(
            ran.out.contains("valid; with it the configuration holds"),
            "{}",
            ran.out
        );
        assert!(ran.out.contains("no veerd runs"), "{}", ran.out);
    }
    fs::create_dir_all(host.path("zones.d")).unwrap();
    fs::write(host.path("zones.d/example.zone"), ZONE).unwrap();
    let ran = check(&host, "all.toml", SERVICE, &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    assert_eq!(json["holds"]["services"], 1, "{json}");
    assert_eq!(json["holds"]["zones"], 1, "{json}");
    assert_eq!(json["difference"], serde_json::Value::Null);
    // It changed nothing.
    assert!(!host.path("services.d/all.toml").exists());
    let ran = host.veerctl(&["check"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out
            .starts_with("valid: the configuration holds 1 zone, 0 services"),
        "{}",
        ran.out
    );
}

#[test]
fn what_is_wrong_is_said_of_the_file_that_was_read() {
    let host = Host::without_daemon("");
    for (name, text, expected) in [
        (
            "all.toml",
            "[[service]]\nnam = 1\n",
            "proposed/all.toml:2: service.#1.nam: ",
        ),
        ("all.toml", "[[service\n", "proposed/all.toml:1"),
        (
            "x.conf",
            "edns.payload_bytes = 1\n",
            "proposed/x.conf:1: edns.payload_bytes: ",
        ),
        (
            "x.zone",
            "$ORIGIN example.\n@ A 1.2.3\n",
            "proposed/x.zone:2",
        ),
        (
            "x.yaml",
            "",
            "proposed/x.yaml: is of no known kind; valid: ",
        ),
    ] {
        let ran = check(&host, name, text, &[]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{name}");
        assert!(ran.err.contains(expected), "{expected}: {}", ran.err);
    }
    let ran = host.veerctl(&["check", "/nowhere/all.toml"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("/nowhere/all.toml: cannot be read: "),
        "{}",
        ran.err
    );
}

#[test]
fn a_running_daemon_says_what_would_change() {
    let host = Host::with_daemon(|_| {});
    let ran = check(&host, "90-more.conf", "edns.payload_bytes = 1400\n", &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out
            .contains("12.5 % of the demand would be answered otherwise"),
        "{}",
        ran.out
    );
    let host =
        Host::with_daemon(|fake| fake.mistakes = vec!["/etc/veer/veer.conf:3: a: b".to_owned()]);
    let ran = check(&host, "90-more.conf", "edns.payload_bytes = 1400\n", &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err
            .contains("refused by the running veerd\n/etc/veer/veer.conf:3: a: b"),
        "{}",
        ran.err
    );
}
