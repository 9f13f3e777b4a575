//! What is switched on, the clock, and this CPU's room to work in.

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use dns_common::{
    host::{Constants, Host},
    tables::{Control, Tables as _},
};

use crate::{count::Tally, decide::Maps};

/// The longest reply sent from here, octets: what IPv6 and UDP headers leave of
/// an Ethernet frame, since nothing here could fragment it.
const REPLY_MAX: usize = 1500 - 40 - 8;

/// Set and frozen by the loader, so that the verifier takes out what is off.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
static CONSTANTS: Constants = Constants::OFF;

/// What is switched on.
#[inline(always)]
pub(crate) fn constants() -> &'static Constants {
    &CONSTANTS
}

/// This host, with the room of this CPU's `Tally`.
pub(crate) struct Here<'t>(pub(crate) &'t Tally);

impl Host for Here<'_> {
    #[inline(always)]
    fn constants(&self) -> &Constants {
        &CONSTANTS
    }

    #[inline(always)]
    fn now_ns(&self) -> u64 {
        // SAFETY: it takes nothing and touches no memory.
        unsafe { bpf_ktime_get_boot_ns() }
    }

    #[inline(always)]
    fn now_s(&self) -> u32 {
        const NS: u64 = 1_000_000_000;
        let offset = Maps.control().map_or(0, Control::clock_offset_ns);
        (self.now_ns().wrapping_add(offset) / NS) as u32
    }

    #[inline(always)]
    fn reply_max(&self) -> usize {
        REPLY_MAX
    }

    #[inline(always)]
    fn is_stream(&self) -> bool {
        false
    }

    #[inline(always)]
    fn count_limited(&self) -> u64 {
        self.0.count_limited()
    }

    #[inline(always)]
    fn set_label(&self, index: usize, at: u8) {
        self.0.set_label(index, at);
    }

    #[inline(always)]
    fn label(&self, index: usize) -> u8 {
        self.0.label(index)
    }

    #[inline(always)]
    fn set_hash(&self, index: usize, hash: u64) {
        self.0.set_hash(index, hash);
    }

    #[inline(always)]
    fn hash(&self, index: usize) -> u64 {
        self.0.hash(index)
    }
}
