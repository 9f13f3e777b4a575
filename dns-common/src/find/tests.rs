use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    ask::ask,
    name::{
        folded_words, hash,
        tests::{lengths, name_of, names},
    },
    world::{
        World,
        plain::{self, query},
    },
};

/// Offsets of the labels of a well-formed name, the root's included.
fn label_starts(name: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    while name[at] != 0 {
        at += 1 + usize::from(name[at]);
        starts.push(at);
    }
    starts
}

/// A row that tells which name it is of.
fn row(name: &[u8], number: u16) -> Row {
    Row::steered(name.len() as u8, 0, number, 1, 1)
}

fn exact_in(world: &World, name: &[u8]) -> Result<Option<Row>, Outcome> {
    let message = query(name, 1);
    let ask = ask(
        &message[..],
        world.generation.seed,
        crate::ask::Wanted::ALL,
        &world.host,
    )
    .expect("a query");
    exact(
        &message[..],
        &ask,
        &world.tables,
        &world.generation,
        &world.host,
    )
}

fn encloser_in(world: &World, name: &[u8]) -> Result<Row, Outcome> {
    let message = query(name, 1);
    let ask = ask(
        &message[..],
        world.generation.seed,
        crate::ask::Wanted::ALL,
        &world.host,
    )
    .expect("a query");
    closest_encloser(
        &message[..],
        ask.name_len,
        &world.tables,
        &world.generation,
        &world.host,
    )
}

/// A name with `count` labels of one octet each.
fn deep(count: usize) -> Vec<u8> {
    let mut name: Vec<u8> = (0..count)
        .flat_map(|number| [1, b'a' + (number % 26) as u8])
        .collect();
    name.push(0);
    name
}

/// A world with `name` and all its ancestors, and the rows that stand there.
fn with_ancestors(names: &[Vec<u8>]) -> (World, BTreeMap<Vec<u8>, Row>) {
    let mut world = World::new();
    let mut rows = BTreeMap::new();
    for name in names {
        for start in label_starts(name) {
            let ancestor = name[start..].to_ascii_lowercase();
            let number = rows.len() as u16;
            if rows.contains_key(&ancestor) {
                continue;
            }
            let row = row(&ancestor, number);
            world.add_name(&ancestor, row);
            rows.insert(ancestor, row);
        }
    }
    (world, rows)
}

#[test]
fn names_of_every_length_are_found_in_any_case() {
    for len in lengths() {
        let name = name_of(len, &[9, 40, 62], b"aBcDeFgH9-_");
        let mut world = World::new();
        let row = row(&name, 7);
        world.add_name(&name, row);
        // A length octet is no letter: upper case leaves it as it is.
        for asked in [
            name.clone(),
            name.to_ascii_uppercase(),
            name.to_ascii_lowercase(),
        ] {
            assert_eq!(exact_in(&world, &asked), Ok(Some(row)), "{len}");
        }
    }
}

#[test]
fn a_name_is_found_in_either_of_its_buckets() {
    let name = b"\x03www\x07example\0";
    for which in 0..2 {
        let mut world = World::new();
        world.tables.put_name(1, row(name, 7), name);
        let mask = world.generation.bucket_mask;
        let (first, second, tag) =
            bucket::places(hash(world.generation.seed, folded_words(name)), mask);
        let index = [first, second][which];
        world.tables.buckets[index as usize].0[7].store(bucket::entry(tag, 1));
        assert_eq!(exact_in(&world, name), Ok(Some(row(name, 7))));
        // The other generation's buckets are not looked at.
        world.generation.bucket_base = mask + 1;
        assert_eq!(exact_in(&world, name), Ok(None));
    }
}

