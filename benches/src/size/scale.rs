//! How much is configured, and the configuration of that size.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::internet;

/// How much of each there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Scale {
    /// Names with records in master files.
    pub(crate) names: usize,
    /// Resolver prefixes.
    pub(crate) prefixes: usize,
    /// Resolver groups.
    pub(crate) groups: usize,
    /// Services, at names of their own.
    pub(crate) services: usize,
    /// The pools they are in.
    pub(crate) pools: usize,
}

impl Scale {
    /// Next to nothing of anything.
    pub(crate) const SMALL: Self = Self {
        names: 100,
        prefixes: 100,
        groups: 10,
        services: 10,
        pools: 1,
    };

    /// What one host is to hold.
    pub(crate) const WHOLE: Self = Self {
        names: 1_000_000,
        prefixes: 1_000_000,
        groups: 65_000,
        services: 100_000,
        pools: 100,
    };
}

/// One dimension that grows while the others stay small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Axis {
    Names,
    Prefixes,
    Groups,
    Pools,
    Services,
    /// All of them together.
    Whole,
}

impl Axis {
    pub(crate) const ALL: [Self; 6] = [
        Self::Names,
        Self::Prefixes,
        Self::Groups,
        Self::Pools,
        Self::Services,
        Self::Whole,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Prefixes => "prefixes",
            Self::Groups => "groups",
            Self::Pools => "pools",
            Self::Services => "services",
            Self::Whole => "whole",
        }
    }

    /// The configurations along it, the smallest first.
    pub(crate) fn scales(self) -> Vec<Scale> {
        let small = Scale::SMALL;
        let steps = |of: &[usize], scale: &dyn Fn(usize) -> Scale| {
            of.iter().copied().map(scale).collect::<Vec<_>>()
        };
        match self {
            Self::Names => steps(&[1_000, 10_000, 100_000, 1_000_000], &|names| Scale {
                names,
                ..small
            }),
            Self::Prefixes => steps(&[10_000, 100_000, 300_000, 1_000_000], &|prefixes| Scale {
                prefixes,
                ..small
            }),
            // Rankings exist for each group and pool, so there is a hundred of these.
            Self::Groups => steps(&[10, 1_000, 8_000, 65_000], &|groups| Scale {
                groups,
                prefixes: 100.max(8 * groups),
                services: 100,
                pools: 100,
                ..small
            }),
            // And for each pool and group, some of which there are.
            Self::Pools => steps(&[1, 10, 30, 100], &|pools| Scale {
                groups: 8_000,
                prefixes: 64_000,
                services: 100,
                pools,
                ..small
            }),
            Self::Services => steps(&[100, 1_000, 10_000, 100_000], &|services| Scale {
                services,
                pools: 100,
                ..small
            }),
            Self::Whole => vec![Scale::WHOLE],
        }
    }

    /// How far along it `scale` is.
    pub(crate) fn of(self, scale: &Scale) -> usize {
        match self {
            Self::Names | Self::Whole => scale.names,
            Self::Prefixes => scale.prefixes,
            Self::Groups => scale.groups,
            Self::Pools => scale.pools,
            Self::Services => scale.services,
        }
    }
}

/// A configuration on disk.
#[derive(Debug)]
pub(crate) struct Written {
    /// Octets in all its files.
    pub(crate) octets: u64,
    /// A name that has records, and one that is steered.
    pub(crate) asked: [String; 2],
}

/// Writes zones, services, groups and `tables.*` of the size `scale` into
/// `directory`, which has the other tunables.
pub(crate) fn write(scale: &Scale, directory: &Path) -> Result<Written> {
    let mut files = Files {
        directory,
        octets: 0,
    };
    let mut apexes = Vec::new();
    let mut fixed = String::new();
    let mut rows = HashSet::new();
    for zone in internet::zones(scale.names) {
        files.write(&format!("zones.d/{}zone", zone.apex), &zone.text)?;
        for name in &zone.names {
            rows.extend(ancestors(name).map(str::to_owned));
        }
        apexes.push(zone.apex);
        fixed.clone_from(&zone.names[zone.names.len() - 1]);
    }
    let services = internet::services(scale.services, scale.pools, &apexes);
    for (customer, text) in services.files.iter().enumerate() {
        files.write(&format!("services.d/customer-{customer}.toml"), text)?;
    }
    let prefixes = internet::prefixes(scale.prefixes, scale.groups as u32);
    files.write("groups.conf", &internet::groups_file(&prefixes))?;
    let steered = services.names[services.names.len() - 1].clone();
    let tables = format!(
        "tables.names = {}\n\
         tables.answer_cells = {}\n\
         tables.chunks = {}\n\
         tables.groups = {}\n\
         tables.pools = {}\n\
         tables.services = {}\n",
        // Names above zones, and the root, have rows too.
        (1 + rows.len() + scale.services).max(1024),
        (4 * rows.len() + 48 * scale.services).max(1024),
        // Few prefixes share fewer of theirs.
        scale.prefixes / 6 + 512,
        scale.groups.next_power_of_two(),
        scale.pools,
        scale.services,
    );
    files.write("veer.d/tables.conf", &tables)?;
    Ok(Written {
        octets: files.octets,
        asked: [fixed, steered],
    })
}

/// `name`, which is absolute, and every name above it but the root.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| {
        let (_, parent) = name.split_once('.')?;
        Some(parent).filter(|parent| !parent.is_empty())
    })
}

struct Files<'d> {
    directory: &'d Path,
    octets: u64,
}

impl Files<'_> {
    fn write(&mut self, file: &str, text: &str) -> Result<()> {
        let path: PathBuf = self.directory.join(file);
        let parent = path.parent().unwrap_or(self.directory);
        self.octets += text.len() as u64;
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_end_below_the_root() {
        let all: Vec<_> = ancestors("a.b.c.").collect();
        assert_eq!(all, ["a.b.c.", "b.c.", "c."]);
    }

    #[test]
    fn scales_grow_along_their_axis() {
        for axis in Axis::ALL {
            let scales = axis.scales();
            assert!(scales.is_sorted_by_key(|scale| axis.of(scale)), "{axis:?}");
            assert_eq!(axis.of(&scales[scales.len() - 1]), axis.of(&Scale::WHOLE));
        }
    }
}
