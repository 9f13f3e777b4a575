//! Cells: groups with the same orders so far, by slot; the grain that answers have.

use std::collections::BTreeMap;

use dns_common::decision::{Ranking, SLOTS};
use veer::model::Plan;

use super::{Class, words::Words};

/// Groups of one region that have had the same orders so far.
#[derive(Debug)]
pub(super) struct Alike {
    groups: Vec<u16>,
    /// By pool.
    orders: Vec<Ranking>,
    /// By slot.
    cells: Vec<Cell>,
}

/// Resolvers in one slot of groups that are alike.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Number of the class it is in.
    pub(super) class: usize,
    /// When its answer changed, seconds, by service.
    pub(super) flips: Vec<Vec<f64>>,
}

/// Cells of one class that are answered alike.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) class: usize,
    /// By service.
    pub(super) answers: Vec<u8>,
    /// Groups times slots.
    pub(super) cells: usize,
}

impl Alike {
    /// `groups`, all of the class number `class`.
    pub(super) fn new(groups: Vec<u16>, services: usize, class: usize) -> Self {
        let flips = vec![Vec::new(); services];
        Self {
            groups,
            orders: Vec::new(),
            cells: vec![Cell { class, flips }; SLOTS],
        }
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }

    pub(super) fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        self.cells.iter_mut()
    }

    /// Those of them that still are alike, by the orders that `words` have.
    pub(super) fn split(self, words: &Words) -> impl Iterator<Item = Self> {
        let mut by_orders: BTreeMap<Vec<u64>, Self> = BTreeMap::new();
        for group in self.groups {
            let orders = words.orders(group);
            let key = orders.iter().map(|ranking| ranking.0).collect();
            let part = by_orders.entry(key).or_insert_with(|| Self {
                groups: Vec::new(),
                orders,
                cells: self.cells.clone(),
            });
            part.groups.push(group);
        }
        by_orders.into_values()
    }
}

/// Sorts all of `alike` into parts, whose numbers are their classes' from now on, and notes
/// in which of the `classes` so far an answer changes at `now`; for each region, by its
/// number, over how many of its groups and services that is so.
pub(super) fn sort(
    alike: &mut [Alike],
    words: &Words,
    plan: &Plan,
    classes: &[Class],
    now: f64,
) -> (Vec<Part>, BTreeMap<usize, f64>) {
    let mut numbers: BTreeMap<(usize, Vec<u8>), usize> = BTreeMap::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut changed: BTreeMap<usize, f64> = BTreeMap::new();
    for Alike {
        groups,
        orders,
        cells,
    } in alike
    {
        for (slot, cell) in cells.iter_mut().enumerate() {
            let answers = plan.services.iter().map(|(_, pool)| {
                let ranking = orders[usize::from(*pool)];
                words.answer(*pool, ranking, slot)
            });
            let answers: Vec<u8> = answers.collect();
            if let Some(class) = classes.get(cell.class) {
                let known = class.steered.iter().zip(&answers);
                for (flips, (steered, answer)) in cell.flips.iter_mut().zip(known) {
                    if steered.answer != *answer {
                        flips.push(now);
                        *changed.entry(class.region).or_default() +=
                            groups.len() as f64 / SLOTS as f64;
                    }
                }
            }
            let key = (cell.class, answers.clone());
            let number = *numbers.entry(key).or_insert_with(|| {
                parts.push(Part {
                    class: cell.class,
                    answers,
                    cells: 0,
                });
                parts.len() - 1
            });
            parts[number].cells += groups.len();
            cell.class = number;
        }
    }
    (parts, changed)
}
