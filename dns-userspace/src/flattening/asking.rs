//! Asking other DNS for what is not known, and again for what is in use.

use std::{
    collections::hash_map::Entry as MapEntry,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use dns_common::decision::Family;
use domain::base::Rtype;
use tokio::{sync::watch, time::sleep};
use tracing::debug;

use super::{
    cache::{Entry, Key},
    engine::Engine,
    reply::Question,
    target::{Failure, Target},
};

/// One question on its way.
pub(super) struct Asking {
    pub(super) engine: Arc<Engine>,
    pub(super) target: Arc<Target>,
    pub(super) key: Key,
}

impl Asking {
    /// Asks; what was told, if anything was. Whoever waits hears of it when `done` is
    /// dropped.
    pub(super) async fn once(&self, done: watch::Sender<()>) -> Option<Arc<Entry>> {
        let (engine, target) = (&self.engine, &self.target);
        let question = Question {
            name: target.name.clone(),
            rtype: match self.key.family {
                Family::V4 => Rtype::A,
                Family::V6 => Rtype::AAAA,
            },
            network: self.key.network,
        };
        let counters = &engine.counters;
        counters.asked.fetch_add(1, Relaxed);
        let told = target.resolvers.ask(&question, &counters.refused).await;
        let now_ms = engine.now_ms();
        let entry = match told {
            Ok(told) => {
                target.note(self.key.family, None);
                let lengths = target.lengths(self.key.family);
                Some(engine.cache.put(self.key, told, lengths, now_ms))
            }
            Err(error) => {
                debug!(name = %target.name, rtype = %question.rtype, error, "not resolved");
                counters.failed.fetch_add(1, Relaxed);
                let failure = Failure {
                    at_ms: now_ms,
                    error,
                };
                target.note(self.key.family, Some(failure));
                None
            }
        };
        engine.pending().remove(&self.key);
        drop(done);
        entry
    }

    /// Asks again shortly before the `entry` runs out, as long as it is told to somebody
    /// meanwhile: nobody waits for what is in use.
    pub(super) async fn keep_fresh(&self, mut entry: Arc<Entry>) {
        while let Some(after_ms) = refresh_after_ms(entry.told.ttl_s) {
            let due_ms = entry.came_ms + after_ms;
            let wait_ms = due_ms.saturating_sub(self.engine.now_ms());
            sleep(Duration::from_millis(wait_ms)).await;
            if !entry.is_used() || self.target.is_retired() {
                return;
            }
            let Ok(_place) = self.engine.places.acquire().await else {
                return;
            };
            let (sender, receiver) = watch::channel(());
            match self.engine.pending().entry(self.key) {
                // It ran out, and somebody has asked.
                MapEntry::Occupied(_) => return,
                MapEntry::Vacant(free) => drop(free.insert(receiver)),
            }
            match self.once(sender).await {
                Some(next) => entry = next,
                None => return,
            }
        }
    }
}

/// How long after an answer came that holds for `ttl_s` seconds it is asked for again:
/// with a tenth of the time left, from one second to ten, but no sooner than after half
/// of it. `None` for one that is not to be kept.
pub(super) fn refresh_after_ms(ttl_s: u32) -> Option<u64> {
    let ttl_ms = u64::from(ttl_s) * 1000;
    let before_ms = (ttl_ms / 10).clamp(1000, 10_000).min(ttl_ms / 2);
    (ttl_s != 0).then_some(ttl_ms - before_ms)
}
