//! What the packet tables are run against: a few names of every shape, and a
//! group for each kind of prefix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dns_common::decision::{Eligible, Ranking};
use veer::tables::{Capacity, ImageBuilder, Records, ResolverFlags, RowData, Tables};

use crate::wire::{A, AAAA, Answer, name};

pub(crate) const CAPACITY: Capacity = Capacity {
    names: 256,
    groups: 8,
    pools: 4,
    answer_cells: 4096,
    chunks: 64,
    services: 8,
};

pub(crate) const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));
pub(crate) const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53));

/// Prefix and group, and one resolver in it.
pub(crate) const GROUPS: [(&str, u16, &str); 8] = [
    ("10.0.0.0/8", 4, "10.200.3.4"),
    ("10.1.2.0/24", 1, "10.1.2.255"),
    ("10.1.3.7/32", 2, "10.1.3.7"),
    ("10.1.3.0/24", 1, "10.1.3.8"),
    ("2001:db8:5::/48", 3, "2001:db8:5:ffff::9"),
    ("2001:db8::/32", 2, "2001:db8:6::9"),
    ("2001:db8:5:1::7/128", 1, "2001:db8:5:1::7"),
    ("fd00::/8", 4, "fd12:3456::1"),
];
/// Two resolvers in none of them.
pub(crate) const DEFAULT_GROUP: [&str; 2] = ["198.51.100.9", "2400::9"];

/// Candidates of pool 0; group n prefers candidate n.
const CANDIDATES: u8 = 5;

/// How the answers at a name are chosen.
#[derive(Clone, Debug)]
enum Steering {
    Static,
    /// By service; the first pool is steered, the others have no fit candidate.
    Service {
        service: u32,
        pool: u16,
    },
}

/// One name of the world.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) name: Vec<u8>,
    steering: Steering,
    /// Records of each type.
    records: usize,
    alias: bool,
    families: [bool; 2],
}

impl Site {
    fn new(name: Vec<u8>, steering: Steering, records: usize) -> Self {
        Self {
            name,
            steering,
            records,
            alias: false,
            families: [true; 2],
        }
    }

    pub(crate) fn service(&self) -> Option<usize> {
        match self.steering {
            Steering::Static => None,
            Steering::Service { service, .. } => Some(service as usize),
        }
    }

    /// What stands at the name for `rtype`: by `candidate` when it is steered,
    /// with `None` for all candidates.
    fn answer(&self, rtype: u16, candidate: Option<u8>) -> Option<Answer> {
        let family = usize::from(rtype == AAAA);
        if !self.families[family] {
            return None;
        }
        let candidates = match (&self.steering, candidate) {
            (Steering::Static, _) => vec![99],
            (_, Some(candidate)) => vec![candidate],
            (_, None) => (0..CANDIDATES).collect(),
        };
        let address = |candidate: u8, number: usize| match rtype {
            A => IpAddr::from([203, 0, candidate, number as u8]),
            _ => IpAddr::from([
                0x2001,
                0xdb8,
                0xffff,
                0,
                0,
                0,
                candidate.into(),
                number as u16,
            ]),
        };
        let numbers = 1..=self.records;
        let addresses = candidates
            .iter()
            .flat_map(|candidate| numbers.clone().map(|number| address(*candidate, number)));
        let alias = self
            .alias
            .then(|| [&[3, b'o', b'x', candidates[0] + b'a'], &self.name[..]].concat());
        Some(Answer {
            alias,
            addresses: addresses.collect(),
            ttl: 60 + u32::from(candidates[0]),
        })
    }

    /// The answer that a resolver in `group` gets.
    pub(crate) fn answer_for(&self, rtype: u16, group: u16) -> Option<Answer> {
        match self.steering {
            Steering::Service {
                pool: NOBODY_FIT_ALL,
                ..
            } => self.answer(rtype, None),
            Steering::Service {
                pool: NOBODY_FIT_NONE,
                ..
            } => None,
            _ => self.answer(rtype, Some(group as u8)),
        }
    }

    fn row(&self) -> RowData {
        let records = |rtype, candidate| {
            let answer = self.answer(rtype, candidate)?;
            let (octets, count) = answer.records();
            Some(Records { octets, count })
        };
        match self.steering {
            Steering::Static => RowData::Static([A, AAAA].map(|rtype| records(rtype, None))),
            Steering::Service { service, pool } => RowData::Steered {
                service,
                pool,
                answers: [A, AAAA].map(|rtype| {
                    std::array::from_fn(|number| match number {
                        8 => records(rtype, None),
                        _ if number < usize::from(CANDIDATES) => records(rtype, Some(number as u8)),
                        _ => None,
                    })
                }),
            },
        }
    }
}

