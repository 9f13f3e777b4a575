//! Compile: from zones, services and decisions to one generation of tables.
//!
//! What is answered at a name is asked of the authority, type by type, so that
//! the tables say what it would say. The tables have every name of our zones, and
//! every name above them, so that a reader finds what is not there by what is.

mod answers;
mod hand_over;
mod service;

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    net::IpAddr,
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use dns_common::{
    cookie::Secret,
    tables::{Below, By, Row},
};
use domain::base::{Rtype, name::ToName};

use self::answers::{Answers, Asked, At, Facts};
pub use self::{
    hand_over::referral_octets,
    service::{cname_targets, fitting, server_addresses},
};
use super::{director::Director, ttl::level_places};
use crate::{
    authority::{
        lookup::Start,
        zone::{self, Zone},
        zones::Zones,
    },
    model::{Name, NameMap, Plan, Service},
    tables::{
        Addresses, Choices, Image, ImageBuilder, ImageError, RowData, Slot, Tables, TypeData,
    },
};

/// Names that a thread makes rows of before it adds them to the image: so many that
/// threads seldom wait for each other, so few that what waits is small.
const PIECE: usize = 256;

/// Answers of candidates and all, before those of several.
const EACH: usize = Row::STEERED_ANSWERS as usize;

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

/// Builds generation `number` of `tables` from the zones and from what `director`
/// has decided so far, where nobody may read any more. It is not current yet.
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
    let mut image = ImageBuilder::new(tables, number);
    for pool in director.decisions() {
        image.pool(pool.eligible, &pool.rankings, &pool.shares);
    }
    let image = rows(image, zones, director.plan(), surroundings.counters);
    let (addresses, port) = (surroundings.addresses, surroundings.port);
    image.build(addresses, port, surroundings.secrets)
}

