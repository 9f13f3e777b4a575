//! Who gets which part of resolvers, by weight: from a block of each slot of the hash
//! space, as client subnets of one resolver.

mod support;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use dns_common::decision::SLOTS;
use domain::base::{Message, Rtype};
use support::{
    blocks::{blocks, counts, moves, servers},
    config::Config,
    eventually, lines,
    query::{CLIENT_SUBNET, Edns, query},
    world::{Family, Resolver, World},
};
use xtask::lab::dns::Reply;

const WWW: &str = "www.example.";

/// Writes a service of three servers with these weights.
fn write(config: &Config, weights: &str) {
    let policy = format!("kind = \"weighted\"\nweights = {{ {weights} }}");
    write_service(config, &policy);
}

/// Writes a service of three servers with this policy, and what stands behind it.
fn write_service(config: &Config, policy: &str) {
    let servers = lines(1..=3, |number| {
        format!("[[service.server]]\nname = \"s{number}\"\naddresses = [\"10.8.0.{number}\"]\n")
    });
    let text = format!(
        "[[service]]\nname = \"{WWW}\"\ncustomer = \"acme\"\n[service.policy]\n{policy}\n\
         [service.probe]\nkind = \"tcp\"\nport = 80\ninterval_ms = 200\n\
         timeout_ms = 150\nup_after = 2\ndown_after = 2\n{servers}"
    );
    config.write("services.d/all.toml", &text);
}

/// Whether the option in a reply to the /24 of such a subnet (RFC 7871 section 6) is `told`.
fn tells(world: &World, told: [u8; 7]) -> bool {
    let mut asked = told;
    asked[3] = 0;
    let edns = Edns::new().with(CLIENT_SUBNET, &asked);
    let query = query(1, 0, WWW, Rtype::A, Some(&edns));
    let reply = world.client(Resolver::A, Family::V4).exchange(&query);
    let reply = reply.expect("a reply");
    reply.windows(told.len()).any(|octets| octets == told)
}

#[test]
fn weights_divide_resolvers_and_what_changes_moves_only_what_it_must() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", &[]);
    config.exempt_all();
    write(&config, "s1 = 3, s2 = 1");
    let daemon = world.start(&config);
    let three_to_one = servers(&world, WWW);
    // A neighbour may be another server's.
    assert!(tells(&world, [0, 1, 24, 24, 30, 1, 2]));
    assert_eq!(counts(&three_to_one), [768, 256, 0]);

    // Another weight, by a reload.
    write(&config, "s1 = 2, s2 = 1, s3 = 1");
    config.veerctl(&["reload"]);
    let all = servers(&world, WWW);
    assert_eq!(counts(&all), [512, 256, 256]);
    let moved = moves(&three_to_one, &all);
    assert_eq!(moved, vec![(1, 3); 256]);

    // A death, and a return.
    origins.remove(2).stop();
    let dead = eventually("nobody gets s3", || {
        let now = servers(&world, WWW);
        (counts(&now)[2] == 0).then_some(now)
    });
    assert_eq!(counts(&dead), [683, 341, 0]);
    let moved = moves(&all, &dead);
    assert_eq!(moved.len(), 256);
    assert!(moved.iter().all(|(from, _)| *from == 3), "{moved:?}");
    let _origin = support::origin::Origin::start(&world, 3);
    let back = eventually("s3 has its part", || {
        let now = servers(&world, WWW);
        (counts(&now) == [512, 256, 256]).then_some(now)
    });
    let moved = moves(&dead, &back);
    assert_eq!(moved.len(), 256);
    assert!(moved.iter().all(|(_, to)| *to == 3), "{moved:?}");

    // Told as it is.
    let states = config.veerctl(&["states"]);
    let shares = states["shares"][0]["candidates"]
        .as_array()
        .expect("shares");
    let slots: Vec<_> = shares.iter().map(|share| share["slots"].clone()).collect();
    assert_eq!(slots, [512, 256, 256], "{states:#}");
    for (block, server) in blocks().into_iter().zip(&back).take(20) {
        let asked = ["explain", WWW, "--from", &block.to_string()];
        let explained = config.veerctl(&asked);
        let decision = &explained["origin"]["decision"]["server"];
        assert_eq!(*decision, format!("s{server}"), "{explained:#}");
    }

    // The kernel goes on alone, and a daemon without a memory divides nearly alike.
    daemon.sigkill().expect("it is killed");
    assert_eq!(servers(&world, WWW), back);
    let _daemon = world.start(&config);
    let anew = servers(&world, WWW);
    assert_eq!(counts(&anew), [512, 256, 256]);
    let moved = moves(&back, &anew);
    assert!(moved.len() <= 30, "{moved:?}");

    assert_eq!(
        config.stats().userspace(),
        0,
        "the kernel answers all of it"
    );
    config.veerctl(&["detach"]);
    assert_eq!(servers(&world, WWW), anew);
    assert_eq!(config.stats().userspace(), SLOTS as u64);
}

