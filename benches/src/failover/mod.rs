//! `failover`: from the moment a server fails until the last answer from the kernel that
//! still names it.
//!
//! A daemon probes two servers by HTTP. In each trial the first one fails, at a random time
//! within its probes' interval: it refuses connections, or accepts them and says nothing.
//! Meanwhile a resolver asks again and again, as fast as answers come. That
//! a server is dead is known when `down_after` probes in a row have failed, the first of
//! which comes up to an interval late, and the last, where it is silent, ends a timeout
//! later: the *bound* of a way to fail. What a trial takes longer is the daemon's, or the
//! machine's: how late that wakes a thread which only sleeps is measured beside it.

mod report;
mod trial;

use anyhow::Result;
use clap::Args;

use self::{
    report::{Report, Row},
    trial::{Failing, Stage},
};
use crate::{machine::Facts, random::Random, report::Output, wakes::Wakes};

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Trials of each way to fail
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
}

/// Measures, prints the table and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let mut stage = Stage::set()?;
    let wakes = Wakes::start();
    let mut random = Random::new(1, 1);
    let mut rows = Vec::new();
    for failing in Failing::ALL {
        let mut times = Vec::new();
        for number in 1..=options.trials {
            times.push(stage.trial(failing, &mut random)?);
            if number % 10 == 0 {
                let all = options.trials;
                eprintln!("{}: {number} of {all} trials", failing.name());
            }
        }
        rows.push(Row::new(failing, times));
    }
    let wakes_late = wakes.end();
    let ended = stage.end()?;
    let report = Report::new(facts, rows, ended, wakes_late);
    report.print();
    options.output.write(&report)
}
