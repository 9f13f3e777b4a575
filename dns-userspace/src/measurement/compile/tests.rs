use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr},
};

use dns_common::{
    ask::{HEADER, TYPE_AND_CLASS},
    decision::{ALL_CANDIDATES, Eligible, Family, Ranking},
    name::NAME_MAX,
    outcome::Outcome,
    reply::fold_sum,
    respond,
    tables::{AnswerHead, Generation, Source},
};
use domain::{
    base::{
        Message, MessageBuilder,
        iana::Rcode,
        name::{FlattenInto as _, NameBuilder},
    },
    rdata::ZoneRecordData,
};
use proptest::{prelude::*, sample::select};
use tokio::time::Instant;

use super::{service::with_hints, *};
use crate::{
    authority::{
        Referral, Steered, Steering, StoredRecord,
        encode::encode_sections,
        lookup::{Records, Response, lookup},
        testing::{name, records},
        zone::HandsOver,
    },
    measurement::decide::{Fit, Fitness, Held, eligible},
    model::{
        AllDown, Flattening, Groups, HandOver, HealthRules, NameServer, Policy, Pool, Probe,
        ProbeKind, Quantity, Server, Shape, Unknown, Way,
    },
    tables::{Capacity, testing::Quiet},
};

const CAPACITY: Capacity = Capacity {
    names: 4096,
    groups: 1,
    pools: 8,
    answer_cells: 32_768,
    chunks: 1,
    services: 8,
    rate_buckets: 1,
};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// Zones and services, and the tables made of them.
struct World {
    zones: Zones,
    plan: Plan,
    tables: Tables,
    generation: Generation,
    decisions: Vec<(Eligible, Ranking)>,
}

impl World {
    /// Publishes the tables; `decisions` are those of the pools, in turn.
    fn new(zones: Vec<Zone>, services: Vec<Service>, decisions: &[(Eligible, Ranking)]) -> Self {
        let zones = Zones::new(zones).expect("distinct zones");
        let plan = Plan::new(services, Groups::default());
        let decisions: Vec<_> = decisions
            .iter()
            .copied()
            .cycle()
            .take(plan.pools.len())
            .collect();
        let tables = Tables::in_memory(CAPACITY).expect("memory");
        let mut image = ImageBuilder::new(&tables, 1);
        for (eligible, ranking) in &decisions {
            image.pool(*eligible, &[*ranking], &[]);
        }
        let image = rows(image, &zones, &plan, &[]);
        let image = image.build(&[], 53, [Secret(0, 0); 2]).expect("it fits");
        tables.publish(&image);
        Self {
            zones,
            plan,
            generation: *image.generation(),
            tables,
            decisions,
        }
    }

