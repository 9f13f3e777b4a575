//! What a service answers when a hand-over is chosen.

use std::net::IpAddr;

use dns_common::ask::{HEADER, TYPE_AND_CLASS};
use domain::{
    base::Rtype,
    rdata::{A, Aaaa, Cname, Ns},
};

use super::service::record;
use crate::{
    authority::{Referral, Steered, encode::encode_sections, lookup::Response},
    model::{HandOver, NameServer, Service, Way},
};

/// What sends to the other DNS that `over` is for; `None` where that is asked in the
/// resolver's stead.
pub(super) fn handed_over(service: &Service, over: &HandOver) -> Option<Steered> {
    Some(match &over.to {
        Way::Cname(target) => {
            let cname = Cname::new(target.clone());
            Steered::Records(vec![record(service, &service.name, cname.into())])
        }
        Way::Ns(servers) => Steered::Referral(referral(service, servers)),
        Way::Flattened(_) => return None,
    })
}

/// The delegation of a service's name to `servers`.
fn referral(service: &Service, servers: &[NameServer]) -> Referral {
    let ns = |server: &NameServer| {
        let data = Ns::new(server.name.clone());
        record(service, &service.name, data.into())
    };
    let glue = servers.iter().flat_map(|server| {
        server.addresses.iter().map(|address| {
            let data = match address {
                IpAddr::V4(v4) => A::new(*v4).into(),
                IpAddr::V6(v6) => Aaaa::new(*v6).into(),
            };
            record(service, &server.name, data)
        })
    });
    Referral {
        ns: servers.iter().map(ns).collect(),
        glue: glue.collect(),
    }
}

/// Octets of the reply without EDNS that refers to `servers` at the name of
/// `service`; `None` where no message could hold it.
pub fn referral_octets(service: &Service, servers: &[NameServer]) -> Option<usize> {
    let max = usize::from(u16::MAX) / 2;
    let response = Response::referral(referral(service, servers));
    let sections = encode_sections(&service.name, Rtype::A, &response, max, max)?;
    Some(HEADER + service.name.len() + TYPE_AND_CLASS + sections.octets.len())
}
