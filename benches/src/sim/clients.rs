//! Clients, by what veer answers the resolvers they ask.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use dns_common::decision::{ALL_CANDIDATES, Eligible, Family, Ranking, pick};
use veer::{
    measurement::director::{Change, Director},
    model::Plan,
};

use super::{
    resolvers::{ANSWERS, ByAnswer, Cohort, NO_ANSWER, ranks},
    scenario::{Region, Scenario},
};

/// Classes that are followed: beyond, a run would take hours and gigabytes.
const CLASSES_MAX: usize = 256;

/// The words that the kernel would hold, and the clients behind the resolvers that
/// they steer.
#[derive(Debug)]
pub(super) struct Clients {
    eligible: Vec<Eligible>,
    /// By pool and group.
    rankings: Vec<Vec<Ranking>>,
    pub(super) classes: Vec<Class>,
}

/// Groups of one region that have been given the same answers so far. Their
/// resolvers' caches differ in nothing, so one stands for all.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// Number of the region.
    pub(super) region: usize,
    pub(super) groups: Vec<u16>,
    /// What one group asks for, requests a second at the peak, for each service.
    per_group: f64,
    /// By service.
    pub(super) steered: Vec<Steered>,
}

/// What a class is answered for one service.
#[derive(Clone, Debug)]
pub(super) struct Steered {
    /// By a resolver that asks now.
    pub(super) answer: u8,
    /// When that changed, seconds.
    pub(super) flips: Vec<f64>,
    /// Cohorts with their share of the class's demand.
    cohorts: Vec<(f64, Cohort)>,
}

/// What one class asks for of one service in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) region: usize,
    pub(super) service: usize,
    /// Requests that go to each answer.
    pub(super) requests: ByAnswer,
    /// Requests that go elsewhere than they did before.
    pub(super) moved: f64,
}

impl Clients {
    /// Those of `scenario`, whose resolvers have known what `director` decides for long.
    pub(super) fn new(scenario: &Scenario, director: &Director) -> Result<Self> {
        let words = director.decisions();
        let (eligible, rankings) = words.map(|pool| (pool.eligible, pool.rankings)).unzip();
        let mut clients = Self {
            eligible,
            rankings,
            classes: Vec::new(),
        };
        let plan = director.plan();
        let ranks = ranks(scenario.demand.resolvers, scenario.demand.zipf);
        let services = plan.services.len() as f64;
        let requests = scenario.demand.requests_per_s / services;
        let numbers: BTreeMap<_, _> = plan.groups.names.iter().zip(0_u16..).collect();
        for (number, region) in scenario.regions.iter().enumerate() {
            let groups = region.group_names().map(|name| numbers[&name]);
            let groups: Vec<u16> = groups.collect();
            for (answers, groups) in clients.by_answers(plan, &groups) {
                let steered = plan.services.iter().zip(answers);
                let steered = steered.map(|((service, _), answer)| {
                    let cohorts = scenario.habits.iter().flat_map(|habit| {
                        ranks.iter().map(move |rank| {
                            let rate = requests * rank.share / rank.count;
                            let cohort = Cohort::new(habit, service.ttl_s, rate, answer);
                            (habit.percent / 100.0 * rank.share, cohort)
                        })
                    });
                    Steered {
                        answer,
                        flips: Vec::new(),
                        cohorts: cohorts.collect(),
                    }
                });
                clients.classes.push(Class {
                    region: number,
                    groups,
                    per_group: requests * region.demand_percent / 100.0 / f64::from(region.groups),
                    steered: steered.collect(),
                });
            }
        }
        clients.check()?;
        Ok(clients)
    }

    /// `groups` by what each service's name is answered there.
    fn by_answers(&self, plan: &Plan, groups: &[u16]) -> BTreeMap<Vec<u8>, Vec<u16>> {
        let mut parts: BTreeMap<Vec<u8>, Vec<u16>> = BTreeMap::new();
        let mut answers = Vec::new();
        for group in groups {
            answers.clear();
            answers.extend(plan.services.iter().map(|(_, pool)| {
                let pool = usize::from(*pool);
                let ranking = self.rankings[pool][usize::from(*group)];
                pick(ranking, self.eligible[pool], Family::V4).unwrap_or(NO_ANSWER)
            }));
            match parts.get_mut(answers.as_slice()) {
                Some(part) => part.push(*group),
                None => drop(parts.insert(answers.clone(), vec![*group])),
            }
        }
        parts
    }

