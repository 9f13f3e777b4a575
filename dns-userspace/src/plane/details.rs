//! Details of what userspace did, for those who ask for them: queries by type and family,
//! and how long they took.

use std::{
    array,
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use dns_common::name::NAME_MAX;

use super::counters::{OwnCounters, count};
use crate::authority::query::HEADER_LEN;

/// Types that are counted apart, by number and name (RFC 6895 section 3.1).
const TYPES: [(u16, &str); 14] = [
    (1, "A"),
    (28, "AAAA"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (33, "SRV"),
    (43, "DS"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (257, "CAA"),
    (255, "ANY"),
];

/// All of them, and one for what is of no such type, or cannot be read.
const KINDS: usize = TYPES.len() + 1;

/// Families of the addresses that queries come from.
const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];

/// One in so many queries of a thread is timed, the first among them: to read the clock twice
/// costs more than all other counting.
const TIMED_ONE_IN: u64 = 64;

/// Upper bounds of what is told apart of times: 1 µs, 2 µs and so on up to 1 s.
const BOUNDS: usize = 21;

/// What is counted in detail; see [`super::PlaneCounters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Details<N = u64> {
    /// Queries by family, and in each by type.
    asked: [[N; KINDS]; FAMILIES.len()],
    /// Timed queries by how long they took, the last those beyond all bounds.
    took: [N; BOUNDS + 1],
    /// How long those took together, nanoseconds.
    took_ns: N,
}

impl<N: Default> Default for Details<N> {
    fn default() -> Self {
        Self {
            asked: array::from_fn(|_| array::from_fn(|_| N::default())),
            took: array::from_fn(|_| N::default()),
            took_ns: N::default(),
        }
    }
}

impl Details {
    /// Queries by the names of family and type, those that there were none of included.
    pub fn asked(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let families = FAMILIES.into_iter().zip(self.asked);
        families.flat_map(|(family, counts)| {
            let names = TYPES.map(|(_, name)| name).into_iter().chain(["other"]);
            names
                .zip(counts)
                .map(move |(rtype, count)| (family, rtype, count))
        })
    }

    /// Timed queries by upper bounds in seconds, ascending and not summed; the last has none.
    pub fn took(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = (0..BOUNDS as u32).map(|power| Some(bound(power).as_secs_f64()));
        bounds.chain([None]).zip(self.took)
    }

    /// How long the timed queries took together.
    pub fn took_together(&self) -> Duration {
        Duration::from_nanos(self.took_ns)
    }

    pub(super) fn add(&mut self, own: &Details<AtomicU64>) {
        let add = |sums: &mut [u64], own: &[AtomicU64]| {
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum += own.load(Relaxed);
            }
        };
        for (sums, own) in self.asked.iter_mut().zip(&own.asked) {
            add(sums, own);
        }
        add(&mut self.took, &own.took);
        self.took_ns += own.took_ns.load(Relaxed);
    }
}

impl OwnCounters {
    /// Counts `query` of `source`, which is counted nowhere yet; when it began, if it is to be
    /// timed.
    pub(super) fn begin(&self, query: &[u8], source: IpAddr) -> Option<Instant> {
        let family = usize::from(source.to_canonical().is_ipv6());
        count(&self.details.asked[family][kind(query)]);
        let before = self.udp_queries.load(Relaxed) + self.tcp_queries.load(Relaxed);
        before.is_multiple_of(TIMED_ONE_IN).then(Instant::now)
    }

    /// Counts how long it took from `begun` until now.
    pub(super) fn end(&self, begun: Instant) {
        let took = begun.elapsed();
        let within = (0..BOUNDS as u32).position(|power| took <= bound(power));
        let details = &self.details;
        count(&details.took[within.unwrap_or(BOUNDS)]);
        let together = details.took_ns.load(Relaxed) + took.as_nanos() as u64;
        details.took_ns.store(together, Relaxed);
    }
}

fn bound(power: u32) -> Duration {
    Duration::from_micros(1 << power)
}

/// Which of [`KINDS`] the first question of `query` is of.
fn kind(query: &[u8]) -> usize {
    let position = |rtype| TYPES.iter().position(|(number, _)| *number == rtype);
    rtype(query).and_then(position).unwrap_or(TYPES.len())
}

/// The type of the first question, if it is where an uncompressed name ends.
fn rtype(query: &[u8]) -> Option<u16> {
    let question = query.get(HEADER_LEN..)?;
    let mut end = 0;
    while *question.get(end)? != 0 {
        end += 1 + usize::from(question[end]);
        if end >= NAME_MAX {
            return None;
        }
    }
    let rtype = question.get(end + 1..)?.first_chunk()?;
    Some(u16::from_be_bytes(*rtype))
}

#[cfg(test)]
mod tests {
    use domain::base::Rtype;

    use super::*;
    use crate::{model::Name, plane::question};

    fn asked(name: &str, rtype: Rtype) -> Vec<u8> {
        question(&Name::bytes_from_str(name).expect("a name"), rtype, 7)
    }

    #[test]
    fn a_query_counts_for_its_type_and_the_family_of_who_sent_it() {
        let own = OwnCounters::default();
        let [v4, v6, mapped] = ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"]
            .map(|address| address.parse().expect("an address"));
        own.begin(&asked("www.example.", Rtype::A), v4);
        own.begin(&asked("www.example.", Rtype::A), mapped);
        own.begin(&asked(".", Rtype::HTTPS), v6);
        own.begin(&asked("www.example.", Rtype::LOC), v4);
        let whole = asked("www.example.", Rtype::A);
        // Cut anywhere, and with a name that never ends.
        let (octets, class) = (whole.len(), 2);
        for len in 0..octets {
            own.begin(&whole[..len], v6);
        }
        own.begin(&[1; 5000], v6);
        let mut details = Details::default();
        details.add(&own.details);
        let counts: Vec<_> = details.asked().filter(|of| of.2 != 0).collect();
        let expected = [
            ("ipv4", "A", 2),
            ("ipv4", "other", 1),
            ("ipv6", "A", class),
            ("ipv6", "HTTPS", 1),
            ("ipv6", "other", octets as u64 - class + 1),
        ];
        assert_eq!(counts, expected);
    }

    #[test]
    fn one_in_so_many_queries_is_timed() {
        let own = OwnCounters::default();
        let query = asked("www.example.", Rtype::A);
        let source = "192.0.2.1".parse().expect("an address");
        for _ in 0..=2 * TIMED_ONE_IN {
            let begun = own.begin(&query, source);
            count(&own.udp_queries);
            if let Some(begun) = begun {
                own.end(begun);
            }
        }
        let mut details = Details::default();
        details.add(&own.details);
        assert_eq!(details.took().map(|(_, count)| count).sum::<u64>(), 3);
        let bounds: Vec<_> = details.took().filter_map(|(bound, _)| bound).collect();
        assert!(bounds.is_sorted() && bounds.len() == BOUNDS, "{bounds:?}");
        assert!((bounds[0] - 1e-6).abs() < 1e-9, "{bounds:?}");
        assert!(details.took_together() > Duration::ZERO);
    }
}
