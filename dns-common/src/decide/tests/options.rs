//! What a query's OPT record is answered with.

use super::*;
use crate::{
    cookie::make,
    host::Constants,
    world::{
        plain::{COOKIE, DNSSEC_OK, KEEPALIVE, NSID, SUBNET, subnet},
        sample::{ON, SECRETS},
    },
};

/// The sample with everything on.
fn all_on() -> World {
    let mut world = sample();
    world.host.constants = ON;
    world
}

fn answer(message: &[u8], number: u8, opt: &Opt) -> Vec<u8> {
    let records = candidate_records(rtype::A, number);
    reply(message, AA, [1, 0, 0], &records, Some(opt))
}

#[test]
fn rfc6891_6_1_1_a_reply_has_an_opt_record_if_the_query_has() {
    for payload in [512, 1232, 4096] {
        let mut world = sample();
        world.host.constants.payload = payload;
        for flags in [0, DNSSEC_OK, 0xffff] {
            let asked = Opt {
                flags,
                payload: 777,
                ..Opt::default()
            }
            .with(65_001, b"ignored");
            let message = with_opt(&query(WWW, rtype::A), &asked);
            // Of the flags only DO is known, and copied (RFC 3225 section 3).
            let expected = Opt {
                payload: payload as u16,
                flags: flags & DNSSEC_OK,
                ..Opt::default()
            };
            let expected = answer(&message, 0, &expected);
            assert_eq!(world.octets(&message, RESOLVER), Ok(expected));
        }
    }
}

#[test]
fn rfc6891_6_1_3_other_versions_get_badvers_and_no_options() {
    let world = all_on();
    for version in 1..=u8::MAX {
        let asked = Opt {
            version,
            flags: DNSSEC_OK,
            ..Opt::default()
        };
        let asked = asked.with(COOKIE, &[1; 8]).with(NSID, &[]);
        let message = with_opt(&query(b"\x03any\x04name\0", TXT), &asked);
        let expected = Opt {
            rcode_high: 1,
            flags: DNSSEC_OK,
            ..Opt::default()
        };
        let expected = reply(&message, QR, [0, 0, 0], &[], Some(&expected));
        world.host.now_ns.update(|now| now + 1_000_000_000);
        let (reply, octets) = world.reply_to(&message, RESOLVER).expect("a reply");
        assert_eq!(
            (reply.outcome(), reply.service, octets),
            (Outcome::AnsweredError, Row::NO_SERVICE, expected)
        );
    }
    // What is no question is not repeated.
    let message = with_opt(
        &query(b"\x40\0", TXT),
        &Opt {
            version: 1,
            ..Opt::default()
        },
    );
    assert_eq!(world.outcome(&message, RESOLVER), Outcome::UpQuestion);
}

#[test]
fn rfc5001_nsid_goes_up_where_it_is_configured() {
    let message = with_opt(&query(WWW, rtype::A), &Opt::default().with(NSID, &[]));
    assert_eq!(all_on().outcome(&message, RESOLVER), Outcome::UpNsid);
    let expected = answer(&message, 0, &Opt::default());
    assert_eq!(sample().octets(&message, RESOLVER), Ok(expected));
}

#[test]
fn rfc7828_3_2_1_keepalive_is_ignored_but_on_streams() {
    let mut world = sample();
    let message = with_opt(&query(WWW, rtype::A), &Opt::default().with(KEEPALIVE, &[]));
    let expected = answer(&message, 0, &Opt::default());
    assert_eq!(world.octets(&message, RESOLVER), Ok(expected));
    world.host.stream = true;
    assert_eq!(world.outcome(&message, RESOLVER), Outcome::UpKeepalive);
}

/// A query for an address of [`WWW`] with a client subnet.
fn with_subnet(family: u16, source_len: u8, address: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let data = subnet(family, source_len, 0, address);
    let opt = Opt::default().with(SUBNET, &data);
    (with_opt(&query(WWW, rtype::A), &opt), data)
}

#[test]
fn rfc7871_7_2_1_the_client_subnet_chooses_and_its_block_is_the_scope() {
    let world = all_on();
    for (family, source_len, address, number, scope) in [
        (1, 24, &[10, 0, 0][..], 1, 24),
        (1, 32, &[10, 0, 0, 7], 1, 24),
        (1, 24, &[10, 0, 1], 2, 23),
        // Shorter than the block: its first address stands for it.
        (1, 8, &[10], 1, 24),
        (1, 24, &[10, 0, 2], 0, 0),
        (2, 48, &[0x20, 1, 0x0d, 0xb8, 0, 0], 2, 16),
        (2, 16, &[0x20, 2], 0, 0),
        // No prefix: the resolver's own address chooses, for nobody else.
        (1, 0, &[], 1, 0),
        (2, 0, &[], 1, 0),
    ] {
        let (message, mut data) = with_subnet(family, source_len, address);
        data[3] = scope;
        let expected = answer(&message, number, &Opt::default().with(SUBNET, &data));
        let found = world.octets(&message, TRUSTED);
        assert_eq!(found, Ok(expected), "{address:?}/{source_len}");
    }
}

