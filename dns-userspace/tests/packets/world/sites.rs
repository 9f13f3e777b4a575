//! The names that have addresses, and what the addresses are.

use std::net::IpAddr;

use dns_common::tables::Below;
use veer::tables::{Addresses, Answer as Stored, RowData, Slot};

use crate::{
    wire::{A, AAAA, Answer, name},
    zone::{self, APEX, Shared, ZONE},
};

/// Candidates of pool 0; group n prefers candidate n.
pub(super) const CANDIDATES: u8 = 5;

/// How the answers at a name are chosen.
#[derive(Clone, Debug)]
enum Steering {
    Static,
    /// By service; the first pool is steered, the others have no fit candidate.
    Service {
        service: u32,
        pool: u16,
    },
}

/// One name of the world.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) name: Vec<u8>,
    steering: Steering,
    /// Records of each type.
    records: usize,
    alias: bool,
    families: [bool; 2],
}

impl Site {
    fn new(name: Vec<u8>, steering: Steering, records: usize) -> Self {
        Self {
            name,
            steering,
            records,
            alias: false,
            families: [true; 2],
        }
    }

    /// Whether its answer does not fit 512 octets.
    pub(crate) fn is_long(&self) -> bool {
        self.records > 29
    }

    pub(crate) fn service(&self) -> Option<usize> {
        match self.steering {
            Steering::Static => None,
            Steering::Service { service, .. } => Some(service as usize),
        }
    }

    /// What stands at the name for `rtype`: by `candidate` when it is steered,
    /// with `None` for all candidates.
    fn answer(&self, rtype: u16, candidate: Option<u8>) -> Option<Answer> {
        let family = usize::from(rtype == AAAA);
        if !self.families[family] {
            return None;
        }
        let candidates = match (&self.steering, candidate) {
            (Steering::Static, _) => vec![99],
            (_, Some(candidate)) => vec![candidate],
            (_, None) => (0..CANDIDATES).collect(),
        };
        let address = |candidate: u8, number: usize| match rtype {
            A => IpAddr::from([203, 0, candidate, number as u8]),
            _ => IpAddr::from([
                0x2001,
                0xdb8,
                0xffff,
                0,
                0,
                0,
                candidate.into(),
                number as u16,
            ]),
        };
        let numbers = 1..=self.records;
        let addresses = candidates
            .iter()
            .flat_map(|candidate| numbers.clone().map(|number| address(*candidate, number)));
        let alias = self
            .alias
            .then(|| [&[3, b'o', b'x', candidates[0] + b'a'], &self.name[..]].concat());
        Some(Answer {
            alias,
            addresses: addresses.collect(),
            ttl: 60 + u32::from(candidates[0]),
        })
    }

    /// The answer that a resolver in `group` gets.
    pub(crate) fn answer_for(&self, rtype: u16, group: u16) -> Option<Answer> {
        match self.steering {
            Steering::Service {
                pool: NOBODY_FIT_ALL,
                ..
            } => self.answer(rtype, None),
            Steering::Service {
                pool: NOBODY_FIT_NONE,
                ..
            } => None,
            _ => self.answer(rtype, Some(group as u8)),
        }
    }

    /// Whether it is in the zone [`APEX`].
    fn in_zone(&self) -> bool {
        self.name.ends_with(&name(APEX))
    }

    pub(super) fn row(&self, shared: Shared) -> RowData {
        let slot = |rtype, candidate| match self.answer(rtype, candidate) {
            Some(answer) => slot(&self.name, &answer),
            None if self.in_zone() => Slot::Shared(shared.nodata),
            None => Slot::Absent,
        };
        let addresses = match self.steering {
            Steering::Static => Addresses::Static([A, AAAA].map(|rtype| slot(rtype, None))),
            Steering::Service { service, pool } => Addresses::steered(
                service,
                pool,
                [A, AAAA].map(|rtype| {
                    std::array::from_fn(|number| match number {
                        8 => slot(rtype, None),
                        _ if number < usize::from(CANDIDATES) => slot(rtype, Some(number as u8)),
                        _ => Slot::Absent,
                    })
                }),
            ),
        };
        let mut row = RowData::of(addresses);
        if self.name == name(WWW) {
            row.types.push(zone::hints());
        }
        match self.name.as_slice() {
            [0] => RowData {
                below: Below::Outside,
                ..row
            },
            _ if self.in_zone() => shared.row(ZONE, row),
            _ => row,
        }
    }
}

