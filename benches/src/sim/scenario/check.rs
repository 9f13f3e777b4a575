//! What a scenario must be to mean something.

use anyhow::{Result, ensure};
use veer::{config::Config, measurement::metric::Metric, model::Policy};

use super::{Habit, Scenario, What};

/// Groups besides the default one; their numbers have 16 bits.
const GROUPS_MAX: usize = 65_534;
/// The longest that a simulated resolver keeps an answer, seconds: for each of
/// them there is a slot in every cohort.
const KEPT_S_MAX: u32 = 3600;

/// What a policy can compare here: what is simulated, or known without a probe.
const SIMULATED: [Metric; 10] = [
    Metric::Loss,
    Metric::Load,
    Metric::Cpu,
    Metric::ResponseTime,
    Metric::ConnectTime,
    Metric::RoundTrip,
    Metric::Errors,
    Metric::CertificateDays,
    Metric::Availability,
    Metric::Cost,
];

/// Refuses what cannot be played with the services of `config`.
pub(super) fn check(scenario: &Scenario, config: &Config) -> Result<()> {
    let Scenario {
        regions,
        sites,
        demand,
        ..
    } = scenario;
    let duration = scenario.duration_s;
    ensure!(duration > 0, "duration_s is 0");
    ensure!(
        scenario.warm_up_s < duration,
        "warm_up_s is not below duration_s"
    );
    ensure!(!config.services.is_empty(), "there is no service beside it");
    positive("demand.requests_per_s", demand.requests_per_s)?;
    ensure!(demand.resolvers > 0, "demand.resolvers is 0");
    within("demand.zipf", demand.zipf, 3.0)?;
    within("demand.diurnal_percent", demand.diurnal_percent, 100.0)?;
    for step in &demand.steps {
        within("demand.step.at_s", step.at_s, f64::from(duration))?;
        within("demand.step.percent", step.percent, 1000.0)?;
    }
    let times = demand.steps.iter().map(|step| step.at_s);
    ensure!(
        times.is_sorted_by(|one, next| one < next),
        "demand.step: at_s does not rise from each to the next"
    );
    within("noise_percent", scenario.noise_percent, 100.0)?;
    unique("region", regions.iter().map(|region| &region.name))?;
    unique("site", sites.iter().map(|site| &site.name))?;
    let is_region = |name: &String| regions.iter().any(|region| region.name == *name);
    ensure!(is_region(&scenario.host), "host names no region");
    let total: f64 = regions.iter().map(|region| region.demand_percent).sum();
    ensure!(
        (total - 100.0).abs() < 1e-6,
        "the regions have {total} percent of the demand together"
    );
    let groups: usize = regions.iter().map(|region| region.groups as usize).sum();
    ensure!(
        groups + config.groups.names.len() <= GROUPS_MAX + 1,
        "there are {groups} groups; valid: at most {GROUPS_MAX}"
    );
    for region in regions {
        ensure!(region.groups > 0, "region {} has no group", region.name);
        positive("demand_percent", region.demand_percent)?;
        within("peak_hour", region.peak_hour, 24.0)?;
    }
    for site in sites {
        let delays = || site.delay_ms.keys();
        ensure!(
            delays().all(is_region) && delays().len() == regions.len(),
            "site {}: delay_ms does not have each region once",
            site.name
        );
        for delay in site.delay_ms.values() {
            positive("delay_ms", *delay)?;
        }
        positive("capacity_per_s", site.capacity_per_s)?;
        positive("drift_period_s", site.drift_period_s)?;
        within("service_ms", site.service_ms, 60_000.0)?;
        within("drift_percent", site.drift_percent, 99.0)?;
        ensure!(
            site.load_reported_after_s <= duration,
            "site {}: load_reported_after_s is longer than the scenario",
            site.name
        );
    }
    check_events(scenario)?;
    check_habits(scenario, config)?;
    if let Some(moment) = &scenario.explain {
        ensure!(
            moment.at_s < duration,
            "explain.at_s is not below duration_s"
        );
    }
    scenario.expect.check(scenario)?;
    check_services(scenario, config)
}

