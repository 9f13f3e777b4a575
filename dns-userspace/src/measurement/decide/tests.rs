use dns_common::decision::{Ranking, pick};
use proptest::prelude::*;

use super::{Fit::*, *};

fn words(fitness: &[(Fit, Fit)], all_down: AllDown) -> Eligible {
    let fitness: Vec<Fitness> = fitness.iter().map(|&(v4, v6)| Fitness { v4, v6 }).collect();
    eligible(&fitness, Held::default(), 0, all_down)
}

#[test]
fn the_fit_are_eligible_for_the_families_they_have() {
    let word = words(&[(Yes, Yes), (No, No), (Yes, Absent)], AllDown::All);
    assert_eq!(word, Eligible::new(0b101, 0b001, false));
}

#[test]
fn a_half_dead_site_gives_way_to_a_whole_one_in_both_families() {
    let word = words(&[(Yes, No), (Yes, Yes)], AllDown::All);
    assert_eq!(word, Eligible::new(0b10, 0b10, false));
}

#[test]
fn without_a_whole_site_the_living_halves_stay() {
    let word = words(&[(Yes, No), (No, Yes)], AllDown::All);
    assert_eq!(word, Eligible::new(0b01, 0b10, false));
    // A single-family site is not whole, and does not oust a living half.
    let word = words(&[(Yes, No), (Yes, Absent)], AllDown::Servfail);
    assert_eq!(word, Eligible::new(0b11, 0b00, false));
}

#[test]
fn single_family_sites_stay_eligible_beside_whole_ones() {
    let word = words(&[(Yes, Absent), (Yes, Yes), (Absent, Yes)], AllDown::All);
    assert_eq!(word, Eligible::new(0b011, 0b110, false));
}

#[test]
fn a_family_that_is_all_down_falls_back_by_the_setting() {
    let sites = [(Yes, No), (Yes, No), (Yes, Absent)];
    assert_eq!(words(&sites, AllDown::All), Eligible::new(0b111, 0, true));
    assert_eq!(
        words(&sites, AllDown::First),
        Eligible::new(0b111, 0b011, false)
    );
    assert_eq!(
        words(&sites, AllDown::Servfail),
        Eligible::new(0b111, 0, false)
    );
}

#[test]
fn a_family_nobody_has_falls_back_to_nothing() {
    for all_down in [AllDown::All, AllDown::First] {
        assert_eq!(
            words(&[(Yes, Absent)], all_down),
            Eligible::new(1, 0, false)
        );
    }
    // The flag is for IPv4 here; there is no IPv6 answer to be given.
    assert_eq!(
        words(&[(No, Absent)], AllDown::All),
        Eligible::new(0, 0, true)
    );
}

/// As [`words`], with the candidates `drained` and `out` held back.
fn held(fitness: &[(Fit, Fit)], drained: u8, out: u8, all_down: AllDown) -> Eligible {
    let fitness: Vec<Fitness> = fitness.iter().map(|&(v4, v6)| Fitness { v4, v6 }).collect();
    eligible(&fitness, Held { drained, out }, 0, all_down)
}

#[test]
fn the_held_give_way_to_any_other_that_is_fit() {
    let sites = [(Yes, Absent), (Yes, Absent), (No, Absent)];
    for (drained, out) in [(0b1, 0), (0, 0b1), (0b1, 0b1)] {
        let word = held(&sites, drained, out, AllDown::All);
        assert_eq!(word, Eligible::new(0b10, 0, false));
    }
}

#[test]
fn the_drained_are_the_last_resort_and_those_out_are_none() {
    let sites = [(Yes, Absent), (No, Absent)];
    let drained = held(&sites, 0b1, 0, AllDown::Servfail);
    assert_eq!(drained, Eligible::new(0b1, 0, false));
    let out = held(&sites, 0, 0b1, AllDown::Servfail);
    assert_eq!(out, Eligible::new(0, 0, false));
}

#[test]
fn the_fallback_of_all_names_nobody_who_is_held() {
    let sites = [(Yes, Absent), (No, Absent), (No, Absent)];
    for all_down in [AllDown::All, AllDown::First] {
        let word = held(&sites, 0, 0b1, all_down);
        assert_eq!(word, Eligible::new(0b110, 0, false));
    }
    let dead = [(No, Absent), (No, Absent), (No, Absent)];
    let word = held(&dead, 0b10, 0b1, AllDown::First);
    assert_eq!(word, Eligible::new(0b100, 0, false));
    let word = held(&dead, 0b10, 0b101, AllDown::First);
    assert_eq!(word, Eligible::new(0b10, 0, false));
    // Of nobody else there is nothing to say: the setting holds for all.
    let word = held(&dead, 0, 0b111, AllDown::All);
    assert_eq!(word, Eligible::new(0, 0, true));
}

#[test]
fn a_held_site_that_is_whole_ousts_no_living_half() {
    let word = held(&[(Yes, Yes), (Yes, No)], 0, 0b1, AllDown::Servfail);
    assert_eq!(word, Eligible::new(0b10, 0, false));
    // In the family that nobody else has, the drained stay.
    let word = held(&[(Yes, Yes), (Yes, No)], 0b1, 0, AllDown::Servfail);
    assert_eq!(word, Eligible::new(0b10, 0b1, false));
}

