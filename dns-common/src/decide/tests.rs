use super::*;
use crate::{
    ask::{
        NAME_MAX, TYPE_AND_CLASS, ask,
        tests::{lengths, name_of, query},
    },
    decision::{ALL_CANDIDATES, Family},
    tables::{Control, Line, Word, tests::Memory},
};

const SEED: u64 = 99;
const MASK: u32 = 3;
const SOURCE: Source = Source::V4(0x0a00_0001);

const GENERATION: Generation = Generation {
    seed: SEED,
    bucket_base: 4,
    bucket_mask: MASK,
    address_seed: 0,
    address_base: 0,
    groups_shift: 1,
    port: 0,
};

/// Which of its two buckets a name is put into.
#[derive(Clone, Copy)]
enum Place {
    First,
    Second,
}

/// Tables with one name whose row is `row`, in cell 1 and the ones after it.
fn with(name: &[u8], row: Row, place: Place) -> Memory {
    let mut tables = Memory {
        control: Control::default(),
        buckets: (0..8).map(|_| Line::default()).collect(),
        rankings: (0..4).map(|_| Word::default()).collect(),
        eligible: (0..2).map(|_| Word::default()).collect(),
        ..Memory::default()
    };
    tables.put_name(1, row, name);
    let ask = ask(&query(name, 1, 1)[..], SEED).expect("a well-formed query");
    let (first, second, tag) = bucket::places(ask.hash, MASK);
    let index = match place {
        Place::First => first,
        Place::Second => second,
    };
    tables.buckets[(4 + index) as usize].0[5].store(bucket::entry(tag, 1));
    tables
}

fn decided(tables: &Memory, name: &[u8], rtype: u16) -> Result<Chosen, Outcome> {
    let message = query(name, rtype, 1);
    let (_, chosen) = crate::respond(&message[..], SOURCE, tables, &GENERATION)?;
    Ok(chosen)
}

#[test]
fn names_of_every_length_are_found_in_either_place_and_in_any_case() {
    for len in lengths() {
        let name = name_of(len, &[9, 40, 62], b"aBcDeFgH9-_");
        let row = Row::fixed(len as u8, 0, 1);
        for place in [Place::First, Place::Second] {
            let mut tables = with(&name, row, place);
            tables.put_answer(0, &[1; 16], [1, 0, 0]);
            tables.put_answer(1, &[2; 28], [1, 0, 0]);
            for asked in [name.clone(), name.to_ascii_uppercase()] {
                // A length octet is no letter: upper case leaves it as it is.
                let found = decided(&tables, &asked, 1).expect("found");
                assert_eq!((found.cell, found.head.len()), (0, 16), "{len}");
                assert_eq!(found.service, None);
                let found = decided(&tables, &asked, 28).expect("found");
                assert_eq!((found.cell, found.head.len()), (1, 28), "{len}");
            }
        }
    }
}

#[test]
fn names_are_compared_whole() {
    for len in lengths().filter(|len| *len > 1) {
        let name = name_of(len, &[62], b"abcdefgh");
        let row = Row::fixed(len as u8, 0, 1);
        for at in (0..len).filter(|at| name[*at].is_ascii_lowercase()) {
            let mut other = name.clone();
            other[at] = b'-';
            // The table's entry leads from one name's hash to the other's row.
            let mut tables = with(&other, row, Place::First);
            tables.put_name(1, row, &name);
            tables.put_answer(0, &[1; 16], [1, 0, 0]);
            let found = decided(&tables, &other, 1);
            assert_eq!(found, Err(Outcome::UpUnknownName), "octet {at} of {len}");
        }
        let longer = name_of(len + 2, &[62], b"abcdefgh");
        if longer.len() <= NAME_MAX {
            let mut tables = with(&longer, row, Place::First);
            tables.put_name(1, row, &name);
            let found = decided(&tables, &longer, 1);
            assert_eq!(found, Err(Outcome::UpUnknownName), "{len}");
        }
    }
}

#[test]
fn the_first_eligible_candidate_of_the_group_answers() {
    let name = b"\x03www\x07example\0";
    let row = Row::steered(name.len() as u8, 7, 1, 10, 2);
    let mut tables = with(name, row, Place::First);
    for family in [Family::V4, Family::V6] {
        for candidate in 0..=ALL_CANDIDATES {
            let cell = row.answer_cell(family, candidate);
            tables.put_answer(cell, &[candidate + 1; 20], [1, 0, 0]);
        }
    }
    // Pool 1, group 0 of 2.
    tables.rankings[2].store(Ranking::new(&[2, 0, 1]).0);
    for (eligible, v4, v6) in [
        (Eligible::new(0b111, 0b111, false), 2, 2),
        (Eligible::new(0b011, 0b010, false), 0, 1),
        (Eligible::new(0b010, 0b100, true), 1, 2),
        (Eligible::new(0, 0b001, true), ALL_CANDIDATES, 0),
    ] {
        tables.eligible[1].store(eligible.0);
        for (rtype, family, candidate) in [(1, Family::V4, v4), (28, Family::V6, v6)] {
            let chosen = decided(&tables, name, rtype).expect("a candidate");
            assert_eq!(chosen.cell, row.answer_cell(family, candidate));
            assert_eq!(chosen.service, Some(7));
        }
    }
    tables.eligible[1].store(Eligible::new(0, 0b1000, false).0);
    for rtype in [1, 28] {
        let chosen = decided(&tables, name, rtype);
        assert_eq!(chosen, Err(Outcome::UpNoCandidate));
    }
}

#[test]
fn a_pool_past_the_end_of_the_tables_has_no_candidate() {
    let name = b"\x03www\x07example\0";
    let tables = with(name, Row::steered(13, 7, 200, 10, 2), Place::First);
    assert_eq!(decided(&tables, name, 1), Err(Outcome::UpNoCandidate));
}

#[test]
fn an_absent_answer_goes_up() {
    let name = b"\x03www\x07example\0";
    let mut tables = with(name, Row::fixed(13, 0, 1), Place::First);
    tables.put_answer(0, &[1; 16], [1, 0, 0]);
    // The second answer is past the end of the table, then there and empty.
    assert_eq!(decided(&tables, name, 28), Err(Outcome::UpNoAnswer));
    tables.put_answer(1, &[], [0, 0, 0]);
    assert_eq!(decided(&tables, name, 28), Err(Outcome::UpNoAnswer));
    assert!(decided(&tables, name, 1).is_ok());
}

#[test]
fn rfc1035_4_2_1_replies_end_at_512_octets() {
    for len in [1, 13, 100, 255] {
        let name = name_of(len, &[62], b"x");
        let question = HEADER + len + TYPE_AND_CLASS;
        let mut tables = with(&name, Row::fixed(len as u8, 0, 9), Place::First);
        tables.put_answer(0, &vec![1; UDP_MAX - question], [1, 0, 0]);
        assert!(decided(&tables, &name, 1).is_ok());
        tables.put_answer(0, &vec![1; UDP_MAX - question + 1], [1, 0, 0]);
        assert_eq!(decided(&tables, &name, 1), Err(Outcome::UpTooLong));
    }
}
