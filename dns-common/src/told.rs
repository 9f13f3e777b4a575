//! Queries that are told one by one, one in so many, to whoever watches: what the kernel
//! says of one, and which ones are wanted.

/// What the kernel says of a query, ahead of the first octets of its frame as it stands at
/// the end: the reply where it was answered, else the query.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When, nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// Number of the service that decided; [`crate::tables::Row::NO_SERVICE`] for none.
    pub service: u32,
    /// Number of the group it decided for; anything where there is no service.
    pub group: u32,
    /// Number of the [`crate::outcome::Outcome`].
    pub outcome: u32,
    /// How many octets of the frame follow.
    pub octets: u32,
}

/// Octets of a frame that are told at most: every header and question, and some records.
pub const OCTETS_MAX: usize = 512;

/// What [`crate::tables::Control::watched`] says where nobody watches.
pub const NOBODY: u64 = 0;
/// What it says where all queries are wanted.
pub const ALL: u64 = 1;

/// What it says where those of one service are, by its number.
#[inline(always)]
pub const fn of_service(number: u32) -> u64 {
    number as u64 + 2
}

/// Whether a query is wanted for which the service of that number decided.
#[inline(always)]
pub const fn is_wanted(watched: u64, service: u32) -> bool {
    watched == ALL || watched == of_service(service)
}

impl Told {
    /// Octets of one.
    pub const LEN: usize = size_of::<Self>();

    /// What the kernel wrote, and the octets of the frame; `None` where it is none.
    pub fn parse(event: &[u8]) -> Option<(Self, &[u8])> {
        let (head, frame) = event.split_first_chunk::<{ Self::LEN }>()?;
        let (time, halves) = head.split_first_chunk()?;
        let half = |number: usize| {
            let octets = halves[4 * number..].first_chunk();
            octets.map(|octets| u32::from_le_bytes(*octets))
        };
        let told = Self {
            time_ns: u64::from_le_bytes(*time),
            service: half(0)?,
            group: half(1)?,
            outcome: half(2)?,
            octets: half(3)?,
        };
        Some((told, frame.get(..told.octets as usize)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Row;

    #[test]
    fn what_is_wanted_is_all_or_of_one_service() {
        for service in [0, 1, 2, 7, Row::NO_SERVICE] {
            assert!(!is_wanted(NOBODY, service));
            assert!(is_wanted(ALL, service));
            assert_eq!(is_wanted(of_service(0), service), service == 0);
            assert_eq!(is_wanted(of_service(7), service), service == 7);
        }
    }

    #[test]
    fn an_event_is_read_as_it_was_written_and_what_is_cut_off_is_none() {
        let told = Told {
            time_ns: 1 << 40 | 2,
            service: 3,
            group: 4,
            outcome: 5,
            octets: 6,
        };
        let mut event = told.time_ns.to_le_bytes().to_vec();
        for half in [told.service, told.group, told.outcome, told.octets] {
            event.extend(half.to_le_bytes());
        }
        assert_eq!(event.len(), Told::LEN);
        // The kernel fills up to a multiple of eight.
        event.extend([1, 2, 3, 4, 5, 6, 0xee, 0xee]);
        assert_eq!(Told::parse(&event), Some((told, &[1, 2, 3, 4, 5, 6][..])));
        for len in 0..Told::LEN + 6 {
            assert_eq!(Told::parse(&event[..len]), None, "{len}");
        }
    }
}
