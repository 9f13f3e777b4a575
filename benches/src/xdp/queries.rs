//! Queries of a family as frames.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use anyhow::{Context as _, Result};
use dns_common::{ask::HEADER, cookie, tables::Source};
use domain::base::{MessageBuilder, Name, ToName, iana::OptionCode};
use veer::clock::{self, Clock as _};

use super::{
    families::{Asked, Edns, Family, Over},
    route::{NEIGHBOUR_MAC, OUR_MAC},
    world::{ONE_ASKER, World},
};
use crate::{
    fixture::{PORT, SECRETS, SERVICE_ADDRESS, SERVICE_ADDRESS_V6},
    frame::{self, Path},
    random::Random,
};

/// The payload size that resolvers of today announce, octets.
const PAYLOAD: u16 = 1232;

/// A client cookie (RFC 7873).
const CLIENT_COOKIE: u64 = u64::from_le_bytes(*b"\x3a\x19\xc4\x0d\x92\x5e\x7b\xf1");

/// A resolver that nobody trusts.
const UNTRUSTED: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const RESOLVER_PORT: u16 = 40_000;

const MACS: [frame::Mac; 2] = [NEIGHBOUR_MAC, OUR_MAC];

/// The name of the hot query, in mixed case; below it what does not exist.
const HOT: &str = "wWw.bench.example.";
const APEX: &str = "bench.example.";
/// A zone cut there.
const CUT: &str = "sub.bench.example.";

/// Octets of labels that do not exist.
const LABEL: usize = 8;

/// Who asks, by each protocol, and for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
    pub(super) subnet_v4: Ipv4Addr,
    pub(super) subnet_v6: Ipv6Addr,
}

/// A name to ask for.
type Asking = Name<Vec<u8>>;

/// A query before it is carried.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) message: Vec<u8>,
    pub(super) resolver: IpAddr,
}

/// The query of `family` that is hot: the same at each call, but for the time in
/// its cookie.
pub(super) fn hot(family: &Family) -> Result<Query> {
    let mut always = Random::new(0, 0);
    let name = match family.asked {
        Asked::Steered => parsed(HOT)?,
        Asked::Only(name) => parsed(name)?,
        Asked::Absent(labels) => below(&parsed(APEX)?, labels, &mut always)?,
        Asked::Delegated => below(&parsed(CUT)?, 1, &mut always)?,
    };
    let mut asker = ONE_ASKER;
    if family.untrusted {
        asker.v4 = UNTRUSTED;
    }
    query(family, &name, &asker)
}

/// A query of `family` for any name in `world` and from anywhere there; letters
/// are in upper case at random.
pub(super) fn any(family: &Family, world: &World, random: &mut Random) -> Result<Query> {
    let name = match family.asked {
        Asked::Steered => owned(world.name(random))?,
        Asked::Only(name) => parsed(name)?,
        Asked::Absent(labels) => below(&owned(world.apex(random))?, labels, random)?,
        Asked::Delegated => below(&parsed(CUT)?, 1, random)?,
    };
    let mut query = query(family, &name, &world.asker(random))?;
    let mut upper = random.next();
    // Lengths of labels are no letters.
    for octet in &mut query.message[HEADER..HEADER + name.len()] {
        upper = upper.rotate_left(1);
        if upper & 1 != 0 {
            octet.make_ascii_uppercase();
        }
    }
    Ok(query)
}

/// The query of `family` for `name`.
fn query(family: &Family, name: &Asking, asker: &Asker) -> Result<Query> {
    let resolver = match family.over {
        Over::V4 => IpAddr::V4(asker.v4),
        Over::V6 => IpAddr::V6(asker.v6),
    };
    Ok(Query {
        message: message(family, name, resolver, asker)?,
        resolver,
    })
}

