//! Rates of what is only known query by query, estimated from those that are told.

use std::{collections::HashMap, hash::Hash, net::IpAddr};

use super::shown::{Rate, Shown};
use crate::queries::Told;

/// Resolvers that are told apart between two looks; more are not counted by address.
const RESOLVERS_MAX: usize = 65_536;

/// Queries told since the last look.
#[derive(Debug, Default)]
pub(super) struct Sample {
    one_in: u32,
    told: u64,
    lost: u64,
    resolvers: HashMap<IpAddr, u64>,
    groups: HashMap<String, u64>,
}

impl Sample {
    /// Counts what is told, one in so many.
    pub(super) fn take(&mut self, told: &Told, one_in: u32) {
        self.one_in = one_in;
        let query = match told {
            Told::Lost(count) => {
                self.lost += count;
                return;
            }
            Told::Query(query) => query,
        };
        self.told += 1;
        let is_known = self.resolvers.contains_key(&query.resolver);
        if is_known || self.resolvers.len() < RESOLVERS_MAX {
            *self.resolvers.entry(query.resolver).or_default() += 1;
        }
        if let Some(group) = &query.group {
            *self.groups.entry(group.clone()).or_default() += 1;
        }
    }

    /// Adds what was told in so many seconds to what is `shown`, as rates of all queries.
    #[expect(
        clippy::cast_precision_loss,
        reason = "an estimate needs no more than the 52 bits that are kept"
    )]
    pub(super) fn show(&self, shown: &mut Shown, seconds: f64) {
        // What was lost on the way is taken to be like what was not.
        let all = (self.told + self.lost) as f64;
        let each = f64::from(self.one_in) * all / (self.told.max(1) as f64) / seconds;
        let rates = |count: u64| count as f64 * each;
        shown.resolvers = Some(sorted(&self.resolvers, rates));
        shown.groups = Some(sorted(&self.groups, rates));
    }
}

/// The rate of each, the highest first.
fn sorted<K: Hash + ToString>(counts: &HashMap<K, u64>, rate: impl Fn(u64) -> f64) -> Vec<Rate> {
    let named = counts.iter().map(|(key, count)| (key.to_string(), *count));
    let mut named: Vec<_> = named.collect();
    named.sort_by(|(name, count), (other, than)| than.cmp(count).then_with(|| name.cmp(other)));
    let rates = named.into_iter().map(|(name, count)| Rate {
        name,
        per_s: rate(count),
    });
    rates.collect()
}
