//! What a replay tells.

use serde::Serialize;

use crate::measurement::metric::Metric;

/// What would have differed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Replayed {
    /// Of the first measurement, milliseconds since 1970.
    pub from_unix_ms: u64,
    /// Of the last one.
    pub to_unix_ms: u64,
    /// How much of that time counts, seconds: from the end of the first round on, and
    /// without gaps.
    pub counted_s: f64,
    /// How often nothing was measured for longer than probes take.
    pub gaps: u64,
    /// For how long in all, seconds.
    pub gaps_s: f64,
    /// Measurements that were taken in.
    pub samples: u64,
    /// Those that the log has lost.
    pub lost: u64,
    /// Lines of the log that could not be read.
    pub unreadable: u64,
    /// The first of those.
    pub first_unreadable: Option<String>,
    /// What the configuration before probes.
    pub probes_before: Fed,
    /// What the other one does.
    pub probes_then: Fed,
    /// Names that are steered only by the other configuration; they count nowhere.
    pub added: Vec<String>,
    /// Names that are steered only by the one before; they count nowhere.
    pub removed: Vec<String>,
    /// All services together, each as much as another.
    pub all: Compared,
    /// Services of both, those with most demand elsewhere first.
    pub services: Vec<ServiceReplayed>,
    /// What all of this supposes.
    pub supposes: &'static str,
}

/// What is recorded of what a configuration probes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fed {
    /// How many targets it has.
    pub targets: usize,
    /// Of how many there is nothing in the log: they count as not measured.
    pub without_samples: usize,
    /// The first of these.
    pub named: Vec<String>,
}

/// What two configurations come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Compared {
    /// Share of time and demand that would have been answered otherwise, percent.
    pub elsewhere_percent: f64,
    /// With the configuration before.
    pub before: Figures,
    /// With the other.
    pub then: Figures,
}

/// What one configuration comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// How often an hour what some resolvers get changed.
    pub flips_per_hour: f64,
    /// Share of time and demand that was handed over, percent.
    pub handed_over_percent: f64,
    /// Share that got no address at all, percent.
    pub nobody_percent: f64,
    /// Mean of what was measured of who was chosen, by time and demand, milliseconds;
    /// `None` where nothing was.
    pub latency_ms: Option<f64>,
    /// Share of time and demand for which that is not known, percent.
    pub latency_unknown_percent: f64,
    /// Mean of the load that who was chosen reported, percent.
    pub load_percent: Option<f64>,
    /// Share of time and demand for which that is not known, percent.
    pub load_unknown_percent: f64,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceReplayed {
    /// Its name.
    pub service: String,
    /// Whose it is.
    pub customer: String,
    /// What its latency is: the first of those that both measure.
    pub latency: Option<Metric>,
    /// Both configurations.
    #[serde(flatten)]
    pub compared: Compared,
    /// Who took how much; candidates of both, by name.
    pub candidates: Vec<CandidateReplayed>,
}

/// One candidate of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CandidateReplayed {
    /// Its name.
    pub candidate: String,
    /// Share of time and demand that it had, percent; 0 where it is no candidate.
    pub before_percent: f64,
    /// The same with the other configuration.
    pub then_percent: f64,
    /// Mean of what was measured of it while it was chosen, milliseconds.
    pub latency_before_ms: Option<f64>,
    /// The same with the other configuration.
    pub latency_then_ms: Option<f64>,
    /// Mean of the load that it reported while it was chosen, percent.
    pub load_before_percent: Option<f64>,
    /// The same with the other configuration.
    pub load_then_percent: Option<f64>,
}
