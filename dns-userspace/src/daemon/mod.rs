//! The daemon: start, the loop that measurements and requests go through,
//! reload, stop.

mod answering;
mod answers;
mod configurations;
mod day;
mod demand;
mod generation;
mod health;
mod http;
mod kept;
pub mod load;
mod overriding;
mod phases;
mod reload;
mod requests;
mod reverting;
mod scrape;
mod snapshot;
mod start;
mod successor;
mod supervisor;
mod view;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{debug, error, info, warn};

use crate::{
    authority::server::{BindError, ServerHandle},
    clock::{BootClock, Clock as _},
    config::{
        Config, diagnostic::Diagnostics, secrets::Secrets, settings::Settings, tunables::OnExit,
        values,
    },
    control::{protocol::Failure, server},
    decision_log::DecisionLog,
    kernel::{self, Attachment, Kernel, KernelError},
    log::Log,
    measurement::{
        director::{Change, Director},
        probe::NetworkProber,
        publish::{PublishError, Publisher},
        sample::{Sample, Verdict},
        schedule::Schedule,
    },
    measurement_log::MeasurementLog,
    plane::{Live, Plane},
    queries::Queries,
    tables::{ImageError, ResolversError, Tables},
};
use configurations::Configurations;
pub use configurations::Gone;
use demand::Counting;
use kept::Kept;
use reload::LastReload;
use requests::{Followup, Request, Requests};
use snapshot::Snapshots;
use supervisor::Supervisor;
use view::View;

/// How often it is looked whether an agreed level comes into force or an override has ended by
/// itself, by the time of day, which may be set, so that no timer says it; and whether there
/// are others to keep.
const TEND_EVERY: Duration = Duration::from_secs(1);

/// Why the daemon cannot start, or cannot take a new configuration.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// A socket cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The kernel refuses.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// It does not fit the tables.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// There are too many long prefixes.
    #[error(transparent)]
    Resolvers(#[from] ResolversError),
    /// It cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// It answers too much of the demand otherwise.
    #[error(
        "{moved_percent:.1} % of the demand would be answered otherwise, load.max_moved_percent is {max}; \
         valid: what veerctl diff shows, with --force"
    )]
    Moves {
        /// How much, percent.
        moved_percent: f64,
        /// How much may be.
        max: u8,
    },
    /// It cannot be gone back to.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// Metrics cannot be served.
    #[error("metrics.listen: {address}: {error}")]
    Metrics {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The control socket cannot be had.
    #[error(transparent)]
    Control(#[from] server::BindError),
    /// Anything else of the system.
    #[error("{call}: {error}")]
    System {
        /// The call and its object.
        call: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
}

impl DaemonError {
    fn system(call: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::System { call, error }
    }

    /// What is wrong, one line for each finding.
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }

    /// The process's exit status: 2 for a wrong configuration, else 1.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            _ => 1,
        }
    }
}

/// Whether, and how, the kernel answers.
#[derive(Clone, Debug)]
pub enum Xdp {
    /// Not wanted.
    Off(&'static str),
    /// Wanted, and not to be had.
    Unavailable(String),
    /// The program is on the interface.
    On(Attachment),
    /// It was taken off on request.
    Detached,
}

/// What probes have said since start.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProbeCounts {
    /// Passed.
    pub pass: u64,
    /// Failed.
    pub fail: u64,
    /// Could not be made here.
    pub local: u64,
}

/// The running daemon: all its state, owned by one task.
pub struct Daemon {
    pub(crate) directory: PathBuf,
    pub(crate) config: Config,
    pub(crate) director: Director,
    pub(crate) tables: Arc<Tables>,
    pub(crate) plane: Arc<Plane>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) kernel: Option<Kernel>,
    pub(crate) xdp: Xdp,
    pub(crate) started: Instant,
    pub(crate) last_reload: Option<LastReload>,
    pub(crate) probes: ProbeCounts,
    pub(crate) workers: usize,
    /// What server cookies are made with where no file has secrets.
    own_secrets: Secrets,
    /// Service names by counter number; a name keeps its number.
    counters: Vec<String>,
    live: Arc<ArcSwap<Live>>,
    log: Log,
    kept: Kept,
    snapshots: Snapshots,
    configurations: Configurations,
    /// The generation whose configuration was gone back to, while it is in use.
    reverted_to: Option<u64>,
    decision_log: DecisionLog,
    measurement_log: MeasurementLog,
    counting: Counting,
    /// Where queries are told; `None` where none are.
    queries: Option<Queries>,
    /// Overrides have changed since they were kept.
    to_keep: bool,
    /// What of this others look at.
    view: Arc<View>,
    supervisor: Supervisor,
    prober: Arc<NetworkProber>,
    schedule: Schedule,
    samples: mpsc::Receiver<Sample>,
}

/// Runs the daemon on the configuration in `directory` until SIGTERM or SIGINT.
pub async fn run(directory: &Path, log: Log) -> Result<(), DaemonError> {
    let on_signal = |kind| signal(kind).map_err(DaemonError::system("signal"));
    let mut terminate = on_signal(SignalKind::terminate())?;
    let mut interrupt = on_signal(SignalKind::interrupt())?;
    let mut hangup = on_signal(SignalKind::hangup())?;
    let (sender, mut received) = requests::channel();
    let (mut daemon, server, listener, metrics) = tokio::select! {
        started = start::start(directory, log) => started?,
        () = either(&mut terminate, &mut interrupt) => return Ok(()),
    };
    let requests = Requests::new(sender, &daemon.view);
    let control = tokio::spawn(listener.serve(Arc::new(requests)));
    let http = metrics.map(|listener| tokio::spawn(http::serve(listener, daemon.view.clone())));
    daemon.supervisor.ready();
    let mut second = interval(TEND_EVERY);
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = either(&mut terminate, &mut interrupt) => break,
            Some(sample) = daemon.samples.recv() => daemon.observe(&sample),
            Some(request) = received.recv() => daemon.serve(request).await,
            _ = second.tick() => daemon.tend().await,
            _ = hangup.recv() => {
                // Logged by itself.
                let _ = daemon.reload(false).await;
            }
        }
    }
    daemon.supervisor.stopping();
    control.abort();
    if let Some(http) = http {
        http.abort();
    }
    daemon.stop(server);
    Ok(())
}

