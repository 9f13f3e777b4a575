//! Messages that the fast path does not answer.

use dns_common::outcome::Outcome;

use super::{Frames, ask, asking, ways_here};
use crate::{
    shared::plain::{COOKIE, Opt, SUBNET, subnet},
    wire::{A, AAAA, Question, TXT, name},
    world::{NOBODY, WWW},
    zone::ELSEWHERE,
};

/// The query changed by `change`, over both families.
fn with_message(what: &'static str, change: impl Fn(&mut Vec<u8>)) -> Frames {
    let frames = ways_here().map(|way| {
        let mut message = ask().query();
        change(&mut message);
        (what, way.frame(&message))
    });
    frames.to_vec()
}

/// The query with an OPT record that has one option.
fn with_option(what: &'static str, code: u16, data: &[u8]) -> Frames {
    asking(what, &ask().with(Opt::default().with(code, data)))
}

/// Queries for addresses of each of `names`.
fn addresses_of(names: &[(&'static str, Vec<u8>)]) -> Frames {
    let names = names.iter();
    names
        .flat_map(|(what, name)| asking(what, &Question::new(name, A)))
        .collect()
}

/// Messages that go up for `outcome`; `None` for outcomes of other causes.
pub(super) fn messages(outcome: Outcome) -> Option<Frames> {
    Some(match outcome {
        Outcome::UpResponse => with_message("QR", |message| message[2] |= 0x80),
        Outcome::UpOpcode => [0x08, 0x10, 0x20, 0x28, 0x40, 0x78, 0x02]
            .into_iter()
            .flat_map(|bits| with_message("an opcode or TC", move |message| message[2] |= bits))
            .collect(),
        Outcome::UpQuestionCount => [0, 2, 0x0100, 0xffff_u16]
            .into_iter()
            .flat_map(|count| {
                with_message("a QDCOUNT", move |message| {
                    message[4..6].copy_from_slice(&count.to_be_bytes());
                })
            })
            .collect(),
        Outcome::UpRecords => [6, 7, 8, 9]
            .into_iter()
            .flat_map(|at| with_message("ANCOUNT or NSCOUNT", move |message| message[at] = 1))
            .collect(),
        Outcome::UpQuestion => {
            let mut frames = with_message("a question and a half", |message| {
                message.extend([0, 0, 1, 0, 1]);
            });
            frames.extend(with_message("no room for an OPT record", |message| {
                message[11] = 1;
                message.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0]);
            }));
            frames.extend(with_message("no name before the OPT record", |message| {
                message.truncate(12);
                message[11] = 1;
                message.extend([b'x'; 300]);
            }));
            frames.extend(with_message("no end of name", |message| {
                message.truncate(12);
                message.push(35);
                message.extend([b'x'; 35]);
                message.extend([0, 1, 0, 1]);
            }));
            frames.extend(with_message("a pointer for a name", |message| {
                message.truncate(12);
                message.extend([0xc0, 12, 0, 1, 0, 1]);
            }));
            frames.extend(with_message("other labels, same octets", |message| {
                message[12 + 4] += 1;
            }));
            for len in [256, 257, 300, 400] {
                frames.extend(with_message("a name too long", move |message| {
                    message.truncate(12);
                    message.extend((0..len - 1).map(|at| if at % 64 == 0 { 63 } else { b'x' }));
                    message.extend([0, 0, 1, 0, 1]);
                }));
            }
            frames
        }
        Outcome::UpClass => [0_u16, 2, 3, 4, 254, 255, 0x0100, 0x8001]
            .into_iter()
            .flat_map(|class| {
                with_message("a class", move |message| {
                    let at = message.len() - 2;
                    message[at..].copy_from_slice(&class.to_be_bytes());
                })
            })
            // Without other records the class is what the message ends with.
            .chain(with_message("an octet too many", |message| message.push(0)))
            .chain(with_message("an octet too few", |message| {
                message.pop();
            }))
            .collect(),
        Outcome::UpAdditional => additionals(),
        Outcome::UpOpt => opts(),
        Outcome::UpCookie => (0..=48_usize)
            .filter(|len| !(*len == 8 || (16..=40).contains(len)))
            .flat_map(|len| with_option("a cookie's length", COOKIE, &vec![7; len]))
            .collect(),
        Outcome::UpSubnet => subnets(),
        Outcome::UpType => [0, 41, 128, 249, 250, 251, 252, 253, 254]
            .into_iter()
            .flat_map(|rtype| asking("a type", &Question::new(&name(WWW), rtype)))
            .collect(),
        Outcome::UpUnknownName => {
            let mut frames = addresses_of(&[
                ("another zone", name("www.example.org.")),
                ("one label", name("org.")),
                ("less than ours", name("exampl.")),
                ("more than ours", name("www.examplee.")),
                ("127 labels", [b"\x01a".repeat(127), vec![0]].concat()),
            ]);
            frames.extend(asking("the root", &Question::new(&[0], TXT)));
            frames
        }
        Outcome::UpNoAnswer => addresses_of(&[
            ("nothing known", name(ELSEWHERE)),
            ("below that", name(&format!("a.b.{ELSEWHERE}"))),
        ]),
        Outcome::UpNoCandidate => [A, AAAA]
            .into_iter()
            .flat_map(|rtype| asking("nobody is fit", &Question::new(&name(NOBODY), rtype)))
            .collect(),
        _ => return None,
    })
}

