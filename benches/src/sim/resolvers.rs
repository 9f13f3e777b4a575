//! Resolvers: what their caches hold, and so whom clients are sent to.
//!
//! They are taken together in cohorts: resolvers of one class of groups that do the
//! same with answers and are asked about as often. Of a cohort it is known which
//! share of it holds which answer for how many more seconds, which is exact for many
//! resolvers. The busiest of all is taken as many as well, as are the caches behind
//! the address of a public resolver.

use serde::Deserialize;

/// Answers that are told apart: a candidate's number, those of all candidates
/// together, none at all.
pub(super) const ANSWERS: usize = 10;
/// Position of none at all; the one before is what `ALL_CANDIDATES` numbers.
pub(super) const NO_ANSWER: u8 = 9;
/// An answer asked for in the last one of so many parts of its time is fetched anew (as
/// Unbound's `prefetch` does).
const PREFETCH_PART: usize = 10;

/// A share for each answer.
pub(super) type ByAnswer = [f64; ANSWERS];

/// What some of the resolvers do with answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Habit {
    /// How many of them.
    pub(super) percent: f64,
    /// An answer is kept for no less, seconds.
    #[serde(default)]
    pub(super) floor_s: u32,
    /// And for no more.
    #[serde(default = "no_cap")]
    pub(super) cap_s: u32,
    /// An answer asked for shortly before it expires is fetched anew.
    #[serde(default)]
    pub(super) prefetch: bool,
    /// Who asks first for one that expired gets it as it was, and it is fetched anew.
    #[serde(default)]
    pub(super) serve_stale: bool,
}

fn no_cap() -> u32 {
    u32::MAX
}

impl Habit {
    const PLAIN: Self = Self {
        percent: 60.0,
        floor_s: 0,
        cap_s: u32::MAX,
        prefetch: false,
        serve_stale: false,
    };

    /// Where a scenario says nothing. The shares are assumed; that there are
    /// resolvers of each kind is known.
    pub(super) fn usual() -> Vec<Self> {
        let some = |percent| Self {
            percent,
            ..Self::PLAIN
        };
        vec![
            Self::PLAIN,
            Self {
                prefetch: true,
                ..some(15.0)
            },
            Self {
                serve_stale: true,
                ..some(10.0)
            },
            Self {
                floor_s: 60,
                ..some(8.0)
            },
            Self {
                floor_s: 300,
                ..some(2.0)
            },
            Self {
                cap_s: 10,
                ..some(5.0)
            },
        ]
    }

    /// How long an answer with `ttl_s` is kept, a second or more.
    pub(super) fn kept_s(&self, ttl_s: u32) -> u32 {
        ttl_s.max(self.floor_s).min(self.cap_s).max(1)
    }
}

/// Resolvers that are asked about as often as each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rank {
    /// Their share of the demand, together.
    pub(super) share: f64,
    /// How many they are.
    pub(super) count: f64,
}

/// So many `resolvers`, whose shares go by rank to the power of -`zipf`, in ranks that
/// double: 1, 2 to 3, 4 to 7, and so on.
pub(super) fn ranks(resolvers: u32, zipf: f64) -> Vec<Rank> {
    let mut ranks = Vec::new();
    let mut first = 1;
    while first <= u64::from(resolvers) {
        let next = (first * 2).min(u64::from(resolvers) + 1);
        ranks.push(Rank {
            share: (first..next).map(|rank| (rank as f64).powf(-zipf)).sum(),
            count: (next - first) as f64,
        });
        first = next;
    }
    let total: f64 = ranks.iter().map(|rank| rank.share).sum();
    for rank in &mut ranks {
        rank.share /= total;
    }
    ranks
}

/// Resolvers with the same habit and about the same demand.
#[derive(Clone, Debug)]
pub(super) struct Cohort {
    /// Requests a second that one of them gets at its peak.
    rate: f64,
    kept_s: usize,
    prefetch: bool,
    serve_stale: bool,
    /// Those whose answer expires in so many seconds, from `now` on around.
    expiring: Vec<ByAnswer>,
    now: usize,
    /// Those with an answer that has not expired: the sum of `expiring`.
    cached: ByAnswer,
    /// Those whose last answer has, and who were not asked since.
    expired: ByAnswer,
}

