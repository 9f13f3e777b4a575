//! Names: folding case, hashing, and what the last octets of a name say.
//!
//! A name is taken from its end, eight octets at a time, so that a name and all
//! its ancestors are cut at the same places: the hash of an ancestor is a value
//! that the hash of the name passes through, but for the octets of the cut.

use crate::octets::{ENDING_WORDS, Ending, Octets};

/// Longest name in wire form, octets (RFC 1035 section 2.3.4): a length fits in
/// eight bits.
pub const NAME_MAX: usize = 255;

/// Words of eight octets that hold the longest name.
pub const NAME_WORDS: usize = NAME_MAX.div_ceil(8);

/// Most labels a name can have, the root's not counted.
pub const LABELS_MAX: usize = 127;

/// Words of a name that stand in one line of the tables with its row.
pub const SHORT_WORDS: usize = 5;

/// The longest name that does, octets: longer than most names asked for.
pub const SHORT_MAX: usize = 8 * SHORT_WORDS;

/// A name that was read: its hash, and the sum over its octets (see [`lanes`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// `seed` mixed with the [`coarse`] words, last octets first.
    pub hash: u64,
    /// The words were taken from the end: the last octet is the upper one of a lane.
    pub sum: u64,
}

/// Reads the name of `len` octets (1 to [`SHORT_MAX`]) before `ending`: its words,
/// [`coarse`], zeros before its start; and hash and sum. `count` is `len` too, to count
/// by.
#[inline(always)]
pub fn short(
    ending: &impl Ending,
    len: usize,
    count: usize,
    seed: u64,
) -> ([u64; SHORT_WORDS], Read) {
    const { assert!(SHORT_WORDS <= ENDING_WORDS) };
    let mut words = [0; SHORT_WORDS];
    let mut hash = seed;
    let mut sum = Lanes::default();
    // Spelt out: in the kernel every word stands at an offset known ahead.
    macro_rules! words {
        ($($number:literal)*) => {$(
            let octets = ending.word::<$number>();
            if count < 8 * ($number + 1) {
                if len & 7 != 0 {
                    let octets = last_octets(octets, len & 7);
                    words[$number] = coarse(octets);
                    hash = mix(hash, words[$number]);
                    sum.add(octets);
                }
                return (words, Read { hash, sum: sum.total() });
            }
            words[$number] = coarse(octets);
            hash = mix(hash, words[$number]);
            sum.add(octets);
        )*};
    }
    words!(0 1 2 3 4);
    let sum = sum.total();
    (words, Read { hash, sum })
}

/// Reads the name of `len` octets that starts at `start`, whatever its length;
/// `None` past the message.
#[inline(always)]
pub fn long(message: &(impl Octets + ?Sized), start: usize, len: usize, seed: u64) -> Option<Read> {
    // A copy to count by: what the verifier learns of it differs by its value.
    let len = message.forget::<NAME_MAX>(len);
    let mut read = Read { hash: seed, sum: 0 };
    for index in 0..NAME_MAX / 8 {
        if len < 8 * (index + 1) {
            break;
        }
        let octets = word(message, start, len, index)?;
        read.hash = mix(read.hash, coarse(octets));
        read.sum += lanes(octets);
    }
    if len & 7 != 0 {
        let octets = rest(message, start, len)?;
        read.hash = mix(read.hash, coarse(octets));
        read.sum += lanes(octets);
    }
    Some(read)
}

/// The [`lanes`] of many words, added up: the upper halves, and the words, which
/// overflow; what is lost of these is the upper halves' alone.
#[derive(Clone, Copy, Debug, Default)]
struct Lanes {
    upper: u64,
    words: u64,
}

impl Lanes {
    /// One more word.
    #[inline(always)]
    const fn add(&mut self, word: u64) {
        self.upper += word >> 32;
        self.words = self.words.wrapping_add(word);
    }

    /// The sum of all [`lanes`].
    #[inline(always)]
    const fn total(self) -> u64 {
        self.words
            .wrapping_sub(self.upper << 32)
            .wrapping_add(self.upper)
    }
}

/// The sum of a word's 32-bit halves: lanes wide enough to add a whole message.
#[inline(always)]
pub const fn lanes(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

/// Word `index` of the name of `len` octets that starts at `start` (8 or more)
/// in the message, counted from its end, one of the `len / 8` whole ones; `None`
/// past the message.
#[inline(always)]
pub fn word(
    message: &(impl Octets + ?Sized),
    start: usize,
    len: usize,
    index: usize,
) -> Option<u64> {
    message.word(message.offset(start + len - 8 * (index + 1)))
}

/// The octets of that name which are left of the whole words, 1 to 7, with zeros
/// before them.
#[inline(always)]
pub fn rest(message: &(impl Octets + ?Sized), start: usize, len: usize) -> Option<u64> {
    let octets = len & 7;
    let word = message.word(message.offset(start + octets - 8))?;
    Some(last_octets(word, octets))
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

/// The hash of a name: `seed` mixed with its words, last octets first, in any case.
pub fn hash(seed: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().map(coarse).fold(seed, mix)
}

/// One step of the hash: a multiplication spreads every bit upwards, the shift
/// brings the well-mixed high half down to where buckets are chosen.
#[inline(always)]
pub const fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15); // 2^64 / golden ratio
    product ^ product >> 32
}

/// Eight octets, folded in a third of the steps that [`fold`] takes: every octet with
/// bit 6 gets bit 5, and so do a few besides `A` to `Z`.
///
/// Names of one hash are then told apart when they are compared. A name without
/// [ambiguous](is_ambiguous) octets is the only one to be coarsely its own folded words.
#[inline(always)]
pub const fn coarse(word: u64) -> u64 {
    word | word >> 1 & ONES << 5
}

/// Whether `octet` and others that are not its own in another case are coarsely this
/// octet.
pub const fn is_ambiguous(octet: u8) -> bool {
    matches!(octet, b'`' | b'{'..=0x7f | 0xe0..)
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
