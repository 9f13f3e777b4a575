use crate::{
    authority::testing::name,
    config::tests::{assert_finding, load_files},
    model::{Flattening, HandOver, NameServer, Policy, Quantity, Service, Shape, Way},
};

/// A service with both kinds of hand-over.
const FULL: &str = r#"[[service]]
name = "www.example.com"
customer = "acme"
shape = "direct"
policy = { kind = "failover", order = ["wide", "s1"] }
probe = { kind = "tcp", port = 80 }
[[service.server]]
name = "s1"
addresses = ["192.0.2.1"]
[[service.server]]
name = "s2"
addresses = ["192.0.2.2"]
[[service.hand_over]]
name = "fast"
cname = "www.example.com.cdn.example.net"
cost = 1.5
probe_addresses = ["192.0.2.80", "2001:db8::80"]
[[service.hand_over]]
name = "wide"
ns = [
  { name = "ns1.cdn.example.org." },
  { name = "ns.www.example.com.", addresses = ["192.0.2.53", "2001:db8::53"] },
]
"#;

fn load_one(text: &str) -> Service {
    let config = load_files(&[("services.d/acme.toml", text)]);
    let mut services = config.unwrap_or_else(|found| panic!("{found:#?}")).services;
    services.remove(0)
}

#[test]
fn every_key_is_read() {
    let service = load_one(FULL);
    assert_eq!(service.shape, Shape::Direct);
    let pool = &service.pool;
    assert_eq!(
        pool.hand_overs,
        [
            HandOver {
                name: "fast".to_owned(),
                to: Way::Cname(name("www.example.com.cdn.example.net.")),
                probe_addresses: ["192.0.2.80", "2001:db8::80"]
                    .map(|text| text.parse().unwrap())
                    .into(),
                cost: Quantity(1500),
            },
            HandOver {
                name: "wide".to_owned(),
                to: Way::Ns(vec![
                    NameServer {
                        name: name("ns1.cdn.example.org."),
                        addresses: vec![],
                    },
                    NameServer {
                        name: name("ns.www.example.com."),
                        addresses: ["192.0.2.53", "2001:db8::53"]
                            .map(|text| text.parse().unwrap())
                            .into(),
                    },
                ]),
                probe_addresses: vec![],
                cost: Quantity::default(),
            },
        ]
    );
    let names: Vec<_> = pool.candidates().collect();
    assert_eq!(names, ["s1", "s2", "fast", "wide"]);
    let Policy::Failover { order, .. } = &pool.policy else {
        panic!("{:?}", pool.policy)
    };
    // What is not listed follows: servers, then hand-overs.
    assert_eq!(*order, [3, 0, 1, 2]);
}

#[test]
fn the_shape_goes_with_the_hand_over_where_none_is_set() {
    let unset = FULL.replace("shape = \"direct\"\n", "");
    assert_eq!(load_one(&unset).shape, Shape::Direct);
    let (by_cname, _) = unset
        .split_once("[[service.hand_over]]\nname = \"wide\"")
        .unwrap();
    let by_cname = by_cname.replace("\"wide\"", "\"fast\"");
    assert_eq!(load_one(&by_cname).shape, Shape::Cname);
    let (alone, _) = by_cname.split_once("[[service.hand_over]]").unwrap();
    let alone = alone.replace("\"fast\"", "\"s2\"");
    assert_eq!(load_one(&alone).shape, Shape::Direct);
}

