//! Services in TOML: `*.toml` files of `[[service]]` tables.
//!
//! ```toml
//! [[service]]
//! name = "www.example.com."   # the final dot may be left out
//! customer = "acme"
//! ttl_s = 20                  # 20 by default, 0 to 86400; see the module ttl for ttl_max_s
//! shape = "direct"            # direct (the default), cname (the default with a hand-over by CNAME)
//! answers = 1                 # if it is more, see the module answers
//! all_down = "all"            # all (the default), first, servfail
//! unknown = "last"            # what a value counts as that is missing or too old: its last (the
//!                             # default), open (better than any), closed (worse than any)
//! [service.policy]            # see the module policy
//! kind = "failover"
//! [service.probe]             # see the module probe
//! kind = "tcp"
//! port = 80
//! [service.capacity]          # if at all, see the module capacity
//! fill_percent = 80
//! [service.health]            # if at all, see the module health
//! failback = "manual"
//! [[service.server]]          # 1 to 8, see the module server
//! name = "s1"
//! addresses = ["192.0.2.1", "2001:db8::1"]
//! [[service.hand_over]]       # 8 candidates at most, see the module hand_over
//! name = "cdn"
//! cname = "www.example.com.cdn.example.net."   # or ns, or addresses_of
//! ```

mod answers;
mod capacity;
mod hand_over;
mod health;
mod policy;
mod probe;
mod server;
mod ttl;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use domain::base::name::{Label, RelativeName, ToName};

use super::{
    diagnostic::{Diagnostics, nearest},
    files::Missing,
    section::{Document, Entry, Section},
    source::Source,
    values::Place,
};
use crate::model::{
    ALL_SERVERS, AllDown, Groups, HandOver, Name, NameMap, Pool, Service, Shape, Unknown,
};
use server::Taken;

/// What services refer to.
pub(super) struct Context<'a> {
    /// The resolver groups.
    pub(super) groups: &'a Groups,
    /// The configuration directory, where relative paths start.
    pub(super) dir: &'a Path,
}

/// Reads every service in `paths` of `source`. What is wrong goes to `found`; a service
/// with a mistake in it may be left out or hold defaults instead.
pub(super) fn read(
    source: &Source,
    paths: &[PathBuf],
    context: &Context,
    found: &mut Diagnostics,
) -> Vec<Service> {
    let mut services = Vec::new();
    let mut claims = Claims::default();
    for file in paths {
        if let Some(text) = source.text(file, &Missing::Empty, found) {
            let mut document = Document::new(file, &text, found);
            services.extend(read_file(&mut document, context, &mut claims));
        }
    }
    services
}

fn read_file(document: &mut Document, context: &Context, claims: &mut Claims) -> Vec<Service> {
    let Some(table) = document.parse() else {
        return Vec::new();
    };
    let mut root = Section::root(&table);
    let entries = root
        .optional("service", document)
        .and_then(|entry| entry.array("[[service]] tables", document))
        .unwrap_or_default();
    root.close("a file of services", document);
    let numbered = entries.into_iter().enumerate();
    numbered
        .filter_map(|(number, entry)| service(number + 1, entry, document, context, claims))
        .collect()
}

