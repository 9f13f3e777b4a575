//! Resolver address → what is known of it.

use super::*;

fn source(address: &str) -> Source {
    let address: std::net::IpAddr = address.parse().expect("an address");
    address.into()
}

/// Everyone of this group, in a block of 24 bits.
fn group(number: u16) -> Entry {
    Entry::new(number, 24, 0)
}

#[test]
fn sources_are_numbers() {
    assert_eq!(source("192.0.2.7"), Source::V4(0xc000_0207));
    let expected = Source::V6(0x2001_0db8_0000_0001, 0x00ff_0000_0000_0002);
    assert_eq!(source("2001:db8:0:1:ff::2"), expected);
}

#[test]
fn who_is_in_no_prefix_is_in_group_0() {
    let tables = Memory::default();
    for address in ["0.0.0.0", "255.255.255.255", "::", "ffff::1"] {
        assert_eq!(
            tables.resolver(source(address)),
            Entry::default(),
            "{address}"
        );
    }
    assert_eq!((Entry::default().group(), Entry::default().scope()), (0, 0));
}

#[test]
fn ipv4_goes_by_the_24_and_on_by_the_last_octet() {
    let mut tables = Memory::default();
    tables.set_v4(0x00_c0_00_02, group(5)); // 192.0.2.0/24
    tables.set_v4(0x00_ff_ff_ff, group(6)); // 255.255.255.0/24
    let node = tables.add_node(group(7), &[(0, group(8)), (255, group(9))]);
    tables.set_v4(0x00_c0_00_03, node); // 192.0.3.0/24
    for (address, expected) in [
        ("192.0.1.255", 0),
        ("192.0.2.0", 5),
        ("192.0.2.255", 5),
        ("192.0.3.0", 8),
        ("192.0.3.1", 7),
        ("192.0.3.254", 7),
        ("192.0.3.255", 9),
        ("192.0.4.0", 0),
        ("255.255.255.255", 6),
    ] {
        assert_eq!(
            tables.resolver(source(address)).group(),
            expected,
            "{address}"
        );
    }
}

#[test]
fn ipv6_goes_by_the_16_and_on_octet_by_octet_to_the_128() {
    let octets = [
        0x20, 0x01, 0x0d, 0xb8, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ];
    // A chain of nodes down to the /128; at each octet, one less is group 100 + octet.
    let mut tables = Memory::default();
    let mut below = group(1000);
    for at in (2..16).rev() {
        let side = (octets[at] - 1, group(100 + at as u16));
        below = tables.add_node(group(at as u16), &[(octets[at], below), side]);
    }
    tables.set_v6(0x2001, below);
    tables.set_v6(0x2002, group(2));

    let found = |octets: [u8; 16]| {
        tables
            .resolver(std::net::IpAddr::from(octets).into())
            .group()
    };
    assert_eq!(found(octets), 1000);
    for at in 2..16 {
        let mut other = octets;
        other[at] -= 1;
        assert_eq!(found(other), 100 + at as u16, "one less at {at}");
        other[at] += 2;
        assert_eq!(found(other), at as u16, "one more at {at}");
    }
    for (address, expected) in [("2002::1", 2), ("2003::1", 0), ("2000:ffff::", 0)] {
        assert_eq!(
            tables.resolver(source(address)).group(),
            expected,
            "{address}"
        );
    }
}

#[test]
fn a_node_past_the_end_is_group_0() {
    let mut tables = Memory::default();
    tables.set_v4(1, Entry::node(9));
    tables.set_v6(1, Entry::node(9));
    assert_eq!(tables.resolver(source("0.0.1.1")), Entry::default());
    assert_eq!(tables.resolver(source("1::")), Entry::default());
}

/// Octets of an IPv6 address that are few, so that random prefixes hold each other.
fn addresses() -> impl Strategy<Value = [u8; 16]> {
    let octet = prop_oneof![Just(0x20), Just(0x21), Just(0xff)];
    proptest::collection::vec(octet, 16).prop_map(|octets| octets.try_into().expect("sixteen"))
}

