//! Rates of responses, and of queries that go up.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use dns_common::{
    host::{Class, Constants},
    limit::BURST_NS,
    outcome::Outcome,
};

use crate::{
    cases::{NOW_S, ONCE_NS, cookie},
    rig::{PLAIN, Rig},
    shared::plain::{COOKIE, Opt},
    wire::{A, Datagram, Question, TXT, name},
    world::{self, SECRETS, WWW},
    zone::{CUT, SHORT_APEX},
};

/// One response of each class, to a /24 or a /56.
const ONCE: Constants = Constants {
    rates: 1,
    rate_intervals_ns: [ONCE_NS; Class::ALL.len()],
    rate_mask: world::CAPACITY.rate_buckets as u64 - 1,
    rate_ipv4_shift: 8,
    rate_ipv6_shift: 8,
    cookies: 1,
    ..PLAIN
};

fn published(constants: &Constants) -> Rig {
    let rig = Rig::with(world::CAPACITY, constants);
    world::publish(&rig.tables);
    rig.set_clock(NOW_S);
    rig
}

fn ask(rig: &mut Rig, resolver: &str, question: &Question) -> Outcome {
    let resolver: IpAddr = resolver.parse().expect("an address");
    let way = Datagram::new(resolver, world::ours(resolver));
    let (_, counted) = rig.run_counted(&way.frame(&question.query()));
    let [(outcome, 1)] = counted.outcomes[..] else {
        panic!("{counted:?}");
    };
    outcome
}

fn www() -> Question {
    Question::new(&name(WWW), A)
}

/// Stays on this CPU: one in so many is counted by each for itself.
fn stay_here() {
    // SAFETY: all octets zero are an empty set; the calls touch nothing but it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu().cast_unsigned() as usize, &mut set);
        let failed = libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
        assert_eq!(failed, 0, "sched_setaffinity");
    }
}

#[test]
fn a_second_of_responses_at_once_then_one_in_slip_with_tc() {
    const DROP: Outcome = Outcome::DropRate;
    const SLIP: Outcome = Outcome::AnsweredSlip;
    const BURST: usize = 10;
    let interval = BURST_NS / BURST as u64;

    stay_here();
    for (slip, expected) in [
        (0, [DROP; 6]),
        (1, [SLIP; 6]),
        (2, [SLIP, DROP, SLIP, DROP, SLIP, DROP]),
        (3, [SLIP, DROP, DROP, SLIP, DROP, DROP]),
    ] {
        let mut rig = published(&Constants {
            rate_intervals_ns: [interval; Class::ALL.len()],
            slip,
            ..ONCE
        });
        // Another resolver each time that it took so long that there was
        // one more to answer.
        let seen = (0..100).find_map(|number| {
            let resolver = format!("198.18.{number}.1");
            let start = Instant::now();
            let outcomes: Vec<Outcome> = (0..BURST + 6)
                .map(|_| ask(&mut rig, &resolver, &www()))
                .collect();
            (start.elapsed() < Duration::from_nanos(interval)).then_some(outcomes)
        });
        let seen = seen.expect("a burst within its interval");
        assert_eq!(seen[..BURST], [Outcome::Answered; BURST], "slip {slip}");
        // How many were limited before is not known after a slow one.
        let first = (0..expected.len()).find(|turn| {
            let turned = expected.iter().cycle().skip(*turn);
            seen[BURST..].iter().eq(turned.take(6))
        });
        assert!(first.is_some(), "slip {slip}: {seen:?}");
    }
}

#[test]
fn each_class_has_its_own_rate() {
    let version = Opt {
        version: 1,
        ..Opt::default()
    };
    let questions = [
        (Class::Positive, www()),
        (Class::Large, Question::new(&name(world::VERY_LONG), A)),
        (Class::Negative, Question::new(&name(WWW), TXT)),
        (Class::Referral, Question::new(&name(CUT), A)),
        (Class::Error, www().with(version)),
    ];
    for limited in Class::ALL {
        let mut rate_intervals_ns = [0; Class::ALL.len()];
        rate_intervals_ns[limited as usize] = ONCE_NS;
        let mut rig = published(&Constants {
            rate_intervals_ns,
            ..ONCE
        });
        for (class, question) in &questions {
            for resolver in ["198.51.100.9", "2400::9"] {
                let outcomes = [(); 3].map(|()| ask(&mut rig, resolver, question));
                assert_ne!(outcomes[0], Outcome::DropRate);
                let dropped = outcomes[1] == Outcome::DropRate;
                assert_eq!(dropped, *class == limited, "{class:?}, {limited:?} limited");
                assert_eq!(outcomes[1], outcomes[2]);
            }
        }
    }
}

