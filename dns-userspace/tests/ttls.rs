//! TTLs that follow how soon an answer can change: long while nothing is about to, short from
//! the first failure on, from both planes.

mod support;

use domain::base::Rtype;
use support::{
    config::Config,
    eventually, text,
    world::{Family, Resolver, World},
    zone,
};

const WWW: &str = "www.example.";

/// The TTL that a resolver is told.
fn told(world: &World) -> Option<u32> {
    let mut client = world.client(Resolver::A, Family::V4);
    let reply = client.ask(WWW, Rtype::A).ok()?;
    let record = reply.0.answer().ok()?.next()?.ok()?;
    Some(record.ttl().as_secs())
}

/// The TTL of the answer that `explain` shows.
fn ttl(config: &Config) -> Option<u64> {
    let explained = config.veerctl(&["explain", WWW, "--from", "10.9.1.1"]);
    let record = explained["answer"][0].as_str()?;
    record.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_ttl_is_as_long_as_nothing_can_change_and_short_from_the_first_failure_on() {
    let world = World::new();
    let mut origins = world.origins(2);
    let config = world.config("veer", &[]);
    config.settings(&["health.suspect_percent = 100"]);
    // Down after three failures, three seconds.
    let probe = "kind = \"tcp\"\nport = 80\ninterval_ms = 1000\ntimeout_ms = 300\nup_after = 3\n\
                 down_after = 3";
    let service = zone::services(&[zone::Service {
        servers: &[&["10.8.0.1"], &["10.8.0.2"]],
        policy: "kind = \"failover\"",
        probe,
        ..zone::WWW
    }]);
    let ttls = "ttl_s = 1\nttl_max_s = 8";
    config.write("services.d/all.toml", &service.replace("ttl_s = 20", ttls));
    let daemon = world.start(&config);
    // Of 1, 2, 4 and 8 seconds the longest that is over by then.
    eventually("the TTL is 2 s", || (ttl(&config)? == 2).then_some(()));
    let stats = config.stats();
    assert_eq!(told(&world), Some(2));
    assert!(
        config.stats().answered() > stats.answered(),
        "by the kernel"
    );
    let explained = config.veerctl(&["explain", WWW, "--from", "10.9.1.1"]);
    let status = &explained["origin"]["explanation"]["ttl"];
    assert_eq!(status["ttl_s"], 2, "{status:#}");
    assert_eq!(status["until_change_ms"], 3000.0, "{status:#}");

    origins.remove(0).stop();
    eventually("the TTL is 1 s", || (ttl(&config)? == 1).then_some(()));
    assert_eq!(told(&world), Some(1));
    world.moves(Resolver::A, WWW, "10.8.0.2");

    // What is frozen has the longest, until the freeze ends.
    config.veerctl(&["freeze"]);
    eventually("the TTL is 8 s", || (ttl(&config)? == 8).then_some(()));
    assert_eq!(told(&world), Some(8));
    config.veerctl(&["freeze", "--for", "3s"]);
    eventually("the TTL is 2 s again", || {
        (ttl(&config)? <= 2).then_some(())
    });
    let explained = config.veerctl(&["explain", WWW, "--from", "10.9.1.1"]);
    assert_eq!(text(&explained, "plane"), "kernel", "{explained:#}");
    daemon.sigterm().expect("it stops");
}
