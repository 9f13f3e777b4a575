//! The secrets of server cookies: read from a file, rolled over, told nobody.

mod support;

use support::{
    cookies::{self, FIRST, SECOND, server_cookie, write_secrets},
    world::{Family, Resolver, World},
};

/// Where the file of secrets is set, with userspace alone answering.
const SETTINGS: [&str; 2] = ["xdp.mode = off", cookies::SETTING];

/// The server cookie for a client who has the cookie `known`, if any.
fn cookie(world: &World, known: &[u8]) -> [u8; 16] {
    let client = world.client(Resolver::A, Family::V4);
    let reply = client.exchange(&cookies::asked_with(known));
    server_cookie(&reply.expect("a reply"))
}

/// Whether `server` was made by the secret of these digits, lately.
fn is_by(digits: &str, server: [u8; 16]) -> bool {
    cookies::is_by(digits, server, Resolver::A.address(Family::V4))
}

#[test]
fn secrets_roll_over_by_reload_and_a_bad_file_changes_nothing() {
    let world = World::new();
    let config = world.config("veer", &[]);
    config.settings(&SETTINGS);
    let place = write_secrets(&config, FIRST, 0o600);
    let daemon = world.start(&config);
    let old = cookie(&world, &[]);
    assert!(is_by(FIRST, old) && !is_by(SECOND, old));
    assert_eq!(
        cookie(&world, &old),
        old,
        "a fresh one is returned as it came"
    );

    let mut said = String::new();
    write_secrets(&config, &format!("{SECOND}\n{FIRST}0\n"), 0o600);
    said += &config.veerctl_fails(&["reload"]);
    assert!(
        said.contains(&format!("{place}:2: cookie.secret_file: is not a secret")),
        "{said}"
    );
    assert!(is_by(FIRST, cookie(&world, &[])));

    write_secrets(&config, &format!("{SECOND}\n{FIRST}\n"), 0o600);
    config.veerctl(&["reload"]);
    let new = cookie(&world, &old);
    assert!(is_by(SECOND, new), "one by the other secret is replaced");
    assert_eq!(cookie(&world, &new), new);

    write_secrets(&config, FIRST, 0o644);
    said += &config.veerctl_fails(&["reload"]);
    assert!(said.contains(&format!("chmod 600 {place}")), "{said}");
    assert!(is_by(SECOND, cookie(&world, &[])));

    let list = config
        .control
        .command()
        .arg("-a")
        .output()
        .expect("veerctl runs");
    said += &String::from_utf8(list.stdout).expect("text");
    assert!(said.contains(cookies::SETTING), "{said}");
    said += &config.veerctl(&["status"]).to_string();
    said += &daemon.log();
    for digits in [FIRST, SECOND] {
        assert!(!said.contains(digits), "{said}");
    }
}

#[test]
fn without_a_file_the_secret_is_random_and_outlives_reloads() {
    let world = World::new();
    let config = world.config("veer", &[]);
    config.settings(&SETTINGS[..1]);
    let daemon = world.start(&config);
    let first = cookie(&world, &[]);
    config.veerctl(&["reload"]);
    assert_eq!(cookie(&world, &first), first);
    daemon.sigterm().expect("it stops");
    let _daemon = world.start(&config);
    assert_ne!(
        cookie(&world, &first)[8..],
        first[8..],
        "as another host's would be"
    );
}
