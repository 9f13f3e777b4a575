//! Candidates that come back a little at a time.

use std::time::Duration;

use dns_common::decision::CANDIDATES_MAX;
use tokio::time::Instant;

use super::ALL;

/// A part grows in so many steps: each costs words.
const STEPS: u32 = 32;

/// Who is back since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returns {
    /// Bit n for candidate n; `None` before the first look.
    usable: Option<u8>,
    since: [Option<Instant>; CANDIDATES_MAX],
}

impl Returns {
    /// Notes who is `usable` at `now`, bit n for candidate n. Nobody is back who was never
    /// seen away.
    pub fn note(&mut self, usable: u8, now: Instant) {
        let before = self.usable.replace(usable).unwrap_or(usable);
        for (number, since) in self.since.iter_mut().enumerate() {
            let is = |mask: u8| mask >> number & 1 != 0;
            match (is(before), is(usable)) {
                (false, true) => *since = Some(now),
                (_, false) => *since = None,
                (true, true) => {}
            }
        }
    }

    /// How many of its slots each candidate takes at `now`, of [`ALL`], where that grows
    /// from the first step to all in the time `slow_start`. Somebody usable takes all:
    /// where nobody was there for so long, who came first.
    pub fn parts(&self, slow_start: Duration, now: Instant) -> [u16; CANDIDATES_MAX] {
        let part = |since: Option<Instant>| {
            let lasted = since.map(|since| now.saturating_duration_since(since));
            let steps = lasted.map(|lasted| {
                let done = lasted.as_nanos() * u128::from(STEPS) / slow_start.as_nanos().max(1);
                done.saturating_add(1).min(STEPS.into()) as u16
            });
            steps.map_or(ALL, |steps| steps * (ALL / STEPS as u16))
        };
        let parts = self.since.map(part);
        let usable = self.usable.unwrap_or_default();
        let of_usable = (0..).zip(parts);
        let of_usable = of_usable.filter(|(number, _): &(u32, u16)| usable >> number & 1 != 0);
        let most = of_usable.map(|(_, part)| part).max().unwrap_or(ALL);
        let scaled = |part: u16| (u32::from(part) * u32::from(ALL) / u32::from(most)) as u16;
        parts.map(|part| scaled(part).min(ALL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of three candidates, as so many seconds after the start.
    fn parts(returns: &Returns, start: Instant, seconds: u64) -> [u16; 3] {
        let parts = returns.parts(
            Duration::from_secs(32),
            start + Duration::from_secs(seconds),
        );
        [parts[0], parts[1], parts[2]]
    }

    #[test]
    fn whoever_is_back_takes_more_step_by_step() {
        let start = Instant::now();
        let mut returns = Returns::default();
        returns.note(0b011, start);
        assert_eq!(parts(&returns, start, 0), [ALL; 3], "nobody was away");
        returns.note(0b010, start);
        returns.note(0b011, start);
        let grows = [0, 1, 16, 30, 31, 32, 1000].map(|seconds| parts(&returns, start, seconds)[0]);
        assert_eq!(grows, [32, 64, 544, 992, ALL, ALL, ALL]);
        returns.note(0b011, start + Duration::from_secs(9));
        assert_eq!(parts(&returns, start, 9), [320, ALL, ALL]);
        returns.note(0b111, start + Duration::from_secs(9));
        assert_eq!(parts(&returns, start, 9), [320, ALL, 32]);
    }

    #[test]
    fn the_first_back_of_all_takes_all() {
        let start = Instant::now();
        let mut returns = Returns::default();
        returns.note(0b011, start);
        returns.note(0, start);
        returns.note(0b001, start + Duration::from_secs(10));
        assert_eq!(parts(&returns, start, 10)[0], ALL);
        returns.note(0b011, start + Duration::from_secs(14));
        assert_eq!(parts(&returns, start, 14)[..2], [ALL, 204]);
        assert_eq!(parts(&returns, start, 60)[..2], [ALL, ALL]);
    }
}
