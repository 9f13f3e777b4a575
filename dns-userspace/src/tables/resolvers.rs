//! Writing resolver prefixes: shared by both generations, one entry at a time,
//! so that every lookup sees either what was known before or what is known now.

mod index;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering;

use dns_common::tables::{Chunk, Entry, EntryPair, Tables as _, V4_PAIRS, V6_PAIRS};
use ipnet::IpNet;
use thiserror::Error;

use super::Tables;
use index::{Index, V4_BITS, V6_BITS};

/// What is known of resolvers beside their groups. A list holds for everyone in
/// any of its prefixes, whatever group's prefix is longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolverFlags {
    /// `edns.client_subnet_trusted`: their client subnets are believed.
    pub trusted: Vec<IpNet>,
    /// `rrl.exempt`: responses to them are not limited in rate.
    pub exempt: Vec<IpNet>,
}

/// Too many prefixes longer than the direct index reaches.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "resolver prefixes: {needed} nodes needed for prefixes longer than IPv4 /24 and IPv6 /16, \
     {capacity} available; raise tables.chunks"
)]
pub struct ResolversError {
    needed: usize,
    capacity: u32,
}

/// Resolver prefixes that fit, ready to be written.
pub struct PreparedResolvers {
    v4: Index,
    v6: Index,
    free: Vec<u32>,
}

impl Tables {
    /// Works out what `groups` (prefixes with their groups' numbers; the longest
    /// match wins) and `flags` make of the table, and whether that fits. Nothing
    /// is written.
    ///
    /// Nodes in use are not written again: new ones are filled first. The old
    /// are free for the next call, before which no reader may hold them.
    pub fn prepare_resolvers(
        &self,
        groups: &[(IpNet, u16)],
        flags: &ResolverFlags,
    ) -> Result<PreparedResolvers, ResolversError> {
        let lists = [&flags.trusted, &flags.exempt];
        let prefixes = groups.iter().map(|(prefix, _)| prefix);
        let needed = index::nodes_needed(prefixes.chain(lists.into_iter().flatten()));
        if needed > self.capacity.chunks as usize {
            return Err(ResolversError {
                needed,
                capacity: self.capacity.chunks,
            });
        }
        let (mut v4, mut v6) = (Index::new(V4_BITS), Index::new(V6_BITS));
        let mut change = |prefix: &IpNet, change: &dyn Fn(Entry) -> Entry| {
            let len = usize::from(prefix.prefix_len());
            match prefix {
                IpNet::V4(prefix) => v4.change(&prefix.network().octets(), len, change),
                IpNet::V6(prefix) => v6.change(&prefix.network().octets(), len, change),
            }
        };
        // Shortest first, so that the longest is what stays.
        let mut sorted: Vec<_> = groups.iter().collect();
        sorted.sort_by_key(|(prefix, _)| prefix.prefix_len());
        for (prefix, group) in sorted {
            change(prefix, &|_| Entry::new(*group, 0, 0));
        }
        for (list, flag) in [
            (&flags.trusted, Entry::TRUSTED),
            (&flags.exempt, Entry::EXEMPT),
        ] {
            for prefix in list {
                change(prefix, &|entry| Entry(entry.0 | flag));
            }
        }

        debug_assert_eq!(needed, v4.nodes().len() + v6.nodes().len());
        v4.set_scopes();
        v6.set_scopes();
        // At most half is in use, so there are enough.
        let used = self.used_chunks();
        let free = (0..).zip(used).filter(|(_, used)| !used);
        let free = free.map(|(chunk, _)| chunk).collect();
        Ok(PreparedResolvers { v4, v6, free })
    }

    /// Replaces all that is known of resolvers, one entry at a time.
    pub fn replace_resolvers(&self, prepared: &PreparedResolvers) {
        let (v4, v6) = (&prepared.v4, &prepared.v6);
        let (v4_chunks, v6_chunks) = prepared.free.split_at(v4.nodes().len());
        self.write_nodes(v4, v4_chunks);
        self.write_nodes(v6, v6_chunks);
        for (block, entry) in (0..).zip(v4.blocks()) {
            set_entry(self.v4.get(block >> 1), block, placed(*entry, v4_chunks));
        }
        for (block, entry) in (0..).zip(v6.blocks()) {
            set_entry(self.v6.get(block >> 1), block, placed(*entry, v6_chunks));
        }
        let chunks = v4.nodes().len() + v6.nodes().len();
        self.used.chunks.store(chunks as u32, Ordering::Relaxed);
    }

    /// Writes each node of `index` into the chunk in its place of `chunks`.
    fn write_nodes(&self, index: &Index, chunks: &[u32]) {
        for (node, chunk) in index.nodes().iter().zip(chunks) {
            let chunk = self.chunk(*chunk).expect("a free chunk is in the table");
            for (pair, entries) in chunk.0.iter().zip(node.chunks_exact(2)) {
                let [even, odd] = [entries[0], entries[1]].map(|entry| placed(entry, chunks).0);
                pair.0.store(u64::from(even) | u64::from(odd) << 32);
            }
        }
    }

    /// Which chunks the tables point to now.
    pub(super) fn used_chunks(&self) -> Vec<bool> {
        fn mark(tables: &Tables, entry: Entry, used: &mut [bool]) {
            let Some(index) = entry.as_node() else { return };
            let Some(chunk) = tables.chunk(index) else {
                return;
            };
            used[index as usize] = true;
            for octet in 0..=u8::MAX {
                mark(tables, Chunk::entry(chunk, octet), used);
            }
        }
        let mut used = vec![false; self.capacity.chunk_entries() as usize];
        for block in 0..2 * V4_PAIRS {
            if let Some(pair) = self.v4.get(block >> 1) {
                mark(self, pair.entry(block), &mut used);
            }
        }
        for block in 0..2 * V6_PAIRS {
            if let Some(pair) = self.v6.get(block >> 1) {
                mark(self, pair.entry(block), &mut used);
            }
        }
        used
    }
}

/// `entry`, whose node, if it is one, is in its place of `chunks`.
fn placed(entry: Entry, chunks: &[u32]) -> Entry {
    let node = entry.as_node();
    node.map_or(entry, |node| Entry::node(chunks[node as usize]))
}

/// Stores one entry where it differs: undivided blocks that stay as they are
/// stay shared and clean in every cache.
fn set_entry(pair: Option<&EntryPair>, block: u32, entry: Entry) {
    if let Some(pair) = pair
        && pair.entry(block) != entry
    {
        pair.set(block, entry);
    }
}
