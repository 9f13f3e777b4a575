//! Per-CPU counters, by outcome, by service and by resolver group.

use core::ptr::NonNull;

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use dns_common::{
    host::{constant, is_sampled},
    name::{LABELS_MAX, NAME_WORDS},
    outcome::Outcome,
    tables::{Counters, OUTCOMES, Row, Work},
};

use crate::{decide::Maps, host::constants};

#[btf_map]
static COUNTERS: PerCpuArray<Counters, 1> = PerCpuArray::new();
#[btf_map]
static SERVICES: PerCpuArray<u64, 1> = PerCpuArray::new();
#[btf_map]
static GROUPS: PerCpuArray<u64, 1> = PerCpuArray::new();

/// This CPU's counters.
pub(crate) struct Tally(NonNull<Counters>);

impl Tally {
    #[inline(always)]
    pub(crate) fn of_this_cpu() -> Option<Self> {
        let counters = COUNTERS.get_ptr_mut(0).and_then(NonNull::new).map(Self);
        if counters.is_none() {
            // In a place that is never reached, since the map has the entry.
            Maps::bind();
        }
        counters
    }

    /// Counts one packet.
    #[inline(always)]
    pub(crate) fn count(&self, outcome: Outcome) {
        self.count_number(outcome as usize);
    }

    /// Remembers how the packet will have been answered, so that the verifier
    /// need not know while the reply is written.
    #[inline(always)]
    pub(crate) fn pend(&self, outcome: Outcome) {
        // SAFETY: as in `count_number`.
        unsafe {
            let pending = &raw mut (*self.0.as_ptr()).pending;
            pending.write_volatile(outcome as u64);
        }
    }

    /// Counts one packet that was answered as remembered.
    #[inline(always)]
    pub(crate) fn count_pending(&self) {
        self.count_number(self.pending() as usize & (OUTCOMES - 1));
    }

    #[inline(always)]
    fn count_number(&self, number: usize) {
        // SAFETY: the pointer is this CPU's map value; XDP programs do not
        // migrate or nest, so nobody else writes it meanwhile. The number is
        // below the array's length: an outcome's, or masked.
        unsafe {
            let counter = (&raw mut (*self.0.as_ptr()).outcomes)
                .cast::<u64>()
                .add(number);
            counter.write(counter.read().wrapping_add(1));
        }
    }

    /// The same value, of which the verifier knows nothing any more but that it
    /// lies below the power of two above `MAX`. It must not exceed `MAX`.
    #[inline(always)]
    pub(crate) fn forget<const MAX: usize>(&self, value: usize) -> usize {
        self.forget_word(value as u64) as usize & const { (MAX + 1).next_power_of_two() - 1 }
    }

    /// The same value, of which the verifier knows nothing any more.
    #[inline(always)]
    pub(crate) fn forget_word(&self, value: u64) -> u64 {
        // SAFETY: as in `count_number`; volatile, so that the detour through memory stays.
        unsafe {
            let scratch = &raw mut (*self.0.as_ptr()).scratch;
            scratch.write_volatile(value);
            scratch.read_volatile()
        }
    }

    /// The time that `clock` told first in this `tick` (never 0) on this CPU.
    #[inline(always)]
    pub(crate) fn now_ns(&self, tick: u64, clock: impl FnOnce() -> u64) -> u64 {
        // SAFETY: as in `count_number`.
        unsafe {
            let counters = self.0.as_ptr();
            let (last, now) = (&raw mut (*counters).tick, &raw mut (*counters).now_ns);
            if last.read() != tick {
                last.write(tick);
                now.write(clock());
            }
            now.read()
        }
    }

    /// The whole seconds of `nanoseconds`, divided once for all that have the same time.
    #[inline(always)]
    pub(crate) fn seconds(&self, nanoseconds: u64) -> u64 {
        const NS: u64 = 1_000_000_000;
        // SAFETY: as in `count_number`.
        unsafe {
            let counters = self.0.as_ptr();
            let (last, seconds) = (&raw mut (*counters).unix_ns, &raw mut (*counters).unix_s);
            if last.read() != nanoseconds {
                last.write(nanoseconds);
                seconds.write(nanoseconds / NS);
            }
            seconds.read()
        }
    }

