//! From configuration to answering: everything that can be refused is refused
//! before the first packet goes another way.

use std::{net::SocketAddr, num::NonZero, panic::resume_unwind, path::Path, sync::Arc, thread};

use arc_swap::ArcSwap;
use tokio::{net::TcpListener, runtime::Handle, time::Instant};
use tracing::{info, warn};

use super::{
    Daemon, DaemonError, ProbeCounts, Xdp,
    configurations::Configurations,
    day,
    demand::Counting,
    generation::{build, name_counters, schedule, wait_for_first_samples},
    kept::Kept,
    load::{self, Loaded},
    snapshot::{self, Snapshots},
    successor,
    supervisor::Supervisor,
    view::{Configured, Seen, View},
    vouch,
};
use crate::{
    agent,
    authority::{
        chaos::Chaos,
        connections::Options,
        respond::Profile,
        server::{BindError, Server, ServerHandle},
        zones::Zones,
    },
    clock::{self, BootClock},
    config::{
        Config, Tunables, secrets, settings::Settings, source::Source, tunables::XdpMode,
        values::Values,
    },
    control::{
        generations::By,
        server::{Access, BindError as SocketError, Listener},
    },
    decision_log::DecisionLog,
    flattening::Flattened,
    kernel::{self, Attachment, Detached, Kernel, KernelError},
    log::Log,
    measurement::{
        director::{Director, history::Cause},
        overrides::Overrides,
        probe::NetworkProber,
        publish::Publisher,
        sample::Sample,
    },
    measurement_log::MeasurementLog,
    model::Plan,
    plane::{Live, Plane},
    queries::Queries,
    tables::{ResolverFlags, Tables},
};

/// What runs, and where metrics are to be served, if they are.
type Started = (Daemon, ServerHandle, Listener, Option<TcpListener>);

/// Starts everything, in the order in which it can be undone by just stopping:
/// the interface comes last.
pub(super) async fn start(directory: &Path, log: Log) -> Result<Started, DaemonError> {
    let source = Source::on_disk(directory);
    let tunables = Tunables::read(&source)?;
    let Read {
        loaded:
            Loaded {
                config,
                zones,
                plan,
                mut phases,
            },
        listener,
        made,
    } = read_and_make(tunables)?;
    let settings = config.settings.clone();
    log_as_told(&log, &config);

    let server = bind(&settings)?;
    let metrics = settings.metrics_listen.map(listen).transpose()?;
    let (mut kernel, tables) = made?;
    let tables = Arc::new(tables);
    phases.end("tables");

    let (kept, overrides) = Kept::open(&settings.state_directory, clock::unix_ms());
    let (configurations, generations_before) = configurations(&settings, directory)?;
    let prober = Arc::new(NetworkProber::new());
    let (mut director, first_round, counting) = directed(plan, overrides, &settings, &prober).await;
    let begun = director.begin_history(None, &Cause::Start, Instant::now());
    phases.end("first round");

    let live = nothing_yet(&tables, &director);
    let publisher = publisher(&tables, &live, &settings, kernel.is_some())?;
    let counters = counters_of(director.plan());
    let own_secrets = secrets::random().map_err(DaemonError::system("getrandom"))?;
    let built = build(
        &publisher,
        &live.load(),
        &director,
        zones,
        &settings,
        config.secrets.unwrap_or(own_secrets),
        &counters,
    )?;
    phases.end("compile");
    publisher.generation(built.image, built.resolvers, built.live)?;
    phases.end("publish");

    let queries = queries(kernel.as_mut(), &tables, (&counters, &director), &settings)?;
    let plane = Arc::new(plane(&tables, &live, queries.as_ref(), &settings));
    let connections = Arc::clone(server.connections());
    let server = serve(server, &plane)?;
    let (decision_log, measurement_log) = logs(&settings)?;
    vouch(&tables, &settings);
    let xdp = take_over(kernel.as_mut(), &counters, &director, &settings)?;
    phases.end("attach");
    let (schedule, samples) = schedule(&director, &prober);
    let view = Arc::new(View::new(
        (&plane, &live, &publisher),
        connections,
        kernel.as_mut().map(Kernel::observer).transpose()?,
        generations_before,
        Configured::by(&config),
        Seen::nothing(xdp.clone()),
    ));
    let mut daemon = Daemon {
        directory: directory.to_owned(),
        config,
        director,
        tables,
        plane,
        publisher,
        kernel,
        xdp,
        started: Instant::now(),
        last_reload: None,
        probes: ProbeCounts::default(),
        workers: workers(&settings),
        own_secrets,
        counters,
        live,
        log,
        kept,
        snapshots: Snapshots::new(&settings.state_directory),
        configurations,
        reverted_to: None,
        decision_log,
        measurement_log,
        counting,
        queries,
        to_keep: false,
        view,
        supervisor: Supervisor::start()?,
        prober,
        schedule,
        samples,
    };
    daemon.taken(By::Start, source);
    daemon.decision_log.note(begun);
    daemon.record(&first_round);
    daemon.show();
    info!("ready: {phases}");
    reserve(&daemon);
    Ok((daemon, server, listener, metrics))
}

