//! Probes that ask an agent: where, and with which token.

use super::{Context, http};
use crate::{
    agent::report,
    config::{
        section::{Document, Section},
        token_file,
    },
    model::{Agent, Token},
};

const PATH: &str = "/v1/report";

const KINDS: [(&str, report::Kind); 2] = [
    ("server", report::Kind::Server),
    ("aggregate", report::Kind::Aggregate),
];

pub(super) fn read(
    section: &mut Section,
    context: &Context,
    document: &mut Document,
) -> Option<Agent> {
    let port = section
        .required("port", "1 to 65535", document)
        .and_then(|entry| entry.integer(1..=u16::MAX, document));
    let has_tls = section
        .optional("tls", document)
        .and_then(|entry| entry.boolean(document))
        .unwrap_or(true);
    let tls = has_tls.then(|| http::tls(section, context.dir, document));
    let host = http::host(section, context.name, document);
    let path = http::path(section, PATH, document);
    let token = section
        .required("token_file", token_file::VALID, document)
        .and_then(|entry| token_file::read(&entry, context.dir, document))
        .and_then(|tokens| tokens.into_iter().next());
    let kind = section
        .optional("report", document)
        .map_or(Some(report::Kind::Server), |entry| {
            entry.choice(&KINDS, document)
        });
    Some(Agent {
        port: port?,
        tls,
        host: host?,
        path: path?,
        token: Token(token?),
        kind: kind?,
    })
}
