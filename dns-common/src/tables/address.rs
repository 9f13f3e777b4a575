//! Service addresses: a small table without collisions, so that one compare
//! tells whether a packet is for us.

use super::Source;

/// Addresses one instance can serve; few enough that a seed without collisions
/// is found at once.
pub const ADDRESSES_MAX: usize = 64;

/// Slots of each generation.
pub const SLOTS: u32 = 256;

/// An address as two words in wire order; IPv4 as mapped (RFC 4291 section
/// 2.5.5.2).
#[inline(always)]
pub const fn words(octets: [u8; 16]) -> (u64, u64) {
    let value = u128::from_le_bytes(octets);
    (value as u64, (value >> 64) as u64)
}

/// An IPv4 address, its four octets as a little-endian word, as [`words`] has it.
#[inline(always)]
pub const fn v4_words(octets: u32) -> (u64, u64) {
    (0, (octets as u64) << 32 | 0xffff_0000)
}

/// The address of `source` as [`words`] has it.
#[inline(always)]
pub const fn of(source: Source) -> (u64, u64) {
    match source {
        Source::V4(address) => v4_words(address.swap_bytes()),
        Source::V6(high, low) => (high.swap_bytes(), low.swap_bytes()),
    }
}

/// Whether `words` are an IPv4 address. On the wire an IPv6 address of this form
/// is none (RFC 4038 section 4.2).
#[inline(always)]
pub const fn is_v4(words: (u64, u64)) -> bool {
    words.0 == 0 && words.1 as u32 == 0xffff_0000
}

/// The only slot `words` can stand in under this [`multiplier`].
#[inline(always)]
pub const fn slot(words: (u64, u64), multiplier: u64) -> u32 {
    ((words.0 ^ words.1).wrapping_mul(multiplier) >> 56) as u32
}

/// The only bit that stands for `words` where a bit is all there is: the upper bits of
/// the last octet say which, so that addresses side by side, as hosts have them, take few.
#[inline(always)]
pub const fn filter(words: (u64, u64)) -> u64 {
    1 << (words.1 >> 58)
}

/// The `seed`'s multiplier. A seed added to the address would move addresses that lie
/// side by side together.
pub const fn multiplier(seed: u32) -> u64 {
    (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}
