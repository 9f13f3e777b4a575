//! The userspace plane: the shared fast path over the same tables, and the full
//! authority behind it.

mod counters;
mod details;
mod flattened;
mod handle;
pub mod host;
mod limit;
mod steer;
mod tell;

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
    sync::{Arc, atomic::AtomicU64},
};

use arc_swap::ArcSwap;
use dns_common::{
    host::{Constants, Host as _},
    limit::within_rate,
    outcome::{Action, Outcome},
    tables::{Generation, Row, Source},
};
use domain::base::{
    Message, Rtype,
    iana::{OptRcode, Rcode},
};

use crate::{
    authority::{
        StoredRecord,
        chaos::Chaos,
        respond::{self, Profile, Transport, respond},
        server::Later,
        zones::Zones,
    },
    clock::Clock,
    flattening::Flattened,
    model::{Name, Plan},
    queries::Teller,
    tables::{ResolverFlags, Tables},
};
pub use counters::{PlaneCounters, RCODES};
use counters::{ThreadCounters, count};
pub use details::Details;
use host::QueryHost;
pub(crate) use steer::question;
use steer::{Steerer, records, write};

/// What userspace answers from: one generation, swapped whole. As long as one
/// is held, its half of the tables is not written again.
#[derive(Debug)]
pub struct Live {
    /// The generation of the tables that belongs to it.
    pub generation: Generation,
    /// Its number.
    pub number: u64,
    /// Names it has in the tables.
    pub names: usize,
    /// Every zone.
    pub zones: Zones,
    /// Services, pools and groups.
    pub plan: Arc<Plan>,
    /// What is known of resolvers beside their groups.
    pub resolver_flags: ResolverFlags,
    /// What is resolved of other DNS.
    pub flattened: Flattened,
}

/// What a query would get, for explaining.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// The outcome the kernel would count.
    pub outcome: Outcome,
    /// The reply's RCODE.
    pub rcode: Rcode,
    /// The reply's answer section.
    pub answer: Vec<StoredRecord>,
}

/// Answers queries that reach a socket.
#[derive(Debug)]
pub struct Plane {
    tables: Arc<Tables>,
    live: Arc<ArcSwap<Live>>,
    profile: ArcSwap<Profile>,
    constants: Constants,
    clock: Arc<dyn Clock>,
    limited: AtomicU64,
    counters: ThreadCounters,
    is_detailed: bool,
    /// Whom queries are told, if anybody.
    teller: Option<Teller>,
}

/// What the authority made of a query.
struct Full {
    outcome: respond::Outcome,
    /// The query had a cookie of ours: the requester is where it says it is.
    proved: bool,
    /// It was none that holds, before this is over.
    later: Option<Later>,
}

/// The number of the zone that an answer of the authority is limited in: it
/// knows none, and shares the rates of what is in no zone.
const NO_ZONE: u32 = 0;

impl Plane {
    /// A plane that answers from `tables` and whatever `live` is at the time,
    /// with the kernel's `constants`, at the time that `clock` says.
    pub fn new(
        tables: Arc<Tables>,
        live: Arc<ArcSwap<Live>>,
        profile: Profile,
        constants: Constants,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let groups = tables.capacity().groups as usize;
        Self {
            tables,
            live,
            profile: ArcSwap::from_pointee(profile),
            constants: Constants {
                // What comes here has passed the kernel's budget, or has none.
                up_interval_ns: 0,
                ..constants
            },
            clock,
            limited: AtomicU64::new(0),
            counters: ThreadCounters::new(groups),
            is_detailed: false,
            teller: None,
        }
    }

    /// The same, telling of its queries.
    #[must_use]
    pub fn with_teller(self, teller: Teller) -> Self {
        Self {
            teller: Some(teller),
            ..self
        }
    }

    /// The same, with [`Details`] counted where they `are_wanted`.
    #[must_use]
    pub fn detailed(self, are_wanted: bool) -> Self {
        Self {
            is_detailed: are_wanted,
            ..self
        }
    }

    /// Tells `chaos` in class CHAOS from now on.
    pub fn set_chaos(&self, chaos: Chaos) {
        let profile = Profile::clone(&self.profile.load());
        self.profile.store(Arc::new(Profile { chaos, ..profile }));
    }

