//! What a service answers when one of its candidates is chosen.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use bytes::Bytes;
use dns_common::{
    ask::{HEADER, TYPE_AND_CLASS},
    decision::{CANDIDATES_MAX, Family},
    reply::UDP_MAX,
    tables::By,
};
use domain::{
    base::{Record, Rtype, Ttl, iana::Class, iana::SvcParamKey, name::NameBuilder},
    rdata::{A, Aaaa, Cname, Https, Svcb, ZoneRecordData, svcb::SvcParams},
};

use super::hand_over::handed_over;
use crate::{
    authority::{Steered, Steering, StoredRecord, encode::encode_answer, zones::Zones},
    model::{ALL_SERVERS, HandOver, Name, Server, Service, Shape},
};

/// The address types with their families.
const RTYPES: [(Family, Rtype); 2] = [(Family::V4, Rtype::A), (Family::V6, Rtype::AAAA)];

/// What may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// The candidate of this number.
    One(u8),
    /// The servers of this mask.
    Several(u8),
    /// All servers.
    All,
}

/// Steers as if that were chosen, and notes whose decision it would be.
pub(super) struct Candidate<'s> {
    zones: &'s Zones,
    service: &'s Service,
    label: &'s str,
    what: What<'s>,
    by: Cell<By>,
    lost: Cell<bool>,
}

/// What a candidate is.
enum What<'s> {
    Servers(Vec<&'s Server>),
    HandOver(&'s HandOver),
}

impl<'s> Candidate<'s> {
    /// What `chosen` is of the service; `None` where it has no such candidate.
    pub(super) fn new(zones: &'s Zones, service: &'s Service, chosen: Chosen) -> Option<Self> {
        let servers = &service.pool.servers;
        let (label, what) = match chosen {
            Chosen::All => (ALL_SERVERS, What::Servers(servers.iter().collect())),
            Chosen::Several(mask) => {
                let chosen = servers.iter().zip(0..);
                let chosen = chosen.filter(|(_, number)| mask >> number & 1 != 0);
                let chosen = chosen.map(|(server, _)| server).collect();
                (ALL_SERVERS, What::Servers(chosen))
            }
            Chosen::One(number) => {
                if let Some(over) = service.pool.hand_over(number) {
                    (over.name.as_str(), What::HandOver(over))
                } else {
                    let server = servers.get(usize::from(number))?;
                    (server.name.as_str(), What::Servers(vec![server]))
                }
            }
        };
        Some(Self {
            zones,
            service,
            label,
            what,
            by: Cell::new(By::Nobody),
            lost: Cell::new(false),
        })
    }

    /// Whose decision it was, as far as a server was asked for.
    pub(super) fn by(&self) -> By {
        self.by.get()
    }

    /// Whether it did not know what to say: this candidate has no such address,
    /// or the way led to another service.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.get()
    }

    fn lose(&self) -> Steered {
        self.lost.set(true);
        Steered::Fail
    }

    fn addresses(&self, servers: &[&Server], family: Family, by: By) -> Steered {
        let service = self.service;
        // Beside hand-overs one family is decided as the other, whoever has it.
        if service.pool.hand_overs.is_empty() && !has_family(service, family) {
            return Steered::NoData;
        }
        self.by.set(by);
        if !has_family(service, family) {
            return match service.shape {
                Shape::Direct => Steered::NoData,
                Shape::Cname => Steered::Records(vec![alias(service, self.label).0]),
            };
        }
        match steered_records(service, family, self.label, servers) {
            Some(records) => Steered::Records(records),
            None => self.lose(),
        }
    }

    /// The HTTPS or SVCB records of the zone with this candidate's addresses;
    /// where all of them would have to be told, without any.
    fn hints(&self, servers: &[&Server], rtype: Rtype) -> Steered {
        let service = self.service;
        let by = match [Family::V4, Family::V6].map(|family| has_family(service, family)) {
            [true, true] => By::Both,
            [true, false] => By::V4,
            _ => By::V6,
        };
        self.by.set(by);
        let zone = self.zones.find(&service.name);
        let rrset = zone.map_or(&[][..], |zone| zone.hinted(&service.name, rtype));
        let server = match servers {
            [server] if self.label != ALL_SERVERS => Some(*server),
            _ => None,
        };
        let records = rrset.iter().map(|record| {
            let ttl = record.ttl().min(Ttl::from_secs(service.ttl_s));
            let data = with_hints(record.data(), server)?;
            Some(Record::new(
                record.owner().clone(),
                record.class(),
                ttl,
                data,
            ))
        });
        match records.collect() {
            Some(records) => Steered::Records(records),
            None => self.lose(),
        }
    }
}

