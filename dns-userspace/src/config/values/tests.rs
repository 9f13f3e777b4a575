use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::config::{
    kind::Kind,
    settings::Settings,
    tests::{ADDRESSES, assert_finding, directory, load_directory, load_files},
};

#[test]
fn every_default_is_valid_and_makes_settings() {
    let values = Values::defaults(Path::new("/etc/veer"));
    for tunable in TUNABLES {
        if let Some(default) = tunable.default {
            let value = tunable.kind.check(default).map(|value| value.to_string());
            assert_eq!(value.as_deref(), Ok(default), "{}", tunable.key);
        }
    }
    let settings = Settings::new(&values);
    assert_eq!(settings.zones_directory, Path::new("/etc/veer/zones.d"));
    assert_eq!(settings.control_socket, Path::new("/run/veer/veerd.sock"));
    assert_eq!(settings.publish_core, None);
    assert_eq!(settings.workers, None);
    assert_eq!(settings.xdp_interface, None);
}

#[test]
fn both_ends_of_every_range_and_every_choice_make_settings() {
    for tunable in TUNABLES {
        let texts: Vec<String> = match tunable.kind {
            Kind::Integer { min, max } => vec![min.to_string(), max.to_string()],
            Kind::PowerOfTwo { max } => vec!["1".to_owned(), max.to_string()],
            Kind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Kind::Addresses { .. } => vec!["192.0.2.1,2001:db8::1".to_owned()],
            Kind::Prefixes => vec![String::new(), "192.0.2.0/24, 2001:db8::1".to_owned()],
            Kind::Interface => vec!["eth0.53".to_owned()],
            Kind::Text { max } => vec![String::new(), "~".repeat(max)],
            Kind::Endpoint => vec![
                String::new(),
                "127.0.0.1:9153".to_owned(),
                "[2001:db8::1]:65535".to_owned(),
            ],
            Kind::Path | Kind::AbsolutePath => vec!["/tmp/a b".to_owned()],
            Kind::OptionalPath => vec![String::new(), "a b".to_owned()],
        };
        for text in texts {
            let mut values = Values::defaults(Path::new("/etc/veer"));
            let mut found = Diagnostics::default();
            let line = format!("{} = {text}", tunable.key);
            values.read_text(Path::new("veer.conf"), &line, &mut found);
            assert_eq!(found, Diagnostics::default());
            let _: Settings = Settings::new(&values);
        }
    }
}

#[test]
fn keys_are_distinct_and_follow_their_form() {
    let mut keys: Vec<_> = TUNABLES.iter().map(|tunable| tunable.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), TUNABLES.len());
    for tunable in TUNABLES {
        let form = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '.');
        assert!(tunable.key.chars().all(form) && tunable.key.contains('.'));
        assert!(tunable.sentence.ends_with('.'), "{}", tunable.key);
    }
}

#[test]
fn syntax_is_that_of_sysctl() {
    let text = "# comment\n; comment\n\n  \t\n  server.port=1\n\
                tcp/idle_ms = 200\r\n\
                -tables.names = none\n-no.such.key = 1\n- tcp.connections_max = 7\n\
                server.port = 2\n\
                xdp.interface =\n\
                server.addresses = 192.0.2.1,2001:db8::1  192.0.2.2\n";
    let config = load_files(&[("veer.conf", text)]).unwrap();
    let settings = config.settings;
    assert_eq!(settings.port, 2, "the last of a file wins");
    assert_eq!(settings.tcp_idle.as_millis(), 200);
    assert_eq!(settings.tcp_connections_max, 7);
    assert_eq!(settings.tables.names, 65_536);
    assert_eq!(settings.xdp_interface, None);
    let addresses = ["192.0.2.1", "2001:db8::1", "192.0.2.2"];
    assert_eq!(
        settings.addresses,
        addresses.map(|text| text.parse::<IpAddr>().unwrap())
    );
    assert_eq!(config.values.place("tcp.idle_ms").unwrap().line, 6);
    assert_eq!(config.values.place("tables.names"), None);
}

