use std::{
    collections::HashMap,
    fs::File,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::AsFd as _,
};

use dns_common::{
    cookie::Secret,
    decision::{ALL_CANDIDATES, CANDIDATES_MAX, Eligible, Ranking},
    name::{NAME_MAX, folded_words},
    outcome::Outcome,
    respond,
    tables::{AnswerHead, Below, By, Entry, Row, Source, Tables as _, bucket},
};

use super::{
    image::{index, names::Names},
    testing::Quiet,
    *,
};

const CAPACITY: Capacity = Capacity {
    names: 64,
    groups: 4,
    pools: 2,
    answer_cells: 512,
    chunks: 16,
    services: 4,
    rate_buckets: 2,
};

const OURS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53)),
];

fn in_memory(capacity: Capacity) -> Tables {
    Tables::in_memory(capacity).expect("there is memory")
}

/// The builder of the next generation.
fn builder(tables: &Tables) -> ImageBuilder<'_> {
    ImageBuilder::new(tables, tables.generation_number() + 1)
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
fn records(len: usize, content: u8) -> Vec<u8> {
    (0..len).map(|at| content.wrapping_add(at as u8)).collect()
}

/// The same as an answer for a name of the longest length, so that nothing moves.
fn own(records: Vec<u8>) -> Slot {
    Slot::Own(Answer::positive(NAME_MAX as u8, records, 3))
}

fn addresses(v4: Slot, v6: Slot) -> RowData {
    RowData::of(Addresses::Static([v4, v6]))
}

fn fixed(len: usize, content: u8) -> RowData {
    addresses(
        own(records(len, content)),
        own(records(len + 12, content ^ 0xff)),
    )
}

const SECRETS: [Secret; 2] = [Secret(1, 2), Secret(3, 4)];

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
) -> Result<(Vec<u8>, u32), Outcome> {
    let mut message = query(name, rtype);
    let question = message.len();
    let generation = tables.generation(tables.generation_number());
    let (source, host) = (Source::from(source), Quiet::default());
    let reply = respond(&message[..], source, tables, &generation, &host)?;
    message.resize(reply.len(), 0);
    reply
        .write(&mut message[..], tables)
        .expect("it has the room");
    Ok((message.split_off(question), reply.service))
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
    let add_names = |builder: &mut ImageBuilder<'_>, count: u32, len| {
        for number in 0..count {
            builder.name(&name(len, number), &addresses(Slot::Absent, Slot::Absent));
        }
    };
    let build = |fill: &dyn Fn(&mut ImageBuilder<'_>)| {
        let mut builder = builder(&tables);
        fill(&mut builder);
        builder
            .build(&OURS, 53, SECRETS)
            .err()
            .as_ref()
            .and_then(full)
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
        move |builder: &mut ImageBuilder<'_>| {
            for number in 0..count {
                builder.name(
                    &name(20, number),
                    &addresses(
                        own(records(300, number as u8)),
                        own(records(300, !number as u8)),
                    ),
                );
            }
        }
    };
    let cells = 2 * AnswerHead::cells(300, 0);
    assert_eq!(build(&answers(511 / cells)), None);
    assert_eq!(
        build(&answers(511 / cells + 1)),
        Some("tables.answer_cells")
    );
    let pools = |count, groups| {
        move |builder: &mut ImageBuilder<'_>| {
            for _ in 0..count {
                builder.pool(Eligible::default(), &rankings(groups), &[]);
            }
        }
    };
    assert_eq!(build(&pools(2, 4)), None);
    assert_eq!(build(&pools(3, 4)), Some("tables.pools"));
    assert_eq!(build(&pools(2, 5)), Some("tables.groups"));

    let mut builder = builder(&tables);
    add_names(&mut builder, 70, 30);
    let error = builder
        .build(&OURS, 53, SECRETS)
        .expect_err("too many names");
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
    let image = builder(&tables)
        .build(&addresses, 53, SECRETS)
        .expect("they fit");
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
    let error = builder(&tables)
        .build(&more, 53, SECRETS)
        .expect_err("one too many");
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
    tables.publish(
        &builder(&tables)
            .build(&OURS, 0x1234, SECRETS)
            .expect("it fits"),
    );
    assert_eq!(tables.generation(1).port.to_ne_bytes(), [0x12, 0x34]);
}

