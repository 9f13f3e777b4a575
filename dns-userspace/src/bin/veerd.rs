//! `veerd`: the daemon.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use mimalloc::MiMalloc;
use veer::{daemon, log::Log};

/// Configurations are millions of small parts, which this one takes and frees faster.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures servers, decides where each group of resolvers goes, and answers
/// their queries: the hot ones in the kernel, all others itself.
#[derive(Parser)]
#[command(name = "veerd", version)]
struct Arguments {
    /// The configuration directory
    #[arg(long, value_name = "DIRECTORY", default_value = "/etc/veer")]
    config: PathBuf,
}

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
    match runtime.block_on(daemon::run(&arguments.config, log)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("veerd: {line}");
            }
            ExitCode::from(error.exit_status())
        }
    }
}
