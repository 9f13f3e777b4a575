//! Compile: from zones, services and decisions to one generation of tables.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use dns_common::{
    ask::{HEADER, TYPE_AND_CLASS},
    decision::{ALL_CANDIDATES, CANDIDATES_MAX, Eligible, Family, Ranking},
    reply::UDP_MAX,
    tables::Row,
};
use domain::{
    base::{Record, Rtype, Ttl, iana::Class, name::NameBuilder},
    rdata::{A, Aaaa, Cname, ZoneRecordData},
};

use super::director::{Change, Director};
use crate::{
    authority::{StoredRecord, encode::encode_answer, zones::Zones},
    model::{ALL_SERVERS, Name, Server, Service, Shape},
    tables::{Image, ImageBuilder, ImageError, Records, RowData, Tables},
};

/// The record types the kernel answers, in the order rows keep their answers.
const RTYPES: [(Family, Rtype); 2] = [(Family::V4, Rtype::A), (Family::V6, Rtype::AAAA)];

/// What else a generation is made of.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'s> {
    /// Addresses we answer at.
    pub addresses: &'s [IpAddr],
    /// The port we answer on.
    pub port: u16,
    /// Service names by counter number; every service of the plan is there.
    pub counters: &'s [String],
}

/// Builds generation `number` for `tables` from the zones and from what
/// `director` has decided so far. Nothing is written.
pub fn compile(
    number: u64,
    tables: &Tables,
    zones: &Zones,
    director: &Director,
    surroundings: &Surroundings<'_>,
) -> Result<Image, ImageError> {
    let room = tables.capacity().services;
    if surroundings.counters.len() > room as usize {
        return Err(ImageError::Full {
            what: "services, those since start included",
            needed: surroundings.counters.len() as u64,
            capacity: u64::from(room),
            setting: "tables.services",
        });
    }
    let mut image = ImageBuilder::new(*tables.capacity(), tables.half(number));
    let plan = director.plan();
    for (eligible, rankings) in words(director) {
        image.pool(eligible, rankings);
    }

    let counters: HashMap<&str, u32> = surroundings
        .counters
        .iter()
        .map(String::as_str)
        .zip(0..)
        .collect();
    let mut known = HashSet::new();
    for (service, pool) in &plan.services {
        let name = service.name.fmt_with_dot().to_string();
        let data = RowData::Steered {
            // A number past the table's end is not counted.
            service: counters.get(name.as_str()).copied().unwrap_or(u32::MAX),
            pool: *pool,
            answers: RTYPES.map(|(family, _)| steered_answers(service, family)),
        };
        image.name(service.name.as_slice(), &data);
        known.insert(&service.name);
    }
    for name in zones.names() {
        if !known.insert(name) {
            continue;
        }
        let answers = RTYPES.map(|(_, rtype)| {
            let records = zones.static_answer(name, rtype)?;
            encode(name, rtype, &records)
        });
        if answers.iter().any(Option::is_some) {
            image.name(name.as_slice(), &RowData::Static(answers));
        }
    }
    image.build(surroundings.addresses, surroundings.port)
}

/// Eligibility and rankings of every pool, in order.
fn words(director: &Director) -> Vec<(Eligible, Vec<Ranking>)> {
    let plan = director.plan();
    let groups = plan.groups.names.len();
    let mut pools = vec![(Eligible::default(), vec![Ranking::EMPTY; groups]); plan.pools.len()];
    for change in director.words() {
        match change {
            Change::Eligible { pool, word } => pools[usize::from(pool)].0 = word,
            Change::Ranking { pool, group, word } => {
                pools[usize::from(pool)].1[usize::from(group)] = word;
            }
        }
    }
    pools
}

/// The answers of one family: each candidate's, then all candidates' together.
fn steered_answers(
    service: &Service,
    family: Family,
) -> [Option<Records>; Row::STEERED_ANSWERS as usize] {
    let servers = &service.pool.servers;
    std::array::from_fn(|candidate| {
        let (label, chosen) = if candidate == usize::from(ALL_CANDIDATES) {
            (ALL_SERVERS, servers.as_slice())
        } else {
            let server = servers.get(candidate..=candidate)?;
            (server[0].name.as_str(), server)
        };
        steered_answer(service, family, label, chosen)
    })
}

/// The answer that sends to `servers`, of which CNAME-shaped services speak as
/// `label`: as many addresses as a reply without EDNS can hold.
fn steered_answer(
    service: &Service,
    family: Family,
    label: &str,
    servers: &[Server],
) -> Option<Records> {
    let rtype = RTYPES[family as usize].1;
    let (mut records, owner) = match service.shape {
        Shape::Direct => (Vec::new(), service.name.clone()),
        Shape::Cname => {
            let target = child(&service.name, label);
            let cname = record(service, &service.name, Cname::new(target.clone()).into());
            (vec![cname], target)
        }
    };
    let alone = records.len();
    records.extend(address_records(service, family, &owner, servers));
    if records.len() == alone {
        return None;
    }
    let mut answer = encode(&service.name, rtype, &records);
    while answer.is_none() && records.len() > alone + 1 {
        records.pop();
        answer = encode(&service.name, rtype, &records);
    }
    answer
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
        .map(|server| (server.name.as_str(), std::slice::from_ref(server)));
    let all = (ALL_SERVERS, servers.as_slice());
    each.chain([all])
        .flat_map(|(label, servers)| {
            let owner = child(&service.name, label);
            RTYPES.map(|(family, _)| address_records(service, family, &owner, servers).collect())
        })
        .filter(|records: &Vec<_>| !records.is_empty())
        .collect()
}

fn address_records<'r>(
    service: &'r Service,
    family: Family,
    owner: &'r Name,
    servers: &'r [Server],
) -> impl Iterator<Item = StoredRecord> + 'r {
    servers.iter().flat_map(move |server| {
        let data: Vec<ZoneRecordData<_, _>> = match family {
            Family::V4 => server.v4.iter().map(|v4| A::new(*v4).into()).collect(),
            Family::V6 => server.v6.iter().map(|v6| Aaaa::new(*v6).into()).collect(),
        };
        data.into_iter().map(|data| record(service, owner, data))
    })
}

fn record(
    service: &Service,
    owner: &Name,
    data: ZoneRecordData<bytes::Bytes, Name>,
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

/// The wire form, where it fits a reply without EDNS to that question.
fn encode(question: &Name, rtype: Rtype, records: &[StoredRecord]) -> Option<Records> {
    let octets = encode_answer(question, rtype, records)?;
    let reply = HEADER + question.as_slice().len() + TYPE_AND_CLASS + octets.len();
    (reply <= UDP_MAX).then_some(Records {
        octets,
        count: records.len() as u16,
    })
}
