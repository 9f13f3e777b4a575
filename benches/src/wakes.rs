//! How late this machine wakes a thread that sleeps: the floor of every time that something
//! else waited for, measured beside it.

use std::{
    panic::resume_unwind,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::delays::Delays;

/// From wake to wake: often enough for a p99 of a short run, too seldom to be in the way.
const SLEEP: Duration = Duration::from_millis(5);

/// Wakes are timed from the start of this to its end.
#[derive(Debug)]
pub(crate) struct Wakes {
    end: Sender<()>,
    thread: JoinHandle<Delays>,
}

/// How late they were, microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Late {
    pub(crate) count: usize,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

impl Wakes {
    pub(crate) fn start() -> Self {
        let (end, ended) = channel();
        let thread = thread::spawn(move || {
            let mut late = Delays::default();
            loop {
                let due = Instant::now() + SLEEP;
                match ended.recv_timeout(SLEEP) {
                    Err(RecvTimeoutError::Timeout) => late.push(due.elapsed()),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return late,
                }
            }
        });
        Self { end, thread }
    }

    /// Ends it; `None` if it was too short for a wake.
    pub(crate) fn end(self) -> Option<Late> {
        drop(self.end);
        let late = self.thread.join();
        let late = late.unwrap_or_else(|payload| resume_unwind(payload));
        let late = late.summary()?;
        Some(Late {
            count: late.count,
            p50_us: late.p50_us,
            p99_us: late.p99_us,
            max_us: late.max_us,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_are_timed_until_the_end() {
        let wakes = Wakes::start();
        thread::sleep(10 * SLEEP);
        let late = wakes.end().expect("there were wakes");
        assert!((1..=10).contains(&late.count), "{late:?}");
        assert!(late.p50_us <= late.max_us, "{late:?}");
    }
}
