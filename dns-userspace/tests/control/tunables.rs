//! `veerctl -a`, `KEY` and `-w`, as sysctl(8) does them.

use std::path::Path;

use crate::fake::{Host, veerctl};

#[test]
fn keys_are_read_in_each_form() {
    let host = Host::with_daemon(|_| {});
    for (arguments, out) in [
        (&["server.port"][..], "server.port = 53\n"),
        (&["server/port"], "server.port = 53\n"),
        (&["-n", "server.port"], "53\n"),
        (&["-N", "server.port"], "server.port\n"),
        (
            &["log.level", "server.port"],
            "log.level = info\nserver.port = 53\n",
        ),
    ] {
        let ran = host.veerctl(arguments);
        assert_eq!(
            (ran.code, ran.out.as_str(), ran.err.as_str()),
            (0, out, ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn all_are_listed_by_key() {
    let host = Host::with_daemon(|_| {});
    let ran = host.veerctl(&["-a"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("\nserver.addresses = 192.0.2.53\n"));
    let names = host.veerctl(&["-N", "-a"]).out;
    let keys: Vec<_> = ran
        .out
        .lines()
        .map(|line| line.split(" = ").next())
        .collect();
    assert_eq!(keys, names.lines().map(Some).collect::<Vec<_>>());
    assert!(names.lines().is_sorted());
    let values = host.veerctl(&["-n", "-a"]).out;
    assert_eq!(values.lines().count(), names.lines().count());
}

#[test]
fn an_unknown_key_is_an_error_and_the_others_are_read() {
    let host = Host::with_daemon(|_| {});
    let ran = host.veerctl(&["server.prot", "log.level"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "log.level = info\n"));
    let expected = "veerctl: cannot stat server.prot: no such tunable; nearest: server.port";
    assert!(ran.err.starts_with(expected), "{}", ran.err);

    let ignored = host.veerctl(&["-e", "server.prot", "log.level"]);
    assert_eq!((ignored.code, ignored.err.as_str()), (0, ""));
    assert_eq!(ignored.out, "log.level = info\n");
    let ignored = host.veerctl(&["-e", "-w", "server.prot=1"]);
    assert_eq!((ignored.code, ignored.out.as_str()), (0, ""));
}

#[test]
fn a_mistyped_command_is_told_the_commands() {
    let ran = Host::with_daemon(|_| {}).veerctl(&["statsu"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("; commands: status, states, stats, health, groups"),
        "{}",
        ran.err
    );
}

#[test]
fn setting_prints_what_is_set_then() {
    let host = Host::with_daemon(|_| {});
    let ran = host.veerctl(&["-w", "log.level=debug", "xdp.on_exit=detach"]);
    assert_eq!(ran.out, "log.level = debug\nxdp.on_exit = detach\n");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(host.veerctl(&["-n", "log.level"]).out, "debug\n");
    // As with sysctl(8), an operand with a value sets without -w too.
    assert_eq!(host.veerctl(&["-n", "log.level=warn"]).out, "warn\n");
    assert_eq!(host.veerctl(&["-n", "log.level"]).out, "warn\n");
}

#[test]
fn what_cannot_be_set_is_an_error_and_the_others_are_set() {
    let host = Host::with_daemon(|_| {});
    for (assignment, expected) in [
        (
            "server.port=5353",
            "setting key \"server.port\": does not change at once; write `server.port = 5353` to ",
        ),
        (
            "log/level=loud",
            "setting key \"log.level\": `loud` is not a choice; valid: ",
        ),
        (
            "tcp.idle_ms=10s",
            "setting key \"tcp.idle_ms\": `10s` is not an integer; valid: 100 to 3600000 milliseconds",
        ),
        (
            "log.level",
            "command line(0): invalid syntax, continuing...; ",
        ),
    ] {
        let ran = host.veerctl(&["-w", assignment, "health.suspect_percent=60"]);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (1, "health.suspect_percent = 60\n")
        );
        assert!(ran.err.contains(expected), "{}", ran.err);
    }
}

#[test]
fn json_is_an_object_of_the_tunables() {
    let host = Host::with_daemon(|_| {});
    let ran = host.veerctl(&["--json", "server.port", "log.level"]);
    let read: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let expected = serde_json::json!({"log.level": "info", "server.port": "53"});
    assert_eq!((ran.code, read), (0, expected));
}

#[test]
fn wrong_usage_exits_2() {
    let host = Host::with_daemon(|_| {});
    for arguments in [
        &["--json"][..],
        &["-a", "log.level=info"],
        &["-a", "-w", "log.level=info"],
        &["-a", "--system"],
        &["-b", "--json", "log.level"],
        &["-r", "(", "-a"],
        &["-n", "status"],
        &["explain", "www.example."],
        &["--frobnicate"],
    ] {
        let ran = host.veerctl(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
    }
}

#[test]
fn without_a_daemon_the_files_are_read() {
    let host = Host::without_daemon("log.level = warn\n");
    for (arguments, out) in [
        (&["log.level"][..], "log.level = warn\n"),
        (&["-n", "server.port"], "53\n"),
    ] {
        let ran = host.veerctl(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (0, out));
        assert!(
            ran.err.starts_with("veerctl: veerd is not running:"),
            "{}",
            ran.err
        );
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    let all = host.veerctl(&["-a"]);
    assert!(all.out.contains("log.level = warn\n"));
    assert_eq!(host.veerctl(&["no.such"]).code, 1);
}

#[test]
fn without_a_daemon_mistakes_in_the_files_are_told() {
    let host = Host::without_daemon("log.level = loud\n");
    let ran = host.veerctl(&["log.level"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "log.level = info\n"));
    assert!(ran.err.contains("veer.conf:4: log.level: "), "{}", ran.err);
}

#[test]
fn without_a_daemon_nothing_is_set() {
    let host = Host::without_daemon("");
    let ran = host.veerctl(&["-w", "log.level=warn"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("veerctl: veerd is not running:"));
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
}

#[test]
fn without_a_daemon_files_are_checked_and_not_set() {
    let host = Host::without_daemon("log.level = warn\n");
    for arguments in [&["-p"][..], &["--system"]] {
        let ran = host.veerctl(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        assert!(ran.err.starts_with("veerctl: veerd is not running:"));
    }
    let ran = host.veerctl(&["--dry-run", "-p"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.ends_with("log.level = warn\n"), "{}", ran.out);
    let ran = host.veerctl(&["--dry-run", "log.level=loud", "rrl.slip=3"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "rrl.slip = 3\n"));
}

#[test]
fn a_dry_run_sets_nothing() {
    let host = Host::with_daemon(|_| {});
    let ran = host.veerctl(&["--dry-run", "log.level=debug", "log.level"]);
    assert_eq!(ran.out, "log.level = debug\nlog.level = info\n");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_file_sets_what_it_can() {
    let host = Host::with_daemon(|_| {});
    let file = host.path("more.conf");
    let text = "log.level = loud\n-log.level = louder\nhealth.sus*_percent = 60\n\
                server.port = 53\nserver.port = 54\nnot a line\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let ran = host.veerctl(&["-p", file, "/nonexistent/a.conf"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (1, "health.suspect_percent = 60\nserver.port = 53\n")
    );
    let complaints = [
        format!("{file}(6): invalid syntax, continuing...; valid: key = value"),
        "cannot open \"/nonexistent/a.conf\": No such file".to_owned(),
        "setting key \"log.level\": `loud` is not a choice; ".to_owned(),
        "setting key \"server.port\": does not change at once; ".to_owned(),
    ];
    let said: Vec<_> = ran.err.lines().collect();
    assert_eq!(said.len(), complaints.len(), "{}", ran.err);
    for (said, complaint) in said.iter().zip(complaints) {
        assert!(said.starts_with(&format!("veerctl: {complaint}")), "{said}");
    }
    let json = host.veerctl(&["-p", "--json", "-r", "health", file]).out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, serde_json::json!({"health.suspect_percent": "60"}));
}

#[test]
fn all_files_are_applied_in_their_order() {
    let host = Host::with_daemon(|_| {});
    std::fs::create_dir(host.path("veer.d")).unwrap();
    for (file, text) in [
        ("veer.d/20-b.conf", "log.level = trace\n"),
        ("veer.d/10-a.conf", "log.level = debug\nno.such = 1\n"),
        ("veer.d/.30-c.conf", "log.level = error\n"),
    ] {
        std::fs::write(host.path(file), text).unwrap();
    }
    let ran = host.veerctl(&["--system", "-r", "^log"]);
    let applying = |file| format!("* Applying {} ...\n", host.path(file).display());
    let files = ["veer.d/10-a.conf", "veer.d/20-b.conf", "veer.conf"];
    let expected = files.map(applying).concat() + "log.level = debug\nlog.level = trace\n";
    assert_eq!((ran.code, ran.out, ran.err.as_str()), (0, expected, ""));
    let socket = host.socket();
    let nowhere = ["--system", "--socket", socket.to_str().unwrap()];
    let ran = veerctl(Path::new("/nonexistent"), &nowhere);
    let expected = "veerctl: cannot open \"/nonexistent\": ";
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with(expected), "{}", ran.err);
}

#[test]
fn a_check_tells_what_a_file_sets_twice() {
    let host = Host::without_daemon("log.level = info\nlog.level = warn\n");
    let ran = host.veerctl(&["check"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let expected = "veer.conf:5: log.level: is set in line 4 too; this one counts\n";
    assert!(ran.err.ends_with(expected), "{}", ran.err);
}
