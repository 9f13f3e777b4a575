//! What userspace counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use dns_common::outcome::{Action, Outcome};
use domain::base::iana::OptRcode;

/// Counters of what userspace did, since start.
#[derive(Debug)]
pub struct PlaneCounters {
    /// Queries over UDP.
    pub udp_queries: AtomicU64,
    /// Queries over TCP.
    pub tcp_queries: AtomicU64,
    /// What the shared fast path made of each, in [`Outcome::ALL`]'s order.
    pub outcomes: [AtomicU64; Outcome::ALL.len()],
    /// Not answered at all.
    pub silent: AtomicU64,
    /// Answered by the authority, by RCODE; higher ones in the last.
    pub rcodes: [AtomicU64; RCODES],
    /// Of those, truncated because they were over their rate.
    pub authority_slips: AtomicU64,
    /// The authority's answers that were kept back because they were.
    pub authority_drops: AtomicU64,
}

/// RCODEs counted apart: 0 to 15 and BADVERS, 16 (RFC 6895 section 2.3).
pub const RCODES: usize = 17;

impl Default for PlaneCounters {
    fn default() -> Self {
        Self {
            udp_queries: AtomicU64::new(0),
            tcp_queries: AtomicU64::new(0),
            outcomes: [const { AtomicU64::new(0) }; Outcome::ALL.len()],
            silent: AtomicU64::new(0),
            rcodes: [const { AtomicU64::new(0) }; RCODES],
            authority_slips: AtomicU64::new(0),
            authority_drops: AtomicU64::new(0),
        }
    }
}

impl PlaneCounters {
    /// Counts an answer of the authority.
    pub(super) fn count_rcode(&self, rcode: OptRcode) {
        count(&self.rcodes[usize::from(rcode.to_int()).min(RCODES - 1)]);
    }

    /// How often the shared fast path came to `outcome`.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize].load(Relaxed)
    }

    /// Queries that the shared fast path answered, in whatever way.
    pub fn fast_answers(&self) -> u64 {
        let answers = Outcome::ALL
            .into_iter()
            .filter(|outcome| outcome.action() == Action::Reply);
        answers.map(|outcome| self.outcome(outcome)).sum()
    }
}

/// Counts one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
