//! Rows of names, worked out before it is known where they and their answers will
//! stand: many threads can do that at once.

use dns_common::{
    name::{folded_words, is_ambiguous},
    tables::{Below, By, Row, TypeEntry},
};

use super::{
    Addresses, Choices, RowData, Slot, TypeData,
    answers::{Answers, Block, Blocks},
    cells::{self, Cell, Cells},
};
use crate::tables::Half;

/// A batch of rows.
#[derive(Debug)]
pub struct Batch {
    half: Half,
    prepared: Vec<Prepared>,
    types: Vec<PreparedType>,
    /// The cells of all names, with nothing in the words before each.
    names: Vec<Cell>,
    blocks: Blocks,
}

/// One row.
#[derive(Debug)]
struct Prepared {
    /// Where its name starts in [`Batch::names`].
    cell: usize,
    name_len: u8,
    /// See [`Row::compared_whole`].
    compared_whole: bool,
    zone: u32,
    /// Number of the service and the pool, if it is steered.
    steered: Option<(u32, u16)>,
    /// Whether there are answers with several candidates.
    has_sets: bool,
    addresses: Block,
    /// How many of [`Batch::types`] are its own, in order.
    types: usize,
    below: Below,
}

/// The answers to one type.
#[derive(Debug)]
struct PreparedType {
    rtype: u16,
    by: By,
    /// One answer that is somewhere already, 0 for none; else a block.
    answers: Result<u32, Block>,
}

impl Batch {
    pub(super) fn new(half: Half, answers: &Answers<'_>) -> Self {
        Self {
            half,
            prepared: Vec::new(),
            types: Vec::new(),
            names: Vec::new(),
            blocks: answers.blocks(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.prepared.len()
    }

    /// Adds a name, absolute and in wire form, in any case.
    pub fn push(&mut self, name: &[u8], data: &RowData) {
        let blocks = &mut self.blocks;
        let mut has_sets = false;
        let (steered, addresses) = match &data.addresses {
            Addresses::Static(answers) => (None, blocks.block(answers)),
            Addresses::Steered {
                service,
                pool,
                answers,
                level_places,
            } => {
                let pool = self.half.pool as u16 + pool;
                has_sets = answers.iter().flatten().any(|of| !of.sets.is_empty());
                let answers = blocks.block(&placed(answers, *level_places));
                (Some((*service, pool)), answers)
            }
        };
        let types = data.types.iter().map(|data| prepared(data, blocks));
        self.types.extend(types);
        self.prepared.push(Prepared {
            cell: self.names.len(),
            name_len: name.len() as u8,
            compared_whole: name.iter().copied().any(is_ambiguous),
            zone: data.zone,
            steered,
            has_sets,
            addresses,
            types: data.types.len(),
            below: data.below,
        });
        let words = [0; Row::WORDS].into_iter().chain(folded_words(name));
        cells::push(&mut self.names, words, Row::cells(name.len()) as usize);
    }

    /// Gives every answer its place in `answers`, and every row its own behind
    /// `names`.
    pub(super) fn add_to(mut self, names: &mut Cells<'_>, answers: &mut Answers<'_>) {
        let mut types = self.types.as_slice();
        for prepared in &self.prepared {
            let (cell, stride) = answers.add(&prepared.addresses, &self.blocks);
            let row = match prepared.steered {
                None => Row::fixed(prepared.name_len, cell, stride),
                Some((service, pool)) => {
                    Row::steered(prepared.name_len, service, pool, cell, stride)
                }
            };
            let row = if prepared.has_sets {
                row.with_sets()
            } else {
                row
            };
            let own;
            (own, types) = types.split_at(prepared.types);
            let row = if prepared.compared_whole {
                row.compared_whole()
            } else {
                row
            };
            let row = row
                .in_zone(prepared.zone)
                .with_types(self.add_types(own, answers))
                .with_below(prepared.below);
            self.names[prepared.cell][..Row::WORDS].copy_from_slice(&[row.0, row.1, row.2]);
        }
        names.extend(&self.names);
    }

    /// The cell of the first of a name's types; 0 where it has none.
    fn add_types(&self, types: &[PreparedType], answers: &mut Answers<'_>) -> u32 {
        if types.is_empty() {
            return 0;
        }
        let mut entries = [TypeEntry::default().0; TypeEntry::COUNT];
        let mut rest = 1;
        for data in types {
            let (cell, stride) = match &data.answers {
                Ok(cell) => (*cell, 0),
                Err(block) => answers.add(block, &self.blocks),
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
        answers.add_types(&entries)
    }
}

/// Answers of each TTL as a row has them, so many `places` from one to the next.
fn placed(levels: &[[Choices; 2]], places: u32) -> Vec<Slot> {
    let mut all = Vec::new();
    for (level, answers) in levels.iter().enumerate() {
        all.resize(level * places as usize, Slot::Absent);
        all.extend(of_both(answers));
    }
    all
}

/// Both families' answers of one TTL, see [`Row::SETS_FROM`].
fn of_both(answers: &[Choices; 2]) -> Vec<Slot> {
    let mut places: Vec<Slot> = answers.iter().flat_map(|of| of.each.clone()).collect();
    for (first, of) in [0, Row::STEERED_ANSWERS].into_iter().zip(answers) {
        for (mask, slot) in (0..).zip(&of.sets) {
            let place = (first + Row::SETS_FROM + 2 * mask) as usize;
            places.resize(places.len().max(place + 1), Slot::Absent);
            places[place] = slot.clone();
        }
    }
    places
}

fn prepared(data: &TypeData, blocks: &mut Blocks) -> PreparedType {
    PreparedType {
        rtype: data.rtype,
        by: data.by,
        answers: match data.answers.as_slice() {
            [Slot::Absent] => Ok(0),
            [Slot::Shared(cell)] => Ok(*cell),
            slots => Err(blocks.block(slots)),
        },
    }
}
