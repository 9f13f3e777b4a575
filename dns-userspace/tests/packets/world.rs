//! What the packet tables are run against: a few names of every shape, and a
//! group for each kind of prefix.

mod sites;

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dns_common::{
    cookie::Secret,
    decision::{Eligible, Ranking},
};
use veer::tables::{Capacity, ImageBuilder, ResolverFlags, Tables};

use crate::zone;
use sites::CANDIDATES;
pub(crate) use sites::{
    ALL_DOWN, NOBODY, Site, TOO_LONG, V4_ONLY, VERY_LONG, WWW, fills_a_frame, longest_site, site,
    sites, slot, too_long_for_a_frame,
};

pub(crate) const CAPACITY: Capacity = Capacity {
    names: 256,
    groups: 8,
    pools: 4,
    answer_cells: 4096,
    chunks: 64,
    services: 8,
    // So many that no two of a test's prefixes, zones and classes are likely to
    // share one.
    rate_buckets: 1 << 18,
};

/// The secret that makes cookies, and the one before it.
pub(crate) const SECRETS: [Secret; 2] = [Secret(11, 12), Secret(21, 22)];

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

/// Prefixes whose client subnets are believed, and those that are not limited.
pub(crate) const TRUSTED: [&str; 2] = ["10.1.2.0/24", "2001:db8:5::/48"];
pub(crate) const EXEMPT: [&str; 2] = ["10.200.0.0/16", "fd00::/8"];

/// Publishes all of it as the next generation.
pub(crate) fn publish(tables: &Tables) {
    publish_with(tables, SECRETS);
}

/// Publishes all of it with `secrets`.
pub(crate) fn publish_with(tables: &Tables, secrets: [Secret; 2]) {
    let mut builder = ImageBuilder::new(tables, tables.generation_number() + 1);
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
        let rankings: Vec<_> = (0..CANDIDATES).map(order).collect();
        builder.pool(eligible, &rankings, &[]);
    }
    let mut names = BTreeSet::new();
    let shared = zone::add(&mut builder, &mut names);
    for site in sites() {
        builder.name(&site.name, &site.row(shared));
        names.insert(site.name);
    }
    zone::add_ancestors(&mut builder, &names, shared);
    let image = builder.build(&[V4, V6], 53, secrets).expect("it fits");
    // All generations have the same resolvers.
    if tables.generation_number() == 0 {
        publish_resolvers(tables);
    }
    tables.publish(&image);
}

fn publish_resolvers(tables: &Tables) {
    let prefixes = GROUPS.map(|(prefix, group, _)| (prefix.parse().expect("a prefix"), group));
    let list = |prefixes: [&str; 2]| prefixes.map(|text| text.parse().expect("a prefix")).into();
    let flags = ResolverFlags {
        trusted: list(TRUSTED),
        exempt: list(EXEMPT),
    };
    let prepared = tables.prepare_resolvers(&prefixes, &flags);
    tables.replace_resolvers(&prepared.expect("there is room for the prefixes"));
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
