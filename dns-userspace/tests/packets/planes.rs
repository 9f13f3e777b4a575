//! Both planes give the same octets for the same query, resolver and tables.

use std::net::IpAddr;

use dns_common::{
    host::{ClientSubnet, Constants},
    outcome::Outcome,
    respond,
    tables::{Control, Row, Source, Tables as _},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use veer::tables::Tables;

use crate::{
    cases::{NOW_S, OPTIONS},
    rig::{Counted, Rig},
    shared::{
        host::Desk,
        plain::{COOKIE, DNSSEC_OK, NSID, Opt, SUBNET, subnet},
        reader,
    },
    wire::{A, AAAA, Datagram, Question, TXT, mixed_case, name},
    world,
    zone::{ANY, CUT, ELSEWHERE, EMPTY, HTTPS, TYPES, WILD},
};

/// Everything on but what needs a clock finer than a second.
const CONSTANTS: Constants = Constants {
    nsid: 0,
    client_subnet: ClientSubnet::Trusted as u64,
    group_sample: Constants::one_in(1),
    ..OPTIONS
};

/// The kernel's tables, and a host for userspace to read them.
struct Planes {
    rig: Rig,
    desk: Desk,
}

impl Planes {
    fn new() -> Self {
        let rig = Rig::with(world::CAPACITY, &CONSTANTS);
        world::publish(&rig.tables);
        let mut desk = Desk::default();
        desk.constants = CONSTANTS;
        desk.now_s.set(NOW_S);
        Self { rig, desk }
    }

    /// Asserts that the kernel makes of `message` what userspace makes of it.
    fn compare(&mut self, message: &[u8], resolver: IpAddr) -> Result<Vec<u8>, Outcome> {
        self.rig.set_clock(NOW_S);
        let counted = self.rig.group_counts();
        self.desk.group.set(None);
        let expected = userspace(&self.rig.tables, &self.desk, message, resolver);
        let is_steered = matches!(expected, Ok((_, Some(_), _)));
        let group = self.desk.group.get().filter(|_| is_steered);
        let compared = self.compare_replies(message, resolver, expected);
        let rises = self.rig.group_counts().into_iter().zip(counted);
        for (number, (after, before)) in (0..).zip(rises) {
            let expected = u64::from(group == Some(number));
            assert_eq!(after - before, expected, "group {number}: {message:?}");
        }
        compared
    }

    fn compare_replies(
        &mut self,
        message: &[u8],
        resolver: IpAddr,
        expected: Result<(Outcome, Option<usize>, Vec<u8>), Outcome>,
    ) -> Result<Vec<u8>, Outcome> {
        let way = Datagram::new(resolver, world::ours(resolver));
        let frame = way.frame(message);
        match expected {
            Ok((outcome, service, octets)) => {
                assert_eq!(reader::fault(message, &octets), None, "{message:?}");
                let reply = way.back().frame(&octets);
                let what = format!("{message:?}");
                self.rig.expect(&what, &frame, &reply, outcome, service);
                Ok(octets)
            }
            Err(outcome) => {
                let (ran, counted) = self.rig.run_counted(&frame);
                assert_eq!(counted, Counted::one(outcome, None), "{message:?}");
                assert_eq!(ran.action, outcome.action());
                assert_eq!(ran.frame, frame);
                Err(outcome)
            }
        }
    }
}

/// What userspace makes of `message`: the same shared code over its own view of
/// the same tables.
fn userspace(
    tables: &Tables,
    desk: &Desk,
    message: &[u8],
    resolver: IpAddr,
) -> Result<(Outcome, Option<usize>, Vec<u8>), Outcome> {
    let generation = tables
        .control()
        .and_then(Control::current)
        .expect("a generation is published");
    let reply = respond(message, Source::from(resolver), tables, &generation, desk)?;
    let mut octets = message.to_vec();
    octets.resize(reply.len(), 0);
    reply
        .write(&mut octets[..], tables)
        .expect("it has the room");
    let service = (reply.service != Row::NO_SERVICE).then_some(reply.service as usize);
    Ok((reply.outcome(), service, octets))
}

#[test]
fn every_name_for_every_resolver() {
    let mut planes = Planes::new();
    let mut answered = 0;
    for (resolver, group) in world::resolvers() {
        for site in world::sites() {
            for rtype in [A, AAAA, TXT] {
                for asked in [site.name.clone(), mixed_case(&site.name)] {
                    let question = Question::new(&asked, rtype).with(Opt::default());
                    let reply = planes.compare(&question.query(), resolver);
                    if let (Ok(reply), Some(answer)) = (reply, site.answer_for(rtype, group))
                        && rtype != TXT
                        && !site.is_long()
                    {
                        assert_eq!(reply, question.reply(&answer));
                        answered += 1;
                    }
                }
            }
        }
    }
    assert!(answered > 1000, "{answered}");
}

/// Names of every kind.
fn names() -> Vec<Vec<u8>> {
    let sites = world::sites().into_iter().map(|site| site.name);
    let texts = [CUT, ELSEWHERE, EMPTY, TYPES, WILD, "example.org."];
    let names = sites.chain(texts.map(name));
    names
        .flat_map(|name| {
            let below = [&b"\x01x"[..], &name].concat();
            [name, below]
        })
        .filter(|name| name.len() <= 255)
        .collect()
}

/// An OPT record with whatever options.
fn opts() -> impl Strategy<Value = Opt> {
    let subnet = (0..4_u16, 0..=130_u8, any::<[u8; 17]>())
        .prop_map(|(family, bits, address)| (SUBNET, subnet(family, bits.min(136), 0, &address)));
    let cookie = proptest::collection::vec(any::<u8>(), 6..42);
    let option = prop_oneof![
        subnet,
        cookie.prop_map(|data| (COOKIE, data)),
        Just((COOKIE, vec![3; 8])),
        Just((NSID, vec![])),
        Just((SUBNET, subnet_of_24())),
        (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..4)),
    ];
    let options = proptest::collection::vec(option, 0..4);
    let flags = prop_oneof![Just(0), Just(DNSSEC_OK), any::<u16>()];
    let version = prop_oneof![9 => Just(0_u8), 1 => any::<u8>()];
    (any::<u16>(), version, flags, options).prop_map(|(payload, version, flags, options)| Opt {
        payload,
        version,
        flags,
        options,
        ..Opt::default()
    })
}

