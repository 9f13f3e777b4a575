//! What can be looked at without asking the task that owns the daemon: while that takes a new
//! configuration it answers nobody, and whoever measures us must not wait for it, nor it for them.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use arc_swap::ArcSwap;
use dns_common::outcome::Outcome;
use domain::base::iana::Rcode;
use tokio::time::Instant;

use super::{Daemon, ProbeCounts, Xdp};
use crate::{
    authority::connections::Connections,
    config::{Config, settings::Settings, tunables::XdpMode, values::Values},
    control::{
        protocol::Failure,
        stats::{
            Delay, KernelStats, LogStats, ProbeStats, PublisherStats, Stats, TcpStats,
            UserspaceStats,
        },
        status::{self, Inventory, XdpState},
    },
    kernel::{self, Attachment, Counts, Observer},
    measurement::{director::census::Census, publish::Publisher},
    plane::{Live, Plane, RCODES},
};

/// What is said where `xdp.dry_run` is on.
const DRY_RUN: &str =
    "a dry run: all is passed up, and what would be answered is counted (up_dry_run)";

/// What others than the daemon's task look at.
#[derive(Debug)]
pub(super) struct View {
    pub(super) plane: Arc<Plane>,
    pub(super) live: Arc<ArcSwap<Live>>,
    pub(super) connections: Arc<Connections>,
    pub(super) publisher: Arc<Publisher>,
    pub(super) kernel: Option<Observer>,
    pub(super) started: Instant,
    /// What is added to the numbers of generations of this daemon's tables.
    pub(super) generations_before: u64,
    pub(super) configured: ArcSwap<Configured>,
    pub(super) seen: ArcSwap<Seen>,
}

/// The tunables in use.
#[derive(Clone, Debug)]
pub(super) struct Configured {
    pub(super) settings: Settings,
    pub(super) values: Values,
}

/// What the daemon's task said of itself last.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// When.
    pub(super) at: Instant,
    pub(super) xdp: Xdp,
    pub(super) probes: ProbeCounts,
    pub(super) census: Census,
    pub(super) logs: LogStats,
    /// How many overrides hold.
    pub(super) overrides: usize,
    /// When the last reload ended, and whether it was taken.
    pub(super) last_reload: Option<(Instant, bool)>,
}

impl Configured {
    /// Those of `config`.
    pub(super) fn by(config: &Config) -> Self {
        Self {
            settings: config.settings.clone(),
            values: config.values.clone(),
        }
    }
}

impl Seen {
    /// Of a daemon that has said nothing yet but how its program stands.
    pub(super) fn nothing(xdp: Xdp) -> Self {
        Self {
            at: Instant::now(),
            xdp,
            probes: ProbeCounts::default(),
            census: Census::default(),
            logs: LogStats::default(),
            overrides: 0,
            last_reload: None,
        }
    }
}

impl Daemon {
    /// Says what there is to say of itself now.
    pub(super) fn show(&self) {
        self.view.seen.store(Arc::new(self.seen()));
    }

    /// As [`Self::show`], also of the tunables in use.
    pub(super) fn show_configured(&self) {
        let configured = Configured::by(&self.config);
        self.view.configured.store(Arc::new(configured));
        self.show();
    }

    fn seen(&self) -> Seen {
        let now = Instant::now();
        let last_reload = self.last_reload.as_ref();
        Seen {
            at: now,
            xdp: self.xdp.clone(),
            probes: self.probes,
            census: self.director.census(now),
            logs: LogStats {
                decision_log: self.decision_log.written(),
                measurement_log: self.measurement_log.written(),
                log_lines_lost: self.log.lost(),
            },
            overrides: self.director.overrides().iter().count(),
            last_reload: last_reload.map(|reload| (reload.at, reload.errors.is_empty())),
        }
    }
}

impl View {
    /// Of what answers and publishes.
    pub(super) fn new(
        (plane, live, publisher): (&Arc<Plane>, &Arc<ArcSwap<Live>>, &Arc<Publisher>),
        connections: Arc<Connections>,
        kernel: Option<Observer>,
        generations_before: u64,
        configured: Configured,
        seen: Seen,
    ) -> Self {
        Self {
            plane: Arc::clone(plane),
            live: Arc::clone(live),
            connections,
            publisher: Arc::clone(publisher),
            kernel,
            started: Instant::now(),
            generations_before,
            configured: ArcSwap::from_pointee(configured),
            seen: ArcSwap::from_pointee(seen),
        }
    }

    /// Number of the generation in use, which goes on over restarts.
    pub(super) fn generation(&self) -> u64 {
        match self.live.load().number {
            0 => 0,
            number => self.generations_before + number,
        }
    }