/// Adds every row to `image`, which has the pools of `plan` already.
fn rows<'t>(
    image: ImageBuilder<'t>,
    zones: &Zones,
    plan: &Plan,
    counters: &[String],
) -> ImageBuilder<'t> {
    let counters: HashMap<&str, u32> = counters.iter().map(String::as_str).zip(0..).collect();
    let services = plan.services.iter().map(|(service, pool)| {
        let name = service.name.fmt_with_dot().to_string();
        // A number past the table's end is not counted.
        let counter = counters.get(name.as_str()).copied().unwrap_or(u32::MAX);
        (&service.name, (service, *pool, counter))
    });
    let world = World {
        facts: Facts::new(zones),
        numbers: numbers(zones),
        services: services.collect(),
    };
    let image = Mutex::new(image);
    let above = above(zones);
    let (wildcards, others) = names(zones, &above);

    let mut cells = Wildcards::default();
    let mut rows = Rows::new(&world, &image);
    for (name, zone) in wildcards {
        let row = rows.of(name, zone, &cells);
        let cell = rows.answers.image().name(name.as_slice(), &row);
        cells.insert(name, cell);
    }
    let next = AtomicUsize::new(0);
    let pieces: Vec<_> = others.chunks(PIECE).collect();
    in_threads(|| {
        let mut rows = Rows::new(&world, &image);
        while let Some(piece) = pieces.get(next.fetch_add(1, Relaxed)) {
            let mut batch = rows.answers.image().batch();
            for (name, zone) in *piece {
                batch.push(name.as_slice(), &rows.of(name, *zone, &cells));
            }
            rows.answers.image().add(batch);
        }
    });
    image.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` in as many threads as there are processors, and waits for all.
fn in_threads(work: impl Fn() + Sync) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(&work);
        }
        work();
    });
}

/// A name that has a row, with its zone if that is ours.
type Placed<'z> = (&'z Name, Option<&'z Zone>);

/// Every name that has a row, `above` ones included: wildcards, the deepest first,
/// since rows of other names point to theirs; and all others.
fn names<'z>(zones: &'z Zones, above: &'z [Name]) -> (Vec<Placed<'z>>, Vec<Placed<'z>>) {
    let apexes = || zones.iter().map(Zone::apex);
    let parents: HashSet<&Name> = apexes()
        .flat_map(|apex| apex.iter_suffixes().skip(1))
        .filter_map(|suffix| Some(zones.at(suffix.for_slice())?.apex()))
        .collect();
    let within = zones.iter().flat_map(|zone| {
        let is_parent = parents.contains(zone.apex());
        // What only the parent of a zone of ours has is not to be found.
        let is_found = move |name: &&Name| {
            let found = || zones.find(name).map(Zone::apex);
            !is_parent || found() == Some(zone.apex())
        };
        let names = zone.names().filter(is_found);
        names.map(move |name| (name, Some(zone)))
    });
    let above = above.iter().map(|name| (name, zones.find(name)));
    let above = above.filter(|(name, zone)| !zone.is_some_and(|zone| zone.has(name)));
    let (mut wildcards, others): (Vec<_>, Vec<_>) = within
        .chain(above)
        .partition(|(name, _)| name.first() == b"*");
    wildcards.sort_by_key(|(name, _)| Reverse(name.label_count()));
    (wildcards, others)
}

/// Every name above one of our zones.
fn above(zones: &Zones) -> Vec<Name> {
    let apexes = zones.iter().map(Zone::apex);
    let above = apexes.flat_map(|apex| apex.iter_suffixes().skip(1));
    let mut above: HashSet<Name> = above.map(|suffix| suffix.to_bytes()).collect();
    above.insert(Name::root_bytes());
    above.into_iter().collect()
}

/// Each zone's number: its position among all apexes in canonical order.
fn numbers(zones: &Zones) -> NameMap<u32> {
    let mut apexes: Vec<_> = zones.iter().map(Zone::apex).cloned().collect();
    apexes.sort();
    apexes.into_iter().zip(0..).collect()
}

/// What all rows are made of.
struct World<'z> {
    facts: Facts<'z>,
    /// Zones' numbers by apex.
    numbers: NameMap<u32>,
    /// Services by name, with the numbers of their pools and counters.
    services: HashMap<&'z Name, (&'z Service, u16, u32), foldhash::fast::RandomState>,
}

/// The cells in which the rows of wildcards start, by name.
type Wildcards<'z> = HashMap<&'z Name, u32, foldhash::fast::RandomState>;

/// The rows of names, as one thread makes them.
struct Rows<'w, 'z, 't> {
    world: &'w World<'z>,
    answers: Answers<'w, 'z, 't>,
    /// Cells of the answers for names that do not exist, by zone number.
    missing: HashMap<u32, u32>,
}

impl<'w, 'z, 't> Rows<'w, 'z, 't> {
    fn new(world: &'w World<'z>, image: &'w Mutex<ImageBuilder<'t>>) -> Self {
        Self {
            world,
            answers: Answers::new(&world.facts, image),
            missing: HashMap::new(),
        }
    }

    /// The row of `name` in `zone`, if that is ours; `wildcards` are those that
    /// cover names below it, or all.
    fn of(&mut self, name: &Name, zone: Option<&'z Zone>, wildcards: &Wildcards<'_>) -> RowData {
        match zone {
            Some(zone) => self.row(zone, name, wildcards),
            None => RowData::outside(),
        }
    }

    fn row(&mut self, zone: &'z Zone, name: &Name, wildcards: &Wildcards<'_>) -> RowData {
        let start = Start::within(zone, name);
        let at = At { name, start };
        let here: Vec<Rtype> = start.types(name).collect();
        let covering = zone.is_covering(name);
        let plain = !covering && is_plain(&here) && !self.world.services.contains_key(name);
        let service = if plain {
            None
        } else {
            self.service(at, covering)
        };
        let asked = |rows: &mut Self, rtype| match service {
            Some((service, ..)) => rows.answers.steered(at, service, rtype),
            None if covering => rows.answers.wildcard(at, rtype),
            None => rows.answers.plain(at, rtype),
        };
        let places = service.map_or(0, |(service, ..)| level_places(&service.pool));
        let of_all = asked(self, self.world.facts.unlisted);
        let targets = of_all.targets.clone();
        let [v4, v6] = [Rtype::A, Rtype::AAAA].map(|rtype| {
            if plain && !here.contains(&rtype) {
                of_all.clone()
            } else {
                asked(self, rtype)
            }
        });
        let rest = of_all.beside(places);
        let addresses = match service {
            Some((service, pool, counter)) => {
                let levels = service.pool.ttls.len().max(1);
                let [v4, v6] = [(v4, By::V4), (v6, By::V6)].map(|(of, by)| choices(of, by, levels));
                Addresses::Steered {
                    service: counter,
                    pool,
                    answers: v4.into_iter().zip(v6).map(|(v4, v6)| [v4, v6]).collect(),
                    level_places: places,
                }
            }
            None => Addresses::Static([v4, v6].map(|of| first(of.data.answers))),
        };

        let there = targets.iter().flat_map(|target| {
            let zone = self.world.facts.zones.find(target).into_iter();
            zone.flat_map(move |zone| zone.types(target))
        });
        // What may be answered differently wherever there is anything.
        let special: &[Rtype] = if plain {
            &[Rtype::ANY]
        } else {
            &[Rtype::CNAME, Rtype::ANY, Rtype::DS]
        };
        let mut rtypes: Vec<u16> = here
            .into_iter()
            .chain(there)
            .chain(special.iter().copied())
            .map(Rtype::to_int)
            .collect();
        rtypes.sort_unstable();
        rtypes.dedup();
        rtypes.retain(|rtype| ![Rtype::A.to_int(), Rtype::AAAA.to_int()].contains(rtype));
        let listed = rtypes.into_iter().map(|rtype| TypeData {
            rtype,
            ..asked(self, rtype.into()).beside(places)
        });
        let listed: Vec<_> = listed
            .filter(|data| (data.by, &data.answers) != (rest.by, &rest.answers))
            .collect();
        let mut types = vec![TypeData { rtype: 0, ..rest }];
        types.extend(listed);
        let number = self.world.numbers.get(zone.apex()).copied();
        let number = number.unwrap_or_default();
        RowData {
            zone: number,
            addresses,
            types,
            below: self.below(at, number, wildcards),
        }
    }

    /// The service that answers there, with the numbers of its pool and
    /// counter: its own, or the one whose name it is an alias of.
    fn service(&self, at: At<'_, 'z>, covering: bool) -> Option<(&'z Service, u16, u32)> {
        let own = self.world.services.get(at.name).copied();
        own.or_else(|| {
            // One row serves many names of different lengths there.
            let target = self.answers.leads_to(at).filter(|_| !covering);
            self.world.services.get(&target?).copied()
        })
    }

    /// What names get that are below the one `at`, in the zone of that number, and
    /// not in the tables.
    fn below(&mut self, at: At<'_, 'z>, number: u32, wildcards: &Wildcards<'_>) -> Below {
        let cell = match at.start.below(at.name) {
            // That a name does not exist is said alike in the whole zone.
            zone::Below::Missing => {
                let known = self.missing.get(&number).copied();
                let cell = known.or_else(|| self.answers.below(at.name));
                cell.map(|cell| {
                    self.missing.insert(number, cell);
                    Below::Answer(cell)
                })
            }
            zone::Below::Cut(_) => self.answers.below(at.name).map(Below::Answer),
            zone::Below::Wildcard(owner) => wildcards.get(owner).copied().map(Below::Wildcard),
            zone::Below::Dname | zone::Below::Steered => None,
        };
        cell.unwrap_or(Below::Up)
    }
}

/// Whether types that are not `here`, among those of a name that is not steered,
/// all have the one answer that there are none: but for ANY, which shows another.
/// It is not so at aliases, nor at and below cuts, apexes and DNAMEs.
fn is_plain(here: &[Rtype]) -> bool {
    const OTHERS: [Rtype; 5] = [Rtype::CNAME, Rtype::DNAME, Rtype::NS, Rtype::SOA, Rtype::DS];
    // Where nothing is found there may be a cut above.
    !here.is_empty() && OTHERS.iter().all(|rtype| !here.contains(rtype))
}

fn first(answers: Vec<Slot>) -> Slot {
    answers.into_iter().next().unwrap_or(Slot::Absent)
}

/// The answers in a row's places for one family, whose decision `by` is, of each of so many
/// TTLs.
fn choices(asked: Asked, by: By, levels: usize) -> Vec<Choices> {
    let Asked { data, longer, .. } = asked;
    let longer = longer.into_iter().map(|answers| TypeData {
        answers,
        ..data.clone()
    });
    let longer: Vec<_> = longer.map(|data| choices_once(data, by)).collect();
    let mut choices = vec![choices_once(data, by)];
    choices.extend(longer);
    // What nobody chooses is the same of each.
    let one = choices[0].clone();
    choices.resize(levels, one);
    choices
}

fn choices_once(data: TypeData, by: By) -> Choices {
    let (each, sets) = data.answers.split_at(data.answers.len().min(EACH));
    if data.by == by
        && let Ok(each) = each.to_vec().try_into()
    {
        let sets = sets.to_vec();
        return Choices { each, sets };
    }
    let one = match data.by {
        By::Nobody => first(data.answers),
        _ => Slot::Absent,
    };
    std::array::from_fn(|_| one.clone()).into()
}

#[cfg(test)]
mod tests;
