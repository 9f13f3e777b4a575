use std::time::Duration;

use dns_common::decision::{Eligible, Family, Ranking};
use tokio::time::Instant;

use super::*;
use crate::{
    measurement::{
        director::explain::Outcome,
        metric::Metric,
        overrides::{
            Override,
            order::{Command, Order, WantedState},
            testing::{plan, service},
        },
        sample::{Reason, Sample, Vantage, Verdict},
        schedule::{Target, TargetId},
    },
    model::{
        Failback, Flap, Groups, HandOver, HealthRules, Policy, PoolProbe, Probe, ProbeKind,
        Quantity, Way,
    },
};

/// A director and the clock of its samples.
struct Rig {
    director: Director,
    now: Instant,
}

impl Rig {
    /// One of `plan` that has seen every target pass.
    fn new(plan: Plan) -> Self {
        let director = Director::new(plan, 100, Instant::now());
        let mut rig = Self {
            director,
            now: Instant::now(),
        };
        let targets: Vec<TargetId> = rig.director.targets().iter().map(|t| t.id).collect();
        for target in targets {
            rig.take(target, pass(10));
        }
        rig
    }

    fn take(&mut self, target: TargetId, verdict: Verdict) -> Vec<Change> {
        self.now += Duration::from_millis(10);
        self.director.observe(&Sample {
            target,
            at: self.now,
            taken_from: Vantage::Host,
            verdict,
        })
    }

    /// A sample of the target at `address`.
    fn see(&mut self, address: &str, verdict: Verdict) -> Vec<Change> {
        let targets = self.director.targets().iter();
        let mut found = targets.filter(|target| target.address.to_string() == address);
        let id = found.next().unwrap().id;
        drop(found);
        self.take(id, verdict)
    }

    /// Follows `command`, in a new plan where services are to be told apart.
    fn order(&mut self, command: Command) -> Vec<Change> {
        let order = Order {
            command,
            for_ms: None,
            reason: None,
            force: true,
        };
        let plan = self.director.plan();
        let applied = self.director.overrides().ordered(&order, "ann", plan, 0);
        let applied = applied.unwrap();
        let overrides = self.director.overrides();
        let overrides = overrides.followed(applied.made.as_ref(), &applied.ended);
        if !applied.needs_split {
            return self.director.override_with(overrides, self.now);
        }
        let plan = Plan::clone(plan);
        self.replan(plan, overrides);
        vec![]
    }

    /// As a reload does.
    fn replan(&mut self, plan: Plan, overrides: Overrides) {
        let plan = Director::kept_apart(plan, &overrides, Some(&self.director));
        let mut next = Director::new(plan, 100, Instant::now());
        next.carry_over(&self.director, self.now);
        next.override_with(overrides, self.now);
        self.director = next;
    }

    /// A sample of the target at `address`, and what rules make of it.
    fn see_and_withhold(&mut self, address: &str, verdict: Verdict) {
        self.see(address, verdict);
        let mut overrides = self.director.overrides().clone();
        for withheld in self.director.take_withheld() {
            overrides.withhold(withheld, 1000);
        }
        self.director.override_with(overrides, self.now);
    }

    fn state(&mut self, server: &str, service: Option<&str>, state: WantedState) -> Vec<Change> {
        self.order(Command::State {
            server: server.to_owned(),
            service: service.map(str::to_owned),
            customer: Some("acme".to_owned()),
            state,
        })
    }

    fn pin(&mut self, service: &str, group: &str, server: &str) -> Vec<Change> {
        self.order(Command::Pin {
            service: service.to_owned(),
            group: group.to_owned(),
            server: server.to_owned(),
        })
    }

    fn freeze(&mut self, customer: Option<&str>) -> Vec<Change> {
        let customer = customer.map(str::to_owned);
        self.order(Command::Freeze { customer })
    }

    fn thaw(&mut self) -> Vec<Change> {
        self.order(Command::Thaw { customer: None })
    }

    fn pool(&self, service: &str) -> u16 {
        let services = &self.director.plan().services;
        let mut found = services
            .iter()
            .filter(|(known, _)| known.name.fmt_with_dot().to_string() == service);
        found.next().unwrap().1
    }

