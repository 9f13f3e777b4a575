//! What a run comes to, weighted by demand, as clients see it.

use serde::Serialize;

/// All of them. Those of one event are of the first that happens to a site.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) groups: usize,
    pub(super) resolvers: u32,
    /// By how much longer clients wait than at the best server that serves and has
    /// room, of those who are served.
    pub(super) mean_regret_percent: f64,
    /// Demand that waits for more than 20 % longer, or is not served.
    pub(super) off_best_percent: f64,
    /// Demand that is not served.
    pub(super) lost_percent: f64,
    /// How often an answer changed, on average over all groups and services.
    pub(super) moves: f64,
    /// Those of the group, slot and service with the most, an hour.
    pub(super) flips_per_hour: f64,
    /// Those of one group, slot and service within a hold, two TTLs; the most.
    pub(super) flips_per_hold: usize,
    /// Demand that is sent elsewhere than before, an hour.
    pub(super) churn_percent_per_hour: f64,
    /// The busiest second of any site, of its capacity.
    pub(super) max_load_percent: f64,
    /// From the most to the least loaded site that serves, on average.
    pub(super) mean_spread_percent: f64,
    /// From the last change of demand, or the beginning, until no site is above 85 % of
    /// its capacity any more while another within 20 ms is below 70 %.
    pub(super) uneven_for_s: f64,
    /// From then until no site's share of the demand is off its last by 2 % of all.
    pub(super) settled_after_s: f64,
    pub(super) probes_per_s: f64,
    /// From the event until its site is out of every pool, or until the one region that
    /// has lost it is answered with others.
    pub(super) out_after_s: Option<f64>,
    /// Answers of other regions than that one that changed, on average as `moves` is.
    pub(super) other_moves: Option<f64>,
    /// Of the demand that its site had, the part that is elsewhere a minute later.
    pub(super) moved_percent: Option<f64>,
    /// From then until 95 % of it is.
    pub(super) moved_after_s: Option<f64>,
    pub(super) sites: Vec<SiteFigures>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SiteFigures {
    pub(super) name: String,
    pub(super) min_load_percent: f64,
    pub(super) mean_load_percent: f64,
    pub(super) max_load_percent: f64,
    /// Its share of the demand over time: seconds, percent.
    pub(super) demand_percent: Vec<(f64, f64)>,
}
