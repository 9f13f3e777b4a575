//! One generation in ordinary memory: built without touching what readers use,
//! refused as a whole when it does not fit, written at once when it does.

use std::net::IpAddr;

use dns_common::{
    ask,
    decision::{Eligible, Ranking},
    reply::fold_sum,
    tables::{AnswerHead, Generation, Line, Row, Tables as _, address, bucket},
};
use thiserror::Error;

use super::{Capacity, Half, Tables};

/// Seeds tried before the name index is called full.
const SEEDS_MAX: u64 = 64;

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
#[expect(clippy::large_enum_variant, reason = "it lives for one call")]
pub enum RowData {
    /// The same records for everyone, IPv4 and IPv6; `None` goes to userspace.
    Static([Option<Records>; 2]),
    /// A service: for each family each candidate's records, then all candidates'.
    Steered {
        /// The service's counter.
        service: u32,
        /// Its pool, counted from 0 in this generation.
        pool: u16,
        /// Records by family and candidate.
        answers: [[Option<Records>; Row::STEERED_ANSWERS as usize]; 2],
    },
}

/// Records as they stand in a reply right after the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// Their wire form, at most [`AnswerHead::LEN_MAX`] octets.
    pub octets: Vec<u8>,
    /// How many they are; all in the answer section.
    pub count: u16,
}

type Cell = [u64; 8];

/// A generation under construction.
#[derive(Debug)]
pub struct ImageBuilder {
    capacity: Capacity,
    half: Half,
    names: Vec<Cell>,
    answers: Vec<Cell>,
    /// Each name's folded words and its first cell.
    index: Vec<(Vec<u64>, u32)>,
    eligible: Vec<Eligible>,
    rankings: Vec<Vec<Ranking>>,
}

