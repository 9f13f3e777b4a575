use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    ask,
    decision::{CANDIDATES_MAX, Family},
    reply::fold_sum,
};

/// Tables that grow where they are written; the two indexes are sparse.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) control: Control,
    pub(crate) addresses: Vec<AddressSlot>,
    pub(crate) buckets: Vec<Line>,
    pub(crate) names: Vec<Line>,
    pub(crate) answers: Vec<Line>,
    pub(crate) v4: BTreeMap<u32, EntryPair>,
    pub(crate) v6: BTreeMap<u32, EntryPair>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) rankings: Vec<Word>,
    pub(crate) eligible: Vec<Word>,
    pub(crate) unset: EntryPair,
}

impl Memory {
    /// Puts an answer into `cell` and the ones after it, which are then the last.
    pub(crate) fn put_answer(
        &mut self,
        cell: u32,
        records: &[u8],
        [ancount, nscount, arcount]: [u16; 3],
    ) -> AnswerHead {
        let words = words(records);
        let sum = fold_sum(words.iter().map(|word| ask::lanes(*word)).sum());
        let head = AnswerHead::new(records.len() as u16, ancount, nscount, arcount, sum);
        let words = [head.0, head.1].into_iter().chain(words);
        put(
            &mut self.answers,
            cell,
            words,
            AnswerHead::cells(records.len()),
        );
        head
    }

    /// Puts `row` with the folded `name` into `cell` and the ones after it.
    pub(crate) fn put_name(&mut self, cell: u32, row: Row, name: &[u8]) {
        let words = [row.0, row.1]
            .into_iter()
            .chain(words(&name.to_ascii_lowercase()));
        put(&mut self.names, cell, words, Row::cells(name.len()));
    }

    fn set_v4(&mut self, block: u32, entry: Entry) {
        self.v4.entry(block >> 1).or_default().set(block, entry);
    }

    fn set_v6(&mut self, block: u32, entry: Entry) {
        self.v6.entry(block >> 1).or_default().set(block, entry);
    }

    /// A new node all of whose entries are `outer`, but the ones given.
    fn add_node(&mut self, outer: Entry, entries: &[(u8, Entry)]) -> Entry {
        let chunk = Chunk(std::array::from_fn(|_| EntryPair::default()));
        for octet in 0..=u8::MAX {
            let given = entries.iter().find(|(at, _)| *at == octet);
            let entry = given.map_or(outer, |(_, entry)| *entry);
            chunk.0[usize::from(octet) >> 1].set(u32::from(octet), entry);
        }
        self.chunks.push(chunk);
        Entry::node(self.chunks.len() as u32 - 1)
    }
}

fn words(octets: &[u8]) -> Vec<u64> {
    let padded = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    };
    octets.chunks(8).map(padded).collect()
}

fn put(lines: &mut Vec<Line>, cell: u32, words: impl Iterator<Item = u64>, cells: u32) {
    let end = (cell + cells) as usize;
    if lines.len() < end {
        lines.resize_with(end, Line::default);
    }
    let slots = lines[cell as usize..].iter().flat_map(|line| &line.0);
    for (slot, word) in slots.zip(words) {
        slot.store(word);
    }
}

impl Tables for Memory {
    fn control(&self) -> Option<&Control> {
        Some(&self.control)
    }

    fn address(&self, slot: u32) -> Option<&AddressSlot> {
        self.addresses.get(slot as usize)
    }

    fn bucket(&self, index: u32) -> Option<&Line> {
        self.buckets.get(index as usize)
    }

    fn name(&self, cell: u32) -> Option<&Line> {
        self.names.get(cell as usize)
    }

    fn answer(&self, cell: u32) -> Option<&Line> {
        self.answers.get(cell as usize)
    }

    fn v4(&self, pair: u32) -> Option<&EntryPair> {
        (pair < V4_PAIRS).then(|| self.v4.get(&pair).unwrap_or(&self.unset))
    }

    fn v6(&self, pair: u32) -> Option<&EntryPair> {
        (pair < V6_PAIRS).then(|| self.v6.get(&pair).unwrap_or(&self.unset))
    }

    fn chunk(&self, index: u32) -> Option<&Chunk> {
        self.chunks.get(index as usize)
    }

    fn ranking(&self, index: u32) -> Option<&Word> {
        self.rankings.get(index as usize)
    }

    fn eligible(&self, pool: u32) -> Option<&Word> {
        self.eligible.get(pool as usize)
    }
}

fn v4(address: &str) -> Source {
    std::net::IpAddr::V4(address.parse().expect("an address")).into()
}

fn v6(address: &str) -> Source {
    std::net::IpAddr::V6(address.parse().expect("an address")).into()
}

#[test]
fn layouts_are_what_the_kernel_reads() {
    assert_eq!((size_of::<Line>(), align_of::<Line>()), (64, 64));
    assert_eq!((size_of::<Control>(), align_of::<Control>()), (64, 64));
    assert_eq!(size_of::<EntryPair>(), 8);
    assert_eq!(size_of::<Chunk>(), 1024);
    assert_eq!(size_of::<AddressSlot>(), 16);
    assert_eq!(size_of::<Counters>(), 8 * (Outcome::ALL.len() + 1));
}

