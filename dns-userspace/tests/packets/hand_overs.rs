//! What is at a name while its origin is chosen, and while another DNS is: the
//! same from both planes, with the configuration read and compiled as the daemon
//! does it, and decisions made from samples.

use std::{fmt::Write as _, fs, net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use dns_common::{
    host::{ClientSubnet, Constants},
    outcome::Action,
};
use domain::{
    base::{Message, Rtype, message::RecordSection, opt::ClientSubnet as SubnetOption},
    rdata::ZoneRecordData,
};
use tokio::time::Instant;
use veer::{
    authority::{
        respond::{Profile, Transport},
        server::Handler as _,
    },
    clock::BootClock,
    config::source::Source,
    daemon::load::load,
    flattening::Flattened,
    measurement::{
        compile::{Surroundings, compile},
        director::{Change, Director},
        metric::Metric,
        sample::{Reason, Sample, Vantage, Verdict},
    },
    plane::{Live, Plane},
    tables::{ResolverFlags, Tables},
};

use crate::{
    rig::{PLAIN, Rig},
    shared::plain::{Opt, SUBNET, subnet},
    wire::{Datagram, Question, name},
    world::{CAPACITY, SECRETS, V4},
};

const CONSTANTS: Constants = Constants {
    client_subnet: ClientSubnet::On as u64,
    ..PLAIN
};

const ZONE: &str = "$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.53
direct TXT \"the zone's\"
direct HTTPS 1 . alpn=h2 ipv4hint=192.0.2.9
referred TXT \"the zone's\"
alias CNAME first
";

/// `isp-b` prefers the other DNS.
fn service(name: &str, shape: &str, hand_over: &str, n: u8) -> String {
    format!(
        "[[service]]
name = \"{name}.example\"
customer = \"acme\"
ttl_s = 20
{shape}
[service.policy]
kind = \"failover\"
order = [\"origin\", \"cdn\"]
[service.policy.groups]
isp-b = [\"cdn\", \"origin\"]
[service.probe]
kind = \"tcp\"
port = 80
up_after = 1
down_after = 1
[[service.server]]
name = \"origin\"
addresses = [\"203.0.113.{n}\"]
[[service.hand_over]]
name = \"cdn\"
probe_addresses = [\"198.51.100.{n}\"]
{hand_over}
"
    )
}

/// The program and the userspace plane, each with tables of its own.
struct Planes {
    rig: Rig,
    user: Arc<Tables>,
    plane: Plane,
    director: Director,
}

impl Planes {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |file: &str, text: &str| {
            let file = directory.path().join(file);
            fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
            fs::write(file, text).expect("a file");
        };
        write("veer.conf", "server.addresses = 192.0.2.53\n");
        write("groups.conf", "10.8.0.0/16 isp-b\n");
        write("zones.d/example.zone", ZONE);
        let cname = "cname = \"www.cdn.test\"";
        let ns = "ns = [{ name = \"ns.cdn.test\" }, \
                  { name = \"ns.referred.example\", addresses = [\"198.51.100.53\"] }]";
        let services = [
            service("first", "", cname, 1),
            service("direct", "shape = \"direct\"", cname, 2),
            service("referred", "", ns, 3),
        ];
        write("services.d/all.toml", &services.concat());
        let loaded =
            load(&Source::on_disk(directory.path())).unwrap_or_else(|error| panic!("{error}"));
        let zones = loaded.zones;
        let director = Director::new(loaded.plan, 100, Instant::now());

        let rig = Rig::with(CAPACITY, &CONSTANTS);
        let user = Arc::new(Tables::in_memory(CAPACITY).expect("memory"));
        let services = director.plan().services.iter();
        let counters: Vec<_> = services
            .map(|(service, _)| service.name.fmt_with_dot().to_string())
            .collect();
        let prefixes = &director.plan().groups.prefixes;
        for tables in [&rig.tables, &*user] {
            let surroundings = Surroundings {
                addresses: &[V4],
                port: 53,
                secrets: SECRETS,
                counters: &counters,
            };
            let resolvers = tables.prepare_resolvers(prefixes, &ResolverFlags::default());
            tables.replace_resolvers(&resolvers.expect("there is room"));
            let image = compile(1, tables, &zones, &director, &surroundings);
            tables.publish(&image.unwrap_or_else(|error| panic!("{error}")));
        }
        let live = Live {
            generation: user.generation(1),
            number: 1,
            names: 0,
            zones,
            plan: Arc::clone(director.plan()),
            resolver_flags: ResolverFlags::default(),
            flattened: Flattened::default(),
        };
        let plane = Plane::new(
            Arc::clone(&user),
            Arc::new(ArcSwap::from_pointee(live)),
            Profile::default(),
            CONSTANTS,
            Arc::new(BootClock),
        );
        Self {
            rig,
            user,
            plane,
            director,
        }
    }

    /// Takes in what a probe of `address` says; how many words that stores.
    fn observe(&mut self, address: &str, passes: bool) -> usize {
        let address: IpAddr = address.parse().expect("an address");
        let mut targets = self.director.targets().iter();
        let target = targets.find(|target| target.address == address);
        let target = target.expect("a target").id;
        drop(targets);
        let verdict = if passes {
            Verdict::timed(Metric::ConnectTime, Duration::from_millis(1))
        } else {
            Verdict::Fail {
                reason: Reason::Refused,
            }
        };
        let changes = self.director.observe(&Sample {
            target,
            at: Instant::now(),
            taken_from: Vantage::Host,
            verdict,
        });
        for change in &changes {
            let Change::Eligible { pool, word } = change else {
                panic!("{change:?}")
            };
            for tables in [&self.rig.tables, &*self.user] {
                tables.store_eligible(1, *pool, word.0);
            }
        }
        changes.len()
    }

    /// What `from` gets, told in lines: RCODE and AA, the scope, and the sections.
    /// Whether the kernel answers is `in_kernel`; if it does, userspace gives the
    /// same octets.
    fn ask(&mut self, asked: &str, rtype: Rtype, from: &str, in_kernel: bool) -> String {
        let from: IpAddr = from.parse().expect("an address");
        let IpAddr::V4(client) = from else {
            panic!("{from}")
        };
        let opt = Opt::default().with(SUBNET, &subnet(1, 24, 0, &client.octets()));
        let question = Question::new(&name(asked), rtype.to_int()).with(opt);
        // The subnet decides, not who asks.
        let resolver: IpAddr = [192, 0, 2, 1].into();
        let query = question.query();
        let mut reply = Vec::new();
        assert!(
            self.plane
                .handle(&query, resolver, Transport::Udp, &mut reply)
                .is_answered()
        );
        let way = Datagram::new(resolver, V4);
        let ran = self.rig.run(&way.frame(&query));
        assert_eq!(ran.action == Action::Reply, in_kernel, "{asked} {rtype}");
        if in_kernel {
            assert_eq!(ran.frame, way.back().frame(&reply), "{asked} {rtype}");
        }
        told(reply)
    }
}

fn told(reply: Vec<u8>) -> String {
    let message = Message::from_octets(Bytes::from(reply)).expect("a message");
    let header = message.header();
    let mut told = header.rcode().to_string();
    if header.aa() {
        told.push_str(" AA");
    }
    let opt = message.opt().expect("an OPT record");
    let subnet = opt.opt().first::<SubnetOption>().expect("a client subnet");
    writeln!(told, " /{}", subnet.scope_prefix_len()).expect("a String");
    let mut section = |what: &str, section: RecordSection<'_, Bytes>| {
        for record in section.limit_to::<ZoneRecordData<_, _>>() {
            let record = record.expect("a record");
            if record.rtype() == Rtype::OPT {
                continue;
            }
            let (owner, ttl) = (record.owner(), record.ttl().as_secs());
            let data = record.data();
            writeln!(told, "{what} {owner} {ttl} {} {data}", record.rtype()).expect("a String");
        }
    };
    section("", message.answer().expect("a section"));
    section("authority", message.authority().expect("a section"));
    section("additional", message.additional().expect("a section"));
    told
}

const SOA: &str = "authority example 20 SOA ns1.example. hostmaster.example. 1 3600 600 86400 60\n";

/// Client subnets in the default group and in `isp-b`, with the length of the
/// largest block around them that is in one group.
const HOME: (&str, u8) = ("10.1.2.9", 13);
const ELSEWHERE: (&str, u8) = ("10.8.2.9", 16);

const TYPES: [Rtype; 9] = [
    Rtype::A,
    Rtype::AAAA,
    Rtype::TXT,
    Rtype::HTTPS,
    Rtype::MX,
    Rtype::CNAME,
    Rtype::NS,
    Rtype::SOA,
    Rtype::ANY,
];

/// Asserts that `asked` gets a CNAME to the other DNS, whatever the type.
#[track_caller]
fn expect_cname(planes: &mut Planes, asked: &str, (from, scope): (&str, u8)) {
    let expected = format!("NOERROR AA /{scope}\n {asked} 20 CNAME www.cdn.test.\n");
    for rtype in TYPES.into_iter().chain([Rtype::DS]) {
        let told = planes.ask(asked, rtype, from, true);
        assert_eq!(told, expected, "{asked} {rtype}");
    }
}

#[test]
fn cname_first_leads_to_the_origin_or_to_the_other_dns() {
    let mut planes = Planes::new();
    let alias = "first.example 20 CNAME origin.first.example.\n";
    let address = "origin.first.example 20 A 203.0.113.1\n";
    let origin = |planes: &mut Planes| {
        let (from, scope) = HOME;
        for rtype in TYPES {
            let behind = match rtype {
                Rtype::A => format!(" {address}"),
                Rtype::CNAME | Rtype::ANY => String::new(),
                _ => SOA.to_owned(),
            };
            let told = planes.ask("first.example.", rtype, from, true);
            assert_eq!(
                told,
                format!("NOERROR AA /{scope}\n {alias}{behind}"),
                "{rtype}"
            );
        }
    };
    origin(&mut planes);
    expect_cname(&mut planes, "first.example", ELSEWHERE);

    // The origin dies: one word.
    assert_eq!(planes.observe("203.0.113.1", false), 1);
    expect_cname(&mut planes, "first.example", HOME);
    let told = planes.ask("alias.example.", Rtype::AAAA, HOME.0, true);
    let followed =
        "alias.example 300 CNAME first.example.\n first.example 20 CNAME www.cdn.test.\n";
    assert_eq!(told, format!("NOERROR AA /13\n {followed}"));

    // So does the other DNS: all servers, as configured, and nobody is sent there.
    assert_eq!(planes.observe("198.51.100.1", false), 1);
    for (from, scope) in [HOME, ELSEWHERE] {
        let told = planes.ask("first.example.", Rtype::A, from, true);
        let all =
            "first.example 20 CNAME all.first.example.\n all.first.example 20 A 203.0.113.1\n";
        assert_eq!(told, format!("NOERROR AA /{scope}\n {all}"));
    }

    // The origin is back, and the other DNS is not: it gets nobody.
    assert_eq!(planes.observe("203.0.113.1", true), 1);
    origin(&mut planes);
    let told = planes.ask("first.example.", Rtype::A, ELSEWHERE.0, true);
    assert_eq!(told, format!("NOERROR AA /16\n {alias} {address}"));
    assert_eq!(planes.observe("198.51.100.1", true), 1);
    expect_cname(&mut planes, "first.example", ELSEWHERE);
}

/// What the zone and the origin say at `direct.example.` and its like.
fn expect_origin(planes: &mut Planes, asked: &str, number: u8, has_https: bool) {
    let (from, scope) = HOME;
    let nodata = format!("NOERROR AA /0\n{SOA}");
    for rtype in TYPES.into_iter().chain([Rtype::DS]) {
        let records = match rtype {
            Rtype::A => Some(format!("20 A 203.0.113.{number}")),
            // ANY is answered with one RRset (RFC 8482 section 4.1).
            Rtype::TXT | Rtype::ANY => Some("300 TXT \"the zone's\"".to_owned()),
            Rtype::HTTPS if has_https => {
                Some(format!("20 HTTPS 1 . alpn=h2 ipv4hint=203.0.113.{number}"))
            }
            _ => None,
        };
        let expected = records.map_or(nodata.clone(), |records| {
            format!("NOERROR AA /{scope}\n {asked} {records}\n")
        });
        let told = planes.ask(asked, rtype, from, true);
        assert_eq!(told, expected, "{asked} {rtype}");
    }
}

#[test]
fn the_direct_shape_has_an_address_or_a_cname() {
    let mut planes = Planes::new();
    expect_origin(&mut planes, "direct.example", 2, true);
    expect_cname(&mut planes, "direct.example", ELSEWHERE);
    assert_eq!(planes.observe("203.0.113.2", false), 1);
    expect_cname(&mut planes, "direct.example", HOME);
    assert_eq!(planes.observe("203.0.113.2", true), 1);
    assert_eq!(planes.observe("198.51.100.2", false), 1);
    expect_origin(&mut planes, "direct.example", 2, true);
}

#[test]
fn a_referral_stands_for_the_name_and_all_below_it() {
    let mut planes = Planes::new();
    let below = "x.y.referred.example";
    let referral = "NOERROR /0\n\
                    authority referred.example 20 NS ns.cdn.test.\n\
                    authority referred.example 20 NS ns.referred.example.\n\
                    additional ns.referred.example 20 A 198.51.100.53\n";
    let expect_referral = |planes: &mut Planes, from: &str| {
        for rtype in TYPES {
            let told = planes.ask("referred.example", rtype, from, true);
            assert_eq!(told, referral, "{rtype}");
            // What is below is no row of the tables.
            let told = planes.ask(below, rtype, from, false);
            assert_eq!(told, referral, "{below} {rtype}");
        }
        // It is the parent's (RFC 4035 section 3.1.4.1).
        let told = planes.ask("referred.example", Rtype::DS, from, true);
        assert_eq!(told, format!("NOERROR AA /0\n{SOA}"));
    };
    expect_origin(&mut planes, "referred.example", 3, false);
    let told = planes.ask(below, Rtype::A, HOME.0, false);
    assert_eq!(told, format!("NXDOMAIN AA /0\n{SOA}"));
    expect_referral(&mut planes, ELSEWHERE.0);

    assert_eq!(planes.observe("203.0.113.3", false), 1);
    expect_referral(&mut planes, HOME.0);
    assert_eq!(planes.observe("203.0.113.3", true), 1);
    assert_eq!(planes.observe("198.51.100.3", false), 1);
    expect_origin(&mut planes, "referred.example", 3, false);
    let told = planes.ask(below, Rtype::A, ELSEWHERE.0, false);
    assert_eq!(told, format!("NXDOMAIN AA /0\n{SOA}"));
}