// Pools.
const STEERED: u16 = 0;
const NOBODY_FIT_ALL: u16 = 1;
const NOBODY_FIT_NONE: u16 = 2;

pub(crate) const WWW: &str = "www.example.";
pub(crate) const V4_ONLY: &str = "v4.example.";
pub(crate) const ALL_DOWN: &str = "all-down.example.";
pub(crate) const NOBODY: &str = "nobody.example.";
pub(crate) const TOO_LONG: &str = "too-long.example.";
/// Its reply just fits 512 octets.
pub(crate) const VERY_LONG: &str = "very-long.example.";

/// Every name.
pub(crate) fn sites() -> Vec<Site> {
    let steered = |service, pool| Steering::Service { service, pool };
    let mut sites = vec![
        Site::new(name(WWW), steered(0, STEERED), 1),
        // 48 octets of records: with their head exactly one cell.
        Site::new(name("three.example."), steered(1, STEERED), 3),
        Site::new(name(ALL_DOWN), steered(3, NOBODY_FIT_ALL), 1),
        Site::new(name(NOBODY), steered(4, NOBODY_FIT_NONE), 1),
        Site::new(name("static.example."), Steering::Static, 1),
        Site::new(name("static4.example."), Steering::Static, 4),
        Site::new(vec![0], Steering::Static, 2),
    ];
    sites.push(Site {
        alias: true,
        ..Site::new(name("alias.example."), steered(2, STEERED), 2)
    });
    sites.push(Site {
        alias: true,
        ..Site::new(name("static-alias.example."), Steering::Static, 1)
    });
    for (text, records) in [(V4_ONLY, 1), (VERY_LONG, 29), (TOO_LONG, 31)] {
        sites.push(Site {
            families: [true, false],
            ..Site::new(name(text), Steering::Static, records)
        });
    }
    // Every length modulo eight, and the longest.
    for len in (20..40).chain([62, 63, 64, 100, 127, 128, 200, 254, 255]) {
        let mut name = Vec::new();
        while name.len() + 1 < len {
            let label = (len - 2 - name.len()).min(50);
            // One octet cannot hold a label.
            let label = if len - 2 - name.len() - label == 1 {
                label - 1
            } else {
                label
            };
            name.push(label as u8);
            name.extend(
                (0..label).map(|at| b"abcdefghijklmnopqrstuvwxyz-0123456789"[(at + len) % 37]),
            );
        }
        name.push(0);
        assert_eq!(name.len(), len);
        sites.push(Site::new(name, steered(5, STEERED), 1));
    }
    sites
}

/// The site that stands at `text`.
pub(crate) fn site(text: &str) -> Site {
    let name = name(text);
    let mut sites = sites().into_iter();
    sites.find(|site| site.name == name).expect("a known name")
}

/// The site with the longest name.
pub(crate) fn longest_site() -> Site {
    let longest = sites().into_iter().max_by_key(|site| site.name.len());
    longest.expect("there are sites")
}

/// Publishes all of it as the next generation.
pub(crate) fn publish(tables: &Tables) {
    let half = tables.half(tables.generation_number() + 1);
    let mut builder = ImageBuilder::new(*tables.capacity(), half);
    let order = |group: u8| {
        let order: Vec<u8> = (0..CANDIDATES)
            .map(|place| (group + place) % CANDIDATES)
            .collect();
        Ranking::new(&order)
    };
    let all = (1 << CANDIDATES) - 1;
    for eligible in [
        Eligible::new(all, all, false),
        Eligible::new(0, 0, true),
        Eligible::new(0, 0, false),
    ] {
        builder.pool(eligible, (0..CANDIDATES).map(order).collect());
    }
    for site in sites() {
        builder.name(&site.name, &site.row());
    }
    let image = builder.build(&[V4, V6], 53).expect("it fits");
    let prefixes = GROUPS.map(|(prefix, group, _)| (prefix.parse().expect("a prefix"), group));
    let prepared = tables.prepare_resolvers(&prefixes, &ResolverFlags::default());
    tables.replace_resolvers(&prepared.expect("there is room for the prefixes"));
    tables.publish(&image);
}

/// Every resolver with the group it is in.
pub(crate) fn resolvers() -> impl Iterator<Item = (IpAddr, u16)> {
    let named = GROUPS.map(|(_, group, resolver)| (resolver, group));
    let unnamed = DEFAULT_GROUP.map(|resolver| (resolver, 0));
    let parse = |(resolver, group): (&str, u16)| (resolver.parse().expect("an address"), group);
    named.into_iter().chain(unnamed).map(parse)
}

/// Our address in the family of `resolver`.
pub(crate) fn ours(resolver: IpAddr) -> IpAddr {
    if resolver.is_ipv4() { V4 } else { V6 }
}
