//! Balance: how long loads take to be even, and demand to stay where it is, after it
//! changed.

use crate::sim::{network::Network, scenario::Scenario};

/// Loads are uneven where one site is above the first, percent of its capacity, while
/// another is below the second that is this much further for some region at most.
const OVER: f64 = 0.85;
const UNDER: f64 = 0.70;
const NEAR_MS: f64 = 20.0;

/// Demand is where it stays once no site's share is further from its last.
const SETTLED: f64 = 0.02;

#[derive(Debug)]
pub(super) struct Balance {
    /// When demand changed last.
    begin: f64,
    uneven_at: Option<f64>,
    /// Each site's share of the demand, second by second from then on.
    shares: Vec<Vec<f64>>,
}

impl Balance {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let steps = scenario.demand.steps.iter().map(|step| step.at_s);
        Self {
            begin: steps.fold(f64::from(scenario.warm_up_s), f64::max),
            uneven_at: None,
            shares: Vec::new(),
        }
    }

    /// Counts the second that begins at `now`, with these requests at each site, which
    /// are these `loads`.
    pub(super) fn second(
        &mut self,
        at_site: &[f64],
        loads: &[f64],
        network: &Network<'_>,
        scenario: &Scenario,
        now: f64,
    ) {
        if now < self.begin {
            return;
        }
        let total: f64 = at_site.iter().sum();
        self.shares
            .push(at_site.iter().map(|requests| requests / total).collect());
        let serving = || (0..loads.len()).filter(|site| network.serves(*site, now));
        let is_near = |over: usize, under: usize| {
            let mut regions = scenario.regions.iter();
            regions.any(|region| {
                let wait = |site| network.client_ms(&region.name, site, now);
                wait(under) <= wait(over) + NEAR_MS
            })
        };
        let is_uneven = serving().any(|over| {
            let mut others = serving().filter(|under| loads[*under] < UNDER);
            loads[over] > OVER && others.any(|under| is_near(over, under))
        });
        if is_uneven {
            self.uneven_at = Some(now);
        }
    }

    /// Seconds until loads were even, and until demand was where it stayed.
    pub(super) fn finish(&self) -> (f64, f64) {
        let even = self.uneven_at.map_or(0.0, |at| at - self.begin + 1.0);
        let is_last = |shares: &Vec<f64>| {
            let last = self.shares.last().into_iter().flatten();
            let mut pairs = shares.iter().zip(last);
            pairs.all(|(share, last)| (share - last).abs() <= SETTLED)
        };
        let unsettled = self.shares.iter().rposition(|shares| !is_last(shares));
        (even, unsettled.map_or(0.0, |last| last as f64 + 1.0))
    }
}
