use proptest::prelude::*;

use super::*;
use crate::{
    name::tests::{lengths, name_of, names},
    reply::fold_sum,
    world::{
        host::Desk,
        plain::{self, DNSSEC_OK, IN, Opt, query, query_in, rfc1071, with_opt},
        reader,
    },
};

const A: u16 = 1;
const WWW: &[u8] = b"\x03www\x07example\0";

fn asked(message: &[u8]) -> Result<Ask, Outcome> {
    ask(message, 7, Wanted::ALL, &Desk::default())
}

/// The plain reader and [`ask`] say the same of `message`.
fn agree(message: &[u8], seed: u64) -> Result<(), TestCaseError> {
    let read = ask(message, seed, Wanted::ALL, &Desk::default());
    match (reader::question(message), read) {
        (Ok(expected), Ok(ask)) => {
            let [first, second, flags, ..] = ask.id_and_rd.to_le_bytes();
            let found = reader::Question {
                name_len: ask.name_len,
                rtype: ask.rtype,
                id: [first, second],
                recursion_desired: flags == 1,
                edns: reader::Edns::of(ask.edns, message),
            };
            prop_assert_eq!(found, expected);
            prop_assert_eq!(ask.id_and_rd >> 17, 0);
            let name = &message[HEADER..HEADER + ask.name_len];
            prop_assert_eq!(ask.hash, name::hash(seed, name::folded_words(name)));
            // The header before it has an even length, so it may be left out.
            let question = &message[HEADER..ask.end()];
            prop_assert_eq!(fold_sum(ask.sum).swap_bytes(), rfc1071(question));
        }
        (expected, found) => prop_assert_eq!(found.err(), expected.err()),
    }
    Ok(())
}

#[test]
fn names_of_every_length_with_and_without_opt() {
    for len in lengths() {
        for seed in 0..8_u8 {
            let labels = [seed.wrapping_mul(17), 62, seed, 200, 3];
            let content = [seed.wrapping_mul(31), b'A', 0xff, b'z', 0x80, seed, b'Q'];
            let plain = query(&name_of(len, &labels, &content), A);
            let opt = Opt::default().with(65_001, &[0, seed]);
            for message in [plain.clone(), with_opt(&plain, &opt)] {
                let ask = asked(&message).expect("a well-formed query");
                assert_eq!(ask.name_len, len);
                assert_eq!(ask.end(), plain.len());
                assert_eq!(ask.edns.is_present(), message != plain);
                agree(&message, u64::from(seed)).expect("the plain reader agrees");
            }
        }
    }
}

#[test]
fn rfc1035_2_3_4_names_past_255_octets_go_up() {
    for len in 256..=320 {
        let message = query(&name_of(len, &[62], b"x"), A);
        assert_eq!(asked(&message), Err(Outcome::UpQuestion), "{len}");
        let message = with_opt(&message, &Opt::default());
        assert_eq!(asked(&message), Err(Outcome::UpQuestion), "{len}, OPT");
    }
}

#[test]
fn lengths_the_fast_path_does_not_read_go_up() {
    let whole = query(b"\0", A);
    assert!(asked(&whole).is_ok());
    for len in 0..whole.len() {
        assert_eq!(asked(&whole[..len]), Err(Outcome::UpLength), "{len}");
    }
    let padded = |len: usize| {
        let fixed = with_opt(&whole, &Opt::default().with(12, &[])).len();
        with_opt(&whole, &Opt::default().with(12, &vec![0; len - fixed]))
    };
    assert!(asked(&padded(QUERY_MAX)).is_ok());
    assert_eq!(asked(&padded(QUERY_MAX + 1)), Err(Outcome::UpLength));
}

#[test]
fn what_is_cut_short_goes_up() {
    let whole = with_opt(&query(WWW, A), &Opt::default().with(plain::COOKIE, &[7; 8]));
    assert!(asked(&whole).is_ok());
    let question = query(WWW, A).len();
    for len in 17..whole.len() {
        let outcome = if len < question + OPT_FIXED {
            Outcome::UpQuestion
        } else {
            Outcome::UpOpt
        };
        assert_eq!(asked(&whole[..len]), Err(outcome), "{len}");
    }
    let mut longer = whole;
    longer.push(0);
    assert_eq!(asked(&longer), Err(Outcome::UpOpt));
}

