use std::{fmt::Write, net::Ipv4Addr};

use super::*;
use crate::authority::testing::{Nothing, Table, lines, name, records, zone};

const ZONE: &str = "\
@ MX 10 mail
@ MX 20 mail
@ MX 30 mx.example.net.
mail A 192.0.2.25
mail AAAA 2001:db8::25
_sip._tcp SRV 0 0 5060 mail
www A 192.0.2.2
www A 192.0.2.1
www TXT \"w\"
alias CNAME alias2
alias2 60 CNAME www
out CNAME www.other.test.
cross CNAME www.example.net.
dangling CNAME nothing
loop1 CNAME loop2
loop2 CNAME loop1
self CNAME self
host.ent A 192.0.2.9
*.wild A 192.0.2.7
host.ent.wild A 192.0.2.8
*.walias CNAME www
dn DNAME example.net.
dn TXT \"dn\"
dloop DNAME dloop
sub NS ns.sub
sub NS ns.sib
sub NS ns1
sub NS ns.elsewhere.test.
ns.sub A 192.0.2.60
ns.sub AAAA 2001:db8::60
*.sub TXT \"occluded\"
sib NS ns.sib
ns.sib A 192.0.2.61
secure NS ns1
secure DS 1 13 2 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
child NS ns1.child
ns1.child A 192.0.2.99
to-sub CNAME host.sub
";

fn zones() -> Zones {
    let zones = [
        ("example.com", ZONE),
        ("example.net", "www A 198.51.100.1\nmx A 198.51.100.25\n"),
        ("child.example.com", ""),
    ];
    Zones::new(zones.map(|(apex, text)| zone(apex, text)).into()).expect("distinct zones")
}

/// The RCODE with what else is so, then the records, each behind its section;
/// names are written without their last dot.
fn show(response: &Response<'_>) -> Vec<String> {
    let mut head = response.rcode.to_string();
    for (flag, word) in [
        (response.authoritative, " AA"),
        (response.wildcard, " wildcard"),
        (response.steered, " steered"),
    ] {
        if flag {
            head.push_str(word);
        }
    }
    let mut lines = vec![head];
    let sections = [
        ("answer", &response.answer),
        ("authority", &response.authority),
        ("glue", &response.glue),
        ("additional", &response.additional),
    ];
    for (section, groups) in sections {
        for group in groups {
            for record in group.records.iter() {
                let mut line = format!("{section} ");
                let owner = group.owner.as_ref().unwrap_or(record.owner());
                let (ttl, data) = (record.ttl().as_secs(), record.data());
                write!(line, "{owner} {ttl} {} {data}", record.rtype()).expect("a String");
                lines.push(line.replace(". ", " ").trim_end_matches('.').to_owned());
            }
        }
    }
    lines
}

#[track_caller]
fn check_with(
    zones: &Zones,
    steering: &impl Steering,
    qname: &str,
    qtype: Rtype,
    expected: &[&str],
) {
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let response = lookup(zones, &name(qname), qtype, source, steering);
    assert_eq!(show(&response), expected, "{qname} {qtype}");
}

#[track_caller]
fn check(qname: &str, qtype: Rtype, expected: &[&str]) {
    check_with(&zones(), &Nothing, qname, qtype, expected);
}

/// The SOA of example.com as negative answers carry it: TTL 600, not 3600.
const SOA: &str =
    "authority example.com 600 SOA ns1.example.com admin.example.com 1 7200 3600 1209600 600";

#[test]
fn rfc1034_4_3_2_positive_answer_keeps_the_order_of_the_file() {
    check(
        "www.example.com",
        Rtype::A,
        &[
            "NOERROR AA",
            "answer www.example.com 300 A 192.0.2.2",
            "answer www.example.com 300 A 192.0.2.1",
        ],
    );
}

#[test]
fn rfc4343_names_match_without_case() {
    check(
        "WwW.eXample.COM",
        Rtype::TXT,
        &["NOERROR AA", "answer www.example.com 300 TXT \"w\""],
    );
}

