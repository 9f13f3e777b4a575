use std::{collections::BTreeMap, time::Duration};

use dns_common::decision::Family;
use proptest::{collection::vec, option, prelude::*};

use super::{
    super::testing::{
        AT_ONCE, HOLD, METRICS, Rig, SERVERS, at_50, drains, failover, number, passing, says,
    },
    *,
};
use crate::{
    measurement::overrides::{AdminState, Scope, What, testing},
    model::{Criterion, Level, Policy, Quantity, Steps, Threshold},
};

impl Rig {
    fn nearest(&self, group: u16) -> Option<Nearest> {
        self.director.nearest(0, (group, 0), Family::V4, self.now)
    }

    /// The outcome after `alteration` has happened, as samples and operators make it.
    fn after(&self, alteration: &Alteration, group: u16) -> Outcome {
        let mut rig = self.clone();
        match alteration {
            Alteration::Value {
                server, metric, to, ..
            } => {
                let metric = METRICS.iter().position(|known| known == metric).unwrap();
                rig.measure(number(server), metric, *to);
            }
            Alteration::State { server, to } => {
                for _ in 0..3 {
                    match to {
                        State::Up => rig.pass(number(server)),
                        _ => rig.fail(number(server)),
                    }
                }
            }
            Alteration::HoldEnds { in_ms, .. } => {
                rig.now += Duration::from_secs_f64((in_ms + 0.001) / 1e3);
                rig.any_sample();
            }
            Alteration::OverrideEnds { entry } => {
                let all = rig.director.overrides().iter();
                let others = all.filter(|other| *other != &**entry).cloned().collect();
                rig.say(others);
            }
            Alteration::SuspicionEnds => {
                rig.director.set_suspect_percent(100, rig.now);
            }
            Alteration::LevelInForce { at_unix_ms, .. } => {
                rig.director.set_time_of_day(*at_unix_ms, rig.now);
            }
            Alteration::NextSample => rig.any_sample(),
        }
        rig.outcome(group)
    }
}

fn order() -> impl Strategy<Value = Vec<u8>> {
    Just((0..SERVERS).collect::<Vec<_>>()).prop_shuffle()
}

fn policies() -> impl Strategy<Value = Policy> {
    let criterion = |metric| {
        move |tolerance| Criterion {
            metric,
            tolerance: Quantity(tolerance),
        }
    };
    let by = |metric, most: i64| (0..=most).prop_map(criterion(metric));
    let threshold = |(level, band, order, origins, held): (i64, i64, Vec<u8>, usize, bool)| {
        let (origins, over) = order.split_at(origins);
        Policy::Threshold(Threshold {
            metric: Metric::ResponseTime,
            level: Level::Set(Quantity(level)),
            return_band: Quantity(band),
            hold: if held { HOLD } else { Duration::ZERO },
            steps: AT_ONCE,
            origins: origins.to_vec(),
            over: over.to_vec(),
        })
    };
    prop_oneof![
        1 => (order(), order()).prop_map(|(order, own)| Policy::Failover {
            order,
            by_group: BTreeMap::from([("g1".to_owned(), own)]),
        }),
        2 => by(METRICS[0], 20_000).prop_map(|by| Policy::Criteria(vec![by])),
        2 => (by(METRICS[0], 20_000), by(METRICS[1], 9_000))
            .prop_map(|(one, other)| Policy::Criteria(vec![one, other])),
        3 => ([1_u32..5, 1..5], 0_u32..200).prop_map(|(weights, tolerance_permille)| {
            Policy::Best { weights: METRICS.into_iter().zip(weights).collect(), tolerance_permille }
        }),
        2 => (10_000_i64..100_000, 0_i64..20_000, order(), 1..3_usize, any::<bool>())
            .prop_map(threshold),
    ]
}

/// What happens to one candidate.
#[derive(Clone, Debug)]
enum Event {
    Value(u8, usize, f64),
    Pass(u8),
    Fail(u8),
    Wait(u64),
}

fn events() -> impl Strategy<Value = Event> {
    let value = prop_oneof![
        (1..120_000_i64).prop_map(|value| Quantity(value).value()),
        0.001..120.0_f64,
    ];
    prop_oneof![
        12 => (0..SERVERS, 0..2_usize, value).prop_map(|(n, metric, value)| Event::Value(n, metric, value)),
        2 => (0..SERVERS).prop_map(Event::Pass),
        6 => (0..SERVERS).prop_map(Event::Fail),
        2 => (0..30_000_u64).prop_map(Event::Wait),
    ]
}

