//! DNS messages: queries as they should be, unusual ones, and worse.

use dns_common::{cookie, tables::Source};

use super::{options, world::World};
use crate::random::Random;

pub(super) const OPT: u16 = 41;

const TYPES: [u16; 19] = [
    1, 28, 65, 65, 2, 5, 6, 12, 15, 16, 16, 33, 35, 39, 43, 64, 255, 257, 65281,
];
/// No types of records, or no types at all (RFC 6895 section 3.1).
const META: [u16; 8] = [0, 41, 128, 249, 250, 251, 252, 254];
const PAYLOADS: [u16; 12] = [
    0, 100, 511, 512, 513, 700, 1232, 1400, 1452, 1453, 4096, 65_535,
];
const OUTSIDE: [&[u8]; 5] = [
    b"\x00",
    b"\x03org\x00",
    b"\x03www\x09elsewhere\x03org\x00",
    b"\x08examples\x00",
    b"\x04test\x07example\x03com\x00",
];
/// Longest name (RFC 1035 section 2.3.4), octets.
const NAME_MAX: usize = 255;

/// A DNS message for the resolver `source` to send; `second` is the time.
pub(super) fn message(
    random: &mut Random,
    world: &World,
    source: Source,
    second: u32,
    last: &[u8],
) -> Vec<u8> {
    if random.permille(15) {
        let len = random.below(80);
        return random.octets(len);
    }
    let mut message = whole(random, world, source, second);
    if random.percent(12) {
        mutate(random, &mut message, last);
    }
    message
}

/// A message that is well-formed, for the most part.
fn whole(random: &mut Random, world: &World, source: Source, second: u32) -> Vec<u8> {
    let mut flags: u16 = if random.percent(50) { 0x0100 } else { 0 };
    if random.percent(10) {
        // RA, Z, AD, CD and an RCODE.
        flags |= random.pair() & 0x00ff;
    }
    if random.percent(2) {
        // QR, opcode, AA, TC.
        flags |= random.pair() & random.pair() & 0xfe00;
    }
    let mut counts = [1, 0, 0, 0];
    let mut body = question(random, world);
    if random.percent(1) {
        body.extend(question(random, world));
        counts[0] = 2;
    } else if random.permille(5) {
        body.clear();
        counts[0] = 0;
    }
    if random.percent(2) {
        record(random, &mut body);
        counts[1 + random.below(3)] += 1;
    }
    if random.percent(75) {
        opt(random, source, second, &mut body);
        counts[3] += 1;
        if random.percent(1) {
            opt(random, source, second, &mut body);
            counts[3] += u16::from(random.percent(80));
        }
    }
    if random.percent(1) {
        record(random, &mut body);
        counts[3] += u16::from(random.percent(80));
    }
    if random.percent(1) {
        counts[random.below(4)] = random.pair() >> random.below(16);
    }
    let mut message = Vec::with_capacity(12 + body.len());
    for number in [random.pair(), flags].into_iter().chain(counts) {
        message.extend(number.to_be_bytes());
    }
    message.extend(body);
    message
}

fn question(random: &mut Random, world: &World) -> Vec<u8> {
    let mut question = name(random, &world.names);
    let rtype = match random.below(100) {
        0..40 => *random.pick(&[1, 1, 28]),
        40..90 => *random.pick(&TYPES),
        90..93 => *random.pick(&META),
        _ => random.pair() >> random.below(16),
    };
    question.extend(rtype.to_be_bytes());
    let class: u16 = match random.below(100) {
        0..96 => 1,
        96 => 3,
        97 => 255,
        98 => 254,
        _ => random.pair(),
    };
    question.extend(class.to_be_bytes());
    question
}

