//! At half of a server's own peak: how long its answers take, and how much of
//! the processor.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{answers, report::Latency, server::Server, steady};
use crate::{
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
        } = self.latency;
        format!(
            "{at:>9.0}/s: {p50_us:.0} / {p99_us:.0} / {p999_us:.0} µs (p50 / p99 / p99.9), \
             {:.0} ns CPU an answer, {:.0} of them in processes",
            self.cpu_ns, self.cpu_ns_processes
        )
    }
}

/// Offers `rate` queries per second for `time`.
pub(super) fn measure(
    rate: f64,
    server: &Server,
    rig: &Rig,
    load: &mut Load,
    time: Duration,
) -> Result<Half> {
    let taken = || Ok::<_, anyhow::Error>([rig.server_cpu()?, server.cpu()?]);
    let before = taken()?;
    let (step, latencies) = load.time(steady(rate), time)?;
    let after = taken()?;
    let answers = ratio_of(answers(&step)?.max(1));
    let [receiving, processes] = [0, 1].map(|part| {
        let taken: Duration = after[part].saturating_sub(before[part]);
        taken.as_secs_f64() * 1e9 / answers
    });
    let percentile = |per_mille| {
        let us = latencies.percentile_us(per_mille);
        us.context("no query was answered at half of the peak")
    };
    Ok(Half {
        latency: Latency {
            at: step.sent.rate(),
            p50_us: percentile(500)?,
            p99_us: percentile(990)?,
            p999_us: percentile(999)?,
        },
        cpu_ns: receiving + processes,
        cpu_ns_processes: processes,
    })
}