/// Logs as `config` says, and what is to be said of it.
fn log_as_told(log: &Log, config: &Config) {
    log.set_level(config.settings.log_level);
    log.set_format(config.settings.log_format);
    warn_of_repeated(&config.values);
}

/// A counter for every service of `plan`.
fn counters_of(plan: &Plan) -> Vec<String> {
    let mut counters = Vec::new();
    name_counters(&mut counters, plan);
    counters
}

/// The publisher of `tables` and of what userspace answers from, `live`.
fn publisher(
    tables: &Arc<Tables>,
    live: &Arc<ArcSwap<Live>>,
    settings: &Settings,
    in_kernel: bool,
) -> Result<Arc<Publisher>, DaemonError> {
    let (tables, live) = (Arc::clone(tables), Arc::clone(live));
    let publisher = Publisher::start(tables, live, settings.publish_core, in_kernel);
    let publisher = publisher.map_err(DaemonError::system("starting the publisher thread"))?;
    Ok(Arc::new(publisher))
}

/// The socket that metrics are served at.
fn listen(address: SocketAddr) -> Result<TcpListener, DaemonError> {
    let listener = agent::listen(address);
    listener.map_err(|error| DaemonError::Metrics { address, error })
}

/// Warns of tunables that one file sets more than once.
pub(super) fn warn_of_repeated(values: &Values) {
    for repeated in &values.repeated().0 {
        warn!("{repeated}");
    }
}

fn logs(settings: &Settings) -> Result<(DecisionLog, MeasurementLog), DaemonError> {
    let directory = &settings.state_directory;
    let decisions = DecisionLog::open(directory, settings.log_decisions_octets)
        .map_err(DaemonError::system("starting the decision log's thread"))?;
    let measurements = MeasurementLog::open(directory, settings.log_measurements_octets)
        .map_err(DaemonError::system("starting the measurement log's thread"))?;
    Ok((decisions, measurements))
}

/// Has the kernel find the memory for the second generation while the first one
/// answers. It takes its time to clear so much, and no start should wait for it;
/// where it fails, the first reload has to find it.
fn reserve(daemon: &Daemon) {
    if daemon.kernel.is_none() {
        return;
    }
    let tables = Arc::clone(&daemon.tables);
    let thread = move || {
        let start = Instant::now();
        match tables.reserve(2) {
            Ok(()) => info!("room to reload: {} ms", start.elapsed().as_millis()),
            Err(error) => warn!("no room to reload, before there is more memory: {error}"),
        }
    };
    let spawned = thread::Builder::new()
        .name("reserve".to_owned())
        .spawn(thread);
    if let Err(error) = spawned {
        warn!("no room to reload, before a thread can be started: {error}");
    }
}

/// A valid configuration, and what was made while it was read.
struct Read {
    loaded: Loaded,
    listener: Listener,
    made: Result<(Option<Kernel>, Tables), DaemonError>,
}

/// The control socket, for those who may use it.
fn control_socket(settings: &Settings) -> Result<Listener, SocketError> {
    let readers = settings.control_readers_group.as_deref();
    let writers = settings.control_writers_group.as_deref();
    let access = Access::of(readers, writers)?;
    Listener::bind(&settings.control_socket)?.guarded_by(access)
}

fn read_and_make(tunables: Tunables<'_>) -> Result<Read, DaemonError> {
    let early = tunables.settings.clone();
    let bound = tunables.are_valid().then(|| control_socket(&early));
    let (loaded, made) = thread::scope(|scope| {
        // The kernel takes its time to clear large tables. Where another daemon runs
        // they are not even asked for.
        let wanted = matches!(bound, Some(Ok(_)));
        let made = wanted.then(|| scope.spawn(|| make_tables(&early)));
        let loaded = load::rest(tunables);
        let made = made.map(|thread| {
            let result = thread.join();
            result.unwrap_or_else(|panic| resume_unwind(panic))
        });
        (loaded, made)
    });
    let loaded = loaded?;
    let listener = bound.expect("a configuration that is valid has such tunables")?;
    let made = made.expect("they were wanted where the socket is bound");
    Ok(Read {
        loaded,
        listener,
        made,
    })
}