#[test]
fn with_fewer_usable_than_the_least_share_none_counts_as_fit() {
    let with = |up: usize, percent, held, all_down| {
        let fit = |n| if n < up { Yes } else { No };
        let fitness: Vec<Fitness> = (0..4)
            .map(|n| Fitness {
                v4: fit(n),
                v6: Absent,
            })
            .collect();
        eligible(&fitness, held, percent, all_down)
    };
    let none = Held::default();
    for (up, percent, expected) in [
        (2, 50, Eligible::new(0b11, 0, false)),
        (2, 51, Eligible::new(0, 0, true)),
        (1, 50, Eligible::new(0, 0, true)),
        (1, 25, Eligible::new(0b1, 0, false)),
        (4, 100, Eligible::new(0b1111, 0, false)),
        (3, 100, Eligible::new(0, 0, true)),
        (0, 0, Eligible::new(0, 0, true)),
    ] {
        assert_eq!(
            with(up, percent, none, AllDown::All),
            expected,
            "{up} up, {percent} %"
        );
    }
    assert_eq!(
        with(1, 50, none, AllDown::First),
        Eligible::new(0b1111, 0, false)
    );
    assert_eq!(
        with(1, 50, none, AllDown::Servfail),
        Eligible::new(0, 0, false)
    );
    // Who is held back carries nothing.
    let held = Held {
        drained: 0b1,
        out: 0,
    };
    assert_eq!(
        with(2, 50, held, AllDown::First),
        Eligible::new(0b1110, 0, false)
    );
    assert_eq!(
        with(3, 50, held, AllDown::First),
        Eligible::new(0b110, 0, false)
    );
}

fn fit() -> impl Strategy<Value = Fit> {
    prop_oneof![Just(Absent), Just(Yes), Just(No)]
}

prop_compose! {
    fn pools()(fits in prop::collection::vec((fit(), fit()), 1..=8))
        (
            order in Just((0..fits.len() as u8).collect::<Vec<u8>>()).prop_shuffle(),
            fits in Just(fits),
        ) -> (Vec<Fitness>, Ranking) {
        let fitness = fits.into_iter().map(|(v4, v6)| Fitness { v4, v6 });
        (fitness.collect(), Ranking::new(&order))
    }
}

proptest! {
    #[test]
    fn a_mask_is_empty_only_when_no_candidate_is_fit((pool, _) in pools()) {
        for family in [Family::V4, Family::V6] {
            let any_fit = pool.iter().any(|candidate| candidate.of(family) == Yes);
            let mask = eligible(&pool, Held::default(), 0, AllDown::Servfail).mask(family);
            prop_assert_eq!(mask != 0, any_fit);
        }
    }

    #[test]
    fn a_configured_family_always_gets_an_answer((pool, ranking) in pools()) {
        for family in [Family::V4, Family::V6] {
            let configured = pool.iter().any(|candidate| candidate.of(family) != Absent);
            for all_down in [AllDown::All, AllDown::First] {
                let picked = pick(ranking, eligible(&pool, Held::default(), 0, all_down), family);
                prop_assert!(!configured || picked.is_some());
            }
        }
    }

    #[test]
    fn who_is_out_is_used_only_where_everybody_is(
        (pool, ranking) in pools(), drained: u8, out: u8,
        all_down in prop_oneof![
            Just(AllDown::All), Just(AllDown::First), Just(AllDown::Servfail)
        ],
    ) {
        let word = eligible(&pool, Held { drained, out }, 0, all_down);
        for family in [Family::V4, Family::V6] {
            let has = |n: u8| pool[usize::from(n)].of(family) != Absent;
            let candidates = (0..pool.len() as u8).filter(|n| has(*n));
            let all = |mask: u8| candidates.clone().all(|n| mask >> n & 1 != 0);
            let (all_are_out, all_are_held) = (all(out), all(drained | out));
            match pick(ranking, word, family) {
                None => {}
                Some(dns_common::decision::ALL_CANDIDATES) => {
                    let any = |mask: u8| candidates.clone().any(|n| mask >> n & 1 != 0);
                    prop_assert!(all_are_out || !any(out));
                    prop_assert!(all_are_held || !any(drained));
                }
                Some(picked) => prop_assert!(all_are_out || out >> picked & 1 == 0),
            }
        }
    }

    #[test]
    fn only_the_fit_are_picked_while_there_are_any((pool, ranking) in pools()) {
        for family in [Family::V4, Family::V6] {
            let picked = pick(ranking, eligible(&pool, Held::default(), 0, AllDown::First), family);
            if pool.iter().any(|candidate| candidate.of(family) == Yes) {
                let picked = pool[usize::from(picked.unwrap())];
                prop_assert_eq!(picked.of(family), Yes);
            }
        }
    }

    #[test]
    fn dual_stack_sites_answer_both_families_alike_while_one_is_whole(
        (pool, ranking) in pools(),
        all_down in prop_oneof![
            Just(AllDown::All), Just(AllDown::First), Just(AllDown::Servfail)
        ],
    ) {
        let dual: Vec<u8> = (0..pool.len() as u8)
            .filter(|n| {
                let candidate = pool[usize::from(*n)];
                candidate.v4 != Absent && candidate.v6 != Absent
            })
            .collect();
        let among_dual = Ranking::new(
            &ranking.iter().filter(|n| dual.contains(n)).collect::<Vec<u8>>(),
        );
        if pool.iter().any(|candidate| candidate.is_whole()) {
            let word = eligible(&pool, Held::default(), 0, all_down);
            let a = pick(among_dual, word, Family::V4);
            let aaaa = pick(among_dual, word, Family::V6);
            prop_assert!(a.is_some());
            prop_assert_eq!(a, aaaa);
        }
    }
}
