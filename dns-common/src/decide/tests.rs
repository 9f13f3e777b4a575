//! What is decided on at the names of [`crate::world::sample`].

mod limits;
mod options;
mod places;
mod sizes;

use super::*;
use crate::ask::Wanted;
use crate::{
    ask::rtype,
    tables::Word,
    world::{
        RESOLVER, World,
        plain::{Opt, query, reply, with_opt},
        reader,
        sample::{
            APEX, ELSEWHERE, EXEMPT, FIXED, HTTPS, IPV6, SERVICE, SUB, TRUSTED, WILD, WWW, ZONE,
            candidate_records, sample,
        },
    },
};

/// Flags of an authoritative answer, with NXDOMAIN, of a referral, and with TC.
const AA: [u8; 2] = [0x84, 0];
const AA_NXDOMAIN: [u8; 2] = [0x84, 3];
const QR: [u8; 2] = [0x80, 0];
const TC: [u8; 2] = [0x86, 0];

impl World {
    /// The reply and its octets, which are well-formed.
    fn reply_to(&self, message: &[u8], source: Source) -> Result<(Reply, Vec<u8>), Outcome> {
        let replied = self.respond(message, source);
        if let Ok((_, octets)) = &replied {
            assert_eq!(
                reader::fault(message, octets),
                None,
                "{message:?} → {octets:?}"
            );
        }
        replied
    }

    fn octets(&self, message: &[u8], source: Source) -> Result<Vec<u8>, Outcome> {
        self.reply_to(message, source).map(|(_, octets)| octets)
    }

    fn outcome(&self, message: &[u8], source: Source) -> Outcome {
        match self.reply_to(message, source) {
            Ok((reply, _)) => reply.outcome(),
            Err(outcome) => outcome,
        }
    }

    fn ask_for(&self, name: &[u8], rtype: u16) -> Outcome {
        self.outcome(&query(name, rtype), RESOLVER)
    }

    fn set_eligible(&self, eligible: Eligible) {
        self.tables.eligible[1].store(eligible.0);
    }
}

/// The name `labels` below `ancestor`.
fn below(labels: &[u8], ancestor: &[u8]) -> Vec<u8> {
    [labels, ancestor].concat()
}

/// One that asks for any type that has no entry of its own.
const TXT: u16 = 16;

#[test]
fn the_first_eligible_candidate_of_the_group_answers() {
    const ALL: u8 = ALL_CANDIDATES;

    let world = sample();
    // The groups prefer 0 1 2, 1 0 2, 2 1 0 and 2 0 1.
    for (v4, v6, all_down_all, v4_answers, v6_answers) in [
        (0b111, 0b111, false, [0, 1, 2, 2], [0, 1, 2, 2]),
        (0b110, 0b101, false, [1, 1, 2, 2], [0, 0, 2, 2]),
        (0b010, 0b001, true, [1, 1, 1, 1], [0, 0, 0, 0]),
        (0b000, 0b100, true, [ALL, ALL, ALL, ALL], [2, 2, 2, 2]),
    ] {
        world.set_eligible(Eligible::new(v4, v6, all_down_all));
        let sources = [RESOLVER, TRUSTED, EXEMPT, IPV6];
        for (group, source) in sources.into_iter().enumerate() {
            for (rtype, answers) in [(rtype::A, v4_answers), (rtype::AAAA, v6_answers)] {
                let message = query(WWW, rtype);
                let number = answers[group];
                let records = candidate_records(rtype, number);
                let expected = reply(&message, AA, [1, 0, 0], &records, None);
                let (reply, octets) = world.respond(&message, source).expect("an answer");
                assert_eq!(octets, expected, "group {group}, type {rtype}");
                assert_eq!(reply.service, SERVICE);
            }
        }
    }
    world.set_eligible(Eligible::new(0, 0b1000, false));
    for rtype in [rtype::A, rtype::AAAA] {
        assert_eq!(world.ask_for(WWW, rtype), Outcome::UpNoCandidate);
    }
}

