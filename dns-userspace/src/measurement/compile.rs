//! Compile: from zones, services and decisions to one generation of tables.
//!
//! What is answered at a name is asked of the authority, type by type, so that
//! the tables say what it would say. The tables have every name of our zones, and
//! every name above them, so that a reader finds what is not there by what is.

mod answers;
mod service;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
    net::IpAddr,
};

use dns_common::{
    cookie::Secret,
    decision::{Eligible, Ranking},
    tables::{Below, By, Row},
};
use domain::base::{Rtype, name::ToName};

use self::answers::{Answers, Asked};
pub use self::service::cname_targets;
use super::director::{Change, Director};
use crate::{
    authority::{
        zone::{self, Zone},
        zones::Zones,
    },
    model::{Name, NameMap, Plan, Service},
    tables::{Addresses, Image, ImageBuilder, ImageError, RowData, Slot, Tables, TypeData},
};

/// What else a generation is made of.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'s> {
    /// Addresses we answer at.
    pub addresses: &'s [IpAddr],
    /// The port we answer on.
    pub port: u16,
    /// The secret that makes cookies, and another whose cookies are taken too.
    pub secrets: [Secret; 2],
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
    for (eligible, rankings) in words(director) {
        image.pool(eligible, rankings);
    }
    let image = rows(image, zones, director.plan(), surroundings.counters);
    let (addresses, port) = (surroundings.addresses, surroundings.port);
    image.build(addresses, port, surroundings.secrets)
}

