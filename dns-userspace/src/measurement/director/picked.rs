//! What the queries of one family are answered with.

use dns_common::decision::{ALL_CANDIDATES, Eligible, Family, Ranking, best, pick};

use super::pool::PoolState;

/// Candidates, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Picked {
    /// None: nobody is fit.
    #[default]
    Nobody,
    /// All servers: nobody is fit.
    All,
    /// This one.
    One(u8),
    /// These, bit n for candidate n, 2 or more.
    Several(u8),
    /// One of these, likewise, another for each query.
    Drawn(u8),
}

impl Picked {
    /// What the `eligible` come to in the order `ranking`.
    pub(super) fn of(ranking: Ranking, eligible: Eligible, family: Family) -> Self {
        let set = best(ranking, eligible, family);
        if set.count_ones() > 1 {
            return Self::Several(set);
        }
        match pick(ranking, eligible, family) {
            None => Self::Nobody,
            Some(ALL_CANDIDATES) => Self::All,
            Some(number) => Self::One(number),
        }
    }

    /// What resolvers in `slot` come to in the order `ranking` of `state`.
    pub(super) fn by(state: &PoolState, ranking: Ranking, slot: u32, family: Family) -> Self {
        let eligible = state.eligible();
        if !is_divided(state, ranking) {
            return Self::of(ranking, eligible, family);
        }
        let shares = state.shares();
        if !eligible.is_random() {
            let takers = shares.takers(slot as usize);
            return Self::of(ranking, eligible.taken_by(takers), family);
        }
        let some = (0..u8::BITS as u8).filter(|number| shares.count(*number) > 0);
        let takers = some.fold(0, |takers, number| takers | 1 << number);
        let eligible = eligible.taken_by(takers);
        match eligible.mask(family) {
            mask if mask.count_ones() > 1 => Self::Drawn(mask),
            _ => Self::of(ranking, eligible, family),
        }
    }

    /// Those that were chosen.
    pub(super) fn mask(self) -> u8 {
        match self {
            Self::Nobody | Self::All => 0,
            Self::One(number) => 1 << number,
            Self::Several(mask) | Self::Drawn(mask) => mask,
        }
    }

    /// The same, by number.
    pub(super) fn candidates(self) -> impl Iterator<Item = u8> {
        (0..u8::BITS as u8).filter(move |number| self.mask() >> number & 1 != 0)
    }
}

/// Whether not every candidate takes every slot in the order `ranking` of `state`.
pub(super) fn is_divided(state: &PoolState, ranking: Ranking) -> bool {
    state.eligible().is_shared() && !ranking.is_undivided()
}
