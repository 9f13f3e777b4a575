//! The userspace plane: the shared fast path over the same tables, and the full
//! authority behind it.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use dns_common::{
    ask::{self, Ask},
    decide::{self, Chosen},
    decision::{ALL_CANDIDATES, Family},
    outcome::Outcome,
    reply,
    tables::{AnswerHead, Generation, Source, Tables as _},
};
use domain::{
    base::{
        Message, MessageBuilder, Rtype,
        iana::{OptRcode, Rcode},
    },
    rdata::ZoneRecordData,
};

use crate::{
    authority::{
        Steered, Steering, StoredRecord,
        respond::{self, Profile, Transport, respond},
        server::Handler,
        zones::Zones,
    },
    model::{Name, Plan},
    tables::Tables,
};

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
    profile: Profile,
    counters: PlaneCounters,
}

/// Counters of what userspace did, since start.
#[derive(Debug, Default)]
pub struct PlaneCounters {
    /// Queries over UDP.
    pub udp_queries: AtomicU64,
    /// Queries over TCP.
    pub tcp_queries: AtomicU64,
    /// Answered by the shared fast path.
    pub fast_answers: AtomicU64,
    /// Not answered at all.
    pub silent: AtomicU64,
    /// Answered by the authority, by RCODE; higher ones in the last.
    pub rcodes: [AtomicU64; RCODES],
}

/// RCODEs counted apart: 0 to 15 and BADVERS, 16 (RFC 6895 section 2.3).
pub const RCODES: usize = 17;

impl Plane {
    /// A plane that answers from `tables` and whatever `live` is at the time.
    pub fn new(tables: Arc<Tables>, live: Arc<ArcSwap<Live>>, profile: Profile) -> Self {
        Self {
            tables,
            live,
            profile,
            counters: PlaneCounters::default(),
        }
    }

    /// What has been counted.
    pub fn counters(&self) -> &PlaneCounters {
        &self.counters
    }

    /// What `source` gets to `name` and `rtype`, without counting it.
    pub fn preview(&self, name: &Name, rtype: Rtype, source: IpAddr) -> Preview {
        let live = self.live.load();
        let steerer = Steerer {
            tables: &self.tables,
            live: &live,
        };
        let query = question(name, rtype);
        let mut out = Vec::new();
        let outcome = match steerer.fast(&query, source) {
            Ok((ask, chosen))
                if steerer
                    .reply_into(&query, &ask, &chosen, &mut out)
                    .is_some() =>
            {
                Outcome::Answered
            }
            Ok(_) => Outcome::DropBroken,
            Err(outcome) => outcome,
        };
        if outcome != Outcome::Answered {
            respond(
                &query,
                source,
                Transport::Tcp { timeout: 0 },
                &live.zones,
                &steerer,
                &self.profile,
                &mut out,
            );
        }
        let rcode = Message::from_octets(out.as_slice()).map(|reply| reply.header().rcode());
        Preview {
            outcome,
            rcode: rcode.unwrap_or(Rcode::SERVFAIL),
            answer: records(out),
        }
    }
}

impl Handler for Plane {
    fn handle(
        &self,
        query: &[u8],
        source: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> bool {
        let count = |counter: &AtomicU64| counter.fetch_add(1, Relaxed);
        count(match transport {
            Transport::Udp => &self.counters.udp_queries,
            Transport::Tcp { .. } => &self.counters.tcp_queries,
        });
        let live = self.live.load();
        let steerer = Steerer {
            tables: &self.tables,
            live: &live,
        };
        if let Ok((ask, chosen)) = steerer.fast(query, source)
            && steerer.reply_into(query, &ask, &chosen, out).is_some()
        {
            count(&self.counters.fast_answers);
            return true;
        }
        match respond(
            query,
            source,
            transport,
            &live.zones,
            &steerer,
            &self.profile,
            out,
        ) {
            respond::Outcome::Answered(rcode) => {
                count(&self.counters.rcodes[rcode_slot(rcode)]);
                true
            }
            respond::Outcome::Silent(_) => {
                count(&self.counters.silent);
                false
            }
        }
    }
}

fn rcode_slot(rcode: OptRcode) -> usize {
    usize::from(rcode.to_int()).min(RCODES - 1)
}

/// One generation, for as long as one query takes.
struct Steerer<'l> {
    tables: &'l Tables,
    live: &'l Live,
}

impl Steerer<'_> {
    fn fast(&self, query: &[u8], source: IpAddr) -> Result<(Ask, Chosen), Outcome> {
        let source = Source::from(source.to_canonical());
        dns_common::respond(query, source, self.tables, &self.live.generation)
    }

    /// Writes the reply into `out`; `None` if the tables hold less than they say.
    fn reply_into(
        &self,
        query: &[u8],
        ask: &Ask,
        chosen: &Chosen,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        out.clear();
        out.extend_from_slice(&query[..ask.end()]);
        out.resize(reply::len(ask, &chosen.head), 0);
        reply::write(out.as_mut_slice(), ask, chosen, self.tables)
    }

    fn reply(&self, query: &[u8], ask: &Ask, chosen: &Chosen) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.reply_into(query, ask, chosen, &mut out)?;
        Some(out)
    }

    /// Whether any candidate of the name has an address of that family.
    fn has_family(&self, query: &[u8], family: Family) -> Option<bool> {
        let ask = ask::ask(query, self.live.generation.seed).ok()?;
        let row = decide::find(query, &ask, self.tables, &self.live.generation)?;
        let line = self
            .tables
            .answer(row.answer_cell(family, ALL_CANDIDATES))?;
        Some(!AnswerHead::load(line).is_absent())
    }
}

impl Steering for Steerer<'_> {
    fn steer(&self, name: &Name, rtype: Rtype, source: IpAddr) -> Steered {
        let family = if rtype == Rtype::AAAA {
            Family::V6
        } else {
            Family::V4
        };
        let query = question(name, rtype);
        match self.fast(&query, source) {
            Ok((ask, chosen)) => match self.reply(&query, &ask, &chosen) {
                Some(reply) => Steered::Records(records(reply)),
                None => Steered::Fail,
            },
            Err(Outcome::UpNoAnswer) => Steered::NoData,
            Err(_) if self.has_family(&query, family) == Some(false) => Steered::NoData,
            Err(_) => Steered::Fail,
        }
    }
}

/// A query as the fast path takes it.
fn question(name: &Name, rtype: Rtype) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec().question();
    message
        .push((name, rtype))
        .expect("a vector has room for one question");
    message.finish()
}

/// The answer section of a message, parsed; what cannot be is left out.
fn records(message: Vec<u8>) -> Vec<StoredRecord> {
    use domain::base::name::{FlattenInto as _, ToName as _};

    let Ok(message) = Message::from_octets(Bytes::from(message)) else {
        return Vec::new();
    };
    let Ok(answer) = message.answer() else {
        return Vec::new();
    };
    answer
        .limit_to_in::<ZoneRecordData<_, _>>()
        .flatten()
        .filter_map(|record| {
            let owner = record.owner().to_name();
            let data = record.data().clone().try_flatten_into().ok()?;
            Some(StoredRecord::new(owner, record.class(), record.ttl(), data))
        })
        .collect()
}
