//! Both planes give the same octets for the same query, resolver and tables.

use std::net::IpAddr;

use dns_common::{
    outcome::{Action, Outcome},
    reply, respond,
    tables::{Source, Tables as _},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use veer::tables::Tables;

use crate::{
    rig::{Counted, Rig},
    wire::{A, AAAA, Datagram, Question, mixed_case},
    world,
};

/// What userspace makes of `message`: the same shared code over its own view of
/// the same tables.
fn userspace(tables: &Tables, message: &[u8], resolver: IpAddr) -> Result<Vec<u8>, Outcome> {
    let generation = tables
        .control()
        .and_then(dns_common::tables::Control::current)
        .expect("a generation is published");
    let (ask, chosen) = respond(message, Source::from(resolver), tables, &generation)?;
    let mut reply = message.to_vec();
    reply.resize(reply::len(&ask, &chosen.head), 0);
    reply::write(&mut reply[..], &ask, &chosen, tables).expect("it has the room");
    Ok(reply)
}

/// Asserts that the kernel makes the same of `message`.
fn compare(rig: &mut Rig, message: &[u8], resolver: IpAddr) -> Result<Vec<u8>, Outcome> {
    let way = Datagram::new(resolver, world::ours(resolver));
    let frame = way.frame(message);
    let (ran, counted) = rig.run_counted(&frame);
    let expected = userspace(&rig.tables, message, resolver);
    match &expected {
        Ok(reply) => {
            assert_eq!(counted.outcomes, [(Outcome::Answered, 1)], "{message:?}");
            assert_eq!(ran.action, Action::Reply);
            assert_eq!(ran.frame, way.back().frame(reply));
        }
        Err(outcome) => {
            assert_eq!(counted, Counted::one(*outcome, None), "{message:?}");
            assert_eq!(ran.action, Action::Up);
            assert_eq!(ran.frame, frame);
        }
    }
    expected
}

#[test]
fn every_name_for_every_resolver() {
    let mut rig = Rig::load(world::CAPACITY);
    world::publish(&rig.tables);
    let mut answered = 0;
    for (resolver, group) in world::resolvers() {
        for site in world::sites() {
            for rtype in [A, AAAA, 16] {
                for asked in [site.name.clone(), mixed_case(&site.name)] {
                    let question = Question::new(&asked, rtype);
                    let reply = compare(&mut rig, &question.query(), resolver);
                    if let Ok(reply) = reply {
                        let answer = site.answer_for(rtype, group).expect("an answer");
                        assert_eq!(reply, question.reply(&answer));
                        answered += 1;
                    }
                }
            }
        }
    }
    assert!(answered > 1000, "{answered}");
}

/// A query for one of the world's names with some of its octets changed, or
/// added to, or cut off.
fn spoilt_queries() -> impl Strategy<Value = Vec<u8>> {
    let site = proptest::sample::select(world::sites());
    let rtype = prop_oneof![Just(A), Just(AAAA), any::<u16>()];
    let change = (
        any::<proptest::sample::Index>(),
        prop_oneof![Just(0), Just(0x20), any::<u8>()],
    );
    let changes = proptest::collection::vec(change, 0..4);
    (site, rtype, changes, 0..24_usize, any::<u8>()).prop_map(
        |(site, rtype, changes, cut, added)| {
            let mut message = Question::new(&site.name, rtype).query();
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
    let rig = Rig::load(world::CAPACITY);
    world::publish(&rig.tables);
    let resolvers: Vec<IpAddr> = world::resolvers().map(|(resolver, _)| resolver).collect();
    let queries = (spoilt_queries(), proptest::sample::select(resolvers));
    let mut runner = TestRunner::new(Config {
        cases: 4000,
        failure_persistence: None,
        ..Config::default()
    });
    let rig = std::cell::RefCell::new(rig);
    runner
        .run(&queries, |(message, resolver)| {
            // A mismatch panics, which the runner takes for a failure.
            let _ = compare(&mut rig.borrow_mut(), &message, resolver);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
