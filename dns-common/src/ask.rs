//! Reading a query: the header, one question, and at most an OPT record.
//!
//! The labels are not walked. A name is looked up whole, length octets
//! included, and only well-formed names are in the table, so whatever is not a
//! well-formed name (compression pointers among it) is simply not found. What
//! is said of names that are not found needs [`crate::find::Labels`] first.

mod edns;
mod last_option;

pub use crate::name::lanes;
pub use edns::{Cookie, Edns, OPT_FIXED, Subnet, Wanted, options};
pub use last_option::LastOption;

use crate::{
    host::Host,
    name::{self, NAME_MAX, NAME_WORDS, SHORT_MAX, SHORT_WORDS, first_zero},
    octets::{Ending as _, Octets, Records},
    outcome::{OrStop as _, Outcome, stop},
};

/// Length of a DNS header, octets (RFC 1035 section 4.1.1).
pub const HEADER: usize = 12;

/// QTYPE and QCLASS after the name, octets.
pub const TYPE_AND_CLASS: usize = 4;

/// Octets of a query with an OPT record before that, the name's not counted.
const BEFORE_OPT: usize = HEADER + TYPE_AND_CLASS;

/// Longest query the fast path reads, octets: more than any Ethernet frame of
/// 1500 holds.
pub const QUERY_MAX: usize = 2047;

/// Where a question can end at most.
pub const QUESTION_MAX: usize = HEADER + NAME_MAX + TYPE_AND_CLASS;

// The first word of a message, octet n at bits 8n: ID, flags, QDCOUNT, ANCOUNT.
const QR: u64 = 0x80 << 16;
const OPCODE: u64 = 0x78 << 16;
const TC: u64 = 0x02 << 16;
const RD: u64 = 0x01 << 16;
const QDCOUNT: u64 = 0xffff << 32;
const QDCOUNT_ONE: u64 = 0x0100 << 32;
const ANCOUNT: u64 = 0xffff << 48;
// The four octets after it: NSCOUNT, ARCOUNT.
const NSCOUNT: u32 = 0xffff;
/// NSCOUNT 0 and ARCOUNT 1, octets as a little-endian half.
pub const ARCOUNT_ONE: u32 = 0x0100 << 16;

// QTYPE and QCLASS as the four octets after the name.
const CLASS: u32 = 0xffff_0000;
const CLASS_IN: u32 = 0x0100_0000;

/// RR types with a meaning of their own here (IANA DNS parameters).
pub mod rtype {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// OPT pseudo-RR, no type to ask for.
    pub const OPT: u16 = 41;
    /// The first of the query and meta types (RFC 6895 section 3.1).
    pub const META: u16 = 128;
    /// Any type (RFC 8482), the one meta type that is answered like others.
    pub const ANY: u16 = 255;
}

/// What the fast path understood of a query: one question in class IN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Length of the name in wire form, the root label included: 1 to 255.
    pub name_len: usize,
    /// The name from its end, [coarse](name::coarse), zeros before its start, where it
    /// is no longer than [`SHORT_MAX`]; else nothing.
    pub words: [u64; SHORT_WORDS],
    /// Hash of the name, as [`name::Read::hash`].
    pub hash: u64,
    /// QTYPE: one that can have records, or ANY.
    pub rtype: u16,
    /// ID and RD of the query, in place in the message's first word.
    pub id_and_rd: u64,
    /// Sum over the question's octets in 16-bit little-endian lanes, for
    /// [`crate::reply::fold_sum`].
    pub sum: u64,
    /// What the OPT record says.
    pub edns: Edns,
}

impl Ask {
    /// Offset of the first octet after the question.
    #[inline(always)]
    pub const fn end(&self) -> usize {
        HEADER + self.name_len + TYPE_AND_CLASS
    }
}