/// Two names with the same tag under seed 0.
fn names_with_one_tag() -> [Vec<u8>; 2] {
    let mut known: HashMap<u32, u32> = HashMap::new();
    for number in 0.. {
        // One bucket pair is all there is in the smallest index.
        let hash = dns_common::name::hash(0, folded_words(&name(20, number)));
        let (_, _, tag) = bucket::places(hash, 1);
        if let Some(other) = known.insert(tag, number) {
            return [other, number].map(|number| name(20, number));
        }
    }
    unreachable!("names do not end")
}

/// The cells of names of 20 octets, which take one each, from number 1 on.
fn cells(names: &[(&[u8], Row)]) -> Vec<Line> {
    let lines: Vec<Line> = (0..=names.len()).map(|_| Line::default()).collect();
    for (line, (name, row)) in lines[1..].iter().zip(names) {
        let words = [row.0, row.1, row.2].into_iter().chain(folded_words(name));
        for (place, word) in line.0.iter().zip(words) {
            place.store(word);
        }
    }
    lines
}

/// The cells that the index leads to.
fn placed(buckets: &[Line]) -> Vec<u32> {
    let entries = buckets.iter().flat_map(|bucket| &bucket.0).map(Word::load);
    let cells = entries.map(|entry| entry as u32);
    cells.filter(|cell| *cell != 0).collect()
}

const STATIC: Row = Row::fixed(20, 0, 0);
const STEERED: Row = Row::steered(20, 0, 0, 0, 0);

#[test]
fn names_with_one_tag_are_told_apart_under_another_seed() {
    let [first, second] = names_with_one_tag();
    let buckets = [Line::default(), Line::default()];
    for name in [&first, &second] {
        let cells = cells(&[(name, STATIC)]);
        let seed = index::place_names(Names::new(&cells, 0), &buckets, [0, 1]);
        assert_eq!(seed, Ok(0));
    }
    for rows in [[STATIC, STATIC], [STEERED, STATIC], [STEERED, STEERED]] {
        let cells = cells(&[(&first, rows[0]), (&second, rows[1])]);
        let names = Names::new(&cells, 0);
        assert_eq!(index::place_names(names, &buckets, [0, 1]), Ok(1));
        assert_eq!(placed(&buckets).len(), 2);
        let error = index::place_names(names, &buckets, [0, 0]);
        assert_eq!(error, Err(ImageError::Index { names: 2 }));
    }
}

#[test]
fn of_names_that_no_seed_tells_apart_a_static_one_is_left_out() {
    let [first, second] = names_with_one_tag();
    let buckets = [Line::default(), Line::default()];
    for (rows, left) in [
        ([STATIC, STATIC], 1),
        ([STEERED, STATIC], 1),
        ([STATIC, STEERED], 2),
    ] {
        let cells = cells(&[(&first, rows[0]), (&second, rows[1])]);
        let seed = index::place_names(Names::new(&cells, 0), &buckets, [0; 64]);
        assert_eq!((seed, placed(&buckets)), (Ok(0), vec![left]), "{rows:?}");
    }
    let cells = cells(&[(&first, STEERED), (&second, STEERED)]);
    let error = index::place_names(Names::new(&cells, 0), &buckets, [0; 64]);
    let Err(ImageError::Alike { names }) = error else {
        panic!("{error:?}");
    };
    let text = [first, second].map(|name: Vec<u8>| {
        let name = domain::base::Name::from_octets(name.to_ascii_lowercase());
        name.expect("a name").fmt_with_dot().to_string()
    });
    assert_eq!(names, text);
}

/// A steered name's row: every answer has one address.
fn steered(answer: &Slot) -> RowData {
    let answers = [0, 1].map(|_| std::array::from_fn(|_| answer.clone()));
    RowData::of(Addresses::steered(3, 0, answers))
}

