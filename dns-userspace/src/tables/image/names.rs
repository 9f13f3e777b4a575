//! Names with their rows, read back from where they were written.

use std::{fmt, iter};

use dns_common::{
    name,
    tables::{Line, Row, Word},
};
use domain::base::Name;

/// Every name in a half of the table.
#[derive(Clone, Copy, Debug)]
pub(in crate::tables) struct Names<'t> {
    cells: &'t [Line],
    /// Number of the first cell, which is never used.
    first: u32,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<'t> {
    /// Number of its first cell.
    pub(super) cell: u32,
    row: Row,
    /// From that cell on.
    cells: &'t [Line],
}

impl<'t> Names<'t> {
    pub(in crate::tables) fn new(cells: &'t [Line], first: u32) -> Self {
        Self { cells, first }
    }

    /// The one whose row starts in the cell with that number.
    pub(super) fn at(self, cell: u32) -> Option<Stored<'t>> {
        let cells = self.cells.get((cell - self.first) as usize..)?;
        Some(Stored {
            cell,
            row: Row::load(cells.first()?),
            cells,
        })
    }

    /// All of them, in the order in which they stand.
    pub(super) fn iter(self) -> impl Iterator<Item = Stored<'t>> {
        let mut cell = self.first + 1;
        iter::from_fn(move || {
            let stored = self.at(cell)?;
            cell += Row::cells(stored.row.name_len());
            Some(stored)
        })
    }
}

impl Stored<'_> {
    /// Whether decisions choose what is answered.
    pub(super) fn is_steered(self) -> bool {
        !self.row.is_static()
    }

    /// Its hash under that seed.
    pub(super) fn hash(self, seed: u64) -> u64 {
        name::hash(seed, self.words())
    }

    /// Whether it is the same name.
    pub(super) fn is(self, other: Stored<'_>) -> bool {
        self.words().eq(other.words())
    }

    /// As [`name::folded_words`] has them.
    fn words(self) -> impl Iterator<Item = u64> {
        let len = self.row.name_len();
        let cells = &self.cells[..Row::cells(len) as usize];
        let words = cells.iter().flat_map(|line| &line.0).map(Word::load);
        words.skip(Row::WORDS).take(len.div_ceil(8))
    }
}

impl fmt::Display for Stored<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets: Vec<u8> = self.words().flat_map(u64::to_be_bytes).collect();
        // Its end comes first.
        octets.reverse();
        let start = octets.len() - self.row.name_len();
        match Name::from_slice(&octets[start..]) {
            Ok(name) => name.fmt_with_dot().fmt(formatter),
            Err(error) => error.fmt(formatter),
        }
    }
}
