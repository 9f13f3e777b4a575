use std::net::Ipv4Addr;

use domain::{
    base::{
        Message, ParsedName,
        header::{Header, HeaderCounts},
        name::ToLabelIter,
    },
    rdata::AllRecordData,
};
use proptest::prelude::*;

use super::*;
use crate::{
    authority::{
        encode::encode_sections,
        testing::{Nothing, Table, lines, name, zone},
    },
    model::Shape,
};

fn zones() -> Zones {
    let many = lines(60, |host| format!("many A 192.0.2.{host}\n"));
    let cuts = lines(20, |ns| {
        format!(
            "wide NS ns{ns}.wide\nns{ns}.wide A 192.0.2.{ns}\n\
             far NS ns{ns}.near\nns{ns}.near A 192.0.2.{ns}\n"
        )
    });
    let text = format!(
        "www A 192.0.2.2\nwww A 192.0.2.1\nalias CNAME o1.www\no1.www A 192.0.2.3\n\
         far-alias CNAME deep.other\ndeep.other A 192.0.2.4\n{many}{cuts}"
    );
    Zones::new(vec![zone("example.com", &text)]).expect("one zone")
}

struct Ask {
    header: [u8; 4],
    counts: [u16; 4],
    tail: Vec<u8>,
}

/// A query for `qname` and `qtype` with RD set; what it consists of can be changed.
fn ask(qname: &str, qtype: u16) -> Ask {
    let mut tail = name(qname).as_slice().to_vec();
    tail.extend_from_slice(&qtype.to_be_bytes());
    tail.extend_from_slice(&[0, 1]);
    Ask {
        header: [0xab, 0xcd, 0x01, 0x00],
        counts: [1, 0, 0, 0],
        tail,
    }
}

impl Ask {
    /// Adds an OPT record with these options.
    fn edns(mut self, version: u8, flags: u16, payload: u16, options: &[u8]) -> Self {
        self.counts[3] += 1;
        self.tail.extend_from_slice(&[0, 0, 41]);
        self.tail.extend_from_slice(&payload.to_be_bytes());
        self.tail.extend_from_slice(&[0, version]);
        self.tail.extend_from_slice(&flags.to_be_bytes());
        self.tail
            .extend_from_slice(&(options.len() as u16).to_be_bytes());
        self.tail.extend_from_slice(options);
        self
    }

    fn octets(&self) -> Vec<u8> {
        let mut octets = self.header.to_vec();
        octets.extend(self.counts.iter().flat_map(|count| count.to_be_bytes()));
        octets.extend_from_slice(&self.tail);
        octets
    }

    fn send(&self, transport: Transport) -> (Outcome, Vec<u8>) {
        run(&self.octets(), transport)
    }

    /// The reply over UDP.
    fn reply(&self) -> Vec<u8> {
        self.send(Transport::Udp).1
    }

    /// The reply of a server that tells all it can.
    fn reply_of_open_server(&self, transport: Transport) -> Vec<u8> {
        run_as(&open_profile(), &self.octets(), transport).1
    }
}

fn open_profile() -> Profile {
    Profile {
        nsid: Bytes::from_static(b"host-1"),
        chaos: Chaos::new("veer 0", "host-1.example"),
        ..Profile::default()
    }
}

fn run(query: &[u8], transport: Transport) -> (Outcome, Vec<u8>) {
    run_as(&Profile::default(), query, transport)
}

fn run_as(profile: &Profile, query: &[u8], transport: Transport) -> (Outcome, Vec<u8>) {
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut out = vec![0xff; 7];
    let outcome = respond(
        query,
        source,
        transport,
        &zones(),
        &Nothing,
        profile,
        &mut out,
    );
    (outcome, out)
}

fn counts(reply: &[u8]) -> [u16; 4] {
    let counts = HeaderCounts::for_message_slice(reply);
    [
        counts.qdcount(),
        counts.ancount(),
        counts.nscount(),
        counts.arcount(),
    ]
}

