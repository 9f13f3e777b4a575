//! Whole screens.

use std::collections::BTreeMap;

use super::*;
use crate::measurement::{health::State, metric::Metric};

const PLAIN: Paint = Paint(false);

const SIZE: Size = Size {
    columns: 80,
    lines: 40,
};

fn rates(count: u32) -> Vec<Rate> {
    let rates = (1..=count).map(|number| Rate {
        name: format!("n{number}"),
        per_s: f64::from(10_000 / number),
    });
    rates.collect()
}

fn outcome(plane: Plane, outcome: &str, per_s: f64) -> OutcomeRate {
    OutcomeRate {
        plane,
        outcome: outcome.to_owned(),
        per_s,
    }
}

fn server(name: &str, state: State) -> Server {
    Server {
        names: vec![name.to_owned()],
        target: "192.0.2.1 tcp port 80".to_owned(),
        state,
        since_ms: Some(61_000.0),
        measured: BTreeMap::from([(Metric::ConnectTime, 2.104)]),
    }
}

fn a_sight() -> Shown {
    Shown {
        at_unix_ms: 1_700_000_000_123,
        lost: None,
        daemon: Some(Daemon {
            version: "0.1.0".to_owned(),
            generation: 7,
            uptime_ms: 11_000_000,
            xdp: XdpState::Attached,
            interface: Some(("eth0".to_owned(), Some("native".to_owned()))),
            suspicion: None,
        }),
        kernel_per_s: Some(298_270.4),
        userspace_per_s: Some(2.0),
        dropped_per_s: Some(0.0),
        kernel_share: Some(0.999_993),
        history: vec![0.0, 150_000.0, 300_000.0],
        services: rates(2),
        groups: Some(rates(1)),
        resolvers: Some(rates(3)),
        outcomes: vec![
            outcome(Plane::Kernel, "answered", 298_270.4),
            outcome(Plane::Userspace, "up_type", 2.0),
        ],
        servers: vec![server("s1", State::Up), server("s2", State::Down)],
    }
}

#[test]
fn all_is_on_one_screen() {
    let expected = "\
2023-11-14T22:13:20.123Z
veer 0.1.0, generation 7, up 3 h 3 min  eth0 native, attached
298 270 answers/s in the kernel (99.999 %), 2.0 queries/s in userspace, 0.0 dropped/s
▁▄█  up to 300 000/s

SERVICE  ANSWERS/s                      OUTCOME   BY         PACKETS/s
n1          10 000                      answered  kernel       298 270
n2           5 000                      up_type   userspace        2.0

GROUP  QUERIES/s                        RESOLVER  QUERIES/s
n1        10 000                        n1           10 000
                                        n2            5 000
                                        n3            3 333

SERVER  STATE  FOR        MEASURED  AT
s1      up     1 min 1 s  2.10 ms   192.0.2.1 tcp port 80
s2      down   1 min 1 s  2.10 ms   192.0.2.1 tcp port 80
";
    let text = top(&a_sight(), SIZE, PLAIN);
    assert!(text == expected, "got:\n{text}\nexpected:\n{expected}");
}

#[test]
fn a_low_screen_has_the_first_rows_and_says_how_many_more_there_are() {
    let shown = Shown {
        services: rates(30),
        ..a_sight()
    };
    let size = Size { lines: 24, ..SIZE };
    let text = top(&shown, size, PLAIN);
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.contains("n3 "), "{text}");
    assert!(text.contains("and 27 more"), "{text}");
    assert!(!text.contains("n4 "), "{text}");
    for lines in 0..24 {
        let text = top(&shown, Size { lines, ..SIZE }, PLAIN);
        assert!(text.lines().count() <= lines.max(1), "{lines}: {text}");
    }
}

#[test]
fn on_a_narrow_screen_tables_stand_below_each_other() {
    let size = Size {
        columns: 30,
        ..SIZE
    };
    let text = top(&a_sight(), size, PLAIN);
    let line = |what: &str| text.lines().position(|line| line.contains(what));
    assert!(line("OUTCOME") > line("SERVICE"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("OUTCOME")),
        "{text}"
    );
}

#[test]
fn what_is_not_known_is_said() {
    let lost = Shown {
        lost: Some("veerd is not running".to_owned()),
        history: vec![1.0],
        at_unix_ms: 1_700_000_000_123,
        ..Shown::default()
    };
    let text = top(&lost, SIZE, Paint(true));
    assert!(
        text.contains("\x1b[31mveerd is not running\x1b[0m"),
        "{text}"
    );
    assert!(!text.contains("SERVICE"), "{text}");
    let unsampled = Shown {
        groups: None,
        resolvers: None,
        ..a_sight()
    };
    let text = top(&unsampled, SIZE, PLAIN);
    assert_eq!(text.matches("log.queries_sample is 0").count(), 2, "{text}");
    let suspicious = Shown {
        daemon: a_sight().daemon.map(|daemon| Daemon {
            suspicion: Some("5 of 6 targets fail at once".to_owned()),
            ..daemon
        }),
        ..a_sight()
    };
    let text = top(&suspicious, SIZE, PLAIN);
    assert!(text.contains("nothing goes down: 5 of 6"), "{text}");
}

#[test]
fn only_nothing_has_no_bar() {
    assert_eq!(bars(&[], 80), "");
    assert_eq!(bars(&[0.0, 0.0], 80), "");
    assert!(bars(&[0.0, 1.0, 8.0], 80).starts_with("▁▁█ "));
    // The newest, as far as there is room.
    let history: Vec<_> = (1..=100).map(f64::from).collect();
    let chart = bars(&history, 40);
    assert_eq!(
        chart.split_once(' ').expect("a legend").0.chars().count(),
        12
    );
    assert!(chart.ends_with("up to 100/s"), "{chart}");
}
