//! The OPT record of a reply (RFC 6891), with what the query's options are
//! answered with.

use crate::{
    ask::{Ask, OPT_FIXED, Subnet, lanes},
    host::Host,
    octets::{Octets, OctetsMut},
    reply::OPT_AT_MAX,
};

/// Octets of a COOKIE option with client and server cookie.
const COOKIE: usize = 28;
/// Its code and length, 10 and 24 (RFC 7873 section 4), as little-endian octets.
const COOKIE_HEADER: u32 = 0x1800_0a00;

/// Octets of a CLIENT-SUBNET option before the address.
const SUBNET_FIXED: usize = 8;

/// Octets 0 to 4 of the record: the root, TYPE 41, the payload size still 0.
const ROOT_AND_TYPE: u64 = 0x29_0000;
/// DO, the highest of the flags in octets 7 and 8.
const DNSSEC_OK: u64 = 0x80 << 56;
/// Where the RCODE's upper bits stand, octet 5.
const RCODE_SHIFT: u32 = 40;

/// An OPT record to be written; octets as little-endian words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// Bits 0–15 the length of all of it, 0 for none; 16–31 octets of the
    /// client subnet's address; 32 and 33 [`HAS_COOKIE`] and [`HAS_SUBNET`]; 40–47 the
    /// upper eight bits of the RCODE; 63 [`DNSSEC_OK`]. One word, so that the verifier
    /// can forget all of it at once.
    word: u64,
    /// Our payload size, octets.
    payload: u16,
    /// Client and server cookie.
    cookie: [u64; 3],
    /// The octets before the client subnet's address, and the address.
    subnet: [u64; 3],
}

const HAS_COOKIE: u64 = 1 << 32;
const HAS_SUBNET: u64 = 1 << 33;

impl Opt {
    /// Length of the longest record, octets.
    pub const MAX: usize = OPT_FIXED + COOKIE + SUBNET_FIXED + 16;

    /// No record.
    pub const NONE: Self = Self {
        word: 0,
        payload: 0,
        cookie: [0; 3],
        subnet: [0; 3],
    };

    /// The record without options, or none where `ask` has none: our payload
    /// size, version 0, DO as asked (RFC 3225 section 3).
    #[inline(always)]
    pub fn new(ask: &Ask, host: &impl Host) -> Self {
        let dnssec_ok = if ask.edns.dnssec_ok() { DNSSEC_OK } else { 0 };
        let len = if ask.edns.is_present() { OPT_FIXED } else { 0 };
        Self {
            word: len as u64 | dnssec_ok,
            payload: host.payload(),
            cookie: [0; 3],
            subnet: [0; 3],
        }
    }

    /// Sets the upper eight bits of the RCODE.
    #[inline(always)]
    pub const fn set_rcode_high(&mut self, high: u8) {
        self.word |= (high as u64) << RCODE_SHIFT;
    }

    /// Adds a COOKIE option.
    #[inline(always)]
    pub const fn add_cookie(&mut self, client: u64, server: (u64, u64)) {
        self.cookie = [client, server.0, server.1];
        self.word += HAS_COOKIE + COOKIE as u64;
    }

    /// Adds the query's CLIENT-SUBNET option with `scope` (RFC 7871 section 7.2.1).
    #[inline(always)]
    pub const fn add_subnet(&mut self, subnet: &Subnet, scope: u8) {
        let octets = (subnet.source_len as u64).div_ceil(8);
        let (first, second) = subnet.words;
        let len = (SUBNET_FIXED - 4) as u64 + octets;
        let fixed = 8 << 8
            | len << 24
            | (subnet.family as u64) << 40
            | (subnet.source_len as u64) << 48
            | (scope as u64) << 56;
        self.subnet = [fixed, first, second];
        self.word += HAS_SUBNET + (octets << 16) + SUBNET_FIXED as u64 + octets;
    }

    /// The same, of which the verifier knows nothing any more.
    #[inline(always)]
    #[must_use]
    pub fn forgotten(self, message: &(impl Octets + ?Sized)) -> Self {
        Self {
            word: message.forget_word(self.word),
            ..self
        }
    }

