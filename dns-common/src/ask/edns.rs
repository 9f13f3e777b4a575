//! The OPT record of a query (RFC 6891) and the options the fast path knows.

use crate::{octets::Octets, outcome::Outcome, tables::Source};

/// Octets of an OPT record before its options.
pub const OPT_FIXED: usize = 11;

/// Options read of one query; one with more goes up.
const OPTIONS_MAX: usize = 8;

/// Octets of an option's code and length.
const OPTION_HEADER: usize = 4;

// The OPT record's first three octets: the root, TYPE 41.
const OPT: u64 = 0x29_0000;
const OPT_MASK: u64 = 0xff_ffff;
/// DO as the high octet of the flags, in the half from octet 7 on.
const DNSSEC_OK: u32 = 0x80;

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

/// What a query's OPT record says.
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags and options that are there or not"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// There is an OPT record; all else is zero where there is not.
    pub present: bool,
    /// The largest UDP payload the requester takes, octets, as it says.
    pub payload: u16,
    /// The EDNS version.
    pub version: u8,
    /// DO: DNSSEC records are welcome, and the reply says so too.
    pub dnssec_ok: bool,
    /// An empty NSID option asks who answers (RFC 5001).
    pub nsid: bool,
    /// An edns-tcp-keepalive option (RFC 7828).
    pub keepalive: bool,
    /// The COOKIE option.
    pub cookie: Cookie,
    /// The CLIENT-SUBNET option.
    pub subnet: Subnet,
}

/// A COOKIE option (RFC 7873), octets as little-endian words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// There is one.
    pub present: bool,
    /// The client cookie.
    pub client: u64,
    /// The server cookie, if it has the length RFC 9018 gives it; else zero,
    /// which is none: its version would be 0.
    pub server: (u64, u64),
}

/// A CLIENT-SUBNET option (RFC 7871).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// There is one.
    pub present: bool,
    /// SOURCE PREFIX-LENGTH.
    pub source_len: u8,
    /// The address, zeros after the prefix.
    pub address: Source,
}

impl Edns {
    /// A query without an OPT record.
    pub const ABSENT: Self = Self {
        present: false,
        payload: 0,
        version: 0,
        dnssec_ok: false,
        nsid: false,
        keepalive: false,
        cookie: Cookie {
            present: false,
            client: 0,
            server: (0, 0),
        },
        subnet: Subnet {
            present: false,
            source_len: 0,
            address: Source::V4(0),
        },
    };
}

/// Reads the one OPT record that ends the message from `at` on.
#[inline(always)]
pub(super) fn edns(message: &(impl Octets + ?Sized), at: usize) -> Result<Edns, Outcome> {
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
    let version = (head >> 48) as u8;
    let mut edns = Edns {
        present: true,
        payload: ((head >> 24) as u16).swap_bytes(),
        version,
        dnssec_ok: rest & DNSSEC_OK != 0,
        ..Edns::ABSENT
    };
    // Of another version nothing is known but that it has one.
    if version == 0 && len != 0 {
        read_options(message, options, &mut edns)?;
    }
    Ok(edns)
}

/// Reads the options from `at` to the end of the message into `edns`.
///
/// The userspace server reads what goes up from here by the same function, and
/// answers FORMERR where the outcome is about the option itself.
#[inline(always)]
fn read_options(
    message: &(impl Octets + ?Sized),
    at: usize,
    edns: &mut Edns,
) -> Result<(), Outcome> {
    use crate::ask::QUERY_MAX;

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
            // A second one of a kind is for the full server to judge.
            COOKIE if cookie_at == 0 => (cookie_at, cookie_len) = (data, len),
            SUBNET if subnet_at == 0 => (subnet_at, subnet_len) = (data, len),
            COOKIE | SUBNET => return Err(Outcome::UpOpt),
            NSID => edns.nsid = true,
            KEEPALIVE => edns.keepalive = true,
            _ => {}
        }
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
        edns.cookie = cookie(message, cookie_at, cookie_len)?;
    }
    if subnet_at != 0 {
        edns.subnet = subnet(message, subnet_at, subnet_len)?;
    }
    Ok(())
}

/// Reads the COOKIE option of `len` octets at `at`.
#[inline(always)]
fn cookie(message: &(impl Octets + ?Sized), at: usize, len: usize) -> Result<Cookie, Outcome> {
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
    Ok(Cookie {
        present: true,
        client,
        server,
    })
}

/// Reads the CLIENT-SUBNET option of `len` octets at `at`. What RFC 7871 section
/// 7.1.2 calls malformed, and families other than IPv4 and IPv6, go up.
#[inline(always)]
fn subnet(message: &(impl Octets + ?Sized), at: usize, len: usize) -> Result<Subnet, Outcome> {
    /// FAMILY 1 and 2 (IANA address family numbers), as little-endian pairs.
    const IPV4: u16 = 0x0100;
    const IPV6: u16 = 0x0200;

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
    let address = match fixed as u16 {
        IPV4 if bits <= 32 => Source::V4((high >> 32) as u32),
        IPV6 => Source::V6(high, low),
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
    Ok(Subnet {
        present: true,
        source_len: bits as u8,
        address,
    })
}

#[cfg(test)]
mod tests;
