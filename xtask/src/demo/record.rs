//! What was seen of a demo, and when.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{
    load::Rate,
    stage::{GROUPS, SITES},
    watch::Seen,
};
use crate::lab::dnsperf::Totals;

/// The demo's time: seconds since its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    unix_start: f64,
}

impl Clock {
    /// One that starts now.
    pub(super) fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            start: Instant::now(),
            unix_start: unix.unwrap_or_default().as_secs_f64(),
        }
    }

    /// The time at `instant`.
    pub(super) fn at(&self, instant: Instant) -> f64 {
        instant.duration_since(self.start).as_secs_f64()
    }

    /// The time now.
    pub(super) fn now(&self) -> f64 {
        self.at(Instant::now())
    }

    /// The time at `seconds` of the Unix epoch.
    pub(super) fn at_unix(&self, seconds: f64) -> f64 {
        seconds - self.unix_start
    }
}

/// Something done to the lab.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// When, by the demo's clock.
    pub(super) at: f64,
    /// What, in a few words.
    pub(super) text: String,
}

/// One run of dnsperf in every group.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// How long it was to be.
    pub(super) length: Duration,
    /// Counts of answers, for each group.
    pub(super) rates: Vec<Vec<Rate>>,
    /// What became of the queries of all groups.
    pub(super) totals: Totals,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The time it goes by.
    pub(super) clock: Clock,
    /// When it ended.
    pub(super) end: f64,
    /// What was done, in order.
    pub(super) events: Vec<Event>,
    /// Each group's server when nothing had been done yet.
    pub(super) steady: [Option<usize>; GROUPS.len()],
    /// The server that was stopped.
    pub(super) stopped: usize,
    /// From the stop to the last answer with the stopped server, in any group.
    pub(super) failover: Duration,
    /// From the server's return to the first answer with it; `None` without one.
    pub(super) comeback: Option<Duration>,
    /// From the daemon's start to its first word; `None` if that came after
    /// dnsperf's end.
    pub(super) adoption: Option<Duration>,
    /// What the restarted daemon says of its program: `adopted`, or what else.
    pub(super) xdp_state: String,
    /// dnsperf while a server failed and came back.
    pub(super) failing: Run,
    /// dnsperf while veerd was killed.
    pub(super) killing: Run,
    /// dnsperf while veerd was restarted.
    pub(super) adopting: Run,
    /// What `veerctl top` showed while the server was stopped.
    pub(super) screen: String,
    /// What each group was answered.
    pub(super) seen: Vec<Seen>,
    /// Queries that the kernel answered, by its own count.
    pub(super) kernel_answered: u64,
}

impl Record {
    /// Every run of dnsperf, in order.
    pub(super) fn runs(&self) -> [&Run; 3] {
        [&self.failing, &self.killing, &self.adopting]
    }
}

/// The name of a server as answers were seen to have it.
pub(super) fn server_name(server: Option<usize>) -> &'static str {
    server.map_or("no single server", |number| SITES[number].name)
}
