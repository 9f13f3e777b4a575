//! Probes by HTTP: what they ask for, and what passes.

use std::{fs::File, path::Path};

use hyper::http::uri::PathAndQuery;
use rustls_pki_types::ServerName;

use crate::{
    config::{
        files::unreadable,
        section::{Document, Entry, Section},
    },
    model::{Name, ProbeKind, Tls},
};

/// What http and https have in common.
pub(super) fn http(
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
    let host = host(section, name, document);
    let path = path(section, "/", document);
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

/// The key `host`, by default the service's name.
pub(super) fn host(
    section: &mut Section,
    name: Option<&Name>,
    document: &mut Document,
) -> Option<String> {
    let Some(entry) = section.optional("host", document) else {
        return default_host(section, name?, document);
    };
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

/// The key `path`.
pub(super) fn path(
    section: &mut Section,
    default: &str,
    document: &mut Document,
) -> Option<String> {
    let Some(entry) = section.optional("path", document) else {
        return Some(default.to_owned());
    };
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

pub(super) fn tls(section: &mut Section, dir: &Path, document: &mut Document) -> Tls {
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
