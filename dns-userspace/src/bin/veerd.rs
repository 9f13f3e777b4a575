//! `veerd`: the daemon.

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use veer::{
    agent,
    arguments::{Arguments, Mode},
    daemon,
    log::Log,
};

/// Configurations are millions of small parts, which this one takes and frees faster.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What is said of a failure, and the exit status.
type Failure = (String, u8);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log = Log::start();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("veerd: starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome: Result<(), Failure> = match arguments.mode {
        None => runtime
            .block_on(daemon::run(&arguments.config, log))
            .map_err(|error| (error.to_string(), error.exit_status())),
        Some(Mode::Agent { config }) => runtime
            .block_on(agent::run(&config))
            .map_err(|error| (error.to_string(), error.exit_status())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((error, status)) => {
            for line in error.lines() {
                eprintln!("veerd: {line}");
            }
            ExitCode::from(status)
        }
    }
}
