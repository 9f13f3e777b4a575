//! Candidates that hand the resolver over to another DNS.
//!
//! ```toml
//! [[service.hand_over]]
//! name = "fast"
//! cname = "www.example.com.cdn.example.net."
//! cost = 1.5                         # as a server's
//! capacity = 150000                  # as a server's, where those have one
//! probe_addresses = ["192.0.2.80"]   # up to 16; without any it counts as fit
//!
//! [[service.hand_over]]
//! name = "wide"
//! ns = [{ name = "ns1.cdn.example.org.", addresses = ["192.0.2.53"] }]   # 1 to 8
//!
//! [[service.hand_over]]              # in a service with none of the others
//! name = "flat"
//! addresses_of = "www.example.com.cdn.example.net."
//! resolvers = ["192.0.2.53", "[2001:db8::53]:5353"]   # up to 4; by default the host's own
//! ```

mod flattening;

use std::net::IpAddr;

use dns_common::decision::CANDIDATES_MAX;
use domain::base::name::Label;

use super::server::{Table, Taken, address};
use crate::{
    config::section::{Document, Entry, Section},
    model::{HandOver, Name, NameServer, Way},
};

/// Addresses of another DNS that are measured.
const PROBED_MAX: usize = 16;

const NAME_SERVERS_MAX: usize = 8;
/// Addresses of one of them.
const ADDRESSES_MAX: usize = 8;

/// Every hand-over of the service called `of`, behind its `servers` in number. One
/// with a mistake in how it hands over is left out.
pub(super) fn read(
    service: &mut Section,
    of: Option<&Name>,
    servers: usize,
    taken: &mut Taken,
    document: &mut Document,
) -> Vec<HandOver> {
    let Some(entry) = service.optional("hand_over", document) else {
        return Vec::new();
    };
    let entry_path = entry.path.clone();
    let entries = entry.array("[[service.hand_over]] tables", document);
    let entries = entries.unwrap_or_default();
    let count = entries.len();
    if count + servers > CANDIDATES_MAX {
        let message = format!(
            "has {count} hand-overs beside {servers} servers; valid: {CANDIDATES_MAX} at most together"
        );
        document.report(entry.line, &entry.path, message);
    }
    let numbered = (1..).zip(entries);
    let read = numbered.filter_map(|(number, entry)| {
        let line = entry.line;
        Some((line, hand_over(number, entry, of, taken, document)?))
    });
    let read: Vec<_> = read.collect();
    require_one_sort(&read, &entry_path, document);
    read.into_iter().map(|(_, over)| over).collect()
}

/// Reports hand-overs by address beside others: with these the service has an answer for
/// every type, with those the zone has.
fn require_one_sort(overs: &[(usize, HandOver)], path: &str, document: &mut Document) {
    let is_flattened = |(_, over): &&(usize, HandOver)| over.flattening().is_some();
    let other = overs.iter().find(|over| !is_flattened(over));
    if let (Some((line, over)), Some((_, other))) = (overs.iter().find(is_flattened), other) {
        let message = format!(
            "{} is one by addresses_of, and {} is not; valid: all hand-overs of a service by \
             addresses_of, or none",
            over.name, other.name
        );
        document.report(*line, path, message);
    }
}

/// The `number`th hand-over, from 1.
fn hand_over(
    number: usize,
    entry: Entry,
    of: Option<&Name>,
    taken: &mut Taken,
    document: &mut Document,
) -> Option<HandOver> {
    let table = Table::open(number, entry, "a [[service.hand_over]] table", document)?;
    let Table {
        mut section,
        name,
        line,
    } = table;
    let name = taken.name(name, line, &section.path, document);
    let cname = section.optional("cname", document);
    let ns = section.optional("ns", document);
    let addresses_of = section.optional("addresses_of", document);
    let resolvers = section.optional("resolvers", document);
    if let (Some(resolvers), None) = (&resolvers, &addresses_of) {
        let message = "stands without addresses_of, and nothing else is resolved here; valid: \
                       beside addresses_of";
        document.report(resolvers.line, &resolvers.path, message);
    }
    let to = match (&cname, &ns, &addresses_of) {
        (Some(_), Some(other), _) | (Some(_), _, Some(other)) => other.reject(
            "stands beside cname; valid: one of the two, each with a hand-over of its own",
            document,
        ),
        (_, Some(_), Some(other)) => other.reject(
            "stands beside ns; valid: one of the two, each with a hand-over of its own",
            document,
        ),
        (Some(cname), None, None) => target(cname, of, document).map(Way::Cname),
        (None, Some(ns), None) => name_servers(ns, of, document).map(Way::Ns),
        (None, None, Some(name)) => {
            flattening::read(name, resolvers.as_ref(), document).map(Way::Flattened)
        }
        (None, None, None) => {
            let message = format!(
                "is missing, and so are ns and addresses_of; valid: {VALID_TARGET}, or {VALID_NS}, \
                 or addresses_of = {}",
                flattening::VALID_NAME
            );
            document.report(section.line, &format!("{}.cname", section.path), message);
            None
        }
    };
    let probe_addresses = section
        .optional("probe_addresses", document)
        .map_or_else(Vec::new, |entry| probed(&entry, taken, document));
    let cost = section
        .optional("cost", document)
        .and_then(|entry| entry.quantity(document))
        .unwrap_or_default();
    taken.capacity(&mut section, document);
    section.close("a hand-over", document);
    Some(HandOver {
        name,
        to: to?,
        probe_addresses,
        cost,
    })
}

