//! Where a reply goes on the link: back to where the query came from, or where
//! the routing tables say.

use aya_ebpf::{bindings::BPF_FIB_LKUP_RET_SUCCESS, helpers::bpf_fib_lookup, programs::XdpContext};
use dns_common::{
    host::constant,
    outcome::{Outcome, stop},
    tables::{Source, Work},
};

use crate::{
    count::Tally,
    host::constants,
    packet::Window,
    receive::{IPV4_HEADER, IPV6_HEADER, Query, UDP},
};

// Address families of <linux/socket.h>.
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;

/// The MAC addresses of a reply, destination and source as they stand in its frame: the
/// first eight octets and the four after, little-endian.
#[derive(Clone, Copy)]
pub(crate) struct Macs(pub(crate) u64, pub(crate) u32);

impl Macs {
    /// Those of a query, exchanged.
    #[inline(always)]
    pub(crate) fn exchanged(query: Window<12>) -> Self {
        let (first, rest) = (query.word::<0>(), query.half::<8>());
        let source = first >> 48 | u64::from(rest) << 16;
        Self(source | first << 48, (first >> 16) as u32)
    }
}

/// Whether the reply's MAC addresses come from the routing tables
/// (`xdp.reply = fib`); else those of the query will do, exchanged.
#[inline(always)]
pub(crate) fn is_asked() -> bool {
    constant(&constants().reply_by_fib) != 0
}

/// Asks the routing tables for the MAC addresses of the reply to `query`, for
/// [`macs`] to return.
///
/// A reply that would leave by another interface, or whose next hop has no known
/// neighbour, is for the stack to send: `Err`.
#[inline(always)]
pub(crate) fn ask(
    context: &XdpContext,
    query: &Query,
    datagram: usize,
    tally: &Tally,
) -> Result<(), Outcome> {
    // SAFETY: the context is the one this run was given.
    let ifindex = u64::from(unsafe { (*context.ctx).ingress_ifindex });
    let (family, ip_header, to) = match query.source {
        Source::V4(source) => (AF_INET, IPV4_HEADER, (u64::from(source.swap_bytes()), 0)),
        Source::V6(high, low) => (AF_INET6, IPV6_HEADER, (high.swap_bytes(), low.swap_bytes())),
    };
    let from = match query.source {
        Source::V4(_) => (query.destination.1 >> 32, 0),
        Source::V6(..) => query.destination,
    };
    let len = (ip_header + datagram) as u64;
    let mut lookup: Lookup = [
        family | u64::from(UDP) << 8 | len << 48,
        ifindex,
        from.0,
        from.1,
        to.0,
        to.1,
        0,
        0,
    ];
    // SAFETY: `lookup` lives on the stack for the call and has the size given.
    let result = unsafe {
        bpf_fib_lookup(
            context.ctx.cast(),
            (&raw mut lookup).cast(),
            size_of::<Lookup>() as i32,
            0,
        )
    };
    if result != i64::from(BPF_FIB_LKUP_RET_SUCCESS) || lookup[1] as u32 != ifindex as u32 {
        return stop(Outcome::UpRoute);
    }
    tally.set(Work::Route, lookup[6]);
    tally.set(Work::RouteRest, lookup[7]);
    Ok(())
}

/// The MAC addresses that [`ask`] found.
#[inline(always)]
pub(crate) fn macs(tally: &Tally) -> Macs {
    let (first, second) = (tally.get(Work::Route), tally.get(Work::RouteRest));
    let source = first >> 32 | second << 32;
    Macs(second >> 16 | source << 48, (source >> 16) as u32)
}

/// `struct bpf_fib_lookup` of <linux/bpf.h> as little-endian words: family,
/// protocol, ports and length; interface and class; two words each of source and
/// destination; then, after four octets, the source's and the destination's MAC
/// address.
type Lookup = [u64; 8];
