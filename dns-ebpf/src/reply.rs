//! Turning the query's frame into the reply: resize once, write, swap
//! addresses, fix checksums.

use aya_ebpf::programs::XdpContext;
use dns_common::{
    ask::{HEADER, QUESTION_MAX, lanes},
    octets::OctetsMut,
    outcome::{OrStop as _, Outcome, stop},
    reply::{Reply, fold_sum},
    tables::{Source, Tables},
};

use crate::{
    aside,
    count::Tally,
    decide::Maps,
    packet::{Frame, Window, move_end, move_start},
    receive::{IPV4_HEADER, IPV6_HEADER, Query, TRANSPORT_MAX, UDP, UDP_HEADER},
    route::{self, Macs},
};

/// Octets copied at a time.
const WORD: usize = 8;
/// Where a question can end at most.
const QUESTION_END_MAX: usize = TRANSPORT_MAX + UDP_HEADER + QUESTION_MAX;
const MAC_ADDRESSES: usize = 12;
/// How much a frame can grow towards its front: no driver leaves more room there.
const LONGER_MAX: usize = 511;
/// TTL and hop limit of a reply (the recommended default of RFC 1700).
const TTL: u8 = 64;
/// Version 4, header of five words; TOS 0.
const IPV4_FIRST: u16 = 0x0045;
/// Identification 0, don't fragment (RFC 6864 section 4.1): octets 4 to 7.
const IPV4_ATOMIC: u32 = 0x0040_0000;

/// Makes the frame the reply; `Err` before anything was written, or
/// [`Outcome::DropBroken`] after.
#[inline(always)]
pub(crate) fn reply(
    context: &XdpContext,
    query: &Query,
    reply: &Reply,
    tally: &Tally,
) -> Result<(), Outcome> {
    let datagram = UDP_HEADER + reply.len();
    if route::is_asked() {
        route::ask(context, query, datagram, tally)?;
    }
    let frame = Frame::new(context);
    let longer = (query.transport + datagram) as i32 - frame.len() as i32;
    if move_end(context, longer).is_none() {
        let question_end = query.transport + UDP_HEADER + reply.question_end();
        // Where it could not even shrink, no room before it helps: 0 is refused.
        let longer = usize::try_from(longer).unwrap_or(0);
        aside::room_ahead(context, tally, longer, question_end)?;
    }
    write(context, query, reply, datagram, tally).or_stop(Outcome::DropBroken)
}

/// Makes the frame `longer` where there is no room behind it, as on veth, which
/// leaves less than a cache line: takes the room before it, and moves everything
/// up to `question_end` there.
#[inline(always)]
pub(crate) fn make_room_ahead(
    context: &XdpContext,
    longer: usize,
    question_end: usize,
    tally: &Tally,
) -> Result<(), Outcome> {
    if !(WORD..=LONGER_MAX).contains(&longer) {
        // Closer than a word, the copy would overtake itself.
        return stop(Outcome::UpNoRoom);
    }
    let longer = tally.forget::<LONGER_MAX>(longer);
    move_start(context, -(longer as i32)).or_stop(Outcome::UpNoRoom)?;
    let frame = Frame::new(context);
    let from = longer;
    let len = tally.forget::<QUESTION_END_MAX>(question_end);
    let last = len - WORD;
    for index in 0..QUESTION_END_MAX.div_ceil(WORD) {
        // The last word ends where the question does, whatever comes before.
        let at = (index * WORD).min(last);
        let word = frame
            .window::<WORD>(from + at)
            .or_stop(Outcome::DropBroken)?
            .word::<0>();
        frame
            .window::<WORD>(at)
            .or_stop(Outcome::DropBroken)?
            .set_word::<0>(word);
        if at == last {
            break;
        }
    }
    Ok(())
}

/// Writes the reply into the resized frame. `None` where the verifier wants a
/// check that has been made before the resizing.
#[inline(always)]
fn write(
    context: &XdpContext,
    query: &Query,
    reply: &Reply,
    datagram: usize,
    tally: &Tally,
) -> Option<()> {
    let frame = Frame::new(context);
    let macs = frame.window::<MAC_ADDRESSES>(0)?;
    let route = if route::is_asked() {
        route::macs(tally)
    } else {
        Macs {
            destination: (macs.half::<6>(), macs.pair::<10>()),
            source: (macs.half::<0>(), macs.pair::<4>()),
        }
    };
    macs.set_half::<0>(route.destination.0);
    macs.set_pair::<4>(route.destination.1);
    macs.set_half::<6>(route.source.0);
    macs.set_pair::<10>(route.source.1);

    let addresses = match query.source {
        Source::V4(_) => ipv4(&frame.window(query.network)?, datagram),
        Source::V6(..) => ipv6(&frame.window(query.network)?, datagram),
    };

    let udp = frame.window::<UDP_HEADER>(query.transport)?;
    let ports = udp.half::<0>().rotate_left(16);
    let length = (datagram as u16).swap_bytes();
    // The length counts twice: in the pseudo-header and in the header.
    let sum =
        addresses + u64::from(ports) + 2 * u64::from(length) + (u64::from(UDP) << 8) + reply.sum();
    // Zero would mean that there is none (RFC 768, RFC 8200 section 8.1).
    let checksum = match !fold_sum(sum) {
        0 => 0xffff,
        checksum => checksum,
    };
    udp.set_half::<0>(ports);
    udp.set_pair::<4>(length);
    udp.set_pair::<6>(checksum);

    let mut message = Message {
        frame,
        tally,
        context: Some(context),
        start: query.transport + UDP_HEADER,
    };
    reply.write(&mut message, &Maps)
}