/// On a connection that may be idle for 12.3 s.
const TCP: Transport = Transport::Tcp { timeout: 123 };
const A: u16 = 1;
const NS: u16 = 2;
/// Flags QR, AA, RD.
const AA_RD: [u8; 2] = [0x85, 0x00];
/// Our OPT with `DO` clear, payload 1232.
const OPT: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0];

#[test]
fn a_direct_answer_has_exactly_these_octets() {
    let query = ask("wWw.eXaMple.com", A);
    let mut expected = vec![0xab, 0xcd, 0x85, 0x00, 0, 1, 0, 2, 0, 0, 0, 0];
    expected.extend_from_slice(&query.tail);
    for last in [2, 1] {
        expected.extend_from_slice(&[0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, last]);
    }
    let (outcome, reply) = query.send(Transport::Udp);
    assert_eq!(outcome, Outcome::Answered(OptRcode::NOERROR));
    assert_eq!(reply, expected);
}

#[test]
fn an_alias_answer_has_exactly_these_octets() {
    // 12 header, question "alias.example.com": "example.com" stands at 18.
    let query = ask("ALIAS.example.com", A);
    let reply = query.reply();
    let start = HEADER_LEN + query.tail.len();
    let mut expected = vec![0xc0, 0x0c, 0, 5, 0, 1, 0, 0, 1, 44, 0, 9];
    let target = (start + expected.len()) as u8;
    expected.extend_from_slice(b"\x02o1\x03www\xc0\x12");
    expected.extend_from_slice(&[0xc0, target, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 3]);
    assert_eq!(&reply[start..], expected);
}

#[test]
fn encoded_sections_are_the_octets_of_a_reply() {
    let zones = zones();
    for (qname, rtype) in [
        ("www", A),
        ("alias", A),
        ("far-alias", A),
        ("many", A),
        ("nothing", A),
        ("", Rtype::NS.to_int()),
    ] {
        let qname = format!("{qname}.example.com");
        let qname = qname.trim_start_matches('.');
        let query = ask(qname, rtype);
        let (_, reply) = query.send(TCP);
        let response = lookup(
            &zones,
            &name(qname),
            rtype.into(),
            Ipv4Addr::LOCALHOST.into(),
            &Nothing,
        );
        let max = usize::from(u16::MAX);
        let encoded =
            encode_sections(&name(qname), rtype.into(), &response, max, max).expect("it fits");
        assert_eq!(
            &reply[HEADER_LEN + query.tail.len()..],
            encoded.octets,
            "{qname}"
        );
    }
}

#[test]
fn a_steered_answer_is_laid_out_like_any_other() {
    let mut zone = zone("example.com", "");
    zone.steer(&name("s.example.com"), Shape::Cname, 20)
        .expect("a free name");
    let zones = Zones::new(vec![zone]).expect("one zone");
    let steering = Table(&[(
        "s.example.com",
        Rtype::A,
        "s.example.com. 20 CNAME o1.s.example.com.\no1.s.example.com. 20 A 203.0.113.1",
    )]);
    let query = ask("S.example.com", A);
    let mut reply = Vec::new();
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let profile = Profile::default();
    respond(
        &query.octets(),
        source,
        Transport::Udp,
        &zones,
        &steering,
        &profile,
        &mut reply,
    );
    let start = HEADER_LEN + query.tail.len();
    let mut expected = b"\xc0\x0c\0\x05\0\x01\0\0\0\x14\0\x05\x02o1\xc0\x0c".to_vec();
    expected.extend_from_slice(&[0xc0, (start + 12) as u8, 0, 1, 0, 1, 0, 0, 0, 20, 0, 4]);
    expected.extend_from_slice(&[203, 0, 113, 1]);
    assert_eq!(&reply[start..], expected);
}

#[test]
fn runts_and_responses_get_nothing() {
    for length in 0..HEADER_LEN {
        let (outcome, out) = run(
            &ask("www.example.com", A).octets()[..length],
            Transport::Udp,
        );
        assert_eq!(outcome, Outcome::Silent(Silence::Runt));
        assert!(out.is_empty());
    }
    let mut response = ask("www.example.com", A);
    response.header[2] |= 0x80;
    let (outcome, out) = response.send(Transport::Udp);
    assert_eq!(outcome, Outcome::Silent(Silence::Response));
    assert!(out.is_empty());
}

