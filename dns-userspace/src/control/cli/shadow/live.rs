//! Live queries that veer gets, as `veerctl tail` has them.

use std::sync::atomic::Ordering::Relaxed;

use dns_common::outcome::Outcome;

use super::feeder::{Passed, Questions};
use crate::{control::client::Tail, queries::Told, shadow::Question};

/// What is told of all queries.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) tail: Tail,
    /// Also of names in none of veer's zones.
    pub(super) wants_outside: bool,
}

impl Questions for Live {
    fn next(&mut self, passed: &Passed) -> Result<Option<Question>, String> {
        loop {
            let told = self.tail.wait().map_err(|error| error.to_string())?;
            let query = match told {
                Told::Query(query) => query,
                Told::Lost(count) => {
                    passed.skipped.fetch_add(count, Relaxed);
                    continue;
                }
            };
            // So many may ask for others' names that veer is spared saying so once more.
            if !self.wants_outside && query.outcome == Outcome::UpUnknownName.name() {
                passed.outside.fetch_add(1, Relaxed);
                continue;
            }
            match Question::of(&query.name, &query.rtype, query.resolver) {
                Ok(question) => return Ok(Some(question)),
                Err(_) => passed.unreadable.fetch_add(1, Relaxed),
            };
        }
    }

    fn is_live(&self) -> bool {
        true
    }
}
