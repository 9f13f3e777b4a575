//! One case at least for every [`Outcome`]: verdict, octets out, counter.

use dns_common::{
    host::Constants,
    outcome::{Action, Outcome},
};

use crate::{
    cases::{NOW_S, Way, way_to, ways_here},
    rig::{Counted, PLAIN, Rig},
    room::{self, Look},
    wire::{A, AAAA, Question},
    world::{self, ALL_DOWN, V4, V6, VERY_LONG},
};

/// Programs over the published world, one for all that want the same constants.
#[derive(Default)]
struct Rigs(Vec<(Constants, Rig)>);

impl Rigs {
    fn of(&mut self, constants: Constants) -> &mut Rig {
        let known = self.0.iter().position(|(known, _)| *known == constants);
        let number = known.unwrap_or_else(|| {
            let rig = Rig::with(world::CAPACITY, &constants);
            world::publish(&rig.tables);
            self.0.push((constants, rig));
            self.0.len() - 1
        });
        let rig = &mut self.0[number].1;
        rig.set_clock(NOW_S);
        rig
    }
}

#[test]
fn every_outcome_has_its_verdict_its_octets_and_its_counter() {
    let mut rigs = Rigs::default();
    for outcome in Outcome::ALL {
        let cases = match way_to(outcome) {
            Way::Answered(constants, exchanges) => {
                let rig = rigs.of(constants);
                for case in &exchanges {
                    let (query, reply) = (&case.query, &case.reply);
                    rig.expect(case.what, query, reply, outcome, case.service);
                }
                exchanges.len()
            }
            Way::AnsweredAgain(constants, exchanges) => {
                let rig = rigs.of(constants);
                for case in &exchanges {
                    let first = rig.run(&case.query);
                    assert_eq!(first.action, Action::Reply, "{}", case.what);
                    assert_ne!(first.frame, case.reply, "{}", case.what);
                    let (query, reply) = (&case.query, &case.reply);
                    rig.expect(case.what, query, reply, outcome, case.service);
                }
                exchanges.len()
            }
            Way::Frames(constants, frames) => {
                let rig = rigs.of(constants);
                for (what, frame) in &frames {
                    rig.expect_up(what, frame, outcome);
                }
                frames.len()
            }
            Way::Again(constants, frames) => {
                let rig = rigs.of(constants);
                for (what, frame) in &frames {
                    // The one before may have used up what is for both.
                    rig.run(frame);
                    rig.expect_drop(what, frame, outcome);
                }
                frames.len()
            }
            Way::Unpublished(frames) => {
                let mut rig = Rig::load(world::CAPACITY);
                for (what, frame) in &frames {
                    rig.expect_up(what, frame, outcome);
                }
                frames.len()
            }
            Way::TightBuffer => {
                without_room(rigs.of(PLAIN), outcome);
                1
            }
            Way::Unreachable(reason) => {
                let unreachable = [Outcome::UpKeepalive, Outcome::DropBroken];
                assert!(unreachable.contains(&outcome), "{outcome:?}: {reason}");
                1
            }
        };
        assert!(cases > 0, "no case for {outcome:?}");
    }
    for (_, rig) in &rigs.0 {
        let broken = rig.counts().outcomes[Outcome::DropBroken as usize];
        assert_eq!(broken, 0, "a check that cannot fail has failed");
    }
    assert_eq!(ways_here().map(|way| way.destination.0), [V4, V6]);
}

fn without_room(rig: &mut Rig, outcome: Outcome) {
    // More than any rounding leaves room for behind the frame, and more than
    // there is before it.
    let way = &ways_here()[0];
    let site = world::site(VERY_LONG);
    let question = Question::new(&site.name, A);
    let frame = way.frame(&question.query());
    let (seen, counted) = room::in_a_tight_buffer(rig, &frame, Look::Up);
    assert_eq!(counted, Counted::one(outcome, None));
    assert_eq!(seen, frame, "changed");
    // Room is all that it lacks.
    let answer = site.answer_for(A, 1).expect("an answer");
    let reply = way.back().frame(&question.reply(&answer));
    rig.expect_reply("with room", &frame, &reply, site.service());
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
