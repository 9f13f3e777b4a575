//! Where the agent gets its figures from. Each has one source at most.

use hyper::{Uri, http::uri::Scheme};

use super::{capacity, section};
use crate::{
    agent::{
        prometheus::Selector,
        settings::{Prometheus, Url},
    },
    config::section::{Document, Entry, Section},
};

/// What the tables of sources say.
pub(super) struct Sources {
    pub(super) capacity_requests_per_s: Option<f64>,
    pub(super) capacity_bytes_per_s: Option<f64>,
    pub(super) connection_ports: Vec<u16>,
    pub(super) stub_status: Option<Url>,
    pub(super) prometheus: Option<Prometheus>,
}

impl Sources {
    /// Reads and compares them.
    pub(super) fn read(root: &mut Section, has_interface: bool, document: &mut Document) -> Self {
        let stub_status = section(root, "stub_status", document);
        let has_stub_status = stub_status.is_some();
        let stub_status = stub_status.and_then(|mut section| {
            let url = url(&mut section, document);
            section.close("[stub_status]", document);
            url
        });
        let has_ports = section(root, "connections", document);
        let connection_ports = has_ports.map(|section| ports(section, document));
        let prometheus = section(root, "prometheus", document);
        let taken = Taken {
            requests: has_stub_status,
            connections: connection_ports.is_some(),
        };
        let prometheus = prometheus.map(|section| Page::read(section, &taken, document));
        let page = prometheus.as_ref();
        let requests = has_stub_status || page.is_some_and(|page| page.requests);
        let bytes = has_interface || page.is_some_and(|page| page.bytes);

        let capacities = section(root, "capacity", document);
        let capacities =
            capacities.map(|section| capacities_of(section, requests, bytes, document));
        let (capacity_requests_per_s, capacity_bytes_per_s) = capacities.unwrap_or_default();
        Self {
            capacity_requests_per_s,
            capacity_bytes_per_s,
            connection_ports: connection_ports.unwrap_or_default(),
            stub_status,
            prometheus: prometheus.and_then(|page| page.prometheus),
        }
    }
}

/// What another source gives.
struct Taken {
    requests: bool,
    connections: bool,
}

/// A Prometheus page, and what it was to give.
struct Page {
    requests: bool,
    bytes: bool,
    prometheus: Option<Prometheus>,
}

impl Page {
    fn read(mut section: Section, taken: &Taken, document: &mut Document) -> Self {
        let url = url(&mut section, document);
        let requests = selectors(&mut section, "requests", document);
        let errors = selectors(&mut section, "errors", document);
        let bytes = selectors(&mut section, "bytes", document);
        let connections = selectors(&mut section, "connections", document);
        let (line, path) = (section.line, section.path.clone());
        section.close("[prometheus]", document);

        let mut report = |key: &str, message: &str| {
            document.report(line, &format!("{path}{key}"), message);
        };
        if [&requests, &errors, &bytes, &connections]
            .iter()
            .all(|read| read.is_none())
        {
            report(
                "",
                "names no series; valid: one or more of requests, errors, bytes, connections",
            );
        }
        if requests.is_some() && taken.requests {
            report(
                ".requests",
                "[stub_status] gives requests too; valid: one source of them",
            );
        }
        if connections.is_some() && taken.connections {
            report(
                ".connections",
                "[connections] gives them too; valid: one source of them",
            );
        }
        if errors.is_some() && requests.is_none() && !taken.requests {
            report(
                ".errors",
                "nothing gives requests, of which they are a share; valid: with requests, or [stub_status]",
            );
        }
        let (has_requests, has_bytes) = (requests.is_some(), bytes.is_some());
        let prometheus = url.map(|url| Prometheus {
            url,
            requests: requests.unwrap_or_default(),
            errors: errors.unwrap_or_default(),
            bytes: bytes.unwrap_or_default(),
            connections: connections.unwrap_or_default(),
        });
        Self {
            requests: has_requests,
            bytes: has_bytes,
            prometheus,
        }
    }
}

/// The capacities, each of something that is measured.
fn capacities_of(
    mut section: Section,
    requests: bool,
    bytes: bool,
    document: &mut Document,
) -> (Option<f64>, Option<f64>) {
    let mut read = |key, measured, sources| {
        let line = section.optional(key, document).map(|entry| entry.line);
        if let (Some(line), false) = (line, measured) {
            let key = format!("{}.{key}", section.path);
            document.report(
                line,
                &key,
                format!("nothing measures it; valid: with {sources}"),
            );
        }
        capacity(&mut section, key, document)
    };
    let capacities = (
        read(
            "requests_per_s",
            requests,
            "[stub_status], or requests in [prometheus]",
        ),
        read(
            "bytes_per_s",
            bytes,
            "[interface], or bytes in [prometheus]",
        ),
    );
    section.close("[capacity]", document);
    capacities
}

const VALID_PORTS: &str = "an array of ports from 1 to 65535";

fn ports(mut section: Section, document: &mut Document) -> Vec<u16> {
    let entry = section.required("ports", VALID_PORTS, document);
    let ports = entry.and_then(|entry| {
        let elements = entry.array(VALID_PORTS, document)?;
        if elements.is_empty() {
            return entry.reject(format!("is empty; valid: {VALID_PORTS}"), document);
        }
        let ports = elements.iter();
        Some(
            ports
                .filter_map(|port| port.integer(1..=u16::MAX, document))
                .collect(),
        )
    });
    section.close("[connections]", document);
    ports.unwrap_or_default()
}

const VALID_SELECTORS: &str = r#"an array of series as name or name{label="value"}"#;

fn selectors(
    section: &mut Section,
    key: &'static str,
    document: &mut Document,
) -> Option<Vec<Selector>> {
    let entry = section.optional(key, document)?;
    let elements = entry.array(VALID_SELECTORS, document).unwrap_or_default();
    if elements.is_empty() {
        entry.reject::<()>(
            format!("holds no series; valid: {VALID_SELECTORS}"),
            document,
        );
    }
    let selectors = elements.iter().filter_map(|element| {
        let text = element.string(VALID_SELECTORS, document)?;
        Selector::parse(text).or_else(|| {
            let message = format!(
                "`{}` is no series; valid: {VALID_SELECTORS}",
                text.escape_debug()
            );
            element.reject(message, document)
        })
    });
    Some(selectors.collect())
}

const VALID_URL: &str = "an http URL, as in http://127.0.0.1:8080/status";

fn url(section: &mut Section, document: &mut Document) -> Option<Url> {
    let entry = section.required("url", VALID_URL, document)?;
    let text = entry.string(VALID_URL, document)?;
    parse_url(text).or_else(|| reject_url(&entry, text, document))
}

fn reject_url<T>(entry: &Entry, text: &str, document: &mut Document) -> Option<T> {
    let message = format!(
        "`{}` is no such URL; valid: {VALID_URL}",
        text.escape_debug()
    );
    entry.reject(message, document)
}

fn parse_url(text: &str) -> Option<Url> {
    let uri: Uri = text.parse().ok()?;
    let authority = uri.authority()?;
    let host = authority.host();
    // What stands before a host is a user, who is nobody there.
    let port = match authority.as_str().strip_prefix(host)?.strip_prefix(':') {
        None if authority.as_str() == host => 80,
        None => return None,
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
    };
    let path = uri.path_and_query()?;
    let is_plain = uri.scheme() == Some(&Scheme::HTTP) && !host.is_empty();
    is_plain.then(|| Url {
        authority: authority.to_string(),
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        path: path.to_string(),
    })
}
