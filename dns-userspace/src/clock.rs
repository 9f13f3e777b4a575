//! The clock that both planes go by: that of rates, and with an offset that of
//! cookies. The kernel's programs can read it, unlike the wall clock.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use humantime::Rfc3339Timestamp;

/// Nanoseconds since some start, never going back.
pub trait Clock: Debug + Send + Sync {
    /// The time now.
    fn now_ns(&self) -> u64;
}

/// The host's: since it was booted, suspension included.
#[derive(Clone, Copy, Debug)]
pub struct BootClock;

impl Clock for BootClock {
    fn now_ns(&self) -> u64 {
        read(libc::CLOCK_BOOTTIME)
    }
}

/// Nanoseconds from [`BootClock`] to 1970, wrapping; it changes when the wall
/// clock is set.
pub fn offset_ns() -> u64 {
    read(libc::CLOCK_REALTIME).wrapping_sub(BootClock.now_ns())
}

/// Milliseconds since 1970.
pub fn unix_ms() -> u64 {
    read(libc::CLOCK_REALTIME) / 1_000_000
}

/// The time `unix_ms`, milliseconds since 1970.
pub fn time_of(unix_ms: u64) -> SystemTime {
    // The greatest that has four digits for the year.
    let unix_ms = unix_ms.min(253_402_300_799_999);
    UNIX_EPOCH + Duration::from_millis(unix_ms)
}

/// The time `unix_ms`, milliseconds since 1970, in UTC (RFC 3339), to the second where it
/// is a whole one.
pub fn utc(unix_ms: u64) -> Rfc3339Timestamp {
    let time = time_of(unix_ms);
    if unix_ms.is_multiple_of(1000) {
        humantime::format_rfc3339_seconds(time)
    } else {
        humantime::format_rfc3339_millis(time)
    }
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is that of `time`.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(failed, 0, "every Linux from 2.6.39 on has clock {clock}");
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_and_offset_are_the_time_of_day() {
        let day = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            u64::try_from(since.expect("after 1970").as_nanos()).expect("before 2554")
        };
        let offset = offset_ns();
        let (before, now, after) = (day(), BootClock.now_ns().wrapping_add(offset), day());
        // The offset's two readings are no instant.
        let slack = 1_000_000_000;
        assert!(before - slack < now && now < after + slack);
        assert!(BootClock.now_ns() <= BootClock.now_ns());
    }
}
