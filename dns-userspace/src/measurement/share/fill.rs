//! Fill: candidates that have a capacity take resolvers up to a level of it, in the order
//! in which groups prefer them; the rest goes to the next.
//!
//! What is told of loads is old, by how much differs from candidate to candidate. After
//! slots moved, the sum of what is told is therefore the sum of nothing: what left one
//! candidate is still told by it, and by the other already. So the demand counts as it
//! was until all that is told is of afterwards, and meanwhile whatever happens is
//! answered from the known demand: who dies has its part placed before anybody tells of it.

mod demand;
mod place;
mod unrest;

use dns_common::decision::{CANDIDATES_MAX, Ranking, SLOTS};
use tokio::time::Instant;

use super::{ALL, Key, Takes};
use crate::model::Capacity;
use demand::Demand;
use place::{Orders, Placement};
use unrest::Unrest;

/// Room beyond what is asked for where all are full, so that no slot is left over: each
/// of eight may lack up to one of 1024 slots.
const SLACK: f64 = 1.01;

/// A change of the demand, and one of what a slot of a candidate brings, that are not
/// worth moving anybody for.
const DEMAND_BAND: f64 = 0.01;
const FACTOR_BAND: f64 = 0.01;

/// The most that the demand falls, and that what a slot of a candidate brings changes,
/// each time that all reports are of one state.
const FALL_MAX: f64 = 0.2;
const FACTOR_STEP_MAX: f64 = 0.1;

/// What sums of a thousand parts of the demand may be wrong by.
const EXACT: f64 = 1e-9;

/// One slot, of all of them.
#[expect(clippy::cast_precision_loss, reason = "1024 is exact")]
const SLOT: f64 = 1.0 / SLOTS as f64;

/// Groups with one ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Theirs, of all candidates.
    pub ranking: Ranking,
    /// Their part of the demand.
    pub demand: f64,
}

/// What a placement is made from, as far as it is not kept.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What can be taken.
    pub capacity: &'a Capacity,
    /// Who may be used, bit n for candidate n; one at least.
    pub usable: u8,
    /// How many slots each takes at most.
    pub most: [u16; CANDIDATES_MAX],
    /// All groups, whose parts of the demand are 1 together.
    pub parts: &'a [Part],
    /// By candidate, what it last told: requests, in the unit of capacities; `None` where
    /// that is too old.
    pub told: &'a [Option<f64>],
    /// When it was.
    pub now: Instant,
}

/// What is known of the demand, and where it is.
#[derive(Clone, Debug)]
pub struct Fill {
    orders: Orders,
    /// `None` until somebody has told.
    demand: Option<Demand>,
    usable: u8,
    most: [u16; CANDIDATES_MAX],
    parts: Vec<Part>,
    placement: Placement,
    /// When they are of one state again.
    settles_at: Option<Instant>,
    /// Since when they have not been.
    unrest: Option<Unrest>,
}

impl Fill {
    /// Of candidates with these `keys`, of whom nothing is known.
    pub fn new(keys: &[Key]) -> Self {
        Self {
            orders: Orders::new(keys),
            demand: None,
            usable: 0,
            most: [ALL; _],
            parts: Vec::new(),
            placement: Placement::default(),
            settles_at: None,
            unrest: None,
        }
    }

    /// Takes in `input`; who takes how much from now on.
    pub fn place(&mut self, input: &Input<'_>) -> Takes {
        let learnt = self.learn(input);
        let same = (self.usable, self.most) == (input.usable, input.most);
        if learnt || !same || self.parts != input.parts {
            self.usable = input.usable;
            self.most = input.most;
            self.parts = input.parts.to_vec();
            let placement = self.placed(input.capacity);
            self.await_reports(&placement, input);
            self.placement = placement;
        }
        self.takes()
    }

