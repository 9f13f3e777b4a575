//! At half of a server's own peak: how long its answers take, and how much of
//! the processor.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{answers, report::Latency, steady};
use crate::{
    contender::{Receiving, Server},
    load::{Load, ratio_of},
    rig::Rig,
};

/// What was found there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Half {
    pub(super) latency: Latency,
    /// Processor time on the server's side for each answer, nanoseconds.
    pub(super) cpu_ns: f64,
    /// The part of it that the server's own processes take.
    pub(super) cpu_ns_processes: f64,
}

impl Half {
    /// For a reader.
    pub(super) fn line(&self) -> String {
        let Latency {
            at,
            p50_us,
            p99_us,
            p999_us,
            ..
        } = self.latency;
        format!(
            "{at:>9.0}/s, {:.2} % answered: {p50_us:.0} / {p99_us:.0} / {p999_us:.0} µs (p50 / p99 / p99.9), \
             {:.0} ns CPU an answer, {:.0} of them in processes",
            100.0 * self.latency.answered_share,
            self.cpu_ns,
            self.cpu_ns_processes
        )
    }
}

/// A run that answers this share of its queries is not bettered by another.
const ENOUGH: f64 = 0.99;

/// Offers `rate` queries per second for `time`; if not all of them are answered, in
/// each way, and the run with the most answers counts.
pub(super) fn measure(
    rate: f64,
    server: &Server,
    rig: &Rig,
    load: &mut Load,
    time: Duration,
) -> Result<Half> {
    let mut best: Option<Half> = None;
    for receiving in Receiving::WAYS {
        receiving.set(rig)?;
        let Some(half) = measure_once(rate, receiving, server, rig, load, time)? else {
            continue;
        };
        let share = |half: &Half| half.latency.answered_share;
        if best.is_none_or(|best| share(&half) > share(&best)) {
            best = Some(half);
        }
        if share(&half) >= ENOUGH {
            break;
        }
    }
    best.context("no query is answered at half of the peak")
}

/// As [`measure`], in one way; `None` without answers.
fn measure_once(
    rate: f64,
    receiving: Receiving,
    server: &Server,
    rig: &Rig,
    load: &mut Load,
    time: Duration,
) -> Result<Option<Half>> {
    let taken = || Ok::<_, anyhow::Error>([rig.server_cpu()?, server.cpu()?]);
    let before = taken()?;
    let (step, latencies) = load.time(steady(rate), time)?;
    let after = taken()?;
    let answers = ratio_of(answers(&step)?.max(1));
    let [receiving_ns, processes] = [0, 1].map(|part| {
        let taken: Duration = after[part].saturating_sub(before[part]);
        taken.as_secs_f64() * 1e9 / answers
    });
    let percentiles = [500, 990, 999].map(|per_mille| latencies.percentile_us(per_mille));
    let [Some(p50_us), Some(p99_us), Some(p999_us)] = percentiles else {
        return Ok(None);
    };
    Ok(Some(Half {
        latency: Latency {
            at: step.sent.rate(),
            answered_share: answers / ratio_of(step.sent.hot),
            receiving,
            p50_us,
            p99_us,
            p999_us,
        },
        cpu_ns: receiving_ns + processes,
        cpu_ns_processes: processes,
    }))
}
