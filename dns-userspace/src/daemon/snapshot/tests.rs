use super::*;
use crate::{
    measurement::{health::State, metric::Metric},
    model::{Probe, ProbeKind},
};

const HOUR: Duration = Duration::from_hours(1);

fn content(at_unix_ms: u64) -> (Content, Probed, Remembered) {
    let probed = Probed::new(
        [192, 0, 2, 1].into(),
        &Probe::new(ProbeKind::Tcp { port: 80 }),
    );
    let known = Remembered {
        state: State::Down,
        since_ms: 90_000,
        sample_ms: 300,
        readings: vec![(Metric::ConnectTime, 12.5, 91_000)],
    };
    let content = Content {
        version: VERSION,
        at_unix_ms,
        targets: vec![Entry {
            probed: probed.clone(),
            known: known.clone(),
        }],
    };
    (content, probed, known)
}

fn text(content: &Content) -> Vec<u8> {
    serde_json::to_vec(content).expect("JSON")
}

#[test]
fn what_was_written_is_read_with_its_age() {
    let (content, probed, known) = content(1_000_000);
    let (read, age) = parse(&text(&content), HOUR, 1_060_000).expect("it is of use");
    assert_eq!(age, Duration::from_mins(1));
    assert_eq!(read, HashMap::from([(probed, known)]));
}

#[test]
fn what_is_old_torn_of_the_future_or_of_another_version_is_of_no_use() {
    let (content, ..) = content(1_000_000);
    let whole = text(&content);
    let refused = |text: &[u8], now| parse(text, HOUR, now).expect_err("of no use");
    let old = refused(&whole, 1_000_000 + 3_600_001);
    assert!(old.contains("start.snapshot_max_s is 3600"), "{old}");
    let future = refused(&whole, 999_999);
    assert!(future.contains("future"), "{future}");
    for length in 0..whole.len() {
        refused(&whole[..length], 1_060_000);
    }
    let other = Content {
        version: VERSION + 1,
        ..content
    };
    let other = refused(&text(&other), 1_060_000);
    assert_eq!(other, "it is of version 2, not 1");
}
