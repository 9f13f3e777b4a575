//! Writing a reply: the query's question as it stands, a new header before it,
//! the precomputed records after it, an OPT record last.

mod opt;

pub use opt::Opt;

use crate::{
    ask::{Ask, lanes, odd_lanes},
    decide::Chosen,
    host::Host,
    octets::{Octets, OctetsMut},
    outcome::Outcome,
    tables::{AnswerHead, Empty, Row, Tables},
};

/// The longest reply over UDP without EDNS, octets (RFC 1035 section 4.2.1).
pub const UDP_MAX: usize = 512;

/// The longest reply on a stream, octets (RFC 1035 section 4.2.2).
const STREAM_MAX: usize = 65_535;

// Octets 2 and 3 of the header, as a little-endian pair.
const QR: u16 = 0x80;
const TC: u16 = 0x02;
/// The lower four bits of BADVERS, 16, and BADCOOKIE, 23; and the upper eight of
/// both, which the OPT record has (RFC 6891 section 6.1.3).
const BADVERS_LOW: u16 = 0;
const BADCOOKIE_LOW: u16 = 7 << 8;
const BAD_HIGH: u8 = 1;

/// A reply that has been decided on: everything but the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The service's number, for its counter; [`Row::NO_SERVICE`] where there is none.
    pub service: u32,
    /// Offset of the first octet after the question.
    end: usize,
    /// ID and RD, in place in the header's first word.
    id_and_rd: u64,
    /// Sum over the question's octets.
    question_sum: u64,
    /// The answer's first cell, and its head; one of no records where the reply
    /// has none.
    cell: u32,
    head: AnswerHead,
    /// How much longer the name is than the one the records were written for, if
    /// they have pointers that move; and by how much these add to the sum for that.
    longer: usize,
    moved_sum: u64,
    opt: Opt,
}

impl Reply {
    /// The reply with the `chosen` records, or with TC where they do not fit
    /// (RFC 2181 section 9).
    ///
    /// ID and RD are the query's, everything but QR, AA, TC and RCODE is clear
    /// (RFC 1035 section 4.1.1, RFC 4035 section 3.1.6 for AD and CD).
    #[inline(always)]
    pub fn new(ask: &Ask, chosen: &Chosen, opt: Opt, host: &impl Host) -> Self {
        let mut head = chosen.head;
        let mut longer = 0;
        let mut moved_sum = 0;
        let len = ask.end() + head.len() + opt.len();
        // No limit is lower than that one.
        if len > UDP_MAX && len > limit(ask, host) {
            head = AnswerHead::without_records(head.flags() | TC, Empty::Truncated);
        } else if head.moves() {
            longer = ask.name_len.saturating_sub(head.name_len());
            let (even, odd) = AnswerHead::moving(chosen.moving);
            // A network-order pair that grows by n adds n to the second octet.
            moved_sum = longer as u64 * ((even as u64) << 8 | odd as u64);
        }
        Self {
            service: chosen.service,
            cell: chosen.cell,
            longer,
            moved_sum,
            ..Self::with_head(ask, head, opt)
        }
    }

    /// The reply to a query of another EDNS version than ours (RFC 6891 section
    /// 6.1.3): no options, since what that version says of them is not known.
    #[inline(always)]
    pub fn bad_version(ask: &Ask, host: &impl Host) -> Self {
        let mut opt = Opt::new(ask, host);
        opt.set_rcode_high(BAD_HIGH);
        let head = AnswerHead::without_records(QR | BADVERS_LOW, Empty::Error);
        Self::with_head(ask, head, opt)
    }

    /// This reply without records, so that the requester proves its address by a
    /// cookie (RFC 7873 section 5.2.3).
    #[inline(always)]
    #[must_use]
    pub fn bad_cookie(self, ask: &Ask) -> Self {
        let mut opt = self.opt;
        opt.set_rcode_high(BAD_HIGH);
        let head = AnswerHead::without_records(QR | BADCOOKIE_LOW, Empty::BadCookie);
        Self::with_head(ask, head, opt)
    }

    /// This reply without records and with TC, so that the requester proves its
    /// address by TCP.
    #[inline(always)]
    #[must_use]
    pub fn slipped(self, ask: &Ask) -> Self {
        let head = AnswerHead::without_records(self.head.flags() | TC, Empty::Slip);
        Self::with_head(ask, head, self.opt)
    }