#[test]
fn outcomes_are_numbered_by_their_counter_and_named_apart() {
    let mut names = std::collections::BTreeSet::new();
    for (number, outcome) in Outcome::ALL.iter().enumerate() {
        assert_eq!(*outcome as usize, number);
        assert!(names.insert(outcome.name()), "{} twice", outcome.name());
    }
}

proptest! {
    #[test]
    fn a_steered_row_gives_back_what_it_was_made_of(
        name_len in 1..=u8::MAX,
        service: u32,
        pool: u16,
        answers in 0..u32::MAX / 2,
        stride in 1..=9_u8,
    ) {
        let row = Row::steered(name_len, service, pool, answers, stride);
        let line = Line::default();
        line.0[0].store(row.0);
        line.0[1].store(row.1);
        prop_assert_eq!(Row::load(&line), row);
        prop_assert!(!row.is_static());
        prop_assert_eq!(row.service(), Some(service));
        prop_assert_eq!(row.pool(), pool);
        prop_assert_eq!(row.name_len(), usize::from(name_len));
        let mut cells = std::collections::BTreeSet::new();
        for family in [Family::V4, Family::V6] {
            for candidate in 0..=CANDIDATES_MAX as u8 {
                let cell = row.answer_cell(family, candidate);
                prop_assert_eq!((cell - answers) % u32::from(stride), 0);
                prop_assert!(cell < answers + 2 * Row::STEERED_ANSWERS * u32::from(stride));
                prop_assert!(cells.insert(cell));
            }
        }
    }

    #[test]
    fn a_static_row_gives_back_what_it_was_made_of(
        name_len in 1..=u8::MAX,
        answers in 0..u32::MAX / 2,
        stride in 1..=9_u8,
    ) {
        let row = Row::fixed(name_len, answers, stride);
        prop_assert!(row.is_static());
        prop_assert_eq!(row.service(), None);
        prop_assert_eq!(row.name_len(), usize::from(name_len));
        prop_assert_eq!(row.answer_cell(Family::V4, 0), answers);
        prop_assert_eq!(row.answer_cell(Family::V6, 0), answers + u32::from(stride));
    }

    #[test]
    fn an_answer_head_gives_back_what_it_was_made_of(len in 1..=512_u16, counts: [u16; 3], sum: u16) {
        let [ancount, nscount, arcount] = counts;
        let head = AnswerHead::new(len, ancount, nscount, arcount, sum);
        let line = Line::default();
        line.0[0].store(head.0);
        line.0[1].store(head.1);
        prop_assert_eq!(AnswerHead::load(&line), head);
        prop_assert!(!head.is_absent());
        prop_assert_eq!(head.len(), usize::from(len));
        prop_assert_eq!(head.ancount(), ancount);
        prop_assert_eq!(head.sum(), sum);
        let mut wire = nscount.to_be_bytes().to_vec();
        wire.extend(arcount.to_be_bytes());
        prop_assert_eq!(head.nscount_arcount().to_le_bytes().to_vec(), wire);
    }

    #[test]
    fn two_generations_stand_beside_each_other(
        seeds: [u64; 2],
        buckets: [(u32, u32); 2],
        addresses: [(u32, u32); 2],
        groups_shift in 0..=16_u32,
        port: u16,
        number in 1..u64::MAX,
    ) {
        let control = Control::default();
        prop_assert_eq!(control.current(), None);
        let described = [0, 1].map(|n: usize| Generation {
            seed: seeds[n],
            bucket_base: buckets[n].0,
            bucket_mask: buckets[n].1,
            address_seed: addresses[n].0,
            address_base: addresses[n].1,
            groups_shift,
            port,
        });
        for (generation, number) in described.iter().zip([number, number + 1]) {
            control.describe(number, generation);
        }
        for (generation, number) in described.iter().zip([number, number + 1]) {
            prop_assert_eq!(&control.generation(number), generation);
            control.0[Control::GENERATION].store(number);
            prop_assert_eq!(control.current(), Some(*generation));
        }
    }

    #[test]
    fn no_group_reaches_into_another_pool(pool: u16, group: u16, groups_shift in 0..=16_u32) {
        let generation = Generation { groups_shift, ..GENERATION };
        let index = generation.ranking_index(pool, group);
        prop_assert_eq!(index >> groups_shift, u32::from(pool));
        let within = u32::from(group) & ((1 << groups_shift) - 1);
        prop_assert_eq!(index & ((1 << groups_shift) - 1), within);
    }

    #[test]
    fn setting_an_entry_leaves_its_neighbour(before: u64, block: u32, group: u16) {
        let pair = EntryPair(Word::default());
        pair.0.store(before);
        let neighbour = pair.entry(block ^ 1);
        pair.set(block, Entry::group(group));
        prop_assert_eq!(pair.entry(block), Entry::group(group));
        prop_assert_eq!(pair.entry(block ^ 1), neighbour);
    }

    #[test]
    fn a_name_has_two_places_and_a_tag_whichever_place_it_stands_in(hash: u64, shift in 1..=20_u32) {
        let mask = (1 << shift) - 1;
        let (first, second, tag) = bucket::places(hash, mask);
        prop_assert!(first <= mask && second <= mask && first != second);
        prop_assert_eq!(u64::from(tag), hash >> 32);
        // Names that share a tag and one bucket share both.
        let other = u64::from(tag) << 32 | u64::from(second);
        prop_assert_eq!(bucket::places(other, mask), (second, first, tag));
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
        let generation = Generation { address_seed, address_base: address::SLOTS, ..GENERATION };
        let mut standing = BTreeMap::new();
        for ours in &ours {
            let words = address::words(ours.to_be_bytes());
            let slot = address::SLOTS + address::slot(words, address_seed);
            tables.addresses[slot as usize].0[0].store(words.0);
            tables.addresses[slot as usize].0[1].store(words.1);
            standing.insert(slot, *ours);
        }
        for ours in &ours {
            let slot = address::SLOTS + address::slot(address::words(ours.to_be_bytes()), address_seed);
            let served = tables.serves(&generation, address::words(ours.to_be_bytes()));
            prop_assert_eq!(served, standing[&slot] == *ours);
        }
        prop_assert!(!tables.serves(&generation, (0, 0)));
        let known = standing.values().any(|ours| *ours == stranger);
        prop_assert_eq!(tables.serves(&generation, address::words(stranger.to_be_bytes())), known);
    }
}