#[test]
fn rfc1034_4_3_2_step_6_addresses_of_targets_come_once() {
    let mail = [
        "additional mail.example.com 300 A 192.0.2.25",
        "additional mail.example.com 300 AAAA 2001:db8::25",
    ];
    check(
        "example.com",
        Rtype::MX,
        &[
            "NOERROR AA",
            "answer example.com 300 MX 10 mail.example.com",
            "answer example.com 300 MX 20 mail.example.com",
            "answer example.com 300 MX 30 mx.example.net",
            mail[0],
            mail[1],
            "additional mx.example.net 300 A 198.51.100.25",
        ],
    );
    check(
        "_sip._tcp.example.com",
        Rtype::SRV,
        &[
            "NOERROR AA",
            "answer _sip._tcp.example.com 300 SRV 0 0 5060 mail.example.com",
            mail[0],
            mail[1],
        ],
    );
    check(
        "example.com",
        Rtype::NS,
        &[
            "NOERROR AA",
            "answer example.com 300 NS ns1.example.com",
            "additional ns1.example.com 300 A 192.0.2.53",
        ],
    );
}

#[test]
fn a_name_outside_every_zone_is_refused() {
    check("www.other.test", Rtype::A, &["REFUSED"]);
    check("com", Rtype::NS, &["REFUSED"]);
    check(".", Rtype::NS, &["REFUSED"]);
}

#[test]
fn rfc2308_nodata_and_nxdomain_carry_the_soa_with_the_lower_ttl() {
    check("www.example.com", Rtype::MX, &["NOERROR AA", SOA]);
    check("nothing.example.com", Rtype::A, &["NXDOMAIN AA", SOA]);
    check("below.www.example.com", Rtype::A, &["NXDOMAIN AA", SOA]);
}

#[test]
fn rfc8020_an_empty_non_terminal_exists() {
    check("ent.example.com", Rtype::A, &["NOERROR AA", SOA]);
    check("_tcp.example.com", Rtype::ANY, &["NOERROR AA", SOA]);
}

#[test]
fn rfc1034_3_6_2_cname_chains_are_followed_within_our_zones() {
    let chain = [
        "answer alias.example.com 300 CNAME alias2.example.com",
        "answer alias2.example.com 60 CNAME www.example.com",
    ];
    check(
        "alias.example.com",
        Rtype::A,
        &[
            "NOERROR AA",
            chain[0],
            chain[1],
            "answer www.example.com 300 A 192.0.2.2",
            "answer www.example.com 300 A 192.0.2.1",
        ],
    );
    check(
        "alias.example.com",
        Rtype::MX,
        &["NOERROR AA", chain[0], chain[1], SOA],
    );
    check("alias.example.com", Rtype::CNAME, &["NOERROR AA", chain[0]]);
    check(
        "out.example.com",
        Rtype::A,
        &[
            "NOERROR AA",
            "answer out.example.com 300 CNAME www.other.test",
        ],
    );
    check(
        "cross.example.com",
        Rtype::A,
        &[
            "NOERROR AA",
            "answer cross.example.com 300 CNAME www.example.net",
            "answer www.example.net 300 A 198.51.100.1",
        ],
    );
}

#[test]
fn rfc6604_the_rcode_is_that_of_the_last_name() {
    check(
        "dangling.example.com",
        Rtype::A,
        &[
            "NXDOMAIN AA",
            "answer dangling.example.com 300 CNAME nothing.example.com",
            SOA,
        ],
    );
}

#[test]
fn cname_circles_end() {
    check(
        "loop1.example.com",
        Rtype::A,
        &[
            "NOERROR AA",
            "answer loop1.example.com 300 CNAME loop2.example.com",
            "answer loop2.example.com 300 CNAME loop1.example.com",
        ],
    );
    check(
        "self.example.com",
        Rtype::A,
        &[
            "NOERROR AA",
            "answer self.example.com 300 CNAME self.example.com",
        ],
    );
}

#[test]
fn a_long_chain_ends_at_the_limit() {
    let links = lines(40, |link| format!("c{link} CNAME c{}\n", link + 1));
    let zones = Zones::new(vec![zone("example.com", &links)]).expect("one zone");
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let response = lookup(&zones, &name("c0.example.com"), Rtype::A, source, &Nothing);
    assert_eq!(response.answer.len(), CHAIN_MAX + 1);
    assert_eq!(response.rcode, Rcode::NOERROR);
}