/// Writes the IPv4 header; the sum of its addresses.
#[inline(always)]
fn ipv4(ip: &Window<IPV4_HEADER>, datagram: usize) -> u64 {
    let source = ip.half::<12>();
    let destination = ip.half::<16>();
    let addresses = u64::from(source) + u64::from(destination);
    let total = ((IPV4_HEADER + datagram) as u16).swap_bytes();
    let time_and_protocol = u16::from(UDP) << 8 | u16::from(TTL);
    let sum = addresses
        + u64::from(IPV4_FIRST)
        + u64::from(total)
        + u64::from(IPV4_ATOMIC)
        + u64::from(time_and_protocol);
    ip.set_pair::<0>(IPV4_FIRST);
    ip.set_pair::<2>(total);
    ip.set_half::<4>(IPV4_ATOMIC);
    ip.set_pair::<8>(time_and_protocol);
    ip.set_pair::<10>(!fold_sum(sum));
    ip.set_half::<12>(destination);
    ip.set_half::<16>(source);
    addresses
}

/// Writes the IPv6 header; the sum of its addresses.
#[inline(always)]
fn ipv6(ip: &Window<IPV6_HEADER>, datagram: usize) -> u64 {
    let (source, source_rest) = (ip.word::<8>(), ip.word::<16>());
    let (destination, destination_rest) = (ip.word::<24>(), ip.word::<32>());
    // Version 6, traffic class and flow label 0.
    ip.set_half::<0>(0x60);
    ip.set_pair::<4>((datagram as u16).swap_bytes());
    ip.set_octet::<7>(TTL);
    ip.set_word::<8>(destination);
    ip.set_word::<16>(destination_rest);
    ip.set_word::<24>(source);
    ip.set_word::<32>(source_rest);
    lanes(source) + lanes(source_rest) + lanes(destination) + lanes(destination_rest)
}

/// The reply's DNS message, for the shared code to write.
pub(crate) struct Message<'t> {
    pub(crate) frame: Frame,
    pub(crate) tally: &'t Tally,
    /// `None` where this is a step of its own already.
    pub(crate) context: Option<&'t XdpContext>,
    pub(crate) start: usize,
}

impl OctetsMut for Message<'_> {
    #[inline(always)]
    fn put_header(&mut self, first: u64, second: u32) -> Option<()> {
        let header = self.frame.window::<HEADER>(self.start)?;
        header.set_word::<0>(first);
        header.set_half::<8>(second);
        Some(())
    }

    #[inline(always)]
    fn put_long(&mut self, reply: &Reply, at: usize, _: &impl Tables) -> Option<()> {
        aside::put_long(self.context?, self.tally, self.start, reply, at)?;
        // To the verifier the step may have moved the frame.
        self.frame = Frame::new(self.context?);
        Some(())
    }

    #[inline(always)]
    fn put_word(&mut self, at: usize, value: u64) -> Option<()> {
        self.frame
            .window::<8>(self.start + at)?
            .set_word::<0>(value);
        Some(())
    }

    #[inline(always)]
    fn put_half(&mut self, at: usize, value: u32) -> Option<()> {
        self.frame
            .window::<4>(self.start + at)?
            .set_half::<0>(value);
        Some(())
    }

    #[inline(always)]
    fn put_pair(&mut self, at: usize, value: u16) -> Option<()> {
        self.frame
            .window::<2>(self.start + at)?
            .set_pair::<0>(value);
        Some(())
    }

    #[inline(always)]
    fn put_octet(&mut self, at: usize, value: u8) -> Option<()> {
        self.frame
            .window::<1>(self.start + at)?
            .set_octet::<0>(value);
        Some(())
    }

    #[inline(always)]
    fn add_pair(&mut self, at: usize, value: u16) -> Option<()> {
        let pair = self.frame.window::<2>(self.start + at)?;
        let sum = pair.pair::<0>().swap_bytes().wrapping_add(value);
        pair.set_pair::<0>(sum.swap_bytes());
        Some(())
    }

    #[inline(always)]
    fn forget<const MAX: usize>(&self, value: usize) -> usize {
        self.tally.forget::<MAX>(value)
    }
}
