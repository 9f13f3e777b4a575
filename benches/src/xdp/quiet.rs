//! Which turns count.
//!
//! A virtual processor may share its core with another's, and while that is at work a
//! longer program loses more than a shorter one: no floor can be subtracted then. So
//! turns count in which the drop, next to nothing, was about as fast as ever. What the
//! responder did in them has no say in it.

/// A drop this much slower than the fastest says that the core was shared.
const DISTURBED: f64 = 1.125;

/// After so many times the turns that are wanted all count: the machine is not quiet then.
const PATIENCE: usize = 4;

/// Times of one turn, nanoseconds: the responder's, the reflect's, the drop's.
pub(super) type Times = [Vec<u64>; 3];

/// The fastest that the drop was in any turn: its mean, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fastest(f64);

impl Fastest {
    pub(super) const fn new() -> Self {
        Self(f64::INFINITY)
    }

    fn disturbed(self, drop: Option<f64>) -> bool {
        drop.is_some_and(|drop| drop > DISTURBED * self.0)
    }
}

/// The turns of one row.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Each with the drop's mean, where that says something of the core.
    taken: Vec<(Option<f64>, Times)>,
}

/// Those that count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) times: Times,
    /// Turns that do not count.
    pub(super) set_aside: usize,
}

impl Turns {
    /// Adds one, whose drop took `drop` in the mean; `None` with empty caches: then it
    /// says how far memory is, and every turn counts.
    pub(super) fn add(&mut self, drop: Option<f64>, times: Times, fastest: &mut Fastest) {
        fastest.0 = drop.map_or(fastest.0, |drop| fastest.0.min(drop));
        self.taken.push((drop, times));
    }

    /// Whether enough of them count to be `wanted`, or there were far more.
    pub(super) fn are_enough(&self, wanted: usize, fastest: Fastest) -> bool {
        let quiet = self.taken.iter();
        let quiet = quiet.filter(|(drop, _)| !fastest.disturbed(*drop)).count();
        quiet >= wanted || self.taken.len() >= PATIENCE * wanted
    }

    /// The quiet ones, where these are `wanted`; else all.
    pub(super) fn counted(self, wanted: usize, fastest: Fastest) -> Counted {
        let all = self.taken.len();
        let (quiet, disturbed): (Vec<_>, Vec<_>) = self
            .taken
            .into_iter()
            .partition(|(drop, _)| !fastest.disturbed(*drop));
        let counted = if quiet.len() >= wanted {
            quiet
        } else {
            quiet.into_iter().chain(disturbed).collect()
        };
        let set_aside = all - counted.len();
        let mut times = Times::default();
        for (_, turn) in counted {
            for (all, of_turn) in times.iter_mut().zip(turn) {
                all.extend(of_turn);
            }
        }
        Counted { times, set_aside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns by their drop's mean; the responder's one time is the turn's number.
    fn turns(drops: &[f64], fastest: &mut Fastest) -> Turns {
        let mut turns = Turns::default();
        for (number, drop) in (0..).zip(drops) {
            turns.add(Some(*drop), [vec![number], vec![], vec![]], fastest);
        }
        turns
    }

    #[test]
    fn turns_of_a_shared_core_do_not_count() {
        let mut fastest = Fastest::new();
        let other = turns(&[60.0], &mut fastest);
        let turns = turns(&[67.0, 68.0, 90.0, 62.0], &mut fastest);
        assert!(other.are_enough(1, fastest));
        assert!(turns.are_enough(2, fastest) && !turns.are_enough(3, fastest));
        let counted = turns.counted(2, fastest);
        assert_eq!(counted.times, [vec![0, 3], vec![], vec![]]);
        assert_eq!(counted.set_aside, 2);
    }

    #[test]
    fn all_count_where_the_core_is_never_ours() {
        let mut fastest = Fastest::new();
        turns(&[60.0], &mut fastest);
        let turns = turns(
            &[90.0, 60.0, 90.0, 90.0, 90.0, 90.0, 90.0, 90.0],
            &mut fastest,
        );
        assert!(turns.are_enough(2, fastest));
        let counted = turns.counted(2, fastest);
        assert_eq!(counted.times[0].len(), 8);
        assert_eq!(counted.set_aside, 0);
    }

    #[test]
    fn all_count_with_empty_caches() {
        let mut fastest = Fastest::new();
        turns(&[60.0], &mut fastest);
        let mut cold = Turns::default();
        cold.add(None, [vec![900], vec![], vec![]], &mut fastest);
        assert!(cold.are_enough(1, fastest));
        assert_eq!(cold.counted(1, fastest).set_aside, 0);
    }
}
