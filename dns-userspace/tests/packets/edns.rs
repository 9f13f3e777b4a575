//! OPT records (RFC 6891), octet by octet.

use dns_common::{host::Constants, outcome::Outcome};

use crate::{
    cases::{group, ways_here},
    rig::{PLAIN, Rig},
    shared::plain::{COOKIE, DNSSEC_OK, KEEPALIVE, NSID, Opt, SUBNET},
    wire::{A, Body, Datagram, Question, TXT, name},
    world::{self, WWW},
};

fn published(constants: &Constants) -> Rig {
    let rig = Rig::with(world::CAPACITY, constants);
    world::publish(&rig.tables);
    rig
}

/// What the address of [`WWW`] is for whoever asks that way.
fn www(way: &Datagram) -> Body {
    let answer = world::site(WWW).answer_for(A, group(way));
    answer.expect("an answer").body()
}

#[test]
fn rfc6891_6_1_our_payload_size_and_do_are_all_that_comes_back() {
    for payload in [512, 1232, 4096] {
        let mut rig = published(&Constants { payload, ..PLAIN });
        for way in ways_here() {
            for flags in [0, DNSSEC_OK, 0x7fff, 0xffff] {
                for asked_payload in [0, 511, 512, 1232, u16::MAX] {
                    let asked = Opt {
                        payload: asked_payload,
                        flags,
                        ..Opt::default()
                    };
                    let question = Question::new(&name(WWW), A).with(asked);
                    let opt = Opt {
                        payload: payload as u16,
                        flags: flags & DNSSEC_OK,
                        ..Opt::default()
                    };
                    let reply = question.reply_with(&www(&way), &opt);
                    let what = format!("{payload} {flags:#x} {asked_payload}");
                    let frame = way.frame(&question.query());
                    rig.expect_reply(&what, &frame, &way.back().frame(&reply), Some(0));
                }
            }
        }
    }
}

#[test]
fn rfc6891_6_1_2_options_that_are_unknown_or_off_are_ignored() {
    let mut rig = published(&PLAIN);
    for way in ways_here() {
        for options in [
            vec![(65_001, b"abc".to_vec())],
            vec![(0, vec![]), (u16::MAX, vec![0; 200])],
            vec![(12, vec![0; 400])],
            (20..28)
                .map(|code| (code, vec![1; usize::from(code)]))
                .collect(),
            vec![(NSID, vec![]), (KEEPALIVE, vec![0, 1])],
            vec![(COOKIE, vec![5; 8])],
            vec![(COOKIE, vec![5; 24])],
            vec![(SUBNET, vec![0, 1, 24, 0, 10, 1, 3])],
            vec![(SUBNET, vec![0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 5, 0])],
        ] {
            let opt = Opt {
                options,
                ..Opt::default()
            };
            let question = Question::new(&name(WWW), A).with(opt);
            let reply = way.back().frame(&question.reply_of(&www(&way)));
            let what = format!("{:?}", question.opt);
            rig.expect_reply(&what, &way.frame(&question.query()), &reply, Some(0));
        }
    }
}

#[test]
fn rfc6891_6_1_3_any_other_version_is_answered_with_badvers_and_no_options() {
    let mut rig = published(&crate::cases::OPTIONS);
    for way in ways_here() {
        for (text, rtype) in [(WWW, A), ("www.example.org.", TXT), ("a.sub.example.", 99)] {
            for version in [1, 2, 127, 128, 255] {
                let asked = Opt {
                    version,
                    flags: DNSSEC_OK,
                    ..Opt::default()
                };
                // What these mean in that version nobody knows.
                for asked in [
                    asked.clone(),
                    asked.clone().with(COOKIE, &[1; 8]).with(NSID, &[]),
                    asked.with(SUBNET, &[9; 3]),
                ] {
                    let question = Question::new(&name(text), rtype).with(asked);
                    let opt = Opt {
                        rcode_high: 1,
                        flags: DNSSEC_OK,
                        ..Opt::default()
                    };
                    let reply = question.reply_with(&Body::empty([0x80, 0]), &opt);
                    let reply = way.back().frame(&reply);
                    let frame = way.frame(&question.query());
                    rig.expect(text, &frame, &reply, Outcome::AnsweredError, None);
                }
            }
        }
    }
}

#[test]
fn rfc6891_6_2_5_a_reply_has_the_smaller_of_both_sizes_at_most() {
    let site = world::site(world::TOO_LONG);
    let body = site.answer_for(A, 0).expect("an answer").body();
    for (ours, theirs_from) in [(512, 500), (600, 500), (1232, 500), (4096, 500)] {
        let mut rig = published(&Constants {
            payload: ours,
            ..PLAIN
        });
        let [way, _] = ways_here();
        let whole = Question::new(&site.name, A).query().len() + body.records.len() + 11;
        for theirs in (theirs_from..=whole + 40).chain([1232, 4096, 0xffff]) {
            let asked = Opt {
                payload: theirs as u16,
                ..Opt::default()
            };
            let opt = Opt {
                payload: ours as u16,
                ..Opt::default()
            };
            let question = Question::new(&site.name, A).with(asked);
            let (body, outcome) = if theirs.min(ours as usize).max(512) < whole {
                (body.truncated(), Outcome::AnsweredTruncated)
            } else {
                (body.clone(), Outcome::Answered)
            };
            let reply = way.back().frame(&question.reply_with(&body, &opt));
            let what = format!("{theirs} of {ours}");
            let frame = way.frame(&question.query());
            rig.expect(&what, &frame, &reply, outcome, None);
        }
    }
}

#[test]
fn rfc1035_4_2_1_without_edns_512_octets_are_sent_and_no_more() {
    let mut rig = published(&PLAIN);
    for way in ways_here() {
        for site in world::sites()
            .iter()
            .filter(|site| site.service().is_none())
        {
            let Some(answer) = site.answer_for(A, 0) else {
                continue;
            };
            let question = Question::new(&site.name, A);
            let body = answer.body();
            let (body, outcome) = if question.reply_of(&body).len() > 512 {
                (body.truncated(), Outcome::AnsweredTruncated)
            } else {
                (body, Outcome::Answered)
            };
            let reply = way.back().frame(&question.reply_of(&body));
            let frame = way.frame(&question.query());
            rig.expect("by size", &frame, &reply, outcome, None);
        }
    }
    let len = |text| {
        let site = world::site(text);
        let body = site.answer_for(A, 0).expect("an answer").body();
        Question::new(&site.name, A).reply_of(&body).len()
    };
    assert!(len(world::VERY_LONG) <= 512 && len(world::VERY_LONG) > 496);
    assert!(len(world::TOO_LONG) > 512);
}

#[test]
fn the_longest_answer_that_fills_a_frame_is_sent() {
    let mut rig = published(&Constants {
        payload: 4096,
        ..PLAIN
    });
    let asked = Opt {
        payload: 4096,
        ..Opt::default()
    };
    for way in ways_here() {
        let name = world::fills_a_frame();
        let site = world::sites().into_iter().find(|site| site.name == name);
        let body = site.and_then(|site| site.answer_for(A, 0));
        let body = body.expect("an answer").body();
        let question = Question::new(&name, A).with(asked.clone());
        let reply = way.back().frame(&question.reply_with(&body, &asked));
        assert_eq!(reply.len() - way.transport(), 1500 - 40);
        rig.expect_reply("full", &way.frame(&question.query()), &reply, None);
    }
}