    /// The server that resolvers of `group` get for `service`.
    fn server(&self, service: &str, group: u16) -> String {
        let explained = self
            .director
            .explain(self.pool(service), group, 0, self.now);
        match explained.unwrap().a {
            Outcome::Server(server) => server,
            other => format!("{other:?}"),
        }
    }

    /// Why each candidate won or lost, first choice first.
    fn why(&self, service: &str, group: u16) -> Vec<String> {
        let explained = self
            .director
            .explain(self.pool(service), group, 0, self.now);
        let candidates = explained.unwrap().candidates;
        candidates
            .into_iter()
            .map(|candidate| candidate.why)
            .collect()
    }
}

fn pass(ms: u64) -> Verdict {
    Verdict::timed(Metric::ConnectTime, Duration::from_millis(ms))
}

fn fail() -> Verdict {
    let reason = Reason::Refused;
    Verdict::Fail { reason }
}

const WWW: &str = "www.example.";
const SHOP: &str = "shop.example.";

use WantedState::{Auto, Down, Drain, Up};

fn eligible(pool: u16, v4: u8) -> Change {
    let word = Eligible::new(v4, 0, false);
    Change::Eligible { pool, word }
}

#[test]
fn a_state_is_one_word_for_a_pool_and_ends_as_one() {
    let mut rig = Rig::new(plan());
    for state in [Down, Drain] {
        assert_eq!(rig.state("s1", None, state), [eligible(0, 0b10)]);
        assert_eq!(rig.server(WWW, 0), "s2");
        assert_eq!(rig.state("s1", None, state), []);
        assert_eq!(rig.state("s1", None, Auto), [eligible(0, 0b11)]);
    }
    assert_eq!(rig.server("www.other.", 0), "s1", "another machine");
}

#[test]
fn up_holds_against_probes_and_auto_lets_them_decide_at_once() {
    let mut rig = Rig::new(plan());
    assert_eq!(rig.state("s1", None, Up), []);
    assert_eq!(rig.see("192.0.2.1", fail()), []);
    assert_eq!(rig.server(WWW, 0), "s1");
    let chosen = "A: chosen: first in the ranking (kept up by an operator)";
    assert_eq!(rig.why(WWW, 0)[0], chosen);
    assert_eq!(rig.state("s1", None, Auto), [eligible(0, 0b10)]);
}

#[test]
fn a_drained_server_serves_while_no_other_is_fit() {
    let mut rig = Rig::new(plan());
    rig.state("s1", None, Drain);
    assert_eq!(rig.see("192.0.2.2", fail()), [eligible(0, 0b01)]);
    assert_eq!(
        rig.why(WWW, 0),
        [
            "A: drained by an operator, but no other server is fit",
            "A: 192.0.2.2 is down (connection refused), so another is used"
        ]
    );
    assert_eq!(rig.see("192.0.2.2", pass(10)), [eligible(0, 0b10)]);
    assert_eq!(
        rig.why(WWW, 0)[0],
        "A: drained by an operator, so another is used"
    );
}

#[test]
fn services_that_are_told_apart_share_no_decision_and_lose_none() {
    let mut rig = Rig::new(plan());
    rig.see("192.0.2.2", fail());
    assert_eq!(rig.pool(WWW), rig.pool(SHOP));
    rig.pin(WWW, "g1", "s2");
    assert_ne!(rig.pool(WWW), rig.pool(SHOP));
    // Health goes first.
    assert_eq!(rig.server(WWW, 1), "s1");
    rig.see("192.0.2.2", pass(10));
    let got = [(WWW, 0), (WWW, 1), (WWW, 2), (SHOP, 1)].map(|(of, group)| rig.server(of, group));
    assert_eq!(got, ["s1", "s2", "s1", "s1"]);
    assert_eq!(rig.why(WWW, 1)[0], "A: chosen: this group is pinned to it");

    let pool = rig.pool(WWW);
    let word = Ranking::new(&[0, 1]);
    let unpin = Command::Unpin {
        service: WWW.to_owned(),
        group: "g1".to_owned(),
    };
    let ranking = Change::Ranking {
        pool,
        group: 1,
        word,
    };
    assert_eq!(rig.order(unpin), [ranking], "one word, in the same plan");
}

