//! A kernel without a daemon that vouches for its decisions, and one that only counts.

mod support;

use domain::base::Rtype;
use support::{
    config::Config,
    eventually,
    load::HOT,
    number,
    world::{Resolver, World},
    zone::{CDN, Service, WWW as STEERED},
};

const SERVICES: &[Service] = &[STEERED, CDN];

const WWW: &str = "www.example.";

fn gets_an_answer(world: &World) -> bool {
    world.addresses(Resolver::A, WWW, Rtype::A).is_some()
}

fn counted(config: &Config, outcome: &str) -> u64 {
    number(
        &config.veerctl(&["stats"]),
        &format!("kernel/outcomes/{outcome}"),
    )
}

#[test]
fn decisions_nobody_vouches_for_answer_nothing_until_somebody_does() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.exempt_all();
    config.settings(&["stale.action = up", "stale.after_ms = 3000"]);
    let mut daemon = world.start(&config);
    assert!(gets_an_answer(&world));

    daemon.hangs().expect("it stands still");
    eventually("stale", || (!gets_an_answer(&world)).then_some(()));
    assert!(world.has_xdp() && config.has_link());
    daemon.goes_on().expect("it goes on");
    eventually("answers again", || gets_an_answer(&world).then_some(()));
    eventually("the kernel's answers again", || {
        let before = config.stats().answered();
        gets_an_answer(&world).then_some(())?;
        (config.stats().answered() > before).then_some(())
    });
    assert!(counted(&config, "up_stale") > 0);

    daemon.sigkill().expect("it is killed");
    assert!(gets_an_answer(&world));
    eventually("stale", || (!gets_an_answer(&world)).then_some(()));
    let _daemon = world.start(&config);
    let before = config.stats().answered();
    assert!(gets_an_answer(&world));
    assert_eq!(config.stats().answered(), before + 1);
}

#[test]
fn a_dry_run_counts_what_it_would_answer_and_leaves_it_to_userspace() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", SERVICES);
    config.settings(&["xdp.dry_run = on"]);
    let _daemon = world.start(&config);
    for (resolver, name, rtype, right) in HOT {
        let addresses = world.addresses(*resolver, name, *rtype);
        let found: Vec<_> = addresses.iter().flatten().map(String::as_str).collect();
        assert!(right.contains(&&*found), "{name}: {found:?}");
    }
    let asked = HOT.len() as u64;
    let stats = config.stats();
    assert_eq!((stats.answered(), stats.userspace()), (0, asked));
    assert_eq!(counted(&config, "up_dry_run"), asked);
    let status = config.veerctl(&["status"]);
    let reason = support::text(&status, "xdp/reason");
    assert!(reason.contains("a dry run"), "{status:#}");
}
