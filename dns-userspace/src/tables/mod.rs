//! The kernel's tables from userspace: mapped memory, one writer of what is current,
//! any number of readers; the next generation is written where nobody reads. Without
//! the kernel the same layout lies in plain memory.

mod arena;
mod footprint;
mod grace;
mod image;
mod region;
mod resolvers;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{
    io,
    os::fd::BorrowedFd,
    sync::{
        Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use dns_common::{
    decision::SHARE_WORDS,
    tables::{
        AddressSlot, Chunk, Control, EntryPair, Generation, Line, V4_PAIRS, V6_PAIRS, Word,
        address, layout::Layout,
    },
};

pub use footprint::Objects;
pub use grace::wait_for_kernel_readers;
pub use image::{
    Addresses, Answer, Batch, Choices, Each, Image, ImageBuilder, ImageError, RowData, Slot,
    TypeData,
};
use region::Region;
pub use resolvers::{PreparedResolvers, ResolverFlags, ResolversError};

/// How much each table holds, for each generation where there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Names, those between others and those above our zones included.
    pub names: u32,
    /// Resolver groups, a power of two.
    pub groups: u32,
    /// Pools.
    pub pools: u32,
    /// 64-byte cells of answers.
    pub answer_cells: u32,
    /// 1 KiB nodes for prefixes longer than IPv4 /24 and IPv6 /16.
    pub chunks: u32,
    /// Services with a counter of their own.
    pub services: u32,
    /// Buckets of response rates, a power of two.
    pub rate_buckets: u32,
}

impl Capacity {
    /// Buckets of one generation: two names in each on average, so that none of
    /// eight entries is too few.
    pub fn buckets(&self) -> u32 {
        (self.names / 2).max(2).next_power_of_two()
    }

    /// Cells of names of one generation: two for each on average (104 octets),
    /// and the first, which is never used.
    pub fn name_cells(&self) -> u32 {
        2 * self.names + 1
    }

    /// Nodes for long prefixes: as many again as configured, so that what is in use
    /// stays as it is while its successor is written.
    pub fn chunk_entries(&self) -> u32 {
        2 * self.chunks
    }

    /// Words of rates: one a bucket, and the one after all of them.
    pub fn rate_entries(&self) -> u32 {
        self.rate_buckets + 1
    }

    /// Where the tables are in an arena, and how many octets it has.
    pub fn layout(&self) -> (Layout, u64) {
        fn octets<T>(entries: u32) -> u64 {
            u64::from(entries) * size_of::<T>() as u64
        }
        Layout::of([
            octets::<Line>(2 * self.buckets()),
            octets::<Line>(2 * self.name_cells()),
            octets::<Line>(2 * self.answer_cells),
            octets::<Chunk>(self.chunk_entries()),
            octets::<Word>(2 * self.pools * self.groups),
            octets::<Word>(2 * self.pools),
            octets::<Word>(2 * self.pools * SHARE_WORDS as u32),
            octets::<Word>(self.rate_entries()),
        ])
    }

