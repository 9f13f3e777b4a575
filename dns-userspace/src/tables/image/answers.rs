//! The table of answers: what one is, and how many of them lie beside each other.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use dns_common::{
    ask::lanes,
    host::Class,
    reply::fold_sum,
    tables::{AnswerHead, AnswerKind, By, TypeEntry},
};

use super::{Cell, push_cells};

/// A reply's records, and the header that goes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The records as they stand right after the question, 1 to
    /// [`AnswerHead::LEN_MAX`] octets.
    pub octets: Vec<u8>,
    /// How many are in answer, authority and additional section.
    pub counts: [u16; 3],
    /// RCODE, AA, the class, and the length of the name they were written for.
    pub kind: AnswerKind,
    /// Offsets in `octets` of the pointers that grow with the name asked for, at
    /// most [`AnswerHead::MOVING_MAX`].
    pub moving: Vec<u16>,
}

impl Answer {
    /// NOERROR and AA, with `count` records in the answer section, for a name of
    /// `name_len` octets.
    pub fn positive(name_len: u8, octets: Vec<u8>, count: u16) -> Self {
        Self {
            octets,
            counts: [count, 0, 0],
            kind: AnswerKind {
                flags: Self::flags(true, 0),
                name_len,
                class: Class::Positive,
            },
            moving: Vec::new(),
        }
    }

    /// The third and fourth octets of a reply's header as [`AnswerKind`] has them.
    pub fn flags(authoritative: bool, rcode: u8) -> u16 {
        const QR: u8 = 0x80;
        const AA: u8 = 0x04;
        u16::from_le_bytes([if authoritative { QR | AA } else { QR }, rcode])
    }

    fn words(&self) -> Vec<u64> {
        let records = words(&self.octets);
        let sum = records.iter().map(|word| lanes(*word)).sum();
        let head = AnswerHead::new(
            self.octets.len() as u16,
            self.counts,
            fold_sum(sum),
            self.kind,
            !self.moving.is_empty(),
        );
        let mut all = vec![head.0, head.1];
        all.extend(records);
        all.extend(moving_list(&self.moving));
        all
    }
}

/// The list of pointers that move: how many there are at even and at odd offsets,
/// then the offsets, four to a word; nothing where there are none.
fn moving_list(places: &[u16]) -> Vec<u64> {
    if places.is_empty() {
        return Vec::new();
    }
    let odd = places.iter().filter(|at| **at % 2 != 0).count();
    let first = AnswerHead::moving_pair((places.len() - odd) as u8, odd as u8);
    let list: Vec<u16> = [first].into_iter().chain(places.iter().copied()).collect();
    let words = list.chunks(4).map(|pairs| {
        let pairs = pairs.iter().rev();
        pairs.fold(0, |word, pair| word << 16 | u64::from(*pair))
    });
    words.collect()
}

/// What stands in the place of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Nothing: the full server knows.
    Absent,
    /// An answer of its own.
    Own(Answer),
    /// The answer in this cell, see [`super::ImageBuilder::answer`].
    Shared(u32),
}

/// The answers to one type at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeData {
    /// The type; 0 for all that are not listed, which comes first.
    pub rtype: u16,
    /// Who chooses among the answers.
    pub by: By,
    /// One answer by nobody, else each candidate's and then the one for all.
    pub answers: Vec<Slot>,
}

/// Answers under construction. What is there already is not stored again.
#[derive(Debug)]
pub(super) struct Answers {
    /// Number of the first cell.
    first: u32,
    pub(super) cells: Vec<Cell>,
    /// Cells by the hash of what starts there.
    known: HashMap<u64, u32>,
    hasher: RandomState,
}

impl Answers {
    pub(super) fn new(first: u32) -> Self {
        Self {
            first,
            // Cell 0 is never used, so that 0 is none.
            cells: vec![[0; 8]],
            known: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// Puts `slots` beside each other; the first one's cell and the cells of each.
    pub(super) fn block(&mut self, slots: &[Slot]) -> (u32, u8) {
        let words: Vec<Vec<u64>> = slots
            .iter()
            .map(|slot| match slot {
                Slot::Absent => vec![AnswerHead::ABSENT.0, AnswerHead::ABSENT.1],
                Slot::Own(answer) => answer.words(),
                Slot::Shared(cell) => {
                    let head = AnswerHead::shared(*cell);
                    vec![head.0, head.1]
                }
            })
            .collect();
        let longest = words.iter().map(Vec::len).max().unwrap_or(0);
        let stride = longest.div_ceil(8);
        let mut cells = Vec::with_capacity(stride * slots.len());
        for words in words {
            push_cells(&mut cells, words, stride);
        }
        let place = self.place(&cells);
        if slots.len() > 1 {
            for (number, slot) in slots.iter().enumerate() {
                if matches!(slot, Slot::Own(_)) {
                    let cells = &cells[number * stride..(number + 1) * stride];
                    let used = cells.iter().rposition(|cell| *cell != [0; 8]);
                    let cells = &cells[..=used.unwrap_or(0)];
                    let hash = self.hasher.hash_one(cells);
                    let place = place + (number * stride) as u32;
                    self.known.entry(hash).or_insert(place);
                }
            }
        }
        (place, stride as u8)
    }

    /// The cell of the first of a name's types; 0 where it has none.
    pub(super) fn types(&mut self, types: &[TypeData]) -> u32 {
        if types.is_empty() {
            return 0;
        }
        let mut entries = [TypeEntry::default().0; TypeEntry::COUNT];
        let mut rest = 1;
        for data in types {
            let (cell, stride) = match data.answers.as_slice() {
                [Slot::Absent] => (0, 0),
                [Slot::Shared(cell)] => (*cell, 0),
                slots => self.block(slots),
            };
            let entry = TypeEntry::new(data.rtype, cell, stride, data.by).0;
            if data.rtype == 0 {
                entries[0] = entry;
            } else if rest < TypeEntry::COUNT {
                entries[rest] = entry;
                rest += 1;
            } else {
                // A type that is not listed need not be one that has none.
                entries[0] = TypeEntry::default().0;
            }
        }
        self.place(&[entries])
    }

    /// Where `cells` stand, now if not before.
    fn place(&mut self, cells: &[Cell]) -> u32 {
        let hash = self.hasher.hash_one(cells);
        if let Some(place) = self.known.get(&hash) {
            let at = (place - self.first) as usize;
            if self.cells[at..].starts_with(cells) {
                return *place;
            }
        }
        let place = self.first + self.cells.len() as u32;
        self.cells.extend_from_slice(cells);
        self.known.insert(hash, place);
        place
    }
}

/// Octets as little-endian words, the last one zero-padded.
fn words(octets: &[u8]) -> Vec<u64> {
    let mut words = vec![0; octets.len().div_ceil(8)];
    bytemuck::cast_slice_mut(&mut words)[..octets.len()].copy_from_slice(octets);
    words.into_iter().map(u64::from_le).collect()
}
