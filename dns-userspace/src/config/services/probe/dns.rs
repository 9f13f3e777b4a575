//! Probes by a query: which, and what is expected.

use domain::base::Rtype;

use crate::{
    config::section::{Document, Section},
    model::{DnsQuery, Name, ProbeKind},
};

/// Port where none is set.
const PORT: u16 = 53;

const VALID_NAME: &str = "a domain name, e.g. \"example.com.\"";
const VALID_TYPE: &str = "a record type such as A or AAAA, or TYPE and a number";

pub(super) fn read(section: &mut Section, document: &mut Document) -> Option<ProbeKind> {
    let port = section
        .optional("port", document)
        .map_or(Some(PORT), |entry| entry.integer(1..=u16::MAX, document));
    let name = section
        .required("name", VALID_NAME, document)
        .and_then(|entry| {
            let text = entry.string(VALID_NAME, document)?;
            let name = Name::bytes_from_str(text).ok();
            name.or_else(|| {
                let shown = text.escape_debug();
                entry.reject(
                    format!("`{shown}` is not a domain name; valid: {VALID_NAME}"),
                    document,
                )
            })
        });
    let rtype = section
        .optional("type", document)
        .map_or(Some(Rtype::A), |entry| {
            let text = entry.string(VALID_TYPE, document)?;
            let rtype = text.parse().ok();
            rtype.or_else(|| {
                let shown = text.escape_debug();
                entry.reject(
                    format!("`{shown}` is not a record type; valid: {VALID_TYPE}"),
                    document,
                )
            })
        });
    let expected = section
        .optional("expected", document)
        .and_then(|entry| entry.string("a record's data", document))
        .map(str::to_owned);
    Some(ProbeKind::Dns {
        port: port?,
        query: DnsQuery {
            name: name?,
            rtype: rtype?,
            expected,
        },
    })
}
