//! One table's memory, as a slice of words shared with the kernel.

use std::{
    io,
    marker::PhantomData,
    os::fd::{AsRawFd as _, BorrowedFd},
    sync::Arc,
};

use dns_common::tables::{AddressSlot, Chunk, Control, EntryPair, Line, Word};
use memmap2::{Advice, MmapMut, MmapOptions, MmapRaw};

/// Types made of nothing but [`Word`]s: any bit pattern is a value, and shared
/// references may be written through.
///
/// # Safety
/// The type has no other content, no padding, and an alignment that a page has.
pub(super) unsafe trait Words {}

// SAFETY: each is an array of `Word` or a transparent wrapper of one; the
// largest alignment is 64.
unsafe impl Words for Word {}
// SAFETY: as above.
unsafe impl Words for Line {}
// SAFETY: as above.
unsafe impl Words for Control {}
// SAFETY: as above.
unsafe impl Words for AddressSlot {}
// SAFETY: as above.
unsafe impl Words for EntryPair {}
// SAFETY: as above.
unsafe impl Words for Chunk {}

/// Mapped memory that tables lie in.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<MmapRaw>);

impl Memory {
    /// The `octets` octets of an arena, or of a mmapable array map.
    pub(super) fn of_map(map: BorrowedFd<'_>, octets: usize) -> io::Result<Self> {
        let memory = MmapOptions::new().len(octets).map_raw(map.as_raw_fd())?;
        Ok(Self(Arc::new(memory)))
    }

    /// The table of `entries` entries that starts `first` octets after the start;
    /// what of it is past the end of the memory stays out.
    pub(super) fn region<T>(&self, first: usize, entries: u32) -> Region<T> {
        let first = first.min(self.0.len());
        assert!(first.is_multiple_of(align_of::<T>()), "a table is aligned");
        let room = (self.0.len() - first) / size_of::<T>();
        Region {
            memory: self.clone(),
            first,
            number: 0,
            entries: entries.min(u32::try_from(room).unwrap_or(u32::MAX)),
            of: PhantomData,
        }
    }
}

/// A table of `T` in mapped memory.
#[derive(Debug)]
pub(super) struct Region<T> {
    memory: Memory,
    /// Octets before it.
    first: usize,
    /// The number of the first entry.
    number: u32,
    entries: u32,
    of: PhantomData<T>,
}

impl<T> Region<T> {
    /// `entries` zeroed entries in plain memory.
    pub(super) fn anonymous(entries: u32) -> io::Result<Self> {
        let memory = MmapMut::map_anon(entries as usize * size_of::<T>())?;
        Ok(Memory(Arc::new(memory.into())).region(0, entries))
    }

    /// The `entries` entries of a mmapable array map whose values are `T`.
    pub(super) fn of_map(map: BorrowedFd<'_>, entries: u32) -> io::Result<Self> {
        let memory = Memory::of_map(map, entries as usize * size_of::<T>())?;
        Ok(memory.region(0, entries))
    }
}

impl<T> Region<T> {
    /// The same, its entries numbered by where they stand in the memory: readers in the
    /// kernel need not add anything to a number.
    pub(super) fn numbered_in_memory(self) -> Self {
        let number = self.first / size_of::<T>();
        Self {
            number: u32::try_from(number).expect("entries are numbered in 32 bits"),
            ..self
        }
    }

    /// The number of the first entry.
    pub(super) fn number(&self) -> u32 {
        self.number
    }
}

impl<T> Region<T> {
    /// Has the kernel find the memory of `count` entries from `start` on now.
    pub(super) fn populate(&self, start: u32, count: u32) -> io::Result<()> {
        /// At a time: meanwhile no other thread can map or unmap anything, and some
        /// need more memory every millisecond.
        const PIECE: usize = 1 << 16;
        let place = |entry: u32| {
            let index = (entry - self.number).min(self.entries);
            self.first + index as usize * size_of::<T>()
        };
        let end = place(start + count);
        for first in (place(start)..end).step_by(PIECE) {
            let octets = PIECE.min(end - first);
            self.memory
                .0
                .advise_range(Advice::PopulateWrite, first, octets)?;
        }
        Ok(())
    }
}

impl<T: Words> Region<T> {
    /// The entry with that number; `None` where there is none.
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let index = number.checked_sub(self.number)?;
        self.all().get(index as usize)
    }

    /// The `count` entries from `start` on, or as many of them as there are.
    pub(super) fn part(&self, start: u32, count: u32) -> &[T] {
        let all = self.all();
        let start = all.len().min((start - self.number) as usize);
        let end = all.len().min(start + count as usize);
        &all[start..end]
    }

    fn all(&self) -> &[T] {
        // SAFETY: from `first` on the mapping holds `entries` values of T
        // and is aligned for them, since it starts at a page (`Memory::region` sees to
        // both), and it lives as long as `self`; `Words` says that any content is valid and that it is only
        // ever accessed as atomics, by the kernel too.
        unsafe {
            let start = self.memory.0.as_mut_ptr().add(self.first).cast::<T>();
            std::slice::from_raw_parts(start, self.entries as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(octets: usize) -> Memory {
        let memory = MmapMut::map_anon(octets).expect("there is memory");
        Memory(Arc::new(memory.into()))
    }

    #[test]
    fn what_is_past_the_end_is_no_entry() {
        let region: Region<Line> = memory(3 * size_of::<Line>()).region(size_of::<Line>(), 9);
        assert!(region.get(1).is_some() && region.get(2).is_none());
        let region: Region<Line> = memory(size_of::<Line>()).region(1 << 20, 9);
        assert!(region.get(0).is_none());
    }

    #[test]
    #[should_panic = "a table is aligned"]
    fn a_table_that_is_not_aligned_is_refused() {
        let _: Region<Word> = memory(4096).region(4, 1);
    }
}
