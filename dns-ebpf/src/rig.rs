//! Programs for test rigs and benches; veer itself never loads them.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(
    not(target_arch = "bpf"),
    expect(dead_code, reason = "the entry points exist for the kernel only")
)]

use aya_ebpf::{bindings::xdp_action, programs::XdpContext};

/// Passes everything up. A veth's peer needs a program for `XDP_TX` to arrive.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
fn pass(_: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
