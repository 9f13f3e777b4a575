//! The load generator's maps: which queries the rig's `offer` sends and how
//! fast, and how its `count_replies` counts and times what comes back.

/// Length of a template, octets: room for a query with a long name and an OPT
/// record with a cookie.
pub const TEMPLATE_OCTETS: usize = 256;

/// Templates are written in pieces of so many octets. A test run's frame starts
/// with whole ones, more octets than its longest query.
pub const PIECE_OCTETS: usize = 32;

/// Templates there is room for: more names than fit a processor's nearest cache.
pub const TEMPLATES_MAX: u32 = 2048;

/// Where a flood query's random label starts: behind Ethernet, IPv4, UDP, the
/// DNS header and the label's length.
pub const LABEL: usize = 14 + 20 + 8 + 12 + 1;

/// Length of the random label of a flood query, octets; its letters are `a` to `p`.
pub const LABEL_OCTETS: usize = 12;

/// The whole of [`Load::flood_share`].
pub const SHARE_WHOLE: u32 = 1 << 16;

/// Times of the generator are in nanoseconds divided by this: fine enough for
/// the interval of any rate.
pub const TICKS_PER_NS: u64 = 256;

/// Entry of the one-entry maps.
pub const ONLY: u32 = 0;

/// The UDP port that replies come from.
pub const SERVER_PORT: u16 = 53;

/// Bits of every query's source port, beside random ones: the highest, for one
/// that a resolver would use.
pub const SOURCE_PORT: u16 = 0x8000;

/// Bit of the source port that says the query's [`Kind`].
pub const KIND_BIT: u16 = 1;

/// Bit of the source port that says the query is stamped: its reply tells how
/// long it took, because it is sent back to where the query says it came from.
pub const STAMP_BIT: u16 = 2;

/// How a stamp lies in a query: its low 16 bits are the message's ID, the others
/// are in the source port, this many bits from its lowest.
pub const STAMP_SHIFT: u32 = 2;

/// Which bits of the monotonic clock, nanoseconds, are a stamp: what the ID and
/// the source port have room for. A reply that takes longer, 0.5 s, seems early.
pub const STAMP_MASK: u32 = (1 << 29) - 1;

/// Latencies are counted in buckets: to the nanosecond up to this, then this
/// many to each doubling. A bucket is at most 1/32 wide.
const STEPS: u32 = 32;

/// How many buckets there are for every latency that a stamp can tell.
pub const BUCKETS: usize = bucket(STAMP_MASK) as usize + 1;

/// The bucket for a latency of `ns` nanoseconds.
#[inline(always)]
#[must_use]
pub const fn bucket(ns: u32) -> u32 {
    if ns < STEPS {
        return ns;
    }
    let doublings = ns.ilog2() - STEPS.ilog2();
    STEPS * doublings + (ns >> doublings)
}

/// The least latency of a bucket, nanoseconds; of the one past the last, what is
/// more than any.
#[must_use]
pub const fn least_of(bucket: u32) -> u32 {
    match (bucket / STEPS).checked_sub(1) {
        None => bucket,
        Some(doublings) => (STEPS + bucket % STEPS) << doublings,
    }
}

/// What a query is for; the number is its index in counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// For a name that exists.
    Hot = 0,
    /// For a random name below a zone.
    Flood = 1,
}

/// How many kinds there are.
pub const KINDS: usize = 2;

/// What a reply says. Counters are numbered by `kind * FATES + fate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fate {
    /// NOERROR with answer records.
    Answer = 0,
    /// NOERROR without any: NODATA, a referral, or a reflected query.
    Empty = 1,
    /// NXDOMAIN.
    NameError = 2,
    /// TC set.
    Truncated = 3,
    /// Any other response code.
    Other = 4,
}

/// How many fates there are.
pub const FATES: usize = 5;

/// A query as a whole frame: Ethernet, IPv4 without options, UDP. Source
/// address, source port, both checksums, the message's ID and a flood query's
/// label (the first of its name) are zero: `offer` fills them in.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct Template {
    /// The frame, with anything behind it.
    pub octets: [u8; TEMPLATE_OCTETS],
    /// The frame's length, octets.
    pub len: u32,
    /// The sum, not folded, of the IPv4 header by little-endian pairs (RFC 1071).
    pub header_sum: u32,
    /// The same of the UDP pseudo-header and the datagram (RFC 768).
    pub sum: u32,
    /// Nothing.
    pub rest: u32,
}

/// What to send.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Load {
    /// Time from query to query, ticks.
    pub interval: u64,
    /// How far behind it may fall and still catch up, ticks: a longer pause is
    /// not made up for, because a burst would overflow the receiver's ring.
    pub behind_max: u32,
    /// Whether queries are stamped: 1, or 0.
    pub stamped: u32,
    /// Share of flood queries, of [`SHARE_WHOLE`].
    pub flood_share: u32,
    /// Templates of hot queries, the first ones; at least one.
    pub hot: u32,
    /// Templates of flood queries, behind those; at least one.
    pub flood: u32,
    /// The interface to send from.
    pub interface: u32,
    /// The first source address, as a little-endian half of the header.
    pub source: u32,
    /// Which bits of it vary.
    pub source_mask: u32,
}

/// What has been sent; all zeros before a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Progress {
    /// When the first query was due, nanoseconds of the monotonic clock.
    pub start: u64,
    /// When the clock was last read for one that was sent, nanoseconds after the first.
    pub last: u64,
    /// When the next one is due, ticks after the first.
    pub due: u64,
    /// Queries sent by [`Kind`].
    pub sent: [u64; KINDS],
}
