use std::{collections::VecDeque, time::Duration};

use super::*;

const STEPS: Steps = Steps {
    percent: 10,
    every: Duration::from_secs(20),
};
const TOLERANCE: f64 = 5.0;

/// Servers of these capacities, in requests, that report loads late.
struct Servers {
    capacities: Vec<f64>,
    reports: VecDeque<Vec<f64>>,
    balance: Balance,
    now: Instant,
}

impl Servers {
    /// Reports are so many steps old; so far all is divided evenly.
    fn new(capacities: &[f64], demand: f64, late: usize) -> Self {
        let mut balance = Balance::default();
        balance.settle(capacities.len(), u8::MAX);
        let mut servers = Self {
            capacities: capacities.to_vec(),
            reports: VecDeque::new(),
            balance,
            now: Instant::now(),
        };
        let loads = servers.loads(demand);
        servers.reports = std::iter::repeat_n(loads, late).collect();
        servers
    }

    /// Percent of each one's capacity.
    fn loads(&self, demand: f64) -> Vec<f64> {
        let parts = self.balance.quotas.iter().zip(&self.capacities);
        let loads = parts.map(|(quota, capacity)| {
            demand * f64::from(*quota) / f64::from(ALL) / capacity * 100.0
        });
        loads.collect()
    }

    /// The loads after one more step by the oldest reports, and how many slots moved.
    fn step(&mut self, demand: f64) -> (Vec<f64>, u16) {
        self.reports.push_back(self.loads(demand));
        let report = self.reports.pop_front().unwrap();
        let report: Vec<Badness> = report.into_iter().map(Badness::of).collect();
        let before = self.balance.quotas.clone();
        self.now += STEPS.every;
        self.balance
            .step(u8::MAX, &report, TOLERANCE, STEPS, self.now);
        let now = self.balance.quotas.iter().zip(before);
        let moved = now.map(|(now, before)| now.saturating_sub(before)).sum();
        assert_eq!(self.balance.quotas.iter().sum::<u16>(), ALL);
        (self.loads(demand), moved)
    }
}

fn spread(loads: &[f64]) -> f64 {
    let (least, most) = loads
        .iter()
        .fold((f64::MAX, 0.0_f64), |(least, most), load| {
            (least.min(*load), most.max(*load))
        });
    most - least
}

#[test]
fn loads_become_alike_and_stay_so_with_reports_two_minutes_late() {
    for late in 0..=6 {
        let mut servers = Servers::new(&[100.0, 200.0, 300.0, 50.0], 400.0, late);
        let mut spreads = Vec::new();
        for _ in 0..150 {
            let (loads, moved) = servers.step(400.0);
            assert!(moved <= slots(STEPS));
            spreads.push(spread(&loads));
        }
        // Two tolerances: that of what is known and what has changed since.
        let settled = spreads.iter().rposition(|spread| *spread > 2.0 * TOLERANCE);
        assert!(settled < Some(90), "{late} late: {settled:?} {spreads:.0?}");
        let (_, moved) = servers.step(400.0);
        assert_eq!(moved, 0, "{late} late: at rest");
    }
}

#[test]
fn within_the_tolerance_and_before_the_time_nothing_moves() {
    let mut balance = Balance::default();
    balance.settle(2, 0b11);
    let now = Instant::now();
    let mut step = |loads: [f64; 2], seconds| {
        let loads = loads.map(Badness::of);
        let now = now + Duration::from_secs(seconds);
        balance.step(0b11, &loads, TOLERANCE, STEPS, now);
        balance.quotas()[0]
    };
    assert_eq!(step([50.0, 55.0], 0), 512);
    assert_eq!(step([50.0, 56.0], 0), 518);
    assert_eq!(step([50.0, 90.0], 19), 518);
    assert_eq!(step([50.0, 90.0], 20), 541);
    assert_eq!(step([90.0, 50.0], 40), 516);
}

#[test]
fn the_least_loaded_has_all_in_the_end_where_loads_follow_nothing() {
    let mut balance = Balance::default();
    balance.settle(3, 0b111);
    let loads = [40.0, 60.0, 80.0].map(Badness::of);
    let at = |step: u64| Instant::now() + Duration::from_secs(20 * step);
    let all = (0..400).find(|step| {
        balance.step(0b111, &loads, TOLERANCE, STEPS, at(*step));
        balance.quotas() == [ALL, 0, 0]
    });
    assert!(all.is_some(), "{balance:?}");
}

#[test]
fn whoever_may_not_be_used_loses_its_part_at_once_and_comes_back_by_steps() {
    let mut balance = Balance {
        quotas: vec![512, 256, 256],
        pace: Pace::default(),
    };
    balance.settle(3, 0b110);
    assert_eq!(balance.quotas(), [0, 512, 512]);
    balance.settle(3, 0b111);
    assert_eq!(balance.quotas(), [0, 512, 512]);
    let loads = [0.0, 60.0, 70.0].map(Badness::of);
    balance.step(0b111, &loads, TOLERANCE, STEPS, Instant::now());
    assert_eq!(balance.quotas(), [52, 512, 460]);
    balance.settle(3, 0b001);
    assert_eq!(balance.quotas(), [ALL, 0, 0]);
    balance.settle(3, 0b110);
    assert_eq!(balance.quotas(), [0, 512, 512]);
}

#[test]
fn what_is_not_known_counts_as_the_most_or_the_least() {
    let step = |loads: [Badness; 2]| {
        let mut balance = Balance::default();
        balance.settle(2, 0b11);
        balance.step(0b11, &loads, TOLERANCE, STEPS, Instant::now());
        balance.quotas()[0]
    };
    let known = Badness::of(50.0);
    assert_eq!(step([Badness::WORST, known]), 460);
    assert_eq!(step([Badness::BEST, known]), 564);
    assert_eq!(step([Badness::WORST, Badness::WORST]), 512);
    assert_eq!(step([Badness::BEST, Badness::BEST]), 512);
    assert_eq!(step([Badness::WORST, Badness::BEST]), 460);
}