    /// Whether `input` tells something new of the demand.
    fn learn(&mut self, input: &Input<'_>) -> bool {
        let is_settling = self.settles_at.is_some_and(|at| input.now < at);
        let Some(known) = &mut self.demand else {
            // Some of them say little about the others.
            let of = input.told.iter().zip(&input.capacity.by_candidate).zip(0..);
            let mut silent = of.filter(|((told, limit), candidate): &(_, u8)| {
                told.is_none() && limit.is_some() && input.usable >> candidate & 1 != 0
            });
            if !is_settling || silent.next().is_none() {
                self.demand = Demand::first(input.told, &input.capacity.by_candidate);
            }
            return self.demand.is_some();
        };
        if let (true, Some(unrest)) = (is_settling, &mut self.unrest) {
            unrest.add(input.told);
            let Some(means) = unrest.means(input.capacity.settle, input.now) else {
                return false;
            };
            self.unrest = Some(Unrest::new(input.now));
            let seen = Demand::first(&means, &input.capacity.by_candidate);
            return seen.is_some_and(|seen| known.follow(seen.total, known.factors));
        }
        self.settles_at = None;
        self.unrest = None;
        let taken = &self.placement.taken;
        known.learn(input.told, taken, &input.capacity.by_candidate)
    }

    /// Everything in its place by what is known.
    fn placed(&self, capacity: &Capacity) -> Placement {
        let Some(demand) = &self.demand else {
            return self
                .orders
                .place(&self.parts, self.usable, self.most, [f64::INFINITY; _]);
        };
        let limits = (0..CANDIDATES_MAX).map(|candidate| {
            let limit = capacity.by_candidate.get(candidate).copied().flatten();
            limit.map_or(f64::INFINITY, |limit| {
                limit.value() / demand.factors[candidate]
            })
        });
        let limits: Vec<f64> = limits.collect();
        let usable = |candidate: &usize| self.usable >> candidate & 1 != 0;
        let together: f64 = (0..CANDIDATES_MAX)
            .filter(usable)
            .map(|candidate| limits[candidate])
            .sum();
        let fill = f64::from(capacity.fill_percent) / 1e2;
        let mut level = fill.max(SLACK * demand.total / together);
        loop {
            let room = std::array::from_fn(|candidate| level * limits[candidate] / demand.total);
            let mut placement = self.orders.place(&self.parts, self.usable, self.most, room);
            if placement.is_whole() {
                placement.level = level;
                return placement;
            }
            // Groups that are pinned have filled somebody beyond it, or somebody who came
            // back does not take so much yet.
            level *= SLACK;
        }
    }

    /// Whatever `placement` moves, reports are useless until they are of afterwards: what
    /// was learnt from them would be learnt again.
    fn await_reports(&mut self, placement: &Placement, input: &Input<'_>) {
        let mut both = self.placement.taken.iter().zip(&placement.taken);
        if both.any(|(before, now)| (now - before).abs() > EXACT) {
            self.settles_at = Some(input.now + input.capacity.settle);
            self.unrest.get_or_insert_with(|| Unrest::new(input.now));
        }
    }

    fn takes(&self) -> Takes {
        let admitted = &self.placement.admitted[..self.orders.candidates()];
        let is_usable = |number: u8| self.usable >> number & 1 != 0;
        let mut usable = (0..).zip(admitted).filter(|(number, _)| is_usable(*number));
        if usable.all(|(_, admitted)| usize::from(*admitted) == SLOTS) {
            return Takes::All;
        }
        Takes::Admitted(admitted.to_vec())
    }

    /// The part of its capacity that `candidate` is filled to, and the slots that it
    /// takes; `None` where it takes all.
    pub fn full(&self, candidate: u8) -> Option<(f64, u16)> {
        let admitted = *self.placement.admitted.get(usize::from(candidate))?;
        let most = self.most[usize::from(candidate)];
        let is_full = self.usable >> candidate & 1 != 0 && admitted < most;
        is_full.then_some((self.placement.level, admitted))
    }

    /// What is asked for, in the unit of capacities, as far as it is known, and until when
    /// that is held.
    pub fn demand(&self) -> Option<(f64, Option<Instant>)> {
        Some((self.demand.as_ref()?.total, self.settles_at))
    }
}

#[cfg(test)]
mod tests;
