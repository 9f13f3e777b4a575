use std::{fs, path::Path};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::DEFAULT_GROUP;

/// What no other test file says: a required tunable.
pub(super) const ADDRESSES: (&str, &str) =
    ("veer.d/00-addresses.conf", "server.addresses = 127.0.0.1\n");

/// A configuration directory with these files.
pub(super) fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

/// Loads these files beside [`ADDRESSES`]; findings come as printed, with
/// paths relative to the configuration directory.
pub(super) fn load_files(files: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let mut all: Vec<(&str, &[u8])> = vec![(ADDRESSES.0, ADDRESSES.1.as_bytes())];
    all.extend(files.iter().map(|(name, text)| (*name, text.as_bytes())));
    let dir = directory(&all);
    load_directory(dir.path())
}

pub(super) fn load_directory(dir: &Path) -> Result<Config, Vec<String>> {
    let prefix = format!("{}/", dir.display());
    load(dir).map_err(|found| {
        let lines = found.0.iter().map(ToString::to_string);
        lines.map(|line| line.replace(&prefix, "")).collect()
    })
}

/// Asserts that the one finding in `files` starts with `expected`.
#[track_caller]
pub(super) fn assert_finding(files: &[(&str, &str)], expected: &str) {
    let found = load_files(files).expect_err(expected);
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "expected {expected}\nfound    {}",
        found.join("\n         ")
    );
}

pub(super) const SERVICE: &str = r#"
[[service]]
name = "www.example.com"
customer = "acme"
policy = { kind = "latency" }
probe = { kind = "tcp", port = 80 }
[[service.server]]
name = "s1"
addresses = ["192.0.2.1"]
"#;

#[test]
fn a_minimal_directory_loads_with_defaults() {
    let config = load_files(&[]).unwrap();
    assert_eq!(config.settings.port, 53);
    assert_eq!(config.services, []);
    assert_eq!(config.groups.names, [DEFAULT_GROUP]);
    assert!(config.zone_files.is_empty());
}

#[test]
fn everything_is_read_together() {
    let dir = directory(&[
        (ADDRESSES.0, ADDRESSES.1.as_bytes()),
        ("groups.conf", b"192.0.2.0/24 isp-a\n"),
        ("services.d/www.toml", SERVICE.as_bytes()),
        ("services.d/readme.txt", b"not a service"),
        ("services.d/.#www.toml", b"not a service"),
        ("zones.d/b.zone", b""),
        ("zones.d/a.zone", b""),
    ]);
    let config = load(dir.path()).unwrap();
    assert_eq!(config.groups.number("isp-a"), Some(1));
    assert_eq!(config.services.len(), 1);
    let zones = ["a.zone", "b.zone"].map(|name| dir.path().join("zones.d").join(name));
    assert_eq!(config.zone_files, zones);
}

#[test]
fn a_missing_directory_is_one_finding() {
    let found = load(Path::new("/nonexistent/veer")).unwrap_err();
    assert_eq!(found.0.len(), 1);
    let text = found.to_string();
    assert!(
        text.starts_with("/nonexistent/veer: no such directory; valid: "),
        "{text}"
    );
}

#[test]
fn findings_of_all_files_come_together_in_order() {
    let found = load_files(&[
        ("veer.conf", "server.port = 0\nlog.lvl = info\n"),
        ("groups.conf", "192.0.2.1/24 isp-a\n"),
        ("services.d/b.toml", "service = 1\n"),
        (
            "services.d/a.toml",
            "[[service]]\nname = 'a.example.'\ncustomer = 1\nttl = 2\nttl_s = -1\n",
        ),
    ])
    .unwrap_err();
    let places: Vec<_> = found
        .iter()
        .map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        places,
        [
            "groups.conf:1 192.0.2.1/24",
            "services.d/a.toml:1 service.a.example..server",
            "services.d/a.toml:1 service.a.example..probe",
            "services.d/a.toml:1 service.a.example..policy",
            "services.d/a.toml:3 service.a.example..customer",
            "services.d/a.toml:4 service.a.example..ttl",
            "services.d/a.toml:5 service.a.example..ttl_s",
            "services.d/b.toml:1 service",
            "veer.conf:1 server.port",
            "veer.conf:2 log.lvl",
        ]
    );
}