    /// Every array of tables that the daemon sizes, with its number of entries.
    pub fn map_entries(&self) -> [(&'static str, u32); 8] {
        [
            ("BUCKETS", 2 * self.buckets()),
            ("NAMES", 2 * self.name_cells()),
            ("ANSWERS", 2 * self.answer_cells),
            ("CHUNKS", self.chunk_entries()),
            ("RANKINGS", 2 * self.pools * self.groups),
            ("ELIGIBLE", 2 * self.pools),
            ("SHARES", 2 * self.pools * SHARE_WORDS as u32),
            ("RATES", self.rate_entries()),
        ]
    }

    /// The maps that count, with their numbers of entries: the second half is carried
    /// over from those before.
    pub fn counters(&self) -> [(&'static str, u32); 3] {
        [
            ("SERVICES", 2 * self.services),
            ("GROUPS", 2 * self.groups),
            ("COUNTERS", 2),
        ]
    }
}

/// Where one generation's share of each table starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// The generation's number; odd and even ones take turns.
    pub number: u64,
    /// First bucket.
    pub bucket: u32,
    /// First cell of names.
    pub name: u32,
    /// First cell of answers.
    pub answer: u32,
    /// First pool.
    pub pool: u32,
    /// First slot of addresses.
    pub address: u32,
}

/// How much of what no other part knows is in use.
#[derive(Debug, Default)]
struct Used {
    /// Cells of answers of the last generations of even and of odd numbers.
    answer_cells: [AtomicU32; 2],
    chunks: AtomicU32,
}

/// All tables of one instance.
#[derive(Debug)]
pub struct Tables {
    capacity: Capacity,
    control: Region<Control>,
    addresses: Region<AddressSlot>,
    buckets: Region<Line>,
    names: Region<Line>,
    answers: Region<Line>,
    v4: Region<EntryPair>,
    v6: Region<EntryPair>,
    chunks: Region<Chunk>,
    rankings: Region<Word>,
    eligible: Region<Word>,
    shares: Region<Word>,
    rates: Region<Word>,
    /// Decision words stored since start, for statistics and tests.
    stores: AtomicU64,
    used: Used,
    /// Whether all memory is there for generations of even and of odd numbers.
    reserved: Mutex<[bool; 2]>,
}

impl Tables {
    /// Tables in plain memory, for serving from userspace alone.
    pub fn in_memory(capacity: Capacity) -> io::Result<Self> {
        fn region<T>(map: &str, entries: u32) -> io::Result<Region<T>> {
            Region::anonymous(entries).map_err(|error| no_room(map, &error))
        }
        Ok(Self {
            capacity,
            control: region("CONTROL", 1)?,
            addresses: region("ADDRESSES", 2 * address::SLOTS)?,
            buckets: region("BUCKETS", 2 * capacity.buckets())?,
            names: region("NAMES", 2 * capacity.name_cells())?,
            answers: region("ANSWERS", 2 * capacity.answer_cells)?,
            v4: region("RESOLVERS_V4", V4_PAIRS)?,
            v6: region("RESOLVERS_V6", V6_PAIRS)?,
            chunks: region("CHUNKS", capacity.chunk_entries())?,
            rankings: region("RANKINGS", 2 * capacity.pools * capacity.groups)?,
            eligible: region("ELIGIBLE", 2 * capacity.pools)?,
            shares: region("SHARES", 2 * capacity.pools * SHARE_WORDS as u32)?,
            rates: region("RATES", capacity.rate_entries())?,
            stores: AtomicU64::new(0),
            used: Used::default(),
            reserved: Mutex::new([true; 2]),
        })
    }

    /// The tables of a loaded program: `map` gives the descriptor and the number
    /// of entries of a mmapable array map by its name.
    pub fn of_maps<'fd>(
        capacity: Capacity,
        map: impl Fn(&str) -> io::Result<(BorrowedFd<'fd>, u32)>,
    ) -> io::Result<Self> {
        fn region<'fd, T>(
            map: &impl Fn(&str) -> io::Result<(BorrowedFd<'fd>, u32)>,
            name: &str,
        ) -> io::Result<Region<T>> {
            let (fd, entries) = map(name)?;
            Region::of_map(fd, entries).map_err(|error| {
                io::Error::new(error.kind(), format!("mmap of map {name}: {error}"))
            })
        }
        Ok(Self {
            capacity,
            control: region(&map, "CONTROL")?,
            addresses: region(&map, "ADDRESSES")?,
            buckets: region(&map, "BUCKETS")?,
            names: region(&map, "NAMES")?,
            answers: region(&map, "ANSWERS")?,
            v4: region(&map, "RESOLVERS_V4")?,
            v6: region(&map, "RESOLVERS_V6")?,
            chunks: region(&map, "CHUNKS")?,
            rankings: region(&map, "RANKINGS")?,
            eligible: region(&map, "ELIGIBLE")?,
            shares: region(&map, "SHARES")?,
            rates: region(&map, "RATES")?,
            stores: AtomicU64::new(0),
            used: Used::default(),
            reserved: Mutex::new([true; 2]),
        })
    }

    /// How much the tables hold.
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Number of the current generation, 0 before the first.
    pub fn generation_number(&self) -> u64 {
        self.line().0[Control::GENERATION].load()
    }

    /// The generation `number` as its readers see it.
    pub fn generation(&self, number: u64) -> Generation {
        self.line().generation(number)
    }

    /// Where generation `number` stands.
    pub fn half(&self, number: u64) -> Half {
        let odd = (number & 1) as u32;
        let Capacity { pools, .. } = self.capacity;
        Half {
            number,
            bucket: self.buckets.number() + odd * self.capacity.buckets(),
            name: self.names.number() + odd * self.capacity.name_cells(),
            answer: self.answers.number() + odd * self.capacity.answer_cells,
            pool: odd * pools,
            address: odd * address::SLOTS,
        }
    }