    /// What it adds to NSCOUNT and ARCOUNT, octets as a little-endian word.
    #[inline(always)]
    pub const fn count(&self) -> u32 {
        // In a reply of 1500 octets the first octet of ARCOUNT is 0.
        if self.is_empty() { 0 } else { 1 << 24 }
    }

    #[inline(always)]
    const fn cookie(&self) -> Option<[u64; 3]> {
        if self.word & HAS_COOKIE == 0 {
            None
        } else {
            Some(self.cookie)
        }
    }

    #[inline(always)]
    const fn subnet(&self) -> Option<[u64; 3]> {
        if self.word & HAS_SUBNET == 0 {
            None
        } else {
            Some(self.subnet)
        }
    }

    /// Length of the record, octets; 0 where there is none.
    #[inline(always)]
    pub const fn len(&self) -> usize {
        (self.word & 0x7f) as usize
    }

    /// Whether there is no record.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets 0 to 7.
    #[inline(always)]
    const fn fixed(&self) -> u64 {
        ROOT_AND_TYPE
            | (self.payload.swap_bytes() as u64) << 24
            | self.word & (DNSSEC_OK | 0xff << RCODE_SHIFT)
    }

    /// Octets 7 to 10: DO, the other flags, and the length of the options.
    #[inline(always)]
    const fn rest(&self) -> u32 {
        let options = (self.len() - OPT_FIXED) as u16;
        (self.word >> 56) as u32 & 0x80 | (options.swap_bytes() as u32) << 16
    }

    /// Sum over the record's octets in little-endian lanes.
    #[inline(always)]
    pub fn sum(&self) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let mut options = 0;
        if let Some([client, first, second]) = self.cookie() {
            options += u64::from(COOKIE_HEADER) + lanes(client) + lanes(first) + lanes(second);
        }
        if let Some([fixed, first, second]) = self.subnet() {
            options += lanes(fixed) + lanes(first) + lanes(second);
        }
        // Options start at an odd offset of the record; each has an even length
        // but perhaps the last.
        lanes(self.fixed()) + u64::from(self.rest() >> 8) + (options << 8)
    }

    /// Writes the record at `at`.
    #[inline(always)]
    pub fn write(&self, message: &mut (impl OctetsMut + ?Sized), at: usize) -> Option<()> {
        message.put_opt(at, self.fixed(), self.rest())?;
        let mut at = at + OPT_FIXED;
        if let Some(cookies) = self.cookie() {
            message.put_half_and_words(at, COOKIE_HEADER, cookies)?;
            at += COOKIE;
        }
        if let Some(words) = self.subnet() {
            self.write_subnet(message, at, words)?;
        }
        Some(())
    }

    /// Writes the CLIENT-SUBNET option at `at`.
    #[inline(always)]
    fn write_subnet(
        &self,
        message: &mut (impl OctetsMut + ?Sized),
        at: usize,
        [fixed, first, second]: [u64; 3],
    ) -> Option<()> {
        message.put_word(at, fixed)?;
        let octets = (self.word >> 16 & 0x1f) as usize;
        // The last word ends where the option does, whatever it takes of the one before.
        let last = message.forget::<LAST_AT_MAX>(at + octets);
        if octets < 8 {
            return message.put_word(last, tail(fixed, first, octets));
        }
        message.put_word(at + SUBNET_FIXED, first)?;
        match octets {
            16 => message.put_word(last, second),
            _ => message.put_word(last, tail(first, second, octets - 8)),
        }
    }
}

/// Where the last word of a CLIENT-SUBNET option can start at most.
const LAST_AT_MAX: usize = OPT_AT_MAX + Opt::MAX;

/// The last eight of the octets that `word` and the first `octets` (0 to 7) of `next` are.
#[inline(always)]
const fn tail(word: u64, next: u64, octets: usize) -> u64 {
    word >> (8 * octets) | next << 1 << (63 - 8 * octets)
}
