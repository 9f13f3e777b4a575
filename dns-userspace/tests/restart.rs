//! A daemon after another, by a service manager and under load: what the kernel answers it
//! goes on answering, and what it passes up waits for the next daemon.

mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    thread,
    time::Duration,
};

use domain::base::Rtype;
use support::{
    config::Config,
    eventually, number,
    query::query,
    text,
    world::{Family, INTERFACE, Resolver, World, binaries},
    zone,
};
use xtask::{
    lab::{Daemon, Process, ServiceManager, dnsperf::Totals},
    setup::Tool,
};

const SERVICES: &[zone::Service] = &[zone::WWW, zone::CDN];

/// What the kernel answers, as dnsperf and kxdpgun read it.
const HOT: &str = "www.example. A\nwww.example. AAAA\nstatic.example. A\nmulti.example. A\n";

/// What it passes up: names of no zone of ours.
const UP: &str = "elsewhere.test. A\nother.test. AAAA\n";

/// Queries a second of each kind. The next daemon answers at once what came up while there
/// was none, and a veth's ring takes 256 frames: so many come up in eight seconds.
const HOT_RATE: u32 = 2000;
const UP_RATE: u32 = 30;

/// How long somebody waits for an answer: longer than any start takes.
const ANSWER: Duration = Duration::from_secs(30);

/// How long load goes on before something happens.
const BEFORE: Duration = Duration::from_secs(1);

/// How long it goes on in all, seconds: twice what a restart takes, or more.
const LENGTH: &str = "8";

/// What happens to a daemon, and what is changed before the next one.
type Change = fn(&Config, Daemon);

fn restart(_: &Config, daemon: Daemon) {
    daemon.sigterm().expect("it stops");
}

fn kill(_: &Config, daemon: Daemon) {
    daemon.sigkill().expect("it is killed");
}

/// The next daemon finds tables of an earlier version in place of those of its own.
fn upgrade(config: &Config, daemon: Daemon) {
    daemon.sigterm().expect("it stops");
    let entries = fs::read_dir(config.pins()).expect("the pins are there");
    let mut tables = entries.flatten().map(|entry| entry.path());
    let tables = tables.find(|path| path.is_dir()).expect("and the tables");
    fs::rename(&tables, tables.with_file_name("abi-1")).expect("it is renamed");
}

/// The next daemon's program has other features.
fn switch_features(config: &Config, daemon: Daemon) {
    config.settings(&["cookie.enabled = off", "count.group_sample = 1"]);
    daemon.sigterm().expect("it stops");
}

const CHANGES: [(&str, Change); 4] = [
    ("restart", restart),
    ("kill", kill),
    ("upgrade", upgrade),
    ("switch of features", switch_features),
];

/// A daemon that a service manager has started.
struct Scene {
    world: World,
    config: Config,
    manager: ServiceManager,
    daemon: Option<Daemon>,
}

impl Scene {
    fn begin(world: World) -> Self {
        let config = world.config("veer", SERVICES);
        config.exempt_all();
        let manager = ServiceManager::start(&world.lab).expect("a socket");
        let mut scene = Self {
            world,
            config,
            manager,
            daemon: None,
        };
        scene.start();
        scene
    }

    fn start(&mut self) {
        let Self {
            world,
            config,
            manager,
            ..
        } = self;
        let daemon = Daemon::start_by(manager, &world.lab, &world.dns, binaries(), &config.dir);
        self.daemon = Some(daemon.unwrap_or_else(|error| panic!("{error:#}")));
    }

    /// Has `change` happen, and the next daemon start.
    fn change(&mut self, change: Change) {
        let daemon = self.daemon.take().expect("it runs");
        change(&self.config, daemon);
        self.start();
        let xdp = self.config.veerctl(&["status"])["xdp"].clone();
        assert_eq!(text(&xdp, "state"), "adopted", "{xdp:#}");
    }

    fn queries(&self, name: &str, queries: &str) -> PathBuf {
        let path = self.world.lab.dir().join(name);
        fs::write(&path, queries).expect("it is written");
        path
    }

    /// dnsperf from a resolver, for [`LENGTH`] and until every query is answered or lost.
    fn dnsperf(&self, resolver: Resolver, queries: &str, rate: u32) -> Process {
        let path = self.queries(&format!("{resolver:?}.queries"), queries);
        let mut command = self.world.clients.enter(Tool::Dnsperf.command());
        let (source, server) = (resolver.address(Family::V4), Family::V4.dns());
        command.args(["-s", &server.to_string(), "-a", &source.to_string()]);
        command.args(["-Q", &rate.to_string(), "-t", &ANSWER.as_secs().to_string()]);
        // As many as come while there is no daemon.
        command.args(["-q", "20000", "-l", LENGTH, "-d"]).arg(path);
        self.world.lab.spawn(command).expect("it starts")
    }
}

/// What dnsperf came to.
fn totals(mut dnsperf: Process) -> Totals {
    let status = dnsperf.wait(2 * ANSWER).expect("it ends");
    assert!(status.success(), "{status}: {}", dnsperf.stderr());
    let output = dnsperf.stdout();
    Totals::read(&output).unwrap_or_else(|| panic!("dnsperf ends with:\n{output}"))
}

