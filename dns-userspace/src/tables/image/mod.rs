//! One generation in ordinary memory: built without touching what readers use,
//! refused as a whole when it does not fit, written at once when it does.

mod answers;
pub(super) mod index;
mod rows;

use std::net::IpAddr;

use dns_common::{
    cookie::Secret,
    decision::{Eligible, Ranking},
    tables::{Below, Control, Generation, Line, Row, Tables as _, address},
};
use thiserror::Error;

use answers::Answers;
pub use answers::{Answer, Slot, TypeData};
pub use rows::Rows;

use super::{Capacity, Half, Tables};

/// Why a generation cannot be built.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ImageError {
    /// A table is full.
    #[error("{what}: {needed} needed, {capacity} available; raise {setting}")]
    Full {
        /// What there is too much of.
        what: &'static str,
        /// How much was needed, at least.
        needed: u64,
        /// How much there is room for.
        capacity: u64,
        /// The tunable that sets it.
        setting: &'static str,
    },
    /// No seed places every name.
    #[error("the name index cannot place {names} names; raise tables.names")]
    Index {
        /// Names to place.
        names: usize,
    },
    /// No seed places every address.
    #[error("{addresses} service addresses cannot be told apart; at most {max} can be served")]
    Addresses {
        /// Addresses to place.
        addresses: usize,
        /// The limit.
        max: usize,
    },
}

/// What stands at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowData {
    /// Number of the name's zone.
    pub zone: u32,
    /// The answers to A and AAAA.
    pub addresses: Addresses,
    /// Those to other types; with none given they go up.
    pub types: Vec<TypeData>,
    /// What names below this one get that are not in the tables.
    pub below: Below,
}

/// The answers to A and AAAA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// The same for everyone, IPv4 and IPv6.
    Static([Slot; 2]),
    /// A service's: for each family each candidate's answer, then all candidates'.
    Steered {
        /// The service's counter.
        service: u32,
        /// Its pool, counted from 0 in this generation.
        pool: u16,
        /// Answers by family and candidate.
        answers: Box<[[Slot; Row::STEERED_ANSWERS as usize]; 2]>,
    },
}

impl RowData {
    /// The row of a name in zone 0 that has `addresses` and nothing else.
    pub fn of(addresses: Addresses) -> Self {
        Self {
            zone: 0,
            addresses,
            types: Vec::new(),
            below: Below::Up,
        }
    }

    /// The row of a name outside our zones that has one of ours below it.
    pub fn outside() -> Self {
        Self {
            below: Below::Outside,
            ..Self::of(Addresses::Static([Slot::Absent, Slot::Absent]))
        }
    }
}

type Cell = [u64; 8];

/// A generation under construction.
#[derive(Debug)]
pub struct ImageBuilder {
    capacity: Capacity,
    half: Half,
    /// How many names there are in `names`.
    name_count: usize,
    names: Vec<Cell>,
    answers: Answers,
    eligible: Vec<Eligible>,
    rankings: Vec<Vec<Ranking>>,
}

/// A whole generation, ready to be written.
#[derive(Debug)]
pub struct Image {
    half: Half,
    name_count: usize,
    generation: Generation,
    secrets: [Secret; 2],
    buckets: Vec<Cell>,
    names: Vec<Cell>,
    answers: Vec<Cell>,
    addresses: Vec<(u64, u64)>,
    eligible: Vec<Eligible>,
    rankings: Vec<Vec<Ranking>>,
}

impl ImageBuilder {
    /// An empty generation for the place `half`.
    pub fn new(capacity: Capacity, half: Half) -> Self {
        let mut names = Vec::with_capacity(capacity.name_cells() as usize);
        // Cell 0 is never used, so that 0 is an empty index entry.
        names.push([0; 8]);
        Self {
            capacity,
            half,
            name_count: 0,
            names,
            answers: Answers::new(half.answer, capacity.answer_cells),
            eligible: Vec::new(),
            rankings: Vec::new(),
        }
    }

    /// Adds the next pool: its eligibility and its ranking for each group.
    pub fn pool(&mut self, eligible: Eligible, rankings: Vec<Ranking>) {
        self.eligible.push(eligible);
        self.rankings.push(rankings);
    }

    /// Adds an answer that several names share; its cell.
    pub fn answer(&mut self, answer: Answer) -> u32 {
        let mut blocks = self.answers.blocks();
        let block = blocks.block(&[Slot::Own(answer)]);
        self.answers.add(&block, &blocks).0
    }

    /// Adds a name, absolute and in wire form, in any case; the cell its row
    /// starts in.
    pub fn name(&mut self, name: &[u8], data: &RowData) -> u32 {
        let mut rows = self.rows();
        rows.push(name, data);
        let cell = self.half.name + self.names.len() as u32;
        self.add(&rows);
        cell
    }

