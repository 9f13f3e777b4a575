//! Client subnets (RFC 7871), as dig sends them: where they are believed they
//! choose the group, and the reply says how far its answer holds.

mod support;

use support::{
    config::Config,
    tools::dig_all,
    world::{Family, Resolver, World},
    zone,
};
use xtask::lab::Daemon;

/// Groups beside those of the resolvers.
const MORE_GROUPS: &str = "\
10.20.0.0/16    isp-b
10.20.7.128/25  isp-a
fd20::/32       isp-b
fd20:0:5::/48   isp-a
";

/// What `www.example.` has for isp-a and those of no group, and for isp-b.
const A: &str = "www.example. A 10.8.0.1";
const B: &str = "www.example. A 10.8.0.2";

/// Subnets, what of `www.example.` they get, and the scope: the largest block
/// that is of one group.
const SUBNETS: [(&str, &str, u8); 10] = [
    ("10.9.2.0/24", B, 24),
    ("10.9.2.99/32", B, 24),
    ("10.20.200.0/24", B, 17),
    ("10.20.6.0/24", B, 24),
    // Of several groups, the one of its first address.
    ("10.20.7.0/24", B, 25),
    ("10.20.7.128/25", A, 25),
    ("192.0.2.0/24", A, 1),
    ("fd20:0:8000::/48", B, 33),
    ("fd20:0:5:6::/64", A, 48),
    ("fd09::/56", A, 64),
];

/// What those who want no address to count write, and what comes back.
const NOBODYS: [(&str, &str); 2] = [("0", "0.0.0.0/0/0"), ("::/0", "::/0/0")];

/// What is not steered, and so the same for all.
const EVERYBODYS: [(&str, &str); 4] = [
    ("static.example.", "10.9.2.0/24"),
    ("absent.example.", "10.9.2.0/24"),
    ("www.sub.example.", "10.9.2.0/24"),
    ("a.wild.example.", "10.9.2.0/24"),
];

/// A daemon that answers with these settings.
#[track_caller]
fn start(world: &World, settings: &[&str]) -> (Config, Daemon) {
    let config = world.config("veer", &[zone::WWW]);
    config.write("groups.conf", &(zone::GROUPS.to_owned() + MORE_GROUPS));
    config.settings(settings);
    let daemon = world.start(&config);
    (config, daemon)
}

/// What a resolver is told of an address: the record, if there is one, and the
/// option.
type Told = (String, Option<String>);

/// What `resolver` is told to names with subnets.
#[track_caller]
fn ask(world: &World, resolver: Resolver, questions: &[(&str, &str)]) -> Vec<Told> {
    let queries: Vec<_> = questions
        .iter()
        .map(|(name, subnet)| {
            [
                (*name).to_owned(),
                "A".to_owned(),
                format!("+subnet={subnet}"),
            ]
        })
        .collect();
    let [v4, v6] = Family::ALL.map(|family| {
        let between = (resolver.address(family), family.dns());
        let replies = dig_all(&world.clients, between, &queries).into_iter();
        replies
            .map(|reply| (reply.answer.concat(), reply.subnet))
            .collect::<Vec<_>>()
    });
    assert_eq!(v4, v6, "{resolver:?}: over IPv4 and over IPv6");
    v4
}

/// Fails unless `resolver` is told that of `www.example.` to [`SUBNETS`].
#[track_caller]
fn assert_told(world: &World, resolver: Resolver, expected: &[Told]) {
    let questions = SUBNETS.map(|(subnet, ..)| ("www.example.", subnet));
    assert_eq!(ask(world, resolver, &questions), expected, "{resolver:?}");
}

/// Fails unless subnets choose the answers to `resolver`.
#[track_caller]
fn assert_believed(world: &World, resolver: Resolver) {
    let told = |(subnet, answer, scope): (&str, &str, u8)| {
        (answer.to_owned(), Some(format!("{subnet}/{scope}")))
    };
    assert_told(world, resolver, &SUBNETS.map(told));
}

/// Fails unless subnets are left out of the replies to `resolver`, who gets
/// `answer`, its own group's.
#[track_caller]
fn assert_left_out(world: &World, resolver: Resolver, answer: &str) {
    assert_told(world, resolver, &SUBNETS.map(|_| (answer.to_owned(), None)));
}

#[test]
fn a_subnet_chooses_the_group_and_the_reply_says_how_far_that_holds() {
    let world = World::new();
    let _origins = world.origins(3);
    let (config, _daemon) = start(&world, &[]);
    let assert_all = || {
        assert_believed(&world, Resolver::A);
        for (resolver, answer) in [(Resolver::A, A), (Resolver::B, B)] {
            let questions = NOBODYS.map(|(subnet, _)| ("www.example.", subnet));
            let expected = NOBODYS.map(|(_, option)| (answer.to_owned(), Some(option.to_owned())));
            assert_eq!(ask(&world, resolver, &questions), expected, "{resolver:?}");
        }
        for (_, option) in ask(&world, Resolver::A, &EVERYBODYS) {
            assert_eq!(option.as_deref(), Some("10.9.2.0/24/0"));
        }
    };
    assert_all();
    let in_kernel = config.stats();
    assert!(in_kernel.answered() > 0 && in_kernel.userspace() == 0);
    config.veerctl(&["detach"]);
    assert_all();
    assert_eq!(config.stats().userspace(), in_kernel.answered());
}

#[test]
fn switched_off_a_subnet_is_left_out() {
    let world = World::new();
    let _origins = world.origins(3);
    let (config, _daemon) = start(&world, &["edns.client_subnet = off"]);
    assert_left_out(&world, Resolver::A, A);
    assert_left_out(&world, Resolver::B, B);
    assert_eq!(config.stats().userspace(), 0);
}

#[test]
fn trusted_are_those_of_the_last_reload() {
    let world = World::new();
    let _origins = world.origins(3);
    let settings = |trusted: Resolver| {
        let [v4, v6] = Family::ALL.map(|family| trusted.address(family));
        [
            "edns.client_subnet = trusted".to_owned(),
            format!("edns.client_subnet_trusted = {v4} {v6}"),
        ]
    };
    let first = settings(Resolver::A);
    let (config, _daemon) = start(&world, &first.each_ref().map(String::as_str));
    assert_believed(&world, Resolver::A);
    assert_left_out(&world, Resolver::B, B);
    assert_left_out(&world, Resolver::Other, A);

    let second = settings(Resolver::B);
    config.settings(&second.each_ref().map(String::as_str));
    config.veerctl(&["reload"]);
    assert_left_out(&world, Resolver::A, A);
    assert_believed(&world, Resolver::B);
    assert_eq!(config.stats().userspace(), 0);
}