#[test]
fn what_files_set_by_glob_is_what_no_file_names() {
    let config = load_files(&[
        ("veer.d/10-a.conf", "rrl.slip = 7\n-rrl.error_per_second\n"),
        (
            "veer.conf",
            "rrl.* = 9\nrrl.*_prefix_bits = 20\n-rrl.exempt\n-no.such\n-no.such.* = 1\n",
        ),
    ]);
    let values = config.unwrap().values;
    for (key, value) in [
        ("rrl.slip", "7"),
        ("rrl.negative_per_second", "9"),
        ("rrl.error_per_second", "200"),
        ("rrl.ipv6_prefix_bits", "20"),
        ("rrl.exempt", ""),
    ] {
        assert_eq!(values.get(key, Form::Value).unwrap(), value, "{key}");
    }
    assert_eq!(values.repeated().0, []);
}

#[test]
fn what_one_file_sets_twice_is_told_and_the_last_counts() {
    let config = load_files(&[
        ("veer.d/10-a.conf", "server.port = 10\n"),
        ("veer.conf", "server.port = 20\nserver/port = 30\n"),
    ]);
    let values = config.unwrap().values;
    assert_eq!(values.get("server.port", Form::Value).unwrap(), "30");
    let told = values.repeated().to_string();
    let expected = "veer.conf:2: server.port: is set in line 1 too; this one counts";
    assert!(told.ends_with(expected), "{told}");
    assert_eq!(values.repeated().0.len(), 1);
}

#[test]
fn drop_ins_come_by_name_and_the_main_file_last() {
    let config = load_files(&[
        (
            "veer.d/10-a.conf",
            "server.port = 10\ntcp.idle_ms = 1000\nlog.level = warn",
        ),
        ("veer.d/20-b.conf", "server.port = 20\ntcp.idle_ms = 2000"),
        ("veer.d/30-c.conf.bak", "server.port = 30"),
        ("veer.conf", "server.port = 40"),
    ]);
    let values = config.unwrap().values;
    assert_eq!(values.get("server.port", Form::Value).unwrap(), "40");
    assert_eq!(values.get("tcp.idle_ms", Form::Value).unwrap(), "2000");
    assert_eq!(values.get("log.level", Form::Value).unwrap(), "warn");
}

