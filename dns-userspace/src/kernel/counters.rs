//! Per-CPU counters, summed, and carried over from program to program.

use std::{collections::HashMap, fs, io, ops::Range, path::Path};

use aya::{
    Ebpf, Pod,
    maps::{Array, Map, MapData, MapError, PerCpuArray, PerCpuValues},
    util::nr_cpus,
};
use dns_common::{
    outcome::Outcome,
    tables::{self, Counters},
};

use super::{KernelError, map_error};

/// Room for a domain name in text, octets; a longer one (of many escapes) is cut.
const NAME_OCTETS: usize = 256;
/// Room for the name of a group.
const GROUP_NAME_OCTETS: usize = 64;

/// Entry of `COUNTERS` that the running program counts in.
const LIVE: u32 = 0;
/// Entry of `COUNTERS` with what earlier programs counted.
const CARRIED: u32 = 1;

#[repr(transparent)]
#[derive(Clone, Copy)]
struct Value(Counters);

// SAFETY: u64s and a multiple of eight u8s, so there is no padding and every bit
// pattern counts.
unsafe impl Pod for Value {}

/// What has been counted since the first program was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Packets by [`Outcome`], in [`Outcome::ALL`]'s order.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Answers by service, in the services' order.
    pub services: Vec<(String, u64)>,
}

/// The maps that count. In each the entries of the running program come first;
/// as many follow that were carried over.
pub(super) struct CounterMaps<'m> {
    outcomes: PerCpuArray<&'m MapData, Value>,
    services: PerCpuArray<&'m MapData, u64>,
}

/// Names of the maps, as the object has them.
pub(super) const OUTCOMES: &str = "COUNTERS";
pub(super) const SERVICES: &str = "SERVICES";
const GROUPS: &str = "GROUPS";
/// Made and pinned by the daemon, for whoever reads the counters after it.
const NAMES: &str = "SERVICE_NAMES";
const GROUP_NAMES: &str = "GROUP_NAMES";

/// Names by counter number.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) services: Vec<String>,
    pub(super) groups: Vec<String>,
}

/// What an earlier daemon's program, pinned in `directory`, counts in.
pub(super) struct Pinned {
    outcomes: Map,
    services: Map,
    groups: Map,
    names: Names,
}

impl Pinned {
    /// Opens the pins; `None` unless they are there and of this layout.
    pub(super) fn open(directory: &Path) -> Option<Self> {
        Some(Self {
            outcomes: pinned(directory, OUTCOMES, size_of::<Counters>())?,
            services: pinned(directory, SERVICES, size_of::<u64>())?,
            groups: pinned(directory, GROUPS, size_of::<u64>())?,
            names: Names {
                services: pinned_names::<NAME_OCTETS>(directory, NAMES)?,
                groups: pinned_names::<GROUP_NAME_OCTETS>(directory, GROUP_NAMES)?,
            },
        })
    }

    /// What it has counted so far.
    fn counts(&self) -> Result<Counts, KernelError> {
        CounterMaps::new(&self.outcomes, &self.services)?.counts(&self.names.services)
    }

    /// As many answers as it has counted so far for each group.
    pub(super) fn groups(&self) -> Result<Vec<(String, u64)>, KernelError> {
        let map = PerCpuArray::try_from(&self.groups).map_err(map_error("opening", GROUPS))?;
        sums(&map, GROUPS, &self.names.groups)
    }
}

/// The map pinned in `directory`, if its values are so large.
fn pinned(directory: &Path, name: &str, value_size: usize) -> Option<Map> {
    let map = MapData::from_pin(directory.join(name)).ok()?;
    let same = map.info().ok()?.value_size() as usize == value_size;
    same.then(|| Map::from_map_data(map).ok()).flatten()
}

fn pinned_names<const OCTETS: usize>(directory: &Path, name: &str) -> Option<Vec<String>> {
    let map = pinned(directory, name, OCTETS)?;
    let map: Array<_, [u8; OCTETS]> = Array::try_from(map).ok()?;
    let names = map.iter().map(|value| Some(name_of(&value.ok()?)));
    names.collect()
}

impl<'m> CounterMaps<'m> {
    /// The maps of a loaded program.
    pub(super) fn of(ebpf: &'m Ebpf) -> Result<Self, KernelError> {
        let map = |name| ebpf.map(name).ok_or_else(|| missing(name));
        Self::new(map(OUTCOMES)?, map(SERVICES)?)
    }

    pub(super) fn new(outcomes: &'m Map, services: &'m Map) -> Result<Self, KernelError> {
        Ok(Self {
            outcomes: outcomes
                .try_into()
                .map_err(map_error("opening", OUTCOMES))?,
            services: services
                .try_into()
                .map_err(map_error("opening", SERVICES))?,
        })
    }

    /// Live and carried counts together; `names` are the services' by number.
    pub(super) fn counts(&self, names: &[String]) -> Result<Counts, KernelError> {
        let mut outcomes = [0; Outcome::ALL.len()];
        for entry in [LIVE, CARRIED] {
            let values = self
                .outcomes
                .get(&entry, 0)
                .map_err(map_error("reading", OUTCOMES))?;
            for value in values.iter() {
                for (sum, count) in outcomes.iter_mut().zip(value.0.outcomes) {
                    *sum += count;
                }
            }
        }
        let services = sums(&self.services, SERVICES, names)?;
        Ok(Counts { outcomes, services })
    }
}

