use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    ask::rtype,
    cookie::Secret,
    decision::CANDIDATES_MAX,
    host::{Class, Constants},
    world::memory::Memory,
};

mod resolvers;
mod rows;

#[test]
fn layouts_are_what_the_kernel_reads() {
    assert_eq!((size_of::<Line>(), align_of::<Line>()), (64, 64));
    assert_eq!((size_of::<Control>(), align_of::<Control>()), (192, 64));
    assert_eq!(size_of::<EntryPair>(), 8);
    assert_eq!(size_of::<Chunk>(), 1024);
    assert_eq!(size_of::<AddressSlot>(), 16);
    let words = OUTCOMES + 8 + Work::COUNT + (LABELS_MAX + 1) / 8 + NAME_WORDS;
    assert_eq!(size_of::<Counters>(), 8 * words);
}

#[test]
fn outcomes_are_numbered_by_their_counter_and_named_apart() {
    let mut names = std::collections::BTreeSet::new();
    for (number, outcome) in Outcome::ALL.iter().enumerate() {
        assert_eq!(*outcome as usize, number);
        assert!(names.insert(outcome.name()), "{} twice", outcome.name());
    }
}

#[test]
fn constants_are_words_in_the_order_of_their_fields() {
    let words: [u64; Constants::WORDS] = std::array::from_fn(|number| number as u64 + 1);
    // SAFETY: both are words without padding, as many by the definition of WORDS.
    let constants: Constants = unsafe { std::mem::transmute(words) };
    assert_eq!(constants.words(), words);
}

