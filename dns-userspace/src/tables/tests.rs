use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use dns_common::{
    ask,
    decide::Chosen,
    decision::{ALL_CANDIDATES, CANDIDATES_MAX, Eligible, Ranking},
    outcome::Outcome,
    reply, respond,
    tables::{AnswerHead, Entry, Source, Tables as _, bucket},
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::*;

const CAPACITY: Capacity = Capacity {
    names: 64,
    groups: 4,
    pools: 2,
    answer_cells: 512,
    chunks: 16,
    services: 4,
};

const OURS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53)),
];

fn in_memory(capacity: Capacity) -> Tables {
    Tables::in_memory(capacity).expect("there is memory")
}

/// The builder of the next generation.
fn builder(tables: &Tables) -> ImageBuilder {
    let half = tables.half(tables.generation_number() + 1);
    ImageBuilder::new(*tables.capacity(), half)
}

/// A name of `len` octets (1, or 3 to 255) in labels of up to 62, told apart by `number`.
fn name(len: usize, number: u32) -> Vec<u8> {
    let mut text = format!("{number}Name").into_bytes().into_iter().cycle();
    let mut name = Vec::new();
    while name.len() + 1 < len {
        let room = len - 2 - name.len();
        let label = match room {
            63 => 61, // one octet cannot hold a label
            _ => room.min(62),
        };
        name.push(label as u8);
        name.extend(text.by_ref().take(label));
    }
    name.push(0);
    assert_eq!(name.len(), len);
    name
}

/// `len` octets that stand for records, told apart by `content`.
fn records(len: usize, content: u8) -> Records {
    let octets = (0..len).map(|at| content.wrapping_add(at as u8)).collect();
    Records { octets, count: 3 }
}

fn fixed(len: usize, content: u8) -> RowData {
    RowData::Static([
        Some(records(len, content)),
        Some(records(len + 12, content ^ 0xff)),
    ])
}

const A: u16 = 1;
const AAAA: u16 = 28;

fn query(name: &[u8], rtype: u16) -> Vec<u8> {
    let mut message = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(name);
    message.extend(rtype.to_be_bytes());
    message.extend([0, 1]);
    message
}

/// What a resolver at `source` gets: the records' octets and the service.
fn asked(
    tables: &Tables,
    name: &[u8],
    rtype: u16,
    source: IpAddr,
) -> Result<(Vec<u8>, Option<u32>), Outcome> {
    let mut message = query(name, rtype);
    let generation = tables.generation(tables.generation_number());
    let (ask, chosen) = respond(&message[..], Source::from(source), tables, &generation)?;
    message.resize(reply::len(&ask, &chosen.head), 0);
    reply::write(&mut message[..], &ask, &chosen, tables).expect("it has the room");
    let Chosen { service, .. } = chosen;
    Ok((message.split_off(ask.end()), service))
}

fn anyone() -> IpAddr {
    Ipv4Addr::new(198, 51, 100, 1).into()
}

fn full(error: &ImageError) -> Option<&'static str> {
    match error {
        ImageError::Full { setting, .. } => Some(setting),
        _ => None,
    }
}