#[test]
fn rfc8906_3_1_3_unknown_opcodes_are_notimp_without_a_question() {
    for opcode in 1..16 {
        let mut query = ask("www.example.com", A);
        query.header[2] |= opcode << 3;
        let flags = 0x81 | opcode << 3;
        assert_eq!(
            query.reply(),
            [0xab, 0xcd, flags, 4, 0, 0, 0, 0, 0, 0, 0, 0],
            "opcode {opcode}"
        );
        let mut query = query.edns(0, 0, 4096, &[]);
        assert!(query.reply().ends_with(&OPT), "opcode {opcode}");
        // Whatever else such a message holds.
        query.tail[0] = 0xff;
        assert_eq!(query.reply().len(), HEADER_LEN, "opcode {opcode}");
    }
}

#[test]
fn rfc8906_3_1_4_unused_header_bits_come_back_clear() {
    let mut query = ask("www.example.com", A);
    // AA, TC, RD; RA, Z, AD, CD and an RCODE.
    query.header[2] = 0x07;
    query.header[3] = 0xff;
    assert_eq!(query.reply()[2..4], AA_RD);
    query.header[2] = 0;
    assert_eq!(query.reply()[2..4], [0x84, 0]);
}

#[test]
fn what_cannot_be_read_is_formerr() {
    let formerr = |query: &Ask, echoed: u16, case: &str| {
        let (outcome, reply) = query.send(Transport::Udp);
        assert_eq!(outcome, Outcome::Answered(OptRcode::FORMERR), "{case}");
        assert_eq!(reply[..4], [0xab, 0xcd, 0x81, 0x01], "{case}");
        assert_eq!(counts(&reply), [echoed, 0, 0, 0], "{case}");
    };
    let with = |change: &dyn Fn(&mut Ask)| {
        let mut query = ask("www.example.com", A);
        change(&mut query);
        query
    };
    formerr(&with(&|query| query.counts[0] = 0), 0, "no question");
    formerr(&with(&|query| query.counts[0] = 2), 1, "a missing question");
    let two = with(&|query| {
        query.counts[0] = 2;
        query.tail.extend_from_within(..);
    });
    formerr(&two, 0, "two questions");
    formerr(&with(&|query| query.tail.clear()), 0, "header only");
    formerr(&with(&|query| query.tail.truncate(18)), 0, "no class");
    formerr(&with(&|query| query.tail[0] = 0xc0), 0, "compressed");
    formerr(&with(&|query| query.tail[0] = 0x43), 0, "label type");
    formerr(&with(&|query| query.tail.push(0)), 1, "trailing octet");
    formerr(&with(&|query| query.counts[1] = 1), 1, "missing record");
    let mut misplaced = ask("www.example.com", A).edns(0, 0, 1232, &[]);
    misplaced.counts = [1, 0, 1, 0];
    formerr(&misplaced, 1, "OPT in the authority section");
    let mut long = ask("www.example.com", A);
    long.tail
        .splice(0..1, [1, b'a'].repeat(126).into_iter().chain([3]));
    formerr(&long, 0, "name past 255 octets");
}

#[test]
fn rfc6891_7_formerr_has_opt_where_the_query_has() {
    let formerr = |query: &Ask, echoed: u16, case: &str| {
        let (outcome, reply) = query.send(Transport::Udp);
        assert_eq!(outcome, Outcome::Answered(OptRcode::FORMERR), "{case}");
        assert_eq!(counts(&reply), [echoed, 0, 0, 1], "{case}");
        assert!(reply.ends_with(&OPT), "{case}");
    };
    let edns = || ask("www.example.com", A).edns(0, 0, 1232, &[]);
    formerr(&edns().edns(0, 0x8000, 4096, &[]), 1, "two OPT");
    let mut trailing = edns();
    trailing.tail.push(0);
    formerr(&trailing, 1, "trailing octet");
    let mut none = edns();
    let opt = none.tail.split_off(none.tail.len() - OPT.len());
    (none.tail, none.counts[0]) = (opt, 0);
    formerr(&none, 0, "no question");
    let short = ask("www.example.com", A).edns(0, 0, 1232, &[0, 10, 0, 8, 1]);
    formerr(&short, 1, "short option");
    let mut owned = edns();
    let at = owned.tail.len() - OPT.len();
    owned.tail.splice(at..=at, *b"\x01x\0");
    formerr(&owned, 1, "OPT not at the root");
}