proptest! {
    #[test]
    fn an_entry_gives_back_what_it_was_made_of(number: u16, scope: u8, trusted: bool, exempt: bool) {
        let flags = if trusted { Entry::TRUSTED } else { 0 } | if exempt { Entry::EXEMPT } else { 0 };
        let entry = Entry::new(number, scope, flags);
        prop_assert_eq!(entry.as_node(), None);
        prop_assert_eq!((entry.group(), entry.scope()), (number, scope));
        prop_assert_eq!((entry.has(Entry::TRUSTED), entry.has(Entry::EXEMPT)), (trusted, exempt));
    }

    #[test]
    fn a_node_is_no_group(number in 0..1_u32 << 31) {
        prop_assert_eq!(Entry::node(number).as_node(), Some(number));
    }

    #[test]
    fn setting_an_entry_leaves_its_neighbour(before: u64, block: u32, entry: u32) {
        let pair = EntryPair(Word::default());
        pair.0.store(before);
        let neighbour = pair.entry(block ^ 1);
        pair.set(block, Entry(entry));
        prop_assert_eq!(pair.entry(block), Entry(entry));
        prop_assert_eq!(pair.entry(block ^ 1), neighbour);
    }

    #[test]
    fn the_longest_prefix_of_whole_octets_counts(
        prefixes in proptest::collection::btree_set((2..=16_usize, addresses()), 1..6),
        asked in proptest::collection::vec(addresses(), 1..30),
    ) {
        // The shorter prefixes come first: a longer one's nodes are made of them.
        let groups: Vec<(usize, [u8; 16], Entry)> = prefixes
            .iter()
            .zip(1..)
            .map(|((len, octets), number)| (*len, *octets, Entry::new(number, (8 * len) as u8, 0)))
            .collect();
        let longest = |octets: &[u8], at_most: usize| {
            let holding = groups.iter().filter(|(len, prefix, _)| *len <= at_most && octets[..*len] == prefix[..*len]);
            // Of one prefix given twice, the last.
            holding.max_by_key(|(len, _, entry)| (*len, entry.group())).map_or(Entry::default(), |(_, _, entry)| *entry)
        };
        let mut tables = Memory::default();
        let blocks: std::collections::BTreeSet<[u8; 2]> = groups.iter().map(|(_, octets, _)| [octets[0], octets[1]]).collect();
        for block in blocks {
            let entry = node_of(&mut tables, &block, &groups, &longest);
            tables.set_v6(u32::from(u16::from_be_bytes(block)), entry);
        }
        for octets in asked.iter().chain(groups.iter().map(|(_, octets, _)| octets)) {
            let found = tables.resolver(std::net::IpAddr::from(*octets).into());
            prop_assert_eq!(found, longest(octets, 16), "{:x?}", octets);
        }
    }
}

/// The entry of everyone whose address starts with `start`: a group where no
/// longer prefix begins so, else a node.
fn node_of(
    tables: &mut Memory,
    start: &[u8],
    groups: &[(usize, [u8; 16], Entry)],
    longest: &impl Fn(&[u8], usize) -> Entry,
) -> Entry {
    let mut padded = start.to_vec();
    padded.resize(16, 0);
    let own = longest(&padded, start.len());
    let nexts: std::collections::BTreeSet<u8> = groups
        .iter()
        .filter(|(len, octets, _)| *len > start.len() && octets.starts_with(start))
        .map(|(_, octets, _)| octets[start.len()])
        .collect();
    if nexts.is_empty() {
        return own;
    }
    let entries: Vec<(u8, Entry)> = nexts
        .into_iter()
        .map(|next| {
            (
                next,
                node_of(tables, &[start, &[next]].concat(), groups, longest),
            )
        })
        .collect();
    tables.add_node(own, &entries)
}
