//! Clients, by what veer answers the resolvers they ask.

mod cells;
mod words;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use dns_common::decision::{ALL_CANDIDATES, Family, SLOTS};
use veer::{
    measurement::director::{Change, Director},
    model::Plan,
};

use self::{
    cells::{Alike, Part},
    words::Words,
};
use super::{
    resolvers::{ANSWERS, ByAnswer, Cohort, NO_ANSWER, ranks},
    scenario::{Region, Scenario},
};

/// Classes that are followed: beyond, a run would take hours and gigabytes. Each
/// movement of shares makes some for as long as caches remember.
const CLASSES_MAX: usize = 1024;

/// Groups that are followed apart, as their orders have not always been the same.
const ALIKE_MAX: usize = 256;

/// The words that the kernel would hold, and the clients behind the resolvers that
/// they steer.
#[derive(Debug)]
pub(super) struct Clients {
    words: Words,
    alike: Vec<Alike>,
    classes: Vec<Class>,
    /// The longest that a resolver keeps an answer, seconds.
    kept_s: f64,
}

/// Cells of one region that have been given the same answers for as long as caches
/// remember. These differ in nothing, so one stands for all.
#[derive(Clone, Debug)]
struct Class {
    /// Number of the region.
    region: usize,
    cells: usize,
    /// What one cell asks for, requests a second at the peak, for each service.
    per_cell: f64,
    /// By service.
    steered: Vec<Steered>,
    /// When an answer last changed, seconds.
    changed_at: f64,
}