#[test]
fn other_classes_and_transfers_are_refused() {
    let refused = |query: &Ask, case: &str| {
        let (outcome, reply) = query.send(TCP);
        assert_eq!(outcome, Outcome::Answered(OptRcode::REFUSED), "{case}");
        assert_eq!(counts(&reply), [1, 0, 0, 0], "{case}");
        assert_eq!(reply[12..], query.tail, "{case}");
        assert_eq!(reply[2..4], [0x81, 5], "{case}");
    };
    for class in [0, 3, 4, 254, 255] {
        let mut query = ask("www.example.com", A);
        *query.tail.last_mut().expect("a class") = class;
        refused(&query, &format!("class {class}"));
    }
    refused(&ask("example.com", 252), "AXFR");
    refused(&ask("example.com", 251), "IXFR");
    refused(&ask("www.other.test", A), "no zone of ours");
}

#[test]
fn rfc6891_6_1_1_opt_comes_back_if_it_came() {
    assert_eq!(counts(&ask("www.example.com", A).reply()), [1, 2, 0, 0]);
    for qname in ["www.example.com", "nothing.example.com", "www.other.test"] {
        let reply = ask(qname, A).edns(0, 0, 4096, &[]).reply();
        assert!(reply.ends_with(&OPT), "{qname}");
    }
    // Unknown options are ignored; DO is copied, other flags are not (RFC 3225).
    let reply = ask("www.example.com", A)
        .edns(0, 0xffff, 4096, &[0xff, 0xf0, 0, 1, 7])
        .reply();
    assert!(reply.ends_with(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]));
}

#[test]
fn rfc6891_6_1_3_other_versions_are_badvers() {
    let query = ask("www.example.com", A).edns(1, 0x8000, 1232, &[]);
    let (outcome, reply) = query.send(Transport::Udp);
    assert_eq!(outcome, Outcome::Answered(OptRcode::BADVERS));
    assert_eq!(reply[2..4], [0x81, 0]);
    assert_eq!(counts(&reply), [1, 0, 0, 1]);
    assert!(reply.ends_with(&[0, 0, 41, 0x04, 0xd0, 1, 0, 0x80, 0, 0, 0]));
}

/// Asserts that the reply ends with an OPT record that has these options.
#[track_caller]
fn assert_options(reply: &[u8], options: &[u8]) {
    let mut expected = OPT[..9].to_vec();
    expected.extend_from_slice(&(options.len() as u16).to_be_bytes());
    expected.extend_from_slice(options);
    assert!(reply.ends_with(&expected), "{reply:02x?}");
}

#[test]
fn rfc5001_2_2_nsid_is_told_to_who_asks_if_there_is_one() {
    let asking = || ask("www.example.com", A).edns(0, 0, 1232, &[0, 3, 0, 0]);
    let told = b"\0\x03\0\x06host-1";
    for transport in [Transport::Udp, TCP] {
        let reply = asking().reply_of_open_server(transport);
        assert_eq!(counts(&reply), [1, 2, 0, 1]);
        assert_options(&reply, told);
    }
    // Errors tell it too; payload in the query is ignored.
    let mut query = ask("www.other.test", A).edns(0, 0, 1232, &[0, 3, 0, 2, 7, 7]);
    assert_options(&query.reply_of_open_server(Transport::Udp), told);
    query.tail.push(0);
    assert_options(&query.reply_of_open_server(Transport::Udp), told);
    // Who does not ask is not told, nor who speaks another version.
    let plain = ask("www.example.com", A).edns(0, 0, 1232, &[]);
    assert_options(&plain.reply_of_open_server(Transport::Udp), &[]);
    let other = ask("www.example.com", A).edns(1, 0, 1232, &[0, 3, 0, 0]);
    let reply = other.reply_of_open_server(Transport::Udp);
    assert!(reply.ends_with(&[0, 0, 41, 0x04, 0xd0, 1, 0, 0, 0, 0, 0]));
    // Off by default.
    assert_options(&asking().reply(), &[]);
}

