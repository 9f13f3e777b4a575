//! From a name to what the tables have at it, or above it.

use crate::{
    ask::{Ask, HEADER},
    host::Host,
    name::{self, LABELS_MAX, NAME_MAX, coarse, fold, mix},
    octets::Octets,
    outcome::{OrStop as _, Outcome, stop},
    tables::{Generation, Row, Tables, bucket},
};

/// Steps after which bisecting [`LABELS_MAX`] ancestors has ended.
const BISECTIONS: usize = LABELS_MAX.ilog2() as usize + 1;

/// The row of exactly this name; `None` where there is none in the tables. Of two that
/// the index does not tell apart one may be there, and the full server knows the other.
#[inline(always)]
pub fn exact(
    message: &(impl Octets + ?Sized),
    ask: &Ask,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Result<Option<Row>, Outcome> {
    let Some(cell) = candidate(ask.hash, tables, generation) else {
        return Ok(None);
    };
    let line = tables.name(cell).or_stop(Outcome::UpNoAnswer)?;
    let row = Row::load(line);
    if row.is_plain(ask.name_len) {
        let words = ask.words.iter().zip(&line.0[Row::WORDS..]);
        let different = words.fold(0, |different, (word, slot)| {
            different | (word ^ slot.load())
        });
        if different == 0 {
            return Ok(Some(row));
        }
    }
    let row = host.compare(message, ask.name_len, cell, tables);
    row.map(Some).or_stop(Outcome::UpNoAnswer)
}

/// The row of the closest ancestor of the name of `name_len` octets that is in the
/// tables (RFC 4592 section 3.3.1), for a name that is not.
///
/// Every ancestor of a name in the tables is there as well, up to the root, so
/// the closest one is found by bisecting. On the way a tag counts as the name;
/// the one that is left is compared whole.
#[inline(always)]
pub fn closest_encloser(
    message: &(impl Octets + ?Sized),
    name_len: usize,
    tables: &impl Tables,
    generation: &Generation,
    host: &impl Host,
) -> Result<Row, Outcome> {
    let labels = walk(message, name_len, host).or_stop(Outcome::UpQuestion)?;
    hash_words(message, name_len, generation, host).or_stop(Outcome::UpQuestion)?;

    if labels == 0 {
        return stop(Outcome::UpUnknownName);
    }
    let (mut low, mut high) = (1, labels);
    for _ in 0..BISECTIONS {
        if low >= high {
            break;
        }
        let middle = usize::midpoint(low, high);
        let at = usize::from(host.label(middle));
        let hash = ancestor_hash(message, name_len, at, host).or_stop(Outcome::UpQuestion)?;
        if candidate(hash, tables, generation).is_some() {
            high = middle;
        } else {
            low = middle + 1;
        }
        low = message.forget::<LABELS_MAX>(low);
        high = message.forget::<LABELS_MAX>(high);
    }
    let at = usize::from(host.label(low));
    let hash = ancestor_hash(message, name_len, at, host).or_stop(Outcome::UpQuestion)?;
    let cell = candidate(hash, tables, generation).or_stop(Outcome::UpUnknownName)?;
    let at = message.forget::<NAME_MAX>(at);
    if at >= name_len {
        return stop(Outcome::UpUnknownName);
    }
    let len = message.forget::<NAME_MAX>(name_len - at);
    compare(message, HEADER + at, len, cell, tables).or_stop(Outcome::UpUnknownName)
}

/// Remembers where the labels of the name start; the root's number, which is how
/// many there are. `None` where the name is not well-formed.
#[inline(always)]
pub fn walk(message: &(impl Octets + ?Sized), name_len: usize, host: &impl Host) -> Option<usize> {
    /// Longest label, octets (RFC 1035 section 2.3.4).
    const LABEL_MAX: usize = 63;

    // A copy to compare with, as in `ask`.
    let name_len = message.forget::<NAME_MAX>(name_len);
    let mut at = 0;
    for index in 0..=LABELS_MAX {
        host.set_label(index, at as u8);
        let len = usize::from(message.octet(HEADER + at)?);
        let next = at + 1 + len;
        if len == 0 {
            return (next == name_len).then(|| message.forget::<LABELS_MAX>(index));
        }
        if len > LABEL_MAX || next >= name_len {
            return None;
        }
        at = message.forget::<NAME_MAX>(next);
    }
    None
}

/// Remembers the hash of the name's last words, for each number of them.
#[inline(always)]
fn hash_words(
    message: &(impl Octets + ?Sized),
    name_len: usize,
    generation: &Generation,
    host: &impl Host,
) -> Option<()> {
    // A copy to count by, as in `ask`.
    let len = message.forget::<NAME_MAX>(name_len);
    let mut hash = generation.seed;
    host.set_hash(0, hash);
    for index in 0..NAME_MAX / 8 {
        if len < 8 * (index + 1) {
            break;
        }
        hash = mix(hash, coarse(name::word(message, HEADER, len, index)?));
        host.set_hash(index + 1, hash);
    }
    Some(())
}

/// The hash of the ancestor that starts `at` octets after the name's start.
#[inline(always)]
fn ancestor_hash(
    message: &(impl Octets + ?Sized),
    name_len: usize,
    at: usize,
    host: &impl Host,
) -> Option<u64> {
    let len = message.forget::<NAME_MAX>(name_len.checked_sub(at)?);
    let hash = host.hash(len >> 3);
    if len & 7 == 0 {
        return Some(hash);
    }
    Some(mix(hash, coarse(name::rest(message, HEADER + at, len)?)))
}

/// The cell of the name that has `hash`, if any has: one with its tag.
#[inline(always)]
fn candidate(hash: u64, tables: &impl Tables, generation: &Generation) -> Option<u32> {
    let (first, second, tag) = bucket::places(hash, generation.bucket_mask);
    bucket::search(tables.bucket(generation.bucket_base + first)?, tag)
        .or_else(|| bucket::search(tables.bucket(generation.bucket_base + second)?, tag))
}

/// The row that starts in `cell`, if its name is the `len` octets at `start`,
/// however many these are.
#[inline(always)]
pub fn compare(
    message: &(impl Octets + ?Sized),
    start: usize,
    len: usize,
    cell: u32,
    tables: &impl Tables,
) -> Option<Row> {
    let mut cell = cell;
    let mut line = tables.name(cell)?;
    let row = Row::load(line);
    if row.name_len() != len {
        return None;
    }
    // A copy to count by, as in `ask`.
    let len = message.forget::<NAME_MAX>(len);
    let mut slot = Row::WORDS;
    for index in 0..NAME_MAX / 8 {
        if len < 8 * (index + 1) {
            break;
        }
        if line.0[slot & 7].load() != fold(name::word(message, start, len, index)?) {
            return None;
        }
        slot += 1;
        if slot == 8 {
            // The last cell of all has none after it.
            if len <= 8 * (index + 1) {
                break;
            }
            slot = 0;
            cell += 1;
            line = tables.name(cell)?;
        }
    }
    if len & 7 != 0 {
        let stored = line.0[message.forget::<7>(slot & 7)].load();
        if stored != fold(name::rest(message, start, len)?) {
            return None;
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests;
