use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*, sample::select};
use tempfile::TempDir;

use super::*;
use crate::{config::source::Source, daemon::load::load};

/// Where logs begin, milliseconds since 1970.
const BEGIN: u64 = 1_700_000_000_000;

/// A configuration of `www.example.` with servers `s1` and `s2`, or more lines.
fn configured(policy: &str, more: &str) -> Configured {
    let dir = TempDir::new().unwrap();
    write(dir.path(), policy, more);
    load(&Source::on_disk(dir.path())).unwrap().into()
}

fn write(dir: &Path, policy: &str, more: &str) {
    for (file, text) in [
        ("veer.conf", "server.addresses = 127.0.0.1\n".to_owned()),
        (
            "groups.conf",
            "10.1.0.0/16 isp-a\n10.2.0.0/16 isp-b\n".to_owned(),
        ),
        ("zones.d/example.zone", ZONE.to_owned()),
        ("services.d/all.toml", service(policy, more)),
    ] {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

const ZONE: &str = "\
$ORIGIN example.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
";

fn service(policy: &str, more: &str) -> String {
    format!(
        "[[service]]\nname = \"www.example.\"\ncustomer = \"acme\"\nttl_s = 1\n{more}\n\
         [service.policy]\n{policy}\n\
         [service.probe]\nkind = \"tcp\"\nport = 80\ninterval_ms = 1000\ntimeout_ms = 300\n\
         up_after = 1\ndown_after = 1\nweight_permille = 1000\n\
         [[service.server]]\nname = \"s1\"\naddresses = [\"192.0.2.1\"]\n\
         [[service.server]]\nname = \"s2\"\naddresses = [\"192.0.2.2\"]\n"
    )
}

/// `s1` as long as it is better than so many milliseconds.
fn better_than(ms: u32) -> String {
    format!(
        "kind = \"threshold\"\nmetric = \"connect_time_ms\"\nlevel = {ms}\norigins = [\"s1\"]\n\
         over = [\"s2\"]\nhold_s = 0\nstep_percent = 100"
    )
}

const S1_FIRST: &str = "kind = \"failover\"\norder = [\"s1\", \"s2\"]";
const S2_FIRST: &str = "kind = \"failover\"\norder = [\"s2\", \"s1\"]";

/// What is measured of a server: a time, or nothing.
type Seen = Option<f64>;

/// A log that has, for each server, what was seen of it after so many milliseconds.
fn recorded(dir: &TempDir, seen: &[(u64, u8, Seen)]) -> Recording {
    let target = |number: u8| {
        format!(
            r#"{{"target":{{"number":{number},"address":"192.0.2.{number}","probe":"tcp port 80","interval_ms":1000}}}}"#
        )
    };
    let begins = r#"{"begins":{"version":1,"at_unix_ms":0}}"#.to_owned();
    let mut lines = vec![begins, target(1), target(2)];
    lines.extend(seen.iter().map(|(after, number, seen)| {
        let at = BEGIN + after;
        match seen {
            Some(ms) => format!(r#"{{"pass":[{at},{number},{{"connect_time_ms":{ms}}}]}}"#),
            None => format!(r#"{{"fail":[{at},{number},"connection refused"]}}"#),
        }
    }));
    let path = dir.path().join("measurements.jsonl");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    Recording::open(&path).unwrap()
}

/// The same by an agreement: better than 50 ms, from 2023-11-14 22:14:30 on, which is
/// 70 s after [`BEGIN`], than 100.
fn better_than_agreed() -> String {
    let version = |number: u8, value: u32, effective: &str| {
        format!(
            "[[service.policy.level]]\nversion = {number}\nvalue = {value}\n\
             proposed = {{ by = \"provider\", on = 2023-10-01 }}\n\
             accepted = {{ customer = 2023-10-02, provider = 2023-10-02 }}\n\
             effective = {effective}\n"
        )
    };
    let policy = better_than(50).replace("level = 50\n", "");
    let first = version(1, 50, "2023-11-01");
    let second = version(2, 100, "2023-11-14T22:14:30Z");
    format!("{policy}\n{first}{second}")
}

/// `s1` and `s2` each second from 0 to `seconds`, as good as `of` says.
fn each_second(seconds: u64, of: impl Fn(u64) -> [Seen; 2]) -> Vec<(u64, u8, Seen)> {
    let each = (0..=seconds).flat_map(|second| {
        let [s1, s2] = of(second);
        [(second * 1000, 1, s1), (second * 1000, 2, s2)]
    });
    each.collect()
}

fn compared(seen: &[(u64, u8, Seen)], before: Configured, then: Configured) -> Replayed {
    let dir = TempDir::new().unwrap();
    let recording = recorded(&dir, seen);
    replay(&recording, before, then, Range::default(), |_| ()).unwrap()
}

fn is_about(value: f64, expected: f64) -> bool {
    (value - expected).abs() < 0.002
}

#[test]
fn agreed_levels_are_in_force_from_their_time_on() {
    let seen = each_second(100, |_| [Some(60.0), Some(30.0)]);
    let (before, then) = (better_than(50), better_than_agreed());
    let got = compared(&seen, configured(&before, ""), configured(&then, ""));
    assert!(is_about(got.all.elsewhere_percent, 30.0), "{got:#?}");
    assert!(is_about(got.all.then.flips_per_hour, 36.0), "{got:#?}");
}

#[test]
fn another_level_moves_the_time_in_which_the_value_is_between_both() {
    let seen = each_second(100, |second| {
        let s1 = if second < 40 { 20.0 } else { 60.0 };
        [Some(s1), Some(30.0)]
    });
    let (before, then) = (better_than(50), better_than(100));
    let got = compared(&seen, configured(&before, ""), configured(&then, ""));
    assert_eq!((got.from_unix_ms, got.to_unix_ms), (BEGIN, BEGIN + 100_000));
    assert_eq!((got.samples, got.gaps), (202, 0));
    assert!(is_about(got.counted_s, 100.0), "{got:#?}");
    let Compared {
        elsewhere_percent,
        before,
        then,
    } = &got.all;
    assert!(is_about(*elsewhere_percent, 60.0), "{got:#?}");
    assert!(is_about(before.flips_per_hour, 36.0), "{got:#?}");
    assert!(is_about(then.flips_per_hour, 0.0), "{got:#?}");
    // 40 s of 20 ms, then 60 s of 30 or of 60.
    assert!(is_about(before.latency_ms.unwrap(), 26.0), "{got:#?}");
    assert!(is_about(then.latency_ms.unwrap(), 44.0), "{got:#?}");
    assert_eq!(
        (before.load_percent, before.load_unknown_percent),
        (None, 100.0)
    );
    let [service] = &got.services[..] else {
        panic!("{got:#?}");
    };
    let shares = service.candidates.iter();
    let shares: Vec<_> = shares
        .map(|one| (one.candidate.as_str(), one.before_percent, one.then_percent))
        .collect();
    assert_eq!(shares, [("s1", 40.0, 100.0), ("s2", 60.0, 0.0)]);
    assert_eq!(service.candidates[1].latency_before_ms, Some(30.0));
    assert_eq!(service.candidates[1].latency_then_ms, None);
}

#[test]
fn demand_counts_by_group() {
    let seen = each_second(10, |_| [Some(20.0), Some(30.0)]);
    let of_a = format!("{S1_FIRST}\n[service.policy.groups]\nisp-a = [\"s2\", \"s1\"]");
    let got = compared(&seen, configured(S1_FIRST, ""), configured(&of_a, ""));
    assert!(is_about(got.all.elsewhere_percent, 100.0 / 3.0), "{got:#?}");
    let latency = got.all.then.latency_ms.unwrap();
    assert!(is_about(latency, (20.0 * 2.0 + 30.0) / 3.0), "{got:#?}");
}

#[test]
fn handed_over_and_unknown_are_told_as_such() {
    let seen = each_second(100, |second| {
        // What is down is not measured; the value is good for ten seconds more.
        let s1 = (second < 50).then_some(20.0);
        [s1, Some(30.0)]
    });
    let cdn = |order: &str| {
        let policy = format!("kind = \"failover\"\norder = {order}");
        let dir = TempDir::new().unwrap();
        write(dir.path(), &policy, "");
        let path = dir.path().join("services.d/all.toml");
        let text = fs::read_to_string(&path).unwrap();
        let over = "[[service.hand_over]]\nname = \"cdn\"\ncname = \"cdn.example.net.\"\n";
        fs::write(&path, text + over).unwrap();
        Configured::from(load(&Source::on_disk(dir.path())).unwrap())
    };
    let got = compared(&seen, cdn("[\"s1\", \"cdn\"]"), cdn("[\"s2\", \"s1\"]"));
    assert!(is_about(got.all.elsewhere_percent, 100.0), "{got:#?}");
    let (before, then) = (&got.all.before, &got.all.then);
    assert!(is_about(before.handed_over_percent, 50.0), "{got:#?}");
    assert!(is_about(before.latency_unknown_percent, 50.0), "{got:#?}");
    assert!(is_about(before.latency_ms.unwrap(), 20.0), "{got:#?}");
    assert_eq!(
        (then.handed_over_percent, then.latency_unknown_percent),
        (0.0, 0.0)
    );
}

#[test]
fn a_value_is_unknown_once_it_is_too_old() {
    // s1 never answers again and is the only one in use.
    let seen = each_second(100, |second| [(second < 50).then_some(20.0), None]);
    let policy = "kind = \"failover\"\norder = [\"s1\", \"s2\"]";
    let first = "all_down = \"first\"";
    let got = compared(&seen, configured(policy, first), configured(policy, first));
    // Good for ten intervals after the 49th second.
    let unknown = got.all.before.latency_unknown_percent;
    assert!(is_about(unknown, 41.0), "{got:#?}");
}

#[test]
fn time_without_measurements_does_not_count_and_clocks_set_back_pass_none() {
    let mut seen = each_second(10, |_| [Some(20.0), Some(30.0)]);
    let later = seen.clone().into_iter();
    seen.extend(later.map(|(after, number, seen)| (after + 3_600_000, number, seen)));
    let two = || (configured(S1_FIRST, ""), configured(S2_FIRST, ""));
    let (before, then) = two();
    let got = compared(&seen, before, then);
    assert_eq!((got.counted_s, got.gaps, got.gaps_s), (20.0, 1, 3590.0));
    assert!(is_about(got.all.elsewhere_percent, 100.0), "{got:#?}");

    let mut seen = each_second(10, |_| [Some(20.0), Some(30.0)]);
    seen.extend(seen.clone());
    let (before, then) = two();
    let got = compared(&seen, before, then);
    assert_eq!((got.counted_s, got.gaps), (20.0, 0));
}

#[test]
fn rules_of_services_hold_back_as_they_would_have() {
    let seen = each_second(100, |second| {
        [(!(20..30).contains(&second)).then_some(20.0), Some(30.0)]
    });
    let manual = format!("{S1_FIRST}\n[service.health]\nfailback = \"manual\"");
    let got = compared(&seen, configured(S1_FIRST, ""), configured(&manual, ""));
    assert!(is_about(got.all.elsewhere_percent, 70.0), "{got:#?}");
    let flaps = format!("{S1_FIRST}\n[service.health]\nflap_max = 1\nflap_window_s = 20");
    let got = compared(&seen, configured(S1_FIRST, ""), configured(&flaps, ""));
    // Back at 30 s, which is the second change, and held back for a window from then on.
    assert!(is_about(got.all.elsewhere_percent, 20.0), "{got:#?}");
}

#[test]
fn what_is_not_in_the_log_is_told() {
    let seen = each_second(10, |_| [Some(20.0), Some(30.0)]);
    let other = service(S1_FIRST, "").replace("port = 80", "port = 81");
    let dir = TempDir::new().unwrap();
    write(dir.path(), S1_FIRST, "");
    fs::write(dir.path().join("services.d/all.toml"), other).unwrap();
    let then = Configured::from(load(&Source::on_disk(dir.path())).unwrap());
    let got = compared(&seen, configured(S1_FIRST, ""), then.clone());
    let named = ["192.0.2.1 (tcp port 81)", "192.0.2.2 (tcp port 81)"];
    let told = Fed {
        targets: 2,
        without_samples: 2,
        named: named.map(str::to_owned).into(),
    };
    assert_eq!(got.probes_then, told);
    assert_eq!(got.probes_before.without_samples, 0);
    assert_eq!(got.services[0].compared.then.latency_ms, None);

    let dir = TempDir::new().unwrap();
    let recording = recorded(&dir, &seen);
    let none = |range| {
        let (before, then) = (configured(S1_FIRST, ""), configured(S2_FIRST, ""));
        replay(&recording, before, then, range, |_| ()).unwrap_err()
    };
    let error = none(Range {
        from_unix_ms: Some(BEGIN + 20_000),
        to_unix_ms: None,
    });
    assert!(
        error.contains("2023-11-14T22:13:20.000Z to 2023-11-14T22:13:30.000Z"),
        "{error}"
    );
    let error = none(Range {
        from_unix_ms: None,
        to_unix_ms: Some(BEGIN),
    });
    assert!(error.contains("the first round alone"), "{error}");
    let nobody = replay(&recording, then.clone(), then, Range::default(), |_| ());
    assert!(nobody.unwrap_err().contains("either configuration"));
}

#[test]
fn samples_go_to_who_probes_alike_and_as_often_if_anybody_does() {
    let probed = |last: u8, interval_ms| crate::measurement_log::Probed {
        address: [192, 0, 2, last].into(),
        probe: "tcp port 80".to_owned(),
        interval_ms,
    };
    let recorded = [probed(1, 500), probed(1, 1000), probed(2, 500)];
    for (target, expected) in [
        (probed(1, 1000), Some(1)),
        (probed(1, 500), Some(0)),
        (probed(1, 2000), Some(0)),
        (probed(2, 1000), Some(2)),
        (probed(3, 500), None),
    ] {
        assert_eq!(side::matching(&target, &recorded), expected, "{target}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_configuration_twice_differs_in_nothing(
        policy in select(vec![
            S1_FIRST.to_owned(),
            better_than(40),
            better_than(40).replace("step_percent = 100", "step_percent = 25\nstep_s = 2"),
            "kind = \"latency\"".to_owned(),
            "kind = \"weighted\"\n[service.policy.weights]\ns1 = 3\ns2 = 1".to_owned(),
        ]),
        more in select(vec!["", "all_down = \"first\"", "unknown = \"open\""]),
        rules in select(vec!["", "\n[service.health]\nflap_max = 2\nflap_window_s = 5\nslow_start_s = 4"]),
        seen in vec((0_u64..3000, 1_u8..=2, proptest::option::weighted(0.8, 1.0..100.0)), 20..80),
    ) {
        let mut at = 0;
        let first = [(0, 1, Some(20.0)), (0, 2, Some(30.0))];
        let seen: Vec<_> = first.into_iter().chain(seen.into_iter().map(|(after, number, ms)| {
            at += after;
            (at, number, ms)
        })).collect();
        let one = || configured(&format!("{policy}{rules}"), more);
        let got = compared(&seen, one(), one());
        prop_assert!(is_about(got.all.elsewhere_percent, 0.0));
        prop_assert_eq!(&got.all.before, &got.all.then);
        for service in &got.services {
            prop_assert_eq!(&service.compared.before, &service.compared.then);
            for of in &service.candidates {
                prop_assert!(is_about(of.before_percent, of.then_percent));
                prop_assert_eq!(of.latency_before_ms, of.latency_then_ms);
            }
            let all: f64 = service.candidates.iter().map(|of| of.before_percent).sum();
            prop_assert!((all + got.all.before.nobody_percent - 100.0).abs() < 0.01, "{}", all);
        }
    }
}
