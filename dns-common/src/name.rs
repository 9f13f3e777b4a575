//! Names: folding case, hashing, and what the last octets of a name say.
//!
//! A name is taken from its end, eight octets at a time, so that a name and all
//! its ancestors are cut at the same places: the hash of an ancestor is a value
//! that the hash of the name passes through, but for the octets of the cut.

use crate::octets::Octets;

/// Longest name in wire form, octets (RFC 1035 section 2.3.4): a length fits in
/// eight bits.
pub const NAME_MAX: usize = 255;

/// Words of eight octets that hold the longest name.
pub const NAME_WORDS: usize = NAME_MAX.div_ceil(8);

/// Most labels a name can have, the root's not counted.
pub const LABELS_MAX: usize = 127;

/// Word `index` of the name of `len` octets that starts at `start` (8 or more)
/// in the message, counted from its end: eight octets, or those that are left
/// with zeros before them. `None` past the message.
#[inline(always)]
pub fn word(
    message: &(impl Octets + ?Sized),
    start: usize,
    len: usize,
    index: usize,
) -> Option<u64> {
    let rest = len - 8 * index;
    let word = message.word(message.offset(start + rest - 8))?;
    Some(if rest < 8 {
        last_octets(word, rest)
    } else {
        word
    })
}

/// The last `octets` (1 to 7) of a word, zeros before them.
#[inline(always)]
pub const fn last_octets(word: u64, octets: usize) -> u64 {
    word & u64::MAX << (64 - 8 * octets & 63)
}

/// The words of a name in wire form as [`word`] has them, folded.
pub fn folded_words(name: &[u8]) -> impl Iterator<Item = u64> {
    name.rchunks(8).map(|chunk| {
        let mut octets = [0; 8];
        octets[8 - chunk.len()..].copy_from_slice(chunk);
        fold(u64::from_le_bytes(octets))
    })
}

/// The hash of a name: `seed` mixed with its folded words, last octets first.
pub fn hash(seed: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(seed, mix)
}

/// One step of the hash: a multiplication spreads every bit upwards, the shift
/// brings the well-mixed high half down to where buckets are chosen.
#[inline(always)]
pub const fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15); // 2^64 / golden ratio
    product ^ product >> 32
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Eight octets with `A` to `Z` in lower case (RFC 4343). Length octets stay
/// what they are: at most 63, they lie below `A`.
#[inline(always)]
pub const fn fold(word: u64) -> u64 {
    let low = word & !HIGHS;
    let from_a = low + ONES * (0x80 - b'A' as u64);
    let past_z = low + ONES * (0x7f - b'Z' as u64);
    let upper = (from_a ^ past_z) & !word & HIGHS;
    word | upper >> 2
}

/// The number (0 to 7) of the first zero octet; `None` where there is none.
#[inline(always)]
pub const fn first_zero(word: u64) -> Option<usize> {
    // Mycroft's test: exact for the lowest zero octet, which is the one used.
    let zeros = word.wrapping_sub(ONES) & !word & HIGHS;
    if zeros == 0 {
        return None;
    }
    let first = zeros & zeros.wrapping_neg();
    Some(((first >> 7).wrapping_mul(0x0001_0203_0405_0607) >> 56) as usize)
}

#[cfg(test)]
pub(crate) mod tests;
