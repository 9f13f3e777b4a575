//! Every request, over a real socket.

use std::{path::Path, time::Duration};

use veer::control::{
    client::{Client, ClientError},
    explained::{Origin, Plane},
    protocol::{ExplainRequest, Failure, Request},
};

use crate::fake::{Host, status};

#[test]
fn every_request_is_answered_on_one_connection() {
    let host = Host::with_daemon(|_| {});
    let mut client = host.client();
    let expected = status(Path::new("/sys/fs/bpf/veer"));
    assert_eq!(client.status().unwrap(), expected);
    assert_eq!(client.states().unwrap().targets, []);
    assert_eq!(client.stats().unwrap().kernel_share, None);
    assert_eq!(client.reload(false).unwrap().generation, 8);
    assert!(client.detach().unwrap().was_attached);
    assert!(client.tunables().unwrap().len() > 10);
    assert_eq!(client.tunable("server/port").unwrap().value, "53");
    let set = client.set_tunable("log.level = debug").unwrap();
    assert_eq!(
        (set.key.as_str(), set.value.as_str()),
        ("log.level", "debug")
    );
    assert_eq!(client.tunable("log.level").unwrap(), set);
}

#[test]
fn a_question_arrives_parsed() {
    let host = Host::with_daemon(|_| {});
    let explained = host
        .client()
        .explain(ExplainRequest {
            name: "www.Example".to_owned(),
            rtype: "aaaa".to_owned(),
            from: "2001:db8::1".parse().unwrap(),
        })
        .unwrap();
    assert_eq!(explained.name, "www.Example.");
    assert_eq!(explained.rtype, "AAAA");
    assert_eq!(explained.from.to_string(), "2001:db8::1");
    assert_eq!(
        (explained.origin, explained.plane),
        (Origin::NotOurs, Plane::Userspace)
    );
}

#[test]
fn a_question_that_is_none_is_refused() {
    let host = Host::with_daemon(|_| {});
    let mut client = host.client();
    let mut refusal = |name: &str, rtype: &str| {
        let question = ExplainRequest {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            from: "192.0.2.1".parse().unwrap(),
        };
        client.explain(question).unwrap_err().to_string()
    };
    assert!(refusal("a..b", "A").contains("`a..b` is not a domain name"));
    assert!(refusal("a.b", "HOST").contains("`HOST` is not a record type"));
}

#[test]
fn failures_arrive_as_they_were() {
    let mistakes = vec!["a.conf:1: one".to_owned(), "b.conf:2: two".to_owned()];
    let expected = mistakes.clone();
    let host = Host::with_daemon(|fake| fake.mistakes = mistakes);
    let mut client = host.client();
    let Err(ClientError::Failure(Failure::Refused(lines))) = client.reload(false) else {
        panic!("the reload was taken");
    };
    assert_eq!(lines, expected);
    let unknown = client.tunable("server.prot").unwrap_err();
    let ClientError::Failure(Failure::UnknownKey { key, nearest }) = unknown else {
        panic!("{unknown}");
    };
    assert_eq!(key, "server.prot");
    assert!(nearest.starts_with("server.port"), "{nearest}");
}

#[test]
fn a_daemon_that_hangs_is_given_up() {
    let host = Host::with_daemon(|fake| fake.detach_takes = Duration::from_mins(1));
    let mut client = Client::connect(&host.socket(), Duration::from_millis(50)).unwrap();
    let error = client.detach().unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }), "{error}");
}

#[test]
fn requests_look_as_documented() {
    let request = Request::Explain(ExplainRequest {
        name: "www.example.".to_owned(),
        rtype: "A".to_owned(),
        from: "192.0.2.1".parse().unwrap(),
    });
    let line = r#"{"request":"explain","name":"www.example.","type":"A","from":"192.0.2.1"}"#;
    assert_eq!(serde_json::to_string(&request).unwrap(), line);
    assert_eq!(serde_json::from_str::<Request>(line).unwrap(), request);
}