/// Reads a query for one record set in class IN, with those options that are
/// `wanted`; `Err` says what else the message is.
#[inline(always)]
pub fn ask<M: Octets + ?Sized>(
    message: &M,
    seed: u64,
    wanted: Wanted,
    host: &impl Host,
) -> Result<Ask, Outcome> {
    /// Octets of the shortest query.
    const LEAST: usize = HEADER + 1 + TYPE_AND_CLASS;

    let len = message.len();
    // Of a record whose length is known.
    let record = match M::RECORDS {
        Records::None | Records::Any => 0,
        _ => OPT_FIXED + known_options(message),
    };
    let most = match M::RECORDS {
        Records::Any => QUERY_MAX,
        _ => QUESTION_MAX + record,
    };
    let least = LEAST + record;
    let is_within = len.wrapping_sub(least) <= most - least;
    if !is_within && !matches!(M::RECORDS, Records::None if (most..=QUERY_MAX).contains(&len)) {
        return Err(match M::RECORDS {
            Records::None | Records::Any => Outcome::UpLength,
            Records::EmptyOpt | Records::Option(_) | Records::Ignored => Outcome::UpOpt,
        });
    }
    let (head, counts) = message.header().or_stop(Outcome::UpLength)?;
    if head & (QR | OPCODE | TC | QDCOUNT | ANCOUNT) != QDCOUNT_ONE {
        return unusual(head);
    }
    if !is_within {
        return stop(Outcome::UpQuestion);
    }
    let counts = match M::RECORDS {
        Records::None => 0,
        Records::EmptyOpt | Records::Option(_) | Records::Ignored => ARCOUNT_ONE,
        Records::Any => counts,
    };
    let name_len = match counts {
        // Without other records the question ends with the message. That the
        // name does is then seen when it is compared or its labels are walked.
        0 => len - HEADER - TYPE_AND_CLASS,
        // So it does where a record of known length ends the message.
        ARCOUNT_ONE if record != 0 => len - BEFORE_OPT - record,
        ARCOUNT_ONE => {
            let name_len = match name_len_before_opt(message) {
                Some(name_len) => name_len,
                None => name_len(message).or_stop(Outcome::UpQuestion)?,
            };
            // Behind the message a frame may have padding, which is not read as its.
            if len < HEADER + name_len + TYPE_AND_CLASS + OPT_FIXED {
                return stop(Outcome::UpQuestion);
            }
            name_len
        }
        _ if counts & NSCOUNT != 0 => return stop(Outcome::UpRecords),
        _ => return stop(Outcome::UpAdditional),
    };
    if matches!(M::RECORDS, Records::Any) && name_len > NAME_MAX {
        return stop(Outcome::UpQuestion);
    }
    let name_len = message.offset(name_len);
    // A copy to count by: what the verifier learns of it differs by its value.
    let count = message.forget::<NAME_MAX>(name_len);
    let end = HEADER + name_len;
    let ending = message.ending(end).or_stop(Outcome::UpQuestion)?;
    let (words, read) = if count <= SHORT_MAX {
        name::short(&ending, name_len, count, seed)
    } else {
        let read = host.long_name(message, name_len, seed);
        ([0; SHORT_WORDS], read.or_stop(Outcome::UpQuestion)?)
    };
    let type_and_class = ending.after();
    let edns = if counts == 0 {
        Edns::ABSENT
    } else {
        edns::edns(message, end + TYPE_AND_CLASS, wanted, host)?
    };
    if type_and_class & CLASS != CLASS_IN {
        return stop(Outcome::UpClass);
    }
    let rtype = (type_and_class as u16).swap_bytes();
    // Most are asked for addresses.
    if !matches!(rtype, rtype::A | rtype::AAAA)
        && matches!(rtype, 0 | rtype::OPT | rtype::META..rtype::ANY)
    {
        return stop(Outcome::UpType);
    }
    let name_len = message.forget_name_len(name_len);
    let end = HEADER + name_len;
    // At an odd offset every octet changes its place in the 16-bit lanes. The
    // words were taken from the name's end, which is where QTYPE starts.
    let sum = read.sum + u64::from(type_and_class);
    Ok(Ask {
        name_len,
        words,
        hash: read.hash,
        rtype,
        id_and_rd: head & (0xffff | RD),
        sum: odd_lanes(sum, end),
        edns,
    })
}

/// What is wrong with a header for the fast path.
#[inline(always)]
fn unusual<T>(head: u64) -> Result<T, Outcome> {
    if head & QR != 0 {
        return stop(Outcome::UpResponse);
    }
    if head & (OPCODE | TC) != 0 {
        return stop(Outcome::UpOpcode);
    }
    if head & QDCOUNT != QDCOUNT_ONE {
        return stop(Outcome::UpQuestionCount);
    }
    stop(Outcome::UpRecords)
}

/// Octets of the options of a message of which they are known ahead.
#[inline(always)]
fn known_options<M: Octets + ?Sized>(message: &M) -> usize {
    match M::RECORDS {
        Records::Option(option) => option.octets(),
        Records::Ignored => message.ignored(),
        Records::None | Records::EmptyOpt | Records::Any => 0,
    }
}

/// The length of the name of a message that ends as with an OPT record without options, or
/// with a [`LastOption`] alone, and that a name fits before. What seems to be one is most
/// likely one: else the name that comes out is not well-formed, and the full server looks
/// again.
#[inline(always)]
fn name_len_before_opt(message: &(impl Octets + ?Sized)) -> Option<usize> {
    let last = message.last_words()?;
    let options = if ends_with_zeros(last) {
        0
    } else {
        LastOption::of(last)?.octets()
    };
    let record = OPT_FIXED + options;
    let name_len = message.len().wrapping_sub(BEFORE_OPT + record);
    if name_len.wrapping_sub(1) >= NAME_MAX {
        return None;
    }
    let at = message.offset(message.len() - record);
    let (head, rest) = message.opt(at)?;
    edns::is_opt(head, rest, options).then_some(name_len)
}

/// Whether of these octets, as [`Octets::last_words`] has them, the last two are 0: as the
/// length of no options is, the last field of the OPT record.
#[inline(always)]
pub const fn ends_with_zeros(last: [u64; 4]) -> bool {
    last[3] >> 48 == 0
}

/// The length of the name after the header, by its first zero octet, which ends
/// it if it is well-formed; `None` when there is none within [`NAME_MAX`] octets
/// and the message.
#[inline(always)]
fn name_len(message: &(impl Octets + ?Sized)) -> Option<usize> {
    for index in 0..NAME_WORDS {
        // Whatever comes after a name in a message that is whole: QTYPE, QCLASS
        // and OPT are longer than a word.
        if let Some(octet) = first_zero(message.word(HEADER + 8 * index)?) {
            return Some(message.forget::<{ 8 * NAME_WORDS }>(8 * index + octet + 1));
        }
    }
    None
}

/// `sum` over octets from offset `at` on, as part of a sum from an even offset:
/// from an odd one every octet counts in the other half of its lane.
#[inline(always)]
pub const fn odd_lanes(sum: u64, at: usize) -> u64 {
    sum << ((at as u64 & 1) << 3)
}

#[cfg(test)]
mod tests;