impl Steering for Candidate<'_> {
    fn steer(&self, name: &Name, rtype: Rtype, _: IpAddr) -> Steered {
        if *name != self.service.name {
            return self.lose();
        }
        match (&self.what, rtype) {
            (What::HandOver(over), _) => match (handed_over(self.service, over), rtype) {
                (Some(steered), _) => steered,
                // Each network gets addresses of its own, which no table has.
                (None, Rtype::A | Rtype::AAAA) => self.lose(),
                (None, _) => self.hints(&[], rtype),
            },
            (What::Servers(servers), Rtype::A) => self.addresses(servers, Family::V4, By::V4),
            (What::Servers(servers), Rtype::AAAA) => self.addresses(servers, Family::V6, By::V6),
            (What::Servers(servers), _) => self.hints(servers, rtype),
        }
    }
}

fn has_family(service: &Service, family: Family) -> bool {
    service.pool.servers.iter().any(|server| match family {
        Family::V4 => !server.v4.is_empty(),
        Family::V6 => !server.v6.is_empty(),
    })
}

/// The records that send to `servers`, of which CNAME-shaped services speak as
/// `label`: as many addresses as a reply without EDNS can hold.
fn steered_records(
    service: &Service,
    family: Family,
    label: &str,
    servers: &[&Server],
) -> Option<Vec<StoredRecord>> {
    let (mut records, owner) = match service.shape {
        Shape::Direct => (Vec::new(), service.name.clone()),
        Shape::Cname => {
            let (cname, target) = alias(service, label);
            (vec![cname], target)
        }
    };
    let alone = records.len();
    records.extend(address_records(service, family, &owner, servers));
    if records.len() == alone {
        return None;
    }
    Some(fitting(service, records))
}

/// As many of the `records` at the name of `service` as a reply without EDNS can hold, an
/// address at least; the last is one.
pub fn fitting(service: &Service, mut records: Vec<StoredRecord>) -> Vec<StoredRecord> {
    let question = HEADER + service.name.len() + TYPE_AND_CLASS;
    let rtype = records.last().map_or(Rtype::A, Record::rtype);
    let fits = |records: &[StoredRecord]| {
        let octets = encode_answer(&service.name, rtype, records);
        octets.is_some_and(|octets| question + octets.len() <= UDP_MAX)
    };
    let addresses = |records: &[StoredRecord]| {
        let of_type = records.iter().filter(|record| record.rtype() == rtype);
        of_type.count()
    };
    while !fits(&records) && addresses(&records) > 1 {
        records.pop();
    }
    records
}

/// What server `number` of `service`, whose shape is direct, has of `family`.
pub fn server_addresses(service: &Service, number: u8, family: Family) -> Steered {
    let server: Vec<_> = service
        .pool
        .servers
        .get(usize::from(number))
        .into_iter()
        .collect();
    let records = steered_records(service, family, "", &server);
    records.map_or(Steered::NoData, Steered::Records)
}

/// The CNAME of a CNAME-shaped service to what it calls `label`, and its target.
fn alias(service: &Service, label: &str) -> (StoredRecord, Name) {
    let target = child(&service.name, label);
    let cname = record(service, &service.name, Cname::new(target.clone()).into());
    (cname, target)
}

