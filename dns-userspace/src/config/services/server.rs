//! The candidates of a service.
//!
//! ```toml
//! [[service.server]]
//! name = "s1"
//! addresses = ["192.0.2.1", "2001:db8::1"]   # 1 to 8 of a family
//! cost = 1.5                                  # 0 by default: of traffic there, in any unit
//! ```

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dns_common::decision::CANDIDATES_MAX;

use super::below;
use crate::{
    config::{
        address,
        section::{Document, Entry, Section},
    },
    model::{Name, Server},
};

/// Addresses of one family that a server may have.
const ADDRESSES_MAX: usize = 8;

/// A server and where it was named.
pub(super) struct Placed {
    pub(super) server: Server,
    /// Line of the name, or of the table that lacks one.
    line: usize,
    /// Key of the table, e.g. `service.www.example.com..server.s1`.
    path: String,
}

impl Placed {
    fn is_named(&self) -> bool {
        !self.server.name.is_empty()
    }
}

/// Every server of a service, also those with mistakes in them: the position
/// is the candidate number that policies refer to. One without a valid name of
/// its own has an empty name.
pub(super) fn read(service: &mut Section, document: &mut Document) -> Vec<Placed> {
    let valid = format!("1 to {CANDIDATES_MAX} [[service.server]] tables");
    let Some(entry) = service.required("server", &valid, document) else {
        return Vec::new();
    };
    let entries = entry.array(&valid, document).unwrap_or_default();
    let count = entries.len();
    if count == 0 || count > CANDIDATES_MAX {
        document.report(
            entry.line,
            &entry.path,
            format!("has {count} servers; valid: {valid}"),
        );
    }
    let mut addresses = HashMap::new();
    let mut servers: Vec<Placed> = Vec::new();
    for (number, entry) in entries.into_iter().enumerate() {
        let placed = server(number + 1, entry, &mut addresses, document);
        let Some(mut placed) = placed else { continue };
        let name = &placed.server.name;
        let namesake = servers
            .iter()
            .find(|known| known.is_named() && known.server.name.eq_ignore_ascii_case(name));
        if let Some(first) = namesake {
            let message = format!(
                "is the name of the server on line {} already; valid: one that differs in more than case",
                first.line
            );
            document.report(placed.line, &format!("{}.name", placed.path), message);
            placed.server.name.clear();
        }
        servers.push(placed);
    }
    servers
}

/// The `number`th server, from 1.
fn server(
    number: usize,
    mut entry: Entry,
    taken: &mut HashMap<IpAddr, usize>,
    document: &mut Document,
) -> Option<Placed> {
    entry.path = format!("{}.#{number}", entry.path);
    let parent = entry.path.len() - format!("#{number}").len();
    let mut section = entry.section("a [[service.server]] table", document)?;
    let name_entry = section.required("name", VALID_NAME, document);
    let line = name_entry.as_ref().map_or(section.line, |entry| entry.line);
    let name = name_entry
        .and_then(|entry| server_name(&entry, document))
        .unwrap_or_default();
    if !name.is_empty() {
        section.path.truncate(parent);
        section.path.push_str(name);
    }
    let path = section.path.clone();
    let (v4, v6) = section
        .required("addresses", VALID_ADDRESSES, document)
        .and_then(|entry| addresses(&entry, taken, document))
        .unwrap_or_default();
    let cost = section
        .optional("cost", document)
        .and_then(|entry| entry.quantity(document))
        .unwrap_or_default();
    section.close("a server", document);
    Some(Placed {
        server: Server {
            name: name.to_owned(),
            v4,
            v6,
            cost,
        },
        line,
        path,
    })
}

const VALID_NAME: &str =
    "a DNS label: 1 to 63 letters, digits, `-` or `_`, without `-` at either end";

fn server_name<'t>(entry: &Entry<'t>, document: &mut Document) -> Option<&'t str> {
    let text = entry.string(VALID_NAME, document)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let valid = (1..=63).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if valid {
        return Some(text);
    }
    let message = format!(
        "`{}` is not a server's name; valid: {VALID_NAME}",
        text.escape_debug()
    );
    entry.reject(message, document)
}

const VALID_ADDRESSES: &str =
    "1 to 8 IPv4 and 1 to 8 IPv6 addresses or those of one family, e.g. [\"192.0.2.1\"]";

fn addresses(
    entry: &Entry,
    taken: &mut HashMap<IpAddr, usize>,
    document: &mut Document,
) -> Option<(Vec<Ipv4Addr>, Vec<Ipv6Addr>)> {
    let elements = entry.array(VALID_ADDRESSES, document)?;
    if elements.is_empty() {
        return entry.reject(format!("is empty; valid: {VALID_ADDRESSES}"), document);
    }
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for element in elements {
        let Some(text) = element.string(address::VALID, document) else {
            continue;
        };
        let address = match address::parse(text) {
            Ok(address) => address,
            Err(fault) => {
                document.report(element.line, &element.path, fault);
                continue;
            }
        };
        if let Some(line) = taken.insert(address, element.line) {
            let message = format!(
                "{address} is in this service on line {line} already; valid: an address of its own"
            );
            document.report(element.line, &element.path, message);
            continue;
        }
        match address {
            IpAddr::V4(address) => v4.push(address),
            IpAddr::V6(address) => v6.push(address),
        }
    }
    for (family, count) in [("IPv4", v4.len()), ("IPv6", v6.len())] {
        if count > ADDRESSES_MAX {
            let message = format!(
                "has {count} {family} addresses; valid: at most {ADDRESSES_MAX} of a family"
            );
            document.report(entry.line, &entry.path, message);
        }
    }
    Some((v4, v6))
}

/// The names of the servers below `service`, where the shape is a CNAME to one
/// of them, each with its line and key. Reports those that are too long.
pub(super) fn owners(
    service: &Name,
    servers: &[Placed],
    document: &mut Document,
) -> Vec<(Name, usize, String)> {
    let mut owners = Vec::new();
    for Placed { server, line, path } in servers.iter().filter(|placed| placed.is_named()) {
        let key = format!("{path}.name");
        match below(&server.name, service) {
            Some(owner) => owners.push((owner, *line, key)),
            None => document.report(
                *line,
                &key,
                "with the service's name after it is longer than 255 octets, which shape = \
                 \"cname\" needs; valid: a shorter name",
            ),
        }
    }
    owners
}

/// Reports servers that have other address families than the first: behind a
/// CNAME one server answers for both families, so any must be able to.
pub(super) fn require_same_families(servers: &[Placed], document: &mut Document) {
    let families = |server: &Server| (!server.v4.is_empty(), !server.v6.is_empty());
    let Some((first, others)) = servers.split_first() else {
        return;
    };
    for Placed { server, line, path } in others {
        if families(server) != families(&first.server) {
            document.report(
                *line,
                &format!("{path}.addresses"),
                format!(
                    "has other address families than {}; valid with shape = \"cname\": the same \
                     for every server, since one CNAME stands for both A and AAAA",
                    first.server.name
                ),
            );
        }
    }
}