/// Reads the `number`th service of a file, from 1.
fn service(
    number: usize,
    mut entry: Entry,
    document: &mut Document,
    context: &Context,
    claims: &mut Claims,
) -> Option<Service> {
    entry.path = format!("service.#{number}");
    let mut section = entry.section("a [[service]] table", document)?;
    let name_entry = section.required("name", VALID_NAME, document);
    let name = name_entry
        .as_ref()
        .and_then(|entry| service_name(entry, document));
    if let Some(name) = &name {
        section.path = format!("service.{}", name.fmt_with_dot());
    }
    let customer = section
        .required("customer", VALID_CUSTOMER, document)
        .and_then(|entry| customer(&entry, document));
    let ttls = ttl::read(&mut section, document);
    let (ttl_s, longest_s) = (ttls[0], ttls[ttls.len() - 1]);
    let shape_entry = section.optional("shape", document);
    let answers_entry = section.optional("answers", document);
    let all_down = section
        .optional("all_down", document)
        .and_then(|entry| entry.choice(&ALL_DOWN, document))
        .unwrap_or_default();
    let health = health::read(&mut section, document);
    let mut taken = Taken::default();
    let servers = server::read(&mut section, &mut taken, document);
    let count = servers.len();
    let hand_overs = hand_over::read(&mut section, name.as_ref(), count, &mut taken, document);
    let shape = shape(shape_entry.as_ref(), &hand_overs, document);
    let candidates = taken.names();
    let probed = probe::Context {
        name: name.as_ref(),
        dir: context.dir,
        candidates: &candidates,
        groups: context.groups,
    };
    let probes = probe::read(&mut section, &probed, document);
    let unknown = section
        .optional("unknown", document)
        .and_then(|entry| entry.choice(&UNKNOWN, document))
        .unwrap_or_default();
    let ranked = policy::Context {
        candidates: &candidates,
        groups: context.groups,
        probes: &probes,
        ttl_s: longest_s,
    };
    let policy = policy::read(&mut section, &ranked, document);
    let filled = capacity::Context {
        servers: count,
        probes: &probes,
        policy: policy.as_ref(),
        ttl_s: longest_s,
    };
    let capacity = capacity::read(&mut section, &taken, &filled, document);
    let answered = answers::Context {
        servers: count,
        hand_overs: &hand_overs,
        shape,
        policy: policy.as_ref(),
    };
    let answers = answers::read(answers_entry.as_ref(), &answered, document);
    section.close("a service", document);

    let (name, name_entry) = (name?, name_entry?);
    if shape == Shape::Cname {
        server::require_same_families(&servers, "shape = \"cname\"", document);
    } else if !hand_overs.is_empty() {
        server::require_same_families(&servers, "a hand-over", document);
    }
    claim_names(&name, name_entry.line, shape, &servers, claims, document);
    Some(Service {
        name,
        customer: customer?,
        ttl_s,
        shape,
        pool: Pool {
            servers: servers.into_iter().map(|placed| placed.server).collect(),
            hand_overs,
            policy: policy?,
            probes,
            unknown,
            capacity,
            answers,
            ttls: if ttls.len() > 1 { ttls } else { Vec::new() },
            all_down,
            health,
        },
    })
}

/// Claims all names of a service called `name`, on `line`.
fn claim_names(
    name: &Name,
    line: usize,
    shape: Shape,
    servers: &[server::Placed],
    claims: &mut Claims,
    document: &mut Document,
) {
    let owners = match shape {
        Shape::Direct => Vec::new(),
        Shape::Cname => server::owners(name, servers, document),
    };
    let key = format!("service.{}.name", name.fmt_with_dot());
    claims.claim(name, line, &key, document);
    if shape == Shape::Cname {
        match below(ALL_SERVERS, name) {
            Some(all) => claims.claim(&all, line, &key, document),
            None => document.report(
                line,
                &key,
                "with `all.` before it is longer than 255 octets, which shape = \"cname\" needs; \
                 valid: a shorter name",
            ),
        }
    }
    for (owner, line, key) in owners {
        claims.claim(&owner, line, &key, document);
    }
}

const SHAPES: [(&str, Shape); 2] = [("direct", Shape::Direct), ("cname", Shape::Cname)];

const UNKNOWN: [(&str, Unknown); 3] = [
    ("open", Unknown::Open),
    ("closed", Unknown::Closed),
    ("last", Unknown::Last),
];

