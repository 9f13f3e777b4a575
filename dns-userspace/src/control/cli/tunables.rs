//! `veerctl -a`, `KEY`, `-w`, `-p` and `--system`: what sysctl(8) does, for veer's tunables.

mod files;
mod printed;
mod source;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, error::ErrorKind};
use regex::Regex;

use super::{Cli, Error, PATIENCE, put};
use crate::{
    config::values::{self, lines::Assignment},
    control::{
        client::{Client, ClientError},
        protocol::Failure,
        tunable::Tunable,
    },
};
use files::Wanted;
use printed::Printed;
use source::Source;

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::option_option,
    reason = "each is a switch of the command line, of which -p may have a file"
)]
#[command(next_help_heading = "Tunables, as sysctl(8) has them")]
pub(super) struct Args {
    /// Print every tunable.
    #[arg(short, long, short_aliases = ['A', 'X'], conflicts_with_all = ["write", "load", "system"])]
    all: bool,
    /// Print values alone.
    #[arg(short = 'n', long, conflicts_with = "json")]
    values: bool,
    /// Print keys alone.
    #[arg(short = 'N', long, conflicts_with = "json")]
    names: bool,
    /// Print values without a new line.
    #[arg(short, long, conflicts_with = "json")]
    binary: bool,
    /// Say nothing of unknown keys.
    #[arg(short = 'e', long)]
    ignore: bool,
    /// Print nothing of what is set.
    #[arg(short, long)]
    quiet: bool,
    /// Set, and print what is set then.
    #[arg(short, long)]
    write: bool,
    /// Check and print what would be set, and set nothing.
    #[arg(long)]
    dry_run: bool,
    /// Set what files say, all that are named, or else veer.conf; - is standard input.
    #[arg(short = 'p', long, visible_short_alias = 'f', value_name = "FILE")]
    load: Option<Option<PathBuf>>,
    /// Set what all files of the configuration say.
    #[arg(long)]
    system: bool,
    /// Only tunables whose keys this regular expression matches.
    #[arg(short = 'r', long, value_name = "REGEX", value_parser = Regex::new)]
    pattern: Option<Regex>,
    /// Nothing, as with sysctl(8).
    #[arg(short = 'o', short_alias = 'x', long = "deprecated", hide = true)]
    nothing: bool,
    /// Tunables to print, or with a value to set; all whose keys begin so, where none has
    /// the whole key; files after -p.
    #[arg(value_name = "KEY[=VALUE]")]
    keys: Vec<String>,
}

impl Args {
    pub(super) fn are_given(&self) -> bool {
        let switches = [
            self.all,
            self.values,
            self.names,
            self.binary,
            self.ignore,
            self.quiet,
            self.write,
            self.dry_run,
            self.system,
            self.nothing,
        ];
        switches.contains(&true)
            || self.load.is_some()
            || self.pattern.is_some()
            || !self.keys.is_empty()
    }

    fn sets(&self, operand: &str) -> bool {
        self.write || operand.contains('=')
    }

    fn matches(&self, key: &str) -> bool {
        let pattern = self.pattern.as_ref();
        pattern.is_none_or(|pattern| pattern.is_match(key))
    }
}

/// Does what the arguments say, as far as it goes.
pub(super) fn run(cli: &Cli, args: &Args) -> Result<ExitCode, Error> {
    if !args.are_given() {
        wrong_usage(
            ErrorKind::MissingRequiredArgument,
            "a command, -a, or keys of tunables are needed",
        );
    }
    if args.all && args.keys.iter().any(|operand| operand.contains('=')) {
        wrong_usage(
            ErrorKind::ArgumentConflict,
            "-a prints all tunables, and sets none",
        );
    }
    let mut session = Session {
        cli,
        args,
        printed: Printed::new(cli.json),
        code: 0,
    };
    let done = session.run();
    // Also where it came to no good end: so much was done.
    put(&session.printed.into_text()?)?;
    done.map(|()| ExitCode::from(session.code))
}

fn wrong_usage(kind: ErrorKind, message: &str) -> ! {
    Cli::command().error(kind, message).exit()
}

/// One run of the command.
struct Session<'c> {
    cli: &'c Cli,
    args: &'c Args,
    printed: Printed,
    /// The exit status, as sysctl(8) adds it up: one for each tunable that could not be
    /// read, and an odd number where something could not be set.
    code: u8,
}

