//! Where each table starts in the one stretch of memory that holds all of them.

use super::{AddressSlot, Control, EntryPair, V4_PAIRS, V6_PAIRS, address};

/// Octets of a page: every table starts on one.
pub const PAGE: u64 = 4096;

/// Octets of an arena: all that it can have. Then the kernel maps it where the lower
/// 32 bits of an address, by which programs reach into it, count from 0; what is
/// not used takes no memory.
pub const ARENA: u64 = 1 << 32;

/// The first octet of `control`.
pub const CONTROL: u64 = 0;
/// The first octet of `addresses`.
pub const ADDRESSES: u64 = CONTROL + pages(size_of::<Control>() as u64);
/// The first octet of `resolvers` of IPv6.
pub const V6: u64 = ADDRESSES + pages(2 * address::SLOTS as u64 * size_of::<AddressSlot>() as u64);
/// The first octet of `resolvers` of IPv4.
pub const V4: u64 = V6 + pages(V6_PAIRS as u64 * size_of::<EntryPair>() as u64);
/// The first octet of the tables whose sizes are settings.
pub const SIZED: u64 = V4 + pages(V4_PAIRS as u64 * size_of::<EntryPair>() as u64);

/// The first octets of the tables whose sizes are settings.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of `buckets`.
    pub buckets: u64,
    /// Of `names`.
    pub names: u64,
    /// Of `answers`.
    pub answers: u64,
    /// Of the nodes of `resolvers`.
    pub chunks: u64,
    /// Of `rankings`.
    pub rankings: u64,
    /// Of `eligible`.
    pub eligible: u64,
    /// Of `shares`.
    pub shares: u64,
    /// Of `rates`.
    pub rates: u64,
}

/// `octets`, up to the end of a page.
#[must_use]
pub const fn pages(octets: u64) -> u64 {
    octets.next_multiple_of(PAGE)
}

impl Layout {
    /// How many words it is.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// No table anywhere.
    pub const NONE: Self = Self {
        buckets: 0,
        names: 0,
        answers: 0,
        chunks: 0,
        rankings: 0,
        eligible: 0,
        shares: 0,
        rates: 0,
    };

    /// Tables of so many octets, in the order of the fields, one after another;
    /// and where the last one ends.
    #[must_use]
    pub fn of(octets: [u64; Self::WORDS]) -> (Self, u64) {
        let mut end = SIZED;
        let [
            buckets,
            names,
            answers,
            chunks,
            rankings,
            eligible,
            shares,
            rates,
        ] = octets.map(|octets| {
            let start = end;
            end += pages(octets);
            start
        });
        let layout = Self {
            buckets,
            names,
            answers,
            chunks,
            rankings,
            eligible,
            shares,
            rates,
        };
        (layout, end)
    }

    /// Its words in the order of the fields, as the program's data has them.
    #[must_use]
    pub const fn words(&self) -> [u64; Self::WORDS] {
        [
            self.buckets,
            self.names,
            self.answers,
            self.chunks,
            self.rankings,
            self.eligible,
            self.shares,
            self.rates,
        ]
    }
}
