//! Back to what an earlier generation was made of, while queries are answered.

mod support;

use std::fs;

use domain::base::Rtype;
use serde_json::{Value, json};
use support::{
    config::Config,
    eventually,
    load::Load,
    number,
    world::{Resolver, World},
    zone::{self, Service},
};

/// Where it is valid, and nobody wants it.
const BAD: Service = Service {
    policy: "kind = \"failover\"\norder = [\"s3\"]",
    ..zone::WWW
};

/// The generation in use.
#[track_caller]
fn generation(config: &Config) -> u64 {
    number(&config.veerctl(&["status"]), "generation")
}

/// What `veerctl generations` says, one by one.
#[track_caller]
fn generations(config: &Config) -> Vec<Value> {
    let list = config.veerctl(&["generations"]);
    list["generations"].as_array().expect("a list").clone()
}

#[test]
fn from_bad_to_what_was_before_and_nothing_is_lost() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.exempt_all();
    let daemon = world.start(&config);
    let first = generation(&config);
    assert_eq!(config.veerctl(&["status"])["reverted_to"], Value::Null);
    let gone = "$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 60\n@ NS ns\nns A 10.9.0.53\n";
    let asked = |resolver, name| world.addresses(resolver, name, Rtype::A);
    let before = asked(Resolver::A, "www.example.");

    // No file of it stays as it was: a zone more, other groups and services.
    config.write("zones.d/example.net.zone", gone);
    config.write("groups.conf", "10.9.2.0/24 isp-a\nfd09:0:0:2::/64 isp-a\n");
    config.write("services.d/all.toml", &zone::services(&[BAD]));
    config.settings(&["load.max_moved_percent = 10"]);
    let bad = number(&config.veerctl(&["reload"]), "generation");
    assert_eq!(bad, first + 1);
    world.moves(Resolver::A, "www.example.", "10.8.0.3");
    let list = generations(&config);
    assert_eq!(
        list[1]["differs"],
        json!({
            "added": ["zones.d/example.net.zone"],
            "changed": ["groups.conf", "services.d/all.toml", "veer.conf"],
            "removed": []
        })
    );
    assert_eq!(
        (&list[0]["by"], &list[1]["by"]),
        (&json!("start"), &json!("reload"))
    );
    assert_eq!(
        (&list[0]["services"], &list[1]["services"]),
        (&json!(2), &json!(1))
    );

    // The running configuration says how much may move.
    let refused = config.veerctl_fails(&["revert", &first.to_string()]);
    assert!(
        refused.contains("revert refused") && refused.contains("load.max_moved_percent is 10"),
        "{refused}"
    );
    assert_eq!(generation(&config), bad);
    let reverted = config.veerctl(&["revert", &first.to_string(), "--force"]);
    assert_eq!(number(&reverted, "reverted_to"), first);
    assert_eq!(number(&reverted, "services"), 2);
    eventually("the first answers", || {
        (asked(Resolver::A, "www.example.") == before).then_some(())
    });
    assert_eq!(asked(Resolver::A, "ns.example.net."), Some(vec![]));
    let load = Load::start(&world);
    let status = config.veerctl(&["status"]);
    assert_eq!(number(&status, "reverted_to"), first, "{status:#}");
    let log = daemon.log();
    assert!(log.contains("reverted to generation"), "{log}");
    assert_eq!(generations(&config)[2]["to"], first);

    // There and back under load, between what answers alike.
    config.write(
        "services.d/all.toml",
        &(zone::services(&[zone::WWW, zone::CDN]) + "# the same\n"),
    );
    config.write("groups.conf", zone::GROUPS);
    config.settings(&[]);
    let good = number(&config.veerctl(&["reload"]), "generation");
    assert_eq!(config.veerctl(&["status"])["reverted_to"], Value::Null);
    for to in [first, good, first] {
        config.veerctl(&["revert", &to.to_string()]);
        load.goes_on();
    }
    load.stop();

    // A restart takes the files, and says what it does not take.
    let last = generation(&config);
    daemon.sigterm().expect("it stops");
    let daemon = world.start(&config);
    let log = daemon.log();
    assert!(log.contains("had been reverted to generation"), "{log}");
    assert_eq!(generation(&config), last + 1);
    assert_eq!(config.veerctl(&["status"])["reverted_to"], Value::Null);
    // What answered before the restart can be gone back to as well.
    config.veerctl(&["revert", &bad.to_string()]);
    world.moves(Resolver::A, "www.example.", "10.8.0.3");
}

