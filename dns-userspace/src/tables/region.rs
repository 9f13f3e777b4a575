//! One table's memory, as a slice of words shared with the kernel.

use std::{io, marker::PhantomData, os::fd::BorrowedFd};

use dns_common::tables::{AddressSlot, Chunk, Control, EntryPair, Line, Word};
use memmap2::{MmapMut, MmapOptions, MmapRaw};

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

/// A table of `T` in mapped memory.
#[derive(Debug)]
pub(super) struct Region<T> {
    memory: MmapRaw,
    entries: u32,
    of: PhantomData<T>,
}

impl<T> Region<T> {
    /// `entries` zeroed entries in plain memory.
    pub(super) fn anonymous(entries: u32) -> io::Result<Self> {
        let memory = MmapMut::map_anon(entries as usize * size_of::<T>())?;
        Ok(Self {
            memory: memory.into(),
            entries,
            of: PhantomData,
        })
    }

    /// The `entries` entries of a mmapable array map whose values are `T`.
    pub(super) fn of_map(map: BorrowedFd<'_>, entries: u32) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let memory = MmapOptions::new()
            .len(entries as usize * size_of::<T>())
            .map_raw(map.as_raw_fd())?;
        Ok(Self {
            memory,
            entries,
            of: PhantomData,
        })
    }
}

impl<T: Words> Region<T> {
    /// The entry at `index`; `None` past the end.
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        if index >= self.entries {
            return None;
        }
        // SAFETY: the mapping holds `entries` values of T (both constructors
        // size it so) and lives as long as `self`; `index` is below that;
        // page alignment covers T's; `Words` says that any content is valid
        // and that it is only ever accessed as atomics, by the kernel too.
        Some(unsafe { &*self.memory.as_mut_ptr().cast::<T>().add(index as usize) })
    }
}