#[test]
fn a_steered_name_answers_whichever_static_one_it_is_alike_to() {
    /// Coarsely they are one name.
    const ALIKE: [&[u8]; 2] = [b"\x02x[\x04test\0", b"\x02x{\x04test\0"];
    for (first, second) in [(0, 1), (1, 0)] {
        for steered_first in [true, false] {
            let tables = in_memory(CAPACITY);
            let mut builder = builder(&tables);
            builder.pool(Eligible::new(1, 1, true), &[Ranking::new(&[0])], &[]);
            let data = [steered(&own(records(16, 7))), fixed(16, 9)];
            let data = if steered_first { [0, 1] } else { [1, 0] }.map(|index| &data[index]);
            builder.name(ALIKE[first], data[0]);
            builder.name(ALIKE[second], data[1]);
            tables.publish(&builder.build(&OURS, 53, SECRETS).expect("it fits"));
            let (steered, fixed) = if steered_first {
                (first, second)
            } else {
                (second, first)
            };
            let answered = asked(&tables, ALIKE[steered], A, anyone());
            assert_eq!(answered, Ok((records(16, 7), 3)));
            let left_out = asked(&tables, ALIKE[fixed], A, anyone());
            assert_eq!(left_out, Err(Outcome::UpNoAnswer));
        }
    }
    let tables = in_memory(CAPACITY);
    let mut builder = builder(&tables);
    builder.pool(Eligible::new(1, 1, true), &[Ranking::new(&[0])], &[]);
    for name in ALIKE {
        builder.name(name, &steered(&own(records(16, 7))));
    }
    let error = builder.build(&OURS, 53, SECRETS).expect_err("one is lost");
    let names = ["x[.test.", "x{.test."].map(str::to_owned);
    assert_eq!(error, ImageError::Alike { names });
}

#[test]
fn seeds_cannot_be_foreseen() {
    let tables = in_memory(CAPACITY);
    let seed = || {
        let image = builder(&tables).build(&OURS, 53, SECRETS).expect("it fits");
        image.generation().seed
    };
    assert_ne!(seed(), seed());
}

#[test]
fn a_name_given_twice_cannot_be_placed() {
    let tables = in_memory(CAPACITY);
    let mut builder = builder(&tables);
    builder.name(b"\x01a\0", &fixed(16, 0));
    builder.name(b"\x01A\0", &fixed(16, 1));
    let error = builder
        .build(&OURS, 53, SECRETS)
        .expect_err("they are one name");
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
    tables.publish(&builder.build(&OURS, 53, SECRETS).expect("they fit"));
    for len in lengths {
        for (rtype, expected) in [
            (A, records(len % 220 + 1, len as u8)),
            (AAAA, records(len % 220 + 13, len as u8 ^ 0xff)),
        ] {
            let got = asked(&tables, &name(len, 1).to_ascii_uppercase(), rtype, anyone());
            assert_eq!(got, Ok((expected, Row::NO_SERVICE)), "{len} octets");
        }
    }
}

/// What candidate `number` of a steered name answers for a family.
fn candidate(family: usize, number: usize) -> Vec<u8> {
    records(16 + 40 * family, (16 * family + number + 1) as u8)
}

/// Puts each prefix, IPv4 /24 or IPv6 /16, into its group.
fn group(tables: &Tables, prefixes: [(&str, u16); 3]) {
    for (address, group) in prefixes {
        let entry = Entry::new(group, 0, 0);
        let (pair, block) = match Source::from(address.parse::<IpAddr>().expect("an address")) {
            Source::V4(address) => (tables.v4(address >> 9), address >> 8),
            Source::V6(high, _) => (tables.v6((high >> 49) as u32), (high >> 48) as u32),
        };
        pair.expect("inside the table").set(block, entry);
    }
}

