//! Per-CPU counters, by outcome and by service.

use core::ptr::NonNull;

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use dns_common::{outcome::Outcome, tables::Counters};

#[btf_map]
static COUNTERS: PerCpuArray<Counters, 1> = PerCpuArray::new();
#[btf_map]
static SERVICES: PerCpuArray<u64, 1> = PerCpuArray::new();

/// This CPU's counters.
pub(crate) struct Tally(NonNull<Counters>);

impl Tally {
    #[inline(always)]
    pub(crate) fn of_this_cpu() -> Option<Self> {
        COUNTERS.get_ptr_mut(0).and_then(NonNull::new).map(Self)
    }

    /// Counts one packet.
    #[inline(always)]
    pub(crate) fn count(&self, outcome: Outcome) {
        // SAFETY: the pointer is this CPU's map value; XDP programs do not
        // migrate or nest, so nobody else writes it meanwhile. The outcome's
        // number is below the array's length, which it is declared with.
        unsafe {
            let counter = (&raw mut (*self.0.as_ptr()).outcomes)
                .cast::<u64>()
                .add(outcome as usize);
            counter.write(counter.read().wrapping_add(1));
        }
    }

    /// The same value, of which the verifier knows nothing any more but that it
    /// lies below the power of two above `MAX`. It must not exceed `MAX`.
    #[inline(always)]
    pub(crate) fn forget<const MAX: usize>(&self, value: usize) -> usize {
        // SAFETY: as in `count`; volatile, so that the detour through memory stays.
        let value = unsafe {
            let scratch = &raw mut (*self.0.as_ptr()).scratch;
            scratch.write_volatile(value as u64);
            scratch.read_volatile() as usize
        };
        value & const { (MAX + 1).next_power_of_two() - 1 }
    }
}

/// Counts one answer of a service.
#[inline(always)]
pub(crate) fn service(number: u32) {
    if let Some(counter) = SERVICES.get_ptr_mut(number) {
        // SAFETY: this CPU's map value, as in `Tally::count`.
        unsafe { counter.write(counter.read().wrapping_add(1)) }
    }
}
