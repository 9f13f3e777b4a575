//! A packet's story: receive → ask → decide → reply → count.
//!
//! Every fate of a packet is one [`Outcome`]; what is not answered leaves as it
//! came. Everything that can fail happens before the first octet is written.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![cfg_attr(
    not(target_arch = "bpf"),
    expect(dead_code, reason = "the entry point exists for the kernel only")
)]

mod packet;

mod receive;

mod ask;

mod decide;
mod host;

mod aside;

mod reply;
mod route;

mod count;

use aya_ebpf::{bindings::xdp_action, programs::XdpContext};
use dns_common::{
    outcome::{Action, OrStop as _, Outcome},
    tables::Tables as _,
};

use crate::{count::Tally, decide::Maps, host::Here, packet::Frame, receive::UDP_HEADER};

/// The XDP program.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer(context: XdpContext) -> u32 {
    let Some(tally) = Tally::of_this_cpu() else {
        return xdp_action::XDP_PASS;
    };
    match answer(&context, &tally) {
        Ok(()) => {
            tally.count_pending();
            xdp_action::XDP_TX
        }
        Err(outcome) => {
            tally.count(outcome);
            match outcome.action() {
                Action::Drop => xdp_action::XDP_DROP,
                Action::Up | Action::Reply => xdp_action::XDP_PASS,
            }
        }
    }
}

/// The packet's way; `Err` is where it ends without an answer.
#[inline(always)]
fn answer(context: &XdpContext, tally: &Tally) -> Result<(), Outcome> {
    let generation = Maps
        .control()
        .and_then(dns_common::tables::Control::current)
        .or_stop(Outcome::UpNotReady)?;
    let frame = Frame::new(context);
    let query = receive::receive(&frame, &generation, tally)?;
    let message = ask::Message::new(&frame, tally, &query);
    let here = Here {
        context: Some(context),
        tally,
        start: query.transport + UDP_HEADER,
    };
    let reply = dns_common::respond(&message, query.source, &Maps, &generation, &here)?;
    tally.pend(reply.outcome);
    reply::reply(context, &query, &reply, tally)?;
    count::service(reply.service);
    Ok(())
}

/// Routes are looked up by a helper that the kernel gives to GPL-compatible
/// programs only, in words that it knows.
#[cfg_attr(
    target_arch = "bpf",
    unsafe(no_mangle),
    unsafe(link_section = "license")
)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The compiler has proved this unreachable, or the verifier refuses the loop.
    loop {}
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