#[test]
fn a_pin_and_up_together_hold_whatever_happens() {
    let mut rig = Rig::new(plan());
    rig.pin(WWW, "g2", "s2");
    rig.state("s2", Some("www.example"), Up);
    rig.see("192.0.2.2", fail());
    assert_eq!(rig.server(WWW, 2), "s2");
    assert_eq!(rig.server(SHOP, 2), "s1");
}

#[test]
fn a_pin_stays_first_while_the_order_of_the_others_changes() {
    let mut service = service(
        WWW,
        "acme",
        &[
            ("s1", "192.0.2.1"),
            ("s2", "192.0.2.2"),
            ("s3", "192.0.2.3"),
        ],
    );
    service.pool.policy = Policy::least(Metric::ConnectTime, Quantity(0));
    let names = ["default", "g1"].map(str::to_owned).into();
    let groups = Groups {
        names,
        ..Groups::default()
    };
    let mut rig = Rig::new(Plan::new(vec![service], groups));
    let ranking = |group, order: &[u8]| Change::Ranking {
        pool: 0,
        group,
        word: Ranking::new(order),
    };
    let pinned = |order: &[u8]| Change::Ranking {
        pool: 0,
        group: 1,
        word: Ranking::new(order).undivided(),
    };
    assert_eq!(rig.pin(WWW, "g1", "s3"), [pinned(&[2, 0, 1])]);
    let changes = rig.see("192.0.2.1", pass(500));
    assert_eq!(changes, [ranking(0, &[1, 2, 0]), pinned(&[2, 1, 0])]);
}

#[test]
fn while_frozen_measurements_change_nothing_and_orders_do() {
    let mut rig = Rig::new(plan());
    assert_eq!(rig.freeze(None), []);
    assert_eq!(rig.see("192.0.2.1", fail()), []);
    assert_eq!(rig.server(WWW, 0), "s1");
    let states = rig.director.states(rig.now);
    let down = states.targets.iter().filter(|t| t.address.failing);
    assert_eq!(down.count(), 1, "it is measured all the same");
    assert_eq!(rig.state("s1", None, Drain), [eligible(0, 0b10)]);
    assert_eq!(rig.state("s1", None, Auto), [eligible(0, 0b11)]);
    assert_eq!(rig.pin(WWW, "g1", "s2"), []);
    assert_eq!(rig.server(WWW, 1), "s2");
    let words = [rig.pool(WWW), rig.pool(SHOP)].map(|pool| eligible(pool, 0b10));
    assert_eq!(rig.thaw(), words);
}

#[test]
fn a_freeze_of_one_customer_leaves_others_alone() {
    let mut rig = Rig::new(plan());
    rig.freeze(Some("acme"));
    assert_eq!(rig.see("192.0.2.1", fail()), []);
    assert_eq!(rig.see("198.51.100.1", fail()), [eligible(1, 0b10)]);
}

#[test]
fn what_is_frozen_stays_so_over_reloads_each_in_its_own_decision() {
    let mut rig = Rig::new(plan());
    // Told apart, then frozen in different decisions.
    rig.pin(SHOP, "g1", "s2");
    let unpin = Command::Unpin {
        service: SHOP.to_owned(),
        group: "g1".to_owned(),
    };
    rig.state("s1", Some(SHOP), Up);
    rig.freeze(None);
    rig.see("192.0.2.1", fail());
    rig.see("192.0.2.2", fail());
    for _ in 0..2 {
        let overrides = rig.director.overrides().clone();
        rig.replan(plan(), overrides);
        let got = [WWW, SHOP].map(|of| rig.server(of, 0));
        assert_eq!(got, ["s1", "s1"]);
    }
    rig.order(unpin);
    rig.state("s1", Some(SHOP), Auto);
    let overrides = rig.director.overrides().clone();
    rig.replan(plan(), overrides);
    assert_ne!(rig.pool(WWW), rig.pool(SHOP), "they were not frozen as one");
    assert_eq!(rig.server(WWW, 0), "s1");
    rig.thaw();
    assert_eq!(rig.server(WWW, 0), "All");
    let overrides = rig.director.overrides().clone();
    rig.replan(plan(), overrides);
    assert_eq!(rig.pool(WWW), rig.pool(SHOP), "nothing keeps them apart");
}