/// A well-formed client subnet.
fn subnet_of_24() -> Vec<u8> {
    subnet(1, 24, 0, &[10, 1, 2])
}

/// A query for one of the world's names with some of its octets changed, or
/// added to, or cut off.
fn spoilt_queries() -> impl Strategy<Value = Vec<u8>> {
    let name = proptest::sample::select(names());
    let rtype = prop_oneof![
        Just(A),
        Just(AAAA),
        Just(TXT),
        Just(HTTPS),
        Just(ANY),
        any::<u16>()
    ];
    let change = (
        any::<proptest::sample::Index>(),
        prop_oneof![Just(0), Just(0x20), any::<u8>()],
    );
    let changes = proptest::collection::vec(change, 0..4);
    let opt = proptest::option::of(opts());
    (name, rtype, opt, changes, 0..24_usize, any::<u8>()).prop_map(
        |(name, rtype, opt, changes, cut, added)| {
            let question = Question {
                opt,
                ..Question::new(&name, rtype)
            };
            let mut message = question.query();
            for (at, bits) in changes {
                let at = at.index(message.len());
                message[at] ^= bits;
            }
            match cut {
                0 => message.push(added),
                1..=3 => message.truncate(message.len() - cut),
                _ => {}
            }
            message
        },
    )
}

#[test]
fn whatever_a_message_holds() {
    let planes = Planes::new();
    let resolvers: Vec<IpAddr> = world::resolvers().map(|(resolver, _)| resolver).collect();
    let queries = (spoilt_queries(), proptest::sample::select(resolvers));
    let mut runner = TestRunner::new(Config {
        cases: 4000,
        failure_persistence: None,
        ..Config::default()
    });
    let planes = std::cell::RefCell::new(planes);
    runner
        .run(&queries, |(message, resolver)| {
            // A mismatch panics, which the runner takes for a failure.
            let _ = planes.borrow_mut().compare(&message, resolver);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
