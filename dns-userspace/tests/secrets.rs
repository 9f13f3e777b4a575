//! The secrets of server cookies: read from a file, rolled over, told nobody.

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{SystemTime, UNIX_EPOCH},
};

use dns_common::{
    cookie::{self, Secret, Validity},
    tables::Source,
};
use support::{
    config::Config,
    world::{Family, Resolver, World},
};

const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const SECOND: &str = "445536bcd2513298075a5d379663c962";
const CLIENT: [u8; 8] = *b"a client";

/// Where the file of secrets is set, with userspace alone answering.
const SETTINGS: [&str; 2] = ["xdp.mode = off", "cookie.secret_file = cookies.secret"];
const FILE: &str = "cookies.secret";

fn write_secrets(config: &Config, text: &str, mode: u32) {
    config.write(FILE, text);
    let permissions = fs::Permissions::from_mode(mode);
    fs::set_permissions(config.path(FILE), permissions).expect("chmod");
}

/// The server cookie for [`CLIENT`], who has the cookie `known`, if any.
fn cookie(world: &World, known: &[u8]) -> [u8; 16] {
    let mut query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\x01\x06absent\x07example\0\0\x01\0\x01".to_vec();
    let option = 8 + known.len() as u8;
    query.extend([
        0,
        0,
        41,
        0x10,
        0,
        0,
        0,
        0,
        0,
        0,
        4 + option,
        0,
        10,
        0,
        option,
    ]);
    query.extend(CLIENT.iter().chain(known));
    let client = world.client(Resolver::A, Family::V4);
    let reply = client.exchange(&query).expect("a reply");
    // The option stands last.
    let (rest, server) = reply.split_last_chunk().expect("a server cookie");
    assert!(rest.ends_with(&CLIENT), "{reply:?}");
    *server
}

/// Whether `server` was made by the secret of these digits, lately.
fn is_by(digits: &str, server: [u8; 16]) -> bool {
    let octets = u128::from_str_radix(digits, 16)
        .expect("digits")
        .to_be_bytes();
    let word = |octets: &[u8]| u64::from_le_bytes(octets.try_into().expect("eight octets"));
    let secret = Secret(word(&octets[..8]), word(&octets[8..]));
    let server = (word(&server[..8]), word(&server[8..]));
    let source = Source::from(Resolver::A.address(Family::V4));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let client = u64::from_le_bytes(CLIENT);
    cookie::check(secret, client, server, source, now.as_secs() as u32) != Validity::Invalid
}

#[test]
fn secrets_roll_over_by_reload_and_a_bad_file_changes_nothing() {
    let world = World::new();
    let config = world.config("veer", &[]);
    config.settings(&SETTINGS);
    write_secrets(&config, FIRST, 0o600);
    let daemon = world.start(&config);
    let old = cookie(&world, &[]);
    assert!(is_by(FIRST, old) && !is_by(SECOND, old));
    assert_eq!(
        cookie(&world, &old),
        old,
        "a fresh one is returned as it came"
    );

    let mut said = String::new();
    let place = config.path(FILE);
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
    assert!(
        said.contains(&format!("cookie.secret_file = {FILE}")),
        "{said}"
    );
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
