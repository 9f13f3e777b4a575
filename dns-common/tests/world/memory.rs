//! Tables that grow where they are written; the two indexes of addresses are
//! sparse.

use std::collections::BTreeMap;

use dns_common::{
    ask,
    host::Class,
    name,
    reply::fold_sum,
    tables::{
        AddressSlot, AnswerHead, AnswerKind, Chunk, Control, Entry, EntryPair, Generation, Line,
        Row, Tables, V4_PAIRS, V6_PAIRS, Word, bucket,
    },
};

/// Every table in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) control: Control,
    pub(crate) addresses: Vec<AddressSlot>,
    pub(crate) buckets: Vec<Line>,
    pub(crate) names: Vec<Line>,
    pub(crate) answers: Vec<Line>,
    pub(crate) v4: BTreeMap<u32, EntryPair>,
    pub(crate) v6: BTreeMap<u32, EntryPair>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) rankings: Vec<Word>,
    pub(crate) eligible: Vec<Word>,
    pub(crate) shares: Vec<Word>,
    pub(crate) rates: Vec<Word>,
    pub(crate) unset: EntryPair,
}

/// QR and AA, as the header's third and fourth octet.
pub(crate) const AUTHORITATIVE: u16 = 0x0084;
/// The same with NXDOMAIN.
pub(crate) const NXDOMAIN: u16 = 0x0384;
/// QR alone, as a referral has it.
pub(crate) const REFERRAL: u16 = 0x0080;

/// An answer to put into the tables.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) octets: Vec<u8>,
    pub(crate) counts: [u16; 3],
    pub(crate) kind: AnswerKind,
    /// Offsets in `octets` of the pointers that move with the name's length.
    pub(crate) moving: Vec<u16>,
}

impl Answer {
    /// One positive record, whatever `octets` are.
    pub(crate) fn positive(octets: &[u8]) -> Self {
        Self {
            octets: octets.to_vec(),
            counts: [1, 0, 0],
            kind: AnswerKind {
                flags: AUTHORITATIVE,
                name_len: u8::MAX,
                class: Class::Positive,
            },
            moving: Vec::new(),
        }
    }

    /// The same with other counts, flags and class.
    pub(crate) fn of(self, counts: [u16; 3], flags: u16, class: Class) -> Self {
        let kind = AnswerKind {
            flags,
            class,
            ..self.kind
        };
        Self {
            counts,
            kind,
            ..self
        }
    }

    /// The same written for a name of `name_len` octets, with pointers at `moving`
    /// that are past it.
    pub(crate) fn moved(mut self, name_len: usize, moving: &[u16]) -> Self {
        self.kind.name_len = name_len as u8;
        self.moving = moving.to_vec();
        self
    }
}

impl Memory {
    /// Puts an answer into `cell` and the ones after it.
    pub(crate) fn put_answer(&mut self, cell: u32, answer: &Answer) -> AnswerHead {
        let records = words(&answer.octets);
        let sum = fold_sum(records.iter().map(|word| ask::lanes(*word)).sum());
        let (even, odd): (Vec<u16>, Vec<u16>) =
            answer.moving.iter().partition(|place| *place % 2 == 0);
        let head = AnswerHead::new(
            answer.octets.len() as u16,
            answer.counts,
            sum,
            answer.kind,
            !answer.moving.is_empty(),
        );
        let first = AnswerHead::moving_pair(even.len() as u8, odd.len() as u8);
        let first = (!answer.moving.is_empty()).then_some(first);
        let list = first.into_iter().chain(even).chain(odd);
        let places: Vec<u8> = list.flat_map(u16::to_le_bytes).collect();
        let all = [head.0, head.1]
            .into_iter()
            .chain(records)
            .chain(words(&places));
        let cells = AnswerHead::cells(answer.octets.len(), answer.moving.len());
        put(&mut self.answers, cell, all, cells);
        head
    }

    /// Puts a head of no answer, or of another that stands in, into `cell`.
    pub(crate) fn put_head(&mut self, cell: u32, head: AnswerHead) {
        put(&mut self.answers, cell, [head.0, head.1].into_iter(), 1);
    }

    /// Puts `row` with the folded `name` into `cell` and the ones after it.
    pub(crate) fn put_name(&mut self, cell: u32, row: Row, name: &[u8]) {
        let all = [row.0, row.1, row.2]
            .into_iter()
            .chain(name::folded_words(name));
        put(&mut self.names, cell, all, Row::cells(name.len()));
    }

