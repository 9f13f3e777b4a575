//! What the tables do not say: the clock, what is switched on, and room to work
//! in. The kernel has it from constants that are frozen when the program is
//! loaded, so that what is off is not even there; userspace from its settings.

use crate::{
    ask::{self, Cookie, HEADER, Wanted},
    cookie::Validity,
    decide,
    decision::GOLDEN,
    find, limit, name,
    octets::Octets,
    outcome::Outcome,
    tables::{Entry, Generation, Row, Source, Tables},
};

/// Which queries' client subnets choose the group (`edns.client_subnet`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ClientSubnet {
    /// Nobody's: the option is left out of replies.
    Off = 0,
    /// Everybody's.
    On = 1,
    /// Those of resolvers with [`crate::tables::Entry::TRUSTED`]; for others the
    /// option is left out.
    Trusted = 2,
}

/// What kind of response it is, for limiting its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Records, in no more than twice the query's octets.
    Positive = 0,
    /// Records, in more than twice the query's octets.
    Large = 1,
    /// NXDOMAIN or NODATA.
    Negative = 2,
    /// A delegation.
    Referral = 3,
    /// Any other RCODE than NOERROR and NXDOMAIN.
    Error = 4,
}

impl Class {
    /// Every class, in order of number.
    pub const ALL: [Self; 5] = [
        Self::Positive,
        Self::Large,
        Self::Negative,
        Self::Referral,
        Self::Error,
    ];
}

/// What is switched on, and how far. The loader freezes it in the program's
/// read-only data; words, so that it has no padding.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constants {
    /// The UDP payload size that replies announce and keep to, octets, 512 to 4096.
    pub payload: u64,
    /// [`ClientSubnet`] as a number.
    pub client_subnet: u64,
    /// Not 0: queries with cookies get cookies.
    pub cookies: u64,
    /// Not 0: queries for NSID are for the full server.
    pub nsid: u64,
    /// Not 0: some class of responses is limited in rate.
    pub rates: u64,
    /// By [`Class`]: nanoseconds between two responses to one prefix in one zone
    /// at the highest rate; 0 is no limit.
    pub rate_intervals_ns: [u64; Class::ALL.len()],
    /// Number of rate buckets, a power of two, less one.
    pub rate_mask: u64,
    /// Bits of an IPv4 address that are not the resolver's prefix, 0 to 31.
    pub rate_ipv4_shift: u64,
    /// Bits of the upper half of an IPv6 address that are not, 0 to 63.
    pub rate_ipv6_shift: u64,
    /// One limited response in so many is sent all the same, with TC; 0 for none.
    pub slip: u64,
    /// Not 0: a limited query with a cookie, but none of ours, gets BADCOOKIE
    /// where it would get TC.
    pub cookie_required_over_limit: u64,
    /// Nanoseconds between two queries for names outside our zones that may go
    /// up at the highest rate; 0 is no limit.
    pub up_interval_ns: u64,
    /// Not 0: the reply's MAC addresses come from the routing tables, not from
    /// the query.
    pub reply_by_fib: u64,
    /// Which answers of services count for their resolver group, see [`is_sampled`];
    /// 0 for none.
    pub group_sample: u64,
    /// Which queries are told to whoever watches, see [`is_sampled`]; 0 for none.
    pub told_sample: u64,
    /// Not 0: nothing is answered after [`crate::tables::Control::vouched_until_ns`].
    pub expires: u64,
    /// Not 0: what would be answered is counted, and passed up.
    pub dry_run: u64,
}

impl Constants {
    /// How many words it is.
    pub const WORDS: usize = size_of::<Self>() / size_of::<u64>();

    /// Everything off, and the smallest of what has a size.
    pub const OFF: Self = Self {
        payload: 512,
        client_subnet: ClientSubnet::Off as u64,
        cookies: 0,
        nsid: 0,
        rates: 0,
        rate_intervals_ns: [0; Class::ALL.len()],
        rate_mask: 0,
        rate_ipv4_shift: 0,
        rate_ipv6_shift: 0,
        slip: 0,
        cookie_required_over_limit: 0,
        up_interval_ns: 0,
        reply_by_fib: 0,
        group_sample: 0,
        told_sample: 0,
        expires: 0,
        dry_run: 0,
    };

