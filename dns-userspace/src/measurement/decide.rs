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

    /// The same with every family that it has fit; a hand-over has both, sick or not.
    #[must_use]
    pub const fn kept_up(self) -> Self {
        const fn kept_up(fit: Fit) -> Fit {
            match fit {
                Fit::Absent => Fit::Absent,
                Fit::Yes | Fit::No => Fit::Yes,
            }
        }
        if let (Fit::Absent, Fit::Absent) = (self.v4, self.v6) {
            return Self::of_hand_over(true);
        }
        Self {
            v4: kept_up(self.v4),
            v6: kept_up(self.v6),
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

/// Candidates that are held back, fit or not, bit n for candidate n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Held {
    /// Used only where no other is fit.
    pub drained: u8,
    /// Not used at all.
    pub out: u8,
}

/// The eligible word of a pool whose candidates have `fitness` (1 to 8, by
/// candidate number), some of which are held back, and whose setting for the worst
/// case is `all_down`.
///
/// A candidate is eligible for a family in which it is fit and not held, with one
/// exception: a client should find A and AAAA of one name at the same site. So
/// while any candidate is whole, those that are half dead are left out of both
/// families, and whoever would have got one gets a whole site for both. When none
/// is whole, the living halves stay: a family that can be reached beats a site
/// that matches. A candidate configured for one family only is left out for
/// nothing but its own health.
///
/// Where that leaves nobody in a family, the drained are taken who are fit in it,
/// by the same rule among themselves. Where fewer may be used than `min_up_percent` of
/// those that have the family, none counts as fit. A family in which candidates have
/// addresses, but none is fit, falls back by `all_down`:
/// - All: no bit and [`Eligible::ALL_DOWN_ALL`]; while some are held back, as First,
///   since the answer of all has theirs too;
/// - First: the bits of all that have the family, so the ranking decides; the held
///   only where there is nobody else, the drained before those that are out;
/// - Servfail: no bit.
///
/// A family without any address has no bit, and counts for nothing in the flag.
pub fn eligible(
    fitness: &[Fitness],
    held: Held,
    min_up_percent: u8,
    all_down: AllDown,
) -> Eligible {
    debug_assert!(fitness.len() <= CANDIDATES_MAX);
    let free = !(held.drained | held.out);
    let drained = held.drained & !held.out;
    let family = |family| {
        let usable = first_nonzero([free, drained].map(|among| usable(fitness, among, family)));
        let configured = configured(fitness, family);
        let enough = is_enough(usable, configured, min_up_percent);
        let fallback = first_nonzero([free, drained, !0].map(|among| configured & among));
        match all_down {
            _ if configured == 0 => (0, false),
            _ if enough => (usable, false),
            AllDown::All if fallback == configured => (0, true),
            AllDown::All | AllDown::First => (fallback, false),
            AllDown::Servfail => (0, false),
        }
    };
    let (v4, v4_all) = family(Family::V4);
    let (v6, v6_all) = family(Family::V6);
    Eligible::new(v4, v6, v4_all || v6_all)
}

/// Those of the candidates `among` that may be used for `family`.
pub fn usable(fitness: &[Fitness], among: u8, family: Family) -> u8 {
    let any_whole = mask(fitness, Fitness::is_whole) & among != 0;
    let fit = mask(fitness, |candidate| {
        candidate.of(family) == Fit::Yes && !(any_whole && candidate.is_half_dead())
    });
    fit & among
}

/// The candidates that have addresses of `family`.
pub fn configured(fitness: &[Fitness], family: Family) -> u8 {
    mask(fitness, |candidate| candidate.of(family) != Fit::Absent)
}

/// Whether the `usable` are at least `min_up_percent` of the `configured`, and any.
pub fn is_enough(usable: u8, configured: u8, min_up_percent: u8) -> bool {
    let (usable, configured) = (usable.count_ones(), configured.count_ones());
    usable != 0 && usable * 100 >= configured * u32::from(min_up_percent)
}

/// The first of `masks` that has a bit; 0 if none has.
fn first_nonzero(masks: impl IntoIterator<Item = u8>) -> u8 {
    masks.into_iter().find(|mask| *mask != 0).unwrap_or(0)
}

/// Bit n is whether `holds` for candidate n.
fn mask(fitness: &[Fitness], holds: impl Fn(Fitness) -> bool) -> u8 {
    let bits = fitness.iter().enumerate();
    bits.fold(0, |mask, (number, candidate)| {
        mask | u8::from(holds(*candidate)) << number
    })
}

#[cfg(test)]
mod tests;
