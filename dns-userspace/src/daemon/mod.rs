//! The daemon: start, the loop that measurements and requests go through,
//! reload, stop.

mod answers;
mod load;
mod start;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use thiserror::Error;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    time::Instant,
};
use tracing::{error, info, warn};

use crate::{
    authority::server::{BindError, ServerHandle},
    config::{
        Config,
        diagnostic::Diagnostics,
        settings::Settings,
        tunables::{Applies, OnExit, TUNABLES},
        values,
    },
    control::{protocol::Failure, server},
    kernel::{self, Attachment, Kernel, KernelError},
    log::Log,
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
        probe::NetworkProber,
        publish::{PublishError, Publisher, keep_group_numbers},
        sample::{Sample, Verdict},
        schedule::{Schedule, Target, first_round},
    },
    model::Plan,
    plane::{Live, Plane},
    tables::{ImageError, Tables},
};
use load::Loaded;

/// Samples that may wait for the loop; one of each of many targets.
const SAMPLES_WAITING: usize = 4096;
/// Requests that may wait for the loop; more connections than these are few.
const REQUESTS_WAITING: usize = 64;

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
    /// It cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The control socket cannot be had.
    #[error("control.socket: {0}")]
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

/// How a reload ended, and when.
#[derive(Clone, Debug)]
pub struct LastReload {
    /// When it ended.
    pub at: Instant,
    /// What was wrong, one line each; empty if it was taken.
    pub errors: Vec<String>,
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
    pub(crate) publisher: Publisher,
    pub(crate) kernel: Option<Kernel>,
    pub(crate) xdp: Xdp,
    pub(crate) started: Instant,
    pub(crate) last_reload: Option<LastReload>,
    pub(crate) probes: ProbeCounts,
    pub(crate) workers: usize,
    /// Service names by counter number; a name keeps its number.
    counters: Vec<String>,
    live: Arc<ArcSwap<Live>>,
    log: Log,
    prober: Arc<NetworkProber>,
    schedule: Schedule,
    samples: mpsc::Receiver<Sample>,
}

/// Something to be done by the task that owns the daemon.
type Request = Box<dyn FnOnce(&mut Daemon) -> Followup + Send>;

/// What the loop does after a request.
enum Followup {
    Nothing,
    /// Reload, then tell how it went.
    Reload(oneshot::Sender<Result<Vec<&'static str>, Failure>>),
}

/// Asks the daemon's task from other tasks.
#[derive(Clone)]
pub struct Requests(mpsc::Sender<Request>);

/// The daemon has stopped.
#[derive(Debug, Error)]
#[error("veerd is stopping")]
pub struct Stopped;

impl Requests {
    /// Runs `question` on the daemon and returns what it says.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Daemon) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (answer, received) = oneshot::channel();
        self.send(Box::new(move |daemon| {
            // Whoever asked may have gone away.
            let _ = answer.send(question(daemon));
            Followup::Nothing
        }))
        .await?;
        received.await.map_err(|_| Stopped)
    }

    /// Reads the configuration anew and returns the keys that wait for a restart;
    /// the failure says why it was not taken.
    pub async fn reload(&self) -> Result<Result<Vec<String>, Failure>, Stopped> {
        let (answer, received) = oneshot::channel();
        self.send(Box::new(move |_| Followup::Reload(answer)))
            .await?;
        let result = received.await.map_err(|_| Stopped)?;
        Ok(result.map(|keys| keys.into_iter().map(str::to_owned).collect()))
    }

    async fn send(&self, request: Request) -> Result<(), Stopped> {
        self.0.send(request).await.map_err(|_| Stopped)
    }
}

