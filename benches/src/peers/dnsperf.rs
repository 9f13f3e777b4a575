//! The other load generator, `dnsperf`: it waits for answers before it asks on.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use xtask::{lab::dnsperf::Pace, setup::Tool};

use crate::{
    programs::Attached,
    rig::{CLIENT_CPU, Rig, SERVER_ADDRESS},
};

/// How long a run may take over its time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sockets it asks from.
const CLIENTS: u32 = 16;

/// Queries on their way: its default.
const OUTSTANDING: u32 = 100;

/// What dnsperf found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Found {
    /// Answers per second; near 140 000 its own core is the limit.
    qps: f64,
    /// From query to answer on average with [`OUTSTANDING`] on their way, microseconds.
    average_latency_us: f64,
}

impl Found {
    /// For a reader.
    pub(super) fn line(&self) -> String {
        format!(
            "dnsperf {:>9.0}/s, {:.0} µs on average",
            self.qps, self.average_latency_us
        )
    }
}

/// Asks the server for the names in the file `queries`, for `seconds`, from the
/// client's core.
pub(super) fn run(rig: &Rig, queries: &Path, seconds: u32) -> Result<Found> {
    // What XDP sends arrives only where there is a program.
    let _arriving = Attached::new("pass", rig.client())?;
    let dnsperf = Tool::Dnsperf.command();
    let mut command = rig.client().namespace.command("taskset");
    command.args(["--cpu-list", &CLIENT_CPU.to_string()]);
    command.arg(dnsperf.get_program());
    command.args(["-s", &SERVER_ADDRESS.to_string(), "-d"]);
    command.arg(queries);
    for (option, number) in [("-l", seconds), ("-c", CLIENTS), ("-q", OUTSTANDING)] {
        command.args([option, &number.to_string()]);
    }
    let mut process = rig.lab().spawn(command)?;
    let status = process.wait(Duration::from_secs(seconds.into()) + PATIENCE)?;
    let said = process.stdout() + &process.stderr();
    if !status.success() {
        bail!("dnsperf: {status}: {}", said.trim());
    }
    let Pace { rate, latency } = Pace::read(&said).with_context(|| format!("dnsperf: {said}"))?;
    Ok(Found {
        qps: rate,
        average_latency_us: latency * 1e6,
    })
}
