//! `cargo xtask`: what a person or CI types to work on veer.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use xtask::{
    cargo, demo, ebpf, fuzz, lab, package, pages, root,
    setup::{self, Tool},
};

/// Builds, tests and measures veer.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Find what the eBPF build needs, and install what is missing
    Setup,
    /// Build the XDP programs, then everything else
    Build(Build),
    /// Run every test (as root: they use network namespaces and load BPF programs)
    Test {
        /// Passed to `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Show veer at work in a lab of network namespaces (as root)
    Demo(Demo),
    /// Try queries of every kind in both planes, which must agree (as root), or
    /// look for octets that a parser fails on
    Fuzz(Fuzz),
    /// Run a benchmark (as root)
    Bench {
        /// Which one: flood, peers, user or xdp
        name: String,
        /// Passed to the benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Play scenarios in a simulated network, all of benches/scenarios by default
    Sim {
        /// Passed to the simulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Make manual pages and completions in target/pages, and the table of tunables in
    /// README.md
    Pages {
        /// Leave README.md as it is, and fail where its table is not that of the code
        #[arg(long)]
        check: bool,
    },
    /// Build a Debian package and a tarball of static programs in target/package
    Package(Build),
    /// Be one of the demo's web servers
    #[command(hide = true)]
    Serve {
        /// What it answers
        name: String,
        /// Where it listens
        #[arg(required = true)]
        addresses: Vec<SocketAddr>,
    },
}

#[derive(Args)]
struct Fuzz {
    /// A parser, rather than both planes
    #[arg(long, value_enum, conflicts_with_all = ["queries", "seed", "json"])]
    target: Option<fuzz::Target>,
    /// End after N queries
    #[arg(long, value_name = "N")]
    queries: Option<u64>,
    /// End after N seconds; 60 unless something is said
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// What determines the queries; another one each time unless it is given
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Write the results to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct Demo {
    /// Leave the lab up at the end, to try it by hand
    #[arg(long)]
    keep: bool,
    /// Remove what an earlier run left up, and do nothing else
    #[arg(long, conflicts_with = "keep")]
    clean: bool,
    /// Make every phase this many times as long
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    seconds_scale: f64,
}

#[derive(Args)]
struct Build {
    /// With optimizations (the default)
    #[arg(long, overrides_with = "debug")]
    release: bool,
    /// Without optimizations
    #[arg(long)]
    debug: bool,
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Setup => setup(),
        Task::Build(options) => build(options.release || !options.debug),
        Task::Test { args } => test(&args),
        Task::Demo(options) => demo(&options),
        Task::Serve { name, addresses } => {
            demo::serve(&name, &addresses).map(|()| ExitCode::SUCCESS)
        }
        Task::Fuzz(options) => fuzz(&options),
        Task::Bench { name, args } => bench(&name, &args),
        Task::Sim { args } => benches("sim", &args),
        Task::Pages { check } => make_pages(check),
        Task::Package(options) => make_packages(options.release || !options.debug),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn setup() -> Result<ExitCode> {
    println!("{}", setup::toolchain()?.description());
    Ok(ExitCode::SUCCESS)
}

fn build(release: bool) -> Result<ExitCode> {
    ebpf::build()?;
    let mut command = cargo::workspace();
    command.current_dir(cargo::root());
    command.args(["build", "--workspace"]);
    if release {
        command.arg("--release");
    }
    run(command)
}

fn test(args: &[String]) -> Result<ExitCode> {
    root::require("the test suite")?;
    setup::tools(&Tool::ALL)?;
    ebpf::build()?;
    let mut command = cargo::workspace();
    // In the root, that is every crate, unless `-p` says which.
    command.current_dir(cargo::root());
    command.arg("test").args(args);
    run(command)
}

fn demo(options: &Demo) -> Result<ExitCode> {
    root::require("the demo")?;
    if options.clean {
        println!("removed: {}", lab::clean()?);
        return Ok(ExitCode::SUCCESS);
    }
    setup::tools(&[Tool::Ip, Tool::Ethtool, Tool::Dnsperf])?;
    ebpf::build()?;
    let mut command = cargo::workspace();
    command.current_dir(cargo::root());
    command.args(["build", "--release", "--package", "dns-userspace"]);
    let built = run(command)?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let target_dir = cargo::target_dir()?;
    let story = demo::Options {
        keep: options.keep,
        seconds_scale: options.seconds_scale,
    };
    demo::run(story, &target_dir.join("release"), &target_dir.join("demo"))?;
    Ok(ExitCode::SUCCESS)
}

fn bench(name: &str, args: &[String]) -> Result<ExitCode> {
    root::require("a benchmark")?;
    setup::tools(&Tool::ALL)?;
    benches(name, args)
}

/// Builds everything and runs the benchmark `name`.
fn benches(name: &str, args: &[String]) -> Result<ExitCode> {
    if build(true)? != ExitCode::SUCCESS {
        return Ok(ExitCode::FAILURE);
    }
    let mut command = Command::new(cargo::target_dir()?.join("release/benches"));
    command.arg(name).args(args);
    run(command)
}

fn make_pages(is_check: bool) -> Result<ExitCode> {
    ebpf::build()?;
    let options: &[&str] = if is_check { &["--check"] } else { &[] };
    println!("{}", pages::make(options)?.display());
    Ok(ExitCode::SUCCESS)
}

fn make_packages(is_release: bool) -> Result<ExitCode> {
    for package in package::run(is_release)? {
        println!("{}", package.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn fuzz(options: &Fuzz) -> Result<ExitCode> {
    const SECONDS: u64 = 60;
    if let Some(target) = options.target {
        return run(fuzz::command(target, options.seconds.unwrap_or(SECONDS))?);
    }
    let seconds = match (options.seconds, options.queries) {
        (None, None) => Some(SECONDS),
        (seconds, _) => seconds,
    };
    let numbers = [
        ("--queries", options.queries),
        ("--seconds", seconds),
        ("--seed", options.seed),
    ];
    let numbers = numbers.into_iter().filter_map(|(name, number)| {
        let number = number?.to_string();
        Some([name.to_owned(), number])
    });
    let mut args: Vec<String> = numbers.flatten().collect();
    if let Some(file) = &options.json {
        args.extend(["--json".to_owned(), file.display().to_string()]);
    }
    bench("differential", &args)
}

/// Runs `command` in our place and hands on how it ended.
fn run(mut command: Command) -> Result<ExitCode> {
    let status = command
        .status()
        .with_context(|| format!("run {}", command.get_program().display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
