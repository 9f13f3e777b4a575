//! Hand-over by addresses, at an apex: a DNS that nothing of ours is in is asked in
//! resolvers' stead, for their clients' networks.

mod support;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt as _,
};

use domain::base::Rtype;
use support::{
    config::Config,
    eventually, number, text,
    tools::{Reply, dig_all},
    world::{Family, INTERFACE, Resolver, World},
    zone,
};
use xtask::{
    lab::{Daemon, Namespace, Process, veth},
    setup::Tool,
};

/// Where the foreign DNS answers, and from where it is asked.
const CDN: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 2);
const ASKER: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);

/// What its zone says for how long, seconds.
const CDN_TTL_S: u32 = 4;

const ORIGIN: &str = "10.8.0.1";
const CACHE_ONE: &str = "10.8.0.3";
const CACHE_TWO: &str = "10.8.0.4";

/// Networks of clients: two that it sends to a cache each, and others.
const ONE: &str = "198.51.100.0/24";
const TWO: &str = "203.0.113.0/24";
const OTHER: &str = "192.0.2.0/24";

/// The level from which on it takes over, milliseconds, and a little less.
const LEVEL: &str = "100";
const BELOW_LEVEL: &str = "99.9";

/// A daemon that hands `example.` over, with the DNS that it is handed to.
struct Scene {
    cdn: Cdn,
    config: Config,
    _daemon: Daemon,
    _origins: Vec<support::origin::Origin>,
    world: World,
}

/// gdnsd, in a namespace of its own.
struct Cdn {
    namespace: Namespace,
    process: Option<Process>,
}

impl Cdn {
    #[track_caller]
    fn new(world: &World) -> Self {
        let namespace = world.lab.namespace("cdn").expect("a namespace");
        let end = |namespace, interface| veth::End {
            namespace,
            interface,
        };
        veth::join(end(&world.dns, "cdn0"), end(&namespace, INTERFACE)).expect("a veth pair");
        for (namespace, interface, address) in
            [(&world.dns, "cdn0", ASKER), (&namespace, INTERFACE, CDN)]
        {
            let added = namespace.add_address(interface, IpAddr::V4(address), 24);
            added.expect("an address");
        }
        let mut cdn = Self {
            namespace,
            process: None,
        };
        cdn.start(world, [CACHE_ONE, CACHE_TWO]);
        cdn
    }

    /// Starts it; it sends clients of the two networks to these.
    #[track_caller]
    fn start(&mut self, world: &World, caches: [&str; 2]) {
        let directory = world.lab.dir().join("gdnsd");
        for sub in ["zones", "run", "state"] {
            fs::create_dir_all(directory.join(sub)).expect("a directory");
        }
        let shown = directory.display();
        let [one, two] = caches;
        let config = format!(
            "options => {{ listen => {CDN}, min_ttl => 1, run_dir => {shown}/run, \
             state_dir => {shown}/state }}\n\
             plugins => {{ geoip => {{\n\
             maps => {{ networks => {{ datacenters => [one, two], \
             nets => {{ {ONE} => [one], {TWO} => [two] }} }} }}\n\
             resources => {{ caches => {{ map => networks, service_types => up, \
             dcmap => {{ one => {one}, two => {two} }} }} }}\n}} }}\n"
        );
        let zone = format!(
            "@ 60 SOA ns hostmaster 1 1800 900 604800 5\n@ 60 NS ns\nns 60 A {CDN}\n\
             example {CDN_TTL_S} DYNA geoip!caches\n"
        );
        fs::write(directory.join("config"), config).expect("a file");
        fs::write(directory.join("zones/cdn.test"), zone).expect("a file");
        let mut command = self.namespace.enter(Tool::Gdnsd.command());
        command.arg("-c").arg(&directory).arg("start");
        self.process = Some(world.lab.spawn(command).expect("gdnsd starts"));
    }

    /// It says nothing any more.
    #[track_caller]
    fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.sigkill().expect("it ends");
    }
}

