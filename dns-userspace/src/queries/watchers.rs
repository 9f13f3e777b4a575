//! Who watches, and what each of them is told.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use arc_swap::ArcSwap;
use dns_common::told::{ALL, NOBODY, of_service};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{
    TailRequest,
    filter::Filter,
    query::{Names, Query, Raw},
};
use crate::{control::protocol::Failure, tables::Tables};

/// Queries that may wait for one who reads; more are lost to it.
const WAITING: usize = 1024;

/// What somebody who watches is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// One query.
    Query(Box<Query>),
    /// So many were not told, of which some may have been asked for: whoever reads, or
    /// `veerd`, was too slow.
    Lost(u64),
}

/// Everybody who watches.
#[derive(Debug)]
pub(super) struct Watchers {
    /// Where planes look whether anybody does.
    tables: Arc<Tables>,
    one_in: u32,
    names: ArcSwap<Names>,
    all: Mutex<Vec<Watcher>>,
    /// So many have come so far.
    numbers: AtomicU64,
}

/// One of them.
#[derive(Debug)]
struct Watcher {
    number: u64,
    filter: Filter,
    sender: mpsc::Sender<Query>,
    lost: Arc<AtomicU64>,
}

impl Watchers {
    pub(super) fn new(tables: Arc<Tables>, one_in: u32) -> Self {
        // The tables may say who watched a daemon that was killed.
        tables.set_watched(NOBODY);
        Self {
            tables,
            one_in,
            names: ArcSwap::default(),
            all: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// Has numbers mean these names.
    pub(super) fn name(&self, names: Names) {
        self.names.store(Arc::new(names));
    }

    /// One more, who wants what `request` says.
    pub(super) fn watch(self: &Arc<Self>, request: &TailRequest) -> Result<Watching, Failure> {
        let filter = Filter::new(request, &self.names.load())?;
        let (sender, queries) = mpsc::channel(WAITING);
        let number = self.numbers.fetch_add(1, Relaxed);
        let lost = Arc::new(AtomicU64::new(0));
        let watching = Watching {
            watchers: Arc::clone(self),
            number,
            queries,
            lost: Arc::clone(&lost),
        };
        let mut watchers = self.lock();
        watchers.push(Watcher {
            number,
            filter,
            sender,
            lost,
        });
        self.tables.set_watched(watched(&watchers));
        Ok(watching)
    }

    fn forget(&self, number: u64) {
        let mut watchers = self.lock();
        watchers.retain(|watcher| watcher.number != number);
        self.tables.set_watched(watched(&watchers));
    }

    /// Tells a query to all who want it; never waits for them.
    pub(super) fn tell(&self, raw: &Raw) {
        let watchers = self.lock();
        if watchers.is_empty() {
            return;
        }
        let Some(query) = Query::new(raw, &self.names.load()) else {
            return;
        };
        for watcher in &*watchers {
            if watcher.filter.takes(raw, &query) && watcher.sender.try_send(query.clone()).is_err()
            {
                watcher.lost.fetch_add(1, Relaxed);
            }
        }
    }

    /// Notes that so many could not be told to anybody.
    pub(super) fn lose(&self, count: u64) {
        for watcher in &*self.lock() {
            watcher.lost.fetch_add(count, Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watcher>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What planes are to tell so that all of `watchers` have what they want.
fn watched(watchers: &[Watcher]) -> u64 {
    let mut services = watchers.iter().map(|watcher| watcher.filter.service);
    match services.next() {
        None => NOBODY,
        Some(Some(service)) if services.all(|other| other == Some(service)) => of_service(service),
        Some(_) => ALL,
    }
}

/// What somebody watches; dropped, they watch no more.
#[derive(Debug)]
pub struct Watching {
    watchers: Arc<Watchers>,
    number: u64,
    queries: mpsc::Receiver<Query>,
    lost: Arc<AtomicU64>,
}

impl Watching {
    /// One in so many queries is told.
    pub fn one_in(&self) -> u32 {
        self.watchers.one_in
    }

    /// What is told next; `None` where there will be no more. What this waits for is
    /// not lost when it is dropped.
    pub async fn next(&mut self) -> Option<Told> {
        match self.lost.swap(0, Relaxed) {
            0 => {}
            lost => return Some(Told::Lost(lost)),
        }
        let query = self.queries.recv().await?;
        Some(Told::Query(Box::new(query)))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watchers.forget(self.number);
    }
}
