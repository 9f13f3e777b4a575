//! Rates: what is answered, slipped, asked for a cookie, dropped.

use super::*;
use crate::{
    cookie::make,
    host::{Class, Constants},
    limit::BURST_NS,
    world::{
        plain::{COOKIE, SUBNET, subnet},
        sample::{INTERVAL_NS, MANY, ON, SECRETS},
    },
};

const BURST: usize = (BURST_NS / INTERVAL_NS) as usize;

/// The sample with everything on, and these changes.
fn limited(change: impl FnOnce(&mut Constants)) -> World {
    let mut world = sample();
    world.host.constants = ON;
    change(&mut world.host.constants);
    world
}

impl World {
    /// The outcomes of so many alike.
    fn outcomes(&self, message: &[u8], source: Source, count: usize) -> Vec<Outcome> {
        (0..count).map(|_| self.outcome(message, source)).collect()
    }

    /// Asks until the rate is used up.
    fn use_up(&self, message: &[u8], source: Source) {
        let outcomes = self.outcomes(message, source, BURST);
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    }
}

#[test]
fn one_in_slip_is_answered_with_tc_and_the_rest_are_dropped() {
    const DROP: Outcome = Outcome::DropRate;
    const SLIP: Outcome = Outcome::AnsweredSlip;

    let message = query(WWW, rtype::A);
    for (slip, expected) in [
        (0, [DROP; 6]),
        (1, [SLIP; 6]),
        (2, [SLIP, DROP, SLIP, DROP, SLIP, DROP]),
        (3, [SLIP, DROP, DROP, SLIP, DROP, DROP]),
    ] {
        let world = limited(|constants| constants.slip = slip);
        world.use_up(&message, RESOLVER);
        assert_eq!(
            world.outcomes(&message, RESOLVER, 6),
            expected,
            "slip {slip}"
        );
        // Another prefix has its own rate.
        assert_eq!(world.outcome(&message, IPV6), Outcome::Answered);
    }
}

#[test]
fn a_slipped_reply_is_the_question_with_tc() {
    let world = limited(|constants| constants.slip = 1);
    let subnet = subnet(1, 24, 0, &[10, 0, 2]);
    let opt = Opt::default().with(SUBNET, &subnet);
    for (name, flags) in [
        (WWW, TC),
        (SUB, [0x82, 0]),
        (&below(b"\x01x", APEX), [0x86, 3]),
    ] {
        for message in [
            query(name, rtype::A),
            with_opt(&query(name, rtype::A), &opt),
        ] {
            let world_opt = (message[11] != 0).then_some(&opt);
            world.host.now_ns.update(|now| now + 10 * BURST_NS);
            world.use_up(&message, RESOLVER);
            let expected = reply(&message, flags, [0, 0, 0], &[], world_opt);
            let (reply, octets) = world.reply_to(&message, RESOLVER).expect("a reply");
            assert_eq!(reply.outcome(), Outcome::AnsweredSlip);
            assert_eq!(octets, expected, "{name:?}");
        }
    }
}

#[test]
fn rfc7873_5_2_3_over_the_rate_a_client_cookie_gets_badcookie() {
    let client = 5_u64;
    let asked = Opt::default().with(COOKIE, &client.to_le_bytes());
    let message = with_opt(&query(WWW, rtype::A), &asked);
    let mut world = limited(|constants| constants.slip = 1);
    world.use_up(&message, RESOLVER);
    let server = make(SECRETS[0], client, RESOLVER, world.host.now_s.get());
    let cookie: Vec<u8> = [client, server.0, server.1]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect();
    let opt = Opt {
        rcode_high: 1,
        ..Opt::default()
    };
    let opt = opt.with(COOKIE, &cookie);
    let expected = reply(&message, [0x80, 7], [0, 0, 0], &[], Some(&opt));
    let (bad_cookie, octets) = world.reply_to(&message, RESOLVER).expect("a reply");
    assert_eq!(
        (bad_cookie.outcome(), octets),
        (Outcome::AnsweredBadCookie, expected)
    );

    // With the cookie it was given, it is answered without limit.
    let proved = with_opt(&query(WWW, rtype::A), &Opt::default().with(COOKIE, &cookie));
    let outcomes = world.outcomes(&proved, RESOLVER, 3 * BURST);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Answered));
    // One that is made up is no better than none.
    let mut forged = proved.clone();
    *forged.last_mut().expect("octets") ^= 1;
    assert_eq!(world.outcome(&forged, RESOLVER), Outcome::AnsweredBadCookie);

    world.host.constants.cookie_required_over_limit = 0;
    assert_eq!(world.outcome(&message, RESOLVER), Outcome::AnsweredSlip);
    world.host.constants.cookie_required_over_limit = 1;
    world.host.constants.cookies = 0;
    assert_eq!(world.outcome(&message, RESOLVER), Outcome::AnsweredSlip);
    assert_eq!(world.outcome(&proved, RESOLVER), Outcome::AnsweredSlip);
    world.host.constants.slip = 0;
    assert_eq!(world.outcome(&message, RESOLVER), Outcome::DropRate);
}

