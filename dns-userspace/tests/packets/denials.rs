//! What is answered for names and types that the tables do not list: negative
//! answers, delegations, wildcards, at every length and depth.

use dns_common::outcome::Outcome;

use crate::{
    cases::ways_here,
    rig::Rig,
    shared::plain::Opt,
    wire::{A, AAAA, Body, Question, TXT, mixed_case, name},
    world::{self, WWW},
    zone::{self, APEX, CUT, EMPTY, HTTPS, SHORT_APEX, TYPES, TYPES_THERE, WILD},
};

fn published() -> Rig {
    let rig = Rig::load(world::CAPACITY);
    world::publish(&rig.tables);
    rig
}

/// Asserts that `name` asked for `rtype`, in several cases, with and without
/// EDNS, is answered with `body`.
fn expect(rig: &mut Rig, name: &[u8], rtype: u16, body: &Body, outcome: Outcome) {
    for way in ways_here() {
        for name in [name.to_vec(), mixed_case(name), name.to_ascii_uppercase()] {
            for opt in [None, Some(Opt::default())] {
                let question = Question {
                    opt,
                    ..Question::new(&name, rtype)
                };
                let reply = way.back().frame(&question.reply_of(body));
                let what = format!("{} octets, type {rtype}", name.len());
                rig.expect(&what, &way.frame(&question.query()), &reply, outcome, None);
            }
        }
    }
}

/// Names below `ancestor` of every length that there is, of few and of many
/// labels.
fn below(ancestor: &str) -> Vec<Vec<u8>> {
    let ancestor = name(ancestor);
    let mut names = Vec::new();
    for room in 2..=255 - ancestor.len() {
        // The last label takes the odd octet.
        let few = longest_labels(room);
        let mut many = b"\x01q".repeat(room / 2 - 1);
        many.extend(if room % 2 == 0 {
            &b"\x01q"[..]
        } else {
            b"\x02qq"
        });
        for labels in [few, many] {
            assert_eq!(labels.len(), room);
            names.push([&labels[..], &ancestor].concat());
        }
    }
    names
}

/// Labels that take `room` octets, as long as they can be.
fn longest_labels(room: usize) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut rest = room;
    while rest > 0 {
        let taken = if rest == 65 { 63 } else { rest.min(64) };
        labels.push(taken as u8 - 1);
        labels.extend((1..taken).map(|at| b'k' + (at % 7) as u8));
        rest -= taken;
    }
    labels
}

#[test]
fn rfc2308_2_1_names_that_do_not_exist_of_every_length() {
    let mut rig = published();
    for apex in [APEX, SHORT_APEX] {
        for asked in below(apex) {
            let body = zone::nxdomain(&asked, apex);
            expect(&mut rig, &asked, A, &body, Outcome::AnsweredNegative);
        }
    }
    // As many labels as a name can have.
    let asked = [b"\x01q".repeat(126), name(SHORT_APEX)].concat();
    assert_eq!(asked.len(), 255);
    let body = zone::nxdomain(&asked, SHORT_APEX);
    expect(&mut rig, &asked, TXT, &body, Outcome::AnsweredNegative);
}

#[test]
fn rfc8020_below_names_that_exist_there_is_nothing_either() {
    let mut rig = published();
    for ancestor in [EMPTY, TYPES, "leaf.empty.example.", "static.example."] {
        for labels in ["a.", "a.b.c.d.e.f.g.h.", "*."] {
            let asked = name(&format!("{labels}{ancestor}"));
            let body = zone::nxdomain(&asked, APEX);
            expect(&mut rig, &asked, AAAA, &body, Outcome::AnsweredNegative);
        }
    }
}

#[test]
fn rfc2308_2_2_types_that_do_not_exist() {
    let mut rig = published();
    for text in [APEX, EMPTY, TYPES, WILD, "static.example."] {
        for rtype in [2, 5, 6, 12, 33, 99, 127, 256, 0x7fff, 0xffff] {
            let body = zone::nodata(&name(text), APEX);
            expect(
                &mut rig,
                &name(text),
                rtype,
                &body,
                Outcome::AnsweredNegative,
            );
        }
    }
    for text in [APEX, EMPTY, TYPES, WILD] {
        let body = zone::nodata(&name(text), APEX);
        expect(&mut rig, &name(text), A, &body, Outcome::AnsweredNegative);
    }
}

#[test]
fn types_of_all_kinds_and_any() {
    let mut rig = published();
    for rtype in TYPES_THERE {
        let body = zone::typed(rtype).expect("one of them");
        expect(&mut rig, &name(TYPES), rtype, &body, Outcome::Answered);
    }
}

#[test]
fn rfc9460_hints_follow_the_decision() {
    let mut rig = published();
    for (resolver, group) in world::resolvers() {
        let way = crate::wire::Datagram::new(resolver, world::ours(resolver));
        let question = Question::new(&name(WWW), HTTPS);
        let body = zone::https(Some(group as u8));
        let reply = way.back().frame(&question.reply_of(&body));
        rig.expect_reply(WWW, &way.frame(&question.query()), &reply, Some(0));
    }
    // One family only, or another first one: no hint.
    let generation = rig.tables.generation_number();
    for (v4, v6) in [(0b1_1111, 0b0_0001), (0b1_1111, 0), (0, 0b1_1111)] {
        let word = dns_common::decision::Eligible::new(v4, v6, true);
        rig.tables.store_eligible(generation, 0, word.0);
        let [way, _] = ways_here();
        let question = Question::new(&name(WWW), HTTPS);
        let reply = way.back().frame(&question.reply_of(&zone::https(None)));
        rig.expect_reply(WWW, &way.frame(&question.query()), &reply, Some(0));
    }
}

#[test]
fn rfc4592_wildcards_at_every_length() {
    let mut rig = published();
    for asked in below(WILD) {
        for rtype in [A, TXT] {
            let body = zone::wildcard(rtype).expect("it is there");
            expect(&mut rig, &asked, rtype, &body, Outcome::Answered);
        }
        let body = zone::nodata(&asked, APEX);
        expect(&mut rig, &asked, 99, &body, Outcome::AnsweredNegative);
    }
    // The asterisk itself is a name like others.
    let body = zone::wildcard(AAAA).expect("it is there");
    let asked = name(&format!("*.{WILD}"));
    expect(&mut rig, &asked, AAAA, &body, Outcome::Answered);
    // Below it nothing is synthesised (section 2.2.1).
    let asked = name(&format!("a.*.{WILD}"));
    let body = zone::nxdomain(&asked, APEX);
    expect(&mut rig, &asked, A, &body, Outcome::AnsweredNegative);
}

#[test]
fn rfc1034_4_3_2_referrals_at_the_cut_and_at_every_length_below() {
    let mut rig = published();
    for rtype in [A, AAAA, TXT, 2, 6, 255] {
        let body = zone::referral(&name(CUT));
        expect(
            &mut rig,
            &name(CUT),
            rtype,
            &body,
            Outcome::AnsweredReferral,
        );
    }
    for asked in below(CUT) {
        let body = zone::referral(&asked);
        expect(&mut rig, &asked, A, &body, Outcome::AnsweredReferral);
    }
}
