//! Times of day in TOML.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use toml::value::{Datetime, Offset};

use super::{Document, Entry};

const VALID: &str = "a day, e.g. 2026-10-01, which begins at 0:00 UTC, or a time with its offset, e.g. \
     2026-10-01T00:00:00Z, from 1970 on";

impl Entry<'_> {
    /// A time, in milliseconds since 1970.
    pub(in crate::config) fn time(&self, document: &mut Document) -> Option<u64> {
        let Some(time) = self.value.as_datetime() else {
            return self.wrong_type(VALID, document);
        };
        unix_ms(time).or_else(|| {
            let message = format!("{time} is no such time; valid: {VALID}");
            self.reject(message, document)
        })
    }
}

/// `time` as it is in UTC; `None` without a day, and for an hour that could be any zone's.
fn unix_ms(time: &Datetime) -> Option<u64> {
    let date = time.date?;
    let (clock, minutes) = match (time.time, time.offset) {
        (None, None) => ("00:00:00".to_owned(), 0),
        (Some(clock), Some(Offset::Z)) => (clock.to_string(), 0),
        (Some(clock), Some(Offset::Custom { minutes })) => (clock.to_string(), minutes),
        _ => return None,
    };
    // Seconds may be left out since TOML 1.1.
    let seconds = if clock.len() == "00:00".len() {
        ":00"
    } else {
        ""
    };
    let utc = format!("{date} {clock}{seconds}");
    let there = humantime::parse_rfc3339_weak(&utc).ok()?;
    let ahead = Duration::from_secs(60 * u64::from(minutes.unsigned_abs()));
    let utc: SystemTime = if minutes < 0 {
        there.checked_add(ahead)?
    } else {
        there.checked_sub(ahead)?
    };
    let since = utc.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_or_has_an_offset() {
        let of = |text: &str| unix_ms(&text.parse().unwrap());
        let midnight = Some(1_790_812_800_000);
        for text in [
            "2026-10-01",
            "2026-10-01T00:00:00Z",
            "2026-10-01T00:00Z",
            "2026-10-01 02:00:00+02:00",
            "2026-09-30T19:30:00-04:30",
        ] {
            assert_eq!(of(text), midnight, "{text}");
        }
        assert_eq!(of("1970-01-01T00:00:01.5Z"), Some(1500));
        for text in [
            "2026-10-01T00:00:00",
            "00:00:00",
            "1970-01-01T00:00:00+00:01",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