fn rigs() -> impl Strategy<Value = Rig> {
    let said = option::weighted(0.3, 0..SERVERS);
    let pinned = option::weighted(0.2, 0..SERVERS);
    (policies(), vec(events(), 1..60), said, pinned).prop_map(|(policy, events, said, pinned)| {
        let mut rig = Rig::new(policy, 100);
        for event in events {
            match event {
                Event::Value(server, metric, value) => rig.measure(server, metric, value),
                Event::Pass(server) => rig.pass(server),
                Event::Fail(server) => rig.fail(server),
                Event::Wait(ms) => rig.now += Duration::from_millis(ms),
            }
        }
        let pin = pinned.map(|server| {
            says(What::Pin {
                service: testing::name("www.example."),
                group: "g1".to_owned(),
                server: format!("s{}", server + 1),
            })
        });
        rig.say(said.map(drains).into_iter().chain(pin).collect());
        rig
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_stated_happens_and_less_does_nothing(
        rig in rigs(),
        group in 0..2_u16,
        others in vec((0..SERVERS, 0..2_usize, -1.0..1.0_f64), 20),
    ) {
        let Some(nearest) = rig.nearest(group) else { return Ok(()) };
        let before = rig.outcome(group);
        prop_assert_ne!(&nearest.then, &before);
        prop_assert_eq!(&rig.after(&nearest.alteration, group), &nearest.then, "{:?}", nearest);
        if let Alteration::Value { server, metric, from: Some(_), to, percent } = &nearest.alteration {
            let from = rig.value(number(server), *metric).unwrap();
            let with = |to| rig.after(
                &Alteration::Value { server: server.clone(), metric: *metric, from: None, to, percent: *percent },
                group,
            );
            // No less than a thousandth is stated.
            let least = f64::max(0.001, 0.01 * (to - from).abs());
            for less in [0.001, least].into_iter().filter(|less| *less < (to - from).abs()) {
                let smaller = to - less.copysign(to - from);
                let smaller = (smaller * 1e3).round() / 1e3;
                prop_assert_eq!(&with(smaller), &before, "{:?}, {} less", nearest, less);
            }
        }
        if nearest.alteration == Alteration::NextSample {
            return Ok(());
        }
        // Nor does any other value that changes by less.
        for (number, metric, share) in others {
            let Some(value) = rig.value(number, METRICS[metric]) else { continue };
            let size = nearest.size - f64::max(0.001, 0.001 / value);
            let to = value * (1.0 + share * size.max(0.0));
            let changed = Alteration::Value {
                server: format!("s{}", number + 1),
                metric: METRICS[metric],
                from: None,
                to,
                percent: None,
            };
            prop_assert_eq!(&rig.after(&changed, group), &before, "{:?} against {:?}", nearest, changed);
        }
    }
}

fn state(server: &str, to: State) -> Alteration {
    Alteration::State {
        server: server.to_owned(),
        to,
    }
}

fn stated(rig: &Rig) -> (Alteration, Outcome) {
    let nearest = rig.nearest(0).unwrap();
    let then = rig.after(&nearest.alteration, 0);
    assert_eq!(then, nearest.then, "{nearest:?}");
    (nearest.alteration, then)
}

#[test]
fn a_state_that_is_half_way_to_another_is_nearer() {
    let mut rig = passing(failover(), 100);
    let server = |name: &str| Outcome::Server(name.to_owned());
    assert_eq!(stated(&rig), (state("s1", State::Down), server("s2")));
    for _ in 0..3 {
        rig.fail(0);
    }
    // The one that wins first, among those that are as far away.
    assert_eq!(stated(&rig), (state("s2", State::Down), server("s3")));
    let mut rig = passing(failover(), 100);
    rig.fail(0);
    let nearest = rig.nearest(0).unwrap();
    assert_eq!(nearest.alteration, state("s1", State::Down));
    assert!((nearest.size - 0.667).abs() < 1e-9, "{nearest:?}");
}

#[test]
fn while_all_is_frozen_the_freeze_has_to_end() {
    let mut rig = passing(failover(), 100);
    let freeze = says(What::Freeze { scope: Scope::All });
    rig.say(vec![freeze.clone()]);
    assert_eq!(rig.nearest(0), None);
    for _ in 0..3 {
        rig.fail(0);
    }
    let entry = Box::new(freeze);
    let (alteration, then) = stated(&rig);
    assert_eq!(alteration, Alteration::OverrideEnds { entry });
    assert_eq!(then, Outcome::Server("s2".to_owned()));
}

#[test]
fn while_this_host_is_suspected_nothing_goes_down_until_that_ends() {
    let mut rig = passing(failover(), 10);
    for _ in 0..4 {
        (0..SERVERS).for_each(|server| rig.fail(server));
    }
    assert_eq!(stated(&rig), (Alteration::SuspicionEnds, Outcome::All));
}

#[test]
fn a_hold_has_to_end_before_a_value_counts() {
    let mut rig = passing(Policy::Threshold(at_50()), 100);
    rig.measure(0, 0, 60.0);
    rig.now += Duration::from_secs(10);
    rig.measure(0, 0, 40.0);
    let nearest = rig.nearest(0).unwrap();
    let Alteration::HoldEnds { in_ms, .. } = nearest.alteration else {
        panic!("{nearest:?}");
    };
    assert!((in_ms - 30_000.0).abs() < 1.0 && (nearest.size - 0.75).abs() < 1e-3);
    assert_eq!(stated(&rig).1, Outcome::Server("s1".to_owned()));
    rig.now += Duration::from_secs(31);
    assert_eq!(stated(&rig).0, Alteration::NextSample);
}

#[test]
fn holds_that_end_in_one_millisecond_end_together() {
    let threshold = Threshold {
        origins: vec![0, 1],
        over: vec![2, 3],
        ..at_50()
    };
    let mut rig = passing(Policy::Threshold(threshold), 100);
    for ms in [40.0, 60.0] {
        rig.measure(0, 0, ms);
        rig.measure(1, 0, ms);
        rig.now += Duration::from_secs(5);
    }
    let nearest = rig.nearest(0).unwrap();
    assert!(
        matches!(nearest.alteration, Alteration::HoldEnds { .. }),
        "{nearest:?}"
    );
    assert_eq!(nearest.then, Outcome::Server("s3".to_owned()));
}

#[test]
fn where_resolvers_follow_by_steps_it_is_said_what_they_come_to() {
    let threshold = Threshold {
        hold: Duration::ZERO,
        steps: Steps {
            percent: 25,
            ..AT_ONCE
        },
        ..at_50()
    };
    let mut rig = passing(Policy::Threshold(threshold), 100);
    for _ in 0..40 {
        rig.measure(0, 0, 40.0);
    }
    let Nearest {
        alteration, then, ..
    } = rig.nearest(0).unwrap();
    let Alteration::Value { server, to, .. } = alteration else {
        panic!("{alteration:?}");
    };
    assert_eq!((server.as_str(), to), ("s1", 50.0));
    assert_eq!(then, Outcome::Server("s2".to_owned()));
}

#[test]
fn what_is_unknown_has_to_be_known() {
    let by = Criterion {
        metric: METRICS[0],
        tolerance: Quantity(5_000),
    };
    let mut rig = passing(Policy::Criteria(vec![by]), 100);
    rig.measure(0, 0, 50.0);
    // Without s1 nobody is known, and the first in order is s2.
    assert_eq!(stated(&rig).0, state("s1", State::Down));
    rig.say(vec![says(What::State {
        server: "s1".to_owned(),
        scope: Scope::All,
        addresses: vec![[192, 0, 2, 1].into()],
        state: AdminState::Up,
    })]);
    let (alteration, _) = stated(&rig);
    let Alteration::Value {
        server,
        from: None,
        to,
        ..
    } = alteration
    else {
        panic!("{alteration:?}");
    };
    assert_eq!((server.as_str(), to), ("s2", 44.999));
}

#[test]
fn alterations_read_like_sentences_and_survive_json() {
    let by = Criterion {
        metric: METRICS[0],
        tolerance: Quantity(5_000),
    };
    let mut rig = passing(Policy::Criteria(vec![by]), 100);
    rig.measure(0, 0, 40.0);
    rig.measure(1, 0, 50.0);
    let nearest = rig.nearest(0).unwrap();
    let text = "response_time_ms of s2 goes from 50 to 34.999 (-30.0 %)";
    assert_eq!(nearest.alteration.to_string(), text);
    let json = serde_json::to_string(&nearest).unwrap();
    assert_eq!(serde_json::from_str::<Nearest>(&json).unwrap(), nearest);
    assert_eq!(state("s1", State::Down).to_string(), "s1 goes down");
}
