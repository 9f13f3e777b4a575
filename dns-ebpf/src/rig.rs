//! Programs for test rigs and benches; veer itself never loads them.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![cfg_attr(
    not(target_arch = "bpf"),
    expect(dead_code, reason = "the entry points exist for the kernel only")
)]

#[cfg_attr(
    target_arch = "bpf",
    expect(dead_code, reason = "a rig needs few of the ways to touch a packet")
)]
mod packet;

mod offer;

mod count_replies;

use aya_ebpf::{bindings::xdp_action, programs::XdpContext};

use crate::packet::Frame;

/// Passes everything up. A veth's peer needs a program for `XDP_TX` to arrive.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
fn pass(_: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// Drops everything: what a program costs that does nothing.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
fn drop(_: XdpContext) -> u32 {
    xdp_action::XDP_DROP
}

/// Sends every frame back as a response without answer, as if it were a DNS
/// query over IPv4 without tags and options: what any answer costs at least.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "an entry point is given its context by value"
)]
fn reflect(context: XdpContext) -> u32 {
    match swapped(Frame::new(&context)) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_DROP,
    }
}

/// Swaps hardware addresses, addresses and ports and sets QR. The checksums
/// stand: the UDP one is not corrected for QR, which no rig looks at.
#[inline(always)]
fn swapped(frame: Frame) -> Option<()> {
    /// Ethernet, IPv4, UDP, and ID and flags of the message.
    const TOUCHED: usize = 14 + 20 + 8 + 4;
    const QR: u8 = 0x80;
    let octets = frame.window::<TOUCHED>(0)?;

    let (to, to_rest) = (octets.half::<0>(), octets.pair::<4>());
    octets.set_half::<0>(octets.half::<6>());
    octets.set_pair::<4>(octets.pair::<10>());
    octets.set_half::<6>(to);
    octets.set_pair::<10>(to_rest);

    octets.set_word::<26>(octets.word::<26>().rotate_left(32));
    octets.set_half::<34>(octets.half::<34>().rotate_left(16));
    octets.set_octet::<44>(octets.octet::<44>() | QR);
    Some(())
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