impl Scene {
    #[track_caller]
    fn new() -> Self {
        let world = World::new();
        let cdn = Cdn::new(&world);
        let config = world.config("veer", &[]);
        let (program, time) = (config.path("time.sh"), config.path("time"));
        config.write("time.sh", &format!("#!/bin/sh\nexec cat {time}\n"));
        let runs = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, runs).expect("a script that can be run");
        let mail = "@ MX 5 mail\nmail A 192.0.2.25\n";
        config.write("zones.d/example.zone", &(zone::ZONE.to_owned() + mail));
        config.write("services.d/all.toml", &service(&program));
        let origins = world.origins(1);
        set_time(&config, "50");
        let daemon = world.start(&config);
        Self {
            cdn,
            config,
            _daemon: daemon,
            _origins: origins,
            world,
        }
    }

    /// What the resolver is told for a client in `network`, with dig's options.
    #[track_caller]
    fn ask(&self, rtype: &str, network: &str, options: &[&str]) -> Reply {
        let resolver = Resolver::Other.address(Family::V4);
        let mut query = vec!["example.".to_owned(), rtype.to_owned()];
        query.push(format!("+subnet={network}"));
        query.extend(options.iter().map(|option| (*option).to_owned()));
        let between = (resolver, Family::V4.dns());
        let mut replies = dig_all(&self.world.clients, between, &[query]);
        replies.remove(0)
    }

    /// Fails unless clients in `network` are sent to `address`.
    #[track_caller]
    fn assert_sent(&self, network: &str, address: &str) {
        let reply = self.ask("A", network, &[]);
        assert_eq!(reply.answer, [format!("example. A {address}")], "{reply:?}");
    }

    /// Waits until clients in `network` are sent to `address`; none sees a failure.
    #[track_caller]
    fn sends(&self, network: &str, address: &str) {
        eventually(&format!("{network} is sent to {address}"), || {
            let reply = self.ask("A", network, &[]);
            assert_eq!(reply.rcode, "NOERROR", "{reply:?}");
            (reply.answer == [format!("example. A {address}")]).then_some(())
        });
    }

    /// What else is at the apex is told whatever is decided.
    #[track_caller]
    fn assert_mail(&self) {
        let mail = self.ask("MX", ONE, &[]);
        assert_eq!(mail.answer, ["example. MX 5 mail.example."], "{mail:?}");
        let soa = self.ask("SOA", ONE, &[]);
        assert_eq!(soa.answer.len(), 1, "{soa:?}");
    }

    #[track_caller]
    fn counted(&self, what: &str) -> u64 {
        let stats = self.config.veerctl(&["stats"]);
        number(&stats, &format!("flattening/{what}"))
    }

    fn explain(&self, from: &str) -> serde_json::Value {
        self.config
            .veerctl(&["explain", "example.", "--from", from])
    }
}

