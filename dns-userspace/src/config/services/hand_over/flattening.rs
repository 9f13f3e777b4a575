//! The name whose addresses are told in the other DNS's stead, and who is asked for
//! them.

use std::net::{IpAddr, SocketAddr};

use super::name;
use crate::{
    config::{
        address,
        section::{Document, Entry},
    },
    model::Flattening,
};

/// Resolvers of one name: as many as are asked in the time that a query waits, twice over.
const RESOLVERS_MAX: usize = 4;

/// The port that DNS has (RFC 1035 section 4.2).
const PORT: u16 = 53;

pub(super) const VALID_NAME: &str = "the other DNS's name whose addresses are to be told, e.g. \"www.example.com.cdn.example.net.\"";

const VALID_RESOLVERS: &str = "1 to 4 addresses of resolvers, each with a port or for port 53, \
                               e.g. [\"192.0.2.53\", \"[2001:db8::53]:5353\"]";

/// What `addresses_of` and the resolvers beside it say.
pub(super) fn read(
    entry: &Entry,
    resolvers: Option<&Entry>,
    document: &mut Document,
) -> Option<Flattening> {
    let resolvers = resolvers.map_or_else(Vec::new, |entry| self::resolvers(entry, document));
    let name = name(entry, VALID_NAME, document)?;
    Some(Flattening { name, resolvers })
}

fn resolvers(entry: &Entry, document: &mut Document) -> Vec<SocketAddr> {
    let Some(elements) = entry.array(VALID_RESOLVERS, document) else {
        return Vec::new();
    };
    let count = elements.len();
    if count == 0 || count > RESOLVERS_MAX {
        let message = format!("has {count} resolvers; valid: {VALID_RESOLVERS}");
        document.report(entry.line, &entry.path, message);
    }
    let mut resolvers = Vec::new();
    for element in elements {
        let Some(resolver) = resolver(&element, document) else {
            continue;
        };
        if resolvers.contains(&resolver) {
            let message = format!("{resolver} is listed twice; valid: {VALID_RESOLVERS}");
            document.report(element.line, &element.path, message);
        } else {
            resolvers.push(resolver);
        }
    }
    resolvers
}

fn resolver(element: &Entry, document: &mut Document) -> Option<SocketAddr> {
    let text = element.string(VALID_RESOLVERS, document)?;
    let with_port = text.parse::<SocketAddr>().ok();
    let (address, port) = match with_port {
        Some(both) => (both.ip().to_string(), both.port()),
        None => (text.to_owned(), PORT),
    };
    let address: IpAddr = match address::parse(&address) {
        Ok(address) => address,
        Err(fault) => {
            let message = format!("{fault}, or one with a port; valid: {VALID_RESOLVERS}");
            return element.reject(message, document);
        }
    };
    if port == 0 {
        let message = format!("`{text}` has port 0; valid: {VALID_RESOLVERS}");
        return element.reject(message, document);
    }
    Some(SocketAddr::new(address, port))
}
