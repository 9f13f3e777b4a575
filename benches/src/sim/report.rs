//! What people see of runs.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::{
    expect::{Check, Got},
    figures::Figures,
};
use crate::{
    curve::{Axis, Curve, Series},
    report::print_table,
};

/// A run's figures, and what was expected of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) scenario: String,
    pub(super) title: String,
    pub(super) simulated_s: u32,
    pub(super) took_s: f64,
    pub(super) figures: Figures,
    /// None where it is only looked at.
    pub(super) checks: Vec<Check>,
}

impl Outcome {
    pub(super) fn passes(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    fn verdict(&self) -> &'static str {
        match (self.checks.is_empty(), self.passes()) {
            (true, _) => "no verdict",
            (false, true) => "pass",
            (false, false) => "FAIL",
        }
    }

    /// The demand on each site over time.
    pub(super) fn draw(&self, file: &Path) -> Result<()> {
        let series = self.figures.sites.iter().map(|site| Series {
            name: site.name.clone(),
            points: site.demand_percent.clone(),
        });
        let curve = Curve {
            title: self.title.clone(),
            x: Axis {
                label: "seconds",
                log: false,
            },
            y: Axis {
                label: "share of the demand, %",
                log: false,
            },
            series: series.collect(),
        };
        curve.write(file)
    }
}

/// One line a run, and one for each expectation that did not come.
pub(super) fn print(outcomes: &[Outcome]) {
    let rows: Vec<[String; 15]> = outcomes
        .iter()
        .map(|outcome| {
            let figures = &outcome.figures;
            let or_none = |value: Option<f64>| value.map_or("–".to_owned(), short);
            [
                outcome.scenario.clone(),
                outcome.verdict().to_owned(),
                short(figures.mean_regret_percent),
                short(figures.off_best_percent),
                short(figures.lost_percent),
                short(figures.flips_per_hour),
                figures.flips_per_hold.to_string(),
                short(figures.churn_percent_per_hour),
                short(figures.max_load_percent),
                short(figures.mean_spread_percent),
                short(figures.uneven_for_s),
                short(figures.settled_after_s),
                or_none(figures.out_after_s),
                or_none(figures.moved_percent),
                or_none(figures.moved_after_s),
            ]
        })
        .collect();
    let heads = [
        "scenario",
        "verdict",
        "regret %",
        "off best %",
        "lost %",
        "flips/h",
        "a hold",
        "churn %/h",
        "max load %",
        "spread %",
        "uneven s",
        "settled s",
        "out s",
        "moved %",
        "95 % s",
    ];
    print_table(heads, &rows);
    for outcome in outcomes {
        for check in outcome.checks.iter().filter(|check| !check.holds) {
            let got = match &check.got {
                None => "nothing".to_owned(),
                Some(Got::Figure(value)) => short(*value),
                Some(Got::Text(text)) => text.clone(),
            };
            println!("{}: {}, got {got}", outcome.scenario, check.expected);
        }
    }
}

/// Three digits of it, or all before the point.
fn short(value: f64) -> String {
    match value.abs() {
        small if small < 9.995 => format!("{value:.2}"),
        middle if middle < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
