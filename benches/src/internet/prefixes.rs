//! Resolver prefixes.

use std::{
    collections::HashSet,
    fmt::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::SEED;
use crate::random::Random;

/// IPv4 prefixes by length, in ten thousand: the public routing table of 2024 to
/// 2025 (CIDR Report, `RouteViews`), with 1 % of longer ones, which it does not
/// carry and lists of an operator's own customers do.
const V4_LENGTHS: [(u8, usize); 21] = [
    (24, 5960),
    (23, 990),
    (22, 1090),
    (21, 530),
    (20, 460),
    (19, 270),
    (18, 150),
    (17, 90),
    (16, 295),
    (15, 30),
    (14, 18),
    (13, 8),
    (12, 4),
    (11, 2),
    (10, 2),
    (9, 1),
    (25, 15),
    (26, 15),
    (27, 15),
    (28, 25),
    (29, 30),
];

/// IPv6 prefixes by length, in ten thousand, with 1 % longer than /48.
const V6_LENGTHS: [(u8, usize); 18] = [
    (48, 4700),
    (32, 1200),
    (40, 1040),
    (44, 980),
    (36, 550),
    (29, 360),
    (47, 260),
    (46, 220),
    (33, 160),
    (34, 130),
    (45, 90),
    (42, 80),
    (38, 70),
    (30, 30),
    (31, 20),
    (28, 10),
    (56, 60),
    (64, 40),
];

/// One in so many prefixes is of IPv6.
const V6_ONE_IN: usize = 5;

/// Prefixes that a network announces, on average: beside each other, and in the
/// same group.
const PER_NETWORK: usize = 8;

/// Where registries give out IPv6: a /12 each.
const V6_REGISTRIES: [u32; 5] = [0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];

/// `count` different prefixes in no order, a fifth of them of IPv6, each with the
/// number of its group, 1 to `groups - 1`, or 0 where there is no other. With
/// eight prefixes or more a group, each group has one.
///
/// # Panics
/// Where `groups` is 0.
pub(crate) fn prefixes(count: usize, groups: u32) -> Vec<(IpNet, u16)> {
    assert!(groups > 0, "there is always the default group");
    let mut random = Random::new(SEED, 1);
    let mut seen = HashSet::with_capacity(count);
    let mut prefixes = Vec::with_capacity(count);
    let mut numbers = Groups { last: 0, groups };
    let mut network = |v6, random: &mut Random| {
        let bits = if v6 {
            v6_network(random)
        } else {
            v4_network(random)
        };
        (bits, numbers.next())
    };
    let mut networks = [false, true].map(|v6| network(v6, &mut random));
    for number in 0..count {
        let v6 = number % V6_ONE_IN == V6_ONE_IN - 1;
        let lengths = if v6 { &V6_LENGTHS[..] } else { &V4_LENGTHS };
        let len = length(lengths, &mut random);
        if random.below(PER_NETWORK) == 0 {
            networks[usize::from(v6)] = network(v6, &mut random);
        }
        loop {
            let (bits, group) = networks[usize::from(v6)];
            let prefix = if v6 {
                IpNet::V6(v6_prefix(bits, len, &mut random))
            } else {
                IpNet::V4(v4_prefix(bits, len, &mut random))
            };
            if seen.insert(prefix) {
                prefixes.push((prefix, group));
                break;
            }
            networks[usize::from(v6)] = network(v6, &mut random);
        }
    }
    prefixes
}

/// The name of group `number` in [`groups_file`].
fn group_name(number: u16) -> String {
    match number {
        0 => "default".to_owned(),
        number => format!("isp-{number}"),
    }
}

/// A `groups.conf` of `prefixes`.
pub(crate) fn groups_file(prefixes: &[(IpNet, u16)]) -> String {
    let mut text = String::with_capacity(32 * prefixes.len());
    for (prefix, group) in prefixes {
        let group = group_name(*group);
        writeln!(text, "{prefix} {group}").expect("a string takes it");
    }
    text
}

/// Groups in turn, the default one left out.
struct Groups {
    last: u32,
    groups: u32,
}

impl Groups {
    fn next(&mut self) -> u16 {
        self.last = if self.last + 1 < self.groups {
            self.last + 1
        } else {
            1.min(self.groups - 1)
        };
        self.last as u16
    }
}

/// The /16 that an IPv4 network has its addresses in.
fn v4_network(random: &mut Random) -> u128 {
    loop {
        // Neither 0/8 nor 127/8, nor multicast and what is above it.
        let network = random.below(0xe000) as u32;
        if !matches!(network >> 8, 0 | 127) {
            return u128::from(network << 16);
        }
    }
}

fn v4_prefix(network: u128, len: u8, random: &mut Random) -> Ipv4Net {
    let address = Ipv4Addr::from_bits(network as u32 | u32::from(random.pair()));
    let prefix = Ipv4Net::new(address, len).expect("a length of IPv4");
    prefix.trunc()
}

/// The /32 of an IPv6 network.
fn v6_network(random: &mut Random) -> u128 {
    let registry = *random.pick(&V6_REGISTRIES);
    // Registries give out /29s, of which the first /32 is in use.
    let network = registry << 16 | (random.below(1 << 17) as u32) << 3;
    u128::from(network) << 96
}

/// A prefix of `network`, numbered from its start as operators do it.
fn v6_prefix(network: u128, len: u8, random: &mut Random) -> Ipv6Net {
    let free = u32::from(len.saturating_sub(32));
    // Small numbers are likelier, all sizes of them alike.
    let number = random.next() & ((1 << free) - 1);
    let number = number >> random.below(free as usize + 1);
    let address = Ipv6Addr::from_bits(network | u128::from(number) << (96 - free));
    let prefix = Ipv6Net::new(address, len).expect("a length of IPv6");
    prefix.trunc()
}

/// One of `lengths` by their shares.
fn length(lengths: &[(u8, usize)], random: &mut Random) -> u8 {
    let mut place = random.below(10_000);
    for (length, share) in lengths {
        if place < *share {
            return *length;
        }
        place -= share;
    }
    unreachable!("the shares add up to ten thousand")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const COUNT: usize = 200_000;

    fn share(prefixes: &[(IpNet, u16)], of: impl Fn(&IpNet) -> bool) -> f64 {
        let all = prefixes.iter().filter(|(prefix, _)| of(prefix)).count();
        crate::load::ratio_of(all as u64) / crate::load::ratio_of(prefixes.len() as u64)
    }

    #[test]
    fn shares_add_up() {
        for lengths in [&V4_LENGTHS[..], &V6_LENGTHS] {
            assert_eq!(
                lengths.iter().map(|(_, share)| share).sum::<usize>(),
                10_000
            );
        }
    }

    #[test]
    fn prefixes_are_as_many_and_as_different_as_asked_for() {
        let prefixes = prefixes(COUNT, 1000);
        assert_eq!(prefixes.len(), COUNT);
        let different: HashSet<_> = prefixes.iter().map(|(prefix, _)| prefix).collect();
        assert_eq!(different.len(), COUNT);
        assert!(prefixes.iter().all(|(prefix, _)| *prefix == prefix.trunc()));
    }

    #[test]
    fn lengths_are_those_of_the_routing_table() {
        let prefixes = prefixes(COUNT, 1000);
        let (v4, v6): (Vec<_>, Vec<_>) = prefixes
            .into_iter()
            .partition(|(prefix, _)| matches!(prefix, IpNet::V4(_)));
        assert_eq!(v6.len(), COUNT / V6_ONE_IN);
        let near = |prefixes: &[_], of: &dyn Fn(u8) -> bool, expected: f64| {
            let share = share(prefixes, |prefix| of(prefix.prefix_len()));
            assert!((share - expected).abs() < 0.02, "{share} for {expected}");
        };
        near(&v4, &|len| len == 24, 0.60);
        near(&v4, &|len| len == 22, 0.11);
        near(&v4, &|len| len == 23, 0.10);
        near(&v4, &|len| len < 16, 0.006);
        near(&v6, &|len| len == 48, 0.47);
        near(&v6, &|len| len == 32, 0.12);
        for (prefixes, longest) in [(&v4, 24), (&v6, 48)] {
            let share = share(prefixes, |prefix| prefix.prefix_len() > longest);
            assert!((0.005..0.02).contains(&share), "{share}");
        }
    }

    #[test]
    fn neighbours_are_in_one_group_and_every_group_has_some() {
        let groups = 10_000;
        let prefixes = prefixes(COUNT, groups);
        let mut sizes: HashMap<u16, usize> = HashMap::new();
        let mut homes: HashMap<u32, HashSet<u16>> = HashMap::new();
        for (prefix, group) in &prefixes {
            *sizes.entry(*group).or_default() += 1;
            if let IpNet::V4(prefix) = prefix {
                let home = prefix.network().to_bits() >> 16;
                homes.entry(home).or_default().insert(*group);
            }
        }
        assert_eq!(sizes.len(), groups as usize - 1, "all but the default one");
        assert!(!sizes.contains_key(&0));
        let groups_at_home = homes.values().map(HashSet::len).sum::<usize>();
        assert!(groups_at_home < 2 * homes.len());
    }

    #[test]
    fn one_group_is_the_default_one() {
        assert!(prefixes(100, 1).iter().all(|(_, group)| *group == 0));
    }

    #[test]
    fn the_file_has_a_line_for_each() {
        let prefixes = [("192.0.2.0/24", 7), ("2001:db8::/32", 0)];
        let prefixes = prefixes.map(|(prefix, group)| (prefix.parse().expect("a prefix"), group));
        let file = groups_file(&prefixes);
        assert_eq!(file, "192.0.2.0/24 isp-7\n2001:db8::/32 default\n");
    }
}
