//! Two providers of access, each with a `veerd` and a recursor of its own: clients of each
//! are led to the server that is quickest from there.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use xtask::lab::{
    Daemon, HttpServer, Namespace,
    http::Response,
    veth::{self, End},
};

use crate::{
    recursor::{Program, Recursor},
    root::Root,
    support::{eventually, lines, world::World},
};

/// Where the server of that number is, from 1 to 3.
const fn server(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 6, 0, number))
}

/// Response times that nothing else comes near, even where the machine is busy.
const NEAR: Duration = Duration::from_millis(5);
const FAR: Duration = Duration::from_millis(60);
const FURTHEST: Duration = Duration::from_millis(115);

/// One provider: its recursor, and the `veerd` beside it.
struct Isp {
    /// Where its probes come from, as the web servers see it.
    address: IpAddr,
    recursor: Recursor,
    _daemon: Daemon,
    _root: Root,
    _world: World,
}

/// The servers' side of the uplink of the provider `number`.
fn uplink(number: u8, host: u8) -> IpAddr {
    Ipv4Addr::new(10, 7, number, host).into()
}

/// Joins `world` to the servers in `web`, as the provider `number`.
fn join(world: &World, web: &Namespace, number: u8) {
    let interface = format!("isp{number}");
    let near = End {
        namespace: &world.dns,
        interface: "web",
    };
    let far = End {
        namespace: web,
        interface: &interface,
    };
    veth::join(near, far).expect("a veth pair");
    for (end, host) in [(near, 1), (far, 2)] {
        let address = uplink(number, host);
        let added = end.namespace.add_address(end.interface, address, 24);
        added.expect("an address");
    }
    let via = uplink(number, 2).to_string();
    let routed = world.dns.ip(&["route", "add", "10.6.0.0/24", "via", &via]);
    routed.expect("a route");
}

fn service() -> String {
    let servers = lines(1..=3, |number| {
        let address = server(number);
        format!("[[service.server]]\nname = \"s{number}\"\naddresses = [\"{address}\"]\n")
    });
    format!(
        "[[service]]\nname = \"www.example.\"\ncustomer = \"acme\"\nttl_s = 1\n\
         [service.policy]\nkind = \"latency\"\n[service.probe]\nkind = \"http\"\n\
         interval_ms = 300\ntimeout_ms = 290\nup_after = 1\ndown_after = 5\n\
         weight_permille = 500\n{servers}"
    )
}

impl Isp {
    #[track_caller]
    fn start(world: World, number: u8) -> Self {
        let config = world.config("veer", &[]);
        config.write("services.d/all.toml", &service());
        let daemon = world.start(&config);
        let mut root = Root::start(&world);
        root.wait(&world);
        let directory = world.lab.dir();
        let program = Program::Unbound;
        let recursor = Recursor::start_in(&world, &root, directory, program, program.habits());
        Self {
            address: uplink(number, 1),
            recursor,
            _daemon: daemon,
            _root: root,
            _world: world,
        }
    }

    /// Has `servers` take so long to answer it, in their order.
    fn set_delays(&self, servers: &[HttpServer], delays: [Duration; 3]) {
        for (server, delay) in servers.iter().zip(delays) {
            let response = Response {
                delay,
                ..Response::ok("ok")
            };
            server.respond_to(self.address, response);
        }
    }

    /// What its clients get.
    #[track_caller]
    fn answer(&self) -> Vec<String> {
        let reply = self.recursor.ask(&[["www.example.", "A"]]).remove(0);
        assert_eq!(reply.rcode, "NOERROR", "{}", self.recursor.said());
        reply.answer
    }

    /// Waits until its clients are led to the server of that number.
    #[track_caller]
    fn led_to(&self, number: u8) {
        let expected = format!("www.example. A {}", server(number));
        eventually(&format!("{}: {expected}", self.address), || {
            (self.answer() == [expected.as_str()]).then_some(())
        });
    }
}

#[test]
fn l1_each_isp_is_led_to_the_server_that_is_quickest_from_there() {
    let worlds = [World::new(), World::new()];
    let web = worlds[0].lab.namespace("web").expect("a namespace");
    for (world, number) in worlds.iter().zip(1..) {
        join(world, &web, number);
    }
    let servers = [1, 2, 3].map(|number| {
        let address = server(number);
        web.add_address("lo", address, 32).expect("an address");
        let server = HttpServer::start(&web, SocketAddr::new(address, 80), Response::ok("ok"));
        server.expect("it listens")
    });
    let [one, other] = worlds;
    let isps = [Isp::start(one, 1), Isp::start(other, 2)];

    isps[0].set_delays(&servers, [NEAR, FAR, FURTHEST]);
    isps[1].set_delays(&servers, [FURTHEST, FAR, NEAR]);
    isps[0].led_to(1);
    isps[1].led_to(3);

    isps[0].set_delays(&servers, [FURTHEST, FAR, NEAR]);
    isps[1].set_delays(&servers, [NEAR, FAR, FURTHEST]);
    isps[0].led_to(3);
    isps[1].led_to(1);

    // What is so for one of them alone is nothing to the other.
    isps[0].set_delays(&servers, [FURTHEST, NEAR, FAR]);
    isps[0].led_to(2);
    isps[1].led_to(1);
}
