//! How the addresses of a service's servers are measured: one `[service.probe]`, or
//! several `[[service.probe]]`.
//!
//! ```toml
//! [service.probe]
//! kind = "http"              # tcp, http, https, icmp, dns, ftp, agent, command
//! port = 80                  # by default 80 for http, 443 for https
//! interval_ms = 1000         # 1000 by default, 10 to 3600000
//! timeout_ms = 300           # 300 by default, below interval_ms
//! up_after = 2               # 2 by default
//! down_after = 3             # 3 by default
//! required = true            # the default; false: it measures, and takes nothing down
//! source = ["192.0.2.53"]    # to send from, one address of a family
//! groups = ["isp-a"]         # whose networks it measures from; it is not required then
//! stale_after_ms = 10000     # ten intervals by default
//! smoothing = "mean"         # the default, with weight_permille = 31, or "percentile"
//! percent = 90               # of "percentile": 50 by default
//! window_ms = 60000          # of "percentile": sixty intervals by default
//! [service.probe.addresses]  # what is probed in place of a server's own addresses
//! s1 = "10.0.0.1"
//! # http and https:
//! host = "www.example.com"   # by default the service's name
//! path = "/healthz"          # by default /
//! status = [200]             # by default [200]
//! body = "ok"                # what the body must contain, if anything
//! # https:
//! verify = true              # the default
//! ca_file = "roots.pem"      # relative to the configuration directory
//! # icmp:
//! count = 1                  # requests of one probe, 1 by default, to 10
//! # dns:
//! name = "example.com."      # asked over UDP, port 53 by default
//! type = "A"                 # A by default
//! expected = "192.0.2.1"     # data of a record that must be there; any by default
//! # ftp:
//! path = "/pub/file"         # whose size is asked for, if any; port 21 by default
//! user = "anonymous"         # the default
//! password = "probe@"        # the default
//! # agent:
//! port = 9853                # where the agent listens
//! token_file = "agents.token"     # one line; relative to the configuration directory
//! report = "server"          # the default, or "aggregate", of a foreign CDN
//! path = "/v1/report"        # the default
//! tls = true                 # the default; verify, ca_file and host as for https
//! # command:
//! program = "/usr/lib/veer/load"   # run without a shell; passes when it exits with 0
//! arguments = ["--quick"]
//! metric = "load_percent"    # what the number that it prints is, if it prints one
//! ```

mod agent;
mod command;
mod common;
mod dns;
mod ftp;
mod http;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
};

use super::not_a_group;
use crate::{
    config::section::{Document, Entry, Section},
    measurement::metric::Metric,
    model::{Groups, Name, PoolProbe, Probe, ProbeKind},
};

/// Probes of one service for all groups: more measure nothing that fewer could not.
const PROBES_MAX: usize = 8;
/// Probes of one service with those for single groups: all are looked through for each
/// sample.
const WITH_GROUPS_MAX: usize = 256;

#[derive(Clone, Copy)]
enum Kind {
    Tcp,
    Http,
    Https,
    Icmp,
    Dns,
    Ftp,
    Agent,
    Command,
}

const KINDS: [(&str, Kind); 8] = [
    ("tcp", Kind::Tcp),
    ("http", Kind::Http),
    ("https", Kind::Https),
    ("icmp", Kind::Icmp),
    ("dns", Kind::Dns),
    ("ftp", Kind::Ftp),
    ("agent", Kind::Agent),
    ("command", Kind::Command),
];

const VALID: &str = "a [service.probe] table, or 1 to 8 [[service.probe]] tables, and up to 256 \
                     with those that have `groups`";

/// What a service's probes refer to.
pub(super) struct Context<'a> {
    /// The service's name.
    pub(super) name: Option<&'a Name>,
    /// Where relative paths start.
    pub(super) dir: &'a Path,
    /// Names by candidate number.
    pub(super) candidates: &'a [&'a str],
    pub(super) groups: &'a Groups,
}

/// The probes of a service; none where something is wrong with one.
pub(super) fn read(
    service: &mut Section,
    context: &Context,
    document: &mut Document,
) -> Vec<PoolProbe> {
    let Some(entry) = service.required("probe", VALID, document) else {
        return Vec::new();
    };
    let (line, path) = (entry.line, entry.path.clone());
    let Some(entries) = entry.tables(VALID, document) else {
        return Vec::new();
    };
    let count = entries.len();
    if count == 0 || count > WITH_GROUPS_MAX {
        document.report(line, &path, format!("has {count} probes; valid: {VALID}"));
    }
    let mut probes: Vec<PoolProbe> = Vec::new();
    let mut seen = HashSet::new();
    for (number, mut entry) in (1..).zip(entries) {
        if count > 1 {
            entry.path = format!("{path}.#{number}");
        }
        let (line, path) = (entry.line, entry.path.clone());
        let Some(probe) = one(entry, context, document) else {
            continue;
        };
        for metric in probe.probe.metrics() {
            let whose = whose(&probe.probe);
            let mut again = whose.filter(|group| !seen.insert((group.cloned(), *metric)));
            let again = again.next().filter(|_| *metric != Metric::ConnectTime);
            if let Some(group) = again {
                let of = group.map_or_else(String::new, |group| format!(" of {group}"));
                let message = format!(
                    "measures {metric}{of}, as a probe before it does; valid: one probe for a metric"
                );
                document.report(line, &path, message);
            }
        }
        probes.push(probe);
    }
    let common = probes.iter().filter(|of| of.probe.groups.is_empty());
    let common = common.count();
    if common > PROBES_MAX {
        let message = format!("has {common} probes without `groups`; valid: {VALID}");
        document.report(line, &path, message);
    }
    if probes.len() < count {
        probes.clear();
    }
    if !probes.is_empty() && probes.iter().all(|probe| !probe.is_required) {
        document.report(
            line,
            &path,
            "says `required = false` of every probe; valid: one at least that servers must pass",
        );
    }
    probes
}

