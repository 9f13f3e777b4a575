//! Questions one after the other: what veer says to each, and no more of them than the other
//! server may be asked.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{
    control::{
        answered::Answered,
        cli::PATIENCE,
        client::{Client, ClientError},
        protocol::AnswerRequest,
    },
    model::Name,
    shadow::{LeftOut, Question, Reply, Side, Steering},
};

/// Where questions come from.
pub(super) trait Questions: Send {
    /// The next one, however long that takes; `None` where there is no more.
    fn next(&mut self, passed: &Passed) -> Result<Option<Question>, String>;

    /// Whether more of them come than can be asked, so that some are left out; others wait.
    fn is_live(&self) -> bool;
}

/// Questions that were not asked, by reason, as in [`LeftOut`].
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) outside: AtomicU64,
    pub(super) other_zones: AtomicU64,
    pub(super) meta: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) unreadable: AtomicU64,
}

impl Passed {
    /// What was counted so far.
    pub(super) fn left_out(&self) -> LeftOut {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        LeftOut {
            outside: count(&self.outside),
            other_zones: count(&self.other_zones),
            meta: count(&self.meta),
            skipped: count(&self.skipped),
            unreadable: count(&self.unreadable),
        }
    }
}

/// What goes to whoever asks the other server.
#[derive(Debug)]
pub(super) enum Fed {
    /// What is asked.
    Asked(Box<Asked>),
    /// Why there will be no more.
    Failed(String),
}

/// A question, and what veer says to it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) query: Vec<u8>,
    /// The zone that it counts for.
    pub(super) zone: Name,
    pub(super) ours: Side,
    pub(super) steering: Option<Steering>,
}

/// Takes questions, until there are no more or so many were asked.
pub(super) struct Feeder {
    pub(super) questions: Box<dyn Questions>,
    pub(super) socket: PathBuf,
    /// Connected to it.
    pub(super) client: Client,
    /// Names in these are asked for; without any, those that veer has.
    pub(super) zones: Vec<Name>,
    pub(super) ecs: bool,
    pub(super) count: Option<u64>,
    pub(super) pace: Pace,
    pub(super) passed: Arc<Passed>,
    pub(super) sender: mpsc::Sender<Fed>,
}

impl Feeder {
    /// Has a thread of its own feed, since questions and veer are waited for. It ends where
    /// nobody takes them any more, or with the process.
    pub(super) fn start(mut self) -> io::Result<()> {
        let feed = move || {
            if let Err(reason) = self.feed() {
                // Whoever took them may have enough.
                let _ = self.sender.blocking_send(Fed::Failed(reason));
            }
        };
        thread::Builder::new()
            .name("questions".to_owned())
            .spawn(feed)?;
        Ok(())
    }

    fn feed(&mut self) -> Result<(), String> {
        let mut asked = 0;
        while self.count.is_none_or(|count| asked < count) {
            let Some(question) = self.questions.next(&self.passed)? else {
                break;
            };
            let Some(fed) = self.asked(question)? else {
                continue;
            };
            if self
                .sender
                .blocking_send(Fed::Asked(Box::new(fed)))
                .is_err()
            {
                break;
            }
            asked += 1;
        }
        Ok(())
    }

    /// What veer says to `question`. It knows the resolver, so the network that the other
    /// server may be told is left out.
    fn answered(&mut self, question: &Question) -> Result<Answered, ClientError> {
        let request = AnswerRequest {
            query: question.query(false),
            from: question.from,
        };
        match self.client.answer(request.clone()) {
            // Questions may be further apart than a connection is held, and a daemon that is
            // started anew knows of none.
            Err(ClientError::Broken { .. }) => {
                self.client = Client::connect(&self.socket, PATIENCE)?;
                self.client.answer(request)
            }
            answered => answered,
        }
    }

    /// The question with what veer says to it, when the other server may be asked; `None`
    /// where it is not to be.
    fn asked(&mut self, question: Question) -> Result<Option<Asked>, String> {
        let leave = |reason: &AtomicU64| {
            reason.fetch_add(1, Relaxed);
            Ok(None)
        };
        if !question.is_comparable() {
            return leave(&self.passed.meta);
        }
        let mut zones = self.zones.iter();
        let wanted = zones.find(|zone| question.name.ends_with(zone)).cloned();
        if wanted.is_none() && !self.zones.is_empty() {
            return leave(&self.passed.other_zones);
        }
        let is_live = self.questions.is_live();
        let now = Instant::now();
        if is_live && !self.pace.wait(now).is_zero() {
            return leave(&self.passed.skipped);
        }
        let answered = self
            .answered(&question)
            .map_err(|error| error.to_string())?;
        let own = answered.zone.as_deref().map(Name::bytes_from_str);
        let own = own.transpose().map_err(|error| error.to_string())?;
        let Some(zone) = own.or(wanted) else {
            return leave(&self.passed.outside);
        };
        thread::sleep(self.pace.wait(Instant::now()));
        // What comes in a rhythm is not to be sampled in one.
        let stretch = if is_live { -chance().ln() } else { 1.0 };
        self.pace.take(Instant::now(), stretch);
        Ok(Some(Asked {
            query: question.query(self.ecs),
            question,
            zone,
            ours: Side {
                reply: Reply::read(&answered.reply),
                is_truncated: answered.is_truncated,
            },
            steering: answered.steering,
        }))
    }
}

/// How often the other server may be asked.
#[derive(Debug)]
pub(super) struct Pace {
    every: Duration,
    next: Option<Instant>,
}

impl Pace {
    /// So often a second.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            every: Duration::from_secs(1) / per_second,
            next: None,
        }
    }

    /// How long to wait from `now` on.
    fn wait(&self, now: Instant) -> Duration {
        self.next
            .map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    /// Asks at `now`, and next after the time from one to the next, times `stretch`.
    fn take(&mut self, now: Instant, stretch: f64) {
        self.next = Some(now + self.every.mul_f64(stretch));
    }
}

/// More than 0, and 1 at most.
#[expect(
    clippy::cast_precision_loss,
    reason = "chance needs no more than 52 bits"
)]
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random as f64 + 1.0) / (u64::MAX as f64 + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_more_often_than_they_may_be() {
        let begin = Instant::now();
        let mut pace = Pace::new(50);
        assert_eq!(pace.wait(begin), Duration::ZERO);
        pace.take(begin, 1.0);
        let every = Duration::from_millis(20);
        assert_eq!(pace.wait(begin), every);
        assert_eq!(pace.wait(begin + every / 4), every * 3 / 4);
        // What was not used is not made up for.
        let later = begin + 100 * every;
        assert_eq!(pace.wait(later), Duration::ZERO);
        pace.take(later, 0.5);
        assert_eq!(pace.wait(later), every / 2);
    }

    #[test]
    fn by_chance_they_are_asked_as_often() {
        let stretches = (0..10_000).map(|_| -chance().ln());
        let mean = stretches.sum::<f64>() / 10_000.0;
        assert!((0.9..1.1).contains(&mean), "{mean}");
    }
}
