//! The OPT record of a query (RFC 6891) and the options the fast path knows.

use super::QUERY_MAX;
use crate::{
    host::{ClientSubnet, Host},
    octets::Octets,
    outcome::Outcome,
    tables::Source,
};

/// Octets of an OPT record before its options.
pub const OPT_FIXED: usize = 11;

/// Options read of one query; one with more goes up.
const OPTIONS_MAX: usize = 8;

/// Octets of an option's code and length.
const OPTION_HEADER: usize = 4;

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
const CLIENT_COOKIE: usize = 8;
/// Octets of a COOKIE option with a server cookie of RFC 9018.
const FULL_COOKIE: usize = 24;
/// Octets a COOKIE option with any server cookie can have.
const COOKIES: core::ops::RangeInclusive<usize> = 16..=40;

/// FAMILY, SOURCE and SCOPE PREFIX-LENGTH (RFC 7871 section 6), octets.
const SUBNET_FIXED: usize = 4;
/// Octets of a CLIENT-SUBNET option with a whole IPv6 address.
const SUBNET_MAX: usize = SUBNET_FIXED + 16;

/// What a query's OPT record says. The options' octets are little-endian words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// Bits 0–5 flags (below), 6–7 the client subnet's FAMILY, 8–15 the EDNS
    /// version, 16–23 the subnet's SOURCE PREFIX-LENGTH, 32–47 the payload size.
    /// One word, so that the verifier can forget all of it at once.
    word: u64,
    /// Client cookie, and the server cookie if it has the length that RFC 9018
    /// gives it; else zeros, which are none: its version would be 0.
    cookie: [u64; 3],
    /// The client subnet's address as two numbers, the more significant first;
    /// IPv4 in the lower half of the first.
    address: (u64, u64),
}

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
    /// The address, zeros after the prefix.
    pub address: Source,
}

impl Cookie {
    /// Reads the option whose `len` octets stand at `at` (4 or more) in `message`.
    pub fn read(message: &[u8], at: usize, len: usize) -> Result<Self, Outcome> {
        let [client, first, second] = cookie(message, at, len)?;
        Ok(Self {
            client,
            server: (first, second),
        })
    }
}

impl Subnet {
    /// Reads the option whose `len` octets stand at `at` (4 or more) in `message`.
    pub fn read(message: &[u8], at: usize, len: usize) -> Result<Self, Outcome> {
        let (word, address) = subnet(message, at, len)?;
        Ok(Self::of(word, address))
    }

    #[inline(always)]
    const fn of(word: u64, address: (u64, u64)) -> Self {
        let family = (word >> FAMILY_SHIFT & 3) as u8;
        Self {
            family,
            source_len: (word >> 16) as u8,
            address: if family == 2 {
                Source::V6(address.0, address.1)
            } else {
                Source::V4(address.0 as u32)
            },
        }
    }
}

// Flags in `Edns::word`.
const PRESENT: u64 = 1;
const DNSSEC_OK: u64 = 1 << 1;
const ASKS_NSID: u64 = 1 << 2;
const ASKS_KEEPALIVE: u64 = 1 << 3;
const HAS_COOKIE: u64 = 1 << 4;
const HAS_SUBNET: u64 = 1 << 5;
// FAMILY in `Edns::word`: 0 to 2.
const FAMILY_SHIFT: u32 = 6;

impl Edns {
    /// A query without an OPT record.
    pub const ABSENT: Self = Self {
        word: 0,
        cookie: [0; 3],
        address: (0, 0),
    };

    /// Whether there is an OPT record; where there is none nothing else is.
    #[inline(always)]
    pub const fn is_present(&self) -> bool {
        self.word & PRESENT != 0
    }

    /// The largest UDP payload the requester takes, octets, as it says.
    #[inline(always)]
    pub const fn payload(&self) -> u16 {
        (self.word >> 32) as u16
    }

    /// The EDNS version.
    #[inline(always)]
    pub const fn version(&self) -> u8 {
        (self.word >> 8) as u8
    }