/// Each mistake: what in [`FULL`] becomes what, and the finding.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "\"direct\"",
        "\"cname\"",
        "4: service.www.example.com..shape: `cname` puts the servers' names below the service's, which a hand-over by ns gives away; valid: direct",
    ),
    (
        "name = \"fast\"",
        "name = \"S1\"",
        "14: service.www.example.com..hand_over.S1.name: is the name of the candidate on line 8 already",
    ),
    (
        "name = \"fast\"",
        "name = \"fa.st\"",
        "14: service.www.example.com..hand_over.#1.name: `fa.st` is not a candidate's name; valid: a DNS label",
    ),
    (
        "name = \"fast\"\n",
        "",
        "13: service.www.example.com..hand_over.#1.name: is missing; valid: a DNS label",
    ),
    (
        "\"www.example.com.cdn.example.net\"",
        "\"a..b\"",
        "15: service.www.example.com..hand_over.fast.cname: `a..b` is not a domain name",
    ),
    (
        "\"www.example.com.cdn.example.net\"",
        "\".\"",
        "15: service.www.example.com..hand_over.fast.cname: `.` is the root or a wildcard; valid: the other DNS's name",
    ),
    (
        "\"www.example.com.cdn.example.net\"",
        "\"*.cdn.example.net\"",
        "15: service.www.example.com..hand_over.fast.cname: `*.cdn.example.net` is the root or a wildcard; valid: ",
    ),
    (
        "\"www.example.com.cdn.example.net\"",
        "\"WWW.example.com\"",
        "15: service.www.example.com..hand_over.fast.cname: WWW.example.com. is at or below the service's own name",
    ),
    (
        "\"www.example.com.cdn.example.net\"",
        "\"cdn.www.example.com\"",
        "15: service.www.example.com..hand_over.fast.cname: cdn.www.example.com. is at or below the service's own name",
    ),
    (
        "\"www.example.com.cdn.example.net\"",
        "7",
        "15: service.www.example.com..hand_over.fast.cname: is an integer; valid: the other DNS's name",
    ),
    (
        "cname = \"www.example.com.cdn.example.net\"\n",
        "",
        "13: service.www.example.com..hand_over.fast.cname: is missing, and so are ns and addresses_of; valid: the other DNS's name for the service, e.g. \"www.example.com.cdn.example.net.\", or ns = [",
    ),
    (
        "name = \"wide\"",
        "name = \"wide\"\ncname = \"a.example\"",
        "21: service.www.example.com..hand_over.wide.ns: stands beside cname; valid: one of the two",
    ),
    (
        "probe_addresses",
        "probe_address",
        "17: service.www.example.com..hand_over.fast.probe_address: unknown key in a hand-over; nearest: probe_addresses",
    ),
    (
        "[\"192.0.2.80\", \"2001:db8::80\"]",
        "[]",
        "17: service.www.example.com..hand_over.fast.probe_addresses: has 0 addresses; valid: 1 to 16",
    ),
    (
        "\"192.0.2.80\"",
        "\"192.0.2.1\"",
        "17: service.www.example.com..hand_over.fast.probe_addresses: 192.0.2.1 is in this service on line 9 already",
    ),
    (
        "\"192.0.2.80\"",
        "\"255.255.255.255\"",
        "17: service.www.example.com..hand_over.fast.probe_addresses: `255.255.255.255` is the broadcast address",
    ),
    (
        "{ name = \"ns1.cdn.example.org.\" }",
        "{ name = \"NS.www.example.com\", addresses = [\"192.0.2.54\"] }",
        "22: service.www.example.com..hand_over.wide.ns.#2.name: ns.www.example.com. is listed twice",
    ),
    (
        "{ name = \"ns1.cdn.example.org.\" }",
        "{ name = \"ns2.www.example.com\" }",
        "21: service.www.example.com..hand_over.wide.ns.#1.addresses: is missing, and the name server is at or below the service's own name; valid: 1 up to 8",
    ),
    (
        "{ name = \"ns1.cdn.example.org.\" }",
        "{ addresses = [\"192.0.2.54\"] }",
        "21: service.www.example.com..hand_over.wide.ns.#1.name: is missing; valid: the name of a name server",
    ),
    (
        "{ name = \"ns1.cdn.example.org.\" }",
        "{ name = \"ns1.cdn.example.org.\", port = 53 }",
        "21: service.www.example.com..hand_over.wide.ns.#1.port: unknown key in a name server",
    ),
    (
        "{ name = \"ns1.cdn.example.org.\" }",
        "\"ns1.cdn.example.org.\"",
        "21: service.www.example.com..hand_over.wide.ns.#1: is a string; valid: ns = [{ name = ",
    ),
    (
        "\"192.0.2.53\", \"2001:db8::53\"",
        "\"192.0.2.53\", \"192.0.2.53\"",
        "22: service.www.example.com..hand_over.wide.ns.#2.addresses: 192.0.2.53 is listed twice",
    ),
    (
        "\"192.0.2.53\", \"2001:db8::53\"",
        "",
        "22: service.www.example.com..hand_over.wide.ns.#2.addresses: has 0 addresses; valid: 1 up to 8",
    ),
    (
        "addresses = [\"192.0.2.2\"]",
        "addresses = [\"2001:db8::2\"]",
        "11: service.www.example.com..server.s2.addresses: has other address families than s1; valid with a hand-over: the same for every server",
    ),
    (
        "[\"wide\", \"s1\"]",
        "[\"slow\", \"s1\"]",
        "5: service.www.example.com..policy.order: `slow` is not a candidate of this service; valid: an array of different candidates out of s1, s2, fast, wide",
    ),
];

/// A service that hands over by addresses, at an apex.
const FLAT: &str = r#"[[service]]
name = "example.com"
customer = "acme"
policy = { kind = "failover" }
probe = { kind = "tcp", port = 80 }
[[service.server]]
name = "s1"
addresses = ["192.0.2.1"]
[[service.hand_over]]
name = "flat"
addresses_of = "www.example.com.cdn.example.net"
resolvers = ["192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353"]
"#;

#[test]
fn addresses_of_another_dns_are_told_in_the_direct_shape() {
    let service = load_one(FLAT);
    assert_eq!(service.shape, Shape::Direct);
    let [over] = service.pool.hand_overs.as_slice() else {
        panic!("{:?}", service.pool.hand_overs)
    };
    let resolvers = [
        "192.0.2.53:53",
        "192.0.2.53:5353",
        "[2001:db8::53]:53",
        "[2001:db8::53]:5353",
    ];
    let flattening = Flattening {
        name: name("www.example.com.cdn.example.net."),
        resolvers: resolvers.map(|text| text.parse().unwrap()).into(),
    };
    assert_eq!(over.to, Way::Flattened(flattening));
    let shown = "addresses of www.example.com.cdn.example.net.";
    assert_eq!(over.to_string(), shown);
    let (unsaid, _) = FLAT.split_once("resolvers").unwrap();
    let over = &load_one(unsaid).pool.hand_overs[0];
    assert_eq!(over.flattening().unwrap().resolvers, []);
}

