//! One run at one rate, and what a program made of it.

use std::collections::BTreeMap;

use dns_common::outcome::{Action, Outcome};
use serde::Serialize;

use crate::load::{Step, ratio_of};

/// One run at 80 % of the peak.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    #[serde(flatten)]
    pub(super) step: Step,
    /// Share of hot queries without their answer, 0 to 1.
    pub(super) hot_loss: f64,
    /// What veer counted in the kernel, by outcome; zeros are left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outcomes: BTreeMap<String, u64>,
}

impl Run {
    /// `answered` are the hot queries that got what the program gives.
    pub(super) fn new(step: Step, answered: u64, outcomes: BTreeMap<String, u64>) -> Self {
        let hot = step.sent.hot.max(1);
        Self {
            step,
            hot_loss: 1.0 - ratio_of(answered) / ratio_of(hot),
            outcomes,
        }
    }

    /// For a reader.
    pub(super) fn line(&self) -> String {
        let sent = self.step.sent;
        format!(
            "{:>9.0}/s sent, {:>6.2} % of hot queries lost, {:>6.2} % of all before the program, \
             {:>4.0} ns a packet",
            sent.rate(),
            100.0 * self.hot_loss,
            100.0 * self.lost_before(),
            self.step.cpu_ns
        )
    }

    /// Share of frames that the server's side did not take from the link.
    fn lost_before(&self) -> f64 {
        let sent = self.step.sent;
        let sent = (sent.hot + sent.flood).max(1);
        1.0 - ratio_of(self.step.received) / ratio_of(sent)
    }

    /// Packets that veer did this with.
    pub(super) fn counted(&self, action: Action) -> u64 {
        let outcomes = Outcome::ALL.into_iter();
        outcomes
            .filter(|outcome| outcome.action() == action)
            .filter_map(|outcome| self.outcomes.get(outcome.name()))
            .sum()
    }
}
