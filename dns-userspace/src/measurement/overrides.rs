//! Overrides: what operators say over what is measured, as an input to deciding.
//!
//! Pure: who said it and when comes from outside, as does the time.

pub mod order;
mod what;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::decide::Held;
use crate::model::{Groups, Service};
pub use what::{AdminState, Cause, Scope, What};

/// What an operator has said, and for how long it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// What.
    #[serde(flatten)]
    pub what: What,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Who said it.
    pub user: String,
    /// Since when, milliseconds since 1970.
    pub since_unix_ms: u64,
    /// Until when, milliseconds since 1970; `None` until it is ended.
    pub until_unix_ms: Option<u64>,
}

impl Override {
    /// Whether it holds no longer at `now_unix_ms`.
    fn has_expired(&self, now_unix_ms: u64) -> bool {
        self.until_unix_ms.is_some_and(|until| until <= now_unix_ms)
    }
}

/// Who holds back what a pool's rules say.
const VEERD: &str = "veerd";

/// A candidate that a pool's rules hold back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// Which, and after what.
    pub what: What,
    /// What it did.
    pub reason: Option<String>,
    /// For how long; `None` until an operator ends it.
    pub time: Option<Duration>,
}

/// Everything that operators have said and not ended. What is said later wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Each with a number of its own, in the order they were said.
    entries: Vec<(u64, Override)>,
}

/// What all overrides together say of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Candidates that count as fit, bit n for candidate n.
    pub up: u8,
    /// Candidates that are held back.
    pub held: Held,
    /// Those of the drained that the pool's own rules hold back.
    pub withheld: u8,
    /// By group number, the candidate that is first.
    pub pins: BTreeMap<u16, u8>,
    /// Measurements change nothing.
    pub frozen: bool,
}

impl Overrides {
    /// Those that a file had, in order.
    pub fn new(entries: Vec<Override>) -> Self {
        Self {
            entries: (0..).zip(entries).collect(),
        }
    }

    /// Every one, in the order they were said.
    pub fn iter(&self) -> impl Iterator<Item = &Override> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// Adds one, in the place of what was said of the same before.
    fn add(&mut self, entry: Override) {
        let number = self.entries.last().map_or(0, |(last, _)| last + 1);
        self.take(|known| entry.what.is_about_the_same(&known.what));
        self.entries.push((number, entry));
    }

    /// Takes out those of which `is_meant` holds.
    fn take(&mut self, is_meant: impl Fn(&Override) -> bool) -> Vec<Override> {
        let taken = self.entries.extract_if(.., |(_, entry)| is_meant(entry));
        taken.map(|(_, entry)| entry).collect()
    }

    /// Whether any has expired by `now_unix_ms`.
    pub fn has_expired(&self, now_unix_ms: u64) -> bool {
        self.iter().any(|entry| entry.has_expired(now_unix_ms))
    }

    /// Leaves out those that have expired by `now_unix_ms`, and returns them.
    pub fn expire(&mut self, now_unix_ms: u64) -> Vec<Override> {
        self.take(|entry| entry.has_expired(now_unix_ms))
    }

    /// Holds back from `now_unix_ms` on what a pool's rules say.
    pub fn withhold(&mut self, withheld: Withheld, now_unix_ms: u64) {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let until = |time| now_unix_ms.saturating_add(milliseconds(time));
        self.add(Override {
            what: withheld.what,
            reason: withheld.reason,
            user: VEERD.to_owned(),
            since_unix_ms: now_unix_ms,
            until_unix_ms: withheld.time.map(until),
        });
    }

    /// Whether there is one about the same thing as `what`.
    pub fn have(&self, what: &What) -> bool {
        self.iter().any(|known| known.what.is_about_the_same(what))
    }

    /// What they say of `service`: operators' word goes before that of its rules.
    pub fn of(&self, service: &Service, groups: &Groups) -> Said {
        let mut said = Said::default();
        for candidate in self.iter().filter_map(|entry| entry.what.withheld(service)) {
            said.set(candidate, AdminState::Drain);
            said.withheld |= 1 << candidate;
        }
        for entry in self.iter() {
            match &entry.what {
                What::Freeze { scope } => said.frozen |= scope.holds(service),
                What::Withheld { .. } => {}
                what @ What::Pin { .. } => said.pins.extend(what.pin(service, groups)),
                what @ What::State { state, .. } => {
                    if let Some(candidate) = what.candidate(service) {
                        said.set(candidate, *state);
                    }
                }
            }
        }
        said
    }

    /// The numbers of those that concern `service`. Services that share a pool must
    /// have the same, so that none of them is left alone when one ends.
    pub fn numbers_of(&self, service: &Service, groups: &Groups) -> Vec<u64> {
        let entries = self.entries.iter();
        let concerning = entries.filter(|(_, entry)| entry.what.concerns(service, groups));
        concerning.map(|(number, _)| *number).collect()
    }

    /// The one that decides how `server` of `service` is used.
    pub fn state_of(&self, service: &Service, server: u8) -> Option<&Override> {
        let latest_first = || self.entries.iter().rev().map(|(_, entry)| entry);
        let said = latest_first().find(|entry| entry.what.candidate(service) == Some(server));
        said.or_else(|| latest_first().find(|entry| entry.what.withheld(service) == Some(server)))
    }

    /// The one that pins `group` of `service`.
    pub fn pin_of(&self, service: &Service, group: u16, groups: &Groups) -> Option<&Override> {
        self.iter().find(|entry| {
            let pin = entry.what.pin(service, groups);
            pin.is_some_and(|(number, _)| number == group)
        })
    }

    /// The first one that freezes `service`.
    pub fn freeze_of(&self, service: &Service) -> Option<&Override> {
        let holds = |scope: &Scope| scope.holds(service);
        self.iter()
            .find(|entry| matches!(&entry.what, What::Freeze { scope } if holds(scope)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Said {
    /// How `candidate` is to be used; `None` as measured.
    pub fn state(&self, candidate: u8) -> Option<AdminState> {
        let is = |mask: u8| mask >> candidate & 1 != 0;
        if is(self.up) {
            Some(AdminState::Up)
        } else if is(self.held.drained) {
            Some(AdminState::Drain)
        } else {
            is(self.held.out).then_some(AdminState::Down)
        }
    }

    fn set(&mut self, candidate: u8, state: AdminState) {
        let bit = 1 << candidate;
        let Held { drained, out } = &mut self.held;
        for mask in [&mut self.up, &mut self.withheld, drained, out] {
            *mask &= !bit;
        }
        match state {
            AdminState::Up => self.up |= bit,
            AdminState::Drain => self.held.drained |= bit,
            AdminState::Down => self.held.out |= bit,
        }
    }
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
