//! The maps, for the shared code to decide from. Sizes here are the smallest
//! that load; the daemon sets the real ones.

use aya_ebpf::{bindings::BPF_F_MMAPABLE, btf_maps::Array, macros::btf_map};
use dns_common::tables::{
    AddressSlot, Chunk, Control, EntryPair, Line, Tables, V4_PAIRS, V6_PAIRS, Word, address,
};

/// One writer in userspace, without a system call.
const MMAPABLE: usize = BPF_F_MMAPABLE as usize;

#[btf_map]
static CONTROL: Array<Control, 1, MMAPABLE> = Array::new();
#[btf_map]
static ADDRESSES: Array<AddressSlot, { 2 * address::SLOTS as usize }, MMAPABLE> = Array::new();
#[btf_map]
static BUCKETS: Array<Line, 2, MMAPABLE> = Array::new();
#[btf_map]
static NAMES: Array<Line, 2, MMAPABLE> = Array::new();
#[btf_map]
static ANSWERS: Array<Line, 2, MMAPABLE> = Array::new();
#[btf_map]
static RESOLVERS_V4: Array<EntryPair, { V4_PAIRS as usize }, MMAPABLE> = Array::new();
#[btf_map]
static RESOLVERS_V6: Array<EntryPair, { V6_PAIRS as usize }, MMAPABLE> = Array::new();
#[btf_map]
static CHUNKS: Array<Chunk, 1, MMAPABLE> = Array::new();
#[btf_map]
static RANKINGS: Array<Word, 2, MMAPABLE> = Array::new();
#[btf_map]
static ELIGIBLE: Array<Word, 2, MMAPABLE> = Array::new();
#[btf_map]
static SHARES: Array<Word, 2, MMAPABLE> = Array::new();
#[btf_map]
static RATES: Array<Word, 2, MMAPABLE> = Array::new();

/// The kernel's tables.
pub(crate) struct Maps;

impl Maps {
    /// Each look-up names its map.
    #[inline(always)]
    pub(crate) fn bind() {}
}

impl Tables for Maps {
    #[inline(always)]
    fn control(&self) -> Option<&Control> {
        CONTROL.get(0)
    }

    #[inline(always)]
    fn address(&self, slot: u32) -> Option<&AddressSlot> {
        ADDRESSES.get(slot)
    }

    #[inline(always)]
    fn bucket(&self, index: u32) -> Option<&Line> {
        BUCKETS.get(index)
    }

    #[inline(always)]
    fn name(&self, cell: u32) -> Option<&Line> {
        NAMES.get(cell)
    }

    #[inline(always)]
    fn answer(&self, cell: u32) -> Option<&Line> {
        ANSWERS.get(cell)
    }

    #[inline(always)]
    fn v4(&self, pair: u32) -> Option<&EntryPair> {
        RESOLVERS_V4.get(pair)
    }

    #[inline(always)]
    fn v6(&self, pair: u32) -> Option<&EntryPair> {
        RESOLVERS_V6.get(pair)
    }

    #[inline(always)]
    fn chunk(&self, index: u32) -> Option<&Chunk> {
        CHUNKS.get(index)
    }

    #[inline(always)]
    fn ranking(&self, index: u32) -> Option<&Word> {
        RANKINGS.get(index)
    }

    #[inline(always)]
    fn eligible(&self, pool: u32) -> Option<&Word> {
        ELIGIBLE.get(pool)
    }

    #[inline(always)]
    fn share_word(&self, index: u32) -> Option<&Word> {
        SHARES.get(index)
    }

    #[inline(always)]
    fn rate(&self, bucket: u32) -> Option<&Word> {
        RATES.get(bucket)
    }
}
