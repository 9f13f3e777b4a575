//! The decision log, as people and programs ask for it.

use crate::fake::Host;

#[test]
fn changes_are_told_for_people_and_for_programs() {
    let host = Host::with_daemon(|_| {});
    let ran = host.veerctl(&["log"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.ends_with("the log is empty\n"), "{}", ran.out);
    let state = host.dir.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let line = r#"{"at_unix_ms":1700000000123,"decided":{"cause":{"kind":"start"},"services":["www.example."],"moves":[{"groups":["isp-a"],"others":false,"from":null,"to":{"a":{"server":"s1"},"aaaa":"no_data"}},{"others":true,"from":{"a":{"server":"s1"},"aaaa":"no_data"},"to":{"a":{"server":"s2"},"aaaa":"no_data"}}]}}"#;
    let shares = r#"{"at_unix_ms":1700000001000,"decided":{"cause":{"kind":"time"},"services":["a.","b.","c.","d."],"more_services":5,"shares":[{"server":"s1","slots":512,"percent":50.0}],"moves":[]}}"#;
    let text = format!("{line}\n{shares}\n{{\"at_unix_ms\":1700000002000,\"lost\":2}}\n{{\"at");
    std::fs::write(state.join("decisions.jsonl"), text).unwrap();
    let ran = host.veerctl(&["log"]);
    let expected = "\
TIME                      SERVICES            GROUPS      DECISION                                      CAUSE
2023-11-14T22:13:20.123Z  www.example.        isp-a       A s1; AAAA none: no server has such an address  veerd began
2023-11-14T22:13:20.123Z  www.example.        all others  A s1 → s2                                     veerd began
2023-11-14T22:13:21.000Z  a., b., c., 6 more  all         s1 50.0 %                                     a hold is over
2023-11-14T22:13:22.000Z  -                   -           2 decisions lost                              -
the log begins at 2023-11-14T22:13:20.123Z
";
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&ran.out), words(expected), "{}{}", ran.out, ran.err);
    let ran = host.veerctl(&["log", "www.example", "--json", "--max", "1"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    assert_eq!(json["begins_unix_ms"], 1_700_000_000_123_u64, "{json:#}");
    assert_eq!(json["entries"][0]["lost"], 2, "{json:#}");
    assert_eq!(json["has_more"], true, "{json:#}");
    let ran = host.veerctl(&["log", "--since", "1h"]);
    assert!(!ran.out.contains("s1"), "{}", ran.out);
}

#[test]
fn what_is_no_time_and_no_name_is_refused() {
    let host = Host::with_daemon(|_| {});
    let explain = ["explain", "www.example", "--from", "192.0.2.1", "--at"];
    for (arguments, code, said) in [
        (vec!["log", "--since", "soon"], 2, "how long ago"),
        (vec!["log", "--max", "many"], 2, "--max"),
        (vec!["log", "a..b"], 1, "`a..b` is not a domain name"),
        ([&explain[..], &["yesterday"]].concat(), 2, "how long ago"),
        ([&explain[..], &["2026-02-30 99:00:00"]].concat(), 2, "UTC"),
        (
            [&explain[..], &["2999-01-01 00:00:00"]].concat(),
            1,
            "in the future",
        ),
    ] {
        let ran = host.veerctl(&arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
    let ran = host.veerctl(&[&explain[..], &["1h"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("not known"), "{}", ran.out);
}
