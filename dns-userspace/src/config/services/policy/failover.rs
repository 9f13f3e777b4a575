//! An order that is configured.

use std::collections::BTreeMap;

use super::followed;
use crate::{
    config::{
        section::{Document, Section},
        services::not_a_group,
    },
    model::{Groups, Policy},
};

pub(super) fn read(
    section: &mut Section,
    candidates: &[&str],
    groups: &Groups,
    document: &mut Document,
) -> Policy {
    let as_listed: Vec<u8> = (0..candidates.len()).map(|number| number as u8).collect();
    let order = section
        .optional("order", document)
        .and_then(|entry| super::order(&entry, candidates, document))
        .map_or(as_listed.clone(), |first| followed(first, &as_listed));
    let by_group = section
        .optional("groups", document)
        .and_then(|entry| entry.section("a [service.policy.groups] table", document))
        .map_or_else(Vec::new, |section| section.entries(document));
    let mut orders = BTreeMap::new();
    for (group, entry) in by_group {
        if groups.number(group).is_none() {
            document.report(entry.line, &entry.path, not_a_group(group, groups));
        }
        if let Some(first) = super::order(&entry, candidates, document) {
            orders.insert(group.to_owned(), followed(first, &order));
        }
    }
    Policy::Failover {
        order,
        by_group: orders,
    }
}