/// The shape that `entry` says, or what goes with `hand_overs`: an address at a name
/// at some times and a CNAME at others is what caches mix up, behind a referral the
/// names below the service's own are the other DNS's, and addresses that are told in its
/// stead stand where a server's do.
fn shape(entry: Option<&Entry>, hand_overs: &[HandOver], document: &mut Document) -> Shape {
    let refers = hand_overs.iter().any(HandOver::is_referral);
    let flattens = hand_overs.iter().any(|over| over.flattening().is_some());
    let Some(entry) = entry else {
        return match hand_overs {
            [_, ..] if !refers && !flattens => Shape::Cname,
            _ => Shape::Direct,
        };
    };
    let shape = entry.choice(&SHAPES, document).unwrap_or_default();
    if shape == Shape::Cname && flattens {
        let message = "`cname` leaves no address at the service's own name, where a hand-over by \
                       addresses_of puts them; valid: direct";
        document.report(entry.line, &entry.path, message);
    }
    if shape == Shape::Cname && refers {
        let message = "`cname` puts the servers' names below the service's, which a hand-over by ns \
                       gives away; valid: direct";
        document.report(entry.line, &entry.path, message);
    }
    shape
}

const ALL_DOWN: [(&str, AllDown); 3] = [
    ("all", AllDown::All),
    ("first", AllDown::First),
    ("servfail", AllDown::Servfail),
];

const VALID_NAME: &str =
    "a domain name below the root, without wildcard, e.g. \"www.example.com.\"";

fn service_name(entry: &Entry, document: &mut Document) -> Option<Name> {
    let text = entry.string(VALID_NAME, document)?;
    let shown = text.escape_debug();
    let name = match Name::bytes_from_str(text) {
        Ok(name) => name,
        Err(error) => {
            let message = format!("`{shown}` is not a domain name ({error}); valid: {VALID_NAME}");
            return entry.reject(message, document);
        }
    };
    if name.is_root() {
        return entry.reject(format!("is the root; valid: {VALID_NAME}"), document);
    }
    if name.iter().any(Label::is_wildcard) {
        let message = format!("`{shown}` has a wildcard; valid: {VALID_NAME}");
        return entry.reject(message, document);
    }
    Some(name)
}

const VALID_CUSTOMER: &str = "a name of 1 to 63 printable characters";

fn customer(entry: &Entry, document: &mut Document) -> Option<String> {
    let text = entry.string(VALID_CUSTOMER, document)?;
    let count = text.chars().count();
    if (1..=63).contains(&count) && text.trim() == text && !text.contains(char::is_control) {
        Some(text.to_owned())
    } else {
        let message = format!(
            "`{}` is not a customer's name; valid: {VALID_CUSTOMER}",
            text.escape_debug()
        );
        entry.reject(message, document)
    }
}

/// Which names stand where already: a name is steered by one service only, be
/// it the service's own or one of its servers'.
#[derive(Default)]
struct Claims(NameMap<Place>);

impl Claims {
    fn claim(&mut self, name: &Name, line: usize, key: &str, document: &mut Document) {
        if let Some(Place { file, line: first }) = self.0.get(name) {
            let message = format!(
                "{} is steered already, by {}:{first}; valid: a name of its own",
                name.fmt_with_dot(),
                file.display()
            );
            document.report(line, key, message);
        } else {
            let file = document.file.to_owned();
            self.0.insert(name.clone(), Place { file, line });
        }
    }
}

/// What is to be said of `name`, which no group has.
fn not_a_group(name: &str, groups: &Groups) -> String {
    let known = groups.names.iter().map(String::as_str);
    let nearest = nearest(name, known);
    format!("is not a resolver group; nearest: {nearest}; valid: a group in the file of groups")
}

/// `<label>.<name>`; `None` where that is longer than 255 octets.
fn below(label: &str, name: &Name) -> Option<Name> {
    let label: RelativeName<Bytes> = label.parse().ok()?;
    Some(label.chain(name).ok()?.to_bytes())
}

#[cfg(test)]
pub(in crate::config) mod tests;
