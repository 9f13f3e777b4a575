//! One in so many queries that end here, answered or dropped, told to whoever watches.
//! What is passed up is told by userspace, which knows what it got there.

use aya_ebpf::{
    bindings::xdp_md, btf_maps::PerfEventArray, helpers::bpf_ktime_get_boot_ns, macros::btf_map,
    programs::XdpContext,
};
use dns_common::{
    host::{constant, is_sampled},
    outcome::Outcome,
    tables::{Control, Tables as _, Work},
    told::{NOBODY, OCTETS_MAX, Told, is_wanted},
};

use crate::{count::Tally, decide::Maps, host::constants, packet::Frame};

/// A buffer for each CPU; what finds no room there is lost, and counted as such.
#[btf_map]
static TOLD: PerfEventArray = PerfEventArray::new();

/// Which queries are told, see [`is_sampled`]; 0 where none ever is, and nothing is left
/// of this file.
#[inline(always)]
fn sample() -> u64 {
    constant(&constants().told_sample)
}

/// Remembers which service decides on the query at hand.
#[inline(always)]
pub(crate) fn set_service(tally: &Tally, service: u32) {
    if sample() != 0 {
        tally.set(Work::Service, service.into());
    }
}

/// Tells of a query that was dropped.
#[inline(always)]
pub(crate) fn tell_dropped(context: &XdpContext, tally: &Tally, outcome: Outcome) {
    if sample() != 0 {
        tally.pend(outcome);
        tell(context, tally);
    }
}

/// Tells of a query whose outcome is remembered, if somebody wants to know and it is in the
/// sample.
#[inline(always)]
pub(crate) fn tell(context: &XdpContext, tally: &Tally) {
    if sample() == 0 {
        return;
    }
    let watched = Maps.control().map_or(NOBODY, Control::watched);
    if watched != NOBODY
        && is_wanted(watched, tally.get(Work::Service) as u32)
        && is_sampled(tally.count_watched(), sample())
    {
        veer_tell(context.ctx);
    }
}

/// Hands the frame's first octets over, and what else is known.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
#[inline(never)]
extern "C" fn veer_tell(context: *mut xdp_md) -> u32 {
    let context = XdpContext::new(context);
    let Some(tally) = Tally::of_this_cpu() else {
        return 0;
    };
    let octets = Frame::new(&context).len().min(OCTETS_MAX) as u32;
    let told = Told {
        // SAFETY: it takes nothing and touches no memory.
        time_ns: unsafe { bpf_ktime_get_boot_ns() },
        service: tally.get(Work::Service) as u32,
        group: tally.get(Work::Group) as u32,
        outcome: tally.pending() as u32,
        octets,
    };
    // The upper half of the helper's flags: so much of the frame goes with it.
    TOLD.output(&context, &told, octets);
    1
}
