use proptest::prelude::*;

use super::*;
use crate::{
    ask::ask,
    world::{
        host::Desk,
        plain::{self, Opt, query, with_opt},
        reader::{self, Edns},
    },
};

fn read(opt: &Opt) -> Result<Edns, Outcome> {
    let message = with_opt(&query(b"\x03www\x07example\0", 1), opt);
    let edns = ask(&message[..], 0, Wanted::ALL, &Desk::default())
        .map(|ask| Edns::of(ask.edns, &message[..]));
    let expected = reader::question(&message).map(|question| question.edns);
    assert_eq!(edns, expected, "{opt:?}");
    edns.map(|edns| edns.expect("an OPT record"))
}

fn read_option(code: u16, data: &[u8]) -> Result<Edns, Outcome> {
    read(&Opt::default().with(code, data))
}

#[test]
fn rfc6891_6_1_3_every_version_and_flag_is_read() {
    for version in 0..=u8::MAX {
        for flags in [0, 0x8000, 0x7fff, 0xffff] {
            let opt = Opt {
                payload: 0xabcd,
                version,
                flags,
                rcode_high: version,
                ..Opt::default()
            };
            let edns = read(&opt).expect("an OPT record");
            let found = (edns.payload, edns.version, edns.dnssec_ok);
            assert_eq!(found, (0xabcd, version, flags & 0x8000 != 0));
        }
    }
    // Of options in another version nothing is known, not even that they are some.
    let mut message = with_opt(
        &query(b"\0", 1),
        &Opt {
            version: 1,
            ..Opt::default()
        },
    );
    message.extend([0xff; 3]);
    let len = message.len();
    message[len - 4] = 3;
    assert_eq!(
        ask(&message[..], 0, Wanted::ALL, &Desk::default()).map(|ask| ask.edns.version()),
        Ok(1)
    );
}

#[test]
fn rfc6891_6_1_2_unknown_options_are_ignored() {
    for count in 0..=12 {
        let mut opt = Opt::default();
        for number in 0..count {
            opt = opt.with(65_001 + number, &vec![0xff; usize::from(number) * 3]);
        }
        let edns = read(&opt);
        if count <= 8 {
            let plain = read(&Opt::default());
            assert_eq!(edns, plain, "{count} options");
        } else {
            assert_eq!(edns, Err(Outcome::UpOpt), "{count} options");
        }
    }
}

#[test]
fn rfc7873_5_2_cookies_of_every_length() {
    let octets: Vec<u8> = (1..=48).collect();
    let word = |at: usize| u64::from_le_bytes(octets[at..at + 8].try_into().expect("eight"));
    for len in 0..=48 {
        let read = read_option(COOKIE, &octets[..len]).map(|edns| edns.cookie);
        let with = |server| {
            Ok(Some(Cookie {
                client: word(0),
                server,
            }))
        };
        let expected = match len {
            24 => with((word(8), word(16))),
            8 | 16..=40 => with((0, 0)),
            _ => Err(Outcome::UpCookie),
        };
        assert_eq!(read, expected, "{len} octets");
    }
}

#[test]
fn rfc7871_6_prefixes_of_every_length_and_family() {
    let address: Vec<u8> = (0..32).map(|number| 0xff - number).collect();
    for family in 0..=3 {
        for bits in 0..=u8::MAX {
            let whole = u128::from_be_bytes(*address.first_chunk().expect("sixteen"));
            let kept = whole & !u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            let mut data = [&kept.to_be_bytes()[..], &address[16..]].concat();
            data = plain::subnet(family, bits, 0, &data);
            let read = read_option(SUBNET, &data).map(|edns| edns.subnet);
            let address = match (family, bits) {
                (0, 0) => Source::V4(0),
                (1, 0..=32) => Source::V4((kept >> 96) as u32),
                (2, 0..=128) => Source::V6((kept >> 64) as u64, kept as u64),
                _ => {
                    assert_eq!(read, Err(Outcome::UpSubnet), "family {family}, {bits} bits");
                    continue;
                }
            };
            let subnet = read.expect("a subnet").expect("a subnet");
            let found = (subnet.family, subnet.source_len, subnet.address());
            assert_eq!(
                found,
                (family as u8, bits, address),
                "family {family}, {bits} bits"
            );
            // A bit after the prefix, an octet more or less, a scope.
            let last = data.len() - 1;
            for bit in 0..(8 - bits % 8) % 8 {
                let mut other = data.clone();
                other[last] |= 1 << bit;
                assert_eq!(
                    read_option(SUBNET, &other),
                    Err(Outcome::UpSubnet),
                    "bit {bit}"
                );
            }
            let longer = [&data[..], &[0]].concat();
            let mut scoped = data.clone();
            scoped[3] = 1;
            for other in [&longer, &data[..last], &scoped] {
                assert_eq!(
                    read_option(SUBNET, other),
                    Err(Outcome::UpSubnet),
                    "{other:?}"
                );
            }
        }
    }
}