#[test]
fn a_rate_is_one_prefixs_in_one_zone() {
    let mut rig = published(&ONCE);
    for (resolver, expected) in [
        ("198.51.100.9", Outcome::Answered),
        ("198.51.100.9", Outcome::DropRate),
        ("198.51.100.254", Outcome::DropRate),
        ("198.51.101.9", Outcome::Answered),
        ("198.50.100.9", Outcome::Answered),
        ("2400::9", Outcome::Answered),
        ("2400:0:0:ff:1::9", Outcome::DropRate),
        ("2400:0:0:100::9", Outcome::Answered),
    ] {
        assert_eq!(ask(&mut rig, resolver, &www()), expected, "{resolver}");
    }
    let negative = Outcome::AnsweredNegative;
    for (text, expected) in [
        ("a.example.", negative),
        ("b.example.", Outcome::DropRate),
        (SHORT_APEX, negative),
        ("c.z.", Outcome::DropRate),
    ] {
        let question = Question::new(&name(text), TXT);
        let outcome = ask(&mut rig, "198.51.100.9", &question);
        assert_eq!(outcome, expected, "{text}");
    }
}

#[test]
fn exempt_resolvers_and_who_returns_our_cookie_are_not_limited() {
    let mut rig = published(&Constants {
        slip: 1,
        cookie_required_over_limit: 1,
        ..ONCE
    });
    for resolver in ["10.200.3.4", "fd12:3456::1"] {
        let outcomes = [(); 4].map(|()| ask(&mut rig, resolver, &www()));
        assert_eq!(outcomes, [Outcome::Answered; 4], "{resolver}");
    }
    for resolver in ["198.51.100.9", "2400::9"] {
        let address = resolver.parse().expect("an address");
        let with = |data: &[u8]| www().with(Opt::default().with(COOKIE, data));
        let [current, previous] = SECRETS.map(|secret| cookie(secret, 5, address));
        let mut forged = current.clone();
        forged[16] ^= 1;
        for (what, question, expected) in [
            ("the one there is", www(), Outcome::Answered),
            ("no cookie", www(), Outcome::AnsweredSlip),
            ("a client cookie", with(&[5; 8]), Outcome::AnsweredBadCookie),
            ("a forged one", with(&forged), Outcome::AnsweredBadCookie),
            ("ours", with(&current), Outcome::Answered),
            ("ours again", with(&current), Outcome::Answered),
            ("of the secret before", with(&previous), Outcome::Answered),
        ] {
            let outcome = ask(&mut rig, resolver, &question);
            assert_eq!(outcome, expected, "{what} from {resolver}");
        }
    }
}

#[test]
fn rates_that_are_off_limit_nothing() {
    for constants in [
        Constants { rates: 0, ..ONCE },
        Constants {
            rate_intervals_ns: [0; Class::ALL.len()],
            ..ONCE
        },
    ] {
        let mut rig = published(&constants);
        for _ in 0..50 {
            let outcome = ask(&mut rig, "198.51.100.9", &www());
            assert_eq!(outcome, Outcome::Answered);
        }
    }
}

#[test]
fn names_outside_our_zones_share_one_budget() {
    let unknown = |number: u8| Question::new(&[1, b'a' + number, 0], A);
    let mut rig = published(&Constants {
        up_interval_ns: ONCE_NS,
        ..PLAIN
    });
    let outcomes = [0, 1, 2, 3].map(|number| {
        let resolver = format!("198.18.{number}.1");
        ask(&mut rig, &resolver, &unknown(number))
    });
    assert_eq!(outcomes[0], Outcome::UpUnknownName);
    assert_eq!(outcomes[1..], [Outcome::DropUnknownName; 3]);
    // What is ours has no part in it.
    let nxdomain = Question::new(&name("x.example."), A);
    let outcome = ask(&mut rig, "198.18.0.1", &nxdomain);
    assert_eq!(outcome, Outcome::AnsweredNegative);
    let elsewhere = Question::new(&name("x.up.example."), A);
    let outcome = ask(&mut rig, "198.18.0.1", &elsewhere);
    assert_eq!(outcome, Outcome::UpNoAnswer);

    let mut rig = published(&PLAIN);
    for number in 0..20 {
        let outcome = ask(&mut rig, "198.18.0.1", &unknown(number));
        assert_eq!(outcome, Outcome::UpUnknownName);
    }
}