impl Query {
    /// The frame that carries it, with so many VLAN tags.
    pub(super) fn frame(&self, tags: usize) -> Vec<u8> {
        let macs = MACS;
        let frame = match self.resolver {
            IpAddr::V4(resolver) => {
                let addresses = [
                    SocketAddrV4::new(resolver, RESOLVER_PORT),
                    SocketAddrV4::new(SERVICE_ADDRESS, PORT),
                ];
                frame::of(Path { macs, addresses }, &self.message)
            }
            IpAddr::V6(resolver) => {
                let addresses = [
                    SocketAddrV6::new(resolver, RESOLVER_PORT, 0, 0),
                    SocketAddrV6::new(SERVICE_ADDRESS_V6, PORT, 0, 0),
                ];
                frame::of_v6(Path { macs, addresses }, &self.message)
            }
        };
        tagged(frame, tags)
    }
}

/// `frame` with VLAN tags (IEEE 802.1Q) behind its addresses.
fn tagged(mut frame: Vec<u8>, tags: usize) -> Vec<u8> {
    const ADDRESSES: usize = 12;
    for vlan in (0..tags).rev() {
        let tag = [0x81, 0, 0, vlan as u8 + 1];
        frame.splice(ADDRESSES..ADDRESSES, tag);
    }
    frame
}

fn message(family: &Family, name: &Asking, resolver: IpAddr, asker: &Asker) -> Result<Vec<u8>> {
    let mut query = MessageBuilder::new_vec().question();
    query.header_mut().set_id(0x1234);
    query.header_mut().set_rd(true);
    query.push((name, family.rtype)).context("a question")?;
    let mut query = query.additional();
    if family.edns != Edns::Absent {
        let opt = query.opt(|opt| {
            opt.set_udp_payload_size(PAYLOAD);
            opt.set_dnssec_ok(matches!(
                family.edns,
                Edns::DnssecOk | Edns::ClientCookie | Edns::OurCookie(_)
            ));
            match option(family.edns, resolver, asker) {
                None => Ok(()),
                Some((code, octets)) => opt.push_raw_option(code, octets.len() as u16, |target| {
                    target.extend(octets);
                    Ok(())
                }),
            }
        });
        opt.context("an OPT record")?;
    }
    Ok(query.finish())
}

/// The option that `edns` has: its code and octets.
fn option(edns: Edns, resolver: IpAddr, asker: &Asker) -> Option<(OptionCode, Vec<u8>)> {
    let client = CLIENT_COOKIE.to_le_bytes();
    Some(match edns {
        Edns::Absent | Edns::Plain | Edns::DnssecOk => return None,
        Edns::ClientCookie => (OptionCode::COOKIE, client.to_vec()),
        Edns::OurCookie(secret) => {
            const SECOND_NS: u64 = 1_000_000_000;
            let now_ns = clock::BootClock.now_ns().wrapping_add(clock::offset_ns());
            let now_s = (now_ns / SECOND_NS) as u32;
            let source = Source::from(resolver);
            let (high, low) = cookie::make(SECRETS[secret], CLIENT_COOKIE, source, now_s);
            let octets = [client, high.to_le_bytes(), low.to_le_bytes()].concat();
            (OptionCode::COOKIE, octets)
        }
        Edns::SubnetV4 => subnet(1, 24, &asker.subnet_v4.octets()),
        Edns::SubnetV6 => subnet(2, 56, &asker.subnet_v6.octets()),
    })
}

/// A client subnet (RFC 7871 section 6): the first `len` bits of `address`, a
/// whole number of octets.
fn subnet(family: u8, len: u8, address: &[u8]) -> (OptionCode, Vec<u8>) {
    let octets = &address[..usize::from(len / 8)];
    (
        OptionCode::CLIENT_SUBNET,
        [&[0, family, len, 0], octets].concat(),
    )
}

fn parsed(name: &str) -> Result<Asking> {
    name.parse().with_context(|| name.to_owned())
}

fn owned(name: &impl ToName) -> Result<Asking> {
    name.try_to_name().context("a copy of a name")
}

/// A name that many labels below `above`, of random letters.
fn below(above: &Asking, labels: usize, random: &mut Random) -> Result<Asking> {
    let mut octets = Vec::with_capacity(labels * (1 + LABEL) + above.len());
    for _ in 0..labels {
        octets.push(LABEL as u8);
        octets.extend((0..LABEL).map(|_| b'a' + random.below(26) as u8));
    }
    octets.extend(above.as_slice());
    Name::from_octets(octets).context("a name below another")
}
