//! What is answered, octet by octet against replies encoded independently.

use std::net::IpAddr;

use dns_common::outcome::Outcome;
use veer::tables::{Addresses, Capacity, ImageBuilder, RowData};

use crate::{
    rig::Rig,
    wire::{A, AAAA, Answer, Datagram, Question, checksum, mixed_case, name},
    world::{self, Site, V4, V6, WWW},
};

const TAGS: [&[(u16, u16)]; 6] = [
    &[],
    &[(0x8100, 0x6005)],
    &[(0x88a8, 0x0007), (0x8100, 0xefff)],
    &[(0x8100, 0x0007), (0x8100, 0x0008)],
    &[(0x88a8, 0x0007)],
    &[(0x88a8, 0x0007), (0x88a8, 0x0008)],
];

fn published() -> Rig {
    let rig = Rig::load(world::CAPACITY);
    world::publish(&rig.tables);
    rig
}

/// Asserts that `question`, sent as `way` says with `padding` octets behind it,
/// is answered as `site` stands for `group`.
fn expect_answer(
    rig: &mut Rig,
    way: &Datagram,
    question: &Question,
    padding: usize,
    (site, group): (&Site, u16),
) {
    let answer = site.answer_for(question.rtype, group).expect("an answer");
    let mut frame = way.frame(&question.query());
    frame.extend(std::iter::repeat_n(0xee, padding));
    let reply = way.back().frame(&question.reply(&answer));
    let what = format!("{way:?} {question:?} {padding}");
    rig.expect_reply(&what, &frame, &reply, site.service());
}

#[test]
fn every_name_for_every_resolver_under_any_tags() {
    let mut rig = published();
    let sites = world::sites();
    let mut cases = 0;
    for (resolver, group) in world::resolvers() {
        for site in &sites {
            for rtype in [A, AAAA] {
                if site.answer_for(rtype, group).is_none() || site.is_long() {
                    continue;
                }
                let tags = TAGS[cases % TAGS.len()].to_vec();
                let way = Datagram {
                    tags,
                    ..Datagram::new(resolver, world::ours(resolver))
                };
                let question = Question {
                    id: cases as u16,
                    recursion_desired: cases % 3 == 0,
                    ..Question::new(&site.name, rtype)
                };
                expect_answer(&mut rig, &way, &question, 0, (site, group));
                cases += 1;
            }
        }
    }
    assert!(cases > 600, "{cases}");
}

#[test]
fn every_shape_of_frame_for_every_shape_of_answer() {
    let mut rig = published();
    for resolver in ["10.1.3.7", "2001:db8:6::9"] {
        let resolver: IpAddr = resolver.parse().expect("an address");
        for tags in TAGS {
            let way = Datagram {
                tags: tags.to_vec(),
                ..Datagram::new(resolver, world::ours(resolver))
            };
            for text in [
                WWW,
                "three.example.",
                "alias.example.",
                "static-alias.example.",
                ".",
            ] {
                let site = world::site(text);
                for rtype in [A, AAAA] {
                    for padding in [0, 1, 2, 17, 300, 1400] {
                        let question = Question::new(&site.name, rtype);
                        expect_answer(&mut rig, &way, &question, padding, (&site, 2));
                    }
                }
            }
        }
    }
}

#[test]
fn frames_padded_to_60_octets_are_answered() {
    let mut rig = published();
    let resolver: IpAddr = "10.1.3.7".parse().expect("an address");
    let way = Datagram::new(resolver, V4);
    let root = world::site(".");
    let question = Question::new(&root.name, A);
    let padding = 60 - way.frame(&question.query()).len();
    expect_answer(&mut rig, &way, &question, padding, (&root, 2));
}

#[test]
fn the_question_comes_back_as_asked() {
    let mut rig = published();
    let resolver: IpAddr = "2001:db8:6::9".parse().expect("an address");
    let way = Datagram::new(resolver, V6);
    for site in world::sites() {
        let Some(_) = site.answer_for(A, 2) else {
            continue;
        };
        if site.is_long() {
            continue;
        }
        for asked in [mixed_case(&site.name), site.name.to_ascii_uppercase()] {
            let question = Question::new(&asked, A);
            expect_answer(&mut rig, &way, &question, 0, (&site, 2));
        }
    }
}

#[test]
fn id_and_rd_come_back_and_other_flags_do_not() {
    let mut rig = published();
    let site = world::site(WWW);
    let way = Datagram::new("10.1.3.7".parse().expect("an address"), V4);
    for id in [0, 1, 0xff00, 0xffff] {
        for recursion_desired in [false, true] {
            let question = Question {
                id,
                recursion_desired,
                ..Question::new(&site.name, A)
            };
            let answer = site.answer_for(A, 2).expect("an answer");
            let reply = way.back().frame(&question.reply(&answer));
            // AA, RA, Z, AD, CD and RCODE mean nothing in a query.
            for (octet, bits) in [
                (2, 0x04),
                (3, 0x80),
                (3, 0x40),
                (3, 0x20),
                (3, 0x10),
                (3, 0x0f),
            ] {
                let mut message = question.query();
                message[octet] |= bits;
                rig.expect_reply("flags", &way.frame(&message), &reply, Some(0));
            }
        }
    }
}