/// What a second in a cohort's life comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Second {
    /// Share of its demand that gets each answer.
    pub(super) served: ByAnswer,
    /// Share of it that gets another than before.
    pub(super) moved: f64,
}

impl Cohort {
    /// One that has known `answer` for long, of resolvers with `rate` each.
    pub(super) fn new(habit: &Habit, ttl_s: u32, rate: f64, answer: u8) -> Self {
        let kept_s = habit.kept_s(ttl_s) as usize;
        let mut cohort = Self {
            rate,
            kept_s,
            prefetch: habit.prefetch,
            serve_stale: habit.serve_stale,
            expiring: vec![[0.0; ANSWERS]; kept_s + 1],
            now: 0,
            cached: [0.0; ANSWERS],
            expired: [0.0; ANSWERS],
        };
        let answer = usize::from(answer);
        // From an answer's expiry to the next question 1 / rate seconds pass.
        let kept = kept_s as f64;
        let cached = kept / (kept + 1.0 / rate);
        for slot in &mut cohort.expiring[1..] {
            slot[answer] = cached / kept;
        }
        cohort.cached[answer] = cached;
        cohort.expired[answer] = 1.0 - cached;
        cohort
    }

    /// One second in which whoever asks veer gets `answer`, and clients ask `activity`
    /// times as often as at the peak.
    pub(super) fn second(&mut self, answer: u8, activity: f64) -> Second {
        let now = self.now;
        for (number, share) in std::mem::take(&mut self.expiring[now])
            .into_iter()
            .enumerate()
        {
            // A sum of many steps may come out below nothing.
            self.cached[number] = (self.cached[number] - share).max(0.0);
            self.expired[number] += share;
        }
        let answer = usize::from(answer);
        let rate = self.rate * activity;
        let asked = 1.0 - (-rate).exp();
        let mut served = self.cached;
        let (mut fetched, mut moved) = (0.0, 0.0);
        // Of the questions to one whose answer has expired, the first.
        let stale = if self.serve_stale && rate > 0.0 {
            asked / rate
        } else {
            0.0
        };
        for (number, share) in self.expired.iter_mut().enumerate() {
            served[number] += *share * stale;
            served[answer] += *share * (1.0 - stale);
            let fetches = *share * asked;
            *share -= fetches;
            fetched += fetches;
            if number != answer {
                moved += fetches;
            }
        }
        self.cached[answer] += fetched;
        let early = self.kept_s / PREFETCH_PART;
        let ahead = if self.prefetch {
            1.0 - (-rate * early as f64).exp()
        } else {
            0.0
        };
        let slots = self.expiring.len();
        self.expiring[(now + self.kept_s) % slots][answer] += fetched * (1.0 - ahead);
        self.expiring[(now + self.kept_s - early) % slots][answer] += fetched * ahead;
        self.now = (now + 1) % slots;
        Second { served, moved }
    }

