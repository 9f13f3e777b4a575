//! Frames around messages: as clients send them, and as nobody should.

use std::net::IpAddr;

use dns_common::tables::Source;

use super::{
    query,
    wire::{self, ETHERNET, IPV4, IPV6, UDP_HEADER},
    world::World,
};
use crate::random::Random;

/// Longest frame that a test run takes: a page without what the kernel keeps
/// before and behind it, octets.
pub(super) const FRAME_MAX: usize = 4096 - 256 - 320;

/// Resolvers in each group and in none, trusted ones among them.
const RESOLVERS: [&str; 16] = [
    "198.51.100.7",
    "203.0.113.7",
    "203.0.113.130",
    "203.0.113.200",
    "10.1.2.3",
    "10.200.2.3",
    "192.0.2.70",
    "192.0.2.130",
    "8.8.8.8",
    "2001:db8:a::1",
    "2001:db8:b::1",
    "2001:db8:b:8000::1",
    "2001:db8:b:1::1",
    "2001:db8:c::1",
    "2601::1",
    "2a00:1450::1",
];

/// Where no reply goes.
const NOBODY: [&str; 9] = [
    "0.0.0.0",
    "127.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "198.51.100.53",
    "::",
    "::1",
    "ff02::1",
    "2001:db8::53",
];

/// Writes the next frame into `frame`; `last` is the message of the one before.
pub(super) fn frame(
    random: &mut Random,
    world: &World,
    second: u32,
    last: &mut Vec<u8>,
    frame: &mut Vec<u8>,
) {
    let source = if random.percent(1) {
        *random.pick(&NOBODY)
    } else {
        *random.pick(&RESOLVERS)
    };
    let source: IpAddr = source.parse().expect("an address");
    let ours = world.addresses.iter().copied();
    let ours = ours.filter(|ours| ours.is_ipv4() == source.is_ipv4());
    let destination = *random.pick(&ours.collect::<Vec<_>>());
    let message = query::message(random, world, Source::from(source), second, last);
    write(random, world, [source, destination], &message, frame);
    if random.permille(40) {
        harm(random, frame);
    }
    frame.truncate(FRAME_MAX);
    if frame.len() < ETHERNET {
        frame.resize(ETHERNET, 0);
    }
    *last = message;
}

fn write(
    random: &mut Random,
    world: &World,
    addresses: [IpAddr; 2],
    message: &[u8],
    frame: &mut Vec<u8>,
) {
    frame.clear();
    frame.extend([2, 0, 0, 0, 0, 0x5e, 2, 0, 0, 0, 0, 0xc1]);
    for _ in 0..[0, 0, 0, 0, 0, 1, 1, 2][random.below(8)] {
        frame.extend(random.pick(&[[0x81, 0], [0x88, 0xa8]]));
        frame.extend(random.octets(2));
    }
    let source_port = if random.permille(2) {
        0
    } else {
        random.pair() | 1
    };
    let port = if random.permille(5) {
        random.pair()
    } else {
        world.port
    };
    let len = (UDP_HEADER + message.len()) as u16;
    let mut udp = Vec::with_capacity(UDP_HEADER + message.len());
    for number in [source_port, port, len, 0] {
        udp.extend(number.to_be_bytes());
    }
    udp.extend(message);
    let [source, destination] = addresses.map(wire::octets);
    let with_sum = !random.percent(10);
    if with_sum {
        let sum = wire::udp_checksum(&source, &destination, &udp);
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
    }
    if source.len() == 4 {
        frame.extend([8, 0]);
        let at = frame.len();
        frame.extend([0x45, random.octet()]);
        frame.extend((IPV4 as u16 + len).to_be_bytes());
        frame.extend(random.octets(2));
        frame.extend([[0, 0], [0x40, 0]][random.below(2)]);
        frame.extend([random.octet(), wire::UDP, 0, 0]);
        frame.extend([source, destination].concat());
        let sum = wire::checksum(&frame[at..]);
        frame[at + 10..at + 12].copy_from_slice(&sum.to_be_bytes());
    } else {
        frame.extend([0x86, 0xdd]);
        frame.extend([0x60 | random.octet() & 0xf]);
        frame.extend(random.octets(3));
        frame.extend(len.to_be_bytes());
        frame.extend([wire::UDP, random.octet()]);
        frame.extend([source, destination].concat());
    }
    frame.extend(udp);
    // Short frames are padded, and some drivers leave a checksum behind.
    if random.percent(60) {
        frame.resize(frame.len().max(60), 0);
    } else if random.percent(20) {
        let count = random.below(64);
        let more = random.octets(count);
        frame.extend(more);
    }
}

/// Something of the headers, or of the frame's length, is no more as it was.
fn harm(random: &mut Random, frame: &mut Vec<u8>) {
    let network = ETHERNET + random.below(3) * 4;
    let headers = (network + IPV6 + UDP_HEADER).min(frame.len());
    match random.below(8) {
        0 => frame[0] |= 1,
        1 => frame[6] |= 1,
        2 => frame.truncate(random.below(frame.len())),
        3 if random.percent(30) => frame[12..14].copy_from_slice(&random.pair().to_be_bytes()),
        // Options in IPv4 or a fragment, extension headers in IPv6, another protocol.
        3 => {
            let (at, octet) = *random.pick(&[
                (ETHERNET, 0x46),
                (ETHERNET + 6, 0x20),
                (ETHERNET + 6, 44),
                (ETHERNET + 6, 6),
                (ETHERNET + 9, 6),
            ]);
            frame[at] = octet;
        }
        // A field of the IP or UDP header: lengths, protocol, fragment, version.
        4..7 => {
            let at = ETHERNET + random.below(headers - ETHERNET);
            frame[at] = random.octet();
            if random.percent(70) && frame[12..14] == [8, 0] && frame.len() >= ETHERNET + IPV4 {
                // With a checksum that holds, so that it is this that is seen.
                let ip = &mut frame[ETHERNET..ETHERNET + IPV4];
                ip[10..12].fill(0);
                let sum = wire::checksum(ip);
                ip[10..12].copy_from_slice(&sum.to_be_bytes());
            }
        }
        _ => {
            let at = random.below(frame.len());
            frame[at] ^= 1 << random.below(8);
        }
    }
}