#[test]
fn a_freeze_holds_the_orders_that_groups_have_by_measurements_of_their_own() {
    let mut service = service(WWW, "acme", &[("s1", "192.0.2.1"), ("s2", "192.0.2.2")]);
    let own = Probe {
        groups: vec!["g1".to_owned()],
        ..Probe::new(ProbeKind::Tcp { port: 81 })
    };
    service.pool.policy = Policy::least(Metric::ConnectTime, Quantity(5_000));
    service.pool.probes.push(PoolProbe {
        is_required: false,
        ..own.clone().into()
    });
    let mut rig = Rig::new(Plan::new(vec![service], plan().groups));
    let id = |rig: &Rig, address: &str| {
        let targets = rig.director.targets();
        targets
            .id(address.parse().unwrap(), &own.clone().into())
            .unwrap()
    };
    rig.freeze(None);
    let (one, two) = (id(&rig, "192.0.2.1"), id(&rig, "192.0.2.2"));
    assert_eq!(rig.take(one, pass(200)), []);
    let (plan, overrides) = (
        Plan::clone(rig.director.plan()),
        rig.director.overrides().clone(),
    );
    rig.replan(plan, overrides);
    assert_eq!([0, 1, 2].map(|group| rig.server(WWW, group)), ["s1"; 3]);
    assert_eq!(rig.take(one, pass(200)), []);
    let moves = |word: &[u8]| Change::Ranking {
        pool: 0,
        group: 1,
        word: Ranking::new(word),
    };
    assert_eq!(rig.thaw(), [moves(&[1, 0])]);
    // As it is decided then, it is frozen through a reload.
    rig.freeze(None);
    for _ in 0..50 {
        rig.take(one, pass(10));
        rig.take(two, pass(200));
    }
    let (plan, overrides) = (
        Plan::clone(rig.director.plan()),
        rig.director.overrides().clone(),
    );
    rig.replan(plan, overrides);
    assert_eq!(
        [0, 1, 2].map(|group| rig.server(WWW, group)),
        ["s1", "s2", "s1"]
    );
    assert_eq!(rig.thaw(), [moves(&[0, 1])]);
}

#[test]
fn what_is_new_in_a_frozen_plan_is_frozen_as_first_measured() {
    let mut rig = Rig::new(Plan::new(vec![], plan().groups));
    rig.freeze(None);
    let overrides = rig.director.overrides().clone();
    let mut next = Director::new(plan(), 100, rig.now);
    next.carry_over(&rig.director, rig.now);
    let samples: Vec<Sample> = next
        .targets()
        .iter()
        .map(|target| Sample {
            target: target.id,
            at: rig.now,
            taken_from: Vantage::Host,
            verdict: if target.address.to_string() == "192.0.2.1" {
                fail()
            } else {
                pass(10)
            },
        })
        .collect();
    next.observe_first_round(&samples);
    next.override_with(overrides, rig.now);
    rig.director = next;
    assert_eq!(rig.server(WWW, 0), "s2");
    assert_eq!(rig.see("192.0.2.1", pass(10)), []);
    assert_eq!(rig.server(WWW, 0), "s2");
}

