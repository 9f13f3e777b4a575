//! Writing a reply: the query's question as it stands, a new header before it,
//! the precomputed records after it.

use crate::{
    ask::{Ask, lanes},
    decide::Chosen,
    octets::OctetsMut,
    tables::{AnswerHead, Tables},
};

/// The longest reply over UDP without EDNS, octets (RFC 1035 section 4.2.1).
pub const UDP_MAX: usize = 512;

/// QR and AA as octet 2 of the message.
const RESPONSE_AND_AUTHORITATIVE: u64 = 0x84 << 16;
/// QDCOUNT 1 as octets 4 and 5.
const ONE_QUESTION: u64 = 0x0100 << 32;

/// The header of the reply to `ask`: its first eight octets and the four after.
///
/// ID and RD are the query's; QR and AA are set; everything else is clear
/// (RFC 1035 section 4.1.1, RFC 4035 section 3.1.6 for AD and CD).
#[inline(always)]
pub const fn header(ask: &Ask, head: &AnswerHead) -> (u64, u32) {
    (
        ask.id_and_rd
            | RESPONSE_AND_AUTHORITATIVE
            | ONE_QUESTION
            | (head.ancount().swap_bytes() as u64) << 48,
        head.nscount_arcount(),
    )
}

/// Length of the reply, octets.
#[inline(always)]
pub const fn len(ask: &Ask, head: &AnswerHead) -> usize {
    ask.end() + head.len()
}

/// Turns `message`, which holds the query and room for [`len`] octets, into the
/// reply. `None` when the room or the tables are short of what was promised.
#[inline(always)]
pub fn write(
    message: &mut (impl OctetsMut + ?Sized),
    ask: &Ask,
    chosen: &Chosen,
    tables: &impl Tables,
) -> Option<()> {
    let (first, second) = header(ask, &chosen.head);
    message.put_word(0, first)?;
    message.put_half(8, second)?;

    let mut at = ask.end();
    let mut cell = chosen.cell;
    let mut line = tables.answer(cell)?;
    let mut slot = AnswerHead::WORDS;
    let len = chosen.head.len();
    for _ in 0..=AnswerHead::LEN_MAX / 8 {
        // Only for what is still to come: the last cell of all has none after it.
        if slot == 8 && at < ask.end() + len {
            slot = 0;
            cell += 1;
            line = tables.answer(cell)?;
        }
        if at + 8 > ask.end() + len {
            break;
        }
        message.put_word(at, line.0[slot & 7].load())?;
        at += 8;
        slot += 1;
    }
    let mut rest = line.0[slot & 7].load();
    if len & 4 != 0 {
        message.put_half(at, rest as u32)?;
        rest >>= 32;
        at += 4;
    }
    if len & 2 != 0 {
        message.put_pair(at, rest as u16)?;
        rest >>= 16;
        at += 2;
    }
    if len & 1 != 0 {
        message.put_octet(at, rest as u8)?;
    }
    Some(())
}

/// Sum over the reply's octets in 16-bit little-endian lanes, as the reply lies
/// at an even offset.
#[inline(always)]
pub const fn sum(ask: &Ask, head: &AnswerHead) -> u64 {
    let (first, second) = header(ask, head);
    // Records that start at an odd offset count with their octets swapped.
    let odd = (ask.name_len as u64 & 1) << 3;
    lanes(first) + second as u64 + ask.sum + ((head.sum() as u64) << odd)
}

/// The 16-bit ones' complement sum (RFC 1071) of lanes added up in `sum`.
#[inline(always)]
pub const fn fold_sum(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

#[cfg(test)]
mod tests;
