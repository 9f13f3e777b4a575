//! Cookies (RFC 7873, RFC 9018), made and checked by the program itself.

use std::net::IpAddr;

use dns_common::{
    cookie::{self, Secret},
    host::Constants,
    tables::Source,
};

use crate::{
    cases::{NOW_S, ways_here},
    rig::{PLAIN, Rig},
    shared::plain::{COOKIE, Opt, SUBNET, subnet},
    wire::{A, Datagram, Question, name},
    world::{self, SECRETS, WWW},
};

const CONSTANTS: Constants = Constants {
    cookies: 1,
    ..PLAIN
};

fn published() -> Rig {
    let rig = Rig::with(world::CAPACITY, &CONSTANTS);
    world::publish(&rig.tables);
    rig
}

fn hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    digits
        .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"))
        .collect()
}

fn secret(text: &str) -> Secret {
    let octets = hex(text);
    let word = |at: usize| u64::from_le_bytes(octets[at..at + 8].try_into().expect("eight"));
    Secret(word(0), word(8))
}

/// Asserts that `asked` from `resolver` is answered with the cookie `given`.
fn expect(rig: &mut Rig, what: &str, resolver: IpAddr, asked: &[u8], given: &[u8]) {
    let way = Datagram::new(resolver, world::ours(resolver));
    let question = Question::new(&name(WWW), A).with(Opt::default().with(COOKIE, asked));
    let known = world::resolvers().find(|(known, _)| *known == resolver);
    let group = known.map_or_else(|| group_of(resolver), |(_, group)| group);
    let answer = world::site(WWW).answer_for(A, group).expect("an answer");
    let opt = Opt::default().with(COOKIE, given);
    let reply = way.back().frame(&question.reply_with(&answer.body(), &opt));
    rig.expect_reply(what, &way.frame(&question.query()), &reply, Some(0));
}

/// The group of the resolvers used here that are not among the world's.
fn group_of(resolver: IpAddr) -> u16 {
    match resolver.to_string().as_str() {
        "10.1.2.3" => 1,
        "2001:db8:5::3" => 3,
        text if text.starts_with("2001:db8:") => 2,
        _ => 0,
    }
}

/// RFC 9018 Appendix A: who asks when, with which cookie, under which secrets,
/// and the cookie that is given.
#[test]
fn rfc9018_appendix_a_through_the_program() {
    const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const OLD: &str = "dd3bdf9344b678b185a6f5cb60fca715";
    const NEW: &str = "445536bcd2513298075a5d379663c962";
    let mut rig = Rig::with(world::CAPACITY, &CONSTANTS);
    for (what, secrets, resolver, now_s, asked, given) in [
        (
            "A.1: learning a new server cookie",
            [SECRET, SECRET],
            "198.51.100.100",
            1_559_731_985,
            "2464c4abcf10c957",
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        ),
        (
            "A.2: the same client learning a renewed server cookie",
            [SECRET, SECRET],
            "198.51.100.100",
            1_559_734_385,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        ),
        (
            "A.3: another client learning a renewed server cookie",
            [SECRET, SECRET],
            "203.0.113.203",
            1_559_734_700,
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
        ),
        (
            "A.4: IPv6 query with rolled over secret",
            [NEW, OLD],
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            1_559_741_961,
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        ),
    ] {
        world::publish_with(&rig.tables, secrets.map(secret));
        rig.set_clock(now_s);
        let resolver = resolver.parse().expect("an address");
        expect(&mut rig, what, resolver, &hex(asked), &hex(given));
    }
}

const CLIENT: u64 = 0x0807_0605_0403_0201;

/// Client and server cookie as the shared code makes them, which the vectors
/// prove right.
fn made(secret: Secret, from: IpAddr, age_s: i32) -> Vec<u8> {
    let now_s = NOW_S.wrapping_add_signed(-age_s);
    let (first, second) = cookie::make(secret, CLIENT, Source::from(from), now_s);
    [CLIENT, first, second].map(u64::to_le_bytes).concat()
}

#[test]
fn rfc9018_4_3_every_kind_of_cookie_gets_a_full_one() {
    let mut rig = published();
    let [current, previous] = SECRETS;
    for way in ways_here() {
        let here = way.source.0;
        let elsewhere: IpAddr = "192.0.2.99".parse().expect("an address");
        let new = made(current, here, 0);
        let client = CLIENT.to_le_bytes().to_vec();
        let mut other_version = made(current, here, 0);
        other_version[8] = 2;
        let mut forged = made(current, here, 0);
        forged[23] ^= 1;
        let mut cases = vec![
            ("a client cookie", client.clone(), new.clone()),
            ("an old one", made(current, here, 1800), new.clone()),
            ("the oldest", made(current, here, 3600), new.clone()),
            ("too old", made(current, here, 3601), new.clone()),
            ("too new", made(current, here, -301), new.clone()),
            (
                "of the previous secret",
                made(previous, here, 1),
                new.clone(),
            ),
            ("of no secret", made(Secret(1, 2), here, 1), new.clone()),
            ("another's", made(current, elsewhere, 1), new.clone()),
            ("another version", other_version, new.clone()),
            ("forged", forged, new.clone()),
        ];
        for age_s in [0, 1, 1799, -1, -300] {
            let fresh = made(current, here, age_s);
            cases.push(("a fresh one, as it came", fresh.clone(), fresh));
        }
        // Not RFC 9018's length: another server made them.
        for len in (16..=40).filter(|len| *len != 24) {
            let mut data = made(current, here, 0);
            data.resize(len, 0);
            cases.push(("of another length", data, new.clone()));
        }
        for (what, asked, given) in cases {
            rig.set_clock(NOW_S);
            let what = format!("{what}, {} octets from {here}", asked.len());
            expect(&mut rig, &what, here, &asked, &given);
        }
    }
}

#[test]
fn rfc7873_5_2_the_first_cookie_counts_and_a_subnet_stands_beside_it() {
    let mut rig = Rig::with(
        world::CAPACITY,
        &Constants {
            client_subnet: dns_common::host::ClientSubnet::On as u64,
            ..CONSTANTS
        },
    );
    world::publish(&rig.tables);
    let client = CLIENT.to_le_bytes();
    for way in ways_here() {
        let cookie = made(SECRETS[0], way.source.0, 0);
        for bits in 0..=128_u8 {
            let mut address = [0; 16];
            // Of the default group, whose block here ends where fd00::/8 begins.
            address[0] = if bits == 0 { 0 } else { 0x80 };
            let (asked, given) = [0, if bits == 0 { 0 } else { 2 }]
                .map(|scope| subnet(2, bits, scope, &address))
                .into();
            let asked = Opt::default()
                .with(SUBNET, &asked)
                .with(COOKIE, &client)
                .with(COOKIE, &[9; 24]);
            let opt = Opt::default().with(COOKIE, &cookie).with(SUBNET, &given);
            let question = Question::new(&name(WWW), A).with(asked);
            let group = if bits == 0 { group_of(way.source.0) } else { 0 };
            let answer = world::site(WWW).answer_for(A, group).expect("an answer");
            let reply = question.reply_with(&answer.body(), &opt);
            rig.set_clock(NOW_S);
            let what = format!("{bits} bits");
            let frame = way.frame(&question.query());
            rig.expect_reply(&what, &frame, &way.back().frame(&reply), Some(0));
        }
    }
}
