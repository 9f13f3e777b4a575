//! Groups with measurements of their own: what they see, and the order that follows.

use std::collections::BTreeMap;

use dns_common::decision::Ranking;

use crate::{
    measurement::{metric::Metric, rank::Memory},
    model::{Groups, Pool},
};

/// Groups that the same probes measure for, so that they have one order.
#[derive(Clone, Debug)]
pub(super) struct Outlook {
    /// Their numbers, in order.
    pub(super) groups: Vec<u16>,
    /// The name of one of them.
    pub(super) name: String,
    /// Numbers of the pool's probes that measure for them what the policy compares.
    pub(super) probes: Vec<usize>,
    pub(super) ranking: Ranking,
    /// What that follows from, besides measurements.
    pub(super) memory: Memory,
}

/// What groups see of `pool` that have measurements of their own, of something that its
/// policy compares.
pub(super) fn outlooks(pool: &Pool, groups: &Groups) -> Vec<Outlook> {
    let compared = pool.policy.metrics();
    let mut probes_of: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (number, of) in pool.probes.iter().enumerate() {
        let mut metrics = of.probe.metrics().iter();
        if metrics.any(|metric| compared.contains(metric)) {
            for group in of
                .probe
                .groups
                .iter()
                .filter_map(|name| groups.number(name))
            {
                probes_of.entry(group).or_default().push(number);
            }
        }
    }
    let mut by_probes: BTreeMap<Vec<usize>, Vec<u16>> = BTreeMap::new();
    for (group, probes) in probes_of {
        by_probes.entry(probes).or_default().push(group);
    }
    let outlooks = by_probes.into_iter().map(|(probes, numbers)| Outlook {
        name: groups.names[usize::from(numbers[0])].clone(),
        groups: numbers,
        probes,
        ranking: Ranking::EMPTY,
        memory: Memory::default(),
    });
    outlooks.collect()
}

impl Outlook {
    /// The probe by which these groups have values of `metric` of their own.
    pub(super) fn probe_of(&self, pool: &Pool, metric: Metric) -> Option<usize> {
        let gives = |number: &usize| pool.probes[*number].probe.metrics().contains(&metric);
        self.probes.iter().copied().find(gives)
    }

    /// The one among those of an equal pool that the same probes are behind; its groups
    /// may have other numbers there.
    pub(super) fn known<'o>(&self, others: &'o [Self]) -> Option<&'o Self> {
        others.iter().find(|other| other.probes == self.probes)
    }
}
