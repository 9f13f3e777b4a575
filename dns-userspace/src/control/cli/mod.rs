//! `veerctl`: commands for the daemon, and its tunables as sysctl(8) has its.

mod check;
mod detach;
mod health;
mod moment;
mod overrides;
mod replay;
mod shadow;
mod tail;
mod top;
mod tunables;
mod what_if;

use std::{
    io::{self, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{CommandFactory as _, Parser, Subcommand, error::ErrorKind};
use serde::Serialize;

use super::{
    client::{Client, ClientError},
    protocol::{ExplainRequest, Failure},
    render::{self, Paint},
};
use crate::{
    clock,
    config::{diagnostic::Diagnostics, settings::Settings, source::Source, values::Values},
    decision_log::query::LogRequest,
    doctor,
};
use moment::Moment;

/// Look at a running veerd, and steer it.
#[derive(Debug, Parser)]
#[command(
    name = "veerctl",
    version,
    arg_required_else_help = true,
    override_usage = "veerctl [OPTIONS] COMMAND\n       \
                      veerctl [OPTIONS] [-n|-N|-b] [-e] [-r REGEX] KEY[=VALUE]...\n       \
                      veerctl [OPTIONS] [-n|-N|-b] [-r REGEX] -a\n       \
                      veerctl [OPTIONS] [-n|-b|-q] [-e] [-r REGEX] -w KEY=VALUE...\n       \
                      veerctl [OPTIONS] [-n|-b|-q] [-e] [-r REGEX] -p [FILE...]\n       \
                      veerctl [OPTIONS] [-n|-b|-q] [-r REGEX] --system"
)]
pub struct Cli {
    /// Directory of the daemon's configuration.
    #[arg(long, global = true, value_name = "DIR", default_value = CONFIG)]
    config: PathBuf,
    /// The daemon's control socket, instead of control.socket of the configuration.
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    tunables: tunables::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What the daemon is and has, and how the program in the kernel stands.
    Status,
    /// The health of every server.
    States,
    /// What has been counted.
    Stats,
    /// Whether this host is fit to be announced: exits with 0 where it is, 1 where it is not,
    /// 2 where the daemon cannot be reached.
    Health,
    /// The resolver groups, and which part of the demand each is.
    Groups,
    /// Why a resolver gets what it gets, or got at an earlier time.
    Explain {
        /// The name asked for.
        name: String,
        /// The type asked for.
        #[arg(long = "type", value_name = "TYPE", default_value = "A")]
        rtype: String,
        /// The resolver's address.
        #[arg(long, value_name = "ADDR")]
        from: IpAddr,
        /// At this time instead of now, as the decision log has it: how long ago, e.g.
        /// 10min, or UTC, e.g. "2026-02-28 23:59:59".
        #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
        at: Option<Moment>,
    },
    /// What was decided otherwise than before, when and by which cause, the newest last.
    Log {
        /// Only of this service.
        name: Option<String>,
        /// Only since this time: how long ago, e.g. 1h, or UTC, e.g. "2026-02-28 23:59:59".
        #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
        since: Option<Moment>,
        /// Only the newest, so many.
        #[arg(long, value_name = "COUNT", default_value_t = 1000)]
        max: usize,
    },
    /// Queries as they are answered, one in `log.queries_sample` of them, until Ctrl-C.
    Tail(tail::Args),
    /// Rates by service, group, resolver and outcome, and the servers, on a screen that is
    /// renewed until q or Ctrl-C; elsewhere than on a terminal a screen after another.
    Top(top::Args),
    /// What would be decided if something else were measured; nothing changes by it.
    WhatIf(what_if::Args),
    /// What another configuration would have made of recorded measurements; works without
    /// the daemon.
    ///
    /// The other one is that of --config: a directory, or a file as `check` takes it.
    Replay(replay::Args),
    /// What another server, which veer is to replace, answers otherwise; changes nothing.
    ///
    /// Exits with 0 where nothing differs, 1 where something does, 2 where nothing could be
    /// compared.
    Shadow(shadow::Args),
    #[command(flatten)]
    Override(overrides::Command),
    /// What a reload would change, for how many resolvers and how much of the demand.
    Diff,
    /// Whether a configuration is valid, and what it would change; works without the daemon
    /// as far as the first goes.
    Check {
        /// A file of services, of groups, of tunables or a zone, as if it stood in its
        /// place; without one the configuration as it is.
        file: Option<PathBuf>,
    },
    /// Whether this host can do what is asked of it, what is in the way and what mends it;
    /// works without the daemon and changes nothing.
    ///
    /// Exits with 0 where nothing is found above a note, 1 for warnings, 2 for errors.
    Doctor {
        /// The interface to look at; by default the configuration's.
        #[arg(value_name = "IFACE")]
        interface: Option<String>,
    },
    /// Read the configuration anew; one with errors changes nothing.
    Reload {
        /// Even where more of the demand moves than `load.max_moved_percent`.
        #[arg(long)]
        force: bool,
    },
    /// The configurations that can be gone back to, and what generations were made of them.
    Generations,
    /// Go back to the configuration that a generation was made of; the files stay as they
    /// are.
    Revert {
        /// The generation's number.
        generation: u64,
        /// Even where more of the demand moves than `load.max_moved_percent`.
        #[arg(long)]
        force: bool,
    },
    /// Take the program off its interface; works without the daemon.
    Detach {
        /// Where it is pinned, instead of where the daemon or the configuration has it.
        #[arg(long, value_name = "PATH")]
        pin_path: Option<PathBuf>,
    },
}

