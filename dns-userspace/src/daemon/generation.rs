//! What start and reload have in common: measuring first, then publishing.

use std::{
    collections::HashSet, net::SocketAddr, panic::resume_unwind, sync::Arc, thread, time::Duration,
};

use tokio::{sync::mpsc, time::Instant};
use tracing::warn;

use super::DaemonError;
use crate::{
    authority::zones::Zones,
    config::{secrets::Secrets, settings::Settings},
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
        probe::NetworkProber,
        publish::Publisher,
        sample::Sample,
        schedule::{Schedule, Target, first_round},
    },
    model::Plan,
    plane::Live,
    tables::{Image, PreparedResolvers},
};

/// Samples that may wait for the loop; one of each of many targets.
const SAMPLES_WAITING: usize = 4096;

/// A generation that can be published.
pub(super) struct Built {
    pub(super) image: Image,
    /// What is to replace the prefixes in the tables, where that changes any.
    pub(super) resolvers: Option<PreparedResolvers>,
    pub(super) live: Arc<Live>,
}

/// Builds the generation after `current`, which `publisher` is to publish: what
/// `director` has decided so far for `zones`, with cookies made and accepted by
/// `secrets`.
pub(super) fn build(
    publisher: &Publisher,
    current: &Live,
    director: &Director,
    zones: Zones,
    settings: &Settings,
    secrets: Secrets,
    counters: &[String],
) -> Result<Built, DaemonError> {
    let (tables, number) = (publisher.tables(), publisher.next()?);
    tables
        .reserve(number)
        .map_err(DaemonError::system("madvise of the tables"))?;
    let surroundings = Surroundings {
        addresses: &settings.addresses,
        port: settings.port,
        secrets,
        counters,
    };
    // Most reloads leave the prefixes as they are, and so the whole table.
    let (prefixes, flags) = (&director.plan().groups.prefixes, &settings.resolver_flags);
    let changed = current.number == 0
        || *prefixes != current.plan.groups.prefixes
        || *flags != current.resolver_flags;
    let (resolvers, image) = thread::scope(|scope| {
        let resolvers = changed.then(|| scope.spawn(|| tables.prepare_resolvers(prefixes, flags)));
        let image = compile(number, tables, &zones, director, &surroundings);
        let resolvers = resolvers.map(|thread| {
            let result = thread.join();
            result.unwrap_or_else(|panic| resume_unwind(panic))
        });
        (resolvers, image)
    });
    let (image, resolvers) = (image?, resolvers.transpose()?);
    let is_own = |resolver: &SocketAddr| {
        settings.addresses.contains(&resolver.ip()) && resolver.port() == settings.port
    };
    let flattened = current.flattened.next(director.plan(), is_own);
    let live = Live {
        generation: *image.generation(),
        number,
        names: image.names(),
        zones,
        plan: Arc::clone(director.plan()),
        resolver_flags: settings.resolver_flags.clone(),
        flattened,
    };
    Ok(Built {
        image,
        resolvers,
        live: Arc::new(live),
    })
}

/// Gives every service of `plan` a counter; those that have one keep it.
pub(super) fn name_counters(counters: &mut Vec<String>, plan: &Plan) {
    let mut known: HashSet<String> = counters.iter().cloned().collect();
    for (service, _) in &plan.services {
        let name = service.name.fmt_with_dot().to_string();
        if known.insert(name.clone()) {
            counters.push(name);
        }
    }
}

/// Probes every target that `director` knows nothing of once, and lets it decide by the
/// samples that come within `longest`, which it returns.
pub(super) async fn wait_for_first_samples(
    director: &mut Director,
    prober: &Arc<NetworkProber>,
    longest: Duration,
) -> Vec<Sample> {
    let targets = director.targets().iter();
    let unknown = targets.filter(|target| director.last_sample(target).is_none());
    let targets = unknown.cloned().collect();
    let samples = first_samples(targets, prober, longest).await;
    director.observe_first_round(&samples);
    samples
}

/// Probes each of `targets` once; the samples that come within `longest`.
pub(super) async fn first_samples(
    targets: Vec<Target>,
    prober: &Arc<NetworkProber>,
    longest: Duration,
) -> Vec<Sample> {
    let wanted = targets.len();
    let mut samples = Vec::with_capacity(wanted);
    let round = first_round(targets, Arc::clone(prober), |sample| samples.push(sample));
    if tokio::time::timeout(longest, round).await.is_err() {
        warn!(
            unmeasured = wanted - samples.len(),
            "not every server was measured within health.first_round_ms; those count as up"
        );
    }
    samples
}

/// Starts probing, into a channel of its own.
pub(super) fn schedule(
    director: &Director,
    prober: &Arc<NetworkProber>,
) -> (Schedule, mpsc::Receiver<Sample>) {
    let targets = director.targets().iter();
    start_schedule(targets.map(|target| (target.clone(), None)), prober)
}

/// Like [`schedule`], with the targets that `previous` has probed next when they
/// would have been, so that reloads put no probe off, however many there are.
pub(super) fn schedule_on(
    director: &Director,
    previous: &Director,
    prober: &Arc<NetworkProber>,
) -> (Schedule, mpsc::Receiver<Sample>) {
    let due = |target: &Target| Some(previous.last_sample(target)? + target.probe.interval);
    let targets = director.targets().iter();
    start_schedule(targets.map(|target| (target.clone(), due(target))), prober)
}

/// Starts probing each target from the time given, if any.
fn start_schedule(
    targets: impl Iterator<Item = (Target, Option<Instant>)>,
    prober: &Arc<NetworkProber>,
) -> (Schedule, mpsc::Receiver<Sample>) {
    let (sender, samples) = mpsc::channel(SAMPLES_WAITING);
    (Schedule::start(targets, prober, &sender), samples)
}