#[test]
fn taking_out_the_last_usable_server_strands_its_services() {
    let mut rig = Rig::new(plan());
    let stranded = |rig: &Rig, state: WantedState, server: &str| {
        let order = Order {
            command: Command::State {
                server: server.to_owned(),
                service: None,
                customer: Some("acme".to_owned()),
                state,
            },
            for_ms: None,
            reason: None,
            force: false,
        };
        let (director, plan) = (&rig.director, rig.director.plan());
        let applied = director
            .overrides()
            .ordered(&order, "ann", plan, 0)
            .unwrap();
        let then = director
            .overrides()
            .followed(applied.made.as_ref(), &applied.ended);
        let stranded = director.stranded(&then, &applied.concerned);
        stranded
            .iter()
            .map(|s| (s.service.name.clone(), s.families.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(stranded(&rig, Down, "s1"), []);
    rig.state("s2", None, Drain);
    let both = plan().services[..2]
        .iter()
        .map(|(service, _)| (service.name.clone(), vec![Family::V4]))
        .collect::<Vec<_>>();
    assert_eq!(stranded(&rig, Down, "s1"), both);
    assert_eq!(stranded(&rig, Drain, "s1"), both);
    rig.state("s2", None, Auto);
    rig.see("192.0.2.2", fail());
    assert_eq!(stranded(&rig, Drain, "s1"), both);
    assert_eq!(stranded(&rig, Down, "s2"), [], "it is dead already");
    rig.state("s2", None, Up);
    assert_eq!(stranded(&rig, Down, "s1"), []);
    rig.state("s1", None, Down);
    assert_eq!(
        stranded(&rig, Auto, "s2"),
        both,
        "it is kept up against probes"
    );
}

/// [`plan`], with `rules` for the services of acme.
fn ruled(rules: &HealthRules) -> Plan {
    let Plan {
        services, groups, ..
    } = plan();
    let services = services.into_iter().map(|(mut service, _)| {
        if service.customer == "acme" {
            service.pool.health = rules.clone();
        }
        service
    });
    Plan::new(services.collect(), groups)
}

#[test]
fn with_manual_failback_who_went_down_waits_for_an_operator() {
    let manual = HealthRules {
        failback: Failback::Manual,
        ..HealthRules::default()
    };
    for end in [Auto, Up] {
        let mut rig = Rig::new(ruled(&manual));
        rig.see_and_withhold("192.0.2.1", fail());
        rig.see_and_withhold("192.0.2.1", pass(10));
        assert_eq!(rig.server(WWW, 0), "s2");
        let why = "A: held back after it went down, so another is used";
        assert_eq!(rig.why(WWW, 0)[0], why);
        let held = rig.director.overrides().iter().next().unwrap().clone();
        let said = "hold back s1, as it went down and failback is manual";
        assert_eq!(held.what.to_string(), said);
        assert_eq!((held.user.as_str(), held.until_unix_ms), ("veerd", None));
        assert_eq!(held.reason.as_deref(), Some("connection refused"));
        let json = serde_json::to_string(&held).unwrap();
        assert_eq!(serde_json::from_str::<Override>(&json).unwrap(), held);
        // Better than nobody.
        rig.see_and_withhold("192.0.2.2", fail());
        assert_eq!(rig.server(WWW, 0), "s1");
        rig.see_and_withhold("192.0.2.2", pass(10));
        rig.state("s2", None, Auto);
        assert_eq!(rig.server(WWW, 0), "s2");
        rig.state("s1", None, end);
        assert_eq!(rig.server(WWW, 0), "s1");
        assert_eq!(rig.pool(WWW), rig.pool(SHOP), "a pool has one set of rules");
    }
    let mut rig = Rig::new(ruled(&manual));
    rig.see_and_withhold("198.51.100.1", fail());
    rig.see_and_withhold("198.51.100.1", pass(10));
    assert!(
        rig.director.overrides().is_empty(),
        "other has no such rule"
    );
    rig.freeze(None);
    rig.see_and_withhold("192.0.2.1", fail());
    assert_eq!(rig.director.overrides().iter().count(), 1, "it is frozen");
}

#[test]
fn who_flaps_is_held_back_until_it_was_steady() {
    let window = Duration::from_mins(1);
    let flap = Some(Flap { max: 3, window });
    let mut rig = Rig::new(ruled(&HealthRules {
        flap,
        ..HealthRules::default()
    }));
    for verdict in [fail(), pass(10), fail()] {
        rig.see_and_withhold("192.0.2.1", verdict);
    }
    assert!(rig.director.overrides().is_empty());
    rig.see_and_withhold("192.0.2.1", pass(10));
    assert_eq!(rig.server(WWW, 0), "s2");
    let held = rig.director.overrides().iter().next().unwrap().clone();
    assert_eq!(held.what.to_string(), "hold back s1, as it flaps");
    assert_eq!(held.until_unix_ms, Some(61_000));
    let mut overrides = rig.director.overrides().clone();
    overrides.expire(61_000);
    rig.director.override_with(overrides, rig.now);
    assert_eq!(rig.server(WWW, 0), "s1");
}

#[test]
fn below_the_least_share_of_usable_servers_all_down_decides() {
    let mut rig = Rig::new(ruled(&HealthRules {
        min_up_percent: 60,
        ..HealthRules::default()
    }));
    let words = rig.see("192.0.2.1", fail());
    let word = Eligible::new(0, 0, true);
    assert_eq!(words, [Change::Eligible { pool: 0, word }]);
    let why = "A: fit, but fewer than 60 % are usable, so none counts: all are used";
    assert_eq!(rig.why(WWW, 0)[1], why);
}

#[test]
fn a_probe_that_takes_nothing_down_holds_nothing_back() {
    let mut plan = ruled(&HealthRules {
        failback: Failback::Manual,
        ..HealthRules::default()
    });
    let probe = Probe {
        down_after: 1,
        ..Probe::new(ProbeKind::Tcp { port: 81 })
    };
    for pool in plan
        .pools
        .iter_mut()
        .chain(plan.services.iter_mut().map(|(s, _)| &mut s.pool))
    {
        pool.probes.push(PoolProbe {
            is_required: false,
            ..probe.clone().into()
        });
    }
    let mut rig = Rig::new(plan);
    let is_81 = |target: &&Target| target.probe.kind == ProbeKind::Tcp { port: 81 };
    let id = rig.director.targets().iter().find(is_81).unwrap().id;
    rig.take(id, fail());
    assert_eq!(rig.director.take_withheld(), []);
    rig.see("192.0.2.1", fail());
    assert_eq!(rig.director.take_withheld().len(), 1);
}

#[test]
fn a_hand_over_is_taken_out_kept_up_and_pinned_as_servers_are() {
    let mut of = service("www.example.", "acme", &[("s1", "192.0.2.1")]);
    of.pool.hand_overs = vec![HandOver {
        name: "cdn".to_owned(),
        to: Way::Cname("www.cdn.example.".parse().unwrap()),
        probe_addresses: vec!["192.0.2.8".parse().unwrap()],
        cost: Quantity::default(),
    }];
    of.pool.policy = Policy::Failover {
        order: vec![0, 1],
        by_group: [].into(),
    };
    let groups = Groups {
        names: ["default", "g1"].map(str::to_owned).into(),
        ..Groups::default()
    };
    let mut rig = Rig::new(Plan::new(vec![of], groups));
    let mask = |rig: &Rig| {
        let eligible = rig.director.decisions().next().unwrap().eligible;
        eligible.mask(Family::V4)
    };
    rig.state("cdn", None, Down);
    assert_eq!(mask(&rig), 0b01);
    rig.state("cdn", None, Auto);
    rig.see("192.0.2.8", fail());
    assert_eq!(mask(&rig), 0b01);
    rig.state("cdn", None, Up);
    assert_eq!(mask(&rig), 0b11);
    rig.order(Command::Pin {
        service: "www.example.".to_owned(),
        group: "g1".to_owned(),
        server: "cdn".to_owned(),
    });
    let first = |rig: &Rig, group: usize| {
        let rankings = rig.director.decisions().next().unwrap().rankings;
        rankings[group].iter().next()
    };
    assert_eq!((first(&rig, 0), first(&rig, 1)), (Some(0), Some(1)));
    let explained = rig.director.explain(0, 1, 0, rig.now).unwrap();
    assert_eq!(explained.a, Outcome::HandOver("cdn".to_owned()));
    let why = &explained.candidates[0].why;
    assert!(why.contains("kept up by an operator"), "{why}");
}

mod shares;
