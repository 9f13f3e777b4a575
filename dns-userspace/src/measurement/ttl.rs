//! TTL: how long an answer may be kept follows from how long it cannot change.

use std::time::Duration;

use dns_common::tables::Row;
use tokio::time::Instant;

use crate::model::Pool;

/// Which of a pool's TTLs its answers have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TtlLevel {
    level: u8,
    /// Since when a longer one would do.
    longer_since: Option<Instant>,
}

impl TtlLevel {
    /// Its number, from 0, the shortest TTL.
    pub const fn number(self) -> u8 {
        self.level
    }

    /// Follows what is known at `now`: that nothing changes for so long as `until` says, at
    /// all where that is `None`. `ttls` are in seconds, ascending.
    ///
    /// The longest TTL that is over by then is the one to have. To a shorter one it goes at
    /// once; to the next longer one when that would have done all of its own time.
    pub fn follow(&mut self, ttls: &[u32], until: Option<Duration>, now: Instant) {
        let is_over = |ttl: &u32| until.is_none_or(|until| lasts(*ttl) <= until);
        let fits = ttls.iter().rposition(is_over).unwrap_or(0);
        let level = usize::from(self.level);
        if fits <= level {
            self.level = fits as u8;
            self.longer_since = None;
            return;
        }
        let since = *self.longer_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= lasts(ttls[level + 1]) {
            self.level += 1;
            self.longer_since = Some(now);
        }
    }
}

/// Places in the tables from the answers of one of the TTLs of `pool` to those of the next.
pub fn level_places(pool: &Pool) -> u32 {
    match pool.answers {
        1 => Row::LEVEL_ANSWERS,
        // The last set's of the second family.
        _ => Row::SETS_FROM + Row::STEERED_ANSWERS + (2 << pool.servers.len()),
    }
}

fn lasts(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTLS: [u32; 4] = [10, 20, 40, 80];

    /// The levels after each second at which so many seconds pass until a change.
    fn levels(at: &[(u64, Option<u64>)]) -> Vec<u8> {
        let (start, mut level) = (Instant::now(), TtlLevel::default());
        let each = at.iter().map(|(second, until)| {
            let now = start + Duration::from_secs(*second);
            level.follow(&TTLS, until.map(Duration::from_secs), now);
            level.number()
        });
        each.collect()
    }

    #[test]
    fn it_goes_up_one_by_one_each_after_its_own_time() {
        let forever = [0, 19, 20, 59, 60, 139, 140, 500].map(|second| (second, None));
        assert_eq!(levels(&forever), [0, 0, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn it_goes_up_no_further_than_what_is_over_before_a_change() {
        let seen = levels(&[
            (0, Some(40)),
            (20, Some(40)),
            (60, Some(40)),
            (300, Some(79)),
        ]);
        assert_eq!(seen, [0, 1, 2, 2]);
        let seen = levels(&[(0, Some(19)), (100, Some(19)), (200, Some(0))]);
        assert_eq!(seen, [0, 0, 0]);
    }

    #[test]
    fn it_goes_down_at_once_and_begins_anew_then() {
        let seen = levels(&[
            (0, None),
            (20, None),
            (60, None),
            (61, Some(39)),
            (62, Some(9)),
            (63, None),
            (82, None),
            (83, None),
        ]);
        assert_eq!(seen, [0, 1, 2, 1, 0, 0, 0, 1]);
    }
}
