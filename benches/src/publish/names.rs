//! Zones of as many names as wanted, in editions that differ in every IPv4 address.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use veer::authority::{master_file, zones::Zones};

use crate::internet;

/// How many editions there are: with two, what a half of the tables has kept from the
/// generation before the last would look like the next one.
const EDITIONS: usize = 3;

/// What the addresses of the editions start with; the generator's is the first.
const FIRST_OCTETS: [u8; EDITIONS] = [198, 199, 200];

/// All editions, and the names in them that have IPv4 addresses.
pub(super) struct Names {
    editions: [Zones; EDITIONS],
    hosts: Vec<Host>,
    /// How long it took to read all from their files, at the same time.
    pub(super) read: Duration,
}

/// A name with one IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// The name, absolute.
    pub(super) name: String,
    /// In the first edition.
    address: Ipv4Addr,
}

impl Host {
    /// The address as generation `generation` has it.
    pub(super) fn address(&self, generation: u64) -> Ipv4Addr {
        let [_, rest @ ..] = self.address.octets();
        let [second, third, fourth] = rest;
        Ipv4Addr::new(FIRST_OCTETS[edition(generation)], second, third, fourth)
    }
}

fn edition(generation: u64) -> usize {
    (generation % EDITIONS as u64) as usize
}

impl Names {
    /// Zones with `count` names, by way of master files in `directory`.
    pub(super) fn new(directory: &Path, count: u32) -> Result<Self> {
        let directories = FIRST_OCTETS.map(|octet| directory.join(octet.to_string()));
        for directory in &directories {
            fs::create_dir(directory).with_context(|| format!("mkdir {}", directory.display()))?;
        }
        let mut files = [const { Vec::new() }; EDITIONS];
        let mut all = Vec::new();
        for zone in internet::zones(count as usize) {
            let (apex, text) = (zone.apex, zone.text);
            let editions = directories.iter().zip(&mut files).zip(FIRST_OCTETS);
            for ((directory, files), octet) in editions {
                // Absolute, so the name ends with the dot of the file's.
                let file = directory.join(format!("{apex}zone"));
                fs::write(&file, with_first_octet(&text, octet))
                    .with_context(|| format!("write {}", file.display()))?;
                files.push(file);
            }
            all.extend(hosts(&apex, &text));
        }
        let begin = Instant::now();
        Ok(Self {
            editions: read(&files)?,
            hosts: all,
            read: begin.elapsed(),
        })
    }

    /// The names that have addresses; at least one.
    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The zones that generation `generation` has.
    pub(super) fn zones(&self, generation: u64) -> &Zones {
        &self.editions[edition(generation)]
    }
}

/// Reads all editions, each in a thread.
fn read(files: &[Vec<PathBuf>; EDITIONS]) -> Result<[Zones; EDITIONS]> {
    let edition = |files: &[PathBuf]| {
        let zones = files.iter();
        let zones =
            zones.map(|file| master_file::parse(file).map_err(|errors| anyhow!("{errors}")));
        Zones::new(zones.collect::<Result<_>>()?).map_err(|error| anyhow!("{error}"))
    };
    thread::scope(|scope| {
        let reading = files.each_ref().map(|files| scope.spawn(|| edition(files)));
        let [one, other, third] = reading.map(|reading| {
            let read = reading.join();
            read.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
        });
        Ok([one?, other?, third?])
    })
}

/// The master file `text` with other addresses.
fn with_first_octet(text: &str, octet: u8) -> String {
    text.replace(&format!(" A {}.", FIRST_OCTETS[0]), &format!(" A {octet}."))
}

/// The names of the zone `apex` that have an IPv4 address, as its master file has them.
fn hosts(apex: &str, text: &str) -> impl Iterator<Item = Host> {
    text.lines().filter_map(move |line| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(host), Some("A"), Some(address)) => Some(Host {
                name: format!("{host}.{apex}"),
                address: address.parse().ok()?,
            }),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editions_differ_in_every_address_and_nothing_else() {
        let text = "@ NS ns1\nns1 A 198.0.198.1\nns1 AAAA 2001:db8::1\nx TXT \"owner=198\"\n";
        let other = with_first_octet(text, FIRST_OCTETS[1]);
        assert_eq!(other, text.replace("198.0.198.1", "199.0.198.1"));
        assert_eq!(with_first_octet(text, FIRST_OCTETS[0]), text);

        let hosts: Vec<_> = hosts("example.com.", text).collect();
        let [ns1] = &hosts[..] else {
            panic!("{hosts:?}");
        };
        assert_eq!(ns1.name, "ns1.example.com.");
        for (generation, octet) in [(3, 198), (4, 199), (5, 200), (6, 198)] {
            let address = Ipv4Addr::new(octet, 0, 198, 1);
            assert_eq!(ns1.address(generation), address, "{generation}");
        }
    }

    #[test]
    fn all_editions_have_all_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let names = Names::new(directory.path(), 300).expect("zones");
        assert!(names.hosts().len() > 150, "{}", names.hosts().len());
        for generation in [1, 2, 3] {
            let zones = names.zones(generation);
            assert!(zones.names().count() >= 300);
        }
    }
}
