//! Rows, entries of types and heads of answers give back what they were made of.

use super::*;

/// A line that starts with `words`.
fn line(words: &[u64]) -> Line {
    let line = Line::default();
    for (slot, word) in line.0.iter().zip(words) {
        slot.store(*word);
    }
    line
}

fn belows() -> impl Strategy<Value = Below> {
    prop_oneof![
        Just(Below::Up),
        any::<u32>().prop_map(Below::Answer),
        any::<u32>().prop_map(Below::Wildcard),
        Just(Below::Outside),
    ]
}

fn bys() -> impl Strategy<Value = By> {
    prop_oneof![Just(By::Nobody), Just(By::V4), Just(By::V6), Just(By::Both)]
}

proptest! {
    #[test]
    fn a_steered_row_gives_back_what_it_was_made_of(
        name_len in 1..=u8::MAX,
        service: u32,
        pool: u16,
        answers in 1..u32::MAX / 2,
        stride in 1..=30_u8,
        (types, zone, below) in (any::<u32>(), 0..=Row::ZONE_MAX, belows()),
    ) {
        let row = Row::steered(name_len, service, pool, answers, stride)
            .with_types(types)
            .in_zone(zone)
            .with_below(below);
        prop_assert_eq!(Row::load(&line(&[row.0, row.1, row.2])), row);
        prop_assert!(!row.is_static());
        prop_assert_eq!(row.service(), service);
        prop_assert_eq!(row.pool(), pool);
        prop_assert_eq!(row.name_len(), usize::from(name_len));
        prop_assert_eq!((row.zone(), row.below()), (zone, below));
        prop_assert_eq!(row.types(), (types != 0).then_some(types));
        let [v4, v6] = [rtype::A, rtype::AAAA].map(|rtype| row.addresses(rtype).expect("addresses"));
        prop_assert_eq!((v4.by(), v6.by()), (By::V4, By::V6));
        prop_assert_eq!((v4.stride(), v6.stride()), (stride.into(), stride.into()));
        prop_assert_eq!(v4.cell(), Some(answers));
        let each = u32::from(stride) * (CANDIDATES_MAX as u32 + 1);
        prop_assert_eq!(v6.cell(), Some(answers + each));
    }

    #[test]
    fn a_static_row_gives_back_what_it_was_made_of(
        name_len in 1..=u8::MAX,
        answers in 1..u32::MAX / 2,
        stride in 1..=30_u8,
        (types, zone, below) in (any::<u32>(), 0..=Row::ZONE_MAX, belows()),
    ) {
        let row = Row::fixed(name_len, answers, stride)
            .with_below(below)
            .in_zone(zone)
            .with_types(types);
        prop_assert!(row.is_static());
        prop_assert_eq!(row.service(), Row::NO_SERVICE);
        prop_assert_eq!(row.name_len(), usize::from(name_len));
        prop_assert_eq!((row.zone(), row.below()), (zone, below));
        prop_assert_eq!(row.types(), (types != 0).then_some(types));
        for (rtype, cell) in [(rtype::A, answers), (rtype::AAAA, answers + u32::from(stride))] {
            let entry = row.addresses(rtype).expect("addresses");
            prop_assert_eq!((entry.cell(), entry.by()), (Some(cell), By::Nobody));
        }
    }

    #[test]
    fn zones_past_the_last_number_share_it(zone in Row::ZONE_MAX..=u32::MAX) {
        let row = Row::fixed(9, 1, 1);
        prop_assert_eq!(row.in_zone(zone), row.in_zone(Row::ZONE_MAX));
    }

    #[test]
    fn only_a_and_aaaa_have_answers_in_the_row(rtype: u16) {
        let addresses = Row::fixed(9, 1, 1).addresses(rtype);
        prop_assert_eq!(addresses.is_some(), [1, 28].contains(&rtype));
    }

    #[test]
    fn a_type_entry_gives_back_what_it_was_made_of(rtype: u16, cell: u32, stride: u8, by in bys()) {
        let entry = TypeEntry::new(rtype, cell, stride, by);
        prop_assert_eq!(entry.cell(), (cell != 0).then_some(cell));
        prop_assert_eq!((entry.stride(), entry.by()), (stride.into(), by));
    }

    #[test]
    fn a_type_has_its_own_entry_or_the_first(
        types in proptest::collection::btree_set(1..=u16::MAX, 0..TypeEntry::COUNT),
        absent in 1..=u16::MAX,
    ) {
        let entries: Vec<TypeEntry> = std::iter::once(0)
            .chain(types.iter().copied())
            .enumerate()
            .map(|(number, rtype)| TypeEntry::new(rtype, number as u32 + 1, 1, By::Nobody))
            .collect();
        let words: Vec<u64> = entries.iter().map(|entry| entry.0).collect();
        let line = line(&words);
        for (rtype, entry) in types.iter().zip(&entries[1..]) {
            prop_assert_eq!(TypeEntry::find(&line, *rtype), *entry);
        }
        if !types.contains(&absent) {
            prop_assert_eq!(TypeEntry::find(&line, absent), entries[0]);
        }
    }

    #[test]
    fn an_answer_head_gives_back_what_it_was_made_of(
        len in 1..=AnswerHead::LEN_MAX as u16,
        counts: [u16; 3],
        sum: u16,
        (flags, name_len, class) in (any::<u16>(), any::<u8>(), 0..Class::ALL.len()),
        (even, odd, moves) in (any::<u8>(), any::<u8>(), any::<bool>()),
    ) {
        let kind = AnswerKind { flags, name_len, class: Class::ALL[class] };
        let head = AnswerHead::new(len, counts, sum, kind, moves);
        prop_assert_eq!(AnswerHead::load(&line(&[head.0, head.1])), head);
        prop_assert!(!head.is_empty());
        prop_assert_eq!(head.stands_in(), None);
        prop_assert_eq!((head.len(), head.sum()), (usize::from(len), sum));
        let [ancount, nscount, arcount] = counts;
        let first = [0, 0, flags.to_le_bytes()[0], flags.to_le_bytes()[1], 0, 1];
        let first = [&first[..], &ancount.to_be_bytes()].concat();
        let second = [nscount.to_be_bytes(), arcount.to_be_bytes()].concat();
        let header = head.header();
        prop_assert_eq!([&header.0.to_le_bytes()[..], &header.1.to_le_bytes()].concat(), [first, second].concat());
        prop_assert_eq!(head.is_empty_answer(), ancount == 0);
        prop_assert_eq!((head.flags(), head.name_len()), (flags, usize::from(name_len)));
        prop_assert_eq!(head.class(), kind.class);
        prop_assert_eq!(head.moves(), moves);
        let list = u64::MAX << 16 | u64::from(AnswerHead::moving_pair(even, odd));
        prop_assert_eq!(AnswerHead::moving(list), (usize::from(even), usize::from(odd)));
    }

    #[test]
    fn another_answer_may_stand_in(cell in 1..=u32::MAX) {
        let head = AnswerHead::shared(cell);
        prop_assert_eq!(head.stands_in(), Some(cell));
        prop_assert!(head.is_empty());
    }
}

#[test]
fn cells_hold_the_words_before_and_the_octets() {
    for (octets, cells) in [(1, 1), (40, 1), (41, 2), (104, 2), (105, 3), (255, 5)] {
        assert_eq!(Row::cells(octets), cells, "{octets}");
    }
    for (octets, moving, cells) in [
        (1, 0, 1),
        (48, 0, 1),
        (49, 0, 2),
        (48, 1, 2),
        (40, 3, 1),
        (40, 4, 2),
        (112, 0, 2),
        (113, 0, 3),
        (AnswerHead::LEN_MAX, AnswerHead::MOVING_MAX, 22),
    ] {
        let found = AnswerHead::cells(octets, moving);
        assert_eq!(found, cells, "{octets} octets, {moving} pointers");
    }
}