    /// A sample of one in so many; 0 for none.
    pub const fn one_in(count: u64) -> u64 {
        match u64::MAX.checked_div(count) {
            Some(sample) => sample,
            None => 0,
        }
    }

    /// Its words in the order of the fields, as the program's data has them.
    pub const fn words(&self) -> [u64; Self::WORDS] {
        let [positive, large, negative, referral, error] = self.rate_intervals_ns;
        [
            self.payload,
            self.client_subnet,
            self.cookies,
            self.nsid,
            self.rates,
            positive,
            large,
            negative,
            referral,
            error,
            self.rate_mask,
            self.rate_ipv4_shift,
            self.rate_ipv6_shift,
            self.slip,
            self.cookie_required_over_limit,
            self.up_interval_ns,
            self.reply_by_fib,
            self.group_sample,
            self.told_sample,
            self.expires,
            self.dry_run,
        ]
    }
}

/// Whether something is in the `sample`, by its `number` among those that the same counter
/// counted, from 1. Which ones are is spread evenly, so that no order in which groups ask
/// keeps step with it.
#[inline(always)]
pub const fn is_sampled(number: u64, sample: u64) -> bool {
    sample != 0 && number.wrapping_mul(GOLDEN) <= sample
}

/// A constant's value: in the kernel it is read from the frozen data, where the
/// verifier knows it, and not from what it was when the program was compiled.
#[inline(always)]
pub fn constant(value: &u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    // SAFETY: the pointer comes from a reference.
    return unsafe { core::ptr::from_ref(value).read_volatile() };
    #[cfg(not(target_arch = "bpf"))]
    *value
}

/// The host a plane runs on, and one query's room to work in.
pub trait Host {
    /// What is switched on.
    fn constants(&self) -> &Constants;
    /// The clock of rates, nanoseconds since some start.
    fn now_ns(&self) -> u64;
    /// Seconds since 1970 modulo 2^32.
    fn now_s(&self) -> u32;
    /// The longest reply this plane can send, octets.
    fn reply_max(&self) -> usize;
    /// The query came on a stream: no size is too large, no rate too high.
    fn is_stream(&self) -> bool;
    /// Counts one limited response; how many there were before.
    fn count_limited(&self) -> u64;

    /// Remembers which group the answer at hand is chosen for, where that is counted.
    #[inline(always)]
    fn set_group(&self, _group: u16) {}

    /// Remembers which service it is chosen by, where that is told.
    #[inline(always)]
    fn set_service(&self, _service: u32) {}

    /// Remembers where label `index` of the name starts, octets after the
    /// name's start.
    fn set_label(&self, index: usize, at: u8);
    /// What was remembered for label `index`; anything where nothing was.
    fn label(&self, index: usize) -> u8;
    /// Remembers the hash of the last `index` words of the name.
    fn set_hash(&self, index: usize, hash: u64);
    /// What was remembered for `index`; anything where nothing was.
    fn hash(&self, index: usize) -> u64;

    // Steps that few queries need. In the kernel they are functions of their own,
    // so that the way of the many stays short.

    /// See [`name::long`].
    #[inline(always)]
    fn long_name(
        &self,
        message: &(impl Octets + ?Sized),
        len: usize,
        seed: u64,
    ) -> Option<name::Read> {
        name::long(message, HEADER, len, seed)
    }

    /// See [`find::compare`].
    #[inline(always)]
    fn compare(
        &self,
        message: &(impl Octets + ?Sized),
        len: usize,
        cell: u32,
        tables: &impl Tables,
    ) -> Option<Row> {
        find::compare(message, HEADER, len, cell, tables)
    }

    /// See [`ask::options`].
    #[inline(always)]
    fn options(
        &self,
        message: &(impl Octets + ?Sized),
        at: usize,
        wanted: Wanted,
    ) -> Result<u64, Outcome> {
        ask::options(message, at, wanted)
    }