#[test]
fn each_full_table_names_the_setting_to_raise() {
    let tables = in_memory(CAPACITY);
    let add_names = |builder: &mut ImageBuilder, count: u32, len| {
        for number in 0..count {
            builder.name(&name(len, number), &RowData::Static([None, None]));
        }
    };
    let build = |fill: &dyn Fn(&mut ImageBuilder)| {
        let mut builder = builder(&tables);
        fill(&mut builder);
        builder.build(&OURS, 53).err().as_ref().and_then(full)
    };
    let rankings = |groups| vec![Ranking::EMPTY; groups];
    assert_eq!(build(&|builder| add_names(builder, 64, 30)), None);
    assert_eq!(
        build(&|builder| add_names(builder, 65, 30)),
        Some("tables.names")
    );
    // 26 names of five cells each leave no room in two cells for each of 64.
    assert_eq!(build(&|builder| add_names(builder, 25, 255)), None);
    assert_eq!(
        build(&|builder| add_names(builder, 26, 255)),
        Some("tables.names")
    );
    // Two families of one cell each.
    let answers = |count| {
        move |builder: &mut ImageBuilder| {
            for number in 0..count {
                builder.name(
                    &name(20, number),
                    &RowData::Static([Some(records(300, 1)), None]),
                );
            }
        }
    };
    let cells = 2 * AnswerHead::cells(300);
    assert_eq!(build(&answers(512 / cells)), None);
    assert_eq!(
        build(&answers(512 / cells + 1)),
        Some("tables.answer_cells")
    );
    let pools = |count, groups| {
        move |builder: &mut ImageBuilder| {
            for _ in 0..count {
                builder.pool(Eligible::default(), rankings(groups));
            }
        }
    };
    assert_eq!(build(&pools(2, 4)), None);
    assert_eq!(build(&pools(3, 4)), Some("tables.pools"));
    assert_eq!(build(&pools(2, 5)), Some("tables.groups"));

    let mut builder = builder(&tables);
    add_names(&mut builder, 70, 30);
    let error = builder.build(&OURS, 53).expect_err("too many names");
    assert_eq!(
        error.to_string(),
        "names: 70 needed, 64 available; raise tables.names"
    );
}

#[test]
fn sixty_four_addresses_are_told_apart_and_a_sixty_fifth_is_refused() {
    let addresses: Vec<IpAddr> = (0..64_u8)
        .map(|number| match number % 2 {
            0 => Ipv4Addr::new(192, 0, 2, number).into(),
            _ => Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(number)).into(),
        })
        .collect();
    let tables = in_memory(CAPACITY);
    let image = builder(&tables).build(&addresses, 53).expect("they fit");
    tables.publish(&image);
    let generation = tables.generation(1);
    let words = |address: &IpAddr| match address {
        IpAddr::V4(address) => address::words(address.to_ipv6_mapped().octets()),
        IpAddr::V6(address) => address::words(address.octets()),
    };
    for address in &addresses {
        assert!(tables.serves(&generation, words(address)), "{address}");
    }
    for stranger in ["192.0.2.1", "192.0.2.66", "2001:db8::", "::", "2001:db8::2"] {
        let stranger = stranger.parse().expect("an address");
        assert!(!tables.serves(&generation, words(&stranger)), "{stranger}");
    }

    let more: Vec<IpAddr> = addresses
        .into_iter()
        .chain([Ipv4Addr::new(198, 51, 100, 1).into()])
        .collect();
    let error = builder(&tables).build(&more, 53).expect_err("one too many");
    assert_eq!(
        error,
        ImageError::Addresses {
            addresses: 65,
            max: 64
        }
    );
}

#[test]
fn the_port_is_kept_in_wire_order() {
    let tables = in_memory(CAPACITY);
    tables.publish(&builder(&tables).build(&OURS, 0x1234).expect("it fits"));
    assert_eq!(tables.generation(1).port.to_ne_bytes(), [0x12, 0x34]);
}

/// Two names with the same tag under the first seed, which is 0.
fn names_with_one_tag() -> [Vec<u8>; 2] {
    let mut known: HashMap<u32, u32> = HashMap::new();
    for number in 0.. {
        let words = name(20, number).to_ascii_lowercase();
        let words = words.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        // One bucket pair is all there is in the smallest index.
        let (_, _, tag) = bucket::places(ask::hash(0, words), 1);
        if let Some(other) = known.insert(tag, number) {
            return [other, number].map(|number| name(20, number));
        }
    }
    unreachable!("names do not end")
}

