use std::{
    fs, thread,
    time::{Duration, Instant},
};

use dns_common::decision::Family;
use tempfile::TempDir;

use super::{
    query::{LogRequest, Logged, Missing, Then, then},
    *,
};
use crate::{
    measurement::director::{
        explain::Outcome,
        history::{Cause, Move, Outcomes},
        states::Share,
    },
    ring_log::files::Files,
};

const MIB: u64 = 1 << 20;

fn server(name: &str) -> Outcome {
    Outcome::Server(name.to_owned())
}

fn outcomes(name: &str) -> Outcomes {
    Outcomes {
        a: server(name),
        aaaa: Outcome::NoData,
    }
}

fn one(groups: &[&str], others: bool, from: Option<&str>, to: &str) -> Move {
    Move {
        groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        others,
        from: from.map(outcomes),
        to: outcomes(to),
    }
}

fn decided(cause: Cause, moves: Vec<Move>) -> Decided {
    Decided {
        cause,
        services: vec!["www.example.".to_owned()],
        more_services: 0,
        shares: Vec::new(),
        moves,
        except: Vec::new(),
        more_groups: 0,
    }
}

fn entry(at_unix_ms: u64, decided: Decided) -> Entry {
    Entry {
        at_unix_ms,
        what: What::Decided(decided),
    }
}

/// Start at 100 with s1; at 200 isp-a goes to s2; at 300 the configuration is read anew;
/// at 400 all others go to s3.
fn story() -> Vec<Entry> {
    let anew = vec![
        one(&["isp-a"], false, Some("s2"), "s2"),
        one(&[], true, Some("s1"), "s1"),
    ];
    let mut last = decided(Cause::SuspicionEnds, vec![one(&[], true, Some("s1"), "s3")]);
    last.except = vec!["isp-a".to_owned()];
    let all = vec![one(&[], true, None, "s1")];
    let first = vec![one(&["isp-a"], false, Some("s1"), "s2")];
    vec![
        entry(100, decided(Cause::Start, all)),
        entry(200, decided(Cause::Time, first)),
        entry(300, decided(Cause::Configuration, anew)),
        entry(400, last),
    ]
}

fn write(directory: &Path, entries: &[Entry]) {
    let mut files = Files::new(directory, MIB, Entry::KIND);
    for entry in entries {
        let line = serde_json::to_string(entry).unwrap() + "\n";
        files.append(line.as_bytes()).unwrap();
    }
}

fn logged(directory: &Path, since_unix_ms: Option<u64>, max: usize) -> Logged {
    let request = LogRequest {
        name: Some("WWW.example".to_owned()),
        since_unix_ms,
        max,
    };
    request.answer(directory).unwrap()
}

fn times(logged: &Logged) -> Vec<u64> {
    logged
        .entries
        .iter()
        .map(|entry| entry.at_unix_ms)
        .collect()
}

#[test]
fn changes_are_told_in_order_and_those_of_a_service_since_a_time() {
    let dir = TempDir::new().unwrap();
    assert_eq!(logged(dir.path(), None, 9), Logged::default());
    write(dir.path(), &story());
    let all = logged(dir.path(), None, 9);
    // What is said anew has not changed.
    assert_eq!(times(&all), [100, 200, 400]);
    assert_eq!(all.entries[2], story()[3]);
    assert_eq!((all.has_more, all.begins_unix_ms), (false, Some(100)));
    assert_eq!(times(&logged(dir.path(), Some(200), 9)), [200, 400]);
    let newest = logged(dir.path(), None, 1);
    assert_eq!((times(&newest), newest.has_more), (vec![400], true));
    let other = LogRequest {
        name: Some("cdn.example".to_owned()),
        max: 9,
        ..LogRequest::default()
    };
    assert!(other.answer(dir.path()).unwrap().entries.is_empty());
    let wrong = LogRequest {
        name: Some("a..b".to_owned()),
        ..LogRequest::default()
    };
    assert!(wrong.answer(dir.path()).is_err());
}