/// Runs the daemon on the configuration in `directory` until SIGTERM or SIGINT.
pub async fn run(directory: &Path, log: Log) -> Result<(), DaemonError> {
    let on_signal = |kind| signal(kind).map_err(DaemonError::system("signal"));
    let mut terminate = on_signal(SignalKind::terminate())?;
    let mut interrupt = on_signal(SignalKind::interrupt())?;
    let mut hangup = on_signal(SignalKind::hangup())?;
    let (requests, mut received) = mpsc::channel(REQUESTS_WAITING);
    let (mut daemon, server, listener) = tokio::select! {
        started = start::start(directory, log) => started?,
        () = either(&mut terminate, &mut interrupt) => return Ok(()),
    };
    let control = tokio::spawn(listener.serve(Arc::new(Requests(requests))));
    loop {
        tokio::select! {
            biased;
            () = either(&mut terminate, &mut interrupt) => break,
            Some(sample) = daemon.samples.recv() => daemon.observe(&sample),
            Some(request) = received.recv() => daemon.serve(request).await,
            _ = hangup.recv() => {
                // Logged by itself.
                let _ = daemon.reload().await;
            }
        }
    }
    control.abort();
    daemon.stop(server);
    Ok(())
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
        self.publish_words(changes);
    }

    fn publish_words(&self, changes: Vec<crate::measurement::director::Change>) {
        if !changes.is_empty() {
            self.publisher.words(changes);
        }
    }

    async fn serve(&mut self, request: Request) {
        match request(self) {
            Followup::Nothing => {}
            Followup::Reload(answer) => {
                let result = self.reload().await;
                let _ = answer.send(result.map_err(|error| Failure::Refused(error.lines())));
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
        self.log.set_level(self.config.settings.log_level);
        let percent = self.config.settings.health_suspect_percent;
        let changes = self.director.set_suspect_percent(percent, Instant::now());
        self.publish_words(changes);
    }

    /// Takes the program off its interface until the daemon starts again.
    pub(crate) fn detach(&mut self) -> Result<kernel::Detached, KernelError> {
        let detached = kernel::detach(&self.config.settings.xdp_pin_path)?;
        if matches!(self.xdp, Xdp::On(_)) {
            self.xdp = Xdp::Detached;
            warn!("the XDP program was taken off its interface; userspace answers alone");
        }
        Ok(detached)
    }

    /// Reads the configuration anew. On an error nothing changes.
    async fn reload(&mut self) -> Result<Vec<&'static str>, DaemonError> {
        let result = self.try_reload().await;
        self.last_reload = Some(LastReload {
            at: Instant::now(),
            errors: result.as_ref().err().map_or(Vec::new(), DaemonError::lines),
        });
        match &result {
            Ok(_) => info!(
                generation = self.live.load().number,
                "configuration reloaded"
            ),
            Err(error) => error!("configuration not reloaded, nothing changed:\n{error}"),
        }
        result
    }

    async fn try_reload(&mut self) -> Result<Vec<&'static str>, DaemonError> {
        let Loaded {
            config,
            zones,
            mut plan,
        } = load::load(&self.directory)?;
        plan.groups = keep_group_numbers(&plan.groups, &self.director.plan().groups);
        let needs_restart = restart_needed(&self.config, &config);
        for key in &needs_restart {
            warn!(key, "changed in the configuration; takes effect at restart");
        }

        let percent = config.settings.health_suspect_percent;
        let mut director = Director::new(plan, percent);
        director.carry_over(&self.director, Instant::now());
        let prober = Arc::new(NetworkProber::new());
        wait_for_first_samples(&mut director, &prober, config.settings.health_first_round).await;

        let counters = self.counters_with(director.plan());
        self.publish(&director, zones, &config.settings, &counters)?;
        if let Some(kernel) = &mut self.kernel {
            kernel.name_services(counters.clone())?;
        }
        self.counters = counters;
        // What needs a restart stays as it is running.
        let mut config = config;
        let settings = &mut config.settings;
        let running = &self.config.settings;
        settings.addresses.clone_from(&running.addresses);
        settings.port = running.port;
        settings.xdp_pin_path.clone_from(&running.xdp_pin_path);
        settings.control_socket.clone_from(&running.control_socket);
        settings.tables = running.tables;
        self.config = config;
        self.director = director;
        self.prober = prober;
        (self.schedule, self.samples) = schedule(&self.director, &self.prober);
        self.apply_at_once();
        Ok(needs_restart)
    }

    /// Publishes the next generation.
    fn publish(
        &self,
        director: &Director,
        zones: crate::authority::zones::Zones,
        settings: &Settings,
        counters: &[String],
    ) -> Result<(), DaemonError> {
        publish(
            &self.tables,
            &self.publisher,
            director,
            zones,
            settings,
            counters,
        )
    }

    /// The counters' names with those of services that have none yet.
    fn counters_with(&self, plan: &Plan) -> Vec<String> {
        let mut counters = self.counters.clone();
        name_counters(&mut counters, plan);
        counters
    }

    fn stop(self, server: ServerHandle) {
        server.stop();
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

fn publish(
    tables: &Tables,
    publisher: &Publisher,
    director: &Director,
    zones: crate::authority::zones::Zones,
    settings: &Settings,
    counters: &[String],
) -> Result<(), DaemonError> {
    let number = tables.generation_number() + 1;
    let surroundings = Surroundings {
        addresses: &settings.addresses,
        port: settings.port,
        counters,
    };
    let image = compile(number, tables, &zones, director, &surroundings)?;
    let live = Live {
        generation: *image.generation(),
        number,
        names: image.names(),
        zones,
        plan: Arc::clone(director.plan()),
    };
    publisher.generation(image, Arc::new(live))?;
    Ok(())
}

/// Gives every service of `plan` a counter; those that have one keep it.
fn name_counters(counters: &mut Vec<String>, plan: &Plan) {
    for (service, _) in &plan.services {
        let name = service.name.fmt_with_dot().to_string();
        if !counters.contains(&name) {
            counters.push(name);
        }
    }
}

/// Probes every target without a result once, and no longer than `longest`.
async fn wait_for_first_samples(
    director: &mut Director,
    prober: &Arc<NetworkProber>,
    longest: Duration,
) {
    let targets: Vec<Target> = director.unknown_targets().cloned().collect();
    // The words are read as a whole afterwards.
    let round = first_round(targets, Arc::clone(prober), |sample| {
        director.observe(&sample);
    });
    if tokio::time::timeout(longest, round).await.is_err() {
        warn!(
            unmeasured = director.unknown_targets().count(),
            "not every server was measured within health.first_round_ms; those count as up"
        );
    }
}

/// Starts probing, into a channel of its own.
fn schedule(
    director: &Director,
    prober: &Arc<NetworkProber>,
) -> (Schedule, mpsc::Receiver<Sample>) {
    let (sender, samples) = mpsc::channel(SAMPLES_WAITING);
    let targets: Vec<Target> = director.targets().iter().cloned().collect();
    (Schedule::start(targets, prober, &sender), samples)
}

/// Tunables that differ and take effect at restart.
fn restart_needed(running: &Config, loaded: &Config) -> Vec<&'static str> {
    TUNABLES
        .iter()
        .filter(|tunable| tunable.applies == Applies::AtRestart)
        .map(|tunable| tunable.key)
        .filter(|key| running.values.value(key) != loaded.values.value(key))
        .collect()
}