const VALID_TARGET: &str =
    "the other DNS's name for the service, e.g. \"www.example.com.cdn.example.net.\"";

/// The name that a CNAME hands over to.
fn target(entry: &Entry, of: Option<&Name>, document: &mut Document) -> Option<Name> {
    let target = name(entry, VALID_TARGET, document)?;
    if of.is_some_and(|of| target.ends_with(of)) {
        let message = format!(
            "{} is at or below the service's own name, which is no other DNS's; valid: {VALID_TARGET}",
            target.fmt_with_dot()
        );
        return entry.reject(message, document);
    }
    Some(target)
}

/// An absolute name below the root, whose final dot may be left out.
fn name(entry: &Entry, valid: &str, document: &mut Document) -> Option<Name> {
    let text = entry.string(valid, document)?;
    let shown = text.escape_debug();
    let name = match Name::bytes_from_str(text) {
        Ok(name) => name,
        Err(error) => {
            let message = format!("`{shown}` is not a domain name ({error}); valid: {valid}");
            return entry.reject(message, document);
        }
    };
    if name.is_root() || name.iter().any(Label::is_wildcard) {
        let message = format!("`{shown}` is the root or a wildcard; valid: {valid}");
        return entry.reject(message, document);
    }
    Some(name)
}

const VALID_NS: &str = "ns = [{ name = \"ns1.cdn.example.net.\", addresses = [\"192.0.2.53\"] }] with 1 to 8 name servers";

/// The name servers that a referral hands over to.
fn name_servers(
    entry: &Entry,
    of: Option<&Name>,
    document: &mut Document,
) -> Option<Vec<NameServer>> {
    let entries = entry.array(VALID_NS, document)?;
    let count = entries.len();
    if count == 0 || count > NAME_SERVERS_MAX {
        return entry.reject(
            format!("has {count} name servers; valid: {VALID_NS}"),
            document,
        );
    }
    let mut servers: Vec<NameServer> = Vec::new();
    for (number, entry) in (1..).zip(entries) {
        let Some((line, path, server)) = name_server(number, entry, of, document) else {
            continue;
        };
        if servers.iter().any(|known| known.name == server.name) {
            let message = format!(
                "{} is listed twice; valid: each name server once, with all its addresses",
                server.name.fmt_with_dot()
            );
            document.report(line, &path, message);
            continue;
        }
        servers.push(server);
    }
    (servers.len() == count).then_some(servers)
}

const VALID_SERVER: &str = "the name of a name server, e.g. \"ns1.cdn.example.net.\"";
const VALID_GLUE: &str = "up to 8 IPv4 and IPv6 addresses of the name server";

/// The `number`th name server, from 1, with the line and key of its name.
fn name_server(
    number: usize,
    mut entry: Entry,
    of: Option<&Name>,
    document: &mut Document,
) -> Option<(usize, String, NameServer)> {
    entry.path = format!("{}.#{number}", entry.path);
    let mut section = entry.section(VALID_NS, document)?;
    let key = section.required("name", VALID_SERVER, document);
    let name = key
        .as_ref()
        .and_then(|entry| name(entry, VALID_SERVER, document));
    let glue = section.optional("addresses", document);
    let addresses = glue
        .as_ref()
        .map_or_else(Vec::new, |entry| glue_addresses(entry, document));
    // Nobody finds the addresses of such a server but by this referral.
    let own = name.as_ref().zip(of);
    if glue.is_none() && own.is_some_and(|(name, of)| name.ends_with(of)) {
        let message = format!(
            "is missing, and the name server is at or below the service's own name; valid: 1 {VALID_GLUE}"
        );
        document.report(
            section.line,
            &format!("{}.addresses", section.path),
            message,
        );
    }
    section.close("a name server", document);
    let (key, name) = (key?, name?);
    Some((key.line, key.path, NameServer { name, addresses }))
}

fn glue_addresses(entry: &Entry, document: &mut Document) -> Vec<IpAddr> {
    let elements = entry.array(VALID_GLUE, document).unwrap_or_default();
    let count = elements.len();
    if count == 0 || count > ADDRESSES_MAX {
        let message = format!("has {count} addresses; valid: 1 {VALID_GLUE}");
        document.report(entry.line, &entry.path, message);
    }
    let mut addresses = Vec::new();
    for element in elements {
        let Some(address) = address(&element, document) else {
            continue;
        };
        if addresses.contains(&address) {
            let message = format!("{address} is listed twice; valid: 1 {VALID_GLUE}");
            document.report(element.line, &element.path, message);
        } else {
            addresses.push(address);
        }
    }
    addresses
}

const VALID_PROBED: &str =
    "1 to 16 addresses of the other DNS's servers, probed as [service.probe] says";

/// The addresses that are measured in the stead of what it hands over to.
fn probed(entry: &Entry, taken: &mut Taken, document: &mut Document) -> Vec<IpAddr> {
    let elements = entry.array(VALID_PROBED, document).unwrap_or_default();
    let count = elements.len();
    if count == 0 || count > PROBED_MAX {
        let message = format!("has {count} addresses; valid: {VALID_PROBED}");
        document.report(entry.line, &entry.path, message);
    }
    taken.addresses(&elements, document)
}

#[cfg(test)]
mod tests;
