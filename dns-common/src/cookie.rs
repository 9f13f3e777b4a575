//! Server cookies (RFC 7873) in the form that servers of different makers share
//! (RFC 9018): version, time stamp, and a `SipHash` over both, the client cookie
//! and the client's address under a secret.

use crate::tables::Source;

/// The first octet of a server cookie. Three reserved ones follow, which are
/// written as zero but not looked at (RFC 9018 section 4.2), then the time stamp.
const VERSION: u8 = 1;

/// Seconds a cookie is valid, those it may come from the future, and those after
/// which a valid one is replaced (RFC 9018 section 4.3).
const AGE_MAX_S: i32 = 60 * 60;
const AHEAD_MAX_S: i32 = 5 * 60;
const FRESH_S: i32 = 30 * 60;

/// A secret of 128 bits, its octets as two little-endian words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub u64, pub u64);

/// A secret is not for printing.
impl core::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// What a server cookie is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Ours, and young enough to be returned as it came.
    Fresh,
    /// Ours, but to be replaced.
    Old,
    /// Not ours, or none.
    Invalid,
}

/// The server cookie for `client` (a client cookie) from `source` at `now_s`,
/// seconds since 1970 modulo 2^32.
#[inline(always)]
pub fn make(secret: Secret, client: u64, source: Source, now_s: u32) -> (u64, u64) {
    let first = first_half(now_s);
    (first, hash(secret, client, first, source))
}

/// What `server` says for `client` from `source` at `now_s` under `secret`.
#[inline(always)]
pub fn check(
    secret: Secret,
    client: u64,
    server: (u64, u64),
    source: Source,
    now_s: u32,
) -> Validity {
    let age = age(server, now_s);
    if server.0 as u8 != VERSION
        || !(-AHEAD_MAX_S..=AGE_MAX_S).contains(&age)
        || server.1 != hash(secret, client, server.0, source)
    {
        Validity::Invalid
    } else if age < FRESH_S {
        Validity::Fresh
    } else {
        Validity::Old
    }
}

/// As [`check`] and [`make`], by one hash, for most: who has no cookie that can be valid
/// gets one, who has a fresh one gets it back; `None` for others.
#[inline(always)]
pub fn most(
    secret: Secret,
    client: u64,
    server: (u64, u64),
    source: Source,
    now_s: u32,
) -> Option<((u64, u64), Validity)> {
    let age = age(server, now_s);
    let can_be_valid = server.0 as u8 == VERSION && (-AHEAD_MAX_S..=AGE_MAX_S).contains(&age);
    let first = if can_be_valid {
        server.0
    } else {
        first_half(now_s)
    };
    let hash = hash(secret, client, first, source);
    if !can_be_valid {
        return Some(((first, hash), Validity::Invalid));
    }
    (hash == server.1 && age < FRESH_S).then_some((server, Validity::Fresh))
}

/// Version, reserved octets and time stamp.
#[inline(always)]
fn first_half(now_s: u32) -> u64 {
    u64::from(VERSION) | u64::from(now_s.swap_bytes()) << 32
}

/// Seconds since the cookie was made, in serial arithmetic (RFC 1982).
#[inline(always)]
const fn age(server: (u64, u64), now_s: u32) -> i32 {
    let made = ((server.0 >> 32) as u32).swap_bytes();
    now_s.wrapping_sub(made).cast_signed()
}

/// The hash of a server cookie whose first half is `first` (RFC 9018 section
/// 4.4): over client cookie, first half and the client's address.
#[inline(always)]
fn hash(secret: Secret, client: u64, first: u64, source: Source) -> u64 {
    let mut state = SipHash::new(secret);
    state.word(client);
    state.word(first);
    match source {
        Source::V4(address) => state.finish(u64::from(address.swap_bytes()) | 20 << 56),
        Source::V6(high, low) => {
            state.word(high.swap_bytes());
            state.word(low.swap_bytes());
            state.finish(32 << 56)
        }
    }
}

/// `SipHash-2-4` (Aumasson and Bernstein, 2012) over little-endian words.
struct SipHash([u64; 4]);

impl SipHash {
    #[inline(always)]
    const fn new(key: Secret) -> Self {
        Self([
            key.0 ^ 0x736f_6d65_7073_6575,
            key.1 ^ 0x646f_7261_6e64_6f6d,
            key.0 ^ 0x6c79_6765_6e65_7261,
            key.1 ^ 0x7465_6462_7974_6573,
        ])
    }

    /// Takes in eight octets.
    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    /// The hash, after `last`: the octets that are left, and the length of all
    /// modulo 256 in the highest octet.
    #[inline(always)]
    fn finish(mut self, last: u64) -> u64 {
        self.word(last);
        self.0[2] ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.round();
        self.0[0] ^ self.0[1] ^ self.0[2] ^ self.0[3]
    }

    #[inline(always)]
    const fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.0;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.0 = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests;
