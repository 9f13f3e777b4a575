//! What all kinds of probes have.

use std::{net::IpAddr, time::Duration};

use crate::{
    config::{
        address,
        section::{Document, Entry, Section},
    },
    measurement::smooth::WINDOW_MAX,
    model::{Probe, ProbeKind, Smoothing, Source},
};

/// Intervals after which a value is unknown, where none is set.
const STALE_INTERVALS: u32 = 10;
/// Intervals that a percentile is of, where no window is set.
const WINDOW_INTERVALS: u32 = 60;

/// Everything but the kind, which is left as that of [`Probe::new`].
pub(super) fn read(section: &mut Section, document: &mut Document) -> Probe {
    let default = Probe::new(ProbeKind::Tcp { port: 0 });
    let (interval, timeout) = times(section, &default, document);
    let up_after = threshold(section, "up_after", document).unwrap_or(default.up_after);
    let down_after = threshold(section, "down_after", document).unwrap_or(default.down_after);
    let source = section
        .optional("source", document)
        .and_then(|entry| source(&entry, document))
        .unwrap_or_default();
    let stale_after = duration(section, "stale_after_ms", document);
    Probe {
        interval,
        timeout,
        up_after,
        down_after,
        source,
        smoothing: smoothing(section, interval, document),
        stale_after: stale_after.unwrap_or(interval * STALE_INTERVALS),
        ..default
    }
}

fn duration(section: &mut Section, key: &'static str, document: &mut Document) -> Option<Duration> {
    let entry = section.optional(key, document)?;
    let ms = entry.integer(1..=86_400_000, document)?;
    Some(Duration::from_millis(ms))
}

/// Interval and timeout, the latter shorter.
fn times(section: &mut Section, default: &Probe, document: &mut Document) -> (Duration, Duration) {
    let interval_entry = section.optional("interval_ms", document);
    let timeout_entry = section.optional("timeout_ms", document);
    let interval_set = interval_entry
        .as_ref()
        .map(|entry| entry.integer(10..=3_600_000, document));
    let timeout_set = timeout_entry
        .as_ref()
        .map(|entry| entry.integer(1..=3_600_000 - 1, document));
    let ms = |set: Option<u64>, default: Duration| set.map_or(default, Duration::from_millis);
    let interval = ms(interval_set.flatten(), default.interval);
    let timeout = ms(timeout_set.flatten(), default.timeout);
    // A value that was refused has been reported; its default proves nothing.
    let judged = interval_set != Some(None) && timeout_set != Some(None);
    if judged && timeout >= interval {
        let default = if timeout_set.is_none() {
            ", the default,"
        } else {
            ""
        };
        let (timeout_ms, interval_ms) = (timeout.as_millis(), interval.as_millis());
        let message = format!(
            "{timeout_ms}{default} is not below interval_ms ({interval_ms}); valid: 1 to {}",
            interval_ms - 1
        );
        let line = timeout_entry
            .or(interval_entry)
            .map_or(0, |entry| entry.line);
        document.report(line, &format!("{}.timeout_ms", section.path), message);
    }
    (interval, timeout)
}

fn threshold(section: &mut Section, key: &'static str, document: &mut Document) -> Option<u32> {
    let entry = section.optional(key, document)?;
    entry.integer(1..=100, document)
}

const VALID_SOURCE: &str =
    "an array of an IPv4 and an IPv6 address, or of one, e.g. [\"192.0.2.53\"]";

fn source(entry: &Entry, document: &mut Document) -> Option<Source> {
    let mut source = Source::default();
    for element in entry.array(VALID_SOURCE, document)? {
        let address = address(&element, document)?;
        let taken = match address {
            IpAddr::V4(address) => source.v4.replace(address).is_some(),
            IpAddr::V6(address) => source.v6.replace(address).is_some(),
        };
        if taken {
            let message = format!("has two of a family; valid: {VALID_SOURCE}");
            return entry.reject(message, document);
        }
    }
    Some(source)
}

/// An address that something is sent to or from.
pub(super) fn address(entry: &Entry, document: &mut Document) -> Option<IpAddr> {
    let text = entry.string(address::VALID, document)?;
    match address::parse(text) {
        Ok(address) => Some(address),
        Err(fault) => entry.reject(fault, document),
    }
}

#[derive(Clone, Copy)]
enum Way {
    Mean,
    Percentile,
}

const WAYS: [(&str, Way); 2] = [("mean", Way::Mean), ("percentile", Way::Percentile)];

fn smoothing(section: &mut Section, interval: Duration, document: &mut Document) -> Smoothing {
    let way = section
        .optional("smoothing", document)
        .and_then(|entry| entry.choice(&WAYS, document));
    match way {
        None | Some(Way::Mean) => {
            let weight = section
                .optional("weight_permille", document)
                .and_then(|entry| entry.integer(1..=1000, document));
            weight.map_or_else(Smoothing::default, |weight_permille| Smoothing::Mean {
                weight_permille,
            })
        }
        Some(Way::Percentile) => {
            let percent = section
                .optional("percent", document)
                .and_then(|entry| entry.integer(0..=100, document))
                .unwrap_or(50);
            let (line, path) = (section.line, section.path.clone());
            let window = duration(section, "window_ms", document);
            let window = window.unwrap_or(interval * WINDOW_INTERVALS);
            let longest = interval * WINDOW_MAX as u32;
            if window > longest {
                let message = format!(
                    "holds more than {WINDOW_MAX} probes; valid: up to {}",
                    longest.as_millis()
                );
                document.report(line, &format!("{path}.window_ms"), message);
            }
            Smoothing::Percentile { percent, window }
        }
    }
}
