use proptest::prelude::*;

mod options;

use options::{Options, options};

use super::*;
use crate::{
    ask::{Subnet, ask},
    host::Class,
    name::tests::names,
    tables::{AnswerKind, Source},
    world::{
        World,
        host::Desk,
        memory::{Answer, words},
        plain::{self, COOKIE, DNSSEC_OK, SUBNET, query, rfc1071, with_opt},
    },
};

/// A world with one answer, which is chosen.
fn holding(answer: &Answer) -> (World, Chosen) {
    let mut world = World::new();
    let cell = world.add_answer(answer);
    let head = AnswerHead::load(&world.tables.answers[cell as usize]);
    let chosen = Chosen {
        cell,
        head,
        service: Row::NO_SERVICE,
        zone: 0,
        scope: 0,
        moving: world.moving(cell, head),
    };
    (world, chosen)
}

/// Records of any octets, with pointers that move in them: at most one in eight
/// octets, so that none overlap.
fn answers() -> impl Strategy<Value = Answer> {
    let octets = proptest::collection::vec(any::<u8>(), 1..=AnswerHead::LEN_MAX);
    let places = proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..30);
    let kind = (
        any::<[u16; 3]>(),
        0..=u8::MAX,
        1..=u8::MAX,
        0..Class::ALL.len(),
    );
    (octets, places, kind).prop_map(|(mut octets, places, (counts, rcode, name_len, class))| {
        let eights = octets.len() / 8;
        let mut moving: Vec<u16> = places
            .into_iter()
            .filter(|_| eights != 0)
            .map(|(at, odd)| (8 * at.index(eights)) as u16 + u16::from(odd))
            .collect();
        moving.sort_unstable();
        moving.dedup_by_key(|at| *at / 8);
        for at in &moving {
            // Far from where a sum of 16 bits would carry.
            octets[usize::from(*at)] = 0xc0;
        }
        let [ancount, nscount, arcount] = counts;
        let kind = AnswerKind {
            flags: u16::from_le_bytes([0x84, rcode & 0x0f]),
            name_len,
            class: Class::ALL[class],
        };
        Answer {
            octets,
            // One more, the OPT record, must not carry into the first octet.
            counts: [ancount, nscount, arcount % 255],
            kind,
            moving,
        }
    })
}

/// The records of `answer` under a name of `name_len` octets.
fn moved(answer: &Answer, name_len: usize) -> Vec<u8> {
    let longer = name_len.saturating_sub(usize::from(answer.kind.name_len)) as u16;
    let mut octets = answer.octets.clone();
    for at in answer.moving.iter().map(|at| usize::from(*at)) {
        let pointer = u16::from_be_bytes([octets[at], octets[at + 1]]) + longer;
        octets[at..at + 2].copy_from_slice(&pointer.to_be_bytes());
    }
    octets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    // `World::write` compares the sum with the octets.
    #[test]
    fn a_reply_is_the_question_between_a_new_header_and_records_and_options(
        name in names(),
        answer in answers(),
        options in proptest::option::of(options()),
        id: [u8; 2],
        flags in any::<u8>().prop_map(|flags| flags & 0x05),
        rtype in 1..=40_u16,
    ) {
        let mut message = query(&name, rtype);
        message[..2].copy_from_slice(&id);
        message[2] = flags;
        if let Some(options) = &options {
            message = with_opt(&message, &options.asked());
        }
        let asked = ask(&message[..], 0, crate::ask::Wanted::ALL, &Desk::default()).expect("a well-formed query");
        let (mut world, chosen) = holding(&answer);
        world.host.stream = true;
        let opt = options.as_ref().map(|options| options.made(&asked, &world));
        let plain_opt = options.as_ref().map(|options| options.plain(&world));
        let opt = opt.unwrap_or_else(|| Opt::new(&asked, &world.host));
        let reply = Reply::new(&asked, &chosen, opt, &world.host);

        let records = moved(&answer, name.len());
        let flags = answer.kind.flags.to_le_bytes();
        let expected = plain::reply(&message, flags, answer.counts, &records, plain_opt.as_ref());
        prop_assert_eq!(reply.len(), expected.len());
        prop_assert_eq!(world.write(&reply, &message), expected);

        // The same without records: for its rate, for its cookie, for its version.
        let expected = plain::reply(&message, [flags[0] | 2, flags[1]], [0; 3], &[], plain_opt.as_ref());
        prop_assert_eq!(world.write(&reply.slipped(&asked), &message), expected);
        if let Some(plain_opt) = plain_opt {
            let bad = plain::Opt { rcode_high: 1, ..plain_opt };
            let expected = plain::reply(&message, [0x80, 7], [0; 3], &[], Some(&bad));
            prop_assert_eq!(world.write(&reply.bad_cookie(&asked), &message), expected);
            let bare = plain::Opt { options: Vec::new(), ..bad };
            let expected = plain::reply(&message, [0x80, 0], [0; 3], &[], Some(&bare));
            prop_assert_eq!(world.write(&Reply::bad_version(&asked, &world.host), &message), expected);
        }
    }

    #[test]
    fn rfc1071_lanes_fold_to_the_checksum(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let sum: u64 = words(&octets).into_iter().map(lanes).sum();
        prop_assert_eq!(fold_sum(sum).swap_bytes(), rfc1071(&octets));
    }

    #[test]
    fn a_sum_is_intact_where_it_folds_to_negative_zero(sum in 1..1_u64 << 47, whole in 1..1_u64 << 31) {
        prop_assert_eq!(is_intact(sum), fold_sum(sum) == 0xffff);
        prop_assert!(is_intact(whole * 0xffff));
        prop_assert!(!is_intact(whole * 0xffff + sum % 0xfffe + 1));
    }

    #[test]
    fn any_sum_of_a_message_folds_to_what_it_is_modulo_0xffff(sum in 0..1_u64 << 47) {
        prop_assert_eq!(u64::from(fold_sum(sum)) % 0xffff, sum % 0xffff);
    }
}

