//! The demo: a lab that shows what veer does, and checks that it does.
//!
//! [`stage`] is the network, [`story`] what happens in it; [`load`] and
//! [`watch`] are the resolvers, [`screen`] shows it live, with what [`top`]
//! shows. What was seen is a [`record`], of which the [`report`] checks claims and
//! the [`timeline`] is a [`picture`], as is top's screen.

mod load;
mod picture;
mod record;
mod report;
mod screen;
mod stage;
mod story;
mod timeline;
mod top;
mod watch;

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, TERM_SIGNALS};

use self::{report::Report, stage::Stage, story::Story};
use crate::lab::{self, http};

/// How the demo goes.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Leave the lab up at the end.
    pub keep: bool,
    /// How long each phase lasts, by the usual time; above 0.
    pub seconds_scale: f64,
}

/// Runs the demo with the veerd and veerctl in the directory `binaries`; writes
/// `report.json`, `timeline.svg` and `top.svg` in `output`. Fails if a claim does not
/// hold. Needs root, ip, ethtool and dnsperf.
pub fn run(options: Options, binaries: &Path, output: &Path) -> Result<()> {
    if !(options.seconds_scale.is_finite() && options.seconds_scale > 0.0) {
        bail!("--seconds-scale {}: must be above 0", options.seconds_scale);
    }
    // From here on an interrupt is an error like others, and so cleans up.
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in TERM_SIGNALS.iter().chain(&[SIGHUP]) {
        signal_hook::flag::register(*signal, Arc::clone(&interrupted)).context("handle signals")?;
    }
    lab::sweep()?;
    fs::create_dir_all(output).with_context(|| format!("mkdir {}", output.display()))?;
    let files = ["report.json", "timeline.svg", "top.svg"].map(|file| output.join(file));
    // What an earlier run wrote must not pass for this one's.
    files.iter().try_for_each(|file| remove(file))?;

    println!("Setting up namespaces, three web servers and veerd …");
    let stage = Stage::set_up(binaries)?;
    let mut story = Story::begin(stage, options.seconds_scale, interrupted)?;
    story.fail_over()?;
    story.kill_daemon()?;
    story.adopt()?;
    let (record, stage, daemon) = story.end()?;

    let report = Report::new(&record);
    let texts = [
        report.json()?,
        timeline::draw(&record),
        picture::draw(&record.screen),
    ];
    for (file, text) in files.iter().zip(&texts) {
        write(file, text)?;
    }
    println!("\n{}", report.summary());
    for file in &files {
        println!("  {}", file.display());
    }
    if options.keep {
        println!("\n{}", stage.keep(daemon)?);
    }
    match report.broken() {
        broken if broken.is_empty() => Ok(()),
        broken => bail!("did not hold: {}", broken.join("; ")),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Is the web server `name` at `addresses`, until it is killed.
pub fn serve(name: &str, addresses: &[SocketAddr]) -> Result<()> {
    let listeners: Vec<TcpListener> = addresses
        .iter()
        .map(|address| TcpListener::bind(address).with_context(|| format!("listen at {address}")))
        .collect::<Result<_>>()?;
    let response = http::Response::ok(format!("{name}\n"));
    thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| http::serve(listener, &response));
        }
    });
    Ok(())
}
