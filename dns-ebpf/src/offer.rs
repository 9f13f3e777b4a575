//! The load generator: run on live frames by `BPF_PROG_TEST_RUN`, it makes each
//! a query and sends it from an interface when it is due. A frame that is early
//! is dropped, which gives it back to the run.
//!
//! Frames come as the receiver left them, so the whole of each is written, and
//! its end moved, which makes the kernel take over the new bounds.
//!
//! What the server can be offered is what this costs, so it does little: the clock
//! is read only when no query is known to be due, and sums are known ahead.

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::Array,
    helpers::{bpf_ktime_get_ns, bpf_redirect},
    macros::btf_map,
    programs::XdpContext,
};
use dns_common::{ask::lanes, reply::fold_sum};
use dns_ebpf::load::{
    KIND_BIT, Kind, LABEL, LABEL_OCTETS, Load, ONLY, PIECE_OCTETS, Progress, SHARE_WHOLE,
    SOURCE_PORT, STAMP_BIT, STAMP_MASK, STAMP_SHIFT, TEMPLATE_OCTETS, TEMPLATES_MAX, TICKS_PER_NS,
    Template,
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
    if !is_due(load, progress) {
        return None;
    }

    let random = mixed(progress.sent[0] + progress.sent[1]);
    let kind = if (random as u32 & (SHARE_WHOLE - 1)) < load.flood_share {
        Kind::Flood
    } else {
        Kind::Hot
    };
    let stamp = (load.stamped != 0).then_some((progress.start + progress.last) as u32);
    write(context, load, kind, random, stamp)?;

    progress.due += load.interval;
    progress.sent[kind as usize & 1] += 1;
    Some(load.interface)
}

/// Whether a query is due. Looks at the clock where that is not known from the
/// last time, and for every query that is stamped.
#[inline(always)]
fn is_due(load: &Load, progress: &mut Progress) -> bool {
    let known = progress.last * TICKS_PER_NS;
    if progress.due < known && load.stamped == 0 {
        return true;
    }
    // SAFETY: takes nothing.
    let now = unsafe { bpf_ktime_get_ns() };
    if progress.start == 0 {
        progress.start = now;
    }
    let since = now - progress.start;
    let Some(late) = (since * TICKS_PER_NS).checked_sub(progress.due) else {
        return false;
    };
    progress.last = since;
    progress.due += late.saturating_sub(load.behind_max.into());
    true
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
    // Other bits than those that choose the kind, as a share of what they can be.
    let index = first + (((random >> 16 & 0xffff_ffff) * u64::from(count)) >> 32) as u32;
    let template = TEMPLATES.get(index)?;
    let frame = Frame::new(context);
    for at in (0..TEMPLATE_OCTETS).step_by(PIECE_OCTETS) {
        if at >= template.len as usize {
            break;
        }
        piece(frame, template, at)?;
    }

    let more = random.wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(32);
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
    let mut sum = u64::from(template.sum) + lanes(source.into()) + u64::from(port) + u64::from(id);
    if let Kind::Flood = kind {
        sum += u64::from(label(frame, random.rotate_left(32) ^ more)?);
    }
    let octets = frame.window::<PATCHED>(0)?;
    octets.set_half::<26>(source);
    let header = u64::from(template.header_sum) + lanes(source.into());
    octets.set_pair::<24>(!fold_sum(header));
    octets.set_pair::<34>(port);
    octets.set_pair::<42>(id);
    // Zero would mean that there is none (RFC 768).
    octets.set_pair::<40>(match !fold_sum(sum) {
        0 => 0xffff,
        checksum => checksum,
    });
    move_end(context, template.len as i32 - frame.len() as i32)
}

/// Writes the octets of `template` from `at` on, as many as a piece has.
#[inline(always)]
fn piece(frame: Frame, template: &Template, at: usize) -> Option<()> {
    let octets = frame.window::<PIECE_OCTETS>(at)?;
    let word = |number: usize| {
        let octets = template.octets[at + number * 8..].first_chunk();
        octets.map_or(0, |octets| u64::from_le_bytes(*octets))
    };
    octets.set_word::<0>(word(0));
    octets.set_word::<8>(word(1));
    octets.set_word::<16>(word(2));
    octets.set_word::<24>(word(3));
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
