//! Per-CPU counters, summed, and carried over from program to program.

use std::{collections::HashMap, fs, io, path::Path};

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

/// A name padded with zero octets.
type NameValue = [u8; NAME_OCTETS];

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
const OUTCOMES: &str = "COUNTERS";
const SERVICES: &str = "SERVICES";
/// Made and pinned by the daemon, for whoever reads the counters after it.
const NAMES: &str = "SERVICE_NAMES";

/// What an earlier daemon's program, pinned in `directory`, counts in.
pub(super) struct Pinned {
    outcomes: Map,
    services: Map,
    names: Vec<String>,
}

impl Pinned {
    /// Opens the pins; `None` unless they are there and of this layout.
    pub(super) fn open(directory: &Path) -> Option<Self> {
        let map = |name: &str, value_size: usize| {
            let map = MapData::from_pin(directory.join(name)).ok()?;
            let same = map.info().ok()?.value_size() as usize == value_size;
            same.then(|| Map::from_map_data(map).ok()).flatten()
        };
        let names = map(NAMES, NAME_OCTETS)?;
        let names: Array<_, NameValue> = Array::try_from(names).ok()?;
        Some(Self {
            outcomes: map(OUTCOMES, size_of::<Counters>())?,
            services: map(SERVICES, size_of::<u64>())?,
            names: names
                .iter()
                .map(|value| value.ok().map(|value| name_of(&value)))
                .collect::<Option<_>>()?,
        })
    }

    /// What it has counted so far.
    pub(super) fn counts(&self) -> Result<Counts, KernelError> {
        CounterMaps::new(&self.outcomes, &self.services)?.counts(&self.names)
    }
}

impl<'m> CounterMaps<'m> {
    /// The maps of a loaded program.
    pub(super) fn of(ebpf: &'m Ebpf) -> Result<Self, KernelError> {
        let map = |name| ebpf.map(name).ok_or_else(|| missing(name));
        Self::new(map(OUTCOMES)?, map(SERVICES)?)
    }

    fn new(outcomes: &'m Map, services: &'m Map) -> Result<Self, KernelError> {
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
        let carried = self.services.len() / 2;
        let services = (0..carried)
            .zip(names)
            .map(|(number, name)| {
                let count = self.service(number)? + self.service(carried + number)?;
                Ok((name.clone(), count))
            })
            .collect::<Result<_, KernelError>>()?;
        Ok(Counts { outcomes, services })
    }

    fn service(&self, entry: u32) -> Result<u64, KernelError> {
        let values = self
            .services
            .get(&entry, 0)
            .map_err(map_error("reading", SERVICES))?;
        Ok(values.iter().sum())
    }
}

/// Pins the services' names in `directory`, in place of those there.
pub(super) fn pin_names(directory: &Path, names: &[String]) -> Result<(), KernelError> {
    let entries = names.len().max(1) as u32;
    let mut map: Array<MapData, NameValue> =
        Array::create(entries, 0).map_err(map_error("creating", NAMES))?;
    for (index, name) in (0..).zip(names) {
        let mut value = [0; NAME_OCTETS];
        let len = name.len().min(NAME_OCTETS);
        value[..len].copy_from_slice(&name.as_bytes()[..len]);
        map.set(index, value, 0)
            .map_err(map_error("writing", NAMES))?;
    }
    let (new, wanted) = (directory.join("SERVICE_NAMES_new"), directory.join(NAMES));
    let _ = fs::remove_file(&new); // left by a daemon killed right here
    map.pin(&new)
        .map_err(|error| io::Error::other(error.to_string()))
        .map_err(KernelError::call("pinning to", new.display()))?;
    fs::rename(&new, &wanted).map_err(KernelError::call("rename", new.display()))
}

/// Adds what `old` has counted; services are matched by name.
pub(super) fn carry_over(
    ebpf: &mut Ebpf,
    names: &[String],
    old: &Counts,
) -> Result<(), KernelError> {
    let cpus = nr_cpus().map_err(|(path, error)| KernelError::call("reading", path)(error))?;
    let value = |counts: &[u64]| {
        let mut outcomes = [0; tables::OUTCOMES];
        outcomes[..counts.len()].copy_from_slice(counts);
        Value(Counters {
            outcomes,
            ..Counters::ZERO
        })
    };
    let carried = on_first_cpu(cpus, value(&old.outcomes), value(&[]))?;
    let mut outcomes: PerCpuArray<_, Value> = map_mut(ebpf, OUTCOMES)?;
    outcomes
        .set(CARRIED, carried, 0)
        .map_err(map_error("writing", OUTCOMES))?;

    let mut services: PerCpuArray<_, u64> = map_mut(ebpf, SERVICES)?;
    let carried = services.len() / 2;
    let numbers: HashMap<&String, u32> = names.iter().zip(0..).collect();
    for (name, count) in &old.services {
        if let Some(number) = numbers.get(name) {
            services
                .set(carried + number, on_first_cpu(cpus, *count, 0)?, 0)
                .map_err(map_error("writing", SERVICES))?;
        }
    }
    Ok(())
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

fn name_of(value: &NameValue) -> String {
    let len = value.iter().position(|octet| *octet == 0);
    String::from_utf8_lossy(&value[..len.unwrap_or(value.len())]).into_owned()
}

fn missing(name: &str) -> KernelError {
    KernelError::Load(format!("the object has no map {name}"))
}