#[test]
fn rfc5001_the_longest_nsid_fits_beside_the_longest_question() {
    let labels = [
        "a".repeat(63),
        "b".repeat(63),
        "c".repeat(63),
        "d".repeat(61),
    ];
    let profile = Profile {
        nsid: Bytes::from(vec![b'n'; NSID_MAX]),
        ..Profile::default()
    };
    for payload in [512, 1232] {
        let query = ask(&labels.join("."), A).edns(0, 0, payload, &[0, 3, 0, 0]);
        let (outcome, reply) = run_as(&profile, &query.octets(), Transport::Udp);
        assert_eq!(outcome, Outcome::Answered(OptRcode::REFUSED));
        assert_eq!(reply.len(), HEADER_LEN + 259 + OPT.len() + 4 + NSID_MAX);
    }
    // What an answer has is what the option leaves.
    let whole = HEADER_LEN + ask("many.example.com", A).tail.len() + 60 * 16;
    let exact = whole + OPT.len() + 4 + NSID_MAX;
    for (payload, fits) in [(exact, true), (exact - 1, false)] {
        let query = ask("many.example.com", A).edns(0, 0, payload as u16, &[0, 3, 0, 0]);
        let (_, reply) = run_as(&profile, &query.octets(), Transport::Udp);
        assert_eq!(truncated(&reply), !fits, "{payload}");
    }
}

#[test]
fn rfc7828_3_keepalive_is_told_over_tcp_to_who_asks() {
    let asking = || ask("www.example.com", A).edns(0, 0, 1232, &[0, 11, 0, 0]);
    let (_, reply) = asking().send(TCP);
    assert_options(&reply, &[0, 11, 0, 2, 0, 123]);
    let both = ask("www.example.com", A).edns(0, 0, 1232, &[0, 11, 0, 0, 0, 3, 0, 0]);
    let reply = both.reply_of_open_server(TCP);
    assert_options(&reply, b"\0\x03\0\x06host-1\0\x0b\0\x02\0\x7b");
    assert_options(&asking().reply(), &[]);
    let silent = ask("www.example.com", A).edns(0, 0, 1232, &[]);
    assert_options(&silent.send(TCP).1, &[]);
}

#[test]
fn rfc7828_3_2_1_a_query_with_a_time_out_is_formerr_over_tcp_alone() {
    for options in [
        &[0, 11, 0, 2, 0, 9][..],
        &[0, 11, 0, 1, 9],
        &[0, 11, 0, 0, 0, 11, 0, 2, 0, 9],
    ] {
        let query = ask("www.example.com", A).edns(0, 0, 1232, options);
        let (outcome, reply) = query.send(TCP);
        assert_eq!(outcome, Outcome::Answered(OptRcode::FORMERR));
        assert_eq!(counts(&reply), [1, 0, 0, 1]);
        assert_options(&reply, &[]);
        // Section 3.3.1: over UDP the option is ignored.
        let reply = query.reply();
        assert_eq!(counts(&reply), [1, 2, 0, 1]);
        assert_options(&reply, &[]);
    }
}

/// Of the reply to `qname` in class CHAOS: RCODE, AA, and the TXT's octets if
/// there is an answer.
fn chaos(profile: &Profile, qname: &str, qtype: u16) -> (u8, bool, Option<Vec<u8>>) {
    let mut query = ask(qname, qtype);
    *query.tail.last_mut().expect("a class") = 3;
    let (_, reply) = run_as(profile, &query.octets(), Transport::Udp);
    assert!(parses(&reply), "{reply:02x?}");
    let [questions, answers, others, additional] = counts(&reply);
    assert_eq!((questions, others, additional), (1, 0, 0), "{qname}");
    let record = &reply[HEADER_LEN + query.tail.len()..];
    let text = (answers == 1).then(|| {
        assert_eq!(
            record[..10],
            [0xc0, 0x0c, 0, 16, 0, 3, 0, 0, 0, 0],
            "{qname}"
        );
        record[13..].to_vec()
    });
    (reply[3] & 0xf, reply[2] & 4 != 0, text)
}

