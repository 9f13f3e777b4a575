//! One moment of a scenario, in which `explain` is asked: whether it names the true cause,
//! and whether the network, altered as it states, makes the director decide as it states.

use std::time::Duration;

use anyhow::{Context as _, Result};
use dns_common::decision::Family;
use serde::Deserialize;
use veer::measurement::{
    director::{
        Director,
        explain::Outcome,
        nearest::{Alteration as Stated, Nearest},
    },
    health::State,
};

use super::{
    expect::{Check, Got},
    network::{Alteration, Network},
    run::Prober,
    scenario::{Region, Scenario, What},
};

/// For so long a network that stands still is probed: until what was measured before it
/// was altered counts for nothing.
const PROBED_FOR: Duration = Duration::from_mins(10);

/// The end of a hold is noticed with the next sample.
const NOTICED: Duration = Duration::from_secs(2);

/// By so much of its value a value is altered further than is stated: what was measured
/// until then was noisy.
const BEYOND: f64 = 0.1;

/// When `explain` is asked, and what it is to say of the first service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moment {
    /// At the end of this second.
    pub(super) at_s: u32,
    /// Whose first group asks; by default the first region's.
    region: Option<String>,
    /// What the cause that it names begins with.
    pub(super) cause: String,
}

/// A run at one moment, from which others part.
pub(super) struct Fork<'r> {
    pub(super) scenario: &'r Scenario,
    pub(super) director: &'r Director,
    pub(super) prober: &'r Prober,
    pub(super) network: &'r Network<'r>,
    pub(super) at: Duration,
}

impl Fork<'_> {
    /// Whether the cause is the one that `moment` has, and the nearest change is what it
    /// takes and no less.
    pub(super) fn checks(&self, moment: &Moment) -> Result<Vec<Check>> {
        let plan = self.director.plan();
        let regions = self.scenario.regions.iter();
        let asks = |of: &&Region| moment.region.as_ref().is_none_or(|name| of.name == *name);
        let mut names = regions.filter(asks).flat_map(Region::group_names);
        let group = names.next().and_then(|name| plan.groups.number(&name));
        let group = group.context("no region has a group")?;
        let (_, pool) = plan.services.first().context("there is no service")?;
        let now = self.prober.begin + self.at;
        let explained = self.director.explain(*pool, group, 0, now);
        let explained = explained.context("no such pool or group")?;
        let cause = match (&explained.suspicion, &explained.last_change) {
            (Some(suspicion), _) => suspicion.reason.clone(),
            (None, Some(last)) => last.cause.to_string(),
            (None, None) => "nothing".to_owned(),
        };
        let mut checks = vec![Check {
            expected: format!("explain.cause = {:?}", moment.cause),
            holds: cause.starts_with(&moment.cause),
            got: Some(Got::Text(cause)),
        }];
        let Some(nearest) = self.director.nearest(*pool, (group, 0), Family::V4, now) else {
            checks.push(Check {
                expected: "a nearest change".to_owned(),
                got: None,
                holds: false,
            });
            return Ok(checks);
        };
        let decided = |director: &Director| -> Outcome {
            let now = self.prober.begin + self.at;
            let explained = director.explain(*pool, group, 0, now);
            explained.map_or(Outcome::NoData, |explained| explained.a)
        };
        let Nearest {
            alteration, then, ..
        } = &nearest;
        for (what, share, expected) in [
            ("nothing", 0.0, &explained.a),
            ("half of it", 0.5, &explained.a),
            ("all of it", 1.0, then),
        ] {
            let Some(end) = self.after(alteration, share) else {
                continue;
            };
            let got = decided(&end);
            checks.push(Check {
                expected: format!("{alteration}: with {what} {expected}"),
                holds: got == *expected,
                got: Some(Got::Text(got.to_string())),
            });
        }
        Ok(checks)
    }

    /// What the director comes to once so large a `share` of what is stated has happened;
    /// `None` where that means nothing.
    fn after(&self, stated: &Stated, share: f64) -> Option<Director> {
        let site = |name: &String| {
            let mut sites = self.scenario.sites.iter();
            sites.position(|site| site.name == *name)
        };
        let is_whole = share >= 1.0;
        let altered = match stated {
            _ if share <= 0.0 => None,
            Stated::Value {
                server,
                metric,
                from,
                to,
                ..
            } => {
                let from = from.filter(|from| *from > 0.0)?;
                let change = to / from - 1.0;
                let beyond = if is_whole { BEYOND } else { 0.0 };
                let times = 1.0 + share * change + beyond.copysign(change);
                Some((site(server)?, Alteration::Times(*metric, times)))
            }
            Stated::State { server, to } if is_whole => {
                let fate = (*to == State::Down).then_some(What::Refuses);
                Some((site(server)?, Alteration::Fate(fate)))
            }
            Stated::SuspicionEnds if is_whole => None,
            Stated::HoldEnds { .. } => None,
            _ => return None,
        };
        let mut director = self.director.clone();
        let mut prober = self.prober.clone();
        let network = self.network.standing(self.at.as_secs_f64(), altered);
        if is_whole && *stated == Stated::SuspicionEnds {
            director.set_suspect_percent(100, self.prober.begin + self.at);
        }
        let probed_for = match stated {
            Stated::HoldEnds { in_ms, .. } => {
                let hold = Duration::from_secs_f64(in_ms / 1e3).mul_f64(share);
                if is_whole { hold + NOTICED } else { hold }
            }
            _ => PROBED_FOR,
        };
        while let Some(sample) = prober.next(&network, self.at + probed_for) {
            director.observe(&sample);
        }
        Some(director)
    }
}