/// Puts the program, if there is one, on its interface; else takes off what an
/// earlier daemon left there. Says which it was, and why.
fn take_over(
    kernel: Option<&mut Kernel>,
    counters: &[String],
    director: &Director,
    settings: &Settings,
) -> Result<Xdp, DaemonError> {
    if let Some(kernel) = kernel {
        let groups = director.plan().groups.names.clone();
        kernel.name_counters(counters.to_vec(), groups)?;
        let xdp = attach(kernel, settings)?;
        say(&xdp, settings);
        return Ok(xdp);
    }
    take_off(&settings.xdp_pin_path)?;
    let xdp = Xdp::Off(match settings.xdp_mode {
        XdpMode::Off => "xdp.mode is off",
        XdpMode::Native | XdpMode::Generic => "xdp.interface is not set",
    });
    say(&xdp, settings);
    Ok(xdp)
}

/// What is kept of the configuration in `directory`, and the number of the last generation
/// before this daemon.
fn configurations(
    settings: &Settings,
    directory: &Path,
) -> Result<(Configurations, u64), DaemonError> {
    let (configurations, before) = Configurations::start(&settings.state_directory, directory)
        .map_err(DaemonError::system("starting the configurations thread"))?;
    if let Some(generation) = before.reverted_to {
        warn!(
            "the daemon before had been reverted to generation {generation}; this one starts \
             from {}, as it is now",
            directory.display()
        );
    }
    Ok((configurations, before.generation))
}

/// The userspace that answers.
fn plane(
    tables: &Arc<Tables>,
    live: &Arc<ArcSwap<Live>>,
    queries: Option<&Queries>,
    settings: &Settings,
) -> Plane {
    let plane = Plane::new(
        Arc::clone(tables),
        Arc::clone(live),
        profile(settings),
        settings.constants(),
        Arc::new(BootClock),
    )
    .detailed(settings.metrics_listen.is_some());
    match queries {
        Some(queries) => plane.with_teller(queries.teller()),
        None => plane,
    }
}

/// Has `server` answer from `plane`.
fn serve(server: Server, plane: &Arc<Plane>) -> Result<ServerHandle, DaemonError> {
    let started = server.start(Arc::clone(plane) as _);
    started.map_err(DaemonError::system("starting the server threads"))
}

/// Where queries are told, if any are; the numbers of services and groups are those named.
fn queries(
    kernel: Option<&mut Kernel>,
    tables: &Arc<Tables>,
    (services, director): (&[String], &Director),
    settings: &Settings,
) -> Result<Option<Queries>, DaemonError> {
    let one_in = settings.log_queries_sample;
    if one_in == 0 {
        return Ok(None);
    }
    let buffers = kernel.map_or_else(|| Ok(Vec::new()), Kernel::told)?;
    let queries = Queries::start(Arc::clone(tables), one_in, buffers);
    let queries = queries.map_err(DaemonError::system("starting the queries thread"))?;
    queries.name(services, director.plan());
    Ok(Some(queries))
}

/// A director of `plan` that knows what was counted before, what was measured before or
/// else a first round of samples, and
/// `overrides`, in which what these tell apart shares nothing; these samples; and what goes
/// on counting.
async fn directed(
    plan: Plan,
    overrides: Overrides,
    settings: &Settings,
    prober: &Arc<NetworkProber>,
) -> (Director, Vec<Sample>, Counting) {
    let counting = Counting::start(settings, &plan.groups);
    let plan = Director::kept_apart(plan, &overrides, None);
    let mut director = Director::new(plan, settings.health_suspect_percent, Instant::now());
    day::say(&mut director);
    day::warn_of_levels(&director);
    director.set_demand(counting.counted().clone(), Instant::now());
    if settings.start_from_snapshot {
        let longest = settings.start_snapshot_max;
        snapshot::recall(&mut director, &settings.state_directory, longest);
    }
    let longest = settings.health_first_round;
    let samples = wait_for_first_samples(&mut director, prober, longest).await;
    // Only now, so that what is frozen is frozen in what was measured.
    director.override_with(overrides, Instant::now());
    (director, samples, counting)
}

