//! What is wrong with a configuration is said at once and in full, and nothing
//! is touched.

mod support;

use support::{config::Config, lines, world::World, zone};

/// Starts `veerd`, which must refuse with exit status 2; its complaints, one a
/// line.
#[track_caller]
fn complaints(world: &World, config: &Config) -> Vec<String> {
    let (status, errors) = world.refused(config, &[]);
    assert_eq!(status, Some(2), "{errors}");
    assert!(!world.has_xdp(), "something is attached");
    config.assert_nothing_left();
    errors.lines().map(str::to_owned).collect()
}

#[test]
fn every_error_of_every_file_is_reported_at_once() {
    let world = World::new();
    let config = world.config("veer", &[]);
    config.settings(&["xdp.mode = fast", "tables.nmaes = 4096"]);
    config.write(
        "services.d/all.toml",
        &zone::services(&[zone::Service {
            shape: "round",
            probe: "kind = \"tcp\"",
            ..zone::WWW
        }]),
    );
    config.write("groups.conf", "10.9.1.0/24 isp-a\n10.9.2.1/24 isp-b\n");
    config.write(
        "zones.d/example.zone",
        "@ SOA ns1 hostmaster 1 3600 900 604800 60\n@ NS ns1\nns1 A 10.9.0.530\n",
    );
    let complaints = complaints(&world, &config);
    // File and line, the key, and what would be valid.
    for (place, key, valid) in [
        ("veer.conf:4", "xdp.mode", "native, generic, off"),
        ("veer.conf:5", "tables.nmaes", "tables.names"),
        (
            "services.d/all.toml:5",
            "service.www.example..shape",
            "direct, cname",
        ),
        (
            "services.d/all.toml:",
            "service.www.example..probe.port",
            "1 to 65535",
        ),
        ("groups.conf:2", "10.9.2.1/24", "10.9.2.0/24"),
        (
            "zones.d/example.zone:3",
            "expected IPv4 address",
            "valid is",
        ),
    ] {
        let start = format!("veerd: {}", config.path(place));
        let said = complaints
            .iter()
            .any(|line| line.starts_with(&start) && line.contains(key) && line.contains(valid));
        assert!(said, "{place} {key} {valid}: not in {complaints:#?}");
    }
    assert_eq!(complaints.len(), 6, "{complaints:#?}");
}

#[test]
fn a_signed_zone_is_refused_in_one_line() {
    let world = World::new();
    let config = world.config("veer", &[zone::WWW]);
    config.write(
        "zones.d/example.zone",
        &format!(
            "{}@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n\
             @ NSEC ns1 SOA NS DNSKEY NSEC\n",
            zone::ZONE
        ),
    );
    let complaints = complaints(&world, &config);
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(complaints[0].contains("example.zone:"), "{}", complaints[0]);
    assert!(complaints[0].contains("DNSSEC-signed"), "{}", complaints[0]);
}

#[test]
fn a_service_outside_every_zone_is_refused() {
    let world = World::new();
    let stray = zone::Service {
        name: "www.example.org.",
        ..zone::WWW
    };
    let config = world.config("veer", &[zone::WWW, stray]);
    let complaints = complaints(&world, &config);
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(
        complaints[0].contains("www.example.org."),
        "{}",
        complaints[0]
    );
    assert!(complaints[0].contains("valid: "), "{}", complaints[0]);
}

#[test]
fn a_full_table_names_the_setting_to_raise() {
    let world = World::new();
    let config = world.config("veer", &[zone::WWW]);
    config.settings(&["tables.names = 1024"]);
    let names = lines(0..2000, |number| format!("n{number} A 192.0.2.1\n"));
    config.write("zones.d/example.zone", &(zone::ZONE.to_owned() + &names));
    let (status, errors) = world.refused(&config, &[]);
    assert_eq!(status, Some(1), "{errors}");
    let complaints: Vec<_> = errors
        .lines()
        .filter(|line| line.starts_with("veerd: "))
        .collect();
    assert_eq!(complaints.len(), 1, "{errors}");
    assert!(complaints[0].contains("raise tables.names"), "{errors}");
    assert!(!world.has_xdp(), "something is attached");
    config.assert_nothing_left();
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let world = World::new();
    let config = world.config("veer", &[]);
    std::fs::remove_dir_all(config.dir.path()).expect("it was there");
    let complaints = complaints(&world, &config);
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(
        complaints[0].contains("no such directory"),
        "{}",
        complaints[0]
    );
}
