use proptest::prelude::*;

use super::*;
use crate::{
    ask::{
        ask,
        tests::{names, query},
    },
    decision::Family,
    tables::tests::Memory,
};

/// The ones' complement sum of `octets` as RFC 1071 section 1 defines it, in
/// network order, octet by octet.
fn rfc1071(octets: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    sum as u16
}

/// The reply to `query` with `records`, octet by octet (RFC 1035 section 4.1.1).
fn assembled(query: &[u8], records: &[u8], counts: [u16; 3]) -> Vec<u8> {
    let mut reply = query[..2].to_vec();
    reply.extend([0x84 | query[2] & 0x01, 0, 0, 1]);
    reply.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    reply.extend(&query[12..]);
    reply.extend(records);
    reply
}

/// Tables with one answer, `records`, which starts in `cell`.
fn holding(cell: u32, records: &[u8], counts: [u16; 3]) -> (Memory, Chosen) {
    let mut tables = Memory::default();
    let head = tables.put_answer(cell, records, counts);
    let chosen = Chosen {
        cell,
        head,
        service: None,
    };
    (tables, chosen)
}

proptest! {
    #[test]
    fn a_reply_is_the_question_between_a_new_header_and_the_records(
        name in names(),
        records in proptest::collection::vec(any::<u8>(), 1..=UDP_MAX),
        counts: [u16; 3],
        id: [u8; 2],
        flags in any::<u8>().prop_map(|flags| flags & 0x05),
        aaaa: bool,
        cell in 0..50_u32,
    ) {
        let mut message = query(&name, if aaaa { 28 } else { 1 }, 1);
        message[..2].copy_from_slice(&id);
        message[2] = flags;
        let ask = ask(&message[..], 0).expect("a well-formed query");
        prop_assert_eq!(ask.family, if aaaa { Family::V6 } else { Family::V4 });
        let (tables, chosen) = holding(cell, &records, counts);
        let expected = assembled(&message, &records, counts);
        prop_assert_eq!(len(&ask, &chosen.head), expected.len());

        let room = expected.len();
        message.resize(room + 16, 0xee);
        prop_assert_eq!(write(&mut message[..], &ask, &chosen, &tables), Some(()));
        prop_assert_eq!(&message[..room], &expected[..]);
        prop_assert_eq!(&message[room..], [0xee; 16]);

        let sum = fold_sum(sum(&ask, &chosen.head));
        prop_assert_eq!(sum.swap_bytes(), rfc1071(&expected));
    }

    #[test]
    fn rfc1071_lanes_fold_to_the_checksum(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let words = octets.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let sum: u64 = words.map(lanes).sum();
        prop_assert_eq!(fold_sum(sum).swap_bytes(), rfc1071(&octets));
    }

    #[test]
    fn any_sum_folds_to_what_it_is_modulo_0xffff(sum: u64) {
        prop_assert_eq!(u64::from(fold_sum(sum)) % 0xffff, sum % 0xffff);
    }
}

#[test]
fn a_reply_needs_all_of_its_room() {
    let whole = query(b"\x03www\x07example\0", 1, 1);
    let ask = ask(&whole[..], 0).expect("a well-formed query");
    for records in 1..=48 {
        let (tables, chosen) = holding(0, &vec![7; records], [1, 0, 0]);
        let room = len(&ask, &chosen.head);
        for short in 1..=records {
            let mut message = whole.clone();
            message.resize(room - short, 0);
            let written = write(&mut message[..], &ask, &chosen, &tables);
            assert_eq!(written, None, "{records} octets, {short} short");
        }
    }
}

#[test]
fn an_answer_may_fill_the_last_cell_of_the_table() {
    let whole = query(b"\x03www\x07example\0", 1, 1);
    let ask = ask(&whole[..], 0).expect("a well-formed query");
    // 48 and 112 octets fill one cell and two with the words before them.
    for len in [40, 47, 48, 104, 111, 112, 432, 480] {
        let (tables, chosen) = holding(3, &vec![7; len], [1, 0, 0]);
        let mut message = whole.clone();
        message.resize(ask.end() + len, 0);
        let written = write(&mut message[..], &ask, &chosen, &tables);
        assert_eq!(written, Some(()), "{len} octets");
        assert_eq!(message[ask.end()..], vec![7; len]);
    }
}
