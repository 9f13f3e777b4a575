//! What the resolver table is to hold, worked out beside it: entries by block,
//! trees below those that are divided, and the scope of each.

use std::collections::BTreeMap;

use dns_common::tables::Entry;

/// What stands below one entry, before it has a node in the table.
#[derive(Clone)]
pub(super) enum Tree {
    /// The same for everyone.
    Leaf(Entry),
    /// The next octet decides.
    Node(Box<[Tree; 256]>),
}

impl Tree {
    /// Changes every leaf below `octets`, the rest of a prefix `bits` long.
    fn change(&mut self, octets: &[u8], bits: usize, change: &dyn Fn(Entry) -> Entry) {
        match self {
            Self::Leaf(entry) if bits == 0 => *entry = change(*entry),
            Self::Leaf(outer) => {
                let outer = *outer;
                *self = Self::Node(Box::new(std::array::from_fn(|_| Self::Leaf(outer))));
                self.change(octets, bits, change);
            }
            Self::Node(children) => {
                // Octets that the prefix has no bits of may be missing.
                let first = octets.first().copied().map_or(0, usize::from);
                let (rest, bits) = if bits > 8 {
                    (&octets[1..], bits - 8)
                } else {
                    for child in &mut children[first..first + (256 >> bits)] {
                        child.change(&[], 0, change);
                    }
                    return;
                };
                children[first].change(rest, bits, change);
            }
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Node(children) => 1 + children.iter().map(Self::nodes).sum::<usize>(),
        }
    }

    /// The group of everyone below, if it is one.
    fn group(&self) -> Option<u16> {
        match self {
            Self::Leaf(entry) => Some(entry.group()),
            Self::Node(children) => {
                let group = children[0].group()?;
                let same = |child: &Self| child.group() == Some(group);
                children[1..].iter().all(same).then_some(group)
            }
        }
    }

    /// An entry that stands for the tree among its neighbours: of its group if
    /// that is one, else a node, whose `number` no neighbour has.
    fn stand_in(&self, number: u32) -> Entry {
        let group = self.group();
        group.map_or(Entry::node(number), |group| Entry::new(group, 0, 0))
    }

    /// Sets the scopes below a prefix `len` bits long; `whole` is everyone's if
    /// they are one group.
    fn set_scopes(&mut self, whole: u8, len: u8) {
        match self {
            Self::Leaf(entry) => *entry = with_scope(*entry, whole),
            Self::Node(children) => {
                let mut entries: Vec<Entry> = (0..)
                    .zip(children.iter())
                    .map(|(number, child)| child.stand_in(number))
                    .collect();
                set_scopes(&mut entries, whole, len + 8);
                for (child, entry) in children.iter_mut().zip(entries) {
                    child.set_scopes(entry.scope(), len + 8);
                }
            }
        }
    }
}

/// A direct index under construction: the entry of each block, and trees for
/// the blocks that are divided.
pub(super) struct Index {
    /// Bits of a block's prefix.
    bits: u8,
    /// Nodes, numbered like their blocks, where there is a tree.
    blocks: Vec<Entry>,
    trees: BTreeMap<u32, Tree>,
}

impl Index {
    /// An index of `2^bits` blocks, `bits` a multiple of 8, all in group 0.
    pub(super) fn new(bits: u8) -> Self {
        Self {
            bits,
            blocks: vec![Entry::default(); 1 << bits],
            trees: BTreeMap::new(),
        }
    }

    /// Changes what is known of everyone in the prefix of `len` bits of `octets`.
    pub(super) fn change(&mut self, octets: &[u8], len: usize, change: &dyn Fn(Entry) -> Entry) {
        let bits = usize::from(self.bits);
        let (high, low) = octets.split_at(bits / 8);
        let first = high
            .iter()
            .fold(0, |block, octet| block << 8 | u32::from(*octet));
        if len > bits {
            let outer = self.blocks[first as usize];
            let tree = self.trees.entry(first).or_insert(Tree::Leaf(outer));
            tree.change(low, len - bits, change);
            return;
        }
        let end = first + (1 << (bits - len));
        for block in &mut self.blocks[first as usize..end as usize] {
            *block = change(*block);
        }
        for (_, tree) in self.trees.range_mut(first..end) {
            tree.change(&[], 0, change);
        }
    }

    /// Nodes that the table needs for it.
    pub(super) fn nodes(&self) -> usize {
        self.trees.values().map(Tree::nodes).sum()
    }

    /// Sets every entry's scope, after the last change.
    pub(super) fn set_scopes(&mut self) {
        for (number, tree) in &self.trees {
            self.blocks[*number as usize] = tree.stand_in(*number);
        }
        set_scopes(&mut self.blocks, 0, self.bits);
        for (number, tree) in &mut self.trees {
            let block = &mut self.blocks[*number as usize];
            tree.set_scopes(block.scope(), self.bits);
            *block = Entry::node(*number);
        }
    }

    /// The entry of block `number`, or the tree below it.
    pub(super) fn block(&self, number: u32) -> Result<Entry, &Tree> {
        let entry = self.blocks[number as usize];
        match entry.as_node() {
            Some(number) => Err(&self.trees[&number]),
            None => Ok(entry),
        }
    }
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
