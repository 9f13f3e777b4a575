use super::{super::testing::plan, *};

const NOW: u64 = 1_700_000_000_000;

fn order(command: Command) -> Order {
    Order {
        command,
        for_ms: None,
        reason: None,
        force: false,
    }
}

fn state(server: &str, service: Option<&str>, customer: Option<&str>, state: WantedState) -> Order {
    order(Command::State {
        server: server.to_owned(),
        service: service.map(str::to_owned),
        customer: customer.map(str::to_owned),
        state,
    })
}

fn freeze(customer: Option<&str>) -> Order {
    let customer = customer.map(str::to_owned);
    order(Command::Freeze { customer })
}

fn thaw(customer: Option<&str>) -> Order {
    let customer = customer.map(str::to_owned);
    order(Command::Thaw { customer })
}

fn pin(service: &str, group: &str, server: &str) -> Order {
    order(Command::Pin {
        service: service.to_owned(),
        group: group.to_owned(),
        server: server.to_owned(),
    })
}

fn unpin(service: &str, group: &str) -> Order {
    order(Command::Unpin {
        service: service.to_owned(),
        group: group.to_owned(),
    })
}

/// What holds after `order`, which is followed.
fn then(overrides: &Overrides, order: &Order, plan: &Plan) -> Overrides {
    let applied = overrides.ordered(order, "ann", plan, NOW).unwrap();
    overrides.followed(applied.made.as_ref(), &applied.ended)
}

/// What holds after `orders`, all of which are followed.
fn after(orders: &[Order]) -> Overrides {
    let plan = plan();
    let none = Overrides::default();
    orders
        .iter()
        .fold(none, |held, order| then(&held, order, &plan))
}