#[test]
fn rfc4892_chaos_names_tell_what_is_configured() {
    const TXT: u16 = 16;
    let open = open_profile();
    let version = Some(b"veer 0".to_vec());
    let hostname = Some(b"host-1.example".to_vec());
    for (qname, text) in [
        ("version.bind", &version),
        ("VERSION.Server", &version),
        ("hostname.bind", &hostname),
        ("iD.sErVeR", &hostname),
    ] {
        for qtype in [TXT, 255] {
            assert_eq!(
                chaos(&open, qname, qtype),
                (0, true, text.clone()),
                "{qname}"
            );
        }
        assert_eq!(chaos(&open, qname, A), (0, true, None), "{qname}");
        // By default nothing is told.
        let closed = Profile::default();
        assert_eq!(chaos(&closed, qname, TXT), (5, false, None), "{qname}");
        assert_eq!(chaos(&closed, qname, A), (5, false, None), "{qname}");
    }
    for qname in [
        "authors.bind",
        "bind",
        "x.version.bind",
        "www.example.com",
        ".",
    ] {
        assert_eq!(chaos(&open, qname, TXT), (5, false, None), "{qname}");
    }
    let one = Profile {
        chaos: Chaos::new("", "h"),
        ..Profile::default()
    };
    assert_eq!(chaos(&one, "version.bind", TXT), (5, false, None));
    assert_eq!(
        chaos(&one, "id.server", TXT),
        (0, true, Some(b"h".to_vec()))
    );
    // In class IN they are names like any other.
    let (outcome, _) = run_as(&open, &ask("version.bind", TXT).octets(), Transport::Udp);
    assert_eq!(outcome, Outcome::Answered(OptRcode::REFUSED));
}

fn truncated(reply: &[u8]) -> bool {
    Header::for_message_slice(reply).tc()
}

#[test]
fn rfc2181_9_an_answer_that_does_not_fit_is_empty_and_truncated() {
    // 60 addresses of 16 octets and 34 octets of header and question: 994.
    let many = || ask("many.example.com", A);
    let whole = HEADER_LEN + many().tail.len() + 60 * 16;
    let plain = many().reply();
    assert!(truncated(&plain));
    assert_eq!(counts(&plain), [1, 0, 0, 0]);
    let exact = (whole + OPT.len()) as u16;
    let fits = many().edns(0, 0, exact, &[]).reply();
    assert_eq!(fits.len(), usize::from(exact));
    assert_eq!(counts(&fits), [1, 60, 0, 1]);
    assert!(!truncated(&fits));
    let short = many().edns(0, 0, exact - 1, &[]).reply();
    assert!(truncated(&short));
    assert_eq!(counts(&short), [1, 0, 0, 1]);
    let (_, tcp) = many().send(TCP);
    assert_eq!(counts(&tcp), [1, 60, 0, 0]);
}

#[test]
fn rfc6891_6_2_5_the_size_is_the_lower_of_both_and_at_least_512() {
    for (theirs, limit) in [
        (0, 512),
        (511, 512),
        (600, 600),
        (1232, 1232),
        (65_535, 1232),
    ] {
        let edns = Edns {
            udp_payload: theirs,
            version: 0,
            dnssec_ok: false,
            nsid: false,
            keepalive: Keepalive::Absent,
            cookie: None,
            subnet: None,
        };
        assert_eq!(reply_limit(Transport::Udp, Some(edns), 1232), limit);
    }
}

