//! The nearest change that would alter a decision: found by trying, with the same
//! ranking and deciding that measurements go through.

mod times;
mod trial;
mod values;

use std::fmt;

use dns_common::decision::Family;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Director,
    altered::Altered,
    explain::{Outcome, candidate_name},
    picked::Picked,
    states::{rounded, word},
};
use crate::{
    clock,
    measurement::{
        health::{Health, State},
        metric::Metric,
        overrides::{Override, Overrides},
        schedule::TargetId,
    },
    model::Pool,
};
use trial::Trial;

/// The smallest single change after which others win, and who they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// What would change; nothing else would.
    #[serde(flatten)]
    pub alteration: Alteration,
    /// How large it is: of a value, the difference against the value itself; of a state,
    /// the samples that are still needed against all that are; of a hold, or of the time
    /// from when a level was agreed on until it is in force, what is left of it; everything else, and a value that was 0 or unknown, counts 1.
    pub size: f64,
    /// What is answered then.
    pub then: Outcome,
}

/// One input of a decision that is another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Alteration {
    /// A value of a candidate, the worst of its addresses.
    Value {
        /// The candidate's name.
        server: String,
        /// What is measured.
        metric: Metric,
        /// What it counts as now, in the metric's unit; `None` where it is unknown.
        from: Option<f64>,
        /// The first value with which the outcome is another, in thousandths.
        to: f64,
        /// The difference in percent of the value now; `None` where that is 0 or unknown.
        percent: Option<f64>,
    },
    /// All addresses of a candidate go up or down; what is measured of it stays.
    State {
        /// The candidate's name.
        server: String,
        /// What it is then.
        to: State,
    },
    /// A candidate need no longer stay on its side of an agreed level; what is measured
    /// stays.
    HoldEnds {
        /// The candidate's name.
        server: String,
        /// In how many milliseconds.
        in_ms: f64,
    },
    /// The next version of an agreed level comes into force; what is measured stays.
    LevelInForce {
        /// Its number.
        version: u32,
        /// The value, in the metric's unit.
        value: f64,
        /// When, milliseconds since 1970.
        at_unix_ms: u64,
    },
    /// An override ends.
    OverrideEnds {
        /// Which.
        #[serde(rename = "override")]
        entry: Box<Override>,
    },
    /// This host is no longer suspected, and what fails goes down.
    SuspicionEnds,
    /// Any sample, with nothing else changed: time alone has done it.
    NextSample,
}

impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value {
                server,
                metric,
                from,
                to,
                percent,
            } => {
                write!(f, "{metric} of {server} ")?;
                match from {
                    Some(from) => write!(f, "goes from {from} to {to}")?,
                    None => write!(f, "is known, and is {to}")?,
                }
                percent.map_or(Ok(()), |percent| write!(f, " ({percent:+.1} %)"))
            }
            Self::State { server, to } => write!(f, "{server} goes {}", word(*to)),
            Self::HoldEnds { server, in_ms } => {
                write!(f, "the hold of {server} ends, in {:.1} s", in_ms / 1e3)
            }
            Self::LevelInForce {
                version,
                value,
                at_unix_ms,
            } => {
                let at = clock::utc(*at_unix_ms);
                write!(
                    f,
                    "version {version} of the level, {value}, comes into force at {at}"
                )
            }
            Self::OverrideEnds { entry } => write!(f, "this override ends: {}", entry.what),
            Self::SuspicionEnds => f.write_str("suspicion ends, and what fails goes down"),
            Self::NextSample => f.write_str("any sample: time has changed it"),
        }
    }
}

/// A change that was found, and who wins by it.
struct Found {
    alteration: Alteration,
    size: f64,
    picked: Picked,
}

/// The smallest so far; of equals the first.
#[derive(Default)]
struct Smallest(Option<Found>);

impl Smallest {
    fn offer(&mut self, alteration: Alteration, size: f64, picked: Picked) {
        if size < self.size() {
            self.0 = Some(Found {
                alteration,
                size,
                picked,
            });
        }
    }

    /// What another has to be smaller than.
    fn size(&self) -> f64 {
        let found = self.0.as_ref();
        found.map_or(f64::INFINITY, |found| found.size)
    }
}