#[test]
fn old_cookies_and_those_of_the_other_secret_exempt_as_well() {
    let world = limited(|_| ());
    let now_s = world.host.now_s.get();
    let made = |secret, age_s| make(secret, 5, RESOLVER, now_s - age_s);
    let message = |server: (u64, u64)| {
        let data: Vec<u8> = [5, server.0, server.1]
            .into_iter()
            .flat_map(u64::to_le_bytes)
            .collect();
        with_opt(&query(WWW, rtype::A), &Opt::default().with(COOKIE, &data))
    };
    world.use_up(&query(WWW, rtype::A), RESOLVER);
    for (server, proved) in [
        (made(SECRETS[0], 3600), true),
        (made(SECRETS[0], 3601), false),
        (made(SECRETS[1], 3600), true),
        (made(SECRETS[1], 0), true),
        (made(SECRETS[1], 3601), false),
    ] {
        let outcome = world.outcome(&message(server), RESOLVER);
        assert_eq!(outcome == Outcome::Answered, proved, "{outcome:?}");
    }
}

#[test]
fn each_class_has_its_own_rate() {
    let nxdomain = below(b"\x01x", APEX);
    let version = Opt {
        version: 1,
        ..Opt::default()
    };
    // Twice the query is more than one address with OPT, and less than eight of them.
    let messages = [
        (Class::Positive, query(WWW, rtype::A)),
        (
            Class::Large,
            with_opt(&query(MANY, rtype::A), &Opt::default()),
        ),
        (Class::Negative, query(&nxdomain, rtype::A)),
        (Class::Referral, query(SUB, rtype::A)),
        (Class::Error, with_opt(&query(WWW, rtype::A), &version)),
    ];
    for (limited_class, _) in &messages {
        let world = limited(|constants| {
            constants.rate_intervals_ns = [0; Class::ALL.len()];
            constants.rate_intervals_ns[*limited_class as usize] = INTERVAL_NS;
            constants.slip = 0;
        });
        for (class, message) in &messages {
            let outcomes = world.outcomes(message, RESOLVER, BURST + 1);
            let dropped = outcomes[BURST] == Outcome::DropRate;
            assert_eq!(
                dropped,
                class == limited_class,
                "{class:?}, {limited_class:?} limited"
            );
        }
    }
}

#[test]
fn a_response_is_large_past_twice_its_query() {
    use crate::world::memory::Answer;

    let name = b"\x04some\x07example\0";
    let message = query(name, rtype::A);
    for (extra, dropped) in [(0, false), (1, true)] {
        let mut world = limited(|constants| {
            constants.rate_intervals_ns = [0; Class::ALL.len()];
            constants.rate_intervals_ns[Class::Large as usize] = INTERVAL_NS;
            constants.slip = 0;
        });
        let (first, stride) =
            world.add_answers(&[Answer::positive(&vec![1; message.len() + extra])]);
        world.add_name(name, Row::fixed(name.len() as u8, first, stride));
        let outcomes = (0..=BURST).map(|_| world.respond(&message, RESOLVER).is_err());
        assert_eq!(outcomes.last(), Some(dropped), "{extra}");
    }
}

#[test]
fn exempt_resolvers_and_streams_are_not_limited() {
    let mut world = limited(|constants| constants.slip = 0);
    let message = query(WWW, rtype::A);
    let limited = |world: &World, source| {
        world
            .outcomes(&message, source, BURST + 1)
            .contains(&Outcome::DropRate)
    };
    assert!(limited(&world, RESOLVER));
    assert!(!limited(&world, EXEMPT));
    world.host.stream = true;
    assert!(!limited(&world, RESOLVER));
}

#[test]
fn names_outside_our_zones_go_up_within_a_budget() {
    let mut world = limited(|_| ());
    let unknown = |number: usize| query(format!("\x04{number:04}\x03com\0").as_bytes(), rtype::A);
    let sources = [RESOLVER, TRUSTED, EXEMPT, IPV6];
    for number in 0..3 * BURST {
        let outcome = world.outcome(&unknown(number), sources[number % sources.len()]);
        let expected = if number < BURST {
            Outcome::UpUnknownName
        } else {
            Outcome::DropUnknownName
        };
        assert_eq!(outcome, expected, "{number}");
    }
    // The names of our own zones that go up have no part in it.
    assert_eq!(world.ask_for(ELSEWHERE, rtype::A), Outcome::UpNoAnswer);
    // The root itself is outside our zones, whatever is asked for.
    assert_eq!(world.ask_for(b"\0", rtype::A), Outcome::DropUnknownName);
    assert_eq!(world.ask_for(b"\0", TXT), Outcome::DropUnknownName);
    world.host.now_ns.update(|now| now + INTERVAL_NS);
    assert_eq!(world.ask_for(b"\0", TXT), Outcome::UpUnknownName);
    world.host.constants.up_interval_ns = 0;
    assert_eq!(world.ask_for(b"\0", TXT), Outcome::UpUnknownName);
}
