//! A scenario: a directory with services as `veerd` reads them, and beside them
//! `scenario.toml`, which says who asks, what is there to be found, what happens
//! to it and what is expected then.

mod check;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use veer::{
    config,
    model::{Groups, Plan, Probe},
};

use super::{expect::Expect, moment::Moment, resolvers::Habit};

/// The file, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What happens, in a few words.
    pub(super) title: String,
    /// The time of day at the beginning, by which agreed levels are in force.
    #[serde(default)]
    pub(super) begins_unix_s: u64,
    /// How long it goes on, seconds.
    pub(super) duration_s: u32,
    /// What happens before is in no figure: at first one value is all that is known.
    #[serde(default)]
    pub(super) warm_up_s: u32,
    /// What determines all noise.
    #[serde(default)]
    pub(super) seed: u64,
    /// Region that veer probes from.
    pub(super) host: String,
    /// Standard deviation of what probes measure, of the value itself.
    #[serde(default)]
    pub(super) noise_percent: f64,
    pub(super) demand: Demand,
    #[serde(rename = "region")]
    pub(super) regions: Vec<Region>,
    #[serde(rename = "site")]
    pub(super) sites: Vec<Site>,
    #[serde(default, rename = "event")]
    pub(super) events: Vec<Event>,
    /// What resolvers do with answers; by default [`Habit::usual`].
    #[serde(default = "Habit::usual", rename = "habit")]
    pub(super) habits: Vec<Habit>,
    /// What `explain` must say of it.
    pub(super) explain: Option<Moment>,
    /// What must come of it; without anything it is only looked at.
    #[serde(default)]
    pub(super) expect: Expect,
}

/// What clients ask for, all services alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Demand {
    /// Requests a second, each after a look-up, when all regions are at their peak.
    pub(super) requests_per_s: f64,
    /// How many resolver prefixes they come through.
    pub(super) resolvers: u32,
    /// Their shares go by rank to the power of minus this.
    #[serde(default = "one")]
    pub(super) zipf: f64,
    /// By how much less a region asks at its quietest hour than at its peak.
    #[serde(default)]
    pub(super) diurnal_percent: f64,
    /// Times from which on there is more of it, or less, in order.
    #[serde(default, rename = "step")]
    pub(super) steps: Vec<Step>,
}

/// From a time on demand is another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) at_s: f64,
    /// Of what it is without any step.
    pub(super) percent: f64,
}

fn one() -> f64 {
    1.0
}

/// Clients and resolvers that have the same way to every site.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Region {
    /// Of one group it is the group's name, of more its beginning.
    pub(super) name: String,
    pub(super) groups: u32,
    /// Its share of the demand; all together have 100.
    pub(super) demand_percent: f64,
    /// Hour of its peak, after the beginning.
    #[serde(default)]
    pub(super) peak_hour: f64,
}

/// Where servers stand: all that are called so, of whichever service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Site {
    pub(super) name: String,
    /// Round trip from each region.
    pub(super) delay_ms: BTreeMap<String, f64>,
    /// Requests a second that it has room for.
    pub(super) capacity_per_s: f64,
    /// What it takes for a request when idle; at a load of L it is 1 / (1 − L) times as much.
    #[serde(default)]
    pub(super) service_ms: f64,
    /// By how much delays to it swing, those of all regions together.
    #[serde(default)]
    pub(super) drift_percent: f64,
    /// From one swing to the next; sites are evenly out of step.
    #[serde(default = "hour")]
    pub(super) drift_period_s: f64,
    /// How old the load is that it reports.
    #[serde(default)]
    pub(super) load_reported_after_s: u32,
}

fn hour() -> f64 {
    3600.0
}

/// Something that begins, and may end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) at_s: f64,
    /// By default it lasts.
    pub(super) until_s: Option<f64>,
    pub(super) what: What,
    /// Whom it happens to; nobody when the prober is cut off.
    pub(super) site: Option<String>,
    /// Between whom and the site packets are lost.
    pub(super) region: Option<String>,
    /// How many of them.
    #[serde(default)]
    pub(super) percent: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// The site answers nothing.
    Silent,
    /// It refuses connections.
    Refuses,
    /// It answers status 500 after a millisecond, and reports no load.
    Errors,
    /// Packets between it and one region are lost, of clients and of probes there.
    Loses,
    /// Whatever veer sends is lost, and clients notice nothing.
    ProberCutOff,
}

impl Scenario {
    /// The time of day at the beginning of `second`, milliseconds since 1970.
    pub(super) fn unix_ms(&self, second: u32) -> u64 {
        self.begins_unix_s
            .saturating_add(second.into())
            .saturating_mul(1000)
    }

    /// Where samples of `probe` are taken.
    pub(super) fn vantage(&self, probe: &Probe) -> &str {
        let mut regions = self.regions.iter();
        let of = probe.groups.first();
        let of = of.and_then(|group| regions.find(|region| region.has(group)));
        of.map_or(&self.host, |region| &region.name)
    }
}

impl Event {
    /// Whether it goes on at `now`, seconds.
    pub(super) fn is_on(&self, now: f64) -> bool {
        self.at_s <= now && self.until_s.is_none_or(|until| now < until)
    }
}

/// A scenario, and what the daemon would make of the services beside it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) scenario: Scenario,
    pub(super) plan: Plan,
    pub(super) suspect_percent: u8,
}

/// Reads the scenario in `dir` with so many groups and resolvers that each of them
/// stands for `fewer`.
pub(super) fn load(dir: &Path, fewer: u32) -> Result<Loaded> {
    let file = dir.join("scenario.toml");
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let scenario = toml::from_str(&text).with_context(|| format!("{}", file.display()))?;
    let mut scenario: Scenario = scenario;
    scenario.demand.resolvers = scenario.demand.resolvers.div_ceil(fewer);
    for region in &mut scenario.regions {
        region.groups = region.groups.div_ceil(fewer);
    }
    let config = config::load(dir)?;
    let suspect_percent = config.settings.health_suspect_percent;
    check::check(&scenario, &config).with_context(|| format!("{}", file.display()))?;
    let names = groups(&config.groups, &scenario.regions);
    let groups = Groups {
        names,
        ..Groups::default()
    };
    Ok(Loaded {
        plan: Plan::new(config.services, groups),
        suspect_percent,
        scenario,
    })
}

/// The names of the groups: those that the configuration knows, and the regions' others.
fn groups(known: &Groups, regions: &[Region]) -> Vec<String> {
    let mut names = known.names.clone();
    for name in regions.iter().flat_map(Region::group_names) {
        if known.number(&name).is_none() {
            names.push(name);
        }
    }
    names
}

impl Region {
    /// What its groups are called.
    pub(super) fn group_names(&self) -> impl Iterator<Item = String> {
        let name = |number| match self.groups {
            1 => self.name.clone(),
            _ => format!("{}-{number}", self.name),
        };
        (1..=self.groups).map(name)
    }

    /// Whether the group called `name` is one of it.
    pub(super) fn has(&self, name: &str) -> bool {
        if self.groups == 1 {
            return name == self.name;
        }
        let number = name.strip_prefix(&self.name);
        let number = number.and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        number.is_some_and(|number: u32| (1..=self.groups).contains(&number))
    }
}
