//! Zones and the names in them.

use std::fmt::Write as _;

use super::SEED;
use crate::random::Random;

/// Names in zones by their size, in ten thousand zones: most are small, and most
/// names are in a few large ones. About a hundred names a zone on average.
const SIZES: [(usize, usize); 5] = [
    (5, 5000),
    (20, 3000),
    (100, 1700),
    (1000, 290),
    (50_000, 10),
];

/// Zones end in these.
const ENDINGS: [&str; 8] = ["com", "com", "com", "net", "org", "de", "info", "co.uk"];

/// The first names of every zone, and what numbered ones start with.
const FIRST: [&str; 8] = ["www", "mail", "ns1", "ns2", "api", "ftp", "m", "static"];
const NUMBERED: [&str; 8] = ["host-", "srv", "cust-", "db", "web", "img", "shop-", "v"];

/// One in so many names has one more label.
const DEEP_ONE_IN: usize = 10;

/// A zone as a master file has it.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    /// The zone's name, absolute.
    pub(crate) apex: String,
    /// Every name that has records, absolute, the apex first.
    pub(crate) names: Vec<String>,
    /// The master file.
    pub(crate) text: String,
}

/// Zones with `count` names that have records in all of them together, at most
/// 50 000 in one: seven in ten with one IPv4 address, two with IPv6 besides, the
/// others with an alias or text.
pub(crate) fn zones(count: usize) -> impl Iterator<Item = Zone> {
    let mut random = Random::new(SEED, 2);
    let mut left = count;
    let mut number = 0;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let size = size(&mut random).min(left);
        let zone = zone(number, size, &mut random);
        left -= size;
        number += 1;
        Some(zone)
    })
}

/// The size of a zone: one to twice as many names as its kind.
fn size(random: &mut Random) -> usize {
    let mut place = random.below(10_000);
    for (size, share) in SIZES {
        if place < share {
            return (size / 2 + random.below(size)).min(50_000);
        }
        place -= share;
    }
    unreachable!("the shares add up to ten thousand")
}

/// Zone `number`, with `size` names.
fn zone(number: usize, size: usize, random: &mut Random) -> Zone {
    let apex = apex(number, random);
    let mut names = Vec::with_capacity(size);
    names.push(apex.clone());
    let mut text = String::with_capacity(32 * size + 128);
    let mut add = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("a string takes it");
    };
    add(format_args!(
        "$TTL 3600\n@ SOA ns1 hostmaster {number} 3600 600 86400 60\n@ NS ns1\n"
    ));
    for position in 1..size {
        let host = host(position, random);
        let kind = if position <= FIRST.len() {
            0
        } else {
            random.below(100)
        };
        let at = 31 * number + position;
        let (high, low) = (at >> 16 & 0xff, at & 0xffff);
        match kind {
            0..90 => add(format_args!(
                "{host} A 198.{high}.{}.{}\n",
                low >> 8,
                low & 0xff
            )),
            90..98 => add(format_args!("{host} CNAME www\n")),
            _ => add(format_args!("{host} TXT \"owner={at}\"\n")),
        }
        if (70..90).contains(&kind) {
            add(format_args!("{host} AAAA 2001:db8:{high:x}::{low:x}\n"));
        }
        names.push(format!("{host}.{apex}"));
    }
    Zone { apex, names, text }
}

/// The name of zone `number`, four to twelve letters and an ending.
fn apex(number: usize, random: &mut Random) -> String {
    let mut label = String::new();
    for _ in 0..random.below(5) * 2 {
        label.push(char::from(b'a' + random.below(26) as u8));
    }
    // Two syllables and what is left tell zones apart, whatever precedes them.
    let mut rest = number;
    for _ in 0..2 {
        let (consonant, vowel) = (rest % 21, rest / 21 % 5);
        rest /= 105;
        label.push(char::from(b"bcdfghjklmnpqrstvwxyz"[consonant]));
        label.push(char::from(b"aeiou"[vowel]));
    }
    if rest > 0 {
        write!(label, "{rest}").expect("a string takes it");
    }
    format!("{label}.{}.", random.pick(&ENDINGS))
}

/// The name in its zone of host `position`, from 1.
fn host(position: usize, random: &mut Random) -> String {
    if let Some(first) = FIRST.get(position - 1) {
        return (*first).to_owned();
    }
    let start = random.pick(&NUMBERED);
    if random.below(DEEP_ONE_IN) == 0 {
        let site = random.below(8);
        return format!("{start}{position}.s{site}");
    }
    format!("{start}{position}")
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs};

    use veer::authority::master_file;

    use super::*;

    #[test]
    fn names_are_as_many_and_as_different_as_asked_for() {
        for count in [1, 1000, 100_000] {
            let names = zones(count).flat_map(|zone| zone.names);
            let names: Vec<_> = names.collect();
            assert_eq!(names.len(), count);
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), count);
        }
    }

    #[test]
    fn names_and_zones_are_of_the_size_of_real_ones() {
        let zones: Vec<_> = zones(1_000_000).collect();
        assert!((2_000..50_000).contains(&zones.len()), "{}", zones.len());
        let names = zones.iter().flat_map(|zone| &zone.names);
        // In wire form one octet more.
        let octets: usize = names.map(|name| name.len() + 1).sum();
        assert!((17..25).contains(&(octets / 1_000_000)), "{octets}");
    }

    #[test]
    fn zones_are_taken_by_the_authority() {
        let directory = tempfile::tempdir().expect("a directory");
        for zone in zones(2000) {
            let file = directory.path().join(format!("{}zone", zone.apex));
            fs::write(&file, &zone.text).expect("write a zone");
            let parsed = master_file::parse(&file).expect("a valid zone");
            let known: HashSet<_> = parsed
                .names()
                .map(|name| name.fmt_with_dot().to_string())
                .collect();
            assert!(zone.names.iter().all(|name| known.contains(name)));
        }
    }
}
