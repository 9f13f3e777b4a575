//! The network as it is at any time: what a client finds at a site, and what a
//! probe sees of it.

use std::{collections::VecDeque, f64::consts::TAU, time::Duration};

use veer::{
    measurement::{
        metric::Metric,
        sample::{Readings, Reason, Verdict},
    },
    model::{Probe, ProbeKind},
};

use super::scenario::{Scenario, Site, What};
use crate::random::Random;

/// What answering an error takes, milliseconds.
const ERROR_MS: f64 = 1.0;
/// Beyond this load waiting does not grow any more.
const LOAD_WAITING_MAX: f64 = 0.99;
/// After so long what was lost of a connection is sent again (RFC 6298 section 2).
const SENT_AGAIN_MS: f64 = 1000.0;
/// Days that certificates are good for.
const CERTIFICATE_DAYS: f64 = 60.0;
/// The least that noise leaves of a value.
const NOISE_LEAVES: f64 = 0.05;

#[derive(Clone, Debug)]
pub(super) struct Network<'s> {
    scenario: &'s Scenario,
    /// Share of each site's capacity that is asked for, second by second, the last
    /// one last; as many as the slowest report needs.
    loads: Vec<VecDeque<f64>>,
    /// Where it stands still, since when, seconds.
    since: Option<f64>,
    altered: Option<(usize, Alteration)>,
}

/// How a site is otherwise than the scenario has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alteration {
    /// What is measured of it is so many times as much.
    Times(Metric, f64),
    /// What has happened to it.
    Fate(Option<What>),
}

impl<'s> Network<'s> {
    pub(super) fn new(scenario: &'s Scenario) -> Self {
        Self {
            loads: vec![VecDeque::from([0.0]); scenario.sites.len()],
            scenario,
            since: None,
            altered: None,
        }
    }

    /// The same as it is at `now`, seconds, for ever, but for what is `altered` of a site.
    pub(super) fn standing(&self, now: f64, altered: Option<(usize, Alteration)>) -> Self {
        Self {
            since: Some(now),
            altered,
            ..self.clone()
        }
    }

    /// Takes in what each site was asked for in the last second, of its capacity.
    pub(super) fn set_loads(&mut self, loads: &[f64]) {
        for (number, load) in loads.iter().enumerate() {
            let kept = self.site(number).load_reported_after_s as usize + 1;
            let history = &mut self.loads[number];
            history.push_back(*load);
            if history.len() > kept {
                history.pop_front();
            }
        }
    }

