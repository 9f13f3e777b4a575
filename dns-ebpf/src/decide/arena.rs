//! All tables in one arena (kernel 6.9, for atomic additions 6.10), which programs read like memory of their
//! own: an address is an offset, and what nobody has written yet is zero. Nothing is
//! looked up, so nothing is called and no register is lost.

use core::ptr;

use aya_ebpf::bindings::{BPF_F_MMAPABLE, bpf_map_type::BPF_MAP_TYPE_ARENA};
use dns_common::{
    host::constant,
    tables::{
        AddressSlot, Chunk, Control, Entry, EntryPair, Line, Tables, Word,
        layout::{self, Layout},
    },
};

/// What the loader reads of a map: each field's type says a number.
#[repr(C)]
struct Definition {
    r#type: *const [i32; BPF_MAP_TYPE_ARENA as usize],
    map_flags: *const [i32; BPF_F_MMAPABLE as usize],
    /// In pages; the daemon sets it.
    max_entries: *const [i32; 1],
}

// SAFETY: the pointers are null and never followed.
unsafe impl Sync for Definition {}

#[cfg_attr(target_arch = "bpf", unsafe(no_mangle), unsafe(link_section = ".maps"))]
static TABLES: Definition = Definition {
    r#type: ptr::null(),
    map_flags: ptr::null(),
    max_entries: ptr::null(),
};

/// Set and frozen by the loader.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
static LAYOUT: Layout = Layout::NONE;

/// The kernel's tables.
pub(crate) struct Maps;

impl Maps {
    /// Names the arena, which a program must do somewhere to read from it.
    #[inline(always)]
    pub(crate) fn bind() {
        #[cfg(target_arch = "bpf")]
        // SAFETY: no instruction at all but the one that brings the operand.
        unsafe {
            core::arch::asm!("/* {0} */", in(reg) &raw const TABLES, options(nomem, nostack));
        }
    }
}

/// What stands `offset` octets after the arena's start.
#[inline(always)]
fn at<T>(offset: u32) -> &'static T {
    #[cfg(target_arch = "bpf")]
    {
        let pointer: *const T;
        // SAFETY: one instruction on registers, without any other effect.
        unsafe {
            core::arch::asm!(
                "{pointer} = addr_space_cast({offset}, 0x0, 0x1)",
                pointer = out(reg) pointer,
                offset = in(reg) offset,
                options(pure, nomem, nostack),
            );
        }
        // SAFETY: every octet of an arena can be read, and tables are made of atomic
        // words; layout and index keep to the words' alignment.
        unsafe { &*pointer }
    }
    #[cfg(not(target_arch = "bpf"))]
    unreachable!("offset {offset}: only the kernel has an arena")
}

/// Entry `index` of the table that starts at `first`; an arena has no more octets
/// than 32 bits can count.
#[inline(always)]
fn entry<T>(first: u64, index: u32) -> &'static T {
    let offset = index.wrapping_mul(size_of::<T>() as u32);
    at(offset.wrapping_add(first as u32))
}

/// A line by its number: that of its place in the arena.
#[inline(always)]
fn line(number: u32) -> &'static Line {
    entry(0, number)
}

/// The half of an [`EntryPair`] that stands `offset` octets after the arena's start.
#[inline(always)]
fn half(offset: u32) -> Entry {
    let half: &u32 = at(offset);
    // SAFETY: as in `at`; an aligned load of a half is one instruction and whole.
    Entry(unsafe { ptr::from_ref(half).read_volatile() })
}

impl Tables for Maps {
    #[inline(always)]
    fn control(&self) -> Option<&Control> {
        Some(at(layout::CONTROL as u32))
    }

    #[inline(always)]
    fn address(&self, slot: u32) -> Option<&AddressSlot> {
        Some(entry(layout::ADDRESSES, slot))
    }

    #[inline(always)]
    fn bucket(&self, index: u32) -> Option<&Line> {
        Some(line(index))
    }

    #[inline(always)]
    fn name(&self, cell: u32) -> Option<&Line> {
        Some(line(cell))
    }

    #[inline(always)]
    fn answer(&self, cell: u32) -> Option<&Line> {
        Some(line(cell))
    }

    #[inline(always)]
    fn v4(&self, pair: u32) -> Option<&EntryPair> {
        Some(entry(layout::V4, pair))
    }

    #[inline(always)]
    fn v6(&self, pair: u32) -> Option<&EntryPair> {
        Some(entry(layout::V6, pair))
    }

    #[inline(always)]
    fn chunk(&self, index: u32) -> Option<&Chunk> {
        Some(entry(constant(&LAYOUT.chunks), index))
    }

    #[inline(always)]
    fn v4_entry(&self, block: u32) -> Option<Entry> {
        Some(half(layout::V4 as u32 + 4 * block))
    }

    #[inline(always)]
    fn node_entry(&self, node: u32, octet: u8) -> Option<Entry> {
        let first = node.wrapping_mul(size_of::<Chunk>() as u32);
        let offset = first.wrapping_add(4 * u32::from(octet));
        Some(half(offset.wrapping_add(constant(&LAYOUT.chunks) as u32)))
    }

    #[inline(always)]
    fn ranking(&self, index: u32) -> Option<&Word> {
        Some(entry(constant(&LAYOUT.rankings), index))
    }

    #[inline(always)]
    fn eligible(&self, pool: u32) -> Option<&Word> {
        Some(entry(constant(&LAYOUT.eligible), pool))
    }

    #[inline(always)]
    fn share_word(&self, index: u32) -> Option<&Word> {
        Some(entry(constant(&LAYOUT.shares), index))
    }

    #[inline(always)]
    fn rate(&self, bucket: u32) -> Option<&Word> {
        Some(entry(constant(&LAYOUT.rates), bucket))
    }
}
