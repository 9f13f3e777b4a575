use AdminState::{Down, Drain, Up};

use super::{testing::*, *};

/// An override that holds until `until_unix_ms`.
fn entry(what: What, until_unix_ms: Option<u64>) -> Override {
    Override {
        what,
        reason: Some("a \"reason\"".to_owned()),
        user: "ann".to_owned(),
        since_unix_ms: 1000,
        until_unix_ms,
    }
}

fn state(scope: Scope, server: &str, address: &str, state: AdminState) -> What {
    What::State {
        server: server.to_owned(),
        scope,
        addresses: vec![address.parse().unwrap()],
        state,
    }
}

fn overrides(said: Vec<What>) -> Overrides {
    Overrides::new(said.into_iter().map(|what| entry(what, None)).collect())
}

#[test]
fn what_is_said_later_wins() {
    let plan = plan();
    let service = &plan.services[0].0;
    let said = |states: &[AdminState]| {
        let states = states
            .iter()
            .map(|word| state(Scope::All, "S1", "192.0.2.1", *word));
        overrides(states.collect()).of(service, &plan.groups)
    };
    for (states, last) in [
        (&[Up, Drain, Down][..], Down),
        (&[Down, Up], Up),
        (&[Up, Down, Drain], Drain),
    ] {
        let said = said(states);
        assert_eq!(said.state(0), Some(last));
        let bits = said.up | said.held.drained | said.held.out;
        assert_eq!(bits, 1, "one word alone holds");
        assert_eq!(said.state(1), None);
    }
}

#[test]
fn a_server_is_meant_where_it_is_the_same_machine() {
    let plan = plan();
    let meant = |what: &What| {
        let services = plan.services.iter();
        let meant = services.map(|(service, _)| what.concerns(service, &plan.groups));
        meant.collect::<Vec<bool>>()
    };
    let at = |scope, address| state(scope, "s1", address, Down);
    assert_eq!(meant(&at(Scope::All, "192.0.2.1")), [true, true, false]);
    assert_eq!(meant(&at(Scope::All, "198.51.100.1")), [false, false, true]);
    let acme = Scope::Customer("acme".to_owned());
    assert_eq!(meant(&at(acme, "192.0.2.1")), [true, true, false]);
    // In one service a server's name is enough: its addresses may change.
    let shop = Scope::Service(name("SHOP.example."));
    assert_eq!(meant(&at(shop, "203.0.113.9")), [false, true, false]);
}

#[test]
fn what_is_gone_from_the_configuration_is_idle() {
    let plan = plan();
    let gone = [
        state(Scope::All, "s9", "192.0.2.1", Down),
        What::Pin {
            service: name("www.example."),
            group: "g9".to_owned(),
            server: "s2".to_owned(),
        },
        What::Pin {
            service: name("www.example."),
            group: "g1".to_owned(),
            server: "s9".to_owned(),
        },
    ];
    let overrides = overrides(gone.into());
    for (service, _) in &plan.services {
        assert_eq!(overrides.of(service, &plan.groups), Said::default());
        assert!(overrides.numbers_of(service, &plan.groups).is_empty());
    }
}

#[test]
fn they_end_at_their_time_and_not_before() {
    let frozen = |until| entry(What::Freeze { scope: Scope::All }, until);
    let down = state(Scope::All, "s1", "192.0.2.1", Down);
    let mut overrides = Overrides::new(vec![frozen(Some(5000)), entry(down, None)]);
    assert!(!overrides.has_expired(4999));
    assert_eq!(overrides.expire(4999), []);
    assert!(overrides.has_expired(5000));
    assert_eq!(overrides.expire(5000), [frozen(Some(5000))]);
    assert_eq!(overrides.expire(u64::MAX), []);
    assert_eq!(overrides.iter().count(), 1);
}

#[test]
fn they_survive_json_as_a_person_can_read_it() {
    let said = [
        state(
            Scope::Customer("acme".to_owned()),
            "s1",
            "2001:db8::1",
            Drain,
        ),
        state(Scope::Service(name("www.example.")), "s1", "192.0.2.1", Up),
        What::Freeze { scope: Scope::All },
        What::Pin {
            service: name("www.example."),
            group: "g1".to_owned(),
            server: "s2".to_owned(),
        },
    ];
    let entries: Vec<Override> = said.map(|what| entry(what, Some(7000))).into();
    let json = serde_json::to_string(&entries).unwrap();
    assert!(
        json.contains(r#""kind":"state","server":"s1","scope":{"customer":"acme"}"#),
        "{json}"
    );
    assert!(
        json.contains(r#""scope":{"service":"www.example."}"#),
        "{json}"
    );
    let read: Vec<Override> = serde_json::from_str(&json).unwrap();
    assert_eq!(read, entries);
    let none = r#"{"kind":"pin","service":"a..b","group":"g","server":"s","user":"ann",
                   "since_unix_ms":1,"reason":null,"until_unix_ms":null}"#;
    assert!(serde_json::from_str::<Override>(none).is_err());
}
