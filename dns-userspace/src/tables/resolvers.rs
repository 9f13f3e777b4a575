//! Writing resolver prefixes: shared by both generations, one entry at a time,
//! so that every lookup sees either the old group or the new one.

use dns_common::tables::{Chunk, Entry, Tables as _, V4_PAIRS, V6_PAIRS};
use ipnet::IpNet;
use thiserror::Error;

use super::Tables;

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

/// What stands below one entry, before it has a node in the table.
#[derive(Clone)]
enum Tree {
    Group(u16),
    Node(Box<[Tree; 256]>),
}

impl Tree {
    /// Puts `group` below `octets`, the rest of a prefix `bits` long. Prefixes
    /// come shortest first, so what is there is always less specific.
    fn insert(&mut self, octets: &[u8], bits: usize, group: u16) {
        if bits == 0 {
            *self = Self::Group(group);
            return;
        }
        if let Self::Group(outer) = *self {
            *self = Self::Node(Box::new(std::array::from_fn(|_| Self::Group(outer))));
        }
        let Self::Node(children) = self else { return };
        let first = usize::from(octets[0]);
        if bits >= 8 {
            children[first].insert(&octets[1..], bits - 8, group);
        } else {
            for child in &mut children[first..first + (1 << (8 - bits))] {
                *child = Self::Group(group);
            }
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Self::Group(_) => 0,
            Self::Node(children) => 1 + children.iter().map(Self::nodes).sum::<usize>(),
        }
    }

    /// Writes the nodes into `free` chunks, children first; the entry for the top.
    fn write(&self, tables: &Tables, free: &mut impl Iterator<Item = u32>) -> Entry {
        match self {
            Self::Group(group) => Entry::group(*group),
            Self::Node(children) => {
                let index = free.next().expect("as many chunks as nodes were counted");
                let chunk = tables.chunk(index).expect("a free chunk is in the table");
                for (octet, child) in (0..).zip(children.iter()) {
                    chunk.0[octet as usize >> 1].set(octet, child.write(tables, free));
                }
                Entry::node(index)
            }
        }
    }
}

/// A direct index under construction: the group of each block, and trees for
/// the blocks that are divided.
struct Index {
    blocks: Vec<u16>,
    trees: std::collections::BTreeMap<u32, Tree>,
}

impl Index {
    /// An index of `2^bits` blocks, `bits` a multiple of 8; prefixes shortest first.
    fn build<'p>(bits: usize, prefixes: impl Iterator<Item = &'p (Vec<u8>, usize, u16)>) -> Self {
        let mut index = Self {
            blocks: vec![0; 1 << bits],
            trees: std::collections::BTreeMap::new(),
        };
        for (octets, len, group) in prefixes {
            let first = octets[..bits / 8]
                .iter()
                .fold(0, |block, octet| block << 8 | usize::from(*octet));
            if *len <= bits {
                index.blocks[first..first + (1 << (bits - len))].fill(*group);
            } else {
                let outer = index.blocks[first];
                index
                    .trees
                    .entry(first as u32)
                    .or_insert(Tree::Group(outer))
                    .insert(&octets[bits / 8..], len - bits, *group);
            }
        }
        index
    }

    fn nodes(&self) -> usize {
        self.trees.values().map(Tree::nodes).sum()
    }
}

/// Resolver prefixes that fit, ready to be written.
pub struct PreparedResolvers {
    v4: Index,
    v6: Index,
    free: Vec<u32>,
}

impl Tables {
    /// Works out what `prefixes` (with their groups' numbers; the longest match
    /// wins) make of the table, and whether that fits. Nothing is written.
    ///
    /// Nodes in use are not written again: new ones are filled first. The old
    /// are free for the next call, before which no reader may hold them.
    pub fn prepare_resolvers(
        &self,
        prefixes: &[(IpNet, u16)],
    ) -> Result<PreparedResolvers, ResolversError> {
        let mut sorted: Vec<_> = prefixes.to_vec();
        sorted.sort_by_key(|(prefix, _)| prefix.prefix_len());
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (prefix, group) in sorted {
            let len = usize::from(prefix.prefix_len());
            match prefix {
                IpNet::V4(prefix) => v4.push((prefix.network().octets().to_vec(), len, group)),
                IpNet::V6(prefix) => v6.push((prefix.network().octets().to_vec(), len, group)),
            }
        }
        let v4 = Index::build(24, v4.iter());
        let v6 = Index::build(16, v6.iter());

        let needed = v4.nodes() + v6.nodes();
        if needed > self.capacity.chunks as usize {
            return Err(ResolversError {
                needed,
                capacity: self.capacity.chunks,
            });
        }
        // At most half is in use, so there are enough.
        let used = self.used_chunks();
        let free = (0..).zip(used).filter(|(_, used)| !used);
        let free = free.map(|(chunk, _)| chunk).collect();
        Ok(PreparedResolvers { v4, v6, free })
    }

    /// Replaces every resolver prefix, one entry at a time.
    pub fn replace_resolvers(&self, prepared: &PreparedResolvers) {
        let mut free = prepared.free.iter().copied();
        for block in 0..2 * V4_PAIRS {
            self.set_entry(&prepared.v4, block, &mut free, |pair| self.v4.get(pair));
        }
        for block in 0..2 * V6_PAIRS {
            self.set_entry(&prepared.v6, block, &mut free, |pair| self.v6.get(pair));
        }
    }

    /// Stores one entry where it differs: undivided blocks that stay as they are
    /// stay shared and clean in every cache.
    fn set_entry<'t>(
        &self,
        index: &Index,
        block: u32,
        free: &mut impl Iterator<Item = u32>,
        pair: impl Fn(u32) -> Option<&'t dns_common::tables::EntryPair>,
    ) {
        let entry = match index.trees.get(&block) {
            Some(tree) => tree.write(self, free),
            None => Entry::group(index.blocks[block as usize]),
        };
        if let Some(pair) = pair(block >> 1)
            && pair.entry(block) != entry
        {
            pair.set(block, entry);
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
