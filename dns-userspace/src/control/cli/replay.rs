//! `veerctl replay`.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use super::{
    CONFIG, Cli, Error, Moment, check,
    render::{self, Paint},
};
use crate::{
    clock,
    config::{diagnostic::Diagnostics, source::Source},
    control::protocol::Proposed,
    daemon::load,
    measurement_log::read::Recording,
    replay::{Configured, Range, replay},
};

/// How often a terminal shows how far it is.
const FRAME: Duration = Duration::from_millis(120);

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The measurement log: the directory that it is in (state.directory), or one file of it.
    #[arg(value_name = "LOG")]
    log: PathBuf,
    /// The configuration that --config is held against.
    #[arg(long, value_name = "DIR", default_value = CONFIG)]
    against: PathBuf,
    /// Only from this time on: how long ago, e.g. 1h, or UTC, e.g. "2026-02-28 23:59:59".
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// Only until this time.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    to: Option<Moment>,
}

impl Cli {
    /// Shows what would have differed, or all that is wrong with the configurations.
    pub(super) fn replay(&self, args: &Args, paint: Paint) -> Result<ExitCode, Error> {
        if args.against == self.config {
            let error = format!(
                "{} would be held against itself; valid: --config with another",
                self.config.display()
            );
            return Err(Error::Replay(error));
        }
        let [before, then] = match configured(&self.config, &args.against) {
            Ok(configured) => configured,
            Err(found) => return Ok(check::refused(&found)),
        };
        let now = clock::unix_ms();
        let range = Range {
            from_unix_ms: args.from.map(|from| from.unix_ms(now)),
            to_unix_ms: args.to.map(|to| to.unix_ms(now)),
        };
        if let (Some(from), Some(to)) = (range.from_unix_ms, range.to_unix_ms)
            && from >= to
        {
            let error = "--from is not before --to; valid: a time before it";
            return Err(Error::Replay(error.to_owned()));
        }
        let recording = Recording::open(&args.log).map_err(Error::Replay)?;
        let mut progress = Progress::of(&args.log, recording.octets());
        let replayed = replay(&recording, before, then, range, |octets| {
            progress.show(octets);
        });
        drop(progress);
        let replayed =
            replayed.map_err(|error| Error::Replay(format!("{}: {error}", args.log.display())))?;
        self.show(&replayed, |replayed| render::replay(replayed, paint))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the directory `against` says, and what `config` does: another directory, or a file in
/// its place in `against`. Everything that is wrong with either.
fn configured(config: &Path, against: &Path) -> Result<[Configured; 2], Diagnostics> {
    let before = load::load(&Source::on_disk(against));
    let then = if config.is_file() {
        check::proposed(config, against).and_then(|Proposed { path, text }| {
            let source = Source::on_disk(against).with(path.clone(), text);
            load::load(&source).map_err(|mut found| {
                found.renamed(&path, config);
                found
            })
        })
    } else {
        load::load(&Source::on_disk(config))
    };
    match (before, then) {
        (Ok(before), Ok(then)) => Ok([before.into(), then.into()]),
        (Err(mut found), Err(mut more)) => {
            more.0.retain(|known| !found.0.contains(known));
            found.0.extend(more.0);
            Err(found)
        }
        (Err(found), Ok(_)) | (Ok(_), Err(found)) => Err(found),
    }
}

/// How far it is, on a terminal.
struct Progress {
    what: String,
    octets: u64,
    next: Option<Instant>,
}

impl Progress {
    /// Of reading so many `octets` of `log`.
    fn of(log: &Path, octets: u64) -> Self {
        Self {
            what: format!("replaying {}", log.display()),
            octets: octets.max(1),
            next: io::stderr().is_terminal().then(Instant::now),
        }
    }

    fn show(&mut self, octets: u64) {
        let Some(next) = &mut self.next else { return };
        let now = Instant::now();
        if now >= *next {
            *next = now + FRAME;
            let percent = octets * 100 / self.octets;
            draw(&format!("{} {percent:>3} %", self.what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.next.is_some() {
            draw("");
        }
    }
}

/// Replaces the terminal's current line; what is too long for it is cut by the terminal.
pub(super) fn draw(line: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[K\x1b[?7l{line}\x1b[?7h");
    let _ = stderr.flush();
}
