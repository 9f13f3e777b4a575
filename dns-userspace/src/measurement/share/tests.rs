use proptest::prelude::*;

use super::*;

fn keys(count: usize) -> Vec<Key> {
    (1..=count)
        .map(|number| Key::new(&format!("s{number}")))
        .collect()
}

/// Shares by `weights`, from `previous` on.
fn weighted(weights: &[u64], previous: &Shares) -> Shares {
    let takes = Takes::Divided(quotas(weights));
    Shares::new(&takes, &keys(weights.len()), previous)
}

/// Slots that are not taken as before.
fn moved(before: &Shares, now: &Shares) -> Vec<usize> {
    (0..SLOTS)
        .filter(|slot| before.takers(*slot) != now.takers(*slot))
        .collect()
}

/// How many slots have to move when quotas change from those of `before` to those of `now`.
fn needed(before: &[u64], now: &[u64]) -> usize {
    let (before, now) = (quotas(before), quotas(now));
    let gains = before
        .iter()
        .zip(now)
        .map(|(before, now)| now.saturating_sub(*before));
    gains.map(usize::from).sum()
}

/// Weights of 2 to 8 candidates, one at least above 0.
fn weights() -> impl Strategy<Value = Vec<u64>> {
    let weights = prop::collection::vec(0_u64..=1000, 2..=8);
    weights.prop_filter("nobody has a weight", |weights| {
        weights.iter().any(|weight| *weight > 0)
    })
}

proptest! {
    #[test]
    fn each_slot_has_one_taker_and_each_candidate_its_quota(
        first in weights(),
        second in weights(),
    ) {
        let scratch = weighted(&first, &Shares::default());
        let len = first.len().min(second.len());
        prop_assume!(second[..len].iter().any(|weight| *weight > 0));
        let second = &second[..len];
        let after = weighted(second, &scratch);
        for (weights, shares) in [(&first[..], &scratch), (second, &after)] {
            let total: u64 = weights.iter().sum();
            for slot in 0..SLOTS {
                prop_assert!(shares.takers(slot).is_power_of_two());
            }
            for (number, weight) in weights.iter().enumerate() {
                // Both times the sum of weights.
                let exact = weight * u64::from(ALL);
                let error = (u64::from(shares.count(number as u8)) * total).abs_diff(exact);
                prop_assert!(error < total, "{weights:?} {number}: {error} / {total} off");
            }
        }
    }

    #[test]
    fn only_those_move_that_have_to(mut now in weights(), changed: usize, to in 0_u64..=1000) {
        let before = now.clone();
        let shares = weighted(&before, &Shares::default());
        let changed = changed % now.len();
        now[changed] = to;
        prop_assume!(now.iter().any(|weight| *weight > 0));
        let after = weighted(&now, &shares);
        prop_assert_eq!(moved(&shares, &after).len(), needed(&before, &now));
        // And back where they were.
        prop_assert_eq!(weighted(&before, &after), shares);
    }

    #[test]
    fn whoever_is_lost_moves_its_own_and_gets_them_back(before in weights(), lost: usize) {
        let shares = weighted(&before, &Shares::default());
        let lost = lost % before.len();
        let mut now = before.clone();
        now[lost] = 0;
        prop_assume!(now.iter().any(|weight| *weight > 0));
        let after = weighted(&now, &shares);
        let others = moved(&shares, &after).into_iter();
        let others = others.filter(|slot| shares.takers(*slot) >> lost & 1 == 0).count();
        // Parts of slots are rounded anew.
        prop_assert!(others < before.len(), "{others} slots of others moved");
        prop_assert_eq!(weighted(&before, &after), shares);
    }

    #[test]
    fn who_admits_more_goes_on_with_those_it_has(
        counts in prop::collection::vec((0_u16..=1024, 0_u16..=1024), 1..=8),
    ) {
        let keys = keys(counts.len());
        let shares = |counts: Vec<u16>| {
            Shares::new(&Takes::Admitted(counts), &keys, &Shares::default())
        };
        let few = shares(counts.iter().map(|(one, other)| *one.min(other)).collect());
        let many = shares(counts.iter().map(|(one, other)| *one.max(other)).collect());
        for (number, (one, other)) in counts.iter().enumerate() {
            prop_assert_eq!(few.count(number as u8), *one.min(other));
            prop_assert_eq!(many.count(number as u8), *one.max(other));
        }
        for slot in 0..SLOTS {
            prop_assert_eq!(few.takers(slot) & !many.takers(slot), 0);
        }
    }

    #[test]
    fn words_changed_are_those_that_differ(first in weights(), second in weights()) {
        let [first, second] = [first, second].map(|weights| weighted(&weights, &Shares::default()));
        let mut words = first.words().to_vec();
        for (index, word) in second.changed_since(&first) {
            prop_assert_ne!(words[usize::from(index)], word);
            words[usize::from(index)] = word;
        }
        prop_assert_eq!(&words, second.words());
        prop_assert_eq!(second.changed_since(&Shares::default()).count(), SHARE_WORDS);
    }
}

#[test]
fn largest_remainders_are_rounded_up() {
    assert_eq!(quotas(&[3, 1]), [768, 256]);
    assert_eq!(quotas(&[1, 1, 1]), [342, 341, 341]);
    assert_eq!(quotas(&[0, 5]), [0, 1024]);
    assert_eq!(quotas(&[0, 0]), [0, 0]);
    assert_eq!(quotas(&[u64::MAX, u64::MAX]), [512, 512]);
}

#[test]
fn without_a_memory_a_weight_moves_little_more_than_it_must() {
    let before = weighted(&[3, 3, 2, 2], &Shares::default());
    let now = weighted(&[3, 3, 2, 3], &Shares::default());
    let (moved, needed) = (
        moved(&before, &now).len(),
        needed(&[3, 3, 2, 2], &[3, 3, 2, 3]),
    );
    assert!(moved < needed + 30, "{moved} of {needed}");
}

#[test]
fn slots_follow_names_and_not_numbers() {
    let [first, second] = [["s1", "S2", "s3"], ["s3", "s1", "s2"]].map(|names| names.map(Key::new));
    let quotas = Takes::Divided(vec![200, 300, 524]);
    let shares = Shares::new(&quotas, &first, &Shares::default());
    let moved = Takes::Divided(vec![524, 200, 300]);
    let renumbered = shares.renumbered(&first, &second);
    assert_eq!(renumbered, Shares::new(&moved, &second, &Shares::default()));
    let gone = shares.renumbered(&first, &second[..2]);
    let nobodys = (0..SLOTS).filter(|slot| gone.takers(*slot) == 0).count();
    assert_eq!(nobodys, 300);
    let rest = Shares::new(&Takes::Divided(vec![624, 400]), &second[..2], &gone);
    for slot in (0..SLOTS).filter(|slot| gone.takers(*slot) != 0) {
        assert_eq!(rest.takers(slot), gone.takers(slot));
    }
}
