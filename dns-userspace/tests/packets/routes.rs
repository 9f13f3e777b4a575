//! Where replies go with `xdp.reply = fib`: by the routing and neighbour tables
//! of a namespace with two links.

use std::{fs, net::IpAddr, process::Command};

use dns_common::{
    host::Constants,
    outcome::{Action, Outcome},
};
use xtask::lab::{
    Lab, Namespace,
    veth::{End, join},
};

use crate::{
    cases::ask,
    rig::{Counted, PLAIN, Ran, Rig, run_on},
    shared::plain::Opt,
    wire::{A, Datagram, Question},
    world::{self, V4, V6, WWW},
};

const BY_FIB: Constants = Constants {
    payload: 4096,
    reply_by_fib: 1,
    ..PLAIN
};

/// The link that queries come by, and another one.
const LINK: &str = "near";
const OTHER: &str = "far";

/// A host between two networks, and a program that runs there.
struct Host {
    namespace: Namespace,
    rig: Rig,
    /// Interface number and MAC address of [`LINK`].
    link: (u32, [u8; 6]),
    _lab: Lab,
}

impl Host {
    fn new() -> Self {
        let lab = Lab::new().expect("a lab");
        let namespace = lab.namespace("host").expect("a namespace");
        let peer = lab.namespace("peer").expect("a namespace");
        for interface in [LINK, OTHER] {
            let [one, other] = [&namespace, &peer].map(|namespace| End {
                namespace,
                interface,
            });
            join(one, other).expect("a veth pair");
        }
        for (interface, address, len) in [
            (LINK, "10.1.3.1", 24),
            (LINK, "2001:db8:5::1", 48),
            (OTHER, "10.200.3.1", 24),
            (OTHER, "fd12:3456::ff", 64),
        ] {
            let address = address.parse().expect("an address");
            let added = namespace.add_address(interface, address, len);
            added.expect("an address is added");
        }
        let rig = Rig::with(world::CAPACITY, &BY_FIB);
        world::publish(&rig.tables);
        let number = in_sysfs(&namespace, LINK, "ifindex");
        let mac = in_sysfs(&namespace, LINK, "address");
        Self {
            link: (number.parse().expect("a number"), parse_mac(&mac)),
            namespace,
            rig,
            _lab: lab,
        }
    }

    fn ip(&self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        self.namespace.ip(&words).expect(line);
    }

    /// Sets a knob of `net`.
    fn set(&self, knob: &str, value: &str) {
        let path = format!("/proc/sys/net/{knob}");
        let written = self.namespace.run(|| fs::write(&path, value));
        written.expect("setns").expect(&path);
    }

    /// Runs the program on `frame` as one that came in by [`LINK`].
    fn run(&mut self, frame: &[u8]) -> (Ran, Counted) {
        let before = self.rig.counts();
        let (kernel, link) = (&mut self.rig.kernel, self.link.0);
        let ran = self.namespace.run(|| run_on(kernel, frame, Some(link)));
        (ran.expect("setns"), self.rig.counted_since(&before))
    }

    /// Asserts that a query from `resolver` is answered to the MAC address `to`.
    fn expect_answer(&mut self, resolver: &str, to: [u8; 6], tags: &[(u16, u16)]) {
        let way = way(resolver, tags);
        let (ran, counted) = self.run(&way.frame(&ask().query()));
        assert_eq!(
            counted,
            Counted::one(Outcome::Answered, Some(0)),
            "{resolver}"
        );
        let group = world::resolvers().find(|(known, _)| *known == way.source.0);
        let (_, group) = group.expect("a resolver of the world");
        let answer = world::site(WWW).answer_for(ask().rtype, group);
        let back = Datagram {
            source_mac: self.link.1,
            destination_mac: to,
            ..way.back()
        };
        let reply = back.frame(&ask().reply(&answer.expect("an answer")));
        assert_eq!(ran.frame, reply, "{resolver}");
        assert_eq!(ran.action, Action::Reply);
    }

    /// Asserts that a query from `resolver` goes up as it came.
    fn expect_up(&mut self, what: &str, resolver: &str) {
        self.expect_up_for(what, resolver, &ask());
    }