    /// The reply of the shared fast path, whose sum is what it says.
    fn fast(&self, name: &Name, rtype: Rtype) -> Result<Vec<u8>, Outcome> {
        let mut builder = MessageBuilder::new_vec().question();
        builder.push((name, rtype)).expect("room");
        let mut builder = builder.additional();
        builder
            .opt(|opt| {
                opt.set_udp_payload_size(4096);
                Ok(())
            })
            .expect("room");
        let mut message = builder.finish();
        let (source, host) = (Source::from(SOURCE), Quiet::default());
        let reply = respond(&message[..], source, &self.tables, &self.generation, &host)?;
        message.resize(reply.len(), 0);
        reply
            .write(&mut message[..], &self.tables)
            .expect("it has the room");
        let pairs = message
            .chunks(2)
            .map(|pair| u64::from(u16::from_le_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
        assert_eq!(
            fold_sum(reply.sum()),
            fold_sum(pairs.sum()),
            "{name} {rtype}"
        );
        Ok(message)
    }

    fn lookup(&self, name: &Name, rtype: Rtype) -> Response<'_> {
        lookup(&self.zones, name, rtype, SOURCE, self)
    }

    fn service(&self, name: &Name) -> Option<(&Service, u16)> {
        let mut services = self.plan.services.iter();
        let (service, pool) = services.find(|(service, _)| service.name == *name)?;
        Some((service, *pool))
    }

    /// Whether `group` is an alias of a name below one that may be handed over by NS.
    fn leads_below_a_cut(&self, group: &Records<'_>) -> bool {
        let Some(target) = target(group) else {
            return false;
        };
        let mut services = self.plan.services.iter().map(|(service, _)| service);
        services.any(|service| {
            service.refers() && *target != service.name && target.ends_with(&service.name)
        })
    }

    /// Whether a service of that `name` has hand-overs and nobody who is fit: then what
    /// the zone has there is as true as ever.
    fn hands_nobody_over(&self, name: &Name) -> bool {
        self.service(name).is_some_and(|(service, pool)| {
            let word = self.decisions[usize::from(pool)].0;
            let nobody = word.mask(Family::V4) == 0 && word.0 & Eligible::ALL_DOWN_ALL == 0;
            nobody && !service.pool.hand_overs.is_empty()
        })
    }

    /// Whether the fast path may leave this question to the authority.
    fn may_go_up(&self, name: &Name, rtype: Rtype, response: &Response<'_>) -> bool {
        let first = response
            .answer
            .first()
            .and_then(|group| group.records.first());
        let below_dname =
            first.is_some_and(|first| first.rtype() == Rtype::DNAME && first.owner() != name);
        let aliased = first.is_some_and(|first| first.rtype() == Rtype::CNAME);
        let covering = response.wildcard || name.first() == b"*";
        let zone = self.zones.find(name);
        let many_types = zone.is_some_and(|zone| zone.types(name).count() > 5);
        let len_max = AnswerHead::LEN_MAX;
        let too_long = encode_sections(name, rtype, response, len_max, 0).is_none();
        response.rcode == Rcode::REFUSED
            || too_long
            || below_dname
            || many_types
            // Circles of aliases.
            || (covering && aliased && !matches!(rtype, Rtype::CNAME | Rtype::ANY))
            // Names below one that is handed over by NS, and aliases that lead there.
            || (response.steered && !aliased && self.service(name).is_none())
            || response.answer.iter().any(|group| self.leads_below_a_cut(group))
            || response.answer.iter().filter_map(target).any(|target| self.hands_nobody_over(target))
            || match self.service(name) {
                Some((service, _)) if !service.pool.hand_overs.is_empty() => {
                    response.rcode == Rcode::SERVFAIL || self.hands_nobody_over(name)
                }
                Some((service, _)) => {
                    let other = service.pool.servers.iter().all(|server| match rtype {
                        Rtype::A => server.v4.is_empty(),
                        _ => server.v6.is_empty(),
                    });
                    response.rcode == Rcode::SERVFAIL
                        || (rtype == Rtype::ANY && service.pool.answers > 1)
                        || (other && matches!(rtype, Rtype::A | Rtype::AAAA))
                }
                // One row cannot hold the candidates of every alias that it covers.
                None => response.steered && covering,
            }
    }

    /// The fast path says what the authority says, or says nothing.
    fn check(&self, name: &Name, rtype: Rtype) {
        let response = self.lookup(name, rtype);
        let asked = format!("{name} {rtype}");
        let reply = match self.fast(name, rtype) {
            Ok(reply) => reply,
            Err(outcome) => {
                assert!(
                    self.may_go_up(name, rtype, &response),
                    "{asked}: {outcome:?} {response:?}"
                );
                let unknown = outcome == Outcome::UpUnknownName;
                assert_eq!(
                    unknown,
                    response.rcode == Rcode::REFUSED,
                    "{asked}: {outcome:?}"
                );
                return;
            }
        };
        let message = Message::from_octets(bytes::Bytes::from(reply)).expect("a message");
        let header = message.header();
        assert_eq!(header.rcode(), response.rcode, "{asked}");
        assert_eq!(header.aa(), response.authoritative, "{asked}");
        assert!(header.qr(), "{asked}");
        if header.tc() {
            let room = 1232 - 11 - HEADER - name.len() - TYPE_AND_CLASS;
            let whole = encode_sections(name, rtype, &response, room, 0);
            assert_eq!(whole, None, "{asked} fits");
            return;
        }
        let question = message.sole_question().expect("one question");
        assert_eq!(question.qname().to_bytes(), *name);
        let section = |section: domain::base::message::RecordSection<'_, _>| -> BTreeSet<String> {
            section
                .limit_to_in::<ZoneRecordData<_, _>>()
                .map(|record| {
                    let record: StoredRecord = record.expect("a record").flatten_into();
                    shown(record.owner(), &record)
                })
                .collect()
        };
        let [answer, authority, additional] =
            [message.answer(), message.authority(), message.additional()]
                .map(|found| section(found.expect("a section")));
        assert_eq!(answer, all(&response.answer), "{asked}: answer");
        assert_eq!(authority, all(&response.authority), "{asked}: authority");
        let (glue, more) = (all(&response.glue), all(&response.additional));
        assert!(
            glue.is_subset(&additional),
            "{asked}: {additional:?} without {glue:?}"
        );
        let allowed = &glue | &more;
        assert!(additional.is_subset(&allowed), "{asked}: {additional:?}");
    }
}

/// Where `group` leads, if it is an alias.
fn target<'g>(group: &'g Records<'_>) -> Option<&'g Name> {
    match group.records.first()?.data() {
        ZoneRecordData::Cname(cname) => Some(cname.cname()),
        _ => None,
    }
}

