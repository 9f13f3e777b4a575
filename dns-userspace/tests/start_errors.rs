//! Where `veerd` cannot start it says so in one clear line, and leaves nothing
//! attached, pinned or bound.

mod support;

use std::net::{SocketAddr, UdpSocket};

use domain::base::Rtype;
use support::{
    config::Config,
    world::{INTERFACE, Resolver, World},
    zone,
};

/// Starts `veerd`, by `starter` if given, which must refuse with exit status 1;
/// the one line it complains with.
#[track_caller]
fn complaint(world: &World, config: &Config, starter: &[&str]) -> String {
    let (status, errors) = world.refused(config, starter);
    assert_eq!(status, Some(1), "{errors}");
    let complaints: Vec<_> = errors
        .lines()
        .filter(|line| line.starts_with("veerd: "))
        .collect();
    assert_eq!(complaints.len(), 1, "{errors}");
    complaints[0].to_owned()
}

/// A configuration that would do, and an origin to be seen at once.
fn world() -> (World, Config) {
    let world = World::new();
    let config = world.config("veer", &[]);
    (world, config)
}

#[test]
fn an_interface_that_does_not_exist() {
    let (world, config) = world();
    config.settings(&["xdp.interface = nosuch0"]);
    let line = complaint(&world, &config, &[]);
    assert!(
        line.contains("xdp.interface") && line.contains("nosuch0"),
        "{line}"
    );
    assert!(!world.has_xdp());
    config.assert_nothing_left();
}

#[test]
fn a_port_that_is_taken() {
    let (world, config) = world();
    let address = SocketAddr::new(support::world::DNS[0], 53);
    let _taken = world
        .dns
        .run(|| UdpSocket::bind(address))
        .expect("setns")
        .expect("bind");
    let line = complaint(&world, &config, &[]);
    assert!(line.contains("UDP 10.9.0.53:53"), "{line}");
    assert!(line.contains("Address already in use"), "{line}");
    assert!(!world.has_xdp());
    config.assert_nothing_left();
}

/// Root in name alone: it may read its files and do nothing else.
const WITHOUT_PRIVILEGES: &[&str] = &["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

#[test]
fn a_missing_privilege() {
    let (world, config) = world();
    let line = complaint(&world, &config, WITHOUT_PRIVILEGES);
    assert!(
        line.contains("10.9.0.53:53") && line.contains("Permission denied"),
        "{line}"
    );
    config.assert_nothing_left();

    config.settings(&["server.port = 5353"]);
    let line = complaint(&world, &config, WITHOUT_PRIVILEGES);
    assert!(line.contains("CAP_BPF, CAP_PERFMON and"), "{line}");
    assert!(line.contains("xdp.mode = off"), "{line}");

    // Refused by the call that loads, and by the verifier.
    for few in ["+net_admin", "+bpf", "+bpf,+net_admin"] {
        let set = format!("--bounding-set=-all,{few}");
        let line = complaint(&world, &config, &["setpriv", &set, "--inh-caps=-all"]);
        assert!(line.contains("CAP_BPF, CAP_PERFMON and"), "{few}: {line}");
    }
    assert!(!world.has_xdp());
    config.assert_nothing_left();
}

#[test]
fn tables_that_there_is_no_memory_for() {
    let (world, config) = world();
    config.settings(&["xdp.mode = off", "tables.answer_cells = 16777216"]);
    // Two halves of a gibioctet each, of one that may be had.
    let line = complaint(&world, &config, &["prlimit", "--as=1073741824"]);
    assert!(line.contains("ANSWERS: "), "{line}");
    assert!(line.contains("lower tables.answer_cells"), "{line}");
    config.assert_nothing_left();
}

#[test]
fn a_pin_path_that_is_on_no_bpf_file_system() {
    let (world, config) = world();
    let pins = world.lab.dir().join("pins");
    config.settings(&[&format!("xdp.pin_path = {}", pins.display())]);
    let line = complaint(&world, &config, &[]);
    assert!(line.contains("not on a BPF file system"), "{line}");
    assert!(line.contains(&pins.display().to_string()), "{line}");
    assert!(!world.has_xdp() && !pins.exists());
    config.assert_nothing_left();
}

#[test]
fn another_xdp_program_on_the_interface() {
    let (world, config) = world();
    world
        .lab
        .attach_pass(&world.dns, INTERFACE)
        .expect("pass is attached");
    let link = world
        .dns
        .ip(&["link", "show", "dev", INTERFACE])
        .expect("ip runs");
    let line = complaint(&world, &config, &[]);
    assert!(line.contains("another XDP program is attached"), "{line}");
    let after = world.dns.ip(&["link", "show", "dev", INTERFACE]);
    assert_eq!(
        after.expect("ip runs"),
        link,
        "the other program is not as it was"
    );
    config.assert_nothing_left();
}

#[test]
fn a_second_daemon_of_the_same_configuration() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW]);
    let _daemon = world.start(&config);
    let line = complaint(&world, &config, &[]);
    assert!(line.contains("control.socket"), "{line}");
    // The first one has not noticed.
    assert!(world.has_xdp() && config.has_link());
    assert_eq!(config.veerctl(&["status"])["xdp"]["state"], "attached");
    let before = config.stats().answered();
    let addresses = world.addresses(Resolver::A, "www.example.", Rtype::A);
    assert_eq!(
        addresses.as_deref(),
        Some(["10.8.0.1".to_owned()].as_slice())
    );
    assert_eq!(config.stats().answered(), before + 1);
}
