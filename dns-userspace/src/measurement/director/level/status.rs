//! What is agreed, in force, to come, and without effect.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::{Director, agreed};
use crate::{
    clock,
    measurement::metric::Metric,
    model::{Level, Party, Pool, Version},
};

/// An agreed level, and what is in force of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelStatus {
    /// What is agreed on.
    pub metric: Metric,
    /// Its versions, by number.
    pub versions: Vec<VersionStatus>,
}

/// One version of an agreed level. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionStatus {
    /// Its number.
    pub version: u32,
    /// In the metric's unit.
    pub value: f64,
    /// Who proposed it.
    pub proposed_by: Party,
    /// When.
    pub proposed_unix_ms: u64,
    /// When the customer accepted it; `None` where it has not.
    pub customer_accepted_unix_ms: Option<u64>,
    /// When the provider did.
    pub provider_accepted_unix_ms: Option<u64>,
    /// From when on it is to be in force.
    pub effective_unix_ms: u64,
    /// What has become of it.
    pub effect: Effect,
}

/// What becomes of a version of an agreed level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is in force.
    InForce,
    /// It will be, from its time on.
    ToCome,
    /// It has none, as these have not accepted it.
    NotAccepted(Vec<Party>),
    /// It has none, or none any more, as this version goes before it.
    Replaced(u32),
}

impl VersionStatus {
    fn new(version: &Version, level: &Level, unix_ms: u64) -> Self {
        let [customer, provider] = version.accepted;
        let effect = match version.since() {
            None => Effect::NotAccepted(version.refused_by().collect()),
            Some(since) => match level.in_force(since.max(unix_ms)) {
                Some(other) if other.number != version.number => Effect::Replaced(other.number),
                _ if since > unix_ms => Effect::ToCome,
                _ => Effect::InForce,
            },
        };
        Self {
            version: version.number,
            value: version.value.value(),
            proposed_by: version.proposed_by,
            proposed_unix_ms: version.proposed,
            customer_accepted_unix_ms: customer,
            provider_accepted_unix_ms: provider,
            effective_unix_ms: version.effective,
            effect,
        }
    }
}

impl VersionStatus {
    /// From when on it would be in force, milliseconds since 1970.
    pub fn since_unix_ms(&self) -> u64 {
        let accepted = self
            .customer_accepted_unix_ms
            .max(self.provider_accepted_unix_ms);
        self.effective_unix_ms.max(accepted.unwrap_or(0))
    }

    /// Its number, value and time, in words, where it is of `metric` and to come.
    pub fn to_come(&self, metric: Metric) -> String {
        format!(
            "version {}, {}, comes into force at {}",
            self.version,
            metric.quantity(self.value),
            clock::utc(self.since_unix_ms()),
        )
    }
}

impl LevelStatus {
    /// The version in force, if one is.
    pub fn in_force(&self) -> Option<&VersionStatus> {
        let mut versions = self.versions.iter();
        versions.find(|of| of.effect == Effect::InForce)
    }

    /// The version that is in force next, if one is.
    pub fn next(&self) -> Option<&VersionStatus> {
        let versions = self.versions.iter();
        let to_come = versions.filter(|of| of.effect == Effect::ToCome);
        to_come.min_by_key(|of| of.since_unix_ms())
    }

    /// Why none is in force, and what is to come, where none is.
    pub fn why_none(&self) -> String {
        let mut text = "no level is in force, so nobody is sent elsewhere by it".to_owned();
        if let Some(next) = self.next() {
            let _ = write!(text, "; {}", next.to_come(self.metric));
        }
        for of in self.without_effect() {
            let _ = write!(text, "; version {} is {}", of.version, of.effect);
        }
        text
    }

    /// Versions that have no effect and are not past.
    pub fn without_effect(&self) -> impl Iterator<Item = &VersionStatus> {
        let last = self.in_force().map_or(0, |of| of.version);
        let versions = self.versions.iter();
        versions.filter(move |of| {
            let is_idle = matches!(of.effect, Effect::NotAccepted(_) | Effect::Replaced(_));
            of.version > last && is_idle
        })
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce => f.write_str("in force"),
            Self::ToCome => f.write_str("to come"),
            Self::NotAccepted(parties) => {
                let parties: Vec<_> = parties.iter().map(|party| party.name()).collect();
                write!(f, "not accepted by the {}", parties.join(" and the "))
            }
            Self::Replaced(other) => write!(f, "replaced by version {other}"),
        }
    }
}

impl Director {
    /// The agreed level of `pool`; `None` where it has none.
    pub(in super::super) fn level_status(&self, pool: &Pool) -> Option<LevelStatus> {
        let (metric, level) = agreed(pool)?;
        let unix_ms = self.time_of_day.unix_ms;
        let versions = level.versions().iter();
        let versions = versions.map(|version| VersionStatus::new(version, level, unix_ms));
        Some(LevelStatus {
            metric,
            versions: versions.collect(),
        })
    }

    /// The agreed level of each service that has one, with the service's and the customer's
    /// name.
    pub fn levels(&self) -> impl Iterator<Item = (String, &str, LevelStatus)> {
        let services = self.plan.services.iter();
        services.filter_map(|(service, number)| {
            let status = self.level_status(&self.plan.pools[usize::from(*number)])?;
            let name = service.name.fmt_with_dot().to_string();
            Some((name, service.customer.as_str(), status))
        })
    }

    /// The level of pool `number` that is in force, and what is to come, in words; `None`
    /// where it has none.
    pub(in super::super) fn level_in_words(&self, number: u16) -> Option<(String, Option<String>)> {
        let pool = &self.plan.pools[usize::from(number)];
        let threshold = pool.policy.threshold()?;
        let metric = threshold.metric;
        let Some(status) = self.level_status(pool) else {
            let value = threshold.level.value(None)?;
            return Some((metric.quantity(value.value()), None));
        };
        let in_force = match status.in_force() {
            None => "none in force".to_owned(),
            Some(of) => format!("{} (version {})", metric.quantity(of.value), of.version),
        };
        let next = status.next().map(|next| next.to_come(metric));
        Some((in_force, next))
    }
}
