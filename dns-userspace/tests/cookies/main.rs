//! Cookies are interoperable within a fleet (RFC 9018): with one secret, veer,
//! BIND, Knot DNS and NSD take each other's. Needs root.

#[path = "../support/mod.rs"]
mod support;

mod fleet;

use fleet::{Fleet, RESOLVER, Server};
use support::{
    cookies::{FIRST, SECOND, is_by, made, now_s},
    eventually,
    world::{Family, World},
};

#[test]
fn with_one_secret_every_server_takes_every_others() {
    let world = World::new();
    let fleet = Fleet::start(&world, &Server::ALL[1..], &[FIRST], &[]);
    let before = fleet.config.stats().answered();
    for family in Family::ALL {
        let given = Server::ALL.map(|server| (server, fleet.cookie(server, family, &[])));
        // Else one that is made anew would be the same.
        let last = now_s();
        eventually("another second", || (now_s() > last).then_some(()));
        for (maker, cookie) in given {
            let source = RESOLVER.address(family);
            assert!(is_by(FIRST, cookie, source), "{maker:?} {family:?}");
            for server in Server::ALL {
                let what = format!("{server:?} {family:?}, what {maker:?} made");
                assert!(fleet.takes(server, family, cookie), "{what}");
                // Time stamp and hash.
                for octet in [7, 15] {
                    let mut wrong = cookie;
                    wrong[octet] ^= 1;
                    assert!(!fleet.takes(server, family, wrong), "{what}, altered");
                }
            }
        }
    }
    let stats = fleet.config.stats();
    assert!(stats.answered() > before && stats.userspace() == 0);
}

#[test]
fn every_server_takes_a_cookie_for_the_same_time() {
    let world = World::new();
    let fleet = Fleet::start(&world, &Server::ALL[1..], &[FIRST], &[]);
    for family in Family::ALL {
        let source = RESOLVER.address(family);
        for server in Server::ALL {
            for (minutes, is_taken) in [(29, true), (61, false)] {
                let cookie = made(FIRST, source, minutes * 60);
                let taken = fleet.takes(server, family, cookie);
                assert_eq!(taken, is_taken, "{server:?} {family:?}: {minutes} minutes");
            }
            let old = made(FIRST, source, 31 * 60);
            let new = fleet.cookie(server, family, &old);
            // Knot DNS returns it as it came for the whole hour.
            let is_kept = server == Server::Knotd;
            assert_eq!(new == old, is_kept, "{server:?} {family:?}: 31 minutes");
            assert!(is_by(FIRST, new, source), "{server:?} {family:?}");
            let foreign = made(SECOND, source, 60);
            assert!(
                !fleet.takes(server, family, foreign),
                "{server:?} {family:?}"
            );
        }
    }
}

#[test]
fn while_secrets_roll_over_both_are_taken_and_the_new_one_makes_cookies() {
    let world = World::new();
    // Who proves to be where it says it is, is not limited.
    let limits = ["rrl.negative_per_second = 1", "rrl.slip = 1"];
    let others = [Server::Named];
    let fleet = Fleet::start(&world, &others, &[SECOND, FIRST], &limits);
    for family in Family::ALL {
        let source = RESOLVER.address(family);
        let is_limited = |cookie: &[u8]| {
            let reply = fleet.reply(Server::Veer, family, cookie);
            reply[2] & 2 != 0
        };
        let [old, new] = [FIRST, SECOND].map(|secret| made(secret, source, 60));
        let mut wrong = old;
        wrong[15] ^= 1;
        eventually("one is over the rate", || is_limited(&wrong).then_some(()));
        for cookie in [old, new] {
            assert!(!(0..20).any(|_| is_limited(&cookie)), "{family:?}");
            assert!(fleet.takes(Server::Named, family, cookie), "{family:?}");
        }
        assert!(!fleet.takes(Server::Named, family, wrong), "{family:?}");
        for server in [Server::Veer, Server::Named] {
            let replaced = fleet.cookie(server, family, &old);
            assert!(is_by(SECOND, replaced, source), "{server:?} {family:?}");
        }
        assert_eq!(fleet.cookie(Server::Veer, family, &new), new, "{family:?}");
    }
    assert_eq!(fleet.config.stats().userspace(), 0);
}
