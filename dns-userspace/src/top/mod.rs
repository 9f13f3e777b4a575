//! `veerctl top`: rates, made of one look at a daemon after another and of the queries that
//! it tells meanwhile.

mod sample;
mod shown;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use crate::{
    control::{stats::Stats, status::Status},
    measurement::director::states::States,
    queries::Told,
};
use sample::Sample;
pub use shown::{Daemon, OutcomeRate, Rate, Server, Shown};

/// Rates of answers that are remembered: as many as fit beside each other on wide terminals.
const HISTORY: usize = 240;

/// What a daemon said of itself at one time.
#[derive(Clone, Debug)]
pub struct Look {
    /// When it was asked, by this process's clock.
    pub at: Instant,
    /// What it is.
    pub status: Status,
    /// What it counted.
    pub stats: Stats,
    /// What it believes of servers.
    pub states: States,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Top {
    last: Option<Look>,
    sample: Sample,
    history: VecDeque<f64>,
}

impl Top {
    /// Takes in what a daemon of which one in so many queries is told says of them.
    pub fn told(&mut self, told: &Told, one_in: u32) {
        self.sample.take(told, one_in);
    }

    /// What there is to show after another `look`, which at first is no rates; or after a
    /// vain one, and why that was. `is_sampled` where queries are told.
    pub fn see(&mut self, look: Result<Look, String>, at_unix_ms: u64, is_sampled: bool) -> Shown {
        let look = match look {
            Ok(look) => look,
            Err(reason) => {
                self.last = None;
                self.sample = Sample::default();
                return Shown::lost(reason, at_unix_ms, self.history.iter().copied().collect());
            }
        };
        let mut shown = Shown::of(&look, at_unix_ms);
        if let Some(last) = &self.last {
            let seconds = (look.at - last.at).as_secs_f64();
            shown.rate(last, &look, seconds);
            self.history.extend(shown.queries_per_s());
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
            if is_sampled {
                self.sample.show(&mut shown, seconds);
            }
        }
        shown.history = self.history.iter().copied().collect();
        self.sample = Sample::default();
        self.last = Some(look);
        shown
    }
}

/// How much `now` counts more than `before`, a second; what has begun anew counts from 0.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate needs no more than the 52 bits that are kept"
)]
fn per_second(before: u64, now: u64, seconds: f64) -> f64 {
    let more = now.checked_sub(before).unwrap_or(now);
    more as f64 / seconds
}

/// Each count of `now` that has grown since `before`, a second, the highest rate first.
fn rates(
    before: &BTreeMap<String, u64>,
    now: &BTreeMap<String, u64>,
    seconds: f64,
) -> Vec<(String, f64)> {
    let rates = now.iter().map(|(name, count)| {
        let before = before.get(name).copied().unwrap_or(0);
        (name.clone(), per_second(before, *count, seconds))
    });
    let mut rates: Vec<_> = rates.filter(|(_, rate)| *rate > 0.0).collect();
    // Those of one rate stay in the order of their names.
    rates.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    rates
}

#[cfg(test)]
mod tests;
