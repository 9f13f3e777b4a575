//! The OPT record of a query (RFC 6891) and the options the fast path knows.

use super::{QUERY_MAX, known_options};
use crate::{
    host::{ClientSubnet, Host},
    octets::{Octets, Records},
    outcome::{OrStop as _, Outcome, stop},
    tables::Source,
};

/// Octets of an OPT record before its options.
pub const OPT_FIXED: usize = 11;

/// Options read of one query; one with more goes up.
const OPTIONS_MAX: usize = 8;

/// Octets of an option's code and length.
pub(super) const OPTION_HEADER: usize = 4;

// The OPT record's first three octets: the root, TYPE 41.
const OPT: u64 = 0x29_0000;
const OPT_MASK: u64 = 0xff_ffff;
/// DO, the highest of the flags, in the half from octet 7 on.
const DNSSEC_OK_SHIFT: u32 = 7;

// Option codes (IANA DNS EDNS0 option codes).
const NSID: u16 = 3;
const SUBNET: u16 = 8;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;

/// Octets of a client cookie (RFC 7873 section 4).
pub(super) const CLIENT_COOKIE: usize = 8;
/// Octets of a COOKIE option with a server cookie of RFC 9018.
pub(super) const FULL_COOKIE: usize = 24;
/// Octets a COOKIE option with any server cookie can have.
const COOKIES: core::ops::RangeInclusive<usize> = 16..=40;

/// FAMILY, SOURCE and SCOPE PREFIX-LENGTH (RFC 7871 section 6), octets.
pub(super) const SUBNET_FIXED: usize = 4;
/// Octets of a CLIENT-SUBNET option with a whole IPv6 address.
const SUBNET_MAX: usize = SUBNET_FIXED + 16;

/// What a query's OPT record says: bits 0–3 flags (below), 8–15 the EDNS version,
/// 16–26 where the cookie stands, 27 whether it is a full one of RFC 9018, 32–47
/// the payload size, 48–58 where the client subnet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns(u64);

/// Which options are read; others are as unknown as any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// COOKIE.
    pub cookie: bool,
    /// CLIENT-SUBNET.
    pub subnet: bool,
}

impl Wanted {
    /// All of them.
    pub const ALL: Self = Self {
        cookie: true,
        subnet: true,
    };

    /// None of them.
    pub const NONE: Self = Self {
        cookie: false,
        subnet: false,
    };

    /// Those that `host` has a use for.
    #[inline(always)]
    pub fn by(host: &impl Host) -> Self {
        Self {
            cookie: host.cookies(),
            subnet: host.client_subnet() != ClientSubnet::Off,
        }
    }
}

/// A COOKIE option (RFC 7873), octets as little-endian words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The client cookie.
    pub client: u64,
    /// The server cookie; zeros where there is none of RFC 9018's length.
    pub server: (u64, u64),
}

/// A CLIENT-SUBNET option (RFC 7871).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// FAMILY: 1 for IPv4, 2 for IPv6; 0, with which some ask for no use of their
    /// address, only with a `source_len` of 0.
    pub family: u8,
    /// SOURCE PREFIX-LENGTH.
    pub source_len: u8,
    /// The octets of the address as little-endian words, zeros after the prefix.
    pub words: (u64, u64),
}

impl Cookie {
    /// Reads the option whose `len` octets stand at `at` (4 or more) in `message`.
    pub fn read(message: &[u8], at: usize, len: usize) -> Result<Self, Outcome> {
        if len != CLIENT_COOKIE && !COOKIES.contains(&len) {
            return stop(Outcome::UpCookie);
        }
        Self::at(message, at, len == FULL_COOKIE).or_stop(Outcome::UpCookie)
    }

    /// The option at `at`, with a server cookie of RFC 9018's length if it is full.
    #[inline(always)]
    pub(super) fn at(message: &(impl Octets + ?Sized), at: usize, full: bool) -> Option<Self> {
        let server = if full {
            (message.word(at + 8)?, message.word(at + 16)?)
        } else {
            (0, 0)
        };
        Some(Self {
            client: message.word(at)?,
            server,
        })
    }
}

impl Subnet {
    /// Of nobody.
    pub const NONE: Self = Self {
        family: 0,
        source_len: 0,
        words: (0, 0),
    };

    /// The address.
    #[inline(always)]
    pub const fn address(&self) -> Source {
        let (first, second) = self.words;
        if self.family == 2 {
            Source::V6(first.swap_bytes(), second.swap_bytes())
        } else {
            Source::V4((first as u32).swap_bytes())
        }
    }

    /// Reads the option whose `len` octets stand at `at` (4 or more) in `message`.
    pub fn read(message: &[u8], at: usize, len: usize) -> Result<Self, Outcome> {
        check_subnet(message, at, len)?;
        Self::at(message, at).or_stop(Outcome::UpSubnet)
    }