#[test]
fn rfc7871_7_2_1_answers_for_everyone_have_scope_0() {
    let world = all_on();
    for name in [
        FIXED,
        APEX,
        SUB,
        &below(b"\x01x", APEX),
        &below(b"\x01x", WILD),
    ] {
        let data = subnet(1, 24, 0, &[10, 0, 0]);
        let message = with_opt(&query(name, rtype::A), &Opt::default().with(SUBNET, &data));
        let octets = world.octets(&message, TRUSTED).expect("an answer");
        // The option is the reply's end, and the same as it came.
        assert!(octets.ends_with(&data), "{name:?}");
    }
}

#[test]
fn client_subnets_count_for_whom_they_are_switched_on() {
    let mut world = sample();
    let (message, data) = with_subnet(1, 24, &[10, 0, 1]);
    for (client_subnet, source, honoured, number) in [
        (ClientSubnet::Off, RESOLVER, false, 0),
        (ClientSubnet::Off, TRUSTED, false, 1),
        (ClientSubnet::On, RESOLVER, true, 2),
        (ClientSubnet::Trusted, RESOLVER, false, 0),
        (ClientSubnet::Trusted, EXEMPT, false, 2),
        (ClientSubnet::Trusted, TRUSTED, true, 2),
    ] {
        world.host.constants.client_subnet = client_subnet as u64;
        let mut opt = Opt::default();
        if honoured {
            let mut data = data.clone();
            data[3] = 23;
            opt = opt.with(SUBNET, &data);
        }
        let expected = answer(&message, number, &opt);
        let found = world.octets(&message, source);
        assert_eq!(found, Ok(expected), "{client_subnet:?} {source:?}");
    }
}

/// A cookie's octets.
fn octets(client: u64, server: (u64, u64)) -> Vec<u8> {
    [client, server.0, server.1]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect()
}

const CLIENT: u64 = 0x0807_0605_0403_0201;

/// A query with this COOKIE option.
fn with_cookie(data: &[u8]) -> Vec<u8> {
    with_opt(&query(WWW, rtype::A), &Opt::default().with(COOKIE, data))
}

#[test]
fn rfc7873_5_2_and_rfc9018_4_3_every_kind_of_cookie_gets_a_full_one() {
    let world = all_on();
    let now_s = world.host.now_s.get();
    let [current, other] = SECRETS;
    let made = |secret, source, age_s| make(secret, CLIENT, source, now_s - age_s);
    let new = made(current, RESOLVER, 0);
    let client = CLIENT.to_le_bytes();
    let fresh = made(current, RESOLVER, 1799);
    for (what, data, server) in [
        ("client cookie only", client.to_vec(), new),
        ("fresh", octets(CLIENT, fresh), fresh),
        ("old", octets(CLIENT, made(current, RESOLVER, 1800)), new),
        (
            "too old",
            octets(CLIENT, made(current, RESOLVER, 3601)),
            new,
        ),
        (
            "the other secret",
            octets(CLIENT, made(other, RESOLVER, 1)),
            new,
        ),
        ("another's", octets(CLIENT, made(current, TRUSTED, 1)), new),
        ("a stranger's", octets(CLIENT, (1, 2)), new),
        ("not RFC 9018", [client, [9; 8]].concat(), new),
        (
            "longer",
            [&octets(CLIENT, fresh)[..], &[0; 16]].concat(),
            new,
        ),
    ] {
        let message = with_cookie(&data);
        let expected = answer(
            &message,
            0,
            &Opt::default().with(COOKIE, &octets(CLIENT, server)),
        );
        assert_eq!(world.octets(&message, RESOLVER), Ok(expected), "{what}");
    }
}

#[test]
fn cookies_that_are_off_are_left_out() {
    let mut world = all_on();
    world.host.constants.cookies = 0;
    let message = with_cookie(&[1; 8]);
    let expected = answer(&message, 0, &Opt::default());
    assert_eq!(world.octets(&message, RESOLVER), Ok(expected));
}

#[test]
fn cookies_and_subnets_of_every_length_stand_side_by_side() {
    let mut world = all_on();
    world.host.constants = Constants { rates: 0, ..ON };
    let new = make(SECRETS[0], CLIENT, RESOLVER, world.host.now_s.get());
    for family in [1, 2] {
        for bits in 0..=if family == 1 { 32 } else { 128 } {
            let mut data = subnet(family, bits, 0, &[0; 16]);
            let asked = Opt::default()
                .with(SUBNET, &data)
                .with(COOKIE, &CLIENT.to_le_bytes());
            for name in [WWW, &below(b"\x01x", APEX), &below(b"\x02xy", APEX)] {
                let message = with_opt(&query(name, rtype::A), &asked);
                let (_, octets_found) = world.reply_to(&message, RESOLVER).expect("a reply");
                data[3] = 0;
                let opt = Opt::default()
                    .with(COOKIE, &octets(CLIENT, new))
                    .with(SUBNET, &data);
                assert!(
                    octets_found.ends_with(&opt.octets()),
                    "family {family}, {bits} bits"
                );
            }
        }
    }
}