#[test]
fn rfc1035_4_1_1_headers_the_fast_path_does_not_know_go_up() {
    let with = |at: usize, value: u8| {
        let mut message = query(WWW, A);
        message[at] = value;
        asked(&message)
    };
    for flags in 0..=u8::MAX {
        let expected = match flags {
            _ if flags & 0x80 != 0 => Some(Outcome::UpResponse),
            _ if flags & 0x7a != 0 => Some(Outcome::UpOpcode),
            _ => None,
        };
        assert_eq!(with(2, flags).err(), expected, "{flags:#x}");
    }
    for (at, outcome) in [
        (4, Outcome::UpQuestionCount),
        (5, Outcome::UpQuestionCount),
        (6, Outcome::UpRecords),
        (7, Outcome::UpRecords),
        (8, Outcome::UpRecords),
        (9, Outcome::UpRecords),
        (10, Outcome::UpAdditional),
        (11, Outcome::UpAdditional),
    ] {
        let good = u8::from(at == 5);
        for value in (0..=u8::MAX).filter(|value| *value != good) {
            let expected = match (at, value) {
                // An additional record that is not there.
                (11, 1) => Outcome::UpQuestion,
                _ => outcome,
            };
            assert_eq!(with(at, value), Err(expected), "octet {at}: {value}");
        }
    }
    // RA, Z, AD, CD and RCODE mean nothing in a query, and none is kept.
    for flags in 0..=u8::MAX {
        assert_eq!(with(3, flags), asked(&query(WWW, A)), "{flags:#x}");
    }
}

#[test]
fn rfc6895_3_1_types_that_no_record_has_go_up_but_any() {
    for rtype in 0..=u16::MAX {
        let expected = match rtype {
            0 | 41 | 128..=254 => Err(Outcome::UpType),
            _ => Ok(rtype),
        };
        let ask = asked(&query(WWW, rtype));
        assert_eq!(ask.map(|ask| ask.rtype), expected, "type {rtype}");
    }
}

#[test]
fn classes_other_than_in_go_up() {
    for class in (0..=u16::MAX).filter(|class| *class != IN) {
        let ask = asked(&query_in(WWW, A, class));
        assert_eq!(ask, Err(Outcome::UpClass), "class {class}");
    }
}

#[test]
fn id_and_rd_stay_in_place() {
    for (flags, rd) in [(0x00, 0x00), (0x01, 0x01), (0x04, 0x00), (0x05, 0x01)] {
        let mut message = query(b"\0", A);
        message[2] = flags;
        let kept = asked(&message).expect("a well-formed query").id_and_rd;
        assert_eq!(kept.to_le_bytes(), [0xab, 0xcd, rd, 0, 0, 0, 0, 0]);
    }
}

#[test]
fn additional_records_other_than_opt_go_up() {
    let record = plain::owned_record(b"\0", A, &[192, 0, 2, 1]);
    let mut message = query(WWW, A);
    message[11] = 1;
    message.extend(record);
    assert_eq!(asked(&message), Err(Outcome::UpAdditional));
    // An OPT record whose owner is not the root (RFC 6891 section 6.1.2).
    for (options, outcome) in [
        (Opt::default(), Outcome::UpClass),
        (Opt::default().with(12, &[0]), Outcome::UpAdditional),
    ] {
        let mut message = with_opt(&query(WWW, A), &options);
        let opt = query(WWW, A).len();
        message.splice(opt..=opt, *b"\x01a\0");
        // Without options it is taken for one of the root, and its owner for the question's.
        assert_eq!(asked(&message), Err(outcome));
    }
}

