//! Logging to stderr, at a level and in a format that can change while running.
//!
//! A thread of its own writes: whoever reads stderr may be slow, and no decision waits for it.

mod lines;

use std::{io::Write, sync::Arc};

use crossbeam::atomic::AtomicCell;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Registry, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

use crate::config::tunables::{LogFormat, LogLevel};
use lines::Lines;

/// Lines that may wait to be written: what a host says in minutes of trouble, a few MiB.
const LINES_WAITING: usize = 16_384;

/// The handle that sets level and format. When the last one is dropped, what waits is written, unless
/// that takes more than a second.
#[derive(Clone, Debug)]
pub struct Log {
    level: reload::Handle<LevelFilter, Registry>,
    format: Arc<AtomicCell<LogFormat>>,
    lost: ErrorCounter,
    _writer: Arc<WorkerGuard>,
}

impl Log {
    /// Starts logging, at `info` and as whoever reads it understands, until told otherwise.
    pub fn start() -> Self {
        use std::io::IsTerminal as _;

        let (filter, level) = reload::Layer::new(LevelFilter::INFO);
        let (stderr, writer) = written_apart(std::io::stderr());
        let lost = stderr.error_counter();
        let format = Arc::new(AtomicCell::new(LogFormat::Auto));
        let lines = fmt::layer()
            .with_writer(stderr)
            .event_format(Lines::new(Arc::clone(&format)))
            .with_ansi(std::io::stderr().is_terminal());
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .init();
        Self {
            level,
            format,
            lost,
            _writer: Arc::new(writer),
        }
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
        let _ = self.level.reload(filter);
    }

    /// Writes lines in `format` from now on.
    pub fn set_format(&self, format: LogFormat) {
        self.format.store(format);
    }

    /// Lines since start that nobody read in time.
    pub fn lost(&self) -> u64 {
        self.lost.dropped_lines() as u64
    }
}

/// What takes lines at once and hands them to `to` from a thread of its own.
fn written_apart(to: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_WAITING)
        .lossy(true)
        .thread_name("log")
        .finish(to)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::mpsc::{Receiver, channel},
    };

    use super::*;

    /// Takes nothing until the other end is gone.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_does_not_wait_for_who_reads_and_what_is_lost_is_counted() {
        let (stuck, receiver) = channel();
        let (mut log, writer) = written_apart(Stuck(receiver));
        let lost = log.error_counter();
        for _ in 0..2 * LINES_WAITING {
            log.write_all(b"down\n").expect("it is taken, or lost");
        }
        // One is with the writer, at most.
        let at_least = LINES_WAITING - 1;
        assert!((at_least..=LINES_WAITING).contains(&lost.dropped_lines()));
        drop(stuck);
        drop(writer);
    }
}