    fn check(&self) -> Result<()> {
        let classes = self.classes.len();
        ensure!(
            classes <= CLASSES_MAX,
            "groups have had {classes} different histories; followed are {CLASSES_MAX}"
        );
        Ok(())
    }

    /// Stores `changes` of the words of `plan` at `now`; how many answers that changes of
    /// each region, by its number, over all its groups and services.
    pub(super) fn store(
        &mut self,
        plan: &Plan,
        changes: &[Change],
        now: f64,
    ) -> Result<BTreeMap<usize, usize>> {
        let mut changed = BTreeMap::new();
        if changes.is_empty() {
            return Ok(changed);
        }
        for change in changes {
            match *change {
                Change::Eligible { pool, word } => self.eligible[usize::from(pool)] = word,
                Change::Ranking { pool, group, word } => {
                    self.rankings[usize::from(pool)][usize::from(group)] = word;
                }
                Change::Shares { pool, .. } => {
                    bail!("pool {pool} has shares, which are not simulated")
                }
            }
        }
        for class in std::mem::take(&mut self.classes) {
            let parts = self.by_answers(plan, &class.groups);
            // Caches are large: where all groups go on alike they stay where they are.
            let copies = std::iter::repeat_n(class, parts.len());
            for (mut part, (answers, groups)) in copies.zip(parts) {
                part.groups = groups;
                for (steered, answer) in part.steered.iter_mut().zip(answers) {
                    if steered.answer != answer {
                        steered.answer = answer;
                        steered.flips.push(now);
                        *changed.entry(part.region).or_default() += part.groups.len();
                    }
                }
                self.classes.push(part);
            }
        }
        self.check()?;
        Ok(changed)
    }

    /// Whether `candidate` of the pool number `pool` may be used.
    pub(super) fn is_eligible(&self, pool: u16, candidate: usize) -> bool {
        self.eligible[usize::from(pool)].mask(Family::V4) >> candidate & 1 != 0
    }

    /// Whether resolvers of the region number `region` are sent anywhere that `is_it`, by
    /// numbers of service and candidate.
    pub(super) fn are_sent(&self, region: usize, is_it: impl Fn(usize, usize) -> bool) -> bool {
        let classes = self.classes.iter().filter(|class| class.region == region);
        let mut answers = classes.flat_map(|class| class.steered.iter().enumerate());
        answers.any(|(service, steered)| is_it(service, steered.answer.into()))
    }

    /// What is asked for in the second that begins at `now`, by class and service.
    pub(super) fn second(&mut self, scenario: &Scenario, now: f64) -> Vec<Asked> {
        let classes = self.classes.iter_mut();
        let asked = classes.flat_map(|class| {
            let activity = activity(scenario, &scenario.regions[class.region], now);
            let requests = class.per_group * class.groups.len() as f64 * activity;
            let region = class.region;
            let services = class.steered.iter_mut().enumerate();
            services.map(move |(service, steered)| {
                let mut asked = Asked {
                    region,
                    service,
                    requests: [0.0; ANSWERS],
                    moved: 0.0,
                };
                for (share, cohort) in &mut steered.cohorts {
                    let second = cohort.second(steered.answer, activity);
                    asked.moved += requests * *share * second.moved;
                    for (sum, served) in asked.requests.iter_mut().zip(second.served) {
                        *sum += requests * *share * served;
                    }
                }
                asked
            })
        });
        asked.collect()
    }
}

impl Asked {
    /// Requests that go to each of so many candidates, those to all of them shared evenly.
    pub(super) fn by_candidate(&self, candidates: usize) -> impl Iterator<Item = f64> {
        let each = self.requests[usize::from(ALL_CANDIDATES)] / candidates as f64;
        let own = self.requests.into_iter().take(candidates);
        own.map(move |requests| requests + each)
    }

    /// Requests for which there was no address.
    pub(super) fn without(&self) -> f64 {
        self.requests[usize::from(NO_ANSWER)]
    }
}

/// How much of its peak's demand `region` has at `now`, seconds.
fn activity(scenario: &Scenario, region: &Region, now: f64) -> f64 {
    let hours = now / 3600.0 - region.peak_hour;
    let night = (1.0 - (std::f64::consts::TAU * hours / 24.0).cos()) / 2.0;
    1.0 - scenario.demand.diurnal_percent / 100.0 * night
}
