//! Turning the query's frame into the reply: resize once, write, swap
//! addresses, fix checksums.

use aya_ebpf::programs::XdpContext;
use dns_common::{
    ask::{HEADER, OPT_FIXED, QUESTION_MAX, TYPE_AND_CLASS, lanes},
    name::SHORT_MAX,
    octets::{OctetsMut, Records},
    outcome::{OrStop as _, Outcome, stop},
    reply::{Reply, fold_sum},
    tables::{Source, Tables, Word},
};

use crate::{
    aside,
    ask::Known,
    count::Tally,
    decide::Maps,
    packet::{Frame, Window, clip, move_end, move_start},
    receive::{
        ETHERNET_HEADER, IPV4, IPV4_HEADER, IPV6_HEADER, MESSAGE_MIN, Query, TRANSPORT_MAX, UDP,
        UDP_HEADER,
    },
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

/// How much longer than a query with a short name a reply can be: what its frame
/// grows by is then a matter of eight bits.
const GROWTH_MAX: usize = 255;
/// Octets of a question with a short name.
const SHORT_QUESTION: usize = SHORT_MAX + TYPE_AND_CLASS;

/// Makes the frame the reply; `Err` before anything was written, or
/// [`Outcome::DropBroken`] after.
#[inline(always)]
pub(crate) fn reply<const PLAIN: bool, K: Known>(
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
    let question_end = query.transport + UDP_HEADER + reply.question_end();
    if PLAIN {
        let old = Addresses::of(frame.start().or_stop(Outcome::UpNoRoom)?);
        // To take room before a frame costs half of what it costs to clear room behind it.
        let mut frame = frame;
        if !move_question(context, &mut frame, longer, question_end)? {
            make_room(context, longer, question_end, tally)?;
            frame = Frame::new(context);
        }
        return write_plain::<K>(context, frame, query, &old, reply, datagram, tally)
            .or_stop(Outcome::DropBroken);
    }
    make_room(context, longer, question_end, tally)?;
    write(context, query, reply, datagram, tally).or_stop(Outcome::DropBroken)
}

/// What of a plain query's headers goes into the reply's.
struct Addresses {
    macs: Macs,
    /// IPv4 source and destination, octets as a little-endian word.
    ips: u64,
    /// Both ports, octets as a little-endian half.
    ports: u32,
}

impl Addresses {
    #[inline(always)]
    fn of(headers: Window<MESSAGE_MIN>) -> Self {
        Self {
            macs: Macs::exchanged(headers.part::<0, _>()),
            ips: headers.word::<{ ETHERNET_HEADER + 12 }>(),
            ports: headers.half::<{ ETHERNET_HEADER + IPV4_HEADER }>(),
        }
    }
}

/// Makes the frame `longer`, or shorter, behind it or else before it, without moving
/// what it holds up to `question_end`.
#[inline(always)]
fn make_room(
    context: &XdpContext,
    longer: i32,
    question_end: usize,
    tally: &Tally,
) -> Result<(), Outcome> {
    if move_end(context, longer).is_some() {
        return Ok(());
    }
    // Where it could not even shrink, no room before it helps: 0 is refused.
    let longer = usize::try_from(longer).unwrap_or(0);
    aside::room_ahead(context, tally, longer, question_end)
}

/// Makes the frame `longer` at its front and moves the question to where it is then,
/// over what headers there were. Whether it did: not where there is no room, nor where
/// the question has a long name.
#[inline(always)]
fn move_question(
    context: &XdpContext,
    frame: &mut Frame,
    longer: i32,
    question_end: usize,
) -> Result<bool, Outcome> {
    /// Where the question's last octets start at most, and every bit of it.
    const AT_MAX: usize = (MESSAGE_MIN + HEADER).next_power_of_two() - 1;

    let is_short = question_end <= MESSAGE_MIN + HEADER + SHORT_QUESTION;
    if !is_short || !(1..=GROWTH_MAX as i32).contains(&longer) {
        return Ok(false);
    }
    let longer = clip::<GROWTH_MAX>(longer.unsigned_abs() as usize);
    if move_start(context, -(longer as i32)).is_none() {
        return Ok(false);
    }
    *frame = Frame::new(context);
    // Whatever comes before a shorter question is moved with it, to be written over.
    let at = clip::<AT_MAX>(question_end - SHORT_QUESTION);
    let to = frame.window::<SHORT_QUESTION>(at);
    let from = frame.window::<SHORT_QUESTION>(longer + at);
    let (to, from) = to.zip(from).or_stop(Outcome::DropBroken)?;
    // From the front on, so that nothing is written over that is still to be moved.
    to.set_word::<0>(from.word::<0>());
    to.set_word::<8>(from.word::<8>());
    to.set_word::<16>(from.word::<16>());
    to.set_word::<24>(from.word::<24>());
    to.set_word::<32>(from.word::<32>());
    to.set_half::<40>(from.half::<40>());
    const { assert!(SHORT_QUESTION == 44) };
    Ok(true)
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

/// Writes the reply into the resized frame. `None` where the verifier wants a check
/// that has been made before the resizing.
#[inline(always)]
fn write(
    context: &XdpContext,
    query: &Query,
    reply: &Reply,
    datagram: usize,
    tally: &Tally,
) -> Option<()> {
    let frame = Frame::new(context);
    let macs = frame.start()?;
    ethernet(Macs::exchanged(macs), macs, tally);
    let addresses = match query.source {
        Source::V4(_) => {
            let ip = frame.window(query.network)?;
            ipv4(ip.word::<12>(), ip, datagram)
        }
        Source::V6(..) => ipv6(frame.window(query.network)?, datagram),
    };
    let header = frame.window::<UDP_HEADER>(query.transport)?;
    udp(header.half::<0>(), header, addresses, reply, datagram);
    let mut message = Message {
        frame,
        tally,
        context: Some(context),
        start: query.transport + UDP_HEADER,
        header: None,
        is_known: false,
    };
    reply.write(&mut message, &Maps)
}

/// As [`write`], to a query of which only the question is still there.
#[inline(always)]
fn write_plain<K: Known>(
    context: &XdpContext,
    frame: Frame,
    query: &Query,
    old: &Addresses,
    reply: &Reply,
    datagram: usize,
    tally: &Tally,
) -> Option<()> {
    let headers = frame.start::<{ MESSAGE_MIN + HEADER }>()?;
    ethernet(old.macs, headers.part::<0, _>(), tally);
    headers.set_pair::<MAC_ADDRESSES>(IPV4);
    let ip = headers.part::<ETHERNET_HEADER, _>();
    let addresses = ipv4(old.ips, ip, datagram);
    let header = headers.part::<{ ETHERNET_HEADER + IPV4_HEADER }, _>();
    udp(old.ports, header, addresses, reply, datagram);
    let mut message = Message {
        frame,
        tally,
        context: Some(context),
        start: query.transport + UDP_HEADER,
        header: Some(headers.part::<MESSAGE_MIN, _>()),
        is_known: !matches!(K::RECORDS, Records::Any),
    };
    reply.write(&mut message, &Maps)
}

/// Writes the MAC addresses of the reply: those of the query `exchanged`, or those of
/// its route.
#[inline(always)]
fn ethernet(exchanged: Macs, new: Window<MAC_ADDRESSES>, tally: &Tally) {
    let macs = if route::is_asked() {
        route::macs(tally)
    } else {
        exchanged
    };
    new.set_word::<0>(macs.0);
    new.set_half::<8>(macs.1);
}

/// Writes the UDP header of the reply to what came with `ports`.
#[inline(always)]
fn udp(ports: u32, new: Window<UDP_HEADER>, addresses: u64, reply: &Reply, datagram: usize) {
    let ports = ports.rotate_left(16);
    let length = (datagram as u16).swap_bytes();
    // The length counts twice: in the pseudo-header and in the header.
    let sum =
        addresses + u64::from(ports) + 2 * u64::from(length) + (u64::from(UDP) << 8) + reply.sum();
    // Zero would mean that there is none (RFC 768, RFC 8200 section 8.1).
    let checksum = match !fold_sum(sum) {
        0 => 0xffff,
        checksum => checksum,
    };
    new.set_half::<0>(ports);
    new.set_pair::<4>(length);
    new.set_pair::<6>(checksum);
}

/// Writes the IPv4 header of the reply to what came with these `ips`, source and
/// destination; the sum of both.
#[inline(always)]
fn ipv4(ips: u64, new: Window<IPV4_HEADER>, datagram: usize) -> u64 {
    let addresses = lanes(ips);
    let total = ((IPV4_HEADER + datagram) as u16).swap_bytes();
    let time_and_protocol = u16::from(UDP) << 8 | u16::from(TTL);
    let sum = addresses
        + u64::from(IPV4_FIRST)
        + u64::from(total)
        + u64::from(IPV4_ATOMIC)
        + u64::from(time_and_protocol);
    let checksum = !fold_sum(sum);
    let first = u64::from(IPV4_FIRST) | u64::from(total) << 16 | u64::from(IPV4_ATOMIC) << 32;
    let second = u64::from(time_and_protocol) | u64::from(checksum) << 16 | ips & 0xffff_ffff << 32;
    new.set_word::<0>(first);
    new.set_word::<8>(second);
    new.set_half::<16>(ips as u32);
    addresses
}

/// Writes the IPv6 header; the sum of its addresses.
#[inline(always)]
fn ipv6(ip: Window<IPV6_HEADER>, datagram: usize) -> u64 {
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
    /// The message's header, where it has been checked.
    pub(crate) header: Option<Window<HEADER>>,
    /// Whether so much is known of the query that the verifier need not forget the rest.
    pub(crate) is_known: bool,
}

impl OctetsMut for Message<'_> {
    #[inline(always)]
    fn put_header(&mut self, first: u64, second: u32) -> Option<()> {
        let header = match self.header {
            Some(header) => header,
            None => self.frame.window::<HEADER>(self.start)?,
        };
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
    fn put_words<const OCTETS: usize>(&mut self, at: usize, words: &[Word]) -> Option<()> {
        self.frame
            .window::<OCTETS>(self.start + at)?
            .set_words(words);
        Some(())
    }

    #[inline(always)]
    fn put_opt(&mut self, at: usize, first: u64, rest: u32) -> Option<()> {
        let record = self.frame.window::<OPT_FIXED>(self.start + at)?;
        record.set_word::<0>(first);
        record.set_half::<7>(rest);
        Some(())
    }

    #[inline(always)]
    fn put_half_and_words(&mut self, at: usize, half: u32, words: [u64; 3]) -> Option<()> {
        let window = self.frame.window::<{ 4 + 3 * 8 }>(self.start + at)?;
        window.set_half::<0>(half);
        window.set_word::<4>(words[0]);
        window.set_word::<12>(words[1]);
        window.set_word::<20>(words[2]);
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
        if self.is_known {
            return value & const { (MAX + 1).next_power_of_two() - 1 };
        }
        self.tally.forget::<MAX>(value)
    }
}