/// Each mistake: a line, and the finding.
const MISTAKES: &[(&str, &str)] = &[
    (
        "server.prot = 53",
        "server.prot: unknown key; nearest: server.port, ",
    ),
    (
        "server/prot = 53",
        "server.prot: unknown key; nearest: server.port, ",
    ),
    (
        "server.port/x = 53",
        "server.port/x: unknown key; nearest: server.port, ",
    ),
    (
        "server.port = dns",
        "server.port: `dns` is not an integer; valid: 1 to 65535",
    ),
    (
        "server.port =",
        "server.port: `` is not an integer; valid: 1 to 65535",
    ),
    (
        "server.port = 0",
        "server.port: `0` is out of range; valid: 1 to 65535",
    ),
    (
        "server.port = 65536",
        "server.port: `65536` is out of range; valid: 1 to 65535",
    ),
    (
        "server.port = 99999999999999999999",
        "server.port: `99999999999999999999` is out of range; valid: 1 to 65535",
    ),
    (
        "server.port = 53 # dns",
        "server.port: `53 # dns` is not an integer; valid: 1 to 65535 (a comment stands on a line of its own)",
    ),
    (
        "publish.core = -2",
        "publish.core: `-2` is out of range; valid: -1 to 4095",
    ),
    (
        "tables.groups = 4097",
        "tables.groups: `4097` is out of range; valid: a power of two from 1 to 65536",
    ),
    (
        "tables.groups = 131072",
        "tables.groups: `131072` is out of range; valid: a power of two",
    ),
    (
        "tables.groups = 0",
        "tables.groups: `0` is out of range; valid: a power of two",
    ),
    (
        "xdp.mode = skb",
        "xdp.mode: `skb` is not a choice; valid: native, generic, off",
    ),
    (
        "log.level = INFO",
        "log.level: `INFO` is not a choice; valid: error, warn, info, debug, trace",
    ),
    (
        "xdp.interface = a/b",
        "xdp.interface: `a/b` cannot be an interface's name; valid: ",
    ),
    (
        "xdp.interface = sixteen-bytes-xx",
        "xdp.interface: `sixteen-bytes-xx` cannot be an interface's name; valid: ",
    ),
    (
        "xdp.pin_path = veer",
        "xdp.pin_path: `veer` is not an absolute path; valid: an absolute path",
    ),
    (
        "zones.directory =",
        "zones.directory: `` is not a path; valid: a path",
    ),
    (
        "zones.directory = a\u{7}",
        "zones.directory: `a\\u{7}` holds a control character; valid: a path",
    ),
    (
        "server.addresses = ,",
        "server.addresses: `,` holds no address; valid: 1 to 64 different unicast IP addresses",
    ),
    (
        "server.addresses = host",
        "server.addresses: `host` is not an IP address; valid: a unicast",
    ),
    (
        "server.addresses = 0.0.0.0",
        "server.addresses: `0.0.0.0` is the unspecified address; valid: ",
    ),
    (
        "server.addresses = ::",
        "server.addresses: `::` is the unspecified address; valid: ",
    ),
    (
        "server.addresses = 224.0.0.1",
        "server.addresses: `224.0.0.1` is a multicast address; valid: ",
    ),
    (
        "server.addresses = ff02::1",
        "server.addresses: `ff02::1` is a multicast address; valid: ",
    ),
    (
        "server.addresses = 255.255.255.255",
        "server.addresses: `255.255.255.255` is the broadcast address; valid: ",
    ),
    (
        "server.addresses = ::ffff:192.0.2.1",
        "server.addresses: `::ffff:192.0.2.1` is an IPv4 address written as IPv6; valid: ",
    ),
    (
        "server.addresses = ::1 0:0::1",
        "server.addresses: ::1 is listed twice; valid: ",
    ),
    (
        "edns.payload_bytes = 511",
        "edns.payload_bytes: `511` is out of range; valid: 512 to 4096",
    ),
    (
        "edns.client_subnet = yes",
        "edns.client_subnet: `yes` is not a choice; valid: off, on, trusted",
    ),
    (
        "cookie.enabled = 1",
        "cookie.enabled: `1` is not a choice; valid: on, off",
    ),
    (
        "cookie.secret_file = a\u{7}",
        "cookie.secret_file: `a\\u{7}` holds a control character; valid: a path, absolute or relative to the configuration directory, or nothing",
    ),
    (
        "rrl.ipv6_prefix_bits = 65",
        "rrl.ipv6_prefix_bits: `65` is out of range; valid: 1 to 64",
    ),
    (
        "rrl.error_per_second = 1000001",
        "rrl.error_per_second: `1000001` is out of range; valid: 0 to 1000000",
    ),
    (
        "tables.rate_buckets = 33554432",
        "tables.rate_buckets: `33554432` is out of range; valid: a power of two from 1 to 16777216",
    ),
    (
        "rrl.exempt = 192.0.2.1/24 2001:db8::/32, isp ::/129",
        "rrl.exempt: `192.0.2.1/24` has bits set past its length; 192.0.2.0/24 was probably meant; \
         `isp` is not a prefix; valid: an IPv4 or IPv6 address, with a length as in 192.0.2.0/24 or 2001:db8::/32; \
         `::/129` is not a prefix; valid: ",
    ),
    (
        "server.port 53",
        "`server.port 53` is no assignment; valid: key = value",
    ),
    ("= 53", "`= 53` is no assignment; valid: key = value"),
    ("-", "`-` is no assignment; valid: key = value"),
    ("- = 53", "`- = 53` is no assignment; valid: key = value"),
    (
        "tcp.idle_ms = 10s",
        "tcp.idle_ms: `10s` is not an integer; valid: 100 to 3600000 milliseconds",
    ),
    (
        "tcp.idle_s = 10",
        "tcp.idle_s: unknown key; nearest: tcp.idle_ms, ",
    ),
    ("no.such.* = 10", "no.such.*: unknown key; nearest: "),
    (
        "rrl.s?ip = many",
        "rrl.slip: `many` is not an integer; valid: 0 to 1000",
    ),
];