/// Queries as they should be, with OPT records of any kind.
fn queries() -> impl Strategy<Value = Vec<u8>> {
    let any_option = (
        prop_oneof![Just(3), Just(8), Just(10), Just(11), any::<u16>()],
        proptest::collection::vec(any::<u8>(), 0..45),
    );
    let data = |first: &'static [u8], octets: usize| {
        let rest = proptest::collection::vec(any::<u8>(), octets);
        rest.prop_map(move |rest| [first, &rest].concat())
    };
    let usual = prop_oneof![
        (Just(plain::COOKIE), data(&[], 8)),
        (Just(plain::SUBNET), data(&[0, 1, 24, 0], 3)),
        (Just(plain::SUBNET), data(&[0, 2, 56, 0], 7)),
        (Just(plain::COOKIE), data(&[], 24)),
    ];
    let opt = (
        any::<u16>(),
        prop_oneof![9 => Just(0), 1 => any::<u8>()],
        prop_oneof![Just(0), Just(DNSSEC_OK), any::<u16>()],
        prop_oneof![
            usual.prop_map(|option| vec![option]),
            proptest::collection::vec(any_option, 0..=12),
        ],
    );
    let opt = opt.prop_map(|(payload, version, flags, options)| Opt {
        payload,
        rcode_high: 0,
        version,
        flags,
        options,
    });
    let rtype = prop_oneof![Just(A), Just(28), Just(255), any::<u16>()];
    (names(), rtype, proptest::option::of(opt)).prop_map(|(name, rtype, opt)| {
        let plain = query(&name, rtype);
        opt.map_or(plain.clone(), |opt| with_opt(&plain, &opt))
    })
}

/// A message of which something is known ahead: [`KNOWN`], and how many octets of options
/// are not read.
struct Known<'m, const WHAT: usize>(&'m [u8], usize);

const KNOWN: [Records; 7] = [
    Records::None,
    Records::EmptyOpt,
    Records::Option(LastOption::ClientCookie),
    Records::Option(LastOption::SubnetV4),
    Records::Option(LastOption::SubnetV6),
    Records::Option(LastOption::FullCookie),
    Records::Ignored,
];

impl<const WHAT: usize> Octets for Known<'_, WHAT> {
    const RECORDS: Records = KNOWN[WHAT];

    fn len(&self) -> usize {
        self.0.len()
    }

    fn ignored(&self) -> usize {
        self.1
    }

    fn word(&self, at: usize) -> Option<u64> {
        self.0.word(at)
    }

    fn half(&self, at: usize) -> Option<u32> {
        self.0.half(at)
    }

    fn octet(&self, at: usize) -> Option<u8> {
        self.0.octet(at)
    }

    fn last_words(&self) -> Option<[u64; 4]> {
        self.0.last_words()
    }

    fn ending(&self, at: usize) -> Option<impl crate::octets::Ending> {
        self.0.ending(at)
    }
}

/// What is read with `WHAT` known ahead; `None` where it was not so, and the message is
/// to be read again.
fn known<const WHAT: usize>(message: &[u8]) -> Option<Read> {
    known_without::<WHAT>(message, 0)
}

/// As [`known`], with so many octets of options that are not read.
fn known_without<const WHAT: usize>(message: &[u8], ignored: usize) -> Option<Read> {
    let message = Known::<WHAT>(message, ignored);
    let read = ask(&message, 7, Wanted::NONE, &Desk::default());
    (read != Err(Outcome::UpOpt)).then(|| read.map(|ask| whole(ask, &message)))
}

/// A question, and what its OPT record says.
type Read = Result<(Ask, Option<reader::Edns>), Outcome>;

fn whole(ask: Ask, message: &(impl Octets + ?Sized)) -> (Ask, Option<reader::Edns>) {
    let edns = reader::Edns::of(ask.edns, message);
    // Options of other versions are not looked at.
    let edns = edns.map(|edns| match edns.version {
        0 => edns,
        _ => reader::Edns {
            cookie: None,
            subnet: None,
            ..edns
        },
    });
    let ask = Ask {
        edns: Edns::ABSENT,
        ..ask
    };
    (ask, edns)
}

/// What is known ahead changes nothing of what is read; of which OPT record it is that is
/// not known is left to be read again.
fn known_ahead_agrees(message: &[u8]) -> Result<(), TestCaseError> {
    let last = message
        .last_words()
        .expect("octets of any length have an end");
    let read = match message.get(8..12) {
        Some([0, 0, 0, 0]) => known::<0>(message),
        Some([0, 0, 0, 1]) if ends_with_zeros(last) => known::<1>(message),
        Some([0, 0, 0, 1]) => match LastOption::of(last) {
            Some(LastOption::ClientCookie) => known::<2>(message),
            Some(LastOption::SubnetV4) => known::<3>(message),
            Some(LastOption::SubnetV6) => known::<4>(message),
            Some(LastOption::FullCookie) => known::<5>(message),
            None => None,
        },
        _ => None,
    };
    if let Some(read) = read {
        prop_assert_eq!(read, asked(message).map(|ask| whole(ask, message)));
    }
    let has_opt = message.get(8..12) == Some(&[0, 0, 0, 1]) && !ends_with_zeros(last);
    if let Some(option) = LastOption::of(last).filter(|_| has_opt)
        && let Some(read) = known_without::<6>(message, option.octets())
    {
        let without = ask(message, 7, Wanted::NONE, &Desk::default());
        prop_assert_eq!(read, without.map(|ask| whole(ask, message)));
    }
    Ok(())
}

