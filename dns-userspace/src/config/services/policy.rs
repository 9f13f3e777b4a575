//! How a service's candidates are ranked.
//!
//! ```toml
//! [service.policy]
//! kind = "failover"
//! order = ["s1", "s2", "s3"]   # by default the servers, then the hand-overs
//! [service.policy.groups]      # resolver groups with an order of their own
//! isp-b = ["s2", "s1"]         # those not listed follow as in `order`
//!
//! kind = "weighted"            # each its part of resolvers
//! sticky = true                # the default; false draws for each query
//! [service.policy.weights]
//! s1 = 3                       # 0 to 1000; 0, nobody's part, for those not listed
//! s2 = 1
//!
//! kind = "latency"             # the quickest
//! tolerance_ms = 5             # 5 by default, 0 to 60000
//! metric = "round_trip_ms"     # by default the first that the probes measure of
//!                              # response_time_ms, connect_time_ms, round_trip_ms
//!
//! kind = "least-load"          # the least traffic for its capacity
//! tolerance_percent = 5        # 5 by default, 0 to 100
//! metric = "load_percent"      # the default; any that is in percent
//! step_percent = 10            # of resolvers at most in one step, 1 to 99: they are divided;
//!                              # 100, the default: all have the one with the least
//! step_s = 20                  # from one step to the next at least, the ttl_s by default
//!
//! kind = "best"                # quick and not loaded; see `model::Policy::Best`
//! tolerance_permille = 50      # 50 by default, 0 to 1000
//! [service.policy.weights]     # these by default, with any time that is measured
//! response_time_ms = 1
//! load_percent = 1
//!
//! kind = "criteria"            # within the tolerance of one the next decides
//! [[service.policy.criterion]]
//! metric = "load_percent"
//! tolerance = 10               # in the metric's unit, 0 by default
//! [[service.policy.criterion]]
//! metric = "cost"
//!
//! kind = "threshold"           # some while they are better than a level, else others
//! metric = "response_time_ms"
//! level = 250                  # from here on it is too bad; or versions, see the module level
//! return_band = 0              # the default: comes back when better than the level
//! hold_s = 40                  # twice the service's ttl_s by default
//! origins = ["s1"]             # first choice first
//! over = ["s2"]                # all others by default, servers first
//! step_percent = 25            # of resolvers at most in one step, 25 by default, 1 to 100
//! step_s = 20                  # from one step to the next at least, the ttl_s by default
//! ```

mod failover;
mod level;
mod steps;
mod threshold;
mod weighted;

use std::collections::BTreeSet;

use crate::{
    config::section::{Document, Entry, Section},
    measurement::metric::Metric,
    model::{Criterion, Groups, Policy, PoolProbe, Quantity, Steps},
};

/// Difference of times that does not matter where a latency policy sets none.
const TOLERANCE_MS: u32 = 5;
/// The same of loads.
const TOLERANCE_PERCENT: u32 = 5;
/// The same of sums, in thousandths.
const TOLERANCE_PERMILLE: u32 = 50;
/// Resolvers that one step may move where there are no steps, percent.
const ALL_PERCENT: u32 = 100;
/// Criteria of one policy: there are no more metrics.
const CRITERIA_MAX: usize = Metric::ALL.len();

#[derive(Clone, Copy)]
enum Kind {
    Failover,
    Weighted,
    Latency,
    LeastLoad,
    Best,
    Criteria,
    Threshold,
}

const KINDS: [(&str, Kind); 7] = [
    ("failover", Kind::Failover),
    ("weighted", Kind::Weighted),
    ("latency", Kind::Latency),
    ("least-load", Kind::LeastLoad),
    ("best", Kind::Best),
    ("criteria", Kind::Criteria),
    ("threshold", Kind::Threshold),
];

const VALID: &str = "a [service.policy] table with kind = \"failover\", \"weighted\", \
                     \"latency\", \"least-load\", \"best\", \"criteria\" or \"threshold\"";

/// What a policy refers to.
pub(super) struct Context<'a> {
    /// Names by candidate number.
    pub(super) candidates: &'a [&'a str],
    pub(super) groups: &'a Groups,
    /// Empty where there is something wrong with one.
    pub(super) probes: &'a [PoolProbe],
    pub(super) ttl_s: u32,
}

