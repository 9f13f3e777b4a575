//! `flood`: hot queries mixed with a flood of random names, at 80 % of the rate
//! at which a bare reflect peaks.
//!
//! First the [`peak`] of a program that sends every frame back is found.
//! Then the same [load](crate::load) is offered, at 80 % of it, to the reflect
//! and to a `veerd` with a zone and steered names ([`crate::subject`]): how many hot
//! queries each loses, and how much of the flood veer passes up the stack.

mod peak;
mod report;
mod run;

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use clap::Args;
use dns_ebpf::load::{Fate, Kind};

use self::{peak::Reached, report::Report, run::Run};
use crate::{
    load::{Load, Mix, NEARLY_ALL, Runs},
    machine::Facts,
    report::Output,
    rig::Rig,
    subject::{self, Reflect, Veer},
    zone::Zone,
};

/// Share of the reflect's peak at which the flood is measured.
const PEAK_SHARE: f64 = 0.8;

/// How often a run is tried.
const TRIES: usize = 3;

/// Names of the zone that are asked for; as many templates ask for steered ones.
const HOT_NAMES: usize = 512;

/// What to measure, and where to.
// Losses are rarer than answers.
#[derive(Args)]
#[command(mut_arg("seconds", |seconds| seconds.default_value("3")))]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    runs: Runs,
    /// Share of queries for random names
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100))]
    flood_percent: u8,
}

/// Measures both programs, prints the table and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let rig = Rig::new()?;
    let zone = Zone::write(rig.lab())?;
    let hot = subject::hot_names(&zone, HOT_NAMES);
    let mut load = Load::new(&rig, options.runs.questions(&hot))?;
    let time = options.runs.time();
    let flood_share = f64::from(options.flood_percent) / 100.0;

    let reflect = Reflect::attach(&rig)?;
    let peak = peak::climb(|rate| {
        let step = load.run(Mix { rate, flood_share }, time)?;
        let reached = Reached::of(&step);
        println!("reflect: {}", reached.line());
        Ok(reached)
    })?;
    let mix = Mix {
        rate: PEAK_SHARE * peak.answered,
        flood_share,
    };
    let reflect_runs = rounds(options, "reflect", || {
        let step = load.run(mix, time)?;
        let answered = step.replies.all(Kind::Hot);
        Ok(Run::new(step, answered, BTreeMap::new()))
    })?;
    drop(reflect);

    let veer = Veer::start(&rig, &zone)?;
    let veer_runs = rounds(options, "veer", || veer_run(&veer, &mut load, mix, time))?;
    veer.stop()?;

    let report = Report::new(facts, options.runs, peak, mix, reflect_runs, veer_runs);
    report.print();
    options.output.write(&report)
}

/// Measures one program's runs. One for which the load generator fell short is
/// tried again.
fn rounds(
    options: &Options,
    program: &str,
    mut measure: impl FnMut() -> Result<Run>,
) -> Result<Vec<Run>> {
    let mut try_once = || {
        let run = measure()?;
        println!("{program}: {}", run.line());
        Ok::<_, anyhow::Error>(run)
    };
    (0..options.runs.rounds)
        .map(|_| {
            let mut run = try_once()?;
            for _ in 1..TRIES {
                if run.step.was_sent(NEARLY_ALL) {
                    break;
                }
                run = try_once()?;
            }
            Ok(run)
        })
        .collect()
}

fn veer_run(veer: &Veer, load: &mut Load, mix: Mix, time: Duration) -> Result<Run> {
    let before = veer.outcomes()?;
    let step = load.run(mix, time)?;
    let mut rises = veer.outcomes()?;
    for (name, count) in &mut rises {
        *count -= before.get(name).copied().unwrap_or(0);
    }
    rises.retain(|_, count| *count > 0);
    let answered = step.replies.of(Kind::Hot, Fate::Answer);
    Ok(Run::new(step, answered, rises))
}
