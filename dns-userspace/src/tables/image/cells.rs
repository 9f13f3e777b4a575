//! Cells of one generation's half of a table, filled one after another.

use dns_common::tables::{Line, Word};

/// What one cell holds.
pub(super) type Cell = [u64; 8];

/// The cells of names, or of answers, written straight to where readers will look.
#[derive(Debug)]
pub(super) struct Cells<'t> {
    /// All that there is room for.
    lines: &'t [Line],
    /// Number of the first.
    first: u32,
    /// How many there are. Those past the end are counted, and lost.
    len: usize,
}

impl<'t> Cells<'t> {
    /// None but cell 0, which is never used, so that 0 is none.
    pub(super) fn new(lines: &'t [Line], first: u32) -> Self {
        let mut cells = Self {
            lines,
            first,
            len: 0,
        };
        cells.extend(&[[0; 8]]);
        cells
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Number of the next one.
    pub(super) fn next(&self) -> u32 {
        self.first + self.len as u32
    }

    pub(super) fn extend(&mut self, cells: &[Cell]) {
        let free = self.lines.get(self.len..).unwrap_or(&[]);
        for (line, cell) in free.iter().zip(cells) {
            write(line, cell);
        }
        self.len += cells.len();
    }

    /// Whether from number `place` on there stands what `cells` are; of cells that
    /// were lost it cannot be told, and does not matter any more.
    pub(super) fn have(&self, place: u32, cells: &[Cell]) -> bool {
        let there = self.lines.get((place - self.first) as usize..);
        let mut pairs = there.unwrap_or(&[]).iter().zip(cells);
        pairs.all(|(line, cell)| line.0.iter().map(Word::load).eq(cell.iter().copied()))
    }

    /// Those that were not lost, to be read.
    pub(super) fn lines(&self) -> &'t [Line] {
        &self.lines[..self.len.min(self.lines.len())]
    }
}

/// Writes all of a line.
pub(super) fn write(line: &Line, cell: &Cell) {
    for (word, value) in line.0.iter().zip(cell) {
        word.store(*value);
    }
}

/// Appends `words` as `count` cells, zero-padded.
pub(super) fn push(cells: &mut Vec<Cell>, words: impl IntoIterator<Item = u64>, count: usize) {
    let start = cells.len();
    cells.resize(start + count, [0; 8]);
    let places = cells[start..].as_flattened_mut();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word;
    }
}