/// What a class is answered for one service.
#[derive(Clone, Debug)]
struct Steered {
    /// By a resolver that asks now.
    answer: u8,
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
        let plan = director.plan();
        let words = Words::new(director);
        let numbers: BTreeMap<_, _> = plan.groups.names.iter().zip(0_u16..).collect();
        let regions = scenario.regions.iter().enumerate();
        let alike = regions.flat_map(|(number, region)| {
            let groups = region.group_names().map(|name| numbers[&name]);
            Alike::new(groups.collect(), plan.services.len(), number).split(&words)
        });
        let mut alike: Vec<Alike> = alike.collect();
        let (parts, _) = cells::sort(&mut alike, &words, plan, &[], 0.0);
        let classes = parts
            .iter()
            .map(|part| Class::new(scenario, &scenario.regions[part.class], plan, part));
        let kept_s = plan.services.iter().flat_map(|(service, _)| {
            let habits = scenario.habits.iter();
            habits.map(|habit| habit.kept_s(service.ttl_s))
        });
        let clients = Self {
            kept_s: f64::from(kept_s.max().unwrap_or(0)),
            classes: classes.collect(),
            alike,
            words,
        };
        clients.check()?;
        Ok(clients)
    }

    fn check(&self) -> Result<()> {
        for (what, many, most) in [
            ("orders", self.alike.len(), ALIKE_MAX),
            ("histories", self.classes.len(), CLASSES_MAX),
        ] {
            ensure!(
                many <= most,
                "groups have had {many} different {what}; followed are {most}"
            );
        }
        Ok(())
    }

    /// Stores `changes` of the words of `plan` at `now`; how many answers that changes of
    /// each region, by its number, over all its groups and services.
    pub(super) fn store(
        &mut self,
        plan: &Plan,
        changes: &[Change],
        now: f64,
    ) -> Result<BTreeMap<usize, f64>> {
        if changes.is_empty() {
            return Ok(BTreeMap::new());
        }
        for change in changes {
            self.words.store(*change);
        }
        if changes
            .iter()
            .any(|change| matches!(change, Change::Ranking { .. }))
        {
            let alike = std::mem::take(&mut self.alike).into_iter();
            self.alike = alike.flat_map(|alike| alike.split(&self.words)).collect();
        }
        self.join(now);
        let (parts, changed) = cells::sort(&mut self.alike, &self.words, plan, &self.classes, now);
        let mut parts_of = vec![0; self.classes.len()];
        for part in &parts {
            parts_of[part.class] += 1;
        }
        let mut classes: Vec<_> = std::mem::take(&mut self.classes)
            .into_iter()
            .map(Some)
            .collect();
        for part in parts {
            // Caches are large: the last part gets them as they are.
            parts_of[part.class] -= 1;
            let class = match parts_of[part.class] {
                0 => classes[part.class].take(),
                _ => classes[part.class].clone(),
            };
            let mut class = class.expect("it has a part left");
            class.cells = part.cells;
            for (steered, answer) in class.steered.iter_mut().zip(part.answers) {
                if steered.answer != answer {
                    steered.answer = answer;
                    class.changed_at = now;
                }
            }
            self.classes.push(class);
        }
        self.check()?;
        Ok(changed)
    }

    /// Takes classes of one region together whose answers are the same and have been for
    /// longer than anybody remembers others.
    fn join(&mut self, now: f64) {
        let mut numbers: BTreeMap<(usize, Vec<u8>), usize> = BTreeMap::new();
        let mut joined: Vec<Class> = Vec::new();
        let mut number_of = Vec::new();
        for class in std::mem::take(&mut self.classes) {
            let mut known = None;
            if class.changed_at + self.kept_s < now {
                let answers = class.steered.iter().map(|steered| steered.answer);
                let key = (class.region, answers.collect());
                let number = *numbers.entry(key).or_insert(joined.len());
                known = (number < joined.len()).then_some(number);
            }
            number_of.push(known.unwrap_or(joined.len()));
            match known {
                Some(number) => joined[number].join(&class),
                None => joined.push(class),
            }
        }
        self.classes = joined;
        for cell in self.alike.iter_mut().flat_map(Alike::cells_mut) {
            cell.class = number_of[cell.class];
        }
    }

    /// Whether `candidate` of the pool number `pool` may be used.
    pub(super) fn is_eligible(&self, pool: u16, candidate: usize) -> bool {
        self.words.eligible(pool).mask(Family::V4) >> candidate & 1 != 0
    }

    pub(super) fn groups(&self) -> usize {
        self.alike.iter().map(Alike::groups).sum()
    }

    /// When answers changed, seconds, for each slot and group, or some that are alike, by
    /// service.
    pub(super) fn flips(&self) -> impl Iterator<Item = &[Vec<f64>]> {
        let cells = self.alike.iter().flat_map(Alike::cells);
        cells.map(|cell| cell.flips.as_slice())
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
            let requests = class.per_cell * class.cells as f64 * activity;
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

impl Class {
    /// That of `part`, in `region`, whose resolvers have known their answers for long.
    fn new(scenario: &Scenario, region: &Region, plan: &Plan, part: &Part) -> Self {
        let ranks = ranks(scenario.demand.resolvers, scenario.demand.zipf);
        let requests = scenario.demand.requests_per_s / plan.services.len() as f64;
        let steered = plan.services.iter().zip(&part.answers);
        let steered = steered.map(|((service, _), answer)| {
            let cohorts = scenario.habits.iter().flat_map(|habit| {
                ranks.iter().map(move |rank| {
                    let rate = requests * rank.share / rank.count;
                    let cohort = Cohort::new(habit, service.ttl_s, rate, *answer);
                    (habit.percent / 100.0 * rank.share, cohort)
                })
            });
            Steered {
                answer: *answer,
                cohorts: cohorts.collect(),
            }
        });
        let cells = f64::from(region.groups) * SLOTS as f64;
        Self {
            region: part.class,
            cells: part.cells,
            per_cell: requests * region.demand_percent / 100.0 / cells,
            steered: steered.collect(),
            changed_at: 0.0,
        }
    }

    /// Takes in `other`, which is answered the same.
    fn join(&mut self, other: &Self) {
        let share = other.cells as f64 / (self.cells + other.cells) as f64;
        self.cells += other.cells;
        for (steered, other) in self.steered.iter_mut().zip(&other.steered) {
            let cohorts = steered.cohorts.iter_mut().zip(&other.cohorts);
            for ((_, cohort), (_, other)) in cohorts {
                cohort.join(other, share);
            }
        }
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

/// How much of its peak's demand `region` has at `now`, seconds, and more after a step.
fn activity(scenario: &Scenario, region: &Region, now: f64) -> f64 {
    let hours = now / 3600.0 - region.peak_hour;
    let night = (1.0 - (std::f64::consts::TAU * hours / 24.0).cos()) / 2.0;
    let mut latest = scenario.demand.steps.iter().rev();
    let step = latest.find(|step| step.at_s <= now);
    let percent = step.map_or(100.0, |step| step.percent);
    percent / 100.0 * (1.0 - scenario.demand.diurnal_percent / 100.0 * night)
}

#[cfg(test)]
mod tests;
