//! `veerctl tail`.

use std::{
    io,
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use super::{Cli, Error, PATIENCE, put};
use crate::{
    control::{
        explained::Plane,
        render::{self, Paint},
    },
    queries::{TailRequest, Told},
};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Only those for which this service decided.
    name: Option<String>,
    /// Only from resolvers in this prefix, or at this address.
    #[arg(long, value_name = "PREFIX")]
    from: Option<String>,
    /// Only for records of this type.
    #[arg(long = "type", value_name = "TYPE")]
    rtype: Option<String>,
    /// Only those of which the fast path made this, in the words of `stats`, e.g. answered
    /// or `drop_rate`.
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// Only those that ended in this plane, kernel or userspace.
    #[arg(long, value_name = "PLANE", value_parser = plane)]
    plane: Option<Plane>,
    /// So many, and no more.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

fn plane(text: &str) -> Result<Plane, String> {
    match text {
        "kernel" => Ok(Plane::Kernel),
        "userspace" => Ok(Plane::Userspace),
        _ => Err("valid: kernel, userspace".to_owned()),
    }
}

/// Prints what is told until there is enough, Ctrl-C, or the daemon's end.
pub(super) fn run(cli: &Cli, args: &Args, paint: Paint) -> Result<(), Error> {
    let mut tail = cli.connect(PATIENCE)?.tail(TailRequest {
        name: args.name.clone(),
        from: args.from.clone(),
        rtype: args.rtype.clone(),
        outcome: args.outcome.clone(),
        plane: args.plane,
    })?;
    let is_enough = ends_on_ctrl_c(tail.stream()?)?;
    if !cli.json {
        put(&render::query_titles(tail.one_in()))?;
    }
    let (mut told, mut lost) = (0, 0);
    let ended = loop {
        match tail.wait() {
            Ok(Told::Query(query)) => {
                let line = if cli.json {
                    let mut line = serde_json::to_string(&query).map_err(io::Error::from)?;
                    line.push('\n');
                    line
                } else {
                    render::query(&query, paint)
                };
                put(&line)?;
                told += 1;
                if args.count == Some(told) {
                    break Ok(());
                }
            }
            Ok(Told::Lost(count)) => lost += count,
            Err(_) if is_enough.load(Relaxed) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    if lost > 0 {
        eprintln!("veerctl: {lost} more may have been asked for, and were lost");
    }
    ended
}

/// Closes `stream` on SIGINT, and says that it did.
fn ends_on_ctrl_c(stream: UnixStream) -> io::Result<Arc<AtomicBool>> {
    let is_enough = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let interrupted = {
        let _context = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?
    };
    thread::spawn({
        let is_enough = Arc::clone(&is_enough);
        let mut interrupted = interrupted;
        move || {
            runtime.block_on(interrupted.recv());
            is_enough.store(true, Relaxed);
            // What cannot be closed is already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
    Ok(is_enough)
}
