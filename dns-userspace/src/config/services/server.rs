//! The servers among the candidates of a service, and what all candidates share.
//!
//! ```toml
//! [[service.server]]
//! name = "s1"
//! addresses = ["192.0.2.1", "2001:db8::1"]   # 1 to 8 of a family
//! cost = 1.5                                  # 0 by default: of traffic there, in any unit
//! capacity = 150000                           # see the module capacity
//! ```

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dns_common::decision::CANDIDATES_MAX;

use super::{below, capacity};
use crate::{
    config::{
        address,
        section::{Document, Entry, Section},
    },
    model::{Name, Server},
};

/// Addresses of one family that a server may have.
const ADDRESSES_MAX: usize = 8;

/// What the candidates of one service have taken so far.
#[derive(Default)]
pub(super) struct Taken {
    /// Names by candidate number, empty where one has none that is valid and its
    /// own, each with its line.
    names: Vec<(String, usize)>,
    /// Lines of addresses.
    addresses: HashMap<IpAddr, usize>,
    /// By candidate number.
    capacities: Vec<Option<capacity::Said>>,
}

impl Taken {
    /// The names by candidate number, empty where there is no valid one.
    pub(super) fn names(&self) -> Vec<&str> {
        self.names.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Gives the next candidate, the table at `path`, the `name` from `line`, if it
    /// is nobody else's; what it is called now.
    pub(super) fn name(
        &mut self,
        name: &str,
        line: usize,
        path: &str,
        document: &mut Document,
    ) -> String {
        let mut known = self.names.iter();
        let namesake =
            known.find(|(known, _)| !known.is_empty() && known.eq_ignore_ascii_case(name));
        let mut name = name.to_owned();
        if let Some((_, first)) = namesake {
            let message = format!(
                "is the name of the candidate on line {first} already; valid: one that differs in \
                 more than case"
            );
            document.report(line, &format!("{path}.name"), message);
            name.clear();
        }
        self.names.push((name.clone(), line));
        name
    }

    /// Reads how much the candidate that was named last can take, in its `table`.
    pub(super) fn capacity(&mut self, table: &mut Section, document: &mut Document) {
        let capacity = capacity::of_candidate(table, document);
        self.capacities.push(capacity);
    }

    /// How much each can take, by candidate number.
    pub(super) fn capacities(&self) -> &[Option<capacity::Said>] {
        &self.capacities
    }

    /// Reads the elements of `entry`, which should be addresses that no other
    /// candidate has.
    pub(super) fn addresses(&mut self, entry: &[Entry], document: &mut Document) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for element in entry {
            let Some(address) = address(element, document) else {
                continue;
            };
            if let Some(line) = self.addresses.insert(address, element.line) {
                let message = format!(
                    "{address} is in this service on line {line} already; valid: an address of its own"
                );
                document.report(element.line, &element.path, message);
                continue;
            }
            addresses.push(address);
        }
        addresses
    }
}

/// The address that `element` is.
pub(super) fn address(element: &Entry, document: &mut Document) -> Option<IpAddr> {
    match address::parse(element.string(address::VALID, document)?) {
        Ok(address) => Some(address),
        Err(fault) => element.reject(fault, document),
    }
}

/// A server and where it was named.
pub(super) struct Placed {
    pub(super) server: Server,
    /// Line of the name, or of the table that lacks one.
    line: usize,
    /// Key of the table, e.g. `service.www.example.com..server.s1`.
    path: String,
}

/// Every server of a service, also those with mistakes in them: the position
/// is the candidate number that policies refer to. One without a valid name of
/// its own has an empty name.
pub(super) fn read(
    service: &mut Section,
    taken: &mut Taken,
    document: &mut Document,
) -> Vec<Placed> {
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
    let numbered = (1..).zip(entries);
    numbered
        .filter_map(|(number, entry)| server(number, entry, taken, document))
        .collect()
}

/// The `number`th server, from 1.
fn server(
    number: usize,
    entry: Entry,
    taken: &mut Taken,
    document: &mut Document,
) -> Option<Placed> {
    let mut table = Table::open(number, entry, "a [[service.server]] table", document)?;
    let name = taken.name(table.name, table.line, &table.section.path, document);
    let path = table.section.path.clone();
    let (v4, v6) = table
        .section
        .required("addresses", VALID_ADDRESSES, document)
        .and_then(|entry| addresses(&entry, taken, document))
        .unwrap_or_default();
    let cost = table
        .section
        .optional("cost", document)
        .and_then(|entry| entry.quantity(document))
        .unwrap_or_default();
    taken.capacity(&mut table.section, document);
    table.section.close("a server", document);
    Some(Placed {
        server: Server { name, v4, v6, cost },
        line: table.line,
        path,
    })
}

/// The table of a candidate, called by the name it has.
pub(super) struct Table<'t> {
    pub(super) section: Section<'t>,
    /// Empty where there is no valid one.
    pub(super) name: &'t str,
    /// Line of the name, or of the table that lacks one.
    pub(super) line: usize,
}

impl<'t> Table<'t> {
    /// The `number`th of the tables in an array, from 1; `valid` is what it should
    /// be.
    pub(super) fn open(
        number: usize,
        mut entry: Entry<'t>,
        valid: &str,
        document: &mut Document,
    ) -> Option<Self> {
        entry.path = format!("{}.#{number}", entry.path);
        let parent = entry.path.len() - format!("#{number}").len();
        let mut section = entry.section(valid, document)?;
        let entry = section.required("name", VALID_NAME, document);
        let line = entry.as_ref().map_or(section.line, |entry| entry.line);
        let name = entry.and_then(|entry| candidate_name(&entry, document));
        let name = name.unwrap_or_default();
        if !name.is_empty() {
            section.path.truncate(parent);
            section.path.push_str(name);
        }
        Some(Self {
            section,
            name,
            line,
        })
    }
}

const VALID_NAME: &str =
    "a DNS label: 1 to 63 letters, digits, `-` or `_`, without `-` at either end";

fn candidate_name<'t>(entry: &Entry<'t>, document: &mut Document) -> Option<&'t str> {
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
        "`{}` is not a candidate's name; valid: {VALID_NAME}",
        text.escape_debug()
    );
    entry.reject(message, document)
}

const VALID_ADDRESSES: &str =
    "1 to 8 IPv4 and 1 to 8 IPv6 addresses or those of one family, e.g. [\"192.0.2.1\"]";

fn addresses(
    entry: &Entry,
    taken: &mut Taken,
    document: &mut Document,
) -> Option<(Vec<Ipv4Addr>, Vec<Ipv6Addr>)> {
    let elements = entry.array(VALID_ADDRESSES, document)?;
    if elements.is_empty() {
        return entry.reject(format!("is empty; valid: {VALID_ADDRESSES}"), document);
    }
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in taken.addresses(&elements, document) {
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
    for Placed { server, line, path } in servers
        .iter()
        .filter(|placed| !placed.server.name.is_empty())
    {
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

/// Reports servers that have other address families than the first: where a CNAME
/// stands for both A and AAAA, any must be able to answer what the others do.
/// `with` is what of the service brings that.
pub(super) fn require_same_families(servers: &[Placed], with: &str, document: &mut Document) {
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
                    "has other address families than {}; valid with {with}: the same for every \
                     server, since one CNAME stands for both A and AAAA",
                    first.server.name
                ),
            );
        }
    }
}