#[test]
fn rfc4592_2_2_1_wildcards_cover_what_does_not_exist() {
    check(
        "x.wild.example.com",
        Rtype::A,
        &[
            "NOERROR AA wildcard",
            "answer x.wild.example.com 300 A 192.0.2.7",
        ],
    );
    check(
        "y.x.wild.example.com",
        Rtype::A,
        &[
            "NOERROR AA wildcard",
            "answer y.x.wild.example.com 300 A 192.0.2.7",
        ],
    );
    check(
        "x.wild.example.com",
        Rtype::TXT,
        &["NOERROR AA wildcard", SOA],
    );
    check(
        "*.wild.example.com",
        Rtype::A,
        &["NOERROR AA", "answer *.wild.example.com 300 A 192.0.2.7"],
    );
    // What exists is not covered, nor what is below it.
    check("wild.example.com", Rtype::A, &["NOERROR AA", SOA]);
    check("ent.wild.example.com", Rtype::A, &["NOERROR AA", SOA]);
    check("x.ent.wild.example.com", Rtype::A, &["NXDOMAIN AA", SOA]);
    check(
        "x.host.ent.wild.example.com",
        Rtype::A,
        &["NXDOMAIN AA", SOA],
    );
}

#[test]
fn rfc4592_3_3_3_a_wildcard_cname_is_followed() {
    check(
        "x.walias.example.com",
        Rtype::A,
        &[
            "NOERROR AA wildcard",
            "answer x.walias.example.com 300 CNAME www.example.com",
            "answer www.example.com 300 A 192.0.2.2",
            "answer www.example.com 300 A 192.0.2.1",
        ],
    );
}

#[test]
fn rfc6672_3_2_dname_makes_a_cname_and_goes_on() {
    let dname = "answer dn.example.com 300 DNAME example.net";
    check(
        "www.dn.example.com",
        Rtype::A,
        &[
            "NOERROR AA",
            dname,
            "answer www.dn.example.com 300 CNAME www.example.net",
            "answer www.example.net 300 A 198.51.100.1",
        ],
    );
    check(
        "www.dn.example.com",
        Rtype::CNAME,
        &[
            "NOERROR AA",
            dname,
            "answer www.dn.example.com 300 CNAME www.example.net",
        ],
    );
    // The owner itself is not redirected.
    check(
        "dn.example.com",
        Rtype::TXT,
        &["NOERROR AA", "answer dn.example.com 300 TXT \"dn\""],
    );
    check("dn.example.com", Rtype::DNAME, &["NOERROR AA", dname]);
    check("dn.example.com", Rtype::A, &["NOERROR AA", SOA]);
}

#[test]
fn rfc6672_2_2_a_name_made_too_long_is_yxdomain() {
    let label = "a".repeat(63);
    let tail = format!("{label}.{label}.{label}");
    let zones = Zones::new(vec![zone("example.com", &format!("d DNAME {tail}\n"))]);
    let prefix = "b".repeat(60);
    check_with(
        &zones.expect("one zone"),
        &Nothing,
        &format!("{prefix}.d.example.com"),
        Rtype::A,
        &[
            "YXDOMAIN AA",
            &format!("answer d.example.com 300 DNAME {tail}.example.com"),
        ],
    );
}

#[test]
fn rfc6672_a_dname_onto_itself_ends() {
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let zones = zones();
    let response = lookup(
        &zones,
        &name("x.dloop.example.com"),
        Rtype::A,
        source,
        &Nothing,
    );
    assert_eq!(response.answer.len(), 2, "the DNAME and its CNAME, once");
}

#[test]
fn rfc1034_4_3_2_step_3b_a_cut_is_a_referral_with_glue() {
    let referral = [
        "NOERROR",
        "authority sub.example.com 300 NS ns.sub.example.com",
        "authority sub.example.com 300 NS ns.sib.example.com",
        "authority sub.example.com 300 NS ns1.example.com",
        "authority sub.example.com 300 NS ns.elsewhere.test",
        "glue ns.sub.example.com 300 A 192.0.2.60",
        "glue ns.sub.example.com 300 AAAA 2001:db8::60",
        "additional ns.sib.example.com 300 A 192.0.2.61",
        "additional ns1.example.com 300 A 192.0.2.53",
    ];
    for qname in ["sub", "host.sub", "ns.sub", "a.b.c.sub"] {
        check(&format!("{qname}.example.com"), Rtype::A, &referral);
    }
    check("sub.example.com", Rtype::NS, &referral);
    check("sub.example.com", Rtype::ANY, &referral);
    check("host.sub.example.com", Rtype::DS, &referral);
}

