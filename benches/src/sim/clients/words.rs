//! The words that the kernel would hold, and what they come to.

use dns_common::decision::{Eligible, Family, Ranking, SLOTS_PER_WORD, pick};
use veer::measurement::director::{Change, Director};

use crate::sim::resolvers::NO_ANSWER;

#[derive(Debug)]
pub(super) struct Words {
    eligible: Vec<Eligible>,
    /// By pool and group.
    rankings: Vec<Vec<Ranking>>,
    /// By pool; empty where all take all.
    shares: Vec<Vec<u64>>,
}

impl Words {
    pub(super) fn new(director: &Director) -> Self {
        let mut words = Self {
            eligible: Vec::new(),
            rankings: Vec::new(),
            shares: Vec::new(),
        };
        for pool in director.decisions() {
            words.eligible.push(pool.eligible);
            words.rankings.push(pool.rankings);
            words.shares.push(pool.shares);
        }
        words
    }

    pub(super) fn store(&mut self, change: Change) {
        match change {
            Change::Eligible { pool, word } => self.eligible[usize::from(pool)] = word,
            Change::Ranking { pool, group, word } => {
                self.rankings[usize::from(pool)][usize::from(group)] = word;
            }
            Change::Shares { pool, index, word } => {
                let shares = &mut self.shares[usize::from(pool)];
                let index = usize::from(index);
                shares.resize(shares.len().max(index + 1), 0);
                shares[index] = word;
            }
        }
    }

    /// Who may be used of `pool`.
    pub(super) fn eligible(&self, pool: u16) -> Eligible {
        self.eligible[usize::from(pool)]
    }

    /// By pool, the order for `group`.
    pub(super) fn orders(&self, group: u16) -> Vec<Ranking> {
        let rankings = self.rankings.iter();
        rankings.map(|of| of[usize::from(group)]).collect()
    }

    /// What of `pool` those in `slot` are answered whose order is `ranking`.
    pub(super) fn answer(&self, pool: u16, ranking: Ranking, slot: usize) -> u8 {
        let mut eligible = self.eligible(pool);
        if eligible.is_shared() && !ranking.is_undivided() {
            let shares = &self.shares[usize::from(pool)];
            let word = shares.get(slot / SLOTS_PER_WORD).copied();
            let takers = word.unwrap_or(0) >> (8 * (slot % SLOTS_PER_WORD));
            eligible = eligible.taken_by(takers as u8);
        }
        pick(ranking, eligible, Family::V4).unwrap_or(NO_ANSWER)
    }
}
