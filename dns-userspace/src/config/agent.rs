//! What `veerd agent` reads: one TOML file.
//!
//! ```toml
//! listen = ["192.0.2.10:9853", "[2001:db8::10]:9853"]
//! allow = ["192.0.2.53"]       # addresses and prefixes; by default everybody
//! token_file = "agent.token"   # one token a line, one or two; relative to this file
//! interval_ms = 1000           # 1000 by default, 100 to 60000
//! [tls]                        # without it reports and tokens are in the clear
//! certificate_file = "agent.pem"
//! key_file = "agent.key"
//! [capacity]
//! requests_per_s = 5000
//! bytes_per_s = 100000000
//! [interface]
//! name = "eth0"
//! capacity_bits_per_s = 1000000000   # by default what the link says
//! [connections]                # established ones; by default as the server says
//! ports = [80, 443]
//! [stub_status]                # nginx: requests, connections
//! url = "http://127.0.0.1/nginx_status"
//! [prometheus]                 # each the sum of the series chosen
//! url = "http://127.0.0.1:9113/metrics"
//! requests = ["http_requests_total"]
//! errors = ['http_requests_total{code="500"}', 'http_requests_total{code="503"}']
//! bytes = ["http_response_size_bytes_sum"]
//! connections = ["http_connections_active"]
//! ```
//!
//! Or, for a foreign CDN that pushes its reports, in place of all from `interval_ms` on
//! but `[tls]`:
//!
//! ```toml
//! [aggregate]
//! token_file = "cdn.token"     # what it shows; no token of the readers'
//! ```

mod sources;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;

use self::sources::Sources;
use super::{
    address,
    diagnostic::Diagnostics,
    files::{self, Missing},
    section::{Document, Entry, Section},
    token_file,
};
use crate::agent::{
    settings::{Interface, Settings},
    tls::Acceptor,
    token::Tokens,
};

/// Interval where none is set.
const INTERVAL_MS: u64 = 1000;

/// Highest capacities: those that a report may have.
const CAPACITY_MAX: u64 = 1_000_000_000_000;

/// Reads the agent's file; fails with everything that is wrong in it.
pub fn read(file: &Path) -> Result<Settings, Diagnostics> {
    let mut found = Diagnostics::default();
    if !file.exists() {
        found.push(
            file,
            0,
            "",
            "no such file; valid: the TOML file of an agent",
        );
    }
    let settings = files::text(file, &Missing::Empty, &mut found).and_then(|text| {
        let mut document = Document::new(file, &text, &mut found);
        read_document(&mut document)
    });
    match settings {
        Some(settings) => found.into_result(settings),
        None => Err(found
            .into_result(())
            .expect_err("what is missing was reported")),
    }
}

/// The settings; what is wrong was reported, and reads as absent.
fn read_document(document: &mut Document) -> Option<Settings> {
    let table = document.parse()?;
    let mut root = Section::root(&table);
    let listen = listen(&mut root, document);
    let allow = root.optional("allow", document);
    let allow = allow.and_then(|entry| prefixes(&entry, document));
    let tokens = root
        .required("token_file", token_file::VALID, document)
        .and_then(|entry| {
            let dir = document.file.parent().unwrap_or(Path::new(""));
            token_file::read(&entry, dir, document)
        })
        .map(Tokens::new);
    let aggregate = section(&mut root, "aggregate", document);
    let aggregate = aggregate.map(|section| self::aggregate(section, &mut root, document));
    let interval_ms = root
        .optional("interval_ms", document)
        .and_then(|entry| entry.integer(100..=60_000, document))
        .unwrap_or(INTERVAL_MS);
    let tls = section(&mut root, "tls", document);
    let tls = tls.and_then(|section| acceptor(section, document));
    let interface = section(&mut root, "interface", document);
    let has_interface = interface.is_some();
    let interface = interface.and_then(|section| self::interface(section, document));
    let sources = Sources::read(&mut root, has_interface, document);
    root.close("the agent's file", document);
    Some(Settings {
        listen: listen?,
        allow: allow.unwrap_or_default(),
        tokens: tokens?,
        aggregate: match aggregate {
            Some(tokens) => Some(tokens?),
            None => None,
        },
        tls,
        interval: Duration::from_millis(interval_ms),
        capacity_requests_per_s: sources.capacity_requests_per_s,
        capacity_bytes_per_s: sources.capacity_bytes_per_s,
        interface,
        connection_ports: sources.connection_ports,
        stub_status: sources.stub_status,
        prometheus: sources.prometheus,
    })
}

/// The table `key` of the file, if it is there.
fn section<'t>(
    root: &mut Section<'t>,
    key: &'static str,
    document: &mut Document,
) -> Option<Section<'t>> {
    let entry = root.optional(key, document)?;
    entry.section(&format!("a [{key}] table"), document)
}