#[test]
fn steered_names_answer_by_group_family_and_eligibility() {
    let tables = in_memory(CAPACITY);
    group(
        &tables,
        [("10.9.9.0", 1), ("10.1.2.0", 2), ("2001:db8::", 3)],
    );
    let order = |group: usize| {
        let order: Vec<u8> = (0..8).map(|place| (place + group as u8) % 8).collect();
        order
    };
    let site = name(200, 9);
    let mut builder = builder(&tables);
    builder.pool(Eligible::default(), &[Ranking::EMPTY; 4], &[]);
    builder.pool(
        Eligible::new(0xff, 0xff, true),
        &[0, 1, 2, 3].map(|group| Ranking::new(&order(group))),
        &[],
    );
    let answers = [0, 1].map(|family| std::array::from_fn(|number| own(candidate(family, number))));
    let data = RowData::of(Addresses::steered(3, 1, answers));
    builder.name(&site, &data);
    tables.publish(&builder.build(&OURS, 53, SECRETS).expect("it fits"));

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
                let expected = (candidate(family, number), 3);
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
        let expected = (candidate(0, number), 3);
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
        let image = builder.build(&OURS, 53, SECRETS).expect("it fits");
        assert_eq!(image.number(), number);
        // Built, it is not current.
        assert_eq!(tables.generation_number(), number - 1);
        let before = asked_if_published(&tables, &name(30, 0));
        let expected = (number > 1).then(|| records(20, number as u8 - 1));
        assert_eq!(before, expected);

        tables.publish(&image);
        assert_eq!(tables.generation_number(), number);
        let expected = Some(records(20, number as u8));
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

#[test]
fn a_generation_that_does_not_fit_changes_nothing_that_is_current() {
    let tables = in_memory(CAPACITY);
    let fill = |content| {
        let mut builder = builder(&tables);
        for _ in 0..content {
            builder.pool(
                Eligible::new(content, content, true),
                &[Ranking::new(&[content]); 4],
                &[],
            );
        }
        for number in 0..10 * u32::from(content) {
            builder.name(&name(40, number), &fixed(16, content));
        }
        builder.build(&OURS, 53, SECRETS)
    };
    tables.publish(&fill(1).expect("it fits"));
    for _ in 0..2 {
        // Too many names, cells and pools.
        fill(200).expect_err("it does not fit");
        assert_eq!(tables.generation_number(), 1);
        for number in 0..10 {
            let found = asked(&tables, &name(40, number), A, anyone());
            assert_eq!(found, Ok((records(16, 1), Row::NO_SERVICE)));
        }
        assert_eq!(asked_if_published(&tables, &name(40, 10)), None);
        let generation = tables.generation(1);
        let half = tables.half(1);
        let ranking = tables.ranking(generation.ranking_index(half.pool as u16, 3));
        assert_eq!(ranking.map(Word::load), Some(Ranking::new(&[1]).0));
        let eligible = tables.eligible(half.pool).map(Word::load);
        assert_eq!(eligible, Some(Eligible::new(1, 1, true).0));
    }
    tables.publish(&fill(2).expect("it fits"));
    assert_eq!(
        asked_if_published(&tables, &name(40, 10)),
        Some(records(16, 2))
    );
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
        answer_cells: 2 * NAMES + 1,
        ..CAPACITY
    });
    let len = |number: u32| 12 + (number % 40) as usize;
    let mut builder = builder(&tables);
    for number in 0..NAMES {
        let content = own(number.to_le_bytes().repeat(4));
        builder.name(
            &name(len(number), number),
            &addresses(content, Slot::Absent),
        );
    }
    tables.publish(&builder.build(&OURS, 53, SECRETS).expect("they fit"));
    for number in 0..NAMES {
        let found = asked(&tables, &name(len(number), number), A, anyone());
        assert_eq!(found, Ok((number.to_le_bytes().repeat(4), Row::NO_SERVICE)));
        let other = name(len(number), NAMES + number);
        let found = asked(&tables, &other, A, anyone());
        assert_eq!(found, Err(Outcome::UpUnknownName));
    }
}

/// The records a name's types get, or where they go.
fn types(tables: &Tables, name: &[u8], rtypes: &[u16]) -> Vec<Result<Vec<u8>, Outcome>> {
    let asked = |rtype: &u16| Ok(asked(tables, name, *rtype, anyone())?.0);
    rtypes.iter().map(asked).collect()
}

fn listed(rtype: u16, answer: Slot) -> TypeData {
    TypeData {
        rtype,
        by: By::Nobody,
        answers: vec![answer],
    }
}

#[test]
fn types_have_their_own_answers_or_the_one_of_all_others() {
    let tables = in_memory(CAPACITY);
    let mut builder = builder(&tables);
    let rest = Slot::Shared(builder.answer(Answer::positive(255, records(5, 0), 1)));
    let row = |count: u16| RowData {
        types: std::iter::once(listed(0, rest.clone()))
            .chain((2..2 + count).map(|rtype| listed(rtype, own(records(9, rtype as u8)))))
            .chain([listed(255, Slot::Absent)])
            .collect(),
        ..fixed(16, 0)
    };
    // With ANY they are seven, and eight.
    builder.name(&name(20, 0), &row(6));
    builder.name(&name(20, 1), &row(7));
    tables.publish(&builder.build(&OURS, 53, SECRETS).expect("it fits"));
    let up = Err(Outcome::UpNoAnswer);
    assert_eq!(
        types(&tables, &name(20, 0), &[2, 7, 8, 99, 255]),
        [
            Ok(records(9, 2)),
            Ok(records(9, 7)),
            Ok(records(5, 0)),
            Ok(records(5, 0)),
            up.clone()
        ]
    );
    assert_eq!(
        types(&tables, &name(20, 1), &[2, 8, 9, 99, 255]),
        [
            Ok(records(9, 2)),
            Ok(records(9, 8)),
            up.clone(),
            up.clone(),
            up
        ]
    );
}

