//! Where the authority finds what stands at a steered name: the same tables.

use std::{
    cell::{Cell, RefCell},
    net::IpAddr,
};

use bytes::Bytes;
use dns_common::{
    ask::{self, Ask, Cookie, Wanted},
    cookie::Validity,
    decide::{self, Chosen},
    decision::ALL_CANDIDATES,
    find,
    host::{Class, ClientSubnet, Host as _},
    outcome::Outcome,
    reply::{Opt, Reply},
    tables::{AnswerHead, Entry, Row, Source, Tables as _},
};
use domain::{
    base::{
        Message, MessageBuilder, Rtype,
        message::RecordSection,
        name::{FlattenInto as _, ToName as _},
    },
    rdata::ZoneRecordData,
};

use super::{Live, flattened::Asking, host::QueryHost};
use crate::{
    authority::{Referral, Steered, Steering, StoredRecord},
    model::Name,
    tables::Tables,
};

/// One generation, for as long as one query takes. Its host is that of a
/// stream: the authority limits size and rate of all that it answers.
pub(super) struct Steerer<'l> {
    pub(super) tables: &'l Tables,
    pub(super) live: &'l Live,
    pub(super) host: QueryHost<'l>,
    /// Who asks.
    pub(super) resolver: Source,
    /// The ID of its query, which lots are drawn by.
    pub(super) id: u16,
    /// Its cookie was one of ours.
    pub(super) proved: Cell<bool>,
    /// How many bits of the address the decisions hold for that were asked for.
    pub(super) scope: Cell<u8>,
    /// Other DNS may be asked, and the answer given later.
    pub(super) may_wait: bool,
    pub(super) asking: RefCell<Asking>,
}

impl Steerer<'_> {
    /// Notes that a decision which was asked for holds for no more than so many bits.
    pub(super) fn widen(&self, scope: u8) {
        self.scope.set(self.scope.get().max(scope));
    }

    fn choose(&self, query: &[u8], source: IpAddr) -> Result<(Ask, Chosen), Outcome> {
        let generation = &self.live.generation;
        let ask = ask::ask(query, generation.seed, Wanted::by(&self.host), &self.host)?;
        let source = Source::from(source.to_canonical());
        let (row, answers) = decide::find(query, &ask, self.tables, generation, &self.host)?;
        let chosen = decide::choose(
            query,
            &row,
            answers,
            source,
            self.tables,
            generation,
            &self.host,
        )?;
        self.widen(chosen.scope);
        Ok((ask, chosen))
    }

    /// What is said where the tables have nothing, for the reason that is `outcome`.
    fn absent(&self, outcome: Outcome, query: &[u8]) -> Steered {
        match outcome {
            Outcome::UpNoAnswer if self.row(query).is_some() => Steered::NoData,
            _ if self.has_family(query) == Some(false) => Steered::NoData,
            _ => Steered::Fail,
        }
    }

    /// The row of the name that `query` asks for, and the type.
    fn row(&self, query: &[u8]) -> Option<(Row, u16)> {
        let generation = &self.live.generation;
        let ask = ask::ask(query, generation.seed, Wanted::by(&self.host), &self.host).ok()?;
        let row = find::exact(query, &ask, self.tables, generation, &self.host);
        Some((row.ok()??, ask.rtype))
    }

    /// Whether any candidate of the name has an address of the type `query` asks for.
    fn has_family(&self, query: &[u8]) -> Option<bool> {
        let (row, rtype) = self.row(query)?;
        let entry = row.addresses(rtype)?;
        let all = entry.cell()? + u32::from(ALL_CANDIDATES) * entry.stride();
        let head = |cell| self.tables.answer(cell).map(AnswerHead::load);
        let head = match head(all)? {
            AnswerHead::ABSENT => AnswerHead::ABSENT,
            stand_in if stand_in.stands_in().is_some() => head(stand_in.stands_in()?)?,
            head => head,
        };
        Some(head.stands_in().is_none() && head.class() != Class::Negative)
    }
}

