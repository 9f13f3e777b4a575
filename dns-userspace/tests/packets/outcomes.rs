//! One case at least for every [`Outcome`]: verdict, octets out, counter.

use dns_common::outcome::Outcome;

use crate::{
    cases::{Way, ask, way_to, ways_here},
    rig::{Counted, Rig},
    room::{self, Look},
    wire::{A, AAAA, Question},
    world::{self, ALL_DOWN, V4, V6, VERY_LONG, WWW},
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
                // More than any rounding leaves room for behind the frame, and
                // more than there is before it.
                let way = &ways_here()[0];
                let site = world::site(VERY_LONG);
                let question = Question::new(&site.name, A);
                let frame = way.frame(&question.query());
                let (seen, counted) = room::in_a_tight_buffer(&mut rig, &frame, Look::Up);
                assert_eq!(counted, Counted::one(outcome, None));
                assert_eq!(seen, frame, "changed");
                // Room is all that it lacks.
                let answer = site.answer_for(A, 1).expect("an answer");
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

/// Where there is no room behind the frame, the reply takes the room before it.
#[test]
fn a_reply_that_does_not_fit_behind_the_frame_takes_the_room_before_it() {
    let mut rig = Rig::load(world::CAPACITY);
    world::publish(&rig.tables);
    for way in ways_here() {
        // All five candidates' addresses, for the one with the longest name as well.
        for (site, rtype) in [(world::site(ALL_DOWN), AAAA), (world::longest_site(), A)] {
            let question = Question::new(&site.name, rtype);
            let frame = way.frame(&question.query());
            let (seen, counted) = room::in_a_tight_buffer(&mut rig, &frame, Look::Back);
            let group = if way.source.0.is_ipv4() { 1 } else { 3 };
            let answer = site.answer_for(rtype, group).expect("an answer");
            assert_eq!(seen, way.back().frame(&question.reply(&answer)));
            assert_eq!(counted, Counted::one(Outcome::Answered, site.service()));
        }
    }
}