/// What the last of `orders`, after which all others have been followed, is refused for.
#[track_caller]
fn refused(orders: &[Order]) -> String {
    let (last, before) = orders.split_last().unwrap();
    let error = after(before)
        .ordered(last, "ann", &plan(), NOW)
        .unwrap_err();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// What holds, in words.
fn words(overrides: &Overrides) -> Vec<String> {
    overrides
        .iter()
        .map(|known| known.what.to_string())
        .collect()
}

use WantedState::{Auto, Down, Drain, Up};

#[test]
fn an_order_says_who_when_why_and_for_how_long() {
    let drain = Order {
        for_ms: Some(3_600_000),
        reason: Some("kernel".to_owned()),
        ..state("S2", None, None, Drain)
    };
    let applied = Overrides::default()
        .ordered(&drain, "ann", &plan(), NOW)
        .unwrap();
    let made = applied.made.unwrap();
    assert_eq!(made.what.to_string(), "drain s2 of all services");
    assert_eq!((made.user.as_str(), made.since_unix_ms), ("ann", NOW));
    assert_eq!(made.reason.as_deref(), Some("kernel"));
    assert_eq!(made.until_unix_ms, Some(NOW + 3_600_000));
    assert_eq!(applied.concerned, [0, 1]);
    assert!(
        !applied.needs_split,
        "both services of the pool are concerned"
    );
}

#[test]
fn one_name_for_different_machines_is_ambiguous() {
    let error = refused(&[state("s1", None, None, Down)]);
    assert!(
        error.starts_with(
            "s1 is not one server: that of www.example. (192.0.2.1) and that of www.other. \
             (198.51.100.1) differ"
        ),
        "{error}"
    );
    let narrowed = after(&[
        state("s1", None, Some("acme"), Down),
        state("s1", Some("www.other"), None, Drain),
    ]);
    assert_eq!(
        words(&narrowed),
        ["down s1 of customer acme", "drain s1 of www.other."]
    );
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    for (order, expected) in [
        (
            state("s3", None, None, Down),
            "`s3` is not a server of all services; nearest: s1, s2",
        ),
        (
            state("s3", None, None, Auto),
            "`s3` is not a server of all services; nearest: s1, s2",
        ),
        (
            state("b", Some("www.example"), None, Up),
            "`b` is not a server of www.example.; nearest: s1, s2",
        ),
        (
            state("s1", Some("ww.example."), None, Up),
            "ww.example. is not a service; nearest: www.example.",
        ),
        (
            state("s1", Some("a..b"), None, Up),
            "`a..b` is not a domain name",
        ),
        (
            state("s1", None, Some("acne"), Up),
            "`acne` is not a customer with services; nearest: acme",
        ),
        (
            state("s1", Some("www.example"), Some("other"), Up),
            "www.example. is a service of customer acme, not of other",
        ),
        (freeze(Some("acne")), "`acne` is not a customer"),
        (thaw(Some("acne")), "`acne` is not a customer"),
        (
            pin("www.exampl", "g1", "s1"),
            "www.exampl. is not a service; nearest: www.example.",
        ),
        (
            pin("www.example", "g3", "s1"),
            "`g3` is not a resolver group; nearest: g1, g2",
        ),
        (
            pin("www.example", "g1", "b"),
            "`b` is not a server of www.example.",
        ),
        (unpin("www.exampl", "g1"), "www.exampl. is not a service"),
        (unpin("www.example", "g3"), "`g3` is not a resolver group"),
    ] {
        let error = refused(&[order]);
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn times_and_reasons_have_bounds() {
    let with = |for_ms, reason: Option<String>| Order {
        for_ms,
        reason,
        ..freeze(None)
    };
    for for_ms in [0, 999, u64::MAX] {
        assert!(refused(&[with(Some(for_ms), None)]).starts_with("an override holds for 1 s to"));
    }
    for reason in [String::new(), "a\nb".to_owned(), "x".repeat(257)] {
        assert!(refused(&[with(None, Some(reason))]).starts_with("a reason has 1 to 256"));
    }
    let ends = Order {
        for_ms: Some(5000),
        ..thaw(None)
    };
    assert!(refused(&[freeze(None), ends]).starts_with("a time is for what begins"));
    after(&[with(Some(1000), Some("é".repeat(256)))]);
}

#[test]
fn the_same_said_again_replaces_and_something_else_does_not() {
    let again = [
        state("s2", None, None, Drain),
        state("S2", None, None, Down),
        state("s2", None, Some("acme"), Up),
        pin("www.example", "g1", "s1"),
        pin("WWW.example", "g1", "s2"),
        freeze(None),
        freeze(None),
        freeze(Some("acme")),
    ];
    assert_eq!(
        words(&after(&again)),
        [
            "down s2 of all services",
            "up s2 of customer acme",
            "pin g1 to s2 of www.example.",
            "freeze all services",
            "freeze customer acme",
        ]
    );
}

#[test]
fn auto_ends_what_is_within_and_refuses_to_end_a_part() {
    let down = state("s2", None, Some("acme"), Down);
    let shop = state("s2", Some("shop.example"), None, Drain);
    let auto = |service, customer| state("s2", service, customer, Auto);
    let error = refused(&[down.clone(), auto(Some("shop.example"), None)]);
    assert!(
        error.starts_with(
            "there is `down s2 of customer acme`, which is about more than shop.example."
        ),
        "{error}"
    );
    assert!(after(&[down.clone(), shop.clone(), auto(None, None)]).is_empty());
    assert!(after(&[shop.clone(), auto(None, Some("acme"))]).is_empty());
    let other = after(&[shop, auto(Some("www.example"), None)]);
    assert_eq!(words(&other), ["drain s2 of shop.example."]);
    // Where there is nothing to end, nothing is done.
    let plan = plan();
    let applied = Overrides::default().ordered(&auto(None, None), "ann", &plan, NOW);
    let applied = applied.unwrap();
    assert_eq!((applied.made, applied.ended), (None, vec![]));
}

#[test]
fn what_is_gone_from_the_configuration_can_be_ended() {
    let held = after(&[
        state("s2", Some("shop.example"), None, Down),
        freeze(Some("acme")),
        pin("shop.example", "g1", "s2"),
    ]);
    let empty = Plan::default();
    let ended = [
        state("s2", Some("shop.example"), None, Auto),
        thaw(Some("acme")),
        unpin("shop.example", "g1"),
    ]
    .iter()
    .fold(held, |held, order| then(&held, order, &empty));
    assert!(ended.is_empty());
}

#[test]
fn a_customer_is_not_thawed_out_of_a_freeze_of_all() {
    let error = refused(&[freeze(None), thaw(Some("acme"))]);
    assert!(error.starts_with("all services are frozen"), "{error}");
    let both = [freeze(None), freeze(Some("acme")), thaw(Some("acme"))];
    assert_eq!(words(&after(&both)), ["freeze all services"]);
    assert!(after(&[freeze(Some("acme")), freeze(None), thaw(None)]).is_empty());
}

#[test]
fn services_are_to_be_told_apart_where_only_some_of_a_pool_are_concerned() {
    let plan = plan();
    let splits = |orders: &[Order]| after(orders).differ_in_a_pool(&plan);
    assert!(splits(&[pin("www.example", "g1", "s2")]));
    assert!(splits(&[state("s2", Some("shop.example"), None, Down)]));
    assert!(!splits(&[freeze(None)]) && !splits(&[freeze(Some("acme"))]));
    // The same said of each is not the same: one may end before the other.
    let each =
        ["www.example", "shop.example"].map(|service| state("s2", Some(service), None, Down));
    assert!(splits(&each));
}

#[test]
fn there_is_an_end_to_how_many_are_held() {
    let entry = after(&[freeze(None)]).iter().next().unwrap().clone();
    let many: Vec<Override> = (0..OVERRIDES_MAX).map(|_| entry.clone()).collect();
    let error = Overrides::new(many)
        .ordered(&pin("www.example", "g1", "s2"), "ann", &plan(), NOW)
        .unwrap_err();
    assert!(
        error.starts_with("1000 overrides are held already"),
        "{error}"
    );
}

#[test]
fn orders_survive_json() {
    let json = r#"{"order":"state","server":"s1","service":null,"customer":"acme","state":"drain",
                   "for_ms":1000,"reason":null,"force":true}"#;
    let read: Order = serde_json::from_str(json).unwrap();
    assert_eq!(read.for_ms, Some(1000));
    assert!(read.force);
    let again = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&again).unwrap(), read);
    for wrong in [
        r#"{"order":"halt"}"#,
        r#"{"order":"state","server":"s1","state":"dwon"}"#,
    ] {
        assert!(serde_json::from_str::<Order>(wrong).is_err(), "{wrong}");
    }
}
