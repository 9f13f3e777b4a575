//! Demand: which part of all that is asked comes from each resolver group.
//!
//! What is configured of a group counts; else what was counted of its answers of late;
//! else it asks as much as each other. Pure, as [`super::rank`] is.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts have fewer than 52 bits for a century"
)]

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::model::Groups;

/// What was counted so long ago counts half.
const HALF_LIFE: Duration = Duration::from_mins(10);

/// What a group weighs beside what was counted of it, so that none is nothing: one answer
/// more, as who was not seen may yet come, and a hundredth of what one has on average.
const UNSEEN: f64 = 1.0;
const UNSEEN_PART: f64 = 0.01;

/// As many answers of before this daemon count as so many: those of its own soon outweigh
/// them.
const BEFORE_MAX: f64 = 1000.0;

/// As long as no more of the demand than this is elsewhere, nothing is decided anew.
const BAND: f64 = 0.1;

/// Where a group's part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The configuration says it.
    Configured,
    /// Its answers were counted.
    Counted,
    /// Nothing is known: as much as each other.
    Even,
}

/// The parts of all groups, which are 1 together.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// By group number.
    parts: Vec<f64>,
    /// Of groups of which nothing is configured.
    others: Basis,
    /// What was configured, and of which groups.
    groups: Arc<Configured>,
}

/// Queries a second by group number, where they are configured.
type Configured = Vec<Option<f64>>;

impl Demand {
    /// That of `groups`, of whose answers so many were `counted`.
    pub fn new(groups: &Groups, counted: &Counted) -> Self {
        let numbers = 0..groups.names.len();
        let said = |number: usize| {
            let of = groups.demand.get(&(number as u16));
            of.map(|said| said.value())
        };
        let configured: Configured = numbers.map(said).collect();
        let said: f64 = configured.iter().flatten().sum();
        let parts = counted.parts(configured.len());
        let asked: Vec<f64> = if let Some(parts) = &parts {
            let both = configured.iter().zip(parts);
            let of_said = both.clone().filter_map(|(said, part)| said.map(|_| part));
            let of_said: f64 = of_said.sum();
            // Without a rate, as what is configured and what was counted say together.
            let all = counted.queries_per_s();
            let all = all.unwrap_or(if said > 0.0 { said / of_said } else { 1.0 });
            both.map(|(said, part)| said.unwrap_or(part * all))
                .collect()
        } else {
            let known = configured.iter().flatten().count();
            let mean = if known == 0 { 1.0 } else { said / known as f64 };
            configured.iter().map(|said| said.unwrap_or(mean)).collect()
        };
        let all: f64 = asked.iter().sum();
        Self {
            parts: asked.into_iter().map(|asked| asked / all).collect(),
            others: if parts.is_some() {
                Basis::Counted
            } else {
                Basis::Even
            },
            groups: Arc::new(configured),
        }
    }

    /// That of `group`; 0 for one that there is not.
    pub fn part(&self, group: u16) -> f64 {
        self.parts.get(usize::from(group)).copied().unwrap_or(0.0)
    }

    /// Where it comes from.
    pub fn basis(&self, group: u16) -> Basis {
        match self.groups.get(usize::from(group)) {
            Some(Some(_)) => Basis::Configured,
            _ => self.others,
        }
    }

    /// Whether it is known in the same way and for the same groups as `other`, and no more
    /// of it is elsewhere than is worth to decide anew.
    pub fn is_near(&self, other: &Self) -> bool {
        let moved = self.parts.iter().zip(&other.parts);
        let moved: f64 = moved.map(|(one, other)| (one - other).abs()).sum();
        self.others == other.others && self.groups == other.groups && moved / 2.0 <= BAND
    }
}

/// Answers of steered names that were counted of late, each counting for less the older it
/// is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// One in so many answers is counted.
    one_in: f64,
    /// By group number, those of before this daemon included.
    answers: Vec<f64>,
    /// Those of this daemon, and for how long it has counted, seconds.
    own: f64,
    seconds: f64,
}

impl Counted {
    /// Nothing yet, where one in so many answers is to be counted, but for what was
    /// counted `before` of each group, which says nothing of when.
    pub fn new(one_in: u32, before: &[u64]) -> Self {
        let all: u64 = before.iter().sum();
        let weight = (BEFORE_MAX / all as f64).min(1.0);
        let answers = before.iter().map(|count| *count as f64 * weight);
        Self {
            one_in: one_in.into(),
            answers: answers.collect(),
            own: 0.0,
            seconds: 0.0,
        }
    }

    /// So many more `answers` of each group were counted in the time that `passed`.
    pub fn add(&mut self, answers: &[u64], passed: Duration) {
        let left = 0.5_f64.powf(passed.as_secs_f64() / HALF_LIFE.as_secs_f64());
        for answers in &mut self.answers {
            *answers *= left;
        }
        if self.answers.len() < answers.len() {
            self.answers.resize(answers.len(), 0.0);
        }
        for (known, more) in self.answers.iter_mut().zip(answers) {
            *known += *more as f64;
        }
        self.own = self.own * left + answers.iter().sum::<u64>() as f64;
        self.seconds = self.seconds * left + passed.as_secs_f64();
    }

    /// What all groups asked of late, queries a second; `None` before it is known.
    pub fn queries_per_s(&self) -> Option<f64> {
        (self.own > 0.0 && self.seconds > 0.0).then(|| self.own * self.one_in / self.seconds)
    }

    /// Which part of what was counted is of each of the first `groups`; `None` where
    /// nothing was.
    fn parts(&self, groups: usize) -> Option<Vec<f64>> {
        let counted = |number: usize| self.answers.get(number).copied().unwrap_or(0.0);
        let all: f64 = (0..groups).map(counted).sum();
        if all <= 0.0 {
            return None;
        }
        let unseen = UNSEEN + UNSEEN_PART * all / groups as f64;
        let whole = all + unseen * groups as f64;
        let parts = (0..groups).map(|number| (counted(number) + unseen) / whole);
        Some(parts.collect())
    }
}

#[cfg(test)]
mod tests;