#[test]
fn an_answer_that_is_there_is_not_stored_again() {
    let tables = in_memory(CAPACITY);
    let cells = |names: &dyn Fn(&mut ImageBuilder<'_>)| {
        let mut builder = builder(&tables);
        names(&mut builder);
        // The next answer's cell: one more than the last one's.
        builder.answer(Answer::positive(255, records(3, 200), 1))
    };
    let any_as_a = |content| RowData {
        types: vec![
            listed(0, own(records(60, content))),
            listed(255, own(records(60, content))),
        ],
        ..fixed(60, content)
    };
    // Two answers of two cells, and one cell of types.
    let one = cells(&|builder| {
        builder.name(&name(20, 0), &any_as_a(7));
    });
    assert_eq!(one - tables.half(1).answer, 1 + 4 + 1);
    let again = cells(&|builder| {
        builder.name(&name(20, 0), &any_as_a(7));
        builder.name(&name(20, 1), &any_as_a(7));
    });
    assert_eq!(again, one);
    let another = cells(&|builder| {
        builder.name(&name(20, 0), &any_as_a(7));
        builder.name(&name(20, 1), &any_as_a(8));
    });
    assert_eq!(another, one + 5);
}

#[test]
fn names_below_get_what_the_row_above_says() {
    let tables = in_memory(CAPACITY);
    let mut builder = builder(&tables);
    // A pointer to what comes after the first label of a name of 11 octets.
    let answer = Answer {
        moving: vec![1],
        ..Answer::positive(11, vec![9, 0xc0, 14, 9], 1)
    };
    let cell = builder.answer(answer.clone());
    let wildcard = builder.name(
        b"\x01*\x01b\x05plain\0",
        &addresses(Slot::Own(answer), Slot::Absent),
    );
    let with = |below| RowData {
        below,
        ..addresses(Slot::Absent, Slot::Absent)
    };
    builder.name(b"\x01b\x05plain\0", &with(Below::Wildcard(wildcard)));
    builder.name(b"\x05plain\0", &with(Below::Answer(cell)));
    builder.name(b"\x02up\0", &with(Below::Up));
    builder.name(b"\0", &RowData::outside());
    tables.publish(&builder.build(&OURS, 53, SECRETS).expect("it fits"));
    let asked = |name: &[u8]| Ok(asked(&tables, name, A, anyone())?.0);
    for (name, expected) in [
        (&b"\x01*\x01b\x05plain\0"[..], Ok(vec![9, 0xc0, 14, 9])),
        (b"\x03abc\x01b\x05plain\0", Ok(vec![9, 0xc0, 16, 9])),
        (b"\x04abcd\x05plain\0", Ok(vec![9, 0xc0, 15, 9])),
        (b"\x01a\x02up\0", Err(Outcome::UpNoAnswer)),
        (b"\x02up\0", Err(Outcome::UpNoAnswer)),
        (b"\x01a\x03com\0", Err(Outcome::UpUnknownName)),
        (b"\0", Err(Outcome::UpUnknownName)),
    ] {
        assert_eq!(asked(name), expected, "{}", name.escape_ascii());
    }
}

#[test]
fn cookie_secrets_change_with_the_generation() {
    let tables = in_memory(CAPACITY);
    for number in 1..=3 {
        let secrets = [Secret(number, 1), Secret(number, 2)];
        let image = builder(&tables).build(&OURS, 53, secrets).expect("it fits");
        tables.publish(&image);
        let control = tables.control().expect("the control table");
        assert_eq!(control.secrets(image.generation()), secrets);
        assert_eq!(control.current(), Some(*image.generation()));
    }
    tables.set_clock_offset_ns(7);
    let control = tables.control().expect("the control table");
    assert_eq!(control.clock_offset_ns(), 7);
}

#[test]
fn there_is_a_word_after_all_rate_buckets() {
    let tables = in_memory(CAPACITY);
    assert!(tables.rate(2).is_some());
    assert!(tables.rate(3).is_none());
}

#[test]
fn what_an_arena_refuses_is_said() {
    let none = File::open("/dev/null").expect("it is there");
    let refused = |capacity| {
        let error = Tables::of_arena(capacity, none.as_fd()).expect_err("it is none");
        error.to_string()
    };
    let said = refused(CAPACITY);
    assert!(said.starts_with("mmap of the arena: "), "{said}");
    let said = refused(Capacity {
        chunks: 1 << 22,
        ..CAPACITY
    });
    assert!(
        said.ends_with("octets, an arena holds 4294967296"),
        "{said}"
    );
}
