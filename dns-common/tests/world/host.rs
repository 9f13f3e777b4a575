//! A host whose settings and clock are set by hand.

use std::cell::Cell;

use dns_common::{
    host::{Constants, Host},
    name::{LABELS_MAX, NAME_WORDS},
};

/// A host, and room for one query at a time.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) constants: Constants,
    pub(crate) now_ns: Cell<u64>,
    pub(crate) now_s: Cell<u32>,
    pub(crate) reply_max: usize,
    pub(crate) stream: bool,
    pub(crate) limited: Cell<u64>,
    /// The group that an answer was last chosen for.
    pub(crate) group: Cell<Option<u16>>,
    labels: [Cell<u8>; LABELS_MAX + 1],
    hashes: [Cell<u64>; NAME_WORDS],
}

impl Default for Desk {
    /// Everything off; a reply may fill a frame of 1500 octets over IPv6.
    fn default() -> Self {
        Self {
            constants: Constants {
                payload: 1232,
                ..Constants::OFF
            },
            now_ns: Cell::new(1 << 40),
            now_s: Cell::new(1_559_731_985),
            reply_max: 1452,
            stream: false,
            limited: Cell::new(0),
            group: Cell::new(None),
            // What was never remembered is anything, so not what would do no harm.
            labels: [const { Cell::new(0xfb) }; LABELS_MAX + 1],
            hashes: [const { Cell::new(u64::MAX / 3) }; NAME_WORDS],
        }
    }
}

impl Host for Desk {
    fn constants(&self) -> &Constants {
        &self.constants
    }

    fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }

    fn now_s(&self) -> u32 {
        self.now_s.get()
    }

    fn reply_max(&self) -> usize {
        self.reply_max
    }

    fn is_stream(&self) -> bool {
        self.stream
    }

    fn count_limited(&self) -> u64 {
        self.limited.replace(self.limited.get() + 1)
    }

    fn set_group(&self, group: u16) {
        self.group.set(Some(group));
    }

    fn set_label(&self, index: usize, at: u8) {
        self.labels[index].set(at);
    }

    fn label(&self, index: usize) -> u8 {
        self.labels[index].get()
    }

    fn set_hash(&self, index: usize, hash: u64) {
        self.hashes[index].set(hash);
    }

    fn hash(&self, index: usize) -> u64 {
        self.hashes[index].get()
    }
}
