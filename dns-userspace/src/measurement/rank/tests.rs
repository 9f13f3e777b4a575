use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{Criterion, Level, Quantity, Steps, Threshold};

fn tolerance(value: i64) -> Quantity {
    Quantity(1000 * value)
}

/// By connect time.
fn latency(tolerance_ms: i64) -> Policy {
    Policy::Criteria(vec![Criterion {
        metric: Metric::ConnectTime,
        tolerance: tolerance(tolerance_ms),
    }])
}

/// Of every candidate, the value of one metric.
fn values(metric: Metric, values: &[Option<f64>]) -> (Metric, Vec<Badness>) {
    let badness = |value: &Option<f64>| value.map_or(Badness::WORST, |value| metric.badness(value));
    (metric, values.iter().map(badness).collect())
}

fn ms(latencies: &[Option<u32>]) -> Measured {
    let latencies: Vec<_> = latencies.iter().map(|ms| ms.map(f64::from)).collect();
    Measured::from([values(Metric::ConnectTime, &latencies)])
}

fn after(previous: Option<&[u8]>) -> Memory {
    Memory {
        ranking: previous.map(Ranking::new),
        ..Memory::default()
    }
}

fn order(policy: &Policy, measured: &Measured, memory: &mut Memory) -> Vec<u8> {
    let candidates = measured.values().next().map_or(0, Vec::len) as u8;
    let now = Instant::now();
    let ranking = rank(policy, None, "default", candidates, measured, memory, now);
    ranking.iter().collect()
}

#[test]
fn failover_takes_the_groups_own_order_else_the_common_one() {
    let policy = Policy::Failover {
        order: vec![0, 1, 2],
        by_group: BTreeMap::from([("asia".to_owned(), vec![2, 0, 1])]),
    };
    let measured = ms(&[Some(9), Some(1), None]);
    let of = |group| {
        let memory = &mut Memory::default();
        let ranking = rank(&policy, None, group, 3, &measured, memory, Instant::now());
        ranking.iter().collect::<Vec<u8>>()
    };
    assert_eq!(of("asia"), [2, 0, 1]);
    assert_eq!(of("default"), [0, 1, 2]);
}

#[test]
fn the_least_bad_is_first_and_the_unmeasured_are_last_as_configured() {
    let measured = ms(&[None, Some(30), Some(10), None, Some(20)]);
    let ranking = order(&latency(100), &measured, &mut after(None));
    assert_eq!(ranking, [2, 4, 1, 0, 3]);
}

#[test]
fn the_first_choice_stays_until_another_is_better_by_more_than_the_tolerance() {
    let of = |a, b| {
        let measured = ms(&[Some(a), Some(b)]);
        order(&latency(5), &measured, &mut after(Some(&[0, 1])))
    };
    assert_eq!(of(20, 15), [0, 1]);
    assert_eq!(of(20, 14), [1, 0]);
}

#[test]
fn later_positions_do_not_churn_within_the_tolerance_either() {
    let measured = ms(&[Some(10), Some(33), Some(30), Some(20)]);
    let ranking = order(&latency(5), &measured, &mut after(Some(&[0, 1, 2, 3])));
    // 3 beats 1 by 13 ms; 1 and 2 are within 5 ms and stay as they were.
    assert_eq!(ranking, [0, 3, 1, 2]);
}

#[test]
fn a_first_measurement_moves_a_candidate_up_from_the_unmeasured() {
    let measured = ms(&[Some(10), Some(50)]);
    let ranking = order(&latency(5), &measured, &mut after(Some(&[1, 0])));
    assert_eq!(ranking, [0, 1]);
}

#[test]
fn within_the_tolerance_of_one_criterion_the_next_one_decides() {
    let by = |metrics: [Metric; 2]| {
        let criteria = metrics.map(|metric| Criterion {
            metric,
            tolerance: tolerance(5),
        });
        let measured = Measured::from([
            values(Metric::Load, &[Some(50.0), Some(53.0), Some(20.0)]),
            values(Metric::ConnectTime, &[Some(40.0), Some(20.0), Some(90.0)]),
        ]);
        order(
            &Policy::Criteria(criteria.into()),
            &measured,
            &mut after(None),
        )
    };
    assert_eq!(by([Metric::Load, Metric::ConnectTime]), [2, 1, 0]);
    assert_eq!(by([Metric::ConnectTime, Metric::Load]), [1, 0, 2]);
}