    /// Enters `name` in the index, with the row in `cell`.
    pub(crate) fn index(&mut self, generation: &Generation, name: &[u8], cell: u32) {
        let hash = name::hash(generation.seed, name::folded_words(name));
        self.index_hash(generation, hash, cell);
    }

    /// Enters whatever has `hash` in the index.
    pub(crate) fn index_hash(&mut self, generation: &Generation, hash: u64, cell: u32) {
        let (first, second, tag) = bucket::places(hash, generation.bucket_mask);
        let slots = [first, second].map(|number| {
            let line = &self.buckets[(generation.bucket_base + number) as usize];
            let taken = line.0.iter().filter(|slot| slot.load() != 0).count();
            (taken, line)
        });
        // The emptier of the two, as a writer does that fills them evenly.
        let (taken, line) = if slots[1].0 < slots[0].0 {
            slots[1]
        } else {
            slots[0]
        };
        assert!(taken < bucket::ENTRIES, "both buckets are full");
        line.0[taken].store(bucket::entry(tag, cell));
    }

    /// Sets what is known of an IPv4 /24.
    pub(crate) fn set_v4(&mut self, block: u32, entry: Entry) {
        self.v4.entry(block >> 1).or_default().set(block, entry);
    }

    /// Sets what is known of an IPv6 /16.
    pub(crate) fn set_v6(&mut self, block: u32, entry: Entry) {
        self.v6.entry(block >> 1).or_default().set(block, entry);
    }

    /// A new node all of whose entries are `outer`, but the ones given.
    pub(crate) fn add_node(&mut self, outer: Entry, entries: &[(u8, Entry)]) -> Entry {
        let chunk = Chunk(std::array::from_fn(|_| EntryPair::default()));
        for octet in 0..=u8::MAX {
            let given = entries.iter().find(|(at, _)| *at == octet);
            let entry = given.map_or(outer, |(_, entry)| *entry);
            chunk.0[usize::from(octet) >> 1].set(u32::from(octet), entry);
        }
        self.chunks.push(chunk);
        Entry::node(self.chunks.len() as u32 - 1)
    }
}

/// Octets as words, zeros after the last.
pub(crate) fn words(octets: &[u8]) -> Vec<u64> {
    let padded = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    };
    octets.chunks(8).map(padded).collect()
}

fn put(lines: &mut Vec<Line>, cell: u32, words: impl Iterator<Item = u64>, cells: u32) {
    let end = (cell + cells) as usize;
    if lines.len() < end {
        lines.resize_with(end, Line::default);
    }
    let mut slots = lines[cell as usize..end].iter().flat_map(|line| &line.0);
    for word in words {
        slots.next().expect("a slot in the cells").store(word);
    }
}

impl Tables for Memory {
    fn control(&self) -> Option<&Control> {
        Some(&self.control)
    }

    fn address(&self, slot: u32) -> Option<&AddressSlot> {
        self.addresses.get(slot as usize)
    }

    fn bucket(&self, index: u32) -> Option<&Line> {
        self.buckets.get(index as usize)
    }

    fn name(&self, cell: u32) -> Option<&Line> {
        self.names.get(cell as usize)
    }

    fn answer(&self, cell: u32) -> Option<&Line> {
        self.answers.get(cell as usize)
    }

    fn v4(&self, pair: u32) -> Option<&EntryPair> {
        (pair < V4_PAIRS).then(|| self.v4.get(&pair).unwrap_or(&self.unset))
    }

    fn v6(&self, pair: u32) -> Option<&EntryPair> {
        (pair < V6_PAIRS).then(|| self.v6.get(&pair).unwrap_or(&self.unset))
    }

    fn chunk(&self, index: u32) -> Option<&Chunk> {
        self.chunks.get(index as usize)
    }

    fn ranking(&self, index: u32) -> Option<&Word> {
        self.rankings.get(index as usize)
    }

    fn share_word(&self, index: u32) -> Option<&Word> {
        self.shares.get(index as usize)
    }

    fn eligible(&self, pool: u32) -> Option<&Word> {
        self.eligible.get(pool as usize)
    }

    fn rate(&self, bucket: u32) -> Option<&Word> {
        self.rates.get(bucket as usize)
    }
}
