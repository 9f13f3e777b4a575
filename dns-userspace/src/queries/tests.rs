use std::{net::IpAddr, time::Duration};

use dns_common::{
    outcome::Outcome,
    tables::Row,
    told::{self, ALL, NOBODY, of_service},
};
use domain::base::{MessageBuilder, Name, Rtype, Ttl, iana::Rcode};
use domain::rdata::A;
use proptest::prelude::*;
use tokio::time::timeout;

use super::{filter::Filter, query::Names, reader::raw, *};
use crate::{control::explained::Plane, tables::Capacity};

const RESOLVER: [u8; 4] = [192, 0, 2, 7];
const OURS: [u8; 4] = [192, 0, 2, 53];

/// A reply to `www.Example. A` with so many addresses.
fn message(addresses: u8) -> Vec<u8> {
    let name: Name<Vec<u8>> = "www.Example.".parse().expect("a name");
    let mut message = MessageBuilder::new_vec().question();
    message.header_mut().set_qr(addresses > 0);
    message.push((&name, Rtype::A)).expect("room");
    let mut message = message.answer();
    for number in 1..=addresses {
        let address = A::from_octets(198, 51, 100, number);
        message
            .push((&name, Ttl::from_secs(20), address))
            .expect("room");
    }
    message.finish()
}