    /// See [`Tables::resolver`].
    #[inline(always)]
    fn resolver(&self, source: Source, tables: &impl Tables) -> Entry {
        tables.resolver(source)
    }

    /// See [`find::closest_encloser`].
    #[inline(always)]
    fn closest_encloser(
        &self,
        message: &(impl Octets + ?Sized),
        name_len: usize,
        tables: &impl Tables,
        generation: &Generation,
    ) -> Result<Row, Outcome>
    where
        Self: Sized,
    {
        find::closest_encloser(message, name_len, tables, generation, self)
    }

    /// See [`limit::within_rate`].
    #[inline(always)]
    fn within_rate(
        &self,
        source: Source,
        class: Class,
        zone: u32,
        tables: &impl Tables,
        generation: &Generation,
    ) -> bool
    where
        Self: Sized,
    {
        limit::within_rate(source, class, zone, tables, generation, self)
    }

    /// See [`decide::server_cookie`].
    #[inline(always)]
    fn server_cookie(
        &self,
        asked: Cookie,
        resolver: Source,
        tables: &impl Tables,
        generation: &Generation,
    ) -> ((u64, u64), Validity)
    where
        Self: Sized,
    {
        decide::server_cookie(asked, resolver, tables, generation, self)
    }

    /// The UDP payload size that replies announce and keep to, octets.
    #[inline(always)]
    fn payload(&self) -> u16 {
        constant(&self.constants().payload) as u16
    }

    /// Whose client subnets count.
    #[inline(always)]
    fn client_subnet(&self) -> ClientSubnet {
        match constant(&self.constants().client_subnet) {
            0 => ClientSubnet::Off,
            1 => ClientSubnet::On,
            _ => ClientSubnet::Trusted,
        }
    }

    /// Queries with cookies get cookies.
    #[inline(always)]
    fn cookies(&self) -> bool {
        constant(&self.constants().cookies) != 0
    }

    /// Queries for NSID are for the full server.
    #[inline(always)]
    fn nsid(&self) -> bool {
        constant(&self.constants().nsid) != 0
    }

    /// Whether any rate is limited.
    #[inline(always)]
    fn rates(&self) -> bool {
        constant(&self.constants().rates) != 0
    }

    /// See [`Constants::rate_intervals_ns`].
    #[inline(always)]
    fn rate_interval_ns(&self, class: Class) -> u64 {
        let [positive, large, negative, referral, error] = &self.constants().rate_intervals_ns;
        constant(match class {
            Class::Positive => positive,
            Class::Large => large,
            Class::Negative => negative,
            Class::Referral => referral,
            Class::Error => error,
        })
    }

    /// What of `source` is one resolver for rates.
    #[inline(always)]
    fn rate_prefix(&self, source: Source) -> u64 {
        match source {
            Source::V4(address) => {
                u64::from(address) >> (constant(&self.constants().rate_ipv4_shift) & 31)
            }
            // Bits that no IPv4 prefix has.
            Source::V6(high, _) => !(high >> (constant(&self.constants().rate_ipv6_shift) & 63)),
        }
    }

    /// Number of rate buckets, a power of two, less one.
    #[inline(always)]
    fn rate_mask(&self) -> u32 {
        constant(&self.constants().rate_mask) as u32
    }

    /// Whether this limited response is sent all the same, with TC.
    #[inline(always)]
    fn slips(&self) -> bool {
        match constant(&self.constants().slip) {
            0 => false,
            slip => self.count_limited().is_multiple_of(slip),
        }
    }

    /// See [`Constants::cookie_required_over_limit`].
    #[inline(always)]
    fn cookie_required_over_limit(&self) -> bool {
        constant(&self.constants().cookie_required_over_limit) != 0
    }

    /// See [`Constants::up_interval_ns`].
    #[inline(always)]
    fn up_interval_ns(&self) -> u64 {
        constant(&self.constants().up_interval_ns)
    }
}
