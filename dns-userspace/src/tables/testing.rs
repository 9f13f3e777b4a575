//! The shared fast path's surroundings in tests.

use std::cell::RefCell;

use dns_common::{
    host::{Constants, Host},
    name::{LABELS_MAX, NAME_WORDS},
};

/// A host with nothing switched on.
pub(crate) struct Quiet {
    constants: Constants,
    labels: RefCell<[u8; LABELS_MAX + 1]>,
    hashes: RefCell<[u64; NAME_WORDS]>,
}

impl Default for Quiet {
    fn default() -> Self {
        Self {
            constants: Constants {
                payload: 1232,
                ..Constants::OFF
            },
            labels: RefCell::new([0; LABELS_MAX + 1]),
            hashes: RefCell::new([0; NAME_WORDS]),
        }
    }
}

impl Host for Quiet {
    fn constants(&self) -> &Constants {
        &self.constants
    }
    fn now_ns(&self) -> u64 {
        0
    }
    fn now_s(&self) -> u32 {
        0
    }
    fn reply_max(&self) -> usize {
        1500
    }
    fn is_stream(&self) -> bool {
        false
    }
    fn count_limited(&self) -> u64 {
        0
    }
    fn set_label(&self, index: usize, at: u8) {
        self.labels.borrow_mut()[index] = at;
    }
    fn label(&self, index: usize) -> u8 {
        self.labels.borrow()[index]
    }
    fn set_hash(&self, index: usize, hash: u64) {
        self.hashes.borrow_mut()[index] = hash;
    }
    fn hash(&self, index: usize) -> u64 {
        self.hashes.borrow()[index]
    }
}
