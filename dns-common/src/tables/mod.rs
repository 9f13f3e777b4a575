//! The tables the kernel reads and userspace writes: their layout, and how an
//! entry is found. All integers are little-endian words, read and written as
//! one atomic access each.
//!
//! `addresses`, `buckets`, `names`, `answers`, `rankings`, `eligible` and `shares` exist
//! twice, once for each of two generations: a new generation is written beside the one in use, then one
//! store of [`Control::GENERATION`] makes it current. `resolvers` is shared by
//! both and changes entry by entry. `rates` is shared too, and the one table that readers
//! write.

pub mod address;
pub mod answer;
pub mod bucket;
mod control;
pub mod layout;
mod resolver;
mod row;
mod word;

pub use answer::{AnswerHead, AnswerKind, Empty};
pub use control::{Control, Generation};
pub use resolver::{Entry, Source};
pub use row::{Below, By, Row, TypeEntry};
pub use word::Word;

use crate::{
    decision::{SHARE_WORDS, SLOTS_PER_WORD},
    name::{LABELS_MAX, NAME_WORDS},
    outcome::Outcome,
};

/// Version of everything in this module; a program never runs over tables of
/// another version. Raise it with any change of layout or meaning.
pub const ABI_VERSION: u32 = 8;

/// One cache line: the cell of `buckets`, `names` and `answers`.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Line(pub [Word; 8]);

/// A pair of resolver entries, the even one in the low half: array values, and
/// atomic accesses in BPF, are whole words.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct EntryPair(pub Word);

/// A node of 256 resolver entries, chosen by one octet of the address.
#[repr(transparent)]
#[derive(Debug)]
pub struct Chunk(pub [EntryPair; 128]);

/// One service address as two words in wire order; all zero when unused.
#[repr(C, align(8))]
#[derive(Debug, Default)]
pub struct AddressSlot(pub [Word; 2]);

/// Per-CPU counters.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Packets by [`Outcome`]; the rest stays 0.
    pub outcomes: [u64; OUTCOMES],
    /// How the packet at hand is answered, until that is counted.
    pub pending: u64,
    /// Responses kept back by their rate, for [`crate::host::Host::slips`].
    pub limited: u64,
    /// Queries that somebody watched, in the sample or not.
    pub watched: u64,
    /// The tick of the kernel (`jiffies`) in which the clock was read last.
    pub tick: u64,
    /// What it said, nanoseconds of `CLOCK_BOOTTIME`.
    pub now_ns: u64,
    /// The last time that was made seconds of, nanoseconds since 1970.
    pub unix_ns: u64,
    /// Those seconds.
    pub unix_s: u64,
    /// A place the program passes offsets through, so that the verifier forgets
    /// what it knows of them and checks the rest once, not once for each path.
    pub scratch: u64,
    /// By [`Work`]: what steps that are functions of their own are given, and find.
    pub work: [u64; Work::COUNT],
    /// For [`crate::host::Host::set_label`].
    pub labels: [u8; LABELS_MAX + 1],
    /// For [`crate::host::Host::set_hash`].
    pub hashes: [u64; NAME_WORDS],
}

impl Counters {
    /// As they are before the first packet.
    pub const ZERO: Self = Self {
        outcomes: [0; OUTCOMES],
        pending: 0,
        limited: 0,
        watched: 0,
        tick: 0,
        now_ns: 0,
        unix_ns: 0,
        unix_s: 0,
        scratch: 0,
        work: [0; Work::COUNT],
        labels: [0; LABELS_MAX + 1],
        hashes: [0; NAME_WORDS],
    };
}

