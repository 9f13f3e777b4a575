//! How a service's candidates are ranked.
//!
//! ```toml
//! [service.policy]
//! kind = "failover"
//! order = ["s1", "s2", "s3"]   # the order of the servers by default
//! [service.policy.groups]      # resolver groups with an order of their own
//! isp-b = ["s2", "s1"]         # those not listed follow as in `order`
//!
//! [service.policy]
//! kind = "latency"
//! tolerance_ms = 5             # 5 by default, 0 to 60000
//! ```

use std::{collections::BTreeMap, time::Duration};

use super::server::Placed;
use crate::{
    config::{
        diagnostic::nearest,
        section::{Document, Entry, Section},
    },
    model::{Groups, Policy},
};

/// Difference that does not matter where a latency policy sets none.
const TOLERANCE_MS: u64 = 5;

#[derive(Clone, Copy)]
enum Kind {
    Failover,
    Latency,
}

const KINDS: [(&str, Kind); 2] = [("failover", Kind::Failover), ("latency", Kind::Latency)];

const VALID: &str = "a [service.policy] table with kind = \"failover\" or \"latency\"";

/// The policy of a service with these servers.
pub(super) fn read(
    service: &mut Section,
    servers: &[Placed],
    groups: &Groups,
    document: &mut Document,
) -> Option<Policy> {
    let mut section = service
        .required("policy", VALID, document)?
        .section(VALID, document)?;
    let kind = section
        .required("kind", "failover, latency", document)?
        .choice(&KINDS, document)?;
    Some(match kind {
        Kind::Failover => {
            let policy = failover(&mut section, servers, groups, document);
            section.close("a failover policy", document);
            policy
        }
        Kind::Latency => {
            let tolerance_ms = section
                .optional("tolerance_ms", document)
                .and_then(|entry| entry.integer(0..=60_000, document))
                .unwrap_or(TOLERANCE_MS);
            section.close("a latency policy", document);
            Policy::Latency {
                tolerance: Duration::from_millis(tolerance_ms),
            }
        }
    })
}

fn failover(
    section: &mut Section,
    servers: &[Placed],
    groups: &Groups,
    document: &mut Document,
) -> Policy {
    let as_listed: Vec<u8> = (0..servers.len()).map(|number| number as u8).collect();
    let order = section
        .optional("order", document)
        .and_then(|entry| order(&entry, servers, document))
        .map_or(as_listed.clone(), |first| followed(first, &as_listed));
    let by_group = section
        .optional("groups", document)
        .and_then(|entry| entry.section("a [service.policy.groups] table", document))
        .map_or_else(Vec::new, |section| section.entries(document));
    let mut orders = BTreeMap::new();
    for (group, entry) in by_group {
        if groups.number(group).is_none() {
            let known = groups.names.iter().map(String::as_str);
            let message = format!(
                "is not a resolver group; nearest: {}; valid: a group in the file of groups",
                nearest(group, known)
            );
            document.report(entry.line, &entry.path, message);
        }
        if let Some(first) = self::order(&entry, servers, document) {
            orders.insert(group.to_owned(), followed(first, &order));
        }
    }
    Policy::Failover {
        order,
        by_group: orders,
    }
}

/// The candidate numbers of the servers that an array names.
fn order(entry: &Entry, servers: &[Placed], document: &mut Document) -> Option<Vec<u8>> {
    let names: Vec<_> = servers
        .iter()
        .map(|placed| placed.server.name.as_str())
        .collect();
    let valid = format!("an array of different servers out of {}", names.join(", "));
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
            None => format!("`{shown}` is not a server of this service; valid: {valid}"),
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