    /// The option at `at`, which has been checked.
    #[inline(always)]
    fn at(message: &(impl Octets + ?Sized), at: usize) -> Option<Self> {
        let fixed = message.half(at)?;
        let family = (fixed >> 8) as u8;
        let source_len = (fixed >> 16) as u8;
        let octets = usize::from(source_len).div_ceil(8);
        // The address ends with the option: words that end there are inside the
        // message, whatever its length.
        let address = at + SUBNET_FIXED;
        let last = message.word(message.offset(address + octets - 8))?;
        let words = if octets > 8 {
            (message.word(address)?, last >> (8 * (16 - octets) & 63))
        } else if octets == 0 {
            (0, 0)
        } else {
            (last >> (8 * (8 - octets) & 63), 0)
        };
        Some(Self {
            family,
            source_len,
            words,
        })
    }
}

// Flags in `Edns`.
const PRESENT: u64 = 1;
const DNSSEC_OK: u64 = 1 << 1;
const ASKS_NSID: u64 = 1 << 2;
const ASKS_KEEPALIVE: u64 = 1 << 3;
const COOKIE_SHIFT: u32 = 16;
const COOKIE_IS_FULL: u64 = 1 << 27;
const SUBNET_SHIFT: u32 = 48;
/// An offset in the message; 0 for none.
const AT: u64 = QUERY_MAX as u64;
/// What options add.
const OPTIONS: u64 =
    ASKS_NSID | ASKS_KEEPALIVE | AT << COOKIE_SHIFT | COOKIE_IS_FULL | AT << SUBNET_SHIFT;

impl Edns {
    /// A query without an OPT record.
    pub const ABSENT: Self = Self(0);

