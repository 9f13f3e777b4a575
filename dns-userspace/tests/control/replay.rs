//! Recorded measurements under another configuration, without a daemon.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::fake::{Host, Ran, veerctl};

const ZONE: &str = "\
$ORIGIN example.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.53
";

/// `www.example.` with `s1` as long as it is better than so many milliseconds.
fn service(level: &str) -> String {
    format!(
        "[[service]]\nname = \"www.example.\"\ncustomer = \"acme\"\nttl_s = 20\n\
         [service.policy]\nkind = \"threshold\"\nmetric = \"connect_time_ms\"\nlevel = {level}\n\
         origins = [\"s1\"]\nhold_s = 0\nstep_percent = 100\n\
         [service.probe]\nkind = \"tcp\"\nport = 80\ninterval_ms = 10000\nweight_permille = 1000\n\
         [[service.server]]\nname = \"s1\"\naddresses = [\"192.0.2.1\"]\n\
         [[service.server]]\nname = \"s2\"\naddresses = [\"192.0.2.2\"]\n"
    )
}

/// Writes the rest of a configuration beside `veer.conf`.
fn configure(dir: &Path, level: &str) {
    for (file, text) in [
        ("zones.d/example.zone", ZONE.to_owned()),
        ("services.d/all.toml", service(level)),
    ] {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A host with the level 50, and a log in which `s1` takes 20 ms, from the fourth of ten
/// periods on 60, and `s2` 30; its last line is torn.
fn host() -> (Host, PathBuf) {
    let host = Host::without_daemon("");
    configure(host.dir.path(), "50");
    let begins = r#"{"begins":{"version":1,"at_unix_ms":1700000000000}}
{"target":{"number":0,"address":"192.0.2.1","probe":"tcp port 80","interval_ms":10000}}
{"target":{"number":1,"address":"192.0.2.2","probe":"tcp port 80","interval_ms":10000}}
"#;
    let measured = (0..=10_u64).map(|number| {
        let at = 1_700_000_000_000 + 10_000 * number;
        let ms = if number < 4 { 20 } else { 60 };
        format!(
            "{{\"pass\":[{at},0,{{\"connect_time_ms\":{ms}}}]}}\n\
             {{\"pass\":[{at},1,{{\"connect_time_ms\":30}}]}}\n"
        )
    });
    let log = begins.to_owned() + &measured.collect::<String>();
    let state = host.dir.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("measurements.jsonl"), log + "{\"pass\":[17").unwrap();
    (host, state)
}

/// A file that is to stand in the place of all services there are.
fn proposed(host: &Host, text: &str) -> PathBuf {
    let path = host.dir.path().join("all.toml");
    fs::write(&path, text).unwrap();
    path
}

/// `veerctl replay` of `log` with the configuration `other` against that of `host`.
fn replayed(host: &Host, log: &Path, other: &Path, more: &[&str]) -> Ran {
    let (log, against) = (log.to_str().unwrap(), host.dir.path().to_str().unwrap());
    let arguments = [&["replay", log, "--against", against], more].concat();
    veerctl(other, &arguments)
}

#[test]
fn what_would_have_differed_is_told_for_people_and_for_programs() {
    let (host, log) = host();
    let other = Host::without_daemon("");
    configure(other.dir.path(), "100");
    let ran = replayed(&host, &log, other.dir.path(), &[]);
    let expected = "\
2023-11-14T22:13:20.000Z to 2023-11-14T22:15:00.000Z: 22 measurements, 1 min 40 s count
60.0 % of the demand would have gone elsewhere
loads and times are those of what happened: another division would have changed them; services count alike

SERVICE       ELSEWHERE %     FLIPS/H  HANDED OVER %  NOBODY %            LATENCY  UNKNOWN %  LOAD %  UNKNOWN %
all                  60.0  36.0 → 0.0            0.0       0.0  26.0 ms → 44.0 ms        0.0       -      100.0
www.example.         60.0  36.0 → 0.0            0.0       0.0  26.0 ms → 44.0 ms        0.0       -      100.0

SERVICE       CANDIDATE       SHARE %            LATENCY  LOAD %
www.example.  s1         40.0 → 100.0  20.0 ms → 44.0 ms       -
www.example.  s2           60.0 → 0.0        30.0 ms → -       -
";
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out == expected,
        "got:\n{}\nexpected:\n{expected}",
        ran.out
    );

    let file = log.join("measurements.jsonl");
    let range = ["--json", "--from", "2023-11-14 22:14:00"];
    let ran = replayed(&host, &file, other.dir.path(), &range);
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    assert_eq!(json["all"]["elsewhere_percent"], 100.0, "{json:#}");
    assert_eq!(json["services"][0]["service"], "www.example.", "{json:#}");
    assert_eq!(json["services"][0]["then"]["latency_ms"], 60.0, "{json:#}");

    // A file in the place of the one of its name.
    let services = proposed(&host, &service("100"));
    let ran = replayed(&host, &log, &services, &[]);
    assert!(ran.out == expected, "{}{}", ran.out, ran.err);
}

#[test]
fn what_the_log_has_not_is_told() {
    let (host, log) = host();
    let more = "[[service.server]]\nname = \"s3\"\naddresses = [\"192.0.2.3\"]\n";
    let services = proposed(&host, &(service("50") + more));
    let ran = replayed(&host, &log, &services, &[]);
    let told = "then: of 1 of 3 targets nothing is recorded, they count as not measured: \
                192.0.2.3 (tcp port 80)\n";
    assert!(ran.out.contains(told), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("0.0 % of the demand"), "{}", ran.out);
}

#[test]
fn what_cannot_be_replayed_is_told_with_its_place() {
    let (host, log) = host();
    let services = proposed(&host, &service("100"));
    let wrong = host.dir.path().join("wrong.toml");
    fs::write(&wrong, service("\"slow\"")).unwrap();
    let torn = host.dir.path().join("torn.jsonl");
    fs::write(
        &torn,
        "{\"begins\":{\"version\":1,\"at_unix_ms\":1}}\n{\"pa",
    )
    .unwrap();
    let newer = host.dir.path().join("newer.jsonl");
    fs::write(&newer, "{\"begins\":{\"version\":9,\"at_unix_ms\":1}}\n").unwrap();
    let zone = host.dir.path().join("zones.d/example.zone");
    let none = host.dir.path().join("none");
    let future = ["--from", "2999-01-01 00:00:00"];
    for (log, other, more, said) in [
        (&log, &wrong, &[][..], "wrong.toml:8: "),
        (&log, &none, &[], "none: no such directory"),
        (
            &log,
            &host.dir.path().to_owned(),
            &[],
            "held against itself",
        ),
        (&none, &services, &[], "none: No such file"),
        (
            &zone,
            &services,
            &[],
            "example.zone:1: this is no measurement log",
        ),
        (
            &newer,
            &services,
            &[],
            "newer.jsonl:1: a measurement log of version 9; valid: version 1",
        ),
        (&torn, &services, &[], "torn.jsonl: no measurements"),
        (
            &host.dir.path().to_owned(),
            &services,
            &[],
            "there is no measurement log (log.measurements_mib above 0 makes one)",
        ),
        (
            &log,
            &services,
            &future,
            "the log is from 2023-11-14T22:13:20.000Z to 2023-11-14T22:15:00.000Z",
        ),
        (
            &log,
            &services,
            &["--from", "1h", "--to", "2h"],
            "--from is not before --to",
        ),
    ] {
        let ran = replayed(&host, log, other, more);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{said}");
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    let ran = replayed(&host, &log, &services, &["--from", "soon"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("how long ago"), "{}", ran.err);
}