/// A name in wire form: of ours, near one of ours, or any.
fn name(random: &mut Random, ours: &[Vec<u8>]) -> Vec<u8> {
    let mut name = random.pick(ours).clone();
    match random.below(100) {
        0..50 => {}
        50..75 => {
            for _ in 0..=random.below(3) {
                name = under(random, &name);
            }
        }
        // As long as can be, or a little more.
        75..80 => {
            let target = NAME_MAX - random.below(4);
            while name.len() < target {
                let len = (target - name.len() - 1).min(63);
                if len == 0 && random.percent(90) {
                    break;
                }
                name = label(random, len.max(1), &name);
            }
        }
        80..87 => {
            let at = random.below(name.len());
            name[at] = random.octet();
        }
        // Without its first label.
        87..90 => drop(name.drain(..usize::from(name[0]) + usize::from(name[0] != 0))),
        90..96 => name = random.pick(&OUTSIDE).to_vec(),
        96..98 => {
            let outside = *random.pick(&OUTSIDE);
            name = under(random, outside);
        }
        // A pointer in place of its end.
        98 => {
            let keep = random.below(name.len());
            name.truncate(keep);
            name.extend([0xc0, random.octet() & 0x1f]);
        }
        _ => {
            let len = random.below(30);
            name = random.octets(len);
        }
    }
    if random.percent(50) {
        for octet in &mut name {
            if octet.is_ascii_alphabetic() && random.percent(50) {
                *octet ^= 0x20;
            }
        }
    }
    name
}

/// `name` below a label: random, one that zones have, or of any octets.
fn under(random: &mut Random, name: &[u8]) -> Vec<u8> {
    const LABELS: [&[u8]; 8] = [
        b"\x01*",
        b"\x03www",
        b"\x01a",
        b"\x03all",
        b"\x02s1",
        b"\x04wild",
        b"\x03ent",
        b"\x05_dns.",
    ];
    match random.below(3) {
        0 => [random.pick(&LABELS), name].concat(),
        1 => {
            let len = 1 + random.below(20);
            label(random, len, name)
        }
        _ => {
            let len = 1 + random.below(8);
            [&[len as u8][..], &random.octets(len), name].concat()
        }
    }
}

fn label(random: &mut Random, len: usize, name: &[u8]) -> Vec<u8> {
    let mut labelled = vec![len as u8];
    labelled.extend((0..len).map(|_| b'a' + random.octet() % 26));
    labelled.extend(name);
    labelled
}

/// A record as no query needs one, a TSIG among them.
fn record(random: &mut Random, body: &mut Vec<u8>) {
    let (rtype, class): (u16, u16) = *random.pick(&[(1, 1), (250, 255), (6, 1), (24, 255), (2, 1)]);
    body.extend(if random.percent(50) {
        &b"\xc0\x0c"[..]
    } else {
        b"\x03key\x00"
    });
    body.extend(rtype.to_be_bytes());
    body.extend(class.to_be_bytes());
    body.extend([0; 4]);
    let len = random.below(40);
    body.extend((len as u16).to_be_bytes());
    body.extend(random.octets(len));
}

fn opt(random: &mut Random, source: Source, second: u32, body: &mut Vec<u8>) {
    body.extend(if random.percent(1) {
        &b"\x01x\x00"[..]
    } else {
        b"\x00"
    });
    body.extend(OPT.to_be_bytes());
    let payload = if random.percent(90) {
        *random.pick(&PAYLOADS)
    } else {
        random.pair()
    };
    body.extend(payload.to_be_bytes());
    let version = if random.percent(4) { random.octet() } else { 0 };
    let upper_rcode = if random.percent(2) { random.octet() } else { 0 };
    body.extend([upper_rcode, version]);
    let mut flags: u16 = if random.percent(50) { 0x8000 } else { 0 };
    if random.percent(4) {
        flags |= random.pair();
    }
    body.extend(flags.to_be_bytes());
    let cookie = |client: u64, secret: usize, age: u32| {
        let secret = super::world::SECRETS[secret & 1];
        cookie::make(secret, client, source, second.wrapping_sub(age))
    };
    let mut options = options::options(random, cookie);
    if random.percent(1) {
        let len = random.below(6);
        options.extend(random.octets(len));
    }
    let len = if random.percent(1) {
        random.pair() >> random.below(16)
    } else {
        options.len() as u16
    };
    body.extend(len.to_be_bytes());
    body.extend(options);
}

/// Changes octets that nobody would.
fn mutate(random: &mut Random, message: &mut Vec<u8>, last: &[u8]) {
    for _ in 0..=random.below(3) {
        let at = random.below(message.len());
        match random.below(6) {
            0..2 if at < message.len() => message[at] ^= 1 << random.below(8),
            2 if at < message.len() => message[at] = random.octet(),
            3 => message.truncate(at),
            4 => {
                let count = 1 + random.below(9);
                let more = random.octets(count);
                drop(message.splice(at..at, more));
            }
            5 if !last.is_empty() => {
                // As another one goes on.
                let from = random.below(last.len());
                message.truncate(at);
                message.extend(&last[from..]);
            }
            _ => message.push(0),
        }
    }
}
