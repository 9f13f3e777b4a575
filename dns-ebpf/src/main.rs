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
    ask::ARCOUNT_ONE,
    octets::Records,
    outcome::{Action, OrStop as _, Outcome},
    tables::{Generation, Tables as _},
};

use crate::{
    ask::{Anything, Bare, EmptyOpt, Known, Message},
    count::Tally,
    decide::Maps,
    host::Here,
    packet::Frame,
    receive::{Plain, Query, UDP_HEADER},
};

/// Where [`veer`] finds the other programs, by these numbers: the order of `PROGRAMS`
/// in the loader (`dns-userspace/src/kernel/object.rs`).
#[btf_map]
static OTHERS: ProgramArray<3> = ProgramArray::new();
const EDNS: u32 = 0;
const OPTIONS: u32 = 1;
const OTHER: u32 = 2;

/// The XDP program: answers queries over IPv4 without tags and options, whose headers
/// are at offsets known ahead, that end with their question. It leaves those with an
/// OPT record to [`veer_edns`] or [`veer_options`], and all else to [`veer_other`].
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer(context: XdpContext) -> u32 {
    let frame = Frame::new(&context);
    match Plain::of(&frame) {
        Some(plain) => match plain.records() {
            0 => run_plain::<Bare>(&context, &frame, &plain),
            // As the length of no options is, the last field of the OPT record.
            ARCOUNT_ONE if frame.ends_with_zeros() => leave_to(&context, EDNS),
            _ => leave_to(&context, OPTIONS),
        },
        None => leave_to(&context, OTHER),
    }
}

/// As [`veer`], for queries whose one further record is an OPT record without options;
/// it leaves others to [`veer_options`].
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer_edns(context: XdpContext) -> u32 {
    let frame = Frame::new(&context);
    match Plain::of(&frame) {
        Some(plain) => run_plain::<EmptyOpt>(&context, &frame, &plain),
        None => xdp_action::XDP_PASS,
    }
}

/// As [`veer`], for queries with any further records.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer_options(context: XdpContext) -> u32 {
    let frame = Frame::new(&context);
    match Plain::of(&frame) {
        Some(plain) => run_plain::<Anything>(&context, &frame, &plain),
        None => xdp_action::XDP_PASS,
    }
}

/// Goes on in one of the other programs.
#[inline(always)]
fn leave_to(context: &XdpContext, program: u32) -> u32 {
    // SAFETY: the context is the one this run was given. It returns only where the
    // array is empty: the loader fills it and pins it before it attaches this program.
    unsafe { OTHERS.tail_call(context, program) };
    xdp_action::XDP_PASS
}

/// The whole way of a packet with `plain` headers.
#[inline(always)]
fn run_plain<K: Known>(context: &XdpContext, frame: &Frame, plain: &Plain) -> u32 {
    run(|tally, generation| {
        let query = plain.receive(frame, generation)?;
        let header = Some(plain.message());
        let message = Message::<K>::new(frame, tally, &query, header);
        let responded = respond::<true, K>(context, &message, &query, generation, tally);
        if matches!(K::RECORDS, Records::EmptyOpt) && responded == Err(Outcome::UpOpt) {
            leave_to(context, OPTIONS);
        }
        responded
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
        let message = Message::<Anything>::new(&frame, tally, &query, None);
        respond::<false, Anything>(&context, &message, &query, generation, tally)
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

/// The way of the datagram `query` with this `message`.
#[inline(always)]
fn respond<const PLAIN: bool, K: Known>(
    context: &XdpContext,
    message: &Message<K>,
    query: &Query,
    generation: &Generation,
    tally: &Tally,
) -> Result<(), Outcome> {
    let here = Here {
        context: Some(context),
        tally,
        start: query.transport + UDP_HEADER,
    };
    let reply = dns_common::respond(message, query.source, &Maps, generation, &here)?;
    tally.pend(reply.outcome());
    reply::reply::<PLAIN, K>(context, query, &reply, tally)?;
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
