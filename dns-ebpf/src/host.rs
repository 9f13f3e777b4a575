//! What is switched on, the clock, and this CPU's room to work in.

use aya_ebpf::{
    helpers::{bpf_jiffies64, bpf_ktime_get_boot_ns},
    programs::XdpContext,
};
use dns_common::{
    ask::{Cookie, Wanted},
    cookie::Validity,
    host::{Constants, Host},
    name,
    octets::Octets,
    outcome::Outcome,
    tables::{Control, Entry, Generation, Row, Source, Tables, Work},
};

use crate::{count::Tally, decide::Maps, tell};

/// The longest reply sent from here, octets: what IPv6 and UDP headers leave of
/// an Ethernet frame, since nothing here could fragment it.
const REPLY_MAX: usize = 1500 - 40 - 8;

/// Set and frozen by the loader, so that the verifier takes out what is off.
#[cfg_attr(target_arch = "bpf", unsafe(no_mangle))]
static CONSTANTS: Constants = Constants::OFF;

/// What is switched on.
#[inline(always)]
pub(crate) fn constants() -> &'static Constants {
    &CONSTANTS
}

/// This host, with one packet and the room of this CPU's `Tally`.
pub(crate) struct Here<'t> {
    /// `None` where nothing needs it.
    pub(crate) context: Option<&'t XdpContext>,
    pub(crate) tally: &'t Tally,
    /// Offset in the frame of the DNS message.
    pub(crate) start: usize,
}

impl Host for Here<'_> {
    #[inline(always)]
    fn constants(&self) -> &Constants {
        &CONSTANTS
    }

    /// Read once a tick, 1 to 10 ms: the clock costs as much as half of an answer, and
    /// nobody asks for less than a rate's second.
    #[inline(always)]
    fn now_ns(&self) -> u64 {
        // SAFETY: it takes nothing and touches no memory.
        let tick = unsafe { bpf_jiffies64() };
        // SAFETY: as above.
        self.tally
            .now_ns(tick, || unsafe { bpf_ktime_get_boot_ns() })
    }

    #[inline(always)]
    fn now_s(&self) -> u32 {
        let offset = Maps.control().map_or(0, Control::clock_offset_ns);
        self.tally.seconds(self.now_ns().wrapping_add(offset)) as u32
    }

    #[inline(always)]
    fn reply_max(&self) -> usize {
        REPLY_MAX
    }

    #[inline(always)]
    fn is_stream(&self) -> bool {
        false
    }

    #[inline(always)]
    fn long_name(&self, _: &(impl Octets + ?Sized), len: usize, seed: u64) -> Option<name::Read> {
        self.read_long_name(len, seed)
    }

    #[inline(always)]
    fn compare(
        &self,
        _: &(impl Octets + ?Sized),
        len: usize,
        cell: u32,
        _: &impl Tables,
    ) -> Option<Row> {
        self.compare_whole(len, cell)
    }

    #[inline(always)]
    fn options(
        &self,
        message: &(impl Octets + ?Sized),
        at: usize,
        _: Wanted,
    ) -> Result<u64, Outcome> {
        self.find_options(message.len(), at)
    }

    #[inline(always)]
    fn resolver(&self, source: Source, tables: &impl Tables) -> Entry {
        match source {
            Source::V4(_) => tables.resolver(source),
            Source::V6(high, low) => self.find_resolver_v6(high, low),
        }
    }

    #[inline(always)]
    fn closest_encloser(
        &self,
        _: &(impl Octets + ?Sized),
        name_len: usize,
        _: &impl Tables,
        generation: &Generation,
    ) -> Result<Row, Outcome> {
        self.find_closest_encloser(name_len, generation)
    }

    #[inline(always)]
    fn server_cookie(
        &self,
        asked: Cookie,
        resolver: Source,
        _: &impl Tables,
        generation: &Generation,
    ) -> ((u64, u64), Validity) {
        self.make_server_cookie(asked, resolver, generation)
    }

    #[inline(always)]
    fn count_limited(&self) -> u64 {
        self.tally.count_limited()
    }

    #[inline(always)]
    fn set_group(&self, group: u16) {
        // A store costs less than asking whether it is needed.
        self.tally.set(Work::Group, group.into());
    }

    #[inline(always)]
    fn set_service(&self, service: u32) {
        tell::set_service(self.tally, service);
    }

    #[inline(always)]
    fn set_label(&self, index: usize, at: u8) {
        self.tally.set_label(index, at);
    }

    #[inline(always)]
    fn label(&self, index: usize) -> u8 {
        self.tally.label(index)
    }

    #[inline(always)]
    fn set_hash(&self, index: usize, hash: u64) {
        self.tally.set_hash(index, hash);
    }

    #[inline(always)]
    fn hash(&self, index: usize) -> u64 {
        self.tally.hash(index)
    }
}