impl Context<'_> {
    /// Whether something measures `metric` for all groups, as far as that is known.
    fn has(&self, metric: Metric) -> bool {
        let mut probes = self.probes.iter().filter(|of| of.probe.groups.is_empty());
        matches!(metric, Metric::Availability | Metric::Cost)
            || self.probes.is_empty()
            || probes.any(|of| of.probe.metrics().contains(&metric))
    }

    /// The first time that something measures.
    fn time(&self) -> Option<Metric> {
        Metric::TIMES.into_iter().find(|metric| self.has(*metric))
    }

    /// Everything that something measures, for a reader.
    fn measured(&self) -> String {
        let names = Metric::ALL.into_iter();
        let names = names.filter(|(_, metric)| self.has(*metric));
        names.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
    }
}

/// The policy of a service.
pub(super) fn read(
    service: &mut Section,
    context: &Context,
    document: &mut Document,
) -> Option<Policy> {
    let mut section = service
        .required("policy", VALID, document)?
        .section(VALID, document)?;
    let valid = KINDS.map(|(word, _)| word).join(", ");
    let kind = section
        .required("kind", &valid, document)?
        .choice(&KINDS, document)?;
    let least = |metric: Option<Metric>, tolerance| Some(Policy::least(metric?, tolerance));
    let (policy, what) = match kind {
        Kind::Failover => {
            let policy = failover::read(&mut section, context.candidates, context.groups, document);
            (Some(policy), "a failover policy")
        }
        Kind::Weighted => {
            let policy = weighted::read(&mut section, context.candidates, document);
            (policy, "a weighted policy")
        }
        Kind::Latency => {
            let tolerance = tolerance(&mut section, "tolerance_ms", TOLERANCE_MS, 60_000, document);
            let metric = metric(&mut section, context, context.time(), document);
            (least(metric, tolerance), "a latency policy")
        }
        Kind::LeastLoad => {
            let key = "tolerance_percent";
            let tolerance = tolerance(&mut section, key, TOLERANCE_PERCENT, 100, document);
            let metric = metric(&mut section, context, Some(Metric::Load), document);
            let steps = steps::read(&mut section, context, ALL_PERCENT, document);
            let policy = least_load(metric, tolerance, steps, &section, document);
            (policy, "a least-load policy")
        }
        Kind::Best => (best(&mut section, context, document), "a best policy"),
        Kind::Criteria => {
            let criteria = criteria(&mut section, context, document);
            (criteria.map(Policy::Criteria), "a criteria policy")
        }
        Kind::Threshold => {
            let threshold = threshold::read(&mut section, context, document);
            (threshold.map(Policy::Threshold), "a threshold policy")
        }
    };
    section.close(what, document);
    policy
}

/// All at once, or parts where there are `steps`.
fn least_load(
    metric: Option<Metric>,
    tolerance: Quantity,
    steps: Steps,
    section: &Section,
    document: &mut Document,
) -> Option<Policy> {
    let metric = metric?;
    if steps.percent == ALL_PERCENT {
        return Some(Policy::least(metric, tolerance));
    }
    if !Metric::LOADS.contains(&metric) {
        let loads = Metric::LOADS.map(Metric::name).join(", ");
        let message = format!(
            "divides resolvers by a load, which {metric} is not; valid: metric = {loads}, or 100"
        );
        document.report(
            section.line,
            &format!("{}.step_percent", section.path),
            message,
        );
        return None;
    }
    Some(Policy::Balance {
        metric,
        tolerance,
        steps,
    })
}

fn tolerance(
    section: &mut Section,
    key: &'static str,
    default: u32,
    most: u32,
    document: &mut Document,
) -> Quantity {
    let set = section.optional(key, document);
    let set = set.and_then(|entry| entry.integer(0..=most, document));
    Quantity(1000 * i64::from(set.unwrap_or(default)))
}

/// The metric that the key `metric` names, or else `default`.
fn metric(
    section: &mut Section,
    context: &Context,
    default: Option<Metric>,
    document: &mut Document,
) -> Option<Metric> {
    if let Some(entry) = section.optional("metric", document) {
        return named(&entry, context, document);
    }
    let default = default.filter(|metric| context.has(*metric));
    if default.is_none() {
        let key = format!("{}.metric", section.path);
        let message = format!(
            "is missing, and no probe of the service measures what it would be; valid: {}",
            context.measured()
        );
        document.report(section.line, &key, message);
    }
    default
}

/// The metric that a value names.
fn named(entry: &Entry, context: &Context, document: &mut Document) -> Option<Metric> {
    let metric = entry.choice(&Metric::ALL, document)?;
    if context.has(metric) {
        return Some(metric);
    }
    let of_some = context
        .probes
        .iter()
        .any(|of| of.probe.metrics().contains(&metric));
    let for_all = if of_some { " without `groups`" } else { "" };
    let message = format!(
        "{metric} is measured by no probe of the service{for_all}; valid: {}",
        context.measured()
    );
    entry.reject(message, document)
}

