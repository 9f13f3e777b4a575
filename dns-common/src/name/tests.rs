use proptest::prelude::*;

use super::*;

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

/// The words of `name` from its end, as its first octets run out zeros before them.
fn words_from_the_end(name: &[u8]) -> Vec<u64> {
    let mut octets = vec![0; name.len().div_ceil(8) * 8 - name.len()];
    octets.extend(name);
    let words = octets.chunks_exact(8).rev();
    words
        .map(|octets| u64::from_le_bytes(octets.try_into().expect("eight octets")))
        .collect()
}

/// Octets no two neighbours of which are alike.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 37 + 1) as u8).collect()
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
fn octets_that_are_coarsely_alike_are_ambiguous_or_the_same_in_another_case() {
    for octet in 0..=u8::MAX {
        for lane in 0..8 {
            let word = |octet: u8| {
                let mut octets = *b"\x03wWw\x01-0\0";
                octets[lane] = octet;
                u64::from_le_bytes(octets)
            };
            assert_eq!(
                coarse(word(octet)),
                coarse(word(octet.to_ascii_lowercase()))
            );
            for other in 0..=u8::MAX {
                // What is compared: the words asked for, coarse, with the stored ones.
                if coarse(word(octet)) == fold(word(other)) {
                    let other = other.to_ascii_lowercase();
                    let same = octet.to_ascii_lowercase() == other;
                    assert!(same || is_ambiguous(other), "{octet:#x} for {other:#x}");
                }
            }
        }
    }
}

#[test]
fn words_of_every_length_and_start_are_counted_from_the_end() {
    for len in 1..=NAME_MAX {
        for start in 8..=24 {
            let message = pattern(start + len);
            let expected = words_from_the_end(&message[start..]);
            for (index, expected) in expected.iter().enumerate() {
                let word = if index < len / 8 {
                    word(&message[..], start, len, index)
                } else {
                    rest(&message[..], start, len)
                };
                assert_eq!(word, Some(*expected), "word {index} of {len} at {start}");
            }
            if len >= 8 {
                assert_eq!(word(&message[..message.len() - 1], start, len, 0), None);
            }
        }
        assert_eq!(words_from_the_end(&pattern(len)).len(), len.div_ceil(8));
    }
    assert_eq!(NAME_MAX.div_ceil(8), NAME_WORDS);
}

#[test]
fn first_zero_is_exact_where_borrows_could_mislead() {
    // 0x01 after a zero octet is what Mycroft's test alone takes for another.
    for lane in 0..8 {
        for others in [0x01, 0x80, 0xff, 0x00] {
            let mut octets = [others; 8];
            octets[lane] = 0;
            let first = octets.iter().position(|octet| *octet == 0);
            assert_eq!(first_zero(u64::from_le_bytes(octets)), first, "{octets:?}");
        }
    }
    assert_eq!(first_zero(u64::from_le_bytes([1; 8])), None);
    assert_eq!(first_zero(u64::MAX), None);
}

proptest! {
    #[test]
    fn folding_is_to_ascii_lowercase(octets: [u8; 8]) {
        let folded = fold(u64::from_le_bytes(octets));
        prop_assert_eq!(folded.to_le_bytes().to_vec(), octets.to_ascii_lowercase());
    }

    #[test]
    fn folded_words_are_those_of_the_name_in_lower_case(name in proptest::collection::vec(any::<u8>(), 1..=NAME_MAX)) {
        let folded: Vec<u64> = folded_words(&name).collect();
        prop_assert_eq!(folded, words_from_the_end(&name.to_ascii_lowercase()));
    }

    #[test]
    fn first_zero_is_the_first_zero(octets in proptest::array::uniform8(prop_oneof![Just(0), Just(1), any::<u8>()])) {
        let first = octets.iter().position(|octet| *octet == 0);
        prop_assert_eq!(first_zero(u64::from_le_bytes(octets)), first);
    }

    #[test]
    fn hashes_follow_every_octet_and_the_seed(name in names(), seed: u64, at: prop::sample::Index, bit in 0..8_u32) {
        let hash_of = |seed, name: &[u8]| hash(seed, folded_words(name));
        prop_assert_ne!(hash_of(seed, &name), hash_of(seed ^ (1 << bit), &name));
        let mut other = name.clone();
        other[at.index(name.len())] ^= 1_u8 << bit;
        let coarsely = |octet: &u8| octet | octet >> 1 & 0x20;
        let same = other.iter().map(coarsely).eq(name.iter().map(coarsely));
        prop_assert_eq!(hash_of(seed, &name) == hash_of(seed, &other), same);
    }
}
