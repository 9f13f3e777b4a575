//! `veerd agent` as a process, in a namespace of its own, beside a web server
//! whose figures the test sets.

#[path = "../support/mod.rs"]
mod support;

mod pushed;
mod scene;
mod strangers;
mod tls;

use std::time::Duration;

use scene::{FRESH, Scene, TOKEN, stub_status};
use support::eventually;
use veer::agent::report::{Kind, Refusal};

/// Equal but for what a number loses on its way.
fn is_close(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.abs() * 1e-12
}

#[test]
fn a_report_has_what_the_host_and_the_web_server_say() {
    let mut scene = Scene::new();
    scene.serve(1000, 12);
    scene.start(
        "[capacity]\nrequests_per_s = 1000\nbytes_per_s = 1000000\n\
         [interface]\nname = \"lo\"\ncapacity_bits_per_s = 100000000\n\
         [connections]\nports = [8080]\n",
    );
    let report = eventually("two readings", || {
        let report = scene.report();
        report.figures.requests_per_s.is_some().then_some(report)
    });
    assert_eq!(report.kind, Kind::Server);
    let figures = &report.figures;
    let cpu = figures.cpu_share.expect("processors");
    assert!((0.0..=1.0).contains(&cpu), "{cpu}");
    let memory = figures.memory_share.expect("memory");
    assert!(memory > 0.0 && memory < 1.0, "{memory}");
    assert_eq!(figures.requests_per_s, Some(0.0));
    assert_eq!(figures.capacity_requests_per_s, Some(1000.0));
    assert_eq!(figures.capacity_nic_bits_per_s, Some(1e8));
    assert_eq!(figures.error_share, None);
    assert!(report.problems.is_empty(), "{:?}", report.problems);

    // Of its own namespace, in which there is nothing but what it does itself.
    let sent = figures.nic_transmit_bits_per_s.expect("an interface");
    assert!(sent > 0.0 && sent < 1e7, "{sent}");
    let available = figures.available_bits_per_s.expect("an interface");
    let received = figures.nic_receive_bits_per_s.expect("an interface");
    assert!(is_close(available, 1e8 - sent.max(received)), "{available}");

    // Established ones to the port; the agent's own comes and goes.
    let held = scene.hold(5);
    eventually("five connections", || {
        let count = scene.report().figures.connections?;
        (5.0..=6.0).contains(&count).then_some(())
    });
    drop(held);
    eventually("none of them", || {
        (scene.report().figures.connections? <= 1.0).then_some(())
    });
}

#[test]
fn load_is_seen_in_the_next_report() {
    let mut scene = Scene::new();
    scene.serve(1000, 12);
    scene.start("[capacity]\nrequests_per_s = 1000\n");
    eventually("two readings", || scene.report().figures.requests_per_s);
    assert_eq!(scene.report().figures.connections, Some(12.0));

    let load = scene.change(|ms| stub_status(1000 + ms / 2, 12));
    let first = eventually("five hundred requests a second", || {
        let report = scene.report();
        let rate = report.figures.requests_per_s?;
        (400.0..600.0).contains(&rate).then_some(report)
    });
    let figures = &first.figures;
    let rate = figures.requests_per_s.expect("it was there");
    let load_said = figures.traffic_load.expect("a rate and its capacity");
    assert!(is_close(load_said, rate / 1000.0), "{load_said} of {rate}");
    // Each report is of the time since the one before it.
    let second = eventually("another report", || {
        let report = scene.report();
        (report.at_unix_ms > first.at_unix_ms).then_some(report)
    });
    let apart = second.at_unix_ms - first.at_unix_ms;
    assert!(apart >= scene::INTERVAL_MS / 2, "{apart} ms");

    drop(load);
    eventually("no more requests", || {
        (scene.report().figures.requests_per_s? == 0.0).then_some(())
    });
}