#[test]
fn what_cannot_be_gone_back_to_is_refused_and_changes_nothing() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW, zone::CDN]);
    config.exempt_all();
    config.settings(&["state.generations_max = 2"]);
    let daemon = world.start(&config);
    let load = Load::start(&world);
    let first = generation(&config);
    let refused = config.veerctl_fails(&["revert", "99"]);
    assert!(
        refused.contains(&format!("generation 99 is not kept; valid: {first}")),
        "{refused}"
    );

    // Generations of one configuration, by a reload and by an override.
    config.veerctl(&["reload"]);
    let override_ = ["state", "s3", "drain", "--service", "www.example"];
    let made = number(&config.veerctl(&override_), "generation");
    assert_eq!(made, first + 2);
    let list = generations(&config);
    assert_eq!(list.len(), 1, "{list:#?}");
    assert_eq!(list[0]["through"], made);
    assert_eq!(list[0]["later"][1]["by"], "override");
    let reverted = config.veerctl(&["revert", &made.to_string()]);
    assert_eq!(number(&reverted, "reverted_to"), first);

    // Its content is damaged on disk.
    let services = zone::services(&[zone::WWW, zone::CDN]);
    config.write("services.d/all.toml", &(services.clone() + "# other\n"));
    config.veerctl(&["reload"]);
    let contents = config.path("state/generations/files");
    let files = fs::read_dir(contents).expect("it is there");
    let mut paths = files.map(|file| file.expect("an entry").path());
    let path = paths.find(|path| fs::read(path).expect("a file") == services.as_bytes());
    let path = path.expect("it is kept");
    fs::write(&path, services + "# damaged\n").expect("it can be written");
    let before = generation(&config);
    let refused = config.veerctl_fails(&["revert", &first.to_string()]);
    let expected = format!(
        "services.d/all.toml of generation {first}: {} is damaged",
        path.display()
    );
    assert!(refused.contains(&expected), "{refused}");
    assert_eq!(generation(&config), before);
    assert!(daemon.log().contains("not reverted"), "{}", daemon.log());

    // What was valid once need not be for ever: a file beside it is gone.
    let secrets = "00112233445566778899aabbccddeeff\n";
    config.write("secrets", secrets);
    let chmod = |mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(config.path("secrets"), permissions).expect("its mode is set");
    };
    chmod(0o600);
    config.settings(&["state.generations_max = 2", "cookie.secret_file = secrets"]);
    let with_secrets = number(&config.veerctl(&["reload"]), "generation");
    config.settings(&["state.generations_max = 2"]);
    config.veerctl(&["reload"]);
    let kept = generations(&config);
    assert_eq!(kept.len(), 2, "no more than state.generations_max");
    assert!(
        !kept
            .iter()
            .any(|it| it["differs"].to_string().contains("secrets"))
    );
    config.remove("secrets");
    let refused = config.veerctl_fails(&["revert", &with_secrets.to_string()]);
    assert!(
        refused.contains("cookie.secret_file") && refused.contains("does not exist"),
        "{refused}"
    );
    load.goes_on();
    load.stop();
}

#[test]
fn where_nothing_can_be_kept_everything_else_works() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW]);
    config.write("state", "in its place\n");
    let daemon = world.start(&config);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");
    config.write("services.d/all.toml", &zone::services(&[BAD]));
    config.veerctl(&["reload"]);
    world.moves(Resolver::A, "www.example.", "10.8.0.3");
    let refused = config.veerctl_fails(&["revert", "1"]);
    assert!(refused.contains("state/generations"), "{refused}");
    let log = daemon.log();
    assert!(
        log.contains("not kept, so that nothing goes back to it")
            && log.contains("Not a directory"),
        "{log}"
    );
    daemon.sigterm().expect("it stops");
}
