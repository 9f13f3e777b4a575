//! One case at least for every [`Outcome`]: verdict, octets out, counter.

use dns_common::outcome::Outcome;

use crate::{
    cases::{Way, ask, way_to, ways_here},
    rig::{Counted, Rig},
    room,
    wire::{A, AAAA, Question},
    world::{self, ALL_DOWN, V4, V6, WWW},
};

#[test]
fn every_outcome_has_its_verdict_its_octets_and_its_counter() {
    let mut rig = Rig::load(world::CAPACITY);
    for outcome in Outcome::ALL {
        if let Way::Unpublished(frames) = way_to(outcome) {
            assert!(!frames.is_empty(), "no case for {outcome:?}");
            for (what, frame) in frames {
                rig.expect_up(what, &frame, outcome);
            }
        }
    }
    world::publish(&rig.tables);
    for outcome in Outcome::ALL {
        match way_to(outcome) {
            Way::Unpublished(_) => {}
            Way::Frames(frames) if outcome == Outcome::Answered => {
                for ((what, frame), way) in frames.into_iter().zip(ways_here()) {
                    let group = if way.source.0.is_ipv4() { 1 } else { 3 };
                    let answer = world::site(WWW).answer_for(A, group).expect("an answer");
                    let reply = way.back().frame(&ask().reply(&answer));
                    rig.expect_reply(what, &frame, &reply, Some(0));
                }
            }
            Way::Frames(frames) => {
                assert!(!frames.is_empty(), "no case for {outcome:?}");
                for (what, frame) in frames {
                    rig.expect_up(what, &frame, outcome);
                }
            }
            Way::TightBuffer => {
                // All five candidates' addresses: more than any rounding leaves room for.
                let way = &ways_here()[0];
                let site = world::site(ALL_DOWN);
                let question = Question::new(&site.name, AAAA);
                let frame = way.frame(&question.query());
                let (seen, counted) = room::in_a_tight_buffer(&mut rig, &frame);
                assert_eq!(counted, Counted::one(outcome, None));
                assert_eq!(seen, frame, "changed");
                // Room is all that it lacks.
                let answer = site.answer_for(AAAA, 1).expect("an answer");
                let reply = way.back().frame(&question.reply(&answer));
                rig.expect_reply("with room", &frame, &reply, site.service());
            }
            Way::Unreachable(reason) => {
                assert!(!reason.is_empty());
                assert_eq!(outcome, Outcome::DropBroken);
            }
        }
    }
    let dropped = rig.counts().outcomes[Outcome::DropBroken as usize];
    assert_eq!(dropped, 0, "a check that cannot fail has failed");
    assert_eq!(ways_here().map(|way| way.destination.0), [V4, V6]);
}