/// Those whom `probe` measures for; `None` stands for all.
fn whose(probe: &Probe) -> impl Iterator<Item = Option<&String>> {
    let all = probe.groups.is_empty().then_some(None);
    all.into_iter().chain(probe.groups.iter().map(Some))
}

fn one(entry: Entry, context: &Context, document: &mut Document) -> Option<PoolProbe> {
    let mut section = entry.section(VALID, document)?;
    let mut common = common::read(&mut section, document);
    let groups = section.optional("groups", document);
    let required = section.optional("required", document);
    let required = required.and_then(|entry| Some((entry.boolean(document)?, entry)));
    let is_required = required.as_ref().map_or(groups.is_none(), |(it, _)| *it);
    if let (Some(_), Some((true, entry))) = (&groups, &required) {
        let message = "is true beside `groups`, and what is down from some networks alone is \
                       taken out for nobody; valid: false";
        document.report(entry.line, &entry.path, message);
    }
    if let Some(entry) = groups {
        common.groups = names_of_groups(&entry, context.groups, document)?;
    }
    let instead = addresses(&mut section, context.candidates, document);
    let kind = section
        .required("kind", &KINDS.map(|(word, _)| word).join(", "), document)?
        .choice(&KINDS, document)?;
    let (kind, what) = match kind {
        Kind::Tcp => {
            let port = section
                .required("port", "1 to 65535", document)
                .and_then(|entry| entry.integer(1..=u16::MAX, document));
            (port.map(|port| ProbeKind::Tcp { port }), "a tcp probe")
        }
        Kind::Http => {
            let http = http::http(&mut section, 80, None, context.name, document);
            (http, "an http probe")
        }
        Kind::Https => {
            let tls = http::tls(&mut section, context.dir, document);
            let http = http::http(&mut section, 443, Some(tls), context.name, document);
            (http, "an https probe")
        }
        Kind::Icmp => {
            let count = section
                .optional("count", document)
                .map_or(Some(1), |entry| entry.integer(1..=10, document));
            (
                count.map(|count| ProbeKind::Icmp { count }),
                "an icmp probe",
            )
        }
        Kind::Dns => (dns::read(&mut section, document), "a dns probe"),
        Kind::Ftp => (ftp::read(&mut section, document), "an ftp probe"),
        Kind::Agent => {
            let agent = agent::read(&mut section, context, document);
            (agent.map(ProbeKind::Agent), "an agent probe")
        }
        Kind::Command => (command::read(&mut section, document), "a command probe"),
    };
    section.close(what, document);
    let kind = kind?;
    Some(PoolProbe {
        probe: Probe { kind, ..common },
        is_required,
        instead,
    })
}

const VALID_GROUPS: &str = "an array of different resolver groups, one at least";

/// The groups whose networks a probe measures from, in order; `None` where there is none.
fn names_of_groups(entry: &Entry, groups: &Groups, document: &mut Document) -> Option<Vec<String>> {
    let elements = entry.array(VALID_GROUPS, document)?;
    if elements.is_empty() {
        let message = format!("is empty; valid: {VALID_GROUPS}");
        document.report(entry.line, &entry.path, message);
    }
    let mut names = BTreeSet::new();
    for element in elements {
        let Some(name) = element.string(VALID_GROUPS, document) else {
            continue;
        };
        let fault = match groups.number(name) {
            None => not_a_group(name, groups),
            Some(_) if !names.insert(name.to_owned()) => {
                format!("is listed twice; valid: {VALID_GROUPS}")
            }
            Some(_) => continue,
        };
        let shown = name.escape_debug();
        document.report(element.line, &element.path, format!("`{shown}` {fault}"));
    }
    (!names.is_empty()).then(|| names.into_iter().collect())
}

const VALID_ADDRESSES: &str = "a table of candidates with an address each, e.g. s1 = \"10.0.0.1\"";

/// What is probed in place of candidates' own addresses.
fn addresses(
    section: &mut Section,
    candidates: &[&str],
    document: &mut Document,
) -> BTreeMap<u8, std::net::IpAddr> {
    let table = section
        .optional("addresses", document)
        .and_then(|entry| entry.section(VALID_ADDRESSES, document));
    let Some(table) = table else {
        return BTreeMap::new();
    };
    let mut instead = BTreeMap::new();
    for (name, entry) in table.entries(document) {
        let mut known = candidates.iter();
        let Some(number) = known.position(|known| known.eq_ignore_ascii_case(name)) else {
            let message = format!(
                "is not a candidate of this service; valid: {}",
                candidates.join(", ")
            );
            document.report(entry.line, &entry.path, message);
            continue;
        };
        if let Some(address) = common::address(&entry, document) {
            instead.insert(number as u8, address);
        }
    }
    instead
}

#[cfg(test)]
mod tests;
