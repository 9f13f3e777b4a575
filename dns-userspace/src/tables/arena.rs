//! Tables in an arena, which has no memory until it is asked for: what is used next is
//! asked for before, since a page that is missing then would end the daemon.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};

use dns_common::{
    decision::SHARE_WORDS,
    tables::{V4_PAIRS, V6_PAIRS, address, layout},
};

use super::{
    Capacity, Tables, Used, no_room,
    region::{Memory, Region},
};

impl Tables {
    /// The tables of a loaded program that has them in `arena`, with the memory of the
    /// first generation.
    pub fn of_arena(capacity: Capacity, arena: BorrowedFd<'_>) -> io::Result<Self> {
        let (layout, octets) = capacity.layout();
        if octets > layout::ARENA {
            let message = format!("{octets} octets, an arena holds {}", layout::ARENA);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let memory = Memory::of_map(arena, layout::ARENA as usize)
            .map_err(|error| io::Error::new(error.kind(), format!("mmap of the arena: {error}")))?;
        let placed = Placed {
            memory,
            entries: capacity.map_entries(),
        };
        let tables = Self {
            capacity,
            control: placed.fixed(layout::CONTROL, 1),
            addresses: placed.fixed(layout::ADDRESSES, 2 * address::SLOTS),
            buckets: placed.sized("BUCKETS", layout.buckets).numbered_in_memory(),
            names: placed.sized("NAMES", layout.names).numbered_in_memory(),
            answers: placed.sized("ANSWERS", layout.answers).numbered_in_memory(),
            v4: placed.fixed(layout::V4, V4_PAIRS),
            v6: placed.fixed(layout::V6, V6_PAIRS),
            chunks: placed.sized("CHUNKS", layout.chunks),
            rankings: placed.sized("RANKINGS", layout.rankings),
            eligible: placed.sized("ELIGIBLE", layout.eligible),
            shares: placed.sized("SHARES", layout.shares),
            rates: placed.sized("RATES", layout.rates),
            stores: AtomicU64::new(0),
            used: Used::default(),
            reserved: Mutex::new([false; 2]),
        };
        populate("CONTROL", &tables.control, 0, 1)?;
        populate("ADDRESSES", &tables.addresses, 0, 2 * address::SLOTS)?;
        populate("RESOLVERS_V4", &tables.v4, 0, V4_PAIRS)?;
        populate("RESOLVERS_V6", &tables.v6, 0, V6_PAIRS)?;
        populate("RATES", &tables.rates, 0, capacity.rate_entries())?;
        tables.reserve(1)?;
        Ok(tables)
    }

    /// Has the kernel find all memory of generation `number` that is not there yet.
    pub fn reserve(&self, number: u64) -> io::Result<()> {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let odd = (number & 1) as usize;
        if reserved[odd] {
            return Ok(());
        }
        let (half, capacity) = (self.half(number), &self.capacity);
        let Capacity { pools, groups, .. } = *capacity;
        // The first generation has the first nodes, the next one what those leave.
        let chunk = (1 - odd as u32) * capacity.chunks;
        populate("BUCKETS", &self.buckets, half.bucket, capacity.buckets())?;
        populate("NAMES", &self.names, half.name, capacity.name_cells())?;
        populate("ANSWERS", &self.answers, half.answer, capacity.answer_cells)?;
        populate("CHUNKS", &self.chunks, chunk, capacity.chunks)?;
        populate(
            "RANKINGS",
            &self.rankings,
            half.pool * groups,
            pools * groups,
        )?;
        populate("ELIGIBLE", &self.eligible, half.pool, pools)?;
        let words = SHARE_WORDS as u32;
        populate("SHARES", &self.shares, half.pool * words, pools * words)?;
        reserved[odd] = true;
        Ok(())
    }
}

fn populate<T>(map: &str, table: &Region<T>, start: u32, count: u32) -> io::Result<()> {
    let result = table.populate(start, count);
    result.map_err(|error| no_room(map, &error))
}

/// Tables placed in one memory.
struct Placed {
    memory: Memory,
    /// Of each table that the daemon sizes.
    entries: [(&'static str, u32); 8],
}

impl Placed {
    /// The table of `entries` entries from octet `first` on.
    fn fixed<T>(&self, first: u64, entries: u32) -> Region<T> {
        self.memory.region(first as usize, entries)
    }

    /// The table `map`, with as many entries as its setting says.
    fn sized<T>(&self, map: &str, first: u64) -> Region<T> {
        let sized = self.entries.iter().find(|(name, _)| *name == map);
        let (_, entries) = sized.expect("a table that the daemon sizes");
        self.fixed(first, *entries)
    }
}
