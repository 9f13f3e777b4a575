//! `probes`: many targets, each probed once a second, from one core.
//!
//! The daemon's own schedule, prober and director run in one thread that keeps to one
//! core, as they do in `veerd`; the servers, one listener for all addresses of 127/8,
//! have the other. What is measured is whether probes begin when they are due: *lateness*
//! is the time from there, by the target's own first probe, to when one began, and *drift*
//! what the mean of that grows by from the first quarter of the time to the last.

mod report;

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use core_affinity::CoreId;
use tokio::{runtime, sync::mpsc, time::Instant};
use veer::{
    measurement::{
        director::Director,
        metric::Metric,
        probe::NetworkProber,
        sample::{Sample, Verdict},
        schedule::Schedule,
    },
    model::{
        AllDown, Groups, HealthRules, Name, Plan, Policy, Pool, Probe, ProbeKind, Quantity, Server,
        Service, Shape, Unknown,
    },
};
use xtask::lab::Lab;

use self::report::{Report, Seen};
use crate::{
    machine::Facts,
    report::Output,
    rig::{CLIENT_CPU, keep_to_server, thread_cpu},
};

/// Servers of one pool, as many as there can be.
const SERVERS: u32 = 8;

const INTERVAL: Duration = Duration::from_secs(1);

/// What to measure, and where to.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    output: Output,
    /// Targets, each probed once a second
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(8..=60_000))]
    targets: u32,
    /// Seconds to probe for
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(4..=3_600))]
    seconds: u32,
}

/// Measures, prints the table and writes the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let facts = Facts::collect()?;
    println!("{}", facts.line());
    let lab = Lab::new()?;
    let namespace = lab.namespace("probes")?;
    let time = Duration::from_secs(options.seconds.into());
    let listener = namespace.run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))?;
    let listener = listener.context("listen")?;
    let port = listener.local_addr().context("the listener's port")?.port();
    let stop = Arc::new(AtomicBool::new(false));
    let acceptor = thread::spawn({
        let stop = Arc::clone(&stop);
        move || accept(&listener, &stop)
    });
    let plan = plan(options.targets.div_ceil(SERVERS), port)?;
    let (seen, cpu) = namespace.run(|| probe(plan, time))??;
    stop.store(true, Relaxed);
    // It looks when somebody comes.
    let woken = namespace.run(|| std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)))?;
    woken.context("wake the listener")?;
    if acceptor.join().is_err() {
        bail!("the listener's thread panicked");
    }
    let report = Report::new(facts, options.targets, time, &seen, cpu);
    report.print();
    options.output.write(&report)
}

/// Takes every connection, and closes it.
fn accept(listener: &TcpListener, stop: &AtomicBool) {
    core_affinity::set_for_current(CoreId { id: CLIENT_CPU });
    for connection in listener.incoming() {
        drop(connection);
        if stop.load(Relaxed) {
            return;
        }
    }
}

/// So many pools of servers with an address each.
fn plan(pools: u32, port: u16) -> Result<Plan> {
    let probe = Probe {
        interval: INTERVAL,
        timeout: Duration::from_millis(900),
        ..Probe::new(ProbeKind::Tcp { port })
    };
    let services = (0..pools).map(|pool| {
        let server = |number: u32| {
            let host = 0x7f01_0000 + pool * SERVERS + number;
            Server {
                name: format!("s{number}"),
                v4: vec![Ipv4Addr::from(host)],
                v6: Vec::new(),
                cost: Quantity::default(),
            }
        };
        let name: Name = format!("www-{pool}.bench.example.").parse()?;
        anyhow::Ok(Service {
            name,
            customer: "bench".to_owned(),
            ttl_s: 20,
            shape: Shape::Direct,
            pool: Pool {
                servers: (0..SERVERS).map(server).collect(),
                policy: Policy::least(Metric::ConnectTime, Quantity(5_000)),
                probes: vec![probe.clone().into()],
                unknown: Unknown::Last,
                answers: 1,
                ttls: Vec::new(),
                all_down: AllDown::All,
                capacity: None,
                hand_overs: Vec::new(),
                health: HealthRules::default(),
            },
        })
    });
    let services = services.collect::<Result<_>>()?;
    Ok(Plan::new(services, Groups::default()))
}

/// Probes for `time`; what was seen, and the processor time it took.
fn probe(plan: Plan, time: Duration) -> Result<(Seen, Duration)> {
    keep_to_server()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start a runtime")?.block_on(async {
        let mut director = Director::new(plan, 100, Instant::now());
        let (sender, mut samples) = mpsc::channel(1024);
        let targets: Vec<_> = director.targets().iter().cloned().collect();
        let prober = Arc::new(NetworkProber::new());
        let mut seen = Seen::new(targets.len(), INTERVAL);
        // SAFETY: a system call without arguments.
        let thread = unsafe { libc::gettid() }.cast_unsigned();
        let before = thread_cpu(thread)?;
        let begin = Instant::now();
        let _schedule = Schedule::start(targets.into_iter().map(|it| (it, None)), &prober, &sender);
        while let Ok(Some(sample)) = tokio::time::timeout_at(begin + time, samples.recv()).await {
            seen.add(sample.target.index(), began(&sample), begin);
            director.observe(&sample);
        }
        Ok((seen, thread_cpu(thread)?.saturating_sub(before)))
    })
}

/// When the probe began; `None` for one that did not pass.
fn began(sample: &Sample) -> Option<Instant> {
    let Verdict::Pass { readings } = &sample.verdict else {
        return None;
    };
    let (_, ms) = readings.iter().next()?;
    sample.at.checked_sub(Duration::from_secs_f64(ms / 1e3))
}
