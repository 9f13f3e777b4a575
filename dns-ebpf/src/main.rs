//! A packet's story: receive → ask → decide → reply → count → tell.
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

mod tell;

use aya_ebpf::{
    bindings::xdp_action, btf_maps::ProgramArray, macros::btf_map, programs::XdpContext,
};
use dns_common::{
    ask::{ARCOUNT_ONE, LastOption, ends_with_zeros},
    host::{Host as _, constant},
    octets::Records,
    outcome::{Action, OrStop as _, Outcome, stop},
    tables::{Control, Generation, Row, Tables as _},
};

use crate::{
    ask::{
        Anything, Bare, ClientCookie, EmptyOpt, FullCookie, Ignored, Known, Message, SubnetV4,
        SubnetV6,
    },
    count::Tally,
    decide::Maps,
    host::{Here, constants},
    packet::Frame,
    receive::{MESSAGE_MIN, Plain, Query, UDP_HEADER},
};

/// Where [`veer`] finds [`veer_other`], as the loader has put it there (`PROGRAMS` in
/// `dns-userspace/src/kernel/object.rs`).
#[btf_map]
static OTHERS: ProgramArray<1> = ProgramArray::new();

/// The XDP program: answers queries over IPv4 without tags and IP options, whose headers
/// are at offsets known ahead, that end with their question, with an OPT record without
/// options or with one of a [`LastOption`]. For each of these ends it has a way of its
/// own, with nothing on it that only others need. All else it leaves to [`veer_other`].
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer(context: XdpContext) -> u32 {
    let frame = Frame::new(&context);
    let Some(plain) = Plain::of(&frame) else {
        return leave_to_other(&context);
    };
    let Some(tally) = Tally::of_this_cpu() else {
        return xdp_action::XDP_PASS;
    };
    if plain.records() == 0 {
        // An end of its own: shared with the others it costs some nanoseconds.
        let responded = respond_plain::<Bare>(&context, &frame, &plain, &tally, 0);
        return end(&context, &tally, responded);
    }
    let responded = match plain.records() {
        ARCOUNT_ONE => respond_with_opt(&context, &frame, &plain, &tally),
        _ => Err(Outcome::UpOpt),
    };
    if responded == Err(Outcome::UpOpt) {
        return leave_to_other(&context);
    }
    end(&context, &tally, responded)
}

/// Takes every frame the same way, wherever its headers are.
#[cfg_attr(target_arch = "bpf", aya_ebpf::macros::xdp)]
#[inline(always)]
#[expect(clippy::needless_pass_by_value, reason = "the macro hands it over")]
fn veer_other(context: XdpContext) -> u32 {
    let frame = Frame::new(&context);
    let Some(tally) = Tally::of_this_cpu() else {
        return xdp_action::XDP_PASS;
    };
    let responded = respond_to_any(&context, &frame, &tally);
    end(&context, &tally, responded)
}

/// Goes on in [`veer_other`].
#[inline(always)]
fn leave_to_other(context: &XdpContext) -> u32 {
    // SAFETY: the context is the one this run was given. It returns only where the
    // array is empty: the loader fills it and pins it before it attaches this program.
    unsafe { OTHERS.tail_call(context, 0) };
    xdp_action::XDP_PASS
}

/// The whole way of a packet with `plain` headers: an `Err` is where it ends without an
/// answer.
#[inline(always)]
fn respond_plain<K: Known>(
    context: &XdpContext,
    frame: &Frame,
    plain: &Plain,
    tally: &Tally,
    ignored: usize,
) -> Result<(), Outcome> {
    let generation = current_generation()?;
    let query = plain.receive(frame, &generation)?;
    // What the frame ends with is no option of the message where something comes after it.
    if matches!(K::RECORDS, Records::Option(_) | Records::Ignored)
        && MESSAGE_MIN + query.len != frame.len()
    {
        return stop(Outcome::UpOpt);
    }
    let message = Message::<K>::new(frame, tally, &query, Some(plain.message()), ignored);
    respond::<true, K>(context, &message, &query, &generation, tally)
}

/// [`respond_plain`] by what the frame ends with; [`Outcome::UpOpt`] where that is nothing
/// that is looked for.
#[inline(always)]
fn respond_with_opt(
    context: &XdpContext,
    frame: &Frame,
    plain: &Plain,
    tally: &Tally,
) -> Result<(), Outcome> {
    let last = frame.last(frame.len()).or_stop(Outcome::UpOpt)?;
    if ends_with_zeros(last) {
        return respond_plain::<EmptyOpt>(context, frame, plain, tally, 0);
    }
    let option = LastOption::of(last).or_stop(Outcome::UpOpt)?;
    let host = Here {
        context: Some(context),
        tally,
        start: MESSAGE_MIN,
    };
    if !option.is_read(&host).or_stop(Outcome::UpOpt)? {
        return respond_plain::<Ignored>(context, frame, plain, tally, option.octets());
    }
    match option {
        LastOption::ClientCookie => respond_plain::<ClientCookie>(context, frame, plain, tally, 0),
        LastOption::SubnetV4 => respond_plain::<SubnetV4>(context, frame, plain, tally, 0),
        LastOption::SubnetV6 => respond_plain::<SubnetV6>(context, frame, plain, tally, 0),
        LastOption::FullCookie => respond_plain::<FullCookie>(context, frame, plain, tally, 0),
    }
}

/// As [`respond_plain`], with headers wherever they are.
#[inline(always)]
fn respond_to_any(context: &XdpContext, frame: &Frame, tally: &Tally) -> Result<(), Outcome> {
    let generation = current_generation()?;
    let query = receive::receive(frame, &generation, tally)?;
    let message = Message::<Anything>::new(frame, tally, &query, None, 0);
    respond::<false, Anything>(context, &message, &query, &generation, tally)
}

#[inline(always)]
fn current_generation() -> Result<Generation, Outcome> {
    Maps.control()
        .and_then(Control::current)
        .or_stop(Outcome::UpNotReady)
}

/// Counts what became of a packet, and tells it to whoever watches; the verdict.
#[inline(always)]
fn end(context: &XdpContext, tally: &Tally, responded: Result<(), Outcome>) -> u32 {
    match responded {
        Ok(()) => {
            tally.count_pending();
            tell::tell(context, tally);
            xdp_action::XDP_TX
        }
        Err(outcome) => {
            tally.count(outcome);
            match outcome.action() {
                Action::Drop => {
                    tell::tell_dropped(context, tally, outcome);
                    xdp_action::XDP_DROP
                }
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
    tell::set_service(tally, Row::NO_SERVICE);
    if constant(&constants().expires) != 0 {
        let until = Maps.control().map_or(0, Control::vouched_until_ns);
        if here.now_ns() > until {
            return stop(Outcome::UpStale);
        }
    }
    let reply = dns_common::respond(message, query.source, &Maps, generation, &here)?;
    if constant(&constants().dry_run) != 0 {
        return stop(Outcome::UpDryRun);
    }
    tally.pend(reply.outcome());
    reply::reply::<PLAIN, K>(context, query, &reply, tally)?;
    count::service(reply.service, tally);
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
