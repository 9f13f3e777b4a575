//! What a decision comes from.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::super::{Director, explain::candidate_name, states};
use crate::{
    measurement::{
        health::{Reading, State},
        metric::Metric,
        overrides::{Override, Overrides},
        schedule::TargetId,
    },
    model::{Policy, Unknown},
};

/// What changed a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// The daemon began.
    Start,
    /// The configuration was read anew.
    Configuration,
    /// An address went up or down.
    State {
        /// The candidate it is of.
        server: String,
        /// The address.
        address: IpAddr,
        /// What it is since.
        to: State,
        /// Why it failed; `None` where it passes.
        reason: Option<String>,
    },
    /// Values that the policy compares.
    Values {
        /// Those that were others when the order was made before.
        values: Vec<Value>,
    },
    /// Time alone: a hold was over.
    Time,
    /// Time alone: who returned takes more of what is theirs.
    SlowStart,
    /// Groups ask for other parts of all that is asked.
    Demand,
    /// An operator's word, or a rule's.
    Override {
        /// What is said since.
        begun: Vec<Override>,
        /// What no longer is.
        ended: Vec<Override>,
    },
    /// This host was suspected, and is no longer.
    SuspicionEnds,
    /// Another version of an agreed level is in force.
    Level {
        /// Whose level it is.
        customers: Vec<String>,
        /// Which version; `None` where none is in force any more.
        version: Option<u32>,
        /// What is agreed on.
        metric: Metric,
        /// The value, in the metric's unit; `None` without a version.
        value: Option<f64>,
    },
}

/// What is known of one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The candidate's name.
    pub server: String,
    /// What is measured.
    pub metric: Metric,
    /// In the metric's unit; `None` where it is unknown.
    pub value: Option<f64>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("veerd began"),
            Self::Configuration => f.write_str("the configuration was read anew"),
            Self::State {
                server,
                address,
                to,
                reason,
            } => {
                write!(f, "{server} is {} ({address}", states::word(*to))?;
                reason
                    .iter()
                    .try_for_each(|reason| write!(f, ": {reason}"))?;
                f.write_str(")")
            }
            Self::Values { values } => {
                for (
                    number,
                    Value {
                        server,
                        metric,
                        value,
                    },
                ) in values.iter().enumerate()
                {
                    let comma = if number == 0 { "" } else { ", " };
                    write!(f, "{comma}{metric} of {server} is ")?;
                    match value {
                        Some(value) => write!(f, "{value}")?,
                        None => f.write_str("unknown")?,
                    }
                }
                Ok(())
            }
            Self::Time => f.write_str("a hold is over"),
            Self::SlowStart => f.write_str("who returned takes more"),
            Self::Demand => f.write_str("the demand of groups is another"),
            Self::Override { begun, ended } => {
                let begun = begun.iter().map(|entry| ("override", entry));
                let all = begun.chain(ended.iter().map(|entry| ("override ended", entry)));
                for (number, (word, entry)) in all.enumerate() {
                    let comma = if number == 0 { "" } else { ", " };
                    write!(f, "{comma}{word}: {}", entry.what)?;
                }
                Ok(())
            }
            Self::SuspicionEnds => f.write_str("this host is no longer suspected"),
            Self::Level {
                customers,
                version,
                metric,
                value,
            } => {
                let customers = customers.join(", ");
                match version {
                    Some(version) => {
                        write!(f, "level {version} of customer {customers} is in force")?;
                    }
                    None => write!(f, "no level of customer {customers} is in force")?,
                }
                value.map_or(Ok(()), |value| write!(f, ": {}", metric.quantity(value)))
            }
        }
    }
}

impl Director {
    /// That target `id` is what it is now, in the words of `pool`.
    pub(super) fn cause_of_state(&self, id: TargetId, pool: u16) -> Cause {
        let mut uses = self.uses[id.index()].iter();
        let of = uses.find(|of| of.pool == pool).map(|of| of.candidate);
        let configured = &self.plan.pools[usize::from(pool)];
        let health = &self.health[id.index()];
        let target = self.targets.get(id);
        match (of, target) {
            (Some(candidate), Some(target)) => Cause::State {
                server: candidate_name(configured, candidate).to_owned(),
                address: target.address,
                to: health.state(),
                reason: (health.state() == State::Down)
                    .then(|| health.last_reason().map(ToString::to_string))
                    .flatten(),
            },
            _ => Cause::Time,
        }
    }

    /// The values that are others than when the candidates of `pool` were ranked for `group`
    /// before.
    pub(super) fn cause_of_order(&self, pool: u16, group: u16, now: Instant) -> Cause {
        let state = &self.pools[usize::from(pool)];
        let value =
            |(candidate, metric): &(u8, Metric)| self.value(pool, group, *candidate, *metric, now);
        let values: Vec<Value> = state.news(group).iter().map(value).collect();
        if values.is_empty() {
            Cause::Time
        } else {
            Cause::Values { values }
        }
    }

    /// What the sample of target `id` says that those who take slots of `pool` follow.
    pub(super) fn cause_of_shares(&self, id: TargetId, pool: u16, now: Instant) -> Cause {
        let mut uses = self.uses[id.index()].iter();
        let of = uses.find(|of| of.pool == pool).map(|of| of.candidate);
        let configured = &self.plan.pools[usize::from(pool)];
        let followed = match &configured.policy {
            // Steps are made with every sample, whoever's side they follow.
            Policy::Threshold(threshold) => {
                let origins = &threshold.origins;
                let origin = of.filter(|candidate| origins.contains(candidate));
                let origin = origin.or_else(|| origins.first().copied());
                origin.map(|origin| (origin, threshold.metric))
            }
            Policy::Balance { metric, .. } => of.map(|candidate| (candidate, *metric)),
            _ if configured.capacity.is_some() => of.map(|candidate| (candidate, Metric::Load)),
            _ => None,
        };
        followed.map_or(Cause::SlowStart, |(candidate, metric)| Cause::Values {
            values: vec![self.value(pool, 0, candidate, metric, now)],
        })
    }

    /// What is known for `group` of `candidate` of `pool`.
    fn value(&self, pool: u16, group: u16, candidate: u8, metric: Metric, now: Instant) -> Value {
        let state = &self.pools[usize::from(pool)];
        let configured = &self.plan.pools[usize::from(pool)];
        let outlook = state.outlook(group);
        let of = state.readings(configured, outlook, metric, &self.health, now);
        Value {
            server: candidate_name(configured, candidate).to_owned(),
            metric,
            value: match of.0[usize::from(candidate)] {
                Reading::Fresh(value) => Some(states::rounded(value)),
                Reading::Stale(value) if configured.unknown == Unknown::Last => {
                    Some(states::rounded(value))
                }
                Reading::Stale(_) | Reading::Never => None,
            },
        }
    }
}

impl Cause {
    /// That operators say `now` what they did not `before`.
    pub fn of_overrides(before: &Overrides, now: &Overrides) -> Self {
        let only = |these: &Overrides, those: &Overrides| {
            let those: Vec<&Override> = those.iter().collect();
            let these = these.iter().filter(|entry| !those.contains(entry));
            these.cloned().collect()
        };
        Self::Override {
            begun: only(now, before),
            ended: only(before, now),
        }
    }
}
