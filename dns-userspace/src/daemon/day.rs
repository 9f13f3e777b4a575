//! The time of day, which agreed levels go by: the one place where it comes in from the
//! clock on the wall, which may be set, so that no timer says when it is time.

use tokio::time::Instant;
use tracing::warn;

use super::Daemon;
use crate::{
    clock,
    measurement::director::{Change, Director},
};

/// Services that are named where no level is in force for them; the others are counted.
const NAMED: usize = 20;

/// Says to `director` what time it is; the words that changes.
pub(super) fn say(director: &mut Director) -> Vec<Change> {
    director.set_time_of_day(clock::unix_ms(), Instant::now())
}

/// Warns of services of `director` whose level is agreed on and not in force.
pub(super) fn warn_of_levels(director: &Director) {
    let mut without = 0;
    for (service, customer, level) in director.levels() {
        if level.in_force().is_some() {
            continue;
        }
        without += 1;
        if without <= NAMED {
            warn!("{service} of customer {customer}: {}", level.why_none());
        }
    }
    if without > NAMED {
        let more = without - NAMED;
        warn!("so it is for {more} more services");
    }
}

impl Daemon {
    /// Has levels come into force whose time has come.
    pub(super) fn tell_time(&mut self) {
        let changes = say(&mut self.director);
        self.publish_words(&changes);
    }
}
