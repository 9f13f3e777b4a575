//! `veerctl -a`, `KEY` and `-w`: what sysctl(8) does, for veer's tunables.

use std::{collections::BTreeMap, process::ExitCode};

use clap::CommandFactory as _;

use super::{Cli, Error, PATIENCE, json, put};
use crate::{
    config::{
        diagnostic::Diagnostics,
        source,
        values::{Form, Values},
    },
    control::{
        client::{Client, ClientError},
        protocol::Failure,
        tunable::Tunable,
    },
};

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(next_help_heading = "Tunables, as sysctl(8) has them")]
pub(super) struct Args {
    /// Print every tunable.
    #[arg(short, long, conflicts_with_all = ["write", "keys"])]
    all: bool,
    /// Print values alone.
    #[arg(short = 'n', long, conflicts_with_all = ["names", "json"])]
    values: bool,
    /// Print keys alone.
    #[arg(short = 'N', long, conflicts_with = "json")]
    names: bool,
    /// Say nothing of unknown keys.
    #[arg(short = 'e', long)]
    ignore: bool,
    /// Set, and print what is set then.
    #[arg(short, long, requires = "keys")]
    write: bool,
    /// Tunables to print, or with a value to set.
    #[arg(value_name = "KEY[=VALUE]")]
    keys: Vec<String>,
}

impl Args {
    pub(super) fn are_given(&self) -> bool {
        self.all || self.values || self.names || self.ignore || self.write || !self.keys.is_empty()
    }

    fn form(&self) -> Form {
        match (self.values, self.names) {
            (true, _) => Form::Value,
            (_, true) => Form::Key,
            _ => Form::Assignment,
        }
    }

    fn sets(&self, operand: &str) -> bool {
        self.write || operand.contains('=')
    }
}

/// Does what the arguments say, operand by operand, as far as it goes.
pub(super) fn run(cli: &Cli, args: &Args) -> Result<ExitCode, Error> {
    if !args.all && args.keys.is_empty() {
        let message = "a command, -a, or keys of tunables are needed";
        let kind = clap::error::ErrorKind::MissingRequiredArgument;
        Cli::command().error(kind, message).exit();
    }
    let sets = args.keys.iter().any(|operand| args.sets(operand));
    let mut source = match cli.connect(PATIENCE) {
        Err(error @ ClientError::NotRunning { .. }) if !sets => {
            eprintln!("veerctl: {error}; these are the values in its files");
            Source::files(cli)
        }
        connected => Source::Daemon(connected?),
    };
    let mut found = Vec::new();
    let mut failed = source.is_faulty();
    if args.all {
        found = source.all()?;
    }
    for operand in &args.keys {
        let result = match &mut source {
            Source::Daemon(client) if args.sets(operand) => client.set_tunable(operand),
            source => source.get(operand),
        };
        match result {
            Ok(tunable) => found.push(tunable),
            Err(ClientError::Failure(Failure::UnknownKey { .. })) if args.ignore => {}
            Err(ClientError::Failure(failure)) => {
                failed = true;
                eprintln!("veerctl: {failure}{}", commands(operand));
            }
            Err(error) => return Err(error.into()),
        }
    }
    print(cli, args.form(), found)?;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Where tunables are read; only a daemon's are set.
enum Source {
    /// The running daemon.
    Daemon(Client),
    /// The files it would read.
    Files {
        values: Values,
        /// Whether they hold mistakes.
        faulty: bool,
    },
}

impl Source {
    /// The files, with what is wrong in them told.
    fn files(cli: &Cli) -> Self {
        let mut found = Diagnostics::default();
        let values = Values::read(&source::Source::on_disk(&cli.config), &mut found);
        let faulty = !found.0.is_empty();
        if faulty {
            eprintln!("{found}");
        }
        Self::Files { values, faulty }
    }

    fn is_faulty(&self) -> bool {
        matches!(self, Self::Files { faulty: true, .. })
    }

    fn all(&mut self) -> Result<Vec<Tunable>, ClientError> {
        match self {
            Self::Daemon(client) => client.tunables(),
            Self::Files { values, .. } => Ok(Tunable::all(values)),
        }
    }

    fn get(&mut self, key: &str) -> Result<Tunable, ClientError> {
        match self {
            Self::Daemon(client) => client.tunable(key),
            Self::Files { values, .. } => Ok(Tunable::of(values, key)?),
        }
    }
}

/// A hint where a key may have been meant as a command: it has no dot.
fn commands(operand: &str) -> String {
    if operand.contains(['.', '/', '=']) {
        return String::new();
    }
    let cli = Cli::command();
    let names: Vec<_> = cli.get_subcommands().map(clap::Command::get_name).collect();
    format!("; commands: {}", names.join(", "))
}

fn print(cli: &Cli, form: Form, tunables: Vec<Tunable>) -> Result<(), Error> {
    if cli.json {
        let pairs = tunables
            .into_iter()
            .map(|tunable| (tunable.key, tunable.value));
        return Ok(put(&json(&pairs.collect::<BTreeMap<_, _>>())?)?);
    }
    let line = |Tunable { key, value }| match form {
        Form::Assignment => format!("{key} = {value}\n"),
        Form::Value => format!("{value}\n"),
        Form::Key => format!("{key}\n"),
    };
    Ok(put(&tunables.into_iter().map(line).collect::<String>())?)
}
