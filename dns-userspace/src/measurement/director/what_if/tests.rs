use super::{
    super::testing::{METRICS, Rig, failover_but_for_g1, passing},
    *,
};
use crate::model::{Criterion, Policy, Quantity};

fn state(server: &str, state: UpOrDown) -> WhatIf {
    let server = server.to_owned();
    WhatIf {
        states: vec![StateIs { server, state }],
        values: vec![],
    }
}

fn value(server: &str, metric: Metric, value: f64) -> WhatIf {
    let server = server.to_owned();
    WhatIf {
        states: vec![],
        values: vec![ValueIs {
            server,
            metric,
            value,
        }],
    }
}

fn ask(rig: &Rig, what: &WhatIf) -> Result<Vec<Supposed>, Vec<String>> {
    let names = ["www.example".to_owned()];
    rig.director.what_if(&names, what, None, rig.now)
}

fn latency() -> Policy {
    Policy::Criteria(vec![Criterion {
        metric: METRICS[0],
        tolerance: Quantity(5_000),
    }])
}

fn server(name: &str) -> Outcome {
    Outcome::Server(name.to_owned())
}

#[test]
fn what_is_supposed_is_what_happens_and_asking_changes_nothing() {
    let mut rig = passing(latency(), 100);
    for (number, value) in (0..4).zip([20.0, 30.0, 40.0, 50.0]) {
        rig.measure(number, 0, value);
    }
    let before: Vec<_> = rig.director.decisions().collect();
    let slow = ask(&rig, &value("s1", METRICS[0], 35.001)).unwrap();
    let [one] = slow[0].moves.as_slice() else {
        panic!("{slow:?}")
    };
    assert!(one.one.others && one.one.groups.is_empty());
    assert_eq!(
        one.one.from.as_ref().map(|from| &from.a),
        Some(&server("s1"))
    );
    assert_eq!(one.one.to.a, server("s2"));
    let dead = ask(&rig, &state("S2", UpOrDown::Down)).unwrap();
    assert_eq!(dead[0].moves[0].one.to.a, server("s1"));
    let both = WhatIf {
        states: state("s2", UpOrDown::Down).states,
        ..value("s1", METRICS[0], 90.0)
    };
    assert_eq!(ask(&rig, &both).unwrap()[0].moves[0].one.to.a, server("s3"));
    assert_eq!(rig.director.decisions().collect::<Vec<_>>(), before);
    rig.measure(0, 0, 35.001);
    assert_eq!(rig.outcome(0), server("s2"));
}

#[test]
fn groups_are_told_apart_where_they_go_their_own_way() {
    let rig = passing(failover_but_for_g1(), 100);
    let dead = ask(&rig, &state("s4", UpOrDown::Down)).unwrap();
    let told: Vec<_> = dead[0].moves.iter().collect();
    assert_eq!(told.len(), 2);
    let own = told.iter().find(|part| part.one.groups == ["g1"]).unwrap();
    assert_eq!((&own.one.to.a, own.one.others), (&server("s3"), false));
    let names = ["www.example.".to_owned()];
    let what = state("s4", UpOrDown::Down);
    let alone = rig.director.what_if(&names, &what, Some((0, 0)), rig.now);
    let alone = alone.unwrap();
    assert_eq!(alone[0].moves.len(), 1);
    assert_eq!(alone[0].moves[0].one.groups, ["default"]);
    assert_eq!(alone[0].moves[0].one.to.a, server("s1"));
}

#[test]
fn a_question_that_makes_no_sense_is_told_all_that_is_wrong() {
    let rig = passing(latency(), 100);
    let names = ["nobody.example.", "a..b"].map(str::to_owned);
    let found = rig
        .director
        .what_if(&names, &WhatIf::default(), None, rig.now);
    let found = found.unwrap_err();
    assert_eq!(found[0], "`nobody.example.` is no service's name");
    assert!(
        found[1].starts_with("`a..b` is not a domain name"),
        "{found:?}"
    );
    assert!(found[2].starts_with("nothing is supposed"), "{found:?}");
    let wrong = WhatIf {
        states: state("s9", UpOrDown::Up).states,
        values: [
            value("s1", METRICS[1], 1.0),
            value("s1", METRICS[0], -1.0),
            value("s1", Metric::Cost, 1.0),
        ]
        .into_iter()
        .flat_map(|what| what.values)
        .collect(),
    };
    assert_eq!(
        ask(&rig, &wrong).unwrap_err(),
        [
            "`s9` is no server of these; valid: s1, s2, s3, s4",
            "s1.load_percent is compared by no policy here; valid: response_time_ms",
            "s1.response_time_ms is -1; valid: 0 and more",
            "cost is configured, not measured",
        ]
    );
}
