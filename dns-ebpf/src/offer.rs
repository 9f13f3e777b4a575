//! The load generator: run on live frames by `BPF_PROG_TEST_RUN`, it makes each
//! a query and sends it from an interface when it is due. A frame that is early
//! is dropped, which gives it back to the run.
//!
//! Frames come as the receiver left them, so the whole of each is written, and
//! its end moved, which makes the kernel take over the new bounds.

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::Array,
    helpers::{bpf_ktime_get_ns, bpf_redirect, generated::bpf_xdp_store_bytes},
    macros::btf_map,
    programs::XdpContext,
};
use dns_common::{ask::lanes, reply::fold_sum};
use dns_ebpf::load::{
    KIND_BIT, Kind, LABEL, LABEL_OCTETS, Load, ONLY, Progress, SHARE_WHOLE, SOURCE_PORT, STAMP_BIT,
    STAMP_MASK, STAMP_SHIFT, TEMPLATE_OCTETS, TEMPLATES_MAX, TICKS_PER_NS, Template,
};

use crate::packet::{Frame, move_end};

#[btf_map]
static LOAD: Array<Load, 1> = Array::new();
#[btf_map]
static TEMPLATES: Array<Template, { TEMPLATES_MAX as usize }> = Array::new();
#[btf_map]
static PROGRESS: Array<Progress, 1> = Array::new();

/// Ethernet, IPv4, UDP, and the message's ID: what every query has.
const PATCHED: usize = 14 + 20 + 8 + 2;

/// Sends the next query, if it is due.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "an entry point is given its context by value"
)]
fn offer(context: XdpContext) -> u32 {
    match next(&context) {
        // SAFETY: takes two numbers.
        Some(interface) => unsafe { bpf_redirect(interface, 0) }.cast_unsigned() as u32,
        None => xdp_action::XDP_DROP,
    }
}

/// Makes the frame the next query; returns the interface it goes out of, or
/// `None` if it is early.
#[inline(always)]
fn next(context: &XdpContext) -> Option<u32> {
    let load = LOAD.get(ONLY)?;
    let progress = PROGRESS.get_ptr_mut(ONLY)?;
    // SAFETY: a map value that this program alone writes, in one run at a time.
    let progress = unsafe { &mut *progress };
    let late = lateness(progress)?;

    let random = mixed(progress.sent[0] + progress.sent[1]);
    let kind = if (random as u32 & (SHARE_WHOLE - 1)) < load.flood_share {
        Kind::Flood
    } else {
        Kind::Hot
    };
    let stamp = (load.stamped != 0).then_some((progress.start + progress.last) as u32);
    write(context, load, kind, random, stamp)?;

    progress.due += load.interval + late.saturating_sub(load.behind_max.into());
    progress.sent[kind as usize & 1] += 1;
    Some(load.interface)
}

/// How long ago a query was due, ticks; `None` if it is early.
#[inline(always)]
fn lateness(progress: &mut Progress) -> Option<u64> {
    // SAFETY: takes nothing.
    let now = unsafe { bpf_ktime_get_ns() };
    if progress.start == 0 {
        progress.start = now;
    }
    let since = now - progress.start;
    let late = (since * TICKS_PER_NS).checked_sub(progress.due)?;
    progress.last = since;
    Some(late)
}

/// Writes a query of `kind` into the frame. `stamp` is the time to stamp it with,
/// nanoseconds of the monotonic clock.
#[inline(always)]
fn write(
    context: &XdpContext,
    load: &Load,
    kind: Kind,
    random: u64,
    stamp: Option<u32>,
) -> Option<()> {
    let (first, count) = match kind {
        Kind::Hot => (0, load.hot),
        Kind::Flood => (load.hot, load.flood),
    };
    // Other bits than those that vary the source.
    let index = first + ((random >> 16) as u32).checked_rem(count)?;
    let template = TEMPLATES.get(index)?;
    let octets = (&raw const template.octets).cast_mut().cast();
    // SAFETY: the context is the one this run was given, and the helper reads as
    // many octets as the template has.
    if unsafe { bpf_xdp_store_bytes(context.ctx, 0, octets, TEMPLATE_OCTETS as u32) } != 0 {
        return None;
    }
    move_end(context, template.len as i32 - TEMPLATE_OCTETS as i32)?;

    let more = mixed(random);
    let source = load.source | more as u32 & load.source_mask;
    let (id, rest) = if let Some(stamp) = stamp {
        let stamp = stamp & STAMP_MASK;
        let rest = (stamp >> 16 << STAMP_SHIFT) as u16;
        (stamp as u16, rest | STAMP_BIT)
    } else {
        let random = (more >> 48) as u16;
        ((more >> 32) as u16, random & !KIND_BIT & !STAMP_BIT)
    };
    let port = (SOURCE_PORT | rest | kind as u16).swap_bytes();
    let mut sum = u64::from(template.sum) + u64::from(source) + u64::from(port) + u64::from(id);

    let frame = Frame::new(context);
    if let Kind::Flood = kind {
        sum += u64::from(label(frame, random.rotate_left(32) ^ more)?);
    }
    let octets = frame.window::<PATCHED>(0)?;
    octets.set_half::<26>(source);
    let header =
        lanes(octets.word::<14>()) + lanes(octets.word::<22>()) + u64::from(octets.half::<30>());
    octets.set_pair::<24>(!fold_sum(header));
    octets.set_pair::<34>(port);
    octets.set_pair::<42>(id);
    // Zero would mean that there is none (RFC 768).
    octets.set_pair::<40>(match !fold_sum(sum) {
        0 => 0xffff,
        checksum => checksum,
    });
    Some(())
}

/// Writes a random label, and returns its part of the checksum.
#[inline(always)]
fn label(frame: Frame, random: u64) -> Option<u16> {
    let octets = frame.window::<{ LABEL + LABEL_OCTETS }>(0)?;
    // Four bits a letter.
    let first = (random & 0x0f0f_0f0f_0f0f_0f0f) + 0x6161_6161_6161_6161;
    let second = ((random >> 4) as u32 & 0x0f0f_0f0f) + 0x6161_6161;
    octets.set_word::<LABEL>(first);
    octets.set_half::<{ LABEL + 8 }>(second);
    // It starts at an odd octet of the datagram.
    Some(fold_sum(lanes(first) + u64::from(second)).swap_bytes())
}

/// A number that looks random, and is another one for every `number` (the
/// finalizer of `SplitMix64`).
#[inline(always)]
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
