//! Where names and addresses stand so that a reader finds them at once.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use dns_common::{
    name,
    tables::{Line, Word, address, bucket},
};

use super::ImageError;

/// Seeds tried before the name index is called full.
const SEEDS_MAX: u64 = 64;
/// Seeds tried before a name is left out that others have the tag of: such names may
/// have one hash under every seed, see [`name::coarse`].
const SEEDS_FOR_ALL: usize = 8;

/// A name's words as [`name::folded_words`] has them, and its first cell.
pub(in crate::tables) type Entry<W> = (W, u32);

/// Seeds that nobody outside can foresee, or names could be made up that the
/// index takes for ours.
pub(super) fn seeds() -> impl Iterator<Item = u64> {
    let random = RandomState::new();
    (0..SEEDS_MAX).map(move |attempt| random.hash_one(attempt))
}

/// Makes `buckets`, a power of two of them, the index of `names` under the first of
/// `seeds` that places every one, or, after [`SEEDS_FOR_ALL`], every one but those whose
/// tag is taken; that seed.
pub(in crate::tables) fn place_names<W: Iterator<Item = u64> + Clone>(
    names: impl Iterator<Item = Entry<W>> + Clone,
    buckets: &[Line],
    seeds: impl IntoIterator<Item = u64>,
) -> Result<u64, ImageError> {
    seeds
        .into_iter()
        .enumerate()
        .find(|(attempt, seed)| place_names_with(&names, buckets, *seed, *attempt < SEEDS_FOR_ALL))
        .map(|(_, seed)| seed)
        .ok_or_else(|| ImageError::Index {
            names: names.count(),
        })
}

/// Whether that seed places them.
fn place_names_with<W: Iterator<Item = u64> + Clone>(
    names: &(impl Iterator<Item = Entry<W>> + Clone),
    buckets: &[Line],
    seed: u64,
    all: bool,
) -> bool {
    for word in buckets.iter().flat_map(|bucket| &bucket.0) {
        word.store(0);
    }
    let mask = buckets.len() as u32 - 1;
    names.clone().all(|(words, cell)| {
        let hash = name::hash(seed, words.clone());
        let (first, second, tag) = bucket::places(hash, mask);
        let both = [first, second].map(|place| &buckets[place as usize]);
        let mut entries = both.iter().flat_map(|bucket| &bucket.0).map(Word::load);
        if let Some(taken) = entries.find(|entry| *entry != 0 && (entry >> 32) as u32 == tag) {
            // A name given twice has no second place under any seed.
            let is_other =
                |(other, first): Entry<W>| first == taken as u32 && other.ne(words.clone());
            return !all && names.clone().any(is_other);
        }
        // The first place as long as it has room: most lookups end there.
        let mut words = both.into_iter().flat_map(|bucket| &bucket.0);
        let free = words.find(|word| word.load() == 0);
        if let Some(word) = free {
            word.store(bucket::entry(tag, cell));
        }
        free.is_some()
    })
}

/// The slots of all addresses under a multiplier that lets no two of them collide.
pub(super) fn place_addresses(addresses: &[IpAddr]) -> Result<(u64, Vec<(u64, u64)>), ImageError> {
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
            let multiplier = address::multiplier(seed);
            let mut slots = vec![(0, 0); address::SLOTS as usize];
            let placed = words.iter().all(|words| {
                let slot = &mut slots[address::slot(*words, multiplier) as usize];
                std::mem::replace(slot, *words) == (0, 0)
            });
            if placed {
                return Ok((multiplier, slots));
            }
        }
    }
    Err(ImageError::Addresses {
        addresses: words.len(),
        max: address::ADDRESSES_MAX,
    })
}
