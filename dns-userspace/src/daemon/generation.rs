//! What start and reload have in common: measuring first, then publishing.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tracing::warn;

use super::DaemonError;
use crate::{
    authority::zones::Zones,
    config::settings::Settings,
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
    tables::Tables,
};

/// Samples that may wait for the loop; one of each of many targets.
const SAMPLES_WAITING: usize = 4096;

/// Publishes the next generation: what `director` has decided so far for `zones`.
pub(super) fn publish(
    tables: &Tables,
    publisher: &Publisher,
    director: &Director,
    zones: Zones,
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
pub(super) fn name_counters(counters: &mut Vec<String>, plan: &Plan) {
    for (service, _) in &plan.services {
        let name = service.name.fmt_with_dot().to_string();
        if !counters.contains(&name) {
            counters.push(name);
        }
    }
}

/// Probes every target without a result once, and no longer than `longest`.
pub(super) async fn wait_for_first_samples(
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
pub(super) fn schedule(
    director: &Director,
    prober: &Arc<NetworkProber>,
) -> (Schedule, mpsc::Receiver<Sample>) {
    let (sender, samples) = mpsc::channel(SAMPLES_WAITING);
    let targets: Vec<Target> = director.targets().iter().cloned().collect();
    (Schedule::start(targets, prober, &sender), samples)
}
