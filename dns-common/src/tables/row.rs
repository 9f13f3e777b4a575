//! What stands at a name: three words, then the folded name from its end in the
//! words after (see [`crate::name::word`]), running on into the next cells.

use super::Line;
use crate::{ask::rtype, decision::CANDIDATES_MAX};

/// A row's three words.
///
/// Word 0: bits 0–31 the first answer cell, 32–47 the pool, 48–55 the cells of
/// one answer, 56–63 flags. Word 1: bits 0–31 the service's number, 32–39 the
/// name's length in octets, 40 whether it is [compared whole](Row::compared_whole),
/// 41–63 the zone's number. Word 2: bits 0–31 the cell
/// of other types' entries, 0 for none; 32–63 what [`Row::below`] points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row(pub u64, pub u64, pub u64);

/// What names below this one get that are not in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Below {
    /// The full server knows.
    Up,
    /// The same answer, whatever the type: NXDOMAIN or a referral; its cell.
    Answer(u32),
    /// What the wildcard has whose row starts in this cell of names.
    Wildcard(u32),
    /// No zone of ours holds such names.
    Outside,
}

/// Whose decision chooses among the answers to one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum By {
    /// None: there is one answer.
    Nobody = 0,
    /// The pool's for IPv4: an answer for each candidate, then one for all.
    V4 = 1,
    /// The pool's for IPv6, likewise.
    V6 = 2,
    /// The pool's where both families have one candidate: an answer with both
    /// its addresses; else the one for all, with none.
    Both = 3,
}

/// The answers to one type: bits 0–31 the first one's cell (0 where there is
/// none), 32–47 the type, 48–55 the cells of one answer, 56–57 [`By`], 59 whether there
/// are [sets](Row::SETS_FROM).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TypeEntry(pub u64);

impl TypeEntry {
    /// Entries of one name, in one cell of answers: the first is for all types
    /// that have none of their own, the type it names is 0.
    pub const COUNT: usize = 8;

    const CELL: u64 = 0xffff_ffff;
    const STRIDE: u64 = 0xff << 48;
    const BY_SHIFT: u32 = 56;
    /// Where a row has it too.
    const SETS: u64 = 1 << 59;

    /// The answers to `rtype` from `cell` on, `stride` cells each.
    pub const fn new(rtype: u16, cell: u32, stride: u8, by: By) -> Self {
        Self(
            cell as u64
                | (rtype as u64) << 32
                | (stride as u64) << 48
                | (by as u64) << Self::BY_SHIFT,
        )
    }

    /// The entry for `rtype` in `line`.
    #[inline(always)]
    pub fn find(line: &Line, rtype: u16) -> Self {
        let mut found = line.0[0].load();
        for slot in &line.0[1..] {
            let entry = slot.load();
            if (entry >> 32) as u16 == rtype {
                found = entry;
            }
        }
        Self(found)
    }

    /// The first answer's cell; `None` where there is no answer.
    #[inline(always)]
    pub const fn cell(self) -> Option<u32> {
        match self.0 as u32 {
            0 => None,
            cell => Some(cell),
        }
    }

    /// Cells of one answer.
    #[inline(always)]
    pub const fn stride(self) -> u32 {
        (self.0 >> 48 & 0xff) as u32
    }

    /// Whether someone chooses among them.
    #[inline(always)]
    pub const fn is_steered(self) -> bool {
        self.0 >> Self::BY_SHIFT & 3 != By::Nobody as u64
    }

    /// Whether there are answers with several candidates.
    #[inline(always)]
    pub const fn has_sets(self) -> bool {
        self.0 & Self::SETS != 0
    }

    /// Who chooses among them.
    #[inline(always)]
    pub const fn by(self) -> By {
        match self.0 >> Self::BY_SHIFT & 3 {
            0 => By::Nobody,
            1 => By::V4,
            2 => By::V6,
            _ => By::Both,
        }
    }
}

impl Row {
    /// Words before the name.
    pub const WORDS: usize = 3;

    /// Answers of a steered name for one type: each candidate's, and all.
    pub const STEERED_ANSWERS: u32 = CANDIDATES_MAX as u32 + 1;

    /// Places of answers of one TTL: both families' where a row has them; of another type's
    /// answers those for IPv6 are left free, so that all types are counted alike. Answers
    /// with several candidates follow.
    pub const LEVEL_ANSWERS: u32 = 2 * Self::STEERED_ANSWERS;

    /// Where the answers with several candidates begin, counted from the first of the
    /// same family: that with those of a mask stands at twice the mask, both families' by
    /// turns.
    pub const SETS_FROM: u32 = Self::LEVEL_ANSWERS;

    /// In place of a service's number where there is none; no counter has it.
    pub const NO_SERVICE: u32 = u32::MAX;

    /// Highest number of a zone; those after share it.
    pub const ZONE_MAX: u32 = (1 << (64 - Self::ZONE_SHIFT)) - 1;

    // Flags in word 0: everyone gets the same addresses; two bits for `Below`; whether
    // there are sets.
    const STATIC: u64 = 1 << 56;
    const BELOW_SHIFT: u32 = 57;
    // In word 1, on top of the length, so that one comparison sees both.
    const WHOLE: u64 = 1 << 40;
    const ZONE_SHIFT: u32 = 41;

