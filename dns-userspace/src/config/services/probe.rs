//! How the addresses of a service's servers are measured.
//!
//! ```toml
//! [service.probe]
//! kind = "http"              # tcp, http, https
//! port = 80                  # by default 80 for http, 443 for https
//! interval_ms = 1000         # 1000 by default, 10 to 3600000
//! timeout_ms = 300           # 300 by default, below interval_ms
//! up_after = 2               # 2 by default
//! down_after = 3             # 3 by default
//! # http and https:
//! host = "www.example.com"   # by default the service's name
//! path = "/healthz"          # by default /
//! status = [200]             # by default [200]
//! body = "ok"                # what the body must contain, if anything
//! # https:
//! verify = true              # the default
//! ca_file = "roots.pem"      # relative to the configuration directory
//! ```

use std::{fs::File, path::Path, time::Duration};

use hyper::http::uri::PathAndQuery;
use rustls_pki_types::ServerName;

use crate::{
    config::{
        files::unreadable,
        section::{Document, Entry, Section},
    },
    model::{Name, Probe, ProbeKind, Tls},
};

const INTERVAL_MS: u64 = 1000;
const TIMEOUT_MS: u64 = 300;
const UP_AFTER: u32 = 2;
const DOWN_AFTER: u32 = 3;

#[derive(Clone, Copy)]
enum Kind {
    Tcp,
    Http,
    Https,
}

const KINDS: [(&str, Kind); 3] = [
    ("tcp", Kind::Tcp),
    ("http", Kind::Http),
    ("https", Kind::Https),
];

const VALID: &str = "a [service.probe] table with kind = \"tcp\", \"http\" or \"https\"";

/// The probe of the service `name`, whose relative paths start at `dir`.
pub(super) fn read(
    service: &mut Section,
    name: Option<&Name>,
    dir: &Path,
    document: &mut Document,
) -> Option<Probe> {
    let mut section = service
        .required("probe", VALID, document)?
        .section(VALID, document)?;
    let (interval, timeout) = times(&mut section, document);
    let up_after = threshold(&mut section, "up_after", document).unwrap_or(UP_AFTER);
    let down_after = threshold(&mut section, "down_after", document).unwrap_or(DOWN_AFTER);
    let kind = section
        .required("kind", "tcp, http, https", document)?
        .choice(&KINDS, document)?;
    let kind = match kind {
        Kind::Tcp => {
            let port = section
                .required("port", "1 to 65535", document)
                .and_then(|entry| entry.integer(1..=u16::MAX, document));
            section.close("a tcp probe", document);
            ProbeKind::Tcp { port: port? }
        }
        Kind::Http => {
            let http = http(&mut section, 80, None, name, document);
            section.close("an http probe", document);
            http?
        }
        Kind::Https => {
            let tls = tls(&mut section, dir, document);
            let http = http(&mut section, 443, Some(tls), name, document);
            section.close("an https probe", document);
            http?
        }
    };
    Some(Probe {
        kind,
        interval,
        timeout,
        up_after,
        down_after,
    })
}

/// Interval and timeout, the latter shorter.
fn times(section: &mut Section, document: &mut Document) -> (Duration, Duration) {
    let interval_entry = section.optional("interval_ms", document);
    let timeout_entry = section.optional("timeout_ms", document);
    let interval_set = interval_entry
        .as_ref()
        .map(|entry| entry.integer(10..=3_600_000, document));
    let timeout_set = timeout_entry
        .as_ref()
        .map(|entry| entry.integer(1..=3_600_000 - 1, document));
    let interval_ms = interval_set.flatten().unwrap_or(INTERVAL_MS);
    let timeout_ms = timeout_set.flatten().unwrap_or(TIMEOUT_MS);
    // A value that was refused has been reported; its default proves nothing.
    let judged = interval_set != Some(None) && timeout_set != Some(None);
    if judged && timeout_ms >= interval_ms {
        let default = if timeout_set.is_none() {
            ", the default,"
        } else {
            ""
        };
        let message = format!(
            "{timeout_ms}{default} is not below interval_ms ({interval_ms}); valid: 1 to {}",
            interval_ms - 1
        );
        let line = timeout_entry
            .or(interval_entry)
            .map_or(0, |entry| entry.line);
        document.report(line, &format!("{}.timeout_ms", section.path), message);
    }
    (
        Duration::from_millis(interval_ms),
        Duration::from_millis(timeout_ms),
    )
}

