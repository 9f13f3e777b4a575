//! Reading a query: one pass over the name folds case, hashes, sums for the
//! checksum and finds the end.
//!
//! The labels are not walked. A name is looked up whole, length octets
//! included, and only well-formed names are in the table, so whatever is not a
//! well-formed name (compression pointers among it) is simply not found.

use crate::{decision::Family, octets::Octets, outcome::Outcome};

/// Length of a DNS header, octets (RFC 1035 section 4.1.1).
pub const HEADER: usize = 12;

/// Longest name in wire form, octets (RFC 1035 section 2.3.4): a length fits in
/// eight bits.
pub const NAME_MAX: usize = 255;

/// Words of eight octets that hold the longest name.
pub const NAME_WORDS: usize = NAME_MAX.div_ceil(8);

/// Longest message of a header and one question, octets.
const QUESTION_MAX: usize = HEADER + NAME_MAX + TYPE_AND_CLASS;

/// QTYPE and QCLASS after the name, octets.
pub const TYPE_AND_CLASS: usize = 4;

// The first word of a message, octet n at bits 8n: ID, flags, QDCOUNT, ANCOUNT.
const QR: u64 = 0x80 << 16;
const OPCODE: u64 = 0x78 << 16;
const TC: u64 = 0x02 << 16;
const RD: u64 = 0x01 << 16;
const QDCOUNT: u64 = 0xffff << 32;
const QDCOUNT_ONE: u64 = 0x0100 << 32;
const ANCOUNT: u64 = 0xffff << 48;
// The four octets after it: NSCOUNT, ARCOUNT.
const NSCOUNT: u32 = 0xffff;

// QTYPE and QCLASS as the four octets after the name.
const CLASS: u32 = 0xffff_0000;
const CLASS_IN: u32 = 0x0100_0000;
const TYPE_A: u32 = 0x0100;
const TYPE_AAAA: u32 = 0x1c00;

/// What the fast path understood of a query: one question for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Length of the name in wire form, the root label included: 1 to 255.
    pub name_len: usize,
    /// The name's last word, folded, zero after the root label.
    pub tail: u64,
    /// Hash of the folded name.
    pub hash: u64,
    /// A or AAAA.
    pub family: Family,
    /// ID and RD of the query, in place in the message's first word.
    pub id_and_rd: u64,
    /// Sum over the question's octets in 16-bit little-endian lanes, for
    /// [`crate::reply::fold_sum`].
    pub sum: u64,
}

impl Ask {
    /// Offset of the first octet after the question.
    #[inline(always)]
    pub const fn end(&self) -> usize {
        HEADER + self.name_len + TYPE_AND_CLASS
    }
}

/// Reads a query for one A or AAAA record set in class IN without EDNS; `Err`
/// says what else the message is.
#[inline(always)]
pub fn ask(message: &(impl Octets + ?Sized), seed: u64) -> Result<Ask, Outcome> {
    let len = message.len();
    if len < HEADER + 1 + TYPE_AND_CLASS {
        return Err(Outcome::UpLength);
    }
    let head = message.word(0).ok_or(Outcome::UpLength)?;
    let counts = message.half(8).ok_or(Outcome::UpLength)?;
    if head & QR != 0 {
        return Err(Outcome::UpResponse);
    }
    if head & (OPCODE | TC) != 0 {
        return Err(Outcome::UpOpcode);
    }
    if head & QDCOUNT != QDCOUNT_ONE {
        return Err(Outcome::UpQuestionCount);
    }
    if head & ANCOUNT != 0 || counts & NSCOUNT != 0 {
        return Err(Outcome::UpRecords);
    }
    if counts != 0 {
        return Err(Outcome::UpAdditional);
    }

    if len > QUESTION_MAX {
        return Err(Outcome::UpQuestion);
    }
    let name = name(message, seed).ok_or(Outcome::UpQuestion)?;
    if HEADER + name.len + TYPE_AND_CLASS != len {
        return Err(Outcome::UpQuestion);
    }
    let type_and_class = message.half(HEADER + name.len).ok_or(Outcome::UpQuestion)?;
    if type_and_class & CLASS != CLASS_IN {
        return Err(Outcome::UpClass);
    }
    let family = match type_and_class & !CLASS {
        TYPE_A => Family::V4,
        TYPE_AAAA => Family::V6,
        _ => return Err(Outcome::UpType),
    };
    // At an odd offset every octet changes its place in the 16-bit lanes.
    let odd = (name.len as u64 & 1) << 3;
    Ok(Ask {
        name_len: name.len,
        tail: name.tail,
        hash: name.hash,
        family,
        id_and_rd: head & (0xffff | RD),
        sum: name.sum + (u64::from(type_and_class) << odd),
    })
}

/// A name as one pass over it saw it.
struct NameScan {
    len: usize,
    tail: u64,
    hash: u64,
    sum: u64,
}

/// Reads the name after the header; `None` when it does not end within
/// [`NAME_MAX`] octets and the message.
#[inline(always)]
fn name(message: &(impl Octets + ?Sized), seed: u64) -> Option<NameScan> {
    let end = message.len();
    let mut hash = seed;
    let mut sum = 0;
    for index in 0..NAME_WORDS {
        let at = HEADER + 8 * index;
        let octets = if at + 8 <= end {
            message.word(at)?
        } else if at < end {
            // Fewer than eight octets are left: read the last eight, drop the
            // ones before `at`. The header makes sure there are eight.
            message.word(end - 8)? >> (8 * (at + 8 - end) & 63)
        } else {
            return None;
        };
        let zeros = zero_octets(octets);
        if zeros == 0 {
            hash = mix(hash, fold(octets));
            sum += lanes(octets);
            continue;
        }
        // Everything below the first zero octet belongs to the name.
        let first = zeros & zeros.wrapping_neg();
        let octets = octets & (first - 1);
        if index == NAME_WORDS - 1 && octet_number(first) == 7 {
            return None; // 256 octets
        }
        let tail = fold(octets);
        return Some(NameScan {
            len: message.forget_len(8 * index + octet_number(first) + 1),
            tail,
            hash: mix(hash, tail),
            sum: sum + lanes(octets),
        });
    }
    None
}

/// The hash of a folded name in words, its last one zero-padded; the same that
/// [`ask`] computes.
pub fn hash(seed: u64, words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(seed, mix)
}

/// One step of the hash: a multiplication spreads every bit upwards, the shift
/// brings the well-mixed high half down to where buckets are chosen.
#[inline(always)]
const fn mix(hash: u64, word: u64) -> u64 {
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

/// The high bit of each zero octet; exact for the lowest one, which is what
/// counts here (Mycroft's test).
#[inline(always)]
const fn zero_octets(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// Which octet (0 to 7) the single bit `high`, an octet's highest, stands in.
#[inline(always)]
const fn octet_number(high: u64) -> usize {
    ((high >> 7).wrapping_mul(0x0001_0203_0405_0607) >> 56) as usize
}

/// The sum of a word's 32-bit halves: lanes wide enough to add a whole message.
#[inline(always)]
pub const fn lanes(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

#[cfg(test)]
pub(crate) mod tests;