#[test]
fn names_with_one_tag_are_told_apart_under_another_seed() {
    let capacity = Capacity {
        names: 4,
        ..CAPACITY
    };
    let tables = in_memory(capacity);
    let names = names_with_one_tag();
    for name in &names {
        let mut builder = builder(&tables);
        builder.name(name, &fixed(16, 0));
        let image = builder.build(&OURS, 53).expect("one fits");
        assert_eq!(image.generation().seed, 0);
    }
    let mut builder = builder(&tables);
    builder.name(&names[0], &fixed(16, 0));
    builder.name(&names[1], &fixed(16, 1));
    let image = builder.build(&OURS, 53).expect("both fit");
    assert_ne!(image.generation().seed, 0);
    tables.publish(&image);
    for (number, name) in (0..).zip(&names) {
        let expected = (records(16, number).octets, None);
        assert_eq!(asked(&tables, name, A, anyone()), Ok(expected));
    }
}

#[test]
fn a_name_given_twice_cannot_be_placed() {
    let tables = in_memory(CAPACITY);
    let mut builder = builder(&tables);
    builder.name(b"\x01a\0", &fixed(16, 0));
    builder.name(b"\x01A\0", &fixed(16, 1));
    let error = builder.build(&OURS, 53).expect_err("they are one name");
    assert_eq!(error, ImageError::Index { names: 2 });
}

#[test]
fn names_of_every_length_over_several_cells_are_read_back() {
    let tables = in_memory(Capacity {
        names: 512,
        answer_cells: 4096,
        ..CAPACITY
    });
    let lengths: Vec<usize> = (1..=255).filter(|len| *len != 2).collect();
    let mut builder = builder(&tables);
    for len in &lengths {
        // Answers of every length too, as far as they fit.
        builder.name(&name(*len, 1), &fixed(*len % 220 + 1, *len as u8));
    }
    tables.publish(&builder.build(&OURS, 53).expect("they fit"));
    for len in lengths {
        for (rtype, expected) in [
            (A, records(len % 220 + 1, len as u8)),
            (AAAA, records(len % 220 + 13, len as u8 ^ 0xff)),
        ] {
            let got = asked(&tables, &name(len, 1).to_ascii_uppercase(), rtype, anyone());
            assert_eq!(got, Ok((expected.octets, None)), "{len} octets");
        }
    }
}

/// What candidate `number` of a steered name answers for a family.
fn candidate(family: usize, number: usize) -> Records {
    records(16 + 40 * family, (16 * family + number + 1) as u8)
}

/// Replaces every resolver prefix, if they fit.
fn replace(tables: &Tables, prefixes: &[(IpNet, u16)]) -> Result<(), ResolversError> {
    let prepared = tables.prepare_resolvers(prefixes)?;
    tables.replace_resolvers(&prepared);
    Ok(())
}

#[test]
fn steered_names_answer_by_group_family_and_eligibility() {
    let tables = in_memory(CAPACITY);
    let prefixes = [("10.0.0.0/8", 1), ("10.1.2.3/32", 2), ("2001:db8::/32", 3)]
        .map(|(prefix, group)| (prefix.parse().expect("a prefix"), group));
    replace(&tables, &prefixes).expect("they fit");
    let order = |group: usize| {
        let order: Vec<u8> = (0..8).map(|place| (place + group as u8) % 8).collect();
        order
    };
    let site = name(200, 9);
    let mut builder = builder(&tables);
    builder.pool(Eligible::default(), vec![Ranking::EMPTY; 4]);
    builder.pool(
        Eligible::new(0xff, 0xff, true),
        (0..4).map(|group| Ranking::new(&order(group))).collect(),
    );
    let answers =
        [0, 1].map(|family| std::array::from_fn(|number| Some(candidate(family, number))));
    let data = RowData::Steered {
        service: 3,
        pool: 1,
        answers,
    };
    builder.name(&site, &data);
    tables.publish(&builder.build(&OURS, 53).expect("it fits"));

    let sources = [
        ("192.0.2.1", 0),
        ("10.9.9.9", 1),
        ("10.1.2.3", 2),
        ("2001:db8::1", 3),
    ]
    .map(|(source, group): (&str, usize)| (source.parse().expect("an address"), group));
    for mask in [0xff, 0b1000_0001, 0b0001_0000, 0] {
        tables.store_eligible(1, 1, Eligible::new(mask, !mask, true).0);
        for (source, group) in sources {
            for (family, rtype, mask) in [(0, A, mask), (1, AAAA, !mask)] {
                let first = order(group).into_iter().find(|n| mask >> n & 1 != 0);
                let number = usize::from(first.unwrap_or(ALL_CANDIDATES));
                let expected = (candidate(family, number).octets, Some(3));
                assert_eq!(
                    asked(&tables, &site, rtype, source),
                    Ok(expected),
                    "{source}"
                );
            }
        }
    }
    tables.store_eligible(1, 1, Eligible::new(0xff, 0xff, true).0);
    let stores = tables.stores();
    tables.store_ranking(1, 1, 2, Ranking::new(&[7]).0);
    assert_eq!(tables.stores() - stores, 1);
    for (source, group) in sources {
        let number = if group == 2 { 7 } else { group };
        let expected = (candidate(0, number).octets, Some(3));
        assert_eq!(asked(&tables, &site, A, source), Ok(expected), "{source}");
    }
    assert_eq!(CANDIDATES_MAX, 8);
}