#[test]
fn every_parity_of_name_and_records_has_the_right_sum() {
    let subnets = [(0, 0), (8, 8), (20, 9), (128, 0)];
    for name_len in [1, 3, 4, 9, 10, 16, 17, 254, 255] {
        let name = crate::name::tests::name_of(name_len, &[62], b"abc");
        let asked = plain::Opt {
            flags: DNSSEC_OK,
            ..plain::Opt::default()
        };
        let message = with_opt(&query(&name, 1), &asked);
        for records in 1..=33_u8 {
            let octets: Vec<u8> = (0..records).map(|at| 0xf0 ^ at).collect();
            let (world, chosen) = holding(&Answer::positive(&octets));
            for (bits, scope) in subnets {
                let ask = ask(&message[..], 0, crate::ask::Wanted::ALL, &Desk::default())
                    .expect("a well-formed query");
                let options = Options {
                    dnssec_ok: true,
                    cookie: (scope == 8).then_some((1, (2, 3))),
                    subnet: Some((
                        Subnet {
                            family: 2,
                            source_len: bits,
                            words: (0, 0),
                        },
                        scope,
                    )),
                };
                let opt = options.made(&ask, &world);
                let reply = Reply::new(&ask, &chosen, opt, &world.host);
                let opt = options.plain(&world);
                let expected = plain::reply(&message, [0x84, 0], [1, 0, 0], &octets, Some(&opt));
                assert_eq!(world.write(&reply, &message), expected);
            }
        }
    }
}

#[test]
fn a_reply_needs_all_of_its_room() {
    let plain = query(b"\x03www\x07example\0", 1);
    let cookie = plain::Opt::default().with(COOKIE, &[1; 8]);
    for message in [plain.clone(), with_opt(&plain, &cookie)] {
        let ask = ask(&message[..], 0, crate::ask::Wanted::ALL, &Desk::default())
            .expect("a well-formed query");
        for records in 1..=48 {
            let (world, chosen) = holding(&Answer::positive(&vec![7; records]));
            let mut opt = Opt::new(&ask, &world.host);
            if ask.edns.is_present() {
                opt.add_cookie(1, (2, 3));
            }
            let reply = Reply::new(&ask, &chosen, opt, &world.host);
            for len in 0..reply.len() {
                let mut room = vec![0; len];
                let written = reply.write(&mut room[..], &world.tables);
                assert_eq!(
                    written,
                    None,
                    "{records} octets in {len} of {}",
                    reply.len()
                );
            }
            let mut room = vec![0; reply.len()];
            assert_eq!(reply.write(&mut room[..], &world.tables), Some(()));
        }
    }
}

#[test]
fn an_answer_may_fill_the_last_cell_of_the_table() {
    let message = query(b"\x03www\x07example\0", 1);
    let ask = ask(&message[..], 0, crate::ask::Wanted::ALL, &Desk::default())
        .expect("a well-formed query");
    // 48 and 112 octets fill one cell and two with the words before them.
    for len in [40, 47, 48, 49, 104, 111, 112, 432, 480] {
        for moving in [&[][..], &[0], &[0, 3, 5, 8], &[0, 2, 4, 6, 8]] {
            let answer = Answer::positive(&vec![7; len]).moved(1, moving);
            let (mut world, chosen) = holding(&answer);
            let reply = Reply::new(&ask, &chosen, Opt::new(&ask, &world.host), &world.host);
            let expected = plain::reply(&message, [0x84, 0], [1, 0, 0], &moved(&answer, 13), None);
            assert_eq!(world.write(&reply, &message), expected, "{len} octets");
            // A cell less, and it is not written.
            world.tables.answers.pop();
            let mut room = vec![0; reply.len()];
            assert_eq!(
                reply.write(&mut room[..], &world.tables),
                None,
                "{len} octets"
            );
        }
    }
}

#[test]
fn the_most_pointers_of_the_longest_answer_all_move() {
    let moving: Vec<u16> = (0..AnswerHead::MOVING_MAX as u16)
        .map(|number| 17 * number)
        .collect();
    let answer = Answer::positive(&vec![0x40; AnswerHead::LEN_MAX]).moved(1, &moving);
    let (mut world, chosen) = holding(&answer);
    world.host.stream = true;
    let message = query(&crate::name::tests::name_of(255, &[62], b"x"), 1);
    let ask = ask(&message[..], 0, crate::ask::Wanted::ALL, &Desk::default())
        .expect("a well-formed query");
    let reply = Reply::new(&ask, &chosen, Opt::new(&ask, &world.host), &world.host);
    let expected = plain::reply(&message, [0x84, 0], [1, 0, 0], &moved(&answer, 255), None);
    assert_eq!(world.write(&reply, &message), expected);
}