    /// Cells of names that take this many octets, with the words before them.
    pub const fn cells(name_len: usize) -> u32 {
        (Self::WORDS + name_len.div_ceil(8)).div_ceil(8) as u32
    }

    /// The row of a steered name of `name_len` octets, whose answers for A and
    /// AAAA take `stride` cells each from `answers` on.
    pub const fn steered(name_len: u8, service: u32, pool: u16, answers: u32, stride: u8) -> Self {
        Self(
            answers as u64 | (pool as u64) << 32 | (stride as u64) << 48,
            service as u64 | (name_len as u64) << 32,
            0,
        )
    }

    /// The row of a static name of `name_len` octets.
    pub const fn fixed(name_len: u8, answers: u32, stride: u8) -> Self {
        Self(
            answers as u64 | (stride as u64) << 48 | Self::STATIC,
            Self::NO_SERVICE as u64 | (name_len as u64) << 32,
            0,
        )
    }

    /// This row with answers with several candidates.
    #[must_use]
    pub const fn with_sets(self) -> Self {
        Self(self.0 | TypeEntry::SETS, self.1, self.2)
    }

    /// This row with the cell of the other types' entries.
    #[must_use]
    pub const fn with_types(self, cell: u32) -> Self {
        Self(self.0, self.1, self.2 | cell as u64)
    }

    /// This row of a name that its coarse words do not tell from others: it has
    /// [ambiguous](crate::name::is_ambiguous) octets.
    #[must_use]
    pub const fn compared_whole(self) -> Self {
        Self(self.0, self.1 | Self::WHOLE, self.2)
    }

    /// Whether this is the row of a name of `len` octets, at most
    /// [`SHORT_MAX`](crate::name::SHORT_MAX), that is not [compared whole](Row::compared_whole).
    #[inline(always)]
    pub const fn is_plain(self, len: usize) -> bool {
        (self.1 >> 32 & 0x1ff) as usize == len
    }

    /// This row in zone number `zone`.
    #[must_use]
    pub const fn in_zone(self, zone: u32) -> Self {
        let zone = if zone > Self::ZONE_MAX {
            Self::ZONE_MAX
        } else {
            zone
        };
        Self(self.0, self.1 | (zone as u64) << Self::ZONE_SHIFT, self.2)
    }

    /// This row with what names below it get.
    #[must_use]
    pub const fn with_below(self, below: Below) -> Self {
        let (kind, cell) = match below {
            Below::Up => (0, 0),
            Below::Answer(cell) => (1, cell),
            Below::Wildcard(cell) => (2, cell),
            Below::Outside => (3, 0),
        };
        Self(
            self.0 | kind << Self::BELOW_SHIFT,
            self.1,
            self.2 | (cell as u64) << 32,
        )
    }

    /// The row that starts in `line`.
    #[inline(always)]
    pub fn load(line: &Line) -> Self {
        Self(line.0[0].load(), line.0[1].load(), line.0[2].load())
    }

    /// Whether everyone gets the same addresses.
    #[inline(always)]
    pub const fn is_static(self) -> bool {
        self.0 & Self::STATIC != 0
    }

    /// The service's number; [`Row::NO_SERVICE`] for a static name.
    #[inline(always)]
    pub const fn service(self) -> u32 {
        self.1 as u32
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

    /// The zone's number.
    #[inline(always)]
    pub const fn zone(self) -> u32 {
        (self.1 >> Self::ZONE_SHIFT) as u32
    }

    /// What names below this one get that are not in the tables.
    #[inline(always)]
    pub const fn below(self) -> Below {
        let cell = (self.2 >> 32) as u32;
        match self.0 >> Self::BELOW_SHIFT & 3 {
            0 => Below::Up,
            1 => Below::Answer(cell),
            2 => Below::Wildcard(cell),
            _ => Below::Outside,
        }
    }

    /// The cell of the entries for other types than A and AAAA, if any.
    #[inline(always)]
    pub const fn types(self) -> Option<u32> {
        match self.2 as u32 {
            0 => None,
            cell => Some(cell),
        }
    }

    /// The answers to A or AAAA; `None` for other types.
    #[inline(always)]
    pub fn addresses(self, rtype: u16) -> Option<TypeEntry> {
        let by = match rtype {
            rtype::A => By::V4,
            rtype::AAAA => By::V6,
            _ => return None,
        };
        // Cells and stride stand where an entry has them.
        let mut entry = self.0 & (TypeEntry::STRIDE | TypeEntry::CELL | TypeEntry::SETS);
        let mut answers = 1;
        if !self.is_static() {
            entry |= (by as u64) << TypeEntry::BY_SHIFT;
            answers = Self::STEERED_ANSWERS;
        }
        if rtype == rtype::AAAA {
            // Behind those to A; the writer sees to it that no sum overflows.
            entry += u64::from(answers * TypeEntry(entry).stride());
        }
        Some(TypeEntry(entry))
    }
}
