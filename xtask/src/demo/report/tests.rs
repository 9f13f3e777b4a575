use super::*;
use crate::{
    demo::{
        record::{Clock, Run},
        watch::Seen,
    },
    lab::dnsperf::Totals,
};

fn run(sent: u64) -> Run {
    Run {
        length: Duration::from_secs(1),
        rates: Vec::new(),
        totals: Totals {
            sent,
            completed: sent,
            noerror: sent,
            nxdomain: 0,
            lost: 0,
        },
    }
}

/// A demo in which all went well: 10 000 queries, and 20 of watchers.
fn record() -> Record {
    let seen = Seen {
        asked: 10,
        ..Seen::default()
    };
    Record {
        clock: Clock::start(),
        end: 3.0,
        events: Vec::new(),
        steady: [Some(0), Some(1)],
        stopped: 0,
        failover: Duration::from_millis(650),
        comeback: Some(Duration::from_millis(400)),
        adoption: Some(Duration::from_millis(300)),
        xdp_state: "adopted".to_owned(),
        failing: run(8000),
        killing: run(1000),
        adopting: run(1000),
        screen: String::new(),
        seen: vec![seen.clone(), seen],
        kernel_answered: 10_010,
    }
}

#[test]
fn a_demo_at_the_edge_of_every_claim_holds() {
    let report = Report::new(&record());
    assert_eq!(report.broken(), Vec::<String>::new());
    assert!((report.kernel_share - 0.999).abs() < 1e-9);
}

#[test]
fn each_claim_can_be_broken() {
    type Break = fn(&mut Record);
    let breaks: [(Break, &str); 10] = [
        (|record| record.kernel_answered -= 1, "the kernel answers"),
        (
            |record| record.failing.totals.lost = 1,
            "no query is lost (",
        ),
        (
            |record| record.failing.totals.noerror -= 1,
            "no query fails",
        ),
        (|record| record.seen[1].lost = 1, "no query of a watcher"),
        (|record| record.steady = [Some(1); 2], "the groups are sent"),
        (
            |record| record.failover += Duration::from_millis(1),
            "a stopped server",
        ),
        (|record| record.comeback = None, "it is answered again"),
        (|record| record.killing = run(0), "no query is lost when"),
        (
            |record| "attached".clone_into(&mut record.xdp_state),
            "another veerd",
        ),
        (
            |record| record.adopting.totals.lost = 1,
            "no query is lost meanwhile",
        ),
    ];
    for (change, claim) in breaks {
        let mut changed = record();
        change(&mut changed);
        let broken = Report::new(&changed).broken();
        assert!(
            broken.iter().any(|text| text.starts_with(claim)),
            "{claim}: {broken:?}"
        );
    }
}

#[test]
fn the_file_has_the_keys_that_others_read() {
    let json = Report::new(&record()).json().expect("it is written");
    let value: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(value["servers_by_group"]["isp-a"], "s1");
    assert_eq!(value["servers_by_group"]["isp-b"], "s2");
    for key in [
        "kernel_share",
        "lost",
        "queries",
        "failover_ms",
        "probe_interval_ms",
        "down_after",
        "lost_during_sigkill",
        "lost_during_adoption",
    ] {
        assert!(value[key].is_number(), "{key}: {}", value[key]);
    }
}
