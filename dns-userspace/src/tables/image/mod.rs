//! One generation, built in its half of the tables, which nobody reads: refused as a
//! whole when it does not fit, made current at once when it does.

mod answers;
mod cells;
pub(super) mod index;
pub(super) mod names;
mod rows;

use std::{iter, net::IpAddr, sync::atomic::Ordering};

use dns_common::{
    cookie::Secret,
    decision::{Eligible, Ranking, SHARE_WORDS},
    tables::{Below, Control, Generation, Row, address},
};
use thiserror::Error;

use answers::Answers;
pub use answers::{Answer, Slot, TypeData};
use cells::Cells;
use names::Names;
pub use rows::Batch;

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
    /// Two steered names of which only one can be found.
    #[error(
        "{} and {} have one hash under every seed, so only one of them can be a service's name",
        names[0],
        names[1]
    )]
    Alike {
        /// The names.
        names: [String; 2],
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
        /// Answers by family, of each TTL.
        answers: Vec<[Choices; 2]>,
        /// Places from the answers of one TTL to those of the next.
        level_places: u32,
    },
}

/// A service's answers for one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Each candidate's, then all candidates'.
    pub each: Each,
    /// Those with the addresses of several, by the mask of these; none where no answer is
    /// of several.
    pub sets: Vec<Slot>,
}

/// One answer for each candidate, then one for all.
pub type Each = [Slot; Row::STEERED_ANSWERS as usize];

impl From<Each> for Choices {
    fn from(each: Each) -> Self {
        let sets = Vec::new();
        Self { each, sets }
    }
}

impl Addresses {
    /// Those of the service with this counter and pool, without answers of several
    /// candidates.
    pub fn steered(service: u32, pool: u16, answers: [Each; 2]) -> Self {
        Self::Steered {
            service,
            pool,
            answers: vec![answers.map(Choices::from)],
            level_places: Row::LEVEL_ANSWERS,
        }
    }
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

/// A generation under construction.
#[derive(Debug)]
pub struct ImageBuilder<'t> {
    tables: &'t Tables,
    half: Half,
    /// How many names there are in `names`.
    name_count: usize,
    names: Cells<'t>,
    answers: Answers<'t>,
    pools: usize,
    /// The most that a pool ranks for.
    groups: usize,
}

/// A whole generation, which stands in its half of the tables.
#[derive(Debug)]
pub struct Image {
    number: u64,
    name_count: usize,
    generation: Generation,
    secrets: [Secret; 2],
}

impl<'t> ImageBuilder<'t> {
    /// Generation `number` of `tables`, empty. No reader may still use what stands in
    /// its half, nor may another one be under construction there.
    pub fn new(tables: &'t Tables, number: u64) -> Self {
        let (capacity, half) = (&tables.capacity, tables.half(number));
        let names = tables.names.part(half.name, capacity.name_cells());
        let answers = tables.answers.part(half.answer, capacity.answer_cells);
        Self {
            tables,
            half,
            name_count: 0,
            names: Cells::new(names, half.name),
            answers: Answers::new(Cells::new(answers, half.answer)),
            pools: 0,
            groups: 0,
        }
    }

    /// Adds the next pool: its eligibility, its ranking for each group, and its shares,
    /// if it has any.
    pub fn pool(&mut self, eligible: Eligible, rankings: &[Ranking], shares: &[u64]) {
        let pool = self.pools as u32;
        self.pools += 1;
        self.groups = self.groups.max(rankings.len());
        let tables = self.tables;
        let Capacity { pools, groups, .. } = tables.capacity;
        if pool >= pools {
            return;
        }
        let pool = self.half.pool + pool;
        if let Some(word) = tables.eligible.get(pool) {
            word.store(eligible.0);
        }
        let words = SHARE_WORDS as u32;
        for (word, takers) in tables.shares.part(pool * words, words).iter().zip(shares) {
            word.store(*takers);
        }
        // A group that this generation does not know ranks as the default one
        // does: resolver entries may be ahead of it.
        let rest = rankings.first().copied().unwrap_or(Ranking::EMPTY);
        let all = rankings.iter().copied().chain(iter::repeat(rest));
        for (word, ranking) in tables.rankings.part(pool * groups, groups).iter().zip(all) {
            word.store(ranking.0);
        }
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
        let mut batch = self.batch();
        batch.push(name, data);
        let cell = self.names.next();
        self.add(batch);
        cell
    }

    /// An empty batch of rows for this generation, which another thread can fill.
    pub fn batch(&self) -> Batch {
        Batch::new(self.half, &self.answers)
    }

    /// Adds the rows of `batch`, made by [`ImageBuilder::batch`].
    pub fn add(&mut self, batch: Batch) {
        self.name_count += batch.len();
        batch.add_to(&mut self.names, &mut self.answers);
    }

    /// Writes the rest of the generation: it is for queries to `addresses` at `port`, with cookies
    /// made with the first of `secrets` and taken with the second as well.
    pub fn build(
        self,
        addresses: &[IpAddr],
        port: u16,
        secrets: [Secret; 2],
    ) -> Result<Image, ImageError> {
        let (tables, half) = (self.tables, self.half);
        let capacity = &tables.capacity;
        full("names", self.name_count, capacity.names, "tables.names")?;
        full(
            "cells of names",
            self.names.len(),
            capacity.name_cells(),
            "tables.names",
        )?;
        full(
            "cells of answers",
            self.answers.len(),
            capacity.answer_cells,
            "tables.answer_cells",
        )?;
        full("pools", self.pools, capacity.pools, "tables.pools")?;
        full(
            "resolver groups, those since start included",
            self.groups,
            capacity.groups,
            "tables.groups",
        )?;

        let buckets = tables.buckets.part(half.bucket, capacity.buckets());
        let names = Names::new(self.names.lines(), half.name);
        let seed = index::place_names(names, buckets, index::seeds())?;
        let (multiplier, addresses) = index::place_addresses(addresses)?;
        let slots = tables.addresses.part(half.address, address::SLOTS);
        for (slot, words) in slots.iter().zip(&addresses) {
            slot.0[0].store(words.0);
            slot.0[1].store(words.1);
        }
        let mut generation = Control::default().generation(half.number);
        generation.seed = seed;
        generation.bucket_base = half.bucket;
        generation.bucket_mask = capacity.buckets() - 1;
        generation.address_multiplier = multiplier;
        generation.address_filter = addresses
            .iter()
            .filter(|words| **words != (0, 0))
            .fold(0, |filter, words| filter | address::filter(*words));
        generation.groups_shift = capacity.groups.trailing_zeros();
        generation.port = port.to_be();
        let used = &tables.used.answer_cells[(half.number & 1) as usize];
        used.store(self.answers.len() as u32, Ordering::Relaxed);
        Ok(Image {
            number: half.number,
            name_count: self.name_count,
            generation,
            secrets,
        })
    }
}

impl Image {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
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
