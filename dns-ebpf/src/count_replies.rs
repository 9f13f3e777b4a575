//! Counts the replies to the load generator's queries where they arrive, and
//! drops them; everything else is passed up.

use aya_ebpf::{
    bindings::xdp_action, btf_maps::PerCpuArray, macros::btf_map, programs::XdpContext,
};
use dns_ebpf::load::{FATES, Fate, KIND_BIT, KINDS, SERVER_PORT};

use crate::packet::{Frame, Window};

/// By `kind * FATES + fate`.
#[btf_map]
static REPLIES: PerCpuArray<u64, { KINDS * FATES }> = PerCpuArray::new();

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
    let kind = u32::from(reply.pair::<36>().swap_bytes() & KIND_BIT);
    let index = kind * FATES as u32 + fate(&reply) as u32;
    if let Some(counter) = REPLIES.get_ptr_mut(index) {
        // SAFETY: this CPU's map value; XDP programs do not migrate or nest, so
        // nobody else writes it meanwhile.
        unsafe { counter.write(counter.read().wrapping_add(1)) }
    }
    xdp_action::XDP_DROP
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
