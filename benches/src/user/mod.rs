//! `user`: veer's userspace plane, its XDP program off, beside Knot and NSD, all
//! work of each server on one core.
//!
//! Over UDP the paced [load](crate::load) climbs until the answers rise no more
//! ([`ladder`]); over TCP the [`stream`] clients keep as many queries open as
//! they are told. Each [contender](crate::contender) is measured in turn, several rounds
//! of it, and what it costs is the time of its processes and of its receiving.

mod ladder;
mod report;
mod stream;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use dns_ebpf::load::{Fate, Kind};

use self::{
    ladder::Rung,
    report::{Report, Round, Transport},
    stream::Clients,
};
use crate::{
    contender::{Contender, Receiving, Server},
    load::{Edns, Load, Mix, Questions, Step, ratio_of},
    machine::Facts,
    report::Output,
    rig::Rig,
    zone::{self, Zone},
};

/// How often a rate is tried that the generator cannot keep up for the whole time:
/// something else has taken its core.
const TRIES: usize = 5;

/// The share of its time for which it must.
const LASTING: f64 = 0.9;

/// Who is measured, in this order.
const SUBJECTS: [Contender; 3] = [Contender::VeerUser, Contender::KnotUdp, Contender::Nsd];

/// Names that are asked for.
const NAMES: usize = 512;

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Time for each run at one rate, or with one number of open queries
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(100..=60_000))]
    milliseconds: u32,
    /// Climbs of each server over each transport; a peak is their median
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Measures every server over both transports, prints the table and writes the
/// report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let rig = Rig::new()?;
    let zone = Zone::write(rig.lab())?;
    let time = Duration::from_millis(options.milliseconds.into());
    let mut versions = BTreeMap::new();
    let mut rounds = Vec::new();
    for number in 0..options.rounds {
        for subject in SUBJECTS {
            versions.insert(report::name(subject), subject.version()?);
            for transport in Transport::ALL {
                let server = subject.start(&rig, &zone)?;
                let rungs = match transport {
                    Transport::Udp => climb(&rig, &zone, &server, time)?,
                    Transport::Tcp => converse(&rig, &zone, &server, time)?,
                };
                server.stop()?;
                let round = Round::new(subject, transport, rungs)?;
                println!("round {}: {}", number + 1, round.line());
                rounds.push(round);
            }
        }
    }
    let report = Report::new(facts, versions, time.as_secs_f64(), &rounds)?;
    report.print();
    options.output.write(&report)
}

/// Offers `server` more and more over UDP.
fn climb(rig: &Rig, zone: &Zone, server: &Server, time: Duration) -> Result<Vec<Rung>> {
    let questions = Questions {
        hot: &zone.names()[..NAMES],
        flood_zone: zone::ORIGIN,
        edns: Edns::Off,
    };
    let mut load = Load::new(rig, questions)?;
    ladder::climb(|rate, receiving| {
        receiving.set(rig)?;
        let (step, process) = offer(&mut load, server, rate, time)?;
        let answered = step.replies.of(Kind::Hot, Fate::Answer);
        let other = step.replies.all(Kind::Hot) - answered;
        if other != 0 {
            bail!("{other} replies are not the answer");
        }
        let receiving = step.cpu_ns * ratio_of(step.received);
        let rung = Rung {
            load: rate,
            offered: Some(step.sent.rate()),
            answered: ratio_of(answered) / step.sent.seconds,
            process_ns: process.as_secs_f64() * 1e9 / ratio_of(answered.max(1)),
            receiving_ns: receiving / ratio_of(answered.max(1)),
        };
        println!("{} udp: {}", report::name(server.contender()), rung.line());
        Ok(rung)
    })
}

/// Offers one rate to `server`; what came of it, and the processor time that its
/// processes took.
fn offer(load: &mut Load, server: &Server, rate: f64, time: Duration) -> Result<(Step, Duration)> {
    let mix = Mix {
        rate,
        flood_share: 0.0,
    };
    let mut why = anyhow!("it never sent for all of {time:?}");
    for _ in 0..TRIES {
        let before = server.cpu()?;
        match load.run(mix, time) {
            Ok(step) if step.sent.seconds >= LASTING * time.as_secs_f64() => {
                let process = server.cpu()?.saturating_sub(before);
                return Ok((step, process));
            }
            Ok(_) => {}
            Err(error) => why = error,
        }
    }
    Err(why).with_context(|| format!("the load generator at {rate:.0}/s, {TRIES} times"))
}

/// Keeps more and more queries open on the same number of connections.
fn converse(rig: &Rig, zone: &Zone, server: &Server, time: Duration) -> Result<Vec<Rung>> {
    // The clients wait for answers, so nothing is lost that does not wait.
    Receiving::Shared.set(rig)?;
    let name = report::name(server.contender());
    let clients = Clients::new(rig, &zone.names()[..NAMES])?;
    let measure = |open: usize| {
        let cpu = || Ok::<_, anyhow::Error>((server.cpu()?, rig.server_cpu()?));
        let talk = clients.run(open, time, cpu)?;
        let ((process_before, receiving_before), (process, receiving)) = talk.readings;
        let each = |after: Duration, before: Duration| {
            after.saturating_sub(before).as_secs_f64() * 1e9 / ratio_of(talk.answered.max(1))
        };
        let rung = Rung {
            load: ratio_of(open as u64),
            offered: None,
            answered: ratio_of(talk.answered) / talk.seconds,
            process_ns: each(process, process_before),
            receiving_ns: each(receiving, receiving_before),
        };
        println!("{name} tcp: {}", rung.line());
        Ok(rung)
    };
    let rungs: Result<Vec<_>> = stream::OPEN.into_iter().map(measure).collect();
    rungs.with_context(|| format!("{name} over TCP"))
}
