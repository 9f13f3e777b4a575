use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dns_common::tables::Source;
use ipnet::{Ipv4Net, Ipv6Net};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::*;
use crate::tables::Capacity;

fn in_memory(chunks: u32) -> Tables {
    Tables::in_memory(Capacity {
        names: 64,
        groups: 4,
        pools: 2,
        answer_cells: 64,
        chunks,
        services: 4,
        rate_buckets: 1,
    })
    .expect("there is memory")
}

/// Replaces every resolver prefix, if they fit.
fn replace(
    tables: &Tables,
    groups: &[(IpNet, u16)],
    flags: &ResolverFlags,
) -> Result<(), ResolversError> {
    let prepared = tables.prepare_resolvers(groups, flags)?;
    tables.replace_resolvers(&prepared);
    Ok(())
}

/// As [`replace`], groups alone, in text.
fn replace_groups(tables: &Tables, groups: &[(&str, u16)]) {
    let groups: Vec<_> = groups
        .iter()
        .map(|(prefix, group)| (prefix.parse().expect("a prefix"), *group))
        .collect();
    replace(tables, &groups, &ResolverFlags::default()).expect("they fit");
}

fn entry(tables: &Tables, address: impl Into<IpAddr>) -> Entry {
    tables.resolver(Source::from(address.into()))
}

fn entry_of(tables: &Tables, address: &str) -> (u16, u8) {
    let entry = entry(tables, address.parse::<IpAddr>().expect("an address"));
    (entry.group(), entry.scope())
}

/// Addresses that agree with each other in many of their leading bits, so that
/// prefixes nest.
fn addresses() -> impl Strategy<Value = IpAddr> {
    let v4 = (any::<u32>(), 0..=32_u32).prop_map(|(bits, random)| {
        let random = 1_u32.checked_shl(random).map_or(u32::MAX, |bit| bit - 1);
        IpAddr::from(Ipv4Addr::from(0x0a01_0203 ^ bits & random))
    });
    let v6 = (any::<u128>(), 0..=128_u32).prop_map(|(bits, random)| {
        let random = 1_u128.checked_shl(random).map_or(u128::MAX, |bit| bit - 1);
        IpAddr::from(Ipv6Addr::from(
            0x2001_0db8_0001_0002_0003_0004_0005_0006 ^ bits & random,
        ))
    });
    prop_oneof![v4, v6]
}

fn prefix(address: IpAddr, len: u8) -> IpNet {
    match address {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, len % 33).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, len % 129).trunc().into(),
    }
}

fn prefixes() -> impl Strategy<Value = IpNet> {
    (addresses(), any::<u8>()).prop_map(|(address, len)| prefix(address, len))
}

/// Different prefixes of any length, each with one of few groups, so that
/// neighbours share them; of some the other half of the next shorter prefix too.
fn groups() -> impl Strategy<Value = Vec<(IpNet, u16)>> {
    let group = (prefixes(), 0..4_u16, any::<bool>());
    proptest::collection::vec(group, 0..40).prop_map(|groups| {
        let mut known = BTreeMap::new();
        for (prefix, group, both) in groups {
            known.entry(prefix).or_insert(group);
            if both && let Some(parent) = prefix.supernet() {
                for half in parent.subnets(prefix.prefix_len()).expect("a longer one") {
                    known.entry(half).or_insert(group);
                }
            }
        }
        known.into_iter().collect()
    })
}

fn flags() -> impl Strategy<Value = ResolverFlags> {
    let list = || proptest::collection::vec(prefixes(), 0..4);
    (list(), list()).prop_map(|(trusted, exempt)| ResolverFlags { trusted, exempt })
}

/// An address as a number of its family's width in bits.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn address(bits: u128, width: u8) -> IpAddr {
    match width {
        32 => Ipv4Addr::from_bits(bits as u32).into(),
        _ => Ipv6Addr::from_bits(bits).into(),
    }
}

/// The first and the last address of a prefix, and the ones beside them.
fn edges(prefix: IpNet) -> Vec<IpAddr> {
    let ((first, width), (last, _)) = (bits(prefix.network()), bits(prefix.broadcast()));
    [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
        .map(|bits| address(bits, width))
        .to_vec()
}

/// What the table has to say, found by looking at every prefix.
struct Reference<'p> {
    groups: &'p [(IpNet, u16)],
    flags: &'p ResolverFlags,
    /// Where a prefix starts or has just ended: groups change nowhere else.
    changes: Vec<IpAddr>,
}

impl<'p> Reference<'p> {
    fn new(groups: &'p [(IpNet, u16)], flags: &'p ResolverFlags) -> Self {
        let changes = groups
            .iter()
            .flat_map(|(prefix, _)| edges(*prefix))
            .collect();
        Self {
            groups,
            flags,
            changes,
        }
    }

