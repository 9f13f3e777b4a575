//! What is probed, decided and published.

use std::{fmt, iter};

use hdrhistogram::Histogram;

use super::{Scraped, families::Families};

/// Upper bounds of what is told apart of delays of publishing, microseconds.
const BOUNDS_US: [u64; 14] = [
    10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000, 1_000_000, 10_000_000,
];

/// Microseconds of a second.
const SECOND_US: f64 = 1e6;

pub(super) fn tell(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    probes(scraped, families)?;
    let stats = &scraped.stats;
    let decisions = stats.logs.decision_log;
    families.counter(
        "decisions",
        "Decisions of pools that changed, and all of them at a start or reload, as the decision \
         log has them.",
        decisions.written + decisions.lost,
    )?;
    families.counter(
        "decision_flips",
        "Words of decisions stored anew between generations: who may be used, an order, a share.",
        stats.publisher.stores,
    )?;
    let (buckets, together) = delays(&scraped.delays);
    families.times(
        "publish_delay",
        "From the end of a probe until what it changed was in the tables.",
        buckets,
        together,
    )?;
    families.gauge(
        "generation",
        "Number of the generation of tables in use.",
        stats.publisher.generation,
    )?;
    families.counter(
        "generations_published",
        "Generations of tables published.",
        stats.publisher.generations_published,
    )?;
    families.seconds(
        "publisher_age",
        "Time since the publisher thread showed that it is alive, which it does every 5 s.",
        scraped.publisher_age_s,
    )?;
    families.seconds(
        "decisions_age",
        "Time since the task that decides showed that it is alive, which it does each second.",
        scraped.decisions_age_s,
    )
}

fn probes(scraped: &Scraped, families: &mut Families) -> fmt::Result {
    let (probes, census) = (scraped.stats.probes, scraped.census);
    families.counters(
        "probes",
        "Probes, by result; local is a failure of this host's own.",
        [
            ([("result", "pass")], probes.pass),
            ([("result", "fail")], probes.fail),
            ([("result", "local")], probes.local),
        ],
    )?;
    families.gauges(
        "targets",
        "Targets of probes, by what is believed of them.",
        [
            ([("state", "up")], census.up as u64),
            ([("state", "down")], census.down as u64),
            ([("state", "unknown")], census.unknown as u64),
        ],
    )?;
    families.gauge(
        "targets_fresh",
        "Targets that were measured within the stale_after_ms of their probe.",
        census.fresh as u64,
    )?;
    families.gauge(
        "suspected",
        "1 while so many targets fail at once that veer suspects itself and takes none out.",
        census.is_suspected.into(),
    )?;
    families.gauge(
        "overrides",
        "Overrides of operators and rules that hold.",
        scraped.overrides as u64,
    )
}

/// How many delays are within each bound in seconds and within none before, and what all are
/// together.
fn delays(histogram: &Histogram<u64>) -> (Vec<(Option<f64>, u64)>, f64) {
    let mut counts = [0; BOUNDS_US.len() + 1];
    let mut together = 0.0;
    for recorded in histogram.iter_recorded() {
        let (value, count) = (recorded.value_iterated_to(), recorded.count_at_value());
        let within = BOUNDS_US.iter().position(|bound| value <= *bound);
        counts[within.unwrap_or(BOUNDS_US.len())] += count;
        together += float(value) * float(count) / SECOND_US;
    }
    let bounds = BOUNDS_US.map(|bound| Some(float(bound) / SECOND_US));
    let buckets = bounds.into_iter().chain(iter::once(None)).zip(counts);
    (buckets.collect(), together)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "no time is known to more than the 52 bits that are kept"
)]
fn float(number: u64) -> f64 {
    number as f64
}
