//! Decide: which candidates of a pool may be used.

use dns_common::decision::{CANDIDATES_MAX, Eligible, Family};

use crate::model::AllDown;

/// What is known of one family of a candidate's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The candidate has no address of the family.
    Absent,
    /// Every address of the family counts as up.
    Yes,
    /// An address of the family is down.
    No,
}

/// A candidate's two families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitness {
    /// Its IPv4 addresses.
    pub v4: Fit,
    /// Its IPv6 addresses.
    pub v6: Fit,
}

impl Fitness {
    /// That of a hand-over, which leads both families to one place. A sick one is
    /// no candidate at all: not even where nobody is fit.
    pub const fn of_hand_over(is_fit: bool) -> Self {
        let fit = if is_fit { Fit::Yes } else { Fit::Absent };
        Self { v4: fit, v6: fit }
    }

    /// That of a server beside hand-overs: the family it has no address of goes
    /// with the other, so that what is said at the name is of one candidate.
    #[must_use]
    pub const fn beside_hand_overs(self) -> Self {
        match (self.v4, self.v6) {
            (Fit::Absent, one) | (one, Fit::Absent) => Self { v4: one, v6: one },
            both => Self {
                v4: both.0,
                v6: both.1,
            },
        }
    }

    /// One of the two.
    pub const fn of(self, family: Family) -> Fit {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// Whether it has both families and both are fit.
    pub const fn is_whole(self) -> bool {
        matches!((self.v4, self.v6), (Fit::Yes, Fit::Yes))
    }

    /// Whether it has both families and exactly one of them is fit.
    pub const fn is_half_dead(self) -> bool {
        matches!(
            (self.v4, self.v6),
            (Fit::Yes, Fit::No) | (Fit::No, Fit::Yes)
        )
    }
}

/// The eligible word of a pool whose candidates have `fitness` (1 to 8, by
/// candidate number) and whose setting for the worst case is `all_down`.
///
/// A candidate is eligible for a family in which it is fit, with one exception:
/// a client should find A and AAAA of one name at the same site. So while any
/// candidate is whole, those that are half dead are left out of both families,
/// and whoever would have got one gets a whole site for both. When none is
/// whole, the living halves stay: a family that can be reached beats a site
/// that matches. A candidate configured for one family only is left out for
/// nothing but its own health.
///
/// A family in which candidates have addresses, but none is fit, falls back by
/// `all_down`:
/// - All: no bit and [`Eligible::ALL_DOWN_ALL`];
/// - First: the bits of all that have the family, so the ranking decides;
/// - Servfail: no bit.
///
/// A family without any address has no bit, and counts for nothing in the flag.
pub fn eligible(fitness: &[Fitness], all_down: AllDown) -> Eligible {
    debug_assert!(fitness.len() <= CANDIDATES_MAX);
    let any_whole = fitness.iter().any(|candidate| candidate.is_whole());
    let usable = |candidate: Fitness, family| {
        candidate.of(family) == Fit::Yes && !(any_whole && candidate.is_half_dead())
    };
    let family = |family| {
        let configured = mask(fitness, |candidate| candidate.of(family) != Fit::Absent);
        let usable = mask(fitness, |candidate| usable(candidate, family));
        match all_down {
            _ if usable != 0 || configured == 0 => (usable, false),
            AllDown::All => (0, true),
            AllDown::First => (configured, false),
            AllDown::Servfail => (0, false),
        }
    };
    let (v4, v4_all) = family(Family::V4);
    let (v6, v6_all) = family(Family::V6);
    Eligible::new(v4, v6, v4_all || v6_all)
}

/// Bit n is whether `holds` for candidate n.
fn mask(fitness: &[Fitness], holds: impl Fn(Fitness) -> bool) -> u8 {
    let bits = fitness.iter().enumerate();
    bits.fold(0, |mask, (number, candidate)| {
        mask | u8::from(holds(*candidate)) << number
    })
}

#[cfg(test)]
mod tests {
    use dns_common::decision::{Ranking, pick};
    use proptest::prelude::*;

    use super::{Fit::*, *};

    fn words(fitness: &[(Fit, Fit)], all_down: AllDown) -> Eligible {
        let fitness: Vec<Fitness> = fitness.iter().map(|&(v4, v6)| Fitness { v4, v6 }).collect();
        eligible(&fitness, all_down)
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
                let mask = eligible(&pool, AllDown::Servfail).mask(family);
                prop_assert_eq!(mask != 0, any_fit);
            }
        }

        #[test]
        fn a_configured_family_always_gets_an_answer((pool, ranking) in pools()) {
            for family in [Family::V4, Family::V6] {
                let configured = pool.iter().any(|candidate| candidate.of(family) != Absent);
                for all_down in [AllDown::All, AllDown::First] {
                    let picked = pick(ranking, eligible(&pool, all_down), family);
                    prop_assert!(!configured || picked.is_some());
                }
            }
        }

        #[test]
        fn only_the_fit_are_picked_while_there_are_any((pool, ranking) in pools()) {
            for family in [Family::V4, Family::V6] {
                let picked = pick(ranking, eligible(&pool, AllDown::First), family);
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
                let word = eligible(&pool, all_down);
                let a = pick(among_dual, word, Family::V4);
                let aaaa = pick(among_dual, word, Family::V6);
                prop_assert!(a.is_some());
                prop_assert_eq!(a, aaaa);
            }
        }
    }
}