#[test]
fn each_mistake_in_what_is_resolved_here_is_named() {
    const OVER: &str = "service.example.com..hand_over.flat";
    for (what, with, expected) in [
        (
            "customer = \"acme\"",
            "customer = \"acme\"\nshape = \"cname\"",
            "4: service.example.com..shape: `cname` leaves no address at the service's own name"
                .to_owned(),
        ),
        (
            "\"www.example.com.cdn.example.net\"",
            "\".\"",
            format!("11: {OVER}.addresses_of: `.` is the root or a wildcard; valid: the other"),
        ),
        (
            "\"www.example.com.cdn.example.net\"",
            "1",
            format!("11: {OVER}.addresses_of: is an integer; valid: the other DNS's name whose"),
        ),
        (
            "\"192.0.2.53\"",
            "\"192.0.2.53:0\"",
            format!("12: {OVER}.resolvers: `192.0.2.53:0` has port 0; valid: 1 to 4 addresses"),
        ),
        (
            "\"192.0.2.53\"",
            "\"0.0.0.0:53\"",
            format!("12: {OVER}.resolvers: `0.0.0.0` is the unspecified address; valid: "),
        ),
        (
            "\"192.0.2.53\"",
            "\"ns1.example.net\"",
            format!("12: {OVER}.resolvers: `ns1.example.net` is not an IP address; valid: "),
        ),
        (
            "\"192.0.2.53\"",
            "\"192.0.2.53:5353\"",
            format!("12: {OVER}.resolvers: 192.0.2.53:5353 is listed twice; valid: 1 to 4"),
        ),
        (
            "\"192.0.2.53\"",
            "\"192.0.2.53\", \"192.0.2.54\"",
            format!("12: {OVER}.resolvers: has 5 resolvers; valid: 1 to 4 addresses"),
        ),
        (
            "addresses_of",
            "cname",
            format!("12: {OVER}.resolvers: stands without addresses_of"),
        ),
        (
            "addresses_of",
            "cname = \"a.example\"\naddresses_of",
            format!("12: {OVER}.addresses_of: stands beside cname; valid: one of the two"),
        ),
        (
            "addresses_of",
            "ns = []\naddresses_of",
            format!("12: {OVER}.addresses_of: stands beside ns; valid: one of the two"),
        ),
        (
            "[[service.hand_over]]",
            "[[service.hand_over]]\nname = \"other\"\ncname = \"a.example\"\n[[service.hand_over]]",
            "12: service.example.com..hand_over: flat is one by addresses_of, and other is not; \
             valid: all hand-overs of a service by addresses_of, or none"
                .to_owned(),
        ),
    ] {
        assert!(FLAT.contains(what), "{what}");
        let text = FLAT.replacen(what, with, 1);
        let expected = format!("services.d/acme.toml:{expected}");
        assert_finding(&[("services.d/acme.toml", &text)], &expected);
    }
}

#[test]
fn each_mistake_is_named_with_its_line() {
    for (what, with, expected) in MISTAKES {
        assert!(FULL.contains(what), "{what}");
        let text = FULL.replacen(what, with, 1);
        let expected = format!("services.d/acme.toml:{expected}");
        assert_finding(&[("services.d/acme.toml", &text)], &expected);
    }
}

#[test]
fn all_mistakes_are_found_together() {
    let text = FULL
        .replace("\"www.example.com.cdn.example.net\"", "\".\"")
        .replace("\"192.0.2.80\"", "\"0.0.0.0\"")
        .replace("name = \"wide\"", "name = \"fast\"\nport = 53");
    let found = load_files(&[("services.d/acme.toml", &text)]).unwrap_err();
    // The order names a hand-over that is called otherwise now.
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn there_are_eight_candidates_at_most() {
    let over = |number: usize| {
        format!("[[service.hand_over]]\nname = 'c{number}'\ncname = 'c{number}.example.net'\n")
    };
    let with = |count| FULL.to_owned() + &(0..count).map(over).collect::<String>();
    assert_eq!(load_one(&with(4)).pool.candidates().count(), 8);
    assert_finding(
        &[("services.d/acme.toml", &with(5))],
        "services.d/acme.toml:13: service.www.example.com..hand_over: has 7 hand-overs beside 2 servers; valid: 8 at most together",
    );
}

#[test]
fn a_referral_has_eight_name_servers_at_most() {
    let with = |count: usize| {
        let servers = (0..count).map(|number| format!("{{ name = \"n{number}.example.org\" }},"));
        FULL.replace(
            "{ name = \"ns1.cdn.example.org.\" },",
            &servers.collect::<String>(),
        )
    };
    load_one(&with(7));
    assert_finding(
        &[("services.d/acme.toml", &with(8))],
        "services.d/acme.toml:20: service.www.example.com..hand_over.wide.ns: has 9 name servers; valid: ns = [",
    );
}
