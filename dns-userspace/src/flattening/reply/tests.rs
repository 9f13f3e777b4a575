use domain::base::iana::Rcode;

use super::{
    super::testing::{ID, question, reply},
    *,
};
use crate::authority::testing::name;

const SOA: &str = "cdn.example. 600 SOA ns.cdn.example. admin.cdn.example. 1 2 3 4 30";

/// What is made of this answer to the question for `rtype`.
fn read(rtype: Rtype, rcode: Rcode, answer: &str, authority: &str) -> Result<Told, Fault> {
    let question = question(rtype);
    let octets = reply(&question.query(ID), rcode, answer, authority, Some(20));
    question.read(ID, &octets)
}

fn told(answer: &str) -> Result<Told, Fault> {
    read(Rtype::A, Rcode::NOERROR, answer, "")
}

fn addresses(texts: &[&str], ttl_s: u32) -> Told {
    let addresses = texts.iter().map(|text| text.parse().unwrap());
    nothing(What::Addresses(addresses.collect()), ttl_s)
}

fn nothing(what: What, ttl_s: u32) -> Told {
    Told {
        what,
        ttl_s,
        scope: 20,
    }
}

#[test]
fn the_query_says_the_name_the_type_and_the_network() {
    let query = question(Rtype::AAAA).query(ID);
    let message = Message::from_octets(query.as_slice()).unwrap();
    assert!(message.header().rd() && !message.header().qr());
    assert_eq!(message.header().id(), ID);
    let asked = message.sole_question().unwrap();
    assert_eq!(asked.qtype(), Rtype::AAAA);
    assert_eq!(*asked.qname(), name("www.cdn.example."));
    assert_eq!(message.opt().unwrap().udp_payload_size(), 1232);
    assert!(query.ends_with(&[0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100]));
}

#[test]
fn addresses_are_those_at_the_end_of_the_chain_with_the_least_ttl_of_it() {
    let all = "www.cdn.example. 20 A 192.0.2.1\nWWW.cdn.example. 30 A 192.0.2.2";
    assert_eq!(told(all), Ok(addresses(&["192.0.2.1", "192.0.2.2"], 20)));
    // In any order, and in other zones.
    let chain = "b.example.net. 40 A 192.0.2.3\na.example.org. 7 CNAME b.example.net.\n\
                 www.cdn.example. 60 CNAME a.example.org.";
    assert_eq!(told(chain), Ok(addresses(&["192.0.2.3"], 7)));
    let long = "www.cdn.example. 2000000 A 192.0.2.1";
    assert_eq!(told(long), Ok(addresses(&["192.0.2.1"], TTL_MAX_S)));
}

#[test]
fn what_is_not_on_the_chain_is_not_believed() {
    let others = "www.cdn.example. 20 A 192.0.2.1\nwww.example.com. 20 A 192.0.2.66\n\
                  www.cdn.example. 20 AAAA 2001:db8::66";
    assert_eq!(told(others), Ok(addresses(&["192.0.2.1"], 20)));
    assert_eq!(
        told("other.cdn.example. 20 A 192.0.2.66"),
        Ok(nothing(What::NoData, NOTHING_S))
    );
    // Nor an address beside what the reply says is the name's alias.
    let chain = "www.cdn.example. 9 CNAME a.example.\nb.example. 9 A 192.0.2.66";
    assert!(matches!(told(chain), Err(Fault::Useless(_))));
}

#[test]
fn aliases_without_end_are_no_answer() {
    let circle = "www.cdn.example. 9 CNAME a.example.\na.example. 9 CNAME www.cdn.example.";
    let expected = Err(Fault::Useless("aliases without end".to_owned()));
    assert_eq!(told(circle), expected);
}

#[test]
fn rfc2308_5_that_there_is_nothing_holds_as_long_as_the_soa_says() {
    let read = |rcode, answer, authority| read(Rtype::AAAA, rcode, answer, authority);
    let no_data = read(Rcode::NOERROR, "", SOA);
    assert_eq!(no_data, Ok(nothing(What::NoData, 30)));
    let alias = "www.cdn.example. 8 CNAME a.cdn.example.";
    let no_data = read(Rcode::NOERROR, alias, SOA);
    assert_eq!(no_data, Ok(nothing(What::NoData, 8)));
    assert_eq!(
        read(Rcode::NXDOMAIN, "", SOA),
        Ok(nothing(What::NoName, 30))
    );
    assert_eq!(
        read(Rcode::NOERROR, "", ""),
        Ok(nothing(What::NoData, NOTHING_S))
    );
    let long = SOA.replace("600", "99999").replace(" 30", " 99999");
    assert_eq!(
        read(Rcode::NOERROR, "", &long),
        Ok(nothing(What::NoData, NOTHING_MAX_S))
    );
}

