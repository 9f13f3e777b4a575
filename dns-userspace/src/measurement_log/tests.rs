use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use proptest::{collection::vec, prelude::*};
use tempfile::TempDir;

use super::{
    read::{Missing, Recording},
    *,
};
use crate::{
    measurement::{
        sample::{Readings, Reason, Vantage},
        schedule::TargetId,
    },
    model::{Command, ProbeKind},
    ring_log::files::Files,
};

const MIB: u64 = 1 << 20;

fn target(last: u8, port: u16) -> Target {
    Target {
        id: TargetId(0),
        address: [192, 0, 2, last].into(),
        probe: Arc::new(Probe::new(ProbeKind::Tcp { port })),
    }
}

fn pass(value: f64) -> Verdict {
    let readings = Readings::of(Metric::ConnectTime, value);
    Verdict::Pass { readings }
}

fn sample(verdict: Verdict) -> Sample {
    Sample {
        target: TargetId(0),
        at: Instant::now(),
        taken_from: Vantage::Host,
        verdict,
    }
}

/// What the log at `path` has: the targets' last octets and what was seen of them.
fn read(path: &Path) -> (Vec<(u8, Verdict)>, Missing) {
    let recording = Recording::open(path).unwrap();
    let mut all = Vec::new();
    let missing = recording.each(|measured, octets| {
        assert!(octets <= recording.octets());
        let IpAddr::V4(address) = recording.targets[measured.target].address else {
            panic!("{measured:?}");
        };
        all.push((address.octets()[3], measured.verdict));
    });
    (all, missing.unwrap())
}

