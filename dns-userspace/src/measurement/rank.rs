//! Rank: the order of a pool's candidates for one resolver group.
//!
//! Every candidate is ranked, whatever its health: who may be used is
//! [`super::decide`]'s matter, so that a death changes one word and no ranking.

use std::{cmp::Ordering, time::Duration};

use dns_common::decision::Ranking;

use crate::model::Policy;

/// The ranking of all candidates by `policy` for the group called `group`.
///
/// `latencies` has one entry for each candidate, `None` while unmeasured;
/// `previous` is the ranking that holds now, if there is one.
///
/// - Failover: the group's own order, else the common one.
/// - Latency: lowest first, then the unmeasured in configured order. For each
///   position in turn, the candidate that `previous` has first among those left
///   keeps it, unless the fastest of those left is faster by more than the
///   tolerance. So no position changes hands within the tolerance, and the same
///   latencies and previous ranking always give the same order. Without a
///   previous ranking, configured order decides between equals only.
pub fn rank(
    policy: &Policy,
    group: &str,
    latencies: &[Option<Duration>],
    previous: Option<Ranking>,
) -> Ranking {
    match policy {
        Policy::Failover { order, by_group } => Ranking::new(by_group.get(group).unwrap_or(order)),
        Policy::Latency { tolerance } => by_latency(*tolerance, latencies, previous),
    }
}

/// A candidate with its latency.
type Measured = (u8, Duration);

fn by_latency(
    tolerance: Duration,
    latencies: &[Option<Duration>],
    previous: Option<Ranking>,
) -> Ranking {
    let configured = 0..latencies.len() as u8;
    let latency = |candidate: u8| latencies[usize::from(candidate)];
    let measured = |candidate| latency(candidate).map(|latency| (candidate, latency));

    let mut order: Vec<u8> = if let Some(previous) = previous {
        keep_within(tolerance, previous.iter().filter_map(measured).collect())
    } else {
        let left = configured.clone().filter_map(measured).collect();
        keep_within(Duration::ZERO, left)
    };
    order.extend(configured.filter(|candidate| latency(*candidate).is_none()));
    Ranking::new(&order)
}

/// The candidates of `left`, which come in the order so far, with each position
/// given to the fastest left when it beats the first left by more than
/// `tolerance`.
fn keep_within(tolerance: Duration, mut left: Vec<Measured>) -> Vec<u8> {
    let mut order = Vec::with_capacity(left.len());
    while let Some((_, incumbent)) = left.first().copied() {
        let by_latency = |a: &(usize, &Measured), b: &(usize, &Measured)| -> Ordering {
            a.1.1.cmp(&b.1.1).then(a.0.cmp(&b.0))
        };
        let fastest = left.iter().enumerate().min_by(by_latency);
        let winner = match fastest {
            Some((position, (_, latency))) if incumbent > *latency + tolerance => position,
            _ => 0,
        };
        order.push(left.remove(winner).0);
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn ms(latencies: &[Option<u64>]) -> Vec<Option<Duration>> {
        let duration = |ms: &Option<u64>| ms.map(Duration::from_millis);
        latencies.iter().map(duration).collect()
    }

    fn latency(tolerance_ms: u64) -> Policy {
        Policy::Latency {
            tolerance: Duration::from_millis(tolerance_ms),
        }
    }

    fn order(ranking: Ranking) -> Vec<u8> {
        ranking.iter().collect()
    }

    #[test]
    fn failover_takes_the_groups_own_order_else_the_common_one() {
        let policy = Policy::Failover {
            order: vec![0, 1, 2],
            by_group: BTreeMap::from([("asia".to_owned(), vec![2, 0, 1])]),
        };
        let latencies = ms(&[Some(9), Some(1), None]);
        let of = |group| order(rank(&policy, group, &latencies, None));
        assert_eq!(of("asia"), [2, 0, 1]);
        assert_eq!(of("default"), [0, 1, 2]);
    }

    #[test]
    fn latency_puts_the_lowest_first_and_the_unmeasured_last_as_configured() {
        let latencies = ms(&[None, Some(30), Some(10), None, Some(20)]);
        let ranking = rank(&latency(100), "default", &latencies, None);
        assert_eq!(order(ranking), [2, 4, 1, 0, 3]);
    }

    #[test]
    fn the_first_choice_stays_until_another_is_better_by_more_than_the_tolerance() {
        let previous = Some(Ranking::new(&[0, 1]));
        let of = |a, b| {
            let latencies = ms(&[Some(a), Some(b)]);
            order(rank(&latency(5), "default", &latencies, previous))
        };
        assert_eq!(of(20, 15), [0, 1]);
        assert_eq!(of(20, 14), [1, 0]);
    }

    #[test]
    fn later_positions_do_not_churn_within_the_tolerance_either() {
        let previous = Some(Ranking::new(&[0, 1, 2, 3]));
        let latencies = ms(&[Some(10), Some(33), Some(30), Some(20)]);
        let ranking = rank(&latency(5), "default", &latencies, previous);
        // 3 beats 1 by 13 ms; 1 and 2 are within 5 ms and stay as they were.
        assert_eq!(order(ranking), [0, 3, 1, 2]);
    }

    #[test]
    fn a_first_measurement_moves_a_candidate_up_from_the_unmeasured() {
        let previous = Some(Ranking::new(&[1, 0]));
        let latencies = ms(&[Some(10), Some(50)]);
        let ranking = rank(&latency(5), "default", &latencies, previous);
        assert_eq!(order(ranking), [0, 1]);
    }

    prop_compose! {
        /// Latencies of 1 to 8 candidates and a previous ranking of them.
        fn pools()(latencies in prop::collection::vec(prop::option::of(0..100_u64), 1..=8))
            (
                previous in Just((0..latencies.len() as u8).collect::<Vec<u8>>()).prop_shuffle(),
                latencies in Just(latencies),
            ) -> (Vec<Option<Duration>>, Ranking) {
            (ms(&latencies), Ranking::new(&previous))
        }
    }

    proptest! {
        #[test]
        fn a_ranking_is_a_permutation_and_stable(
            (latencies, previous) in pools(),
            tolerance in 0..30_u64,
        ) {
            let policy = latency(tolerance);
            let ranking = rank(&policy, "default", &latencies, Some(previous));
            let mut sorted = order(ranking);
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..latencies.len() as u8));
            // The same measurements change nothing more.
            prop_assert_eq!(rank(&policy, "default", &latencies, Some(ranking)), ranking);
        }

        #[test]
        fn the_first_choice_is_within_tolerance_of_the_best(
            (latencies, previous) in pools(),
            tolerance in 0..30_u64,
        ) {
            let ranking = rank(&latency(tolerance), "default", &latencies, Some(previous));
            let first = latencies[usize::from(order(ranking)[0])];
            let best = latencies.iter().flatten().min();
            let limit = best.map(|best| *best + Duration::from_millis(tolerance));
            prop_assert!(first.is_some() == limit.is_some() && first <= limit);
        }
    }
}