/// The names a CNAME-shaped service has beside its own, with their records.
pub fn cname_targets(service: &Service) -> Vec<Vec<StoredRecord>> {
    if service.shape != Shape::Cname {
        return Vec::new();
    }
    debug_assert!(service.pool.servers.len() <= CANDIDATES_MAX);
    let servers = &service.pool.servers;
    let each = servers
        .iter()
        .map(|server| (server.name.as_str(), vec![server]));
    let all = (ALL_SERVERS, servers.iter().collect());
    each.chain([all])
        .flat_map(|(label, servers)| {
            let owner = child(&service.name, label);
            RTYPES.map(|(family, _)| address_records(service, family, &owner, &servers).collect())
        })
        .filter(|records: &Vec<_>| !records.is_empty())
        .collect()
}

fn address_records<'r>(
    service: &'r Service,
    family: Family,
    owner: &'r Name,
    servers: &'r [&Server],
) -> impl Iterator<Item = StoredRecord> + 'r {
    servers.iter().flat_map(move |server| {
        let data: Vec<ZoneRecordData<_, _>> = match family {
            Family::V4 => server.v4.iter().map(|v4| A::new(*v4).into()).collect(),
            Family::V6 => server.v6.iter().map(|v6| Aaaa::new(*v6).into()).collect(),
        };
        data.into_iter().map(|data| record(service, owner, data))
    })
}

pub(super) fn record(
    service: &Service,
    owner: &Name,
    data: ZoneRecordData<Bytes, Name>,
) -> StoredRecord {
    Record::new(
        owner.clone(),
        Class::IN,
        Ttl::from_secs(service.ttl_s),
        data,
    )
}

/// `label` below `name`; configuration has checked that it fits.
fn child(name: &Name, label: &str) -> Name {
    const FITS: &str = "configuration has checked that the name fits";
    let mut builder = NameBuilder::new_bytes();
    builder.append_label(label.as_bytes()).expect(FITS);
    builder.append_origin(name).expect(FITS)
}

/// HTTPS or SVCB data with the hints it has replaced by those of `server`.
pub(super) fn with_hints(
    data: &ZoneRecordData<Bytes, Name>,
    server: Option<&Server>,
) -> Option<ZoneRecordData<Bytes, Name>> {
    Some(match data {
        ZoneRecordData::Https(data) => {
            let params = replaced(data.params(), server)?;
            Https::new(data.priority(), data.target().clone(), params)
                .ok()?
                .into()
        }
        ZoneRecordData::Svcb(data) => {
            let params = replaced(data.params(), server)?;
            Svcb::new(data.priority(), data.target().clone(), params)
                .ok()?
                .into()
        }
        _ => return None,
    })
}

/// `params` with the address hints among them replaced by the addresses of
/// `server`, or left out where it has none.
fn replaced(params: &SvcParams<Bytes>, server: Option<&Server>) -> Option<SvcParams<Bytes>> {
    let hints = |key| -> Option<Vec<u8>> {
        let server = server?;
        let octets: Vec<u8> = match key {
            SvcParamKey::IPV4HINT => server.v4.iter().flat_map(Ipv4Addr::octets).collect(),
            _ => server.v6.iter().flat_map(Ipv6Addr::octets).collect(),
        };
        (!octets.is_empty()).then_some(octets)
    };
    let is_hint = |key| matches!(key, SvcParamKey::IPV4HINT | SvcParamKey::IPV6HINT);
    let mut wire = Vec::new();
    for param in params.iter_raw() {
        let key = param.key();
        let value = match key {
            SvcParamKey::IPV4HINT | SvcParamKey::IPV6HINT => hints(key),
            // What is left out cannot be mandatory (RFC 9460 section 8).
            SvcParamKey::MANDATORY => {
                let keys = param.as_slice().chunks_exact(2);
                let kept = keys.filter(|octets| {
                    let key = SvcParamKey::from_int(u16::from_be_bytes([octets[0], octets[1]]));
                    !is_hint(key) || hints(key).is_some()
                });
                let kept = kept.flatten().copied().collect::<Vec<u8>>();
                (!kept.is_empty()).then_some(kept)
            }
            _ => Some(param.as_slice().to_vec()),
        };
        if let Some(value) = value {
            wire.extend(key.to_int().to_be_bytes());
            wire.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
            wire.extend(value);
        }
    }
    SvcParams::from_octets(Bytes::from(wire)).ok()
}
