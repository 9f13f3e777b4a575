//! The words a decision is made of, and the pure function that makes it.

use crate::tables::Source;

/// The address family a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// A records, IPv4.
    V4 = 0,
    /// AAAA records, IPv6.
    V6 = 1,
}

/// Candidates a pool can hold: a ranking keeps one byte for each in one word.
pub const CANDIDATES_MAX: usize = 8;

/// The answer used when no candidate is fit and the pool says to answer with
/// all that are configured; stored after the candidates' own answers.
pub const ALL_CANDIDATES: u8 = CANDIDATES_MAX as u8;

/// Candidates of one pool in the order one resolver group prefers them: byte 0
/// (least significant) is the first choice, [`Ranking::NONE`] ends the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ranking(pub u64);

impl Ranking {
    /// The byte that ends a ranking of fewer than [`CANDIDATES_MAX`].
    pub const NONE: u8 = 0xff;

    /// A ranking without candidates.
    pub const EMPTY: Self = Self(u64::MAX);

    /// The ranking that lists `order` (candidate numbers, each below
    /// [`CANDIDATES_MAX`]); entries past the eighth are left out.
    pub fn new(order: &[u8]) -> Self {
        let mut bytes = [Self::NONE; CANDIDATES_MAX];
        for (slot, candidate) in bytes.iter_mut().zip(order) {
            *slot = *candidate;
        }
        Self(u64::from_le_bytes(bytes))
    }

    /// Bit of the first choice: the group is not divided, whatever the pool's shares say.
    const UNDIVIDED: u64 = 1 << 6;

    /// The same for a group that is not divided.
    #[must_use]
    pub const fn undivided(self) -> Self {
        Self(self.0 | Self::UNDIVIDED)
    }

    /// Whether shares say nothing about the group.
    #[inline(always)]
    pub const fn is_undivided(self) -> bool {
        self.0 & Self::UNDIVIDED != 0
    }

    /// The candidates in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        self.0
            .to_le_bytes()
            .into_iter()
            .take_while(|candidate| *candidate != Self::NONE)
            .map(|candidate| candidate & !(Self::UNDIVIDED as u8))
    }
}

/// Parts that all resolvers are divided into, by a hash of their blocks: the grain of
/// shares, a thousandth of the demand or a little less.
pub const SLOTS: usize = 1024;

/// Slots in a word of shares: one byte each, the mask of the candidates that take it;
/// the lowest is that of the first slot.
pub const SLOTS_PER_WORD: usize = 8;

/// Words of shares a pool has.
pub const SHARE_WORDS: usize = SLOTS / SLOTS_PER_WORD;

/// Length of the IPv4 block that is in one slot, bits: what resolver prefixes are told
/// apart by, and clients of public resolvers (RFC 7871 section 11.1).
pub const BLOCK_V4: u8 = 24;
/// The same of IPv6.
pub const BLOCK_V6: u8 = 56;

/// The slot of `source`: below [`SLOTS`], the same for its whole block.
#[inline(always)]
pub const fn slot(source: Source) -> u32 {
    hashed(match source {
        Source::V4(address) => (address >> (32 - BLOCK_V4)) as u64,
        Source::V6(high, _) => high >> (64 - BLOCK_V6),
    })
}

/// 2^64 divided by the golden ratio: multiples of it, wrapping, spread evenly, and those of
/// neighbours are far apart (Knuth, The Art of Computer Programming, volume 3, section 6.4).
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
const fn hashed(number: u64) -> u32 {
    (number.wrapping_mul(GOLDEN) >> (64 - SLOTS.ilog2())) as u32
}

/// Length of the block around `source` that is in one slot.
#[inline(always)]
pub const fn block(source: Source) -> u8 {
    match source {
        Source::V4(_) => BLOCK_V4,
        Source::V6(..) => BLOCK_V6,
    }
}

/// The slot of the query with this `id`, as unlike that of the next as any other.
#[inline(always)]
pub const fn slot_of_query(id: u16, seed: u64) -> u32 {
    hashed(id as u64 ^ seed)
}

/// Which candidates of one pool may be used, for each family, what to do when none may,
/// and which of its answers they have: bits 0–7 IPv4, bits 8–15 IPv6, bit 16
/// [`Eligible::ALL_DOWN_ALL`], bit 17 [`Eligible::SHARED`], bit 18 [`Eligible::RANDOM`],
/// bits 19–21 how many candidates make an answer, less one; from bit 24 on
/// [`Eligible::answers_before`].
///
/// One store of this word moves every group off a dead candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Eligible(pub u64);