    /// DO: DNSSEC records are welcome, and the reply says so too.
    #[inline(always)]
    pub const fn dnssec_ok(&self) -> bool {
        self.word & DNSSEC_OK != 0
    }

    /// Whether an NSID option asks who answers (RFC 5001).
    #[inline(always)]
    pub const fn asks_nsid(&self) -> bool {
        self.word & ASKS_NSID != 0
    }

    /// Whether there is an edns-tcp-keepalive option (RFC 7828).
    #[inline(always)]
    pub const fn asks_keepalive(&self) -> bool {
        self.word & ASKS_KEEPALIVE != 0
    }

    /// The COOKIE option.
    #[inline(always)]
    pub const fn cookie(&self) -> Option<Cookie> {
        if self.word & HAS_COOKIE == 0 {
            return None;
        }
        let [client, first, second] = self.cookie;
        Some(Cookie {
            client,
            server: (first, second),
        })
    }

    /// The CLIENT-SUBNET option.
    #[inline(always)]
    pub const fn subnet(&self) -> Option<Subnet> {
        if self.word & HAS_SUBNET == 0 {
            return None;
        }
        Some(Subnet::of(self.word, self.address))
    }

    /// The same, of which the verifier knows nothing any more.
    #[inline(always)]
    pub(super) fn forgotten(self, message: &(impl Octets + ?Sized)) -> Self {
        Self {
            word: message.forget_word(self.word),
            ..self
        }
    }
}

/// Reads the one OPT record that ends the message from `at` on.
#[inline(always)]
pub(super) fn edns(
    message: &(impl Octets + ?Sized),
    at: usize,
    wanted: Wanted,
) -> Result<Edns, Outcome> {
    let head = message.word(at).ok_or(Outcome::UpQuestion)?;
    let rest = message.half(at + 7).ok_or(Outcome::UpQuestion)?;
    if head & OPT_MASK != OPT {
        return Err(Outcome::UpAdditional);
    }
    let options = at + OPT_FIXED;
    let len = usize::from(((rest >> 16) as u16).swap_bytes());
    if options + len != message.len() {
        return Err(Outcome::UpOpt);
    }
    let version = head >> 48 & 0xff;
    let payload = u64::from(((head >> 24) as u16).swap_bytes());
    let dnssec_ok = u64::from(rest >> DNSSEC_OK_SHIFT & 1) * DNSSEC_OK;
    let mut edns = Edns {
        word: PRESENT | dnssec_ok | version << 8 | payload << 32,
        ..Edns::ABSENT
    };
    // Of another version nothing is known but that it has one.
    if version == 0 && len != 0 {
        read_options(message, options, wanted, &mut edns)?;
    }
    Ok(edns)
}

/// Reads the options from `at` to the end of the message into `edns`.
#[inline(always)]
fn read_options(
    message: &(impl Octets + ?Sized),
    at: usize,
    wanted: Wanted,
    edns: &mut Edns,
) -> Result<(), Outcome> {
    let end = message.len();
    let mut at = at;
    // Where the data of each stands, 0 for nowhere.
    let (mut cookie_at, mut cookie_len) = (0, 0);
    let (mut subnet_at, mut subnet_len) = (0, 0);
    for _ in 0..OPTIONS_MAX {
        if at + OPTION_HEADER > end {
            break;
        }
        let header = message.half(at).ok_or(Outcome::UpOpt)?;
        let len = usize::from(((header >> 16) as u16).swap_bytes());
        let data = at + OPTION_HEADER;
        if data + len > end {
            return Err(Outcome::UpOpt);
        }
        match (header as u16).swap_bytes() {
            // The first of a kind counts (RFC 7873 section 5.2).
            COOKIE if wanted.cookie && cookie_at == 0 => (cookie_at, cookie_len) = (data, len),
            SUBNET if wanted.subnet && subnet_at == 0 => (subnet_at, subnet_len) = (data, len),
            NSID => edns.word |= ASKS_NSID,
            KEEPALIVE => edns.word |= ASKS_KEEPALIVE,
            _ => {}
        }
        edns.word = message.forget_word(edns.word);
        cookie_at = message.forget::<QUERY_MAX>(cookie_at);
        cookie_len = message.forget::<QUERY_MAX>(cookie_len);
        subnet_at = message.forget::<QUERY_MAX>(subnet_at);
        subnet_len = message.forget::<QUERY_MAX>(subnet_len);
        at = message.forget::<QUERY_MAX>(data + len);
    }
    if at != end {
        return Err(Outcome::UpOpt);
    }
    if cookie_at != 0 {
        edns.word |= HAS_COOKIE;
        edns.cookie = cookie(message, cookie_at, cookie_len)?.map(|word| message.forget_word(word));
    }
    if subnet_at != 0 {
        let (word, address) = subnet(message, subnet_at, subnet_len)?;
        edns.word |= word;
        edns.address = (
            message.forget_word(address.0),
            message.forget_word(address.1),
        );
    }
    Ok(())
}