    /// Leaves `value` for a step.
    #[inline(always)]
    pub(crate) fn set(&self, place: Work, value: u64) {
        // SAFETY: as in `count_number`, every place being inside the array.
        unsafe {
            let work = (&raw mut (*self.0.as_ptr()).work).cast::<u64>();
            work.add(place as usize).write_volatile(value);
        }
    }

    /// What was left there; the verifier knows nothing of it.
    #[inline(always)]
    pub(crate) fn get(&self, place: Work) -> u64 {
        // SAFETY: as in `set`.
        unsafe {
            let work = (&raw mut (*self.0.as_ptr()).work).cast::<u64>();
            work.add(place as usize).read_volatile()
        }
    }

    /// Counts one limited response; how many there were before on this CPU.
    #[inline(always)]
    pub(crate) fn count_limited(&self) -> u64 {
        // SAFETY: as in `count_number`.
        unsafe {
            let limited = &raw mut (*self.0.as_ptr()).limited;
            let before = limited.read();
            limited.write(before.wrapping_add(1));
            before
        }
    }

    /// Counts one query that somebody watches; how many there are then on this CPU.
    #[inline(always)]
    pub(crate) fn count_watched(&self) -> u64 {
        // SAFETY: as in `count_number`.
        add_one(unsafe { &raw mut (*self.0.as_ptr()).watched })
    }

    /// How the packet was answered, as remembered.
    #[inline(always)]
    pub(crate) fn pending(&self) -> u64 {
        // SAFETY: as in `count_number`.
        unsafe {
            let pending = &raw const (*self.0.as_ptr()).pending;
            pending.read_volatile()
        }
    }

    /// Remembers `at` for `label`.
    #[inline(always)]
    pub(crate) fn set_label(&self, label: usize, at: u8) {
        // SAFETY: as in `count_number`; the mask keeps the index inside the array.
        unsafe {
            let labels = (&raw mut (*self.0.as_ptr()).labels).cast::<u8>();
            labels.add(label & LABELS_MAX).write_volatile(at);
        }
    }

    /// What was remembered for `label`.
    #[inline(always)]
    pub(crate) fn label(&self, label: usize) -> u8 {
        // SAFETY: as in `set_label`.
        unsafe {
            let labels = (&raw mut (*self.0.as_ptr()).labels).cast::<u8>();
            labels.add(label & LABELS_MAX).read_volatile()
        }
    }

    /// Remembers `hash` for `index`.
    #[inline(always)]
    pub(crate) fn set_hash(&self, index: usize, hash: u64) {
        // SAFETY: as in `count_number`; the mask keeps the index inside the array.
        unsafe {
            let hashes = (&raw mut (*self.0.as_ptr()).hashes).cast::<u64>();
            hashes.add(index & (NAME_WORDS - 1)).write_volatile(hash);
        }
    }

    /// What was remembered for `index`.
    #[inline(always)]
    pub(crate) fn hash(&self, index: usize) -> u64 {
        // SAFETY: as in `set_hash`.
        unsafe {
            let hashes = (&raw mut (*self.0.as_ptr()).hashes).cast::<u64>();
            hashes.add(index & (NAME_WORDS - 1)).read_volatile()
        }
    }
}

// The masks above.
const _: () = assert!((LABELS_MAX + 1).is_power_of_two() && NAME_WORDS.is_power_of_two());

/// Counts one answer of a service, if it is one's, and it is in the sample for the group
/// that `tally` remembers.
#[inline(always)]
pub(crate) fn service(number: u32, tally: &Tally) {
    // Static answers and denials are spared the look-up.
    if number == Row::NO_SERVICE {
        return;
    }
    let Some(counter) = SERVICES.get_ptr_mut(number) else {
        return;
    };
    let count = add_one(counter);
    if is_sampled(count, constant(&constants().group_sample))
        && let Some(counter) = GROUPS.get_ptr_mut(tally.get(Work::Group) as u32)
    {
        add_one(counter);
    }
}

/// Adds one to this CPU's value of a map; what it is then.
#[inline(always)]
fn add_one(counter: *mut u64) -> u64 {
    // SAFETY: this CPU's map value, as in `Tally::count_number`.
    unsafe {
        let count = counter.read().wrapping_add(1);
        counter.write(count);
        count
    }
}
