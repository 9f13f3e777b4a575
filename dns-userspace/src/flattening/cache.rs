//! What other DNS have said, by name, type and the network that it holds for (RFC 7871
//! section 7.3.1).

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use dns_common::decision::{BLOCK_V6, Family};
use ipnet::IpNet;

use super::reply::Told;

/// Parts with a lock each: many times as many as there are workers.
const SHARDS: usize = 64;

/// Entries of one part, 65 536 in all: some 20 MiB, and with an answer for every IPv4 /24
/// of the busiest networks of a handful of names. Whoever asks chooses networks.
const SHARD_MAX: usize = 1024;

/// Of so many entries at random the one that was not used for longest gives way. Five
/// come near the least recently used of all.
const SAMPLES: u64 = 5;

/// How long after it has run out an answer is told where there is no other, milliseconds:
/// a day, the least that RFC 8767 section 6 recommends.
const STALE_MAX_MS: u64 = 86_400_000;

/// How long one is used at least, milliseconds: whoever waited for it gets it.
const USED_MIN_MS: u64 = 1000;

/// Lengths of the networks that answers to one question hold for: bit n for n bits. By
/// the networks' family.
#[derive(Debug, Default)]
pub(super) struct Lengths([AtomicU64; 2]);

const _: () = assert!(BLOCK_V6 < 64, "a length is a bit's number");

impl Lengths {
    fn of(&self, network: &IpNet) -> &AtomicU64 {
        &self.0[usize::from(matches!(network, IpNet::V6(_)))]
    }
}

/// What was asked, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The number of the name and its resolvers.
    pub(super) target: u64,
    pub(super) family: Family,
    /// The network; `None` for those of whom nothing is told.
    pub(super) network: Option<IpNet>,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) told: Told,
    /// When it came, and when it runs out, milliseconds.
    pub(super) came_ms: u64,
    pub(super) until_ms: u64,
    used_ms: AtomicU64,
}

impl Entry {
    pub(super) fn new(told: Told, now_ms: u64) -> Self {
        let lives_ms = (u64::from(told.ttl_s) * 1000).max(USED_MIN_MS);
        Self {
            told,
            came_ms: now_ms,
            until_ms: now_ms + lives_ms,
            used_ms: AtomicU64::new(0),
        }
    }

    /// Seconds that it still holds, begun ones included; 0 once it has run out.
    pub(super) fn left_s(&self, now_ms: u64) -> u32 {
        let left_ms = self.until_ms.saturating_sub(now_ms);
        self.told.ttl_s.min(left_ms.div_ceil(1000) as u32)
    }

    /// Whether it was told to anybody since it came.
    pub(super) fn is_used(&self) -> bool {
        self.used_ms.load(Relaxed) >= self.came_ms
    }

    /// Notes that it is told to somebody.
    pub(super) fn touch(&self, now_ms: u64) {
        // Most of the time somebody has just done so.
        if self.used_ms.load(Relaxed) < now_ms {
            self.used_ms.store(now_ms, Relaxed);
        }
    }
}

/// What is known.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// It holds.
    Fresh(Arc<Entry>),
    /// It has run out, not too long ago.
    Stale(Arc<Entry>),
    Nothing,
}

/// All answers.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// Not as names are hashed elsewhere: whoever asks chooses networks.
    hash: RandomState,
    shards: Shards,
}

#[derive(Debug)]
struct Shards(Box<[RwLock<Shard>]>);

impl Default for Shards {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

/// A part of them.
#[derive(Debug, Default)]
struct Shard {
    places: HashMap<Key, usize>,
    entries: Vec<(Key, Arc<Entry>)>,
    /// How many had to give way.
    evicted: u64,
}

impl Cache {
    /// Keeps what was `told` for `asked`, for the network that it holds for.
    pub(super) fn put(&self, asked: Key, told: Told, lengths: &Lengths, now_ms: u64) -> Arc<Entry> {
        let mut key = asked;
        if let Some(network) = &mut key.network {
            let len = network.prefix_len().min(told.scope);
            *network = IpNet::new(network.addr(), len).unwrap_or(*network).trunc();
            lengths.of(network).fetch_or(1 << len, Relaxed);
        }
        let entry = Arc::new(Entry::new(told, now_ms));
        let mut shard = self
            .shard(&key)
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        shard.put(key, Arc::clone(&entry), &self.hash);
        entry
    }

    /// What is known for `asked`: of the longest network around it that knows.
    pub(super) fn find(&self, asked: Key, lengths: &Lengths, now_ms: u64) -> Found {
        let Some(network) = asked.network else {
            return self.found(&asked, now_ms);
        };
        let shorter = u64::MAX >> (63 - network.prefix_len());
        let mut left = lengths.of(&network).load(Relaxed) & shorter;
        let mut stale = Found::Nothing;
        while left != 0 {
            let len = left.ilog2() as u8;
            left &= !(1 << len);
            let around = IpNet::new(network.addr(), len).map(|around| around.trunc());
            let key = Key {
                network: around.ok(),
                ..asked
            };
            match self.found(&key, now_ms) {
                fresh @ Found::Fresh(_) => return fresh,
                found @ Found::Stale(_) if matches!(stale, Found::Nothing) => stale = found,
                Found::Stale(_) | Found::Nothing => {}
            }
        }
        stale
    }

    fn found(&self, key: &Key, now_ms: u64) -> Found {
        let shard = self
            .shard(key)
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let place = shard.places.get(key);
        match place.map(|place| Arc::clone(&shard.entries[*place].1)) {
            Some(entry) if now_ms < entry.until_ms => Found::Fresh(entry),
            Some(entry) if now_ms < entry.until_ms + STALE_MAX_MS => Found::Stale(entry),
            _ => Found::Nothing,
        }
    }

    fn shard(&self, key: &Key) -> &RwLock<Shard> {
        &self.shards.0[self.hash.hash_one(key) as usize % SHARDS]
    }
}

impl Shard {
    fn put(&mut self, key: Key, entry: Arc<Entry>, hash: &RandomState) {
        if let Some(place) = self.places.get(&key) {
            self.entries[*place].1 = entry;
            return;
        }
        let place = if self.entries.len() < SHARD_MAX {
            self.entries.push((key, entry));
            self.entries.len() - 1
        } else {
            let place = self.victim(hash);
            let (gone, _) = std::mem::replace(&mut self.entries[place], (key, entry));
            self.places.remove(&gone);
            place
        };
        self.places.insert(key, place);
    }

    /// The place of one that gives way.
    fn victim(&mut self, hash: &RandomState) -> usize {
        self.evicted += 1;
        let sample = |number| hash.hash_one((self.evicted, number)) as usize % self.entries.len();
        let places = (0..SAMPLES).map(sample);
        let used = |place: &usize| {
            let entry = &self.entries[*place].1;
            entry.used_ms.load(Relaxed).max(entry.came_ms)
        };
        places.min_by_key(used).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
