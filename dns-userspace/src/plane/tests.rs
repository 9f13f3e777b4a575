use std::{fs, path::Path, sync::atomic::Ordering::Relaxed, time::Duration};

use dns_common::{
    cookie::{self, Secret},
    decision::Eligible,
    host::{Class, ClientSubnet},
    tables::Tables as _,
};
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use super::*;
use crate::{
    authority::{Steered, Steering as _, master_file, server::Handler as _},
    config,
    measurement::{
        compile::{Surroundings, compile},
        director::Director,
    },
    queries::{Queries, TailRequest, Told},
};

const SECOND: u64 = 1_000_000_000;

/// A clock that is set.
#[derive(Debug)]
struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now_ns(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

const SECRETS: [Secret; 2] = [Secret(1, 2), Secret(3, 4)];

/// Nanoseconds from the tests' clock to 1970.
const OFFSET: u64 = 1_600_000_000 * SECOND;

const ZONE: &str = "\
$TTL 300
@ SOA ns1 admin 1 7200 3600 1209600 60
@ NS ns1
ns1 A 192.0.2.53
static A 192.0.2.80
static AAAA 2001:db8::80
_alike A 192.0.2.81
";

const SERVICE: &str = r#"
[[service]]
name = "www.example.test"
customer = "acme"
policy = { kind = "latency" }
probe = { kind = "tcp", port = 80 }
[[service.server]]
name = "s1"
addresses = ["192.0.2.1"]
"#;

/// One limited response a second for each class but small positive answers.
fn limits() -> Constants {
    Constants {
        payload: 1232,
        client_subnet: ClientSubnet::Off as u64,
        cookies: 1,
        rates: 1,
        rate_intervals_ns: Class::ALL.map(|class| match class {
            Class::Positive => 0,
            _ => SECOND,
        }),
        rate_mask: 255,
        slip: 2,
        up_interval_ns: SECOND,
        ..Constants::OFF
    }
}

/// A plane with [`ZONE`] and [`SERVICE`], at second 1 000 of its clock.
struct World {
    plane: Plane,
    tables: Arc<Tables>,
    clock: Arc<SetClock>,
    _directory: TempDir,
}

impl World {
    fn new(constants: Constants) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        write(
            "veer.conf",
            "server.addresses = 192.0.2.53\nrrl.exempt = 203.0.113.0/24\n\
             tables.groups = 4\ntables.pools = 4\ntables.rate_buckets = 256\n",
        );
        write("zones.d/example.test.zone", ZONE);
        write("services.d/www.toml", SERVICE);
        let config = config::load(directory.path()).expect("a valid configuration");
        let settings = &config.settings;

        let mut zone = master_file::parse(&config.zone_files[0]).expect("a valid zone");
        let service = &config.services[0];
        zone.steer(&service.name, service.shape, service.ttl_s)
            .expect("a name of the zone");
        let zones = Zones::new(vec![zone]).expect("one zone");
        let plan = Plan::new(config.services.clone(), config.groups.clone());
        let director = Director::new(plan, 50, Instant::now());

        let tables = Arc::new(Tables::in_memory(settings.tables).expect("memory"));
        tables.set_clock_offset_ns(OFFSET);
        let surroundings = Surroundings {
            addresses: &settings.addresses,
            port: 53,
            secrets: SECRETS,
            counters: &["www.example.test.".to_owned()],
        };
        let image = compile(1, &tables, &zones, &director, &surroundings).expect("it fits");
        let flags = settings.resolver_flags.clone();
        let prepared = tables.prepare_resolvers(&[], &flags).expect("they fit");
        tables.replace_resolvers(&prepared);
        tables.publish(&image);
        let live = Live {
            generation: *image.generation(),
            number: 1,
            names: image.names(),
            zones,
            plan: Arc::clone(director.plan()),
            resolver_flags: flags,
            flattened: Flattened::default(),
        };
        let clock = Arc::new(SetClock(AtomicU64::new(1000 * SECOND)));
        let plane = Plane::new(
            Arc::clone(&tables),
            Arc::new(ArcSwap::from_pointee(live)),
            Profile::default(),
            constants,
            Arc::clone(&clock) as _,
        );
        Self {
            plane,
            tables,
            clock,
            _directory: directory,
        }
    }

    fn wait(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds * SECOND, Relaxed);
    }

    /// The reply over `transport`, if there is one.
    fn send(&self, query: &[u8], source: IpAddr, transport: Transport) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let sent = self.plane.handle(query, source, transport, &mut out);
        let sent = sent.is_answered();
        assert_eq!(sent, !out.is_empty());
        sent.then_some(out)
    }

    fn udp(&self, query: &[u8]) -> Option<Vec<u8>> {
        self.send(query, resolver(), Transport::Udp)
    }

    /// Outcomes that were counted, in counter order.
    fn outcomes(&self) -> Vec<(Outcome, u64)> {
        let counters = self.plane.counters();
        let counts = Outcome::ALL.map(|outcome| (outcome, counters.outcome(outcome)));
        counts
            .into_iter()
            .filter(|(_, count)| *count != 0)
            .collect()
    }
}

