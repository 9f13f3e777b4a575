//! Which cache lines of the tables an answer is made of: the shared code answers
//! queries in userspace from the program's own tables, and what it looks up is
//! noted.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    ptr,
    sync::atomic::AtomicU64,
};

use anyhow::{Result, bail};
use dns_common::{
    host::Constants,
    respond,
    tables::{AddressSlot, Chunk, Control, EntryPair, Line, Row, Source, Tables as Lookup, Word},
};
use serde::Serialize;
use veer::{clock::BootClock, plane::host::QueryHost, tables::Tables};

use super::{cache::LINE, queries::Query};

/// A line that more than one answer in so many reads stays in the caches.
const SHARED_ONE_IN: usize = 100;

/// Octets of one counter of services, and of where it stands.
const COUNTER: usize = 8;

/// What an answer to any of many queries reads of the tables, on average, beside
/// what it shares with so many others that it stays in the caches
/// ([`SHARED_ONE_IN`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Lines {
    /// Lines in all.
    pub(super) lines: f64,
    /// The same by table, where there are any.
    pub(super) lines_of: BTreeMap<&'static str, f64>,
}

/// What the answers to `queries` read.
pub(super) fn read(queries: &[Query], tables: &Tables, constants: &Constants) -> Result<Lines> {
    let generation = tables.generation(tables.generation_number());
    let limited = AtomicU64::new(0);
    let host = QueryHost {
        constants,
        clock: &BootClock,
        tables,
        limited: &limited,
        is_stream: false,
    };
    let answers = queries.iter().map(|Query { message, resolver }| {
        let watched = Watched::new(tables);
        let source = Source::from(*resolver);
        let reply = match respond(&message[..], source, &watched, &generation, &host) {
            Ok(reply) => reply,
            Err(outcome) => bail!("a query that was answered comes to {}", outcome.name()),
        };
        let mut message = message.clone();
        message.resize(reply.len(), 0);
        if reply.write(&mut message[..], &watched).is_none() {
            bail!("a reply cannot be written");
        }
        watched.count(reply.service);
        Ok(watched.lines.into_inner())
    });
    Ok(average(&answers.collect::<Result<Vec<_>>>()?))
}

/// A line: the table it is in, and its number.
type Place = (&'static str, usize);

#[expect(
    clippy::cast_precision_loss,
    reason = "there are few lines and answers"
)]
fn average(answers: &[HashSet<Place>]) -> Lines {
    let mut readers: HashMap<Place, usize> = HashMap::new();
    for place in answers.iter().flatten() {
        *readers.entry(*place).or_default() += 1;
    }
    let mut by_table: BTreeMap<&'static str, usize> = BTreeMap::new();
    for ((table, _), readers) in readers {
        if readers * SHARED_ONE_IN <= answers.len() {
            *by_table.entry(table).or_default() += readers;
        }
    }
    let each = |lines: usize| lines as f64 / answers.len() as f64;
    Lines {
        lines: each(by_table.values().sum()),
        lines_of: by_table
            .into_iter()
            .map(|(table, lines)| (table, each(lines)))
            .collect(),
    }
}

/// Tables that note what is looked up.
struct Watched<'t> {
    tables: &'t Tables,
    lines: RefCell<HashSet<Place>>,
}

impl<'t> Watched<'t> {
    fn new(tables: &'t Tables) -> Self {
        Self {
            tables,
            lines: RefCell::default(),
        }
    }

    /// Notes the first line of `entry`; of larger ones only one word is read.
    fn note<T>(&self, table: &'static str, entry: Option<&'t T>) -> Option<&'t T> {
        if let Some(entry) = entry {
            let line = ptr::from_ref(entry).addr() / LINE;
            self.lines.borrow_mut().insert((table, line));
        }
        entry
    }

    /// Notes what counting an answer of `service` takes: in a per-CPU map the
    /// place of the counter, and the counter.
    fn count(&self, service: u32) {
        if service != Row::NO_SERVICE {
            let line = service as usize * COUNTER / LINE;
            let places = ["places of service counters", "service counters"];
            self.lines
                .borrow_mut()
                .extend(places.map(|table| (table, line)));
        }
    }
}

impl Lookup for Watched<'_> {
    fn control(&self) -> Option<&Control> {
        self.note("control", self.tables.control())
    }

    fn address(&self, slot: u32) -> Option<&AddressSlot> {
        self.note("addresses", self.tables.address(slot))
    }

    fn bucket(&self, index: u32) -> Option<&Line> {
        self.note("buckets", self.tables.bucket(index))
    }

    fn name(&self, cell: u32) -> Option<&Line> {
        self.note("names", self.tables.name(cell))
    }

    fn answer(&self, cell: u32) -> Option<&Line> {
        self.note("answers", self.tables.answer(cell))
    }

    fn v4(&self, pair: u32) -> Option<&EntryPair> {
        self.note("resolvers", self.tables.v4(pair))
    }

    fn v6(&self, pair: u32) -> Option<&EntryPair> {
        self.note("resolvers", self.tables.v6(pair))
    }

    fn chunk(&self, index: u32) -> Option<&Chunk> {
        self.note("resolver nodes", self.tables.chunk(index))
    }

    fn ranking(&self, index: u32) -> Option<&Word> {
        self.note("rankings", self.tables.ranking(index))
    }

    fn eligible(&self, pool: u32) -> Option<&Word> {
        self.note("eligible", self.tables.eligible(pool))
    }

    fn share_word(&self, index: u32) -> Option<&Word> {
        self.note("shares", self.tables.share_word(index))
    }

    fn rate(&self, bucket: u32) -> Option<&Word> {
        self.note("rates", self.tables.rate(bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_answer_in_a_hundred_reads_counts_and_what_more_share_does_not() {
        let answers: Vec<HashSet<Place>> = (0..200)
            .map(|number| {
                let mut lines = HashSet::from([("buckets", number / 2), ("control", 0)]);
                if number < 100 {
                    lines.insert(("names", number));
                }
                if number < 3 {
                    lines.insert(("answers", 7));
                }
                lines
            })
            .collect();
        let expected = Lines {
            lines: 1.5,
            lines_of: [("buckets", 1.0), ("names", 0.5)].into(),
        };
        assert_eq!(average(&answers), expected);
    }
}
