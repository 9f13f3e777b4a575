//! What the resolver table is to hold, worked out beside it: entries by block,
//! nodes below those that are divided, and the scope of each.

use dns_common::tables::Entry;
use ipnet::IpNet;

/// Bits of an IPv4 block's prefix.
pub(super) const V4_BITS: u8 = 24;
/// Bits of an IPv6 block's prefix.
pub(super) const V6_BITS: u8 = 16;

/// What one octet of the address decides. There may be so many that to move them all,
/// where there is room for more, takes long.
type Node = Box<[Entry; 256]>;

/// A direct index under construction: the entry of each block, and nodes for the
/// blocks that are divided.
pub(super) struct Index {
    /// Bits of a block's prefix.
    bits: u8,
    /// What is known of each block; numbers of nodes are places in `nodes`.
    blocks: Vec<Entry>,
    /// Every node stands behind the one that it is below.
    nodes: Vec<Node>,
}

impl Index {
    /// An index of `2^bits` blocks, `bits` a multiple of 8, all in group 0.
    pub(super) fn new(bits: u8) -> Self {
        Self {
            bits,
            blocks: vec![Entry::default(); 1 << bits],
            nodes: Vec::new(),
        }
    }

    /// Changes what is known of everyone in the prefix of `len` bits of `octets`.
    pub(super) fn change(&mut self, octets: &[u8], len: usize, change: &dyn Fn(Entry) -> Entry) {
        let bits = usize::from(self.bits);
        let (high, low) = octets.split_at(bits / 8);
        let first = high
            .iter()
            .fold(0, |block, octet| block << 8 | usize::from(*octet));
        if len > bits {
            let node = divided(&mut self.blocks[first], &mut self.nodes);
            self.change_below(node, low, len - bits, change);
            return;
        }
        let end = first + (1 << (bits - len));
        for block in &mut self.blocks[first..end] {
            change_all(block, &mut self.nodes, change);
        }
    }

    /// Changes everyone in the rest of a prefix, `bits` of `octets`, that `node`
    /// decides about.
    fn change_below(
        &mut self,
        mut node: usize,
        mut octets: &[u8],
        mut bits: usize,
        change: &dyn Fn(Entry) -> Entry,
    ) {
        while bits > 8 {
            let mut entry = self.nodes[node][usize::from(octets[0])];
            let below = divided(&mut entry, &mut self.nodes);
            self.nodes[node][usize::from(octets[0])] = entry;
            (node, octets, bits) = (below, &octets[1..], bits - 8);
        }
        let first = usize::from(octets[0]);
        for at in first..first + (256 >> bits) {
            let mut entry = self.nodes[node][at];
            change_all(&mut entry, &mut self.nodes, change);
            self.nodes[node][at] = entry;
        }
    }

    /// Sets every entry's scope, after the last change.
    pub(super) fn set_scopes(&mut self) {
        let groups = self.groups();
        let node_of = |(at, entry): (usize, &Entry)| Some((at, entry.as_node()? as usize));
        // Length of the prefix, and the scope of everyone below if they are one
        // group, by node.
        let mut below = vec![(0, 0); self.nodes.len()];

        let nodes: Vec<_> = (self.blocks.iter().enumerate())
            .filter_map(node_of)
            .collect();
        for (at, node) in &nodes {
            self.blocks[*at] = stand_in(*node, &groups);
        }
        set_scopes(&mut self.blocks, 0, self.bits);
        for (at, node) in nodes {
            below[node] = (self.bits, self.blocks[at].scope());
            self.blocks[at] = Entry::node(node as u32);
        }

        for (number, entries) in self.nodes.iter_mut().enumerate() {
            let (len, whole) = below[number];
            let mut scoped = **entries;
            for (at, node) in entries.iter().enumerate().filter_map(node_of) {
                scoped[at] = stand_in(node, &groups);
            }
            set_scopes(&mut scoped, whole, len + 8);
            for (entry, scoped) in entries.iter_mut().zip(scoped) {
                match entry.as_node() {
                    Some(node) => below[node as usize] = (len + 8, scoped.scope()),
                    None => *entry = scoped,
                }
            }
        }
    }

