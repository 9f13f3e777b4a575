//! What is said at the end.

use std::{collections::BTreeMap, time::Duration};

use dns_common::outcome::Outcome;
use serde::Serialize;

use super::stint::Tally;
use crate::{machine::Facts, report};

/// What `--json` writes.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    facts: Facts,
    /// What determined the queries.
    seed: u64,
    seconds: u64,
    queries: u64,
    /// Queries that the planes treated differently.
    differences: u64,
    /// Replies that were none to their query.
    malformed: u64,
    /// Replies of the kernel unlike the authority's.
    authority_differences: u64,
    /// Queries by outcome.
    outcomes: BTreeMap<&'static str, u64>,
}

impl Report {
    pub(super) fn new(facts: Facts, seed: u64, took: Duration, tally: &Tally) -> Self {
        let outcomes = Outcome::ALL.into_iter().zip(tally.outcomes);
        Self {
            facts,
            seed,
            seconds: took.as_secs(),
            queries: tally.queries,
            differences: tally.differences,
            malformed: tally.malformed,
            authority_differences: tally.authority_differences,
            outcomes: outcomes
                .map(|(outcome, count)| (outcome.name(), count))
                .collect(),
        }
    }

    /// Whether nothing was wrong.
    pub(super) fn is_clean(&self) -> bool {
        self.differences + self.malformed + self.authority_differences == 0
    }

    /// Prints what came of the queries, and how many were wrong.
    pub(super) fn print(&self) {
        let outcomes = Outcome::ALL.map(Outcome::name).into_iter();
        let counts = outcomes.map(|name| (name, self.outcomes[name]));
        let rows: Vec<_> = counts
            .filter(|(_, count)| *count != 0)
            .chain([
                ("queries", self.queries),
                ("differences", self.differences),
                ("malformed", self.malformed),
                ("authority_differences", self.authority_differences),
                ("seconds", self.seconds),
            ])
            .map(|(name, count)| [name.to_owned(), count.to_string()])
            .collect();
        report::print_table(["outcome", "count"], &rows);
    }
}