fn resolver() -> IpAddr {
    [198, 51, 100, 7].into()
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn asking(text: &str, rtype: Rtype) -> Vec<u8> {
    question(&name(text), rtype, 0)
}

/// `query` with an OPT record of 4096 octets that holds `options`.
fn with_opt(mut query: Vec<u8>, version: u8, options: &[u8]) -> Vec<u8> {
    query[11] = 1;
    query.extend([0, 0, 41, 0x10, 0, 0, version, 0, 0, 0, options.len() as u8]);
    query.extend(options);
    query
}

fn rcode(reply: &[u8]) -> u8 {
    reply[3] & 15
}

fn is_truncated(reply: &[u8]) -> bool {
    reply[2] & 2 != 0
}

#[test]
fn steered_answers_are_counted_for_the_group_of_who_asked() {
    let world = World::new(Constants {
        group_sample: Constants::one_in(1),
        ..Constants::OFF
    });
    let asked = || world.udp(&asking("www.example.test.", Rtype::A));
    asked().expect("a reply");
    let counts = world.plane.group_counts();
    assert_eq!(counts.iter().sum::<u64>(), 1, "{counts:?}");
    let group = world.tables.resolver(Source::from(resolver())).group();
    assert_eq!(counts[usize::from(group)], 1, "{counts:?}");
    // What is not steered, or only looked at, is not counted.
    world.udp(&asking("static.example.test.", Rtype::A));
    world.udp(&asking("none.example.test.", Rtype::A));
    let www = name("www.example.test.");
    world.plane.preview(&www, Rtype::A, resolver());
    assert_eq!(world.plane.group_counts(), counts);
}

#[tokio::test]
async fn what_reaches_a_socket_is_told_once_with_what_it_got() {
    let world = World::new(limits());
    let queries = Queries::start(Arc::clone(&world.tables), 1, Vec::new()).expect("a thread");
    let plane = world.plane.with_teller(queries.teller());
    let world = World { plane, ..world };
    queries.name(
        &["www.example.test.".to_owned()],
        &world.plane.live.load().plan,
    );
    let absent = asking("none.example.test.", Rtype::A);
    world.udp(&absent).expect("a reply that nobody watches");
    let mut watching = queries.watch(&TailRequest::default()).expect("valid");

    world.udp(&asking("www.example.test.", Rtype::A));
    world.send(
        &asking("elsewhere.test.", Rtype::A),
        resolver(),
        Transport::Tcp { timeout: 0 },
    );
    // One of two slips, the other is dropped.
    world.udp(&absent);
    assert_eq!(world.udp(&absent), None);
    let service = Some("www.example.test.");
    for (name, outcome, rcode, of) in [
        ("www.example.test.", "answered", Some("NOERROR"), service),
        ("elsewhere.test.", "up_unknown_name", Some("REFUSED"), None),
        (
            "none.example.test.",
            "answered_slip",
            Some("NXDOMAIN"),
            None,
        ),
        ("none.example.test.", "drop_rate", None, None),
    ] {
        let told = timeout(Duration::from_secs(30), watching.next()).await;
        let Some(Told::Query(told)) = told.expect("it is told") else {
            panic!("nothing is lost");
        };
        assert_eq!((told.name.as_str(), told.outcome.as_str()), (name, outcome));
        assert_eq!(told.rcode.as_deref(), rcode, "{told:?}");
        assert_eq!(told.service.as_deref(), of, "{told:?}");
        assert_eq!(told.resolver, resolver());
    }
}

#[test]
fn what_the_shared_code_does_is_counted_by_kind() {
    let world = World::new(Constants::OFF);
    let mut class_any = asking("static.example.test.", Rtype::A);
    let end = class_any.len();
    class_any[end - 1] = 255;
    for (query, expected) in [
        (asking("static.example.test.", Rtype::A), 0),
        (asking("www.example.test.", Rtype::A), 0),
        (asking("static.example.test.", Rtype::MX), 0),
        (asking("none.example.test.", Rtype::A), 3),
        (
            with_opt(asking("static.example.test.", Rtype::A), 1, &[]),
            0,
        ),
        (asking("elsewhere.test.", Rtype::A), 5),
        (class_any, 5),
    ] {
        let reply = world.udp(&query).expect("a reply");
        assert_eq!(rcode(&reply), expected, "{query:?}");
    }
    assert_eq!(
        world.outcomes(),
        [
            (Outcome::Answered, 2),
            (Outcome::AnsweredNegative, 2),
            (Outcome::AnsweredError, 1),
            (Outcome::UpClass, 1),
            (Outcome::UpUnknownName, 1),
        ]
    );
    let counters = world.plane.counters();
    assert_eq!(counters.fast_answers(), 5);
    assert_eq!(counters.udp_queries, 7);
    assert_eq!(counters.rcodes[5], 2);
    assert_eq!(counters.silent, 0);
}

#[test]
fn denials_over_their_rate_slip_or_are_dropped_and_come_again_in_time() {
    let world = World::new(limits());
    let query = asking("none.example.test.", Rtype::A);
    let full = world.udp(&query).expect("the first of a second");
    assert!(!is_truncated(&full) && rcode(&full) == 3);
    let slipped = world.udp(&query).expect("one of two slips");
    assert!(is_truncated(&slipped) && slipped.len() == query.len());
    assert_eq!(world.udp(&query), None);

    // Small positive answers, streams and the exempt are not limited.
    for _ in 0..3 {
        let small = world.udp(&asking("static.example.test.", Rtype::A));
        assert!(!is_truncated(&small.expect("a reply")));
        let stream = world.send(&query, resolver(), Transport::Tcp { timeout: 0 });
        assert_eq!(stream.as_ref(), Some(&full));
        let exempt = world.send(&query, [203, 0, 113, 9].into(), Transport::Udp);
        assert_eq!(exempt.as_ref(), Some(&full));
    }
    world.wait(1);
    assert_eq!(world.udp(&query), Some(full));
    assert_eq!(
        world.outcomes(),
        [
            (Outcome::Answered, 3),
            (Outcome::AnsweredNegative, 8),
            (Outcome::AnsweredSlip, 1),
            (Outcome::DropRate, 1),
        ]
    );
    assert_eq!(world.plane.counters().silent, 1);
}

#[test]
fn the_authoritys_answers_are_limited_too_and_no_budget_is_left_to_pass() {
    let world = World::new(limits());
    let query = with_opt(asking("elsewhere.test.", Rtype::A), 0, &[]);
    let full = world.udp(&query).expect("the first of a second");
    assert_eq!((rcode(&full), is_truncated(&full)), (5, false));
    let slipped = world.udp(&query).expect("one of two slips");
    let mut expected = full.clone();
    expected[2] |= 2;
    assert_eq!(slipped, expected, "there was no record but OPT");
    assert_eq!(world.udp(&query), None);
    assert_eq!(
        world.send(&query, resolver(), Transport::Tcp { timeout: 0 }),
        Some(full.clone())
    );
    let exempt = world.send(&query, [203, 0, 113, 9].into(), Transport::Udp);
    assert_eq!(exempt, Some(full));

    // Each has reached the authority, whatever the kernel lets up.
    assert_eq!(world.outcomes(), [(Outcome::UpUnknownName, 5)]);
    let counters = world.plane.counters();
    let authority = [
        counters.authority_slips,
        counters.authority_drops,
        counters.silent,
    ];
    assert_eq!(authority, [1, 1, 1]);
    assert_eq!(counters.rcodes[5], 4);
}

#[test]
fn a_cookie_is_made_with_the_tables_secret_at_the_clocks_time_of_day() {
    let world = World::new(limits());
    let client = *b"a client";
    let option = [&[0, 10, 0, 8][..], &client].concat();
    let query = with_opt(asking("static.example.test.", Rtype::A), 0, &option);
    let cookie_at = |seconds: u32| {
        let reply = world.udp(&query).expect("a reply");
        let source = Source::from(resolver());
        let client = u64::from_le_bytes(client);
        let (first, second) = cookie::make(SECRETS[0], client, source, seconds);
        let expected = [first.to_le_bytes(), second.to_le_bytes()].concat();
        assert!(reply.ends_with(&expected), "{reply:?}");
    };
    cookie_at(1_600_001_000);
    world.wait(77);
    cookie_at(1_600_001_077);
    // The wall clock was set back by an hour.
    world.tables.set_clock_offset_ns(OFFSET - 3600 * SECOND);
    cookie_at(1_599_997_477);
}

#[test]
fn a_preview_counts_nothing_and_takes_from_no_rate() {
    let world = World::new(limits());
    for _ in 0..3 {
        let preview = |text: &str| world.plane.preview(&name(text), Rtype::A, resolver());
        let denied = preview("none.example.test.");
        assert_eq!(denied.outcome, Outcome::AnsweredNegative);
        assert_eq!((denied.rcode, denied.answer.len()), (Rcode::NXDOMAIN, 0));
        let answered = preview("www.example.test.");
        assert_eq!(answered.outcome, Outcome::Answered);
        assert_eq!((answered.rcode, answered.answer.len()), (Rcode::NOERROR, 1));
        let refused = preview("elsewhere.test.");
        assert_eq!(refused.outcome, Outcome::UpUnknownName);
        assert_eq!(refused.rcode, Rcode::REFUSED);
    }
    assert_eq!(world.outcomes(), []);
    let reply = world.udp(&asking("none.example.test.", Rtype::A));
    assert!(!is_truncated(&reply.expect("the first of a second")));
}

#[test]
fn the_authority_finds_at_a_steered_name_what_the_tables_say() {
    let world = World::new(limits());
    let live = world.plane.live.load();
    let steerer = Steerer {
        tables: &world.tables,
        live: &live,
        host: world.plane.host(Transport::Tcp { timeout: 0 }),
        resolver: Source::from(resolver()),
        id: 0,
        proved: Cell::new(false),
        scope: Cell::new(0),
        may_wait: true,
        asking: RefCell::default(),
    };
    let steer = |rtype| steerer.steer(&name("www.example.test."), rtype, resolver());
    // A denial that the tables have is no answer without records.
    let denied = steerer.steer(&name("ns1.example.test."), Rtype::AAAA, resolver());
    assert_eq!(denied, Steered::NoData);
    // Coarsely the octet of DEL is `_`: what stands there is another name's.
    let absent = steerer.steer(&name("\\127alike.example.test."), Rtype::A, resolver());
    assert_eq!(absent, Steered::Fail);
    let Steered::Records(records) = steer(Rtype::A) else {
        panic!("no records");
    };
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].data().to_string(), "192.0.2.1");
    assert_eq!(steer(Rtype::AAAA), Steered::NoData);

    // Nobody is fit, and the service says to fail.
    world.tables.store_eligible(1, 0, Eligible::default().0);
    assert_eq!(steer(Rtype::A), Steered::Fail);
    assert_eq!(steer(Rtype::AAAA), Steered::NoData);
    let mut query = asking("www.example.test.", Rtype::A);
    query[2] = 1;
    let reply = world.udp(&query).expect("a reply");
    assert_eq!(rcode(&reply), 2);
    assert_eq!(world.outcomes(), [(Outcome::UpNoCandidate, 1)]);
}
