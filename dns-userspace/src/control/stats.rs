//! What `stats` shows.

use std::collections::BTreeMap;

use dns_common::outcome::{Action, Outcome};
use serde::{Deserialize, Serialize};

use crate::{flattening::FlatteningCounts, kernel::Counts, ring_log::Written};

/// What has been counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Counted in the kernel, daemons before this one included; `None` without
    /// a program there.
    pub kernel: Option<KernelStats>,
    /// Counted in userspace since the daemon's start.
    pub userspace: UserspaceStats,
    /// What was written for the kernel to read.
    pub publisher: PublisherStats,
    /// Probe results since the daemon's start.
    pub probes: ProbeStats,
    /// What other DNS were asked for, in resolvers' stead.
    pub flattening: FlatteningCounts,
    /// What came of writing logs.
    #[serde(flatten)]
    pub logs: LogStats,
    /// Share of all queries that the kernel answered, 0 to 1; `None` before the
    /// first.
    pub kernel_share: Option<f64>,
}

/// Packets counted in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelStats {
    /// Packets by the name of their [`Outcome`], zeros included.
    pub outcomes: BTreeMap<String, u64>,
    /// Packets answered.
    pub answered: u64,
    /// Packets passed up to the network stack.
    pub up: u64,
    /// Packets dropped.
    pub dropped: u64,
    /// Answers by the name of their service.
    pub services: BTreeMap<String, u64>,
}

/// Queries counted in userspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserspaceStats {
    /// Messages received over UDP.
    pub udp_queries: u64,
    /// Messages received over TCP.
    pub tcp_queries: u64,
    /// Those answered by the code and tables that userspace shares with the
    /// kernel.
    pub fast_answers: u64,
    /// What that code made of messages, by the name of the [`Outcome`], zeros
    /// included.
    pub outcomes: BTreeMap<String, u64>,
    /// Responses by the name of their RCODE, e.g. `NXDOMAIN`.
    pub rcodes: BTreeMap<String, u64>,
    /// Messages left without a response.
    pub silent: u64,
    /// Of the responses by RCODE, those truncated because they were over their
    /// rate (`rrl.*`).
    pub authority_slips: u64,
    /// Responses that would have been, but were kept back for their rate.
    pub authority_drops: u64,
    /// TCP connections.
    pub tcp: TcpStats,
}

/// TCP connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpStats {
    /// Open now.
    pub open: u64,
    /// Let in since the daemon's start.
    pub accepted: u64,
    /// Closed at once, because `tcp.connections_max` were open.
    pub refused: u64,
    /// Closed at once, because the client had `tcp.per_client_max` open.
    pub refused_client: u64,
    /// Closed after `tcp.idle_ms`.
    pub idle: u64,
}

/// What was written for the kernel to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherStats {
    /// Number of the generation of tables in use, from 1; 0 before the first.
    pub generation: u64,
    /// Generations published since the daemon's start.
    pub generations_published: u64,
    /// Single words stored between generations, since the daemon's start.
    pub stores: u64,
    /// From the end of a probe until what it changed was in the tables; `None` before the
    /// first.
    pub delay: Option<Delay>,
}

/// Times, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delay {
    /// How many there were.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_us: u64,
    /// Of a hundred, ninety-nine.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Probe results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeStats {
    /// Probes that passed.
    pub pass: u64,
    /// Probes that failed.
    pub fail: u64,
    /// Probes that failed for reasons of this host's own.
    pub local: u64,
}

/// What came of writing logs since the daemon's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogStats {
    /// Of the decision log.
    pub decision_log: Written,
    /// Of the measurement log; `None` where nothing is recorded.
    pub measurement_log: Option<Written>,
    /// Lines of the daemon's own log that stderr did not take in time.
    pub log_lines_lost: u64,
}

impl Stats {
    /// Puts the counts together and computes the kernel's share of them.
    pub fn new(
        kernel: Option<KernelStats>,
        userspace: UserspaceStats,
        publisher: PublisherStats,
        probes: ProbeStats,
        flattening: FlatteningCounts,
        logs: LogStats,
    ) -> Self {
        let answered = kernel.as_ref().map_or(0, |kernel| kernel.answered);
        let all = answered + userspace.udp_queries + userspace.tcp_queries;
        Self {
            kernel,
            userspace,
            publisher,
            probes,
            flattening,
            logs,
            kernel_share: (all != 0).then(|| ratio(answered, all)),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than the 52 bits that are kept"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

impl From<&Counts> for KernelStats {
    fn from(counts: &Counts) -> Self {
        let mut stats = Self::default();
        for (outcome, count) in Outcome::ALL.into_iter().zip(counts.outcomes) {
            stats.outcomes.insert(outcome.name().to_owned(), count);
            *match outcome.action() {
                Action::Reply => &mut stats.answered,
                Action::Up => &mut stats.up,
                Action::Drop => &mut stats.dropped,
            } += count;
        }
        for (service, count) in &counts.services {
            *stats.services.entry(service.clone()).or_default() += count;
        }
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_summed_by_what_is_done_with_the_packet() {
        let mut counts = Counts {
            outcomes: [0; Outcome::ALL.len()],
            services: vec![
                ("www.example.".to_owned(), 40),
                ("www.example.".to_owned(), 2),
            ],
        };
        counts.outcomes[Outcome::Answered as usize] = 42;
        counts.outcomes[Outcome::UpType as usize] = 3;
        counts.outcomes[Outcome::UpNotIp as usize] = 4;
        counts.outcomes[Outcome::DropBroken as usize] = 1;
        let stats = KernelStats::from(&counts);
        assert_eq!((stats.answered, stats.up, stats.dropped), (42, 7, 1));
        assert_eq!(stats.outcomes["up_type"], 3);
        assert_eq!(stats.outcomes.len(), Outcome::ALL.len());
        assert_eq!(stats.services["www.example."], 42);
    }

    #[test]
    fn the_kernels_share_is_of_all_queries_that_reached_veer() {
        let share = |kernel: Option<u64>, udp_queries, tcp_queries| {
            let kernel = kernel.map(|answered| KernelStats {
                answered,
                up: 1000,
                ..KernelStats::default()
            });
            let userspace = UserspaceStats {
                udp_queries,
                tcp_queries,
                fast_answers: 7,
                ..UserspaceStats::default()
            };
            let stats = Stats::new(
                kernel,
                userspace,
                PublisherStats::default(),
                ProbeStats::default(),
                FlatteningCounts::default(),
                LogStats::default(),
            );
            stats.kernel_share
        };
        assert_eq!(share(Some(0), 0, 0), None);
        assert_eq!(share(None, 3, 0), Some(0.0));
        assert_eq!(share(Some(6), 1, 1), Some(0.75));
    }
}
