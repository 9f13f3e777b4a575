//! Steered names whose decision is to tell what another DNS says.

use std::net::IpAddr;

use dns_common::{
    ask::{self, Wanted},
    decide,
    decision::Family,
    tables::Source,
};
use domain::{
    base::{Record, Rtype, Ttl, iana::Class},
    rdata::{A, Aaaa, ZoneRecordData},
};

use super::steer::Steerer;
use crate::{
    authority::{Steered, StoredRecord, server::Later},
    flattening::Got,
    measurement::compile::{fitting, server_addresses},
    model::{Name, Service},
};

/// What of a query concerns other DNS.
#[derive(Default)]
pub(super) struct Asking {
    /// SOURCE PREFIX-LENGTH of the client subnet, where one is heeded.
    pub(super) source_len: Option<u8>,
    /// What the answer has to wait for.
    pub(super) later: Option<Later>,
}

impl Steerer<'_> {
    /// What `source` gets of type `rtype` at `name` where the decision is to resolve another
    /// DNS's name; `None` where it is another. `query` is the question for it.
    ///
    /// Where that name cannot be resolved the next candidate takes its place.
    pub(super) fn flattened(
        &self,
        query: &[u8],
        name: &Name,
        rtype: Rtype,
        source: IpAddr,
    ) -> Option<Steered> {
        let of = self.live.flattened.of(name)?;
        let family = match rtype {
            Rtype::A => Family::V4,
            Rtype::AAAA => Family::V6,
            _ => return None,
        };
        let (service, _) = self.live.plan.services.get(of.position)?;
        let (generation, host) = (&self.live.generation, &self.host);
        let ask = ask::ask(query, generation.seed, Wanted::by(host), host).ok()?;
        let (row, answers) = decide::find(query, &ask, self.tables, generation, host).ok()?;
        let asker = Source::from(source.to_canonical());
        let mut without = 0;
        loop {
            let candidate = decide::candidate(
                query,
                &row,
                answers,
                without,
                asker,
                self.tables,
                generation,
                host,
            );
            let Some((number, scope)) = candidate else {
                return (without != 0).then_some(Steered::Fail);
            };
            let Some(target) = of.target(number) else {
                self.widen(scope);
                return (without != 0).then(|| server_addresses(service, number, family));
            };
            self.widen(scope);
            let asked = self.asking.borrow().source_len;
            let flattened = &self.live.flattened;
            match flattened.get(target, family, (source, asked), self.may_wait) {
                Got::Told {
                    addresses,
                    ttl_s,
                    scope,
                } => {
                    self.widen(scope);
                    return Some(told(service, &addresses, ttl_s));
                }
                Got::Later(later) => {
                    self.asking.borrow_mut().later = Some(later);
                    return Some(Steered::Fail);
                }
                Got::Nothing => without |= 1 << number,
            }
        }
    }
}

/// The answer of `service` with these addresses, or that there are none.
fn told(service: &Service, addresses: &[IpAddr], ttl_s: u32) -> Steered {
    if addresses.is_empty() {
        return Steered::NoData;
    }
    let ttl = Ttl::from_secs(service.ttl_s.min(ttl_s));
    let record = |address: &IpAddr| -> StoredRecord {
        let data: ZoneRecordData<_, _> = match address {
            IpAddr::V4(v4) => A::new(*v4).into(),
            IpAddr::V6(v6) => Aaaa::new(*v6).into(),
        };
        Record::new(service.name.clone(), Class::IN, ttl, data)
    };
    Steered::Records(fitting(service, addresses.iter().map(record).collect()))
}