/// `answer` as the tables have it at `name`.
pub(crate) fn slot(name: &[u8], answer: &Answer) -> Slot {
    let (octets, count) = answer.records();
    Slot::Own(Stored::positive(name.len() as u8, octets, count))
}

// Pools.
const STEERED: u16 = 0;
const NOBODY_FIT_ALL: u16 = 1;
const NOBODY_FIT_NONE: u16 = 2;

pub(crate) const WWW: &str = "www.example.";
pub(crate) const V4_ONLY: &str = "v4.example.";
pub(crate) const ALL_DOWN: &str = "all-down.example.";
pub(crate) const NOBODY: &str = "nobody.example.";
/// Its reply is longer than 512 octets.
pub(crate) const TOO_LONG: &str = "too-long.example.";
/// Its reply just fits 512 octets.
pub(crate) const VERY_LONG: &str = "very-long.example.";

/// Every name.
pub(crate) fn sites() -> Vec<Site> {
    let steered = |service, pool| Steering::Service { service, pool };
    let mut sites = vec![
        Site::new(name(WWW), steered(0, STEERED), 1),
        // 48 octets of records: with their head exactly one cell.
        Site::new(name("three.example."), steered(1, STEERED), 3),
        Site::new(name(ALL_DOWN), steered(3, NOBODY_FIT_ALL), 1),
        Site::new(name(NOBODY), steered(4, NOBODY_FIT_NONE), 1),
        Site::new(name("static.example."), Steering::Static, 1),
        Site::new(name("static4.example."), Steering::Static, 4),
        Site::new(vec![0], Steering::Static, 2),
    ];
    sites.push(Site {
        alias: true,
        ..Site::new(name("alias.example."), steered(2, STEERED), 2)
    });
    sites.push(Site {
        alias: true,
        ..Site::new(name("static-alias.example."), Steering::Static, 1)
    });
    for (text, records) in [(V4_ONLY, 1), (VERY_LONG, 29), (TOO_LONG, 31)] {
        sites.push(Site {
            families: [true, false],
            ..Site::new(name(text), Steering::Static, records)
        });
    }
    for name in [fills_a_frame(), too_long_for_a_frame()] {
        sites.push(Site {
            families: [true, false],
            ..Site::new(name, Steering::Static, RECORDS_MAX)
        });
    }
    // Every length modulo eight, and the longest.
    for len in (20..40).chain([62, 63, 64, 100, 127, 128, 200, 254, 255]) {
        let mut name = Vec::new();
        while name.len() + 1 < len {
            let label = (len - 2 - name.len()).min(50);
            // One octet cannot hold a label.
            let label = if len - 2 - name.len() - label == 1 {
                label - 1
            } else {
                label
            };
            name.push(label as u8);
            name.extend(
                (0..label).map(|at| b"abcdefghijklmnopqrstuvwxyz-0123456789"[(at + len) % 37]),
            );
        }
        name.push(0);
        assert_eq!(name.len(), len);
        sites.push(Site::new(name, steered(5, STEERED), 1));
    }
    sites
}

/// The site that stands at `text`.
pub(crate) fn site(text: &str) -> Site {
    let name = name(text);
    let mut sites = sites().into_iter();
    sites.find(|site| site.name == name).expect("a known name")
}

/// The name of `len` octets, at least 14, in the zone [`APEX`].
pub(crate) fn long_name(len: usize) -> Vec<u8> {
    let apex = name(APEX);
    let mut rest = len - apex.len();
    let mut name = Vec::new();
    while rest > 0 {
        // One octet cannot hold a label.
        let taken = if rest == 65 { 63 } else { rest.min(64) };
        name.push(taken as u8 - 1);
        name.extend((1..taken).map(|at| b'a' + (at % 26) as u8));
        rest -= taken;
    }
    name.extend(apex);
    name
}

/// The longest answer, at a name with which the reply with an OPT record just
/// fills a frame over IPv6, and at one an octet longer.
pub(crate) fn fills_a_frame() -> Vec<u8> {
    const OTHERS: usize = 40 + 8 + 12 + 4 + RECORDS_MAX * 16 + 11;
    long_name(1500 - OTHERS)
}

pub(crate) fn too_long_for_a_frame() -> Vec<u8> {
    long_name(fills_a_frame().len() + 1)
}

/// Addresses that take as many octets as an answer can have.
const RECORDS_MAX: usize = 1200 / 16;

/// The site with the longest name.
pub(crate) fn longest_site() -> Site {
    let longest = sites().into_iter().max_by_key(|site| site.name.len());
    longest.expect("there are sites")
}
