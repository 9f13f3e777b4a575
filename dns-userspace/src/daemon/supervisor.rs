//! What the service manager is told, as `sd_notify(3)` has it: nothing where there is none.
//!
//! A thread of its own tells it: a manager that does not listen holds up no decision.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use crossbeam::channel::{Receiver, Sender, bounded};
use sd_notify::NotifyState;
use tracing::warn;

use super::DaemonError;

/// Words that may wait for a manager that does not listen; more are lost.
const WORDS_WAITING: usize = 64;

/// Signs of life within the time that the manager waits for one.
const SIGNS: u32 = 4;

/// Something to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Ready,
    Reloading,
    Stopping,
    Alive,
}

/// The way to the service manager.
#[derive(Debug)]
pub(super) struct Supervisor {
    words: Sender<Word>,
    /// How often it wants a sign of life, if it does.
    every: Option<Duration>,
    last: Option<Instant>,
}

impl Supervisor {
    /// To the manager that started this process, if one did.
    pub(super) fn start() -> Result<Self, DaemonError> {
        let (words, received) = bounded(WORDS_WAITING);
        thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || tell(&received))
            .map_err(DaemonError::system("starting the notify thread"))?;
        Ok(Self::new(words, sd_notify::watchdog_enabled()))
    }

    fn new(words: Sender<Word>, watchdog: Option<Duration>) -> Self {
        Self {
            words,
            every: watchdog.map(|longest| longest / SIGNS),
            last: None,
        }
    }

    /// It answers, or has read its configuration.
    pub(super) fn ready(&self) {
        self.say(Word::Ready);
    }

    /// It reads its configuration, until it says [`Self::ready`].
    pub(super) fn reloading(&self) {
        self.say(Word::Reloading);
    }

    /// It is about to end.
    pub(super) fn stopping(&self) {
        self.say(Word::Stopping);
    }

    /// It is alive at `now`.
    pub(super) fn alive(&mut self, now: Instant) {
        let Some(every) = self.every else {
            return;
        };
        if self
            .last
            .is_none_or(|last| now.duration_since(last) >= every)
        {
            self.last = Some(now);
            self.say(Word::Alive);
        }
    }

    fn say(&self, word: Word) {
        // It is full where nobody listens.
        let _ = self.words.try_send(word);
    }
}

fn tell(words: &Receiver<Word>) {
    for word in words {
        if let Err(error) = notify(word) {
            warn!(?word, %error, "the service manager could not be told");
        }
    }
}

fn notify(word: Word) -> io::Result<()> {
    match word {
        Word::Ready => sd_notify::notify(&[NotifyState::Ready]),
        // Type=notify-reload wants to know when.
        Word::Reloading => {
            sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
        }
        Word::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        Word::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_life_come_as_often_as_they_are_wanted() {
        let (words, received) = bounded(WORDS_WAITING);
        let mut supervisor = Supervisor::new(words, Some(Duration::from_secs(20)));
        let start = Instant::now();
        for second in 0..20 {
            supervisor.alive(start + Duration::from_secs(second));
        }
        assert_eq!(received.try_iter().collect::<Vec<_>>(), [Word::Alive; 4]);
    }

    #[test]
    fn nobody_who_wants_no_signs_gets_any_and_nobody_waits_for_a_deaf_one() {
        let (words, received) = bounded(1);
        let mut supervisor = Supervisor::new(words, None);
        supervisor.alive(Instant::now());
        assert!(received.is_empty());
        supervisor.ready();
        supervisor.stopping();
        assert_eq!(received.try_iter().collect::<Vec<_>>(), [Word::Ready]);
    }
}
