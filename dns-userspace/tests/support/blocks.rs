//! Blocks of resolvers' addresses, as client subnets of one resolver.

use std::net::{IpAddr, Ipv4Addr};

use dns_common::{
    decision::{SLOTS, slot},
    tables::Source,
};
use domain::base::{Message, Rtype};
use xtask::lab::dns::Reply;

use super::{
    query::{CLIENT_SUBNET, Edns, query},
    world::{Family, Resolver, World},
};

/// One /24 block in each slot.
pub(crate) fn blocks() -> Vec<Ipv4Addr> {
    let mut blocks = vec![None; SLOTS];
    for number in 0..1_u32 << 16 {
        // In turns from the lower and the upper half of 30.0.0.0/8.
        let address = Ipv4Addr::from(0x1e00_0000 | number.reverse_bits() >> 8 & 0x00ff_ff00);
        blocks[slot(Source::V4(address.into())) as usize].get_or_insert(address);
    }
    let blocks: Option<Vec<_>> = blocks.into_iter().collect();
    blocks.expect("65536 blocks are in every slot")
}

/// The server that each of [`blocks`] gets for `name`, by the end of its address.
#[track_caller]
pub(crate) fn servers(world: &World, name: &str) -> Vec<u8> {
    let client = world.client(Resolver::A, Family::V4);
    let server = |block: &Ipv4Addr| {
        let [a, b, c, _] = block.octets();
        let subnet = [0, 1, 24, 0, a, b, c];
        let edns = Edns::new().with(CLIENT_SUBNET, &subnet);
        let reply = client.exchange(&query(1, 0, name, Rtype::A, Some(&edns)));
        let reply = reply.expect("a reply");
        let reply = Reply(Message::from_octets(reply).expect("a message"));
        match reply.addresses().expect("addresses")[..] {
            [IpAddr::V4(address)] => address.octets()[3],
            ref addresses => panic!("{block}: {addresses:?}"),
        }
    };
    blocks().iter().map(server).collect()
}

/// How many of `servers` are each of the first three.
pub(crate) fn counts(servers: &[u8]) -> [usize; 3] {
    let mut counts = [0; 3];
    for server in servers {
        counts[usize::from(server - 1)] += 1;
    }
    counts
}

/// Who moved from where to where.
pub(crate) fn moves(before: &[u8], now: &[u8]) -> Vec<(u8, u8)> {
    let pairs = before.iter().copied().zip(now.iter().copied());
    pairs.filter(|(before, now)| before != now).collect()
}