#[test]
fn a_slot_is_answered_by_the_first_in_the_ranking_that_takes_it() {
    const ALL: u8 = ALL_CANDIDATES;

    let world = sample();
    let take = |source, takers: u64| {
        let word = world.tables.share(1, slot(source)).expect("a word");
        let shift = 8 * (slot(source) % SLOTS_PER_WORD as u32);
        word.store(word.load() & !(0xff << shift) | takers << shift);
    };
    let answers = |source, rtype, number| {
        let message = query(WWW, rtype);
        let records = candidate_records(rtype, number);
        let expected = reply(&message, AA, [1, 0, 0], &records, None);
        let (_, octets) = world.respond(&message, source).expect("an answer");
        assert_eq!(octets, expected, "{source:?} {rtype}");
    };
    // They prefer 0 1 2 and 2 0 1.
    let sources = [RESOLVER, IPV6];
    assert_ne!(slot(RESOLVER), slot(IPV6));
    for source in sources {
        take(source, 0b001);
    }
    world.set_eligible(Eligible::new(0b111, 0b111, false));
    answers(RESOLVER, rtype::A, 0);
    answers(IPV6, rtype::A, 2);
    let shared = |v4, v6| Eligible(Eligible::new(v4, v6, true).0 | Eligible::SHARED);
    world.set_eligible(shared(0b111, 0b111));
    answers(IPV6, rtype::A, 0);
    take(RESOLVER, 0b110);
    answers(RESOLVER, rtype::A, 1);
    answers(IPV6, rtype::A, 0);
    // Who takes it may not be used in one family, and then in none.
    world.set_eligible(shared(0b111, 0b110));
    answers(IPV6, rtype::A, 0);
    answers(IPV6, rtype::AAAA, 2);
    world.set_eligible(shared(0b110, 0));
    answers(IPV6, rtype::A, 2);
    answers(IPV6, rtype::AAAA, ALL);
    // Of a group that is not divided everybody gets the first who may be used.
    world.set_eligible(shared(0b111, 0b111));
    for word in &world.tables.rankings {
        word.store(Ranking(word.load()).undivided().0);
    }
    answers(RESOLVER, rtype::A, 0);
    answers(IPV6, rtype::A, 2);
}

#[test]
fn rfc9460_hints_are_given_where_both_families_have_one_candidate() {
    let world = sample();
    let message = query(WWW, HTTPS);
    for (v4, v6, all_down_all, expected) in [
        (0b111, 0b111, false, Some(0)),
        (0b010, 0b011, false, Some(ALL_CANDIDATES)),
        (0b010, 0b010, false, Some(1)),
        (0b000, 0b010, true, Some(ALL_CANDIDATES)),
        (0b000, 0b000, true, Some(ALL_CANDIDATES)),
        (0b000, 0b010, false, Some(ALL_CANDIDATES)),
        (0b010, 0b000, false, Some(ALL_CANDIDATES)),
        (0b000, 0b000, false, None),
    ] {
        world.set_eligible(Eligible::new(v4, v6, all_down_all));
        let expected = expected
            .map(|number| {
                reply(
                    &message,
                    AA,
                    [1, 0, 0],
                    &candidate_records(HTTPS, number),
                    None,
                )
            })
            .ok_or(Outcome::UpNoCandidate);
        let found = world.octets(&message, RESOLVER);
        assert_eq!(found, expected, "{v4:#b} {v6:#b} {all_down_all}");
    }
}

#[test]
fn pools_and_groups_past_the_tables_have_no_candidate() {
    for what in 0..2 {
        let mut world = sample();
        let cut = |words: &mut Vec<Word>| words.truncate(1);
        match what {
            0 => cut(&mut world.tables.rankings),
            _ => cut(&mut world.tables.eligible),
        }
        assert_eq!(world.ask_for(WWW, rtype::A), Outcome::UpNoCandidate);
        assert_eq!(world.ask_for(FIXED, rtype::A), Outcome::Answered);
    }
}

#[test]
fn each_kind_of_answer_has_its_outcome_service_and_zone() {
    let world = sample();
    for (name, rtype, flags, outcome, service) in [
        (WWW, rtype::A, AA, Outcome::Answered, SERVICE),
        (WWW, TXT, AA, Outcome::AnsweredNegative, Row::NO_SERVICE),
        (FIXED, rtype::AAAA, AA, Outcome::Answered, Row::NO_SERVICE),
        (
            FIXED,
            rtype::ANY,
            AA,
            Outcome::AnsweredNegative,
            Row::NO_SERVICE,
        ),
        (
            APEX,
            rtype::A,
            AA,
            Outcome::AnsweredNegative,
            Row::NO_SERVICE,
        ),
        (APEX, 2, AA, Outcome::Answered, Row::NO_SERVICE),
        (
            SUB,
            rtype::A,
            QR,
            Outcome::AnsweredReferral,
            Row::NO_SERVICE,
        ),
        (SUB, TXT, QR, Outcome::AnsweredReferral, Row::NO_SERVICE),
        (
            &below(b"\x01x", APEX),
            rtype::A,
            AA_NXDOMAIN,
            Outcome::AnsweredNegative,
            Row::NO_SERVICE,
        ),
        (
            &below(b"\x01x", WWW),
            TXT,
            AA_NXDOMAIN,
            Outcome::AnsweredNegative,
            Row::NO_SERVICE,
        ),
        (
            &below(b"\x01x\x01y", SUB),
            rtype::AAAA,
            QR,
            Outcome::AnsweredReferral,
            Row::NO_SERVICE,
        ),
        (
            &below(b"\x01x", WILD),
            rtype::A,
            AA,
            Outcome::Answered,
            Row::NO_SERVICE,
        ),
        (
            &below(b"\x01x\x01y", WILD),
            TXT,
            AA,
            Outcome::AnsweredNegative,
            Row::NO_SERVICE,
        ),
        (
            WILD,
            rtype::A,
            AA,
            Outcome::AnsweredNegative,
            Row::NO_SERVICE,
        ),
    ] {
        let message = query(name, rtype);
        let (reply, octets) = world.reply_to(&message, RESOLVER).expect("an answer");
        assert_eq!(
            (reply.outcome(), reply.service),
            (outcome, service),
            "{name:?}"
        );
        assert_eq!(octets[2..4], [flags[0] | 1, flags[1]], "{name:?} {rtype}");
        let World {
            tables,
            generation,
            host,
        } = &world;
        let ask = crate::ask::ask(&message[..], generation.seed, Wanted::ALL, host);
        let ask = ask.expect("a query");
        let (row, answers) = find(&message[..], &ask, tables, generation, host).expect("a row");
        let source = RESOLVER;
        let chosen = choose(
            &message[..],
            &row,
            answers,
            source,
            tables,
            generation,
            host,
        );
        assert_eq!(chosen.map(|chosen| chosen.zone), Ok(ZONE), "{name:?}");
    }
}

