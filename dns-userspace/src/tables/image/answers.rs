//! The table of answers: what one is, and how many of them lie beside each other.

use std::{collections::HashMap, hash::BuildHasher as _, ops::Range};

use dns_common::{
    ask::lanes,
    host::Class,
    reply::fold_sum,
    tables::{AnswerHead, AnswerKind, By, TypeEntry},
};
use foldhash::fast::RandomState;

use super::cells::{self, Cell, Cells};

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

    /// Appends its words as `stride` cells.
    fn push(&self, cells: &mut Vec<Cell>, stride: usize) {
        let records = || words(&self.octets);
        let head = AnswerHead::new(
            self.octets.len() as u16,
            self.counts,
            fold_sum(records().map(lanes).sum()),
            self.kind,
            !self.moving.is_empty(),
        );
        let words = [head.0, head.1].into_iter().chain(records());
        cells::push(cells, words.chain(moving_list(&self.moving)), stride);
    }

    /// Words it takes.
    fn len(&self) -> usize {
        let moving = match self.moving.len() {
            0 => 0,
            len => (1 + len).div_ceil(4),
        };
        2 + self.octets.len().div_ceil(8) + moving
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

/// Answers beside each other, worked out before it is known where they will stand.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Cells of all of them, in [`Blocks::cells`].
    cells: Range<usize>,
    /// Hash of these.
    hash: u64,
    /// Cells of each.
    stride: u8,
    /// Those of them that may be shared by themselves, in [`Blocks::parts`].
    parts: Range<usize>,
}

/// One answer of a block: how many cells before it, and the hash of what it takes.
type Part = (u32, u64);

/// Blocks, and what they are made of.
#[derive(Debug)]
pub(super) struct Blocks {
    cells: Vec<Cell>,
    parts: Vec<Part>,
    hasher: RandomState,
}

impl Blocks {
    /// Puts `slots` beside each other.
    pub(super) fn block(&mut self, slots: &[Slot]) -> Block {
        let longest = slots.iter().map(|slot| match slot {
            Slot::Own(answer) => answer.len(),
            Slot::Absent | Slot::Shared(_) => 2,
        });
        let stride = longest.max().unwrap_or(0).div_ceil(8);
        let (first, first_part) = (self.cells.len(), self.parts.len());
        for slot in slots {
            let head = match slot {
                Slot::Absent => AnswerHead::ABSENT,
                Slot::Shared(cell) => AnswerHead::shared(*cell),
                Slot::Own(answer) => {
                    let start = self.cells.len();
                    answer.push(&mut self.cells, stride);
                    if slots.len() > 1 {
                        let used = answer.len().div_ceil(8);
                        let hash = hash(&self.hasher, &self.cells[start..start + used]);
                        self.parts.push(((start - first) as u32, hash));
                    }
                    continue;
                }
            };
            cells::push(&mut self.cells, [head.0, head.1], stride);
        }
        Block {
            hash: hash(&self.hasher, &self.cells[first..]),
            cells: first..self.cells.len(),
            stride: stride as u8,
            parts: first_part..self.parts.len(),
        }
    }
}

/// Answers under construction. What is there already is not stored again.
#[derive(Debug)]
pub(super) struct Answers<'t> {
    cells: Cells<'t>,
    /// Cells by the hash of what starts there.
    known: HashMap<u64, u32, RandomState>,
    hasher: RandomState,
}

impl<'t> Answers<'t> {
    /// None yet, to stand in `cells`.
    pub(super) fn new(cells: Cells<'t>) -> Self {
        Self {
            cells,
            known: HashMap::default(),
            hasher: RandomState::default(),
        }
    }

    /// Cells they take.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// An empty set of blocks for these answers.
    pub(super) fn blocks(&self) -> Blocks {
        Blocks {
            cells: Vec::new(),
            parts: Vec::new(),
            hasher: self.hasher.clone(),
        }
    }

    /// Finds a place for `block` of `blocks`; its first cell and the cells of each
    /// answer.
    pub(super) fn add(&mut self, block: &Block, blocks: &Blocks) -> (u32, u8) {
        let place = self.place(&blocks.cells[block.cells.clone()], block.hash);
        for (before, hash) in &blocks.parts[block.parts.clone()] {
            self.known.entry(*hash).or_insert(place + before);
        }
        (place, block.stride)
    }

    /// The cell of the first of a name's types.
    pub(super) fn add_types(&mut self, types: &[u64; TypeEntry::COUNT]) -> u32 {
        self.place(&[*types], hash(&self.hasher, &[*types]))
    }

    /// Where `cells` stand, now if not before.
    fn place(&mut self, cells: &[Cell], hash: u64) -> u32 {
        if let Some(place) = self.known.get(&hash)
            && self.cells.have(*place, cells)
        {
            return *place;
        }
        let place = self.cells.next();
        self.cells.extend(cells);
        self.known.insert(hash, place);
        place
    }
}

fn hash(hasher: &RandomState, cells: &[Cell]) -> u64 {
    hasher.hash_one(bytemuck::cast_slice::<_, u8>(cells))
}

/// Octets as little-endian words, the last one zero-padded.
fn words(octets: &[u8]) -> impl Iterator<Item = u64> {
    octets.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    })
}
