//! Precomputed answers: a head of two words, then the records as they stand
//! after the question, zero-padded, then where in them the offset of a name
//! grows with the question; all running on into the next cells.

use super::Line;
use crate::host::Class;

/// An answer's two words.
///
/// Word 0: four 16-bit numbers, the records' length in octets (0 where there is
/// no answer here) and the counts of answer, authority and additional records.
/// Word 1: bits 0–15 the sum over the records' octets in little-endian lanes,
/// 16–31 the third and fourth octets of the header (RD clear), 32–39 the length
/// of the name that the records were written for, 40–47 and 48–55 the number of
/// [moving pointers](AnswerHead::moving) at even and odd offsets, 56–63 the
/// [`Class`]. Where another answer stands in for this one, word 0 is 0 and word
/// 1 is that one's cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerHead(pub u64, pub u64);

/// What the head of an answer says beside its counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerKind {
    /// The header's third and fourth octets as a little-endian pair: QR, AA and
    /// the RCODE.
    pub flags: u16,
    /// Length of the name the records were written for, octets.
    pub name_len: u8,
    /// What kind of response it is.
    pub class: Class,
}

impl AnswerHead {
    /// Words before the records.
    pub const WORDS: usize = 2;

    /// The longest answer kept, octets: with header, the longest question and an
    /// OPT record a reply of at most 1500.
    pub const LEN_MAX: usize = 1200;

    /// Most pointers that move: enough for a referral to 13 servers with two
    /// addresses each.
    pub const MOVING_MAX: usize = 64;

    /// Where there is no answer.
    pub const ABSENT: Self = Self(0, 0);

    /// The answer is the one that starts in `cell`.
    pub const fn shared(cell: u32) -> Self {
        Self(0, cell as u64)
    }

    /// The head of `len` octets of records with the counts of the three sections
    /// and the sum `sum`; of the pointers that move `even` and `odd` stand at
    /// even and odd offsets of the records.
    pub const fn new(
        len: u16,
        counts: [u16; 3],
        sum: u16,
        kind: AnswerKind,
        even: u8,
        odd: u8,
    ) -> Self {
        let [ancount, nscount, arcount] = counts;
        Self(
            len as u64 | (ancount as u64) << 16 | (nscount as u64) << 32 | (arcount as u64) << 48,
            sum as u64
                | (kind.flags as u64) << 16
                | (kind.name_len as u64) << 32
                | (even as u64) << 40
                | (odd as u64) << 48
                | (kind.class as u64) << 56,
        )
    }

    /// Cells an answer of `len` octets with so many moving pointers takes.
    pub const fn cells(len: usize, moving: usize) -> u32 {
        (Self::WORDS + len.div_ceil(8) + moving.div_ceil(4)).div_ceil(8) as u32
    }

    /// The head that starts in `line`.
    #[inline(always)]
    pub fn load(line: &Line) -> Self {
        Self(line.0[0].load(), line.0[1].load())
    }

    /// The cell of the answer that stands in for this one, 0 for none; `None`
    /// where this is an answer itself.
    #[inline(always)]
    pub const fn stands_in(&self) -> Option<u32> {
        if self.0 == 0 {
            Some(self.1 as u32)
        } else {
            None
        }
    }

    /// Length of the records, octets.
    #[inline(always)]
    pub const fn len(&self) -> usize {
        (self.0 & 0xffff) as usize
    }

    /// Whether there are no records.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// ANCOUNT, NSCOUNT and ARCOUNT.
    #[inline(always)]
    pub const fn counts(&self) -> [u16; 3] {
        [
            (self.0 >> 16) as u16,
            (self.0 >> 32) as u16,
            (self.0 >> 48) as u16,
        ]
    }

    /// Sum over the records' octets.
    #[inline(always)]
    pub const fn sum(&self) -> u16 {
        self.1 as u16
    }

    /// The third and fourth octets of the header, but for RD.
    #[inline(always)]
    pub const fn flags(&self) -> u16 {
        (self.1 >> 16) as u16
    }

    /// Length of the name the records were written for.
    #[inline(always)]
    pub const fn name_len(&self) -> usize {
        (self.1 >> 32 & 0xff) as usize
    }

    /// How many pointers of the records, at even and at odd offsets of them,
    /// point past the part of the question that names differ in: each is larger
    /// by as many octets as the name asked for is longer than
    /// [`AnswerHead::name_len`].
    #[inline(always)]
    pub const fn moving(&self) -> (usize, usize) {
        (
            (self.1 >> 40 & 0xff) as usize,
            (self.1 >> 48 & 0xff) as usize,
        )
    }

    /// What kind of response it is.
    #[inline(always)]
    pub const fn class(&self) -> Class {
        match self.1 >> 56 & 7 {
            0 => Class::Positive,
            1 => Class::Large,
            2 => Class::Negative,
            3 => Class::Referral,
            _ => Class::Error,
        }
    }
}
