//! Where names and addresses stand so that a reader finds them at once.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use dns_common::{
    name,
    tables::{address, bucket},
};

use super::{Cell, ImageError};

/// Seeds tried before the name index is called full.
const SEEDS_MAX: u64 = 64;

/// A name's words as [`name::folded_words`] has them, and its first cell.
pub(in crate::tables) type Entry<W> = (W, u32);

/// Seeds that nobody outside can foresee, or names could be made up that the
/// index takes for ours.
pub(super) fn seeds() -> impl Iterator<Item = u64> {
    let random = RandomState::new();
    (0..SEEDS_MAX).map(move |attempt| random.hash_one(attempt))
}

/// The index of `mask + 1` buckets under the first of `seeds` that places every
/// one of `names`.
pub(in crate::tables) fn place_names<W: Iterator<Item = u64>>(
    names: impl Iterator<Item = Entry<W>> + Clone,
    mask: u32,
    seeds: impl IntoIterator<Item = u64>,
) -> Result<(u64, Vec<Cell>), ImageError> {
    seeds
        .into_iter()
        .find_map(|seed| Some((seed, place_names_with(names.clone(), mask, seed)?)))
        .ok_or_else(|| ImageError::Index {
            names: names.count(),
        })
}

fn place_names_with<W: Iterator<Item = u64>>(
    names: impl Iterator<Item = Entry<W>>,
    mask: u32,
    seed: u64,
) -> Option<Vec<Cell>> {
    let mut buckets = vec![[0; 8]; mask as usize + 1];
    for (words, cell) in names {
        let hash = name::hash(seed, words);
        let (first, second, tag) = bucket::places(hash, mask);
        let same_tag = |entry: &u64| *entry != 0 && (*entry >> 32) as u32 == tag;
        if [first, second]
            .iter()
            .any(|place| buckets[*place as usize].iter().any(same_tag))
        {
            return None;
        }
        // The first place as long as it has room: most lookups end there.
        let free = [first, second].into_iter().find_map(|place| {
            let slot = buckets[place as usize]
                .iter()
                .position(|entry| *entry == 0)?;
            Some((place as usize, slot))
        });
        let (place, slot) = free?;
        buckets[place][slot] = bucket::entry(tag, cell);
    }
    Some(buckets)
}

/// The slots of all addresses under a seed that lets no two of them collide.
pub(super) fn place_addresses(addresses: &[IpAddr]) -> Result<(u32, Vec<(u64, u64)>), ImageError> {
    /// Enough for [`address::ADDRESSES_MAX`]: at 64 of 256 one seed in about
    /// 3 000 has no collision.
    const ADDRESS_SEEDS_MAX: u32 = 1 << 20;
    let words: Vec<_> = addresses
        .iter()
        .map(|address| match address {
            IpAddr::V4(address) => address::words(address.to_ipv6_mapped().octets()),
            IpAddr::V6(address) => address::words(address.octets()),
        })
        .collect();
    if words.len() <= address::ADDRESSES_MAX {
        for seed in 0..ADDRESS_SEEDS_MAX {
            let mut slots = vec![(0, 0); address::SLOTS as usize];
            let placed = words.iter().all(|words| {
                let slot = &mut slots[address::slot(*words, seed) as usize];
                std::mem::replace(slot, *words) == (0, 0)
            });
            if placed {
                return Ok((seed, slots));
            }
        }
    }
    Err(ImageError::Addresses {
        addresses: words.len(),
        max: address::ADDRESSES_MAX,
    })
}