#[test]
fn rfc4592_2_2_1_a_wildcard_answers_under_the_name_asked_for() {
    let world = sample();
    let name = below(b"\x03any\x05thing", WILD);
    let message = query(&name, rtype::A);
    let records = crate::world::plain::record(rtype::A, &[192, 0, 2, 99]);
    let expected = reply(&message, AA, [1, 0, 0], &records, None);
    assert_eq!(world.octets(&message, RESOLVER), Ok(expected));
}

#[test]
fn pointers_are_moved_for_names_below_the_one_they_were_written_for() {
    let world = sample();
    for labels in [&b""[..], b"\x01x", b"\x02xy", b"\x01x\x02yz\x03abc"] {
        let name = below(labels, SUB);
        let message = query(&name, rtype::A);
        let octets = world.octets(&message, RESOLVER).expect("a referral");
        let at = (12 + labels.len()) as u16 | 0xc000;
        let end = message.len();
        assert_eq!(octets[end..end + 2], at.to_be_bytes(), "the owner");
        assert_eq!(
            octets[end + 15..end + 17],
            at.to_be_bytes(),
            "in the server's name"
        );
        let server = (end + 12) as u16 | 0xc000;
        assert_eq!(
            octets[end + 17..end + 19],
            server.to_be_bytes(),
            "the glue's owner"
        );
    }
}

#[test]
fn names_outside_our_zones_and_without_answers_go_up() {
    let world = sample();
    for (name, outcome) in [
        (&b"\0"[..], Outcome::UpUnknownName),
        (b"\x03com\0", Outcome::UpUnknownName),
        (b"\x03www\x08examplex\0", Outcome::UpUnknownName),
        (ELSEWHERE, Outcome::UpNoAnswer),
        (&below(b"\x01x", ELSEWHERE), Outcome::UpNoAnswer),
        (b"\x03www\xc0\x0c", Outcome::UpQuestion),
    ] {
        for rtype in [rtype::A, rtype::AAAA, TXT] {
            assert_eq!(world.ask_for(name, rtype), outcome, "{name:?} {rtype}");
        }
    }
}

#[test]
fn an_answer_stands_in_for_another_but_not_for_a_third() {
    let mut world = sample();
    let answer =
        crate::world::memory::Answer::positive(&crate::world::plain::record(1, &[1, 2, 3, 4]));
    let own = world.add_answer(&answer);
    let shared = own + 10;
    world.tables.put_head(shared, AnswerHead::shared(own));
    world
        .tables
        .put_head(shared + 1, AnswerHead::shared(shared));
    let name = b"\x04some\x07example\0";
    world.add_name(name, Row::fixed(name.len() as u8, shared, 1).in_zone(ZONE));
    assert_eq!(world.ask_for(name, rtype::A), Outcome::Answered);
    assert_eq!(world.ask_for(name, rtype::AAAA), Outcome::UpNoAnswer);
    let none = b"\x04none\x07example\0";
    for (cell, outcome) in [
        (shared + 2, Outcome::UpNoAnswer),
        (9999, Outcome::UpNoAnswer),
    ] {
        world.tables.put_head(shared + 3, AnswerHead::ABSENT);
        world.add_name(none, Row::fixed(none.len() as u8, cell, 1));
        assert_eq!(world.ask_for(none, rtype::A), outcome);
    }
}

#[test]
fn rfc2181_11_a_label_may_hold_any_octet() {
    let world = sample();
    let zero = b"\x03w\0w\x07example\0";
    assert_eq!(world.ask_for(zero, rtype::A), Outcome::AnsweredNegative);
    let message = with_opt(&query(zero, rtype::A), &Opt::default());
    assert_eq!(world.outcome(&message, RESOLVER), Outcome::AnsweredNegative);
    // Before an OPT record with options it is one for the full server.
    let message = with_opt(&query(zero, rtype::A), &Opt::default().with(65_001, &[1]));
    assert_eq!(world.outcome(&message, RESOLVER), Outcome::UpAdditional);
}
