//! Replies that do not fit.

use super::*;
use crate::world::{
    memory::Answer,
    sample::{BIG, MANY},
};

#[test]
fn rfc1035_4_2_1_and_rfc6891_6_2_5_what_does_not_fit_is_truncated() {
    let world = sample();
    let message = query(MANY, rtype::A);
    let expected = reply(&message, TC, [0, 0, 0], &[], None);
    let (truncated, octets) = world.reply_to(&message, RESOLVER).expect("a reply");
    assert_eq!(
        (truncated.outcome(), octets),
        (Outcome::AnsweredTruncated, expected)
    );
    // The question, 800 octets of records, an OPT record.
    let whole = message.len() + BIG + 11;
    let payloads = (0..=1500).chain([4096, 0x8000, u16::MAX]);
    for payload in payloads {
        let opt = Opt {
            payload,
            ..Opt::default()
        };
        let outcome = world.outcome(&with_opt(&message, &opt), RESOLVER);
        let expected = if usize::from(payload) < whole {
            Outcome::AnsweredTruncated
        } else {
            Outcome::Answered
        };
        assert_eq!(outcome, expected, "{payload}");
    }
}

#[test]
fn truncation_at_exactly_512_octets_our_payload_and_a_stream() {
    let name = b"\x04some\x07example\0";
    let question = query(name, rtype::A);
    let with_records = |len: usize| {
        let mut world = sample();
        let (first, stride) = world.add_answers(&[Answer::positive(&vec![1; len])]);
        world.add_name(name, Row::fixed(name.len() as u8, first, stride));
        world
    };
    let outcome = |world: &World, message: &[u8]| match world.respond(message, RESOLVER) {
        Ok((reply, octets)) => (reply.outcome(), octets.len()),
        Err(outcome) => (outcome, 0),
    };
    let opt = with_opt(
        &question,
        &Opt {
            payload: 4096,
            ..Opt::default()
        },
    );
    for (message, limit) in [(&question, 512), (&opt, 1232)] {
        let room = limit - message.len();
        let found = outcome(&with_records(room), message);
        assert_eq!(found, (Outcome::Answered, limit));
        let mut world = with_records(room + 1);
        let found = outcome(&world, message);
        assert_eq!(
            found,
            (Outcome::AnsweredTruncated, message.len()),
            "{limit}"
        );
        world.host.stream = true;
        assert_eq!(outcome(&world, message), (Outcome::Answered, limit + 1));
        world.host.reply_max = limit;
        assert_eq!(outcome(&world, message).0, Outcome::UpTooLong);
    }
    // Less than 512 is taken as 512.
    let opt = with_opt(
        &question,
        &Opt {
            payload: 0,
            ..Opt::default()
        },
    );
    let world = with_records(512 - opt.len());
    assert_eq!(outcome(&world, &opt), (Outcome::Answered, 512));
}
