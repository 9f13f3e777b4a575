//! What a scenario expects, and whether it came.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    figures::Figures,
    scenario::{Scenario, What},
};

/// Bounds of figures, each if it is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    max_mean_regret_percent: Option<f64>,
    max_off_best_percent: Option<f64>,
    max_lost_percent: Option<f64>,
    max_moves: Option<f64>,
    /// For a scenario that shows nothing where nothing moves.
    min_moves: Option<f64>,
    max_flips_per_hour: Option<f64>,
    max_flips_per_hold: Option<u32>,
    max_churn_percent_per_hour: Option<f64>,
    max_load_percent: Option<f64>,
    even_within_s: Option<f64>,
    settled_within_s: Option<f64>,
    out_within_s: Option<f64>,
    /// 95 % of the demand, after the event.
    moved_within_s: Option<f64>,
    /// Of other regions than the one that packets are lost of.
    max_other_moves: Option<f64>,
    /// A minute after the site is out.
    min_moved_percent: Option<f64>,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Got {
    Figure(f64),
    Text(String),
}

/// One expectation, and what came.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    /// As the scenario has it.
    pub(super) expected: String,
    /// `None` where what is measured did not happen.
    pub(super) got: Option<Got>,
    pub(super) holds: bool,
}

impl Expect {
    /// Refuses what `scenario` cannot show.
    pub(super) fn check(&self, scenario: &Scenario) -> Result<()> {
        let of_a_site = [
            self.out_within_s,
            self.moved_within_s,
            self.min_moved_percent,
        ];
        let is_of_a_site = of_a_site.iter().any(Option::is_some);
        let mut at_sites = scenario.events.iter();
        let first = at_sites.find(|event| event.what != What::ProberCutOff);
        ensure!(
            !is_of_a_site || first.is_some(),
            "out_within_s, moved_within_s and min_moved_percent need an event at a site"
        );
        ensure!(
            self.max_other_moves.is_none() || first.is_some_and(|first| first.region.is_some()),
            "max_other_moves needs an event of a region, before any other at a site"
        );
        Ok(())
    }

    /// Each of them, as `figures` have it.
    pub(super) fn checks(&self, figures: &Figures) -> Vec<Check> {
        let at_most = |name: &str, limit: Option<f64>, got: Option<f64>| {
            limit.map(|limit| Check {
                expected: format!("{name} = {limit}"),
                got: got.map(Got::Figure),
                holds: got.is_some_and(|got| got <= limit),
            })
        };
        let at_least = |name: &str, limit: Option<f64>, got: Option<f64>| {
            limit.map(|limit| Check {
                expected: format!("{name} = {limit}"),
                got: got.map(Got::Figure),
                holds: got.is_some_and(|got| got >= limit),
            })
        };
        let checks = [
            at_most(
                "max_mean_regret_percent",
                self.max_mean_regret_percent,
                Some(figures.mean_regret_percent),
            ),
            at_most(
                "max_off_best_percent",
                self.max_off_best_percent,
                Some(figures.off_best_percent),
            ),
            at_most(
                "max_lost_percent",
                self.max_lost_percent,
                Some(figures.lost_percent),
            ),
            at_most("max_moves", self.max_moves, Some(figures.moves)),
            at_least("min_moves", self.min_moves, Some(figures.moves)),
            at_most(
                "max_flips_per_hour",
                self.max_flips_per_hour,
                Some(figures.flips_per_hour),
            ),
            at_most(
                "max_flips_per_hold",
                self.max_flips_per_hold.map(f64::from),
                Some(figures.flips_per_hold as f64),
            ),
            at_most(
                "max_churn_percent_per_hour",
                self.max_churn_percent_per_hour,
                Some(figures.churn_percent_per_hour),
            ),
            at_most(
                "max_load_percent",
                self.max_load_percent,
                Some(figures.max_load_percent),
            ),
            at_most(
                "even_within_s",
                self.even_within_s,
                Some(figures.uneven_for_s),
            ),
            at_most(
                "settled_within_s",
                self.settled_within_s,
                Some(figures.settled_after_s),
            ),
            at_most("out_within_s", self.out_within_s, figures.out_after_s),
            at_most("moved_within_s", self.moved_within_s, moved_within(figures)),
            at_most("max_other_moves", self.max_other_moves, figures.other_moves),
            at_least(
                "min_moved_percent",
                self.min_moved_percent,
                figures.moved_percent,
            ),
        ];
        checks.into_iter().flatten().collect()
    }
}

/// From the event until most of the demand is elsewhere.
fn moved_within(figures: &Figures) -> Option<f64> {
    Some(figures.out_after_s? + figures.moved_after_s?)
}