#[test]
fn what_cannot_be_read_is_absent_with_its_reason_and_comes_back() {
    let mut scene = Scene::new();
    scene.start("[capacity]\nrequests_per_s = 1000\n[interface]\nname = \"nosuch0\"\n");
    let report = scene.report();
    assert_eq!(report.figures.requests_per_s, None);
    assert_eq!(report.figures.traffic_load, None);
    assert_eq!(report.figures.connections, None);
    assert_eq!(report.figures.nic_transmit_bits_per_s, None);
    assert_eq!(report.figures.capacity_nic_bits_per_s, None);
    assert!(report.figures.memory_share.is_some());
    for reason in [
        "/proc/net/dev: no interface nosuch0",
        "/sys/class/net/nosuch0/speed: No such file or directory",
        "http://127.0.0.1:8080/nginx_status: connect: Connection refused",
    ] {
        let given = report
            .problems
            .iter()
            .any(|problem| problem.starts_with(reason));
        assert!(given, "{reason}: {:?}", report.problems);
    }

    scene.serve(1000, 12);
    eventually("requests", || scene.report().figures.requests_per_s);
    // nginx starts anew, from nothing.
    scene.serve(3, 12);
    eventually("a counter that went back", || {
        let problem = "requests: went back from 1000 to 3";
        scene.log().contains(problem).then_some(())
    });
    eventually("requests again", || scene.report().figures.requests_per_s);

    scene.respond(500, "<html>");
    eventually("an error of the server", || {
        let report = scene.report();
        let problem = "http://127.0.0.1:8080/nginx_status: status 500 Internal Server Error";
        let found = report
            .problems
            .iter()
            .any(|found| found.starts_with(problem));
        assert!(!found || report.figures.requests_per_s.is_none());
        found.then_some(())
    });
    scene.respond_slowly(Duration::from_secs(5));
    eventually("a server that hangs", || {
        let report = scene.report();
        let problem = "http://127.0.0.1:8080/nginx_status: no answer within";
        report
            .problems
            .iter()
            .any(|found| found.starts_with(problem))
            .then_some(())
    });
}

#[test]
fn a_prometheus_page_gives_errors_and_octets() {
    let mut scene = Scene::new();
    let well = scene.change(|ms| format!("requests{{code=\"200\"}} {ms}\nbytes {ms}\n"));
    scene.start_with(
        "[capacity]\nrequests_per_s = 1000\nbytes_per_s = 10000\n\
         [prometheus]\nurl = \"http://127.0.0.1:8080/metrics\"\nrequests = [\"requests\"]\n\
         errors = ['requests{code=\"500\"}']\nbytes = [\"bytes\"]\n",
    );
    // No request has failed, and so there is no series of them.
    eventually("no errors", || {
        (scene.report().figures.error_share? == 0.0).then_some(())
    });
    drop(well);
    let _worse = scene.change(|ms| {
        let (well, failed, bytes) = (1_000_000 + 3 * ms, ms, 1_000_000 + 160 * ms);
        format!(
            "requests{{code=\"200\"}} {well}\nrequests{{code=\"500\"}} {failed}\nbytes {bytes}\n"
        )
    });
    let report = eventually("a quarter of errors", || {
        let report = scene.report();
        is_close(report.figures.error_share?, 0.25).then_some(report)
    });
    let (requests, bytes) = (report.figures.requests_per_s, report.figures.bytes_per_s);
    let (requests, bytes) = (requests.expect("requests"), bytes.expect("octets"));
    assert!(is_close(bytes / requests, 40.0), "{bytes} / {requests}");
    let load = report.figures.traffic_load.expect("two capacities");
    assert!(is_close(load, bytes / 10_000.0), "{load} of {bytes}");
}

#[test]
fn an_agent_that_is_stopped_ends_and_one_that_hangs_grows_old() {
    let mut scene = Scene::new();
    scene.start("");
    let (_, _, body) = scene.get(Some(TOKEN));
    let later = std::time::SystemTime::now() + FRESH.age_max + Duration::from_secs(1);
    let refused = veer::agent::report::parse(&body, later, FRESH);
    assert!(matches!(refused, Err(Refusal::Stale { .. })), "{refused:?}");
    assert_eq!(scene.stop(), Some(0));
}

#[test]
fn a_wrong_file_is_refused_with_all_that_is_wrong() {
    let scene = Scene::new();
    let (status, errors) = scene.refused("listen = []\ninterval_ms = 1\n");
    assert_eq!(status, Some(2), "{errors}");
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 3, "{errors}");
    assert!(
        lines.iter().all(|line| line.starts_with("veerd: ")),
        "{errors}"
    );

    let (status, errors) = scene.refused("listen = [\"192.0.2.1:9853\"]\ntoken_file = \"token\"\n");
    assert_eq!(status, Some(1), "{errors}");
    let expected = "veerd: listen 192.0.2.1:9853: Cannot assign requested address (os error 99)";
    assert!(errors.lines().any(|line| line == expected), "{errors}");
}
