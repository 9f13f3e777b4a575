//! A name of another DNS, and what is known of asking for it.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use dns_common::decision::Family;

use super::{cache::Lengths, upstream::Resolvers};
use crate::model::Name;

/// How long a name is not asked for again that could not be resolved, milliseconds: more
/// than the second that RFC 9520 section 3.2 asks for, less than anybody would notice.
const PAUSE_MS: u64 = 5000;

/// A name, and who is asked for it.
#[derive(Debug)]
pub(crate) struct Target {
    /// Nothing else ever has it.
    pub(super) number: u64,
    pub(super) name: Name,
    pub(super) resolvers: Resolvers,
    by_family: [OfFamily; 2],
    is_retired: AtomicBool,
}

#[derive(Debug, Default)]
struct OfFamily {
    lengths: Lengths,
    failure: Mutex<Option<Failure>>,
}

/// That a name could not be resolved.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) at_ms: u64,
    pub(super) error: String,
}

impl Failure {
    /// Whether it is too early to ask again.
    pub(super) fn is_recent(&self, now_ms: u64) -> bool {
        now_ms < self.at_ms + PAUSE_MS
    }
}

impl Target {
    pub(super) fn new(number: u64, name: Name, resolvers: Vec<SocketAddr>) -> Self {
        Self {
            number,
            name,
            resolvers: Resolvers::new(resolvers),
            by_family: Default::default(),
            is_retired: AtomicBool::new(false),
        }
    }

    pub(super) fn lengths(&self, family: Family) -> &Lengths {
        &self.by_family[family as usize].lengths
    }

    /// That asking for it failed the last time, if it did.
    pub(super) fn failure(&self, family: Family) -> Option<Failure> {
        self.of(family).clone()
    }

    /// Notes how asking for it went.
    pub(super) fn note(&self, family: Family, failure: Option<Failure>) {
        *self.of(family) = failure;
    }

    /// Whether no service has it any more.
    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Relaxed)
    }

    pub(super) fn retire(&self) {
        self.is_retired.store(true, Relaxed);
    }

    fn of(&self, family: Family) -> std::sync::MutexGuard<'_, Option<Failure>> {
        let failure = &self.by_family[family as usize].failure;
        failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
