use proptest::prelude::*;

use super::*;

const A: u16 = 1;
const AAAA: u16 = 28;
const IN: u16 = 1;

/// A query message: header, one question, nothing else.
pub(crate) fn query(name: &[u8], rtype: u16, class: u16) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(name);
    message.extend(rtype.to_be_bytes());
    message.extend(class.to_be_bytes());
    message
}

fn asked(message: &[u8]) -> Result<Ask, Outcome> {
    ask(message, 7)
}

/// The length of the name at the message's question by walking its labels.
fn walk(message: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    loop {
        let length = usize::from(*message.get(at)?);
        if length > 63 {
            return None;
        }
        at += 1 + length;
        if length == 0 {
            return (at - HEADER <= NAME_MAX).then_some(at - HEADER);
        }
    }
}

/// A well-formed name of `len` octets (1, or 3 to 255) whose labels have the
/// lengths that `lengths` asks for as far as they fit, filled from `octets`.
pub(crate) fn name_of(len: usize, lengths: &[u8], octets: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(len);
    let mut lengths = lengths.iter().cycle();
    let mut octets = octets.iter().cycle();
    while name.len() + 1 < len {
        let room = len - 1 - name.len();
        let wanted = usize::from(lengths.next().map_or(1, |wanted| wanted % 63 + 1));
        let mut label = wanted.min(room - 1);
        // One octet cannot hold a label, so none may be left over.
        if room - 1 - label == 1 {
            label = if label > 1 { label - 1 } else { label + 1 };
        }
        name.push(label as u8);
        name.extend((0..label).map(|_| octets.next().map_or(b'x', |octet| (*octet).max(1))));
    }
    name.push(0);
    assert_eq!(name.len(), len);
    name
}

/// Every length that a well-formed name can have.
pub(crate) fn lengths() -> impl Iterator<Item = usize> {
    (1..=NAME_MAX).filter(|len| *len != 2)
}

/// Well-formed names of any length.
pub(crate) fn names() -> impl Strategy<Value = Vec<u8>> {
    let len = (0..lengths().count()).prop_map(|number| lengths().nth(number).unwrap_or(1));
    let content = proptest::collection::vec(any::<u8>(), 1..64);
    let labels = proptest::collection::vec(any::<u8>(), 1..32);
    (len, labels, content).prop_map(|(len, labels, content)| name_of(len, &labels, &content))
}

fn folded_words(name: &[u8]) -> Vec<u64> {
    let lower = name.to_ascii_lowercase();
    let padded = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    };
    lower.chunks(8).map(padded).collect()
}

#[test]
fn rfc4343_every_octet_in_every_lane_folds_like_ascii() {
    for octet in 0..=u8::MAX {
        for lane in 0..8 {
            for others in [0x00, 0x40, 0x41, 0x5a, 0x5b, 0x7f, 0x80, 0xc1, 0xda, 0xff] {
                let mut octets = [others; 8];
                octets[lane] = octet;
                let folded = fold(u64::from_le_bytes(octets)).to_le_bytes();
                assert_eq!(folded, octets.map(|octet| octet.to_ascii_lowercase()));
            }
        }
    }
}

#[test]
fn names_of_every_length_end_where_their_labels_end() {
    for len in lengths() {
        for seed in 0..8_u8 {
            let labels = [seed.wrapping_mul(17), 62, seed, 200, 3];
            let content = [seed.wrapping_mul(31), b'A', 0xff, b'z', 0x80, seed, b'Q'];
            let name = name_of(len, &labels, &content);
            let message = query(&name, A, IN);
            assert_eq!(walk(&message), Some(len));
            let ask = asked(&message).expect("a well-formed query");
            assert_eq!(ask.name_len, len);
            assert_eq!(ask.end(), message.len());
            assert_eq!(Some(&ask.tail), folded_words(&name).last());
            assert_eq!(ask.hash, hash(7, folded_words(&name)));
        }
    }
}

#[test]
fn rfc1035_2_3_4_names_past_255_octets_go_up() {
    for len in 256..=320 {
        let name = name_of(len, &[62], b"x");
        let message = query(&name, A, IN);
        assert_eq!(asked(&message), Err(Outcome::UpQuestion), "{len}");
        assert!(super::name(&message[..], 7).is_none(), "{len}");
    }
}

#[test]
fn a_name_without_an_end_goes_up() {
    for len in 5..=300 {
        let mut message = query(&[], A, IN);
        message.truncate(HEADER);
        message.extend(std::iter::repeat_n(b'x', len));
        assert_eq!(asked(&message), Err(Outcome::UpQuestion), "{len}");
    }
}

#[test]
fn a_label_with_a_zero_octet_goes_up() {
    let message = query(b"\x03a\0b\x07example\0", A, IN);
    assert_eq!(asked(&message), Err(Outcome::UpQuestion));
}