    /// Whether there is an OPT record; where there is none nothing else is.
    #[inline(always)]
    pub const fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// The largest UDP payload the requester takes, octets, as it says.
    #[inline(always)]
    pub const fn payload(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// The EDNS version.
    #[inline(always)]
    pub const fn version(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// DO: DNSSEC records are welcome, and the reply says so too.
    #[inline(always)]
    pub const fn dnssec_ok(self) -> bool {
        self.0 & DNSSEC_OK != 0
    }

    /// Whether an NSID option asks who answers (RFC 5001).
    #[inline(always)]
    pub const fn asks_nsid(self) -> bool {
        self.0 & ASKS_NSID != 0
    }

    /// Whether there is an edns-tcp-keepalive option (RFC 7828).
    #[inline(always)]
    pub const fn asks_keepalive(self) -> bool {
        self.0 & ASKS_KEEPALIVE != 0
    }

    /// The COOKIE option of `message`, whose this is, of our version.
    #[inline(always)]
    pub fn cookie<M: Octets + ?Sized>(self, message: &M) -> Option<Cookie> {
        if let Records::Option(option) = M::RECORDS {
            return option.cookie(message);
        }
        let at = (self.0 >> COOKIE_SHIFT & AT) as usize;
        if at == 0 {
            return None;
        }
        Cookie::at(message, at, self.0 & COOKIE_IS_FULL != 0)
    }

    /// Whether `message`, whose this is, has a CLIENT-SUBNET option.
    #[inline(always)]
    pub fn has_subnet<M: Octets + ?Sized>(self, _: &M) -> bool {
        match M::RECORDS {
            Records::Option(option) => option.is_subnet(),
            _ => self.0 >> SUBNET_SHIFT & AT != 0,
        }
    }

    /// The CLIENT-SUBNET option of `message`, whose this is, of our version.
    #[inline(always)]
    pub fn subnet<M: Octets + ?Sized>(self, message: &M) -> Option<Subnet> {
        if let Records::Option(option) = M::RECORDS {
            return option.subnet(message);
        }
        let at = (self.0 >> SUBNET_SHIFT & AT) as usize;
        if at == 0 {
            return None;
        }
        Subnet::at(message, at)
    }
}

/// Reads the one OPT record that ends the message from `at` on.
#[inline(always)]
pub(super) fn edns<M: Octets + ?Sized>(
    message: &M,
    at: usize,
    wanted: Wanted,
    host: &impl Host,
) -> Result<Edns, Outcome> {
    let (head, rest) = message.opt(at).or_stop(Outcome::UpQuestion)?;
    let options = at + OPT_FIXED;
    let len = usize::from(((rest >> 16) as u16).swap_bytes());
    if matches!(M::RECORDS, Records::Any) {
        if head & OPT_MASK != OPT {
            return stop(Outcome::UpAdditional);
        }
        if options + len != message.len() {
            return stop(Outcome::UpOpt);
        }
    } else if !is_opt(head, rest, known_options(message)) {
        return stop(Outcome::UpOpt);
    }
    let version = head >> 48 & 0xff;
    let payload = u64::from(((head >> 24) as u16).swap_bytes());
    let dnssec_ok = u64::from(rest >> DNSSEC_OK_SHIFT & 1) * DNSSEC_OK;
    let mut edns = Edns(PRESENT | dnssec_ok | version << 8 | payload << 32);
    // Of another version nothing is known but that it has one.
    if matches!(M::RECORDS, Records::Any) && version == 0 && len != 0 {
        edns.0 |= host.options(message, options, wanted)? & OPTIONS;
    }
    Ok(edns)
}

/// Whether octets 0 to 7, and 7 to 10, are those of an OPT record with so many octets of
/// options.
#[inline(always)]
pub(super) const fn is_opt(head: u64, rest: u32, options: usize) -> bool {
    head & OPT_MASK == OPT && rest >> 16 == (options as u16).swap_bytes() as u32
}

/// Which options there are from `at` to the end of the message, and where: what
/// they add to an [`Edns`].
#[inline(always)]
pub fn options(
    message: &(impl Octets + ?Sized),
    at: usize,
    wanted: Wanted,
) -> Result<u64, Outcome> {
    let end = message.len();
    let mut at = at;
    let mut found = 0;
    // Of the first of a kind, which counts (RFC 7873 section 5.2).
    let (mut cookie_len, mut subnet_len) = (0, 0);
    let Wanted {
        cookie: mut cookie_is_wanted,
        subnet: mut subnet_is_wanted,
    } = wanted;
    for _ in 0..OPTIONS_MAX {
        if at + OPTION_HEADER > end {
            break;
        }
        let header = message.half(at).or_stop(Outcome::UpOpt)?;
        let len = usize::from(((header >> 16) as u16).swap_bytes());
        let data = at + OPTION_HEADER;
        if data + len > end {
            return stop(Outcome::UpOpt);
        }
        let here = data as u64 & AT;
        match (header as u16).swap_bytes() {
            COOKIE if cookie_is_wanted => {
                found |= here << COOKIE_SHIFT;
                cookie_len = len;
                cookie_is_wanted = false;
            }
            SUBNET if subnet_is_wanted => {
                found |= here << SUBNET_SHIFT;
                subnet_len = len;
                subnet_is_wanted = false;
            }
            NSID => found |= ASKS_NSID,
            KEEPALIVE => found |= ASKS_KEEPALIVE,
            _ => {}
        }
        found = message.forget_word(found);
        cookie_len = message.forget::<QUERY_MAX>(cookie_len);
        subnet_len = message.forget::<QUERY_MAX>(subnet_len);
        at = message.forget::<QUERY_MAX>(data + len);
    }
    if at != end {
        return stop(Outcome::UpOpt);
    }
    if found >> COOKIE_SHIFT & AT != 0 {
        if cookie_len == FULL_COOKIE {
            found |= COOKIE_IS_FULL;
        } else if cookie_len != CLIENT_COOKIE && !COOKIES.contains(&cookie_len) {
            return stop(Outcome::UpCookie);
        }
    }
    let subnet_at = (found >> SUBNET_SHIFT & AT) as usize;
    if subnet_at != 0 {
        check_subnet(message, subnet_at, subnet_len)?;
    }
    Ok(message.forget_word(found))
}

/// Checks the CLIENT-SUBNET option of `len` octets at `at`. What RFC 7871 section
/// 7.1.2 calls malformed, and families other than IPv4 and IPv6, go up.
#[inline(always)]
fn check_subnet(message: &(impl Octets + ?Sized), at: usize, len: usize) -> Result<(), Outcome> {
    if !(SUBNET_FIXED..=SUBNET_MAX).contains(&len) {
        return stop(Outcome::UpSubnet);
    }
    let fixed = message.half(at).or_stop(Outcome::UpSubnet)?;
    let bits = (fixed >> 16 & 0xff) as usize;
    if fixed >> 24 != 0 || len - SUBNET_FIXED != bits.div_ceil(8) {
        return stop(Outcome::UpSubnet);
    }
    let bits_max = match (fixed as u16).swap_bytes() {
        0 => 0,
        1 => 32,
        2 => 128,
        _ => return stop(Outcome::UpSubnet),
    };
    // Bits after the prefix are zero. They are in its last octet, with which the
    // option ends.
    let last = message
        .octet(message.offset(at + len - 1))
        .or_stop(Outcome::UpSubnet)?;
    if bits > bits_max || bits & 7 != 0 && last << (bits & 7) != 0 {
        return stop(Outcome::UpSubnet);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
