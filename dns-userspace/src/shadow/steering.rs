//! What a decision could have said.

use std::net::IpAddr;

use domain::{base::Rtype, rdata::ZoneRecordData};
use serde::{Deserialize, Serialize};

use super::{Question, Reply};
use crate::model::{Name, Server, Service, Way};

/// The service whose decision is in an answer, and what it chooses among.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steering {
    /// The service's name.
    pub service: String,
    /// Addresses of its servers.
    pub addresses: Vec<IpAddr>,
    /// Names of other DNS that it hands over to: targets, or name servers.
    pub names: Vec<String>,
    /// Whether it tells the addresses of another DNS's name, which may be any.
    pub tells_others: bool,
    /// Whether the name asked for is one that veer made for a server, which nobody else
    /// need have.
    pub is_made: bool,
}

impl Steering {
    /// What `service` chooses among.
    pub fn of(service: &Service, is_made: bool) -> Self {
        let overs = &service.pool.hand_overs;
        let names = overs.iter().flat_map(|over| match &over.to {
            Way::Cname(target) => vec![text(target)],
            Way::Ns(servers) => servers.iter().map(|server| text(&server.name)).collect(),
            Way::Flattened(_) => Vec::new(),
        });
        Self {
            service: service.name.fmt_with_dot().to_string(),
            addresses: service
                .pool
                .servers
                .iter()
                .flat_map(Server::addresses)
                .collect(),
            names: names.collect(),
            tells_others: overs.iter().any(|over| over.flattening().is_some()),
            is_made,
        }
    }

    /// Whether the decision could send whoever asks `question` where `reply` does.
    pub(super) fn could_say(&self, question: &Question, reply: &Reply) -> bool {
        let is_named = |name: &Name| self.names.contains(&text(name));
        let hands_over = reply.chain(question).iter().skip(1).any(is_named)
            || reply
                .authority
                .iter()
                .any(|(_, record)| match record.data() {
                    ZoneRecordData::Ns(ns) => is_named(ns.nsdname()),
                    _ => false,
                });
        let mut addresses = addresses(reply).peekable();
        hands_over
            || addresses.peek().is_some()
                && (self.tells_others || addresses.all(|address| self.addresses.contains(&address)))
    }
}

/// The addresses in an answer.
fn addresses(reply: &Reply) -> impl Iterator<Item = IpAddr> {
    reply
        .answer
        .iter()
        .filter_map(|(_, record)| match record.data() {
            ZoneRecordData::A(a) => Some(a.addr().into()),
            ZoneRecordData::Aaaa(aaaa) => Some(aaaa.addr().into()),
            _ => None,
        })
}

/// Whether a decision is about addresses of this type.
pub(super) fn is_address(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::A | Rtype::AAAA)
}

/// A name that is equal where the names are.
fn text(name: &Name) -> String {
    name.fmt_with_dot().to_string().to_ascii_lowercase()
}
