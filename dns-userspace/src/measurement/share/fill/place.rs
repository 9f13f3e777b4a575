//! Who takes which slots where each has only so much room.

use dns_common::decision::{CANDIDATES_MAX, SLOTS};

use super::{EXACT, Part, SLOT};
use crate::measurement::share::Key;

/// A value for each candidate that there can be.
pub(super) type ByCandidate<T> = [T; CANDIDATES_MAX];

/// The order in which each candidate takes slots, and the place that each slot has in it.
#[derive(Clone, Debug)]
pub(super) struct Orders(Vec<Order>);

#[derive(Clone, Debug)]
struct Order {
    slots: Vec<u16>,
    places: Vec<u16>,
}

/// Where everything is.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    /// How many slots each candidate takes.
    pub(super) admitted: ByCandidate<u16>,
    /// What comes to it of all the demand.
    pub(super) taken: ByCandidate<f64>,
    /// Part of their capacity that candidates were filled to at most.
    pub(super) level: f64,
    /// Part of the demand that nobody takes.
    left_over: f64,
}

impl Placement {
    /// Whether somebody takes each slot.
    pub(super) fn is_whole(&self) -> bool {
        self.left_over <= 0.0
    }
}

/// Nobody, where a position among a group's candidates is expected.
const NOBODY: u8 = u8::MAX;

/// Groups on their way down their rankings.
struct Seeking {
    /// Who may be used, in order.
    order: Vec<u8>,
    /// What one slot of them brings, of all the demand.
    demand: f64,
    /// Where it was taken, by slot: a position in `order`.
    at: [u8; SLOTS],
    /// Shares say nothing about them.
    is_undivided: bool,
}

impl Orders {
    pub(super) fn new(keys: &[Key]) -> Self {
        let orders = keys.iter().map(|key| {
            let mut slots: Vec<u16> = (0..SLOTS as u16).collect();
            slots.sort_unstable_by_key(|slot| (key.hash(usize::from(*slot)), *slot));
            let mut places = vec![0; SLOTS];
            for (place, slot) in (0..).zip(&slots) {
                places[usize::from(*slot)] = place;
            }
            Order { slots, places }
        });
        Self(orders.collect())
    }

    pub(super) fn candidates(&self) -> usize {
        self.0.len()
    }

    /// Where groups go whose `parts` are of the whole demand, if candidates have room
    /// for such parts of it.
    ///
    /// Each slot of a group goes down its ranking to the first of the `usable` that takes
    /// it. Who has more than its room refuses slots, from the end of its own order, which
    /// go on, until nobody has more. What comes out does not depend on who refuses first
    /// (Gale and Shapley, 1962), so little demand or room more or less moves little.
    pub(super) fn place(
        &self,
        parts: &[Part],
        usable: u8,
        most: ByCandidate<u16>,
        room: ByCandidate<f64>,
    ) -> Placement {
        let mut placement = Placement::default();
        for (candidate, most) in most.into_iter().enumerate().take(self.0.len()) {
            // Who comes back takes nobody until its slots are known.
            placement.admitted[candidate] = if usable >> candidate & 1 != 0 {
                most
            } else {
                0
            };
        }
        let mut seeking: Vec<Seeking> = parts
            .iter()
            .map(|part| self.seeking(part, usable, &mut placement))
            .collect();
        let is_full = |placement: &Placement, candidate: usize| {
            placement.taken[candidate] > room[candidate] + EXACT
                && placement.admitted[candidate] > 0
        };
        while let Some(full) = (0..self.0.len()).find(|number| is_full(&placement, *number)) {
            while is_full(&placement, full) {
                placement.admitted[full] -= 1;
                let slot = self.0[full].slots[usize::from(placement.admitted[full])];
                for part in &mut seeking {
                    self.refuse(part, full as u8, usize::from(slot), &mut placement);
                }
            }
        }
        placement
    }

    /// Whether `candidate` takes `slot`.
    fn takes(&self, candidate: u8, slot: usize, placement: &Placement) -> bool {
        let place = self.0[usize::from(candidate)].places[slot];
        place < placement.admitted[usize::from(candidate)]
    }

    /// Those of `part`, each slot at the first of the `usable` that takes it, or at the
    /// first of all where none does.
    fn seeking(&self, part: &Part, usable: u8, placement: &mut Placement) -> Seeking {
        let order = part.ranking.iter();
        let order: Vec<u8> = order
            .filter(|candidate| usable >> candidate & 1 != 0)
            .collect();
        let demand = part.demand * SLOT;
        let is_undivided = part.ranking.is_undivided();
        let at = std::array::from_fn(|slot| {
            let mut numbered = (0_u8..).zip(&order);
            let takes = |candidate| is_undivided || self.takes(candidate, slot, placement);
            let first = numbered.find(|(_, candidate)| takes(**candidate));
            first.map_or(0, |(position, _)| position)
        });
        for position in at {
            if let Some(candidate) = order.get(usize::from(position)) {
                placement.taken[usize::from(*candidate)] += demand;
            }
        }
        Seeking {
            order,
            demand,
            at,
            is_undivided,
        }
    }

    /// Has `slot` of `part` go on if it is at `full`.
    fn refuse(&self, part: &mut Seeking, full: u8, slot: usize, placement: &mut Placement) {
        let Seeking {
            order, demand, at, ..
        } = part;
        let now = at[slot];
        if part.is_undivided || order.get(usize::from(now)) != Some(&full) {
            return;
        }
        placement.taken[usize::from(full)] -= *demand;
        let mut next = (now + 1..).zip(&order[usize::from(now) + 1..]);
        let next = next.find(|(_, candidate)| self.takes(**candidate, slot, placement));
        if let Some((position, candidate)) = next {
            at[slot] = position;
            placement.taken[usize::from(*candidate)] += *demand;
        } else {
            at[slot] = NOBODY;
            placement.left_over += *demand;
        }
    }
}
