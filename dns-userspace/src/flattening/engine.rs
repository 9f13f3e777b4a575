//! From a question to what is known, or what to wait for.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use dns_common::decision::Family;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
    time::timeout,
};

use super::{
    asking::Asking,
    cache::{Cache, Entry, Found, Key},
    reply::What,
    step::{Known, Step, step},
    target::Target,
};
use crate::{authority::server::Later, clock::Clock, model::Name};

/// How long a query waits for another DNS: less than any resolver waits for us, and
/// enough for two of the name's resolvers.
const WAIT: Duration = Duration::from_secs(1);

/// Questions asked of others at one time; each has a socket. Clients choose their
/// networks, so there is no end to them.
const ASKED_MAX: usize = 1024;

/// TTL of an answer that has run out, seconds (RFC 8767 section 4).
const STALE_TTL_S: u32 = 30;

/// What there is to tell.
pub(crate) enum Got {
    /// Addresses, 1 or more, or that there are none of the family.
    Told {
        addresses: Vec<IpAddr>,
        ttl_s: u32,
        /// How many bits of the address it holds for.
        scope: u8,
    },
    /// Nothing until this is over.
    Later(Later),
    /// The name cannot be resolved.
    Nothing,
}

/// Questions asked of other DNS since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatteningCounts {
    /// Asked of one resolver or several.
    pub asked: u64,
    /// Of those, without an answer.
    pub failed: u64,
    /// Messages that came back and were no reply to what was asked.
    pub refused: u64,
    /// Answers told that had run out.
    pub stale: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) asked: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) stale: AtomicU64,
}

/// What was resolved last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The hand-over's name.
    pub candidate: String,
    /// The network that the other DNS was told of, if of any.
    pub network: Option<String>,
    /// What it said, one each; empty for nothing.
    pub addresses: Vec<IpAddr>,
    /// When that runs out, milliseconds from now, and below 0 since then; `None` where
    /// nothing was said.
    pub left_ms: Option<i64>,
    /// Why the name could not be resolved, if it could not the last time.
    pub error: Option<String>,
    /// How long ago that was, milliseconds.
    pub error_ago_ms: Option<u64>,
}

/// All that is known of other DNS's names.
#[derive(Debug)]
pub(super) struct Engine {
    runtime: Handle,
    clock: Arc<dyn Clock>,
    pub(super) cache: Cache,
    /// What is being asked for; dropping the sender says that it is known.
    pending: Mutex<HashMap<Key, watch::Receiver<()>>>,
    pub(super) places: Arc<Semaphore>,
    numbers: AtomicU64,
    pub(super) counters: Counters,
}

impl Engine {
    pub(super) fn new(runtime: Handle, clock: Arc<dyn Clock>) -> Self {
        Self {
            runtime,
            clock,
            cache: Cache::default(),
            pending: Mutex::default(),
            places: Arc::new(Semaphore::new(ASKED_MAX)),
            numbers: AtomicU64::new(0),
            counters: Counters::default(),
        }
    }

    /// A new one.
    pub(super) fn target(&self, name: &Name, resolvers: &[SocketAddr]) -> Arc<Target> {
        let number = self.numbers.fetch_add(1, Relaxed);
        Arc::new(Target::new(number, name.clone(), resolvers.to_vec()))
    }

    /// What there is for clients in `network`; who `may_wait` has it asked for where that
    /// is of use.
    pub(super) fn get(
        self: &Arc<Self>,
        target: &Arc<Target>,
        family: Family,
        network: Option<IpNet>,
        may_wait: bool,
    ) -> Got {
        let now_ms = self.now_ms();
        let key = key(target, family, network);
        let found = self.cache.find(key, target.lengths(family), now_ms);
        let failure = match &found {
            Found::Fresh(_) => None,
            Found::Stale(_) | Found::Nothing => target.failure(family),
        };
        let known = Known {
            is_failing: failure.is_some(),
            is_paused: failure.is_some_and(|failure| failure.is_recent(now_ms)),
            may_wait,
        };
        let step = step(&found, known);
        match (step, found) {
            (Step::Ask, found) => match (self.ask(target, key), found) {
                (Some(mut asked), _) => Got::Later(Box::pin(async move {
                    let _ = timeout(WAIT, asked.changed()).await;
                })),
                // Too much is asked for already.
                (None, Found::Stale(entry)) => self.tell_stale(&entry),
                (None, _) => Got::Nothing,
            },
            (Step::Tell, Found::Fresh(entry)) => {
                entry.touch(now_ms);
                tell(&entry, entry.left_s(now_ms))
            }
            (Step::TellStale, Found::Stale(entry)) => self.tell_stale(&entry),
            (Step::TellStaleAndAsk, Found::Stale(entry)) => {
                self.ask(target, key);
                self.tell_stale(&entry)
            }
            _ => Got::Nothing,
        }
    }

    fn tell_stale(&self, entry: &Entry) -> Got {
        self.counters.stale.fetch_add(1, Relaxed);
        tell(entry, STALE_TTL_S)
    }

    /// What was resolved last for clients in `network` by `candidate`.
    pub(super) fn resolved(
        &self,
        candidate: &str,
        target: &Target,
        family: Family,
        network: Option<IpNet>,
    ) -> Resolved {
        let now_ms = self.now_ms();
        let key = key(target, family, network);
        let found = match self.cache.find(key, target.lengths(family), now_ms) {
            Found::Fresh(entry) | Found::Stale(entry) => Some(entry),
            Found::Nothing => None,
        };
        let failure = target.failure(family);
        let addresses = found.as_ref().map(|entry| match &entry.told.what {
            What::Addresses(addresses) => addresses.clone(),
            What::NoData | What::NoName => Vec::new(),
        });
        Resolved {
            candidate: candidate.to_owned(),
            network: network.map(|network| network.to_string()),
            addresses: addresses.unwrap_or_default(),
            left_ms: found.map(|entry| entry.until_ms.cast_signed() - now_ms.cast_signed()),
            error_ago_ms: failure.as_ref().map(|failure| now_ms - failure.at_ms),
            error: failure.map(|failure| failure.error),
        }
    }

    /// Has it asked for what `key` says, unless that is being done; what to wait for.
    /// `None` where too much is asked for.
    fn ask(self: &Arc<Self>, target: &Arc<Target>, key: Key) -> Option<watch::Receiver<()>> {
        let mut pending = self.pending();
        if let Some(asked) = pending.get(&key) {
            return Some(asked.clone());
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (sender, receiver) = watch::channel(());
        pending.insert(key, receiver.clone());
        drop(pending);
        let asking = Asking {
            engine: Arc::clone(self),
            target: Arc::clone(target),
            key,
        };
        self.runtime.spawn(async move {
            let entry = asking.once(sender).await;
            drop(place);
            if let Some(entry) = entry {
                asking.keep_fresh(entry).await;
            }
        });
        Some(receiver)
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, HashMap<Key, watch::Receiver<()>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ns() / 1_000_000
    }
}

fn key(target: &Target, family: Family, network: Option<IpNet>) -> Key {
    Key {
        target: target.number,
        family,
        network,
    }
}

fn tell(entry: &Entry, ttl_s: u32) -> Got {
    let addresses = match &entry.told.what {
        What::Addresses(addresses) => addresses.clone(),
        What::NoData => Vec::new(),
        What::NoName => return Got::Nothing,
    };
    Got::Told {
        addresses,
        ttl_s,
        scope: entry.told.scope,
    }
}

#[cfg(test)]
mod tests;
