//! The line every packet reads first.

use super::Word;

/// Word 0 is the number of the current generation, 0 before the first; word 1
/// holds what stays as it was at load time; three words follow for each of the
/// two generations. One cache line.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Control(pub [Word; 8]);

/// What a reader needs to know of one generation, loaded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Seed of the name hash.
    pub seed: u64,
    /// First bucket of this generation's name index.
    pub bucket_base: u32,
    /// Number of its buckets, a power of two, less one.
    pub bucket_mask: u32,
    /// Seed of the address hash, chosen so that no two addresses collide.
    pub address_seed: u32,
    /// First slot of this generation's addresses.
    pub address_base: u32,
    /// Binary logarithm of the number of groups a pool has rankings for.
    pub groups_shift: u32,
    /// The UDP port we answer on, in wire order as a little-endian pair.
    pub port: u16,
}

impl Control {
    /// Index of the word that makes a generation current.
    pub const GENERATION: usize = 0;
    const CONSTANTS: usize = 1;

    #[cfg(not(target_arch = "bpf"))]
    fn first_word(number: u64) -> usize {
        // Three words each after the two that both share.
        if number & 1 == 0 { 2 } else { 5 }
    }

    /// The current generation; `None` before the first.
    #[inline(always)]
    pub fn current(&self) -> Option<Generation> {
        match self.0[Self::GENERATION].load() {
            0 => None,
            number => Some(self.generation(number)),
        }
    }

    /// Generation `number`, complete or not.
    #[inline(always)]
    pub fn generation(&self, number: u64) -> Generation {
        let constants = self.0[Self::CONSTANTS].load();
        // The index is spelt out, not computed, so that it needs no bounds check.
        let (seed, buckets, addresses) = if number & 1 == 0 {
            (&self.0[2], &self.0[3], &self.0[4])
        } else {
            (&self.0[5], &self.0[6], &self.0[7])
        };
        let buckets = buckets.load();
        let addresses = addresses.load();
        Generation {
            seed: seed.load(),
            bucket_base: buckets as u32,
            bucket_mask: (buckets >> 32) as u32,
            address_seed: addresses as u32,
            address_base: (addresses >> 32) as u32,
            groups_shift: constants as u32 & 0x1f,
            port: (constants >> 32) as u16,
        }
    }

    #[cfg(not(target_arch = "bpf"))]
    /// Describes generation `number`, which must not be current.
    pub fn describe(&self, number: u64, generation: &Generation) {
        let first = Self::first_word(number);
        let buckets = u64::from(generation.bucket_mask) << 32 | u64::from(generation.bucket_base);
        let addresses =
            u64::from(generation.address_base) << 32 | u64::from(generation.address_seed);
        let constants = u64::from(generation.port) << 32 | u64::from(generation.groups_shift);
        self.0[first].store(generation.seed);
        self.0[first + 1].store(buckets);
        self.0[first + 2].store(addresses);
        self.0[Self::CONSTANTS].store(constants);
    }
}

impl Generation {
    /// Where the ranking of `pool` for `group` stands.
    #[inline(always)]
    pub const fn ranking_index(&self, pool: u16, group: u16) -> u32 {
        // A group past the pool's share must not reach into the next pool's.
        let group = group as u32 & ((1 << self.groups_shift) - 1);
        (pool as u32) << self.groups_shift | group
    }
}