#[test]
fn the_ring_keeps_the_newest_within_its_bound() {
    let dir = TempDir::new().unwrap();
    let bound = 8192;
    let mut files = Files::new(dir.path(), bound, Entry::KIND);
    let mut line = serde_json::to_vec(&story()[0]).unwrap();
    line.push(b'\n');
    let octets = || -> u64 {
        let entries = fs::read_dir(dir.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum()
    };
    for number in 1000..1200 {
        let mut entry = story().remove(0);
        entry.at_unix_ms = number;
        let line = serde_json::to_string(&entry).unwrap() + "\n";
        files.append(line.as_bytes()).unwrap();
        assert!(octets() <= bound);
    }
    let told = times(&logged(dir.path(), None, usize::MAX));
    assert!(
        told.len() as u64 * line.len() as u64 >= bound / 2,
        "{told:?}"
    );
    assert_eq!(told, (1200 - told.len() as u64..1200).collect::<Vec<_>>());
    let error = files.append(&vec![b'x'; 4097]).unwrap_err();
    assert!(error.contains("log.decisions_mib"), "{error}");
    assert_eq!(times(&logged(dir.path(), None, usize::MAX)), told);
}

#[test]
fn a_torn_last_decision_is_dropped_and_the_log_goes_on() {
    let dir = TempDir::new().unwrap();
    let story = story();
    write(dir.path(), &story[..2]);
    let path = dir.path().join("decisions.jsonl");
    let whole = fs::read(&path).unwrap();
    let next = serde_json::to_vec(&story[3]).unwrap();
    for torn in [1, next.len() / 2, next.len()] {
        fs::write(&path, [&whole, &next[..torn]].concat()).unwrap();
        let read = logged(dir.path(), None, 9);
        assert_eq!((times(&read), read.unreadable), (vec![100, 200], 0));
        write(dir.path(), &story[3..]);
        let read = logged(dir.path(), None, 9);
        assert_eq!((times(&read), read.unreadable), (vec![100, 200, 400], 0));
    }
    // One that no line ends before, and longer than what is looked at in one step.
    fs::write(&path, vec![b'x'; 10_000]).unwrap();
    write(dir.path(), &story[3..]);
    assert_eq!(times(&logged(dir.path(), None, 9)), [400]);
    // What is no entry is counted, and hides nothing.
    fs::write(&path, [b"what?\n", &whole[..]].concat()).unwrap();
    let read = logged(dir.path(), None, 9);
    assert_eq!((times(&read), read.unreadable), (vec![100, 200], 1));
}

fn at(entries: &[Entry], group: &str, at: u64) -> Then {
    let dir = TempDir::new().unwrap();
    write(dir.path(), entries);
    let asked = ("www.example.", group, Family::V4);
    then(dir.path(), asked, at, &server("now")).unwrap()
}

/// What was decided, since when, from what, and what is missing.
type Told = (
    Option<Outcome>,
    Option<(u64, Option<Outcome>)>,
    Option<Missing>,
);

fn told(then: Then) -> Told {
    let change = then.change.map(|change| (change.at_unix_ms, change.from));
    (then.decision, change, then.missing)
}

#[test]
fn what_was_decided_at_a_time_is_told_with_the_change_it_came_from() {
    let all = story();
    let s1 = || Some(server("s1"));
    for (group, time, expected) in [
        ("isp-a", 99, (None, None, Some(Missing::Older))),
        ("isp-a", 100, (s1(), Some((100, None)), None)),
        ("isp-a", 199, (s1(), Some((100, None)), None)),
        ("isp-a", 200, (Some(server("s2")), Some((200, s1())), None)),
        ("isp-a", 500, (Some(server("s2")), Some((200, s1())), None)),
        ("isp-b", 399, (s1(), Some((100, None)), None)),
        ("isp-b", 400, (Some(server("s3")), Some((400, s1())), None)),
    ] {
        assert_eq!(told(at(&all, group, time)), expected, "{group} {time}");
    }
    assert!(at(&all, "isp-a", 299).is_configured_anew);
    assert!(!at(&all, "isp-a", 300).is_configured_anew);
    assert_eq!(at(&all, "isp-a", 200).change.unwrap().cause, Cause::Time);
}

#[test]
fn where_the_log_does_not_reach_back_what_came_later_tells() {
    let all = story();
    let older = Some(Missing::Older);
    // The change at 400 says what was before it.
    let mut cut = vec![all[3].clone()];
    let mut other = all[0].clone();
    if let What::Decided(decided) = &mut other.what {
        decided.services = vec!["cdn.example.".to_owned()];
    }
    cut.insert(0, other);
    let before = (Some(server("s1")), None, older);
    assert_eq!(told(at(&cut, "isp-b", 350)), before);
    // Nothing changed for this group since, so that it got what it gets.
    let before = (Some(server("now")), None, older);
    assert_eq!(told(at(&cut, "isp-a", 350)), before);
    assert_eq!(told(at(&cut, "isp-b", 99)), (None, None, older));
    assert_eq!(told(at(&[], "isp-b", 99)), (None, None, older));
    // The configuration says anew what was said before the log begins.
    let before = (Some(server("s2")), None, older);
    assert_eq!(told(at(&all[2..], "isp-a", 350)), before);
    // Before its first decision a service had none.
    let mut late = all.clone();
    late[0].at_unix_ms = 150;
    let first = cut.remove(0);
    late.insert(0, first);
    let absent = Some(Missing::Absent);
    assert_eq!(told(at(&late, "isp-b", 120)), (None, None, absent));
}

#[test]
fn nothing_is_told_across_lost_or_unnamed_decisions_and_shares_are() {
    let mut all = story();
    let lost = Entry {
        at_unix_ms: 250,
        what: What::Lost(3),
    };
    all.insert(2, lost);
    let missing = Some(Missing::Lost);
    assert_eq!(told(at(&all, "isp-a", 220)), (None, None, missing));
    let known = (Some(server("s2")), None, missing);
    assert_eq!(told(at(&all, "isp-a", 320)), known);

    let mut all = story();
    if let What::Decided(decided) = &mut all[1].what {
        decided.more_groups = 1;
    }
    let missing = Some(Missing::Unnamed);
    assert_eq!(told(at(&all, "isp-b", 220)), (None, None, missing));
    assert_eq!(told(at(&all, "isp-a", 220)).0, Some(server("s2")));

    let mut divided = decided(Cause::Time, Vec::new());
    let share = Share {
        server: "s1".to_owned(),
        slots: 512,
        percent: 50.0,
    };
    divided.shares = vec![share.clone()];
    let mut all = story();
    all[1] = entry(200, divided);
    let then = at(&all, "isp-a", 250);
    assert_eq!((&then.decision, &then.shares), (&None, &vec![share]));
    assert_eq!(then.change.unwrap().at_unix_ms, 200);
}

#[test]
fn dropping_the_log_writes_what_waits() {
    let dir = TempDir::new().unwrap();
    let state = dir.path().join("state");
    let moves = vec![one(&[], true, None, "s1")];
    let log = DecisionLog::open(&state, MIB).unwrap();
    for _ in 0..10 {
        log.note(vec![decided(Cause::Start, moves.clone()); 3]);
    }
    drop(log);
    assert_eq!(times(&logged(&state, None, 99)).len(), 30);
}

#[test]
fn what_cannot_be_written_is_counted_and_told_once_it_can() {
    let dir = TempDir::new().unwrap();
    let state = dir.path().join("state");
    fs::write(&state, "in the way").unwrap();
    let log = DecisionLog::open(&state, MIB).unwrap();
    let told = |count| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while log.written() != count {
            assert!(Instant::now() < deadline, "{:?}", log.written());
            thread::sleep(Duration::from_millis(1));
        }
    };
    let moves = vec![one(&[], true, None, "s1")];
    let decided = decided(Cause::Start, moves);
    log.note(vec![decided.clone(); 2]);
    told(Written {
        written: 0,
        lost: 2,
    });
    fs::remove_file(&state).unwrap();
    log.note(vec![decided; 2]);
    told(Written {
        written: 2,
        lost: 2,
    });
    let entries = logged(&state, None, 9).entries;
    let [lost, ..] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!((&lost.what, entries.len()), (&What::Lost(2), 3));
}