const VALID_LISTEN: &str =
    "an array of addresses with ports, as in 192.0.2.10:9853 or [2001:db8::10]:9853";

fn listen(root: &mut Section, document: &mut Document) -> Option<Vec<SocketAddr>> {
    let entry = root.required("listen", VALID_LISTEN, document)?;
    let elements = entry.array(VALID_LISTEN, document)?;
    if elements.is_empty() {
        return entry.reject(format!("is empty; valid: {VALID_LISTEN}"), document);
    }
    let addresses = elements.iter().filter_map(|element| {
        let text = element.string(VALID_LISTEN, document)?;
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Some(address),
            _ => element.reject(
                format!(
                    "`{}` is no address with a port; valid: {VALID_LISTEN}",
                    text.escape_debug()
                ),
                document,
            ),
        }
    });
    Some(addresses.collect())
}

fn prefixes(entry: &Entry, document: &mut Document) -> Option<Vec<IpNet>> {
    const VALID: &str = "an array of addresses and prefixes";
    let elements = entry.array(VALID, document)?;
    if elements.is_empty() {
        return entry.reject(
            format!("is empty, and nobody could connect; valid: {VALID}"),
            document,
        );
    }
    let prefixes = elements.iter().filter_map(|element| {
        let text = element.string(VALID, document)?;
        let prefix = address::prefix(text);
        prefix.map_or_else(
            |fault| element.reject(format!("`{}` {fault}", text.escape_debug()), document),
            Some,
        )
    });
    Some(prefixes.collect())
}

/// Who pushes; what says how this host is read is refused beside it.
fn aggregate(mut section: Section, root: &mut Section, document: &mut Document) -> Option<Tokens> {
    const OF_THE_HOST: [&str; 6] = [
        "interval_ms",
        "capacity",
        "interface",
        "connections",
        "stub_status",
        "prometheus",
    ];
    let tokens = section.required("token_file", token_file::VALID, document);
    let dir = document.file.parent().unwrap_or(Path::new(""));
    let tokens = tokens.and_then(|entry| token_file::read(&entry, dir, document));
    section.close("[aggregate]", document);
    for key in OF_THE_HOST {
        if let Some(entry) = root.optional(key, document) {
            let message = "is of this host, of which no report is made beside [aggregate]; valid: one of the two";
            document.report(entry.line, &entry.path, message);
        }
    }
    tokens.map(Tokens::new)
}

const VALID_PEM: &str = "a readable PEM file";

fn acceptor(mut section: Section, document: &mut Document) -> Option<Acceptor> {
    let mut file = |key| {
        let entry = section.required(key, VALID_PEM, document)?;
        let path = entry.string(VALID_PEM, document)?;
        Some(beside(document.file, path))
    };
    let (certificate, key) = (file("certificate_file"), file("key_file"));
    let (line, path) = (section.line, section.path.clone());
    section.close("[tls]", document);
    let acceptor = Acceptor::new(&certificate?, &key?);
    acceptor
        .map_err(|error| document.report(line, &path, error))
        .ok()
}

const VALID_INTERFACE: &str = "the name of a network interface";

fn interface(mut section: Section, document: &mut Document) -> Option<Interface> {
    let name = section
        .required("name", VALID_INTERFACE, document)
        .and_then(|entry| interface_name(&entry, document));
    let capacity_bits_per_s = capacity(&mut section, "capacity_bits_per_s", document);
    section.close("[interface]", document);
    Some(Interface {
        name: name?,
        capacity_bits_per_s,
    })
}

/// It becomes part of a path, so it must be no way out of there.
fn interface_name(entry: &Entry, document: &mut Document) -> Option<String> {
    let name = entry.string(VALID_INTERFACE, document)?;
    let fits = (1..=15).contains(&name.len()) && name != "." && name != "..";
    if fits && !name.contains(['/', ':']) && !name.contains(char::is_whitespace) {
        return Some(name.to_owned());
    }
    let message = format!(
        "`{}` is no name; valid: {VALID_INTERFACE}",
        name.escape_debug()
    );
    entry.reject(message, document)
}

/// A capacity, as reports have it.
fn capacity(section: &mut Section, key: &'static str, document: &mut Document) -> Option<f64> {
    let entry = section.optional(key, document)?;
    let number = entry.integer(1..=CAPACITY_MAX, document)?;
    #[expect(clippy::cast_precision_loss, reason = "CAPACITY_MAX is below 2^53")]
    Some(number as f64)
}

/// The path that `file` calls `path`.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

#[cfg(test)]
mod tests;
