use super::*;
use crate::model::Quantity;

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// The default group, `a` and `b`, of which so many queries a second are configured.
fn groups(demand: &[(u16, i64)]) -> Groups {
    Groups {
        names: ["default", "a", "b"].map(str::to_owned).into(),
        demand: demand
            .iter()
            .map(|(group, said)| (*group, Quantity(said * 1000)))
            .collect(),
        ..Groups::default()
    }
}

/// What was counted, in ten seconds, where one in ten is.
fn counted(answers: &[u64]) -> Counted {
    let mut counted = Counted::new(10, &[]);
    counted.add(answers, TEN_SECONDS);
    counted
}

fn permille(demand: &Demand) -> [i64; 3] {
    let parts: f64 = demand.parts.iter().sum();
    assert!((parts - 1.0).abs() < 1e-12, "{demand:?}");
    [0, 1, 2].map(|group| (demand.part(group) * 1e3).round() as i64)
}

#[test]
fn without_counters_all_ask_alike_but_for_what_is_configured() {
    let none = Counted::default();
    let even = Demand::new(&groups(&[]), &none);
    assert_eq!(permille(&even), [333, 333, 333]);
    assert_eq!(even.basis(1), Basis::Even);
    assert_eq!(even, Demand::new(&groups(&[]), &counted(&[0, 0, 0])));
    // Of whom nothing is said asks what the others do on average.
    let demand = Demand::new(&groups(&[(1, 30), (2, 10)]), &none);
    assert_eq!(permille(&demand), [333, 500, 167]);
    let sources = [0, 1, 2].map(|group| demand.basis(group));
    assert_eq!(sources, [Basis::Even, Basis::Configured, Basis::Configured]);
}

#[test]
fn what_was_counted_counts_and_who_was_not_seen_weighs_a_little() {
    let demand = Demand::new(&groups(&[]), &counted(&[0, 9000, 1000]));
    // A hundredth is alike for all, and so is one answer of each.
    assert_eq!(permille(&demand), [3, 894, 102]);
    assert_eq!(demand.basis(0), Basis::Counted);
    // Little says little.
    let demand = Demand::new(&groups(&[]), &counted(&[0, 0, 3]));
    assert_eq!(permille(&demand), [167, 167, 665]);
    assert_eq!(demand.part(3).to_bits(), 0.0_f64.to_bits());
}

#[test]
fn what_is_configured_is_queries_a_second_beside_those_counted() {
    // 1000 of them a second.
    let counted = counted(&[0, 0, 1000]);
    assert_eq!(counted.queries_per_s(), Some(1000.0));
    let demand = Demand::new(&groups(&[(1, 1000)]), &counted);
    assert_eq!(permille(&demand), [2, 501, 497]);
    // A rate of before is not known: what both say of one group is the same then.
    let before = Counted::new(10, &[0, 200, 600]);
    assert_eq!(before.queries_per_s(), None);
    let demand = Demand::new(&groups(&[(1, 7)]), &before);
    let alone = Demand::new(&groups(&[]), &before);
    assert_eq!(permille(&demand), permille(&alone));
}

#[test]
fn the_older_the_less() {
    let mut demand = counted(&[0, 0, 1000]);
    demand.add(&[0, 500, 0], HALF_LIFE);
    let now = Demand::new(&groups(&[]), &demand);
    assert_eq!(permille(&now), [4, 498, 498]);
    // Both of what came and of how long it took.
    let rate = demand.queries_per_s().expect("known");
    assert!((rate - 10.0 * 1000.0 / 605.0).abs() < 1e-9, "{rate}");
    // What was before is soon outweighed, however much it was.
    let mut before = Counted::new(10, &[0, 1 << 40, 0]);
    before.add(&[0, 0, 9000], TEN_SECONDS);
    assert_eq!(permille(&Demand::new(&groups(&[]), &before)), [3, 101, 895]);
    assert_eq!(before.queries_per_s(), Some(9000.0));
}

#[test]
fn near_is_where_at_most_a_tenth_is_elsewhere() {
    let of = |configured: &[(u16, i64)], answers: &[u64]| {
        Demand::new(&groups(configured), &counted(answers))
    };
    let demand = of(&[], &[0, 5000, 5000]);
    assert!(demand.is_near(&of(&[], &[0, 5900, 4100])));
    assert!(!demand.is_near(&of(&[], &[0, 6200, 3800])));
    // Known otherwise is something else.
    let even = of(&[], &[]);
    assert!(!even.is_near(&of(&[], &[10_000, 10_000, 10_000])));
    assert!(!demand.is_near(&of(&[(1, 5000)], &[0, 5000, 5000])));
    assert!(!of(&[(1, 5000)], &[]).is_near(&of(&[(1, 5001)], &[])));
}
