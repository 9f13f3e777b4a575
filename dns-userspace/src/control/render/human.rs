//! Numbers as a person reads them.

use std::collections::BTreeMap;

use crate::measurement::metric::Metric;

/// A latency of `ms` milliseconds to three digits.
pub(super) fn latency(ms: f64) -> String {
    match ms {
        ms if ms < 9.995 => format!("{ms:.2} ms"),
        ms if ms < 99.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1e3),
    }
}

/// What was measured, one after another; the expected is left out.
pub(super) fn measured(values: &BTreeMap<Metric, f64>) -> String {
    let each = values.iter().filter(|(metric, value)| {
        **metric != Metric::Availability || **value < 99.95 || values.len() == 1
    });
    let each = each.map(|(metric, value)| match metric {
        Metric::ConnectTime if values.contains_key(&Metric::ResponseTime) => {
            format!("connect {}", latency(*value))
        }
        Metric::ResponseTime | Metric::ConnectTime | Metric::RoundTrip => latency(*value),
        Metric::Loss => format!("loss {value:.1} %"),
        Metric::Bandwidth => format!("{value:.1} Mbit/s"),
        Metric::Load => format!("load {value:.1} %"),
        Metric::Cpu => format!("CPU {value:.1} %"),
        Metric::Memory => format!("memory {value:.1} %"),
        Metric::Connections => format!("connections {value:.0}"),
        Metric::CertificateDays => format!("certificate {value:.0} d"),
        Metric::Errors => format!("errors {value:.1} %"),
        Metric::Availability => format!("available {value:.1} %"),
        Metric::Cost => format!("cost {value}"),
    });
    match each.collect::<Vec<_>>() {
        none if none.is_empty() => "-".to_owned(),
        some => some.join(", "),
    }
}

/// An age or a length of time of `ms` milliseconds, in its two largest units.
pub(super) fn age(ms: f64) -> String {
    if ms < 999.5 {
        return format!("{ms:.0} ms");
    }
    if ms < 59_950.0 {
        return format!("{:.1} s", ms / 1e3);
    }
    #[expect(clippy::cast_sign_loss, reason = "it is greater than 59950 here")]
    let seconds = (ms / 1e3).round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// An age of whole milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "shown in its two largest units, which 52 bits hold"
)]
pub(super) fn age_ms(ms: u64) -> String {
    age(ms as f64)
}

/// A share from 0 to 1 in percent, cut rather than rounded: only all is 100 %.
pub(super) fn percent(share: f64) -> String {
    format!("{:.3} %", (share * 1e5).floor() / 1e3)
}

/// So many a second: below ten with a tenth, else whole, in groups of three digits.
pub(super) fn rate(per_s: f64) -> String {
    if per_s < 9.95 {
        return format!("{per_s:.1}");
    }
    let digits = format!("{per_s:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `count` things called `one` or `many`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_three_digits() {
        let shown = [0.4, 1.0, 9.996, 31.26, 99.96, 250.4, 999.7, 2500.0].map(latency);
        let expected = [
            "0.40 ms", "1.00 ms", "10.0 ms", "31.3 ms", "100 ms", "250 ms", "1.00 s", "2.50 s",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn ages_have_their_two_largest_units() {
        let shown = [
            0.4,
            999.6,
            59_949.0,
            59_960.0,
            3_599_600.0,
            11_000_000.0,
            90_000_000.0,
        ]
        .map(age);
        let expected = [
            "0 ms",
            "1.0 s",
            "59.9 s",
            "1 min 0 s",
            "1 h 0 min",
            "3 h 3 min",
            "1 d 1 h",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn rates_are_as_exact_as_they_are_low() {
        let shown = [0.0, 0.04, 9.94, 9.96, 999.4, 999.6, 1_234_567.0].map(rate);
        let expected = ["0.0", "0.0", "9.9", "10", "999", "1 000", "1 234 567"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(percent(1.0), "100.000 %");
        assert_eq!(percent(0.999_999_9), "99.999 %");
        assert_eq!(percent(0.0), "0.000 %");
    }
}
