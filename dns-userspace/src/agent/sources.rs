//! What is known of those who connect: how many connections each has, and how
//! often each showed a wrong token.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use tokio::time::Instant;

/// Connections held at a time.
pub(super) const CONNECTIONS_MAX: usize = 128;

/// Connections of one source at a time: one that only holds them leaves room for
/// others.
pub(super) const CONNECTIONS_OF_SOURCE_MAX: usize = 16;

/// Wrong tokens of one source in a [`WINDOW`], after which none of its tokens is
/// looked at until that is over.
pub(super) const WRONG_MAX: u32 = 10;

/// See [`WRONG_MAX`].
pub(super) const WINDOW: Duration = Duration::from_mins(1);

/// Sources remembered for their wrong tokens; of more the one longest known is
/// forgotten.
const SOURCES_MAX: usize = 4096;

/// Who connects: an IPv4 address, or an IPv6 /64, all of which one host can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source(IpAddr);

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        const NETWORK: u128 = !(u64::MAX as u128);
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Sources {
    connections: HashMap<Source, usize>,
    wrong: HashMap<Source, Wrong>,
}

#[derive(Debug)]
struct Wrong {
    since: Instant,
    tokens: u32,
}

impl Wrong {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= WINDOW
    }
}

impl Sources {
    /// Whether `source` may have one connection more, which is counted then.
    pub(super) fn connect(&mut self, source: Source) -> bool {
        let held = self.connections.values().sum::<usize>();
        let of_source = self.connections.entry(source).or_default();
        let has_room = held < CONNECTIONS_MAX && *of_source < CONNECTIONS_OF_SOURCE_MAX;
        if has_room {
            *of_source += 1;
        } else if *of_source == 0 {
            self.connections.remove(&source);
        }
        has_room
    }

    /// One of its connections ended.
    pub(super) fn disconnect(&mut self, source: Source) {
        if let Some(of_source) = self.connections.get_mut(&source) {
            *of_source -= 1;
            if *of_source == 0 {
                self.connections.remove(&source);
            }
        }
    }

    /// Whether tokens of `source` are looked at.
    pub(super) fn may_try(&self, source: Source, now: Instant) -> bool {
        let wrong = self.wrong.get(&source);
        wrong.is_none_or(|wrong| wrong.is_over(now) || wrong.tokens < WRONG_MAX)
    }

    /// It showed a wrong token, or none; how many in this window.
    pub(super) fn was_wrong(&mut self, source: Source, now: Instant) -> u32 {
        if self.wrong.len() >= SOURCES_MAX && !self.wrong.contains_key(&source) {
            self.wrong.retain(|_, wrong| !wrong.is_over(now));
        }
        if self.wrong.len() >= SOURCES_MAX && !self.wrong.contains_key(&source) {
            let oldest = self.wrong.iter().min_by_key(|(_, wrong)| wrong.since);
            if let Some(oldest) = oldest.map(|(source, _)| *source) {
                self.wrong.remove(&oldest);
            }
        }
        let anew = Wrong {
            since: now,
            tokens: 0,
        };
        let wrong = self.wrong.entry(source).or_insert_with(|| anew);
        if wrong.is_over(now) {
            *wrong = Wrong {
                since: now,
                tokens: 0,
            };
        }
        wrong.tokens += 1;
        wrong.tokens
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn v4(number: u32) -> Source {
        Source::of(Ipv4Addr::from_bits(number).into())
    }

    fn of(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn a_host_is_one_source_whatever_address_it_takes() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn after_wrong_tokens_a_source_waits_and_others_do_not() {
        let mut sources = Sources::default();
        let start = Instant::now();
        for _ in 0..WRONG_MAX {
            assert!(sources.may_try(v4(1), start));
            sources.was_wrong(v4(1), start);
        }
        assert!(!sources.may_try(v4(1), start));
        assert!(sources.may_try(v4(2), start));
        let later = start + WINDOW;
        assert!(!sources.may_try(v4(1), later - Duration::from_millis(1)));
        assert!(sources.may_try(v4(1), later));
        sources.was_wrong(v4(1), later);
        assert!(sources.may_try(v4(1), later));
    }

    #[test]
    fn no_more_sources_are_remembered_than_there_is_room_for() {
        let mut sources = Sources::default();
        let start = Instant::now();
        let most = u32::try_from(SOURCES_MAX).unwrap();
        for number in 0..most + 10 {
            let now = start + Duration::from_micros(number.into());
            for _ in 0..WRONG_MAX {
                sources.was_wrong(v4(number), now);
            }
        }
        assert_eq!(sources.wrong.len(), SOURCES_MAX);
        let now = start + Duration::from_secs(1);
        assert!(sources.may_try(v4(9), now));
        assert!(!sources.may_try(v4(10), now));
        sources.was_wrong(v4(9), start + WINDOW * 2);
        assert_eq!(sources.wrong.len(), 1);
    }

    #[test]
    fn connections_are_bounded_for_one_source_and_for_all() {
        let mut sources = Sources::default();
        for _ in 0..CONNECTIONS_OF_SOURCE_MAX {
            assert!(sources.connect(v4(1)));
        }
        assert!(!sources.connect(v4(1)));
        assert!(sources.connect(v4(2)));
        sources.disconnect(v4(1));
        assert!(sources.connect(v4(1)));
        sources.disconnect(v4(2));
        let rest = u32::try_from(CONNECTIONS_MAX - CONNECTIONS_OF_SOURCE_MAX).unwrap();
        for number in 0..rest {
            assert!(sources.connect(v4(100 + number)));
        }
        assert!(!sources.connect(v4(3)));
        sources.disconnect(v4(100));
        assert!(sources.connect(v4(3)));
        assert_eq!(sources.connections.values().sum::<usize>(), CONNECTIONS_MAX);
    }
}
