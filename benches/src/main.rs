//! `benches`: measurements that need namespaces or the kernel, run by
//! `cargo xtask bench`. What needs neither is a criterion benchmark beside it.

mod curve;
mod delays;
mod fixture;
mod frame;
mod internet;
mod machine;
mod programs;
mod random;
mod report;

mod rig;
mod wakes;
mod zone;

mod load;
mod subject;

mod contender;

mod differential;

mod failover;

mod flood;

mod net;

mod peers;

mod probes;
mod publish;
mod sim;
mod size;
mod user;

mod xdp;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures veer.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Queries of every kind through both planes, which must agree byte for byte
    Differential(differential::Run),
    /// From a server's failure to the last answer that names it
    Failover(failover::Options),
    /// Hot queries lost while a flood of random names comes, and how much of it goes up
    Flood(flood::Options),
    /// Answers per second against queries offered, and CPU time of each, beside a bare reflect's
    Net(net::Options),
    /// The highest rate each server answers without loss, on one core
    Peers(peers::Options),
    /// Scenarios in a simulated network: what `cargo xtask sim` runs
    Sim(sim::Options),
    /// Memory and load time of growing configurations, up to the Internet's size
    Size(size::Options),
    /// The userspace plane beside Knot and NSD, over UDP and TCP, on one core
    User(user::Options),
    /// Many targets probed once a second from one core: lateness, drift, processor time
    Probes(probes::Options),
    /// From a probe's result to the kernel's answer, decisions rewritten per second, and whole generations made current under load
    Publish(publish::Options),
    /// Time per packet in the XDP program, beside programs that do next to nothing
    Xdp(xdp::Options),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match Cli::parse().bench {
        Bench::Differential(options) => differential::run(&options),
        Bench::Failover(options) => failover::run(&options),
        Bench::Flood(options) => flood::run(&options),
        Bench::Net(options) => net::run(&options),
        Bench::Peers(options) => peers::run(&options),
        Bench::Sim(options) => sim::run(&options),
        Bench::Size(options) => size::run(&options),
        Bench::User(options) => user::run(&options),
        Bench::Probes(options) => probes::run(&options),
        Bench::Publish(options) => publish::run(&options),
        Bench::Xdp(options) => xdp::run(&options),
    }
}
