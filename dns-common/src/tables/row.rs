//! What stands at a name: two words, then the folded name in the words after,
//! zero-padded, running on into the next cells.

use super::Line;
use crate::decision::{CANDIDATES_MAX, Family};

/// A row's two words.
///
/// Word 0: bits 0–31 the first answer cell, 32–47 the pool, 48–55 the cells of
/// one answer, 56–63 [`Row::STATIC`]. Word 1: bits 0–31 the service's number,
/// 32–39 the name's length in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row(pub u64, pub u64);

impl Row {
    /// Words before the name.
    pub const WORDS: usize = 2;

    /// Everyone gets the same answer: no pool, one answer for each family.
    pub const STATIC: u64 = 1 << 56;

    /// Answers of a steered name for one family: each candidate's, and all.
    pub const STEERED_ANSWERS: u32 = CANDIDATES_MAX as u32 + 1;

    /// Cells of names that take this many octets, with the words before them.
    pub const fn cells(name_len: usize) -> u32 {
        (Self::WORDS + name_len.div_ceil(8)).div_ceil(8) as u32
    }

    /// The row of a steered name of `name_len` octets, whose answers take
    /// `stride` cells each from `answers` on.
    pub const fn steered(name_len: u8, service: u32, pool: u16, answers: u32, stride: u8) -> Self {
        Self(
            answers as u64 | (pool as u64) << 32 | (stride as u64) << 48,
            service as u64 | (name_len as u64) << 32,
        )
    }

    /// The row of a static name of `name_len` octets.
    pub const fn fixed(name_len: u8, answers: u32, stride: u8) -> Self {
        Self(
            answers as u64 | (stride as u64) << 48 | Self::STATIC,
            (name_len as u64) << 32,
        )
    }

    /// The row that starts in `line`.
    #[inline(always)]
    pub fn load(line: &Line) -> Self {
        Self(line.0[0].load(), line.0[1].load())
    }

    /// Whether everyone gets the same answer.
    #[inline(always)]
    pub const fn is_static(self) -> bool {
        self.0 & Self::STATIC != 0
    }

    /// The service's number; `None` for a static name.
    #[inline(always)]
    pub const fn service(self) -> Option<u32> {
        if self.is_static() {
            None
        } else {
            Some(self.1 as u32)
        }
    }

    /// The pool's number.
    #[inline(always)]
    pub const fn pool(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Length of the name, octets.
    #[inline(always)]
    pub const fn name_len(self) -> usize {
        (self.1 >> 32 & 0xff) as usize
    }

    /// The first cell of the answer for `family` by `candidate` (0 when static).
    #[inline(always)]
    pub const fn answer_cell(self, family: Family, candidate: u8) -> u32 {
        let answers = if self.is_static() {
            1
        } else {
            Self::STEERED_ANSWERS
        };
        let stride = (self.0 >> 48 & 0xff) as u32;
        let number = family as u32 * answers + candidate as u32;
        (self.0 as u32).wrapping_add(number * stride)
    }
}
