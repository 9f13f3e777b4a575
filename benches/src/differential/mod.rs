//! `differential`: queries of every kind, each through the XDP program and
//! through userspace's code over the same tables and at the same second: every
//! reply of the kernel must be userspace's byte for byte, a well-formed reply to
//! that query, and what the authority says.
//!
//! A frame's story: a [`carrier`] around a [`query`] with its [`options`]; both
//! planes of a [`world`] run it as a [`pair`], the way there read and the way
//! back written by [`wire`]; replies are read by [`reader`] and judged by
//! [`check`]; what failed is kept among the [`regressions`].

mod options;
mod query;

mod carrier;
mod wire;

mod world;
mod zones;

mod check;
mod pair;
mod reader;

mod regressions;
mod report;
mod stint;

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;

use crate::{machine::Facts, report::Output};
use report::Report;
use stint::{Limit, Stint, Tally};

/// Workers, each with a program and tables of its own.
const WORKERS: usize = 2;
/// Time from one line of progress to the next.
const PROGRESS: Duration = Duration::from_secs(5);

/// How much to try.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Options {
    /// End after N queries
    #[arg(long, value_name = "N")]
    queries: Option<u64>,
    /// End after N seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// What else there is to say.
#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    options: Options,
    /// What determines the queries; another one each time unless it is given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    #[command(flatten)]
    output: Output,
}

/// Tries as much as is asked for, prints the table and writes the report; an
/// error where anything was wrong.
pub(crate) fn run(options: &Run) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let seed = options.seed.unwrap_or_else(|| {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
        since.map_or(0, |since| since.as_nanos() as u64)
    });
    println!("seed {seed}");
    let again = regressions::replay()?;
    for (file, fault) in &again {
        println!("\nagain, {}: {fault:?}", file.display());
    }
    let started = Instant::now();
    let tally = every(&options.options, seed)?;
    let report = Report::new(facts, seed, started.elapsed(), &tally);
    report.print();
    options.output.write(&report)?;
    for (case, fault) in tally.faults() {
        println!("\n{fault:?}\nkept as {}", case.save(fault)?.display());
    }
    if !report.is_clean() || !again.is_empty() {
        bail!("the planes differ");
    }
    Ok(())
}

/// A stint in every world, by [`WORKERS`] at once.
fn every(options: &Options, seed: u64) -> Result<Tally> {
    let setups = world::SETUPS.len();
    let limit = Limit {
        // Rounded up, so that none are missing.
        queries: options
            .queries
            .map_or(u64::MAX, |all| all.div_ceil(setups as u64)),
        time: options.seconds.map_or(Duration::MAX, |all| {
            Duration::from_secs(all) / setups.div_ceil(WORKERS) as u32
        }),
    };
    let (sender, done) = mpsc::channel::<u64>();
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut tally = Tally::EMPTY;
                for setup in (worker..setups).step_by(WORKERS) {
                    Stint::new(seed, setup)?.run(limit, &mut tally, &sender)?;
                }
                Ok(tally)
            })
        })
        .collect();
    drop(sender);
    let all = options.queries.unwrap_or(u64::MAX);
    show_progress(&done, all);
    let mut tally = Tally::EMPTY;
    for worker in workers {
        let joined: Result<Tally> = worker
            .join()
            .expect("a worker panics for its own faults only");
        tally.add(joined?);
    }
    Ok(tally)
}

/// Shows how many of `all` are `done`, as workers say it, until none does.
fn show_progress(done: &mpsc::Receiver<u64>, all: u64) {
    let started = Instant::now();
    let (mut sum, mut next) = (0, started + PROGRESS);
    loop {
        match done.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(more) => sum += more,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                next += PROGRESS;
                let rate = sum / started.elapsed().as_secs().max(1);
                let left = all.saturating_sub(sum).checked_div(rate);
                let left = left.filter(|_| all != u64::MAX);
                let left = left.map_or_else(String::new, |left| format!(", {left} s to go"));
                eprintln!("{sum} queries, {rate} a second{left}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