#[test]
fn each_mistake_is_named_with_its_line() {
    for (line, expected) in MISTAKES {
        let text = format!("# first\n{line}\n");
        assert_finding(&[("veer.conf", &text)], &format!("veer.conf:2: {expected}"));
    }
}

#[test]
fn prefix_lists_are_read_and_shown_as_they_are_meant() {
    let conf = "rrl.exempt = 192.0.2.7,2001:db8::/32\n\
                edns.client_subnet_trusted = 10.0.0.0/8  198.51.100.0/25\n";
    let config = load_files(&[("veer.conf", conf)]).unwrap();
    let nets = |texts: [&str; 2]| texts.map(|text| text.parse().unwrap()).to_vec();
    let flags = config.settings.resolver_flags;
    assert_eq!(flags.exempt, nets(["192.0.2.7/32", "2001:db8::/32"]));
    assert_eq!(flags.trusted, nets(["10.0.0.0/8", "198.51.100.0/25"]));
    let shown = config.values.get("rrl.exempt", Form::Value).unwrap();
    assert_eq!(shown, "192.0.2.7/32 2001:db8::/32");
}

#[test]
fn what_is_frozen_waits_for_a_restart_and_lists_and_secrets_do_not() {
    let mut values = loaded();
    let mut read = loaded();
    let conf = "rrl.exempt = 192.0.2.0/24\nedns.client_subnet_trusted = ::/0\n\
                cookie.secret_file = secrets\nrrl.slip = 3\nedns.payload_bytes = 512\n\
                xdp.reply = fib\n";
    let mut found = Diagnostics::default();
    read.read_text(Path::new("veer.conf"), conf, &mut found);
    assert_eq!(found, Diagnostics::default());
    assert_eq!(
        values.reload(&read),
        ["edns.payload_bytes", "rrl.slip", "xdp.reply"]
    );
    let settings = Settings::new(&values);
    let expected = Settings {
        resolver_flags: Settings::new(&read).resolver_flags,
        cookie_secret_file: Some("/etc/veer/secrets".into()),
        ..Settings::new(&loaded())
    };
    assert_eq!(settings, expected);
    assert_eq!(settings.resolver_flags.exempt.len(), 1);
}

#[test]
fn more_addresses_than_fit_are_counted() {
    let with = |count: usize| {
        let addresses: Vec<_> = (1..=count).map(|n| format!("192.0.2.{n}")).collect();
        format!("server.addresses = {}", addresses.join(" "))
    };
    let most = load_files(&[("veer.conf", &with(64))]).unwrap();
    assert_eq!(most.settings.addresses.len(), 64);
    assert_finding(
        &[("veer.conf", &with(65))],
        "veer.conf:1: server.addresses: 65 addresses are too many; valid: 1 to 64",
    );
}

proptest! {
    #[test]
    fn any_text_is_refused_or_shown_as_it_would_be_read(text in "[-+0-9a-z.:,/ \\PC]{0,24}") {
        for tunable in TUNABLES {
            if let Ok(value) = tunable.kind.check(text.trim()) {
                prop_assert_eq!(tunable.kind.check(&value.to_string()), Ok(value));
            }
        }
    }

    #[test]
    fn any_assignment_to_set_is_refused_or_shown(
        number in 0..TUNABLES.len(),
        text in "[ =a-z0-9\\PC]{0,16}",
    ) {
        let key = TUNABLES[number].key;
        for assignment in [text.clone(), format!("{key}={text}")] {
            let mut values = loaded();
            if let Ok(tunable) = values.set(&assignment) {
                prop_assert!(values.get(tunable.key, Form::Assignment).is_ok());
            }
        }
    }
}

#[test]
fn all_mistakes_of_a_file_are_found() {
    let text = "server.port = 0\nserver.prot = 1\nserver.port = 1\nserver.port = x\n";
    let found = load_files(&[("veer.conf", text)]).unwrap_err();
    let lines: Vec<_> = found
        .iter()
        .map(|line| line.split(':').nth(1).unwrap())
        .collect();
    assert_eq!(lines, ["1", "2", "4"]);
}