#[test]
fn a_pin_holds_for_all_of_its_group() {
    let world = World::new();
    let _origins = world.origins(3);
    let config = world.config("veer", &[]);
    config.exempt_all();
    write(&config, "s1 = 2, s2 = 1, s3 = 1");
    config.write("groups.conf", "30.128.0.0/9  east\n30.0.0.0/9  west\n");
    let _daemon = world.start(&config);
    let all = servers(&world, WWW);
    config.veerctl(&["pin", WWW, "west", "s3"]);
    let is_west = |block: &Ipv4Addr| block.octets()[1] < 128;
    let expected = blocks().into_iter().zip(&all);
    let expected = expected.map(|(block, server)| if is_west(&block) { 3 } else { *server });
    let expected: Vec<u8> = expected.collect();
    eventually("the west is pinned", || {
        (servers(&world, WWW) == expected).then_some(())
    });
    // As far as the group goes.
    assert!(tells(&world, [0, 1, 24, 9, 30, 1, 2]));
    assert!(tells(&world, [0, 1, 24, 24, 30, 201, 2]));
    let explained = config.veerctl(&["explain", WWW, "--from", "30.1.2.3"]);
    let pin = &explained["origin"]["explanation"];
    assert_eq!(
        (&pin["slot"], &pin["a"]["server"]),
        (&serde_json::Value::Null, &"s3".into())
    );
    config.veerctl(&["unpin", WWW, "west"]);
    eventually("the west is divided again", || {
        (servers(&world, WWW) == all).then_some(())
    });
}

#[test]
fn a_server_that_returns_takes_over_little_by_little() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", &[]);
    config.exempt_all();
    let policy = "kind = \"failover\"\n[service.health]\nslow_start_s = 8";
    write_service(&config, policy);
    let _daemon = world.start(&config);
    assert_eq!(counts(&servers(&world, WWW)), [1024, 0, 0]);
    origins.remove(0).stop();
    eventually("nobody gets s1", || {
        (counts(&servers(&world, WWW))[0] == 0).then_some(())
    });
    let _origin = support::origin::Origin::start(&world, 1);
    let begun = eventually("s1 is back", || {
        (counts(&servers(&world, WWW))[0] > 0).then(Instant::now)
    });
    let mut before = servers(&world, WWW);
    assert!(counts(&before)[0] < 512, "{:?}", counts(&before));
    while counts(&before)[0] < 1024 {
        let now = servers(&world, WWW);
        let moved = moves(&before, &now);
        assert!(moved.iter().all(|moved| *moved == (2, 1)), "{moved:?}");
        assert!(moved.len() < 512, "{}", moved.len());
        before = now;
    }
    assert!(
        begun.elapsed() > Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

/// How often `queries` of one resolver are answered with each of three servers.
fn drawn(world: &World, queries: u16) -> [usize; 3] {
    let client = world.client(Resolver::A, Family::V4);
    let server = |id: u16| {
        let reply = client.exchange(&query(id, 0, WWW, Rtype::A, None));
        let reply = Reply(Message::from_octets(reply.expect("a reply")).expect("a message"));
        match reply.addresses().expect("addresses")[..] {
            [IpAddr::V4(address)] => address.octets()[3],
            ref addresses => panic!("{id}: {addresses:?}"),
        }
    };
    counts(&(0..queries).map(server).collect::<Vec<u8>>())
}

#[test]
fn without_stickiness_each_query_is_drawn_by_the_weights() {
    let world = World::new();
    let mut origins = world.origins(3);
    let config = world.config("veer", &[]);
    config.exempt_all();
    let policy = "kind = \"weighted\"\nsticky = false\nweights = { s1 = 2, s2 = 1, s3 = 1 }";
    write_service(&config, policy);
    let _daemon = world.start(&config);
    let queries = 4096;
    let is_near = |drawn: [usize; 3], parts: [usize; 3]| {
        let pairs = drawn.into_iter().zip(parts);
        pairs
            .into_iter()
            .all(|(drawn, part)| drawn.abs_diff(part) < 128)
    };
    let kernel = drawn(&world, queries);
    assert!(is_near(kernel, [2048, 1024, 1024]), "{kernel:?}");
    // That a block is one's is nothing to its group.
    assert!(tells(&world, [0, 1, 24, 4, 30, 1, 2]));
    let explained = config.veerctl(&["explain", WWW, "--from", "30.1.2.3"]);
    let decision = &explained["origin"]["decision"];
    assert_eq!(
        *decision,
        serde_json::json!({ "drawn": ["s1", "s2", "s3"] })
    );
    assert_eq!(
        explained["origin"]["explanation"]["slot"],
        serde_json::Value::Null
    );

    assert_eq!(
        config.stats().userspace(),
        0,
        "the kernel answers all of it"
    );
    config.veerctl(&["detach"]);
    assert_eq!(drawn(&world, queries), kernel, "one query, one answer");

    origins.remove(0).stop();
    eventually("nobody gets s1", || {
        (drawn(&world, 256)[0] == 0).then_some(())
    });
    let rest = drawn(&world, queries);
    assert!(is_near(rest, [0, 2048, 2048]), "{rest:?}");
}
