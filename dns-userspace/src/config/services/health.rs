//! When a service's servers may be used, beside what each one's probes say.
//!
//! ```toml
//! [service.health]             # all of it may be left out
//! min_up_percent = 0           # with fewer servers usable, none counts as fit; 0 by default
//! failback = "auto"            # auto (the default), manual: what went down waits for an operator
//! flap_max = 4                 # more changes in flap_window_s hold a server back; none by default
//! flap_window_s = 60           # 60 by default, 1 to 86400
//! slow_start_s = 0             # until one that is back takes all its resolvers; 0 by default
//! ```

use std::time::Duration;

use crate::{
    config::section::{Document, Section},
    model::{FLAP_MAX, Failback, Flap, HealthRules},
};

/// Window where a service sets `flap_max` and no window, seconds.
const FLAP_WINDOW_S: u64 = 60;

const FAILBACKS: [(&str, Failback); 2] = [("auto", Failback::Auto), ("manual", Failback::Manual)];

/// The rules of a service; defaults where it has none.
pub(super) fn read(service: &mut Section, document: &mut Document) -> HealthRules {
    let entry = service.optional("health", document);
    let section = entry.and_then(|entry| entry.section("a [service.health] table", document));
    let Some(mut section) = section else {
        return HealthRules::default();
    };
    let min_up_percent = section
        .optional("min_up_percent", document)
        .and_then(|entry| entry.integer(0..=100, document));
    let failback = section
        .optional("failback", document)
        .and_then(|entry| entry.choice(&FAILBACKS, document));
    let max = section.optional("flap_max", document);
    let window = section.optional("flap_window_s", document);
    if let (None, Some(window)) = (&max, &window) {
        document.report(
            window.line,
            &window.path,
            "says nothing without flap_max; valid: with it",
        );
    }
    let max = max.and_then(|entry| entry.integer(1..=FLAP_MAX, document));
    let window_s = window.and_then(|entry| entry.integer(1..=86_400, document));
    let slow_start_s = section
        .optional("slow_start_s", document)
        .and_then(|entry| entry.integer(0..=86_400, document))
        .unwrap_or_default();
    section.close("a [service.health] table", document);
    HealthRules {
        min_up_percent: min_up_percent.unwrap_or_default(),
        failback: failback.unwrap_or_default(),
        flap: max.map(|max| Flap {
            max,
            window: Duration::from_secs(window_s.unwrap_or(FLAP_WINDOW_S)),
        }),
        slow_start: Duration::from_secs(slow_start_s),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::diagnostic::Diagnostics;

    /// The rules in `table`, and what is wrong with it.
    fn rules(table: &str) -> (HealthRules, Vec<String>) {
        let mut found = Diagnostics::default();
        let text = format!("[health]\n{table}\n");
        let mut document = Document::new(Path::new("a.toml"), &text, &mut found);
        let table = document.parse().unwrap();
        let rules = read(&mut Section::root(&table), &mut document);
        (rules, found.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_key_is_read_and_none_is_needed() {
        assert_eq!(rules(""), (HealthRules::default(), vec![]));
        let all = "min_up_percent = 50\nfailback = \"manual\"\nflap_max = 4\nflap_window_s = 30\n\
                   slow_start_s = 90";
        let expected = HealthRules {
            min_up_percent: 50,
            failback: Failback::Manual,
            flap: Some(Flap {
                max: 4,
                window: Duration::from_secs(30),
            }),
            slow_start: Duration::from_secs(90),
        };
        assert_eq!(rules(all), (expected, vec![]));
        let window = rules("flap_max = 1").0.flap.map(|flap| flap.window);
        assert_eq!(window, Some(Duration::from_mins(1)));
    }

    #[test]
    fn mistakes_are_found_together() {
        let wrong = "min_up_percent = 101\nfailback = \"never\"\nflap_window_s = 0\nmin_up = 1";
        let expected = [
            "a.toml:4: health.flap_window_s: says nothing without flap_max; valid: with it",
            "a.toml:2: health.min_up_percent: 101 is out of range; valid: 0 to 100",
        ];
        let (_, found) = rules(wrong);
        for expected in expected {
            assert!(found.iter().any(|line| line == expected), "{found:#?}");
        }
        let starts = |start: &str| found.iter().any(|line| line.starts_with(start));
        assert!(starts(
            "a.toml:3: health.failback: `never` is not a choice; valid: auto, manual"
        ));
        assert!(
            starts("a.toml:4: health.flap_window_s: 0 is out of range"),
            "{found:#?}"
        );
        assert!(starts("a.toml:5: health.min_up: unknown key"), "{found:#?}");
        assert_eq!(found.len(), 5, "{found:#?}");
        let (_, found) = rules("slow_start_s = -1");
        assert_eq!(
            found,
            ["a.toml:2: health.slow_start_s: -1 is out of range; valid: 0 to 86400"]
        );
        let (_, found) = rules("flap_max = 0");
        assert_eq!(
            found,
            ["a.toml:2: health.flap_max: 0 is out of range; valid: 1 to 100"]
        );
    }
}