#[test]
fn rfc7873_5_2_the_first_option_of_a_kind_counts() {
    let subnet = plain::subnet(1, 24, 0, &[192, 0, 2]);
    for (code, data) in [(COOKIE, &[1; 8][..]), (SUBNET, &subnet)] {
        let once = read_option(code, data);
        assert!(once.is_ok());
        // The second is not even looked at.
        let twice = Opt::default().with(code, data).with(9, &[]);
        assert_eq!(read(&twice.with(code, &[2; 5])), once);
    }
    for code in [NSID, KEEPALIVE, 12] {
        let twice = Opt::default().with(code, &[]).with(code, &[]);
        assert_eq!(read(&twice), read_option(code, &[]));
    }
}

#[test]
fn an_option_past_the_end_is_malformed() {
    for code in [COOKIE, SUBNET, NSID, 12, 65_001] {
        for (promised, given) in [(1, 0), (8, 7), (24, 0), (65_535, 24)] {
            let mut message = with_opt(
                &query(b"\0", 1),
                &Opt::default().with(code, &vec![0; given]),
            );
            let at = message.len() - given - 2;
            message[at..at + 2].copy_from_slice(&u16::to_be_bytes(promised));
            assert_eq!(
                ask(&message[..], 0, Wanted::ALL, &Desk::default()),
                Err(Outcome::UpOpt),
                "{code}"
            );
        }
        for given in 1..=3 {
            let mut message = with_opt(&query(b"\0", 1), &Opt::default());
            let len = message.len();
            message[len - 1] = given;
            message.extend(&u16::to_be_bytes(code).repeat(2)[..usize::from(given)]);
            assert_eq!(
                ask(&message[..], 0, Wanted::ALL, &Desk::default()),
                Err(Outcome::UpOpt),
                "{given} octets"
            );
        }
    }
}

/// Options that mean something, well-formed or nearly so, and some that do not.
fn options() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    let octets = |len| proptest::collection::vec(any::<u8>(), len);
    let cookie = prop_oneof![octets(8..=8), octets(24..=24), octets(0..=48)];
    let subnet = (
        0..4_u16,
        any::<u8>(),
        prop_oneof![9 => Just(0), 1 => any::<u8>()],
        octets(32..=32),
    );
    let subnet = subnet.prop_map(|(family, bits, scope, mut octets)| {
        // Zeros after most prefixes.
        let bits = if family == 1 { bits % 40 } else { bits % 136 };
        if scope == 0 {
            let whole = octets.len();
            octets.truncate(usize::from(bits / 8));
            octets.push(!(0xff >> (bits % 8)));
            octets.resize(whole, 0);
        }
        plain::subnet(family, bits, scope, &octets)
    });
    let option = prop_oneof![
        cookie.prop_map(|data| (COOKIE, data)),
        subnet.prop_map(|data| (SUBNET, data)),
        octets(0..=3).prop_map(|data| (NSID, data)),
        octets(0..=3).prop_map(|data| (KEEPALIVE, data)),
        (any::<u16>(), octets(0..=40)),
    ];
    proptest::collection::vec(option, 0..=12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn options_in_any_order_and_number_read_as_the_plain_reader_does(options in options()) {
        let opt = Opt { options, ..Opt::default() };
        let _ = read(&opt);
    }

    #[test]
    fn mutated_records_read_as_the_plain_reader_does(
        options in options(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let plain = query(b"\x03www\x07example\0", 1);
        let mut message = with_opt(&plain, &Opt { options, ..Opt::default() });
        for (at, value) in changes {
            let at = plain.len() + at.index(message.len() - plain.len());
            message[at] = value;
        }
        let edns = ask(&message[..], 0, Wanted::ALL, &Desk::default()).map(|ask| Edns::of(ask.edns, &message[..]));
        prop_assert_eq!(edns, reader::question(&message).map(|question| question.edns));
    }
}