#[test]
fn under_dnsperf_nothing_is_lost_whatever_happens_to_the_daemon() {
    let mut scene = Scene::begin(World::new());
    let _origins = scene.world.origins(3);
    for (name, change) in CHANGES {
        let kept = scene.manager.kept();
        assert!(!kept.is_empty(), "{name}: no socket is kept");
        let before = scene.config.stats();
        let hot = scene.dnsperf(Resolver::A, HOT, HOT_RATE);
        let up = scene.dnsperf(Resolver::B, UP, UP_RATE);
        thread::sleep(BEFORE);
        scene.change(change);
        let (hot, up) = (totals(hot), totals(up));
        assert_eq!((hot.lost, up.lost), (0, 0), "{name}: {hot:?} {up:?}");
        assert_eq!(hot.noerror, hot.completed, "{name}: {hot:?}");
        assert!(hot.completed > u64::from(HOT_RATE), "{name}: {hot:?}");
        assert!(up.completed > u64::from(UP_RATE) / 2, "{name}: {up:?}");
        // None was answered in the kernel's stead: all of userspace's are of those.
        let userspace = scene.config.stats().userspace();
        assert!(userspace <= up.sent, "{name}: {userspace} of {up:?}");
        assert!(scene.config.stats().answered() > before.answered() || name == "upgrade");
        // The same sockets again, each once.
        assert_eq!(scene.manager.kept(), kept, "{name}");
    }
}

#[test]
fn under_kxdpgun_nothing_is_lost_whatever_happens_to_the_daemon() {
    /// How long kxdpgun goes on, seconds. What comes later it does not wait for.
    const SECONDS: u64 = 12;
    for (name, change) in CHANGES {
        // Its socket is not let go of at once, so each time it has another interface.
        let mut scene = Scene::begin(World::without_receiver());
        let _origins = scene.world.origins(3);
        let kinds = HOT.repeat((HOT_RATE / UP_RATE) as usize) + UP;
        let queries = scene.queries("kxdpgun.queries", &kinds);
        let mut command = scene.world.clients.enter(Tool::Kxdpgun.command());
        let source = format!("{}/32", Resolver::A.address(Family::V4));
        command.args(["--duration", &SECONDS.to_string(), "--batch", "1"]);
        command.args(["--qps", &(HOT_RATE + UP_RATE).to_string()]);
        command.args(["--interface", INTERFACE, "--local", &source, "--infile"]);
        command.arg(queries).arg(Family::V4.dns().to_string());
        let mut kxdpgun = scene.world.lab.spawn(command).expect("it starts");
        thread::sleep(BEFORE);
        scene.change(change);
        let status = kxdpgun.wait(ANSWER).expect("it ends");
        let said = kxdpgun.stdout() + &kxdpgun.stderr();
        assert!(status.success(), "{name}: {status}: {said}");
        let total = |label: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(label));
            let count = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            count.unwrap_or_else(|| panic!("{name}: no {label} in {said}"))
        };
        let (sent, answered) = (total("total queries:"), total("total replies:"));
        assert!(sent > u64::from(HOT_RATE), "{name}: {said}");
        assert_eq!(answered, sent, "{name}: {said}");
    }
}

#[test]
fn a_connection_goes_on_with_the_next_daemon() {
    let mut scene = Scene::begin(World::new());
    let _origins = scene.world.origins(3);
    let server = (Family::V4.dns(), 53);
    let connected = scene.world.clients.run(|| TcpStream::connect(server));
    let mut stream = connected.expect("inside").expect("a connection");
    stream.set_read_timeout(Some(ANSWER)).expect("a timeout");
    for _ in 0..3 {
        for name in ["www.example.", "elsewhere.test."] {
            assert_answered(&mut stream, name);
        }
        let stats = scene.config.veerctl(&["stats"]);
        assert_eq!(number(&stats["userspace"]["tcp"], "open"), 1, "{stats:#}");
        scene.change(restart);
        // It is kept no longer than it is needed.
        eventually("it is given", || {
            let kept = scene.manager.kept();
            (!kept.iter().any(|name| name == "connection")).then_some(())
        });
    }
    assert_answered(&mut stream, "www.example.");
}

/// The octets of a question over TCP, of which the number is 7.
fn asked(name: &str) -> Vec<u8> {
    let query = query(7, 0, name, Rtype::A, None);
    let length = u16::try_from(query.len()).expect("a short query");
    [&length.to_be_bytes(), &query[..]].concat()
}

#[track_caller]
fn assert_reply(stream: &mut TcpStream) {
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a length");
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply).expect("a reply");
    assert_eq!((&reply[..2], reply[2] >> 7), (&[0, 7][..], 1), "{reply:?}");
}

#[track_caller]
fn assert_answered(stream: &mut TcpStream, name: &str) {
    stream.write_all(&asked(name)).expect("written");
    assert_reply(stream);
}

#[test]
fn sockets_that_are_wanted_no_more_are_closed_and_others_made() {
    let mut scene = Scene::begin(World::new());
    let _origins = scene.world.origins(3);
    let all = scene.manager.kept();
    let v4 = Family::V4.dns().to_string();
    scene
        .config
        .settings(&[&format!("server.addresses = {v4}")]);
    scene.change(restart);
    let kept = scene.manager.kept();
    assert!(kept.len() < all.len(), "{kept:?}");
    assert!(kept.iter().all(|name| name.contains(&v4)), "{kept:?}");
    scene.config.settings(&[]);
    scene.change(restart);
    assert_eq!(scene.manager.kept(), all);
    for family in Family::ALL {
        let mut client = scene.world.client(Resolver::A, family);
        client.ask("elsewhere.test.", Rtype::A).expect("an answer");
    }
}