    fn group(&self, address: IpAddr) -> u16 {
        let holding = self
            .groups
            .iter()
            .filter(|(prefix, _)| prefix.contains(&address));
        let longest = holding.max_by_key(|(prefix, _)| prefix.prefix_len());
        longest.map_or(0, |(_, group)| *group)
    }

    /// The least length for which everyone in the block around `address` has its
    /// group.
    fn scope(&self, address: IpAddr) -> u8 {
        let group = self.group(address);
        let (_, width) = bits(address);
        let uniform = |len: &u8| {
            let block = match address {
                IpAddr::V4(address) => IpNet::from(Ipv4Net::new_assert(address, *len).trunc()),
                IpAddr::V6(address) => Ipv6Net::new_assert(address, *len).trunc().into(),
            };
            let mut changes = self.changes.iter().filter(|change| block.contains(*change));
            changes.all(|change| self.group(*change) == group)
        };
        (0..=width).find(uniform).expect("one address is one group")
    }

    fn entry(&self, address: IpAddr) -> Entry {
        let listed = |list: &[IpNet], flag: u32| {
            let holds = list.iter().any(|prefix| prefix.contains(&address));
            if holds { flag } else { 0 }
        };
        let flags =
            listed(&self.flags.trusted, Entry::TRUSTED) | listed(&self.flags.exempt, Entry::EXEMPT);
        Entry::new(self.group(address), self.scope(address), flags)
    }
}

