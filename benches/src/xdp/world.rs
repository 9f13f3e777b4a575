//! What the tables hold, and who asks for it.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Result, anyhow};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Serialize;
use veer::model::Name;

use super::{queries::Asker, route::RESOLVER_V6};
use crate::{
    fixture::{Bulk, RESOLVER},
    internet,
    random::Random,
};

/// Groups, at most; their numbers have 16 bits.
const GROUPS_MAX: usize = 65_000;

/// Prefixes of one group, on average, where there are few of them.
const PREFIXES_OF_GROUP: usize = 8;

/// How much the tables hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Size {
    /// Names, nearly all of them steered.
    pub(super) names: usize,
    /// Resolver prefixes.
    pub(super) prefixes: usize,
}

/// Names and prefixes in tables, to ask for and from.
pub(super) struct World {
    pub(super) size: Size,
    pub(super) bulk: Bulk,
    /// Where each zone's names end in a count over all zones.
    ends: Vec<usize>,
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
}

impl World {
    /// Names and prefixes as there are on the Internet.
    pub(super) fn new(size: Size) -> Result<Self> {
        let zones = internet::zones(size.names);
        let zones = zones.map(|zone| {
            let names = zone.names.iter().filter(|name| **name != zone.apex);
            let names = names.map(|name| parsed(name)).collect::<Result<_>>()?;
            Ok((parsed(&zone.apex)?, names))
        });
        let zones: Vec<(Name, Vec<Name>)> = zones.collect::<Result<_>>()?;
        let groups = (size.prefixes / PREFIXES_OF_GROUP).clamp(2, GROUPS_MAX) as u32;
        let prefixes = internet::prefixes(size.prefixes, groups);
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (prefix, _) in &prefixes {
            match prefix {
                IpNet::V4(prefix) => v4.push(*prefix),
                IpNet::V6(prefix) => v6.push(*prefix),
            }
        }
        let ends = zones.iter().scan(0, |end, (_, names)| {
            *end += names.len();
            Some(*end)
        });
        Ok(Self {
            size,
            ends: ends.collect(),
            v4,
            v6,
            bulk: Bulk {
                zones,
                prefixes,
                groups,
            },
        })
    }

    /// Any of the steered names, all alike.
    pub(super) fn name(&self, random: &mut Random) -> &Name {
        let all = self.ends.last().copied().unwrap_or_default();
        let place = random.below(all);
        let zone = self.ends.partition_point(|end| *end <= place);
        let (_, names) = &self.bulk.zones[zone];
        &names[place + names.len() - self.ends[zone]]
    }

    /// Any of the zones' names, all alike.
    pub(super) fn apex(&self, random: &mut Random) -> &Name {
        &random.pick(&self.bulk.zones).0
    }

    /// Anyone in any of the prefixes, all alike.
    pub(super) fn asker(&self, random: &mut Random) -> Asker {
        Asker {
            v4: v4_in(*random.pick(&self.v4), random),
            v6: v6_in(*random.pick(&self.v6), random),
            subnet_v4: v4_in(*random.pick(&self.v4), random),
            subnet_v6: v6_in(*random.pick(&self.v6), random),
        }
    }
}

/// Who asks where only one asks: the fixture's resolver, for clients in its
/// prefixes.
pub(super) const ONE_ASKER: Asker = Asker {
    v4: RESOLVER,
    v6: RESOLVER_V6,
    subnet_v4: Ipv4Addr::new(203, 0, 113, 0),
    subnet_v6: Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0x5500, 0, 0, 0, 0),
};

fn parsed(name: &str) -> Result<Name> {
    name.parse().map_err(|error| anyhow!("{name}: {error}"))
}

fn v4_in(prefix: Ipv4Net, random: &mut Random) -> Ipv4Addr {
    let host = u32::try_from(random.next() >> 32).unwrap_or_default();
    (prefix.network().to_bits() | host & prefix.hostmask().to_bits()).into()
}

fn v6_in(prefix: Ipv6Net, random: &mut Random) -> Ipv6Addr {
    let host = u128::from(random.next()) << 64 | u128::from(random.next());
    (prefix.network().to_bits() | host & prefix.hostmask().to_bits()).into()
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, net::IpAddr};

    use super::*;

    #[test]
    fn every_name_and_every_prefix_is_asked_for() {
        let size = Size {
            names: 50,
            prefixes: 50,
        };
        let world = World::new(size).expect("names");
        let names = world.bulk.zones.iter().flat_map(|(_, names)| names);
        let names: HashSet<_> = names.collect();
        let mut random = Random::new(1, 1);
        let asked: HashSet<_> = (0..5000).map(|_| world.name(&mut random)).collect();
        assert_eq!(asked, names);

        let mut left: HashSet<IpNet> = world.bulk.prefixes.iter().map(|(net, _)| *net).collect();
        for _ in 0..5000 {
            let asker = world.asker(&mut random);
            let of = |net: &IpNet| {
                net.contains(&IpAddr::V4(asker.v4)) || net.contains(&IpAddr::V6(asker.v6))
            };
            assert!(world.bulk.prefixes.iter().any(|(net, _)| of(net)));
            left.retain(|net| !of(net));
        }
        assert!(left.is_empty(), "{left:?}");
    }
}