/// Ethernet with so many tags, IPv4 and UDP around `payload`.
fn frame(tags: usize, (from, to): ([u8; 4], [u8; 4]), payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    for _ in 0..tags {
        frame.extend([0x81, 0, 0, 1]);
    }
    frame.extend([8, 0, 0x45, 0]);
    let datagram = 8 + payload.len() as u16;
    frame.extend((20 + datagram).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    frame.extend([0, 53, 0xff, 0xff]);
    frame.extend(datagram.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// As [`frame`], over IPv6 without tags, from `::7` to `::53`.
fn frame_v6(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    let datagram = (8 + payload.len() as u16).to_be_bytes();
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend(datagram);
    frame.extend([17, 64]);
    for last in [7, 0x53] {
        frame.extend([0; 15]);
        frame.push(last);
    }
    frame.extend([0xff, 0xff, 0, 53]);
    frame.extend(datagram);
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

fn told(outcome: Outcome, service: u32) -> told::Told {
    told::Told {
        time_ns: 5,
        service,
        group: 1,
        outcome: outcome as u32,
        octets: 0,
    }
}

fn names() -> Names {
    Names {
        services: vec!["cdn.example.".to_owned(), "www.example.".to_owned()],
        groups: vec!["default".to_owned(), "isp-a".to_owned()],
    }
}

fn query(outcome: Outcome, service: u32, frame: &[u8]) -> Option<Query> {
    Query::new(&raw(&told(outcome, service), frame)?, &names())
}

fn request(set: impl FnOnce(&mut TailRequest)) -> TailRequest {
    let mut request = TailRequest::default();
    set(&mut request);
    request
}

#[test]
fn a_reply_is_told_to_whom_it_went_with_what_is_in_it() {
    let reply = frame(0, (OURS, RESOLVER), &message(2));
    let told = query(Outcome::Answered, 1, &reply).expect("a query");
    let expected = Query {
        at_unix_ms: told.at_unix_ms,
        resolver: RESOLVER.into(),
        transport: Transport::Udp,
        name: "www.Example.".to_owned(),
        rtype: "A".to_owned(),
        plane: Plane::Kernel,
        outcome: "answered".to_owned(),
        rcode: Some(Rcode::NOERROR.to_string()),
        answer: vec!["A 198.51.100.1".to_owned(), "A 198.51.100.2".to_owned()],
        service: Some("www.example.".to_owned()),
        group: Some("isp-a".to_owned()),
    };
    assert_eq!(told, expected);
    for tags in [1, 2] {
        let reply = frame(tags, (OURS, RESOLVER), &message(2));
        let tagged = query(Outcome::Answered, 1, &reply).expect("a query");
        assert_eq!(
            (tagged.resolver, tagged.answer),
            (RESOLVER.into(), told.answer.clone())
        );
    }
}

#[test]
fn a_dropped_query_is_told_of_whom_it_came_from_without_a_reply() {
    let dropped = frame(0, (RESOLVER, OURS), &message(0));
    let told = query(Outcome::DropRate, Row::NO_SERVICE, &dropped).expect("a query");
    assert_eq!(told.resolver, IpAddr::from(RESOLVER));
    assert_eq!(told.outcome, "drop_rate");
    assert_eq!((told.rcode, told.answer), (None, vec![]));
    // A group is that of a decision.
    assert_eq!((told.service, told.group), (None, None));
    let told = query(Outcome::DropRate, 0, &frame_v6(&message(0))).expect("a query");
    assert_eq!(told.resolver.to_string(), "::7");
    assert_eq!(told.service.as_deref(), Some("cdn.example."));
}

#[test]
fn of_a_reply_that_is_cut_off_that_is_told_which_is_whole() {
    // Name, type, class, TTL, length, address.
    const RECORD: usize = 13 + 2 + 2 + 4 + 2 + 4;
    let reply = frame(0, (OURS, RESOLVER), &message(8));
    let whole = reply.len() - 8 * RECORD;
    for (octets, expected) in [(0, 0), (RECORD - 1, 0), (RECORD, 1), (5 * RECORD / 2, 2)] {
        let told = query(Outcome::Answered, 1, &reply[..whole + octets]).expect("a query");
        assert_eq!(told.answer.len(), expected, "{octets}: {told:?}");
    }
    assert_eq!(query(Outcome::Answered, 1, &reply[..whole - 1]), None);
    // A frame is filled up to 60 octets.
    let mut short = frame(0, (RESOLVER, OURS), &message(0)[..12]);
    short.extend(&message(0)[12..]);
    assert_eq!(query(Outcome::DropRate, 1, &short), None);
}

#[test]
fn a_filter_takes_what_fits_all_that_it_says() {
    let reply = frame(0, (OURS, RESOLVER), &message(1));
    let raw = raw(&told(Outcome::Answered, 1), &reply).expect("one of ours");
    let query = Query::new(&raw, &names()).expect("a query");
    let takes = |set: fn(&mut TailRequest)| {
        let filter = Filter::new(&request(set), &names()).expect("valid");
        filter.takes(&raw, &query)
    };
    assert!(takes(|_| {}));
    assert!(takes(|it| it.name = Some("WWW.example".to_owned())));
    assert!(!takes(|it| it.name = Some("cdn.example.".to_owned())));
    assert!(takes(|it| it.from = Some("192.0.2.0/24".to_owned())));
    assert!(takes(|it| it.from = Some("192.0.2.7".to_owned())));
    assert!(!takes(|it| it.from = Some("192.0.2.53".to_owned())));
    assert!(!takes(|it| it.from = Some("::/0".to_owned())));
    assert!(takes(|it| it.rtype = Some("a".to_owned())));
    assert!(!takes(|it| it.rtype = Some("AAAA".to_owned())));
    assert!(takes(|it| it.outcome = Some("answered".to_owned())));
    assert!(!takes(|it| it.outcome = Some("drop_rate".to_owned())));
    assert!(takes(|it| it.plane = Some(Plane::Kernel)));
    assert!(!takes(|it| it.plane = Some(Plane::Userspace)));
    assert!(!takes(|it| {
        it.name = Some("www.example.".to_owned());
        it.rtype = Some("MX".to_owned());
    }));
}

#[test]
fn everything_wrong_with_a_filter_is_said_at_once() {
    let request = TailRequest {
        name: Some("nobody.example".to_owned()),
        from: Some("192.0.2.0/33".to_owned()),
        rtype: Some("NONSENSE".to_owned()),
        outcome: Some("up_other_port".to_owned()),
        plane: None,
    };
    let Err(Failure::Refused(lines)) = Filter::new(&request, &names()) else {
        panic!("taken");
    };
    let [name, from, rtype, outcome] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(name, "`nobody.example` is no service's name");
    assert!(
        from.contains("`192.0.2.0/33`") && from.contains("valid: "),
        "{from}"
    );
    assert!(
        rtype.contains("`NONSENSE`") && rtype.contains("valid: "),
        "{rtype}"
    );
    let valid = outcome.split_once("valid: ").expect("what is valid").1;
    let valid: Vec<_> = valid.split(", ").collect();
    assert!(
        valid.contains(&"answered") && valid.contains(&"drop_rate"),
        "{valid:?}"
    );
    assert!(valid.contains(&"up_unknown_name") && !valid.contains(&"up_other_port"));
}

fn tables() -> Arc<Tables> {
    let capacity = Capacity {
        names: 1024,
        groups: 1,
        pools: 1,
        answer_cells: 1024,
        chunks: 1,
        services: 1,
        rate_buckets: 1,
    };
    Arc::new(Tables::in_memory(capacity).expect("memory"))
}

/// Queries that one in `one_in` is told of, with names.
fn queries(one_in: u32) -> (Queries, Arc<Tables>) {
    let tables = tables();
    let queries = Queries::start(Arc::clone(&tables), one_in, Vec::new()).expect("a thread");
    queries.watchers.name(names());
    (queries, tables)
}

#[test]
fn planes_are_asked_for_what_somebody_watches() {
    let (queries, tables) = queries(1);
    let of = |name: &str| {
        let request = request(|it| it.name = Some(name.to_owned()));
        queries.watch(&request).expect("valid")
    };
    assert_eq!(tables.watched(), NOBODY);
    let www = of("www.example");
    assert_eq!(tables.watched(), of_service(1));
    let again = of("www.example");
    assert_eq!(tables.watched(), of_service(1));
    let cdn = of("cdn.example");
    assert_eq!(tables.watched(), ALL);
    drop((www, again));
    assert_eq!(tables.watched(), of_service(0));
    let all = queries.watch(&TailRequest::default()).expect("valid");
    drop(cdn);
    assert_eq!(tables.watched(), ALL);
    drop(all);
    assert_eq!(tables.watched(), NOBODY);
}

/// What userspace tells of a query for the service `service`.
fn raw_of(service: u32) -> Raw {
    let reply = frame(0, (OURS, RESOLVER), &message(1));
    let raw = raw(&told(Outcome::Answered, service), &reply);
    Raw {
        plane: Plane::Userspace,
        ..raw.expect("one of ours")
    }
}

/// The next that is told; fails where nothing is.
async fn next(watching: &mut Watching) -> Told {
    let next = timeout(Duration::from_secs(30), watching.next());
    next.await.expect("it is told").expect("more is")
}

#[tokio::test]
async fn each_is_told_what_they_asked_for() {
    let (queries, _) = queries(1);
    let mut all = queries.watch(&TailRequest::default()).expect("valid");
    let request = request(|it| it.name = Some("www.example".to_owned()));
    let mut www = queries.watch(&request).expect("valid");
    let teller = queries.teller();
    for service in [Row::NO_SERVICE, 0, 1] {
        teller.tell(raw_of(service));
    }
    for service in [None, Some("cdn.example."), Some("www.example.")] {
        let Told::Query(query) = next(&mut all).await else {
            panic!("nothing is lost");
        };
        assert_eq!(query.service.as_deref(), service);
    }
    let Told::Query(query) = next(&mut www).await else {
        panic!("nothing is lost");
    };
    assert_eq!(query.service.as_deref(), Some("www.example."));
}

#[tokio::test]
async fn who_does_not_read_loses_queries_and_is_told_how_many_and_stalls_nobody() {
    const TOLD: u64 = 5000;
    let (queries, _) = queries(1);
    let mut slow = queries.watch(&TailRequest::default()).expect("valid");
    let mut quick = queries.watch(&TailRequest::default()).expect("valid");
    let teller = queries.teller();
    let (mut read, mut lost) = (0, 0);
    for _ in 0..TOLD {
        teller.tell(raw_of(0));
        match next(&mut quick).await {
            Told::Query(_) => read += 1,
            Told::Lost(count) => lost += count,
        }
    }
    assert_eq!((read, lost), (TOLD, 0));
    let (mut read, mut lost) = (0, 0);
    while read + lost < TOLD {
        match next(&mut slow).await {
            Told::Query(_) => read += 1,
            Told::Lost(count) => lost += count,
        }
    }
    assert_eq!(read + lost, TOLD);
    assert!(lost > 0 && read > 0, "{read} and {lost}");
}

#[test]
fn one_in_so_many_of_those_that_are_watched_is_due() {
    let (queries, _) = queries(10);
    let teller = queries.teller();
    let due = |watched| (0..1000).filter(|_| teller.is_due(watched, 1)).count();
    assert_eq!(due(NOBODY), 0);
    assert_eq!(due(of_service(0)), 0);
    for watched in [ALL, of_service(1)] {
        let due = due(watched);
        assert!((99..=101).contains(&due), "{due}");
    }
}

proptest! {
    #[test]
    fn whatever_the_kernel_hands_over_is_read_without_panic(
        outcome in any::<u32>(),
        service in any::<u32>(),
        octets in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let told = told::Told { outcome, ..told(Outcome::Answered, service) };
        let raw = raw(&told, &octets);
        prop_assert!(raw.is_none_or(|raw| raw.message.len() <= octets.len()));
        if let Some((told, octets)) = told::Told::parse(&octets) {
            let _ = reader::raw(&told, octets);
        }
    }

    #[test]
    fn a_message_of_any_octets_is_read_without_panic(
        outcome in 0..Outcome::ALL.len(),
        head in 0..12_usize,
        octets in proptest::collection::vec(any::<u8>(), 0..500),
        cut in 0..600_usize,
    ) {
        // Part of it is a message, so that more of it is read.
        let mut payload = message(3)[..if head < 6 { 12 + 17 } else { 4 * head - 24 }].to_vec();
        payload.extend(octets);
        let reply = frame(head % 3, (OURS, RESOLVER), &payload);
        let reply = &reply[..cut.min(reply.len())];
        if let Some(query) = query(Outcome::ALL[outcome], 1, reply) {
            prop_assert!(query.answer.len() <= 8);
            prop_assert!(!query.name.contains(char::is_control));
        }
    }
}
