//! Words that changed, in the order in which they are to be stored.

use dns_common::decision::{Eligible, Ranking};

use super::{Change, pool::PoolState};
use crate::measurement::share::Shares;

/// What is to be stored.
///
/// Who may be used goes first, so that a death is everywhere at once, before rankings and
/// shares. Whoever reads between two stores finds what either holds: shares are there
/// before a pool is said to have any, and rankings before it is said to have none.
#[derive(Debug, Default)]
pub(super) struct Stores {
    first_shares: Vec<Change>,
    eligible: Vec<Change>,
    rankings: Vec<Change>,
    shares: Vec<Change>,
    unshared: Vec<Change>,
}

impl Stores {
    /// Adds who may be used of `pool`, if it is not as `before`.
    pub(super) fn eligible(&mut self, pool: u16, before: Eligible, word: Eligible) {
        let ends = before.is_shared() && !word.is_shared();
        let changes = if ends {
            &mut self.unshared
        } else {
            &mut self.eligible
        };
        changes.extend((word != before).then_some(Change::Eligible { pool, word }));
    }

    /// Adds an order of `pool`.
    pub(super) fn ranking(&mut self, pool: u16, group: u16, word: Ranking) {
        self.rankings.push(Change::Ranking { pool, group, word });
    }

    /// Adds who takes which slots of `pool`, where that is not as `before`.
    pub(super) fn shares(&mut self, pool: u16, before: &Shares, now: &PoolState) {
        let changed = now.shares().changed_since(before);
        let changed = changed.map(|(index, word)| Change::Shares { pool, index, word });
        if before.is_empty() {
            self.first_shares.extend(changed);
        } else {
            self.shares.extend(changed);
        }
    }

    /// All of them.
    pub(super) fn in_order(self) -> Vec<Change> {
        [
            self.first_shares,
            self.eligible,
            self.rankings,
            self.shares,
            self.unshared,
        ]
        .concat()
    }
}
