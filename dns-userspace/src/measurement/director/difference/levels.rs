//! Levels that are others.

use serde::{Deserialize, Serialize};

use super::Director;

/// A service whose level is another, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelChange {
    /// Its name.
    pub service: String,
    /// Whose it is.
    pub customer: String,
    /// What is in force before; `None` where it had no level.
    pub from: Option<String>,
    /// What is in force then.
    pub to: String,
    /// What is to come then, and when.
    pub next: Option<String>,
}

impl Director {
    /// Services whose level is another in `next`, or is to be.
    pub(super) fn level_changes(&self, next: &Self) -> Vec<LevelChange> {
        let pools = self.pools_of_services();
        let changes = next.plan.services.iter().filter_map(|(service, pool)| {
            let (to, to_come) = next.level_in_words(*pool)?;
            let before = pools.get(&service.name);
            let before = before.and_then(|pool| self.level_in_words(*pool));
            let (from, was_to_come) = before.unzip();
            let is_other = from.as_ref() != Some(&to) || was_to_come.as_ref() != Some(&to_come);
            is_other.then(|| LevelChange {
                service: service.name.fmt_with_dot().to_string(),
                customer: service.customer.clone(),
                from,
                to,
                next: to_come,
            })
        });
        changes.collect()
    }
}
