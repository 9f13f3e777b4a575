use proptest::prelude::*;

use super::*;

/// The definition: the first listed candidate that may be used, else all of
/// them where nobody may and the pool says so.
fn naive(order: &[u8], usable: &[bool], all_down_all: bool) -> Option<u8> {
    let first = order.iter().find(|number| usable[usize::from(**number)]);
    let nobody = !usable.contains(&true);
    first
        .copied()
        .or((nobody && all_down_all).then_some(ALL_CANDIDATES))
}

/// Up to eight different candidates in any order.
fn orders() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<u8> = (0..CANDIDATES_MAX as u8).collect();
    (Just(all).prop_shuffle(), 0..=CANDIDATES_MAX).prop_map(|(mut order, len)| {
        order.truncate(len);
        order
    })
}

fn bools(mask: u8) -> Vec<bool> {
    (0..8).map(|number| mask >> number & 1 != 0).collect()
}

proptest! {
    #[test]
    fn pick_is_the_first_usable_candidate(
        order in orders(),
        v4: u8,
        v6: u8,
        all_down_all: bool,
    ) {
        let eligible = Eligible::new(v4, v6, all_down_all);
        for (family, mask) in [(Family::V4, v4), (Family::V6, v6)] {
            prop_assert_eq!(
                pick(Ranking::new(&order), eligible, family),
                naive(&order, &bools(mask), all_down_all)
            );
        }
    }

    #[test]
    fn pick_never_names_what_is_not_eligible(ranking: u64, eligible: u64) {
        for family in [Family::V4, Family::V6] {
            let mask = Eligible(eligible).mask(family);
            match pick(Ranking(ranking), Eligible(eligible), family) {
                None => {}
                Some(ALL_CANDIDATES) => prop_assert_eq!(mask, 0),
                Some(candidate) => prop_assert!(mask >> candidate & 1 == 1),
            }
        }
    }

    #[test]
    fn takers_narrow_each_family_to_those_of_them_that_may_be_used(word: u64, takers: u8) {
        let narrowed = Eligible(word).taken_by(takers);
        for family in [Family::V4, Family::V6] {
            let mask = Eligible(word).mask(family);
            let expected = if mask & takers == 0 { mask } else { mask & takers };
            prop_assert_eq!(narrowed.mask(family), expected);
        }
        prop_assert_eq!(narrowed.0 >> 16, word >> 16);
    }

    #[test]
    fn a_ranking_lists_what_it_was_made_of(order in orders()) {
        prop_assert_eq!(Ranking::new(&order).iter().collect::<Vec<_>>(), order);
    }

    #[test]
    fn an_undivided_ranking_is_the_same_order(order in orders(), v4: u8) {
        let (ranking, eligible) = (Ranking::new(&order), Eligible::new(v4, 0, false));
        let undivided = ranking.undivided();
        prop_assert!(undivided.is_undivided());
        prop_assert_eq!(ranking.is_undivided(), order.is_empty());
        prop_assert_eq!(undivided.iter().collect::<Vec<_>>(), order);
        let picked = |ranking| pick(ranking, eligible, Family::V4);
        prop_assert_eq!(picked(undivided), picked(ranking));
    }
}

#[test]
fn every_mask_of_every_candidate_alone() {
    let backwards = Ranking::new(&[7, 6, 5, 4, 3, 2, 1, 0]);
    for mask in 1..=u8::MAX {
        let highest = 7 - mask.leading_zeros() as u8;
        let eligible = Eligible::new(mask, !mask, true);
        assert_eq!(pick(backwards, eligible, Family::V4), Some(highest));
    }
}

#[test]
fn a_block_is_in_one_slot_and_blocks_are_in_all_alike() {
    let mut blocks = [0_u32; SLOTS];
    for block in 0..1 << 20 {
        let first = slot(Source::V4(block << 8));
        assert_eq!(slot(Source::V4(block << 8 | 0xff)), first);
        blocks[first as usize] += 1;
    }
    // 1024 each, as a whole octet more or less.
    assert!(
        blocks.iter().all(|count| (960..=1088).contains(count)),
        "{blocks:?}"
    );
    let first = slot(Source::V6(0x2001_0db8_0000_0100, 0));
    assert_eq!(slot(Source::V6(0x2001_0db8_0000_01ff, u64::MAX)), first);
    assert_ne!(slot(Source::V6(0x2001_0db8_0000_0200, 0)), first);
}

#[test]
fn a_ranking_keeps_eight_candidates() {
    let ranking = Ranking::new(&[7, 6, 5, 4, 3, 2, 1, 0, 3]);
    assert_eq!(ranking.iter().collect::<Vec<_>>(), [7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(Ranking::new(&[]), Ranking::EMPTY);
}

#[test]
fn eligible_keeps_the_families_apart() {
    let eligible = Eligible::new(0b1010_0101, 0b0011_1100, true);
    assert_eq!(eligible.mask(Family::V4), 0b1010_0101);
    assert_eq!(eligible.mask(Family::V6), 0b0011_1100);
    assert_eq!(eligible.0 & Eligible::ALL_DOWN_ALL, Eligible::ALL_DOWN_ALL);
    assert_eq!(Eligible::new(0xff, 0xff, false).0, 0xffff);
}

proptest! {
    #[test]
    fn the_best_are_the_first_usable(order in orders(), v4: u8, v6: u8, count in 1..=8_u8) {
        let eligible = Eligible::new(v4, v6, true).best(count);
        for (family, mask) in [(Family::V4, v4), (Family::V6, v6)] {
            let usable = order.iter().filter(|number| mask >> **number & 1 != 0);
            let expected = usable.take(count.into()).fold(0, |set, number| set | 1 << number);
            prop_assert_eq!(best(Ranking::new(&order), eligible, family), expected);
            prop_assert_eq!(best(Ranking::new(&order).undivided(), eligible, family), expected);
        }
    }

    #[test]
    fn what_a_word_says_is_kept_apart(word: u32, count in 1..=8_u8, before: u32) {
        let word = Eligible(u64::from(word & 0x3_ffff));
        let said = word.best(count).behind(before).random();
        prop_assert_eq!(said.count(), u32::from(count));
        prop_assert_eq!(said.answers_before(), before);
        prop_assert_eq!(said.0 & 0x3_ffff, word.0);
        prop_assert!(said.is_random() && !word.is_random());
        prop_assert_eq!(said.is_plain(), count == 1 && !word.is_shared());
    }
}