#[test]
fn a_chain_into_a_delegated_zone_ends_with_its_referral() {
    let zones = zones();
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let qname = name("to-sub.example.com");
    let shown = show(&lookup(&zones, &qname, Rtype::A, source, &Nothing));
    assert_eq!(shown[0], "NOERROR AA");
    assert_eq!(
        shown[1],
        "answer to-sub.example.com 300 CNAME host.sub.example.com"
    );
    assert_eq!(
        shown[2],
        "authority sub.example.com 300 NS ns.sub.example.com"
    );
}

#[test]
fn rfc4035_3_1_4_1_ds_at_a_cut_is_the_parents() {
    check("sub.example.com", Rtype::DS, &["NOERROR AA", SOA]);
    check("child.example.com", Rtype::DS, &["NOERROR AA", SOA]);
    let zones = zones();
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let secure = name("secure.example.com");
    let response = lookup(&zones, &secure, Rtype::DS, source, &Nothing);
    assert!(response.authoritative);
    assert_eq!(response.answer[0].records[0].rtype(), Rtype::DS);
    // Without the parent, the child says that it has none.
    let top = name("example.com");
    let response = lookup(&zones, &top, Rtype::DS, source, &Nothing);
    assert_eq!(show(&response), ["NOERROR AA", SOA]);
}

#[test]
fn the_longest_zone_answers() {
    check(
        "child.example.com",
        Rtype::NS,
        &[
            "NOERROR AA",
            "answer child.example.com 300 NS ns1.child.example.com",
            "additional ns1.child.example.com 300 A 192.0.2.53",
        ],
    );
}

#[test]
fn rfc8482_any_is_answered_with_one_record_set() {
    check(
        "www.example.com",
        Rtype::ANY,
        &[
            "NOERROR AA",
            "answer www.example.com 300 A 192.0.2.2",
            "answer www.example.com 300 A 192.0.2.1",
        ],
    );
    check(
        "alias.example.com",
        Rtype::ANY,
        &[
            "NOERROR AA",
            "answer alias.example.com 300 CNAME alias2.example.com",
        ],
    );
}

const DIRECT: Table = Table(&[
    ("s.example.com", Rtype::A, "s.example.com. 20 A 203.0.113.1"),
    ("s.example.com", Rtype::AAAA, "NODATA"),
    ("a.deep.example.com", Rtype::A, "FAIL"),
    (
        "a.deep.example.com",
        Rtype::AAAA,
        "a.deep.example.com. 20 CNAME www.example.com.",
    ),
]);

/// example.com with two steered names of shape `Direct`.
fn steered_direct() -> Zones {
    let mut zone = zone(
        "example.com",
        "s TXT \"s\"\nto-s CNAME s\nto-f CNAME a.deep\nwww AAAA 2001:db8::1\n",
    );
    for service in ["s.example.com", "a.deep.example.com"] {
        zone.steer(&name(service), Shape::Direct, 20)
            .expect("a free name");
    }
    Zones::new(vec![zone]).expect("one zone")
}

const SOA_STEERED: &str =
    "authority example.com 20 SOA ns1.example.com admin.example.com 1 7200 3600 1209600 600";

#[test]
fn a_direct_service_is_answered_by_decision_for_addresses_only() {
    let zones = steered_direct();
    let check = |qname: &str, qtype, expected: &[&str]| {
        check_with(&zones, &DIRECT, qname, qtype, expected);
    };
    let answer = "answer s.example.com 20 A 203.0.113.1";
    check("s.example.com", Rtype::A, &["NOERROR AA steered", answer]);
    check(
        "to-s.example.com",
        Rtype::A,
        &[
            "NOERROR AA steered",
            "answer to-s.example.com 300 CNAME s.example.com",
            answer,
        ],
    );
    check(
        "s.example.com",
        Rtype::AAAA,
        &["NOERROR AA steered", SOA_STEERED],
    );
    check(
        "s.example.com",
        Rtype::TXT,
        &["NOERROR AA", "answer s.example.com 300 TXT \"s\""],
    );
    check("s.example.com", Rtype::MX, &["NOERROR AA", SOA_STEERED]);
}

#[test]
fn a_steered_name_exists_and_so_do_its_ancestors() {
    let zones = steered_direct();
    check_with(
        &zones,
        &DIRECT,
        "deep.example.com",
        Rtype::A,
        &["NOERROR AA", SOA_STEERED],
    );
    check_with(
        &zones,
        &DIRECT,
        "x.s.example.com",
        Rtype::A,
        &["NXDOMAIN AA", SOA_STEERED],
    );
}

