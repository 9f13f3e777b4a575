//! The command line of `veerd`; that of `veerctl` is in [`crate::control::cli`].

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures servers, decides where each group of resolvers goes, and answers
/// their queries: the hot ones in the kernel, all others itself.
#[derive(Debug, Parser)]
#[command(name = "veerd", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// The configuration directory
    #[arg(long, value_name = "DIRECTORY", default_value = "/etc/veer")]
    pub config: PathBuf,

    /// What it is to be in place of the DNS server.
    #[command(subcommand)]
    pub mode: Option<Mode>,
}

/// Another mode of `veerd`.
#[derive(Debug, Subcommand)]
pub enum Mode {
    /// Runs beside a web server instead, and reports how busy it and its host are
    Agent {
        /// The agent's file
        #[arg(long, value_name = "FILE", default_value = "/etc/veer/agent.toml")]
        config: PathBuf,
    },
}