    fn expect_up_for(&mut self, what: &str, resolver: &str, question: &Question) {
        let frame = way(resolver, &[]).frame(&question.query());
        let (ran, counted) = self.run(&frame);
        assert_eq!(counted, Counted::one(Outcome::UpRoute, None), "{what}");
        assert_eq!((ran.action, ran.frame), (Action::Up, frame), "{what}");
    }
}

fn way(resolver: &str, tags: &[(u16, u16)]) -> Datagram {
    let resolver: IpAddr = resolver.parse().expect("an address");
    let ours = if resolver.is_ipv4() { V4 } else { V6 };
    Datagram {
        tags: tags.to_vec(),
        ..Datagram::new(resolver, ours)
    }
}

/// What `/sys/class/net` says of an interface, in a mount of its own: the
/// namespace's is not the one mounted here.
fn in_sysfs(namespace: &Namespace, interface: &str, file: &str) -> String {
    let mut shell = namespace.enter(Command::new("unshare"));
    shell.args(["--mount", "sh", "-ec"]).arg(format!(
        "mount -t sysfs sysfs /sys; cat /sys/class/net/{interface}/{file}"
    ));
    let output = shell.output().expect("unshare runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

fn parse_mac(text: &str) -> [u8; 6] {
    let octets = text.split(':');
    let octets: Vec<u8> = octets
        .map(|octet| u8::from_str_radix(octet, 16).expect("hexadecimal"))
        .collect();
    octets.try_into().expect("six octets")
}

const NEAR: [u8; 6] = [2, 0, 0, 0, 0x10, 1];
const ROUTER: [u8; 6] = [2, 0, 0, 0, 0x10, 2];

// On the link, behind a router on it, and on the other link.
const ON_LINK: [&str; 2] = ["10.1.3.7", "2001:db8:5:ffff::9"];
const BEHIND: [&str; 2] = ["198.51.100.9", "2400::9"];
const ON_OTHER: [&str; 2] = ["10.200.3.4", "fd12:3456::1"];

#[test]
fn replies_go_to_the_next_hop_on_the_same_link_and_else_up() {
    let mut host = Host::new();
    for resolver in ON_LINK {
        host.expect_up("forwarding is off", resolver);
    }
    host.set("ipv4/ip_forward", "1");
    host.set("ipv6/conf/all/forwarding", "1");
    for resolver in ON_LINK {
        host.expect_up("no neighbour yet", resolver);
    }
    for resolver in BEHIND {
        host.expect_up("no route", resolver);
    }

    for (resolver, router) in [(ON_LINK[0], "10.1.3.254"), (ON_LINK[1], "2001:db8:5::fe")] {
        host.ip(&format!(
            "neigh replace {resolver} lladdr 02:00:00:00:10:01 dev {LINK}"
        ));
        host.ip(&format!(
            "neigh replace {router} lladdr 02:00:00:00:10:02 dev {LINK}"
        ));
        host.ip(&format!("route add default via {router} dev {LINK}"));
    }
    for resolver in ON_OTHER {
        host.ip(&format!(
            "neigh replace {resolver} lladdr 02:00:00:00:10:03 dev {OTHER}"
        ));
    }
    for tags in [&[][..], &[(0x8100, 7)], &[(0x88a8, 7), (0x8100, 8)]] {
        for resolver in ON_LINK {
            host.expect_answer(resolver, NEAR, tags);
        }
        for resolver in BEHIND {
            host.expect_answer(resolver, ROUTER, tags);
        }
    }
    for resolver in ON_OTHER {
        host.expect_up("another link", resolver);
    }
    host.ip(&format!("link set {LINK} mtu 1280"));
    let long = Question::new(&world::fills_a_frame(), A).with(Opt {
        payload: 4096,
        ..Opt::default()
    });
    for resolver in [ON_LINK, BEHIND].concat() {
        host.expect_up_for("longer than the link takes", resolver, &long);
    }
    for resolver in ON_LINK {
        host.expect_answer(resolver, NEAR, &[]);
    }

    for resolver in ON_LINK {
        host.ip(&format!("neigh del {resolver} dev {LINK}"));
        host.expect_up("the neighbour is gone", resolver);
    }
    for resolver in BEHIND {
        host.ip(&format!("route add blackhole {resolver}"));
        host.expect_up("a black hole", resolver);
    }
    host.set("ipv4/ip_forward", "0");
    host.set("ipv6/conf/all/forwarding", "0");
    for resolver in BEHIND {
        host.expect_up("forwarding is off again", resolver);
    }
}