/// The records of a section, without regard to case or order.
fn all(groups: &[Records<'_>]) -> BTreeSet<String> {
    let shown = |group: &Records<'_>| -> Vec<String> {
        let owner = group.owner.as_ref();
        let records = group.records.iter();
        records
            .map(|record| shown(owner.unwrap_or(record.owner()), record))
            .collect()
    };
    groups.iter().flat_map(shown).collect()
}

fn shown(owner: &Name, record: &StoredRecord) -> String {
    let (ttl, rtype) = (record.ttl().as_secs(), record.rtype());
    format!("{owner} {ttl} {rtype} {}", record.data()).to_ascii_lowercase()
}

/// Decides as the words of the tables say, step by step.
impl Steering for World {
    fn steer(&self, name: &Name, rtype: Rtype, _: IpAddr) -> Steered {
        let (service, pool) = self.service(name).expect("a steered name");
        let (eligible, ranking) = self.decisions[usize::from(pool)];
        let level = eligible.answers_before() / level_places(&service.pool);
        let ttl_s = service.pool.ttls.get(level as usize).copied();
        let service = &Service {
            ttl_s: ttl_s.unwrap_or(service.ttl_s),
            ..service.clone()
        };
        let has = |server: &Server, family| match family {
            Family::V4 => !server.v4.is_empty(),
            Family::V6 => !server.v6.is_empty(),
        };
        let servers = &service.pool.servers;
        let known = |family| servers.iter().any(|server| has(server, family));
        let pick = |family| {
            let mut order = ranking.iter();
            let first = order.find(|number| eligible.mask(family) >> number & 1 != 0);
            let nobody = eligible.mask(family) == 0 && eligible.0 & Eligible::ALL_DOWN_ALL != 0;
            first.or(nobody.then_some(ALL_CANDIDATES))
        };
        let hinted = match rtype {
            Rtype::A | Rtype::AAAA => None,
            _ => Some(match [Family::V4, Family::V6].map(known) {
                [true, false] => pick(Family::V4),
                [false, _] => pick(Family::V6),
                _ => match (pick(Family::V4), pick(Family::V6)) {
                    (v4, v6) if v4 == v6 => v4,
                    _ => Some(ALL_CANDIDATES),
                },
            }),
        };
        if let Some(picked) = hinted {
            let Some(picked) = picked else {
                return Steered::Fail;
            };
            let zone = self.zones.find(name).expect("a zone");
            let records = zone.hinted(name, rtype).iter().map(|record| {
                let data = with_hints(record.data(), servers.get(usize::from(picked)));
                let ttl = record
                    .ttl()
                    .min(domain::base::Ttl::from_secs(service.ttl_s));
                StoredRecord::new(name.clone(), record.class(), ttl, data.expect("hints"))
            });
            return Steered::Records(records.collect());
        }
        let family = if rtype == Rtype::A {
            Family::V4
        } else {
            Family::V6
        };
        let hand_overs = &service.pool.hand_overs;
        if !known(family) && hand_overs.is_empty() {
            return Steered::NoData;
        }
        let Some(picked) = pick(family) else {
            let nothing = !known(family) && service.shape == Shape::Direct;
            return if nothing {
                Steered::NoData
            } else {
                Steered::Fail
            };
        };
        let after = usize::from(picked).checked_sub(servers.len());
        if let Some(over) = after.and_then(|number| hand_overs.get(number)) {
            return over_to(service, over);
        }
        if !known(family) && service.shape == Shape::Direct {
            return Steered::NoData;
        }
        let order = ranking.iter();
        let best = order.filter(|number| eligible.mask(family) >> number & 1 != 0);
        let best: Vec<u8> = best.take(service.pool.answers.into()).collect();
        let (label, chosen): (_, Vec<&Server>) = match servers.get(usize::from(picked)) {
            Some(server) => {
                let numbered = servers.iter().zip(0..);
                let chosen = numbered.filter(|(_, number)| best.contains(number));
                (&*server.name, chosen.map(|(server, _)| server).collect())
            }
            None => ("all", servers.iter().collect()),
        };
        let mut text = String::new();
        let owner = match service.shape {
            Shape::Direct => name.fmt_with_dot().to_string(),
            Shape::Cname => {
                let owner = format!("{label}.{}", name.fmt_with_dot());
                text = format!("{} {} CNAME {owner}\n", name.fmt_with_dot(), service.ttl_s);
                owner
            }
        };
        for address in chosen.iter().flat_map(|server| server.addresses()) {
            if address.is_ipv4() == (family == Family::V4) {
                writeln!(text, "{owner} {} {rtype} {address}", service.ttl_s).expect("a String");
            }
        }
        Steered::Records(records(&text))
    }
}