/// Adds every row to `image`, which has the pools of `plan` already.
fn rows(image: ImageBuilder, zones: &Zones, plan: &Plan, counters: &[String]) -> ImageBuilder {
    let counters: HashMap<&str, u32> = counters.iter().map(String::as_str).zip(0..).collect();
    let services = plan.services.iter().map(|(service, pool)| {
        let name = service.name.fmt_with_dot().to_string();
        // A number past the table's end is not counted.
        let counter = counters.get(name.as_str()).copied().unwrap_or(u32::MAX);
        (service.name.clone(), (service, *pool, counter))
    });
    let mut rows = Rows {
        zones,
        numbers: numbers(zones),
        services: services.collect(),
        answers: Answers::new(zones, image),
        wildcards: NameMap::default(),
        missing: HashMap::new(),
    };
    for (name, zone) in names(zones) {
        rows.add(&name, zone);
    }
    rows.answers.into_image()
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

/// Every name that has a row, with its zone if that is ours: wildcards first, the
/// deepest of them at the beginning, since rows of other names point to theirs.
fn names(zones: &Zones) -> Vec<(Name, Option<&Zone>)> {
    // What only the parent of a zone of ours has is not to be found.
    let within = zones.iter().flat_map(|zone| {
        let names = zone.names().map(|name| (name, zones.find(name)));
        names.filter(|(_, found)| found.is_some_and(|found| found.apex() == zone.apex()))
    });
    let mut names: Vec<_> = within.map(|(name, zone)| (name.clone(), zone)).collect();
    let apexes = zones.iter().map(Zone::apex);
    let above = apexes.flat_map(|apex| apex.iter_suffixes().skip(1));
    let mut above: HashSet<Name> = above.map(|suffix| suffix.to_bytes()).collect();
    above.insert(Name::root_bytes());
    let above = above.into_iter().map(|name| {
        let zone = zones.find(&name);
        (name, zone)
    });
    names.extend(above.filter(|(name, zone)| !zone.is_some_and(|zone| zone.has(name))));
    let (mut wildcards, others): (Vec<_>, Vec<_>) = names
        .into_iter()
        .partition(|(name, _)| name.first() == b"*");
    wildcards.sort_by_key(|(name, _)| Reverse(name.label_count()));
    wildcards.extend(others);
    wildcards
}

/// Each zone's number: its position among all apexes in canonical order.
fn numbers(zones: &Zones) -> NameMap<u32> {
    let mut apexes: Vec<_> = zones.iter().map(Zone::apex).cloned().collect();
    apexes.sort();
    apexes.into_iter().zip(0..).collect()
}

/// The rows of names, as far as they are written.
struct Rows<'z> {
    zones: &'z Zones,
    numbers: NameMap<u32>,
    /// Services by name, with the numbers of their pools and counters.
    services: NameMap<(&'z Service, u16, u32)>,
    answers: Answers<'z>,
    /// Where the rows of wildcards start.
    wildcards: NameMap<u32>,
    /// Cells of the answers for names that do not exist, by zone number.
    missing: HashMap<u32, u32>,
}

impl<'z> Rows<'z> {
    fn add(&mut self, name: &Name, zone: Option<&Zone>) {
        let row = match zone {
            Some(zone) => self.row(zone, name),
            None => RowData::outside(),
        };
        let cell = self.answers.image().name(name.as_slice(), &row);
        if name.first() == b"*" {
            self.wildcards.insert(name.clone(), cell);
        }
    }

    fn row(&mut self, zone: &Zone, name: &Name) -> RowData {
        let here: BTreeSet<Rtype> = zone.types(name).collect();
        let covering = zone.is_covering(name);
        let plain = !covering && is_plain(&here) && !self.services.contains_key(name);
        let service = if plain {
            None
        } else {
            self.service(name, covering)
        };
        let asked = |rows: &mut Self, rtype| match service {
            Some((service, ..)) => rows.answers.steered(name, service, rtype),
            None if covering => rows.answers.wildcard(name, rtype),
            None => rows.answers.plain(name, rtype),
        };
        let Asked {
            data: rest,
            targets,
        } = asked(self, self.answers.unlisted());
        let [v4, v6] = [Rtype::A, Rtype::AAAA].map(|rtype| {
            if plain && !here.contains(&rtype) {
                rest.clone()
            } else {
                asked(self, rtype).data
            }
        });
        let addresses = match service {
            Some((_, pool, counter)) => Addresses::Steered {
                service: counter,
                pool,
                answers: Box::new([candidates(v4, By::V4), candidates(v6, By::V6)]),
            },
            None => Addresses::Static([v4, v6].map(|data| first(data.answers))),
        };

        let there = targets.iter().flat_map(|target| {
            let zone = self.zones.find(target).into_iter();
            zone.flat_map(move |zone| zone.types(target))
        });
        // What may be answered differently wherever there is anything.
        let special: &[Rtype] = if plain {
            &[Rtype::ANY]
        } else {
            &[Rtype::CNAME, Rtype::ANY, Rtype::DS]
        };
        let mut rtypes: BTreeSet<u16> = here
            .into_iter()
            .chain(there)
            .chain(special.iter().copied())
            .map(Rtype::to_int)
            .collect();
        rtypes.remove(&Rtype::A.to_int());
        rtypes.remove(&Rtype::AAAA.to_int());
        let listed = rtypes.into_iter().map(|rtype| TypeData {
            rtype,
            ..asked(self, rtype.into()).data
        });
        let listed: Vec<_> = listed
            .filter(|data| (data.by, &data.answers) != (rest.by, &rest.answers))
            .collect();
        let mut types = vec![TypeData { rtype: 0, ..rest }];
        types.extend(listed);
        let number = self.numbers.get(zone.apex()).copied().unwrap_or_default();
        RowData {
            zone: number,
            addresses,
            types,
            below: self.below(zone, number, name),
        }
    }

    /// The service that answers at `name`, with the numbers of its pool and
    /// counter: its own, or the one whose name it is an alias of.
    fn service(&self, name: &Name, covering: bool) -> Option<(&'z Service, u16, u32)> {
        let own = self.services.get(name).copied();
        own.or_else(|| {
            // One row serves many names of different lengths there.
            let target = self.answers.leads_to(name).filter(|_| !covering);
            self.services.get(&target?).copied()
        })
    }

    /// What names get that are below `name` and not in the tables.
    fn below(&mut self, zone: &Zone, number: u32, name: &Name) -> Below {
        let cell = match zone.below(name) {
            // That a name does not exist is said alike in the whole zone.
            zone::Below::Missing => {
                let known = self.missing.get(&number).copied();
                let cell = known.or_else(|| self.answers.below(name));
                cell.map(|cell| {
                    self.missing.insert(number, cell);
                    Below::Answer(cell)
                })
            }
            zone::Below::Cut(_) => self.answers.below(name).map(Below::Answer),
            zone::Below::Wildcard(owner) => self.wildcards.get(owner).copied().map(Below::Wildcard),
            zone::Below::Dname => None,
        };
        cell.unwrap_or(Below::Up)
    }
}

/// Whether types that are not `here`, among those of a name that is not steered,
/// all have the one answer that there are none: but for ANY, which shows another.
/// It is not so at aliases, nor at and below cuts, apexes and DNAMEs.
fn is_plain(here: &BTreeSet<Rtype>) -> bool {
    const OTHERS: [Rtype; 5] = [Rtype::CNAME, Rtype::DNAME, Rtype::NS, Rtype::SOA, Rtype::DS];
    // Where nothing is found there may be a cut above.
    !here.is_empty() && OTHERS.iter().all(|rtype| !here.contains(rtype))
}

fn first(answers: Vec<Slot>) -> Slot {
    answers.into_iter().next().unwrap_or(Slot::Absent)
}

/// The answers in a row's places for one family, whose decision `by` is.
fn candidates(data: TypeData, by: By) -> [Slot; Row::STEERED_ANSWERS as usize] {
    if data.by == by
        && let Ok(answers) = data.answers.clone().try_into()
    {
        return answers;
    }
    let one = match data.by {
        By::Nobody => first(data.answers),
        _ => Slot::Absent,
    };
    std::array::from_fn(|_| one.clone())
}

#[cfg(test)]
mod tests;
