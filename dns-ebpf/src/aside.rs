//! Steps that few packets need, as functions of their own: the way of the many
//! stays short, and the verifier looks at each of them once, whatever led there.
//!
//! They are given the context alone (all that kernels before 5.12 let such a
//! function have), so what else they need, and what they find, is in [`Work`].

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use dns_common::{
    ask::{self, Cookie, QUERY_MAX, Wanted},
    cookie::Validity,
    decide, find,
    name::{self, NAME_MAX},
    octets::OctetsMut as _,
    outcome::{Outcome, stop},
    reply::{self, Reply},
    tables::{AnswerHead, Control, Entry, Generation, Row, Source, Tables as _, Work},
};

use crate::{
    ask::{Anything, Message},
    count::Tally,
    decide::Maps,
    host::Here,
    packet::Frame,
    receive::MESSAGE_MAX,
    reply as frames,
};

/// What a step says where it came to something.
const DONE: u32 = 1;
/// What it says where it did not.
const NOTHING: u32 = 0;

/// Declares the step `$function`, which `$body` takes with what is at hand.
macro_rules! aside {
    ($(#[$doc:meta])* $function:ident($context:ident, $tally:ident) $body:block) => {
        $(#[$doc])*
        #[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
        #[inline(never)]
        extern "C" fn $function(context: *mut xdp_md) -> u32 {
            let $context = XdpContext::new(context);
            let Some($tally) = Tally::of_this_cpu() else {
                return NOTHING;
            };
            let step = || -> Option<()> { $body };
            step().map_or(NOTHING, |()| DONE)
        }
    };
    // The compiler does not hand over what is not used, and the verifier refuses that.
    ($(#[$doc:meta])* $function:ident($tally:ident) $body:block) => {
        $(#[$doc])*
        #[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
        #[inline(never)]
        extern "C" fn $function() -> u32 {
            let Some($tally) = Tally::of_this_cpu() else {
                return NOTHING;
            };
            let step = || -> Option<()> { $body };
            step().map_or(NOTHING, |()| DONE)
        }
    };
}

aside! {
    /// [`name::long`] of the name of [`Work::Len`] octets.
    veer_long_name(context, tally) {
        let frame = Frame::new(&context);
        let message = message(&frame, &tally);
        let len = tally.get(Work::Len) as usize & NAME_MAX;
        let read = name::long(&message, ask::HEADER, len, tally.get(Work::First))?;
        tally.set(Work::First, read.hash);
        tally.set(Work::Second, read.sum);
        Some(())
    }
}

aside! {
    /// [`find::compare`] of the name of [`Work::Len`] octets with the row in a cell.
    veer_compare(context, tally) {
        let frame = Frame::new(&context);
        let message = message(&frame, &tally);
        let len = tally.get(Work::Len) as usize & NAME_MAX;
        let cell = tally.get(Work::First) as u32;
        set_row(&tally, &find::compare(&message, ask::HEADER, len, cell, &Maps)?);
        Some(())
    }
}

aside! {
    /// [`ask::options`] in a message of [`Work::Len`] octets.
    veer_find_options(context, tally) {
        let frame = Frame::new(&context);
        let host = Here { context: Some(&context), tally: &tally, start: 0 };
        let mut message = message(&frame, &tally);
        message.len = tally.get(Work::Len) as usize & QUERY_MAX;
        let at = tally.get(Work::First) as usize & QUERY_MAX;
        match ask::options(&message, at, Wanted::by(&host)) {
            Ok(found) => tally.set(Work::First, found),
            Err(outcome) => {
                tally.set(Work::First, outcome as u64);
                return None;
            }
        }
        Some(())
    }
}

aside! {
    /// What is known of an IPv6 address: up to fourteen nodes, one after another.
    veer_resolver_v6(tally) {
        let source = Source::V6(tally.get(Work::High), tally.get(Work::Low));
        tally.set(Work::First, u64::from(Maps.resolver(source).0));
        Some(())
    }
}

aside! {
    /// [`find::closest_encloser`] of the name of [`Work::Len`] octets.
    veer_closest_encloser(context, tally) {
        let frame = Frame::new(&context);
        let message = message(&frame, &tally);
        let len = tally.get(Work::Len) as usize & NAME_MAX;
        let generation = generation(&tally)?;
        let host = Here { context: Some(&context), tally: &tally, start: 0 };
        match find::closest_encloser(&message, len, &Maps, &generation, &host) {
            Ok(row) => set_row(&tally, &row),
            Err(outcome) => {
                tally.set(Work::First, outcome as u64);
                return None;
            }
        }
        Some(())
    }
}

aside! {
    /// [`decide::server_cookie`].
    veer_server_cookie(tally) {
        let generation = generation(&tally)?;
        let host = Here { context: None, tally: &tally, start: 0 };
        let asked = Cookie {
            client: tally.get(Work::First),
            server: (tally.get(Work::Second), tally.get(Work::Third)),
        };
        let (server, validity) =
            decide::server_cookie(asked, source(&tally), &Maps, &generation, &host);
        tally.set(Work::First, server.0);
        tally.set(Work::Second, server.1);
        tally.set(Work::Third, validity as u64);
        Some(())
    }
}

aside! {
    /// [`reply::write_records`].
    veer_long_records(context, tally) {
        let frame = Frame::new(&context);
        let start = tally.get(Work::Start) as usize & MESSAGE_MAX;
        let mut message = frames::Message { frame, tally: &tally, context: None, start, header: None, is_known: false };
        let at = message.forget::<{ ask::QUESTION_MAX }>(tally.get(Work::Len) as usize);
        let len = tally.get(Work::First) as usize & const { AnswerHead::LEN_MAX.next_power_of_two() - 1 };
        let longer = tally.get(Work::Second) as usize & NAME_MAX;
        let cell = tally.get(Work::Third) as u32;
        reply::write_records(cell, len, longer, &mut message, at, &Maps)
    }
}

aside! {
    /// [`frames::make_room_ahead`].
    veer_room_ahead(context, tally) {
        let longer = tally.get(Work::First) as usize;
        let question_end = tally.get(Work::Len) as usize;
        let made = frames::make_room_ahead(&context, longer, question_end, &tally);
        made.map_err(|outcome| tally.set(Work::First, outcome as u64)).ok()
    }
}

fn message<'f>(frame: &'f Frame, tally: &'f Tally) -> Message<'f, Anything> {
    Message::at(frame, tally, tally.get(Work::Start) as usize & MESSAGE_MAX)
}

#[inline(always)]
fn generation(tally: &Tally) -> Option<Generation> {
    Some(Control::generation(
        Maps.control()?,
        tally.get(Work::Generation),
    ))
}

#[inline(always)]
fn set_row(tally: &Tally, row: &Row) {
    tally.set(Work::First, row.0);
    tally.set(Work::Second, row.1);
    tally.set(Work::Third, row.2);
}

#[inline(always)]
fn row(tally: &Tally) -> Row {
    Row(
        tally.get(Work::First),
        tally.get(Work::Second),
        tally.get(Work::Third),
    )
}

#[inline(always)]
fn set_source(tally: &Tally, source: Source) {
    let (kind, high, low) = match source {
        Source::V4(address) => (4, u64::from(address), 0),
        Source::V6(high, low) => (6, high, low),
    };
    tally.set(Work::Family, kind);
    tally.set(Work::High, high);
    tally.set(Work::Low, low);
}

#[inline(always)]
fn source(tally: &Tally) -> Source {
    if tally.get(Work::Family) == 4 {
        Source::V4(tally.get(Work::High) as u32)
    } else {
        Source::V6(tally.get(Work::High), tally.get(Work::Low))
    }
}

/// The steps, as others call them.
impl Here<'_> {
    #[inline(always)]
    fn aside(&self, step: extern "C" fn(*mut xdp_md) -> u32) -> bool {
        self.context
            .is_some_and(|context| step(context.ctx) == DONE)
    }

    #[inline(always)]
    pub(crate) fn read_long_name(&self, len: usize, seed: u64) -> Option<name::Read> {
        let tally = self.tally;
        tally.set(Work::Start, self.start as u64);
        tally.set(Work::Len, len as u64);
        tally.set(Work::First, seed);
        self.aside(veer_long_name).then(|| name::Read {
            hash: tally.get(Work::First),
            sum: tally.get(Work::Second),
        })
    }

    #[inline(always)]
    pub(crate) fn compare_whole(&self, len: usize, cell: u32) -> Option<Row> {
        let tally = self.tally;
        tally.set(Work::Start, self.start as u64);
        tally.set(Work::Len, len as u64);
        tally.set(Work::First, u64::from(cell));
        self.aside(veer_compare).then(|| row(tally))
    }

    #[inline(always)]
    pub(crate) fn find_options(&self, len: usize, at: usize) -> Result<u64, Outcome> {
        let tally = self.tally;
        tally.set(Work::Start, self.start as u64);
        tally.set(Work::Len, len as u64);
        tally.set(Work::First, at as u64);
        if self.aside(veer_find_options) {
            return Ok(tally.get(Work::First));
        }
        match tally.get(Work::First) {
            cookie if cookie == Outcome::UpCookie as u64 => stop(Outcome::UpCookie),
            subnet if subnet == Outcome::UpSubnet as u64 => stop(Outcome::UpSubnet),
            _ => stop(Outcome::UpOpt),
        }
    }

    #[inline(always)]
    pub(crate) fn find_resolver_v6(&self, high: u64, low: u64) -> Entry {
        let tally = self.tally;
        tally.set(Work::High, high);
        tally.set(Work::Low, low);
        if veer_resolver_v6() != DONE {
            return Entry::default();
        }
        Entry(tally.get(Work::First) as u32)
    }

    #[inline(always)]
    pub(crate) fn find_closest_encloser(
        &self,
        len: usize,
        generation: &Generation,
    ) -> Result<Row, Outcome> {
        let tally = self.tally;
        tally.set(Work::Start, self.start as u64);
        tally.set(Work::Len, len as u64);
        tally.set(Work::Generation, generation.number());
        if self.aside(veer_closest_encloser) {
            return Ok(row(tally));
        }
        match tally.get(Work::First) {
            unknown if unknown == Outcome::UpUnknownName as u64 => stop(Outcome::UpUnknownName),
            _ => stop(Outcome::UpQuestion),
        }
    }

    #[inline(always)]
    pub(crate) fn make_server_cookie(
        &self,
        asked: Cookie,
        resolver: Source,
        generation: &Generation,
    ) -> ((u64, u64), Validity) {
        let tally = self.tally;
        tally.set(Work::Generation, generation.number());
        set_source(tally, resolver);
        tally.set(Work::First, asked.client);
        tally.set(Work::Second, asked.server.0);
        tally.set(Work::Third, asked.server.1);
        if veer_server_cookie() != DONE {
            return ((0, 0), Validity::Invalid);
        }
        let validity = match tally.get(Work::Third) {
            0 => Validity::Fresh,
            1 => Validity::Old,
            _ => Validity::Invalid,
        };
        ((tally.get(Work::First), tally.get(Work::Second)), validity)
    }
}

/// Writes the records of `reply` at `at` of the message that starts at `start`.
#[inline(always)]
pub(crate) fn put_long(
    context: &XdpContext,
    tally: &Tally,
    start: usize,
    reply: &Reply,
    at: usize,
) -> Option<()> {
    let (cell, len, longer) = reply.records();
    tally.set(Work::Start, start as u64);
    tally.set(Work::Len, at as u64);
    tally.set(Work::First, len as u64);
    tally.set(Work::Second, longer as u64);
    tally.set(Work::Third, u64::from(cell));
    (veer_long_records(context.ctx) == DONE).then_some(())
}

/// See [`frames::make_room_ahead`].
#[inline(always)]
pub(crate) fn room_ahead(
    context: &XdpContext,
    tally: &Tally,
    longer: usize,
    question_end: usize,
) -> Result<(), Outcome> {
    tally.set(Work::First, longer as u64);
    tally.set(Work::Len, question_end as u64);
    if veer_room_ahead(context.ctx) == DONE {
        return Ok(());
    }
    match tally.get(Work::First) {
        broken if broken == Outcome::DropBroken as u64 => stop(Outcome::DropBroken),
        _ => stop(Outcome::UpNoRoom),
    }
}
