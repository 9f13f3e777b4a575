//! What is taken for measured in a trial, in place of what is.

use std::collections::BTreeMap;

use crate::measurement::{
    health::{Health, Reading},
    metric::Metric,
    schedule::TargetId,
};

/// Measurements of one pool that are other than they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Altered {
    /// Targets that are up, or are not.
    states: BTreeMap<TargetId, bool>,
    /// Values of candidates, by number.
    values: BTreeMap<(u8, Metric), f64>,
}

impl Altered {
    /// As well with `targets` up, or not.
    #[must_use]
    pub(super) fn with_states(
        mut self,
        targets: impl IntoIterator<Item = TargetId>,
        is_up: bool,
    ) -> Self {
        let states = targets.into_iter().map(|target| (target, is_up));
        self.states.extend(states);
        self
    }

    /// As well with `value` measured of `candidate`.
    #[must_use]
    pub(super) fn with_value(mut self, candidate: u8, metric: Metric, value: f64) -> Self {
        self.values.insert((candidate, metric), value);
        self
    }

    /// Whether `target`, one of those with `health`, may be used.
    pub(super) fn is_usable(&self, target: TargetId, health: &[Health]) -> bool {
        let altered = self.states.get(&target).copied();
        altered.unwrap_or_else(|| health[target.index()].state().is_usable())
    }

    /// `readings` of `metric`, by candidate number, or what there is in place of them.
    pub(super) fn readings(&self, metric: Metric, mut readings: Vec<Reading>) -> Vec<Reading> {
        for ((number, _), value) in self.values.iter().filter(|((_, of), _)| *of == metric) {
            readings[usize::from(*number)] = Reading::Fresh(*value);
        }
        readings
    }
}