    #[inline(always)]
    fn with_head(ask: &Ask, head: AnswerHead, opt: Opt) -> Self {
        Self {
            service: Row::NO_SERVICE,
            end: ask.end(),
            id_and_rd: ask.id_and_rd,
            question_sum: ask.sum,
            cell: 0,
            head,
            longer: 0,
            moved_sum: 0,
            opt,
        }
    }

    /// The same, of which the verifier knows nothing any more: one state for all
    /// replies that are seldom made.
    #[inline(always)]
    #[must_use]
    pub fn forgotten(self, message: &(impl Octets + ?Sized)) -> Self {
        Self {
            head: AnswerHead(
                message.forget_word(self.head.0),
                message.forget_word(self.head.1),
            ),
            opt: self.opt.forgotten(message),
            ..self
        }
    }

    /// What kind of answer it is.
    #[inline(always)]
    pub const fn outcome(&self) -> Outcome {
        self.head.outcome()
    }

    /// The header's first eight octets and the four after.
    #[inline(always)]
    const fn header(&self) -> (u64, u32) {
        let (first, second) = self.head.header();
        (first | self.id_and_rd, second + self.opt.count())
    }

    /// Length of the reply, octets.
    #[expect(clippy::len_without_is_empty, reason = "a reply has a header at least")]
    #[inline(always)]
    pub const fn len(&self) -> usize {
        self.end + self.head.len() + self.opt.len()
    }

    /// Offset of the first octet after the question, which stays as it was.
    #[inline(always)]
    pub const fn question_end(&self) -> usize {
        self.end
    }

    /// Sum over the reply's octets in 16-bit little-endian lanes, as the reply
    /// lies at an even offset.
    #[inline(always)]
    pub fn sum(&self) -> u64 {
        let records = u64::from(self.head.sum()) + self.moved_sum;
        let (first, second) = self.header();
        lanes(first)
            + u64::from(second)
            + self.question_sum
            + odd_lanes(records, self.end)
            + odd_lanes(self.opt.sum(), self.end + self.head.len())
    }

    /// Turns `message`, which holds the query and room for [`Reply::len`] octets,
    /// into the reply. `None` when the room or the tables are short of what was
    /// promised.
    #[inline(always)]
    pub fn write(
        &self,
        message: &mut (impl OctetsMut + ?Sized),
        tables: &impl Tables,
    ) -> Option<()> {
        let at = message.forget::<{ crate::ask::QUESTION_MAX }>(self.end);
        let (first, second) = self.header();
        message.put_header(first, second)?;
        let len = self.head.len();
        if len > SHORT_RECORDS_MAX || self.longer != 0 {
            message.put_long(self, at, tables)?;
        } else if len != 0 {
            self.write_short(message, at, tables)?;
        }
        if !self.opt.is_empty() {
            let at = message.forget::<OPT_AT_MAX>(at + len);
            self.opt.write(message, at)?;
        }
        Some(())
    }

    /// Writes records that all stand in the answer's first cell.
    #[inline(always)]
    fn write_short(
        &self,
        message: &mut (impl OctetsMut + ?Sized),
        at: usize,
        tables: &impl Tables,
    ) -> Option<()> {
        let len = self.head.len();
        let line = tables.answer(self.cell)?;
        let words = &line.0[AnswerHead::WORDS..];
        // Spelt out: in the kernel words at offsets known ahead take one check.
        match len / 8 {
            0 => {}
            1 => message.put_words::<8>(at, words)?,
            2 => message.put_words::<16>(at, words)?,
            3 => message.put_words::<24>(at, words)?,
            4 => message.put_words::<32>(at, words)?,
            5 => message.put_words::<40>(at, words)?,
            _ => return message.put_words::<48>(at, words),
        }
        let rest = len & 7;
        if rest != 0 {
            let whole = message.forget::<{ SHORT_RECORDS_MAX / 8 - 1 }>(len / 8);
            let last = line.0[AnswerHead::WORDS + whole & 7].load();
            put_rest(message, at + 8 * whole, last, rest)?;
        }
        Some(())
    }

    /// The answer's first cell, octets of its records, and by how much its moving
    /// pointers grow: what [`write_records`] takes.
    #[inline(always)]
    pub const fn records(&self) -> (u32, usize, usize) {
        (self.cell, self.head.len(), self.longer)
    }

    /// Writes records of any length, and moves their pointers.
    #[inline(always)]
    pub fn write_long(
        &self,
        message: &mut (impl OctetsMut + ?Sized),
        at: usize,
        tables: &impl Tables,
    ) -> Option<()> {
        write_records(self.cell, self.head.len(), self.longer, message, at, tables)
    }
}