    /// The group of everyone below each node, if it is one.
    fn groups(&self) -> Vec<Option<u16>> {
        let mut groups = vec![None; self.nodes.len()];
        for (number, entries) in self.nodes.iter().enumerate().rev() {
            let group = |entry: &Entry| match entry.as_node() {
                Some(node) => groups[node as usize],
                None => Some(entry.group()),
            };
            let first = group(&entries[0]);
            let same = first.is_some() && entries.iter().all(|entry| group(entry) == first);
            groups[number] = first.filter(|_| same);
        }
        groups
    }

    /// The entry of each block, in order.
    pub(super) fn blocks(&self) -> &[Entry] {
        &self.blocks
    }

    /// The nodes that entries point to.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}

/// How many nodes there are in both indexes once every one of `prefixes` has been
/// changed; to make more of them than there is room for may take more memory than the
/// host has.
pub(super) fn nodes_needed<'p>(prefixes: impl Iterator<Item = &'p IpNet>) -> usize {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for prefix in prefixes {
        let len = prefix.prefix_len();
        match prefix {
            IpNet::V4(prefix) if len > V4_BITS => {
                v4.push((u128::from(prefix.network().to_bits()) << 96, len));
            }
            IpNet::V6(prefix) if len > V6_BITS => v6.push((prefix.network().to_bits(), len)),
            _ => {}
        }
    }
    nodes_below(V4_BITS, v4) + nodes_below(V6_BITS, v6)
}

/// Those of one family: prefixes longer than `bits`, from the upper bits down.
fn nodes_below(bits: u8, mut prefixes: Vec<(u128, u8)>) -> usize {
    prefixes.sort_unstable();
    let mut nodes = 0;
    // By number of octets, those before what the last such node decides: in this order
    // equal ones follow one another.
    let mut last = [None; 16];
    for (address, len) in prefixes {
        for octets in bits / 8..len.div_ceil(8) {
            let before = address >> (128 - 8 * octets);
            let last = &mut last[usize::from(octets)];
            if last.replace(before) != Some(before) {
                nodes += 1;
            }
        }
    }
    nodes
}

/// The node that `entry` points to, from now on if it did not.
fn divided(entry: &mut Entry, nodes: &mut Vec<Node>) -> usize {
    if let Some(node) = entry.as_node() {
        return node as usize;
    }
    nodes.push(Box::new([*entry; 256]));
    let node = nodes.len() - 1;
    *entry = Entry::node(node as u32);
    node
}

/// Changes what is known of everyone at or below `entry`.
fn change_all(entry: &mut Entry, nodes: &mut [Node], change: &dyn Fn(Entry) -> Entry) {
    let Some(node) = entry.as_node() else {
        *entry = change(*entry);
        return;
    };
    for at in 0..256 {
        let mut below = nodes[node as usize][at];
        change_all(&mut below, nodes, change);
        nodes[node as usize][at] = below;
    }
}

/// An entry that stands for a node among its neighbours: of its group if that is
/// one, else the node, whose number no neighbour has.
fn stand_in(node: usize, groups: &[Option<u16>]) -> Entry {
    groups[node].map_or(Entry::node(node as u32), |group| Entry::new(group, 0, 0))
}

/// Sets the scopes of `entries`, all that there are below one prefix, each of a
/// prefix `len` bits long; `whole` is everyone's if they are one group. Nodes
/// are left as they are: of one group with nobody.
///
/// Aligned blocks either hold one another or have nothing in common. So the
/// largest ones within a run of one group are found from its start, each time
/// the largest that may start there and ends within the run.
fn set_scopes(entries: &mut [Entry], whole: u8, len: u8) {
    let all = entries.len();
    let mut at: usize = 0;
    for run in entries.chunk_by_mut(|one, next| one_group(*one, *next)) {
        let mut rest = run;
        while !rest.is_empty() {
            let bits = rest.len().ilog2().min(at.trailing_zeros());
            let (block, after) = rest.split_at_mut(1 << bits);
            let scope = if block.len() == all {
                whole
            } else {
                len - bits as u8
            };
            for entry in block.iter_mut().filter(|entry| entry.as_node().is_none()) {
                *entry = with_scope(*entry, scope);
            }
            at += block.len();
            rest = after;
        }
    }
}

/// Whether everyone below both entries is in the same group.
fn one_group(one: Entry, other: Entry) -> bool {
    one.as_node().is_none() && other.as_node().is_none() && one.group() == other.group()
}

fn with_scope(entry: Entry, scope: u8) -> Entry {
    let flags = entry.0 & (Entry::TRUSTED | Entry::EXEMPT);
    Entry::new(entry.group(), scope, flags)
}
