//! Counts the replies to the load generator's queries where they arrive, takes
//! the time of those that are stamped, and drops them; everything else is passed up.

use aya_ebpf::{
    bindings::xdp_action, btf_maps::PerCpuArray, helpers::bpf_ktime_get_ns, macros::btf_map,
    programs::XdpContext,
};
use dns_ebpf::load::{
    BUCKETS, FATES, Fate, KIND_BIT, KINDS, SERVER_PORT, STAMP_BIT, STAMP_MASK, STAMP_SHIFT, bucket,
};

use crate::packet::{Frame, Window};

/// By `kind * FATES + fate`.
#[btf_map]
static REPLIES: PerCpuArray<u64, { KINDS * FATES }> = PerCpuArray::new();

/// Replies to stamped queries, by [`bucket`].
#[btf_map]
static LATENCIES: PerCpuArray<u64, BUCKETS> = PerCpuArray::new();

/// Ethernet, IPv4, UDP, DNS header.
const HEADERS: usize = 14 + 20 + 8 + 12;

// Values in wire order, as little-endian numbers.
const IPV4: u16 = 0x0008;
const IPV4_PLAIN: u8 = 0x45;
const UDP: u8 = 17;

/// Counts a reply.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "an entry point is given its context by value"
)]
fn count_replies(context: XdpContext) -> u32 {
    let Some(reply) = Frame::new(&context).window::<HEADERS>(0).filter(is_reply) else {
        return xdp_action::XDP_PASS;
    };
    let port = reply.pair::<36>().swap_bytes();
    let kind = u32::from(port & KIND_BIT);
    increment(REPLIES.get_ptr_mut(kind * FATES as u32 + fate(&reply) as u32));
    if port & STAMP_BIT != 0 {
        increment(LATENCIES.get_ptr_mut(bucket(age(port, reply.pair::<42>()))));
    }
    xdp_action::XDP_DROP
}

/// Adds one to a counter of this CPU.
#[inline(always)]
fn increment(counter: Option<*mut u64>) {
    if let Some(counter) = counter {
        // SAFETY: this CPU's map value; XDP programs do not migrate or nest, so
        // nobody else writes it meanwhile.
        unsafe { counter.write(counter.read().wrapping_add(1)) }
    }
}

/// How long ago the query was stamped that came from `port` with `id`, nanoseconds.
#[inline(always)]
fn age(port: u16, id: u16) -> u32 {
    let stamp = u32::from(port >> STAMP_SHIFT) << 16 | u32::from(id);
    // SAFETY: takes nothing.
    let now = unsafe { bpf_ktime_get_ns() } as u32;
    now.wrapping_sub(stamp) & STAMP_MASK
}

/// Whether this is a DNS response from the server.
#[inline(always)]
fn is_reply(headers: &Window<HEADERS>) -> bool {
    const QR: u8 = 0x80;
    headers.pair::<12>() == IPV4
        && headers.octet::<14>() == IPV4_PLAIN
        && headers.octet::<23>() == UDP
        && headers.pair::<34>() == SERVER_PORT.swap_bytes()
        && headers.octet::<44>() & QR != 0
}

#[inline(always)]
fn fate(reply: &Window<HEADERS>) -> Fate {
    const TC: u8 = 0x02;
    const NAME_ERROR: u8 = 3;
    if reply.octet::<44>() & TC != 0 {
        return Fate::Truncated;
    }
    match (reply.octet::<45>() & 0x0f, reply.pair::<48>()) {
        (0, 0) => Fate::Empty,
        (0, _) => Fate::Answer,
        (NAME_ERROR, _) => Fate::NameError,
        _ => Fate::Other,
    }
}
