//! Times as people give them.

use std::time::Duration;

/// A time: how long ago, e.g. `90s`, `1h`, `2days`, or in UTC as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Ago(Duration),
    UnixMs(u64),
}

impl Moment {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(ago) = humantime::parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        let time = humantime::parse_rfc3339_weak(text).map_err(|error| {
            format!(
                "{error}; valid: how long ago, e.g. 90s, 1h, or UTC, e.g. \"2026-02-28 23:59:59\""
            )
        })?;
        let since = time.duration_since(std::time::UNIX_EPOCH);
        let since = since.map_err(|_| "it is before 1970".to_owned())?;
        Ok(Self::UnixMs(milliseconds(since)))
    }

    /// In milliseconds since 1970, where it is `now_unix_ms`.
    pub(super) fn unix_ms(self, now_unix_ms: u64) -> u64 {
        match self {
            Self::Ago(ago) => now_unix_ms.saturating_sub(milliseconds(ago)),
            Self::UnixMs(time) => time,
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_age_or_utc() {
        let parsed = |text| Moment::parse(text).map(|moment| moment.unix_ms(10_000_000));
        assert_eq!(parsed("1h 30s"), Ok(6_370_000));
        assert_eq!(parsed("5000h"), Ok(0));
        for text in ["1970-01-02 00:00:01.5", "1970-01-02T00:00:01.5Z"] {
            assert_eq!(parsed(text), Ok(86_401_500), "{text}");
        }
        for text in [
            "",
            "soon",
            "-1h",
            "2026-13-01 00:00:00",
            "1969-12-31 23:00:00",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