/// The most octets of records that stand in one cell with their head.
const SHORT_RECORDS_MAX: usize = 8 * (8 - AnswerHead::WORDS);

/// Writes at `at` the `len` octets of records of the answer in `cell`, with their
/// moving pointers larger by `longer`.
#[inline(always)]
pub fn write_records(
    cell: u32,
    len: usize,
    longer: usize,
    message: &mut (impl OctetsMut + ?Sized),
    at: usize,
    tables: &impl Tables,
) -> Option<()> {
    // A copy to count by: what the verifier learns of it differs by its value.
    let words = message.forget::<{ AnswerHead::LEN_MAX / 8 }>(len / 8);
    let first = cell;
    let mut cell = cell;
    let mut line = tables.answer(cell)?;
    let mut slot = AnswerHead::WORDS;
    for index in 0..AnswerHead::LEN_MAX / 8 {
        if index >= words {
            break;
        }
        message.put_word(at + 8 * index, line.0[slot & 7].load())?;
        slot += 1;
        if slot == 8 {
            // The last cell of all has none after it.
            if len <= 8 * (index + 1) {
                break;
            }
            slot = 0;
            cell += 1;
            line = tables.answer(cell)?;
        }
    }
    let rest = message.forget::<7>(len & 7);
    let last = message.forget::<OPT_AT_MAX>(at + (len & !7));
    put_rest(message, last, line.0[slot & 7].load(), rest)?;
    if longer != 0 {
        move_pointers(first, len, longer, message, at, tables)?;
    }
    Some(())
}

/// Adds what the name is longer to each pointer past it.
#[inline(always)]
fn move_pointers(
    cell: u32,
    len: usize,
    longer: usize,
    message: &mut (impl OctetsMut + ?Sized),
    at: usize,
    tables: &impl Tables,
) -> Option<()> {
    let list = AnswerHead::moving_at(len);
    let pairs = |number: usize| {
        let number = list + number / 4;
        Some(tables.answer(cell + (number / 8) as u32)?.0[number & 7].load())
    };
    let (even, odd) = AnswerHead::moving(pairs(0)?);
    for index in 1..=AnswerHead::MOVING_MAX {
        if index > even + odd {
            break;
        }
        let place = (pairs(index)? >> (16 * (index & 3))) as u16;
        let place = message.forget::<{ AnswerHead::LEN_MAX }>(usize::from(place));
        message.add_pair(at + place, longer as u16)?;
    }
    Some(())
}

/// Where an OPT record can start at most.
const OPT_AT_MAX: usize = crate::ask::QUESTION_MAX + AnswerHead::LEN_MAX;

/// Writes the first `octets` (0 to 7) octets of `word` at `at`.
#[inline(always)]
fn put_rest(
    message: &mut (impl OctetsMut + ?Sized),
    at: usize,
    word: u64,
    octets: usize,
) -> Option<()> {
    let (mut at, mut word) = (at, word);
    if octets & 4 != 0 {
        message.put_half(at, word as u32)?;
        word >>= 32;
        at += 4;
    }
    if octets & 2 != 0 {
        message.put_pair(at, word as u16)?;
        word >>= 16;
        at += 2;
    }
    if octets & 1 != 0 {
        message.put_octet(at, word as u8)?;
    }
    Some(())
}

/// Octets the reply may have (RFC 6891 section 6.2.5).
#[inline(always)]
fn limit(ask: &Ask, host: &impl Host) -> usize {
    if host.is_stream() {
        STREAM_MAX
    } else if ask.edns.is_present() {
        usize::from(ask.edns.payload().min(host.payload())).max(UDP_MAX)
    } else {
        UDP_MAX
    }
}

/// The 16-bit ones' complement sum (RFC 1071) of lanes added up in `sum`, which is
/// less than 2^47: a message has not a thousandth of the words for that.
#[inline(always)]
pub const fn fold_sum(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    // Less than 2^32 + 2^15, so that the last carry leaves nothing to carry.
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// Whether the ones' complement sum of lanes added up in `sum`, not 0, is "negative
/// zero", as it is over a header with its right checksum (RFC 1071): `sum` is a
/// multiple of 2^16 - 1, which one multiplication by that number's inverse tells.
#[inline(always)]
pub const fn is_intact(sum: u64) -> bool {
    const INVERSE: u64 = 0xfffe_fffe_fffe_ffff;
    const { assert!(INVERSE.wrapping_mul(0xffff) == 1) };
    sum.wrapping_mul(INVERSE) <= u64::MAX / 0xffff
}

#[cfg(test)]
mod tests;