#[test]
fn what_probes_saw_is_read_as_it_was_over_restarts() {
    let dir = TempDir::new().unwrap();
    let fails = || Verdict::Fail {
        reason: Reason::Refused,
    };
    let local = || Verdict::Local {
        error: "socket: no".to_owned(),
    };
    for seen in [
        [pass(1.5), fails(), pass(2.0)],
        [local(), pass(3.0), fails()],
    ] {
        let mut log = MeasurementLog::open(dir.path(), MIB).unwrap();
        let before = clock::unix_ms();
        for (last, verdict) in [2, 1, 2].into_iter().zip(seen) {
            log.note(&target(last, 80), &sample(verdict));
        }
        log.flush();
        drop(log);
        let recording = Recording::open(dir.path()).unwrap();
        let mut last = 0;
        let each = recording.each(|measured, _| last = measured.at_unix_ms);
        each.unwrap();
        assert!((before..=clock::unix_ms()).contains(&last), "{last}");
        assert_eq!(recording.targets.len(), 2);
    }
    let refused = || Verdict::Fail {
        reason: Reason::Recorded {
            said: "connection refused".to_owned(),
        },
    };
    let expected = vec![
        (2, pass(1.5)),
        (1, refused()),
        (2, pass(2.0)),
        (2, local()),
        (1, pass(3.0)),
        (2, refused()),
    ];
    assert_eq!(read(dir.path()), (expected.clone(), Missing::default()));
    let file = dir.path().join("measurements.jsonl");
    assert_eq!(read(&file).0, expected);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn every_file_of_the_ring_names_its_targets_and_losses_are_told() {
    let dir = TempDir::new().unwrap();
    let samples = |number: u8| {
        let measured = |last| Measured {
            at_unix_ms: number.into(),
            target: target(last, 80),
            verdict: pass(number.into()),
        };
        Samples(vec![measured(1), measured(2)])
    };
    let log = RingLog::open(dir.path(), 2048).unwrap();
    for number in 0..99 {
        log.note(vec![samples(number)]);
    }
    drop(log);
    let lines = samples(99).lines(7, &mut Said::default()).unwrap();
    let mut files = Files::new(dir.path(), 1 << 20, KIND);
    files.append(&lines).unwrap();
    assert!(dir.path().join("measurements.old.jsonl").exists());
    let (all, missing) = read(dir.path());
    assert!((20..200).contains(&all.len()), "{}", all.len());
    let newest = all
        .iter()
        .rev()
        .zip((0..100).rev().flat_map(|n| [(2, n), (1, n)]));
    for ((last, verdict), expected) in newest {
        assert_eq!((*last, verdict), (expected.0, &pass(f64::from(expected.1))));
    }
    let lost = Missing {
        lost: 7,
        ..Missing::default()
    };
    assert_eq!(missing, lost);
}

#[test]
fn without_room_nothing_is_recorded() {
    let dir = TempDir::new().unwrap();
    let mut log = MeasurementLog::open(dir.path(), 0).unwrap();
    for _ in 0..TOGETHER {
        log.note(&target(1, 80), &sample(pass(1.0)));
    }
    assert_eq!(log.written(), None);
    drop(log);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn probes_are_told_apart_by_what_they_measure() {
    let command = |arguments: &[&str]| {
        Probe::new(ProbeKind::Command(Command {
            program: PathBuf::from("/bin/value"),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            metric: Some(Metric::Load),
        }))
    };
    let probed = |probe: &Probe| Probed::new([192, 0, 2, 1].into(), probe);
    let tcp = |port| Probe::new(ProbeKind::Tcp { port });
    let mut elsewhere = tcp(80);
    elsewhere.groups = vec!["isp-a".to_owned()];
    let mut bound = tcp(80);
    bound.source.v4 = Some([192, 0, 2, 9].into());
    let all = [
        tcp(80),
        tcp(81),
        elsewhere,
        bound,
        command(&["a b"]),
        command(&["a", "b"]),
    ];
    for (number, one) in all.iter().enumerate() {
        for (other_number, other) in all.iter().enumerate() {
            let is_one = number == other_number;
            assert_eq!(
                probed(one).is_alike(&probed(other)),
                is_one,
                "{one:?} {other:?}"
            );
        }
    }
    let mut slow = tcp(80);
    slow.interval = Duration::from_secs(5);
    slow.down_after = 9;
    assert!(probed(&slow).is_alike(&probed(&tcp(80))));
    assert_ne!(probed(&slow), probed(&tcp(80)));
}

const BEGINS: &str = r#"{"begins":{"version":1,"at_unix_ms":5}}"#;
const TARGET: &str =
    r#"{"target":{"number":0,"address":"192.0.2.1","probe":"tcp port 80","interval_ms":1000}}"#;
const PASS: &str = r#"{"pass":[6,0,{"connect_time_ms":1.5}]}"#;

/// A file with these lines, the last of them torn.
fn file(dir: &TempDir, lines: &[&str]) -> PathBuf {
    let path = dir.path().join("measurements.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn a_torn_last_line_is_none_and_others_that_are_none_are_told_with_their_place() {
    let dir = TempDir::new().unwrap();
    let one = vec![(1, pass(1.5))];
    for torn in ["", "{", &PASS[..20], PASS] {
        let path = file(&dir, &[BEGINS, TARGET, PASS, torn]);
        assert_eq!(read(&path), (one.clone(), Missing::default()), "{torn}");
    }
    let late = PASS.replace('6', &u64::MAX.to_string());
    let path = file(&dir, &[BEGINS, "what?", TARGET, PASS, "{}", &late, ""]);
    let (all, missing) = read(&path);
    assert_eq!((all, missing.unreadable), (one, 3));
    let first = missing.first_unreadable.unwrap();
    assert!(
        first.starts_with(&format!("{}:2: ", path.display())),
        "{first}"
    );
    // Numbers are those of what began last.
    let path = file(&dir, &[BEGINS, TARGET, BEGINS, PASS, ""]);
    assert_eq!(read(&path).0, []);
}

#[test]
fn what_is_no_log_of_this_version_is_refused() {
    let dir = TempDir::new().unwrap();
    let refused = |path: &Path| Recording::open(path).unwrap_err();
    let error = refused(dir.path());
    assert!(
        error.contains("valid: a directory with measurements.jsonl"),
        "{error}"
    );
    assert!(refused(&dir.path().join("none")).contains("none: No such file"));
    for (first, said) in [
        ("www.example. A 192.0.2.1", "this is no measurement log"),
        (PASS, "this is no measurement log"),
        (
            r#"{"begins":{"version":2,"at_unix_ms":5}}"#,
            "valid: version 1",
        ),
    ] {
        let path = file(&dir, &[first, TARGET, PASS, ""]);
        let error = refused(&path);
        assert!(
            error.starts_with(&format!("{}:1: ", path.display())),
            "{error}"
        );
        assert!(error.contains(said), "{error}");
    }
}

proptest! {
    #[test]
    fn no_octets_make_reading_panic(octets in vec(any::<u8>(), 0..200), has_begun: bool) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("any");
        let begun = if has_begun { format!("{BEGINS}\n{TARGET}\n") } else { String::new() };
        fs::write(&path, [begun.as_bytes(), &octets, b"\n", PASS.as_bytes(), b"\n"].concat()).unwrap();
        match Recording::open(&path) {
            Ok(_) if has_begun => {
                let (all, _) = read(&path);
                prop_assert_eq!(all.last(), Some(&(1, pass(1.5))));
            }
            Ok(_) => prop_assert!(octets.is_empty()),
            Err(error) => prop_assert!(!has_begun, "{}", error),
        }
    }

    #[test]
    fn no_line_of_json_makes_reading_panic(
        lines in vec("[{\\[\"a-z]{0,3}(begins|target|pass|fail|lost|local)[\":\\[{}\\],0-9a-z_.-]{0,30}", 0..9),
    ) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("any");
        let text = format!("{BEGINS}\n{TARGET}\n{}\n{PASS}\n", lines.join("\n"));
        fs::write(&path, text).unwrap();
        read(&path);
    }
}
