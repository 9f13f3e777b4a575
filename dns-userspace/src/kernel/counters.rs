//! Per-CPU counters, summed, and carried over from program to program.

use std::path::Path;

use aya::{
    Ebpf, Pod,
    maps::{Array, Map, MapData, PerCpuArray, PerCpuValues},
    util::nr_cpus,
};
use dns_common::{outcome::Outcome, tables::Counters};

use super::{KernelError, data_of, map_error, pin};
use crate::tables::SERVICE_NAME_OCTETS;

/// A name padded with zero octets, as `SERVICE_NAMES` keeps it.
type NameValue = [u8; SERVICE_NAME_OCTETS];

/// Names by counter number.
pub type ServiceNames = Vec<String>;

#[repr(transparent)]
#[derive(Clone, Copy)]
struct Value(Counters);

// SAFETY: nothing but u64s, so there is no padding and every bit pattern counts.
unsafe impl Pod for Value {}

/// What has been counted since the first program was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Packets by [`Outcome`], in [`Outcome::ALL`]'s order.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Answers by service number.
    pub services: Vec<u64>,
}

/// The maps that count. In each the entries of the running program come first;
/// as many follow that were carried over.
pub(super) struct CounterMaps {
    outcomes: PerCpuArray<MapData, Value>,
    services: PerCpuArray<MapData, u64>,
    names: Array<MapData, NameValue>,
}

impl CounterMaps {
    /// The maps of a program just loaded.
    pub(super) fn take(ebpf: &mut Ebpf, services: u32) -> Result<Self, KernelError> {
        let mut map = |name: &'static str| {
            ebpf.take_map(name)
                .ok_or_else(|| KernelError::Load(format!("the object has no map {name}")))
        };
        let maps = Self {
            outcomes: PerCpuArray::try_from(map("COUNTERS")?)
                .map_err(map_error("opening", "COUNTERS"))?,
            services: PerCpuArray::try_from(map("SERVICES")?)
                .map_err(map_error("opening", "SERVICES"))?,
            names: Array::try_from(map("SERVICE_NAMES")?)
                .map_err(map_error("opening", "SERVICE_NAMES"))?,
        };
        debug_assert_eq!(maps.capacity(), services);
        Ok(maps)
    }

    /// The maps an earlier daemon pinned in `directory`, if they are of this kind.
    pub(super) fn pinned(directory: &Path) -> Option<Self> {
        let map = |name: &str| MapData::from_pin(directory.join(name)).ok();
        let outcomes = map("COUNTERS")?;
        if outcomes.info().ok()?.value_size() as usize != size_of::<Counters>() {
            return None;
        }
        Some(Self {
            outcomes: PerCpuArray::try_from(Map::from_map_data(outcomes).ok()?).ok()?,
            services: PerCpuArray::try_from(Map::from_map_data(map("SERVICES")?).ok()?).ok()?,
            names: Array::try_from(Map::from_map_data(map("SERVICE_NAMES")?).ok()?).ok()?,
        })
    }

    pub(super) fn pin(&self, directory: &Path) -> Result<(), KernelError> {
        let _ = data_of;
        pin(self.outcomes.map_data(), &directory.join("COUNTERS"))?;
        pin(self.services.map_data(), &directory.join("SERVICES"))?;
        pin(self.names.map_data(), &directory.join("SERVICE_NAMES"))
    }

    fn capacity(&self) -> u32 {
        self.names.len()
    }

    /// Live and carried counts together.
    pub(super) fn counts(&self) -> Result<Counts, KernelError> {
        let mut outcomes = [0; Outcome::ALL.len()];
        for entry in 0..2 {
            let values = self
                .outcomes
                .get(&entry, 0)
                .map_err(map_error("reading", "COUNTERS"))?;
            for value in values.iter() {
                for (sum, count) in outcomes.iter_mut().zip(value.0.outcomes) {
                    *sum += count;
                }
            }
        }
        let capacity = self.capacity();
        let services = (0..capacity)
            .map(|service| Ok(self.service(service)? + self.service(capacity + service)?))
            .collect::<Result<_, KernelError>>()?;
        Ok(Counts { outcomes, services })
    }

    fn service(&self, entry: u32) -> Result<u64, KernelError> {
        let values = self
            .services
            .get(&entry, 0)
            .map_err(map_error("reading", "SERVICES"))?;
        Ok(values.iter().sum())
    }

    pub(super) fn name_services(&self, names: &[String]) -> Result<(), KernelError> {
        // The map is written through a handle of its own, so that `self` may be shared.
        let data = MapData::from_id(
            self.names
                .map_data()
                .info()
                .map_err(map_error("reading", "SERVICE_NAMES"))?
                .id(),
        )
        .map_err(map_error("opening", "SERVICE_NAMES"))?;
        let map = Map::from_map_data(data).map_err(map_error("opening", "SERVICE_NAMES"))?;
        let mut map: Array<_, NameValue> =
            Array::try_from(map).map_err(map_error("opening", "SERVICE_NAMES"))?;
        for (index, name) in (0..self.capacity()).zip(names) {
            let mut value = [0; SERVICE_NAME_OCTETS];
            let len = name.len().min(SERVICE_NAME_OCTETS);
            value[..len].copy_from_slice(&name.as_bytes()[..len]);
            map.set(index, value, 0)
                .map_err(map_error("writing", "SERVICE_NAMES"))?;
        }
        Ok(())
    }

    fn service_names(&self) -> Result<ServiceNames, KernelError> {
        (0..self.capacity())
            .map(|index| {
                let value = self
                    .names
                    .get(&index, 0)
                    .map_err(map_error("reading", "SERVICE_NAMES"))?;
                let len = value.iter().position(|octet| *octet == 0);
                let name = &value[..len.unwrap_or(value.len())];
                Ok(String::from_utf8_lossy(name).into_owned())
            })
            .collect()
    }

    /// Adds what `old` has counted; services are matched by name.
    pub(super) fn carry_over(&mut self, old: &Self) -> Result<(), KernelError> {
        let counts = old.counts()?;
        let cpus = nr_cpus()
            .map_err(|(path, error)| KernelError::call("reading", path)(error))?;
        let mut values = vec![
            Value(Counters {
                outcomes: [0; Outcome::ALL.len()],
                scratch: 0,
            });
            cpus
        ];
        values[0].0.outcomes = counts.outcomes;
        let values = PerCpuValues::try_from(values)
            .map_err(KernelError::call("writing", "map COUNTERS"))?;
        self.outcomes
            .set(1, values, 0)
            .map_err(map_error("writing", "COUNTERS"))?;

        let names = self.service_names()?;
        for (name, count) in old.service_names()?.iter().zip(counts.services) {
            let position = names.iter().position(|known| known == name);
            if let (false, Some(index)) = (name.is_empty(), position) {
                let mut values = vec![0; cpus];
                values[0] = count;
                let values = PerCpuValues::try_from(values)
                    .map_err(KernelError::call("writing", "map SERVICES"))?;
                self.services
                    .set(self.capacity() + index as u32, values, 0)
                    .map_err(map_error("writing", "SERVICES"))?;
            }
        }
        Ok(())
    }
}