#[test]
fn names_are_compared_whole() {
    for len in lengths().filter(|len| *len > 1) {
        let name = name_of(len, &[62], b"abcdefgh");
        let mut others: Vec<Vec<u8>> = (0..len)
            .filter(|at| name[*at].is_ascii_lowercase())
            .map(|at| {
                let mut other = name.clone();
                other[at] = b'-';
                other
            })
            .collect();
        others.extend((len + 2 <= NAME_MAX).then(|| name_of(len + 2, &[62], b"abcdefgh")));
        for other in others {
            // The index leads from one name's hash to the other's row.
            let mut world = World::new();
            world.tables.put_name(1, row(&name, 7), &name);
            world.tables.index(&world.generation, &other, 1);
            assert_eq!(
                exact_in(&world, &other),
                Err(Outcome::UpNoAnswer),
                "{other:?}"
            );
            // The same name with its own hash is there, so it is the compare that tells.
            world.tables.index(&world.generation, &name, 1);
            assert_eq!(exact_in(&world, &name), Ok(Some(row(&name, 7))));
        }
    }
}

#[test]
fn names_of_one_hash_are_told_apart() {
    // Coarsely alike, and each the only one of its kind in the table.
    for (one, other) in [
        (b'@', b'`'),
        (b'[', b'{'),
        (b'\\', b'|'),
        (b']', b'}'),
        (b'^', b'~'),
        (b'_', 0x7f),
        (0xc3, 0xe3),
    ] {
        for (stored, asked) in [(one, other), (other, one)] {
            let name = |octet| [&[3, b'a', octet, b'z'], &b"\x07example\0"[..]].concat();
            let (stored, asked) = (name(stored), name(asked));
            let seed = World::new().generation.seed;
            let hash = |name: &[u8]| hash(seed, folded_words(name));
            assert_eq!(hash(&stored), hash(&asked));
            let mut world = World::new();
            let mut row = row(&stored, 7);
            if stored.iter().copied().any(name::is_ambiguous) {
                row = row.compared_whole();
            }
            world.add_name(&stored, row);
            assert_eq!(exact_in(&world, &stored), Ok(Some(row)));
            assert_eq!(
                exact_in(&world, &stored.to_ascii_uppercase()),
                Ok(Some(row))
            );
            assert_eq!(exact_in(&world, &asked), Err(Outcome::UpNoAnswer));
        }
    }
}

#[test]
fn a_row_that_runs_off_the_table_is_not_found() {
    let name = name_of(255, &[62], b"abcdefgh");
    let mut world = World::new();
    world.add_name(&name, row(&name, 7));
    assert!(exact_in(&world, &name).is_ok_and(|row| row.is_some()));
    world.tables.names.pop();
    assert_eq!(exact_in(&world, &name), Err(Outcome::UpNoAnswer));
}

#[test]
fn every_depth_of_127_labels_is_bisected_right() {
    let whole = deep(LABELS_MAX);
    assert_eq!(whole.len(), NAME_MAX);
    for known in 0..LABELS_MAX {
        let ancestor = whole[2 * (LABELS_MAX - known)..].to_vec();
        let (world, rows) = with_ancestors(std::slice::from_ref(&ancestor));
        for asked in known + 1..=LABELS_MAX {
            let name = &whole[2 * (LABELS_MAX - asked)..];
            assert_eq!(exact_in(&world, name), Ok(None));
            let found = encloser_in(&world, name);
            assert_eq!(found, Ok(rows[&ancestor]), "{asked} labels, {known} known");
        }
    }
}

#[test]
fn without_the_root_in_the_tables_names_are_unknown() {
    let world = World::new();
    for name in [&b"\0"[..], b"\x03www\0", &deep(LABELS_MAX)] {
        assert_eq!(encloser_in(&world, name), Err(Outcome::UpUnknownName));
    }
    // The root has no ancestor.
    let (world, _) = with_ancestors(&[vec![0]]);
    assert_eq!(encloser_in(&world, b"\0"), Err(Outcome::UpUnknownName));
    assert!(encloser_in(&world, b"\x03www\0").is_ok());
}