#[test]
fn the_next_generation_replaces_the_whole_of_the_one_before() {
    let tables = in_memory(CAPACITY);
    assert_eq!(tables.generation_number(), 0);
    assert!(tables.control().and_then(Control::current).is_none());
    for number in 1..=6_u64 {
        let mut builder = builder(&tables);
        let others = 3 + (number % 3) as u32;
        for other in 0..others {
            let number = number as u32;
            builder.name(&name(25, 100 * number + other), &fixed(16, 1));
        }
        builder.name(&name(30, 0), &fixed(20, number as u8));
        let image = builder.build(&OURS, 53).expect("it fits");
        assert_eq!(image.half().number, number);
        // Built and even written, it is not current.
        image.write(&tables);
        assert_eq!(tables.generation_number(), number - 1);
        let before = asked_if_published(&tables, &name(30, 0));
        let expected = (number > 1).then(|| records(20, number as u8 - 1));
        assert_eq!(before, expected.map(|records| records.octets));

        tables.publish(&image);
        assert_eq!(tables.generation_number(), number);
        let expected = Some(records(20, number as u8).octets);
        assert_eq!(asked_if_published(&tables, &name(30, 0)), expected);
        for (generation, known) in [(number, true), (number - 1, false)] {
            for other in 0..3 {
                let name = name(25, 100 * generation as u32 + other);
                let found = asked(&tables, &name, A, anyone());
                assert_eq!(found.is_ok(), known, "{found:?}");
            }
        }
    }
}

fn asked_if_published(tables: &Tables, name: &[u8]) -> Option<Vec<u8>> {
    let found = (tables.generation_number() != 0).then(|| asked(tables, name, A, anyone()))?;
    Some(found.ok()?.0)
}

#[test]
fn fifty_thousand_names_are_all_found_and_others_are_not() {
    const NAMES: u32 = 50_000;
    let tables = in_memory(Capacity {
        names: NAMES,
        answer_cells: 2 * NAMES,
        ..CAPACITY
    });
    let len = |number: u32| 12 + (number % 40) as usize;
    let mut builder = builder(&tables);
    for number in 0..NAMES {
        let content = number.to_le_bytes().repeat(4);
        let records = Some(Records {
            octets: content,
            count: 1,
        });
        builder.name(
            &name(len(number), number),
            &RowData::Static([records, None]),
        );
    }
    tables.publish(&builder.build(&OURS, 53).expect("they fit"));
    for number in 0..NAMES {
        let found = asked(&tables, &name(len(number), number), A, anyone());
        assert_eq!(found, Ok((number.to_le_bytes().repeat(4), None)));
        let other = name(len(number), NAMES + number);
        let found = asked(&tables, &other, A, anyone());
        assert_eq!(found, Err(Outcome::UpUnknownName));
    }
}

