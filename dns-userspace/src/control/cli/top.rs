//! `veerctl top`.

mod keys;
mod watch;

use std::{
    env,
    io::{self, IsTerminal as _},
    thread,
    time::{Duration, Instant},
};

use super::{Cli, Error, put};
use crate::{
    clock,
    control::{
        client::ClientError,
        render::{self, Paint, Size},
    },
    top::{Look, Shown, Top},
};
use keys::Screen;
use watch::Watch;

/// How long the daemon may take for a look, before the screen says that it does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The screen's size where nobody says, as of old terminals, but for room for all tables.
const SIZE: Size = Size {
    columns: 100,
    lines: 32,
};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    every: Duration,
    /// So many screens, and no more.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let valid = 0.1..=3600.0;
    let seconds = text.parse().ok().filter(|seconds| valid.contains(seconds));
    let seconds = seconds.map(Duration::from_secs_f64);
    seconds.ok_or_else(|| "valid: 0.1 to 3600".to_owned())
}

/// Shows one screen after another until there are enough, `q`, Ctrl-C, or nobody reads.
pub(super) fn run(cli: &Cli, args: &Args, paint: Paint) -> Result<(), Error> {
    let mut screen = (!cli.json && io::stdout().is_terminal())
        .then(Screen::open)
        .transpose()?;
    let mut watch = Watch::new(cli.socket_path());
    let mut top = Top::default();
    // What is wrong before anything was seen ends it; later it may pass.
    let mut shown = see(cli, &mut top, &mut watch, true)?;
    let mut left = args.count;
    loop {
        let text = || render::top(&shown, Screen::size().unwrap_or_else(said_size), paint);
        match &mut screen {
            Some(screen) => screen.draw(&text())?,
            None if cli.json => {
                let line = serde_json::to_string(&shown).map_err(io::Error::from)?;
                put(&(line + "\n"))?;
            }
            // As paper is fed: who reads knows where a screen ends.
            None => put(&(render::top(&shown, said_size(), paint) + "\x0c"))?,
        }
        left = left.map(|left| left - 1);
        if left == Some(0) {
            return Ok(());
        }
        match &mut screen {
            None => thread::sleep(args.every),
            Some(screen) => {
                if screen.is_enough(Instant::now() + args.every, text)? {
                    return Ok(());
                }
            }
        }
        shown = see(cli, &mut top, &mut watch, false)?;
    }
}

/// Looks once more; the `first` look must succeed.
fn see(cli: &Cli, top: &mut Top, watch: &mut Watch, first: bool) -> Result<Shown, ClientError> {
    let look = match look(cli) {
        Err(error) if first => return Err(error),
        look => look.map_err(|error| error.to_string()),
    };
    let is_sampled = match &look {
        Ok(_) => watch.drain(top),
        Err(_) => false,
    };
    Ok(top.see(look, clock::unix_ms(), is_sampled))
}

fn look(cli: &Cli) -> Result<Look, ClientError> {
    let mut client = cli.connect(PATIENCE)?;
    let stats = client.stats()?;
    Ok(Look {
        at: Instant::now(),
        stats,
        status: client.status()?,
        states: client.states()?,
    })
}

/// What the environment says of the screen's size, as shells do.
fn said_size() -> Size {
    let said = |name| env::var(name).ok().and_then(|text| text.parse().ok());
    Size {
        columns: said("COLUMNS").unwrap_or(SIZE.columns),
        lines: said("LINES").unwrap_or(SIZE.lines),
    }
}
