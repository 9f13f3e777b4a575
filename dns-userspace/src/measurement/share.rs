//! Share: who takes which slots of the hash space of resolvers' blocks, where not every
//! candidate takes all of them.
//!
//! Pure, as [`super::rank`] is. The answer in a slot is the first in a group's ranking
//! who may be used and takes it; where none of those who take it may be used, the first
//! who may be. What is done by hash follows from the names of candidates alone, so that
//! every host divides alike, today and after a restart.

mod balance;
mod divide;
mod fill;
mod slow_start;
mod steps;

use dns_common::{
    decision::{SHARE_WORDS, SLOTS, SLOTS_PER_WORD},
    name,
};

pub use balance::Balance;
pub use divide::quotas;
pub use fill::{Fill, Input, Part};
pub use slow_start::Returns;
pub use steps::{Admission, Pace, slots};

/// As many slots as there are.
pub const ALL: u16 = SLOTS as u16;

/// What shares are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Takes {
    /// Every candidate takes every slot.
    #[default]
    All,
    /// Every slot is taken by one: by candidate number of how many, [`ALL`] together.
    Divided(Vec<u16>),
    /// By candidate number how many slots it takes, whoever else does; [`ALL`] at most.
    /// It goes on taking those it took as long as the number does not shrink, and leaves
    /// none but those that it must.
    Admitted(Vec<u16>),
}

impl Takes {
    /// By candidate number how many slots it takes: nothing is to be told apart where each
    /// takes all or none.
    pub fn admitted(admitted: Vec<u16>) -> Self {
        if admitted.iter().all(|count| matches!(*count, 0 | ALL)) {
            return Self::All;
        }
        Self::Admitted(admitted)
    }
}

/// What the slots of one candidate are chosen by: a hash of its name, in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// That of the candidate called `name`.
    pub fn new(name: &str) -> Self {
        Self(name::hash(0, name::folded_words(name.as_bytes())))
    }

    /// A hash of it and `slot` (splitmix64; Steele, Lea and Flood, 2014).
    const fn hash(self, slot: usize) -> u64 {
        let steps = (slot as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut hash = self.0.wrapping_add(steps);
        hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ hash >> 31
    }
}

/// Who takes each slot, in words as the kernel reads them; none where all take all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares(Vec<u64>);

impl Shares {
    /// Those of candidates with these `keys`, by number, who take what `takes` says.
    /// Where slots are divided, only those change hands since `previous` that have to.
    pub fn new(takes: &Takes, keys: &[Key], previous: &Self) -> Self {
        match takes {
            Takes::All => Self::default(),
            Takes::Divided(quotas) => {
                let masks = divide::divide(keys, quotas, previous);
                Self::of(&masks.map(|owner| 1 << owner))
            }
            Takes::Admitted(admitted) => Self::admitted(keys, admitted),
        }
    }

    /// Each candidate's slots are the first in an order of its own.
    fn admitted(keys: &[Key], admitted: &[u16]) -> Self {
        let mut masks = [0_u8; SLOTS];
        for (number, (key, count)) in keys.iter().zip(admitted).enumerate() {
            let count = usize::from(*count);
            let mut order: Vec<_> = (0..SLOTS).map(|slot| (key.hash(slot), slot)).collect();
            if count < SLOTS {
                order.select_nth_unstable(count);
            }
            for (_, slot) in order.into_iter().take(count) {
                masks[slot] |= 1 << number;
            }
        }
        Self::of(&masks)
    }

    fn of(masks: &[u8; SLOTS]) -> Self {
        let (words, _) = masks.as_chunks::<SLOTS_PER_WORD>();
        Self(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    /// The same for candidates with the keys `to` in place of `from`: who is not among
    /// them takes nothing.
    #[must_use]
    pub fn renumbered(&self, from: &[Key], to: &[Key]) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let number = |key: &Key| to.iter().position(|known| known == key);
        let moved: Vec<_> = from.iter().map(number).collect();
        let masks = std::array::from_fn(|slot| {
            let takers = self.takers(slot);
            let taken = (0..).zip(&moved);
            let taken = taken.filter(|(number, _): &(u32, _)| takers >> number & 1 != 0);
            taken
                .filter_map(|(_, number)| *number)
                .fold(0, |mask, number| mask | 1 << number)
        });
        Self::of(&masks)
    }

    /// Whether all take all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who takes `slot`, bit n for candidate n.
    pub fn takers(&self, slot: usize) -> u8 {
        let word = self.0.get(slot / SLOTS_PER_WORD);
        word.map_or(u8::MAX, |word| word.to_le_bytes()[slot % SLOTS_PER_WORD])
    }

    /// How many slots `candidate` takes.
    pub fn count(&self, candidate: u8) -> u16 {
        let slots = 0..SLOTS;
        let taken = slots.filter(|slot| self.takers(*slot) >> candidate & 1 != 0);
        taken.count() as u16
    }

    /// The same in percent of all of them.
    pub fn percent(&self, candidate: u8) -> f64 {
        f64::from(self.count(candidate)) * 1e2 / f64::from(ALL)
    }

    /// The words.
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// The words that are not as in `previous`, with their places.
    pub fn changed_since<'s>(&'s self, previous: &'s Self) -> impl Iterator<Item = (u8, u64)> + 's {
        const { assert!(SHARE_WORDS <= 1 << u8::BITS) };
        let placed = (0..=u8::MAX).zip(&self.0);
        placed
            .filter(|(index, word)| previous.0.get(usize::from(*index)) != Some(word))
            .map(|(index, word)| (index, *word))
    }
}

#[cfg(test)]
mod tests;