proptest! {
    #[test]
    fn two_generations_stand_beside_each_other(
        seeds: [u64; 2],
        buckets: [(u32, u32); 2],
        addresses: [(u64, u64); 2],
        secrets: [[(u64, u64); 2]; 2],
        (groups_shift, port) in (0..=16_u32, any::<u16>()),
        (number, clock, until) in (1..u64::MAX, any::<u64>(), any::<u64>()),
    ) {
        let control = Control::default();
        prop_assert_eq!(control.current(), None);
        control.set_clock_offset_ns(clock);
        control.set_vouched_until_ns(until);
        let described = [0, 1].map(|n: usize| {
            let mut described = generation().numbered(number + n as u64);
            described.seed = seeds[n];
            (described.bucket_base, described.bucket_mask) = buckets[n];
            (described.address_multiplier, described.address_filter) = addresses[n];
            (described.groups_shift, described.port) = (groups_shift, port);
            described
        });
        let secrets = secrets.map(|pair| pair.map(|(first, second)| Secret(first, second)));
        let numbered = || described.iter().zip(secrets).zip([number, number + 1]);
        for ((generation, secrets), number) in numbered() {
            control.describe(number, generation, secrets);
        }
        for ((generation, secrets), number) in numbered() {
            prop_assert_eq!(&control.generation(number), generation);
            control.0[Control::GENERATION].store(number);
            prop_assert_eq!(control.current(), Some(*generation));
            prop_assert_eq!(control.secrets(generation), secrets);
            prop_assert_eq!(control.clock_offset_ns(), clock);
            prop_assert_eq!(control.vouched_until_ns(), until);
        }
    }

    #[test]
    fn no_table_reaches_into_the_next(octets in proptest::array::uniform8(0..1_u64 << 30)) {
        let (placed, end) = layout::Layout::of(octets);
        let fixed = [
            (layout::CONTROL, size_of::<Control>()),
            (layout::ADDRESSES, 2 * address::SLOTS as usize * size_of::<AddressSlot>()),
            (layout::V6, V6_PAIRS as usize * size_of::<EntryPair>()),
            (layout::V4, V4_PAIRS as usize * size_of::<EntryPair>()),
        ];
        let fixed = fixed.map(|(first, octets)| (first, octets as u64));
        let tables = fixed.into_iter().chain(placed.words().into_iter().zip(octets));
        let mut free = 0;
        for (first, octets) in tables {
            prop_assert!(first >= free && first.is_multiple_of(layout::PAGE));
            free = first + octets;
        }
        prop_assert!(free <= end && end.is_multiple_of(layout::PAGE));
    }

    #[test]
    fn every_pool_has_a_place_for_every_group(pool: u16, group: u16, groups_shift in 0..=16_u32) {
        let group = group & ((1_u32 << groups_shift) - 1) as u16;
        let mut generation = generation();
        generation.groups_shift = groups_shift;
        let index = generation.ranking_index(pool, group);
        prop_assert_eq!(index >> groups_shift, u32::from(pool));
        prop_assert_eq!(index & ((1 << groups_shift) - 1), u32::from(group));
    }

    #[test]
    fn a_name_has_two_places_and_a_tag_whichever_place_it_stands_in(hash: u64, shift in 1..=8_u32) {
        let mask = (1 << shift) - 1;
        let (first, second, tag) = bucket::places(hash, mask);
        prop_assert!(first <= mask && second <= mask && first != second);
        prop_assert_eq!(u64::from(tag), hash >> 32);
        // Names that share a tag and one bucket share both.
        let others = (0..=u32::MAX).map(|low| u64::from(tag) << 32 | u64::from(low));
        let other = others.map(|other| bucket::places(other, mask)).find(|other| other.0 == second);
        prop_assert_eq!(other, Some((second, first, tag)));
    }

    #[test]
    fn a_bucket_finds_each_of_its_entries(
        tags in proptest::collection::btree_set(any::<u32>(), 1..=bucket::ENTRIES),
        absent: u32,
        cell in 1..u32::MAX - 8,
    ) {
        let line = Line::default();
        for ((slot, tag), cell) in line.0.iter().zip(&tags).zip(cell..) {
            slot.store(bucket::entry(*tag, cell));
        }
        for (tag, cell) in tags.iter().zip(cell..) {
            prop_assert_eq!(bucket::search(&line, *tag), Some(cell));
        }
        if !tags.contains(&absent) {
            prop_assert_eq!(bucket::search(&line, absent), None);
        }
    }

    #[test]
    fn a_service_address_is_served_and_nothing_else(
        ours in proptest::collection::btree_set(any::<u128>().prop_map(|n| n.max(1)), 1..8),
        stranger: u128,
        address_seed: u32,
    ) {
        let tables = Memory {
            addresses: (0..2 * address::SLOTS).map(|_| AddressSlot::default()).collect(),
            ..Memory::default()
        };
        let mut generation = generation().numbered(1);
        let multiplier = address::multiplier(address_seed);
        generation.address_multiplier = multiplier;
        let mut standing = BTreeMap::new();
        for ours in &ours {
            let words = address::words(ours.to_be_bytes());
            let slot = address::SLOTS + address::slot(words, multiplier);
            tables.addresses[slot as usize].0[0].store(words.0);
            tables.addresses[slot as usize].0[1].store(words.1);
            standing.insert(slot, *ours);
            generation.address_filter |= address::filter(words);
        }
        for ours in &ours {
            let slot = address::SLOTS + address::slot(address::words(ours.to_be_bytes()), multiplier);
            let served = tables.serves(&generation, address::words(ours.to_be_bytes()));
            prop_assert_eq!(served, standing[&slot] == *ours);
        }
        for asked in ours.iter().chain([&stranger]) {
            let words = address::words(asked.to_be_bytes());
            prop_assert_eq!(tables.serves_seldom(&generation, words), tables.serves(&generation, words));
        }
        prop_assert!(!tables.serves(&generation, (0, 0)));
        let known = standing.values().any(|ours| *ours == stranger);
        prop_assert_eq!(tables.serves(&generation, address::words(stranger.to_be_bytes())), known);
    }
}

/// A generation of which nothing is said.
fn generation() -> Generation {
    Control::default().generation(0)
}

#[test]
fn an_empty_entry_is_never_found() {
    assert_eq!(bucket::search(&Line::default(), 0), None);
}

#[test]
fn ipv4_words_are_those_of_the_mapped_address() {
    let octets = [192, 0, 2, 7];
    let mapped = std::net::Ipv4Addr::from(octets).to_ipv6_mapped().octets();
    assert_eq!(
        address::v4_words(u32::from_le_bytes(octets)),
        address::words(mapped)
    );
    assert!(address::is_v4(address::words(mapped)));
    for other in [
        "::",
        "::192.0.2.7",
        "::fffe:192.0.2.7",
        "1::ffff:192.0.2.7",
        "2001:db8::1",
    ] {
        let other: std::net::Ipv6Addr = other.parse().expect("an address");
        assert!(!address::is_v4(address::words(other.octets())), "{other}");
    }
}