/// What hands over as `over` says.
fn over_to(service: &Service, over: &HandOver) -> Steered {
    let (owner, ttl) = (service.name.fmt_with_dot(), service.ttl_s);
    match &over.to {
        // What another DNS says is not known here.
        Way::Flattened(_) => Steered::Fail,
        Way::Cname(target) => {
            let target = target.fmt_with_dot();
            Steered::Records(records(&format!("{owner} {ttl} CNAME {target}")))
        }
        Way::Ns(servers) => {
            let (mut ns, mut glue) = (String::new(), String::new());
            for server in servers {
                let name = server.name.fmt_with_dot();
                writeln!(ns, "{owner} {ttl} NS {name}").expect("a String");
                for address in &server.addresses {
                    let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
                    writeln!(glue, "{name} {ttl} {rtype} {address}").expect("a String");
                }
            }
            Steered::Referral(Referral {
                ns: records(&ns),
                glue: records(&glue),
            })
        }
    }
}

fn zone(apex: &str, mname: &str, text: &str) -> Zone {
    let origin = if apex == "." {
        "."
    } else {
        &format!("{apex}.")
    };
    let soa = format!("{origin} 3600 SOA {mname} admin.{origin} 1 2 3 4 300");
    let soa = soa.replace("admin..", "admin.");
    let mut zone = Zone::new(records(&soa).remove(0));
    for record in records(text) {
        zone.insert(record).expect("a record of the zone");
    }
    zone
}

fn service(name: Name, shape: Shape, servers: Vec<Server>) -> Service {
    Service {
        name,
        customer: "acme".into(),
        ttl_s: 20,
        shape,
        pool: Pool {
            policy: Policy::Failover {
                order: (0..servers.len() as u8).collect(),
                by_group: std::collections::BTreeMap::new(),
            },
            servers,
            hand_overs: Vec::new(),
            probes: vec![Probe::new(ProbeKind::Tcp { port: 80 }).into()],
            unknown: Unknown::Last,
            answers: 1,
            ttls: Vec::new(),
            all_down: AllDown::All,
            capacity: None,
            health: HealthRules::default(),
        },
    }
}

/// Servers with addresses of the families given.
fn servers(families: &[(bool, bool)]) -> Vec<Server> {
    let server = |(number, (v4, v6)): (u8, &(bool, bool))| Server {
        name: format!("s{number}"),
        v4: v4
            .then(|| [203, 0, 113, number].into())
            .into_iter()
            .collect(),
        v6: v6
            .then(|| [0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number)].into())
            .into_iter()
            .collect(),
        cost: Quantity::default(),
    };
    (0..).zip(families).map(server).collect()
}

const RTYPES: [Rtype; 13] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::NS,
    Rtype::CNAME,
    Rtype::SOA,
    Rtype::MX,
    Rtype::TXT,
    Rtype::DS,
    Rtype::DNAME,
    Rtype::HTTPS,
    Rtype::SVCB,
    Rtype::ANY,
    Rtype::from_int(65_281),
];

/// Apexes that lie above, below and beside each other, with and without names
/// between them.
const APEXES: [&str; 5] = ["example", "a.example", "c.b.a.example", "test", "."];

