//! Precomputed answers: a head of two words, then the records as they stand
//! after the question, zero-padded, running on into the next cells.

use super::Line;
use crate::reply::UDP_MAX;

/// An answer's two words.
///
/// Word 0: four 16-bit numbers, the records' length in octets (0 when there is
/// no such answer) and the counts of answer, authority and additional records.
/// Word 1: bits 0–15 the sum over the records' octets in little-endian lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerHead(pub u64, pub u64);

impl AnswerHead {
    /// Words before the records.
    pub const WORDS: usize = 2;

    /// The longest answer kept, octets: what a reply without EDNS can hold.
    pub const LEN_MAX: usize = UDP_MAX;

    /// Where there is no answer.
    pub const ABSENT: Self = Self(0, 0);

    /// The head of `len` octets of records with the sum `sum`.
    pub const fn new(len: u16, ancount: u16, nscount: u16, arcount: u16, sum: u16) -> Self {
        Self(
            len as u64 | (ancount as u64) << 16 | (nscount as u64) << 32 | (arcount as u64) << 48,
            sum as u64,
        )
    }

    /// Cells an answer of `len` octets takes.
    pub const fn cells(len: usize) -> u32 {
        (Self::WORDS + len.div_ceil(8)).div_ceil(8) as u32
    }

    /// The head that starts in `line`.
    #[inline(always)]
    pub fn load(line: &Line) -> Self {
        Self(line.0[0].load(), line.0[1].load())
    }

    /// Whether there is no answer here.
    #[inline(always)]
    pub const fn is_absent(&self) -> bool {
        self.0 as u16 == 0
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

    /// Number of answer records.
    #[inline(always)]
    pub const fn ancount(&self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// NSCOUNT and ARCOUNT in wire order, as the header's last four octets.
    #[inline(always)]
    pub const fn nscount_arcount(&self) -> u32 {
        let nscount = ((self.0 >> 32) as u16).swap_bytes() as u32;
        let arcount = ((self.0 >> 48) as u16).swap_bytes() as u32;
        arcount << 16 | nscount
    }

    /// Sum over the records' octets.
    #[inline(always)]
    pub const fn sum(&self) -> u16 {
        self.1 as u16
    }
}