#[test]
fn rfc9471_a_referral_without_all_in_domain_glue_is_truncated() {
    let reply = ask("x.wide.example.com", A).reply();
    assert!(truncated(&reply));
    assert_eq!(counts(&reply), [1, 0, 0, 0]);
    let (_, tcp) = ask("x.wide.example.com", A).send(TCP);
    assert_eq!(counts(&tcp), [1, 0, 20, 20]);
    assert_eq!(tcp[2..4], [0x81, 0], "a referral is not authoritative");
}

#[test]
fn addresses_that_are_not_needed_are_dropped_without_truncation() {
    let reply = ask("x.far.example.com", A).edns(0, 0, 700, &[]).reply();
    assert!(!truncated(&reply));
    let [_, answers, authority, additional] = counts(&reply);
    assert_eq!((answers, authority), (0, 20));
    assert!((2..21).contains(&additional), "{additional}");
    assert!(reply.ends_with(&OPT), "OPT stays");
    assert!(reply.len() <= 700);
}

#[test]
fn optional_sets_are_dropped_whole() {
    let hosts = lines(40, |host| format!("mail A 192.0.2.{host}\n"));
    let text = format!("@ MX 1 mail\n{hosts}");
    let zones = Zones::new(vec![zone("example.com", &text)]).expect("one zone");
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let profile = Profile::default();
    let mut reply = Vec::new();
    let query = ask("example.com", 15).octets();
    respond(
        &query,
        source,
        Transport::Udp,
        &zones,
        &Nothing,
        &profile,
        &mut reply,
    );
    assert_eq!(counts(&reply), [1, 1, 0, 0]);
    assert!(!truncated(&reply));
}

/// Every part of `reply` can be read, and nothing is left over.
fn parses(reply: &[u8]) -> bool {
    let Ok(message) = Message::from_slice(reply) else {
        return false;
    };
    let questions = message.question().all(|question| question.is_ok());
    let records = message.iter().all(|item| {
        item.is_ok_and(|(record, _)| {
            record
                .into_any_record::<AllRecordData<_, ParsedName<_>>>()
                .is_ok()
        })
    });
    questions && records
}

fn assert_sound(query: &[u8], transport: Transport) -> Result<(), TestCaseError> {
    let (outcome, reply) = run(query, transport);
    match outcome {
        Outcome::Silent(_) => prop_assert!(reply.is_empty()),
        Outcome::Answered(_) => {
            prop_assert!(parses(&reply), "{reply:02x?}");
            prop_assert_eq!(&reply[..2], &query[..2]);
            // QR set, opcode and RD as asked; AA and TC are ours.
            prop_assert_eq!(reply[2] & 0xf9, query[2] & 0x79 | 0x80);
            if counts(&reply)[0] == 1 {
                let end = Message::from_slice(&reply).expect("a message");
                let question = end.sole_question().expect("a question");
                let length = HEADER_LEN + usize::from(question.qname().compose_len()) + 4;
                prop_assert_eq!(&reply[HEADER_LEN..length], &query[HEADER_LEN..length]);
            }
            let limit = if transport == Transport::Udp {
                1232
            } else {
                65_535
            };
            prop_assert!(reply.len() <= limit);
        }
    }
    Ok(())
}

fn transport() -> impl Strategy<Value = Transport> {
    prop_oneof![Just(Transport::Udp), Just(TCP)]
}

proptest! {
    #[test]
    fn random_octets_never_panic(query in prop::collection::vec(any::<u8>(), 0..600), transport in transport()) {
        assert_sound(&query, transport)?;
    }

    #[test]
    fn mutated_queries_get_sound_replies(
        qname in prop::sample::select(&["www", "alias", "many", "x.wide", "x.far", "nothing"][..]),
        qtype in prop_oneof![Just(A), Just(NS), Just(255), any::<u16>()],
        edns in prop::option::of((any::<u16>(), prop::collection::vec(any::<u8>(), 0..12))),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        transport in transport(),
    ) {
        let mut query = ask(&format!("{qname}.example.com"), qtype);
        if let Some((payload, options)) = edns {
            query = query.edns(0, 0, payload, &options);
        }
        let mut octets = query.octets();
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if let Some(cut) = cut {
            octets.truncate(cut.index(octets.len() + 1));
        }
        assert_sound(&octets, transport)?;
    }
}