/// Labels before the apex of one of the zones.
type Place = (usize, Vec<&'static str>);

fn places() -> impl Strategy<Value = Place> {
    let labels = select(vec!["a", "b", "c", "*", "ab"]);
    (0..APEXES.len(), proptest::collection::vec(labels, 0..4))
}

fn text((apex, labels): &Place) -> String {
    let mut text = labels.join(".");
    if !text.is_empty() {
        text.push('.');
    }
    match APEXES[*apex] {
        "." if text.is_empty() => ".".to_owned(),
        "." => text,
        apex => format!("{text}{apex}."),
    }
}

fn record(owner: &str, kind: usize, target: &str) -> StoredRecord {
    let data = match kind {
        0 => "A 192.0.2.1".to_owned(),
        1 => "A 192.0.2.2".to_owned(),
        2 => "AAAA 2001:db8::1".to_owned(),
        3 => "TXT \"text\"".to_owned(),
        4 => format!("MX 10 {target}"),
        5 => format!("NS {target}"),
        6 => format!("CNAME {target}"),
        7 => format!("DNAME {target}"),
        8 => {
            "DS 1 13 2 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned()
        }
        9 => "HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9 ipv6hint=2001:db8::9".to_owned(),
        _ => format!("SVCB 1 {target} port=53"),
    };
    let ttl = 100 + kind;
    records(&format!("{owner} {ttl} {data}")).remove(0)
}

/// A service's name, whether it is of shape `cname`, the families of its servers,
/// and its hand-overs.
type Seed = (Place, bool, Vec<(bool, bool)>, Vec<Over>);

/// Whether it is by NS; the target of the CNAME or the name of a server.
type Over = (bool, Option<Place>);

/// What a world is made of: which zones are served, each with the name of its
/// primary server; records; services; and what is decided for each, the last of how many
/// candidates answers are, and with which TTL.
type Seeds = (
    Vec<(bool, Place)>,
    Vec<(Place, usize, Place)>,
    Vec<Seed>,
    Vec<(u8, u8, bool, usize, u8, Option<u8>)>,
);

fn seeds() -> impl Strategy<Value = Seeds> {
    let families = proptest::collection::vec((any::<bool>(), any::<bool>()), 1..=3);
    let over = (any::<bool>(), proptest::option::of(places()));
    let overs = proptest::collection::vec(over, 0..3);
    let level = proptest::option::of(0..4_u8);
    let decision = (0..8_u8, 0..8_u8, any::<bool>(), 0..6_usize, 1..=3_u8, level);
    (
        proptest::collection::vec((any::<bool>(), places()), APEXES.len()),
        proptest::collection::vec((places(), 0..11_usize, places()), 0..40),
        proptest::collection::vec((places(), any::<bool>(), families, overs), 0..3),
        proptest::collection::vec(decision, 3),
    )
}

impl World {
    fn grown((apexes, lines, steered, decisions): Seeds) -> Self {
        let mut zones: Vec<Option<Zone>> = (0..)
            .zip(&apexes)
            .map(|(number, (served, mname)): (usize, _)| {
                served.then(|| zone(APEXES[number], &text(mname), ""))
            })
            .collect();
        for (owner, kind, target) in &lines {
            if let Some(zone) = &mut zones[owner.0] {
                // What breaks a rule of zones is left out.
                let _ = zone.insert(record(&text(owner), *kind, &text(target)));
            }
        }
        let mut services = Vec::new();
        for (owner, cname, mut families, overs) in steered {
            let name = name(&text(&owner));
            let best = |zone: &&mut Zone| name.ends_with(zone.apex());
            let zone = zones.iter_mut().flatten().filter(best);
            let Some(zone) = zone.max_by_key(|zone| zone.apex().len()) else {
                continue;
            };
            let hand_overs: Vec<_> = overs.iter().map(|over| hand_over(&name, over)).collect();
            let refers = hand_overs.iter().any(HandOver::is_referral);
            let shape = if cname && !refers {
                Shape::Cname
            } else {
                Shape::Direct
            };
            if shape == Shape::Cname || !hand_overs.is_empty() {
                let same = families[0];
                families.fill(same);
            }
            families.retain(|families| *families != (false, false));
            if families.is_empty() {
                continue;
            }
            let before = zone.clone();
            let handed = match hand_overs.as_slice() {
                [] => Ok(()),
                _ if refers => zone.hand_over(&name, HandsOver::WithAllBelow),
                _ => zone.hand_over(&name, HandsOver::Itself),
            };
            if handed.and_then(|()| zone.steer(&name, shape, 20)).is_err() {
                *zone = before;
                continue;
            }
            let mut service = service(name, shape, servers(&families));
            if shape == Shape::Direct && hand_overs.is_empty() {
                service.pool.answers = decisions[services.len()].4;
            }
            if decisions[services.len()].5.is_some() {
                service.pool.ttls = vec![20, 60, 180, 540];
            }
            service.pool.hand_overs = hand_overs;
            // A pool of its own.
            service.pool.probes[0].probe.up_after += services.len() as u32;
            for records in cname_targets(&service) {
                // Such a service would be refused.
                let _ = zone.add(records);
            }
            services.push(service);
        }
        let decisions: Vec<_> = services
            .iter()
            .zip(decisions)
            .map(|(service, (v4, v6, all, order, _, level))| {
                let servers = &service.pool.servers;
                let mask = |has: fn(&Server) -> bool| {
                    let numbers = (0..).zip(servers).filter(|(_, server)| has(server));
                    numbers.fold(0, |mask, (number, _)| mask | 1_u8 << number)
                };
                let v4 = v4 & mask(|server| !server.v4.is_empty());
                let v6 = v6 & mask(|server| !server.v6.is_empty());
                let mut ranked: Vec<u8> = (0..servers.len() as u8).collect();
                ranked.extend(ranked.len() as u8..service.pool.candidates().count() as u8);
                let len = ranked.len();
                ranked.rotate_left(order % len);
                let word = match service.pool.hand_overs.len() {
                    0 => Eligible::new(v4, v6, all),
                    _ => beside_hand_overs(service, v4, v6, all),
                };
                let word = word.best(service.pool.answers);
                let before = u32::from(level.unwrap_or(0)) * level_places(&service.pool);
                let word = word.behind(before);
                (word, Ranking::new(&ranked))
            })
            .collect();
        Self::new(zones.into_iter().flatten().collect(), services, &decisions)
    }
}

/// A hand-over of `service`; where the place is at or below its name, to elsewhere.
fn hand_over(service: &Name, (by_ns, place): &Over) -> HandOver {
    let elsewhere = name("cdn.elsewhere.net.");
    let there = place.as_ref().map(|place| name(&text(place)));
    let there = there.filter(|there| *by_ns || !there.ends_with(service));
    let there = there.unwrap_or(elsewhere);
    let to = if *by_ns {
        let addresses = vec![
            [192, 0, 2, 53].into(),
            [0x2001, 0xdb8, 0, 0, 0, 0, 0, 53].into(),
        ];
        let server = |name, addresses| NameServer { name, addresses };
        Way::Ns(vec![
            server(there, addresses.clone()),
            server(name("ns.elsewhere.net."), Vec::new()),
            server(below(service, &[2]), addresses),
        ])
    } else {
        Way::Cname(there)
    };
    HandOver {
        name: "over".to_owned(),
        to,
        probe_addresses: Vec::new(),
        cost: Quantity::default(),
    }
}

/// The word for `service`, of whose servers and hand-overs those are fit that the
/// masks have.
fn beside_hand_overs(service: &Service, v4: u8, v6: u8, all: bool) -> Eligible {
    let pool = &service.pool;
    let fit = |has: bool, mask: u8, number: u8| match has {
        false => Fit::Absent,
        _ if mask >> number & 1 != 0 => Fit::Yes,
        _ => Fit::No,
    };
    let servers = (0..).zip(&pool.servers).map(|(number, server)| {
        let fitness = Fitness {
            v4: fit(!server.v4.is_empty(), v4, number),
            v6: fit(!server.v6.is_empty(), v6, number),
        };
        fitness.beside_hand_overs()
    });
    let overs = (0..pool.hand_overs.len())
        .map(|number| Fitness::of_hand_over((v4 ^ v6) >> number & 1 == 0));
    let fitness: Vec<_> = servers.chain(overs).collect();
    let all_down = if all { AllDown::All } else { AllDown::Servfail };
    eligible(&fitness, Held::default(), 0, all_down)
}

/// `name` with labels of the lengths given before it, as far as they fit.
fn below(name: &Name, lengths: &[usize]) -> Name {
    let mut below = name.clone();
    for len in lengths {
        let mut builder = NameBuilder::new_bytes();
        builder.append_label(&vec![b'x'; *len]).expect("a label");
        if let Ok(longer) = builder.append_origin(&below) {
            below = longer;
        }
    }
    below
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Each case asks some thousand questions.
        cases: ProptestConfig::default().cases / 16,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_fast_path_answers_as_the_authority_does(
        seeds in seeds(),
        others in proptest::collection::vec(places(), 20),
        lengths in proptest::collection::vec(1..=63_usize, 1..6),
    ) {
        let world = World::grown(seeds);
        let others = others.iter().map(|place| name(&text(place)));
        let mut asked: BTreeSet<Name> = world.zones.names().cloned().chain(others).collect();
        for name in asked.clone() {
            asked.insert(below(&name, &lengths[..1]));
            asked.insert(below(&name, &lengths));
            asked.insert(below(&name, &[1; 127]));
        }
        for name in asked {
            prop_assert!(name.len() <= NAME_MAX);
            for rtype in RTYPES {
                world.check(&name, rtype);
            }
        }
    }
}

/// What `name` and the names below it get in the kernel: each reply is checked
/// against the authority, and there is one.
fn check_all(world: &World, names: &[Name], rtypes: &[Rtype]) {
    for name in names {
        for rtype in rtypes {
            let found = world.fast(name, *rtype);
            assert!(found.is_ok(), "{name} {rtype}: {found:?}");
            world.check(name, *rtype);
        }
    }
}

/// Names from `base` to the longest, some of them with many labels.
fn all_lengths(base: &Name) -> Vec<Name> {
    let room = NAME_MAX - base.len();
    let one = (1..=63).map(|len| below(base, &[len]));
    let several = (1..room / 2).map(|count| below(base, &vec![1; count]));
    let long = (1..=40).map(|len| below(base, &[63, 63, len, 63, 40 - len.min(39)]));
    let mut names: Vec<Name> = one.chain(several).chain(long).collect();
    names.push(base.clone());
    names
}

#[test]
fn a_referral_to_thirteen_servers_serves_every_name_below_the_cut() {
    let mut text = String::new();
    for number in 1..=13 {
        let server = format!("ns{number}.sub.example.");
        writeln!(
            text,
            "sub.example. 60 NS {server}
\
             {server} 60 A 192.0.2.{number}
\
             {server} 60 AAAA 2001:db8::{number}"
        )
        .expect("a String");
    }
    let world = World::new(vec![zone("example", "ns.example.", &text)], vec![], &[]);
    let names = all_lengths(&name("sub.example."));
    check_all(&world, &names, &[Rtype::A, Rtype::TXT, Rtype::ANY]);
    check_all(&world, &[name("sub.example.")], &[Rtype::DS]);
}

#[test]
fn negative_and_wildcard_answers_serve_names_of_every_length() {
    let text = "www.example. 60 A 192.0.2.1\n*.w.example. 60 MX 1 mail.w.example.\n\
                *.w.example. 60 TXT \"w\"\nmail.w.example. 60 A 192.0.2.25\n\
                *.alias.example. 60 CNAME www.example.\n";
    let world = World::new(vec![zone("example", "ns.example.", text)], vec![], &[]);
    for base in ["example.", "www.example.", "w.example.", "alias.example."] {
        let rtypes = [Rtype::A, Rtype::MX, Rtype::TXT, Rtype::DS, Rtype::ANY];
        check_all(&world, &all_lengths(&name(base)), &rtypes);
    }
}

#[test]
fn names_outside_our_zones_are_unknown_for_every_type() {
    let zones = vec![zone("a.b.example", "ns.example.", "")];
    let world = World::new(zones, vec![], &[]);
    let nothing = World::new(vec![], vec![], &[]);
    for rtype in RTYPES {
        for outside in [
            ".",
            "example.",
            "b.example.",
            "x.b.example.",
            "c.",
            "a.b.c.",
        ] {
            for world in [&world, &nothing] {
                let found = world.fast(&name(outside), rtype);
                assert_eq!(found, Err(Outcome::UpUnknownName), "{outside} {rtype}");
            }
        }
    }
}

/// A world with a steered name whose record has hints, and the answers to HTTPS
/// of its three servers and without a decision, by the RCODE and the records.
fn hinted(eligible: Eligible, first: u8) -> World {
    let text = "s.example. 300 HTTPS 1 . mandatory=ipv4hint,port alpn=h2 port=8443 \
                ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1\n\
                s.example. 300 HTTPS 2 other.example. port=9\n\
                s.example. 300 TXT \"s\"\n";
    let mut zone = zone("example", "ns.example.", text);
    let steered = name("s.example.");
    zone.steer(&steered, Shape::Direct, 20)
        .expect("it can be steered");
    let servers = servers(&[(true, true), (true, true), (true, false)]);
    let ranking = Ranking::new(&[first, (first + 1) % 3, (first + 2) % 3]);
    let service = service(steered, Shape::Direct, servers);
    World::new(vec![zone], vec![service], &[(eligible, ranking)])
}

#[test]
fn rfc9460_7_3_hints_follow_the_decision_or_are_left_out() {
    let https = |world: &World| -> Vec<String> {
        let reply = world
            .fast(&name("s.example."), Rtype::HTTPS)
            .expect("an answer");
        let message = Message::from_octets(bytes::Bytes::from(reply)).expect("a message");
        let answer = message.answer().expect("an answer section");
        let records = answer.limit_to_in::<ZoneRecordData<_, _>>();
        let mut lines: Vec<String> = records
            .map(|record| {
                let record: StoredRecord = record.expect("a record").flatten_into();
                format!("{} {}", record.ttl().as_secs(), record.data())
            })
            .collect();
        lines.sort();
        lines
    };
    let other = "20 2 other.example. port=9";
    let with = |hints: &str| vec![format!("20 1 .. {hints}"), other.to_owned()];
    for (eligible, first, expected) in [
        (
            Eligible::new(0b111, 0b011, true),
            0,
            "mandatory=port,ipv4hint alpn=h2 port=8443 ipv4hint=203.0.113.0 ipv6hint=2001:db8::",
        ),
        (
            Eligible::new(0b111, 0b011, true),
            1,
            "mandatory=port,ipv4hint alpn=h2 port=8443 ipv4hint=203.0.113.1 ipv6hint=2001:db8::1",
        ),
        // The families' decisions differ.
        (
            Eligible::new(0b111, 0b011, true),
            2,
            "mandatory=port alpn=h2 port=8443",
        ),
        (
            Eligible::new(0b110, 0b001, true),
            0,
            "mandatory=port alpn=h2 port=8443",
        ),
        (
            Eligible::new(0, 0, true),
            0,
            "mandatory=port alpn=h2 port=8443",
        ),
    ] {
        let world = hinted(eligible, first);
        assert_eq!(https(&world), with(expected), "{eligible:?} {first}");
        check_all(&world, &[name("s.example.")], &RTYPES);
    }
    let nobody = hinted(Eligible::new(0, 0, false), 0);
    let found = nobody.fast(&name("s.example."), Rtype::HTTPS);
    assert_eq!(found, Err(Outcome::UpNoCandidate));
}

#[test]
fn any_where_answers_have_several_servers_is_the_authoritys() {
    let www = name("www.example.");
    let mut zone = zone(
        "example",
        "ns.example.",
        "to.example. 60 CNAME www.example.\n",
    );
    zone.steer(&www, Shape::Direct, 20).expect("it is free");
    let mut service = service(www.clone(), Shape::Direct, servers(&[(true, true); 3]));
    service.pool.answers = 2;
    let decision = (
        Eligible::new(0b111, 0b101, true).best(2),
        Ranking::new(&[2, 1, 0]),
    );
    let world = World::new(vec![zone], vec![service], &[decision]);
    let names = [www.clone(), name("to.example.")];
    assert_eq!(world.fast(&www, Rtype::ANY), Err(Outcome::UpNoAnswer));
    let others = RTYPES.into_iter().filter(|rtype| *rtype != Rtype::ANY);
    check_all(&world, &names, &others.collect::<Vec<_>>());
}

#[test]
fn addresses_of_another_dns_are_in_no_table_and_all_else_is_the_zones() {
    let apex = name("example.");
    let text = "example. 60 MX 1 mail.example.\nalias.www.example. 60 CNAME example.\n\
                example. 60 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1\n";
    for families in [(true, true), (true, false)] {
        let mut zone = zone("example", "ns.example.", text);
        zone.steer(&apex, Shape::Direct, 20)
            .expect("an apex can be");
        let mut service = service(apex.clone(), Shape::Direct, servers(&[families]));
        let mut over = hand_over(&apex, &(false, None));
        over.to = Way::Flattened(Flattening {
            name: name("cdn.elsewhere.net."),
            resolvers: Vec::new(),
        });
        service.pool.hand_overs = vec![over];
        let mask = 0b11;
        for order in [[0, 1], [1, 0]] {
            let decision = (Eligible::new(mask, mask, true), Ranking::new(&order));
            let world = World::new(vec![zone.clone()], vec![service.clone()], &[decision]);
            let others = [Rtype::MX, Rtype::NS, Rtype::SOA, Rtype::TXT, Rtype::HTTPS];
            for rtype in others {
                world.fast(&apex, rtype).expect("it is in the tables");
            }
            for at in [&apex, &name("alias.www.example.")] {
                for rtype in [Rtype::A, Rtype::AAAA] {
                    let found = world.fast(at, rtype);
                    let expected = (order[0] == 1).then_some(Outcome::UpNoAnswer);
                    assert_eq!(found.err(), expected, "{at} {rtype} {families:?}");
                }
            }
            let https = world.fast(&apex, Rtype::HTTPS).expect("an answer");
            let hint = [203, 0, 113, 0];
            let has_hint = https.windows(4).any(|octets| octets == hint);
            assert_eq!(has_hint, order[0] == 0, "{families:?}");
        }
    }
}

#[test]
fn a_service_answers_every_type_in_the_kernel() {
    for (shape, families) in [
        (Shape::Direct, [(true, true), (true, true)]),
        (Shape::Direct, [(true, false), (true, false)]),
        (Shape::Cname, [(true, true), (true, true)]),
    ] {
        let steered = name("s.t.example.");
        let alias = name("alias.example.");
        let mut zone = zone(
            "example",
            "ns.example.",
            "alias.example. 60 CNAME s.t.example.\n",
        );
        zone.steer(&steered, shape, 20).expect("it can be steered");
        let service = service(steered.clone(), shape, servers(&families));
        for records in cname_targets(&service) {
            zone.add(records).expect("a name of its own");
        }
        let decision = (Eligible::new(0b10, 0b01, true), Ranking::new(&[0, 1]));
        let world = World::new(vec![zone], vec![service], &[decision]);
        let child = below(&steered, &[3]);
        let names = [steered.clone(), child, name("t.example."), alias.clone()];
        check_all(&world, &names, &RTYPES);
        world
            .fast(&alias, Rtype::A)
            .expect("an alias follows the decision");
        assert!(world.lookup(&steered, Rtype::A).steered);
    }
}

#[test]
fn more_services_than_counters_name_the_setting() {
    let tables = Tables::in_memory(CAPACITY).expect("memory");
    let counters: Vec<String> = (0..9).map(|number| format!("s{number}.")).collect();
    let surroundings = Surroundings {
        addresses: &[],
        port: 53,
        secrets: [Secret(0, 0); 2],
        counters: &counters,
    };
    let director = Director::new(Plan::default(), 100, Instant::now());
    let error = compile(1, &tables, &Zones::default(), &director, &surroundings);
    assert_eq!(
        error.expect_err("one too many").to_string(),
        "services, those since start included: 9 needed, 8 available; raise tables.services"
    );
}