/// How many threads answer.
fn workers(settings: &Settings) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    settings.workers.unwrap_or(cores)
}

/// What userspace answers before the first generation.
fn nothing_yet(tables: &Tables, director: &Director) -> Arc<ArcSwap<Live>> {
    Arc::new(ArcSwap::from_pointee(Live {
        generation: tables.generation(0),
        number: 0,
        names: 0,
        zones: Zones::default(),
        plan: Arc::clone(director.plan()),
        resolver_flags: ResolverFlags::default(),
        flattened: Flattened::start(Handle::current(), Arc::new(BootClock)),
    }))
}

fn bind(settings: &Settings) -> Result<Server, BindError> {
    let options = connection_options(settings);
    let mut server = Server::bind(
        &settings.addresses,
        settings.port,
        workers(settings),
        options,
        successor::inherited(),
    )?;
    successor::keep(&mut server);
    Ok(server)
}

pub(super) fn connection_options(settings: &Settings) -> Options {
    Options {
        tcp_connections_max: settings.tcp_connections_max,
        tcp_per_client_max: settings.tcp_per_client_max,
        tcp_idle: settings.tcp_idle,
    }
}

pub(super) fn chaos(settings: &Settings) -> Chaos {
    Chaos::new(&settings.chaos_version, &settings.chaos_hostname)
}

fn profile(settings: &Settings) -> Profile {
    Profile {
        udp_payload: settings.edns_payload_bytes,
        nsid: settings.nsid.clone().into(),
        chaos: chaos(settings),
    }
}

/// Tables in the kernel where it is to answer, else in memory.
fn make_tables(settings: &Settings) -> Result<(Option<Kernel>, Tables), DaemonError> {
    if settings.xdp_mode == XdpMode::Off || settings.xdp_interface.is_none() {
        let tables = Tables::in_memory(settings.tables)
            .map_err(DaemonError::system("mapping memory for the tables"))?;
        return Ok((None, tables));
    }
    let (kernel, tables) = Kernel::load(settings.tables, &settings.kernel_constants())?;
    Ok((Some(kernel), tables))
}

/// Puts the program on the interface. A driver that cannot is no reason not to
/// serve; everything else is.
fn attach(kernel: &mut Kernel, settings: &Settings) -> Result<Xdp, KernelError> {
    let interface = settings.xdp_interface.as_deref().unwrap_or_default();
    let generic = settings.xdp_mode == XdpMode::Generic;
    match kernel.attach(interface, generic, &settings.xdp_pin_path) {
        Ok(attachment) => {
            info!("the tables are in {}", kernel.tables_in());
            Ok(Xdp::On(attachment))
        }
        Err(error @ KernelError::Unsupported { .. }) => {
            take_off(&settings.xdp_pin_path)?;
            Ok(Xdp::Unavailable(error.to_string()))
        }
        Err(error) => Err(error),
    }
}

/// Takes off what an earlier daemon left: it would go on answering, from tables
/// that nobody keeps.
fn take_off(pin_path: &Path) -> Result<(), KernelError> {
    if let Err(error) = pin_path.try_exists() {
        // Whoever may not even look needs no program to serve alone.
        let pin_path = pin_path.display();
        warn!("cannot tell whether an earlier daemon left a program at {pin_path}: {error}");
        return Ok(());
    }
    if kernel::detach(pin_path)? == Detached::Done {
        warn!("the XDP program that an earlier daemon left was taken off its interface");
    }
    Ok(())
}

/// Says which it got, and why.
fn say(xdp: &Xdp, settings: &Settings) {
    let pin_path = settings.xdp_pin_path.display();
    let mode = |generic: bool| if generic { "generic" } else { "native" };
    match xdp {
        Xdp::Off(reason) => info!("userspace answers alone: {reason}"),
        Xdp::Unavailable(reason) => warn!(
            "userspace answers alone: {reason}; xdp.mode = generic would work on any interface, \
             slower"
        ),
        Xdp::On(Attachment::New { interface, generic }) => info!(
            "the kernel answers on {interface}, {} XDP, pinned at {pin_path}",
            mode(*generic)
        ),
        Xdp::On(Attachment::Adopted { interface, generic }) => info!(
            "the kernel answers on {interface}, {} XDP, adopted from the daemon before through \
             {pin_path}",
            mode(*generic)
        ),
        Xdp::Detached => {}
    }
}