fn best(section: &mut Section, context: &Context, document: &mut Document) -> Option<Policy> {
    const VALID: &str = "a table of metrics with weights from 1 to 1000";
    let set = section.optional("tolerance_permille", document);
    let set = set.and_then(|entry| entry.integer(0..=1000, document));
    let tolerance_permille = set.unwrap_or(TOLERANCE_PERMILLE);
    let weights = section.optional("weights", document);
    let Some(weights) = weights else {
        let time = context.time();
        let defaults = [time, Some(Metric::Load).filter(|load| context.has(*load))];
        let [Some(time), Some(load)] = defaults else {
            let message = format!(
                "is missing, and no probes of the service measure a time and load_percent; \
                 valid: {VALID} out of {}",
                context.measured()
            );
            document.report(section.line, &format!("{}.weights", section.path), message);
            return None;
        };
        return Some(Policy::Best {
            weights: vec![(time, 1), (load, 1)],
            tolerance_permille,
        });
    };
    let (line, path) = (weights.line, weights.path.clone());
    let entries = weights.section(VALID, document)?.entries(document);
    if entries.is_empty() {
        document.report(line, &path, format!("is empty; valid: {VALID}"));
        return None;
    }
    let mut weights = Vec::new();
    for (name, entry) in entries {
        let known = Metric::ALL.into_iter().find(|(known, _)| *known == name);
        let Some((_, metric)) = known.filter(|(_, metric)| context.has(*metric)) else {
            let message = format!("is not measured; valid: {}", context.measured());
            document.report(entry.line, &entry.path, message);
            continue;
        };
        if let Some(weight) = entry.integer(1..=1000, document) {
            weights.push((metric, weight));
        }
    }
    (!weights.is_empty()).then_some(Policy::Best {
        weights,
        tolerance_permille,
    })
}

fn criteria(
    section: &mut Section,
    context: &Context,
    document: &mut Document,
) -> Option<Vec<Criterion>> {
    let valid = format!("1 to {CRITERIA_MAX} [[service.policy.criterion]] tables");
    let entry = section.required("criterion", &valid, document)?;
    let (line, path) = (entry.line, entry.path.clone());
    let entries = entry.tables(&valid, document)?;
    if entries.is_empty() || entries.len() > CRITERIA_MAX {
        let message = format!("has {} of them; valid: {valid}", entries.len());
        document.report(line, &path, message);
    }
    let mut criteria = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, mut entry) in (1..).zip(entries) {
        entry.path = format!("{path}.#{number}");
        let Some(mut section) = entry.section("a [[service.policy.criterion]] table", document)
        else {
            continue;
        };
        let metric = section
            .required("metric", &context.measured(), document)
            .and_then(|entry| {
                let metric = named(&entry, context, document)?;
                if seen.insert(metric) {
                    return Some(metric);
                }
                entry.reject(
                    format!("{metric} is in a criterion before; valid: another"),
                    document,
                )
            });
        let tolerance = section
            .optional("tolerance", document)
            .and_then(|entry| entry.quantity(document))
            .unwrap_or_default();
        section.close("a criterion", document);
        criteria.extend(metric.map(|metric| Criterion { metric, tolerance }));
    }
    (!criteria.is_empty()).then_some(criteria)
}

/// The candidate numbers that an array of `names` has.
fn order(entry: &Entry, names: &[&str], document: &mut Document) -> Option<Vec<u8>> {
    let valid = format!(
        "an array of different candidates out of {}",
        names.join(", ")
    );
    let elements = entry.array(&valid, document)?;
    if elements.is_empty() {
        return entry.reject(format!("is empty; valid: {valid}"), document);
    }
    let mut order = Vec::new();
    for element in elements {
        let Some(name) = element.string(&valid, document) else {
            continue;
        };
        let position = names
            .iter()
            .position(|known| !name.is_empty() && known.eq_ignore_ascii_case(name));
        let shown = name.escape_debug();
        let fault = match position {
            None => format!("`{shown}` is not a candidate of this service; valid: {valid}"),
            Some(number) if order.contains(&(number as u8)) => {
                format!("`{shown}` is listed twice; valid: {valid}")
            }
            Some(number) => {
                order.push(number as u8);
                continue;
            }
        };
        document.report(element.line, &element.path, fault);
    }
    Some(order)
}

/// `first`, then whatever of `rest` is not in it.
fn followed(mut first: Vec<u8>, rest: &[u8]) -> Vec<u8> {
    let others: Vec<u8> = rest
        .iter()
        .copied()
        .filter(|number| !first.contains(number))
        .collect();
    first.extend(others);
    first
}

#[cfg(test)]
mod tests;