/// Has what is in `tables` be vouched for from now on, for as long as `settings` say.
fn vouch(tables: &Tables, settings: &Settings) {
    if let Some(time) = settings.vouched_for() {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        tables.set_vouched_until_ns(BootClock.now_ns().saturating_add(time));
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

impl Daemon {
    /// One sample: whatever it changes is in the kernel right after.
    fn observe(&mut self, sample: &Sample) {
        match sample.verdict {
            Verdict::Pass { .. } => self.probes.pass += 1,
            Verdict::Fail { .. } => self.probes.fail += 1,
            Verdict::Local { .. } => self.probes.local += 1,
        }
        let changes = self.director.observe(sample);
        if !changes.is_empty() {
            self.publisher.words(&changes, Some(sample.at.into_std()));
            self.note_decided();
        }
        self.record(std::slice::from_ref(sample));
        self.withhold();
    }

    /// Has `samples` of the director's targets be in the measurement log.
    fn record(&mut self, samples: &[Sample]) {
        for sample in samples {
            if let Some(target) = self.director.targets().get(sample.target) {
                self.measurement_log.note(target, sample);
            }
        }
    }

    /// What is to be done each second.
    async fn tend(&mut self) {
        self.measurement_log.flush();
        self.tell_time();
        self.vouch();
        self.tend_overrides().await;
        self.count_demand();
        self.snapshots.tend(&self.director).await;
        self.show();
    }

    /// Gives the kernel a sign of life, and the service manager too while the publisher shows
    /// one: who decides lives, or else this would not run.
    fn vouch(&mut self) {
        vouch(&self.tables, &self.config.settings);
        if self.publisher.age() <= health::PUBLISHER_AGE_MAX {
            self.supervisor.alive(std::time::Instant::now());
        }
    }

    fn publish_words(&mut self, changes: &[Change]) {
        if !changes.is_empty() {
            self.publisher.words(changes, None);
            self.note_decided();
        }
    }

    /// Notes what has been decided, now that it is published.
    fn note_decided(&mut self) {
        let decided = self.director.take_decided();
        for decided in &decided {
            debug!("decided anew, as {}", decided.cause);
        }
        self.decision_log.note(decided);
    }

    async fn serve(&mut self, request: Request) {
        match request(self) {
            Followup::Nothing => {}
            Followup::Reload(is_forced, answer) => {
                let result = self.reload(is_forced).await;
                let _ = answer.send(result.map_err(|error| Failure::Refused(error.lines())));
            }
            Followup::Revert(generation, is_forced, answer) => {
                let result = self.revert(generation, is_forced).await;
                let _ = answer.send(result.map_err(|error| Failure::Refused(error.lines())));
            }
            Followup::Differ(proposed, answer) => {
                let result = self.differ(proposed).await;
                let _ = answer.send(result.map_err(|error| Failure::Refused(error.lines())));
            }
            Followup::Order(order, user, answer) => {
                let _ = answer.send(self.order(*order, user).await);
            }
        }
    }

    /// Sets a tunable of the running daemon; it takes effect before this returns.
    pub(crate) fn set_tunable(&mut self, assignment: &str) -> Result<&'static str, values::Error> {
        let tunable = self.config.values.set(assignment)?;
        self.config.settings = Settings::new(&self.config.values);
        self.apply_at_once();
        info!(
            key = tunable.key,
            value = assignment,
            "tunable set until restart or reload"
        );
        Ok(tunable.key)
    }

    /// Brings the tunables that apply at once into effect.
    fn apply_at_once(&mut self) {
        let settings = &self.config.settings;
        self.log.set_level(settings.log_level);
        self.log.set_format(settings.log_format);
        self.view
            .connections
            .set_options(start::connection_options(settings));
        self.plane.set_chaos(start::chaos(settings));
        let percent = self.config.settings.health_suspect_percent;
        let changes = self.director.set_suspect_percent(percent, Instant::now());
        self.publish_words(&changes);
        self.show_configured();
    }

    /// Takes the program off its interface until the daemon starts again.
    pub(crate) fn detach(&mut self) -> Result<kernel::Detached, KernelError> {
        let detached = kernel::detach(&self.config.settings.xdp_pin_path)?;
        if let Some(kernel) = &mut self.kernel {
            kernel.forget_pins();
        }
        if matches!(self.xdp, Xdp::On(_)) {
            self.xdp = Xdp::Detached;
            warn!("the XDP program was taken off its interface; userspace answers alone");
        }
        self.show();
        Ok(detached)
    }

    fn stop(self, server: ServerHandle) {
        successor::keep_connections(&server.stop());
        self.configurations.finish();
        self.snapshots.finish(&self.director);
        if !matches!(self.xdp, Xdp::On(_)) {
            return;
        }
        match self.config.settings.xdp_on_exit {
            OnExit::Keep => info!("stopped; the XDP program stays and goes on answering"),
            OnExit::Detach => match kernel::detach(&self.config.settings.xdp_pin_path) {
                Ok(_) => info!("stopped; the XDP program was taken off its interface"),
                Err(error) => error!("stopped, but the XDP program stays: {error}"),
            },
        }
    }
}
