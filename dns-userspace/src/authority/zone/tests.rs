use super::*;
use crate::authority::testing::{name, records, zone};

const ZONE: &str = "\
www A 192.0.2.1
alias CNAME www
sub NS ns.sub
ns.sub A 192.0.2.60
dn DNAME www
text TXT \"t\"
hints HTTPS 1 . ipv4hint=192.0.2.1
aimed HTTPS 1 text ipv4hint=192.0.2.1
plainly HTTPS 1 aimed alpn=h2
aliased HTTPS 0 plain ipv6hint=2001:db8::1
plain HTTPS 1 . alpn=h2
o1.svc A 192.0.2.9
";

#[track_caller]
fn refuses_to_steer(service: &str, shape: Shape, reason: &str) {
    let error = zone("example.com", ZONE)
        .steer(&name(service), shape, 20)
        .expect_err(service);
    assert!(error.contains(reason), "{error}");
    assert!(error.contains(service), "{error}");
}

#[test]
fn a_name_that_cannot_be_steered_is_refused_with_its_reason() {
    let direct = Shape::Direct;
    refuses_to_steer("www.example.net.", direct, "outside the zone example.com.");
    refuses_to_steer("sub.example.com.", direct, "zone cut sub.example.com.");
    refuses_to_steer("x.sub.example.com.", direct, "zone cut sub.example.com.");
    refuses_to_steer("x.dn.example.com.", direct, "DNAME at dn.example.com.");
    refuses_to_steer("www.example.com.", direct, "own A records");
    refuses_to_steer("alias.example.com.", direct, "own CNAME records");
    refuses_to_steer("*.example.com.", direct, "wildcard");
    refuses_to_steer("aimed.example.com.", direct, "another target");
    refuses_to_steer("aliased.example.com.", direct, "an alias");
    refuses_to_steer("text.example.com.", direct, "is the target");
    refuses_to_steer("text.example.com.", Shape::Cname, "own TXT records");
    refuses_to_steer("example.com.", Shape::Cname, "\"direct\"");
}

#[test]
fn other_names_can_be_steered_once() {
    let mut zone = zone("example.com", ZONE);
    for service in [
        "example.com.",
        "hints.example.com.",
        "plainly.example.com.",
        "a.b.example.com.",
    ] {
        let steered = zone.steer(&name(service), Shape::Direct, 20);
        assert_eq!(steered, Ok(()), "{service}");
    }
    let twice = zone.steer(&name("A.b.example.com"), Shape::Direct, 20);
    assert!(twice.expect_err("twice").contains("another service"));
}

#[test]
fn negative_answers_live_no_longer_than_any_steered_one() {
    let mut zone = zone("example.com", ZONE);
    let ttl = |zone: &Zone| zone.negative_soa().ttl().as_secs();
    assert_eq!(ttl(&zone), 600);
    zone.steer(&name("a.example.com"), Shape::Direct, 30)
        .expect("a free name");
    assert_eq!(ttl(&zone), 30);
    zone.steer(&name("b.example.com"), Shape::Direct, 60)
        .expect("a free name");
    assert_eq!(ttl(&zone), 30);
}

#[test]
fn configured_records_never_mix_with_the_files() {
    let mut zone = zone("example.com", ZONE);
    zone.steer(&name("svc.example.com"), Shape::Cname, 20)
        .expect("a free name");
    let mut add = |text| zone.add(records(text));
    let clash = add("o1.svc.example.com. 20 A 203.0.113.1").expect_err("in the file");
    assert!(clash.contains("already has its own A"), "{clash}");
    let hidden = add("x.sub.example.com. 20 A 203.0.113.1").expect_err("below a cut");
    assert!(hidden.contains("zone cut"), "{hidden}");
    let steered = add("svc.example.com. 20 TXT x").expect_err("steered");
    assert!(steered.contains("steered"), "{steered}");
    assert_eq!(
        add("o2.svc.example.com. 20 A 203.0.113.1\no2.svc.example.com. 20 A 203.0.113.2"),
        Ok(())
    );
    let added = zone.rrset(name("o2.svc.example.com").for_slice(), Rtype::A);
    assert_eq!(added.len(), 2);
}
