//! Rates of responses: limited as configured, and not for those on the list of
//! the exempt, which a reload changes.

mod support;

use support::{
    config::Config,
    world::{Family, Resolver, World},
};

/// Userspace alone answers; each denial over one a second is truncated.
const SETTINGS: [&str; 3] = [
    "xdp.mode = off",
    "rrl.negative_per_second = 1",
    "rrl.slip = 1",
];

/// Whether the denial that `resolver` gets is truncated.
fn is_limited(world: &World, resolver: Resolver) -> bool {
    let query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x06absent\x07example\0\0\x01\0\x01";
    let client = world.client(resolver, Family::V4);
    let reply = client.exchange(query).expect("a reply");
    assert_eq!(reply[3] & 15, 3, "NXDOMAIN, truncated or not: {reply:?}");
    reply[2] & 2 != 0
}

fn settings(config: &Config, exempt: &str) {
    let exempt = format!("rrl.exempt = {exempt}");
    let [mode, rate, slip] = SETTINGS;
    config.settings(&[mode, rate, slip, &exempt]);
}

#[test]
fn the_exempt_are_those_of_the_last_reload() {
    let world = World::new();
    let config = world.config("veer", &[]);
    let [a, b] = [Resolver::A, Resolver::B].map(|resolver| resolver.address(Family::V4));
    settings(&config, &a.to_string());
    let _daemon = world.start(&config);
    for (exempt, limited) in [(Resolver::A, Resolver::B), (Resolver::B, Resolver::A)] {
        // Two within a second are soon had, however busy the machine is.
        support::eventually("one is over the rate", || {
            is_limited(&world, limited).then_some(())
        });
        assert!((0..20).all(|_| !is_limited(&world, exempt)));
        settings(&config, &b.to_string());
        config.veerctl(&["reload"]);
    }
    let stats = config.veerctl(&["stats"]);
    let outcomes = &stats["userspace"]["outcomes"];
    let count = |name: &str| outcomes[name].as_u64().expect("a count");
    assert!(
        count("answered_slip") >= 2 && count("answered_negative") >= 40,
        "{stats:#}"
    );
    let fast = count("answered_slip") + count("answered_negative");
    assert_eq!(stats["userspace"]["fast_answers"].as_u64(), Some(fast));
}