/// Additional records other than one OPT record.
fn additionals() -> Frames {
    let mut frames = with_message("two OPT records", |message| {
        message[11] = 2;
        message.extend(Opt::default().octets().repeat(2));
    });
    frames.extend(with_message("256 of them", |message| message[10] = 1));
    frames.extend(with_message("an A record", |message| {
        message[11] = 1;
        message.extend([0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]);
    }));
    frames.extend(with_message("OPT at a name", |message| {
        message[11] = 1;
        message.extend([1, b'x']);
        // With an option: without one the owner is taken for the question's.
        let mut opt = Opt::default().octets();
        opt[10] = 4;
        message.extend(opt);
        message.extend([0, 12, 0, 0]);
    }));
    frames
}

/// OPT records that are malformed, or have more options than are read.
fn opts() -> Frames {
    let full = |data: &[u8]| {
        let mut octets = Opt::default().octets();
        octets[9..].copy_from_slice(&(data.len() as u16).to_be_bytes());
        [&octets[..], data].concat()
    };
    let mut frames = Frames::new();
    for (what, record) in [
        ("a code cut short", full(&[0])),
        ("no length", full(&[0, 10])),
        ("a length cut short", full(&[0, 10, 0])),
        ("data cut short", full(&[0, 12, 0, 4, 1, 2, 3])),
        ("nothing of its data", full(&[0, 12, 0xff, 0xff])),
        ("octets after the last", full(&[0, 12, 0, 1, 1, 9])),
        ("nine options", full(&[0, 12, 0, 0].repeat(9))),
        (
            "more octets than it says",
            [Opt::default().octets(), vec![0]].concat(),
        ),
        ("fewer octets than it says", {
            let mut octets = full(&[0, 12, 0, 4, 1, 2, 3, 4]);
            octets.pop();
            octets
        }),
    ] {
        frames.extend(with_message(what, |message| {
            message[11] = 1;
            message.extend(&record);
        }));
    }
    frames
}

/// CLIENT-SUBNET options that are malformed (RFC 7871 section 7.1.2), or of a
/// family that we do not know.
fn subnets() -> Frames {
    let mut frames = Frames::new();
    for (what, data) in [
        ("empty", vec![]),
        ("cut short", vec![0, 1, 0]),
        ("a scope", subnet(1, 24, 1, &[10, 1, 2])),
        ("too few octets", vec![0, 1, 24, 0, 10, 1]),
        ("too many octets", vec![0, 1, 24, 0, 10, 1, 2, 0]),
        ("octets of no prefix", vec![0, 1, 0, 0, 0]),
        ("bits after the prefix", subnet(1, 23, 0, &[10, 1, 3])),
        ("bits of IPv6 after it", subnet(2, 65, 0, &[0x20; 9])),
        ("33 bits of IPv4", subnet(1, 33, 0, &[10, 1, 2, 3, 0])),
        ("129 bits of IPv6", subnet(2, 129, 0, &[0x20; 17])),
        ("another family", subnet(3, 8, 0, &[10])),
        ("no family, but a prefix", subnet(0, 8, 0, &[10])),
    ] {
        frames.extend(with_option(what, SUBNET, &data));
    }
    frames
}
