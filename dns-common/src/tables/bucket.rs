//! The name index: buckets of one cache line, eight entries each. A name stands
//! in one of two buckets, so that the table fills evenly and a lookup is bounded.

use super::Line;

/// Entries of one bucket.
pub const ENTRIES: usize = 8;

/// 2^64 / golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The two buckets a name with `hash` may stand in, and its tag.
#[inline(always)]
pub const fn places(hash: u64, mask: u32) -> (u32, u32, u32) {
    let tag = (hash >> 32) as u32;
    // What was mixed in last, the octets that names of one zone differ in, has
    // not reached the lower bits of either half yet.
    let first = (hash.wrapping_mul(SPREAD) >> 32) as u32 & mask;
    // Odd, so that the two differ wherever there is more than one bucket.
    let second = first ^ ((tag.wrapping_mul(0x5bd1_e995) | 1) & mask);
    (first, second, tag)
}

/// An entry: the tag, and the cell its name starts in. Cell 0 is never used, so
/// that 0 is an empty entry.
pub const fn entry(tag: u32, cell: u32) -> u64 {
    (tag as u64) << 32 | cell as u64
}

/// The cell of the first entry with `tag`. The writer lets no two names of one
/// bucket pair share a tag.
#[inline(always)]
pub fn search(bucket: &Line, tag: u32) -> Option<u32> {
    for slot in &bucket.0 {
        let entry = slot.load();
        if (entry >> 32) as u32 == tag && entry as u32 != 0 {
            return Some(entry as u32);
        }
    }
    None
}
