//! Where a row's answers stand: those of the best several, and of each TTL.

use super::*;
use crate::world::{memory::Answer, plain::record};

const SEVERAL: &[u8] = b"\x07several\x07example\0";
/// Candidates 0 to 2 and all their sets, both families.
const PLACES: u32 = Row::SETS_FROM + 2 * 8;
const LEVELS: u32 = 2;

/// The records of the candidates in `mask` at a level.
fn records(rtype: u16, mask: u8, level: u32) -> Vec<u8> {
    let numbers = (0..8).filter(|number| mask >> number & 1 != 0);
    let last = |number: u8| 100 * level as u8 + number;
    let rdata = numbers.map(|number| match rtype {
        rtype::A => vec![192, 0, 2, last(number)],
        _ => [&[0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[last(number)]].concat(),
    });
    rdata.flat_map(|rdata| record(rtype, &rdata)).collect()
}

/// The sample with one name more.
fn world() -> World {
    let mut world = sample();
    let place = |level: u32, place: u32| {
        let of = |rtype, mask| Answer::positive(&records(rtype, mask, level));
        match place {
            0..9 => of(rtype::A, 1_u8.checked_shl(place).unwrap_or(0b111)),
            9..18 => of(rtype::AAAA, 1_u8.checked_shl(place - 9).unwrap_or(0b111)),
            even if even % 2 == 0 => of(rtype::A, (even - 18) as u8 / 2),
            odd if odd >= 27 => of(rtype::AAAA, (odd - 27) as u8 / 2),
            _ => of(rtype::A, 0b1000_0000),
        }
    };
    let places = (0..LEVELS).flat_map(|level| (0..PLACES + 9).map(move |at| (level, at)));
    let answers: Vec<Answer> = places.map(|(level, at)| place(level, at)).collect();
    let (first, stride) = world.add_answers(&answers);
    let row = Row::steered(SEVERAL.len() as u8, SERVICE, 1, first, stride).with_sets();
    world.add_name(SEVERAL, row.in_zone(ZONE));
    world
}

fn assert_answers(world: &World, source: Source, expected: [u8; 2], level: u32) {
    for (rtype, mask) in [rtype::A, rtype::AAAA].into_iter().zip(expected) {
        let message = query(SEVERAL, rtype);
        let (_, octets) = world.respond(&message, source).expect("an answer");
        let records = records(rtype, mask, level);
        assert_eq!(octets[message.len()..], records, "type {rtype}, {mask:b}");
    }
}

#[test]
fn the_best_several_are_the_first_that_may_be_used() {
    let world = world();
    // They prefer 0 1 2 and 2 0 1.
    for (count, v4, v6, first, second) in [
        (1, 0b111, 0b111, [0b001, 0b001], [0b100, 0b100]),
        (2, 0b111, 0b111, [0b011, 0b011], [0b101, 0b101]),
        (2, 0b101, 0b110, [0b101, 0b110], [0b101, 0b110]),
        (2, 0b110, 0b010, [0b110, 0b010], [0b110, 0b010]),
        (3, 0b111, 0b011, [0b111, 0b011], [0b111, 0b011]),
        (8, 0b111, 0b100, [0b111, 0b100], [0b111, 0b100]),
        (2, 0b000, 0b100, [0b111, 0b100], [0b111, 0b100]),
    ] {
        world.set_eligible(Eligible::new(v4, v6, true).best(count));
        assert_answers(&world, RESOLVER, first, 0);
        assert_answers(&world, IPV6, second, 0);
    }
}

#[test]
fn shares_say_who_may_be_among_them() {
    let world = world();
    let word = world.tables.share(1, slot(RESOLVER)).expect("a word");
    word.store(u64::from_ne_bytes([0b110; 8]));
    world.set_eligible(Eligible::new(0b111, 0b101, true).best(2).shared());
    assert_answers(&world, RESOLVER, [0b110, 0b100], 0);
}

#[test]
fn names_without_sets_have_the_first() {
    let world = sample();
    world.set_eligible(Eligible::new(0b110, 0b111, true).best(2));
    for (rtype, number) in [(rtype::A, 1), (rtype::AAAA, 0)] {
        let message = query(WWW, rtype);
        let expected = reply(
            &message,
            AA,
            [1, 0, 0],
            &candidate_records(rtype, number),
            None,
        );
        assert_eq!(world.octets(&message, RESOLVER), Ok(expected));
    }
}

#[test]
fn answers_of_another_ttl_stand_behind() {
    let world = world();
    let places = PLACES + 9;
    let eligible = Eligible::new(0b110, 0b111, true);
    for count in [1, 2] {
        for level in 0..LEVELS {
            world.set_eligible(eligible.best(count).behind(level * places));
            let expected = match count {
                1 => [0b010, 0b001],
                _ => [0b110, 0b011],
            };
            assert_answers(&world, RESOLVER, expected, level);
        }
    }
    // What nobody decides on stands where it is.
    world.set_eligible(eligible.behind(places));
    assert_eq!(world.ask_for(FIXED, rtype::A), Outcome::Answered);
}

#[test]
fn slots_of_queries_are_others_for_each() {
    let world = sample();
    for word in &world.tables.shares {
        // By turns one and the other.
        word.store(u64::from_ne_bytes([1, 2, 1, 2, 1, 2, 1, 2]));
    }
    world.set_eligible(Eligible::new(0b111, 0b111, false).shared().random());
    let mut answered = [0; 2];
    for id in 0..2048_u16 {
        let mut message = query(WWW, rtype::A);
        message[..2].copy_from_slice(&id.to_le_bytes());
        let slot = slot_of_query(id, world.generation.seed);
        let number = (slot % 2) as u8;
        let records = candidate_records(rtype::A, number);
        let expected = reply(&message, AA, [1, 0, 0], &records, None);
        assert_eq!(world.octets(&message, RESOLVER), Ok(expected));
        answered[usize::from(number)] += 1;
    }
    assert!(
        answered.iter().all(|count| (1000..1048).contains(count)),
        "{answered:?}"
    );
    // That a block is one's says nothing about its neighbours, nor for the next query.
    let scope = |eligible| {
        world.set_eligible(eligible);
        let message = &query(WWW, rtype::A)[..];
        let (tables, generation, host) = (&world.tables, &world.generation, &world.host);
        let ask = crate::ask::ask(message, generation.seed, Wanted::ALL, host);
        let found = find(message, &ask.expect("a question"), tables, generation, host);
        let (row, answers) = found.expect("a row");
        let chosen = choose(message, &row, answers, EXEMPT, tables, generation, host);
        chosen.expect("an answer").scope
    };
    let shared = Eligible::new(0b111, 0b111, false).shared();
    assert_eq!(scope(shared), 24);
    assert_eq!(scope(shared.random()), 23);
}
