//! What userspace counts. Every thread has counters of its own, so that counting
//! takes neither a lock nor a cache line from another core.

use std::{
    array, iter,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use crossbeam::utils::CachePadded;
use dns_common::{
    host::is_sampled,
    outcome::{Action, Outcome},
};
use domain::base::iana::OptRcode;
use thread_local::ThreadLocal;

use super::details::Details;

/// Counters of what userspace did, since start: sums over all threads, or one
/// thread's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneCounters<N = u64> {
    /// Queries over UDP.
    pub udp_queries: N,
    /// Queries over TCP.
    pub tcp_queries: N,
    /// What the shared fast path made of each, in [`Outcome::ALL`]'s order.
    pub outcomes: [N; Outcome::ALL.len()],
    /// Not answered at all.
    pub silent: N,
    /// Answered by the authority, by RCODE; higher ones in the last.
    pub rcodes: [N; RCODES],
    /// Of those, truncated because they were over their rate.
    pub authority_slips: N,
    /// The authority's answers that were kept back because they were.
    pub authority_drops: N,
    /// What only [`super::Plane::detailed`] counts.
    pub details: Details<N>,
}

/// RCODEs counted apart: 0 to 15 and BADVERS, 16 (RFC 6895 section 2.3).
pub const RCODES: usize = 17;

impl<N: Default> Default for PlaneCounters<N> {
    fn default() -> Self {
        Self {
            udp_queries: N::default(),
            tcp_queries: N::default(),
            outcomes: array::from_fn(|_| N::default()),
            silent: N::default(),
            rcodes: array::from_fn(|_| N::default()),
            authority_slips: N::default(),
            authority_drops: N::default(),
            details: Details::default(),
        }
    }
}

impl PlaneCounters {
    /// How often the shared fast path came to `outcome`.
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Queries that the shared fast path answered, in whatever way.
    pub fn fast_answers(&self) -> u64 {
        let answers = Outcome::ALL
            .into_iter()
            .filter(|outcome| outcome.action() == Action::Reply);
        answers.map(|outcome| self.outcome(outcome)).sum()
    }

    fn add(&mut self, own: &OwnCounters) {
        let PlaneCounters {
            udp_queries,
            tcp_queries,
            outcomes,
            silent,
            rcodes,
            authority_slips,
            authority_drops,
            details,
        } = own;
        let add = |sum: &mut u64, own: &AtomicU64| *sum += own.load(Relaxed);
        add(&mut self.udp_queries, udp_queries);
        add(&mut self.tcp_queries, tcp_queries);
        for (sum, own) in self.outcomes.iter_mut().zip(outcomes) {
            add(sum, own);
        }
        add(&mut self.silent, silent);
        for (sum, own) in self.rcodes.iter_mut().zip(rcodes) {
            add(sum, own);
        }
        add(&mut self.authority_slips, authority_slips);
        add(&mut self.authority_drops, authority_drops);
        self.details.add(details);
    }
}

/// One thread's counters, which it alone writes.
pub(super) type OwnCounters = PlaneCounters<AtomicU64>;

impl OwnCounters {
    /// Counts an answer of the authority.
    pub(super) fn count_rcode(&self, rcode: OptRcode) {
        count(&self.rcodes[usize::from(rcode.to_int()).min(RCODES - 1)]);
    }
}

/// Counts one in a counter of the thread that calls.
pub(super) fn count(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// One thread's answers by resolver group, which it alone counts.
#[derive(Debug)]
struct OwnGroups {
    /// Answers of services, in the sample or not.
    answers: AtomicU64,
    /// By group number, those in the sample.
    groups: Box<[AtomicU64]>,
}

/// The counters of every thread that has counted.
#[derive(Debug)]
pub(super) struct ThreadCounters {
    counters: ThreadLocal<CachePadded<OwnCounters>>,
    groups: ThreadLocal<CachePadded<OwnGroups>>,
    /// How many groups there are at most.
    groups_max: usize,
}

impl ThreadCounters {
    /// None yet, of at most so many groups.
    pub(super) fn new(groups_max: usize) -> Self {
        Self {
            counters: ThreadLocal::new(),
            groups: ThreadLocal::new(),
            groups_max,
        }
    }

    /// Those of the thread that calls.
    pub(super) fn own(&self) -> &OwnCounters {
        self.counters.get_or_default()
    }

    /// Counts an answer of a service to a resolver of `group`, if it is in the `sample`,
    /// as the kernel does.
    pub(super) fn count_group(&self, group: u16, sample: u64) {
        if sample == 0 {
            return;
        }
        let own = self.groups.get_or(|| {
            let groups = iter::repeat_with(AtomicU64::default);
            CachePadded::new(OwnGroups {
                answers: AtomicU64::default(),
                groups: groups.take(self.groups_max).collect(),
            })
        });
        count(&own.answers);
        if is_sampled(own.answers.load(Relaxed), sample)
            && let Some(counter) = own.groups.get(usize::from(group))
        {
            count(counter);
        }
    }

    /// The sums of what is counted by thread.
    pub(super) fn sum(&self) -> PlaneCounters {
        let mut sum = PlaneCounters::default();
        for own in &self.counters {
            sum.add(own);
        }
        sum
    }

    /// The sums by group number; none where nothing was counted.
    pub(super) fn groups(&self) -> Vec<u64> {
        let mut sums = Vec::new();
        for own in &self.groups {
            sums.resize(own.groups.len(), 0);
            for (sum, own) in sums.iter_mut().zip(&own.groups) {
                *sum += own.load(Relaxed);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use dns_common::host::Constants;

    use super::*;

    #[test]
    fn every_threads_counts_are_in_the_sums_also_when_it_has_ended() {
        let counters = ThreadCounters::new(2);
        let tell = |number: u64| {
            let own = counters.own();
            for _ in 0..number {
                count(&own.udp_queries);
                count(&own.outcomes[Outcome::Answered as usize]);
                own.count_rcode(OptRcode::BADVERS);
            }
            own.count_rcode(OptRcode::BADCOOKIE);
            count(&own.authority_drops);
        };
        tell(1);
        for round in 0..2 {
            thread::scope(|scope| {
                for number in [10, 100] {
                    scope.spawn(move || tell(number + round));
                }
            });
        }
        let mut expected = PlaneCounters {
            udp_queries: 223,
            authority_drops: 5,
            ..PlaneCounters::default()
        };
        expected.outcomes[Outcome::Answered as usize] = 223;
        expected.rcodes[RCODES - 1] = 228;
        assert_eq!(counters.sum(), expected);
        assert_eq!(counters.sum().fast_answers(), 223);
    }

    #[test]
    fn one_in_so_many_answers_counts_for_its_group() {
        let counters = ThreadCounters::new(2);
        assert!(counters.groups().is_empty());
        let sample = |one_in| Constants::one_in(one_in);
        counters.count_group(0, sample(0));
        assert!(counters.groups().is_empty());
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // Nine in ten are of group 1, in steps with tens.
                    for number in 0..64_000 {
                        counters.count_group(u16::from(number % 10 != 0), sample(64));
                    }
                });
            }
        });
        let of = counters.groups();
        assert!((1995..=2005).contains(&(of[0] + of[1])), "{of:?}");
        assert!((190..=210).contains(&of[0]), "{of:?}");
        counters.count_group(7, sample(1));
        counters.count_group(1, sample(1));
        assert_eq!(counters.groups(), [of[0], of[1] + 1]);
    }
}