/// The service at the apex: `program` says the response time of its origin.
fn service(program: &str) -> String {
    format!(
        "[[service]]
name = \"example.\"
customer = \"acme\"
ttl_s = 60
[service.policy]
kind = \"threshold\"
metric = \"response_time_ms\"
level = {LEVEL}
hold_s = 0
step_percent = 100
origins = [\"s1\"]
[[service.probe]]
kind = \"tcp\"
port = 80
interval_ms = 200
timeout_ms = 150
[[service.probe]]
kind = \"command\"
program = \"{program}\"
metric = \"response_time_ms\"
required = false
weight_permille = 1000
interval_ms = 100
timeout_ms = 90
[[service.server]]
name = \"s1\"
addresses = [\"{ORIGIN}\"]
[[service.hand_over]]
name = \"cdn\"
addresses_of = \"example.cdn.test.\"
resolvers = [\"{CDN}\"]
"
    )
}

/// Makes `ms` the response time that is measured.
fn set_time(config: &Config, ms: &str) {
    let new = config.path("time.new");
    fs::write(&new, format!("{ms}\n")).expect("a value");
    fs::rename(&new, config.path("time")).expect("a value");
}

/// Waits until `ms` is what is known of the origin.
#[track_caller]
fn knows(scene: &Scene, ms: &str) {
    let wanted: f64 = ms.parse().expect("a number");
    eventually(&format!("{ms} is known"), || {
        let explained = scene.explain("198.51.100.7");
        let candidates = explained["origin"]["explanation"]["candidates"].as_array()?;
        let mut known = candidates
            .iter()
            .filter_map(|candidate| candidate["measured"]["response_time_ms"].as_f64());
        known
            .any(|known| (known - wanted).abs() < 1e-6)
            .then_some(())
    });
}

#[test]
fn at_the_level_an_apex_has_the_addresses_that_a_foreign_dns_says_for_each_network() {
    let mut scene = Scene::new();
    set_time(&scene.config, BELOW_LEVEL);
    knows(&scene, BELOW_LEVEL);
    for network in [ONE, TWO] {
        scene.assert_sent(network, ORIGIN);
    }
    scene.assert_mail();
    assert_eq!(scene.counted("asked"), 0, "nobody was handed over");

    set_time(&scene.config, LEVEL);
    scene.sends(ONE, CACHE_ONE);
    // Whoever asks first waits for it, over TCP too, and queries behind that.
    let cold = scene.ask("A", TWO, &["+tcp"]);
    assert_eq!(cold.answer, [format!("example. A {CACHE_TWO}")], "{cold:?}");
    assert_eq!(cold.subnet.as_deref(), Some("203.0.113.0/24/24"));
    for (network, address) in [(ONE, CACHE_ONE), (TWO, CACHE_TWO)] {
        let reply = scene.ask("A", network, &[]);
        assert_eq!(reply.answer, [format!("example. A {address}")]);
        assert_eq!(reply.subnet, Some(format!("{network}/24")));
        assert!(reply.has("aa"), "{reply:?}");
    }
    // One without a network that may be told, and how long the answer lives.
    let mut client = scene.world.client(Resolver::Other, Family::V4);
    for _ in 0..3 {
        let reply = client.ask("example.", Rtype::A).expect("a reply").0;
        let mut answer = reply.answer().expect("records");
        let record = answer.next().expect("an address").expect("well-formed");
        let ttl_s = record.ttl().as_secs();
        assert!((1..=CDN_TTL_S).contains(&ttl_s), "{ttl_s}");
    }
    // The other DNS has no address of that family.
    let none = scene.ask("AAAA", ONE, &[]);
    assert_eq!((none.rcode.as_str(), none.answer.len()), ("NOERROR", 0));
    assert!(none.authority[0].starts_with("example. SOA "), "{none:?}");
    scene.assert_mail();

    let explained = scene.explain("198.51.100.7");
    assert_eq!(text(&explained, "origin/resolved/0/candidate"), "cdn");
    assert_eq!(text(&explained, "origin/resolved/0/addresses/0"), CACHE_ONE);
    assert_eq!(text(&explained, "origin/resolved/0/network"), ONE);
    let shown = explained["answer"].to_string();
    assert!(shown.contains(CACHE_ONE), "{explained:#}");

    // Dead, it is told what it said last; who never asked gets the next candidate.
    scene.cdn.kill();
    eventually("what has run out is told", || {
        scene.assert_sent(ONE, CACHE_ONE);
        (scene.counted("stale") > 0).then_some(())
    });
    scene.assert_sent(TWO, CACHE_TWO);
    scene.assert_sent(OTHER, ORIGIN);
    assert!(scene.counted("failed") > 0);
    let explained = scene.explain("198.51.100.7");
    let error = text(&explained, "origin/resolved/0/error");
    assert!(error.starts_with("10.7.0.2:53: "), "{explained:#}");
    scene.assert_mail();

    // Alive again, with other caches.
    scene.cdn.start(&scene.world, ["10.8.0.5", "10.8.0.6"]);
    scene.sends(ONE, "10.8.0.5");
    scene.sends(TWO, "10.8.0.6");

    set_time(&scene.config, BELOW_LEVEL);
    scene.sends(ONE, ORIGIN);
}

#[test]
fn what_is_resolved_outlives_a_reload_and_goes_with_the_service() {
    let scene = Scene::new();
    set_time(&scene.config, LEVEL);
    scene.sends(ONE, CACHE_ONE);
    let asked = scene.counted("asked");
    scene.config.veerctl(&["reload"]);
    scene.assert_sent(ONE, CACHE_ONE);
    let explained = scene.explain("198.51.100.7");
    assert_eq!(text(&explained, "origin/resolved/0/addresses/0"), CACHE_ONE);
    // At most once more, shortly before it would have run out.
    assert!(scene.counted("asked") <= asked + 1);
    let service = service(&scene.config.path("time.sh"));
    let (alone, _) = service.split_once("[[service.hand_over]]").expect("one");
    // Without one there is nobody to go over to.
    let (head, rest) = alone.split_once("kind = \"threshold\"").expect("a policy");
    let (_, tail) = rest.split_once("[[service.probe]]").expect("a probe");
    let alone = format!("{head}kind = \"failover\"\n[[service.probe]]{tail}");
    scene.config.write("services.d/all.toml", &alone);
    scene.config.veerctl(&["reload"]);
    scene.sends(ONE, ORIGIN);
}
