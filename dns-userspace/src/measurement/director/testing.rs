//! Directors of one service, whose servers are as good as a test says.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use dns_common::decision::Family;
use tokio::time::Instant;

use super::{Director, explain::Outcome, picked::Picked};
use crate::{
    measurement::{
        health::Reading,
        metric::Metric,
        overrides::{AdminState, Override, Overrides, Scope, What, testing},
        sample::{Readings, Reason, Sample, Vantage, Verdict},
    },
    model::{
        Command, Groups, HealthRules, Level, Plan, Policy, PoolProbe, Probe, ProbeKind, Quantity,
        Smoothing, Steps, Threshold, Unknown,
    },
};

pub(super) const METRICS: [Metric; 2] = [Metric::ResponseTime, Metric::Load];
pub(super) const SERVERS: u8 = 4;
pub(super) const HOLD: Duration = Duration::from_secs(40);
/// All resolvers follow together.
pub(super) const AT_ONCE: Steps = Steps {
    percent: 100,
    every: Duration::from_secs(20),
};

/// A probe that takes nothing down and whose last value counts.
pub(super) fn measures(metric: Metric) -> PoolProbe {
    let kind = ProbeKind::Command(Command {
        program: PathBuf::from("/usr/bin/true"),
        arguments: Vec::new(),
        metric: Some(metric),
    });
    let probe = Probe {
        timeout: Duration::from_secs(10),
        smoothing: Smoothing::Percentile {
            percent: 100,
            window: Duration::ZERO,
        },
        stale_after: Duration::from_hours(1),
        ..Probe::new(kind)
    };
    PoolProbe {
        is_required: false,
        ..PoolProbe::from(probe)
    }
}

pub(super) fn number(server: &str) -> u8 {
    server[1..].parse::<u8>().unwrap() - 1
}

/// A director of one service with `s1` to `s4`, and its clock.
#[derive(Clone, Debug)]
pub(super) struct Rig {
    pub(super) director: Director,
    pub(super) now: Instant,
}

impl Rig {
    pub(super) fn new(policy: Policy, suspect_percent: u8) -> Self {
        Self::with(policy, HealthRules::default(), suspect_percent)
    }

    pub(super) fn with(policy: Policy, health: HealthRules, suspect_percent: u8) -> Self {
        let names: Vec<String> = (1..=SERVERS).map(|n| format!("s{n}")).collect();
        let addresses: Vec<String> = (1..=SERVERS).map(|n| format!("192.0.2.{n}")).collect();
        let servers = names.iter().zip(&addresses);
        let servers: Vec<(&str, &str)> = servers.map(|(n, a)| (n.as_str(), a.as_str())).collect();
        let mut service = testing::service("www.example.", "acme", &servers);
        service.pool.policy = policy;
        service.pool.health = health;
        service.pool.unknown = Unknown::Closed;
        service.pool.probes[0].probe.down_after = 3;
        service.pool.probes.extend(METRICS.map(measures));
        let names = ["default", "g1"].map(str::to_owned);
        let groups = Groups {
            names: names.into(),
            ..Groups::default()
        };
        let now = Instant::now();
        Self {
            director: Director::new(Plan::new(vec![service], groups), suspect_percent, now),
            now,
        }
    }

    /// Samples of what probe `probe` of the pool measures of candidate `server`.
    pub(super) fn see(&mut self, server: u8, probe: usize, verdict: Verdict) {
        // Or the value before would be in the window still.
        self.now += Duration::from_nanos(1);
        let pool = &self.director.plan().pools[0];
        let (probe, address) = (
            &pool.probes[probe].probe,
            pool.servers[usize::from(server)].v4[0],
        );
        let mut targets = self.director.targets().iter();
        let target = targets.find(|of| of.address == address && *of.probe == *probe);
        let target = target.unwrap().id;
        drop(targets);
        let sample = Sample {
            target,
            at: self.now,
            taken_from: Vantage::Host,
            verdict,
        };
        self.director.observe(&sample);
    }

    pub(super) fn measure(&mut self, server: u8, metric: usize, value: f64) {
        let readings = Readings::of(METRICS[metric], value);
        self.see(server, metric + 1, Verdict::Pass { readings });
    }

    pub(super) fn pass(&mut self, server: u8) {
        let readings = Readings::default();
        self.see(server, 0, Verdict::Pass { readings });
    }

    pub(super) fn fail(&mut self, server: u8) {
        let reason = Reason::Refused;
        self.see(server, 0, Verdict::Fail { reason });
    }

    pub(super) fn say(&mut self, overrides: Vec<Override>) {
        let overrides = Overrides::new(overrides);
        self.director.override_with(overrides, self.now);
    }

    pub(super) fn value(&self, server: u8, metric: Metric) -> Option<f64> {
        let (state, pool) = (&self.director.pools[0], &self.director.plan.pools[0]);
        let readings = state.readings(pool, None, metric, &self.director.health, self.now);
        match readings.0[usize::from(server)] {
            Reading::Never => None,
            Reading::Stale(value) | Reading::Fresh(value) => Some(value),
        }
    }

    pub(super) fn outcome(&self, group: u16) -> Outcome {
        let state = &self.director.pools[0];
        let picked = Picked::of(state.ranking(group), state.eligible(), Family::V4);
        Outcome::of(&self.director.plan.pools[0], picked, Family::V4)
    }

    /// Measures once more what is known already, which ranks anew.
    pub(super) fn any_sample(&mut self) {
        let known = (0..SERVERS).find_map(|n| Some((n, self.value(n, METRICS[0])?)));
        let (server, value) = known.unwrap();
        self.measure(server, 0, value);
    }
}

pub(super) fn says(what: What) -> Override {
    Override {
        what,
        reason: None,
        user: "eve".to_owned(),
        since_unix_ms: 0,
        until_unix_ms: None,
    }
}

pub(super) fn drains(server: u8) -> Override {
    says(What::State {
        server: format!("s{}", server + 1),
        scope: Scope::All,
        addresses: vec![[192, 0, 2, server + 1].into()],
        state: AdminState::Drain,
    })
}

/// The first while it is better than 50, else the others in order.
pub(super) fn at_50() -> Threshold {
    Threshold {
        metric: METRICS[0],
        level: Level::Set(Quantity(50_000)),
        return_band: Quantity(0),
        hold: HOLD,
        steps: AT_ONCE,
        origins: vec![0],
        over: vec![1, 2, 3],
    }
}

/// As [`failover`], but for one group the other way round.
pub(super) fn failover_but_for_g1() -> Policy {
    Policy::Failover {
        order: (0..SERVERS).collect(),
        by_group: BTreeMap::from([("g1".to_owned(), (0..SERVERS).rev().collect())]),
    }
}

pub(super) fn failover() -> Policy {
    Policy::Failover {
        order: (0..SERVERS).collect(),
        by_group: BTreeMap::new(),
    }
}

pub(super) fn passing(policy: Policy, suspect_percent: u8) -> Rig {
    let mut rig = Rig::new(policy, suspect_percent);
    for server in 0..SERVERS {
        rig.pass(server);
    }
    rig
}
