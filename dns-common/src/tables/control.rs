//! The lines every packet reads first.

use super::{Line, Word, address::SLOTS};
use crate::cookie::Secret;

/// The first line holds the number of the current generation, 0 before the
/// first, what stays as it was at load time, the clock, how long decisions are vouched for,
/// and which queries somebody watches; a line follows for each of the two generations.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Control(pub [Word; 8], pub [Line; 2]);

/// What a reader needs to know of one generation, loaded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Seed of the name hash.
    pub seed: u64,
    /// First bucket of this generation's name index.
    pub bucket_base: u32,
    /// Number of its buckets, a power of two, less one.
    pub bucket_mask: u32,
    /// See [`super::address::multiplier`]: of a seed by which no two addresses collide.
    pub address_multiplier: u64,
    /// By [`super::address::filter`]: a bit for each address.
    pub address_filter: u64,
    /// Binary logarithm of the number of groups a pool has rankings for.
    pub groups_shift: u32,
    /// The UDP port we answer on, in wire order as a little-endian pair.
    pub port: u16,
    /// Even or odd: which line the cookie secrets are in.
    odd: bool,
}

impl Control {
    /// Index of the word that makes a generation current.
    pub const GENERATION: usize = 0;
    const CONSTANTS: usize = 1;
    const CLOCK: usize = 2;
    const VOUCHED: usize = 3;
    const WATCHED: usize = 4;
    // Of each generation's line; two words a secret.
    const SEED: usize = 0;
    const BUCKETS: usize = 1;
    const MULTIPLIER: usize = 2;
    const SECRETS: usize = 3;
    const FILTER: usize = 7;

    /// The line of a generation.
    #[inline(always)]
    fn line(&self, odd: bool) -> &[Word; 8] {
        &self.1[usize::from(odd)].0
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
        let odd = number & 1 != 0;
        let line = self.line(odd);
        let buckets = line[Self::BUCKETS].load();
        Generation {
            seed: line[Self::SEED].load(),
            bucket_base: buckets as u32,
            bucket_mask: (buckets >> 32) as u32,
            address_multiplier: line[Self::MULTIPLIER].load(),
            address_filter: line[Self::FILTER].load(),
            groups_shift: constants as u32 & 0x1f,
            port: (constants >> 48) as u16,
            odd,
        }
    }

    /// The secrets of `generation`: the one that makes cookies, and the one whose
    /// cookies are taken as well.
    #[inline(always)]
    pub fn secrets(&self, generation: &Generation) -> [Secret; 2] {
        let line = self.line(generation.odd);
        [
            Secret(line[Self::SECRETS].load(), line[Self::SECRETS + 1].load()),
            Secret(
                line[Self::SECRETS + 2].load(),
                line[Self::SECRETS + 3].load(),
            ),
        ]
    }

    /// Nanoseconds from the kernel's clock (`CLOCK_BOOTTIME`) to 1970, wrapping.
    #[inline(always)]
    pub fn clock_offset_ns(&self) -> u64 {
        self.0[Self::CLOCK].load()
    }

    /// Until when somebody vouches for what has been decided, by the kernel's clock
    /// (`CLOCK_BOOTTIME`), nanoseconds; 0 before anybody has.
    #[inline(always)]
    pub fn vouched_until_ns(&self) -> u64 {
        self.0[Self::VOUCHED].load()
    }

    /// Which queries somebody watches; see [`crate::told`].
    #[inline(always)]
    pub fn watched(&self) -> u64 {
        self.0[Self::WATCHED].load()
    }
}

#[cfg(not(target_arch = "bpf"))]
impl Control {
    /// Sets what [`Control::clock_offset_ns`] reads.
    pub fn set_clock_offset_ns(&self, offset: u64) {
        self.0[Self::CLOCK].store(offset);
    }

    /// Sets what [`Control::vouched_until_ns`] reads.
    pub fn set_vouched_until_ns(&self, until: u64) {
        self.0[Self::VOUCHED].store(until);
    }

    /// Sets what [`Control::watched`] reads.
    pub fn set_watched(&self, watched: u64) {
        self.0[Self::WATCHED].store(watched);
    }

    /// Describes generation `number`, which must not be current.
    pub fn describe(&self, number: u64, generation: &Generation, secrets: [Secret; 2]) {
        let odd = number & 1 != 0;
        let buckets = u64::from(generation.bucket_mask) << 32 | u64::from(generation.bucket_base);
        let constants = u64::from(generation.port) << 48 | u64::from(generation.groups_shift);
        let [first, second] = secrets;
        let line = self.line(odd);
        line[Self::FILTER].store(generation.address_filter);
        line[Self::SEED].store(generation.seed);
        line[Self::BUCKETS].store(buckets);
        line[Self::MULTIPLIER].store(generation.address_multiplier);
        line[Self::SECRETS].store(first.0);
        line[Self::SECRETS + 1].store(first.1);
        line[Self::SECRETS + 2].store(second.0);
        line[Self::SECRETS + 3].store(second.1);
        self.0[Self::CONSTANTS].store(constants);
    }
}

impl Generation {
    /// This one as generation `number`.
    #[must_use]
    pub const fn numbered(self, number: u64) -> Self {
        Self {
            odd: number & 1 != 0,
            ..self
        }
    }

    /// Even or odd, as its number is: enough for [`Control::generation`].
    #[inline(always)]
    pub const fn number(&self) -> u64 {
        self.odd as u64
    }

    /// First slot of its service addresses.
    #[inline(always)]
    pub const fn address_base(&self) -> u32 {
        self.odd as u32 * SLOTS
    }

    /// Where the ranking of `pool` for `group` stands.
    #[inline(always)]
    pub const fn ranking_index(&self, pool: u16, group: u16) -> u32 {
        // The writer has no group past the pool's share.
        ((pool as u32) << self.groups_shift) + group as u32
    }
}