impl Steering for Steerer<'_> {
    fn steer(&self, name: &Name, rtype: Rtype, source: IpAddr) -> Steered {
        let query = question(name, rtype, self.id);
        match self.choose(&query, source) {
            Ok((_, chosen)) if chosen.head.class() == Class::Negative => Steered::NoData,
            Ok((ask, chosen)) => {
                let reply = Reply::new(&ask, &chosen, Opt::new(&ask, &self.host), &self.host);
                let mut out = Vec::new();
                match write(&query, &reply, self.tables, &mut out) {
                    Some(()) if chosen.head.class() == Class::Referral => referral(out),
                    Some(()) => Steered::Records(records(out)),
                    None => Steered::Fail,
                }
            }
            Err(outcome) => match self.flattened(&query, name, rtype, source) {
                Some(steered) => steered,
                None => self.absent(outcome, &query),
            },
        }
    }

    fn asks_for(&self, source_len: u8) {
        self.asking.borrow_mut().source_len = Some(source_len);
    }

    fn scope(&self, source: IpAddr) -> u8 {
        let source = Source::from(source.to_canonical());
        self.scope.get().max(self.tables.resolver(source).scope())
    }

    fn wanted(&self) -> Wanted {
        Wanted::by(&self.host)
    }

    fn honours_subnet(&self) -> bool {
        match self.host.client_subnet() {
            ClientSubnet::Off => false,
            ClientSubnet::On => true,
            ClientSubnet::Trusted => self.tables.resolver(self.resolver).has(Entry::TRUSTED),
        }
    }

    fn server_cookie(&self, asked: Cookie) -> Option<(u64, u64)> {
        if !self.host.cookies() {
            return None;
        }
        let (generation, host) = (&self.live.generation, &self.host);
        let (server, validity) =
            decide::server_cookie(asked, self.resolver, self.tables, generation, host);
        self.proved.set(validity != Validity::Invalid);
        Some(server)
    }
}

/// Writes `reply` to `query` into `out`, whose content is replaced; `None` if
/// the tables hold less than they say.
pub(super) fn write(query: &[u8], reply: &Reply, tables: &Tables, out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    out.extend_from_slice(query.get(..reply.question_end())?);
    out.resize(reply.len(), 0);
    reply.write(out.as_mut_slice(), tables)
}

/// A query with this ID as the fast path takes it.
pub(crate) fn question(name: &Name, rtype: Rtype, id: u16) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    let mut message = message.question();
    message
        .push((name, rtype))
        .expect("a vector has room for one question");
    message.finish()
}

/// The answer section of a message, parsed; what cannot be is left out.
pub(super) fn records(message: Vec<u8>) -> Vec<StoredRecord> {
    let message = Message::from_octets(Bytes::from(message)).ok();
    let answer = message.and_then(|message| Some(parsed(message.answer().ok()?)));
    answer.unwrap_or_default()
}

/// The delegation that a message is.
fn referral(message: Vec<u8>) -> Steered {
    let message = Message::from_octets(Bytes::from(message)).ok();
    let sections = message.and_then(|message| {
        let authority = message.authority().ok()?;
        let additional = message.additional().ok()?;
        Some(Referral {
            ns: parsed(authority),
            glue: parsed(additional),
        })
    });
    sections.map_or(Steered::Fail, Steered::Referral)
}

/// A section's records; what cannot be parsed is left out.
fn parsed(section: RecordSection<'_, Bytes>) -> Vec<StoredRecord> {
    section
        .limit_to_in::<ZoneRecordData<_, _>>()
        .flatten()
        .filter_map(|record| {
            let owner = record.owner().to_name();
            let data = record.data().clone().try_flatten_into().ok()?;
            Some(StoredRecord::new(owner, record.class(), record.ttl(), data))
        })
        .collect()
}
