//! EDNS options, good and bad.

use crate::random::Random;

pub(super) const NSID: u16 = 3;
pub(super) const SUBNET: u16 = 8;
pub(super) const COOKIE: u16 = 10;
pub(super) const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;

/// Ages of server cookies about those that matter (RFC 9018 section 4.3), seconds.
const AGES: [u32; 8] = [
    0,
    1,
    1799,
    1800,
    3600,
    3601,
    300_u32.wrapping_neg(),
    301_u32.wrapping_neg(),
];

/// Subnets of the groups, and others.
const SUBNETS_V4: [[u8; 4]; 6] = [
    [198, 51, 100, 7],
    [203, 0, 113, 200],
    [203, 0, 113, 130],
    [10, 200, 1, 1],
    [192, 0, 2, 70],
    [8, 8, 8, 8],
];
const SUBNETS_V6: [[u8; 6]; 4] = [
    [0x20, 1, 0x0d, 0xb8, 0, 0x0a],
    [0x20, 1, 0x0d, 0xb8, 0, 0x0b],
    [0x26, 1, 0, 0, 0, 0],
    [0x2a, 0, 1, 2, 3, 4],
];

/// The options of an OPT record; `cookie` makes server cookies, given the client
/// cookie as in [`dns_common::cookie::make`], the secret's number and an age.
pub(super) fn options(
    random: &mut Random,
    cookie: impl Fn(u64, usize, u32) -> (u64, u64),
) -> Vec<u8> {
    let count = match random.below(100) {
        0..30 => 0,
        30..60 => 1,
        60..80 => 2,
        80..98 => 3 + random.below(3),
        _ => 7 + random.below(4),
    };
    let mut options = Vec::new();
    for _ in 0..count {
        let (code, data) = match random.below(100) {
            0..35 => (COOKIE, cookies(random, &cookie)),
            35..60 => (SUBNET, subnet(random)),
            60..65 => (NSID, few(random, 8)),
            65..70 => (KEEPALIVE, few(random, 4)),
            70..80 => (PADDING, vec![0; random.below(200)]),
            80..85 => (random.pair() & 0x1f, few(random, 12)),
            _ => (random.pair(), few(random, 40)),
        };
        options.extend(code.to_be_bytes());
        options.extend((data.len() as u16).to_be_bytes());
        options.extend(data);
    }
    options
}

/// Nothing, in most cases.
fn few(random: &mut Random, max: usize) -> Vec<u8> {
    let count = if random.percent(60) {
        0
    } else {
        random.below(max + 1)
    };
    random.octets(count)
}

/// A COOKIE option: the client's alone, with a good one of ours, or with another.
fn cookies(random: &mut Random, make: &impl Fn(u64, usize, u32) -> (u64, u64)) -> Vec<u8> {
    let client = random.next();
    let mut data = client.to_le_bytes().to_vec();
    match random.below(10) {
        0..3 => {}
        3..7 => {
            let age = if random.percent(50) {
                *random.pick(&AGES)
            } else {
                random.next() as u32 % 4000
            };
            let (first, second) = make(client, random.below(2), age);
            data.extend(first.to_le_bytes());
            data.extend(second.to_le_bytes());
            if random.percent(15) {
                let at = random.below(data.len());
                data[at] ^= 1 << random.below(8);
            }
        }
        7 => data.extend(random.octets(16)),
        8 => {
            let count = random.below(34);
            data.extend(random.octets(count));
        }
        _ => data.truncate(random.below(9)),
    }
    data
}

/// A CLIENT-SUBNET option (RFC 7871 section 6), mostly as it should be.
fn subnet(random: &mut Random) -> Vec<u8> {
    let (family, mut address, most): (u16, Vec<u8>, usize) = if random.percent(60) {
        (1, random.pick(&SUBNETS_V4).to_vec(), 32)
    } else {
        let rest = random.octets(10);
        (2, [&random.pick(&SUBNETS_V6)[..], &rest].concat(), 128)
    };
    let bits = match random.below(10) {
        0 => 0,
        // As RFC 7871 section 11.1 asks for.
        1..5 if family == 1 => 24,
        1..5 => 56,
        5 => most,
        _ => random.below(most + 1),
    };
    address.truncate(bits.div_ceil(8));
    if bits % 8 != 0 && !random.percent(4) {
        let last = address.len() - 1;
        address[last] &= 0xff << (8 - bits % 8);
    }
    let mut data = family.to_be_bytes().to_vec();
    data.extend([bits as u8, 0]);
    data.extend(address);
    if random.percent(8) {
        let at = random.below(data.len());
        match random.below(3) {
            0 => data[at] = random.octet(),
            1 => data.truncate(at),
            _ => data.push(0),
        }
    }
    data
}
