//! From a question and a resolver to one answer: name → row; resolver → group;
//! pool × group → ranking; first eligible candidate → answer.
//!
//! Every word is loaded once. What a word points to is complete before the word
//! is published and stays as it is until no reader can hold the word any more.

use crate::{
    ask::{Ask, HEADER, NAME_WORDS, fold},
    decision::{Eligible, Ranking, pick},
    octets::Octets,
    outcome::Outcome,
    reply::UDP_MAX,
    tables::{AnswerHead, Generation, Row, Source, Tables, bucket},
};

/// The answer one resolver gets to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The answer's first cell.
    pub cell: u32,
    /// Its length, counts, flags and sum.
    pub head: AnswerHead,
    /// The service's number, for its counter; `None` for a static name.
    pub service: Option<u32>,
}

/// Chooses the answer to `ask` for `source`; `Err` says why there is none.
#[inline(always)]
pub fn decide(
    message: &(impl Octets + ?Sized),
    ask: &Ask,
    source: Source,
    tables: &impl Tables,
    generation: &Generation,
) -> Result<Chosen, Outcome> {
    let row = find(message, ask, tables, generation).ok_or(Outcome::UpUnknownName)?;
    let candidate = if row.is_static() {
        0
    } else {
        let group = tables.group(source);
        let ranking = tables.ranking(generation.ranking_index(row.pool(), group));
        let eligible = tables.eligible(u32::from(row.pool()));
        let (Some(ranking), Some(eligible)) = (ranking, eligible) else {
            return Err(Outcome::UpNoCandidate);
        };
        let ranking = Ranking(ranking.load());
        let eligible = Eligible(eligible.load());
        pick(ranking, eligible, ask.family).ok_or(Outcome::UpNoCandidate)?
    };
    let cell = row.answer_cell(ask.family, candidate);
    let line = tables.answer(cell).ok_or(Outcome::UpNoAnswer)?;
    let head = AnswerHead::load(line);
    if head.is_absent() {
        return Err(Outcome::UpNoAnswer);
    }
    if ask.end() + head.len() > UDP_MAX {
        return Err(Outcome::UpTooLong);
    }
    Ok(Chosen {
        cell,
        head,
        service: row.service(),
    })
}

/// The row of exactly this name, compared whole and folded.
#[inline(always)]
pub fn find(
    message: &(impl Octets + ?Sized),
    ask: &Ask,
    tables: &impl Tables,
    generation: &Generation,
) -> Option<Row> {
    let (first, second, tag) = bucket::places(ask.hash, generation.bucket_mask);
    let cell = match bucket::search(tables.bucket(generation.bucket_base + first)?, tag) {
        Some(cell) => cell,
        None => bucket::search(tables.bucket(generation.bucket_base + second)?, tag)?,
    };
    let mut cell_index = cell;
    let mut line = tables.name(cell_index)?;
    let row = Row::load(line);
    if row.name_len() != ask.name_len {
        return None;
    }
    let last = (ask.name_len - 1) >> 3;
    let mut slot = Row::WORDS;
    for index in 0..NAME_WORDS {
        let stored = line.0[slot & 7].load();
        if index == last {
            return (stored == ask.tail).then_some(row);
        }
        if stored != fold(message.word(HEADER + 8 * index)?) {
            return None;
        }
        slot += 1;
        if slot == 8 {
            slot = 0;
            cell_index += 1;
            line = tables.name(cell_index)?;
        }
    }
    None
}

#[cfg(test)]
mod tests;