impl Director {
    /// The smallest single change of one input by which resolvers of `group` in `slot` of
    /// the hash space would get another candidate of `pool` for queries of `family`, seen
    /// at `now`; `None` where no single one does it, and where there is no such pool or group.
    pub fn nearest(
        &self,
        pool: u16,
        (group, slot): (u16, u32),
        family: Family,
        now: Instant,
    ) -> Option<Nearest> {
        self.plan.groups.names.get(usize::from(group))?;
        let known = self.pools.get(usize::from(pool))?;
        let configured = &self.plan.pools[usize::from(pool)];
        // Where resolvers follow by steps it is looked at what they come to.
        let at_once = configured.policy.at_once().map(|policy| Pool {
            policy,
            ..configured.clone()
        });
        let configured = at_once.as_ref().unwrap_or(configured);
        let mut trial = Trial::new(configured, known, &self.health, (group, slot, family), now);
        let mut smallest = Smallest::default();
        let as_it_is = trial.picked();
        let picked = trial.try_out(Altered::default(), now);
        if picked == as_it_is {
            self.try_states(&mut trial, &mut smallest);
            times::try_holds(&mut trial, &mut smallest);
            self.try_level(&mut trial, &mut smallest);
            self.try_overrides(pool, &trial, &mut smallest);
            values::try_values(&mut trial, &mut smallest);
        } else {
            smallest.offer(Alteration::NextSample, 0.0, picked);
        }
        let found = smallest.0?;
        Some(Nearest {
            alteration: found.alteration,
            size: rounded(found.size),
            then: Outcome::of(configured, found.picked, family),
        })
    }

    /// Candidates that go up or down, the one that wins first, and all that fail while
    /// this host is suspected.
    fn try_states(&self, trial: &mut Trial<'_>, smallest: &mut Smallest) {
        let as_it_is = trial.picked();
        let is_suspected = self.suspicion.since().is_some();
        let mut numbers: Vec<u8> = trial.ranking().iter().collect();
        numbers.sort_by_key(|number| as_it_is.mask() >> number & 1 == 0);
        let mut failing = Vec::new();
        for number in numbers {
            let required = trial.known.all_required(number);
            let (up, down): (Vec<TargetId>, Vec<TargetId>) = required
                .iter()
                .partition(|id| self.health[id.index()].state().is_usable());
            let goes = |to| Alteration::State {
                server: candidate_name(trial.pool, number).to_owned(),
                to,
            };
            if !down.is_empty() {
                let missing = down.iter().map(|id| self.missing(*id, false));
                let size = missing.fold(0.0, f64::max);
                let altered = Altered::default().with_states(down.iter().copied(), true);
                let alteration = goes(State::Up);
                trial.offer(altered, alteration, size, smallest);
            }
            if !up.is_empty() && !is_suspected {
                let missing = up.iter().map(|id| self.missing(*id, true));
                let size = missing.fold(1.0, f64::min);
                let altered = Altered::default().with_states(required, false);
                let alteration = goes(State::Down);
                trial.offer(altered, alteration, size, smallest);
            }
            failing.extend(up.into_iter().filter(|id| self.missing(*id, true) <= 0.0));
        }
        if is_suspected {
            let altered = Altered::default().with_states(failing, false);
            trial.offer(altered, Alteration::SuspicionEnds, 1.0, smallest);
        }
    }

    /// Of the samples in a row that take a target to another state, the share that is
    /// still missing.
    fn missing(&self, id: TargetId, to_fail: bool) -> f64 {
        let health: &Health = &self.health[id.index()];
        let Some(target) = self.targets.get(id) else {
            return 1.0;
        };
        let needed = if to_fail {
            target.probe.down_after
        } else {
            target.probe.up_after
        };
        let streak = health.streak();
        let streak = streak.filter(|streak| streak.failing.is_some() == to_fail);
        let length = streak.map_or(0, |streak| streak.length);
        f64::from(needed.saturating_sub(length)) / f64::from(needed)
    }

    /// Overrides of `pool` that end.
    fn try_overrides(&self, pool: u16, trial: &Trial<'_>, smallest: &mut Smallest) {
        if self.overrides.is_empty() {
            return;
        }
        let mut services = self.plan.services.iter();
        // Overrides concern all services of a pool alike.
        let Some((service, _)) = services.find(|(_, of)| *of == pool) else {
            return;
        };
        let groups = &self.plan.groups;
        for (number, entry) in self.overrides.iter().enumerate() {
            if !entry.what.concerns(service, groups) {
                continue;
            }
            let others = self.overrides.iter().enumerate();
            let others = others.filter(|(other, _)| *other != number);
            let others = Overrides::new(others.map(|(_, entry)| entry.clone()).collect());
            let picked = trial.picked_if_said(others.of(service, groups));
            if picked != trial.picked() {
                let entry = Box::new(entry.clone());
                smallest.offer(Alteration::OverrideEnds { entry }, 1.0, picked);
            }
        }
    }
}

#[cfg(test)]
mod tests;