    fn site(&self, number: usize) -> &'s Site {
        &self.scenario.sites[number]
    }

    /// What has happened to the site number `site` at `now`, seconds.
    fn fate(&self, site: usize, now: f64) -> Option<What> {
        if let Some((altered, Alteration::Fate(fate))) = self.altered
            && altered == site
        {
            return fate;
        }
        let name = &self.site(site).name;
        let mut events = self.scenario.events.iter();
        let event = events.find(|event| {
            event.site.as_ref() == Some(name) && event.what != What::Loses && event.is_on(now)
        });
        event.map(|event| event.what)
    }

    /// Whether who goes there is served.
    pub(super) fn serves(&self, site: usize, now: f64) -> bool {
        self.fate(site, now).is_none()
    }

    fn load(&self, site: usize) -> f64 {
        self.loads[site].back().copied().unwrap_or(0.0)
    }

    /// Whether it serves and has room for more.
    pub(super) fn is_feasible(&self, site: usize, now: f64) -> bool {
        self.serves(site, now) && self.load(site) < 1.0
    }

    /// Round trip between the site and the region called `region`, milliseconds.
    fn delay_ms(&self, region: &str, site: usize, now: f64) -> f64 {
        let Site {
            delay_ms,
            drift_percent,
            drift_period_s,
            ..
        } = self.site(site);
        let turn = site as f64 / self.scenario.sites.len() as f64;
        let drift = (TAU * (now / drift_period_s + turn)).sin();
        delay_ms[region] * (1.0 + drift_percent / 100.0 * drift)
    }

    /// The share of packets between the site and the region called `region` that is lost.
    fn loss(&self, region: &str, site: usize, now: f64) -> f64 {
        let name = &self.site(site).name;
        let events = self.scenario.events.iter();
        let of = events.filter(|event| {
            event.what == What::Loses
                && event.site.as_ref() == Some(name)
                && event.region.as_deref() == Some(region)
                && event.is_on(now)
        });
        of.map(|event| event.percent / 100.0).fold(0.0, f64::max)
    }

    /// What the site itself takes for a request that it serves.
    fn service_ms(&self, site: usize) -> f64 {
        self.site(site).service_ms / (1.0 - self.load(site).min(LOAD_WAITING_MAX))
    }

    /// How long a client in `region` waits on average for what the site serves it.
    pub(super) fn client_ms(&self, region: &str, site: usize, now: f64) -> f64 {
        let again = self.loss(region, site, now) * SENT_AGAIN_MS;
        self.delay_ms(region, site, now) + self.service_ms(site) + again
    }

    /// What `probe` of the site sees that is sent from `region` at `now`, and how long it
    /// takes.
    pub(super) fn probe(
        &self,
        probe: &Probe,
        region: &str,
        site: usize,
        now: f64,
        random: &mut Random,
    ) -> (Verdict, Duration) {
        let now = self.since.unwrap_or(now);
        // All times are altered together.
        let longer = Metric::TIMES.map(|metric| self.times(site, metric));
        let longer: f64 = longer.iter().product();
        let timeout = (
            Verdict::Fail {
                reason: Reason::Timeout {
                    after: probe.timeout,
                },
            },
            probe.timeout,
        );
        let events = &self.scenario.events;
        let is_cut_off = events
            .iter()
            .any(|event| event.what == What::ProberCutOff && event.is_on(now));
        let fate = self.fate(site, now);
        if is_cut_off || fate == Some(What::Silent) {
            return timeout;
        }
        // What stands still is measured as it is.
        let deviation = match self.since {
            Some(_) => 0.0,
            None => self.scenario.noise_percent / 100.0,
        };
        let mut noise = |value: f64| value * noise(deviation, random);
        let delay = longer * noise(self.delay_ms(region, site, now));
        let errs = fate == Some(What::Errors);
        let response = delay
            + if errs {
                ERROR_MS
            } else {
                longer * noise(self.service_ms(site))
            };
        let took = match probe.kind {
            ProbeKind::Http { .. } | ProbeKind::Dns { .. } | ProbeKind::Ftp { .. } => response,
            ProbeKind::Tcp { .. }
            | ProbeKind::Icmp { .. }
            | ProbeKind::Agent(_)
            | ProbeKind::Command(_) => delay,
        };
        let loss = self.loss(region, site, now);
        let lost = match probe.kind {
            ProbeKind::Icmp { count } => lost(loss, count, random) / f64::from(count),
            // It says what is so, however it knows.
            ProbeKind::Command(_) => loss,
            _ => lost(loss, 1, random),
        };
        if lost >= 1.0 {
            // The timeout is over before anything is sent again.
            return timeout;
        }
        let reason = match fate {
            Some(What::Refuses) => Some(Reason::Refused),
            Some(What::Errors) => error(&probe.kind),
            _ => None,
        };
        let verdict = if let Some(reason) = reason {
            Verdict::Fail { reason }
        } else {
            let value = |metric| match metric {
                Metric::ResponseTime => Some(response),
                Metric::ConnectTime | Metric::RoundTrip => Some(delay),
                Metric::CertificateDays => Some(CERTIFICATE_DAYS),
                Metric::Errors => Some(if errs { 100.0 } else { 0.0 }),
                Metric::Load | Metric::Cpu => Some(if errs {
                    0.0
                } else {
                    self.times(site, metric) * self.reported_percent(site)
                }),
                Metric::Loss => Some(100.0 * lost * self.times(site, metric)),
                // No policy of a scenario that was read compares them.
                Metric::Bandwidth
                | Metric::Memory
                | Metric::Connections
                | Metric::Availability
                | Metric::Cost => None,
            };
            let readings = probe.metrics().iter();
            let readings = readings.filter_map(|metric| Some((*metric, value(*metric)?)));
            let readings = readings.fold(Readings::default(), |readings, (metric, value)| {
                readings.with(metric, value)
            });
            Verdict::Pass { readings }
        };
        let took = Duration::from_secs_f64(took / 1e3);
        if took > probe.timeout {
            return timeout;
        }
        (verdict, took)
    }

    /// How many times as much `metric` of the site is as the scenario has it.
    fn times(&self, site: usize, metric: Metric) -> f64 {
        match self.altered {
            Some((altered, Alteration::Times(of, times))) if (altered, of) == (site, metric) => {
                times
            }
            _ => 1.0,
        }
    }

    /// The load as it reaches veer.
    fn reported_percent(&self, site: usize) -> f64 {
        100.0 * self.loads[site].front().copied().unwrap_or(0.0)
    }
}

/// Why a probe fails whose target answers with errors; those of connections pass.
fn error(kind: &ProbeKind) -> Option<Reason> {
    match kind {
        ProbeKind::Http { status, .. } => Some(Reason::Status {
            got: 500,
            expected: status.clone(),
        }),
        ProbeKind::Dns { .. } => Some(Reason::Rcode {
            got: "SERVFAIL".to_owned(),
        }),
        ProbeKind::Ftp { .. } => Some(Reason::Ftp {
            call: "connect",
            code: 421,
            said: "Service not available".to_owned(),
        }),
        ProbeKind::Tcp { .. }
        | ProbeKind::Icmp { .. }
        | ProbeKind::Agent(_)
        | ProbeKind::Command(_) => None,
    }
}

/// How many of `count` packets are lost where each is with the probability `loss`.
fn lost(loss: f64, count: u32, random: &mut Random) -> f64 {
    if loss <= 0.0 {
        return 0.0;
    }
    let is_lost = (0..count).filter(|_| uniform(random) < loss);
    is_lost.count() as f64
}

/// Evenly from 0 up to, but not, 1.
fn uniform(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A factor around 1, normally distributed with `deviation`.
fn noise(deviation: f64, random: &mut Random) -> f64 {
    let mut uniform = || uniform(random);
    // Box and Muller; 1 − u is never 0.
    let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
    (1.0 + deviation * radius * (TAU * uniform()).cos()).max(NOISE_LEAVES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_packets_are_lost_as_are_to_be() {
        let mut random = Random::new(1, 0);
        let sum: f64 = (0..10_000).map(|_| lost(0.05, 10, &mut random)).sum();
        assert!((sum / 1e5 - 0.05).abs() < 0.003, "{sum}");
        assert!(lost(1.0, 10, &mut random) > 9.5 && lost(0.0, 10, &mut random) < 0.5);
    }

    #[test]
    fn noise_has_the_deviation_it_is_asked_for() {
        let mut random = Random::new(1, 0);
        let values: Vec<f64> = (0..100_000).map(|_| noise(0.2, &mut random)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let deviation = (squares.sum::<f64>() / values.len() as f64).sqrt();
        assert!((mean - 1.0).abs() < 0.005 && (deviation - 0.2).abs() < 0.005);
    }
}
