//! A small world for tests: tables in memory, a host whose clock is set by hand,
//! and messages written and read octet by octet, as the RFCs have them.
//!
//! The crate's own tests, its fuzz targets and their regression test include this
//! file; it knows no more than what the crate gives to everyone.
#![allow(
    dead_code,
    reason = "each crate that includes this file uses a part of it"
)]

pub(crate) mod host;
pub(crate) mod memory;
pub(crate) mod plain;
pub(crate) mod reader;
pub(crate) mod sample;

use dns_common::{
    outcome::Outcome,
    reply::{Reply, fold_sum},
    tables::{AnswerHead, Control, Generation, Line, Row, Source},
};
use host::Desk;
use memory::{Answer, Memory};

/// Seed of every world's name hash.
pub(crate) const SEED: u64 = 0x0123_4567_89ab_cdef;

/// Buckets of the name index.
const BUCKETS: u32 = 256;

/// A resolver in no prefix.
pub(crate) const RESOLVER: Source = Source::V4(0xc000_0235);

/// Tables, and a host that reads them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) tables: Memory,
    pub(crate) generation: Generation,
    pub(crate) host: Desk,
}

impl World {
    /// Nothing in the tables, everything off; cells 0 are taken, as ever.
    pub(crate) fn new() -> Self {
        let mut generation = Control::default().generation(0);
        generation.seed = SEED;
        generation.bucket_mask = BUCKETS - 1;
        generation.groups_shift = 2;
        let tables = Memory {
            buckets: (0..BUCKETS).map(|_| Line::default()).collect(),
            names: vec![Line::default()],
            answers: vec![Line::default()],
            ..Memory::default()
        };
        Self {
            tables,
            generation,
            host: Desk::default(),
        }
    }

    /// Enters `name` with its row; the row's cell.
    pub(crate) fn add_name(&mut self, name: &[u8], row: Row) -> u32 {
        let cell = self.tables.names.len() as u32;
        self.tables.put_name(cell, row, name);
        self.tables.index(&self.generation, name, cell);
        cell
    }

    /// Adds `answer` after those that are there; its cell.
    pub(crate) fn add_answer(&mut self, answer: &Answer) -> u32 {
        let cell = self.tables.answers.len() as u32;
        self.tables.put_answer(cell, answer);
        cell
    }

    /// Adds `answers`, each in as many cells as the longest takes; the first one's
    /// cell and that number.
    /// The first word of the list of moving pointers of the answer in `cell`.
    pub(crate) fn moving(&self, cell: u32, head: AnswerHead) -> u64 {
        if !head.moves() {
            return 0;
        }
        let at = AnswerHead::moving_at(head.len());
        self.tables.answers[cell as usize + at / 8].0[at % 8].load()
    }

    pub(crate) fn add_answers(&mut self, answers: &[Answer]) -> (u32, u8) {
        let first = self.tables.answers.len() as u32;
        let cells = |answer: &Answer| AnswerHead::cells(answer.octets.len(), answer.moving.len());
        let stride = answers.iter().map(cells).max().unwrap_or(1);
        for (number, answer) in answers.iter().enumerate() {
            self.tables
                .put_answer(first + number as u32 * stride, answer);
        }
        let end = (first + answers.len() as u32 * stride) as usize;
        self.tables.answers.resize_with(end, Line::default);
        (first, stride as u8)
    }

    /// What `message` from `source` is answered with.
    ///
    /// # Panics
    /// Panics where the reply cannot be written, or is not what it says it is.
    pub(crate) fn respond(
        &self,
        message: &[u8],
        source: Source,
    ) -> Result<(Reply, Vec<u8>), Outcome> {
        let reply =
            dns_common::respond(message, source, &self.tables, &self.generation, &self.host)?;
        Ok((reply, self.write(&reply, message)))
    }

    /// The octets of `reply` to `message`.
    ///
    /// # Panics
    /// As [`World::respond`].
    pub(crate) fn write(&self, reply: &Reply, message: &[u8]) -> Vec<u8> {
        const BEYOND: usize = 16;

        let len = reply.len();
        let mut room = message.to_vec();
        room.truncate(reply.question_end());
        room.resize(len + BEYOND, 0xee);
        reply
            .write(&mut room[..], &self.tables)
            .expect("room and tables hold what was promised");
        assert_eq!(room[len..], [0xee; BEYOND], "written past the reply");
        room.truncate(len);
        assert_eq!(
            fold_sum(reply.sum()).swap_bytes(),
            plain::rfc1071(&room),
            "sum"
        );
        room
    }
}
