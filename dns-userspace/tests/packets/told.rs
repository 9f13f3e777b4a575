//! Queries that end in the kernel, told to whoever watches.

use std::net::IpAddr;

use dns_common::{
    host::Constants,
    outcome::{Action, Outcome},
    tables::Row,
    told::{ALL, NOBODY, OCTETS_MAX, Told, of_service},
};
use veer::kernel::{Buffer, Event};

use crate::{
    cases::{NOW_S, ONCE_NS, group, ways_here},
    rig::{PLAIN, Ran, Rig},
    wire::{A, AAAA, Datagram, Question, TXT, name},
    world::{self, VERY_LONG, WWW},
    zone::CUT,
};

/// Every query is told.
const TELLING: Constants = Constants {
    told_sample: Constants::one_in(1),
    ..PLAIN
};

/// A program that tells, and where it does.
struct Watched {
    rig: Rig,
    buffers: Vec<Buffer>,
}

impl Watched {
    fn new(constants: &Constants, watched: u64) -> Self {
        let mut rig = published(constants);
        let buffers = rig.kernel.told().unwrap_or_else(|error| panic!("{error}"));
        rig.tables.set_watched(watched);
        Self { rig, buffers }
    }

    /// What is told since the last time.
    fn told(&mut self) -> Vec<(Told, Vec<u8>)> {
        let mut events = Vec::new();
        for buffer in &mut self.buffers {
            buffer.read(|event| match event {
                Event::Told(told, frame) => events.push((told, frame.to_vec())),
                Event::Lost(count) => panic!("{count} lost"),
            });
        }
        events
    }

    /// Runs the program on `frame`; what became of it, and what is told of it.
    fn run(&mut self, frame: &[u8]) -> (Ran, Outcome, Vec<(Told, Vec<u8>)>) {
        let (ran, counted) = self.rig.run_counted(frame);
        let [(outcome, 1)] = counted.outcomes[..] else {
            panic!("{counted:?}");
        };
        (ran, outcome, self.told())
    }
}

fn published(constants: &Constants) -> Rig {
    let rig = Rig::with(world::CAPACITY, constants);
    world::publish(&rig.tables);
    rig.set_clock(NOW_S);
    rig
}

/// Of every kind that is answered; the number of the service that decides.
fn questions() -> Vec<(Question, Option<usize>)> {
    let of = |text: &str, rtype| {
        let site = world::site(text);
        (Question::new(&site.name, rtype), site.service())
    };
    let none = |text: &str, rtype| (Question::new(&name(text), rtype), None);
    vec![
        of(WWW, A),
        of(WWW, AAAA),
        of(VERY_LONG, A),
        none(WWW, TXT),
        none(CUT, A),
    ]
}

#[test]
fn what_is_answered_is_told_with_the_reply_which_is_as_it_would_be() {
    let mut silent = published(&PLAIN);
    let mut watched = Watched::new(&TELLING, ALL);
    for way in ways_here() {
        for (question, service) in questions() {
            let query = way.frame(&question.query());
            let (ran, outcome, told) = watched.run(&query);
            assert_eq!(ran, silent.run(&query), "{question:?}");
            assert_eq!(ran.action, Action::Reply, "{question:?}");
            let [(told, frame)] = &told[..] else {
                panic!("{question:?}: {told:?}");
            };
            let octets = ran.frame.len().min(OCTETS_MAX);
            assert_eq!(*frame, ran.frame[..octets], "{question:?}");
            assert_eq!(told.outcome, outcome as u32, "{question:?}");
            let number = service.map_or(Row::NO_SERVICE, |number| number as u32);
            assert_eq!(told.service, number, "{question:?}");
            if service.is_some() {
                assert_eq!(told.group, u32::from(group(&way)), "{question:?}");
            }
        }
    }
}

#[test]
fn what_is_dropped_is_told_with_the_query_and_what_is_passed_up_is_not() {
    let dropping = Constants {
        rates: 1,
        rate_intervals_ns: [ONCE_NS; 5],
        rate_mask: u64::from(world::CAPACITY.rate_buckets) - 1,
        rate_ipv4_shift: 8,
        rate_ipv6_shift: 8,
        up_interval_ns: ONCE_NS,
        ..TELLING
    };
    let mut watched = Watched::new(&dropping, ALL);
    let [way, _] = ways_here();
    let site = world::site(WWW);
    let known = way.frame(&Question::new(&site.name, A).query());
    let unknown = way.frame(&Question::new(&name("elsewhere.test"), A).query());
    // Rates let a burst through.
    let mut dropped = |frame: &[u8], service| {
        for _ in 0..1000 {
            let (ran, outcome, told) = watched.run(frame);
            match (ran.action, &told[..]) {
                (Action::Up, []) | (Action::Reply, [_]) => {}
                (Action::Drop, [(told, octets)]) => {
                    assert_eq!(octets, frame);
                    assert_eq!((told.outcome, told.service), (outcome as u32, service));
                    return outcome;
                }
                (action, told) => panic!("{action:?}: {told:?}"),
            }
        }
        panic!("never dropped");
    };
    let service = site.service().expect("it has one") as u32;
    assert_eq!(dropped(&known, service), Outcome::DropRate);
    assert_eq!(dropped(&unknown, Row::NO_SERVICE), Outcome::DropUnknownName);
}

#[test]
fn only_what_somebody_watches_is_told() {
    let mut watched = Watched::new(&TELLING, NOBODY);
    let number = world::site(WWW).service().expect("it has one") as u32;
    let [way, _] = ways_here();
    for (watch, expected) in [
        (NOBODY, &[][..]),
        (of_service(number), &[number, number][..]),
        (of_service(number + 100), &[][..]),
        (NOBODY, &[][..]),
    ] {
        watched.rig.tables.set_watched(watch);
        let told = questions().into_iter().flat_map(|(question, service)| {
            let (.., told) = watched.run(&way.frame(&question.query()));
            assert!(
                service == Some(number as usize) || told.is_empty(),
                "{question:?}"
            );
            told
        });
        let services: Vec<_> = told.map(|(told, _)| told.service).collect();
        assert_eq!(services, expected, "{watch}");
    }
}

#[test]
fn one_in_so_many_is_told() {
    let tenth = Constants {
        told_sample: Constants::one_in(10),
        ..PLAIN
    };
    let mut watched = Watched::new(&tenth, ALL);
    let resolver: IpAddr = "10.1.2.3".parse().expect("an address");
    let query = Question::new(&world::site(WWW).name, A).query();
    let frame = Datagram::new(resolver, world::ours(resolver)).frame(&query);
    for _ in 0..1000 {
        watched.rig.run(&frame);
    }
    let told = watched.told().len();
    assert!((95..=105).contains(&told), "{told}");
}