#[test]
fn a_referral_or_an_error_is_of_no_use() {
    let referral = "cdn.example. 60 NS ns.cdn.example.";
    let useless = |text: &str| Err(Fault::Useless(text.to_owned()));
    assert_eq!(
        read(Rtype::A, Rcode::NOERROR, "", referral),
        useless("answered with a referral")
    );
    assert_eq!(
        read(Rtype::A, Rcode::SERVFAIL, "", ""),
        useless("answered SERVFAIL")
    );
    assert_eq!(
        told("www.cdn.example. 8 CNAME a.example."),
        useless("did not follow an alias to its end")
    );
}

#[test]
fn rfc7871_7_3_the_scope_is_that_of_the_network_asked_with() {
    let asked = question(Rtype::A);
    let query = asked.query(ID);
    let answer = "www.cdn.example. 20 A 192.0.2.1";
    let read = |asked: &Question, octets: &[u8]| asked.read(ID, octets).map(|told| told.scope);
    let with = |scope| reply(&query, Rcode::NOERROR, answer, "", scope);
    assert_eq!(read(&asked, &with(None)), Ok(0));
    assert_eq!(read(&asked, &with(Some(24))), Ok(24));
    assert_eq!(read(&asked, &with(Some(99))), Ok(32));
    // Who says nothing of its network gets no part of one.
    let nobody = Question {
        network: None,
        ..asked.clone()
    };
    let of_nobody = reply(&nobody.query(ID), Rcode::NOERROR, answer, "", Some(24));
    assert_eq!(read(&nobody, &of_nobody), Ok(0));
    for other in ["198.51.101.0/24", "198.51.100.0/23", "2001:db8::/24"] {
        let other = Question {
            network: Some(other.parse().unwrap()),
            ..asked.clone()
        };
        assert_eq!(
            read(&other, &with(Some(24))),
            Err(Fault::Foreign("another subnet")),
            "{other:?}"
        );
    }
}

#[test]
fn what_is_no_reply_to_the_query_is_foreign() {
    let asked = question(Rtype::A);
    let query = asked.query(ID);
    let good = reply(
        &query,
        Rcode::NOERROR,
        "www.cdn.example. 20 A 192.0.2.1",
        "",
        Some(24),
    );
    assert!(asked.read(ID, &good).is_ok());
    let foreign = |reason| Err(Fault::Foreign(reason));
    assert_eq!(asked.read(ID + 1, &good), foreign("another ID"));
    assert_eq!(asked.read(ID, &query), foreign("no reply"));
    for other in [
        Question {
            name: name("www.cdn.example.net."),
            ..asked.clone()
        },
        Question {
            rtype: Rtype::AAAA,
            ..asked.clone()
        },
    ] {
        assert_eq!(other.read(ID, &good), foreign("another question"));
    }
    let mut update = good.clone();
    update[2] |= 5 << 3;
    assert_eq!(asked.read(ID, &update), foreign("no reply"));
    // Cut off anywhere, or with a name that points to itself.
    for len in 0..good.len() {
        assert!(
            matches!(asked.read(ID, &good[..len]), Err(Fault::Foreign(_))),
            "{len} octets"
        );
    }
    let owner = 12 + 17 + 4;
    assert_eq!(good[owner..owner + 4], *b"\x03www");
    let mut circular = good.clone();
    circular.splice(owner..owner + 17, [0xc0, owner as u8]);
    assert_eq!(asked.read(ID, &circular), foreign("malformed"));
    // With the letters of the query in another case it is the same question.
    let mut shouted = good;
    shouted[13..16].copy_from_slice(b"WWW");
    assert!(asked.read(ID, &shouted).is_ok());
}

#[test]
fn what_is_cut_off_is_asked_for_over_tcp() {
    let asked = question(Rtype::A);
    let mut cut = reply(&asked.query(ID), Rcode::NOERROR, "", "", Some(0));
    cut[2] |= 2;
    assert_eq!(asked.read(ID, &cut), Err(Fault::Truncated));
    assert_eq!(asked.read(ID + 1, &cut), Err(Fault::Foreign("another ID")));
}

proptest::proptest! {
    #[test]
    fn no_octets_are_too_strange(octets: Vec<u8>, at in 12_usize..90, octet: u8) {
        let asked = question(Rtype::A);
        let _ = asked.read(ID, &octets);
        let answer = "www.cdn.example. 20 CNAME a.example.\na.example. 20 A 192.0.2.1";
        let mut good = reply(&asked.query(ID), Rcode::NOERROR, answer, SOA, Some(24));
        good[at] = octet;
        if let Ok(Told { what: What::Addresses(addresses), .. }) = asked.read(ID, &good) {
            proptest::prop_assert!(addresses.len() == 1);
        }
    }
}