#[test]
fn best_prefers_who_is_not_worse_in_anything_and_weighs_where_none_is() {
    let best = |weights: [u32; 2], values_of: [[f64; 2]; 3]| {
        let policy = Policy::Best {
            weights: vec![
                (Metric::ConnectTime, weights[0]),
                (Metric::Load, weights[1]),
            ],
            tolerance_permille: 0,
        };
        let column = |metric, index: usize| values(metric, &values_of.map(|of| Some(of[index])));
        let measured = Measured::from([column(Metric::ConnectTime, 0), column(Metric::Load, 1)]);
        order(&policy, &measured, &mut after(None))[0]
    };
    // Candidate 1 is better in both than either other.
    for weights in [[1, 1], [9, 1], [1, 9]] {
        assert_eq!(best(weights, [[30.0, 60.0], [10.0, 20.0], [20.0, 20.0]]), 1);
    }
    // 0 is quick and busy, 2 slow and idle, 1 in the middle of one and near it in the other.
    let none_dominates = [[10.0, 90.0], [25.0, 45.0], [50.0, 10.0]];
    assert_eq!(best([1, 1], none_dominates), 1);
    assert_eq!(best([9, 1], none_dominates), 0);
    assert_eq!(best([1, 9], none_dominates), 2);
}

#[test]
fn who_is_not_measured_is_never_best() {
    let policy = Policy::Best {
        weights: vec![(Metric::ConnectTime, 1), (Metric::Load, 1)],
        tolerance_permille: 0,
    };
    let measured = Measured::from([
        values(Metric::ConnectTime, &[Some(1.0), Some(500.0)]),
        values(Metric::Load, &[None, Some(99.0)]),
    ]);
    assert_eq!(order(&policy, &measured, &mut after(None)), [1, 0]);
}

const LEVEL: Quantity = Quantity(100_000);

/// Candidate 0 is an origin with that level, 1 and 2 are others.
fn threshold(metric: Metric, return_band: i64, hold_s: u64) -> Threshold {
    Threshold {
        metric,
        level: Level::Set(LEVEL),
        return_band: tolerance(return_band),
        hold: Duration::from_secs(hold_s),
        steps: Steps {
            percent: 100,
            every: Duration::ZERO,
        },
        origins: vec![0],
        over: vec![2, 1],
    }
}

/// The orders after each value of candidate 0, a second apart.
fn orders(threshold: Threshold, values_of: &[f64]) -> Vec<Vec<u8>> {
    let metric = threshold.metric;
    let policy = Policy::Threshold(threshold);
    let (start, mut memory) = (Instant::now(), Memory::default());
    let each = (0..).zip(values_of).map(|(second, value)| {
        let measured = Measured::from([values(metric, &[Some(*value), None, None])]);
        let now = start + Duration::from_secs(second);
        let ranking = rank(
            &policy,
            Some(LEVEL),
            "default",
            3,
            &measured,
            &mut memory,
            now,
        );
        ranking.iter().collect()
    });
    each.collect()
}

const AT_HOME: [u8; 3] = [0, 2, 1];
const OVER: [u8; 3] = [2, 1, 0];

#[test]
fn an_origin_is_left_at_its_level_in_either_sense() {
    let high = threshold(Metric::ResponseTime, 0, 0);
    let seen = orders(high, &[99.9, 100.0, 100.1, 99.9]);
    assert_eq!(seen, [AT_HOME, OVER, OVER, AT_HOME]);
    let low = threshold(Metric::Bandwidth, 0, 0);
    let seen = orders(low, &[100.1, 100.0, 99.9, 100.1]);
    assert_eq!(seen, [AT_HOME, OVER, OVER, AT_HOME]);
}

#[test]
fn it_comes_back_beyond_the_return_band_only() {
    let seen = orders(
        threshold(Metric::ResponseTime, 20, 0),
        &[90.0, 100.0, 90.0, 80.0, 79.9, 90.0],
    );
    assert_eq!(seen, [AT_HOME, OVER, OVER, OVER, AT_HOME, AT_HOME]);
    let seen = orders(threshold(Metric::Bandwidth, 20, 0), &[50.0, 120.0, 120.1]);
    assert_eq!(seen, [OVER, OVER, AT_HOME]);
}

#[test]
fn it_is_never_left_while_no_level_is_in_force_and_then_as_sides_change() {
    let policy = Policy::Threshold(threshold(Metric::ResponseTime, 0, 3));
    let (start, mut memory) = (Instant::now(), Memory::default());
    let mut order = |second, level, value| {
        let measured = Measured::from([values(Metric::ResponseTime, &[value, None, None])]);
        let now = start + Duration::from_secs(second);
        let ranking = rank(&policy, level, "default", 3, &measured, &mut memory, now);
        ranking.iter().collect::<Vec<u8>>()
    };
    assert_eq!(order(0, None, None), AT_HOME, "also where it is unknown");
    assert_eq!(order(0, None, Some(1e9)), AT_HOME);
    assert_eq!(order(2, Some(LEVEL), Some(1e9)), AT_HOME, "it is held");
    assert_eq!(order(3, Some(LEVEL), Some(1e9)), OVER);
    assert_eq!(order(6, Some(tolerance(200)), Some(150.0)), AT_HOME);
}