const GENERATION: Generation = Generation {
    seed: 0,
    bucket_base: 0,
    bucket_mask: 1,
    address_seed: 0,
    address_base: 0,
    groups_shift: 0,
    port: 0,
};

#[test]
fn cells_hold_the_words_before_and_the_octets() {
    for (octets, cells) in [
        (1, 1),
        (48, 1),
        (49, 2),
        (112, 2),
        (113, 3),
        (255, 5),
        (512, 9),
    ] {
        assert_eq!(AnswerHead::cells(octets), cells, "{octets}");
        assert_eq!(Row::cells(octets), cells, "{octets}");
    }
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

#[test]
fn entries_are_a_group_or_a_node() {
    for number in [0, 1, 4095, u16::MAX] {
        assert_eq!(Entry::group(number).as_node(), None);
        assert_eq!(Entry::group(number).0 as u16, number);
    }
    for number in [0, 1, (1 << 31) - 1] {
        assert_eq!(Entry::node(number).as_node(), Some(number));
    }
}

#[test]
fn who_is_in_no_prefix_is_in_group_0() {
    let tables = Memory::default();
    for source in [
        v4("0.0.0.0"),
        v4("255.255.255.255"),
        v6("::"),
        v6("ffff::1"),
    ] {
        assert_eq!(tables.group(source), 0);
    }
}

#[test]
fn ipv4_goes_by_the_24_and_on_by_the_last_octet() {
    let mut tables = Memory::default();
    tables.set_v4(0x00_c0_00_02, Entry::group(5)); // 192.0.2.0/24
    tables.set_v4(0x00_ff_ff_ff, Entry::group(6)); // 255.255.255.0/24
    let node = tables.add_node(
        Entry::group(7),
        &[(0, Entry::group(8)), (255, Entry::group(9))],
    );
    tables.set_v4(0x00_c0_00_03, node); // 192.0.3.0/24
    for (address, group) in [
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
        assert_eq!(tables.group(v4(address)), group, "{address}");
    }
}

#[test]
fn ipv6_goes_by_the_16_and_on_octet_by_octet_to_the_128() {
    let octets = [
        0x20, 0x01, 0x0d, 0xb8, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ];
    // A chain of nodes down to the /128; at each octet, one less is group 100 + octet.
    let mut tables = Memory::default();
    let mut below = Entry::group(1000);
    for at in (2..16).rev() {
        let side = (octets[at] - 1, Entry::group(100 + at as u16));
        below = tables.add_node(Entry::group(at as u16), &[(octets[at], below), side]);
    }
    tables.set_v6(0x2001, below);
    tables.set_v6(0x2002, Entry::group(2));

    let group = |octets: [u8; 16]| tables.group(std::net::IpAddr::from(octets).into());
    assert_eq!(group(octets), 1000);
    for at in 2..16 {
        let mut other = octets;
        other[at] -= 1;
        assert_eq!(group(other), 100 + at as u16, "one less at {at}");
        other[at] += 2;
        assert_eq!(group(other), at as u16, "one more at {at}");
    }
    assert_eq!(tables.group(v6("2002::1")), 2);
    assert_eq!(tables.group(v6("2003::1")), 0);
    assert_eq!(tables.group(v6("2000:ffff::")), 0);
}

#[test]
fn a_node_past_the_end_is_group_0() {
    let mut tables = Memory::default();
    tables.set_v4(1, Entry::node(9));
    tables.set_v6(1, Entry::node(9));
    assert_eq!(tables.group(v4("0.0.1.1")), 0);
    assert_eq!(tables.group(v6("1::")), 0);
}
