//! Simulator: the daemon's own health, ranking and decisions under a simulated clock
//! and network, with resolvers as they are between it and its clients.
//!
//! scenario → run: network → (director) → clients, resolvers → tally → figures → expect
//! and, at one moment of it: moment → explain → networks that are altered as it states

#![expect(
    clippy::cast_precision_loss,
    reason = "what is counted stays far below 2^52"
)]

mod clients;
mod demand;
mod expect;
mod figures;
mod moment;
mod network;
mod report;
mod resolvers;
mod run;
mod scenario;
mod tally;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use self::report::Outcome;
use crate::report::Output;

/// `benches/scenarios`.
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

/// What `cargo xtask sim` is given.
#[derive(Args)]
pub(crate) struct Options {
    /// Scenarios of `benches/scenarios`, or directories with one; all of the former
    /// unless something is said
    scenarios: Vec<PathBuf>,
    /// Draw the demand on each site over time, of a single scenario
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let scenarios = match options.scenarios.as_slice() {
        [] => committed()?,
        named => named.iter().map(|name| place(name)).collect(),
    };
    ensure!(
        options.svg.is_none() || scenarios.len() == 1,
        "--svg draws one scenario; name it"
    );
    let outcomes = scenarios.iter().map(|dir| play(dir, 1));
    let outcomes: Vec<_> = outcomes.collect::<Result<_>>()?;
    report::print(&outcomes);
    options.output.write(&outcomes)?;
    if let (Some(file), [outcome]) = (&options.svg, outcomes.as_slice()) {
        outcome.draw(file)?;
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passes()).count();
    ensure!(failed == 0, "{failed} of {} failed", outcomes.len());
    Ok(())
}

/// Every scenario there is, by name.
fn committed() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(SCENARIOS).with_context(|| format!("read {SCENARIOS}"))?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Where the scenario called `name` is.
fn place(name: &Path) -> PathBuf {
    if name.is_dir() {
        name.to_owned()
    } else {
        Path::new(SCENARIOS).join(name)
    }
}

/// Runs the scenario in `dir`, each group and resolver of which stands for `fewer`.
fn play(dir: &Path, fewer: u32) -> Result<Outcome> {
    let begin = Instant::now();
    let loaded = scenario::load(dir, fewer)?;
    let played = run::run(loaded).with_context(|| dir.display().to_string())?;
    let (scenario, figures, told) = played;
    let mut checks = scenario.expect.checks(&figures);
    checks.extend(told);
    let name = dir.file_name().unwrap_or(dir.as_os_str());
    Ok(Outcome {
        scenario: name.display().to_string(),
        title: scenario.title,
        simulated_s: scenario.duration_s,
        took_s: begin.elapsed().as_secs_f64(),
        checks,
        figures,
    })
}

#[cfg(test)]
mod tests;
