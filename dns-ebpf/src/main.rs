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

use aya_ebpf::{
    bindings::xdp_action, btf_maps::ProgramArray, macros::btf_map, programs::XdpContext,
};
use dns_common::{
    ask::HEADER,
    outcome::{Action, OrStop as _, Outcome},
    tables::{Generation, Tables as _},
};

use crate::{
    count::Tally,
    decide::Maps,
    host::Here,
    packet::{Frame, Window},
    receive::{Plain, Query, UDP_HEADER},
};

/// Where [`veer`] finds [`veer_other`]; the loader puts it there.
#[btf_map]
static OTHER: ProgramArray<1> = ProgramArray::new();

/// The XDP program: answers queries over IPv4 without tags and options, whose headers
/// are at offsets known ahead, and leaves all else to [`veer_other`].
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer(context: XdpContext) -> u32 {
    let frame = Frame::new(&context);
    let Some(plain) = Plain::of(&frame) else {
        // SAFETY: the context is the one this run was given. It returns only where the
        // array is empty, as it is before the loader has attached this program.
        unsafe { OTHER.tail_call(&context, 0) };
        return xdp_action::XDP_PASS;
    };
    run(|tally, generation| {
        let query = plain.receive(&frame, generation)?;
        let header = Some(plain.message());
        respond::<true>(&context, &frame, &query, header, generation, tally)
    })
}

/// Takes every frame the same way, wherever its headers are.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer_other(context: XdpContext) -> u32 {
    let frame = Frame::new(&context);
    run(|tally, generation| {
        let query = receive::receive(&frame, generation, tally)?;
        respond::<false>(&context, &frame, &query, None, generation, tally)
    })
}

/// The whole `way` of a packet: an `Err` is where it ends without an answer.
#[inline(always)]
fn run(way: impl FnOnce(&Tally, &Generation) -> Result<(), Outcome>) -> u32 {
    let Some(tally) = Tally::of_this_cpu() else {
        return xdp_action::XDP_PASS;
    };
    let fate = || {
        let generation = Maps
            .control()
            .and_then(dns_common::tables::Control::current)
            .or_stop(Outcome::UpNotReady)?;
        way(&tally, &generation)
    };
    match fate() {
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

/// The way of the datagram `query`, whose DNS header may have been checked.
#[inline(always)]
fn respond<const PLAIN: bool>(
    context: &XdpContext,
    frame: &Frame,
    query: &Query,
    header: Option<Window<HEADER>>,
    generation: &Generation,
    tally: &Tally,
) -> Result<(), Outcome> {
    let message = ask::Message::new(frame, tally, query, header);
    let here = Here {
        context: Some(context),
        tally,
        start: query.transport + UDP_HEADER,
    };
    let reply = dns_common::respond(&message, query.source, &Maps, generation, &here)?;
    tally.pend(reply.outcome());
    reply::reply::<PLAIN>(context, query, &reply, tally)?;
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