/// The longest prefix that holds `address`, by looking at all of them.
fn naive(prefixes: &[(IpNet, u16)], address: IpAddr) -> u16 {
    let holding = prefixes
        .iter()
        .filter(|(prefix, _)| prefix.contains(&address));
    holding
        .max_by_key(|(prefix, _)| prefix.prefix_len())
        .map_or(0, |(_, group)| *group)
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

/// Different prefixes of any length, each with a group.
fn prefixes() -> impl Strategy<Value = Vec<(IpNet, u16)>> {
    let prefix = (addresses(), any::<u8>(), any::<u16>())
        .prop_map(|(address, len, group)| (prefix(address, len), group));
    proptest::collection::vec(prefix, 0..40).prop_map(|mut prefixes| {
        let mut known = std::collections::HashSet::new();
        prefixes.retain(|(prefix, _)| known.insert(*prefix));
        prefixes
    })
}

/// The first and the last address of a prefix, and the ones beside them.
fn edges(prefix: &IpNet) -> Vec<IpAddr> {
    match prefix {
        IpNet::V4(prefix) => {
            let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                .map(|bits| Ipv4Addr::from(bits).into())
                .to_vec()
        }
        IpNet::V6(prefix) => {
            let (first, last) = (prefix.network().to_bits(), prefix.broadcast().to_bits());
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                .map(|bits| Ipv6Addr::from(bits).into())
                .to_vec()
        }
    }
}

#[test]
fn resolvers_are_grouped_by_the_longest_prefix_however_often_it_changes() {
    let tables = in_memory(Capacity {
        chunks: 2048,
        ..CAPACITY
    });
    let cases = (prefixes(), proptest::collection::vec(addresses(), 200));
    // Every case replaces what the one before has left.
    let mut runner = TestRunner::new(Config {
        cases: 8,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&cases, |(prefixes, others)| {
            replace(&tables, &prefixes).expect("there is room");
            let edges = prefixes.iter().flat_map(|(prefix, _)| edges(prefix));
            for address in edges.chain(others) {
                let group = tables.group(Source::from(address));
                prop_assert_eq!(group, naive(&prefixes, address), "{}", address);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    replace(&tables, &[]).expect("nothing fits");
    assert!(!tables.used_chunks().contains(&true));
}

#[test]
fn a_default_prefix_holds_everybody() {
    let tables = in_memory(CAPACITY);
    let all = [("0.0.0.0/0", 3), ("::/0", 4), ("255.255.255.255/32", 5)]
        .map(|(prefix, group)| (prefix.parse().expect("a prefix"), group));
    replace(&tables, &all).expect("they fit");
    for (address, group) in [
        ("0.0.0.0", 3),
        ("255.255.255.254", 3),
        ("255.255.255.255", 5),
        ("::", 4),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 4),
    ] {
        let address: IpAddr = address.parse().expect("an address");
        assert_eq!(tables.group(Source::from(address)), group, "{address}");
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
    let tables = in_memory(Capacity {
        chunks: 2,
        ..CAPACITY
    });
    // Each of these needs a node for its /24.
    let hosts = |count: u8, group: u16| -> Vec<(IpNet, u16)> {
        (0..count)
            .map(|number| (prefix(Ipv4Addr::new(10, 1, number, 7).into(), 32), group))
            .collect()
    };
    for turn in 1..=3 {
        replace(&tables, &hosts(2, turn)).expect("there is room for two");
        for number in 0..2 {
            let source = Source::from(IpAddr::from([10, 1, number, 7]));
            assert_eq!(tables.group(source), turn);
        }
        assert_eq!(tables.used_chunks().iter().filter(|used| **used).count(), 2);
    }
    let before = state(&tables);
    let error = replace(&tables, &hosts(3, 9)).expect_err("there is room for two");
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
    replace(&tables, &hosts(2, 20)).expect("there is room for two");
    let after: Vec<Entry> = used.iter().map(|index| said(*index)).collect();
    assert_eq!(after, before);
    let used_now = tables.used_chunks();
    assert!(used.iter().all(|index| !used_now[*index as usize]));
}