#[test]
fn it_stays_on_a_side_for_the_hold() {
    let level = threshold(Metric::ResponseTime, 0, 3);
    let seen = orders(
        level,
        &[100.0, 10.0, 10.0, 10.0, 100.0, 100.0, 100.0, 100.0],
    );
    assert_eq!(
        seen,
        [OVER, OVER, OVER, AT_HOME, AT_HOME, AT_HOME, OVER, OVER]
    );
}

#[test]
fn it_is_first_until_the_last_step_away_and_from_the_first_back() {
    let level = Threshold {
        steps: Steps {
            percent: 50,
            every: Duration::from_secs(2),
        },
        ..threshold(Metric::ResponseTime, 0, 0)
    };
    let seen = orders(level, &[10.0, 100.0, 100.0, 100.0, 10.0, 10.0, 10.0]);
    assert_eq!(
        seen,
        [AT_HOME, AT_HOME, AT_HOME, OVER, OVER, AT_HOME, AT_HOME]
    );
}

#[test]
fn what_is_not_known_yet_holds_no_side() {
    let level = threshold(Metric::ResponseTime, 0, 60);
    let policy = Policy::Threshold(level);
    let (now, mut memory) = (Instant::now(), Memory::default());
    let mut order = |value| {
        let measured = Measured::from([values(Metric::ResponseTime, &[value, None, None])]);
        let ranking = rank(
            &policy,
            Some(LEVEL),
            "default",
            3,
            &measured,
            &mut memory,
            now,
        );
        ranking.iter().collect::<Vec<u8>>()
    };
    assert_eq!(order(None), OVER);
    assert_eq!(order(Some(10.0)), AT_HOME);
    // From here on it holds.
    assert_eq!(order(Some(200.0)), AT_HOME);
}

prop_compose! {
    /// Latencies of 1 to 8 candidates and a previous ranking of them.
    fn pools()(latencies in prop::collection::vec(prop::option::of(0..100_u32), 1..=8))
        (
            previous in Just((0..latencies.len() as u8).collect::<Vec<u8>>()).prop_shuffle(),
            latencies in Just(latencies),
        ) -> (Vec<Option<u32>>, Vec<u8>) {
        (latencies, previous)
    }
}

proptest! {
    #[test]
    fn a_ranking_is_a_permutation_and_stable(
        (latencies, previous) in pools(),
        tolerance in 0..30_i64,
    ) {
        let (policy, measured) = (latency(tolerance), ms(&latencies));
        let mut memory = after(Some(&previous));
        let ranking = order(&policy, &measured, &mut memory);
        let mut sorted = ranking.clone();
        sorted.sort_unstable();
        prop_assert!(sorted.into_iter().eq(0..latencies.len() as u8));
        // The same measurements change nothing more.
        prop_assert_eq!(order(&policy, &measured, &mut memory), ranking);
    }

    #[test]
    fn the_first_choice_is_within_tolerance_of_the_best(
        (latencies, previous) in pools(),
        tolerance in 0..30_u32,
    ) {
        let policy = latency(i64::from(tolerance));
        let ranking = order(&policy, &ms(&latencies), &mut after(Some(&previous)));
        let first = latencies[usize::from(ranking[0])];
        let best = latencies.iter().flatten().min();
        let limit = best.map(|best| *best + tolerance);
        prop_assert!(first.is_some() == limit.is_some() && first <= limit);
    }

    #[test]
    fn best_never_puts_the_dominated_before_who_dominates(
        of in prop::collection::vec((0..50_u32, 0..50_u32), 2..=8),
        weights in (1..10_u32, 1..10_u32),
    ) {
        let policy = Policy::Best {
            weights: vec![(Metric::ConnectTime, weights.0), (Metric::Load, weights.1)],
            tolerance_permille: 0,
        };
        let column = |metric, pick: fn(&(u32, u32)) -> u32| {
            let column: Vec<_> = of.iter().map(|of| Some(f64::from(pick(of)))).collect();
            values(metric, &column)
        };
        let measured = Measured::from([
            column(Metric::ConnectTime, |of| of.0),
            column(Metric::Load, |of| of.1),
        ]);
        let ranking = order(&policy, &measured, &mut after(None));
        for (position, later) in ranking.iter().enumerate() {
            for earlier in &ranking[..position] {
                let (a, b) = (of[usize::from(*later)], of[usize::from(*earlier)]);
                prop_assert!(!(a.0 <= b.0 && a.1 <= b.1 && a != b), "{a:?} after {b:?}");
            }
        }
    }
}