/// The daemon's configuration, where nothing else is said.
const CONFIG: &str = "/etc/veer";

/// How long the daemon may take for what it has at hand.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may take to read and publish a configuration.
const RELOAD_PATIENCE: Duration = Duration::from_mins(5);

/// The command, with the process's arguments. Exits 0 when all was done, 1 when
/// something was not, 2 on wrong usage.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.command.is_some() && cli.tunables.are_given() {
        let message = "keys, -a, -b, -e, -n, -N, -p, -q, -r, -w, --dry-run and --system are for tunables, not for commands";
        Cli::command()
            .error(ErrorKind::ArgumentConflict, message)
            .exit();
    }
    match cli.run() {
        Ok(code) => code,
        // Whoever reads has seen enough.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("veerctl: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The daemon did not do it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The kernel did not do it.
    #[error(transparent)]
    Kernel(#[from] crate::kernel::KernelError),
    /// Standard output is closed or full.
    #[error("writing to standard output: {0}")]
    Output(#[from] io::Error),
    /// There is nothing to replay.
    #[error("{0}")]
    Replay(String),
}

impl Cli {
    fn run(self) -> Result<ExitCode, Error> {
        let paint = Paint::for_stdout();
        match &self.command {
            None => return tunables::run(&self, &self.tunables),
            Some(Command::Status) => {
                let status = self.connect(PATIENCE)?.status()?;
                let now = clock::unix_ms();
                self.show(&status, |status| render::status(status, now, paint))?;
            }
            Some(Command::States) => {
                let states = self.connect(PATIENCE)?.states()?;
                let now = clock::unix_ms();
                self.show(&states, |states| render::states(states, now, paint))?;
            }
            Some(Command::Stats) => {
                let stats = self.connect(PATIENCE)?.stats()?;
                self.show(&stats, |stats| render::stats(stats, paint))?;
            }
            Some(Command::Health) => return health::run(&self, paint),
            Some(Command::Groups) => {
                let groups = self.connect(PATIENCE)?.groups()?;
                self.show(&groups, |groups| render::groups(groups, paint))?;
            }
            Some(Command::Explain {
                name,
                rtype,
                from,
                at,
            }) => {
                let question = ExplainRequest {
                    name: name.clone(),
                    rtype: rtype.clone(),
                    from: *from,
                };
                let mut client = self.connect(PATIENCE)?;
                let now = clock::unix_ms();
                if let Some(at) = at {
                    let explained = client.explain_at(question, at.unix_ms(now))?;
                    self.show(&explained, |it| render::explain_at(it, now, paint))?;
                    return Ok(ExitCode::SUCCESS);
                }
                let explained = client.explain(question)?;
                self.show(&explained, |explained| {
                    render::explain(explained, now, paint)
                })?;
            }
            Some(Command::Log { name, since, max }) => {
                let logged = self.connect(PATIENCE)?.log(LogRequest {
                    name: name.clone(),
                    since_unix_ms: since.map(|since| since.unix_ms(clock::unix_ms())),
                    max: *max,
                })?;
                self.show(&logged, |logged| render::log(logged, paint))?;
            }
            Some(Command::Tail(args)) => tail::run(&self, args, paint)?,
            Some(Command::Top(args)) => top::run(&self, args, paint)?,
            Some(Command::WhatIf(args)) => {
                let supposed = self.connect(PATIENCE)?.what_if(args.request())?;
                self.show(&supposed, |supposed| render::what_if(supposed, paint))?;
            }
            Some(Command::Replay(args)) => return self.replay(args, paint),
            Some(Command::Shadow(args)) => return shadow::run(&self, args, paint),
            Some(Command::Override(command)) => {
                let order = command.order();
                // Telling services apart takes as long as a reload.
                let overridden = self.connect(RELOAD_PATIENCE)?.order(order)?;
                let now = clock::unix_ms();
                self.show(&overridden, |done| render::overridden(done, now))?;
            }
            Some(Command::Diff) => {
                let difference = self.connect(RELOAD_PATIENCE)?.differ(None);
                return self.loaded(difference, "refused", |it| render::difference(it, paint));
            }
            Some(Command::Check { file }) => return check::run(&self, file.as_deref(), paint),
            Some(Command::Doctor { interface }) => {
                let examined = doctor::examine(&self.config, interface.as_deref());
                self.show(&examined, |examined| render::examined(examined, paint))?;
                return Ok(ExitCode::from(examined.severity.exit_status()));
            }
            Some(Command::Reload { force }) => {
                let reloaded = self.connect(RELOAD_PATIENCE)?.reload(*force);
                return self.loaded(reloaded, "reload refused", render::reloaded);
            }
            Some(Command::Generations) => {
                let generations = self.connect(RELOAD_PATIENCE)?.generations()?;
                let now = clock::unix_ms();
                self.show(&generations, |it| render::generations(it, now, paint))?;
            }
            Some(Command::Revert { generation, force }) => {
                let reverted = self.connect(RELOAD_PATIENCE)?.revert(*generation, *force);
                return self.loaded(reverted, "revert refused", render::reloaded);
            }
            Some(Command::Detach { pin_path }) => {
                let detached = detach::detach(&self, pin_path.as_deref())?;
                self.show(&detached, render::detached)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints what came of reading a configuration, or everything that is wrong with it
    /// after `what` that means.
    fn loaded<T: Serialize>(
        &self,
        reply: Result<T, ClientError>,
        what: &str,
        human: impl Fn(&T) -> String,
    ) -> Result<ExitCode, Error> {
        match reply {
            Ok(reply) => {
                self.show(&reply, human)?;
                Ok(ExitCode::SUCCESS)
            }
            // Each line starts with file and line number, for editors to follow.
            Err(ClientError::Failure(Failure::Refused(lines))) => {
                eprintln!("veerctl: {what}; the running configuration stays as it is");
                for line in lines {
                    eprintln!("{line}");
                }
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Prints a reply as JSON, or as `human` has it.
    fn show<T: Serialize>(&self, reply: &T, human: impl Fn(&T) -> String) -> Result<(), Error> {
        let text = if self.json {
            json(reply)?
        } else {
            human(reply)
        };
        Ok(put(&text)?)
    }

    fn connect(&self, timeout: Duration) -> Result<Client, ClientError> {
        Client::connect(&self.socket_path(), timeout)
    }

    /// `--socket`, else what the configuration says; what is wrong with that is
    /// the daemon's to report.
    fn socket_path(&self) -> PathBuf {
        self.socket
            .clone()
            .unwrap_or_else(|| settings(&self.config).control_socket)
    }
}

/// The settings in `dir`; defaults where it has none, or none that are valid.
fn settings(dir: &Path) -> Settings {
    Settings::new(&Values::read(
        &Source::on_disk(dir),
        &mut Diagnostics::default(),
    ))
}

fn json(reply: &impl Serialize) -> io::Result<String> {
    let mut text = serde_json::to_string_pretty(reply)?;
    text.push('\n');
    Ok(text)
}

/// Writes to standard output; a reader that went away is an error, not a panic.
fn put(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}