#[test]
fn a_tag_that_another_name_has_leads_up() {
    let parts: [&[u8]; 3] = [b"\x01c", b"\x01b", b"\x01a"];
    let rest = b"\x07example\0";
    let name = [&parts.concat(), &rest[..]].concat();
    // Names that are not in the tables, but seem to be.
    let with = |starts: &[usize]| {
        let (mut world, rows) = with_ancestors(&[rest.to_vec()]);
        for start in starts {
            let colliding = hash(world.generation.seed, folded_words(&name[*start..]));
            world.tables.index_hash(&world.generation, colliding, 1);
        }
        let tagged = starts.contains(&0);
        let expected = if tagged {
            Err(Outcome::UpNoAnswer)
        } else {
            Ok(None)
        };
        assert_eq!(exact_in(&world, &name), expected);
        (encloser_in(&world, &name), rows[&rest[..]])
    };
    for starts in [&[4][..], &[2, 4], &[0, 2, 4]] {
        assert_eq!(with(starts).0, Err(Outcome::UpUnknownName), "{starts:?}");
    }
    // Where bisecting does not come by, a collision does no harm.
    for starts in [&[0][..], &[2], &[0, 2]] {
        let (found, expected) = with(starts);
        assert_eq!(found, Ok(expected), "{starts:?}");
    }
}

#[test]
fn a_name_that_ends_before_its_end_has_no_labels() {
    let world = World::new();
    for len in lengths() {
        let name = name_of(len, &[9, 40, 62, 0], b"abc");
        for start in label_starts(&name)
            .into_iter()
            .filter(|start| start + 1 < len)
        {
            let mut ended = name.clone();
            ended[start] = 0;
            let found = walk(&query(&ended, 1)[..], len, &world.host);
            assert_eq!(found, None, "{len} octets, the root at {start}");
        }
    }
}

proptest! {
    #[test]
    fn the_hash_of_an_ancestor_is_on_the_way_to_the_names(name in names(), seed: u64) {
        let mut world = World::new();
        world.generation.seed = seed;
        let message = query(&name, 1);
        let ask = ask(&message[..], seed, crate::ask::Wanted::ALL, &world.host).expect("a query");
        let labels = walk(&message[..], ask.name_len, &world.host);
        let starts = label_starts(&name);
        prop_assert_eq!(labels, Some(starts.len() - 1));
        hash_words(&message[..], ask.name_len, &world.generation, &world.host).expect("inside the message");
        for (index, start) in starts.into_iter().enumerate() {
            prop_assert_eq!(usize::from(world.host.label(index)), start);
            let found = ancestor_hash(&message[..], ask.name_len, start, &world.host);
            prop_assert_eq!(found, Some(hash(seed, folded_words(&name[start..]))), "label {}", index);
        }
    }

    #[test]
    fn only_well_formed_names_have_labels(
        mut name in names(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        for (at, value) in changes {
            let at = at.index(name.len());
            name[at] = value;
        }
        let world = World::new();
        let message = query(&name, 1);
        let expected = plain::name_len(&name).filter(|len| *len == name.len());
        let labels = walk(&message[..], name.len(), &world.host);
        prop_assert_eq!(labels, expected.map(|_| label_starts(&name).len() - 1));
        if expected.is_none() {
            prop_assert_eq!(encloser_in(&world, &name), Err(Outcome::UpQuestion));
        }
    }

    #[test]
    fn the_closest_encloser_is_the_longest_ancestor_that_is_known(
        known in proptest::collection::vec(small_names(), 1..20),
        asked in proptest::collection::vec(small_names(), 1..20),
    ) {
        let (world, rows) = with_ancestors(&known);
        for name in asked {
            let plain = label_starts(&name)
                .into_iter()
                .filter_map(|start| rows.get(&name[start..].to_ascii_lowercase()).copied());
            let proper = plain.clone().find(|row| row.name_len() < name.len());
            let same = plain.clone().find(|row| row.name_len() == name.len());
            prop_assert_eq!(exact_in(&world, &name), Ok(same));
            prop_assert_eq!(encloser_in(&world, &name), proper.ok_or(Outcome::UpUnknownName));
        }
    }
}

/// Names of up to eight labels out of few, so that many share ancestors.
fn small_names() -> impl Strategy<Value = Vec<u8>> {
    const LABELS: [&[u8]; 6] = [
        b"\x01a",
        b"\x01B",
        b"\x01b",
        b"\x07example",
        b"\x08examples",
        b"\x0cwith-letters",
    ];
    let label = prop::sample::select(&LABELS[..]);
    proptest::collection::vec(label, 0..8)
        .prop_map(|labels| [&labels.concat(), &b"\0"[..]].concat())
}