fn check_events(scenario: &Scenario) -> Result<()> {
    for event in &scenario.events {
        within("event.at_s", event.at_s, f64::from(scenario.duration_s))?;
        if let Some(until) = event.until_s {
            ensure!(until > event.at_s, "an event ends before it begins");
        }
        let known = |name: &String| scenario.sites.iter().any(|site| site.name == *name);
        let at_site = event.site.as_ref().is_some_and(known);
        let region = event.region.as_ref();
        let in_region =
            region.is_some_and(|name| scenario.regions.iter().any(|of| of.name == *name));
        let (fits, needs) = match event.what {
            What::ProberCutOff => (
                event.site.is_none() && region.is_none(),
                "no site or region",
            ),
            What::Silent | What::Refuses | What::Errors => (
                at_site && region.is_none(),
                "a site that there is, and no region",
            ),
            What::Loses => (at_site && in_region, "a site and a region that there are"),
        };
        ensure!(
            fits,
            "an event at {} s: {:?} needs {needs}",
            event.at_s,
            event.what
        );
        let range = if event.what == What::Loses {
            f64::MIN_POSITIVE..=100.0
        } else {
            0.0..=0.0
        };
        ensure!(
            range.contains(&event.percent),
            "an event at {} s: percent is {}; valid: above 0, to 100, where packets are lost",
            event.at_s,
            event.percent
        );
    }
    Ok(())
}

fn check_habits(scenario: &Scenario, config: &Config) -> Result<()> {
    let habits = &scenario.habits;
    let total: f64 = habits.iter().map(|habit| habit.percent).sum();
    ensure!(
        (total - 100.0).abs() < 1e-6 && habits.iter().all(|habit| habit.percent >= 0.0),
        "the habits are of {total} percent of the resolvers together"
    );
    let longest = config.services.iter().flat_map(|service| {
        let kept = move |habit: &Habit| habit.kept_s(service.ttl_s);
        habits.iter().map(kept)
    });
    let longest = longest.max().unwrap_or(0);
    ensure!(
        longest <= KEPT_S_MAX,
        "a resolver would keep answers for {longest} s; valid: at most {KEPT_S_MAX}"
    );
    Ok(())
}

fn check_services(scenario: &Scenario, config: &Config) -> Result<()> {
    for service in &config.services {
        ensure!(
            service.pool.hand_overs.is_empty(),
            "hand-overs are not simulated; valid: a server in place of each"
        );
        ensure!(
            service.pool.answers == 1,
            "answers of several servers are not simulated; valid: answers = 1"
        );
        let is_drawn = matches!(
            service.pool.policy,
            Policy::Weighted {
                is_sticky: false,
                ..
            }
        );
        ensure!(
            !is_drawn,
            "resolvers that are drawn for are not simulated; valid: sticky = true"
        );
        for server in &service.pool.servers {
            let known = scenario.sites.iter().any(|site| site.name == server.name);
            ensure!(known, "server {} stands at no site", server.name);
            ensure!(
                !server.v4.is_empty(),
                "server {} has no IPv4 address, which is what is asked for",
                server.name
            );
        }
        for probe in &service.pool.probes {
            let mut regions = scenario.regions.iter();
            let groups = &probe.probe.groups;
            ensure!(
                groups.is_empty() || regions.any(|region| groups.iter().all(|of| region.has(of))),
                "a probe measures for {}; valid: groups of one region",
                groups.join(", ")
            );
        }
        for metric in service.pool.policy.metrics() {
            let valid = SIMULATED.map(Metric::name).join(", ");
            ensure!(
                SIMULATED.contains(&metric),
                "{metric} is not simulated; valid: {valid}"
            );
        }
    }
    Ok(())
}

fn positive(key: &str, value: f64) -> Result<()> {
    ensure!(
        value.is_finite() && value > 0.0,
        "{key} is {value}; valid: above 0"
    );
    Ok(())
}

fn within(key: &str, value: f64, max: f64) -> Result<()> {
    ensure!(
        (0.0..=max).contains(&value),
        "{key} is {value}; valid: 0 to {max}"
    );
    Ok(())
}

fn unique<'n>(what: &str, names: impl Iterator<Item = &'n String>) -> Result<()> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    ensure!(!names.is_empty(), "there is no {what}");
    for pair in names.windows(2) {
        ensure!(pair[0] != pair[1], "there are two {what}s {}", pair[0]);
    }
    Ok(())
}
