//! How much a service's candidates can take.
//!
//! ```toml
//! [[service.server]]
//! capacity = 150000            # in one unit for all servers of the service, or for none;
//!                              # of hand-overs each may have one, or takes what comes
//! [service.capacity]           # all of it may be left out
//! fill_percent = 80            # 80 by default, 1 to 100: the rest goes to the next
//! report_age_s = 120           # 120 by default, 0 to 3600: how old a report of load may be
//! ```

use std::time::Duration;

use super::server::Taken;
use crate::{
    config::section::{Document, Entry, Section},
    measurement::metric::Metric,
    model::{Capacity, Policy, PoolProbe, Probe, Quantity, Smoothing},
};

const FILL_PERCENT: u8 = 80;
const REPORT_AGE_S: u64 = 120;

/// A resolver keeps an answer for its TTL: in twice that time all have seen a new one.
const SEEN_TTLS: u64 = 2;
/// So many times the inverse of a mean's weight, and a twentieth is left of what was.
const FORGOTTEN: u32 = 3;

const VALID: &str = "a number above 0, in one unit for all";

/// A candidate's capacity and where it is said.
pub(super) struct Said {
    capacity: Quantity,
    line: usize,
    path: String,
}

/// That of the candidate in `table`.
pub(super) fn of_candidate(table: &mut Section, document: &mut Document) -> Option<Said> {
    let entry = table.optional("capacity", document)?;
    let capacity = entry.quantity(document)?;
    if capacity <= Quantity::default() {
        return entry.reject(format!("is 0; valid: {VALID}"), document);
    }
    let Entry { line, path, .. } = entry;
    Some(Said {
        capacity,
        line,
        path,
    })
}

/// What else of the service matters.
pub(super) struct Context<'a> {
    /// How many of the candidates are servers, the first.
    pub(super) servers: usize,
    /// Empty where there is something wrong with one.
    pub(super) probes: &'a [PoolProbe],
    pub(super) policy: Option<&'a Policy>,
    pub(super) ttl_s: u32,
}

/// The capacities of the candidates that are `taken`, if they have any.
pub(super) fn read(
    service: &mut Section,
    taken: &Taken,
    context: &Context,
    document: &mut Document,
) -> Option<Capacity> {
    let entry = service.optional("capacity", document);
    let place = entry.as_ref().map(|entry| (entry.line, entry.path.clone()));
    let section = entry.and_then(|entry| entry.section("a [service.capacity] table", document));
    let rules = section.map(|section| rules(section, document));
    let (fill_percent, report_age_s) = rules.unwrap_or((FILL_PERCENT, REPORT_AGE_S));
    let all = taken.capacities();
    let Some(first) = all.iter().flatten().next() else {
        if let Some((line, path)) = place {
            let message =
                "says nothing without `capacity` of the servers; valid: with one for each";
            document.report(line, &path, message);
        }
        return None;
    };
    let names = taken.names();
    let servers = names.iter().zip(all).take(context.servers);
    let without = servers.filter(|(name, said)| said.is_none() && !name.is_empty());
    let without: Vec<_> = without.map(|(name, _)| *name).collect();
    if !without.is_empty() {
        let message = format!(
            "stands beside servers without one, {}; valid: one for each server, or none",
            without.join(", ")
        );
        document.report(first.line, &first.path, message);
    }
    if let Some(why) = context.policy.and_then(divides_otherwise) {
        let message = format!(
            "stands beside a policy that {why}; valid: failover, latency, best or criteria, \
             without load_percent"
        );
        document.report(first.line, &first.path, message);
    }
    let mut probes = context.probes.iter().map(|of| &of.probe);
    let reports = probes.find(|probe| probe.metrics().contains(&Metric::Load));
    if reports.is_none() && !context.probes.is_empty() {
        let message = "is known, but no probe measures load_percent; valid: one of the kind agent, \
                       or a command with that metric";
        document.report(first.line, &first.path, message);
    }
    let age = Duration::from_secs(report_age_s + SEEN_TTLS * u64::from(context.ttl_s));
    Some(Capacity {
        by_candidate: all
            .iter()
            .map(|said| Some(said.as_ref()?.capacity))
            .collect(),
        fill_percent,
        settle: age + reports.map_or(Duration::ZERO, remembers),
    })
}

fn rules(mut section: Section, document: &mut Document) -> (u8, u64) {
    let fill_percent = section
        .optional("fill_percent", document)
        .and_then(|entry| entry.integer(1..=100, document));
    let report_age_s = section
        .optional("report_age_s", document)
        .and_then(|entry| entry.integer(0..=3600, document));
    section.close("a [service.capacity] table", document);
    (
        fill_percent.unwrap_or(FILL_PERCENT),
        report_age_s.unwrap_or(REPORT_AGE_S),
    )
}

/// What `policy` does that leaves nothing to be filled.
fn divides_otherwise(policy: &Policy) -> Option<&'static str> {
    match policy {
        Policy::Weighted { .. } | Policy::Balance { .. } => Some("divides resolvers itself"),
        Policy::Threshold(_) => Some("moves resolvers by a level"),
        policy if policy.metrics().contains(&Metric::Load) => Some("compares load_percent"),
        _ => None,
    }
}

/// For how long the values of `probe` are still of what was before.
fn remembers(probe: &Probe) -> Duration {
    match probe.smoothing {
        Smoothing::Mean { weight_permille } => {
            probe.interval * (FORGOTTEN * 1000).div_ceil(weight_permille)
        }
        Smoothing::Percentile { window, .. } => window,
    }
}

#[cfg(test)]
mod tests;