impl Eligible {
    /// With no fit candidate, answer with the addresses of all of them.
    pub const ALL_DOWN_ALL: u64 = 1 << 16;
    /// Not every candidate takes every resolver: shares say who takes which slot.
    pub const SHARED: u64 = 1 << 17;
    /// Slots are those of queries, not of resolvers.
    pub const RANDOM: u64 = 1 << 18;
    const MORE_SHIFT: u32 = 19;
    const MORE: u64 = (CANDIDATES_MAX as u64 - 1) << Self::MORE_SHIFT;
    const BEFORE_SHIFT: u32 = 24;

    /// The word with candidate masks `v4` and `v6` (bit n is candidate n).
    pub const fn new(v4: u8, v6: u8, all_down_all: bool) -> Self {
        let flag = if all_down_all { Self::ALL_DOWN_ALL } else { 0 };
        Self(v4 as u64 | (v6 as u64) << 8 | flag)
    }

    /// The same without the candidates of the mask `out`, in both families.
    #[inline(always)]
    #[must_use]
    pub const fn without(self, out: u8) -> Self {
        Self(self.0 & !(out as u64 * 0x0101))
    }

    /// The candidates that may be used for `family`, bit n for candidate n.
    pub const fn mask(self, family: Family) -> u8 {
        (self.0 >> (8 * family as u32)) as u8
    }

    /// The same where shares say more.
    #[must_use]
    pub const fn shared(self) -> Self {
        Self(self.0 | Self::SHARED)
    }

    /// Whether shares say more.
    #[inline(always)]
    pub const fn is_shared(self) -> bool {
        self.0 & Self::SHARED != 0
    }

    /// The same with slots by query.
    #[must_use]
    pub const fn random(self) -> Self {
        Self(self.0 | Self::RANDOM)
    }

    /// Whether slots are those of queries.
    #[inline(always)]
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM != 0
    }

    /// The same with answers of the best `count` candidates, 1 to [`CANDIDATES_MAX`].
    #[must_use]
    pub const fn best(self, count: u8) -> Self {
        let more = (count as u64).saturating_sub(1) << Self::MORE_SHIFT & Self::MORE;
        Self(self.0 & !Self::MORE | more)
    }

    /// How many candidates make an answer.
    #[inline(always)]
    pub const fn count(self) -> u32 {
        ((self.0 & Self::MORE) >> Self::MORE_SHIFT) as u32 + 1
    }

    /// The same with answers that stand `count` behind the first.
    #[must_use]
    pub const fn behind(self, count: u32) -> Self {
        let low = (1 << Self::BEFORE_SHIFT) - 1;
        Self(self.0 & low | (count as u64) << Self::BEFORE_SHIFT)
    }

    /// How many answers stand before those to be chosen from.
    #[inline(always)]
    pub const fn answers_before(self) -> u32 {
        (self.0 >> Self::BEFORE_SHIFT) as u32
    }

    /// Whether the first eligible candidate is the answer, whoever asks.
    #[inline(always)]
    pub const fn is_plain(self) -> bool {
        self.0 & (Self::SHARED | Self::MORE) == 0
    }

    /// For each family those of the mask `takers` alone, or all where none of them may
    /// be used.
    #[inline(always)]
    #[must_use]
    pub const fn taken_by(self, takers: u8) -> Self {
        const V6: u64 = 0xff00;
        const V4: u64 = 0x00ff;
        let takers = takers as u64 * 0x0101 | !(V6 | V4);
        let mut word = self.0 & takers;
        if word & V4 == 0 {
            word |= self.0 & V4;
        }
        if word & V6 == 0 {
            word |= self.0 & V6;
        }
        Self(word)
    }
}

/// The first candidate in `ranking` that is eligible for `family`;
/// [`ALL_CANDIDATES`] when none is and the pool answers with all; else `None`.
#[inline(always)]
pub fn pick(ranking: Ranking, eligible: Eligible, family: Family) -> Option<u8> {
    let mask = u64::from(eligible.mask(family));
    let mut rest = ranking.0;
    for _ in 0..CANDIDATES_MAX {
        // A shift needs no more bits, and the next is UNDIVIDED. NONE is then 63, which is no
        // bit of the mask.
        let candidate = rest & 63;
        if mask >> candidate & 1 != 0 {
            return Some(candidate as u8);
        }
        rest >>= 8;
    }
    (mask == 0 && eligible.0 & Eligible::ALL_DOWN_ALL != 0).then_some(ALL_CANDIDATES)
}

/// The first in `ranking` that are eligible for `family`, as many as make an answer: bit n
/// for candidate n.
#[inline(always)]
pub fn best(ranking: Ranking, eligible: Eligible, family: Family) -> u8 {
    let mask = u64::from(eligible.mask(family));
    let (mut rest, mut best, mut left) = (ranking.0, 0, eligible.count());
    for _ in 0..CANDIDATES_MAX {
        let is_one = mask >> (rest & 63) & 1;
        if left > 0 {
            best |= is_one << (rest & 63);
            left -= is_one as u32;
        }
        rest >>= 8;
    }
    best as u8
}

#[cfg(test)]
mod tests;