/// A whole generation, ready to be written.
#[derive(Debug)]
pub struct Image {
    half: Half,
    name_count: usize,
    generation: Generation,
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
        Self {
            capacity,
            half,
            // Cell 0 is never used, so that 0 is an empty index entry.
            names: vec![[0; 8]],
            answers: Vec::new(),
            index: Vec::new(),
            eligible: Vec::new(),
            rankings: Vec::new(),
        }
    }

    /// Adds the next pool: its eligibility and its ranking for each group.
    pub fn pool(&mut self, eligible: Eligible, rankings: Vec<Ranking>) {
        self.eligible.push(eligible);
        self.rankings.push(rankings);
    }

    /// Adds a name, absolute and in wire form, in any case.
    pub fn name(&mut self, name: &[u8], data: &RowData) {
        let words = folded_words(name);
        let cell = self.half.name + self.names.len() as u32;
        let answers = self.half.answer + self.answers.len() as u32;
        let len = name.len() as u8;
        let row = match data {
            RowData::Static(answer) => {
                let stride = self.push_answers(answer.iter());
                Row::fixed(len, answers, stride)
            }
            RowData::Steered {
                service,
                pool,
                answers: by_family,
            } => {
                let stride = self.push_answers(by_family.iter().flatten());
                let pool = self.half.pool as u16 + pool;
                Row::steered(len, *service, pool, answers, stride)
            }
        };
        let row_words = [row.0, row.1].into_iter().chain(words.iter().copied());
        push_cells(&mut self.names, row_words, Row::cells(name.len()));
        self.index.push((words, cell));
    }

    /// Adds answers that take the same number of cells each, which is returned.
    fn push_answers<'r>(
        &mut self,
        answers: impl Iterator<Item = &'r Option<Records>> + Clone,
    ) -> u8 {
        let longest = answers
            .clone()
            .flatten()
            .map(|records| records.octets.len());
        let stride = AnswerHead::cells(longest.max().unwrap_or(0));
        for answer in answers {
            let (head, words) = match answer {
                Some(records) => {
                    let words = words(&records.octets);
                    let sum = words.iter().map(|word| ask::lanes(*word)).sum();
                    let len = records.octets.len() as u16;
                    let head = AnswerHead::new(len, records.count, 0, 0, fold_sum(sum));
                    (head, words)
                }
                None => (AnswerHead::ABSENT, Vec::new()),
            };
            push_cells(
                &mut self.answers,
                [head.0, head.1].into_iter().chain(words),
                stride,
            );
        }
        stride as u8
    }

    /// The finished generation for queries to `addresses` at `port`.
    pub fn build(self, addresses: &[IpAddr], port: u16) -> Result<Image, ImageError> {
        let capacity = &self.capacity;
        full("names", self.index.len(), capacity.names, "tables.names")?;
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
        full("pools", self.eligible.len(), capacity.pools, "tables.pools")?;
        let groups = self.rankings.iter().map(Vec::len).max().unwrap_or(0);
        full(
            "resolver groups, those since start included",
            groups,
            capacity.groups,
            "tables.groups",
        )?;

        let (seed, buckets) = self.place_names()?;
        let (address_seed, addresses) = place_addresses(addresses)?;
        let generation = Generation {
            seed,
            bucket_base: self.half.bucket,
            bucket_mask: capacity.buckets() - 1,
            address_seed,
            address_base: self.half.address,
            groups_shift: capacity.groups.trailing_zeros(),
            port: port.to_be(),
        };
        Ok(Image {
            half: self.half,
            name_count: self.index.len(),
            generation,
            buckets,
            names: self.names,
            answers: self.answers,
            addresses,
            eligible: self.eligible,
            rankings: self.rankings,
        })
    }

    /// The index under the first seed that places every name.
    fn place_names(&self) -> Result<(u64, Vec<Cell>), ImageError> {
        (0..SEEDS_MAX)
            .map(|attempt| attempt.wrapping_mul(0x2545_f491_4f6c_dd1d))
            .find_map(|seed| Some((seed, self.place_names_with(seed)?)))
            .ok_or(ImageError::Index {
                names: self.index.len(),
            })
    }

    fn place_names_with(&self, seed: u64) -> Option<Vec<Cell>> {
        let mask = self.capacity.buckets() - 1;
        let mut buckets = vec![[0; 8]; mask as usize + 1];
        for (words, cell) in &self.index {
            let hash = ask::hash(seed, words.iter().copied());
            let (first, second, tag) = bucket::places(hash, mask);
            let same_tag = |entry: &u64| *entry != 0 && (*entry >> 32) as u32 == tag;
            if [first, second]
                .iter()
                .any(|place| buckets[*place as usize].iter().any(same_tag))
            {
                return None;
            }
            // The first place as long as it has room: most lookups end there.
            let free = [first, second].into_iter().find_map(|place| {
                let slot = buckets[place as usize]
                    .iter()
                    .position(|entry| *entry == 0)?;
                Some((place as usize, slot))
            });
            let (place, slot) = free?;
            buckets[place][slot] = bucket::entry(tag, *cell);
        }
        Some(buckets)
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

/// The slots of all addresses under a seed that lets no two of them collide.
fn place_addresses(addresses: &[IpAddr]) -> Result<(u32, Vec<(u64, u64)>), ImageError> {
    /// Enough for [`address::ADDRESSES_MAX`]: at 64 of 256 one seed in about
    /// 3 000 has no collision.
    const ADDRESS_SEEDS_MAX: u32 = 1 << 20;
    let words: Vec<_> = addresses
        .iter()
        .map(|address| match address {
            IpAddr::V4(address) => address::words(address.to_ipv6_mapped().octets()),
            IpAddr::V6(address) => address::words(address.octets()),
        })
        .collect();
    if words.len() <= address::ADDRESSES_MAX {
        for seed in 0..ADDRESS_SEEDS_MAX {
            let mut slots = vec![(0, 0); address::SLOTS as usize];
            let placed = words.iter().all(|words| {
                let slot = &mut slots[address::slot(*words, seed) as usize];
                std::mem::replace(slot, *words) == (0, 0)
            });
            if placed {
                return Ok((seed, slots));
            }
        }
    }
    Err(ImageError::Addresses {
        addresses: words.len(),
        max: address::ADDRESSES_MAX,
    })
}

/// Octets as little-endian words, the last one zero-padded.
fn words(octets: &[u8]) -> Vec<u64> {
    let mut words = vec![0; octets.len().div_ceil(8)];
    bytemuck::cast_slice_mut(&mut words)[..octets.len()].copy_from_slice(octets);
    words.into_iter().map(u64::from_le).collect()
}

fn folded_words(name: &[u8]) -> Vec<u64> {
    words(name).into_iter().map(ask::fold).collect()
}

/// Appends `words` as `count` cells, zero-padded.
fn push_cells(cells: &mut Vec<Cell>, words: impl Iterator<Item = u64>, count: u32) {
    let words: Vec<u64> = words.collect();
    for number in 0..count as usize {
        let mut cell = [0; 8];
        for (slot, word) in cell.iter_mut().zip(words.iter().skip(8 * number)) {
            *slot = *word;
        }
        cells.push(cell);
    }
}