/// Live and carried counts of the map `name` together, with `names` by number.
fn sums(
    map: &PerCpuArray<&MapData, u64>,
    name: &'static str,
    names: &[String],
) -> Result<Vec<(String, u64)>, KernelError> {
    let carried = map.len() / 2;
    let numbered = (0..carried).zip(names);
    let sums = numbered.map(|(number, of)| {
        let count = sum(map, name, number)? + sum(map, name, carried + number)?;
        Ok((of.clone(), count))
    });
    sums.collect()
}

/// One entry of the map `name`, of all CPUs.
fn sum(map: &PerCpuArray<&MapData, u64>, name: &str, entry: u32) -> Result<u64, KernelError> {
    let values = map.get(&entry, 0).map_err(map_error("reading", name))?;
    Ok(values.iter().sum())
}

/// As many answers as the running program counted for each group of these numbers.
pub(super) fn groups(ebpf: &Ebpf, numbers: Range<usize>) -> Result<Vec<u64>, KernelError> {
    let map = ebpf.map(GROUPS).ok_or_else(|| missing(GROUPS))?;
    let map = PerCpuArray::try_from(map).map_err(map_error("opening", GROUPS))?;
    let counts = numbers.map(|number| sum(&map, GROUPS, number as u32));
    counts.collect()
}

/// Pins the names in `directory`, in place of those there; those of services last, with
/// which the pins are complete.
pub(super) fn pin_names(directory: &Path, names: &Names) -> Result<(), KernelError> {
    pin::<GROUP_NAME_OCTETS>(directory, GROUP_NAMES, &names.groups)?;
    pin::<NAME_OCTETS>(directory, NAMES, &names.services)
}

fn pin<const OCTETS: usize>(
    directory: &Path,
    map_name: &'static str,
    names: &[String],
) -> Result<(), KernelError> {
    let entries = names.len().max(1) as u32;
    let mut map: Array<MapData, [u8; OCTETS]> =
        Array::create(entries, 0).map_err(map_error("creating", map_name))?;
    for (index, name) in (0..).zip(names) {
        let mut value = [0; OCTETS];
        let len = name.len().min(OCTETS);
        value[..len].copy_from_slice(&name.as_bytes()[..len]);
        map.set(index, value, 0)
            .map_err(map_error("writing", map_name))?;
    }
    let (new, wanted) = (
        directory.join(format!("{map_name}_new")),
        directory.join(map_name),
    );
    let _ = fs::remove_file(&new); // left by a daemon killed right here
    map.pin(&new)
        .map_err(|error| io::Error::other(error.to_string()))
        .map_err(KernelError::call("pinning to", new.display()))?;
    fs::rename(&new, &wanted).map_err(KernelError::call("rename", new.display()))
}

/// Adds what `old` has counted; services and groups are matched by name.
pub(super) fn carry_over(ebpf: &mut Ebpf, names: &Names, old: &Pinned) -> Result<(), KernelError> {
    let cpus = cpus()?;
    let value = |counts: &[u64]| {
        let mut outcomes = [0; tables::OUTCOMES];
        outcomes[..counts.len()].copy_from_slice(counts);
        Value(Counters {
            outcomes,
            ..Counters::ZERO
        })
    };
    let counts = old.counts()?;
    let carried = on_first_cpu(cpus, value(&counts.outcomes), value(&[]))?;
    let mut outcomes: PerCpuArray<_, Value> = map_mut(ebpf, OUTCOMES)?;
    outcomes
        .set(CARRIED, carried, 0)
        .map_err(map_error("writing", OUTCOMES))?;
    carry(ebpf, SERVICES, &names.services, &counts.services)?;
    carry(ebpf, GROUPS, &names.groups, &old.groups()?)
}

/// Adds counts with their names to those of the map `name`, whose numbers are of `names`.
fn carry(
    ebpf: &mut Ebpf,
    name: &'static str,
    names: &[String],
    counts: &[(String, u64)],
) -> Result<(), KernelError> {
    let cpus = cpus()?;
    let mut map: PerCpuArray<_, u64> = map_mut(ebpf, name)?;
    let carried = map.len() / 2;
    let numbers: HashMap<&String, u32> = names.iter().zip(0..).collect();
    for (of, count) in counts {
        if let Some(number) = numbers.get(of) {
            map.set(carried + number, on_first_cpu(cpus, *count, 0)?, 0)
                .map_err(map_error("writing", name))?;
        }
    }
    Ok(())
}

fn cpus() -> Result<usize, KernelError> {
    nr_cpus().map_err(|(path, error)| KernelError::call("reading", path)(error))
}

fn on_first_cpu<T: Pod>(cpus: usize, value: T, rest: T) -> Result<PerCpuValues<T>, KernelError> {
    let mut values = vec![rest; cpus];
    values[0] = value;
    PerCpuValues::try_from(values).map_err(KernelError::call("writing", "a per-CPU map"))
}

fn map_mut<'m, M>(ebpf: &'m mut Ebpf, name: &'static str) -> Result<M, KernelError>
where
    M: TryFrom<&'m mut Map, Error = MapError>,
{
    let map = ebpf.map_mut(name).ok_or_else(|| missing(name))?;
    map.try_into().map_err(map_error("opening", name))
}

fn name_of(value: &[u8]) -> String {
    let len = value.iter().position(|octet| *octet == 0);
    String::from_utf8_lossy(&value[..len.unwrap_or(value.len())]).into_owned()
}

pub(super) fn missing(name: &str) -> KernelError {
    KernelError::Load(format!("the object has no map {name}"))
}
