//! Telling of queries from userspace.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use dns_common::{
    host::{Constants, is_sampled},
    told::is_wanted,
};
use tokio::sync::mpsc;

use super::query::Raw;

/// A way to tell, which any number of threads have.
#[derive(Clone, Debug)]
pub struct Teller {
    sample: u64,
    sender: mpsc::Sender<Raw>,
    /// Those for which there was no room.
    lost: Arc<AtomicU64>,
}

thread_local! {
    /// Queries of the thread that somebody watched, in the sample or not.
    static WATCHED: Cell<u64> = const { Cell::new(0) };
}

impl Teller {
    pub(super) fn new(one_in: u32, sender: mpsc::Sender<Raw>, lost: Arc<AtomicU64>) -> Self {
        Self {
            sample: Constants::one_in(one_in.into()),
            sender,
            lost,
        }
    }

    /// Whether the query at hand is to be told, where so much is `watched` and that service
    /// decided: as the kernel finds it, by the count of the thread that calls.
    pub fn is_due(&self, watched: u64, service: u32) -> bool {
        is_wanted(watched, service) && is_sampled(count(), self.sample)
    }

    /// Tells of one; never waits.
    pub fn tell(&self, raw: Raw) {
        if self.sender.try_send(raw).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

/// Counts one, from 1 on.
fn count() -> u64 {
    let count = WATCHED.get().wrapping_add(1);
    WATCHED.set(count);
    count
}