#[test]
fn octets_after_the_question_go_up() {
    let mut message = query(b"\x01a\x07example\0", A, IN);
    message.push(0);
    assert_eq!(asked(&message), Err(Outcome::UpQuestion));
    message.truncate(message.len() - 2);
    assert_eq!(asked(&message), Err(Outcome::UpQuestion));
}

#[test]
fn runts_go_up() {
    let whole = query(b"\0", A, IN);
    assert!(asked(&whole).is_ok());
    for len in 0..whole.len() {
        assert_eq!(asked(&whole[..len]), Err(Outcome::UpLength), "{len}");
    }
}

#[test]
fn rfc1035_4_1_1_headers_the_fast_path_does_not_know_go_up() {
    let name = b"\x03www\x07example\0";
    let with = |at: usize, value: u8| {
        let mut message = query(name, A, IN);
        message[at] = value;
        asked(&message)
    };
    for flags in 0..=u8::MAX {
        let expected = match flags {
            _ if flags & 0x80 != 0 => Some(Outcome::UpResponse),
            _ if flags & 0x7a != 0 => Some(Outcome::UpOpcode),
            _ => None,
        };
        assert_eq!(with(2, flags).err(), expected, "{flags:#x}");
    }
    for (at, outcome) in [
        (4, Outcome::UpQuestionCount),
        (5, Outcome::UpQuestionCount),
        (6, Outcome::UpRecords),
        (7, Outcome::UpRecords),
        (8, Outcome::UpRecords),
        (9, Outcome::UpRecords),
        (10, Outcome::UpAdditional),
        (11, Outcome::UpAdditional),
    ] {
        let good = u8::from(at == 5);
        for value in (0..=u8::MAX).filter(|value| *value != good) {
            assert_eq!(with(at, value), Err(outcome), "octet {at}: {value}");
        }
    }
    // RA, Z, AD, CD and RCODE mean nothing in a query, and none is kept.
    for flags in 0..=u8::MAX {
        assert_eq!(with(3, flags), asked(&query(name, A, IN)), "{flags:#x}");
    }
}

#[test]
fn only_a_and_aaaa_in_class_in_are_understood() {
    let name = b"\x03www\x07example\0";
    for rtype in 0..=u16::MAX {
        let family = match rtype {
            A => Ok(Family::V4),
            AAAA => Ok(Family::V6),
            _ => Err(Outcome::UpType),
        };
        let ask = asked(&query(name, rtype, IN));
        assert_eq!(ask.map(|ask| ask.family), family, "type {rtype}");
    }
    for class in (0..=u16::MAX).filter(|class| *class != IN) {
        let ask = asked(&query(name, A, class));
        assert_eq!(ask, Err(Outcome::UpClass), "class {class}");
    }
}

#[test]
fn id_and_rd_stay_in_place() {
    for (flags, rd) in [(0x00, 0x00), (0x01, 0x01), (0x04, 0x00), (0x05, 0x01)] {
        let mut message = query(b"\0", A, IN);
        message[2] = flags;
        let kept = asked(&message).expect("a well-formed query").id_and_rd;
        assert_eq!(kept.to_le_bytes(), [0xab, 0xcd, rd, 0, 0, 0, 0, 0]);
    }
}

proptest! {
    #[test]
    fn the_scan_agrees_with_walking_the_labels(name in names(), rtype in any::<bool>(), seed: u64) {
        let message = query(&name, if rtype { A } else { AAAA }, IN);
        let ask = ask(&message[..], seed).expect("a well-formed query");
        prop_assert_eq!(Some(ask.name_len), walk(&message));
        prop_assert_eq!(ask.hash, hash(seed, folded_words(&name)));
        prop_assert_eq!(Some(ask.tail), folded_words(&name).last().copied());
    }

    #[test]
    fn case_does_not_matter(name in names(), seed: u64) {
        let scan = |name: &[u8]| {
            let ask = ask(&query(name, A, IN)[..], seed).expect("a well-formed query");
            (ask.hash, ask.tail, ask.name_len)
        };
        prop_assert_eq!(scan(&name), scan(&name.to_ascii_lowercase()));
    }

    #[test]
    fn no_octets_make_it_read_past_the_end(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(ask) = asked(&octets) {
            prop_assert_eq!(ask.end(), octets.len());
        }
    }

    #[test]
    fn what_is_understood_has_no_zero_octet_before_its_end(
        mut octets in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        octets.push(0);
        let message = query(&octets, A, IN);
        let first = octets.iter().position(|octet| *octet == 0).expect("one was pushed");
        let expected = (first + 1 == octets.len() && octets.len() <= NAME_MAX).then_some(octets.len());
        prop_assert_eq!(asked(&message).ok().map(|ask| ask.name_len), expected);
    }
}
