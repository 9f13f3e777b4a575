//! What the daemon's counters would have of each group.

use std::{collections::BTreeMap, time::Duration};

use veer::{measurement::demand::Counted, model::Plan};

use super::{clients::Asked, scenario::Scenario};

/// How often they are read, seconds.
const READ_EVERY_S: u32 = 60;

/// Queries of groups: as many as their clients' requests, since resolvers of all have the
/// same habits.
pub(super) struct Counters {
    /// By region the numbers of its groups, which ask for as much each.
    groups: Vec<Vec<u16>>,
    /// By region, since they were read.
    requests: Vec<f64>,
    /// By group number, the last time.
    answers: Vec<u64>,
    counted: Counted,
}

impl Counters {
    pub(super) fn new(scenario: &Scenario, plan: &Plan) -> Self {
        let numbers: BTreeMap<_, _> = plan.groups.names.iter().zip(0_u16..).collect();
        let regions = scenario.regions.iter();
        let groups = regions.map(|region| {
            let groups = region.group_names().map(|name| numbers[&name]);
            groups.collect()
        });
        Self {
            groups: groups.collect(),
            requests: vec![0.0; scenario.regions.len()],
            answers: vec![0; plan.groups.names.len()],
            counted: Counted::new(1, &[]),
        }
    }

    /// Counts what was `asked` in the second with this number; what is known, if they are
    /// read after it.
    #[expect(clippy::cast_sign_loss, reason = "requests are not negative")]
    pub(super) fn second(&mut self, asked: &[Asked], second: u32) -> Option<Counted> {
        for asked in asked {
            self.requests[asked.region] += asked.requests.iter().sum::<f64>();
        }
        if !(second + 1).is_multiple_of(READ_EVERY_S) {
            return None;
        }
        for (groups, requests) in self.groups.iter().zip(&mut self.requests) {
            let each = (*requests / groups.len() as f64).round() as u64;
            for group in groups {
                self.answers[usize::from(*group)] = each;
            }
            *requests = 0.0;
        }
        let passed = Duration::from_secs(READ_EVERY_S.into());
        self.counted.add(&self.answers, passed);
        Some(self.counted.clone())
    }
}