impl Session<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let args = self.args;
        if args.system {
            return self.set_all(&Wanted::System);
        }
        if let Some(first) = &args.load {
            let first = first.iter().map(|file| file.display().to_string());
            let files: Vec<_> = first.chain(args.keys.iter().cloned()).collect();
            return self.set_all(&Wanted::Named(files));
        }
        if args.all {
            let mut source = Source::open(self.cli)?;
            self.read_failed_if(source.is_faulty());
            for tunable in source.all()? {
                self.print_read(tunable);
            }
            return Ok(());
        }
        if args.keys.is_empty() {
            eprintln!(
                "veerctl: no variables specified\nTry `veerctl --help' for more information."
            );
            self.code = 1;
            return Ok(());
        }
        self.operands()
    }

    /// Reads and sets, operand by operand.
    fn operands(&mut self) -> Result<(), Error> {
        let args = self.args;
        let sets = args.keys.iter().any(|operand| args.sets(operand));
        if sets && args.dry_run && args.keys.iter().all(|operand| args.sets(operand)) {
            return args
                .keys
                .iter()
                .try_for_each(|it| self.set_operand(None, it));
        }
        let mut source = if sets {
            Source::Daemon(self.cli.connect(PATIENCE)?)
        } else {
            Source::open(self.cli)?
        };
        self.read_failed_if(source.is_faulty());
        for operand in &args.keys {
            match &mut source {
                Source::Daemon(client) if args.sets(operand) => {
                    self.set_operand(Some(client), operand)?;
                }
                source => self.read(source, operand)?,
            }
        }
        Ok(())
    }

    fn read(&mut self, source: &mut Source, operand: &str) -> Result<(), Error> {
        match source.get(operand) {
            Ok(tunable) => self.print_read(tunable),
            Err(ClientError::Failure(failure)) => {
                let below = source.below(operand)?;
                if !below.is_empty() {
                    for tunable in below {
                        self.print_read(tunable);
                    }
                } else if !self.is_ignored(&failure) {
                    eprintln!("veerctl: {failure}{}", commands(operand));
                    self.read_failed_if(true);
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn set_operand(&mut self, client: Option<&mut Client>, operand: &str) -> Result<(), Error> {
        let (ignore_failure, text) = match operand.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, operand),
        };
        let Some((key, value)) = text
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty())
        else {
            eprintln!("veerctl: command line(0): invalid syntax, continuing...; valid: KEY=VALUE");
            self.set_failed();
            return Ok(());
        };
        let key = values::dotted(key.trim());
        if !self.args.matches(&key) {
            self.set_failed();
            return Ok(());
        }
        self.set(client, &key, value.trim(), ignore_failure)
    }

    /// Sets what files say, unless they cannot be read.
    fn set_all(&mut self, wanted: &Wanted) -> Result<(), Error> {
        // Before anything is said of files: without a daemon nothing comes of them.
        let mut client = if self.args.dry_run {
            None
        } else {
            Some(self.cli.connect(PATIENCE)?)
        };
        let read = files::read(&self.cli.config, wanted);
        if wanted.is_system() && !self.args.quiet {
            read.files
                .iter()
                .for_each(|file| self.printed.applying(file));
        }
        for fault in &read.faults {
            eprintln!("veerctl: {fault}");
        }
        if read.is_incomplete {
            self.set_failed();
        }
        for assignment in read.lines.into_assignments() {
            let Assignment {
                key,
                value,
                ignore_failure,
                ..
            } = assignment;
            if self.args.matches(&key) {
                self.set(client.as_mut(), &key, &value, ignore_failure)?;
            }
        }
        Ok(())
    }

    /// Sets one tunable through `client`; in a dry run, which may have none, checks it.
    fn set(
        &mut self,
        client: Option<&mut Client>,
        key: &str,
        value: &str,
        ignore_failure: bool,
    ) -> Result<(), Error> {
        let assignment = format!("{key}={value}");
        let set = match client.filter(|_| !self.args.dry_run) {
            Some(client) => client.set_tunable(&assignment),
            None => values::checked(&assignment)
                .map(|(tunable, value)| Tunable {
                    key: tunable.key.to_owned(),
                    value: value.to_string(),
                })
                .map_err(|error| Failure::from(error).into()),
        };
        match set {
            Ok(tunable) => self.print_set(tunable),
            Err(ClientError::Failure(failure)) => {
                if !ignore_failure && !self.is_ignored(&failure) {
                    eprintln!("veerctl: {}", complaint(key, &failure));
                    self.set_failed();
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// `--system` ignores unknown keys as `-e` does.
    fn is_ignored(&self, failure: &Failure) -> bool {
        let is_unknown = matches!(failure, Failure::UnknownKey { .. });
        is_unknown && (self.args.ignore || self.args.system)
    }

    fn print_read(&mut self, tunable: Tunable) {
        if self.args.matches(&tunable.key) {
            self.printed.read(self.args, tunable);
        }
    }

    fn print_set(&mut self, tunable: Tunable) {
        if !self.args.quiet {
            self.printed.set(self.args, tunable);
        }
    }

    fn read_failed_if(&mut self, failed: bool) {
        self.code = self.code.saturating_add(failed.into());
    }

    fn set_failed(&mut self) {
        self.code |= 1;
    }
}

/// What sysctl(8) says of a tunable that cannot be set, with the reason.
fn complaint(key: &str, failure: &Failure) -> String {
    if matches!(failure, Failure::UnknownKey { .. }) {
        return failure.to_string();
    }
    let reason = failure.to_string();
    let reason = reason.strip_prefix(&format!("{key}: ")).unwrap_or(&reason);
    format!("setting key \"{key}\": {reason}")
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