    /// Takes in `other`, alike but for what is cached, as the part `share` of all.
    pub(super) fn join(&mut self, other: &Self, share: f64) {
        let slots = self.expiring.iter_mut().zip(&other.expiring);
        let pairs = slots.chain([
            (&mut self.cached, &other.cached),
            (&mut self.expired, &other.expired),
        ]);
        for (mine, other) in pairs {
            for (mine, other) in mine.iter_mut().zip(other) {
                *mine += share * (other - *mine);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn habit(prefetch: bool, serve_stale: bool) -> Habit {
        Habit {
            prefetch,
            serve_stale,
            ..Habit::PLAIN
        }
    }

    /// The share that is still sent to 0 in each of `seconds` after the answer became 1.
    fn left(habit: &Habit, ttl_s: u32, rate: f64, seconds: usize) -> Vec<f64> {
        let mut cohort = Cohort::new(habit, ttl_s, rate, 0);
        for _ in 0..100 {
            assert!((cohort.second(0, 1.0).served[0] - 1.0).abs() < 1e-9);
        }
        (0..seconds)
            .map(|_| {
                let served = cohort.second(1, 1.0).served;
                assert!(
                    (served.iter().sum::<f64>() - 1.0).abs() < 1e-9,
                    "{served:?}"
                );
                served[0]
            })
            .collect()
    }

    #[test]
    fn busy_resolvers_move_evenly_over_the_ttl_and_then_are_done() {
        let left = left(&habit(false, false), 20, 1000.0, 21);
        for (second, share) in left.iter().take(20).enumerate() {
            let expected = 1.0 - (second + 1) as f64 / 20.0;
            assert!((share - expected).abs() < 1e-2, "{second}: {share}");
        }
        assert!(left[20] < 1e-9, "{left:?}");
    }

    #[test]
    fn a_floor_and_a_cap_change_how_long_an_answer_is_kept() {
        let floor = Habit {
            floor_s: 60,
            ..Habit::PLAIN
        };
        let cap = Habit {
            cap_s: 5,
            ..Habit::PLAIN
        };
        let after_30 = |habit| left(habit, 20, 1000.0, 30)[29];
        assert!((after_30(&floor) - 0.5).abs() < 1e-2);
        assert!(left(&cap, 20, 1000.0, 6)[5] < 1e-9);
        assert_eq!((floor.kept_s(20), cap.kept_s(20)), (60, 5));
    }

    #[test]
    fn who_is_hardly_asked_gives_the_new_answer_at_once_or_the_stale_one_first() {
        // An hour between two questions: the cache is empty whenever one comes.
        let rate = 1.0 / 3600.0;
        assert!(left(&habit(false, false), 20, rate, 1)[0] < 0.01);
        assert!(left(&habit(false, true), 20, rate, 1)[0] > 0.99);
    }

    #[test]
    fn prefetching_ends_a_tenth_earlier() {
        let left = left(&habit(true, false), 20, 1000.0, 19);
        assert!(left[18] < 1e-9, "{left:?}");
        assert!(left[16] > 0.01, "{left:?}");
    }

    #[test]
    fn what_moves_is_counted_once() {
        let mut cohort = Cohort::new(&Habit::PLAIN, 20, 1000.0, 0);
        let moved = |cohort: &mut Cohort, answer| -> f64 {
            (0..100).map(|_| cohort.second(answer, 1.0).moved).sum()
        };
        assert!(moved(&mut cohort, 0) < 1e-9);
        assert!((moved(&mut cohort, 1) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn two_cohorts_go_on_together_as_they_would_have_apart() {
        let cohort = |answer| Cohort::new(&habit(true, true), 20, 0.1, answer);
        let (mut one, mut other) = (cohort(0), cohort(1));
        let mut both = one.clone();
        both.join(&other, 0.25);
        for _ in 0..50 {
            let [one, other] = [one.second(2, 1.0), other.second(2, 1.0)];
            let both = both.second(2, 1.0);
            for answer in 0..ANSWERS {
                let expected = 0.75 * one.served[answer] + 0.25 * other.served[answer];
                assert!((both.served[answer] - expected).abs() < 1e-12, "{both:?}");
            }
        }
    }

    #[test]
    fn ranks_hold_every_resolver_and_the_first_asks_most() {
        let ranks = ranks(1_000_000, 1.0);
        let count: f64 = ranks.iter().map(|rank| rank.count).sum();
        let share: f64 = ranks.iter().map(|rank| rank.share).sum();
        assert!((count - 1e6).abs() < 1e-6 && (share - 1.0).abs() < 1e-9);
        // 1 / (ln 10^6 + 0.5772)
        assert!((ranks[0].share - 0.0695).abs() < 1e-4, "{ranks:?}");
        assert_eq!(ranks.len(), 20);
    }

    #[test]
    fn the_usual_habits_are_of_all_resolvers() {
        let total: f64 = Habit::usual().iter().map(|habit| habit.percent).sum();
        assert!((total - 100.0).abs() < 1e-9);
    }
}