    /// An empty batch of rows for this generation, which another thread can fill.
    pub fn rows(&self) -> Rows {
        Rows::new(self.half, &self.answers)
    }

    /// Adds `rows`, made by [`ImageBuilder::rows`].
    pub fn add(&mut self, rows: &Rows) {
        rows.add_to(&mut self.names, &mut self.answers);
        self.name_count += rows.len();
    }

    /// The finished generation for queries to `addresses` at `port`, with cookies
    /// made with the first of `secrets` and taken with the second as well.
    pub fn build(
        self,
        addresses: &[IpAddr],
        port: u16,
        secrets: [Secret; 2],
    ) -> Result<Image, ImageError> {
        let capacity = &self.capacity;
        full("names", self.name_count, capacity.names, "tables.names")?;
        full(
            "cells of names",
            self.names.len(),
            capacity.name_cells(),
            "tables.names",
        )?;
        full(
            "cells of answers",
            self.answers.cells.len(),
            capacity.answer_cells,
            "tables.answer_cells",
        )?;
        full("pools", self.eligible.len(), capacity.pools, "tables.pools")?;
        let groups = self.rankings.iter().map(Vec::len).max().unwrap_or(0);
        full(
            "resolver groups, those since start included",
            groups,
            capacity.groups,
            "tables.groups",
        )?;

        let mask = capacity.buckets() - 1;
        let (seed, buckets) = index::place_names(
            rows::entries(&self.names, self.half.name),
            mask,
            index::seeds(),
        )?;
        let (address_seed, addresses) = index::place_addresses(addresses)?;
        let mut generation = Control::default().generation(self.half.number);
        generation.seed = seed;
        generation.bucket_base = self.half.bucket;
        generation.bucket_mask = mask;
        generation.address_seed = address_seed;
        generation.address_base = self.half.address;
        generation.address_filter = addresses
            .iter()
            .filter(|words| **words != (0, 0))
            .fold(0, |filter, words| {
                filter | address::filter(*words, address_seed)
            });
        generation.groups_shift = capacity.groups.trailing_zeros();
        generation.port = port.to_be();
        Ok(Image {
            half: self.half,
            name_count: self.name_count,
            generation,
            secrets,
            buckets,
            names: self.names,
            answers: self.answers.cells,
            addresses,
            eligible: self.eligible,
            rankings: self.rankings,
        })
    }
}

impl Image {
    /// The place it was built for.
    pub fn half(&self) -> &Half {
        &self.half
    }

    /// What readers need to know of it.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// The secrets of its cookies.
    pub(super) fn secrets(&self) -> [Secret; 2] {
        self.secrets
    }

    /// How many names it has.
    pub fn names(&self) -> usize {
        self.name_count
    }

    /// Writes everything but the control line.
    pub(super) fn write(&self, tables: &Tables) {
        let half = &self.half;
        write_cells(&self.buckets, |index| tables.bucket(half.bucket + index));
        write_cells(&self.names, |index| tables.name(half.name + index));
        write_cells(&self.answers, |index| tables.answer(half.answer + index));
        for (slot, words) in (half.address..).zip(&self.addresses) {
            if let Some(slot) = tables.address(slot) {
                slot.0[0].store(words.0);
                slot.0[1].store(words.1);
            }
        }
        for ((pool, eligible), rankings) in (half.pool..).zip(&self.eligible).zip(&self.rankings) {
            if let Some(word) = tables.eligible(pool) {
                word.store(eligible.0);
            }
            // A group that this generation does not know ranks as the default
            // one does: resolver entries may be ahead of it.
            let rest = rankings.first().copied().unwrap_or(Ranking::EMPTY);
            let all = rankings.iter().copied().chain(std::iter::repeat(rest));
            for (group, ranking) in (0..tables.capacity().groups).zip(all) {
                let index = self.generation.ranking_index(pool as u16, group as u16);
                if let Some(word) = tables.ranking(index) {
                    word.store(ranking.0);
                }
            }
        }
    }
}

fn full(
    what: &'static str,
    needed: usize,
    capacity: u32,
    setting: &'static str,
) -> Result<(), ImageError> {
    if needed as u64 > u64::from(capacity) {
        return Err(ImageError::Full {
            what,
            needed: needed as u64,
            capacity: u64::from(capacity),
            setting,
        });
    }
    Ok(())
}

fn write_cells<'t>(cells: &[Cell], line: impl Fn(u32) -> Option<&'t Line>) {
    for (index, cell) in (0..).zip(cells) {
        if let Some(line) = line(index) {
            for (word, value) in line.0.iter().zip(cell) {
                word.store(*value);
            }
        }
    }
}

/// Appends `words` as `count` cells, zero-padded.
fn push_cells(cells: &mut Vec<Cell>, words: impl IntoIterator<Item = u64>, count: usize) {
    let start = cells.len();
    cells.resize(start + count, [0; 8]);
    let places = cells[start..].as_flattened_mut();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word;
    }
}