#[test]
fn resolvers_are_known_by_the_longest_prefix_however_often_it_changes() {
    let tables = in_memory(4096);
    let cases = (
        groups(),
        flags(),
        proptest::collection::vec(addresses(), 200),
    );
    // Every case replaces what the one before has left.
    let mut runner = TestRunner::new(Config {
        cases: 8,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&cases, |(groups, flags, others)| {
            replace(&tables, &groups, &flags).expect("there is room");
            let reference = Reference::new(&groups, &flags);
            let listed = flags.trusted.iter().chain(&flags.exempt).copied();
            let all = groups.iter().map(|(prefix, _)| *prefix).chain(listed);
            for address in all.flat_map(edges).chain(others) {
                let expected = reference.entry(address);
                prop_assert_eq!(entry(&tables, address), expected, "{}", address);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    replace(&tables, &[], &ResolverFlags::default()).expect("nothing fits");
    assert!(!tables.used_chunks().contains(&true));
    assert_eq!(entry(&tables, [10, 1, 2, 3]), Entry::default());
}

#[test]
fn a_default_prefix_holds_everybody() {
    let tables = in_memory(16);
    replace_groups(
        &tables,
        &[("0.0.0.0/0", 3), ("::/0", 4), ("255.255.255.255/32", 5)],
    );
    for (address, known) in [
        ("0.0.0.0", (3, 1)),
        ("128.0.0.0", (3, 2)),
        ("255.255.255.254", (3, 32)),
        ("255.255.255.255", (5, 32)),
        ("::", (4, 0)),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", (4, 0)),
    ] {
        assert_eq!(entry_of(&tables, address), known, "{address}");
    }
}

#[test]
fn halves_of_one_group_are_one_block_at_every_length() {
    let tables = in_memory(64);
    // Around the direct indexes' lengths, the nodes', and both ends.
    for (v4, v6) in [(1, 1), (8, 16), (24, 17), (25, 25), (32, 128)] {
        let parents = [
            (Ipv4Addr::new(10, 129, 130, 131).into(), v4),
            ("2001:db8:ff00:81::f1".parse().expect("an address"), v6),
        ];
        let halves: Vec<(IpNet, u16)> = parents
            .into_iter()
            .flat_map(|(address, len)| prefix(address, len - 1).subnets(len))
            .flatten()
            .map(|half| (half, 7))
            .collect();
        assert_eq!(halves.len(), 4);
        replace(&tables, &halves, &ResolverFlags::default()).expect("they fit");
        for (half, group) in halves {
            let known = entry(&tables, half.network());
            let expected = (group, half.prefix_len() - 1);
            assert_eq!((known.group(), known.scope()), expected, "{half}");
        }
    }
}

#[test]
fn a_node_of_one_group_does_not_divide_its_neighbours() {
    let tables = in_memory(16);
    // The /24 has a node, in which everyone is in the group around it.
    replace_groups(&tables, &[("10.0.0.0/8", 1), ("10.1.2.128/25", 1)]);
    for address in [
        "10.0.0.0",
        "10.1.2.1",
        "10.1.2.129",
        "10.1.3.1",
        "10.255.255.255",
    ] {
        assert_eq!(entry_of(&tables, address), (1, 8), "{address}");
    }
    assert!(tables.used_chunks().contains(&true));

    replace_groups(
        &tables,
        &[
            ("2001:db8::/32", 1),
            ("2001:db8:1:2::/64", 1),
            ("2001:db8:1:3::9/128", 2),
        ],
    );
    for (address, known) in [
        ("2001:db8:1:2::7", (1, 64)),
        ("2001:db8:1:3::9", (2, 128)),
        ("2001:db8:1:3::8", (1, 128)),
        ("2001:db8:1::", (1, 63)),
        ("2001:db8:8000::", (1, 33)),
        ("2001:db9::", (0, 32)),
        ("2000::", (0, 16)),
    ] {
        assert_eq!(entry_of(&tables, address), known, "{address}");
    }
}

#[test]
fn a_list_holds_whatever_group_is_longer_and_divides_no_scope() {
    let tables = in_memory(16);
    let nets = |texts: &[&str]| -> Vec<IpNet> {
        texts
            .iter()
            .map(|text| text.parse().expect("a prefix"))
            .collect()
    };
    let flags = ResolverFlags {
        trusted: nets(&["10.0.0.0/8", "192.0.2.7/32"]),
        exempt: nets(&["10.1.2.0/25", "10.1.2.3/32"]),
    };
    let groups = [("10.1.0.0/16", 1), ("10.1.2.3/32", 2), ("192.0.2.0/24", 3)]
        .map(|(prefix, group)| (prefix.parse().expect("a prefix"), group));
    replace(&tables, &groups, &flags).expect("they fit");
    let both = Entry::TRUSTED | Entry::EXEMPT;
    for (address, known) in [
        ([10, 1, 2, 3], Entry::new(2, 32, both)),
        ([10, 1, 2, 2], Entry::new(1, 32, both)),
        ([10, 1, 2, 128], Entry::new(1, 25, Entry::TRUSTED)),
        ([10, 200, 0, 1], Entry::new(0, 9, Entry::TRUSTED)),
        ([192, 0, 2, 7], Entry::new(3, 24, Entry::TRUSTED)),
        ([192, 0, 2, 8], Entry::new(3, 24, 0)),
        ([11, 0, 0, 1], Entry::new(0, 8, 0)),
    ] {
        assert_eq!(entry(&tables, address), known, "{address:?}");
    }
}

/// What the tables' direct indexes and nodes hold: everything that a failed
/// replacement must leave alone.
fn state(tables: &Tables) -> Vec<u32> {
    let v4 = (0x0a_01_00..0x0a_01_40).map(|block| tables.v4(block >> 1).map(|p| p.entry(block)));
    let chunks = (0..tables.capacity().chunk_entries()).flat_map(|index| {
        (0..=u8::MAX).map(move |octet| tables.chunk(index).map(|chunk| chunk.entry(octet)))
    });
    v4.chain(chunks)
        .map(|entry: Option<Entry>| entry.expect("inside the table").0)
        .collect()
}

#[test]
fn nodes_in_use_are_not_written_and_are_free_the_time_after() {
    let tables = in_memory(2);
    // Each of these needs a node for its /24.
    let replace_hosts = |count: u8, group: u16| {
        let hosts: Vec<(IpNet, u16)> = (0..count)
            .map(|number| (prefix(Ipv4Addr::new(10, 1, number, 7).into(), 32), group))
            .collect();
        replace(&tables, &hosts, &ResolverFlags::default())
    };
    for turn in 1..=3 {
        replace_hosts(2, turn).expect("there is room for two");
        for number in 0..2 {
            assert_eq!(entry(&tables, [10, 1, number, 7]).group(), turn);
        }
        assert_eq!(tables.used_chunks().iter().filter(|used| **used).count(), 2);
    }
    let before = state(&tables);
    let error = replace_hosts(3, 9).expect_err("there is room for two");
    assert_eq!(
        error.to_string(),
        "resolver prefixes: 3 nodes needed for prefixes longer than IPv4 /24 and IPv6 /16, \
         2 available; raise tables.chunks"
    );
    assert_eq!(state(&tables), before);

    // While a reader may hold the old nodes they keep what they said.
    let used = tables.used_chunks();
    let used: Vec<u32> = (0..4).filter(|index| used[*index as usize]).collect();
    let said = |index: u32| tables.chunk(index).expect("inside").entry(7);
    let before: Vec<Entry> = used.iter().map(|index| said(*index)).collect();
    replace_hosts(2, 20).expect("there is room for two");
    let after: Vec<Entry> = used.iter().map(|index| said(*index)).collect();
    assert_eq!(after, before);
    let used_now = tables.used_chunks();
    assert!(used.iter().all(|index| !used_now[*index as usize]));
}
