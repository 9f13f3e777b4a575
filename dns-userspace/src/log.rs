//! Logging to stderr, at a level that can change while running.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Registry, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::config::tunables::LogLevel;

/// The handle that sets the level.
#[derive(Clone, Debug)]
pub struct Log(reload::Handle<LevelFilter, Registry>);

impl Log {
    /// Starts logging, at `info` until told otherwise.
    pub fn start() -> Self {
        use std::io::IsTerminal as _;

        let (filter, handle) = reload::Layer::new(LevelFilter::INFO);
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false);
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        Self(handle)
    }

    /// Logs `level` and everything graver from now on.
    pub fn set_level(&self, level: LogLevel) {
        let filter = match level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        };
        // It fails only after the subscriber is gone, which is at exit.
        let _ = self.0.reload(filter);
    }
}
