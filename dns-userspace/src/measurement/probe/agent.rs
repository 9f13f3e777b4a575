//! Agent probe: what does a server, or a foreign CDN, report of itself?

use std::time::{Duration, SystemTime};

use super::{Destination, errors::Failure, http::Get, tls::Connectors};
use crate::{
    agent::{
        figures::Figures,
        report::{self, Freshness},
    },
    measurement::{
        metric::Metric,
        sample::{Readings, Reason},
    },
    model::Agent,
};

const BITS_PER_MBIT: f64 = 1e6;

/// Asks for a report, which must not be older than `age_max`.
pub(super) async fn probe(
    destination: Destination,
    agent: &Agent,
    age_max: Duration,
    connectors: &Connectors,
) -> Result<Readings, Failure> {
    let get = Get {
        destination,
        tls: agent.tls.as_ref(),
        host: &agent.host,
        path: &agent.path,
        status: &[200],
        body: None,
        authorization: Some(&format!("Bearer {}", agent.token.0)),
    };
    let (_, body) = get.fetch(connectors).await?;
    let refused = |refusal: String| Failure::Target(Reason::Report { refusal });
    let fresh = Freshness {
        age_max,
        ahead_max: report::AHEAD_MAX,
    };
    let report = report::parse(&body, SystemTime::now(), fresh);
    let report = report.map_err(|refusal| refused(refusal.to_string()))?;
    if report.kind != agent.kind {
        let (is, wanted) = (report.kind.name(), agent.kind.name());
        return Err(refused(format!("of {is}, expected one of {wanted}")));
    }
    Ok(readings(&report.figures))
}

/// What is not in a report was not measured.
fn readings(figures: &Figures) -> Readings {
    let percent = |share: Option<f64>| share.map(|share| 100.0 * share);
    let mbit_s = figures
        .available_bits_per_s()
        .map(|bits| bits / BITS_PER_MBIT);
    let values = [
        (Metric::Load, percent(figures.traffic_load())),
        (Metric::Cpu, percent(figures.cpu_share)),
        (Metric::Memory, percent(figures.memory_share)),
        (Metric::Connections, figures.connections),
        (Metric::Bandwidth, mbit_s),
        (Metric::Errors, percent(figures.error_share)),
    ];
    let known = values.into_iter();
    let known = known.filter_map(|(metric, value)| Some((metric, value?)));
    known.fold(Readings::default(), |readings, (metric, value)| {
        readings.with(metric, value)
    })
}
