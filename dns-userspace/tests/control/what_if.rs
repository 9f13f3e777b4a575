//! Suppositions, as people and programs make them.

use crate::fake::Host;

#[test]
fn what_would_be_decided_is_told_for_people_and_for_programs() {
    let host = Host::with_daemon(|_| {});
    let down = ["what-if", "www.example", "--server", "s1=down"];
    let ran = host.veerctl(&down);
    let expected = "\
SERVICE       GROUPS  DEMAND %  A NOW  A THEN  AAAA NOW                              AAAA THEN
www.example.  all        100.0  s1     s2      none: no server has such an address  none: no server has such an address
";
    assert_eq!(
        (ran.code, ran.out.replace("  ", " ")),
        (0, expected.replace("  ", " ")),
        "{}",
        ran.err
    );
    let values = [
        "--metric",
        "s1.connect_time_ms=9",
        "--metric",
        "s2.connect_time_ms=1.5",
    ];
    let one = ["what-if", "www.example", "--json", "--from", "192.0.2.1"];
    let ran = host.veerctl(&[&one[..], &values].concat());
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect(&ran.err);
    assert_eq!(json[0]["moves"][0]["groups"][0], "default", "{json:#}");
    assert_eq!(json[0]["moves"][0]["to"]["a"]["server"], "s2", "{json:#}");
}

#[test]
fn what_cannot_be_supposed_is_told_with_what_can() {
    let host = Host::with_daemon(|_| {});
    for (arguments, code, said) in [
        (&["www.example"][..], 1, "nothing is supposed"),
        (&["www.example", "--server", "s1=ill"], 2, "valid: up, down"),
        (&["www.example", "--server", "s1"], 2, "valid: SERVER=up"),
        (
            &["www.example", "--metric", "s1.speed=1"],
            2,
            "no metric; valid: response_time_ms",
        ),
        (
            &["www.example", "--metric", "s1.cost=much"],
            2,
            "`much` is no number",
        ),
        (&["--server", "s1=up"], 2, "NAME"),
        (
            &["www.example", "--server", "s3=up"],
            1,
            "`s3` is no server of these; valid: s1, s2",
        ),
        (
            &["www.example", "--metric", "s1.loss_percent=1"],
            1,
            "valid: connect_time_ms",
        ),
        (
            &["mail.example", "--server", "s1=up"],
            1,
            "`mail.example` is no service's name",
        ),
    ] {
        let ran = host.veerctl(&[&["what-if"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}