#[test]
fn a_required_tunable_must_be_set() {
    let dir = directory(&[]);
    let found = load_directory(dir.path()).unwrap_err();
    assert_eq!(
        found,
        [
            "veer.conf: server.addresses: is not set; valid: 1 to 64 different unicast IP addresses, \
          separated by commas or spaces"
        ]
    );
}

#[test]
fn a_required_tunable_set_wrongly_is_one_finding() {
    let dir = directory(&[("veer.conf", b"server.addresses = x\n")]);
    assert_eq!(load_directory(dir.path()).unwrap_err().len(), 1);
}

fn loaded() -> Values {
    let mut values = Values::defaults(Path::new("/etc/veer"));
    let mut found = Diagnostics::default();
    values.read_text(Path::new(ADDRESSES.0), ADDRESSES.1, &mut found);
    found.into_result(values).unwrap()
}

#[test]
fn a_list_is_sorted_and_reads_back_as_the_same_values() {
    let values = loaded();
    let lines: Vec<_> = values.list(Form::Assignment).collect();
    assert_eq!(lines.len(), TUNABLES.len());
    assert_eq!(lines[1], "control.socket = /run/veer/veerd.sock");
    assert!(lines.is_sorted());
    let mut again = Values::defaults(Path::new("/etc/veer"));
    let mut found = Diagnostics::default();
    again.read_text(Path::new("veer.conf"), &lines.join("\n"), &mut found);
    assert_eq!(found, Diagnostics::default());
    assert_eq!(again.list(Form::Assignment).collect::<Vec<_>>(), lines);
    assert_eq!(Settings::new(&again), Settings::new(&values));
    assert_eq!(values.list(Form::Key).nth(1).unwrap(), "control.socket");
    assert_eq!(
        values.list(Form::Value).nth(1).unwrap(),
        "/run/veer/veerd.sock"
    );
}

#[test]
fn one_tunable_is_shown_in_each_form() {
    let values = loaded();
    assert_eq!(
        values.get("server.port", Form::Assignment).unwrap(),
        "server.port = 53"
    );
    assert_eq!(values.get("server/port", Form::Value).unwrap(), "53");
    assert_eq!(values.get("server.port", Form::Key).unwrap(), "server.port");
    let unknown = values
        .get("server.prot", Form::Value)
        .unwrap_err()
        .to_string();
    assert!(
        unknown.starts_with("server.prot: unknown key; nearest: server.port, "),
        "{unknown}"
    );
    let unset = Values::defaults(Path::new("/")).get("server.addresses", Form::Value);
    assert_eq!(unset.unwrap_err().to_string(), "server.addresses: not set");
}

#[test]
fn what_applies_at_once_can_be_set_at_run_time() {
    let mut values = loaded();
    for (assignment, key, shown) in [
        ("log.level=debug", "log.level", "debug"),
        (" log/level = trace ", "log.level", "trace"),
        ("xdp.on_exit=detach", "xdp.on_exit", "detach"),
        (
            "health.suspect_percent=100",
            "health.suspect_percent",
            "100",
        ),
    ] {
        assert_eq!(values.set(assignment).unwrap().key, key);
        assert_eq!(values.get(key, Form::Value).unwrap(), shown);
    }
    assert_eq!(Settings::new(&values).health_suspect_percent, 100);
}

#[test]
fn a_failed_set_says_why_and_changes_nothing() {
    let mut values = loaded();
    let before: Vec<_> = values.list(Form::Assignment).collect();
    for (assignment, expected) in [
        (
            "server.port=5353",
            "server.port: does not change at once; write `server.port = 5353` to /etc/veer/veer.conf and restart veerd",
        ),
        (
            "server.port=0",
            "server.port: `0` is out of range; valid: 1 to 65535",
        ),
        ("log.level", "`log.level`: no `=`; valid: KEY=VALUE"),
        (
            "log.level=loud",
            "log.level: `loud` is not a choice; valid: error, warn, info, debug, trace",
        ),
        ("log.lvl=info", "log.lvl: unknown key; nearest: log.level, "),
    ] {
        let error = values.set(assignment).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(values.list(Form::Assignment).collect::<Vec<_>>(), before);
}

#[test]
fn setting_what_is_so_already_needs_no_restart() {
    assert_eq!(loaded().set("server.port=53").unwrap().key, "server.port");
}