#[test]
fn rfc768_a_query_without_a_checksum_gets_a_reply_with_one() {
    let mut rig = published();
    let way = Datagram {
        with_checksum: false,
        ..Datagram::new("10.1.3.7".parse().expect("an address"), V4)
    };
    let site = world::site(WWW);
    expect_answer(&mut rig, &way, &Question::new(&site.name, A), 0, (&site, 2));
}

#[test]
fn any_port_and_address_of_a_resolver_comes_back() {
    let mut rig = published();
    let site = world::site(WWW);
    for port in [1, 53, 255, 256, 1024, 0xfffe, 0xffff] {
        for (resolver, group) in world::resolvers() {
            let way = Datagram {
                source: (resolver, port),
                ttl: 1,
                tos: 0xff,
                ..Datagram::new(resolver, world::ours(resolver))
            };
            let question = Question::new(&site.name, AAAA);
            expect_answer(&mut rig, &way, &question, 0, (&site, group));
        }
    }
}

#[test]
fn rfc8200_8_1_a_checksum_that_comes_out_zero_is_sent_as_ones() {
    let mut rig = published();
    for resolver in ["10.1.3.7", "2001:db8:6::9"] {
        for text in [WWW, "static.example.", "alias.example."] {
            let resolver: IpAddr = resolver.parse().expect("an address");
            let way = Datagram::new(resolver, world::ours(resolver));
            let site = world::site(text);
            let mut question = Question {
                id: 0,
                ..Question::new(&site.name, A)
            };
            let answer = site.answer_for(A, 2).expect("an answer");
            // The ID that the sum lacks of all ones is the checksum without it.
            let back = way.back();
            let reply = back.frame(&question.reply(&answer));
            let at = back.transport() + 6;
            question.id = u16::from_be_bytes([reply[at], reply[at + 1]]);
            let reply = back.frame(&question.reply(&answer));
            assert_eq!(
                reply[at..at + 2],
                [0xff, 0xff],
                "the case is not the one meant"
            );
            rig.expect_reply(text, &way.frame(&question.query()), &reply, site.service());
        }
    }
}

#[test]
fn checksums_hold_for_whatever_ids_and_ports_there_are() {
    let mut rig = published();
    let site = world::site("three.example.");
    for (resolver, group) in [("10.1.3.7", 2), ("2001:db8:5::1", 3)] {
        let resolver: IpAddr = resolver.parse().expect("an address");
        for number in 0..2000_u16 {
            let way = Datagram {
                source: (resolver, number.wrapping_mul(31).max(1)),
                ..Datagram::new(resolver, world::ours(resolver))
            };
            let question = Question {
                id: number.wrapping_mul(0x9e37),
                ..Question::new(&site.name, A)
            };
            let ran = rig.run(&way.frame(&question.query()));
            let answer = site.answer_for(A, group).expect("an answer");
            assert_eq!(ran.frame, way.back().frame(&question.reply(&answer)));
            // The reference itself: a checksum over what it covers is all ones.
            if resolver.is_ipv4() {
                assert_eq!(checksum(&ran.frame[14..34]), 0);
            }
        }
    }
    let answered = rig.counts().outcomes[Outcome::Answered as usize];
    assert_eq!(answered, 4000);
}

#[test]
fn an_answer_that_fills_the_last_cell_of_the_table_is_sent() {
    let mut rig = Rig::load(Capacity {
        answer_cells: 3,
        ..world::CAPACITY
    });
    // With the words before them the records take one cell, for each family.
    let answer = Answer {
        alias: None,
        addresses: vec![[203, 0, 113, 1].into(); 3],
        ttl: 60,
    };
    assert_eq!(answer.records().0.len(), 48);
    // The first generation is an odd one, which lies in the second half.
    let mut builder = ImageBuilder::new(&rig.tables, 1);
    // They are the same in octets, so the two families' would be stored as one.
    let other = Answer {
        ttl: 61,
        ..answer.clone()
    };
    let both = [&answer, &other];
    let slots = both.map(|answer| world::slot(&name(WWW), answer));
    builder.name(&name(WWW), &RowData::of(Addresses::Static(slots)));
    rig.tables
        .publish(&builder.build(&[V4], 53, world::SECRETS).expect("it fits"));

    let way = Datagram::new("10.1.3.7".parse().expect("an address"), V4);
    for (rtype, answer) in [A, AAAA].into_iter().zip(both) {
        let question = Question::new(&name(WWW), rtype);
        let reply = way.back().frame(&question.reply(answer));
        rig.expect_reply(WWW, &way.frame(&question.query()), &reply, None);
    }
}