/// Places in [`Counters::work`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Work {
    /// Offset in the frame of the DNS message.
    Start,
    /// Octets of the name or of the question.
    Len,
    /// Number of the generation.
    Generation,
    /// 4 or 6: the resolver's address family, and the address as two numbers.
    Family,
    /// See [`Work::Family`].
    High,
    /// See [`Work::Family`].
    Low,
    /// What else the step is given, and then what it found.
    First,
    /// See [`Work::First`].
    Second,
    /// See [`Work::First`].
    Third,
    /// The MAC addresses of a reply that is routed, and the four octets before them.
    Route,
    /// See [`Work::Route`].
    RouteRest,
    /// The resolver group that the answer at hand was chosen for.
    Group,
    /// The service that it was chosen by, where queries are told.
    Service,
}

impl Work {
    /// How many places there are.
    pub const COUNT: usize = Self::Service as usize + 1;
}

/// Places for outcomes: a power of two, so that a mask keeps a number inside.
pub const OUTCOMES: usize = Outcome::ALL.len().next_power_of_two();

/// IPv4 blocks of /24, two entries in a word: 64 MiB.
pub const V4_PAIRS: u32 = 1 << 23;
/// IPv6 blocks of /16, two entries in a word: 256 KiB.
pub const V6_PAIRS: u32 = 1 << 15;

/// Where the tables are: maps in the kernel, memory in userspace. Every method
/// returns `None` for an index past the table's end.
pub trait Tables {
    /// The line everything starts from.
    fn control(&self) -> Option<&Control>;
    /// A slot of the service addresses.
    fn address(&self, slot: u32) -> Option<&AddressSlot>;
    /// A bucket of the name index.
    fn bucket(&self, index: u32) -> Option<&Line>;
    /// A cell of the names.
    fn name(&self, cell: u32) -> Option<&Line>;
    /// A cell of the answers.
    fn answer(&self, cell: u32) -> Option<&Line>;
    /// A pair of IPv4 /24 entries.
    fn v4(&self, pair: u32) -> Option<&EntryPair>;
    /// A pair of IPv6 /16 entries.
    fn v6(&self, pair: u32) -> Option<&EntryPair>;
    /// A node for longer prefixes.
    fn chunk(&self, index: u32) -> Option<&Chunk>;
    /// A ranking word.
    fn ranking(&self, index: u32) -> Option<&Word>;
    /// A pool's eligibility word.
    fn eligible(&self, pool: u32) -> Option<&Word>;
    /// A word of shares.
    fn share_word(&self, index: u32) -> Option<&Word>;

    /// A rate bucket, or the word after all of them.
    fn rate(&self, bucket: u32) -> Option<&Word>;

    /// The entry of an IPv4 /24.
    #[inline(always)]
    fn v4_entry(&self, block: u32) -> Option<Entry> {
        Some(self.v4(block >> 1)?.entry(block))
    }

    /// The entry of `octet` in a node.
    #[inline(always)]
    fn node_entry(&self, node: u32, octet: u8) -> Option<Entry> {
        Some(self.chunk(node)?.entry(octet))
    }

    /// The word of a pool's shares that has `slot` in it.
    #[inline(always)]
    fn share(&self, pool: u16, slot: u32) -> Option<&Word> {
        let first = u32::from(pool) * SHARE_WORDS as u32;
        self.share_word(first + slot / SLOTS_PER_WORD as u32)
    }

    /// What is known of a resolver: the longest prefix that holds it.
    #[inline(always)]
    fn resolver(&self, source: Source) -> Entry {
        resolver::entry(self, source)
    }

    /// As [`Tables::serves`], for an address that most likely is none.
    #[inline(always)]
    fn serves_seldom(&self, generation: &Generation, words: (u64, u64)) -> bool {
        generation.address_filter & address::filter(words) != 0 && self.serves(generation, words)
    }

    /// Whether `words` (see [`address::words`]) is a service address.
    #[inline(always)]
    fn serves(&self, generation: &Generation, words: (u64, u64)) -> bool {
        let slot = generation.address_base() + address::slot(words, generation.address_multiplier);
        match self.address(slot) {
            // An unused slot is all zero, but :: is nobody's address.
            Some(known) => {
                known.0[0].load() == words.0 && known.0[1].load() == words.1 && words != (0, 0)
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests;
