//! Precomputed answers: a head of two words, then the records as they stand
//! after the question, zero-padded; then, where some move, a list of 16-bit numbers:
//! how many ([`AnswerHead::moving`]), and where in the records each stands. All of
//! it runs on into the next cells.

use super::Line;
use crate::{host::Class, outcome::Outcome};

/// QDCOUNT 1 in the header's first word.
pub const ONE_QUESTION: u64 = 0x0100 << 32;

/// An answer's two words.
///
/// Word 0 is the first word of the reply's header, ID and RD clear; bits 0–15, the
/// ID's place, are the records' length in octets, not 0. Word 1: bits 0–31 the
/// four octets after it, NSCOUNT and ARCOUNT; 32–47 the sum over the records'
/// octets in little-endian lanes; 48–55 the length of the name that the records
/// were written for; 56–58 the [`Class`]; 59 whether there are
/// [moving pointers](AnswerHead::moves). Where another answer stands in for this
/// one, word 0 is 0 and word 1 is that one's cell.
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

/// Why a reply has no records: in the place of a [`Class`], which no answer in the
/// tables has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Empty {
    /// An RCODE says it.
    Error = Class::Error as u8,
    /// They do not fit.
    Truncated = 5,
    /// The rate is too high: TC.
    Slip = 6,
    /// The rate is too high: BADCOOKIE.
    BadCookie = 7,
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

    const CLASS_SHIFT: u32 = 56;
    const MOVES: u64 = 1 << 59;

    /// The cell that no answer starts in.
    pub const NOWHERE: u32 = 0;

    /// Where there is no answer.
    pub const ABSENT: Self = Self::shared(Self::NOWHERE);

    /// The head of no records, with the header's `flags` (third and fourth octet as a
    /// little-endian pair).
    #[inline(always)]
    pub const fn without_records(flags: u16, because: Empty) -> Self {
        Self(
            (flags as u64) << 16 | ONE_QUESTION,
            (because as u64) << Self::CLASS_SHIFT,
        )
    }

    /// The answer is the one that starts in `cell`.
    pub const fn shared(cell: u32) -> Self {
        Self(0, cell as u64)
    }

    /// The head of `len` octets of records with the counts of the three sections
    /// and the sum `sum`; whether some of their pointers move.
    pub const fn new(len: u16, counts: [u16; 3], sum: u16, kind: AnswerKind, moves: bool) -> Self {
        let [ancount, nscount, arcount] = counts;
        let moves = if moves { Self::MOVES } else { 0 };
        Self(
            len as u64
                | (kind.flags as u64) << 16
                | ONE_QUESTION
                | (ancount.swap_bytes() as u64) << 48,
            nscount.swap_bytes() as u64
                | (arcount.swap_bytes() as u64) << 16
                | (sum as u64) << 32
                | (kind.name_len as u64) << 48
                | (kind.class as u64) << Self::CLASS_SHIFT
                | moves,
        )
    }

    /// Cells an answer of `len` octets with so many moving pointers takes.
    pub const fn cells(len: usize, moving: usize) -> u32 {
        let list = if moving == 0 { 0 } else { moving + 1 };
        (Self::WORDS + len.div_ceil(8) + list.div_ceil(4)).div_ceil(8) as u32
    }

    /// The head that starts in `line`.
    #[inline(always)]
    pub fn load(line: &Line) -> Self {
        Self(line.0[0].load(), line.0[1].load())
    }

    /// The cell of the answer that stands in for this one, [`Self::NOWHERE`] for none; `None`
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
    #[inline(always)]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The reply's header but for ID and RD: its first eight octets, and the four
    /// after.
    #[inline(always)]
    pub const fn header(&self) -> (u64, u32) {
        (self.0 & !0xffff, self.1 as u32)
    }

    /// The header's third and fourth octets, but for RD.
    #[inline(always)]
    pub const fn flags(&self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Whether the answer section is empty.
    #[inline(always)]
    pub const fn is_empty_answer(&self) -> bool {
        self.0 >> 48 == 0
    }

    /// Sum over the records' octets.
    #[inline(always)]
    pub const fn sum(&self) -> u16 {
        (self.1 >> 32) as u16
    }

    /// Length of the name the records were written for.
    #[inline(always)]
    pub const fn name_len(&self) -> usize {
        (self.1 >> 48 & 0xff) as usize
    }

    /// Whether some of the records' pointers point past the part of the question
    /// that names differ in: each is larger by as many octets as the name asked
    /// for is longer than [`AnswerHead::name_len`]. The list after the records
    /// starts with [`AnswerHead::moving`].
    #[inline(always)]
    pub const fn moves(&self) -> bool {
        self.1 & Self::MOVES != 0
    }

    /// How many of them stand at even and at odd offsets of the records, from the
    /// first pair of the list.
    #[inline(always)]
    pub const fn moving(list: u64) -> (usize, usize) {
        ((list & 0xff) as usize, (list >> 8 & 0xff) as usize)
    }

    /// The word after `len` octets of records, counted from the head: the list's
    /// first.
    #[inline(always)]
    pub const fn moving_at(len: usize) -> usize {
        Self::WORDS + len.div_ceil(8)
    }

    /// The list's first pair, for so many.
    pub const fn moving_pair(even: u8, odd: u8) -> u16 {
        u16::from_le_bytes([even, odd])
    }

    /// How a reply with these records is counted.
    #[inline(always)]
    pub const fn outcome(&self) -> Outcome {
        /// By class; read, not chosen by branches.
        static OUTCOMES: [Outcome; 8] = [
            Outcome::Answered,
            Outcome::Answered,
            Outcome::AnsweredNegative,
            Outcome::AnsweredReferral,
            Outcome::AnsweredError,
            Outcome::AnsweredTruncated,
            Outcome::AnsweredSlip,
            Outcome::AnsweredBadCookie,
        ];
        OUTCOMES[(self.1 >> Self::CLASS_SHIFT & 7) as usize]
    }

    /// What kind of response it is.
    #[inline(always)]
    pub const fn class(&self) -> Class {
        match self.1 >> Self::CLASS_SHIFT & 7 {
            0 => Class::Positive,
            1 => Class::Large,
            2 => Class::Negative,
            3 => Class::Referral,
            _ => Class::Error,
        }
    }
}