fn threshold(section: &mut Section, key: &'static str, document: &mut Document) -> Option<u32> {
    let entry = section.optional(key, document)?;
    entry.integer(1..=100, document)
}

/// What http and https have in common.
fn http(
    section: &mut Section,
    default_port: u16,
    tls: Option<Tls>,
    name: Option<&Name>,
    document: &mut Document,
) -> Option<ProbeKind> {
    let port = section
        .optional("port", document)
        .and_then(|entry| entry.integer(1..=u16::MAX, document))
        .unwrap_or(default_port);
    let host = match section.optional("host", document) {
        Some(entry) => host(&entry, document),
        None => default_host(section, name?, document),
    };
    let path = section
        .optional("path", document)
        .map_or_else(|| Some("/".to_owned()), |entry| path(&entry, document));
    let status = section
        .optional("status", document)
        .map_or_else(|| Some(vec![200]), |entry| status(&entry, document));
    let body = section
        .optional("body", document)
        .and_then(|entry| body(&entry, document));
    Some(ProbeKind::Http {
        port,
        tls,
        host: host?,
        path: path?,
        status: status?,
        body,
    })
}

const VALID_HOST: &str = "a host name or an IP address, without port";

fn host(entry: &Entry, document: &mut Document) -> Option<String> {
    let text = entry.string(VALID_HOST, document)?;
    if ServerName::try_from(text).is_ok() {
        return Some(text.to_owned());
    }
    let message = format!(
        "`{}` is not a host; valid: {VALID_HOST}",
        text.escape_debug()
    );
    entry.reject(message, document)
}

/// The service's name without its final dot, where that is a host's name.
fn default_host(section: &Section, name: &Name, document: &mut Document) -> Option<String> {
    let text = name.to_string();
    if ServerName::try_from(text.as_str()).is_ok() {
        return Some(text);
    }
    let message = format!("is missing, and `{text}` is not a host; valid: {VALID_HOST}");
    document.report(section.line, &format!("{}.host", section.path), message);
    None
}

const VALID_PATH: &str = "a path and query that start with `/`, percent-encoded";

fn path(entry: &Entry, document: &mut Document) -> Option<String> {
    let text = entry.string(VALID_PATH, document)?;
    let whole = PathAndQuery::try_from(text).is_ok_and(|parsed| parsed.as_str() == text);
    if whole && text.starts_with('/') {
        return Some(text.to_owned());
    }
    let message = format!(
        "`{}` is not a path; valid: {VALID_PATH}",
        text.escape_debug()
    );
    entry.reject(message, document)
}

const VALID_STATUS: &str = "an array of statuses from 200 to 599";

fn status(entry: &Entry, document: &mut Document) -> Option<Vec<u16>> {
    let elements = entry.array(VALID_STATUS, document)?;
    if elements.is_empty() {
        return entry.reject(format!("is empty; valid: {VALID_STATUS}"), document);
    }
    let statuses = elements
        .iter()
        .filter_map(|element| element.integer(200..=599, document));
    Some(statuses.collect())
}

const VALID_BODY: &str = "a text that is not empty";

fn body(entry: &Entry, document: &mut Document) -> Option<String> {
    let text = entry.string(VALID_BODY, document)?;
    if text.is_empty() {
        return entry.reject(format!("is empty; valid: {VALID_BODY}"), document);
    }
    Some(text.to_owned())
}

const VALID_CA_FILE: &str = "a readable PEM file of roots";

fn tls(section: &mut Section, dir: &Path, document: &mut Document) -> Tls {
    let verify = section
        .optional("verify", document)
        .and_then(|entry| entry.boolean(document))
        .unwrap_or(true);
    let ca_file = section.optional("ca_file", document).and_then(|entry| {
        let path = dir.join(entry.string(VALID_CA_FILE, document)?);
        match File::open(&path) {
            Ok(_) => Some(path),
            Err(error) => {
                let fault = unreadable(&error, VALID_CA_FILE);
                entry.reject(format!("{} {fault}", path.display()), document)
            }
        }
    });
    Tls { verify, ca_file }
}
