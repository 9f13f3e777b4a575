//! `veerd agent`: beside a web server, says how busy it and its host are.
//!
//! ```text
//! settings → reading (host, stub_status, prometheus) → figures → report → server
//! ```
//!
//! Every interval all sources are read; two readings make a report, which the
//! server hands to whoever shows a token. Or a foreign CDN pushes reports of all its
//! servers together, and nothing is read. [`report::parse`] is the side that
//! asked.

mod fetch;
pub mod figures;
mod host;
pub mod prometheus;
mod reading;
pub mod report;
mod server;
pub mod settings;
mod sources;
mod stub_status;
pub mod tls;
pub mod token;

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use thiserror::Error;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tracing::{info, warn};

pub(crate) use self::server::{listen, response};
use self::{reading::Reading, server::Server, settings::Settings};
use crate::config::{self, diagnostic::Diagnostics};

/// Why an agent cannot start.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Its file is wrong.
    #[error(transparent)]
    Config(#[from] Diagnostics),
    /// It cannot listen.
    #[error("listen {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// It cannot be told to stop.
    #[error("signal: {0}")]
    Signal(io::Error),
}

impl AgentError {
    /// The process's exit status: 2 for a wrong configuration, else 1.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            _ => 1,
        }
    }
}

/// Runs the agent that `file` describes until SIGTERM or SIGINT.
pub async fn run(file: &Path) -> Result<(), AgentError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(AgentError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(AgentError::Signal)?;
    let settings = config::agent::read(file)?;
    let first = match settings.aggregate {
        Some(_) => None,
        None => Some(Reading::take(&settings).await),
    };
    let report = first.as_ref().map(|first| first.report(None, &settings));
    let server = Arc::new(Server::new(settings.clone(), report));
    let mut tasks = JoinSet::new();
    for &address in &settings.listen {
        let listener = listen(address);
        let listener = listener.map_err(|error| AgentError::Listen { address, error })?;
        tasks.spawn(Arc::clone(&server).serve(listener));
        if settings.tls.is_none() && !address.ip().is_loopback() {
            warn!(%address, "without [tls] tokens and reports can be read on the way");
        }
        info!(%address, tls = settings.tls.is_some(), "reports are served");
    }
    if let Some(first) = first {
        tasks.spawn(keep_reading(server, settings, first));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        Some(ended) = tasks.join_next() => match ended {
            Ok(never) => match never {},
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    info!("stopped");
    Ok(())
}

/// Reads every interval, and makes each reading the report that is served.
async fn keep_reading(
    server: Arc<Server>,
    settings: Settings,
    mut last: Reading,
) -> std::convert::Infallible {
    let mut problems = Vec::new();
    let mut ticks = interval_at(Instant::now() + settings.interval, settings.interval);
    // Two readings in quick succession would make a rate of nothing.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let reading = Reading::take(&settings).await;
        let report = reading.report(Some(&last), &settings);
        if report.problems != problems {
            problems.clone_from(&report.problems);
            for problem in &problems {
                warn!("{problem}");
            }
        }
        server.set_report(report);
        last = reading;
    }
}
