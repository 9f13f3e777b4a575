//! `net`: answers per second against queries offered, and the processor time of
//! an answer, of veer and of a bare reflect.
//!
//! Both answer the same [load](crate::load) of hot queries on one link and one
//! core, in [turns] at every rate, so that what else the machine does hits
//! both alike. [Runs](run) at rising rates show each one's peak and what is left of
//! it at all that the generator can send; more of them, at half of the
//! reflect's peak, compare processor time where neither is at a limit: both then
//! do the same work, and wake and poll as often. What the generator could send at most
//! if nothing came back, to a program that drops it, is measured beside.

mod report;
mod run;
mod turns;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use self::{
    report::Report,
    run::Run,
    turns::{Subject, Turns},
};
use crate::{
    load::{Load, Mix, Runs, ratio_of},
    machine::Facts,
    report::{self as files, Output},
    rig::Rig,
    subject::{self, Veer},
    zone::Zone,
};

/// Names of the zone that are asked for; as many queries are for steered ones.
const HOT_NAMES: usize = 1000;

/// More queries per second than any generator sends.
const UNLIMITED: f64 = 2e7;

/// Share of the reflect's peak at which processor time is compared.
const CPU_SHARE: f64 = 0.5;

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Draw answers per second against queries offered to FILE
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Draw the processor time of an answer against queries offered to FILE
    #[arg(long, value_name = "FILE")]
    svg_cpu: Option<PathBuf>,
    #[command(flatten)]
    runs: Runs,
}

/// Measures both programs, prints the table and writes what was asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let rig = Rig::new()?;
    let zone = Zone::write(rig.lab())?;
    let hot = subject::hot_names(&zone, HOT_NAMES);
    let mut load = Load::new(&rig, options.runs.questions(&hot))?;
    let veer = Veer::start(&rig, &zone)?;
    let mut turns = Turns::new(&veer)?;
    let dropped_pps = ceiling(options, &mut turns, &mut load)?;
    let mut measure = |rate| rounds(options, rate, &mut turns, &mut load);

    let climb = run::climb(&mut measure)?;
    let cpu_rate = CPU_SHARE * report::peak(&climb, Subject::Reflect);
    let at_cpu_rate = measure(cpu_rate)?;
    turns.give(Subject::Veer)?;
    veer.stop()?;

    let report = Report::new(
        facts,
        options.runs,
        hot.len(),
        dropped_pps,
        climb,
        at_cpu_rate,
    );
    report.print();
    options.output.write(&report)?;
    if let Some(file) = &options.svg {
        report.answers().write(file)?;
    }
    if let Some(file) = &options.svg_cpu {
        report.cpu().write(file)?;
    }
    Ok(())
}

/// The most that a program can be offered that drops it, queries per second.
fn ceiling(options: &Options, turns: &mut Turns, load: &mut Load) -> Result<f64> {
    let mix = Mix {
        rate: UNLIMITED,
        flood_share: 0.0,
    };
    let time = options.runs.time();
    turns.drop_all()?;
    let taken = (0..options.runs.rounds).map(|_| {
        let step = load.run(mix, time)?;
        Ok(ratio_of(step.received) / step.sent.seconds)
    });
    let taken = taken.collect::<Result<Vec<_>>>()?;
    Ok(files::median(taken.into_iter()))
}

/// Measures both programs at one rate, now the one and now the other first.
fn rounds(options: &Options, rate: f64, turns: &mut Turns, load: &mut Load) -> Result<Vec<Run>> {
    let mix = Mix {
        rate,
        flood_share: 0.0,
    };
    let time = options.runs.time();
    let mut order = Subject::ALL;
    let mut runs = Vec::new();
    for _ in 0..options.runs.rounds {
        for subject in order {
            turns.give(subject)?;
            let run = Run::of(subject, &load.run(mix, time)?);
            println!("{}", run.line());
            runs.push(run);
        }
        order.reverse();
    }
    Ok(runs)
}
