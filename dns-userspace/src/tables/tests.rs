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
    tables::{AnswerHead, Source, Tables as _, bucket},
};
use ipnet::IpNet;

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
    let prepared = tables.prepare_resolvers(prefixes, &ResolverFlags::default())?;
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