    /// How much of everything there is.
    pub(super) fn inventory(&self) -> Inventory {
        let live = self.live.load();
        Inventory {
            zones: live.zones.iter().count(),
            names: live.names,
            services: live.plan.services.len(),
            pools: live.plan.pools.len(),
            groups: live.plan.groups.names.len(),
            prefixes: live.plan.groups.prefixes.len(),
        }
    }

    /// What the program has counted; `None` without one that may answer.
    pub(super) fn kernel_counts(&self) -> Result<Option<Counts>, Failure> {
        let counts = match (&self.kernel, &self.seen.load().xdp) {
            (Some(kernel), Xdp::On(_) | Xdp::Detached) => Some(kernel.counts()),
            _ => None,
        };
        let counts = counts.transpose().map_err(|error| error.to_string())?;
        Ok(counts)
    }

    /// All that is counted, of which `kernel` is what the program has.
    pub(super) fn stats(&self, kernel: Option<&Counts>) -> Stats {
        let seen = self.seen.load();
        let ProbeCounts { pass, fail, local } = seen.probes;
        let publisher = PublisherStats {
            generation: self.generation(),
            generations_published: self.publisher.published(),
            stores: self.publisher.tables().stores(),
            delay: self.publish_delay(),
        };
        Stats::new(
            kernel.map(KernelStats::from),
            self.userspace(),
            publisher,
            ProbeStats { pass, fail, local },
            self.live.load().flattened.counts(),
            seen.logs,
        )
    }

    fn userspace(&self) -> UserspaceStats {
        let counters = self.plane.counters();
        let tcp = self.connections.counters();
        UserspaceStats {
            udp_queries: counters.udp_queries,
            tcp_queries: counters.tcp_queries,
            fast_answers: counters.fast_answers(),
            outcomes: Outcome::ALL
                .map(|outcome| (outcome.name().to_owned(), counters.outcome(outcome)))
                .into(),
            rcodes: rcode_names()
                .zip(counters.rcodes)
                .filter(|(_, count)| *count != 0)
                .collect(),
            silent: counters.silent,
            authority_slips: counters.authority_slips,
            authority_drops: counters.authority_drops,
            tcp: TcpStats {
                open: self.connections.open() as u64,
                accepted: tcp.accepted.load(Relaxed),
                refused: tcp.refused.load(Relaxed),
                refused_client: tcp.refused_client.load(Relaxed),
                idle: tcp.idle.load(Relaxed),
            },
        }
    }

    fn publish_delay(&self) -> Option<Delay> {
        let histogram = self.publisher.delays().histogram();
        (!histogram.is_empty()).then(|| Delay {
            count: histogram.len(),
            p50_us: histogram.value_at_quantile(0.5),
            p99_us: histogram.value_at_quantile(0.99),
            max_us: histogram.max(),
        })
    }

    /// How the program in the kernel stands.
    pub(super) fn xdp(&self) -> status::Xdp {
        xdp_status(&self.seen.load().xdp, &self.configured.load().settings)
    }
}

/// How the program in the kernel stands, which is `xdp` as far as the daemon knows.
pub(super) fn xdp_status(xdp: &Xdp, settings: &Settings) -> status::Xdp {
    let word = |generic: bool| if generic { "generic" } else { "native" };
    let wanted = match settings.xdp_mode {
        XdpMode::Native => "native",
        XdpMode::Generic => "generic",
        XdpMode::Off => "off",
    };
    let (state, mode, reason) = match xdp {
        Xdp::Off(reason) => (XdpState::Off, Some(wanted), (*reason).to_owned()),
        Xdp::Unavailable(reason) => (XdpState::Unavailable, Some(wanted), reason.clone()),
        Xdp::On(attachment) => {
            if let Some(reason) = kernel::lost(&settings.xdp_pin_path) {
                (XdpState::Detached, None, reason)
            } else {
                let (state, generic, reason) = match attachment {
                    Attachment::New { generic, .. } => {
                        (XdpState::Attached, generic, "attached by this daemon")
                    }
                    Attachment::Adopted { generic, .. } => (
                        XdpState::Adopted,
                        generic,
                        "took the place of the program that an earlier daemon left",
                    ),
                };
                let reason = if settings.xdp_dry_run {
                    format!("{reason}; {DRY_RUN}")
                } else {
                    reason.to_owned()
                };
                (state, Some(word(*generic)), reason)
            }
        }
        Xdp::Detached => (XdpState::Detached, None, "taken off on request".to_owned()),
    };
    status::Xdp {
        state,
        interface: settings.xdp_interface.clone(),
        mode: mode.map(str::to_owned),
        pin_path: settings.xdp_pin_path.clone(),
        reason,
    }
}

/// The names of the RCODEs in the order they are counted.
fn rcode_names() -> impl Iterator<Item = String> {
    (0..RCODES as u8).map(|code| match code {
        16 => "BADVERS".to_owned(),
        code => Rcode::masked_from_int(code).to_string(),
    })
}