    /// Makes `image`, which was built in these tables, current with one store.
    pub fn publish(&self, image: &Image) {
        self.line()
            .describe(image.number(), image.generation(), image.secrets());
        self.line().0[Control::GENERATION].store(image.number());
    }

    /// Stores how far 1970 lies before the start of the kernel's clock
    /// (`CLOCK_BOOTTIME`), nanoseconds, wrapping.
    pub fn set_clock_offset_ns(&self, offset: u64) {
        self.line().set_clock_offset_ns(offset);
    }

    /// Stores until when what has been decided is vouched for, by the kernel's clock
    /// (`CLOCK_BOOTTIME`), nanoseconds.
    pub fn set_vouched_until_ns(&self, until: u64) {
        self.line().set_vouched_until_ns(until);
    }

    /// Which queries somebody watches; see [`dns_common::told`].
    pub fn watched(&self) -> u64 {
        self.line().watched()
    }

    /// Stores which queries somebody watches.
    pub fn set_watched(&self, watched: u64) {
        self.line().set_watched(watched);
    }

    /// Stores the eligibility of a pool of generation `number`.
    pub fn store_eligible(&self, number: u64, pool: u16, word: u64) {
        let index = self.half(number).pool + u32::from(pool);
        self.store(self.eligible.get(index), word);
    }

    /// Stores the ranking of a pool of generation `number` for one group.
    pub fn store_ranking(&self, number: u64, pool: u16, group: u16, word: u64) {
        let pool = self.half(number).pool + u32::from(pool);
        let index = self.generation(number).ranking_index(pool as u16, group);
        self.store(self.rankings.get(index), word);
    }

    /// Stores a word of the shares of a pool of generation `number`.
    pub fn store_shares(&self, number: u64, pool: u16, index: u8, word: u64) {
        let pool = self.half(number).pool + u32::from(pool);
        let index = pool * SHARE_WORDS as u32 + u32::from(index);
        self.store(self.shares.get(index), word);
    }

    /// Cells of answers that generation `number` has, as long as it stands there.
    pub fn answer_cells(&self, number: u64) -> u32 {
        self.used.answer_cells[(number & 1) as usize].load(Ordering::Relaxed)
    }

    /// Nodes for long prefixes that are in use.
    pub fn chunks(&self) -> u32 {
        self.used.chunks.load(Ordering::Relaxed)
    }

    /// Decision words stored one by one since start.
    pub fn stores(&self) -> u64 {
        self.stores.load(Ordering::Relaxed)
    }

    fn store(&self, word: Option<&Word>, value: u64) {
        if let Some(word) = word {
            word.store(value);
            self.stores.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn line(&self) -> &Control {
        self.control
            .get(0)
            .expect("the control table has one entry")
    }
}

/// What is said where there is no memory for the table `map`.
fn no_room(map: &str, error: &io::Error) -> io::Error {
    let setting = Capacity::setting_of(map);
    let message = format!("{map}: {error}; give the host more memory, or lower {setting}");
    io::Error::new(error.kind(), message)
}

impl dns_common::tables::Tables for Tables {
    fn control(&self) -> Option<&Control> {
        self.control.get(0)
    }

    fn address(&self, slot: u32) -> Option<&AddressSlot> {
        self.addresses.get(slot)
    }

    fn bucket(&self, index: u32) -> Option<&Line> {
        self.buckets.get(index)
    }

    fn name(&self, cell: u32) -> Option<&Line> {
        self.names.get(cell)
    }

    fn answer(&self, cell: u32) -> Option<&Line> {
        self.answers.get(cell)
    }

    fn v4(&self, pair: u32) -> Option<&EntryPair> {
        self.v4.get(pair)
    }

    fn v6(&self, pair: u32) -> Option<&EntryPair> {
        self.v6.get(pair)
    }

    fn chunk(&self, index: u32) -> Option<&Chunk> {
        self.chunks.get(index)
    }

    fn ranking(&self, index: u32) -> Option<&Word> {
        self.rankings.get(index)
    }

    fn share_word(&self, index: u32) -> Option<&Word> {
        self.shares.get(index)
    }

    fn eligible(&self, pool: u32) -> Option<&Word> {
        self.eligible.get(pool)
    }

    fn rate(&self, bucket: u32) -> Option<&Word> {
        self.rates.get(bucket)
    }
}
