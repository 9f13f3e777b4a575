//! Tunables that are set while `veerd` runs: in effect at once, in the kernel too, and as
//! the files have them after a restart.

mod support;

use domain::base::Rtype;
use support::{
    config::Config,
    eventually, number,
    origin::Origin,
    text,
    world::{Family, Resolver, World},
    zone,
};

/// `veerctl -n KEY`.
fn value(config: &Config, key: &str) -> String {
    let output = config.control.command().args(["-n", key]).output();
    let output = output.expect("veerctl runs");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

#[test]
fn what_is_set_is_in_the_kernel_at_once_and_gone_at_restart() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", &[zone::WWW]);
    config.settings(&["health.suspect_percent = 1"]);
    let daemon = world.start(&config);
    world.moves(Resolver::A, "www.example.", "10.8.0.1");

    // Both addresses of two servers are enough for a suspicion, which keeps them in use.
    origins.drain(..2).for_each(Origin::stop);
    eventually("veer suspects itself", || {
        let states = config.veerctl(&["states"]);
        let targets = states["targets"].as_array().expect("targets");
        let dead = ["10.8.0.1", "10.8.0.2"];
        let mut dead = targets
            .iter()
            .filter(|target| dead.contains(&text(target, "address")));
        let have_failed =
            dead.all(|target| target["failing"] == true && number(target, "streak") >= 3);
        (have_failed && !states["suspicion"].is_null()).then_some(())
    });
    let addresses = || world.addresses(Resolver::A, "www.example.", Rtype::A);
    assert_eq!(addresses(), Some(vec!["10.8.0.1".to_owned()]));

    let answered = config.stats().answered();
    config.veerctl(&["-w", "health.suspect_percent=100"]);
    assert_eq!(addresses(), Some(vec!["10.8.0.3".to_owned()]));
    assert_eq!(config.stats().answered(), answered + 1, "by the kernel");

    daemon.sigterm().expect("it stops");
    let _daemon = world.start(&config);
    assert_eq!(value(&config, "health.suspect_percent"), "1");
}

/// What is told in class CHAOS of `id.server.`; `None` where that is refused.
fn hostname(world: &World) -> Option<String> {
    let query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x02id\x06server\0\0\x10\0\x03";
    let client = world.client(Resolver::A, Family::V4);
    let reply = client.exchange(query).expect("a reply");
    let text = String::from_utf8_lossy(&reply[query.len()..]).into_owned();
    (reply[3] & 15 == 0).then_some(text)
}

#[test]
fn what_userspace_goes_by_changes_at_once_too() {
    let world = World::new();
    let config = world.config("veer", &[]);
    config.settings(&["xdp.mode = off"]);
    let _daemon = world.start(&config);
    assert_eq!(hostname(&world), None);
    config.veerctl(&["-w", "server.chaos_hostname=paris-1"]);
    let told = hostname(&world).expect("it is told");
    assert!(told.ends_with("paris-1"), "{told}");

    // Of what stands in files with a mistake beside it, the rest is set.
    config.write(
        "more.conf",
        "server.chaos_hostname = paris-2\nlog.level = loud\n",
    );
    let complaint = config.veerctl_fails(&["-p", &config.path("more.conf")]);
    assert!(
        complaint.contains("setting key \"log.level\": `loud`"),
        "{complaint}"
    );
    let told = hostname(&world).expect("it is told");
    assert!(told.ends_with("paris-2"), "{told}");

    // A reload takes what the configuration says.
    config.veerctl(&["reload"]);
    assert_eq!(hostname(&world), None);
}

#[test]
fn what_needs_a_restart_says_so_and_stays() {
    let world = World::new();
    let config = world.config("veer", &[]);
    config.settings(&["xdp.mode = off"]);
    let _daemon = world.start(&config);
    let complaint = config.veerctl_fails(&["-w", "rrl.slip=3"]);
    let expected = format!(
        "veerctl: setting key \"rrl.slip\": does not change at once; write `rrl.slip = 3` to {} \
         and restart veerd\n",
        config.path("veer.conf")
    );
    assert_eq!(complaint, expected);
    assert_eq!(value(&config, "rrl.slip"), "2");
}