/// Reads the COOKIE option of `len` octets at `at`.
#[inline(always)]
fn cookie(message: &(impl Octets + ?Sized), at: usize, len: usize) -> Result<[u64; 3], Outcome> {
    if len != CLIENT_COOKIE && !COOKIES.contains(&len) {
        return Err(Outcome::UpCookie);
    }
    let client = message.word(at).ok_or(Outcome::UpCookie)?;
    let server = if len == FULL_COOKIE {
        (
            message.word(at + 8).ok_or(Outcome::UpCookie)?,
            message.word(at + 16).ok_or(Outcome::UpCookie)?,
        )
    } else {
        (0, 0)
    };
    Ok([client, server.0, server.1])
}

/// Reads the CLIENT-SUBNET option of `len` octets at `at`: its part of the word,
/// and the address. What RFC 7871 section
/// 7.1.2 calls malformed, and families other than IPv4 and IPv6, go up.
#[inline(always)]
fn subnet(
    message: &(impl Octets + ?Sized),
    at: usize,
    len: usize,
) -> Result<(u64, (u64, u64)), Outcome> {
    if !(SUBNET_FIXED..=SUBNET_MAX).contains(&len) {
        return Err(Outcome::UpSubnet);
    }
    let fixed = message.half(at).ok_or(Outcome::UpSubnet)?;
    let bits = (fixed >> 16 & 0xff) as usize;
    let octets = len - SUBNET_FIXED;
    if fixed >> 24 != 0 || octets != bits.div_ceil(8) {
        return Err(Outcome::UpSubnet);
    }
    // The address ends with the option: words that end there are inside the
    // message, whatever its length.
    let address = at + SUBNET_FIXED;
    let last = message
        .word(address + octets - 8)
        .ok_or(Outcome::UpSubnet)?;
    let (first, second) = if octets > 8 {
        let first = message.word(address).ok_or(Outcome::UpSubnet)?;
        (first, last >> (8 * (16 - octets) & 63))
    } else if octets == 0 {
        (0, 0)
    } else {
        (last >> (8 * (8 - octets) & 63), 0)
    };
    let (high, low) = (first.swap_bytes(), second.swap_bytes());
    let family = (fixed as u16).swap_bytes();
    let address = match family {
        0 if bits == 0 => (0, 0),
        1 if bits <= 32 => (high >> 32, 0),
        2 => (high, low),
        _ => return Err(Outcome::UpSubnet),
    };
    // No bits after the prefix.
    let beyond = if bits < 64 {
        high & u64::MAX >> bits | low
    } else {
        low & u64::MAX.checked_shr(bits as u32 - 64).unwrap_or(0)
    };
    if beyond != 0 {
        return Err(Outcome::UpSubnet);
    }
    let word = HAS_SUBNET | u64::from(family) << FAMILY_SHIFT | (bits as u64) << 16;
    Ok((word, address))
}

#[cfg(test)]
mod tests;
