//! Where names and addresses stand so that a reader finds them at once.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use dns_common::tables::{Line, address, bucket};

use super::{ImageError, names::Names};

/// Seeds tried before the name index is called full.
const SEEDS_MAX: u64 = 64;
/// Seeds tried before a name is left out that others have the tag of: such names may
/// have one hash under every seed, see [`dns_common::name::coarse`].
const SEEDS_FOR_ALL: usize = 8;

/// Seeds that nobody outside can foresee, or names could be made up that the
/// index takes for ours.
pub(super) fn seeds() -> impl Iterator<Item = u64> {
    let random = RandomState::new();
    (0..SEEDS_MAX).map(move |attempt| random.hash_one(attempt))
}

/// Makes `buckets`, a power of two of them, the index of `names` under the first of
/// `seeds` that places every one, or, after [`SEEDS_FOR_ALL`], every one but those whose
/// tag is taken; that seed. The full server knows a static name without the index, but
/// asks the tables for a steered one, so of two the static one is left out.
pub(in crate::tables) fn place_names(
    names: Names<'_>,
    buckets: &[Line],
    seeds: impl IntoIterator<Item = u64>,
) -> Result<u64, ImageError> {
    for (attempt, seed) in seeds.into_iter().enumerate() {
        if place_names_with(names, buckets, seed, attempt < SEEDS_FOR_ALL)? {
            return Ok(seed);
        }
    }
    Err(ImageError::Index {
        names: names.iter().count(),
    })
}

/// Whether that seed places them.
fn place_names_with(
    names: Names<'_>,
    buckets: &[Line],
    seed: u64,
    all: bool,
) -> Result<bool, ImageError> {
    for word in buckets.iter().flat_map(|bucket| &bucket.0) {
        word.store(0);
    }
    let mask = buckets.len() as u32 - 1;
    for name in names.iter() {
        let (first, second, tag) = bucket::places(name.hash(seed), mask);
        let both = [first, second].map(|place| &buckets[place as usize]);
        let own = bucket::entry(tag, name.cell);
        // The first place as long as it has room: most lookups end there.
        let mut free = None;
        let mut taken = None;
        for word in both.into_iter().flat_map(|bucket| &bucket.0) {
            match word.load() {
                0 => free = free.or(Some(word)),
                entry if (entry >> 32) as u32 == tag => taken = Some((word, entry as u32)),
                _ => {}
            }
        }
        let Some((word, other)) = taken else {
            let Some(word) = free else { return Ok(false) };
            word.store(own);
            continue;
        };
        let other = names.at(other).filter(|other| !other.is(name));
        // A name given twice has no second place under any seed.
        let Some(other) = other.filter(|_| !all) else {
            return Ok(false);
        };
        match (other.is_steered(), name.is_steered()) {
            (_, false) => {}
            (false, true) => word.store(own),
            (true, true) => {
                return Err(ImageError::Alike {
                    names: [other, name].map(|name| name.to_string()),
                });
            }
        }
    }
    Ok(true)
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