#[test]
fn a_failing_decision_is_servfail_and_nothing_else() {
    let zones = steered_direct();
    for qname in ["a.deep.example.com", "to-f.example.com"] {
        check_with(&zones, &DIRECT, qname, Rtype::A, &["SERVFAIL steered"]);
    }
}

#[test]
fn an_alias_without_addresses_from_steering_is_followed() {
    check_with(
        &steered_direct(),
        &DIRECT,
        "a.deep.example.com",
        Rtype::AAAA,
        &[
            "NOERROR AA steered",
            "answer a.deep.example.com 20 CNAME www.example.com",
            "answer www.example.com 300 AAAA 2001:db8::1",
        ],
    );
}

#[test]
fn a_cname_service_shows_its_alias_for_every_type() {
    let mut zone = zone("example.com", "");
    zone.steer(&name("s.example.com"), Shape::Cname, 20)
        .expect("a free name");
    zone.add(records("o1.s.example.com. 20 A 203.0.113.1"))
        .expect("a free name");
    let zones = Zones::new(vec![zone]).expect("one zone");
    let steering = Table(&[
        (
            "s.example.com",
            Rtype::A,
            "s.example.com. 20 CNAME o1.s.example.com.\no1.s.example.com. 20 A 203.0.113.1",
        ),
        ("s.example.com", Rtype::AAAA, "NODATA"),
    ]);
    let check = |qname: &str, qtype, expected: &[&str]| {
        check_with(&zones, &steering, qname, qtype, expected);
    };
    let steered = "NOERROR AA steered";
    let alias = "answer s.example.com 20 CNAME o1.s.example.com";
    let address = "answer o1.s.example.com 20 A 203.0.113.1";
    check("s.example.com", Rtype::A, &[steered, alias, address]);
    check("s.example.com", Rtype::AAAA, &[steered, alias, SOA_STEERED]);
    check("s.example.com", Rtype::MX, &[steered, alias, SOA_STEERED]);
    check("s.example.com", Rtype::CNAME, &[steered, alias]);
    check("s.example.com", Rtype::ANY, &[steered, alias]);
    check("o1.s.example.com", Rtype::A, &["NOERROR AA", address]);
}

#[test]
fn address_hints_at_a_steered_name_are_answered_by_decision() {
    const HINTED: Table = Table(&[
        (
            "s.example.com",
            Rtype::HTTPS,
            "s.example.com. 20 HTTPS 1 . ipv4hint=203.0.113.1",
        ),
        ("s.example.com", Rtype::SVCB, "FAIL"),
    ]);
    let text = "s HTTPS 1 . ipv4hint=192.0.2.1\ns SVCB 1 . ipv6hint=2001:db8::1\ns TXT \"s\"\n";
    let mut zone = zone("example.com", text);
    zone.steer(&name("s.example.com"), Shape::Direct, 20)
        .expect("a free name");
    let zones = Zones::new(vec![zone]).expect("one zone");
    let answer = "answer s.example.com 20 HTTPS 1 . ipv4hint=203.0.113.1";
    for (rtype, expected) in [
        (Rtype::HTTPS, &["NOERROR AA steered", answer][..]),
        // The first RRset stands for all; it is this one.
        (Rtype::ANY, &["NOERROR AA steered", answer]),
        (Rtype::SVCB, &["SERVFAIL steered"]),
        (
            Rtype::TXT,
            &["NOERROR AA", "answer s.example.com 300 TXT \"s\""],
        ),
    ] {
        check_with(&zones, &HINTED, "s.example.com", rtype, expected);
    }
}

#[test]
fn names_are_all_that_exist() {
    let mut zone = zone("example.com", "a.b A 192.0.2.1\n");
    zone.steer(&name("s.t.example.com"), Shape::Direct, 20)
        .expect("a free name");
    let zones = Zones::new(vec![zone]).expect("one zone");
    let mut names: Vec<String> = zones.names().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "a.b.example.com",
            "b.example.com",
            "example.com",
            "ns1.example.com",
            "s.t.example.com",
            "t.example.com",
        ]
    );
}

#[test]
fn a_zone_given_twice_is_an_error() {
    let twice = vec![zone("example.com", ""), zone("EXAMPLE.com", "")];
    let error = Zones::new(twice).expect_err("one name");
    assert!(error.contains("given twice"), "{error}");
}