#[test]
fn an_opt_record_with_a_usual_end_is_found_from_there() {
    let usual: [(u16, &[u8]); 4] = [
        (plain::COOKIE, &[1, 2, 3, 4, 5, 6, 7, 8]),
        (plain::SUBNET, &[0, 1, 24, 0, 192, 0, 2]),
        (plain::SUBNET, &[0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 1]),
        (plain::COOKIE, &[7; 24]),
    ];
    // A name with zero octets in a label is found before it, too.
    for name in [WWW, b"\x03w\0w\x07example\0"] {
        let with = |options: &[(u16, &[u8])]| {
            let all = Opt::default();
            let all = options
                .iter()
                .fold(all, |all, (code, data)| all.with(*code, data));
            with_opt(&query(name, A), &all)
        };
        let read = |message: &[u8]| {
            [known::<1>, known::<2>, known::<3>, known::<4>, known::<5>].map(|known| known(message))
        };
        let mut messages = vec![with(&[])];
        messages.extend(usual.map(|option| with(&[option])));
        for (number, message) in messages.iter().enumerate() {
            let expected = asked(message).map(|ask| whole(ask, &message[..]));
            assert_eq!(
                expected.as_ref().map(|(ask, _)| ask.name_len),
                Ok(name.len())
            );
            for (other, read) in read(message).into_iter().enumerate() {
                assert_eq!(
                    read,
                    (other == number).then_some(expected),
                    "{number}, {other}"
                );
            }
        }
        for (message, (_, data)) in messages[1..].iter().zip(usual) {
            let without = ask(&message[..], 7, Wanted::NONE, &Desk::default());
            let expected = without.map(|ask| whole(ask, &message[..]));
            let octets = 4 + data.len();
            assert_eq!(known_without::<6>(message, octets), Some(expected));
            assert_eq!(known_without::<6>(message, octets - 1), None);
        }
        // Not alone, and of another length than any of these.
        for options in [[usual[0], usual[1]], [(65_001, &[1][..]), usual[3]]] {
            assert_eq!(read(&with(&options)), [const { None }; 5]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn queries_read_as_the_plain_reader_does(message in queries(), seed: u64) {
        agree(&message, seed)?;
        known_ahead_agrees(&message)?;
    }

    #[test]
    fn mutated_queries_read_as_the_plain_reader_does(
        mut message in queries(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
        seed: u64,
    ) {
        for (at, value) in changes {
            let at = at.index(message.len());
            message[at] = value;
        }
        if let Some(cut) = cut {
            message.truncate(cut.index(message.len()));
        }
        agree(&message, seed)?;
        known_ahead_agrees(&message)?;
    }

    #[test]
    fn any_octets_after_a_good_header_read_as_the_plain_reader_does(
        rest in proptest::collection::vec(any::<u8>(), 0..400),
        opt: bool,
    ) {
        let mut message = query(&[], A);
        message.truncate(HEADER);
        message[11] = u8::from(opt);
        // One octet in sixteen is zero, as names and OPT records need.
        message.extend(rest.into_iter().map(|octet| if octet < 16 { 0 } else { octet }));
        agree(&message, 7)?;
        known_ahead_agrees(&message)?;
    }

    #[test]
    fn case_does_not_matter(name in names(), seed: u64) {
        let read = |name: &[u8]| {
            let ask = ask(&query(name, A)[..], seed, Wanted::ALL, &Desk::default()).expect("a well-formed query");
            (ask.hash, ask.name_len)
        };
        prop_assert_eq!(read(&name), read(&name.to_ascii_lowercase()));
    }
}

#[test]
fn no_options_say_no_more_than_that_there_is_an_opt_record() {
    let message = with_opt(&query(WWW, A), &Opt::default());
    let ask = asked(&message).expect("a query");
    let expected = reader::Edns {
        payload: 1232,
        ..reader::Edns::default()
    };
    assert_eq!(reader::Edns::of(ask.edns, &message[..]), Some(expected));
}