    /// What has been counted.
    pub fn counters(&self) -> PlaneCounters {
        self.counters.sum()
    }

    /// As many answers as were counted for each group by number (`count.group_sample`),
    /// since start; none before the first.
    pub fn group_counts(&self) -> Vec<u64> {
        self.counters.groups()
    }

    /// What `source` gets to `name` and `rtype` over TCP, without counting it.
    pub fn preview(&self, name: &Name, rtype: Rtype, source: IpAddr) -> Preview {
        let (outcome, out) = self.answer(&question(name, rtype, 0), source);
        let rcode = Message::from_octets(out.as_slice()).map(|reply| reply.header().rcode());
        Preview {
            outcome,
            rcode: rcode.unwrap_or(Rcode::SERVFAIL),
            answer: records(out),
        }
    }

    /// The reply that `source` gets to `query` over TCP, and what the fast path made of it,
    /// without counting it.
    pub fn answer(&self, query: &[u8], source: IpAddr) -> (Outcome, Vec<u8>) {
        let live = self.live.load();
        let mut out = Vec::new();
        let stream = Transport::Tcp { timeout: 0 };
        let (outcome, _) = self.fast(query, source, stream, &live, &mut out);
        if outcome.action() != Action::Reply {
            self.full(query, source, stream, &live, false, &mut out);
        }
        (outcome, out)
    }

    /// What the authority behind the fast path answers to `query`, into `out`,
    /// whose content is replaced; without counting it or limiting its rate.
    pub fn authority(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> respond::Outcome {
        let live = self.live.load();
        let full = self.full(query, source, transport, &live, false, out);
        full.outcome
    }

    /// What the kernel would do, and whether for a service; if that is to answer, the
    /// reply stands in `out`.
    fn fast(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        live: &Live,
        out: &mut Vec<u8>,
    ) -> (Outcome, bool) {
        let source = Source::from(source.to_canonical());
        let (tables, host) = (&*self.tables, self.host(transport));
        match dns_common::respond(query, source, tables, &live.generation, &host) {
            Ok(reply) => match write(query, &reply, tables, out) {
                Some(()) => (reply.outcome(), reply.service != Row::NO_SERVICE),
                None => (Outcome::DropBroken, false),
            },
            Err(outcome) => (outcome, false),
        }
    }

    /// What the authority answers, and whether to wait for another, where it `may_wait`.
    fn full(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        live: &Live,
        may_wait: bool,
        out: &mut Vec<u8>,
    ) -> Full {
        let steerer = Steerer {
            tables: &self.tables,
            live,
            host: self.host(Transport::Tcp { timeout: 0 }),
            resolver: Source::from(source.to_canonical()),
            id: query.first_chunk().map_or(0, |id| u16::from_be_bytes(*id)),
            proved: Cell::new(false),
            scope: Cell::new(0),
            may_wait,
            asking: RefCell::default(),
        };
        let (zones, profile) = (&live.zones, &self.profile.load());
        let outcome = respond(query, source, transport, zones, &steerer, profile, out);
        Full {
            outcome,
            proved: steerer.proved.get(),
            later: steerer.asking.into_inner().later,
        }
    }

    fn host(&self, transport: Transport) -> QueryHost<'_> {
        QueryHost {
            constants: &self.constants,
            clock: &*self.clock,
            tables: &self.tables,
            limited: &self.limited,
            is_stream: transport != Transport::Udp,
        }
    }

    /// Keeps the authority's reply in `out` within its rate: it stays, is
    /// truncated, or is not to be sent, which is `false`.
    fn limit(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        rcode: OptRcode,
        live: &Live,
        out: &mut Vec<u8>,
    ) -> bool {
        let host = self.host(transport);
        let source = Source::from(source.to_canonical());
        let class = limit::class(out, rcode, query.len());
        let (tables, generation) = (&*self.tables, &live.generation);
        if within_rate(source, class, NO_ZONE, tables, generation, &host) {
            return true;
        }
        let slipped = host.slips().then(|| limit::slipped(out)).flatten();
        if let Some(slipped) = slipped {
            *out = slipped;
            count(&self.counters.own().authority_slips);
            true
        } else {
            out.clear();
            count(&self.counters.own().authority_drops);
            false
        }
    }
}

#[cfg(test)]
mod tests;