#[test]
fn a_source_that_was_named_must_exist() {
    for key in ["groups.file", "services.directory", "zones.directory"] {
        let text = format!("# elsewhere\n{key} = /nonexistent/source\n");
        let expected = format!("veer.conf:2: {key}: /nonexistent/source does not exist; valid: ");
        assert_finding(&[("veer.conf", &text)], &expected);
    }
}

#[test]
fn a_file_that_is_not_utf8_is_named_with_the_line() {
    let addresses = (ADDRESSES.0, ADDRESSES.1.as_bytes());
    for name in ["veer.conf", "groups.conf", "services.d/a.toml"] {
        let dir = directory(&[addresses, (name, b"# one\n# \xff\n")]);
        let expected = format!("{name}:2: is not UTF-8; valid: UTF-8 text");
        assert_eq!(load_directory(dir.path()).unwrap_err(), [expected]);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding() {
    let dir = directory(&[(ADDRESSES.0, ADDRESSES.1.as_bytes())]);
    fs::create_dir_all(dir.path().join("services.d/a.toml")).unwrap();
    let found = load_directory(dir.path()).unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("services.d/a.toml: cannot be read: "),
        "{found:?}"
    );
}

#[test]
fn more_pools_than_tables_hold_are_refused() {
    let other = SERVICE
        .replace("www", "ftp")
        .replace("192.0.2.1", "192.0.2.2");
    let same = SERVICE.replace("www", "ftp");
    let conf = ("veer.conf", "tables.pools = 1\n");
    assert_finding(
        &[
            conf,
            ("services.d/a.toml", SERVICE),
            ("services.d/b.toml", &other),
        ],
        "services.d: service: the services need 2 pools",
    );
    let shared = load_files(&[
        conf,
        ("services.d/a.toml", SERVICE),
        ("services.d/b.toml", &same),
    ]);
    assert_eq!(shared.unwrap().services.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_loading_panic(
        conf in any::<Vec<u8>>(),
        groups in "[-a-z0-9./:# \n\t\\PC]{0,80}",
        service in "(\\[\\[service\\]\\]\n)?([a-z_.]{1,8} ?= ?[-\\[\\]{}'\"0-9a-z., \n]{0,12}\n){0,6}",
        noise in ".{0,80}",
        assignments in "([-a-z./]{0,12}[ =]{0,3}.{0,12}\n){0,6}",
    ) {
        let dir = directory(&[
            ("veer.conf", &conf),
            ("veer.d/a.conf", noise.as_bytes()),
            ("veer.d/b.conf", assignments.as_bytes()),
            ("groups.conf", groups.as_bytes()),
            ("services.d/a.toml", service.as_bytes()),
            ("services.d/b.toml", noise.as_bytes()),
        ]);
        let _: Result<_, _> = load(dir.path());
    }

    #[test]
    fn no_line_lost_or_replaced_in_a_service_makes_loading_panic(
        line in 0usize..40,
        with in prop_oneof![Just(String::new()), "[a-z]{1,6} = .{0,12}", "[a-z]{1,6} = \\[\\]", "\\[[a-z.]{1,9}\\]"],
    ) {
        let text = services::tests::FULL;
        let mut lines: Vec<&str> = text.lines().collect();
        let line = line % lines.len();
        lines[line] = &with;
        let _: Result<_, _> = load_files(&[("services.d/a.toml", &lines.join("\n"))]);
    }
}

#[test]
fn an_address_probed_too_often_is_refused() {
    let services = |interval_ms: u32| {
        let every = |name: &str, port: u16| {
            SERVICE.replace("www", name).replace(
                "port = 80",
                &format!("port = {port}, interval_ms = {interval_ms}, timeout_ms = 10"),
            )
        };
        [every("www", 80), every("ftp", 81), every("same", 80)].concat()
    };
    let limit = ("veer.conf", "probe.address_per_s_max = 20\n");
    // Two different probes, of which one is shared by two services.
    load_files(&[limit, ("services.d/a.toml", &services(100))]).expect("20 a second");
    assert_finding(
        &[limit, ("services.d/a.toml", &services(90))],
        "services.d: service: 192.0.2.1 would get 22.2 probes a second from 2 different probes; \
         valid: at most 20, ",
    );
}
